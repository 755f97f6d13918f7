"""Which rows go where: the order of an epoch, its batches, and the split into training and validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.compile.permutation import permutations
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.randomness import generator
from glassnet.core.settings import is_real
from glassnet.core.shapes import Array
from glassnet.core.splits import held_out

FINGERPRINT_ROWS = 1000
"""The inputs of so many rows tell rows from others."""


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
        lengths: how many steps of x each row has (N,), int64; behind them x is 0. None where all rows are whole.
    """

    x: Array
    targets: Array
    weights: Array | None = None
    loss_weights: Array | None = None
    originals: Array | None = None
    lengths: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Array | slice) -> Rows:
        """Some of the rows."""
        beside = self.weights, self.loss_weights, self.originals, self.lengths
        others = (None if own is None else own[rows] for own in beside)
        return Rows(self.x[rows], self.targets[rows], *others)

    def first_steps(self, steps: int, after: int | None) -> Rows:
        """The same rows, none of which is longer, in arrays of fewer steps.

        Args:
            steps: of x.
            after: steps of the outputs, and of what there is for each of them; None where they have none.
        """

        def of_outputs(values: Array | None) -> Array | None:
            return values if values is None or after is None or values.ndim < 2 else values[:, :after]

        targets = of_outputs(self.targets)
        assert targets is not None
        others = of_outputs(self.weights), of_outputs(self.loss_weights), of_outputs(self.originals)
        return Rows(self.x[:, :steps], targets, *others, self.lengths)

    @property
    def asked(self) -> Array:
        """The targets in their own unit."""
        return self.targets if self.originals is None else self.originals

    def require_weight(self, *, where: str) -> Rows:
        """The same rows.

        Raises:
            DataError: the loss gives none of them a weight above 0, so that it would be 0 whatever the outputs.
        """
        if self.loss_weights is not None and not (self.loss_weights > 0).any():
            raise DataError(
                where=where,
                received=f"{len(self):,} rows with a weight of 0 each, the loss's class_weight included",
                expected="a row that counts",
                fix="look at sample_weight and class_weight, or choose other rows",
            )
        return self

    def fingerprint(self) -> int:
        """A number that other rows hardly have: of targets, weights and some of the inputs."""
        number = crc32(repr((self.x.shape, self.x.dtype, self.targets.shape)).encode())
        some = self.x[:: max(1, len(self) // FINGERPRINT_ROWS)]
        for array in (some, self.targets, self.weights, self.loss_weights, self.lengths):
            if array is not None:
                number = crc32(array.tobytes(), number)
        return number

    def checksums(self, most: int | None = None) -> dict[str, int]:
        """Numbers that other rows hardly have: of inputs, targets and weights, each by its name.

        Args:
            most: how many rows are looked at; None for all.
        """
        some = self if most is None or len(self) <= most else self.take(slice(None, None, -(-len(self) // most)))
        arrays = {
            "inputs": (some.x,) if some.lengths is None else (some.x, some.lengths),
            "targets": (some.targets, some.originals),
            "weights": (some.weights, some.loss_weights),
        }
        return {name: _checksum(*parts) for name, parts in arrays.items()}


def _checksum(*arrays: Array | None) -> int:
    """A number of the shapes, dtypes and bits of some arrays."""
    number = 0
    for array in arrays:
        number = crc32(repr(None if array is None else (array.shape, _name_of(array.dtype))).encode(), number)
        if array is not None:
            number = crc32(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"", number)
    return number


@lru_cache(maxsize=64)
def _name_of(dtype: np.dtype[Any]) -> str:
    return dtype.name


def epoch_order(rows: int, *, seed: int, epoch: int, shuffle: bool) -> Array | None:
    """The order of the rows in an epoch: a function of (seed, epoch); None for their natural order."""
    orders = epoch_orders(rows, seed=seed, first=epoch, count=1, shuffle=shuffle)
    return None if orders is None else orders[0]


def epoch_orders(rows: int, *, seed: int, first: int, count: int, shuffle: bool) -> Array | None:
    """The orders of the rows in some epochs, one after another (count, N)."""
    return permutations(count, rows, seed=seed, purpose="shuffle", first=first) if shuffle else None


def batch_sizes(rows: int, batch_size: int, *, joins_single: bool = False) -> tuple[int, int, int]:
    """How an epoch is cut: rows of a full batch, number of full batches, rows of the last one (0 for none).

    Args:
        rows: in the data.
        batch_size: rows of a full batch.
        joins_single: whether a last batch of a single row is joined to the one before, which batch normalisation asks
            for: one row has no variance.

    Example:
        >>> batch_sizes(10, 4), batch_sizes(9, 4), batch_sizes(9, 4, joins_single=True)
        ((4, 2, 2), (4, 2, 1), (4, 1, 5))
        >>> batch_sizes(5, 4, joins_single=True)
        (5, 1, 0)
    """
    full, rest = divmod(rows, batch_size)
    if joins_single and rest == 1 and full:
        full, rest = full - 1, batch_size + 1
    return (batch_size, full, rest) if full else (rest, 1, 0)


def batches(rows: int, batch_size: int, order: Array | None, *, joins_single: bool = False) -> Iterator[Array | slice]:
    """The rows of each batch, cut as ``batch_sizes`` says."""
    size, full, rest = batch_sizes(rows, batch_size, joins_single=joins_single)
    ends = [*range(0, size * full + 1, size), *([rows] if rest else [])]
    for start, stop in pairwise(ends):
        yield slice(start, stop) if order is None else order[start:stop]


def validation_rows(rows: int, share: float, labels: Array | None, *, seed: int) -> tuple[Array, Array]:
    """Splits row numbers at random into (training, validation); with labels (N,) of each class alike.

    Raises:
        ConfigurationError: the share leaves one side without a row.
    """
    in_range = is_real(share) and 0 < share < 1
    mask = held_out(rows, share, labels, generator(seed, "validation")) if in_range else np.empty(0, bool)
    if not mask.any() or mask.all():
        raise ConfigurationError(
            where="fit: validation_split",
            received=f"{shown(share)} of {rows} rows",
            expected="a share between 0 and 1 that leaves at least one row on each side",
            fix="write validation_split=0.2, or pass validation_data=(x, y)",
        )
    return np.flatnonzero(~mask), np.flatnonzero(mask)
