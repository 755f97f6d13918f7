"""The runner that writes kernel calls down instead of carrying them out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.randomness import stream_id
from glassnet.core.room import empty
from glassnet.core.shapes import Array, Shape
from glassnet.kernels import Kernel, KernelInfo, info
from glassnet.runners import bridge, own
from glassnet.runners.base import Caller, NumberOfStep, Runner, is_library_code, same, values_at
from glassnet.runners.standins import NotRecorded, StandIn, kept_by, plain, stand_in


@dataclass(frozen=True)
class StepNumber:
    """A number that changes from step to step: a function of the step."""

    of: NumberOfStep


@dataclass(frozen=True)
class Times:
    """A number of the step, times a factor."""

    number: NumberOfStep
    factor: float

    def __call__(self, steps: Any) -> Any:
        """The values at these steps."""
        values = values_at(self.number, steps) if isinstance(steps, np.ndarray) else self.number(steps)
        return values * self.factor


@dataclass(frozen=True)
class Always:
    """A number that is the same at each step."""

    number: float

    def __call__(self, steps: Any) -> Any:
        """The number."""
        return self.number


class _Seed(int):
    """A seed as it was drawn: in a call it is asked for at each step, so that a program does for any seed."""


def _asked_for(setting: Any) -> Any:
    """A kernel's setting as it is written down; a seed beyond what a float64 holds stays as it is, to be refused."""
    is_seed = isinstance(setting, _Seed)
    return StepNumber(Always(int(setting))) if is_seed and float(setting) == setting else setting


@dataclass(frozen=True)
class RecordedCall:
    """One call: whose, which kernel, on which arrays (or None), with which numbers.

    Attributes:
        settings: numbers, ``StepNumber`` objects and, for Python layers, functions.
        number: its place in the recording.
    """

    path: str
    kernel: KernelInfo
    arrays: dict[str, Any]
    settings: dict[str, Any]
    number: int = 0

    @property
    def in_python(self) -> bool:
        """Whether it calls Python code."""
        return "function" in self.settings

    def changes(self, name: str) -> bool:
        """Whether the kernel writes to the array of that name."""
        return name in self.kernel.writes or name in self.kernel.updates


class Recorder(Runner):
    """Writes down each call in ``calls``.

    A user's own layer, loss or optimizer gets stand-ins for its arrays, which notice what it does besides calling
    kernels.

    Args:
        seed: keys the dropout masks.
        bridged: ids of own parts that are recorded as calls of their Python code.
        poisoned: whether buffers hold NaN, so that nothing calculated from one can pass for a number.

    Attributes:
        calls: in the order in which they were made.
        buffers: what ``empty`` gave out: the memory of the program to come.
    """

    def __init__(self, seed: int, *, bridged: Collection[int] = (), poisoned: bool = False) -> None:
        self._at_work: list[Any] = []  # own parts that are being called, the innermost last
        super().__init__(seed)
        self.calls: list[RecordedCall] = []
        self.buffers: list[Array] = []
        self._bridged, self._poisoned = bridged, poisoned
        # Not the exception: its traceback would hold arrays that hold the recorder, out of a garbage collector's sight.
        self._refused: tuple[Any, str] | None = None

    def empty(self, shape: Shape, dtype: np.dtype[Any] | type) -> Array:
        """A buffer that stands for one in the program."""
        self.buffers.append(empty(shape, dtype))
        if self._poisoned and self.buffers[-1].dtype.kind == "f":
            self.buffers[-1].fill(np.nan)
        return self._shown(self.buffers[-1]) if self._at_work else self.buffers[-1]

    def state(self, caller: Caller, name: str, shape: Shape, dtype: np.dtype[Any] | type) -> Array | None:
        """As ``Runner`` has them; an own part at work gets a stand-in."""
        found = super().state(caller, name, shape, dtype)
        return self._shown(found) if self._at_work else found

    def per_step(self, number: NumberOfStep, step: int) -> float:
        """Keeps the function instead of its present value."""
        return StepNumber(number)  # type: ignore[return-value]

    def scaled(self, value: Any, factor: float) -> Any:
        """The function times the factor."""
        return StepNumber(Times(value.of, factor)) if isinstance(value, StepNumber) else value * factor

    def draw(self, caller: Caller) -> dict[str, int]:
        """Keys of the caller's mask, the step to be filled in."""
        step: Any = StepNumber(same)
        return {"seed": _Seed(self.seed), "step": step, "stream": stream_id(caller.path)}

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Writes the call down."""
        entry = info(kernel)
        arrays = {name: plain(arguments[name]) for name in entry.arrays}
        settings = {name: _asked_for(arguments[name]) for name in entry.settings}
        self.calls.append(RecordedCall(caller.path, entry, arrays, settings, len(self.calls)))

    @property
    def lengths(self) -> Array | None:
        """As ``Runner`` has them; an own part at work gets a stand-in."""
        return self._shown(self._lengths) if self._at_work else self._lengths

    @lengths.setter
    def lengths(self, lengths: Array | None) -> None:
        self._lengths: Array | None = plain(lengths)

    def are_same(self, one: Array | None, other: Array | None) -> bool:
        """Taken for granted where both are there: what the buffers will hold was compared at the door."""
        return one is not None and other is not None

    def _forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """``layer.forward``, or a call of it in Python."""
        if id(layer) in self._bridged:
            if self.lengths is not None and layer.with_lengths == "masked":
                raise NotRecorded(layer, "looks at the rows' lengths, and cannot be recorded")
            return bridge.forward(self, layer, plain(x), training=training)
        y, cache = self._given_by(layer, layer.forward, [x], training=training)
        return self._result(layer, y), cache

    def backward(self, layer: Any, dy: Array, cache: Any) -> Array:
        """``layer.backward``, or a call of it in Python."""
        if id(layer) in self._bridged:
            return bridge.backward(self, layer, plain(dy), cache)
        return self._result(layer, self._given_by(layer, layer.backward, [dy], cache))

    def row_weights(self, loss: Any, outputs: Array, weights: Array | None) -> tuple[Array, Array]:
        """``loss.row_weights``, or a call of it in Python."""
        if id(loss) in self._bridged:
            if is_library_code(loss.row_weights):
                return loss.row_weights(self, outputs, weights)  # type: ignore[no-any-return]
            return bridge.row_weights(self, loss, outputs, weights)
        shares, total = self._given_by(loss, loss.row_weights, [outputs, weights])
        return self._result(loss, shares), self._result(loss, total, whole=True)

    def loss_forward(self, loss: Any, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Any]:
        """``loss.forward``, or a call of it in Python."""
        if id(loss) in self._bridged:
            return bridge.loss_forward(self, loss, outputs, targets, row_weights)
        value, cache = self._given_by(loss, loss.forward, [outputs, targets, row_weights])
        return self._result(loss, value, whole=True), cache

    def loss_backward(self, loss: Any, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        """``loss.backward``, or a call of it in Python."""
        if id(loss) in self._bridged:
            return bridge.loss_backward(self, loss, outputs, targets, row_weights, cache)
        return self._result(loss, self._given_by(loss, loss.backward, [outputs, targets, row_weights], cache))

    def apply(self, step: Any, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
        """``step.apply``, or a call of it in Python."""
        arrays = plain(parameters), plain(gradients)
        if id(step) in self._bridged:
            bridge.apply(self, step, *arrays, layout, learning_rate, whole=False)
        else:
            self._given_by(step, step.apply, arrays, layout, learning_rate)

    def update(self, optimizer: Any, parameters: Array, gradients: Array, layout: Any) -> None:
        """``optimizer.update``, or a call of it in Python."""
        if is_library_code(optimizer.update):
            optimizer.update(self, parameters, gradients, layout)
        elif id(optimizer) in self._bridged:
            bridge.apply(self, optimizer, parameters, gradients, layout, None, whole=True)
        else:
            self._given_by(optimizer, optimizer.update, [parameters, gradients], layout)

    def refusal(self, reason: str) -> NotRecorded:
        """What a stand-in raises: it says whose code was at work."""
        self._refused = self._at_work[-1] if self._at_work else None, reason
        return NotRecorded(*self._refused)

    def _given_by(self, part: Any, method: Any, arrays: Sequence[Any], *others: Any, **settings: Any) -> Any:
        """What a part's method returns; an own part's code gets stand-ins, and may do nothing but call kernels.

        Raises:
            NotRecorded: it does.
        """
        if not own.is_own(part):
            return method(self, *arrays, *others, **settings)
        self._at_work.append(part)
        try:
            result = method(self, *map(self._shown, arrays), *others, **settings)
        except NotRecorded:
            raise
        except Exception as error:
            raise NotRecorded(part, f"raises {type(error).__name__} ({error}) on data yet to come") from error
        finally:
            self._at_work.pop()
        if self._refused is not None:  # and the code went on as if nothing had happened
            raise NotRecorded(*self._refused)
        if kept_by(part):
            raise NotRecorded(part, "keeps arrays on itself")
        return result

    def _shown(self, array: Any) -> Any:
        return array if array is None or isinstance(array, StandIn) else stand_in(array, self)

    def _result(self, part: Any, array: Any, *, whole: bool = False) -> Array:
        """What a part returns, if it is the library's; the buffer behind what an own part returns."""
        if not own.is_own(part):
            return array  # type: ignore[no-any-return]
        if not isinstance(array, StandIn) or (whole and array.plain is None):
            raise NotRecorded(part, "returns an array that no kernel wrote")
        return plain(array)  # type: ignore[no-any-return]


def repeat(calls: list[RecordedCall], step: int) -> None:
    """Carries recorded calls out once more, by their NumPy kernels, on whatever the buffers hold now."""
    for call in calls:
        settings = {n: v.of(step) if isinstance(v, StepNumber) else v for n, v in call.settings.items()}
        call.kernel.function(**call.arrays, **settings)
