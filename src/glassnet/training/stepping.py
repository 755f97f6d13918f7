"""Single updates for a loop of the user's own: by programs that are kept from call to call, or by NumPy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any
from warnings import warn

import numpy as np

from glassnet.errors import ConfigurationError, DivergenceError, NumpyFallbackWarning
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, Loss
from glassnet.network import Network, embeddings_of
from glassnet.optimizers import Optimizer
from glassnet.runners import CompiledProgram, NumberOfStep, NumpyRunner, native
from glassnet.runners.base import is_library_code, values_at
from glassnet.runners.standins import NotRecorded
from glassnet.shapes import Array
from glassnet.training.batches import Rows
from glassnet.training.changes import Fingerprint
from glassnet.training.engines import ENDS, CompiledEngine, Task, engine_class
from glassnet.training.interrupt import Interrupt
from glassnet.training.loop import check_rate
from glassnet.training.parts import Bridges, own_parts
from glassnet.training.snapshots import NoSnapshots
from glassnet.training.steps import TrainingStep, record_update
from glassnet.training.trial import examine

MOST_PROGRAMS = 8
"""Of batch shapes whose programs are kept, those used last."""
NUMBERS_AHEAD = 512
"""Steps for which the numbers that change from step to step are calculated at once, where the rate is a constant."""
DRAW = 32
"""The masks of a step's batch number b are those of step + b · 2^DRAW: of a step that no training comes to."""
NO_NUMBERS: list[Any] = []

Parts = tuple[Network, Loss, Optimizer, int]


class Stepper:
    """Updates of one network, one at a time. It holds while ``is_current`` says so.

    Args:
        network: built.
        loss: as the model has it.
        optimizer: as the model has it.
        seed: keys the dropout masks, together with ``optimizer.steps``.
        engine: as ``Model`` takes it.
        threads: upper limit of threads.
    """

    def __init__(
        self, network: Network, loss: Loss, optimizer: Optimizer, seed: int, engine: str, threads: int | None
    ) -> None:
        optimizer.prepare(network.parameters)
        self._parts: Parts = (network, loss, optimizer, seed)
        self._settings = seed, engine, threads
        self._network, self._loss, self._optimizer = network, loss, optimizer
        self._fingerprint = Fingerprint(network, loss, optimizer)
        self._bridges: Bridges | None = None  # known once the user's own parts have been tried
        self._programs: OrderedDict[tuple[Any, ...], Program] = OrderedDict()
        self._last: Program | None = None
        self._update: UpdateProgram | None = None
        self._has_own = bool(own_parts(network, loss, optimizer))
        self._looks_up = bool(embeddings_of(network, network.input_shape or ()))
        # What a forward pass changes: running statistics. (Frozen weights are weights, and nobody changes them.)
        segments = [s for s in network.layout if not s.trainable and not s.is_weight]
        self._running = [s.view(network.parameters) for s in segments]

    def is_current(
        self, network: Network, loss: Loss, optimizer: Optimizer, seed: int, engine: str, threads: int | None
    ) -> bool:
        """Whether these are the parts and settings that it was made for, and nothing of them has changed."""
        return (
            network is self._network
            and loss is self._loss
            and optimizer is self._optimizer
            and (seed, engine, threads) == self._settings
            and self._fingerprint.is_current()
        )

    def quick(self, x: Any, y: Any) -> float | None:
        """One update on a batch of the same shape as the one before; None where the door has to look at the arrays."""
        program = self._last
        if program is None or self._looks_up or not program.load(x, y):
            return None
        return self._run(program)

    def step(self, rows: Rows) -> float:
        """One update on checked rows; returns their loss.

        Raises:
            DivergenceError: it is not finite; nothing is changed.
        """
        bridges = self._examined(rows)
        if bridges is None:
            return self._by_numpy(rows)
        self._last = program = self._program(rows, StepProgram, bridges)
        program.fill(rows)
        return self._run(program)

    def step_over(self, batches: Iterable[Rows]) -> float:
        """One update with the gradients of several batches together; returns their loss."""
        network, loss, optimizer, seed = self._parts
        before, is_mean = optimizer.steps, self._loss.reduction == "mean"
        check_rate(optimizer, where=f"step_over: update {before + 1}")
        losses: list[float] = []
        weights: list[float] = []
        together = np.zeros_like(network.parameters)
        running = [array.copy() for array in self._running]
        bridges = None
        try:
            with Interrupt() as interrupt, np.errstate(over="ignore", invalid="ignore"):
                for number, rows in enumerate(batches):
                    self._require_unchanged(before)
                    bridges = self._examined(rows)
                    draw = before + (number << DRAW)
                    if bridges is None:
                        run = NumpyRunner(seed, draw)
                        step = TrainingStep(run, network, loss, optimizer, rows.x, rows.targets, rows.loss_weights)
                        value, total = float(step.value[0]), float(step.total[0])
                        if np.isfinite(value):
                            step.backward()
                    else:
                        program = self._program(rows, GradientProgram, bridges)
                        program.fill(rows)
                        program.replay(draw)
                        value, total = float(program.value[0]), float(program.total[0])
                    if not np.isfinite(value):
                        raise self._divergence(f"step_over: batch {number + 1}", value, KEPT)
                    self._own_changes()
                    losses.append(value)
                    weights.append(total)
                    together += network.gradients if not is_mean else network.gradients * together.dtype.type(total)
                self._require_unchanged(before)
                if interrupt.requested:
                    raise KeyboardInterrupt
                whole = sum(weights)
                np.divide(together, together.dtype.type(whole if is_mean else 1.0), out=network.gradients)
                self._do_update(whole, bridges)
        except BaseException:
            if optimizer.steps == before:
                self._put_back(running)
            raise
        self._own_changes()
        self._require_finite("step_over")
        if interrupt.requested:
            raise KeyboardInterrupt
        return float(np.dot(losses, weights) / whole) if is_mean else sum(losses)

    def _do_update(self, total: float, bridges: Bridges | None) -> None:
        """The optimizer's turn, with the gradients that are there."""
        network, _, optimizer, seed = self._parts
        if bridges is None:
            run = NumpyRunner(seed, optimizer.steps)
            run.batch_weight = np.array([total])
            run.update(optimizer, network.parameters, network.gradients, network.layout)
            return
        if self._update is None:
            self._update = UpdateProgram(self._parts, bridges)
        self._update.run(total)

    def _examined(self, rows: Rows) -> Bridges | None:
        """The bridges that programs need, once the user's own parts have been tried; None where NumPy has to do."""
        if self._bridges is None:
            compiled = engine_class(self._settings[1]) is CompiledEngine
            self._bridges = examine(*self._parts, rows, len(rows), compiled=compiled)
            if self._bridges.impossible:
                warn(f"step runs by NumPy: {self._bridges.impossible}", NumpyFallbackWarning, stacklevel=4)
            elif not compiled:
                self._bridges = Bridges(impossible='engine="numpy"')
        return None if self._bridges.impossible else self._bridges

    def _program(self, rows: Rows, kind: type[Program], bridges: Bridges) -> Program:
        key = kind, rows.x.shape, rows.targets.shape, rows.targets.dtype, rows.loss_weights is None
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = kind(self._parts, self._settings[2], rows, bridges)
            self._own_changes()  # recording calls the user's code
            while len(self._programs) > MOST_PROGRAMS:
                self._programs.popitem(last=False)
        self._programs.move_to_end(key)
        return program

    def _run(self, program: Program) -> float:
        """Runs a program whose rows are there; Ctrl-C has to wait where Python code takes part."""
        optimizer = self._optimizer
        running = [array.copy() for array in self._running] if self._running else NO_NUMBERS
        before = optimizer.steps
        try:
            if program.is_in_python:
                with Interrupt() as interrupt:
                    end = program.replay(before)
            else:
                end = program.replay(before)
        except BaseException:
            if optimizer.steps == before:
                self._put_back(running)
            raise
        if program.is_in_python:
            self._own_changes()
        value = program.values.item()
        if end == "diverged":
            self._put_back(running)
            raise self._divergence(f"step: update {before + 1}", value, KEPT)
        if end == "parameters not finite":
            raise self._divergence(f"step: update {before + 1}", value, OVERFLOWN)
        if program.is_in_python and interrupt.requested:
            raise KeyboardInterrupt
        return float(value)

    def _by_numpy(self, rows: Rows) -> float:
        network, loss, optimizer, seed = self._parts
        before = optimizer.steps
        check_rate(optimizer, where=f"step: update {before + 1}")
        running = [array.copy() for array in self._running]
        try:
            with Interrupt() as interrupt, np.errstate(over="ignore", invalid="ignore"):
                run = NumpyRunner(seed, before)
                step = TrainingStep(run, network, loss, optimizer, rows.x, rows.targets, rows.loss_weights)
                value = float(step.value[0])
                if not np.isfinite(value):
                    raise self._divergence(f"step: update {before + 1}", value, KEPT)
                step.finish()
        except BaseException:
            if optimizer.steps == before:
                self._put_back(running)
            raise
        finally:
            self._own_changes()
        self._require_finite("step")
        if interrupt.requested:
            raise KeyboardInterrupt
        return value

    def _put_back(self, running: list[Array]) -> None:
        for array, values in zip(self._running, running, strict=True):
            np.copyto(array, values)

    def _own_changes(self) -> None:
        """What the user's own parts do to themselves while they work is no news."""
        if self._has_own:
            self._fingerprint.renew()

    def _require_unchanged(self, steps: int) -> None:
        """Refuses what whoever makes the batches has done to the parts meanwhile."""
        if self._optimizer.steps != steps or not self._fingerprint.is_current():
            raise ConfigurationError(
                where="step_over",
                received="a network, loss or optimizer that changed while the batches were made",
                expected="the same ones for all batches of an update",
                fix="make the changes before step_over, and call no step or fit in the generator of the batches",
            )

    def _require_finite(self, where: str) -> None:
        if not np.isfinite(self._network.parameters).all():
            raise self._divergence(f"{where}: update {self._optimizer.steps}", float("nan"), OVERFLOWN)

    def _divergence(self, where: str, value: float, state: str) -> DivergenceError:
        shown = value if not np.isfinite(value) else float("nan")
        return DivergenceError(
            where=where,
            received=f"a loss of {shown} at the learning rate {self._optimizer.current_rate():g}",
            expected=f"a finite loss; {state}",
            fix="lower the learning rate, scale the inputs to about −1..1, or add gn.ClipByNorm(1.0) to the optimizer",
        )


KEPT = "parameters and optimizer are as they were before"
OVERFLOWN = "the update made parameters infinite: load the model, or build the network anew"


class Program(CompiledEngine):
    """A recorded step on a batch of one shape, whose rows are copied into arrays of its own.

    Args:
        parts: of the training.
        threads: upper limit of threads.
        rows: a batch of that shape.
        bridges: the user's own parts that are called in Python.
    """

    def __init__(self, parts: Parts, threads: int | None, rows: Rows, bridges: Bridges) -> None:
        super().__init__(*parts, threads, NoSnapshots(), bridges=bridges)
        weights = None if rows.loss_weights is None else rows.loss_weights.copy()
        self._x, self._targets, self._weights = rows.x.copy(), rows.targets.copy(), weights
        self._flat, self._shape, self._targets_shape = self._x.reshape(-1), rows.x.shape, rows.targets.shape
        own = Rows(self._x, self._targets, loss_weights=weights)
        self._record(Task(own, len(rows), lambda _: None, None, lambda _, __: True))
        self._run_native = self._native.run
        self._calls = [call for program in self.programs for call in program.python_calls]
        self.is_in_python = bool(self._calls)
        self.values, self.totals = np.empty(1), np.empty(1)
        self._numbers = _Numbers(self.optimizer, self._questions)
        self._takes = None if weights is not None else _taker(parts[1], self._targets, self.network)

    @property
    def value(self) -> Array:
        """The loss of the latest run (1,)."""
        return self.values

    @property
    def total(self) -> Array:
        """The total weight of the latest run (1,)."""
        return self.totals

    def fill(self, rows: Rows) -> None:
        """Takes over checked rows."""
        np.copyto(self._x, rows.x)
        np.copyto(self._targets, rows.targets)
        if self._weights is not None and rows.loss_weights is not None:
            np.copyto(self._weights, rows.loss_weights)

    def load(self, x: Any, y: Any) -> bool:
        """Takes over a batch as the user gave it, if it is seen at a glance that all is well with it."""
        if type(x) is not np.ndarray or type(y) is not np.ndarray or self._takes is None:
            return False
        if x.shape != self._shape or y.shape != self._targets_shape or x.dtype.char not in "fdbBhHiIlL":
            return False
        with np.errstate(over="ignore", invalid="ignore"):  # the door finds out what there is to it
            self._x[...] = x
            return _is_finite(self._flat) and self._takes(y)

    def replay(self, draw: int) -> str:
        """Runs it once; says how it ended. ``draw`` is the step whose masks are drawn."""
        optimizer, values = self.optimizer, self.values
        before = optimizer.steps
        if self._calls:
            for call in self._calls:
                call.step = draw
        numbers = self._numbers.at(draw)
        values[0] = np.nan
        try:
            _, end = self._run_native(0, 0, 1, None, numbers, values, self.totals, None, self.threads, draw, NO_NUMBERS)
            if self.updates and end in DONE:
                optimizer.steps = before + 1
        except KeyboardInterrupt:  # which comes before or after the program, never in the middle
            optimizer.steps = before + (self.updates and bool(np.isfinite(values[0])))
            raise
        if end == FAILED:
            optimizer.steps = before
            raise self._errors.pop()
        return ENDS[end]


DONE = ENDS.index("done"), ENDS.index("parameters not finite")
FAILED = ENDS.index("failed")


class StepProgram(Program):
    """Forward, loss, backward, update."""


class GradientProgram(Program):
    """Forward, loss, backward: it ends with the gradients."""

    updates = False


class UpdateProgram:
    """The optimizer's turn alone.

    Args:
        parts: of the training.
        bridges: the user's own parts that are called in Python.
    """

    def __init__(self, parts: Parts, bridges: Bridges) -> None:
        module = native()
        assert module is not None
        network, loss, self._optimizer, _ = parts
        questions: list[NumberOfStep] = []
        self._errors: list[BaseException] = []
        while True:
            try:
                step = record_update(*parts, bridges=bridges)
                break
            except NotRecorded as refusal:
                bridges = bridges.with_refused(refusal, network, loss, self._optimizer)
                if bridges.impossible:
                    raise
        self._program = program = CompiledProgram(step, questions, self._errors)
        self._total, value = program.arena.view(step.total), program.arena.view(step.value)
        value[0] = 0.0
        self._native = module.Replay(program.native, 1, None, network.dtype == np.float64)
        self._native.parameters(network.parameters)
        self._numbers = _Numbers(self._optimizer, questions)
        self._values, self._totals = np.empty(1), np.empty(1)

    def run(self, total: float) -> None:
        """Does the update for gradients of rows with that total weight."""
        optimizer = self._optimizer
        before = optimizer.steps
        self._total[0] = total
        for call in self._program.python_calls:
            call.step = before
        numbers = self._numbers.at(before)
        arguments = numbers, self._values, self._totals, None, 1, before, NO_NUMBERS
        _, end = self._native.run(0, 0, 1, None, *arguments)
        if end == FAILED:
            optimizer.steps = before
            raise self._errors.pop()
        optimizer.steps = before + 1


class _Numbers:
    """The numbers that a program asks for at each step."""

    def __init__(self, optimizer: Optimizer, questions: list[NumberOfStep]) -> None:
        self._optimizer, self._questions = optimizer, questions
        self._is_ours = all(map(is_library_code, questions)) and is_library_code(type(optimizer))
        self._rate: Any = None  # and scale, for which the numbers hold
        self._first = 0
        self._ahead = np.empty((0, len(questions)))

    def at(self, step: int) -> Array:
        """Those of a step (1, columns)."""
        optimizer = self._optimizer
        rate = optimizer.learning_rate
        if not self._is_ours or type(rate) is not float:
            check_rate(optimizer, where=f"step: update {optimizer.steps + 1}")
            return self._from(step, 1)
        key = rate, optimizer.learning_rate_scale
        place = step - self._first
        if key != self._rate or not 0 <= place < len(self._ahead):
            check_rate(optimizer, where=f"step: update {optimizer.steps + 1}")
            self._ahead = self._from(step, NUMBERS_AHEAD)
            self._first, self._rate, place = step, key, 0
        return self._ahead[place : place + 1]

    def _from(self, step: int, count: int) -> Array:
        numbers = np.empty((count, len(self._questions)))
        for column, question in enumerate(self._questions):
            numbers[:, column] = values_at(question, np.arange(step, step + count))
        return numbers


def _is_finite(flat: Array) -> bool:
    """Whether all is finite; False also for numbers whose squares are too large, which somebody else must look at."""
    if flat.size > MOST_DOT:
        return bool(np.isfinite(flat).all())
    return isfinite(flat.dot(flat))


MOST_DOT = 8192
"""Elements up to which a scalar product is the shortest question, and one that no threads of a BLAS are woken for."""


def _taker(loss: Loss, targets: Array, network: Network) -> Callable[[Array], bool] | None:
    """What copies targets as a user gave them, if that is all that the loss would do with them, and says whether.

    None for losses that have to look at them.
    """
    kind = type(loss)
    if kind.weigh_classes not in (Loss.weigh_classes, CrossEntropy.weigh_classes):
        return None
    if kind.prepare is CrossEntropy.prepare and targets.ndim == 1 and targets.dtype == np.int64:
        classes, unsigned = (network.output_shape or (0,))[0], targets.view(np.uint64)
        largest = np.maximum.reduce

        def labels(y: Array) -> bool:
            if y.dtype.char not in "lbBhHiI":
                return False
            targets[...] = y
            return bool(largest(unsigned) < classes)  # negative ones are huge

        return labels
    if kind.prepare is Loss.prepare and targets.dtype == network.dtype:
        flat = targets.reshape(-1)

        def numbers(y: Array) -> bool:
            if y.dtype is not targets.dtype:
                return False
            targets[...] = y
            return _is_finite(flat)

        return numbers
    if kind.prepare is BinaryCrossEntropy.prepare:

        def shares(y: Array) -> bool:
            if y.dtype.char not in "fdlbBhHiI?":
                return False
            targets[...] = y
            return bool(y.min() >= 0 and y.max() <= 1)

        return shares
    return None
