"""The model of a setting."""

from __future__ import annotations

from glassnet.layers import ACTIVATIONS as LAYERS
from glassnet.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, Reshape
from glassnet.model import Model
from glassnet.network import Sequential
from glassnet.optimizers import L1, L2, OPTIMIZERS, SGD, Chain, Optimizer, Step
from glassnet.playground.examples import Examples
from glassnet.playground.settings import Setting
from glassnet.preprocessing import Standardize

MOMENTUM = 0.9
IMAGE = 8, 8
"""Height and width of the pictures."""


def model_of(setting: Setting, examples: Examples) -> Model:
    """The untrained model, built for the rows.

    Args:
        setting: its layers, activation, optimizer, penalties and seed.
        examples: what it is to learn.
    """
    init = "he_normal" if "relu" in setting.activation else "glorot_normal"
    layers: list[Layer] = []
    if filters_of(setting, examples):
        convolution = Conv2D(setting.filters, setting.kernel_size, padding="same", weight_init=init)
        pooling = [MaxPool2D(2)] if setting.pooling else []
        layers += [Reshape((1, *IMAGE)), convolution, *_bent(setting), *pooling, Flatten()]
    for units in setting.hidden:
        layers += [Dense(units, weight_init=init), *_bent(setting)]
        if setting.dropout:
            layers.append(Dropout(setting.dropout))
    layers.append(Dense(examples.outputs, weight_init="glorot_normal"))
    model = Model(Sequential(*layers), examples.loss, optimizer_of(setting), seed=setting.seed, threads=1)
    model.preprocessing = examples.preprocessing()
    if examples.task == "numbers" and examples.table is not None:
        model.target_scaling = Standardize.from_data(examples.targets(examples.train))
    model.feature_names, model.class_names = examples.train.feature_names, examples.train.class_names
    model.network.build((examples.inputs,), seed=setting.seed)
    return model


def filters_of(setting: Setting, examples: Examples) -> int:
    """How many filters the convolution has; 0 where there is none."""
    return setting.filters if examples.is_image else 0


def _bent(setting: Setting) -> list[Layer]:
    """What comes between a layer's sums and its outputs."""
    normalised: list[Layer] = [BatchNorm()] if setting.batch_norm else []
    return normalised if setting.activation == "linear" else [*normalised, LAYERS[setting.activation]()]


def optimizer_of(setting: Setting) -> Optimizer:
    """The update rule, with the penalties before it."""
    rate = setting.learning_rate
    rule: Optimizer
    if setting.optimizer in ("momentum", "nesterov"):
        rule = SGD(rate, momentum=MOMENTUM, nesterov=setting.optimizer == "nesterov")
    else:
        rule = OPTIMIZERS[setting.optimizer](rate)
    return _penalized(rule, setting)


def retune(model: Model, setting: Setting) -> None:
    """Gives a model the rate and the penalties of a setting; the rule keeps what it remembers."""
    rule = model.optimizer.rule if isinstance(model.optimizer, Chain) else model.optimizer
    rule.learning_rate = setting.learning_rate
    made = _penalized(rule, setting)
    if repr(made) != repr(model.optimizer):
        model.optimizer = made


def _penalized(rule: Optimizer, setting: Setting) -> Optimizer:
    strengths = ((L1, setting.l1), (L2, setting.l2))
    penalties: list[Step] = [penalty(strength) for penalty, strength in strengths if strength]
    return Chain(*penalties, rule) if penalties else rule
