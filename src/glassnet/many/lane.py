"""Models that are alike, trained one after another through one recorded program."""

from __future__ import annotations

from copy import deepcopy
from time import perf_counter
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.core.turns import one_at_a_time
from glassnet.model import Model
from glassnet.runners.base import values_at
from glassnet.training import FitSettings, History, LatestFit, Rows, TrainingPosition
from glassnet.training.batches import epoch_orders
from glassnet.training.engines import CompiledEngine
from glassnet.training.interrupt import Interrupt
from glassnet.training.overflow import memory_is_finite
from glassnet.training.parts import Parts
from glassnet.training.snapshots import NoSnapshots
from glassnet.training.tasks import Task, loss_of_epochs


class _Engine(CompiledEngine):
    """One that is asked for the same numbers again and again."""

    _known: tuple[Any, Array] | None = None

    def numbers(self, before: int, steps: int) -> Array:
        """Those of the model before, if they are the same."""
        rate = self.optimizer.learning_rate
        key = before, steps, self.seed, id(rate), rate, self.optimizer.learning_rate_scale
        if self._known is None or self._known[0] != key:
            self._known = key, super().numbers(before, steps)
        return self._known[1]


class Lane:
    """A program for the training of models that are alike, on as many rows.

    A model's numbers and rows are copied in before its training, and the numbers out when it has gone well: all that
    ``Model.fit`` would have left behind is left behind, to the bit. Where something goes wrong nothing is, and
    ``Model.fit`` has to say what.

    Args:
        model: one of them, built; it stays as it is.
        rows: as its door gives them.
        batch_size: rows in a step.
        shuffle: whether each epoch takes the rows in a new random order.
    """

    def __init__(self, model: Model, rows: Rows, *, batch_size: int, shuffle: bool) -> None:
        self._network, self._optimizer = model.network.copy(), deepcopy(model.optimizer)
        self._optimizer.prepare(self._network.parameters)
        parts = Parts(self._network, model.loss, self._optimizer, model.seed)
        self._engine = _Engine(parts, None, NoSnapshots())
        joins_single = any(layer.mixes_rows for layer in (self._network, *(layer for _, layer in self._network.walk())))
        weights = None if rows.loss_weights is None else rows.loss_weights.copy()
        self._own = Rows(rows.x.copy(), rows.targets.copy(), loss_weights=weights)
        self._rows, self._batch_size, self._shuffle = rows, batch_size, shuffle
        self._seed, self._interrupt = model.seed, Interrupt()
        self._reduction = model.loss.reduction
        self._task = Task(self._own, batch_size, self._orders, None, self._proceed, joins_single)
        self._sampled: dict[str, Any] | None = None
        self._named: dict[Any, str] = {}
        self.has_penalty = self._optimizer.penalty(np.ones_like(self._network.parameters), self._network.layout) > 0

    def close(self) -> None:
        """Lets the program wait for another training."""
        self._engine.close()

    def fit(self, model: Model, rows: Rows, epochs: int) -> History | None:
        """Trains a model that is like the first one.

        Args:
            model: of the same kind and layout.
            rows: of the shapes and dtypes of the first ones.
            epochs: how many.

        Returns:
            What ``model.fit`` would return; None where the training did not go well, and the model is as it was.
        """
        started = perf_counter()
        history = _trained(model, self, rows, epochs)
        if history is not None:
            history.seconds = perf_counter() - started
        return history

    def train(self, model: Model, rows: Rows, epochs: int) -> History | None:
        """The same, in the model's turn."""
        network, own, ours, steps = model.network, model.optimizer, self._optimizer, self._task.steps
        own.prepare(network.parameters)
        if own.steps and not memory_is_finite(own):
            return None
        self._take(rows)
        np.copyto(self._network.parameters, network.parameters)
        for name, array in ours.state.items():
            np.copyto(array, own.state[name])
        begun = own.steps
        ours.steps, ours.learning_rate, ours.learning_rate_scale = begun, own.learning_rate, own.learning_rate_scale
        self._engine.reseed(model.seed)
        self._seed = model.seed
        first, last = model.epochs_trained + 1, model.epochs_trained + epochs
        with Interrupt() as self._interrupt, np.errstate(over="ignore", invalid="ignore"):
            done = self._run(first, last)
        if done is None:
            return None
        losses, totals = done
        count, left = divmod(len(losses), steps)
        history = History()
        if count:
            rates = np.broadcast_to(values_at(own.rate_at, begun + steps * np.arange(count)), count)
            values = loss_of_epochs(losses, totals, count, steps, self._reduction)
            history.extend(first, {"loss": values, "learning_rate": rates.tolist()})
        history.stopped = "interrupted" if self._interrupt.requested else None
        np.copyto(network.parameters, self._network.parameters)
        np.copyto(network.gradients, self._network.gradients)
        for name, array in ours.state.items():
            np.copyto(own.state[name], array)
        own.steps, model.epochs_trained = ours.steps, first - 1 + count
        whole = len(losses) - left
        model.latest_fit = LatestFit(
            first_epoch=first,
            last_epoch=last,
            steps=steps,
            updates=own.steps,
            settings=self._settings_of(model, is_whole=count < epochs),
            position=TrainingPosition(first - 1 + count, left, losses[whole:].copy(), totals[whole:].copy()),
            history=history.copy(count, history.stopped),
        )
        return history

    def _run(self, first: int, last: int) -> tuple[Array, Array] | None:
        """Losses and total weights of the steps of these epochs; None where they did not go well."""
        losses, totals = [], []
        epoch = first
        while epoch <= last:
            if not 0 <= self._optimizer.current_rate() < np.inf:
                return None
            result = self._engine.run(self._task, epoch, last - epoch + 1)
            if result.diverged:
                return None
            losses.append(result.losses)
            totals.append(result.totals)
            count, left = divmod(len(result.losses), self._task.steps)
            epoch += count
            if left or not count or self._interrupt.requested:
                break
        if len(losses) == 1:
            return losses[0], totals[0]
        return np.concatenate(losses), np.concatenate(totals)

    def _take(self, rows: Rows) -> None:
        """Lets the program learn from these rows."""
        if rows is self._rows:
            return
        self._rows, self._sampled = rows, None
        np.copyto(self._own.x, rows.x)
        np.copyto(self._own.targets, rows.targets)
        if self._own.loss_weights is not None and rows.loss_weights is not None:
            np.copyto(self._own.loss_weights, rows.loss_weights)

    def _orders(self, first: int, count: int) -> Array | None:
        return epoch_orders(len(self._own), seed=self._seed, first=first, count=count, shuffle=self._shuffle)

    def _proceed(self, epoch: int, losses: Array, totals: Array) -> bool:
        return not self._interrupt.requested

    def _settings_of(self, model: Model, *, is_whole: bool) -> dict[str, Any]:
        """What the fit was asked for, by name."""
        if is_whole:
            return self._described(model).whole
        if self._sampled is None:
            self._sampled = self._described(model).sampled
        rate = model.optimizer.learning_rate
        key = id(rate), rate, model.optimizer.learning_rate_scale
        if key not in self._named:
            self._named = {key: repr(model.optimizer)}
        return self._sampled | {"seed": model.seed, "threads": model.threads, "optimizer": self._named[key]}

    def _described(self, model: Model) -> FitSettings:
        return model._settings(self._rows, None, [], None, batch_size=self._batch_size, shuffle=self._shuffle)


@one_at_a_time
def _trained(model: Model, lane: Lane, rows: Rows, epochs: int) -> History | None:
    return lane.train(model, rows, epochs)
