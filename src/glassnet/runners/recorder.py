"""The runner that writes kernel calls down instead of carrying them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glassnet.kernels import Kernel, KernelInfo, info
from glassnet.randomness import stream_id
from glassnet.runners.base import Caller, Runner
from glassnet.shapes import Array


@dataclass(frozen=True)
class StepNumber:
    """A number that is asked for anew at each step, such as the learning rate."""

    ask: Callable[[], float]


@dataclass(frozen=True)
class RecordedCall:
    """One call: whose, which kernel, on which arrays (or None), with which numbers.

    ``settings`` holds numbers, ``StepNumber`` objects and, for Python layers, functions.
    """

    path: str
    kernel: KernelInfo
    arrays: dict[str, Any]
    settings: dict[str, Any]


class Recorder(Runner):
    """Writes down each call in ``calls``; what ``empty`` gives out are the buffers of the program to come.

    Args:
        seed: keys the dropout masks.
        current_step: gives the number of the training step, which keys them too.
    """

    def __init__(self, seed: int, current_step: Callable[[], int]) -> None:
        super().__init__(seed)
        self.current_step = current_step
        self.calls: list[RecordedCall] = []

    def per_step(self, number: Callable[[], float]) -> float:
        """Keeps the question instead of its present answer."""
        return StepNumber(number)  # type: ignore[return-value]

    def draw(self, caller: Caller) -> dict[str, int]:
        """Keys of the caller's mask, the step to be asked for."""
        step: Any = StepNumber(self.current_step)
        return {"seed": self.seed, "step": step, "stream": stream_id(caller.path)}

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Writes the call down."""
        entry = info(kernel)
        arrays = {name: arguments[name] for name in entry.arrays}
        settings = {name: arguments[name] for name in entry.settings}
        self.calls.append(RecordedCall(caller.path, entry, arrays, settings))


def repeat(calls: list[RecordedCall]) -> None:
    """Carries recorded calls out once more, by their NumPy kernels, on whatever the buffers hold now."""
    for call in calls:
        settings = {n: v.ask() if isinstance(v, StepNumber) else v for n, v in call.settings.items()}
        call.kernel.function(**call.arrays, **settings)


def is_contiguous(array: Array) -> bool:
    """Whether a native kernel may read or write it."""
    return bool(array.flags.c_contiguous) and array.dtype.isnative
