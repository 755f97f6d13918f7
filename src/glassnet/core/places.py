"""Which memory arrays lie in: an array and its views have one owner, and by that they are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from glassnet.core.shapes import Array

FOREIGN = 0
"""The buffer of all memory that is not NumPy's own: of the same bytes there may be several arrays, each by itself."""


@dataclass(frozen=True)
class Place:
    """A stretch of a buffer.

    Attributes:
        buffer: tells its owner from all others.
        start, stop: its first byte, counted from the buffer's, and the one after its last.
        owner: what holds the memory; kept, so that nothing else can take its identity.
    """

    buffer: int
    start: int
    stop: int
    owner: Any = field(compare=False, repr=False)

    def overlaps(self, other: Place) -> bool:
        """Whether they have bytes in common."""
        return self.buffer == other.buffer and self.start < other.stop and other.start < self.stop

    def contains(self, other: Place) -> bool:
        """Whether all of the other one is in it; nothing contains what has no bytes."""
        return self.buffer == other.buffer and self.start <= other.start < other.stop <= self.stop


class Places:
    """Some places, to be asked which others touch them."""

    def __init__(self, arrays: Iterable[Array] = ()) -> None:
        self._found: dict[int, list[Place]] = defaultdict(list)
        for array in arrays:
            self.add(array)

    def add(self, array: Array) -> None:
        """Adds an array's."""
        place = place_of(array)
        self._found[place.buffer].append(place)

    def touch(self, place: Place) -> bool:
        """Whether any of them overlaps it."""
        return any(place.overlaps(other) for other in self._found.get(place.buffer, ()))


def place_of(array: Array) -> Place:
    """Where an array lies: its bytes, and those between them."""
    owner = _owner_of(array)
    if owner is array:
        return Place(id(owner), 0, array.nbytes, owner)
    first = address_of(array)
    first, last = (first, first + array.nbytes) if array.flags.c_contiguous else byte_bounds(array)
    if not isinstance(owner, np.ndarray):
        return Place(FOREIGN, first, last, owner)
    origin = address_of(owner)
    return Place(id(owner), first - origin, last - origin, owner)


def offset_of(array: Array) -> int:
    """How many bytes an array's first element stands behind the beginning of its buffer."""
    steps = zip(array.shape, array.strides, strict=True)
    return place_of(array).start - int(sum((size - 1) * step for size, step in steps if step < 0))  # that go backwards


def _owner_of(array: Array) -> Any:
    """The array of NumPy's that has the memory; where there is none, whatever is behind it."""
    thing: Any = array
    while True:
        inside = thing.obj if isinstance(thing, memoryview) else getattr(thing, "base", None)
        # Others have a ``base``, too, which may be anything: what ``as_strided`` puts between two arrays has an array.
        if inside is None or (not isinstance(thing, np.ndarray | memoryview) and not isinstance(inside, np.ndarray)):
            return thing if not isinstance(thing, np.ndarray) or thing.flags.owndata else (thing,)
        thing = inside


def address_of(array: Array) -> int:
    """Where an array's first element is in memory."""
    return int(array.__array_interface__["data"][0])
