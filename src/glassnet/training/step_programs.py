"""Programs of single updates: a whole step on a batch, the gradients of a batch, the optimizer's turn alone."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from glassnet.compile import CompiledProgram, native
from glassnet.core.numeric import MOST_DOT
from glassnet.core.shapes import Array
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners import NumberOfStep
from glassnet.runners.base import is_library_code, values_at
from glassnet.runners.standins import NotRecorded
from glassnet.training.batches import Rows
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.loop import check_rate
from glassnet.training.parts import Bridges, Parts
from glassnet.training.snapshots import NoSnapshots
from glassnet.training.steps import record_update
from glassnet.training.tasks import Task

MOST_WAITED = 500_000
"""Floating-point operations of a step during which the interpreter waits, rather than being left and entered again."""
NUMBERS_AHEAD = 512
"""Steps for which the numbers that change from step to step are calculated at once, where the rate is a constant."""


class Program(CompiledEngine):
    """A recorded step on a batch of one shape, whose rows are copied into arrays of its own.

    Args:
        parts: of the training.
        threads: upper limit of threads.
        rows: a batch of that shape.
        bridges: the user's own parts that are called in Python.

    Attributes:
        value: the loss of the latest run (1,).
        total: the total weight of the latest run (1,).
    """

    def __init__(self, parts: Parts, threads: int | None, rows: Rows, bridges: Bridges) -> None:
        super().__init__(parts, threads, NoSnapshots(), bridges=bridges)
        weights = None if rows.loss_weights is None else rows.loss_weights.copy()
        self._x, self._targets, self._weights = rows.x.copy(), rows.targets.copy(), weights
        self._flat, self._shape, self._targets_shape = self._x.reshape(-1), rows.x.shape, rows.targets.shape
        self._lengths = None if rows.lengths is None else rows.lengths.copy()
        own = Rows(self._x, self._targets, loss_weights=weights, lengths=self._lengths)
        self._record(Task(own, len(rows), lambda *_: None, None, lambda *_: True))
        self._step_native = self._native.step
        self._calls = [call for program in self.programs for call in program.python_calls]
        self.is_in_python = bool(self._calls)
        self.value, self.total = np.empty(1), np.empty(1)
        self._numbers = _Numbers(self.optimizer, self._questions)
        is_plain = weights is None and self._lengths is None
        self._takes = _taker(self.loss, self._targets, self.network) if is_plain else None

    def fill(self, rows: Rows) -> None:
        """Takes over checked rows."""
        np.copyto(self._x, rows.x)
        np.copyto(self._targets, rows.targets)
        if self._weights is not None and rows.loss_weights is not None:
            np.copyto(self._weights, rows.loss_weights)
        if self._lengths is not None and rows.lengths is not None:
            np.copyto(self._lengths, rows.lengths)

    def load(self, x: Any, y: Any) -> bool:
        """Takes over a batch as the user gave it, if it is seen at a glance that all is well with it."""
        if type(x) is not np.ndarray or type(y) is not np.ndarray or self._takes is None:
            return False
        if x.shape != self._shape or y.shape != self._targets_shape or x.dtype.char not in "fdbBhHiIlL":
            return False
        with np.errstate(over="ignore", invalid="ignore"):  # the door finds out what there is to it
            self._x[...] = x
            return _is_finite(self._flat) and self._takes(y)

    @property
    def numbers_key(self) -> Any:
        """Tells the numbers that are known for its next steps from others."""
        return self._numbers.key

    def single_step(self, optimizer: Optimizer, look_every: int) -> Any:
        """The same in one native call, for as long as it knows the numbers; None where Python has to look.

        It watches nothing yet but whether its numbers hold.
        """
        kind, rates = targets_kind(self.loss, self._targets, self.network), vars(optimizer)
        ahead = self._numbers.ahead
        is_plain = self._takes is not None and kind is not None and not self._calls
        if not is_plain or ahead is None or not {"learning_rate", "learning_rate_scale"} <= rates.keys():
            return None
        if self.programs[0].flops > MOST_WAITED:
            return None
        first, numbers = ahead
        module = native()
        assert module is not None
        single = module.SingleStep(
            replay=self._native,
            array_type=np.ndarray,
            x=self._x,
            targets=self._targets,
            kind=module.SingleStep.Targets[kind],
            classes=(self.network.output_shape or (0,))[-1],
            ahead=numbers,
            first=first,
            optimizer=rates,
            look_every=look_every,
        )
        for name in ("learning_rate", "learning_rate_scale"):
            single.expect(rates, name)
        return single

    def replay(self, draw: int) -> str:
        """Runs it once; says how it ended. ``draw`` is the step whose masks are drawn."""
        optimizer, value = self.optimizer, self.value
        before = optimizer.steps
        if self._calls:
            for call in self._calls:
                call.step = draw
        numbers = self._numbers.at(draw)
        value[0] = np.nan
        try:
            end = self._step_native(draw, numbers, value, self.total)
            name: str = end._name_  # which ``name`` looks up in three calls
            if self.updates and name in ("DONE", "PARAMETERS_NOT_FINITE"):
                optimizer.steps = before + 1
        except KeyboardInterrupt:  # which comes before or after the program, never in the middle
            optimizer.steps = before + (self.updates and bool(np.isfinite(value[0])))
            raise
        if name == "FAILED":
            optimizer.steps = before
            raise self._errors.pop()
        return name


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
        threads: upper limit of threads.
    """

    def __init__(self, parts: Parts, bridges: Bridges, threads: int = 1) -> None:
        module = native()
        assert module is not None
        network, self._optimizer = parts.network, parts.optimizer
        questions: list[NumberOfStep] = []
        self._errors: list[BaseException] = []
        while True:
            try:
                step = record_update(parts, bridges=bridges)
                break
            except NotRecorded as refusal:
                bridges = bridges.with_refused(refusal, parts)
                if bridges.impossible:
                    raise
        self._program = program = CompiledProgram(step, questions, self._errors, threads=threads)
        self._total, value = program.arena.view(step.total), program.arena.view(step.value)
        value[0] = 0.0
        self._native = module.Replay([program.native], 1, None, threads)
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
        end = self._native.step(before, self._numbers.at(before), self._values, self._totals)
        if end.name == "FAILED":
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
        """The numbers of a step (1, columns)."""
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

    @property
    def key(self) -> Any:
        """Tells the numbers that are known from others."""
        return self._first, self._rate

    @property
    def ahead(self) -> tuple[int, Array] | None:
        """From which step on numbers are known, and those; None where they have to be asked for at each step."""
        return (self._first, self._ahead) if len(self._ahead) else None

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


def targets_kind(loss: Loss, targets: Array, network: Network) -> str | None:
    """Which targets are taken as a user gave them: LABELS, NUMBERS, SHARES; None where the loss has to look at them."""
    kind = type(loss)
    if kind.weigh_classes not in (Loss.weigh_classes, CrossEntropy.weigh_classes):
        return None
    if kind.prepare is CrossEntropy.prepare and targets.dtype == np.int64:
        return "LABELS"
    if kind.prepare is Loss.prepare and targets.dtype == network.dtype:
        return "NUMBERS"
    return "SHARES" if kind.prepare is BinaryCrossEntropy.prepare else None


def _taker(loss: Loss, targets: Array, network: Network) -> Callable[[Array], bool] | None:
    """What copies targets as a user gave them, if that is all that the loss would do with them, and says whether.

    None for losses that have to look at them.
    """
    kind = targets_kind(loss, targets, network)
    if kind == "LABELS":
        classes, unsigned = (network.output_shape or (0,))[-1], targets.reshape(-1).view(np.uint64)
        largest = np.maximum.reduce

        def labels(y: Array) -> bool:
            if y.dtype.char not in "lbBhHiI":
                return False
            targets[...] = y
            return bool(largest(unsigned) < classes)  # negative ones are huge

        return labels
    if kind == "NUMBERS":
        flat = targets.reshape(-1)

        def numbers(y: Array) -> bool:
            if y.dtype is not targets.dtype:
                return False
            targets[...] = y
            return _is_finite(flat)

        return numbers
    if kind == "SHARES":

        def shares(y: Array) -> bool:
            if y.dtype.char not in "fdlbBhHiI?":
                return False
            targets[...] = y
            return bool(y.min() >= 0 and y.max() <= 1)

        return shares
    return None
