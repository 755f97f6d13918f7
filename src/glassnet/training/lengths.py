"""Rows of different length in training: batches of similar length, and what a batch must have."""

from __future__ import annotations

import numpy as np

from glassnet.core.errors import ShapeError
from glassnet.core.randomness import generator
from glassnet.core.shapes import Array
from glassnet.network import Network, fewest_steps
from glassnet.training.batches import Rows

SPREAD = 0.1
"""By such a share lengths are blurred, so that rows do not meet the same others in each epoch."""


def order_by_length(lengths: Array, sizes: tuple[int, int, int], *, seed: int, epoch: int, shuffle: bool) -> Array:
    """An order of the rows in which those of a batch are of similar length: a function of (seed, epoch).

    The batches come in a random order, and which of them is the one that is not full is drawn, too; it comes last.

    Args:
        lengths: of the rows (N,).
        sizes: how the order will be cut, as ``batch_sizes`` says.
        seed: keys the order,
        epoch: together with the number of the epoch.
        shuffle: False for the short rows first, in every epoch the same.

    Example:
        >>> lengths = np.array([9, 1, 8, 2])
        >>> order = order_by_length(lengths, (2, 2, 0), seed=0, epoch=1, shuffle=True)
        >>> sorted(sorted(lengths[batch].tolist()) for batch in order.reshape(2, 2))
        [[1, 2], [8, 9]]
    """
    if not shuffle:
        return np.argsort(lengths, kind="stable")
    size, full, rest = sizes
    rng = generator(seed, "by length", epoch)
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order] * rng.uniform(1 - SPREAD, 1 + SPREAD, len(order)), kind="stable")]
    start = size * int(rng.integers(full + 1)) if rest else 0
    short = order[start : start + rest]
    batches = np.concatenate([order[:start], order[start + rest :]]).reshape(full, size)
    return np.concatenate([batches[rng.permutation(full)].reshape(-1), short])


def require_several_steps(network: Network, rows: Rows, batch_rows: int, *, where: str) -> None:
    """Refuses batches of one row of which a single step reaches a layer that takes a variance over the batch.

    Args:
        network: built.
        rows: the data.
        batch_rows: rows of the smallest batch.
        where: for messages.

    Raises:
        ShapeError: there may be such batches.
    """
    if rows.lengths is None or batch_rows > 1:
        return
    fewest = fewest_steps(network, rows.lengths)
    if fewest is not None and fewest < 2:
        raise ShapeError(
            where=where,
            received="batches of one row, of which some have a single step where batch normalisation takes a variance",
            expected="at least 2 steps in a batch, of which to take the variance",
            fix="choose a larger batch_size",
        )
