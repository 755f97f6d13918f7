"""The training loop: epochs of steps, each step forward, loss, backward, update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from warnings import warn

import numpy as np

from glassnet.compile import NativeRunner
from glassnet.core.errors import ConfigurationError, DataError, DivergenceError, NumpyFallbackWarning
from glassnet.core.memory import Layout
from glassnet.core.numeric import all_finite
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.metrics import Metric
from glassnet.metrics.running import Running, require_adding
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.optimizers.base import adds_penalty
from glassnet.preprocessing import Standardize
from glassnet.runners import NumpyRunner
from glassnet.runners.base import is_library_code, values_at
from glassnet.runners.own import held, is_own, named, single
from glassnet.runners.states import States
from glassnet.training.batches import Rows, batch_sizes, epoch_orders
from glassnet.training.callbacks import Callback, TrainingState, stretch_of
from glassnet.training.changes import Fingerprint
from glassnet.training.checkpoint import saving_last
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.cuts import cuts_of
from glassnet.training.engine import Engine
from glassnet.training.engines import NumpyEngine, engine_class
from glassnet.training.history import History
from glassnet.training.interrupt import Interrupt
from glassnet.training.latest_fit import TrainingPosition
from glassnet.training.lengths import orders_by_length, require_several_steps
from glassnet.training.overflow import memory_is_finite, place_of_overflow
from glassnet.training.parts import Parts, own_parts
from glassnet.training.progress import ProgressBar
from glassnet.training.ranks import Ranks
from glassnet.training.snapshots import NoSnapshots, Snapshots
from glassnet.training.stream_engine import StreamEngine, StreamTask, stream_task
from glassnet.training.streamed import Data, Streamed
from glassnet.training.tasks import Result, Task, loss_of_epochs
from glassnet.training.trial import examine
from glassnet.training.watch import Watch


@dataclass
class Trainer:
    """What a training needs besides data.

    ``seed`` and the optimizer's count of updates key the dropout masks, ``seed`` and the epoch's number the order of
    the rows; so a training that goes on from a checkpoint does what the unbroken one would have done. Where targets
    were standardised, ``target_scaling`` brings outputs back to their unit for the metrics. With ``ranks`` several
    processes do the steps together; their callbacks are those of rank 0.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    metrics: Sequence[Metric]
    seed: int
    predict: Callable[[Array, Array | None], Array]
    target_scaling: Standardize | None = None
    engine_name: str = "auto"
    threads: int | None = None
    ranks: Ranks | None = None

    def fit(
        self,
        rows: Data,
        validation: Data | None,
        state: TrainingState,
        callbacks: Sequence[Callback],
        *,
        batch_size: int,
        shuffle: bool,
        verbose: bool,
        stateful: bool = False,
        by_length: bool = False,
    ) -> History:
        """Trains from ``state.position`` to the end of ``state.last_epoch``.

        Raises:
            DivergenceError: the loss became NaN or infinite, or numbers in the memory of the optimizer; parameters
                and optimizer are those of the end of the last epoch whose weights are known to give a finite loss.
        """
        optimizer, origin = self.optimizer, state.position
        assert origin is not None
        begun = origin
        optimizer.prepare(self.network.parameters)
        require_finite_memory(optimizer, self.network.layout)
        inside = self.network.layers_inside()
        joins_single = self.network.mixes_rows or any(layer.mixes_rows for _, layer in inside)
        example = rows if isinstance(rows, Rows) else rows.example
        collected = self._collector(len(rows)) if isinstance(rows, Rows) else None
        sizes = batch_sizes(len(rows), batch_size, joins_single=joins_single)
        require_several_steps(self.network, example, min(size for size in (sizes[0], sizes[2]) if size), where="fit")
        orders = self._orders(example, sizes, shuffle=shuffle, by_length=by_length)
        task = Task(example, batch_size, orders, collected, lambda *_: True, joins_single, stretch_of(callbacks))
        task = replace(task, states=States()) if stateful else task
        if by_length and example.lengths is not None and self.ranks is None and not self._has_own():
            task = replace(task, cuts=cuts_of(self.network, example.lengths, sizes))
        if isinstance(rows, Streamed):
            task = stream_task(task, rows, shuffle=shuffle, has_metrics=bool(self.metrics))
        task.require_place(origin)
        steps = task.steps
        bar = ProgressBar((state.first_epoch, state.last_epoch), steps, enabled=verbose)
        snapshots = Snapshots(self.network, optimizer, steps=steps, first_epoch=begun.epoch + 1, begun=begun.step)
        watches = [callback for callback in callbacks if isinstance(callback, Watch)]
        engine = self._engine(task, snapshots, watches)
        between = [callback for callback in callbacks if type(callback).between_steps is not Callback.between_steps]
        # Where nobody looks at the model between epochs, an engine may do several at once.
        has_penalty = adds_penalty(optimizer, self.network.parameters, self.network.layout)
        others = len(callbacks) > len(watches)
        may_change = any(map(_may_change, callbacks))
        seen = Fingerprint(self.network, self.loss, optimizer) if may_change else None
        has_own = bool(may_change and own_parts(self.network, self.loss, optimizer))
        is_watched = bool(others or between or self.metrics or validation is not None or has_penalty)
        state.training, state.validation = rows, validation
        callbacks = saving_last(list(callbacks))
        state.begin(steps, lambda place: engine.seen(task, place))
        with self._led(state):
            for callback in callbacks:
                callback.on_fit_begin(state)
        try:
            with self._led(state):
                state.recall(callbacks)
            with Interrupt() as interrupt, bar, np.errstate(over="ignore", invalid="ignore"):

                def proceed(epoch: int, losses: Array, totals: Array) -> bool:
                    bar.step(epoch, len(losses))
                    if between and 0 < len(losses) < steps:
                        state.position, state.step = (
                            TrainingPosition(epoch - 1, len(losses), losses, totals),
                            optimizer.steps,
                        )
                        try:
                            for callback in between:
                                callback.between_steps(state)
                        except DataError:  # of a file: there is none of numbers that have run over
                            if all_finite(self.network.parameters) and memory_is_finite(optimizer):
                                raise
                            return False  # the engine sees it, too: that is divergence
                        finally:
                            state.position = None
                    if interrupt.requested:
                        state.interrupt()
                    return state.stop_reason is None

                def stands(epoch: int, losses: Array, totals: Array) -> None:
                    state.position = TrainingPosition(epoch - 1, len(losses), losses, totals)
                    state.step = optimizer.steps

                task = task.proceeding(proceed, lambda: not interrupt.requested, stands)
                epoch = begun.epoch + 1
                while epoch <= state.last_epoch and state.stop_reason is None:
                    first_step = optimizer.steps - begun.step  # of the epoch
                    check_rate(optimizer, where=f"fit: step {optimizer.steps + 1}")
                    if seen is not None and not seen.is_current():  # a callback was at work
                        optimizer.prepare(self.network.parameters)
                        snapshots.renew()
                        engine.close()
                        engine = self._engine(task, snapshots, watches)
                        seen.renew()
                    state.position = None
                    result = engine.run(task, epoch, 1 if is_watched else state.last_epoch - epoch + 1, begun)
                    count, left = divmod(len(result.losses), steps)
                    if result.diverged:
                        count -= left == 0  # the last epoch is complete, but not good
                    rates = values_at(optimizer.rate_at, first_step + steps * np.arange(count))
                    values = loss_of_epochs(result.losses, result.totals, count, steps, self.loss.reduction)
                    measured = {"loss": values}
                    if has_penalty and count:
                        measured["penalty"] = [optimizer.penalty(self.network.parameters, self.network.layout)]
                    if self.metrics and count:
                        found = engine.measured()
                        if isinstance(rows, Rows) and collected is not None:
                            found = self._measure(collected, rows)
                        measured |= {name: [value] for name, value in found.items()}
                    measured["learning_rate"] = (np.zeros(count) + rates).tolist()
                    if result.diverged:
                        state.history.extend(epoch, measured)
                        state.own.go_back()
                        raise self._divergence(result, epoch + count, steps, state, snapshots, origin)
                    epoch += count
                    if count and validation is not None:
                        measured |= {f"val_{name}": [value] for name, value in self.evaluate(validation).items()}
                    begun = TrainingPosition(epoch - 1, left, *result.last(left))
                    state.position, state.epoch, state.step = begun, epoch - 1, optimizer.steps
                    if interrupt.requested:
                        state.interrupt()
                    if count == 0:
                        break
                    state.logs = {name: values[-1] for name, values in measured.items()}
                    state.history.extend(epoch - count, measured)
                    if seen is not None and has_own:
                        seen.renew()  # what own parts do to themselves is no news
                    with self._led(state):
                        state.end_epoch(callbacks)
                    bar.epoch(state.epoch, state.logs)
        finally:
            engine.close()
            try:
                state.conclude()
            finally:
                for callback in callbacks:
                    callback.on_fit_end(state)
            state.store()
        with self._led(state):
            pass  # callbacks may have put other parameters in their place
        state.history.stopped = state.stop_reason
        return state.history

    def _engine(self, task: Task, snapshots: Snapshots, watches: Sequence[Watch]) -> Engine:
        """The engine, once the user's own parts have been tried; that of NumPy where a program cannot do."""
        kind = engine_class(self.engine_name)
        parts = Parts(self.network, self.loss, self.optimizer, self.seed)
        bridges = examine(parts, task.rows, task.batch_size, compiled=kind is CompiledEngine)
        if bridges.impossible:
            warn(f"fit runs by NumPy: {bridges.impossible}", NumpyFallbackWarning, stacklevel=level_of_caller())
        by_numpy = kind is NumpyEngine or bool(bridges.impossible)
        if self.ranks is not None:
            return self.ranks.engine(parts, self.threads, snapshots, None if by_numpy else bridges)

        def make(snapshots: Snapshots) -> Engine:
            if by_numpy:
                return NumpyEngine(parts, self.threads, snapshots, watches)
            return CompiledEngine(parts, self.threads, snapshots, watches, bridges=bridges)

        if not isinstance(task, StreamTask):
            return make(snapshots)
        return StreamEngine(parts, self.threads, snapshots, task, lambda: make(NoSnapshots()), self._running)

    def _has_own(self) -> bool:
        """Whether layers or the loss are the user's, who may take the network's T for granted."""
        inside = (self.network, *(layer for _, layer in self.network.walk()), self.loss, *self.loss.parts())
        return any(map(is_own, inside))

    def _running(self, found: Array | None) -> Running:
        """What the metrics come to over blocks, from what they have come to before."""
        return Running(self.metrics, self.loss, self.target_scaling, found)

    def _led(self, state: TrainingState) -> AbstractContextManager[None]:
        """What callbacks do: with several ranks those of the first, whose doings all take over."""
        return nullcontext() if self.ranks is None else self.ranks.led(state)

    def evaluate(self, rows: Data) -> dict[str, float]:
        """Loss and metrics over all rows, in prediction mode; the loss on the targets as they are learned."""
        if isinstance(rows, Rows):
            outputs, value, _ = self._loss_of(rows)
            return {"loss": value} | self._measure(outputs, rows)
        require_adding(self.metrics, where="evaluate")
        running, losses, totals = self._running(None), [], []
        with rows.blocks() as blocks:
            while (block := blocks.next()) is not None:
                outputs, value, total = self._loss_of(block)
                running.add(outputs, block.asked, block.weights)
                losses.append(value if self.loss.reduction != "mean" or total > 0 else 0.0)
                totals.append(total)
        weight = sum(totals)
        if not weight:
            rows.example.require_weight(where="evaluate")
        whole = float(np.dot(losses, totals)) / weight if self.loss.reduction == "mean" and weight else sum(losses)
        return {"loss": float(whole)} | running.values()

    def _loss_of(self, rows: Rows) -> tuple[Array, float, float]:
        """Outputs, the loss, and the total weight of the rows."""
        if self.ranks is None:
            outputs = self.predict(rows.x, rows.lengths)
        else:
            outputs = self.ranks.predict(self.predict, self.network, rows)
        by_numpy = self.engine_name == "numpy" or any(map(is_own, (self.loss, *self.loss.parts())))
        run = NumpyRunner(self.seed, 0) if by_numpy else NativeRunner(self.network.dtype)
        row_weights, total = run.row_weights(self.loss, outputs, rows.loss_weights)
        value, _ = run.loss_forward(self.loss, outputs, rows.targets, row_weights)
        return outputs, float(value[0]), float(total[0])

    def _orders(
        self, rows: Rows, sizes: tuple[int, int, int], *, shuffle: bool, by_length: bool
    ) -> Callable[[int, int], Array | None]:
        if rows.lengths is not None and by_length:
            how: Any = {"seed": self.seed, "shuffle": shuffle}
            return partial(orders_by_length, rows.lengths, sizes, **how)
        return lambda first, count: epoch_orders(len(rows), seed=self.seed, first=first, count=count, shuffle=shuffle)

    def _collector(self, rows: int) -> Array | None:
        """The outputs (N, ...) that metrics of the training data are computed from."""
        network = self.network
        return np.zeros((rows, *(network.output_shape or ())), network.dtype) if self.metrics else None

    def _measure(self, outputs: Array, rows: Rows) -> dict[str, float]:
        targets = rows.targets if rows.originals is None else rows.originals
        if self.target_scaling is not None and self.metrics:
            outputs = self.target_scaling.invert(outputs, np.float64)
        found = {}
        for metric in self.metrics:
            with named(metric):
                arrays = held(outputs), held(targets), self.loss, held(rows.weights)
                found[metric.name] = metric.compute(*arrays)
            if type(found[metric.name]) is not float:
                found[metric.name] = float(single(metric, found[metric.name], "the value")[0])
        return found

    def _divergence(
        self,
        result: Result,
        epoch: int,
        steps: int,
        state: TrainingState,
        snapshots: Snapshots,
        origin: TrainingPosition,
    ) -> DivergenceError:
        """Goes back to the latest weights that gave a finite loss, and says so.

        Those at the start of the epoch are good where the epoch began with a finite loss; else those of the epoch
        before it are taken, unless they are the ones that this fit began with.
        """
        step = (len(result.losses) - 1) % steps + 1
        value = float(result.losses[-1])
        overflown = place_of_overflow(self.optimizer, self.network.layout)
        began_well = step > 1 or np.isfinite(value)
        start = epoch if began_well or epoch == snapshots.first_epoch else epoch - 1
        snapshots.restore(start)
        state.position = origin if start == snapshots.first_epoch else TrainingPosition(start - 1)
        state.epoch = start - 1
        kept = f"the weights of epoch {start - 1}" if start > 1 else "the initial weights"
        if state.position.step:
            kept = f"the weights after {state.position.step} steps of epoch {start}, with which it went on"
        shown = value if not np.isfinite(value) else float("nan")
        received = f"a loss of {shown} at the learning rate {self.optimizer.current_rate():g}"
        if np.isfinite(value) and overflown is not None:
            received = f"NaN or infinity in the optimizer's {overflown}, so that weights would stand still"
        error = DivergenceError(
            where=f"fit: epoch {epoch}, step {step}",
            received=received,
            expected=f"{'a finite loss' if overflown is None else 'finite numbers'}; {kept} are kept",
            fix="lower the learning rate, scale the inputs to about −1..1, or add gn.ClipByNorm(1.0) to the optimizer",
        )
        error.history = state.history
        return error


def require_finite_memory(optimizer: Optimizer, layout: Layout) -> None:
    """Refuses to begin with a memory that has run over, in steps of the user's own or by hand.

    Raises:
        DivergenceError: it has.
    """
    place = place_of_overflow(optimizer, layout)
    if place is not None:
        raise DivergenceError(
            where="fit",
            received=f"NaN or infinity in the optimizer's {place}, from before",
            expected="finite numbers, so that every weight can be trained",
            fix="let it forget what it remembers: model.optimizer.reset(); or load the model",
        )


def check_rate(optimizer: Optimizer, *, where: str) -> None:
    """Refuses a rate that climbs the loss, which a callback or a schedule of the user's may come to."""
    rate = optimizer.current_rate()
    if not 0 <= rate < np.inf:
        raise ConfigurationError(
            where=where,
            received=f"a learning rate of {rate:g} (learning_rate_scale {optimizer.learning_rate_scale!r})",
            expected="0 ≤ rate < infinity",
            fix="look at the schedule, and at callbacks that change the rate",
        )


def _may_change(callback: Callback) -> bool:
    """Whether it may change layers or settings, of which it is to be found out between epochs."""
    return not isinstance(callback, Watch) and not (callback.only_looks and is_library_code(type(callback)))
