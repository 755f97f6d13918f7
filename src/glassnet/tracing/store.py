"""The numbers of a page: each array once, whole or in parts."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape

MOST_IMAGES = 64
"""No more are kept of one array."""
KINDS = {"f4": "<f4", "f8": "<f8", "i4": "<i4"}


class Store:
    """Arrays by number.

    Two with the same bytes are one, whatever their shapes: what a layer reads is what another wrote.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._arrays: list[Array] = []
        self._kept: list[Array] = []  # for each array, which elements are on the page

    def add(self, array: Array) -> int:
        """Takes an array in and returns its number; nothing of it is kept yet."""
        kind = "i4" if array.dtype.kind in "biu" else "f4" if array.dtype.itemsize == 4 else "f8"
        flat = np.ascontiguousarray(array, dtype=KINDS[kind]).reshape(-1)
        number = self._numbers.setdefault((kind, flat.tobytes()), len(self._arrays))
        if number == len(self._arrays):
            self._arrays.append(flat)
            self._kept.append(np.zeros(flat.size, dtype=bool))
        return number

    @property
    def size(self) -> int:
        """Numbers in all arrays."""
        return sum(array.size for array in self._arrays)

    @property
    def kept_bytes(self) -> int:
        """Bytes of those that are kept."""
        return sum(
            int(np.count_nonzero(kept)) * array.itemsize for array, kept in zip(self._arrays, self._kept, strict=True)
        )

    @property
    def kept_size(self) -> int:
        """Numbers that are kept."""
        return sum(int(np.count_nonzero(kept)) for kept in self._kept)

    @property
    def bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self._arrays)

    def forget(self) -> None:
        """Keeps nothing."""
        for kept in self._kept:
            kept[...] = False

    def keep(self, number: int, places: Array | None = None) -> None:
        """Keeps elements of an array, by their places or a mask; all of them if none are named."""
        self._kept[number][slice(None) if places is None else places] = True

    def cost(self, number: int, places: Array) -> int:
        """Bytes that keeping these elements, places or a mask, would add."""
        return int(np.count_nonzero(~self._kept[number][places])) * self._arrays[number].itemsize

    def to_json(self) -> list[dict[str, Any]]:
        """Each array's kind, its size and the bytes of what is kept; where that is not all, which runs it is."""
        return [self._entry(array, kept) for array, kept in zip(self._arrays, self._kept, strict=True)]

    def _entry(self, array: Array, kept: Array) -> dict[str, Any]:
        kind = next(name for name, dtype in KINDS.items() if array.dtype == dtype)
        entry: dict[str, Any] = {"kind": kind, "size": array.size}
        if not kept.all():
            edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(np.int8)))
            entry["runs"] = [[int(start), int(stop - start)] for start, stop in edges.reshape(-1, 2)]
        return entry | {"values": b64encode(array[kept].tobytes()).decode()}


def part_of(shape: Shape, limit: int, maps_limit: int) -> Shape:
    """How much of an array is shown: so many along each axis.

    Images and filters stay whole as long as one of them fits; there are ``MOST_IMAGES`` at most. Of a matrix the longer
    side is cut.

    Args:
        shape: of the array.
        limit: elements at most.
        maps_limit: the same for arrays of images.
    """
    part = list(shape)
    free = len(shape) - 2 if len(shape) > 2 else len(shape)
    most = maps_limit if len(shape) > 2 else limit
    while int(np.prod(part)) > most or (len(shape) > 2 and int(np.prod(part[:free])) > MOST_IMAGES):
        axes = [axis for axis in range(free) if part[axis] > 1] or list(range(len(part)))
        longest = max(axes, key=lambda axis: part[axis])
        part[longest] = -(-part[longest] // 2)
    return tuple(part)


def start_of(array: Array, part: Shape) -> Shape:
    """Where a part of an array begins: at the margin, unless less than half as much happens there as elsewhere.

    What happens is how far the numbers are from the array's median, axis by axis.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        numbers = np.asarray(array, dtype=np.float64)
        apart = np.nan_to_num(np.abs(numbers - np.median(numbers)), posinf=0.0)
    at = []
    for axis, size in enumerate(part):
        others = tuple(other for other in range(apart.ndim) if other != axis)
        sums = np.concatenate([[0.0], np.cumsum(apart.sum(axis=others))])
        windows = sums[size:] - sums[:-size] if size else sums[:1]
        best = int(np.argmax(windows))
        at.append(best if windows[0] < windows[best] / 2 else 0)
        apart = np.take(apart, range(at[-1], at[-1] + size), axis=axis)
    return tuple(at)


def places_in(shape: Shape, part: Shape, at: Shape | None = None) -> Array:
    """The flat places of so many along each axis, from the first on or from where ``at`` says."""
    grid = np.ix_(*(np.arange(size) + start for size, start in zip(part, at or (0,) * len(part), strict=True)))
    return np.ravel_multi_index(grid, shape).reshape(-1) if shape else np.zeros(1, dtype=np.int64)
