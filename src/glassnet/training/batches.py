"""Which rows go where: the order of an epoch, its batches, and the split into training and validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glassnet.errors import ConfigurationError
from glassnet.randomness import generator
from glassnet.shapes import Array
from glassnet.splits import held_out


@dataclass(frozen=True)
class Rows:
    """Checked data.

    Attributes:
        x: inputs (N, ...).
        targets: as the loss prepared them, standardised where the model says so: what is learned.
        weights: the rows' weights (N,) in metrics, float64, or None for 1 each.
        loss_weights: the same for the loss in the network's dtype, class weights included.
        originals: the targets of a regression in their own unit and in float64, for metrics; None where ``targets`` are
            just these.
    """

    x: Array
    targets: Array
    weights: Array | None = None
    loss_weights: Array | None = None
    originals: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Array | slice) -> Rows:
        """Some of the rows."""
        others = (None if own is None else own[rows] for own in (self.weights, self.loss_weights, self.originals))
        return Rows(self.x[rows], self.targets[rows], *others)


def epoch_order(rows: int, *, seed: int, epoch: int, shuffle: bool) -> Array | None:
    """The order of the rows in an epoch: a function of (seed, epoch); None for their natural order."""
    return generator(seed, "shuffle", epoch).permutation(rows) if shuffle else None


def batches(rows: int, batch_size: int, order: Array | None) -> Iterator[Array | slice]:
    """The rows of each batch, the last one as short as it comes."""
    for start in range(0, rows, batch_size):
        yield slice(start, start + batch_size) if order is None else order[start : start + batch_size]


def validation_rows(rows: int, share: float, labels: Array | None, *, seed: int) -> tuple[Array, Array]:
    """Splits row numbers at random into (training, validation); with labels (N,) of each class alike.

    Raises:
        ConfigurationError: the share leaves one side without a row.
    """
    in_range = isinstance(share, int | float) and 0 < share < 1
    mask = held_out(rows, share, labels, generator(seed, "validation")) if in_range else np.empty(0, bool)
    if not mask.any() or mask.all():
        raise ConfigurationError(
            where="fit: validation_split",
            received=f"{share!r} of {rows} rows",
            expected="a share between 0 and 1 that leaves at least one row on each side",
            fix="write validation_split=0.2, or pass validation_data=(x, y)",
        )
    return np.flatnonzero(~mask), np.flatnonzero(mask)
