"""A recorded training step, compiled: a program of the native module that replays it over many batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.compile.arena import Arena
from glassnet.compile.binding import as_setting, check_arrays, has_twin, native, runs_natively
from glassnet.compile.graph import is_constant, without_dead_work
from glassnet.compile.items import Item, items_of, row_item
from glassnet.compile.plan import Plan, make_plan
from glassnet.compile.stages import stages_of
from glassnet.core.places import Places, place_of
from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels.pieces import add_pieces
from glassnet.runners.base import NumberOfStep
from glassnet.runners.recorder import RecordedCall, StepNumber, repeat


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
        output_shape: of a row where outputs are collected; those of the buffer may have fewer steps.
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
    output_shape: Shape
    value: Array
    total: Array
    parameters: Array
    gradients: Array
    keep: list[Array]


class CompiledProgram:
    """A recorded training step in the native module.

    The calls that anybody needs are cut into items, these are put into stages that follow each other, and the buffers
    between them get their places in one stretch of memory: that is the program, which is then written down natively.

    Args:
        step: as recorded.
        questions: functions of the step whose values the program needs; it appends those that are missing.
        errors: receives what Python code raises while the program runs.
        threads: how many it is cut for; any number may run it.
        wanted: buffers of the step whose values are to stand there when it is over: nothing else takes their place.

    Attributes:
        native: the program, for a ``Replay``.
        stages: what it does, see ``stages.py``.
        arena: its memory.
        python_calls: Python code in it.
        memory: what the native program points to, besides the arrays of the training; to be kept as long as that.
    """

    def __init__(
        self,
        step: RecordedStep,
        questions: list[NumberOfStep],
        errors: list[BaseException],
        *,
        threads: int = 1,
        wanted: Sequence[Array] = (),
    ) -> None:
        module = native()
        assert module is not None
        self._step, self._questions, self._errors = step, questions, errors
        self.python_calls: list[PythonCall] = []
        calls, constants = _live_calls(step, wanted)
        buffers = list(step.buffers)
        items = _items(step, calls, buffers)
        self.stages, self._checked_at = stages_of(items, step.value, threads)
        self.arena = Arena(buffers, self.stages, [*wanted, *_lasting(step, constants, items)], module.ALIGNMENT)
        repeat([replace(call, arrays=self._in_arena(call.arrays)) for call in constants], step=0)
        self.memory = [self.arena.memory, *map(self.arena.view, (step.value, step.total))]
        self.native = module.Program(step.parameters.dtype == np.float64, step.rows)
        self._write()

    def _write(self) -> None:
        """Writes the native program, stage by stage."""
        parts_written: dict[Any, int] = {}  # of each array in which every piece has a part of its own
        for number, stage in enumerate(self.stages):
            self.native.stage(stage.is_parallel)
            for group in stage.groups:
                self.native.group(group.extent, group.size)
                for item in group.items:
                    parts_written |= {place_of(item.arrays[name]): group.pieces for name in item.by_piece}
                    self._write_item(item, parts_written)
            if number == self._checked_at:
                self.native.watch(self.arena.view(self._step.value), self.arena.view(self._step.total))
        self.native.finish()

    def _write_item(self, item: Item, parts_written: dict[Any, int]) -> None:
        arrays = self._in_arena(item.arrays)
        if item.call is None:
            self._write_copy(item, arrays)
            return
        if item.in_python:
            self.python_calls.append(PythonCall(item.call, arrays, self._errors))
            self.native.add_callback(self.python_calls[-1])
            return
        for name in item.by_piece:
            arrays[name] = arrays[name][0]
        if item.call.kernel.function is add_pieces:
            parts = arrays["parts"]
            arrays["parts"] = parts.reshape(len(parts), -1)[: parts_written[place_of(item.arrays["parts"])]]
        kind = self.native.Share
        shares = [kind.BY_PIECE if n in item.by_piece else kind.CUT if n in item.cut else kind.WHOLE for n in arrays]
        settings = [0.0 if isinstance(v, StepNumber) else as_setting(v) for v in item.call.settings.values()]
        columns = [self._column(v.of) if isinstance(v, StepNumber) else -1 for v in item.call.settings.values()]
        self.native.add(item.name, list(arrays.values()), shares, item.origin, item.length, settings, columns)

    def _write_copy(self, item: Item, arrays: dict[str, Array]) -> None:
        if item.name == "collect":
            outputs = arrays["outputs"]
            self.native.add_collect(outputs, size_of(self._step.output_shape) * outputs.itemsize)
            return
        rows = next(r for r, buffer in self._step.sources if buffer is item.arrays["buffer"])
        buffer = arrays["buffer"]
        self.native.add_gather(rows.reshape(len(rows), -1), buffer.reshape(len(buffer), -1))  # of however many axes

    def _in_arena(self, arrays: dict[str, Any]) -> dict[str, Any]:
        return {name: self.arena.view(array) for name, array in arrays.items()}

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
        """Whether Python code in it depends on the step, which must then be run one by one."""
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


def _live_calls(step: RecordedStep, wanted: Sequence[Array]) -> tuple[list[RecordedCall], list[RecordedCall]]:
    """The calls that each step repeats, and those that give the same every time, since they read nothing."""
    read = [step.parameters, *step.keep, step.outputs, step.value, step.total, *wanted]
    calls = without_dead_work(step.calls, read)
    for call in calls:
        if has_twin(call):
            check_arrays(call, step.parameters.dtype)
    return [call for call in calls if not is_constant(call)], [call for call in calls if is_constant(call)]


def _items(step: RecordedStep, calls: list[RecordedCall], buffers: list[Array]) -> list[Item]:
    """The items of a step: the batch's rows come in, the calls are done, and after the forward pass outputs go out.

    ``buffers`` grows by what they need besides.
    """

    def empty(shape: Shape, dtype: np.dtype[Any]) -> Array:
        buffers.append(np.empty(shape, dtype))
        return buffers[-1]

    flat, lasting = (step.parameters, step.gradients), Places([step.parameters, *step.keep])
    items = [row_item("gather", {"buffer": buffer}, step.rows) for _, buffer in step.sources]
    outputs: Item | None = row_item("collect", {"outputs": step.outputs}, step.rows)
    loss, is_known = place_of(step.value), False
    for call in calls:
        if outputs is not None and call.number >= step.forward_calls:
            items.append(outputs)
            outputs = None
        in_python = not runs_natively(call)
        found = list(items_of(call, rows=step.rows, flat=flat, number=len(items), in_python=in_python, empty=empty))
        for item in found:
            changes = any(access.writes and lasting.touch(access.place) for access in item.accesses)
            item.after_check = is_known and (changes or in_python)
        items += found
        is_known = is_known or any(a.writes and a.place.overlaps(loss) for item in found for a in item.accesses)
    return items


def _lasting(step: RecordedStep, constants: list[RecordedCall], items: list[Item]) -> list[Array]:
    """The buffers whose contents are read from outside of the program's order."""
    found = [step.value, step.total, *(buffer for _, buffer in step.sources)]
    found += [call.arrays[name] for call in constants for name in call.kernel.writes]
    for item in items:
        if item.in_python:  # which may keep an array for its backward pass
            found += [array for array in item.arrays.values() if isinstance(array, np.ndarray)]
    return found
