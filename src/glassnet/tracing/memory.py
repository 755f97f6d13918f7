"""Where the arrays of a page's calls lay in memory, so that the page can repeat the calls on memory of its own."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import GlassnetError
from glassnet.core.places import Place, place_of
from glassnet.core.shapes import Array
from glassnet.tracing.entry import Entry
from glassnet.tracing.step import Subject

FAR = 1e6
"""Targets are tried with this number to learn whether there is a largest one."""


class Memory:
    """Stretches of memory, *regions*, that arrays share bytes in: an array and its views are in the same one.

    Args:
        entries: the calls.

    Attributes:
        regions: dtype and number of elements of each.
        arrays: for each call its arrays by name: region, place of the first element, and how far apart elements are
            along each axis where that is not as in C order. Places and distances are counted in elements.
        is_known: whether the memory of every array is known. Otherwise nothing can be repeated.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.is_known = True
        places = [place for entry in entries for place in entry.call.extents.values()]
        self._stretches = _joined(places)
        kinds: dict[int, str] = {}
        self.arrays: list[dict[str, list[Any]]] = []
        for entry in entries:
            own: dict[str, list[Any]] = {}
            for name, array in entry.arrays.items():
                plain = name.removesuffix("_")
                found = self._found(entry.call.extents.get(plain), array, entry.call.strides.get(plain))
                if found is None or kinds.setdefault(found[0], str(array.dtype)) != str(array.dtype):
                    self.is_known = False
                else:
                    own[name] = found
            self.arrays.append(own)
        sizes = {number: stop - start for starts in self._stretches.values() for start, stop, number in starts}
        self.regions = [
            [kind, sizes[number] // np.dtype(kind).itemsize]
            for number, kind in sorted(kinds.items())
            if number in sizes
        ]
        numbers = {number: place for place, number in enumerate(sorted(kinds))}
        for own in self.arrays:
            for found in own.values():
                found[0] = numbers[found[0]]
        self._numbers = numbers

    def _found(self, place: Place | None, array: Array, strides: tuple[int, ...] | None) -> list[Any] | None:
        if place is None:
            return None
        start, _, number = self._stretch_of(place)
        first, size = place.start - start, array.itemsize
        if strides is None:
            return [number, first // size] if first % size == 0 else None
        first -= sum((count - 1) * step for count, step in zip(array.shape, strides, strict=True) if step < 0)
        if any(step % size for step in (first, *strides)):
            return None
        return [number, first // size, [step // size for step in strides]]

    def _stretch_of(self, place: Place) -> tuple[int, int, int]:
        stretches = self._stretches[place.buffer]
        return stretches[bisect_right(stretches, place.start, key=lambda stretch: stretch[0]) - 1]

    def data_of(self, array: Array) -> dict[str, Any] | None:
        """Where data lie: "region", "first" and "size"; None where no call reads them as they are."""
        place = place_of(array)
        if not array.flags.c_contiguous or place.buffer not in self._stretches:
            return None
        start, stop, number = self._stretch_of(place)
        if number not in self._numbers or not start <= place.start < stop:
            return None
        return {
            "region": self._numbers[number],
            "first": (place.start - start) // array.itemsize,
            "size": array.size,
        }


def _joined(places: Iterable[Place]) -> dict[int, list[tuple[int, int, int]]]:
    """By buffer the connected stretches: first byte, the one after the last, and a number."""
    by_buffer: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place in places:
        by_buffer[place.buffer].append((place.start, place.stop))
    joined: dict[int, list[tuple[int, int, int]]] = {}
    count = 0
    for buffer, stretches in by_buffer.items():
        found: list[list[int]] = []
        for start, stop in sorted(set(stretches)):
            if found and start < found[-1][1]:
                found[-1][1] = max(found[-1][1], stop)
            else:
                found.append([start, stop])
        joined[buffer] = [(start, stop, count + number) for number, (start, stop) in enumerate(found)]
        count += len(found)
    return joined


def editable(memory: Memory, subject: Subject) -> dict[str, dict[str, Any]]:
    """The data that may be changed, "inputs" and "targets": where they lie, and which numbers they may be.

    ``below`` are the numbers of things that inputs look up, one for each number of a row, 0 for amounts; ``lengths``
    the lengths of the rows; ``low``, ``high`` and ``whole`` what targets must be; ``fixed`` says why they stay.
    """
    rows, network, found = subject.rows, subject.network, dict[str, dict[str, Any]]()
    inputs, targets = memory.data_of(rows.x), memory.data_of(rows.targets)
    if inputs is not None:
        inputs["row"] = rows.x.size // max(1, len(rows))
        if network.demands:
            inputs["below"] = network.demands.below.reshape(-1).tolist()
        if rows.lengths is not None:
            inputs |= {"lengths": rows.lengths.tolist(), "steps": rows.x.shape[1]}
        found["inputs"] = inputs
    if targets is not None:
        found["targets"] = targets | limits_of_targets(subject)
    return found


def limits_of_targets(subject: Subject) -> dict[str, Any]:
    """What the loss takes as one target among the others, learned by trying; see ``editable``."""
    rows, loss = subject.rows, subject.loss
    shape, dtype = subject.network.output_shape or (), subject.network.dtype
    if loss.weigh_classes(rows.loss_weights, rows.targets, shape, dtype) is not rows.loss_weights:
        return {"fixed": "class_weights"}  # they were multiplied in before the step

    def takes(value: float) -> bool:
        changed = rows.targets.copy()
        changed.reshape(-1)[0] = value
        try:
            loss.prepare(changed, shape, dtype, where="trace: y")
        except GlassnetError:
            return False
        return True

    if rows.targets.dtype.kind in "iu":
        return {"whole": True, "low": 0, "high": shape[-1] - 1}
    if not takes(0.5) or not takes(0.25):
        return {"fixed": "shares"}
    limits = {"low": 0} if not takes(-FAR) else {}
    return limits | ({"high": 1} if not takes(FAR) else {})
