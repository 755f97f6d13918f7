"""An epoch as a compiled program: a step for each shape of a batch is recorded, and replayed without Python."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from glassnet.compile import CompiledProgram, LeasedProgram, RecordedStep, native
from glassnet.core.numeric import all_finite
from glassnet.core.shapes import Array
from glassnet.network import Network
from glassnet.runners import NumberOfStep
from glassnet.runners.base import values_at
from glassnet.runners.recorder import Always
from glassnet.runners.standins import NotRecorded
from glassnet.training.engine import Engine
from glassnet.training.latest_fit import TrainingPosition
from glassnet.training.origins import origin_of
from glassnet.training.overflow import memory_is_finite
from glassnet.training.parts import NO_BRIDGES, Bridges, Parts
from glassnet.training.snapshots import Snapshots
from glassnet.training.steps import record_step
from glassnet.training.tasks import Result, Task
from glassnet.training.view import View, watched_arrays
from glassnet.training.watch import MOST_BYTES, Watch

SLICE_SECONDS = 0.05
"""How long a compiled program runs before it is asked whether to go on: bounds the answer to Ctrl-C."""
FIRST_SLICE_FLOPS = 1e7
"""Work of the first slice; the following ones are adapted to the time that the one before took."""
ORDERS_AHEAD, ORDER_NUMBERS = 500, 1 << 20
"""How many epochs' orders are drawn at once at most (some 10 ms), and how many row numbers (8 MB)."""


_BatchShape = tuple[int, tuple[int, int | None] | None]
"""Rows, and steps as ``record_step`` takes them."""


class CompiledEngine(Engine):
    """Records one step for each batch shape and replays it in the native module, without Python.

    Args:
        parts: of the training, the optimizer prepared.
        threads: upper limit of threads.
        snapshots: as every engine has them.
        watches: as every engine has them.
        bridges: the user's own parts that are called in Python all the same.
        on_trial: whether the step is recorded on arrays that betray what is calculated beside the kernels.
    """

    name = "compiled"
    updates = True
    """Whether the optimizer has its turn in what is recorded."""

    def __init__(
        self,
        parts: Parts,
        threads: int | None,
        snapshots: Snapshots,
        watches: Sequence[Watch] = (),
        *,
        bridges: Bridges = NO_BRIDGES,
        on_trial: bool = False,
    ) -> None:
        super().__init__(parts, threads, snapshots, watches)
        self._bridges, self._on_trial = bridges, on_trial
        self.programs: list[LeasedProgram | CompiledProgram] = []
        self._questions: list[NumberOfStep] = []
        self._errors: list[BaseException] = []
        self._pace = 1  # steps in a slice
        self._most_steps = sys.maxsize  # of which there is room for what is seen
        self._is_overflowing = False  # the optimizer's memory, in one of the epochs to come
        self._views: list[list[View]] = []  # of each watch, by the batch: full ones, the one at the end that is none
        self._looks: list[Any] = []  # which the replay only points to

    def run(self, task: Task, epoch: int, count: int, begun: TrainingPosition | None = None) -> Result:
        """Runs as many epochs as fit into a slice; at least one, in several slices if need be."""
        if not self.programs:
            self._record(task)
        count = 1 if self._is_overflowing or task.states is not None else count
        orders, several = self._orders(task, epoch, min(count, max(1, self._pace // task.steps)))
        steps = several * task.steps
        which = None if task.cuts is None or orders is None else task.cuts.of_orders(orders[:several], task.steps)
        losses, totals, done = self.begin(task, epoch, steps, begun)
        start = self.snapshots.copy() if several > 1 and self.snapshots.arrays[1:] else None
        diverged = False
        while done < steps:
            asked = min(self._pace, steps - done, self._most_steps, task.stretch(self.optimizer.steps))
            started = perf_counter()
            values = slice(done, done + asked)
            cuts = None if which is None else which[values]
            finished, end = self._replay(task, epoch, done, asked, orders, losses[values], totals[values], cuts)
            done += finished
            diverged = end in ("DIVERGED", "PARAMETERS_NOT_FINITE")
            epochs, within = divmod(done, task.steps)
            so_far = slice(done - within, done)
            if diverged or not task.proceed(epoch + epochs, losses[so_far], totals[so_far]):
                done += end == "DIVERGED"
                break
            if perf_counter() - started < SLICE_SECONDS / 2 * asked / self._pace:
                self._pace *= 2
        if not memory_is_finite(self.optimizer):
            if start is not None:  # in which of the epochs it ran over is to be seen once more, epoch by epoch
                self._is_overflowing = True
                self.snapshots.put_back(start)
                for watch in self.watches:
                    watch.forget(start[1])
                return self.run(task, epoch, 1, begun)
            diverged = True
        if done % task.steps and not all_finite(self.network.parameters):  # which only an epoch's end shows otherwise
            diverged = True
        return Result(losses[:done], totals[:done], diverged)

    def reseed(self, seed: int) -> None:
        """Lets what is recorded draw its masks by another seed."""
        for place, question in enumerate(self._questions):
            if type(question) is Always and question == Always(self.seed):
                self._questions[place] = Always(seed)
        self.seed = seed

    def close(self) -> None:
        """Lets its programs wait for another training."""
        for program in self.programs:
            if isinstance(program, LeasedProgram):
                program.give_back()
        self.programs = []

    def _replay(
        self,
        task: Task,
        epoch: int,
        first: int,
        steps: int,
        orders: Array | None,
        losses: Array,
        totals: Array,
        which: Array | None,
    ) -> tuple[int, str]:
        before = self.optimizer.steps
        for program in self.programs:
            if program.asks_python_for_numbers:
                steps = 1
            for call in program.python_calls:
                call.step = before
        numbers = self.numbers(before, steps)
        seen = [_room(views, before, steps) for views in self._views]
        finished, end = self._native.run(
            epoch=epoch,
            first=first,
            before=before,
            orders=orders,
            numbers=numbers,
            losses=losses[:steps],
            totals=totals[:steps],
            collected=task.collected,
            seen=seen,
            which=None if which is None else which[:steps],
        )
        self.optimizer.steps = before + finished
        for views, (values, resting) in zip(self._views, seen, strict=True):
            for row, step in enumerate(views[0].watch.due(before, finished)):
                place = step - before
                epochs, in_epoch = divmod(first + place, task.steps)
                is_rest = in_epoch + 1 == task.steps and task.sizes[2] > 0
                view = views[-1 if is_rest else 0 if which is None else int(which[place])]
                view.keep(values[row], resting[row], step, epoch + epochs, float(losses[place]))
        if end.name == "FAILED":
            raise self._errors.pop()
        return finished, end.name

    def numbers(self, before: int, steps: int) -> Array:
        """What the programs ask for at so many steps (steps, questions), where ``before`` have been done."""
        at = np.arange(before, before + steps)
        numbers = np.empty((steps, len(self._questions)))
        for column, question in enumerate(self._questions):
            numbers[:, column] = values_at(question, at)
        return numbers

    def _orders(self, task: Task, epoch: int, epochs: int) -> tuple[Array | None, int]:
        """The orders of some epochs, one after another, and of how many."""
        most = max(1, min(epochs, ORDERS_AHEAD, ORDER_NUMBERS // len(task.rows)))
        orders = task.orders(epoch, most)
        return orders, epochs if orders is None else most

    def _record(self, task: Task) -> None:
        size, full, rest = task.sizes
        shapes: list[_BatchShape] = [(size, None)]
        if task.cuts is not None:
            shapes = [(size, steps) for steps in task.cuts.pairs()]
        shapes += [(rest, None)] if rest else []
        if self._on_trial:
            made: Any = [self._compiled(self._recorded(task, s)) for s in shapes]
        else:
            made = self._leased(task, shapes)
        self.programs = made
        self._native = self._replay_of(self.programs, full, rest)
        if self.watches:
            self._look_at([self._recorded(task, shape) for shape in shapes], rest)
        if not self.programs[0].python_calls:  # how long those take nobody knows
            self._pace = max(1, int(FIRST_SLICE_FLOPS / (1 + max(program.flops for program in self.programs))))

    def _leased(self, task: Task, shapes: list[_BatchShape]) -> list[LeasedProgram]:
        """A program for each shape of a batch; a step is recorded where none waits that is known to do the same."""
        origin = None
        if self.updates and task.states is None and not self._bridges.reasons:
            self.network.require_unchanged()  # as recording does
            origin = origin_of(self.parts, task.rows, shapes[0][0])
        return [
            LeasedProgram(
                partial(self._recorded, task, shape),
                self._questions,
                self._errors,
                self.threads,
                None if origin is None else origin.of_batch(*shape),
            )
            for shape in shapes
        ]

    def _compiled(self, step: RecordedStep, wanted: Sequence[Array] = ()) -> CompiledProgram:
        return CompiledProgram(step, self._questions, self._errors, threads=self.threads, wanted=wanted)

    def _recorded(self, task: Task, shape: _BatchShape) -> RecordedStep:
        """A step as recorded; a part that is found out only now, at batches of another size, gets its bridge."""
        while True:
            try:
                how: Any = {"bridges": self._bridges, "on_trial": self._on_trial, "updates": self.updates}
                how |= {"states": task.states, "steps": shape[1]}
                return record_step(self.parts, task.rows, shape[0], **how)
            except NotRecorded as refusal:
                bridges = self._bridges.with_refused(refusal, self.parts)
                if self._on_trial or bridges.impossible:
                    raise
                self._bridges = bridges

    def _look_at(self, steps: list[RecordedStep], rest: int) -> None:
        """Gives the replay programs whose arrays hold the numbers of a step, and says what to take from them."""
        module = native()
        assert module is not None
        programs = [self._compiled(step, wanted=watched_arrays(step.calls, self.network)) for step in steps]
        self._native.watched(*_of_batches([program.native for program in programs], rest))
        for watch in self.watches:
            views = [_view(watch, self.network, *pair) for pair in zip(steps, programs, strict=True)]
            looks = [view.look(module) for view in views]
            self._native.look(*_of_batches(looks, rest), watch.every)
            self._views.append(views)  # which keep the arrays that are read
            self._looks += looks
            sample_bytes = max(view.width for view in views) * self.network.dtype.itemsize
            self._most_steps = min(self._most_steps, watch.every * max(1, MOST_BYTES // sample_bytes))
        self.programs += programs

    def _replay_of(self, programs: Sequence[LeasedProgram | CompiledProgram], full: int, rest: int) -> Any:
        """The native replay of the program for full batches, and of the one for the batch at the end that is none."""
        module = native()
        assert module is not None
        of_full, of_rest = _of_batches([program.native for program in programs], rest)
        found = module.Replay(of_full, full, of_rest, self.threads)
        found.parameters(self.network.parameters)
        for live, slots in self.snapshots.arrays:
            found.keep(live, *slots)
        return found


def _of_batches(things: list[Any], rest: int) -> tuple[list[Any], Any]:
    """What there is for full batches, and for the one at the end that is none, or None where there is none."""
    return (things[:-1], things[-1]) if rest else (things, None)


def _room(views: list[View], before: int, steps: int) -> tuple[Array, Array]:
    """Memory for the samples of some steps: their values, and shares of dead units."""
    count, dtype = len(views[0].watch.due(before, steps)), views[0].dtype
    return np.empty((count, max(view.width for view in views)), dtype), np.empty((count, len(views[0].outputs)))


def _view(watch: Watch, network: Network, step: RecordedStep, program: CompiledProgram) -> View:
    """What a watch sees of a compiled step."""
    calls = [replace(call, arrays={n: program.arena.view(a) for n, a in call.arrays.items()}) for call in step.calls]
    return View(watch, network, calls, program.arena.memory.view(network.dtype))
