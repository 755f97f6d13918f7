"""What a program is made of: recorded calls, some of them in parts, with the indices that they go over.

A call that also sums over the rows (a weight's gradient) is two items: its part row by row, and its sums. What an item
reads and writes, and how it may be cut, is all that the order of the program is found from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.places import Place, place_of
from glassnet.core.shapes import Array, Shape
from glassnet.kernels import info
from glassnet.kernels.pieces import add_pieces
from glassnet.runners.recorder import RecordedCall

MOST_PIECES = 8
"""The indices of a group are cut into so many at most."""
ROW_MULTIPLE, ELEMENT_MULTIPLE = 4, 64
"""Pieces are multiples of so many rows or elements, so that vector instructions find whole vectors."""
ELEMENTWISE_WORK = 2
"""Work of a floating-point operation outside of matrix products, in those of a product in float32."""
LARGE_WEIGHTS = 1 << 17
"""Bytes of weights that do not stay in a processor's nearer caches beside the rest: reading them pays for many rows."""

Domain = tuple[str, int, int]
"""What the indices of a group count, how many there are, and a number that tells groups of their own apart."""


@dataclass(frozen=True)
class Access:
    """One array of an item.

    Attributes:
        place: where it lies.
        writes: whether it is changed.
        stride: bytes for each index of the domain; 0 where every piece needs all of it.
        base: where in the buffer the domain's index 0 is.
    """

    place: Place
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
        after_check: whether it may run only when the loss is known to be finite.
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
    after_check: bool = False

    @property
    def is_of_images(self) -> bool:
        """Whether an index is so much by itself that a few of them make a piece."""
        return any(self.arrays[name].ndim > 2 for name in self.cut)

    @property
    def wants_rows(self) -> bool:
        """Whether it reads large weights and does little with each of them: for many rows at once, if possible."""
        weights = sum(a.place.stop - a.place.start for a in self.accesses if not (a.stride or a.writes))
        return weights > LARGE_WEIGHTS and self.flops < 16 * weights * self.length and not self.is_of_images

    @property
    def work(self) -> int:
        """How long it takes, in operations of a float32 matrix product, of which a processor does some 100 a ns."""
        if self.call is None or not self.flops:
            return 0
        first = next(array for array in self.arrays.values() if isinstance(array, np.ndarray))
        each = 1 if callable(self.call.kernel.flops) else ELEMENTWISE_WORK
        return self.flops * each * first.itemsize // 4


def row_item(name: str, arrays: dict[str, Array], rows: int) -> Item:
    """A copy between a buffer of the program and the data, row by row.

    It counts as writing the buffer: where the outputs are only read, that lets them be copied before they are lost.
    """
    (array,) = arrays.values()
    place = place_of(array)
    access = Access(place, writes=True, stride=array.nbytes // rows, base=place.start)
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
        yield _item(call, arrays, in_python=in_python)
        return
    if kernel.sums_by_piece:
        most = min(-(-rows // ROW_MULTIPLE), MOST_PIECES)
        sums = {n: arrays[n] for n in kernel.sums if arrays[n] is not None}
        parts = {n: empty((most, *total.shape), total.dtype) for n, total in sums.items()}
        names = [n for n in arrays if n not in kernel.shared + kernel.sums]
        yield _item(call, arrays | parts, names, ("rows", rows, 0), 0, rows, by_piece=frozenset(parts))
        for n, total in sums.items():
            yield _sum_of_pieces(call.path, parts[n], total, flat)
        return
    if kernel.sums:
        by_rows = {n: None if n in kernel.sums else a for n, a in arrays.items()}
        sums = {n: None if n in kernel.writes and n not in kernel.sums else a for n, a in arrays.items()}
        if any(by_rows[n] is not None for n in kernel.writes):
            names = [n for n in by_rows if n not in kernel.shared]
            yield _item(call, by_rows, names, ("rows", rows, 0), 0, rows)
        first = sums[kernel.sums[0]]
        if first is not None:
            yield _item(call, sums, [kernel.sums[0]], ("sums", len(first), number), 0, len(first))
        elif any(sums[n] is not None for n in kernel.sums):
            yield _item(call, sums)
        return
    first_element = _element_of(flat, arrays[kernel.updates[0]]) if kernel.updates else None
    if first_element is not None:
        arrays = {n: a.reshape(-1) for n, a in arrays.items()}
        length = arrays[kernel.updates[0]].size
        if all(a.size == length for a in arrays.values()):
            yield _item(call, arrays, list(arrays), ("parameters", flat[0].size, 0), first_element, length)
            return
    names = [n for n in arrays if n not in kernel.shared]
    if all(arrays[n] is None or (arrays[n].ndim and arrays[n].shape[0] % rows == 0) for n in names):
        yield _item(call, arrays, names, ("rows", rows, 0), 0, rows)
    else:
        yield _item(call, call.arrays)


def _element_of(flat: Sequence[Array], array: Array) -> int | None:
    """Which element of one of the flat arrays the array begins with; None if it lies in none of them."""
    place = place_of(array)
    for whole in flat:
        within = place_of(whole)
        if within.contains(place):
            return (place.start - within.start) // whole.itemsize
    return None


def _sum_of_pieces(path: str, parts: Array, total: Array, flat: Sequence[Array]) -> Item:
    """The sum over the pieces; of a gradient together with what else is done to the parameters."""
    arrays = {"parts": parts, "whole": total.reshape(-1)}
    call = RecordedCall(path, info(add_pieces), arrays, {})
    first_element = _element_of(flat, total)
    if first_element is None:
        return _item(call, arrays)
    return _item(call, arrays, ["whole"], ("parameters", flat[0].size, 0), first_element, total.size)


def _item(
    call: RecordedCall,
    arrays: dict[str, Any],
    names: Sequence[str] = (),
    domain: Domain | None = None,
    origin: int = 0,
    length: int = 1,
    **more: Any,
) -> Item:
    """The item in which the arrays of these names are cut; it stays whole where there are none."""
    cut = frozenset(n for n in names if arrays[n] is not None)
    accesses = []
    for name, array in arrays.items():
        for part in array if isinstance(array, list) else [array]:
            if part is not None:
                place = place_of(part)
                stride = part.nbytes // length if name in cut else 0
                accesses.append(Access(place, call.changes(name), stride, place.start - origin * stride))
    flops = call.kernel.count_flops(arrays)
    return Item(call.kernel.name, call.path, arrays, call, domain, origin, length, cut, flops, accesses, **more)
