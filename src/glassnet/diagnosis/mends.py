"""Changes of a model's copy that might mend it: each gives what is to be trained, and how its outputs are read."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.diagnosis.finding import Mend
from glassnet.diagnosis.remade import forward_of, has_units, in_line, remade, setting_defaults
from glassnet.diagnosis.trials import Trainable, untrained
from glassnet.kernels.functions import logistic
from glassnet.layers import Dense, Dropout, Layer, LeakyReLU, ReLU, Tanh
from glassnet.losses import BinaryCrossEntropy, Loss
from glassnet.network import Network, Sequential
from glassnet.optimizers import Adam, Chain, ClipByNorm, Optimizer
from glassnet.training import Rows

Read = Callable[[Array], Array]
DRAWN = ("weight_init", "activation", "hidden")
"""Mends whose weights are drawn anew; with the others the model's initial weights stay, as far as they fit."""


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
        case "class_weight" if mend and "class_weight" in model.loss.settings():
            loss = type(model.loss)(**(model.loss.settings() | {"class_weight": mend.value}))
        case "positive_weight" if mend:
            weights = np.where(rows.targets[:, 0] > 0.5, mend.value, 1.0)
            learned = replace(rows, weights=weights)
        case "loss" if mend:
            loss, read = BinaryCrossEntropy(), logistic
            network = _rebuilt(model.network, mend)
        case "":
            pass
        case _:
            assert mend is not None
            network = _rebuilt(model.network, mend)
            if network is None:
                return None
    try:
        copy = untrained(model, optimizer, network=network, loss=loss, drawn=mend is not None and mend.setting in DRAWN)
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


def _rebuilt(network: Network, mend: Mend) -> Network | None:
    """A network of new layers like these, with a change; None where it cannot be made of this one."""
    match mend.setting:
        case "weight_init":
            return _as_network(remade(network, _drawn_anew))
        case "activation":
            return _as_network(remade(network, partial(_activated, name=mend.value, last=_last(network))))
        case "hidden":
            added = [own for units in mend.value for own in (Dense(units, weight_init="glorot_normal"), Tanh())]
            last = [layer for _, layer in in_line(network) if has_units(layer)][-1]
            return _with(network, last, Sequential(*added, remade(last, _nothing)))
        case "units":
            path, units = mend.value
            return _with(network, dict(in_line(network))[path], {"units": units})
        case _:  # without the last activation
            return _with(network, in_line(network)[-1][1], Dropout(0.0))


def _with(network: Network, layer: Layer, change: Layer | dict[str, Any]) -> Network | None:
    """A network like this one, with something else in the place of one of its layers."""
    return _as_network(remade(network, lambda own: change if own is layer else {}))


def _as_network(layer: Layer) -> Network | None:
    return layer if isinstance(layer, Network) else None


def _nothing(_: Layer) -> dict[str, Any]:
    return {}


def _drawn_anew(layer: Layer) -> dict[str, Any]:
    return default_inits(layer)


def _activated(layer: Layer, *, name: str, last: Layer | None) -> Layer | dict[str, Any]:
    """ReLU in place of what is flat at its ends, with weights drawn for it; or a slope in place of a ReLU's zero."""
    kernel = forward_of(layer)
    if name == "leaky_relu":
        return LeakyReLU() if kernel is not None and kernel.least == 0 else {}
    if kernel is not None and kernel.saturates is not None and layer is not last:
        return ReLU()
    return default_inits(layer)


def _last(network: Network) -> Layer | None:
    """The layer that gives the outputs."""
    return [None, *(layer for _, layer in network.walk() if not layer.is_network)][-1]


def default_inits(layer: Layer) -> dict[str, Any]:
    """The settings of initial values as they are where nobody says anything."""
    known = setting_defaults(type(layer))
    return {name: known[name] for name in ("weight_init", "bias_init") if name in known}


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
