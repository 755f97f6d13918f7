"""Compiled programs that are kept for later trainings whose steps are recorded the same.

Two recordings are the same where they call the same kernels, with the same numbers, on arrays of the same shapes that
lie in their buffers at the same places. Which memory that is makes no difference: a program is told of the new one.
What depends on a seed or on a schedule is asked for at each step, and so is no difference either.

Where it is known what a step would be recorded from, and a program waits that was recorded from the same, the step is
not even recorded (see ``origin.py``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.lib.array_utils import byte_bounds

from glassnet.compile.origin import Origin
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
        record: writes down what it does; not called where a program waits that was recorded from the same.
        questions: functions of the step whose values it needs; those that are missing are appended.
        errors: receives what Python code raises while it runs.
        threads: how many run it at most.
        origin: what the step is recorded from, or None where that cannot be told.

    Attributes:
        native: for a ``Replay``.
        flops: about how many floating-point operations a step takes.
        python_calls: Python code in it.
        asks_python_for_numbers: whether Python code in it depends on the step.
    """

    def __init__(
        self,
        record: Callable[[], RecordedStep],
        questions: list[NumberOfStep],
        errors: list[BaseException],
        threads: int = 1,
        origin: Origin | None = None,
    ) -> None:
        self._threads = threads
        self.python_calls: list[PythonCall] = []
        self.asks_python_for_numbers = False
        self._arrays: Any = origin  # to which the program points, those of layers as well
        if origin is not None:
            begun = _Beginning(origin)
            kept = _taken(begun, _Kept.is_from, threads)
            if kept is not None:
                self._take_over(kept, begun, questions)
                return
        self._arrays = step = record()
        recording = _Recording(step)
        kept = _taken(recording, _Kept.is_of, threads)
        if kept is not None:
            kept.learn(recording, origin)
            self._take_over(kept, recording, questions)
            return
        self._compile(step, recording, questions, errors)
        if self._keepable is not None:
            self._keepable.learn(recording, origin)

    def _take_over(self, kept: _Kept, recording: _Arrays, questions: list[NumberOfStep]) -> None:
        self._keepable: _Kept | None = kept
        self.native, self.flops, self._memory = kept.native, kept.flops, kept.memory
        kept.rebind(recording, questions)

    def _compile(
        self, step: RecordedStep, recording: _Recording, questions: list[NumberOfStep], errors: list[BaseException]
    ) -> None:
        program = CompiledProgram(step, questions, errors, threads=self._threads)
        self.native, self.flops, self.python_calls = program.native, program.flops, program.python_calls
        self._memory = program.memory
        self.asks_python_for_numbers = program.asks_python_for_numbers
        can_wait = recording.is_plain and not self.python_calls and len(program.arena.memory) <= MOST_BYTES
        self._keepable = _Kept(program, recording, questions, self._threads) if can_wait else None

    def move(self, array: Array, to: Array) -> bool:
        """Lets it work on other memory instead of an array of its training; whether it can."""
        return self._keepable is not None and self._keepable.move(array, to)

    def give_back(self) -> None:
        """Lets it wait for the next training; nobody may run it afterwards."""
        kept, self._keepable, self._arrays = self._keepable, None, None
        if kept is not None:
            _waiting.append(kept)
            _keep_within_bounds()


class _Arrays:
    """Where arrays of a step lie.

    Args:
        flat: parameters, gradients and what is kept.
        sources: the rows of all data.
        buffers: memory that is not looked at: each has a number.

    Attributes:
        is_plain: whether a program of the step can work on other memory.
        stretches: address and bytes of all other memory, in the order of its first use.
        beginning: where ``flat`` and ``sources`` lie.
        numbers: the different functions of the step.
        code: a hash of what tells the step from others.
    """

    code: int

    def __init__(self, flat: list[Array], sources: list[Array], buffers: list[Array]) -> None:
        self.is_plain = True
        self.stretches: list[tuple[int, int]] = []
        self.numbers: list[NumberOfStep] = []
        self._buffers = {place_of(buffer).buffer: i for i, buffer in enumerate(buffers)}
        rows = [(array, address_of(array)) for array in sources]
        seen = tuple(map(self._seen, flat))
        kinds = tuple((self._stretch(start, a.nbytes), a.shape[1:], a.dtype.str) for a, start in rows)
        self.beginning = seen, kinds

    def _look_for_overlaps(self) -> None:
        ends = sorted((start, start + size) for start, size in self.stretches)
        self.is_plain = self.is_plain and all(a[1] <= b[0] for a, b in pairwise(ends))

    def _seen(self, array: Any) -> Any:
        """Where an array lies, without saying at which address."""
        if array is None:
            return None
        if isinstance(array, list):
            return tuple(map(self._seen, array))
        number = self._buffers.get(place_of(array).buffer) if self._buffers else None
        where = self._outside(array) if number is None else (number, offset_of(array))
        return where, array.shape, array.strides, array.dtype.str

    def _outside(self, array: Array) -> tuple[str, int, int]:
        """In which stretch an array is, and how far from its beginning; it makes one where it is in none."""
        first = address = address_of(array)
        last = first + array.nbytes
        if not array.flags.c_contiguous:
            first, last = byte_bounds(array)
        for number, (start, size) in enumerate(self.stretches):
            if start <= first and last <= start + size:
                return "outside", number, address - start
        return "outside", self._stretch(first, last - first), address - first

    def _stretch(self, address: int, size: int) -> int:
        """The number of a stretch of memory."""
        if (address, size) not in self.stretches:
            self.stretches.append((address, size))
        return self.stretches.index((address, size))


class _Beginning(_Arrays):
    """What is known of a step before it is recorded."""

    def __init__(self, origin: Origin) -> None:
        if origin.begun:
            self.__dict__.update(origin.begun)
        else:
            super().__init__(origin.flat, origin.sources, [])
            self._look_for_overlaps()
            origin.begun.update(vars(self))
        self.origin = origin
        self.code = hash((origin.code, origin.rows, self.beginning))

    def find_numbers(self, places: list[Any]) -> None:
        """Finds the functions of the step."""
        self.numbers = [self.origin.number_at(place) for place in places]


class _Recording(_Arrays):
    """What tells a recorded step from others, and where its arrays lie.

    Attributes:
        signature: equal for steps that are recorded the same.
        has_more: whether it works on other arrays besides those that are there before it is recorded.
    """

    def __init__(self, step: RecordedStep) -> None:
        sources = [rows for rows, _ in step.sources]
        super().__init__([step.parameters, step.gradients, *step.keep], sources, step.buffers)
        known = len(self.stretches)
        calls = [
            (
                call.path,
                call.kernel.function,
                tuple((name, self._seen(array)) for name, array in call.arrays.items()),
                tuple((name, self._setting(value)) for name, value in call.settings.items()),
            )
            for call in step.calls
        ]
        buffers = tuple(self._seen(buffer) for _, buffer in step.sources)
        results = step.outputs, step.value, step.total
        self.signature = (
            *(step.rows, step.forward_calls, self.beginning, buffers, tuple(calls)),
            tuple(map(self._seen, results)),
            tuple(buffer.nbytes for buffer in step.buffers),
        )
        self.code = hash(self.signature)
        self.has_more = len(self.stretches) > known
        self._look_for_overlaps()

    def _setting(self, value: Any) -> Any:
        if isinstance(value, StepNumber):
            if value.of not in self.numbers:
                self.numbers.append(value.of)
            return "step", self.numbers.index(value.of)
        if not isinstance(value, int | float | np.number):  # which Python code takes, and not a native kernel
            self.is_plain = False
            return None
        return type(value), repr(value)  # which tells -0.0 from 0.0


_R = TypeVar("_R", bound=_Arrays)


class _Kept:
    """A program, and on which memory and which numbers it works now.

    Attributes:
        codes: hashes of what was recorded and of what it was recorded from: no other step can be the same.
    """

    def __init__(
        self, program: CompiledProgram, recording: _Recording, questions: list[NumberOfStep], threads: int
    ) -> None:
        self.threads = threads
        self.native, self.flops, self.memory = program.native, program.flops, program.memory
        self.size = sum(array.nbytes for array in program.memory)
        self._signature, self._stretches = recording.signature, recording.stretches
        self.codes = {recording.code}
        self._columns = _columns(recording.numbers, questions)
        self._from: tuple[tuple[Any, ...], Any] | None = None
        self._places: list[Any] = []

    def learn(self, recording: _Recording, origin: Origin | None) -> None:
        """Notes what it was recorded from, if another step's arrays and numbers can be found from that."""
        if origin is None or recording.has_more:
            return
        places = [origin.place_of(number) for number in recording.numbers]
        if None not in places:
            self.codes.add(hash((origin.code, origin.rows, recording.beginning)))
            self._from, self._places = (origin.key, (origin.rows, recording.beginning)), places

    def is_of(self, recording: _Recording) -> bool:
        """Whether it does what was recorded."""
        return bool(self._signature == recording.signature)

    def is_from(self, begun: _Beginning) -> bool:
        """Whether it does what would be recorded; the recording is told of its numbers then."""
        origin = begun.origin
        if self._from is None or self._from != (origin.key, (origin.rows, begun.beginning)):
            return False
        begun.find_numbers(self._places)
        return True

    def rebind(self, recording: _Arrays, questions: list[NumberOfStep]) -> None:
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

    def move(self, array: Array, to: Array) -> bool:
        """Lets it work on other memory instead of an array that is one of its stretches; whether it is."""
        before, now = ((address_of(one), array.nbytes) for one in (array, to))
        if before not in self._stretches:
            return False
        columns = range(1 + max(self._columns.values(), default=-1))
        self.native.rebind([(before[0], sum(before), now[0])], list(columns))
        self._stretches = [now if stretch == before else stretch for stretch in self._stretches]
        return True


def _columns(numbers: list[NumberOfStep], questions: list[NumberOfStep]) -> dict[int, int]:
    """Of each number that is asked for its column."""
    return {i: questions.index(number) for i, number in enumerate(numbers) if number in questions}


_waiting: deque[_Kept] = deque()
"""The programs that nobody uses, the one that was used last at the end. Every change of it is one step of Python's."""


def _taken(recording: _R, does: Callable[[_Kept, _R], bool], threads: int) -> _Kept | None:
    """A program for so many threads that waits and does what is wanted, which waits no longer."""
    if not recording.is_plain:
        return None
    known = [kept for kept in list(_waiting) if recording.code in kept.codes and kept.threads == threads]
    for kept in reversed(known):
        if does(kept, recording):
            try:
                _waiting.remove(kept)
            except ValueError:  # another thread was faster
                continue
            return kept
    return None


def _keep_within_bounds() -> None:
    """Forgets the programs that were not used for longest."""
    while len(_waiting) > MOST_PROGRAMS or sum(kept.size for kept in list(_waiting)) > MOST_BYTES:
        try:
            _waiting.popleft()
        except IndexError:
            return
