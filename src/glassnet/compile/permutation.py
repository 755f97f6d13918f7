"""Rows in random order: NumPy's permutations, by the native module."""

from __future__ import annotations

from functools import cache

import numpy as np

from glassnet.compile.binding import native
from glassnet.core.randomness import generator, stream_id
from glassnet.core.shapes import Array

MOST_INDEX = 1 << 32
"""Indices below it are one word to NumPy's ``SeedSequence``, of which the native module changes the last."""


def permutation(rows: int, *, seed: int, purpose: str, index: int) -> Array:
    """What ``generator(seed, purpose, index).permutation(rows)`` gives, int64 (rows,), in a fraction of the time."""
    order: Array = permutations(1, rows, seed=seed, purpose=purpose, first=index)[0]
    return order


def permutations(count: int, rows: int, *, seed: int, purpose: str, first: int) -> Array:
    """The permutations of that index and of those after it, int64 (count, rows)."""
    module = native()
    if module is None or not 0 <= first <= MOST_INDEX - count or not _agrees():
        return np.stack([generator(seed, purpose, first + i).permutation(rows) for i in range(count)])
    orders: Array = np.empty((count, rows), np.int64)
    module.permutations(_words(seed, purpose), first, orders)
    return orders


def _words(seed: int, purpose: str) -> list[int]:
    """What the seed and the purpose are to ``SeedSequence``: words of 32 bits, each number's lowest first."""
    words = [seed & 0xFFFFFFFF]
    while seed := seed >> 32:
        words.append(seed & 0xFFFFFFFF)
    return [*words, stream_id(purpose)]


@cache
def _agrees() -> bool:
    """Whether NumPy's generators are still those that the native module follows."""
    module = native()
    assert module is not None
    orders = np.empty((2, 100), np.int64)
    module.permutations(_words(1 << 40, "agreement"), 7, orders)
    return all(
        np.array_equal(order, generator(1 << 40, "agreement", 7 + i).permutation(100)) for i, order in enumerate(orders)
    )
