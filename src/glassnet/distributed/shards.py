"""How a batch is cut into shards, which of them a rank has, and the tree along which their gradients are added.

All of it depends on the number of rows, shards and ranks alone; what is added to what on shards alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

ROWS_OF_SHARD = 64
"""A batch of many rows is cut into shards of about so many: a rank has one at least, or nothing to do."""
FEWEST_SHARDS = 4
"""Into which a batch of fewer rows is cut."""
FEWEST_MIXED = 16
"""Rows of a shard at least where a layer takes statistics of them."""


class Node(NamedTuple):
    """A part of the tree: the sum of the shards ``start`` .. ``stop`` − 1."""

    start: int
    stop: int

    @property
    def halves(self) -> tuple[Node, Node]:
        """The two sums that it is the sum of, of shards in their order."""
        middle = (self.start + self.stop) // 2
        return Node(self.start, middle), Node(middle, self.stop)


def number_of_shards(rows: int, *, mixes_rows: bool = False) -> int:
    """Into how many shards a batch is cut.

    Args:
        rows: of the batch.
        mixes_rows: whether a layer takes statistics of the rows of a shard.

    Example:
        >>> [number_of_shards(rows) for rows in (2, 32, 512, 100_000)], number_of_shards(50, mixes_rows=True)
        ([2, 4, 8, 1563], 3)
    """
    shards = min(rows, max(FEWEST_SHARDS, -(-rows // ROWS_OF_SHARD)))
    return max(1, min(shards, rows // FEWEST_MIXED)) if mixes_rows else shards


@cache
def ends(length: int, parts: int) -> tuple[int, ...]:
    """Where parts of a length, as even as can be, begin and end.

    Example:
        >>> ends(8, 3)
        (0, 2, 5, 8)
    """
    return tuple(length * part // parts for part in range(parts + 1))


@cache
def roots(shards: int, ranks: int) -> tuple[tuple[Node, ...], ...]:
    """The largest sums that each rank can make by itself, in the order of their shards.

    Example:
        >>> [[tuple(node) for node in own] for own in roots(8, 3)]
        [[(0, 2)], [(2, 4), (4, 5)], [(5, 6), (6, 8)]]
        >>> roots(2, 3)
        ((), (Node(start=0, stop=1),), (Node(start=1, stop=2),))
    """

    def within(node: Node, start: int, stop: int) -> list[Node]:
        if node.stop <= start or node.start >= stop:
            return []
        if start <= node.start and node.stop <= stop:
            return [node]
        left, right = node.halves
        return within(left, start, stop) + within(right, start, stop)

    cut = ends(shards, ranks)
    return tuple(tuple(within(Node(0, shards), *cut[rank : rank + 2])) for rank in range(ranks))


def add_up(node: Node, known: Callable[[Node], int | None], add: Callable[[int, int], None]) -> int:
    """Finishes the tree from sums that are there; returns the place of its root's.

    Args:
        node: whose sum is wanted.
        known: the place of a node's sum, where it is there.
        add: adds what is at the second place to what is at the first.
    """
    place = known(node)
    if place is not None:
        return place
    left, right = (add_up(half, known, add) for half in node.halves)
    add(left, right)
    return left
