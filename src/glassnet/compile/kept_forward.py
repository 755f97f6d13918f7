"""Forward passes as they are written down natively, kept for other networks that are like the one they were made for.

Nothing in them changes while they run, so that any number of networks and threads may use one. All that differs from
network to network is the memory of the parameters, in which the same places are meant.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.core.places import address_of
from glassnet.core.shapes import Array, Shape

MOST_WRITTEN, MOST_BYTES = 64, 1 << 26
"""How many are kept at most, and how many bytes their arenas may have together."""


@dataclass(frozen=True)
class Call:
    """A call as it is written down natively.

    Attributes:
        kernel: its name.
        operands: arrays in the arena or elsewhere, or None.
        cut: which of them have the rows of the tile along axis 0.
        settings: numbers.
        shares: how threads divide it; empty where they do not.
        channels: that they divide.
        waits: whether for all channels of the calls before.
    """

    kernel: str
    operands: list[Any]
    cut: list[bool]
    settings: list[float]
    shares: list[Any]
    channels: int
    waits: bool


@dataclass(frozen=True)
class Written:
    """A forward pass with a place for every array: what a native program is made of.

    Attributes:
        rows: of a tile.
        arena: the memory in which activations have their places; nothing is ever written there.
        calls: in their order.
        x, y, lengths: the places of inputs, outputs and lengths in the arena; None for lengths that are not asked for.
    """

    rows: int
    arena: Array
    calls: list[Call]
    x: Array
    y: Array
    lengths: Array | None


@dataclass(frozen=True)
class _Inside:
    """An array in the memory of the parameters, so many bytes behind its beginning."""

    offset: int
    shape: Shape
    strides: tuple[int, ...]


_kept: dict[Any, Written] = {}
"""By what the network is like; the one that was kept first stands first."""


def written_before(likeness: Any, parameters: Array) -> Written | None:
    """The pass that was kept for networks like this one, on its own parameters."""
    found = _kept.get((likeness, parameters.dtype.str, parameters.size))
    if found is None:
        return None

    def own(operand: Any) -> Any:
        if not isinstance(operand, _Inside):
            return operand
        return np.ndarray(operand.shape, parameters.dtype, parameters, operand.offset, operand.strides)

    return replace(found, calls=[replace(call, operands=list(map(own, call.operands))) for call in found.calls])


def keep(likeness: Any, written: Written, parameters: Array) -> None:
    """Keeps a pass for others, if it works on nothing but its arena and the parameters."""
    calls = []
    for call in written.calls:
        operands = [_place_of(array, written.arena, parameters) for array in call.operands]
        if any(operand is _ELSEWHERE for operand in operands):
            return
        calls.append(replace(call, operands=operands))
    if written.arena.nbytes > MOST_BYTES:
        return
    _kept[likeness, parameters.dtype.str, parameters.size] = replace(written, calls=calls)
    while len(_kept) > MOST_WRITTEN or sum(kept.arena.nbytes for kept in list(_kept.values())) > MOST_BYTES:
        with suppress(StopIteration, RuntimeError):  # another thread does the same
            _kept.pop(next(iter(_kept)), None)


_ELSEWHERE: Any = object()


def _place_of(array: Any, arena: Array, parameters: Array) -> Any:
    """What is kept of an array: itself, where it lies in the arena, or its place among the parameters."""
    if array is None:
        return None
    if array.base is arena or array.base is arena.base is not None:
        return array
    offset = address_of(array) - address_of(parameters)
    is_inside = array.flags.c_contiguous and offset >= 0 and offset + array.nbytes <= parameters.nbytes
    if not is_inside or not array.nbytes or array.dtype != parameters.dtype:
        return _ELSEWHERE
    return _Inside(offset, array.shape, array.strides)
