"""Compiled programs that are kept for later trainings whose steps are recorded the same.

Two recordings are the same where they call the same kernels, with the same numbers, on arrays of the same shapes that
lie in their buffers at the same places. Which memory that is makes no difference: a program is told of the new one.
What depends on a seed or on a schedule is asked for at each step, and so is no difference either.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from glassnet.compile.program import CompiledProgram, PythonCall, RecordedStep
from glassnet.core.places import address_of, offset_of, place_of
from glassnet.core.shapes import Array
from glassnet.runners.base import NumberOfStep
from glassnet.runners.recorder import StepNumber

MOST_PROGRAMS, MOST_BYTES = 64, 1 << 26
"""How many programs wait for their next training at most, and how many bytes of numbers they may hold together."""


class LeasedProgram:
    """A program at work for one training.

    Args:
        step: what it does.
        questions: functions of the step whose values it needs; those that are missing are appended.
        errors: receives what Python code raises while it runs.

    Attributes:
        native: for a ``Replay``.
        flops: about how many floating-point operations a step takes.
        python_calls: Python code in it.
        asks_python_for_numbers: whether Python code in it depends on the step.
    """

    def __init__(self, step: RecordedStep, questions: list[NumberOfStep], errors: list[BaseException]) -> None:
        self._recording = _Recording(step)
        self._step: RecordedStep | None = step  # whose arrays the program points to, those of layers as well
        self.python_calls: list[PythonCall] = []
        self.asks_python_for_numbers = False
        kept = _taken(self._recording)
        if kept is None:
            self._compile(step, questions, errors)
            return
        self._keepable: _Kept | None = kept
        self.native, self.flops, self._memory = kept.native, kept.flops, kept.memory
        kept.rebind(self._recording, questions)

    def _compile(self, step: RecordedStep, questions: list[NumberOfStep], errors: list[BaseException]) -> None:
        program = CompiledProgram(step, questions, errors)
        self.native, self.flops, self.python_calls = program.native, program.flops, program.python_calls
        self._memory = program.memory
        self.asks_python_for_numbers = program.asks_python_for_numbers
        can_wait = self._recording.is_plain and not self.python_calls and len(program.arena.memory) <= MOST_BYTES
        self._keepable = _Kept(program, self._recording, questions) if can_wait else None

    def give_back(self) -> None:
        """Lets it wait for the next training; nobody may run it afterwards."""
        kept, self._keepable, self._step = self._keepable, None, None
        if kept is not None:
            _waiting.append(kept)
            _keep_within_bounds()


class _Recording:
    """What tells a recorded step from others, and where its arrays lie.

    Attributes:
        is_plain: whether a program of it can work on other memory.
        signature: equal for steps that are recorded the same.
        stretches: address and bytes of all memory that is not the recorder's, in the order of its first use.
        numbers: the different functions of the step.
    """

    def __init__(self, step: RecordedStep) -> None:
        self.is_plain = True
        self.stretches: list[tuple[int, int]] = []
        self.numbers: list[NumberOfStep] = []
        self._buffers = {place_of(buffer).buffer: i for i, buffer in enumerate(step.buffers)}
        flat = [step.parameters, step.gradients, *step.keep]
        seen = tuple(map(self._seen, flat))
        sources = [
            (self._stretch(address_of(rows), rows.nbytes), rows.shape[1:], rows.dtype.str, self._seen(b))
            for rows, b in step.sources
        ]
        calls = [
            (
                call.path,
                call.kernel.function,
                tuple((name, self._seen(array)) for name, array in call.arrays.items()),
                tuple((name, self._setting(value)) for name, value in call.settings.items()),
            )
            for call in step.calls
        ]
        results = step.outputs, step.value, step.total
        self.signature = (
            *(step.rows, step.forward_calls, seen, tuple(sources), tuple(calls)),
            tuple(map(self._seen, results)),
            tuple(buffer.nbytes for buffer in step.buffers),
        )
        ends = sorted((start, start + size) for start, size in self.stretches)
        self.is_plain = self.is_plain and all(a[1] <= b[0] for a, b in pairwise(ends))

    def _seen(self, array: Any) -> Any:
        """Where an array lies, without saying at which address."""
        if array is None:
            return None
        if isinstance(array, list):
            return tuple(map(self._seen, array))
        number = self._buffers.get(place_of(array).buffer)
        where = self._outside(array) if number is None else (number, offset_of(array))
        return where, array.shape, array.strides, array.dtype.str

    def _outside(self, array: Array) -> tuple[str, int, int]:
        """In which stretch an array is, and how far from its beginning; it makes one where it is in none."""
        first, last = byte_bounds(array)
        for number, (start, size) in enumerate(self.stretches):
            if start <= first and last <= start + size:
                return "outside", number, address_of(array) - start
        return "outside", self._stretch(first, last - first), address_of(array) - first

    def _stretch(self, address: int, size: int) -> int:
        """The number of a stretch of memory."""
        if (address, size) not in self.stretches:
            self.stretches.append((address, size))
        return self.stretches.index((address, size))

    def _setting(self, value: Any) -> Any:
        if isinstance(value, StepNumber):
            if value.of not in self.numbers:
                self.numbers.append(value.of)
            return "step", self.numbers.index(value.of)
        if not isinstance(value, int | float | np.number):  # which Python code takes, and not a native kernel
            self.is_plain = False
            return None
        return type(value), repr(value)  # which tells -0.0 from 0.0


class _Kept:
    """A program, and on which memory and which numbers it works now."""

    def __init__(self, program: CompiledProgram, recording: _Recording, questions: list[NumberOfStep]) -> None:
        self.native, self.flops, self.memory = program.native, program.flops, program.memory
        self.signature, self._stretches = recording.signature, recording.stretches
        self._columns = _columns(recording.numbers, questions)
        self._hash = hash(self.signature)

    def is_of(self, signature: Any, code: int) -> bool:
        """Whether it does what was recorded so."""
        return self._hash == code and bool(self.signature == signature)

    def rebind(self, recording: _Recording, questions: list[NumberOfStep]) -> None:
        """Lets it work on the arrays of another recording, and take its numbers from their places in ``questions``."""
        pairs = zip(self._stretches, recording.stretches, strict=True)
        moved = [(old, old + size, new) for (old, size), (new, _) in pairs]
        for i in self._columns:
            if recording.numbers[i] not in questions:
                questions.append(recording.numbers[i])
        now = _columns(recording.numbers, questions)
        columns = [0] * (1 + max(self._columns.values(), default=-1))
        for i, column in self._columns.items():
            columns[column] = now[i]
        self.native.rebind(moved, columns)
        self._stretches, self._columns = recording.stretches, {i: now[i] for i in self._columns}


def _columns(numbers: list[NumberOfStep], questions: list[NumberOfStep]) -> dict[int, int]:
    """Of each number that is asked for its column."""
    return {i: questions.index(number) for i, number in enumerate(numbers) if number in questions}


_waiting: deque[_Kept] = deque()
"""The programs that nobody uses, the one that was used last at the end. Every change of it is one step of Python's."""


def _taken(recording: _Recording) -> _Kept | None:
    """A program that waits and does what was recorded, which waits no longer."""
    if not recording.is_plain:
        return None
    code = hash(recording.signature)
    for kept in reversed(list(_waiting)):
        if kept.is_of(recording.signature, code):
            try:
                _waiting.remove(kept)
            except ValueError:  # another thread was faster
                continue
            return kept
    return None


def _keep_within_bounds() -> None:
    """Forgets the programs that were not used for longest."""
    while len(_waiting) > MOST_PROGRAMS or _bytes_of(list(_waiting)) > MOST_BYTES:
        try:
            _waiting.popleft()
        except IndexError:
            return


def _bytes_of(programs: Iterable[_Kept]) -> int:
    return sum(array.nbytes for kept in programs for array in kept.memory)
