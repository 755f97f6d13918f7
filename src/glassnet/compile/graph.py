"""What depends on what in a recording: which calls are needed at all, and which item has to wait for which."""

from __future__ import annotations

from dataclasses import replace

from glassnet.compile.binding import has_twin
from glassnet.compile.items import Item
from glassnet.core.places import Places, place_of
from glassnet.core.shapes import Array
from glassnet.runners.recorder import RecordedCall, StepNumber


def without_dead_work(calls: list[RecordedCall], wanted: list[Array]) -> list[RecordedCall]:
    """Leaves out what nobody reads afterwards: whole calls, and the ∂L/∂x of a first layer.

    Args:
        calls: one training step.
        wanted: arrays whose values are read after the step.

    Returns:
        The calls that remain, in their order.
    """
    live = Places(wanted)
    kept: list[RecordedCall] = []
    for call in reversed(calls):
        arrays = dict(call.arrays)
        if call.kernel.sums:
            for name in call.kernel.writes:
                arrays[name] = arrays[name] if _is_live(arrays[name], live) else None
        written = [arrays[name] for name in call.kernel.writes + call.kernel.updates]
        if call.in_python or any(_is_live(array, live) for array in written):
            kept.append(replace(call, arrays=arrays))
            read = (a for n, a in arrays.items() if n not in call.kernel.writes and a is not None)
            for array in (part for a in read for part in (a if isinstance(a, list) else [a])):
                live.add(array)
    return kept[::-1]


def _is_live(array: Array | None, live: Places) -> bool:
    return array is not None and live.touch(place_of(array))


def is_constant(call: RecordedCall) -> bool:
    """Whether a call gives the same each time: it reads no array, no number that changes, and is one of ours."""
    kernel = call.kernel
    changes = any(isinstance(value, StepNumber) for value in call.settings.values())
    reads = kernel.updates or any(call.arrays[name] is not None for name in kernel.reads)
    return has_twin(call) and not changes and not reads


def distances(items: list[Item], value: Array) -> tuple[list[int], int]:
    """How many stages there must be behind each item at least, up to the end of the program.

    What may run only when the loss is known to be finite waits for whatever writes the loss.

    Args:
        items: in the order of the step.
        value: the buffer with the loss.

    Returns:
        The numbers, and that of the items which write the loss.
    """
    from_end = [0] * len(items)
    loss, checked_at = place_of(value), 0
    for i in range(len(items) - 1, -1, -1):
        item = items[i]
        gives_value = any(a.writes and a.place.overlaps(loss) for a in item.accesses)
        for j in range(i + 1, len(items)):
            if from_end[j] + 1 > from_end[i]:
                if gives_value and items[j].after_check:
                    from_end[i] = from_end[j] + 1
                else:
                    from_end[i] = max(from_end[i], from_end[j] + _distance(item, items[j]))
        if gives_value:
            checked_at = max(checked_at, from_end[i])
    return from_end, checked_at


def _distance(item: Item, later: Item) -> int:
    """Stages between two items at least: −1 where they have nothing to do with each other.

    0 where the later one, piece by piece, needs no more than the same piece of the earlier one.
    """
    if item.in_python and later.in_python:  # the user's code keeps its order
        return 1
    found = -1
    for a in item.accesses:
        for b in later.accesses:
            if (a.writes or b.writes) and a.place.overlaps(b.place):
                if item.domain is None or item.domain != later.domain:
                    return 1
                if not (a.stride and a.stride == b.stride and a.base == b.base):
                    return 1
                found = 0
    return found
