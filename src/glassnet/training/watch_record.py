"""What a ``Watch`` keeps of a step, and how many of these are written down in a few arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from glassnet.core.shapes import Array

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""The levels of the quantiles, from the smallest element to the largest."""
DISTRIBUTIONS = "activations", "deltas", "gradients"
SHARES = "update_ratios", "dead", "saturated"


@dataclass(frozen=True)
class Distribution:
    """What the numbers of one array were like, from a sample of its elements.

    Attributes:
        mean: their mean.
        std: their standard deviation.
        quantiles: at ``LEVELS`` (7,), float32: the smallest, 5 %, 25 %, 50 %, 75 %, 95 %, the largest.
    """

    mean: float
    std: float
    quantiles: Array

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return float(np.hypot(self.mean, self.std))


@dataclass(frozen=True)
class WatchRecord:
    """One step.

    Attributes:
        step: updates done before it, over the model's whole life.
        epoch: its epoch.
        loss: of its batch.
        activations: of each layer's output, by the layer's path.
        deltas: of δ = ∂L/∂output of each layer, by its path.
        gradients: of each trained parameter's gradient, by the parameter's path, as the update rule saw them.
        update_ratios: ‖Δθ‖ / ‖θ‖ of each trained parameter, NaN where θ is 0; about 1e-3 is usual.
        dead: of each ReLU the share of units (channels of images) that gave 0 for the whole batch.
        saturated: of each sigmoid and tanh the share of outputs at the ends of their range, where the slope is below a
            twenty-fifth of its largest value.
    """

    step: int
    epoch: int
    loss: float
    activations: dict[str, Distribution]
    deltas: dict[str, Distribution]
    gradients: dict[str, Distribution]
    update_ratios: dict[str, float]
    dead: dict[str, float]
    saturated: dict[str, float]


Paths = tuple[tuple[str, ...], ...]


def _paths(record: WatchRecord) -> Paths:
    """Of which arrays there is something in a record."""
    return tuple(tuple(getattr(record, name)) for name in DISTRIBUTIONS + SHARES)


def written_down(records: Sequence[WatchRecord]) -> list[list[Any]]:
    """Records as lists and arrays: a list for each stretch of records of the same arrays."""
    return [_stretch(paths, list(stretch)) for paths, stretch in groupby(records, _paths)]


def _stretch(paths: Paths, records: list[WatchRecord]) -> list[Any]:
    known = [[d for name in DISTRIBUTIONS for d in getattr(record, name).values()] for record in records]
    shares = [[share for name in SHARES for share in getattr(record, name).values()] for record in records]
    count = len(known[0])
    return [
        [list(own) for own in paths],
        [[record.step, record.epoch] for record in records],
        _plain(np.array([record.loss for record in records])),
        _plain(np.array([[(d.mean, d.std) for d in own] for own in known]).reshape(len(records), count, 2)),
        _plain(np.array([[d.quantiles for d in own] for own in known]).reshape(len(records), count, len(LEVELS))),
        _plain(np.array(shares).reshape(len(records), -1)),
    ]


def _plain(array: Array) -> Any:
    """The array, or the numbers of one that no file takes, since some are none."""
    return array if array.size and np.isfinite(array).all() else array.tolist()


def read_back(stretches: Sequence[Sequence[Any]]) -> list[WatchRecord]:
    """Undoes ``written_down``.

    Raises:
        ValueError, TypeError: they are something else.
    """
    return [record for stretch in stretches for record in _records(*stretch)]


def _records(paths: Any, places: Any, losses: Any, moments: Any, quantiles: Any, shares: Any) -> list[WatchRecord]:
    names = dict(zip(DISTRIBUTIONS + SHARES, paths, strict=True))
    count, known = len(places), [(name, path) for name in DISTRIBUTIONS for path in names[name]]
    others = [(name, path) for name in SHARES for path in names[name]]
    moments = np.array(moments, np.float64).reshape(count, len(known), 2)
    quantiles = np.array(quantiles, np.float32).reshape(count, len(known), len(LEVELS))
    shares = np.array(shares, np.float64).reshape(count, len(others))
    found = []
    for (step, epoch), loss, both, levels, own in zip(places, losses, moments, quantiles, shares, strict=True):
        fields: dict[str, dict[str, Any]] = {name: {} for name in names}
        for (name, path), (mean, std), level in zip(known, both, levels, strict=True):
            fields[name][path] = Distribution(float(mean), float(std), level)
        for (name, path), share in zip(others, own, strict=True):
            fields[name][path] = float(share)
        found.append(WatchRecord(int(step), int(epoch), float(loss), **fields))
    return found
