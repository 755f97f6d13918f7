"""Rows of different length in training: batches of similar length, and what a batch must have."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.randomness import generator
from glassnet.core.shapes import Array
from glassnet.network import Network, fewest_steps
from glassnet.runners import NumpyRunner
from glassnet.runners.own import is_own, place_of
from glassnet.training.agreement import close
from glassnet.training.batches import Rows
from glassnet.training.parts import is_python

SPREAD = 0.1
"""By such a share lengths are blurred, so that rows do not meet the same others in each epoch."""


def orders_by_length(
    lengths: Array, sizes: tuple[int, int, int], first: int, count: int, *, seed: int, shuffle: bool
) -> Array:
    """Such orders of some epochs, one after another (count, N); see ``order_by_length``."""
    return np.stack(
        [order_by_length(lengths, sizes, seed=seed, epoch=first + i, shuffle=shuffle) for i in range(count)]
    )


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


def require_padding_unseen(network: Network, x: Array, lengths: Array) -> None:
    """Refuses layers of the user's own that say they take rows of different length, and look at padding.

    Each is called twice, with other numbers in the padding: what it gives for the rows' own steps must be the same, and
    ∂L/∂x of padding 0.

    Args:
        network: built; a copy is used.
        x: some rows (N, T, ...).
        lengths: theirs (N,).

    Raises:
        ConfigurationError: such a layer.
    """
    with np.errstate(all="ignore"):
        run = _Watching(step=0)
        run.lengths = lengths
        run.forward(network.copy(), x, training=True)


class _Watching(NumpyRunner):
    """Looks at what the user's layers make of padding."""

    def _forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        before = self.lengths
        if before is None or layer.is_network or not (is_own(layer) or is_python(layer)):
            return super()._forward(layer, x, training=training)
        is_padding = np.arange(x.shape[1]) >= before[:, np.newaxis]
        if is_padding.any() and not np.any(layer.indices_below()):
            self._compare(layer, x, is_padding)
        return super()._forward(layer, x, training=training)

    def _compare(self, layer: Any, x: Array, is_padding: Array) -> None:
        lengths = self.lengths
        assert lengths is not None
        rng, found = np.random.default_rng(0), []
        for _ in range(2):
            other = x.copy()
            other[is_padding] = rng.normal(size=other[is_padding].shape)
            y, cache = super()._forward(layer, other, training=True)
            after = layer.steps_after(self, lengths)
            dy = np.ones_like(y)
            if after is not None:
                behind = np.arange(y.shape[1]) >= after[:, np.newaxis]
                y = np.where(_beside(behind, y), 0, y)
                dy = np.where(_beside(behind, y), 0, dy)
            found.append((y, self.backward(layer, dy, cache)))
        (one, _), (other, dx) = found
        if not close(one, other):
            raise _sees_padding(layer, "other numbers for a row's own steps where other numbers stand in its padding")
        if dx[is_padding].any():
            raise _sees_padding(layer, "a gradient by padding that is not 0")


def _beside(steps: Array, values: Array) -> Array:
    """(N, T) as (N, T, 1, ...) beside values (N, T, ...)."""
    return steps.reshape(*steps.shape, *[1] * (values.ndim - 2))


def _sees_padding(layer: Any, received: str) -> ConfigurationError:
    return ConfigurationError(
        where=place_of(layer),
        received=received,
        expected=f"what with_lengths={layer.with_lengths!r} says: a padded row gives what the row gives alone",
        fix="look at run.lengths where several steps are put together, and write 0 for dx behind a row's end; or leave "
        "with_lengths out, so that rows of different length are refused",
    )


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
