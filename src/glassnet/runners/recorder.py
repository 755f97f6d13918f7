"""The runner that writes kernel calls down instead of carrying them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from glassnet.kernels import Kernel, KernelInfo, info
from glassnet.randomness import stream_id
from glassnet.runners.base import Caller, NumberOfStep, Runner
from glassnet.shapes import Array, Shape


@dataclass(frozen=True)
class StepNumber:
    """A number that changes from step to step: a function of the step."""

    of: NumberOfStep


def same(step: Any) -> Any:
    """The step's own number."""
    return step


@dataclass(frozen=True)
class RecordedCall:
    """One call: whose, which kernel, on which arrays (or None), with which numbers.

    ``settings`` holds numbers, ``StepNumber`` objects and, for Python layers, functions.
    """

    path: str
    kernel: KernelInfo
    arrays: dict[str, Any]
    settings: dict[str, Any]

    @property
    def in_python(self) -> bool:
        """Whether it calls Python code."""
        return "function" in self.settings


class Recorder(Runner):
    """Writes down each call in ``calls``.

    Args:
        seed: keys the dropout masks.

    Attributes:
        calls: in the order in which they were made.
        buffers: what ``empty`` gave out: the memory of the program to come.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.calls: list[RecordedCall] = []
        self.buffers: list[Array] = []

    def empty(self, shape: Shape, dtype: np.dtype[Any] | type) -> Array:
        """A buffer that stands for one in the program."""
        self.buffers.append(np.empty(shape, dtype))
        return self.buffers[-1]

    def per_step(self, number: NumberOfStep, step: int) -> float:
        """Keeps the function instead of its present value."""
        return StepNumber(number)  # type: ignore[return-value]

    def draw(self, caller: Caller) -> dict[str, int]:
        """Keys of the caller's mask, the step to be filled in."""
        step: Any = StepNumber(same)
        return {"seed": self.seed, "step": step, "stream": stream_id(caller.path)}

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Writes the call down."""
        entry = info(kernel)
        arrays = {name: arguments[name] for name in entry.arrays}
        settings = {name: arguments[name] for name in entry.settings}
        self.calls.append(RecordedCall(caller.path, entry, arrays, settings))


def repeat(calls: list[RecordedCall], step: int) -> None:
    """Carries recorded calls out once more, by their NumPy kernels, on whatever the buffers hold now."""
    for call in calls:
        settings = {n: v.of(step) if isinstance(v, StepNumber) else v for n, v in call.settings.items()}
        call.kernel.function(**call.arrays, **settings)


def without_dead_work(calls: list[RecordedCall], wanted: list[Array]) -> list[RecordedCall]:
    """Leaves out what nobody reads afterwards: whole calls, and the ∂L/∂x of a first layer.

    Args:
        calls: one training step.
        wanted: arrays whose values are read after the step.

    Returns:
        The calls that remain, in their order.
    """
    live = [extent(array) for array in wanted]
    kept: list[RecordedCall] = []
    for call in reversed(calls):
        arrays = dict(call.arrays)
        if call.kernel.sums:
            for name in call.kernel.writes:
                arrays[name] = arrays[name] if _is_live(arrays[name], live) else None
        written = [arrays[name] for name in call.kernel.writes + call.kernel.updates]
        if call.in_python or any(_is_live(array, live) for array in written):
            kept.append(RecordedCall(call.path, call.kernel, arrays, call.settings))
            live += [extent(a) for n, a in arrays.items() if n not in call.kernel.writes and a is not None]
    return kept[::-1]


def extent(array: Array) -> tuple[int, int]:
    """The addresses of an array's first byte in memory and of the one after its last."""
    if not array.flags.c_contiguous:
        return byte_bounds(array)
    address = int(array.__array_interface__["data"][0])
    return address, address + array.nbytes


def _is_live(array: Array | None, live: list[tuple[int, int]]) -> bool:
    if array is None:
        return False
    start, stop = extent(array)
    return any(start < other_stop and other_start < stop for other_start, other_stop in live)
