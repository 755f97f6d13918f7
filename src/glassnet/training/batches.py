"""Which rows go where: the order of an epoch, its batches, and the split into training and validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassnet.errors import ConfigurationError
from glassnet.randomness import generator
from glassnet.shapes import Array


def epoch_order(rows: int, *, seed: int, epoch: int, shuffle: bool) -> Array | None:
    """The order of the rows in an epoch: a function of (seed, epoch); None for their natural order."""
    return generator(seed, "shuffle", epoch).permutation(rows) if shuffle else None


def batches(rows: int, batch_size: int, order: Array | None) -> Iterator[Array | slice]:
    """The rows of each batch, the last one as short as it comes."""
    for start in range(0, rows, batch_size):
        yield slice(start, start + batch_size) if order is None else order[start : start + batch_size]


def validation_rows(rows: int, share: float, labels: Array | None, *, seed: int) -> tuple[Array, Array]:
    """Splits row numbers at random into (training, validation).

    With labels (N,) each class gives the same share, as nearly as whole rows allow.

    Raises:
        ConfigurationError: the share leaves one side without a row.
    """
    if not isinstance(share, int | float) or not 0 < share < 1 or not 1 <= round(rows * share) < rows:
        raise ConfigurationError(
            where="fit: validation_split",
            received=f"{share!r} of {rows} rows",
            expected="a share between 0 and 1 that leaves at least one row on each side",
            fix="write validation_split=0.2, or pass validation_data=(x, y)",
        )
    shuffled = generator(seed, "validation").permutation(rows)
    if labels is not None:
        # Rank every row within its class, in shuffled order, and cut where the ranks pass the share: the stable sort
        # by relative rank takes the same part of every class.
        ranks = np.empty(rows)
        for label in np.unique(labels):
            own = shuffled[labels[shuffled] == label]
            ranks[own] = (np.arange(len(own)) + 0.5) / len(own)
        shuffled = shuffled[np.argsort(ranks[shuffled], kind="stable")]
    count = round(rows * share)
    return np.sort(shuffled[count:]), np.sort(shuffled[:count])
