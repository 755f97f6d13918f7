"""Recorded calls, compiled: a program of the native module that replays them over many batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError
from glassnet.runners.recorder import RecordedCall, StepNumber, is_contiguous
from glassnet.shapes import Array

# Arrays whose dtype does not depend on the network's.
FIXED_DTYPES: dict[str, type] = {
    "labels": np.int64,
    "mask": np.bool_,
    "value": np.float64,
    "total": np.float64,
    "momentum_product": np.float64,
}


@cache
def native() -> ModuleType | None:
    """The native module's variant for this processor, its BLAS loaded; None in a pure-Python installation."""
    if find_spec("glassnet._native") is None:
        return None
    module = import_module(f"glassnet.{import_module('glassnet._native').best_variant()}")
    folder = Path(import_module("scipy_openblas32").get_lib_dir())
    library = next((p for p in sorted(folder.iterdir()) if p.name.startswith("libscipy_openblas.")), folder)
    module.load_blas(str(library))
    return module


class CompiledProgram:
    """A recorded training step, ready to be replayed.

    Args:
        calls: what a ``Recorder`` wrote down.
        dtype: of the network.
        batch_rows: rows in a batch.
        sources: (rows, buffer) pairs: before each step the batch's rows are gathered into the buffer.
        outputs: the buffer with the network's outputs.
        value: the buffer (1,) with the batch's loss.
        total: the buffer (1,) with the batch's total weight.
        keep: arrays whose values are wanted after a step: parameters, the optimizer's memory.
    """

    def __init__(
        self,
        calls: list[RecordedCall],
        *,
        dtype: np.dtype[Any],
        batch_rows: int,
        sources: list[tuple[Array, Array]],
        outputs: Array,
        value: Array,
        total: Array,
        keep: list[Array],
    ) -> None:
        module = native()
        assert module is not None
        self._program = module.Program(dtype == np.float64, batch_rows)
        self._questions: list[Callable[[], float]] = []
        calls = without_dead_work(calls, [*keep, outputs, value, total])
        self._kept = (calls, sources, outputs, value)  # the program holds their addresses
        self._total = total
        self._errors: list[BaseException] = []
        for rows, buffer in sources:
            self._program.gather(rows, buffer)
        for call in calls:
            self._add(call, dtype)
            if call.arrays.get("value") is value:  # the loss is known, and the outputs still are
                self._program.watch(value)
                self._program.collect(outputs)

    def run(
        self, steps: int, order: Array | None, first: int, advance: Callable[[int], None], collected: Array | None
    ) -> tuple[Array, Array, int]:
        """Replays the program.

        Args:
            steps: how often.
            order: the rows' order (int64), or None for their natural one.
            first: place of the first row in it.
            advance: called with s before the numbers of step s are asked for.
            collected: receives the outputs of every row at its place, or None.

        Returns:
            The losses of the steps done, the total weights of their batches, and how many were done to the end; fewer
            than asked when the next one's loss, which then is the last of the losses, was not finite.
        """
        numbers = np.zeros((steps, max(1, len(self._questions))))
        for step in range(steps):
            advance(step)
            for column, ask in enumerate(self._questions):
                numbers[step, column] = ask()
        totals, values = np.empty(steps), np.empty(steps)
        done, diverged, failed = self._program.run(steps, order, first, numbers, self._total, totals, values, collected)
        if failed:
            raise self._errors.pop()
        return values[: done + diverged], totals[: done + diverged], done

    def _add(self, call: RecordedCall, dtype: np.dtype[Any]) -> None:
        module = native()
        assert module is not None
        if not module.has_kernel(call.kernel.name):
            self._program.add_callback(_guarded(call, self._errors))
            return
        for name, array in call.arrays.items():
            wanted = FIXED_DTYPES.get(name, dtype)
            written = name in call.kernel.writes + call.kernel.updates
            if array is not None and (
                not is_contiguous(array) or array.dtype != wanted or (written and not array.flags.writeable)
            ):
                raise ConfigurationError(
                    where=f"layer {call.path}, {call.kernel.name}",
                    received=f"for {name} a {array.dtype} array with strides {array.strides}",
                    expected=f"a contiguous {np.dtype(wanted)} array" + (" that can be written" if written else ""),
                    fix='use engine="numpy", and report the layer: its buffers should come from run.empty',
                )
        settings, columns = [], []
        for value in call.settings.values():
            is_question = isinstance(value, StepNumber)
            columns.append(self._column(value) if is_question else -1)
            if not is_question and int(value) == value and float(value) != value:
                raise ConfigurationError(
                    where="engine",
                    received=f"the whole number {value}",
                    expected="at most 2^53, which a float64 holds exactly",
                    fix="choose a smaller seed",
                )
            settings.append(0.0 if is_question else float(value))
        self._program.add(call.kernel.name, list(call.arrays.values()), settings, columns)

    def _column(self, number: StepNumber) -> int:
        """The column of a per-step number; one that several calls share is asked for once."""
        if number.ask not in self._questions:
            self._questions.append(number.ask)
        return self._questions.index(number.ask)


def without_dead_work(calls: list[RecordedCall], wanted: list[Array]) -> list[RecordedCall]:
    """Leaves out what nobody reads afterwards: whole calls, and the ∂L/∂x of a first layer.

    Args:
        calls: one training step.
        wanted: arrays whose values are read after the step.

    Returns:
        The calls that remain, in their order.
    """
    live = [_extent(array) for array in wanted]
    kept: list[RecordedCall] = []
    for call in reversed(calls):
        arrays = dict(call.arrays)
        if call.kernel.name == "dense_backward" and not _is_live(arrays["dx"], live):
            arrays["dx"] = None
        written = [arrays[name] for name in call.kernel.writes + call.kernel.updates]
        if "function" in call.settings or any(_is_live(array, live) for array in written):
            kept.append(RecordedCall(call.path, call.kernel, arrays, call.settings))
            live += [_extent(a) for n, a in arrays.items() if n not in call.kernel.writes and a is not None]
    return kept[::-1]


def _extent(array: Array) -> tuple[int, int]:
    address = int(array.__array_interface__["data"][0])
    return address, address + array.nbytes


def _is_live(array: Array | None, live: list[tuple[int, int]]) -> bool:
    if array is None:
        return False
    start, stop = _extent(array)
    return any(start < other_stop and other_start < stop for other_start, other_stop in live)


def _guarded(call: RecordedCall, errors: list[BaseException]) -> Callable[[], bool]:
    """The call of Python code as the native program makes it: an error is kept for ``run`` to raise.

    It must not refer to the program, which owns it: no garbage collector could break that circle.
    """

    def carry_out() -> bool:
        try:
            call.kernel.function(**call.arrays, **call.settings)
        except BaseException as error:  # noqa: BLE001 - raised again by run
            errors.append(error)
            return False
        return True

    return carry_out
