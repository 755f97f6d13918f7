"""What can be told at the end of a training, by a single look and from the curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from glassnet.core.randomness import generator
from glassnet.core.shapes import Array
from glassnet.diagnosis.baseline import baseline_loss
from glassnet.diagnosis.curves import overfitting, underfitting
from glassnet.diagnosis.data import class_imbalance, nothing_to_learn, unscaled_inputs
from glassnet.diagnosis.finding import Finding
from glassnet.diagnosis.signals import look, signals
from glassnet.diagnosis.symmetry import equal_units
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.training import History, Rows

ROWS, IMAGES = 256, 32
"""Rows that are looked at, and images."""


class Known(Protocol):
    """What is asked of a model here; see ``gn.Model``."""

    network: Network
    loss: Loss
    seed: int
    feature_names: tuple[str, ...] | None
    target_name: str | None
    class_names: tuple[str, ...] | None


def hints(model: Known, rows: Rows, history: History | None) -> list[Finding]:
    """The findings that need no further training.

    Args:
        model: built; its seed chooses the rows that are looked at, and dropout's mask.
        rows: those it was trained on, as the network gets them.
        history: of its training, or None.
    """
    network, loss, seed = model.network, model.loss, model.seed
    names = model.feature_names if rows.x.shape[1:] == (len(model.feature_names or ()),) else None
    (outputs,) = network.output_shape or (0,) if len(network.output_shape or ()) == 1 else (0,)
    found = [
        *nothing_to_learn(loss, rows.asked, model.class_names, model.target_name),
        *unscaled_inputs(*_amounts(network, rows.x, names)),
        *class_imbalance(loss, rows.targets, outputs, model.class_names),
        *equal_units(network),
        *signals(look(network, loss, some(rows, seed=seed), seed=seed), network),
    ]
    if history is not None and len(history):
        baseline = baseline_loss(loss, rows.targets, outputs) if outputs else None
        if baseline is not None and loss.reduction == "sum":
            baseline *= len(rows)
        found += [*overfitting(history), *underfitting(history, baseline)]
    return found


def _amounts(network: Network, x: Array, names: Sequence[str] | None) -> tuple[Array, Sequence[str] | None]:
    """The inputs without what is looked up, whose size says nothing; columns (N, D) with their names."""
    if not network.demands:
        return x, names
    amounts = np.flatnonzero(network.demands.are_amounts).tolist()
    return x.reshape(len(x), -1)[:, amounts], [names[i] if names else f"column {i}" for i in amounts]


def some(rows: Rows, *, seed: int) -> Rows:
    """Rows to look at, chosen at random where there are more than that takes."""
    most = IMAGES if rows.x.ndim > 2 else ROWS
    return rows if len(rows) <= most else rows.take(generator(seed, "diagnosis").permutation(len(rows))[:most])
