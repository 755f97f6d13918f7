"""Which of a step's calls must wait for which, and how the work is cut into pieces.

A program is a list of stages that follow each other. Inside a stage nothing waits for anything else, but for one
thing: calls that go over the same indices (the rows of a batch, the elements of the parameters) form a group, and a
piece of the indices goes through all of them in turn while it is in cache. So a tile of rows passes through all layers,
the loss and back again before the next tile is touched, and the whole update happens in one pass over the parameters.

How the work is cut depends on shapes alone, never on the number of threads: the bits of the result do not either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.kernels import info
from glassnet.kernels.pieces import add_pieces
from glassnet.runners.recorder import RecordedCall, extent

PIECE_WORK = 60_000
"""What handing a piece to another thread costs, in the unit of ``Item.work``: some 0.6 µs."""
BYTE_WORK = 10
"""What a byte costs that one thread has written and all of them read: it moves between the processors' caches."""
UPDATE_WORK = 150_000
"""The same as ``PIECE_WORK`` for updates, whose arrays move from processor to processor in any case."""
ELEMENTWISE_WORK = 2
"""Work of a floating-point operation outside of matrix products, in those of a product in float32."""
MOST_PIECES = 8
LARGE_WEIGHTS = 1 << 17
"""Bytes of weights that do not stay in a processor's nearer caches beside the rest: reading them pays for many rows."""
ROW_MULTIPLE, ELEMENT_MULTIPLE = 4, 64
"""Pieces are multiples of so many rows or elements, so that vector instructions find whole vectors."""

Domain = tuple[str, int, int]
"""What the indices of a group count, how many there are, and a number that tells groups of their own apart."""


@dataclass(frozen=True)
class Access:
    """One array of an item.

    Attributes:
        start, stop: addresses.
        writes: whether it is changed.
        stride: bytes for each index of the domain; 0 where every piece needs all of it.
        base: address of index 0 of the domain.
    """

    start: int
    stop: int
    writes: bool
    stride: int = 0
    base: int = 0


@dataclass
class Item:
    """A call in the program.

    Attributes:
        name: of the kernel, or ``"gather"`` (the batch's rows into a buffer) or ``"collect"`` (the outputs' rows out).
        path: of the layer, loss or optimizer.
        arrays: by name.
        call: what was recorded, or None.
        domain: what its indices count, or None where it cannot be cut.
        origin: the domain's index of its first one.
        length: how many indices it has.
        cut: names of the arrays that are divided with the indices, along axis 0.
        flops: about how many floating-point operations it takes.
        accesses: its arrays in memory.
        in_python: whether Python code carries it out.
        by_piece: names of the arrays of which each piece of the group writes a row of its own.
    """

    name: str
    path: str
    arrays: dict[str, Any]
    call: RecordedCall | None
    domain: Domain | None
    origin: int
    length: int
    cut: frozenset[str]
    flops: int
    accesses: list[Access]
    in_python: bool = False
    by_piece: frozenset[str] = frozenset()

    @property
    def is_of_images(self) -> bool:
        """Whether an index is so much by itself that a few of them make a piece."""
        return any(self.arrays[name].ndim > 2 for name in self.cut)

    @property
    def wants_rows(self) -> bool:
        """Whether it reads large weights and does little with each of them: for many rows at once, if possible."""
        weights = sum(a.stop - a.start for a in self.accesses if not (a.stride or a.writes))
        return weights > LARGE_WEIGHTS and self.flops < 16 * weights * self.length and not self.is_of_images

    @property
    def work(self) -> int:
        """How long it takes, in operations of a float32 matrix product, of which a processor does some 100 a ns."""
        if self.call is None or not self.flops:
            return 0
        first = next(array for array in self.arrays.values() if isinstance(array, np.ndarray))
        each = 1 if callable(self.call.kernel.flops) else ELEMENTWISE_WORK
        return self.flops * each * first.itemsize // 4


@dataclass
class Group:
    """Calls over the same indices, in their order.

    ``extent`` indices are done in pieces of ``size``.
    """

    domain: Domain | None
    items: list[Item] = field(default_factory=list)

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
            (access.start, access.stop)
            for item in self.items
            for access in item.accesses
            if (access.writes if is_sum else not (access.stride or access.writes))
        }
        return PIECE_WORK + BYTE_WORK * sum(stop - start for start, stop in moving)

    @property
    def size(self) -> int:
        """Indices in a piece."""
        pieces, work, each = 1, self.work, self.piece_work
        while pieces < MOST_PIECES and work >= 2 * pieces * each:
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


def row_item(name: str, arrays: dict[str, Array], rows: int) -> Item:
    """A copy between a buffer of the program and the data, row by row.

    It counts as writing the buffer: where the outputs are only read, that lets them be copied before they are lost.
    """
    (array,) = arrays.values()
    start, stop = extent(array)
    access = Access(start, stop, writes=True, stride=array.nbytes // rows, base=start)
    return Item(name, "", dict(arrays), None, ("rows", rows, 0), 0, rows, frozenset(arrays), 0, [access])


def items_of(
    call: RecordedCall,
    *,
    rows: int,
    flat: Sequence[Array],
    number: int,
    in_python: bool,
    empty: Callable[[Shape, np.dtype[Any]], Array] = np.empty,
) -> Iterator[Item]:
    """The items of a recorded call: one, or several where it also sums over the rows.

    Args:
        call: as recorded.
        rows: in a batch.
        flat: the parameters and gradients; calls that update a part of one of them go over its elements.
        number: of the call in its step.
        in_python: whether Python code carries it out, which takes it whole.
        empty: gives out buffers, for the sums of pieces.
    """
    kernel, arrays = call.kernel, call.arrays
    if in_python or not (kernel.by_rows or kernel.sums):
        yield _whole(call, arrays, in_python=in_python)
        return
    if kernel.sums_by_piece:
        most = min(-(-rows // ROW_MULTIPLE), MOST_PIECES)
        sums = {n: arrays[n] for n in kernel.sums if arrays[n] is not None}
        parts = {n: empty((most, *total.shape), total.dtype) for n, total in sums.items()}
        names = [n for n in arrays if n not in kernel.shared + kernel.sums]
        yield _cut(call, arrays | parts, names, ("rows", rows, 0), 0, rows, by_piece=frozenset(parts))
        for n, total in sums.items():
            yield _sum_of_pieces(call.path, parts[n], total, flat)
        return
    if kernel.sums:
        by_rows = {n: None if n in kernel.sums else a for n, a in arrays.items()}
        sums = {n: None if n in kernel.writes and n not in kernel.sums else a for n, a in arrays.items()}
        if any(by_rows[n] is not None for n in kernel.writes):
            names = [n for n in by_rows if n not in kernel.shared]
            yield _cut(call, by_rows, names, ("rows", rows, 0), 0, rows)
        first = sums[kernel.sums[0]]
        if first is not None:
            yield _cut(call, sums, [kernel.sums[0]], ("sums", len(first), number), 0, len(first))
        elif any(sums[n] is not None for n in kernel.sums):
            yield _whole(call, sums)
        return
    place = _place_in(flat, arrays[kernel.updates[0]]) if kernel.updates else None
    if place is not None:
        arrays = {n: a.reshape(-1) for n, a in arrays.items()}
        length = arrays[kernel.updates[0]].size
        if all(a.size == length for a in arrays.values()):
            yield _cut(call, arrays, list(arrays), ("parameters", flat[0].size, 0), place, length)
            return
    names = [n for n in arrays if n not in kernel.shared]
    if all(arrays[n] is None or (arrays[n].ndim and arrays[n].shape[0] % rows == 0) for n in names):
        yield _cut(call, arrays, names, ("rows", rows, 0), 0, rows)
    else:
        yield _whole(call, call.arrays)


def stages_of(items: list[Item], is_after_check: list[bool], value: Array) -> tuple[list[Stage], int]:
    """Puts each item into the latest stage in which what needs it is not kept waiting.

    Args:
        items: in the order of the step.
        is_after_check: whether an item may run only when the loss is known to be finite.
        value: the buffer with the loss.

    Returns:
        The stages, and the number of the one after which the loss is known.
    """
    _tell_apart(items)
    from_end = [0] * len(items)  # stages after the item's own
    value_start, value_stop = extent(value)
    checked_at = 0
    for i in range(len(items) - 1, -1, -1):
        item = items[i]
        gives_value = any(a.writes and a.start < value_stop and value_start < a.stop for a in item.accesses)
        for j in range(i + 1, len(items)):
            later = items[j]
            if from_end[j] + 1 > from_end[i]:
                if gives_value and is_after_check[j]:
                    from_end[i] = from_end[j] + 1
                else:
                    from_end[i] = max(from_end[i], from_end[j] + _distance(item, later))
        if gives_value:
            checked_at = max(checked_at, from_end[i])
    count = max(from_end, default=0) + 1
    stages = [Stage() for _ in range(count)]
    for item, distance in zip(items, from_end, strict=True):
        groups = stages[count - 1 - distance].groups
        group = next((g for g in groups if g.domain is not None and g.domain == item.domain), None)
        if group is None:
            groups.append(Group(item.domain))
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


def _distance(item: Item, later: Item) -> int:
    """Stages between two items at least: −1 where they have nothing to do with each other.

    0 where the later one, piece by piece, needs no more than the same piece of the earlier one.
    """
    if item.in_python and later.in_python:  # the user's code keeps its order
        return 1
    found = -1
    for a in item.accesses:
        for b in later.accesses:
            if (a.writes or b.writes) and a.start < b.stop and b.start < a.stop:
                if item.domain is None or item.domain != later.domain:
                    return 1
                if not (a.stride and a.stride == b.stride and a.base == b.base):
                    return 1
                found = 0
    return found


def _place_in(flat: Sequence[Array], array: Array) -> int | None:
    start, stop = extent(array)
    for whole in flat:
        whole_start, whole_stop = extent(whole)
        if whole_start <= start and stop <= whole_stop and start < stop:
            return (start - whole_start) // whole.itemsize
    return None


def _sum_of_pieces(path: str, parts: Array, total: Array, flat: Sequence[Array]) -> Item:
    """The sum over the pieces; of a gradient together with what else is done to the parameters."""
    arrays = {"parts": parts, "whole": total.reshape(-1)}
    call = RecordedCall(path, info(add_pieces), arrays, {})
    place = _place_in(flat, total)
    if place is None:
        return _whole(call, arrays)
    return _cut(call, arrays, ["whole"], ("parameters", flat[0].size, 0), place, total.size)


def _cut(
    call: RecordedCall,
    arrays: dict[str, Any],
    names: list[str],
    domain: Domain,
    origin: int,
    length: int,
    *,
    by_piece: frozenset[str] = frozenset(),
) -> Item:
    cut = frozenset(n for n in names if arrays[n] is not None)
    accesses = []
    for name, array in arrays.items():
        if array is None:
            continue
        start, stop = extent(array)
        writes = name in call.kernel.writes or name in call.kernel.updates
        stride = array.nbytes // length if name in cut else 0
        accesses.append(Access(start, stop, writes, stride, start - origin * stride))
    flops = call.kernel.count_flops(arrays)
    item = Item(call.kernel.name, call.path, arrays, call, domain, origin, length, cut, flops, accesses)
    return replace(item, by_piece=by_piece)


def _whole(call: RecordedCall, arrays: dict[str, Any], *, in_python: bool = False) -> Item:
    accesses = []
    for name, array in arrays.items():
        writes = name in call.kernel.writes or name in call.kernel.updates
        for part in array if isinstance(array, list) else [array]:
            if part is not None:
                accesses.append(Access(*extent(part), writes))
    flops = call.kernel.count_flops(arrays)
    return Item(call.kernel.name, call.path, arrays, call, None, 0, 1, frozenset(), flops, accesses, in_python)
