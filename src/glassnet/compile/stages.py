"""In which order a program does its items, and in which pieces.

A program is a list of stages that follow each other. Inside a stage nothing waits for anything else, but for one
thing: calls that go over the same indices (the rows of a batch, the elements of the parameters) form a group, and a
piece of the indices goes through all of them in turn while it is in cache. So a tile of rows passes through all layers,
the loss and back again before the next tile is touched, and the whole update happens in one pass over the parameters.

How the work is cut depends on shapes, and on the number of threads only where no bit of the result does: rows that pass
through layers one by one may be cut anywhere, sums over pieces may not. Few threads take large pieces, since each piece
reads all of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from glassnet.compile.graph import distances
from glassnet.compile.items import ELEMENT_MULTIPLE, MOST_PIECES, ROW_MULTIPLE, Domain, Item
from glassnet.core.shapes import Array

PIECE_WORK = 60_000
"""What handing a piece to another thread costs, in the unit of ``Item.work``: some 0.6 µs."""
BYTE_WORK = 10
"""What a byte costs that one thread has written and all of them read: it moves between the processors' caches."""
UPDATE_WORK = 150_000
"""The same as ``PIECE_WORK`` for updates, whose arrays move from processor to processor in any case."""


@dataclass
class Group:
    """Calls over the same indices, in their order.

    ``extent`` indices are done in pieces of ``size`` by ``threads`` at most.
    """

    domain: Domain | None
    items: list[Item] = field(default_factory=list)
    threads: int = 1

    @property
    def extent(self) -> int:
        """How many indices there are; 1 for a call that cannot be cut."""
        return 1 if self.domain is None else self.domain[1]

    @property
    def work(self) -> int:
        """How long all of it takes, see ``Item.work``."""
        return sum(item.work for item in self.items)

    @property
    def piece_work(self) -> int:
        """What a second thread costs."""
        if self.domain is not None and self.domain[0] == "parameters":
            return UPDATE_WORK
        is_sum = self.domain is not None and self.domain[0] == "sums"
        moving = {
            access.place
            for item in self.items
            for access in item.accesses
            if (access.writes if is_sum else not (access.stride or access.writes))
        }
        return PIECE_WORK + BYTE_WORK * sum(place.stop - place.start for place in moving)

    @property
    def most_pieces(self) -> int:
        """Two for each thread, where large arrays are read anew for each piece and no sum depends on the pieces."""
        rereads = any(item.wants_rows for item in self.items)
        return min(MOST_PIECES, 2 * self.threads) if rereads and not self.counts_pieces else MOST_PIECES

    @property
    def counts_pieces(self) -> bool:
        """Whether bits of the result depend on how many pieces there are."""
        return any(item.by_piece for item in self.items)

    @property
    def size(self) -> int:
        """Indices in a piece."""
        pieces, most, work, each = 1, self.most_pieces, self.work, self.piece_work
        while pieces < most and work >= 2 * pieces * each:
            pieces *= 2
        if pieces == 1:
            return self.extent
        multiple = ELEMENT_MULTIPLE if self.domain is not None and self.domain[0] == "parameters" else ROW_MULTIPLE
        indices = -(-self.extent // pieces)
        return -(-indices // multiple) * multiple

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return -(-self.extent // self.size)


@dataclass
class Stage:
    """Groups that do not depend on each other."""

    groups: list[Group] = field(default_factory=list)

    @property
    def is_parallel(self) -> bool:
        """Whether there is enough to do in it for a second thread, and more than one piece of it."""
        calls_python = any(item.in_python for group in self.groups for item in group.items)
        return not calls_python and any(group.pieces > 1 for group in self.groups)


def stages_of(items: list[Item], value: Array, threads: int) -> tuple[list[Stage], int]:
    """Puts each item into the latest stage in which what needs it is not kept waiting.

    Args:
        items: in the order of the step.
        value: the buffer with the loss.
        threads: how many there are at most.

    Returns:
        The stages, and the number of the one after which the loss is known.
    """
    _tell_apart(items)
    from_end, checked_at = distances(items, value)
    count = max(from_end, default=0) + 1
    stages = [Stage() for _ in range(count)]
    for item, distance in zip(items, from_end, strict=True):
        groups = stages[count - 1 - distance].groups
        group = next((g for g in groups if g.domain is not None and g.domain == item.domain), None)
        if group is None:
            groups.append(Group(item.domain, threads=threads))
            group = groups[-1]
        group.items.append(item)
    return stages, count - 1 - checked_at


def _tell_apart(items: list[Item]) -> None:
    """Parts calls on images, of which a few rows make a piece, from products that want many: groups of their own.

    The calls after either of them go with it.
    """
    if not (any(item.is_of_images for item in items) and any(item.wants_rows for item in items)):
        return
    kind = 0
    for item in items:
        if item.domain is not None and item.domain[0] == "rows":
            kind = 1 if item.wants_rows else 0 if item.is_of_images else kind
            item.domain = ("rows", item.domain[1], kind)
