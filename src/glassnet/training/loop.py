"""The training loop: epochs of steps, each step forward, loss, backward, update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.errors import DivergenceError
from glassnet.losses import Loss
from glassnet.metrics import Metric
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.preprocessing import Standardize
from glassnet.runners import NumpyRunner
from glassnet.shapes import Array
from glassnet.training.batches import Rows, epoch_order
from glassnet.training.callbacks import Callback, TrainingState
from glassnet.training.engines import Engine, engine_class
from glassnet.training.history import History
from glassnet.training.interrupt import Interrupt
from glassnet.training.progress import ProgressBar

PREDICTION_ROWS = 1024
"""Rows that go through the network at once in evaluation and prediction: bounds the memory."""


@dataclass
class Trainer:
    """What a training needs besides data.

    ``seed`` and the optimizer's count of updates key the dropout masks, ``seed`` and the epoch's number the order of
    the rows; so a training that goes on from a checkpoint does what the unbroken one would have done. Where targets
    were standardised, ``target_scaling`` brings outputs and targets back to their unit for the metrics.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    metrics: Sequence[Metric]
    seed: int
    target_scaling: Standardize | None = None
    engine_name: str = "auto"

    def fit(
        self,
        rows: Rows,
        validation: Rows | None,
        state: TrainingState,
        callbacks: Sequence[Callback],
        *,
        batch_size: int,
        shuffle: bool,
        verbose: bool,
    ) -> History:
        """Trains from ``state.first_epoch`` to ``state.last_epoch``.

        Raises:
            DivergenceError: the loss became NaN or infinite; parameters and optimizer are those of the end of the
                last epoch whose weights are known to give a finite loss.
        """
        steps = -(-len(rows) // batch_size)
        bar = ProgressBar((state.first_epoch, state.last_epoch), steps, enabled=verbose)
        engine = engine_class(self.engine_name)(self.network, self.loss, self.optimizer, self.seed)
        for callback in callbacks:
            callback.on_fit_begin(state)
        try:
            with Interrupt() as interrupt, bar, np.errstate(over="ignore", invalid="ignore"):
                good = _Snapshot(self.network, self.optimizer, state.epoch)
                for epoch in range(state.first_epoch, state.last_epoch + 1):
                    start = _Snapshot(self.network, self.optimizer, epoch - 1)
                    learning_rate = self.optimizer.current_rate()
                    try:
                        logs = self._epoch(engine, rows, epoch, batch_size, shuffle, interrupt, bar)
                    except _Diverged as diverged:
                        kept = start if diverged.finite_losses else good
                        kept.restore()
                        state.epoch = kept.epoch
                        raise self._divergence(diverged, epoch, kept.epoch, state.history) from None
                    good = start
                    if interrupt.requested:
                        state.stop("interrupted")
                    if logs is None:
                        break
                    logs["learning_rate"] = learning_rate
                    if validation is not None:
                        logs |= {f"val_{name}": value for name, value in self.evaluate(validation).items()}
                    state.epoch, state.step, state.logs = epoch, self.optimizer.steps, logs
                    state.history.append(epoch, logs)
                    for callback in callbacks:
                        callback.on_epoch_end(state)
                    bar.epoch(epoch, logs)
                    if state.stop_reason is not None:
                        break
        finally:
            for callback in callbacks:
                callback.on_fit_end(state)
        state.history.stopped = state.stop_reason
        return state.history

    def evaluate(self, rows: Rows) -> dict[str, float]:
        """Loss and metrics over all rows, in prediction mode."""
        outputs = np.concatenate(list(predictions(self.network, rows.x, PREDICTION_ROWS)))
        run = NumpyRunner()
        row_weights, _ = self.loss.row_weights(run, outputs, rows.loss_weights)
        value, _ = self.loss.forward(run, outputs, rows.targets, row_weights)
        return {"loss": float(value[0])} | self._measure(outputs, rows)

    def _epoch(
        self,
        engine: Engine,
        rows: Rows,
        epoch: int,
        batch_size: int,
        shuffle: bool,
        interrupt: Interrupt,
        bar: ProgressBar,
    ) -> dict[str, float] | None:
        """One epoch; what it measured while it trained, or None when it was interrupted before its end."""
        network, optimizer = self.network, self.optimizer
        order = epoch_order(len(rows), seed=self.seed, epoch=epoch, shuffle=shuffle)
        collected = np.empty((len(rows), *(network.output_shape or ())), network.dtype) if self.metrics else None

        def proceed(done: int) -> bool:
            bar.step(epoch, done)
            return not interrupt.requested

        losses, weights = engine.epoch(rows, order, batch_size, collected, proceed)
        if not np.isfinite(losses[-1]):
            raise _Diverged(float(losses[-1]), len(losses), finite_losses=len(losses) - 1)
        if not np.isfinite(network.parameters).all():
            raise _Diverged(float("nan"), len(losses), finite_losses=len(losses))
        if len(losses) * batch_size < len(rows):
            return None
        mean = self.loss.reduction == "mean"
        loss = np.dot(losses, weights) / (weights.sum() or 1.0) if mean else losses.sum()
        measured = {"loss": float(loss)}
        penalty = optimizer.penalty(network.parameters, network.layout)
        if penalty:
            measured["penalty"] = penalty
        return measured | ({} if collected is None else self._measure(collected, rows))

    def _measure(self, outputs: Array, rows: Rows) -> dict[str, float]:
        targets = rows.targets
        if self.target_scaling is not None:
            outputs, targets = self.target_scaling.invert(outputs), self.target_scaling.invert(targets)
        return {m.name: m.compute(outputs, targets, self.loss, rows.weights) for m in self.metrics}

    def _divergence(self, diverged: _Diverged, epoch: int, kept_epoch: int, history: History) -> DivergenceError:
        kept = f"the weights of epoch {kept_epoch}" if kept_epoch else "the initial weights"
        error = DivergenceError(
            where=f"fit: epoch {epoch}, step {diverged.step}",
            received=f"a loss of {diverged.value} at the learning rate {self.optimizer.current_rate():g}",
            expected=f"a finite loss; {kept} are kept",
            fix="lower the learning rate, scale the inputs to about −1..1, or add gn.ClipByNorm(1.0) to the optimizer",
        )
        error.history = history
        return error


class _Diverged(Exception):  # noqa: N818 - never leaves this file
    def __init__(self, value: float, step: int, *, finite_losses: int) -> None:
        self.value = value
        self.step = step
        self.finite_losses = finite_losses
        super().__init__(value, step)


class _Snapshot:
    """The parameters and the optimizer's state at the end of an epoch."""

    def __init__(self, network: Network, optimizer: Optimizer, epoch: int) -> None:
        self.epoch = epoch
        self._network, self._optimizer = network, optimizer
        self._parameters = network.parameters.copy()
        self._state = {name: array.copy() for name, array in optimizer.state.items()}
        self._steps = optimizer.steps

    def restore(self) -> None:
        self._network.parameters[...] = self._parameters
        for name, array in self._state.items():  # in place: compiled programs hold the arrays' addresses
            self._optimizer.state[name][...] = array
        for name in set(self._optimizer.state) - set(self._state):
            del self._optimizer.state[name]
        self._optimizer.steps = self._steps


def predictions(network: Network, x: Array, rows_at_once: int) -> Iterator[Any]:
    """The network's outputs in prediction mode, some rows at a time."""
    run = NumpyRunner(step=0)
    for start in range(0, len(x), rows_at_once):
        yield network.forward(run, x[start : start + rows_at_once], training=False)[0]
