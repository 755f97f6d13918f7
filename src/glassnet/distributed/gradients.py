"""Forward, loss and backward of a shard: by a program for each number of rows, or by NumPy."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from glassnet.core.shapes import Array
from glassnet.runners import NumpyRunner
from glassnet.training.batches import Rows
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.parts import Bridges, Parts
from glassnet.training.snapshots import NoSnapshots
from glassnet.training.steps import TrainingStep
from glassnet.training.tasks import Task

DRAW = 32
"""The masks of a step's shard number s are those of step + s · 2^DRAW: of a step that no training comes to."""


class ShardGradients(ABC):
    """Writes gradients for some rows."""

    @abstractmethod
    def write(self, rows: Rows, chosen: Array, draw: int, collected: Array | None, out: Array) -> tuple[float, float]:
        """Writes them.

        Args:
            rows: all there are.
            chosen: the numbers of those in the shard (R,), int64.
            draw: the step whose masks are drawn.
            collected: receives the outputs of these rows, or None.
            out: receives the gradients (P,): the network's own, or others, which are 0 where those always are.

        Returns:
            Their loss and their total weight.
        """

    def close(self) -> None:  # noqa: B027 - one of them has nothing to put away
        """Is told that it is needed no longer."""


class NumpyShards(ShardGradients):
    """By the NumPy kernels, one after another."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def write(self, rows: Rows, chosen: Array, draw: int, collected: Array | None, out: Array) -> tuple[float, float]:
        """See the base."""
        step = TrainingStep(NumpyRunner(self._parts.seed, draw), self._parts, rows.take(chosen))
        value = float(step.value[0])
        if collected is not None:
            collected[chosen] = step.outputs
        if np.isfinite(value):
            step.backward()
        own = self._parts.network.gradients
        if own is not out:
            np.copyto(out, own)
        return value, float(step.total[0])


class CompiledShards(ShardGradients):
    """By recorded programs, which take the rows from where they are.

    Args:
        parts: of the training.
        threads: upper limit of threads.
        bridges: the user's own parts that are called in Python.
    """

    def __init__(self, parts: Parts, threads: int, bridges: Bridges) -> None:
        self._parts, self._threads, self._bridges = parts, threads, bridges
        self._programs: dict[int, _Gradients] = {}

    def write(self, rows: Rows, chosen: Array, draw: int, collected: Array | None, out: Array) -> tuple[float, float]:
        """See the base."""
        program = self._programs.get(len(chosen))
        if program is None:
            program = _Gradients(self._parts, self._threads, NoSnapshots(), bridges=self._bridges)
            program.record(rows, len(chosen))
            self._programs[len(chosen)] = program
        return program.write(chosen, draw, collected, out)

    def close(self) -> None:
        """Lets the programs wait for another training."""
        for program in self._programs.values():
            program.close()
        self._programs = {}


class _Gradients(CompiledEngine):
    """The program for shards of one number of rows."""

    updates = False

    def record(self, rows: Rows, size: int) -> None:
        """Records it on the rows there are."""
        task = Task(rows, size, lambda *_: None, None, lambda *_: True)
        (self._program,) = self._leased(task, [(size, None)])
        self.programs = [self._program]
        # An epoch of two steps, whose second never comes: at its end parameters would be looked through each time.
        self._native = self._replay_of(self.programs, 2, 0)
        self._found = np.empty(1), np.empty(1)
        self._failed = type(self._native).End.FAILED
        self._calls = [call for program in self.programs for call in program.python_calls]
        self._out = self.network.gradients

    def write(self, chosen: Array, draw: int, collected: Array | None, out: Array) -> tuple[float, float]:
        """Runs it once."""
        value, total = self._found
        if out is not self._out and self._program.move(self._out, out):
            self._out = out
        for call in self._calls:
            call.step = draw
        value[0] = total[0] = np.nan
        _, end = self._native.run(
            epoch=0,
            first=0,
            before=draw,
            orders=chosen,
            numbers=self.numbers(draw, 1),
            losses=value,
            totals=total,
            collected=collected,
            seen=[],
        )
        if end is self._failed:
            raise self._errors.pop()
        if out is not self._out:
            np.copyto(out, self._out)
        return float(value[0]), float(total[0])
