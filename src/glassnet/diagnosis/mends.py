"""Changes of a model's copy that might mend it: each gives what is to be trained, and how its outputs are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.diagnosis.finding import Mend
from glassnet.diagnosis.trials import Trainable
from glassnet.kernels.functions import logistic
from glassnet.layers import Dense, Layer, LeakyReLU, ReLU, Sigmoid, Tanh
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, Loss
from glassnet.network import Network, Sequential
from glassnet.optimizers import Adam, Chain, ClipByNorm, Optimizer
from glassnet.training import Rows

Read = Callable[[Array], Array]


@dataclass(frozen=True)
class Changed:
    """What is trained in place of a model.

    Attributes:
        model: a fresh copy with the change.
        rows: what it is trained on.
        held: what it is measured on, as the copy takes x.
        read: its outputs -> what the model itself would have put out, so that the model's own loss can measure both.
    """

    model: Trainable
    rows: Rows
    held: Array
    read: Read


def changed(
    model: Trainable, mend: Mend | None, rows: Rows, held: Rows, *, rate: float | None = None
) -> Changed | None:
    """A fresh copy with that change, or without any; None where it cannot be made of this network.

    Args:
        model: stays as it is.
        mend: the change.
        rows: to train on.
        held: to measure on.
        rate: in place of the model's own, or None.
    """
    optimizer = deepcopy(model.optimizer)
    optimizer.reset()
    if rate is not None:
        optimizer.learning_rate = rate
    network: Network | None = None
    loss: Loss | None = None
    learned, x = rows, held.x
    read: Read = _as_it_is
    match mend.setting if mend else "":
        case "learning_rate" if mend:
            optimizer.learning_rate = mend.value
        case "optimizer":
            optimizer = Adam()
        case "penalties":
            optimizer = without_penalties(optimizer)
        case "clip" if mend:
            steps = optimizer.steps_in_order if isinstance(optimizer, Chain) else (optimizer,)
            optimizer = Chain(ClipByNorm(mend.value), *steps)
        case "preprocessing":
            learned, x = _scaled_inputs(rows, held)
        case "target_scaling":
            learned, read = _scaled_targets(rows)
        case "class_weight" if mend and isinstance(model.loss, CrossEntropy):
            loss = CrossEntropy(**(model.loss.settings() | {"class_weight": mend.value}))
        case "positive_weight" if mend:
            weights = np.where(rows.targets[:, 0] > 0.5, mend.value, 1.0)
            learned = replace(rows, weights=weights)
        case "loss":
            loss, read = BinaryCrossEntropy(), logistic
            network = rebuilt(model.network, lambda layers: layers[:-1])
        case "":
            pass
        case _:
            assert mend is not None
            network = rebuilt(model.network, lambda layers: _with(layers, mend))
            if network is None:
                return None
    try:
        copy = model.untrained(optimizer, network=network, loss=loss)
    except ValueError:  # parts that do not go together
        return None
    return Changed(copy, learned, x, read)


def advice(mend: Mend) -> str:
    """What to write to make that change."""
    match mend.setting:
        case "preprocessing":
            return (
                "model.preprocessing = gn.Standardize.from_data(x), which is stored with the model; or divide x by hand"
            )
        case "target_scaling":
            return "model.target_scaling = gn.Standardize.from_data(y): answers stay in the targets' own unit"
        case "weight_init":
            return "initial weights drawn at random by the layers' own rule: leave weight_init and bias_init out"
        case "activation" if mend.value == "leaky_relu":
            return "gn.LeakyReLU() in place of gn.ReLU()"
        case "activation":
            return "gn.ReLU() in place of sigmoid or tanh between the layers, with weight_init left out"
        case "hidden":
            return f"a hidden layer that bends: gn.Dense({mend.value[0]}), gn.Tanh() before the last layer"
        case "units":
            return f"more units in layer {mend.value[0]}: gn.Dense({mend.value[1]})"
        case "last_activation":
            return "leave the last activation out, so that outputs can be any number"
        case "loss":
            return 'loss="binary_cross_entropy", and leave the sigmoid at the end out'
        case "class_weight":
            weights = ", ".join(f"{weight:.3g}" for weight in mend.value)
            return f'gn.losses.CrossEntropy(class_weight=[{weights}]), metrics=["f1", "roc_auc"] beside accuracy'
        case "positive_weight":
            return f"model.fit(..., sample_weight=np.where(y == 1, {mend.value:.3g}, 1)), and recall beside accuracy"
        case "penalties":
            return "smaller penalties, such as gn.L2(1e-4), or none"
        case "clip":
            return f"gn.Chain(gn.ClipByNorm({mend.value:g}), optimizer)"
        case _:
            return mend.words


def rebuilt(network: Network, change: Callable[[list[Layer]], list[Layer]]) -> Network | None:
    """A network of new layers like these, changed; None for others than layers one after another."""
    if not isinstance(network, Sequential):
        return None
    layers = [anew(layer) for layer in network]
    if any(layer is None for layer in layers):
        return None
    return Sequential(*change([layer for layer in layers if layer is not None]))


def anew(layer: Layer, **settings: Any) -> Layer | None:
    """A new layer with these settings in place of its own; None where layers stand inside."""
    if isinstance(layer, Sequential):
        inside = [anew(own) for own in layer]
        return None if None in inside else Sequential(*[own for own in inside if own is not None])
    if list(layer.children()):
        return None
    made: Layer = type(layer)(**(layer.settings() | settings))
    return made


def _with(layers: list[Layer], mend: Mend) -> list[Layer]:
    """The layers with a change that concerns them."""
    match mend.setting:
        case "hidden":
            added = [own for units in mend.value for own in (Dense(units, weight_init="glorot_normal"), Tanh())]
            last = max(place for place, layer in enumerate(layers) if isinstance(layer, Dense))
            return [*layers[:last], *added, *layers[last:]]
        case "units":
            place, units = mend.value
            return [*layers[:place], *_like(layers[place], units=units), *layers[place + 1 :]]
        case "last_activation":
            return layers[:-1]
        case "activation":
            new = {"relu": ReLU, "leaky_relu": LeakyReLU}[mend.value]
            old = ReLU if mend.value == "leaky_relu" else (Sigmoid, Tanh)
            layers = [new() if isinstance(layer, old) and layer is not layers[-1] else layer for layer in layers]
            return layers if mend.value == "leaky_relu" else _with(layers, Mend("weight_init", None, ""))
        case _:  # weight_init
            return [own for layer in layers for own in _like(layer, **default_inits(layer))]


def _like(layer: Layer, **settings: Any) -> Sequence[Layer]:
    made = anew(layer, **settings)
    assert made is not None
    return (made,)


def default_inits(layer: Layer) -> dict[str, Any]:
    """The settings of initial values as they are where nobody says anything."""
    if isinstance(layer, Sequential) or not hasattr(layer, "weight_init"):
        return {}
    known = signature(type(layer)).parameters
    return {name: known[name].default for name in ("weight_init", "bias_init") if name in known}


def without_penalties(optimizer: Optimizer) -> Optimizer:
    """The update rule alone, without decay of its own."""
    rule = deepcopy(optimizer.rule if isinstance(optimizer, Chain) else optimizer)
    if "weight_decay" in rule.settings():
        rule = type(rule)(**(rule.settings() | {"weight_decay": 0.0}))
    return rule


def _as_it_is(outputs: Array) -> Array:
    return outputs


def _scaled_inputs(rows: Rows, held: Rows) -> tuple[Rows, Array]:
    axis = tuple(range(rows.x.ndim - 1)) if rows.x.ndim == 2 else None
    x = rows.x.astype(np.float64)
    mean, spread = x.mean(axis=axis), x.std(axis=axis)
    spread = np.where(spread > 0, spread, 1.0)

    def scale(values: Array) -> Array:
        return np.ascontiguousarray(((values - mean) / spread).astype(rows.x.dtype))

    return replace(rows, x=scale(rows.x)), scale(held.x)


def _scaled_targets(rows: Rows) -> tuple[Rows, Read]:
    targets = rows.targets.astype(np.float64)
    mean, spread = targets.mean(axis=0), targets.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = ((targets - mean) / spread).astype(rows.targets.dtype)

    def read(outputs: Array) -> Array:
        return np.asarray(outputs * spread + mean, rows.targets.dtype)

    return replace(rows, targets=scaled, originals=None), read
