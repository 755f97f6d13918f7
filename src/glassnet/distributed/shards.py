"""How a batch is cut into shards, which of them a rank has, and the tree along which their gradients are added.

All of it depends on the number of rows, shards and ranks alone; what is added to what on shards alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeVar

T = TypeVar("T")

ROWS_OF_SHARD = 128
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
        ([2, 4, 4, 782], 3)
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


class Turn(NamedTuple):
    """One thing that a rank does on its way to its sums, which have places, as have those on the way to them.

    Attributes:
        place: of the vector that is written or added to.
        shard: whose vector comes there; or, if it is None,
        other: the place of the vector that is added.
        is_root: whether that is the sum of a root.
    """

    place: int
    shard: int | None
    other: int | None = None
    is_root: bool = False


@cache
def turns(shards: int, ranks: int, rank: int) -> tuple[Turn, ...]:
    """What a rank does, one after another, until the sums of its roots are at the places 0, 1, ....

    Example:
        >>> for turn in turns(6, 2, 1):
        ...     print(*turn)
        0 3 None False
        1 4 None False
        2 5 None False
        1 None 2 False
        0 None 1 True
    """
    found: list[Turn] = []

    def make(node: Node, place: int, *, is_root: bool = False) -> None:
        if node.stop - node.start == 1:
            found.append(Turn(place, node.start, is_root=is_root))
            return
        left, right = node.halves
        make(left, place)
        make(right, place + 1)
        found.append(Turn(place, None, place + 1, is_root))

    for place, root in enumerate(roots(shards, ranks)[rank]):
        make(root, place, is_root=True)
    return tuple(found)


def add_up(node: Node, known: Callable[[Node], T | None], add: Callable[[T, T], T]) -> T:
    """Finishes the tree from sums that are there; returns its root's.

    Args:
        node: whose sum is wanted.
        known: a node's sum, where it is there.
        add: the sum of two of them.
    """
    found = known(node)
    if found is not None:
        return found
    left, right = node.halves
    one = add_up(left, known, add)
    return add(one, add_up(right, known, add))
