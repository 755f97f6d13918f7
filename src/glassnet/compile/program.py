"""Recorded calls, compiled: programs of the native module that replay them over many batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import compress
from types import ModuleType
from typing import Any

import numpy as np

from glassnet.compile.arena import Arena
from glassnet.compile.plan import Plan, make_plan
from glassnet.compile.stages import Group, Item, Stage, items_of, row_item, stages_of
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, Shape
from glassnet.kernels.pieces import add_pieces
from glassnet.runners.base import NumberOfStep
from glassnet.runners.recorder import RecordedCall, StepNumber, extent, repeat, without_dead_work

WHOLE, CUT, BY_PIECE = range(3)
"""What a piece gets of an array: all of it, its share along axis 0, or a part of its own. As ``Program::Share``."""
VARIANTS = ("_native", "_native_avx2", "_native_avx512")
"""Of the native module: for any processor, for x86-64-v3 and x86-64-v4."""


@cache
def native() -> ModuleType | None:
    """The native module's variant for this processor; None in a pure-Python installation.

    The environment variable GLASSNET_VARIANT chooses another one, for tests: one of ``VARIANTS``.
    """
    if find_spec("glassnet._native") is None:
        return None
    best = import_module("glassnet._native").best_variant()
    name = os.environ.get("GLASSNET_VARIANT", best)
    if name not in VARIANTS[: VARIANTS.index(best) + 1]:
        raise ConfigurationError(
            where="environment variable GLASSNET_VARIANT",
            received=repr(name),
            expected=f"one of {', '.join(VARIANTS[: VARIANTS.index(best) + 1])} on this processor",
            fix="unset it",
        )
    return import_module(f"glassnet.{name}")


MOST_AXES = 4
"""Of arrays that the native module takes."""


@dataclass(frozen=True)
class RecordedStep:
    """One training step as a ``Recorder`` wrote it down.

    Attributes:
        calls: all of them.
        forward_calls: how many of them belong to the network's forward pass.
        buffers: memory that the recorder gave out.
        rows: in the batch.
        sources: (rows of all data, buffer) pairs: before each step the batch's rows are put into the buffer.
        outputs: the buffer with the network's outputs.
        value: the buffer (1,) with the batch's loss.
        total: the buffer (1,) with the batch's total weight.
        parameters: the network's.
        gradients: the network's.
        keep: other arrays whose values are wanted after a step: the optimizer's memory.
    """

    calls: list[RecordedCall]
    forward_calls: int
    buffers: list[Array]
    rows: int
    sources: list[tuple[Array, Array]]
    outputs: Array
    value: Array
    total: Array
    parameters: Array
    gradients: Array
    keep: list[Array]


class CompiledProgram:
    """A recorded training step in the native module.

    Args:
        step: as recorded.
        questions: functions of the step whose values the program needs; it appends those that are missing.
        errors: receives what Python code raises while the program runs.
        wanted: buffers of the step whose values are to stand there when it is over: nothing else takes their place.

    Attributes:
        native: the program, for a ``Replay``.
        stages: what it does, see ``stages.py``.
        arena: its memory.
        asks_python_for_numbers: whether Python code in it depends on the step, which must then be run one by one.
    """

    def __init__(
        self,
        step: RecordedStep,
        questions: list[NumberOfStep],
        errors: list[BaseException],
        *,
        wanted: Sequence[Array] = (),
    ) -> None:
        module = native()
        assert module is not None
        self._step = step
        self._questions = questions
        self._errors = errors
        self.python_calls: list[PythonCall] = []
        dtype = step.parameters.dtype
        calls, constant = _split(step, module)
        self._buffers = list(step.buffers)
        self._pieces: dict[int, int] = {}  # how many parts of a buffer are sums of a piece each
        self.stages, self._checked_at = _stages(step, calls, module, self._empty)
        lasting = [step.value, step.total, *(buffer for _, buffer in step.sources), *wanted]
        lasting += [call.arrays[name] for call in constant for name in call.kernel.writes]
        for item in (item for stage in self.stages for group in stage.groups for item in group.items):
            if item.in_python:  # which may keep an array for its backward pass
                lasting += [array for array in item.arrays.values() if isinstance(array, np.ndarray)]
        self.arena = Arena(self._buffers, self.stages, lasting)
        repeat([replace(call, arrays=self._in_arena(call.arrays)) for call in constant], step=0)
        self.native = module.Program(dtype == np.float64, step.rows)
        for number, stage in enumerate(self.stages):
            self.native.stage(stage.is_parallel)
            for group in stage.groups:
                self.native.group(group.extent, group.size)
                for item in group.items:
                    self._add(item, group)
            if number == self._checked_at:
                self.native.watch(self.arena.view(step.value), self.arena.view(step.total))
        self.native.finish()

    def _empty(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        self._buffers.append(np.empty(shape, dtype))
        return self._buffers[-1]

    def _add(self, item: Item, group: Group) -> None:
        arrays = self._in_arena(item.arrays)
        if item.call is None:
            self._add_copy(item, arrays)
            return
        if item.in_python:
            self.python_calls.append(PythonCall(item.call, arrays, self._errors))
            self.native.add_callback(self.python_calls[-1])
            return
        settings, columns = [], []
        for value in item.call.settings.values():
            columns.append(self._column(value.of) if isinstance(value, StepNumber) else -1)
            settings.append(0.0 if isinstance(value, StepNumber) else as_setting(value))
        for name in item.by_piece:
            self._pieces[id(item.arrays[name])] = group.pieces
            arrays[name] = arrays[name][0]
        if item.call.kernel.function is add_pieces:
            parts = arrays["parts"]
            arrays["parts"] = parts.reshape(len(parts), -1)[: self._pieces[id(item.arrays["parts"])]]
        shares = [BY_PIECE if name in item.by_piece else CUT if name in item.cut else WHOLE for name in arrays]
        self.native.add(item.name, list(arrays.values()), shares, item.origin, item.length, settings, columns)

    def _in_arena(self, arrays: dict[str, Any]) -> dict[str, Any]:
        return {name: self.arena.view(array) for name, array in arrays.items()}

    def _add_copy(self, item: Item, arrays: dict[str, Array]) -> None:
        if item.name == "collect":
            self.native.add_collect(arrays["outputs"])
            return
        rows = next(r for r, buffer in self._step.sources if buffer is item.arrays["buffer"])
        buffer = arrays["buffer"]
        self.native.add_gather(rows.reshape(len(rows), -1), buffer.reshape(len(buffer), -1))  # of however many axes

    def _column(self, number: NumberOfStep) -> int:
        """The column of a per-step number; one that several calls share is asked for once."""
        if number not in self._questions:
            self._questions.append(number)
        return self._questions.index(number)

    def plan(self) -> Plan:
        """The table of its instructions."""
        rows, dtype = self._step.rows, str(self._step.parameters.dtype)
        return make_plan(self.stages, self.arena, batch_rows=rows, dtype=dtype, checked_at=self._checked_at)

    @property
    def flops(self) -> int:
        """About how many floating-point operations a step takes."""
        return sum(item.flops for stage in self.stages for group in stage.groups for item in group.items)

    @property
    def asks_python_for_numbers(self) -> bool:
        """See the class."""
        return any(call.depends_on_step for call in self.python_calls)


class PythonCall:
    """Python code in a program, called with the GIL held; an error is kept for the one who runs the program to raise.

    It must not refer to the program, which owns it: no garbage collector could break that circle.
    """

    def __init__(self, call: RecordedCall, arrays: dict[str, Any], errors: list[BaseException]) -> None:
        self._function, self._arrays, self._settings, self._errors = call.kernel.function, arrays, call.settings, errors
        self.depends_on_step = any(isinstance(value, StepNumber) for value in call.settings.values())
        self.step = 0

    def __call__(self) -> bool:
        """Carries the call out, for the step that ``step`` says."""
        try:
            settings = {n: v.of(self.step) if isinstance(v, StepNumber) else v for n, v in self._settings.items()}
            self._function(**self._arrays, **settings)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever runs the program
            self._errors.append(error)
            return False
        return True


def _split(step: RecordedStep, module: ModuleType) -> tuple[list[RecordedCall], list[RecordedCall]]:
    """The calls that each step repeats, and those that give the same every time, since they read nothing."""
    wanted = [step.parameters, *step.keep, step.outputs, step.value, step.total]
    calls = without_dead_work(step.calls, wanted)
    for call in calls:
        if module.has_kernel(call.kernel.name):
            check_arrays(call, step.parameters.dtype)
    constant = [is_constant(call, module) for call in calls]
    return [c for c, same in zip(calls, constant, strict=True) if not same], list(compress(calls, constant))


def is_constant(call: RecordedCall, module: ModuleType) -> bool:
    """Whether a call gives the same each time: it reads no array, no number that changes, and is one of ours."""
    kernel = call.kernel
    changes = any(isinstance(value, StepNumber) for value in call.settings.values())
    reads = kernel.updates or any(call.arrays[name] is not None for name in kernel.reads)
    return module.has_kernel(kernel.name) and not changes and not reads


def _stages(
    step: RecordedStep,
    calls: list[RecordedCall],
    module: ModuleType,
    empty: Callable[[Shape, np.dtype[Any]], Array],
) -> tuple[list[Stage], int]:
    """The step's stages, and the number of the one after which the loss is known."""
    wanted = [step.parameters, *step.keep]
    place = {id(call.settings): i for i, call in enumerate(step.calls)}  # which the calls left still hold
    lasting = [extent(array) for array in wanted]
    items = [row_item("gather", {"buffer": buffer}, step.rows) for _, buffer in step.sources]
    collect: Item | None = row_item("collect", {"outputs": step.outputs}, step.rows)
    after_check = [False] * len(items)
    is_known = False  # whether the loss has been written
    for call in calls:
        if collect is not None and place[id(call.settings)] >= step.forward_calls:
            items.append(collect)
            after_check.append(False)
            collect = None
        in_python = not module.has_kernel(call.kernel.name) or not fits_native(call)
        for item in items_of(
            call,
            rows=step.rows,
            flat=(step.parameters, step.gradients),
            number=len(items),
            in_python=in_python,
            empty=empty,
        ):
            items.append(item)
            changes = any(
                a.writes and a.start < stop and start < a.stop for a in item.accesses for start, stop in lasting
            )
            after_check.append(is_known and (changes or in_python))
        is_known = is_known or call.arrays.get("value") is step.value
    return stages_of(items, after_check, step.value)


def fits_native(call: RecordedCall) -> bool:
    """Whether the native module takes arrays of so many axes."""
    return all(array is None or array.ndim <= MOST_AXES for array in call.arrays.values())


def check_arrays(call: RecordedCall, dtype: np.dtype[Any]) -> None:
    """Refuses what a native kernel cannot read or write."""
    for name, array in call.arrays.items():
        wanted = call.kernel.dtypes.get(name, dtype)
        written = name in call.kernel.writes + call.kernel.updates
        if array is not None and (
            not (array.flags.c_contiguous and array.dtype.isnative)
            or array.dtype != wanted
            or (written and not array.flags.writeable)
        ):
            raise ConfigurationError(
                where=f"layer {call.path}, {call.kernel.name}",
                received=f"for {name} a {array.dtype} array with strides {array.strides}",
                expected=f"a contiguous {np.dtype(wanted)} array" + (" that can be written" if written else ""),
                fix='use engine="numpy", and report the layer: its buffers should come from run.empty',
            )


def as_setting(value: float) -> float:
    """A kernel's number as the native module takes it."""
    if np.isfinite(value) and int(value) == value and float(value) != value:
        raise ConfigurationError(
            where="engine",
            received=f"the whole number {value}",
            expected="at most 2^53, which a float64 holds exactly",
            fix="choose a smaller seed",
        )
    return float(value)
