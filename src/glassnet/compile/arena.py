"""Where the buffers of a program lie in its one stretch of memory: those with disjoint lives share a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.compile.items import Item
from glassnet.compile.stages import Stage
from glassnet.core.places import Place, offset_of, place_of
from glassnet.core.shapes import Array


@dataclass
class _Slot:
    """A place in the arena: buffers that follow each other in one group, and the stages in which any of them lives."""

    size: int
    first: int
    last: int
    buffers: list[int]
    group: int = -1
    busy_until: int = 0
    offset: int = 0


class Arena:
    """The memory of a program.

    Args:
        buffers: what the recorder gave out.
        stages: the program, over those buffers.
        lasting: buffers whose contents are read from outside, so that nothing may share their place.
        alignment: in bytes, of every place: a cache line, and the widest vector register.

    Attributes:
        memory: the bytes (size,), aligned.
        requested: bytes that the buffers would take without sharing.
    """

    def __init__(self, buffers: list[Array], stages: list[Stage], lasting: list[Array], alignment: int) -> None:
        self._alignment = alignment
        self._numbers = {place_of(buffer).buffer: i for i, buffer in enumerate(buffers) if buffer.nbytes}
        fixed = {i for array in lasting if (i := self._number(place_of(array))) is not None}
        slots = self._share(buffers, stages, fixed)
        self._offsets: dict[int, int] = {}  # of each buffer that is used
        size = _place(slots)
        for slot in slots:
            for i in slot.buffers:
                self._offsets[i] = slot.offset
        self.requested = sum(self._size(buffers[i]) for i in self._offsets)
        raw = np.zeros(size + alignment, np.uint8)
        skip = -int(raw.__array_interface__["data"][0]) % alignment
        self.memory = raw[skip : skip + size]

    def view(self, array: Any) -> Any:
        """The array's place in the arena; the array itself where it is none of the buffers. Also of a list or None."""
        if isinstance(array, list):
            return [self.view(part) for part in array]
        if array is None or not array.nbytes:
            return array
        i = self._number(place_of(array))
        if i is None or i not in self._offsets:
            return array
        return np.ndarray(array.shape, array.dtype, self.memory, self._offsets[i] + offset_of(array), array.strides)

    def _size(self, buffer: Array) -> int:
        """Bytes of its place."""
        return -(-buffer.nbytes // self._alignment) * self._alignment

    def _number(self, place: Place) -> int | None:
        """Which of the buffers it is in."""
        return self._numbers.get(place.buffer)

    def _share(self, buffers: list[Array], stages: list[Stage], fixed: set[int]) -> list[_Slot]:
        """Slots: one for each buffer that lives beyond a group, and as few as possible for those within one."""
        lives: dict[int, list[tuple[int, int, int]]] = {}  # buffer: (stage, group, place in the group) of each use
        groups = [(s, group.items) for s, stage in enumerate(stages) for group in stage.groups]
        in_parts: set[int | None] = set()  # buffers of which each piece writes a part, which is not its share of rows
        for number, (s, items) in enumerate(groups):
            for place, item in enumerate(items):
                in_parts |= {self._number(place_of(item.arrays[name])) for name in item.by_piece}
                for access in item.accesses:
                    i = self._number(access.place)
                    if i is not None:
                        lives.setdefault(i, []).append((s, number, place))
        slots: list[_Slot] = []
        last_stage = len(stages) - 1
        for i, uses in sorted(lives.items(), key=lambda life: life[1][0]):
            size = self._size(buffers[i])
            if i in fixed:
                slots.append(_Slot(size, 0, last_stage, [i]))
                continue
            (first, group, begins), (last, _, ends) = uses[0], uses[-1]
            # A buffer begins with the item that writes it. Where the piece of one buffer is done with, another one of
            # the same width may take its place, even if it lives on after the group.
            shared = next(
                (
                    slot
                    for slot in slots
                    if slot.group == group
                    and i not in in_parts
                    and slot.size == size
                    and buffers[slot.buffers[-1]].nbytes == buffers[i].nbytes
                    and _is_free(slot, begins, groups[group][1][begins])
                ),
                None,
            )
            if shared is None:
                shared = _Slot(size, first, last, [], group)
                slots.append(shared)
            shared.buffers.append(i)
            shared.last = max(shared.last, last)
            within = len({use[1] for use in uses}) == 1
            if within:
                shared.busy_until = ends
            else:  # from here on it is taken for good
                shared.group = -1
        return slots


def _is_free(slot: _Slot, begins: int, item: Item) -> bool:
    if slot.busy_until < begins:
        return True
    in_place = item.call is not None and item.call.kernel.in_place
    return slot.busy_until == begins and in_place


def _place(slots: list[_Slot]) -> int:
    """Gives each slot the lowest offset that is free in all its stages; the largest ones first. Returns the size."""
    placed: list[_Slot] = []
    size = 0
    for slot in sorted(slots, key=lambda s: -s.size):
        taken = sorted((p.offset, p.offset + p.size) for p in placed if p.first <= slot.last and slot.first <= p.last)
        offset = 0
        for start, stop in taken:
            if offset + slot.size <= start:
                break
            offset = max(offset, stop)
        slot.offset = offset
        placed.append(slot)
        size = max(size, offset + slot.size)
    return size
