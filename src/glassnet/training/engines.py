"""How the steps of an epoch are carried out: one kernel call after another, or as a compiled program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from time import perf_counter

import numpy as np

from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners import CompiledProgram, NumpyRunner, Recorder, Runner
from glassnet.shapes import Array
from glassnet.training.batches import Rows, batches

SLICE_SECONDS = 0.05
"""How long a compiled program runs before it is asked whether to go on: bounds the answer to Ctrl-C."""


class Engine(ABC):
    """Carries out training steps: forward, loss, backward, update.

    Args:
        network: built.
        loss: as the model has it.
        optimizer: its ``steps`` count the updates done.
        seed: keys the dropout masks, together with ``optimizer.steps``.
    """

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer, seed: int) -> None:
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.seed = seed

    @abstractmethod
    def epoch(
        self,
        rows: Rows,
        order: Array | None,
        batch_size: int,
        collected: Array | None,
        proceed: Callable[[int], bool],
    ) -> tuple[Array, Array]:
        """Runs over all rows once.

        Args:
            rows: the data.
            order: the rows' order, or None for their natural one.
            batch_size: rows in a step; the last one is as short as it comes.
            collected: receives each row's outputs (N, ...), or None.
            proceed: called now and then with the number of steps done; False ends the epoch.

        Returns:
            The losses of the batches and their total weights. A loss that is not finite is the last one: its step did
            no update.
        """


class NumpyEngine(Engine):
    """Calls the NumPy kernels one after another."""

    def epoch(
        self,
        rows: Rows,
        order: Array | None,
        batch_size: int,
        collected: Array | None,
        proceed: Callable[[int], bool],
    ) -> tuple[Array, Array]:
        """See ``Engine``."""
        values: list[float] = []
        totals: list[float] = []
        for batch in batches(len(rows), batch_size, order):
            part = rows.take(batch)
            run = NumpyRunner(self.seed, self.optimizer.steps)
            outputs, value, total = train_step(run, self, part.x, part.targets, part.loss_weights)
            values.append(float(value[0]))
            totals.append(float(total[0]))
            if collected is not None:
                collected[batch] = outputs
            if not np.isfinite(values[-1]) or not proceed(len(values)):
                break
        return np.array(values), np.array(totals)


class CompiledEngine(Engine):
    """Records one step for each batch shape and replays it in the native module, without Python."""

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer, seed: int) -> None:
        super().__init__(network, loss, optimizer, seed)
        self._programs: dict[int, CompiledProgram] = {}
        self._pace = 1  # steps in a slice

    def epoch(
        self,
        rows: Rows,
        order: Array | None,
        batch_size: int,
        collected: Array | None,
        proceed: Callable[[int], bool],
    ) -> tuple[Array, Array]:
        """See ``Engine``."""
        if order is not None:
            order = np.ascontiguousarray(order, dtype=np.int64)
        full, rest = divmod(len(rows), batch_size)
        values: list[Array] = []
        totals: list[Array] = []
        done = 0
        while done < full + bool(rest):
            short = done == full
            program = self._program(rows, rest if short else batch_size)
            steps = 1 if short else min(self._pace, full - done)
            started = perf_counter()
            found, weights, finished = self._replay(program, steps, order, done * batch_size, collected)
            values.append(found)
            totals.append(weights)
            done += finished
            if finished < steps or not proceed(done):
                break
            if steps == self._pace and perf_counter() - started < SLICE_SECONDS / 2:
                self._pace *= 2
        return np.concatenate(values), np.concatenate(totals)

    def _replay(
        self, program: CompiledProgram, steps: int, order: Array | None, first: int, collected: Array | None
    ) -> tuple[Array, Array, int]:
        before = self.optimizer.steps

        def advance(step: int) -> None:
            self.optimizer.steps = before + step

        finished = 0
        try:
            values, totals, finished = program.run(steps, order, first, advance, collected)
        finally:
            self.optimizer.steps = before + finished
        return values, totals, finished

    def _program(self, rows: Rows, batch_rows: int) -> CompiledProgram:
        if batch_rows not in self._programs:
            self._programs[batch_rows] = self._record(rows, batch_rows)
        return self._programs[batch_rows]

    def _record(self, rows: Rows, batch_rows: int) -> CompiledProgram:
        """Writes one training step down on buffers of its own."""
        pairs: list[tuple[Array, Array]] = []

        def buffer(source: Array) -> Array:
            pairs.append((source, np.empty((batch_rows, *source.shape[1:]), source.dtype)))
            return pairs[-1][1]

        x, targets = buffer(rows.x), buffer(rows.targets)
        weights = None if rows.loss_weights is None else buffer(rows.loss_weights)
        recorder = Recorder(self.seed, lambda: self.optimizer.steps)
        before = self.optimizer.steps
        outputs, value, total = train_step(recorder, self, x, targets, weights)
        self.optimizer.steps = before
        return CompiledProgram(
            recorder.calls,
            dtype=self.network.dtype,
            batch_rows=batch_rows,
            sources=pairs,
            outputs=outputs,
            value=value,
            total=total,
            keep=[self.network.parameters, *self.optimizer.state.values()],
        )


def train_step(
    run: Runner, engine: Engine, x: Array, targets: Array, weights: Array | None
) -> tuple[Array, Array, Array]:
    """Forward, loss, backward, update through a runner; the update is left out where the loss is not finite.

    Returns:
        The outputs (N, ...), the loss (1,) and the batch's total weight (1,).
    """
    network, loss = engine.network, engine.loss
    outputs, cache = network.forward(run, x, training=True)
    row_weights, total = loss.row_weights(run, outputs, weights)
    value, loss_cache = loss.forward(run, outputs, targets, row_weights)
    if not isinstance(run, Recorder) and not np.isfinite(value[0]):
        return outputs, value, total
    doutputs = loss.backward(run, outputs, targets, row_weights, loss_cache)
    network.backward(run, doutputs, cache)
    engine.optimizer.update(run, network.parameters, network.gradients, network.layout)
    return outputs, value, total


def engine_class(name: str) -> type[Engine]:
    """The class that a model's ``engine`` setting names."""
    return CompiledEngine if name == "compiled" else NumpyEngine
