"""Models that are alike, trained one after another through one recorded program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from time import perf_counter, thread_time
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.core.turns import one_at_a_time, share_turn
from glassnet.many.turn import Turn
from glassnet.model import Model
from glassnet.optimizers import Optimizer
from glassnet.optimizers.base import adds_penalty
from glassnet.runners.base import values_at
from glassnet.runners.recorder import Always
from glassnet.training import FitSettings, History, LatestFit, Rows, TrainingPosition
from glassnet.training.batches import epoch_orders
from glassnet.training.compiled_engine import ORDER_NUMBERS, SLICE_SECONDS, CompiledEngine
from glassnet.training.interrupt import Interrupt
from glassnet.training.latest_fit import NOTHING
from glassnet.training.overflow import memory_is_finite
from glassnet.training.parts import Parts
from glassnet.training.snapshots import NoSnapshots
from glassnet.training.tasks import Task, loss_of_epochs

ABREAST = 8
"""So many networks the native module trains in one pass (``native/engine/abreast.hpp``)."""


class _Engine(CompiledEngine):
    """One that is asked for the same numbers again and again, and trains several models at a time."""

    _known: tuple[Any, Array] | None = None
    turn: Turn

    def numbers(self, before: int, steps: int) -> Array:
        """Those of the model before, if they are the same."""
        seeds = Always(self.seed) in self._questions
        key = before, steps, seeds and self.seed, _rate_of(self.optimizer)
        if self._known is None or self._known[0] != key:
            self._known = key, super().numbers(before, steps)
        return self._known[1]

    def calls_python(self, task: Task) -> bool:
        """Whether some kernel has no native twin: then nothing is gained, and Python keeps a seed of its own."""
        if not self.programs:
            self._record(task)
        return any(program.python_calls for program in self.programs)

    def together(self, steps: int) -> int:
        """How many trainings of so many steps it does at a time; 0 where one of them is too much."""
        most = self._pace // steps
        return -(-most // ABREAST) * ABREAST if most >= ABREAST // 2 else most

    def run_each(self, live: list[Array], jobs: Sequence[_Job], losses: Array, totals: Array) -> list[bool]:
        """Whole trainings in the memory of this one (``live``); of each whether it went well and changed its model."""
        started = thread_time()
        given: dict[str, Any] = {
            "models": [job.arrays for job in jobs],
            "orders": [job.orders for job in jobs],
            "numbers": [job.numbers for job in jobs],
        }
        with self.turn.passed_on():
            found: list[bool] = self._native.run_each(live=live, losses=losses, totals=totals, **given)
        if thread_time() - started < SLICE_SECONDS / 2 * losses.size / self._pace:
            self._pace *= 2
        return found


class _Job(NamedTuple):
    """A model that is to be trained, and what its training needs."""

    model: Model
    begun: int
    arrays: list[Array]
    orders: Array | None
    numbers: Array


class Lane:
    """A program for the training of models that are alike, on as many rows.

    A model's numbers and rows are copied in before its training, and the numbers out when it has gone well: all that
    ``Model.fit`` would have left behind is left behind, to the bit. Where something goes wrong nothing is, and
    ``Model.fit`` has to say what.

    Args:
        model: one of them, built; it stays as it is.
        rows: as its door gives them.
        way: equal for models that are alike and trained in the same way.
        turn: which the thread has whenever it calls the lane.
        batch_size: rows in a step.
        shuffle: whether each epoch takes the rows in a new random order.

    Attributes:
        way: as given.
        layout: of its models' networks.
    """

    def __init__(
        self, model: Model, rows: Rows, way: tuple[Any, ...], turn: Turn, *, batch_size: int, shuffle: bool
    ) -> None:
        self.way, self.layout = way, model.network.layout
        network, self._optimizer = model.network.copy(), deepcopy(model.optimizer)
        self._optimizer.prepare(network.parameters)
        self._live = [network.parameters, network.gradients, *self._optimizer.state.values()]
        self._engine = _Engine(Parts(network, model.loss, self._optimizer, model.seed), None, NoSnapshots())
        self._engine.turn = self._turn = turn
        joins_single = any(layer.mixes_rows for layer in (network, *(layer for _, layer in network.walk())))
        weights = None if rows.loss_weights is None else rows.loss_weights.copy()
        self._own = Rows(rows.x.copy(), rows.targets.copy(), loss_weights=weights)
        self._rows, self._batch_size, self._shuffle = rows, batch_size, shuffle
        self._interrupt, self._reduction = Interrupt(), model.loss.reduction
        self._task = Task(self._own, batch_size, self._orders, None, self._proceed, joins_single)
        self._sampled: dict[str, Any] | None = None
        self._named = _Latest[str]()
        self._rates = _Latest[list[float]]()
        self.has_penalty = adds_penalty(self._optimizer, network.parameters, self.layout)

    def close(self) -> None:
        """Lets the program wait for another training; none is done here any more."""
        self._engine.close()
        del self._task  # which calls this lane back, and would keep it alive

    def takes(self, rows: Rows) -> bool:
        """Whether it has room for rows of these shapes and dtypes."""
        own = self._rows
        return rows is own or (
            rows.x.shape == own.x.shape
            and rows.targets.shape == own.targets.shape
            and rows.targets.dtype == own.targets.dtype
            and (rows.loss_weights is None) == (own.loss_weights is None)
        )

    def fit_each(self, models: Sequence[Model], rows: Rows, epochs: int) -> list[History | None]:
        """Trains models that are like the first one.

        Args:
            models: of the same kind and layout.
            rows: of the shapes and dtypes of the first ones, to train all of them on.
            epochs: how many.

        Returns:
            What ``model.fit`` would return; None for those whose training did not go well, which are as they were.
        """
        started = perf_counter()
        try:
            found = _trained(models[0], self, models, rows, epochs)
        except ConfigurationError:  # one of them is being trained: its own fit says so
            return [None] * len(models)
        seconds = (perf_counter() - started) / len(models)
        for history in found:
            if history is not None:
                history.seconds = seconds
        return found

    def train(self, models: Sequence[Model], rows: Rows, epochs: int) -> list[History | None]:
        """The same, in the models' turns."""
        found: list[History | None] = []
        self._take(rows)
        steps = epochs * self._task.steps
        if self._engine.calls_python(self._task):
            return [None] * len(models)
        most = self._engine.together(steps)
        if self._shuffle:
            most = min(most, max(1, ORDER_NUMBERS // (epochs * len(rows))))
        with Interrupt() as self._interrupt, np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(models), max(1, most)):
                some = models[start : start + max(1, most)]
                if self._interrupt.requested and start:
                    found += [None] * len(some)
                elif most:
                    found += self._trained_together(some, epochs)
                else:
                    found.append(self._trained_alone(some[0], epochs))
        return found

    def _begin(self, model: Model) -> list[Array] | None:
        """The arrays that a model's training changes, in the order of ``_live``; None where it could not go well."""
        own, ours = model.optimizer, self._optimizer
        parameters, gradients, _ = model.network._built()
        own.prepare(parameters)
        begun, rate, scale = own.steps, own.learning_rate, own.learning_rate_scale
        ours.steps, ours.learning_rate, ours.learning_rate_scale = begun, rate, scale
        self._engine.reseed(model.seed)
        if not 0 <= own.current_rate() < np.inf or (begun and not memory_is_finite(own)):
            return None
        return [parameters, gradients, *[own.state[name] for name in ours.state]]

    def _trained_together(self, models: Sequence[Model], epochs: int) -> list[History | None]:
        """Trains models by one call of the native module."""
        jobs, steps = [], epochs * self._task.steps
        for model in models:
            arrays = self._begin(model)
            if arrays is not None and all(array.flags.c_contiguous for array in arrays):
                orders = self._orders(model.epochs_trained + 1, epochs)
                begun = self._optimizer.steps
                jobs.append(_Job(model, begun, arrays, orders, self._engine.numbers(begun, steps)))
        losses, totals = np.empty((len(jobs), steps)), np.empty((len(jobs), steps))
        went_well = self._engine.run_each(self._live, jobs, losses, totals) if jobs else []
        count = len(jobs) * epochs
        values = loss_of_epochs(losses.reshape(-1), totals.reshape(-1), count, self._task.steps, self._reduction)
        found: dict[int, History] = {}
        for place, (job, is_well) in enumerate(zip(jobs, went_well, strict=True)):
            if is_well:
                own = values[place * epochs : (place + 1) * epochs]
                found[id(job.model)] = self._finish(job.model, epochs, job.begun, own, job.begun + steps)
        return [found.get(id(model)) for model in models]

    def _trained_alone(self, model: Model, epochs: int) -> History | None:
        """Trains a model in slices, between which it is asked whether to go on."""
        arrays, steps = self._begin(model), self._task.steps
        if arrays is None:
            return None
        for own, array in zip(self._live, arrays, strict=True):
            own[...] = array
        begun = self._optimizer.steps
        done = self._run(model.epochs_trained + 1, model.epochs_trained + epochs)
        if done is None:
            return None
        for own, array in zip(self._live, arrays, strict=True):
            array[...] = own
        losses, totals = done
        count, left = divmod(len(losses), steps)
        values = loss_of_epochs(losses, totals, count, steps, self._reduction)
        within = losses[len(losses) - left :].copy(), totals[len(losses) - left :].copy()
        return self._finish(model, epochs, begun, values, self._optimizer.steps, within)

    def _finish(
        self,
        model: Model,
        epochs: int,
        begun: int,
        values: list[float],
        updates: int,
        within: tuple[Array, Array] = (NOTHING, NOTHING),
    ) -> History:
        """Leaves behind what ``Model.fit`` leaves behind.

        Args:
            model: whose arrays are those of the end.
            epochs: that were asked for.
            begun: updates before them.
            values: losses of the epochs that were done.
            updates: done now.
            within: losses and total weights of the steps behind the last whole epoch.
        """
        first, count = model.epochs_trained + 1, len(values)
        history = History()
        if count:
            history.epochs = list(range(first, first + count))
            history.metrics = {"loss": values, "learning_rate": self._rates_at(model.optimizer, begun, count)}
        history.stopped = "interrupted" if self._interrupt.requested and count < epochs else None
        model.optimizer.steps, model.epochs_trained = updates, first - 1 + count
        model.latest_fit = LatestFit(
            first_epoch=first,
            last_epoch=first - 1 + epochs,
            steps=self._task.steps,
            updates=updates,
            settings=self._settings_of(model, is_whole=count < epochs),
            position=TrainingPosition(first - 1 + count, len(within[0]), *within),
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
            with self._turn.passed_on():
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

    def _rates_at(self, optimizer: Optimizer, begun: int, epochs: int) -> list[float]:
        """The learning rate at the first step of each epoch."""

        def rates() -> list[float]:
            found = values_at(optimizer.rate_at, begun + self._task.steps * np.arange(epochs))
            return np.broadcast_to(found, epochs).tolist()  # type: ignore[no-any-return]

        return self._rates.of((begun, epochs, _rate_of(optimizer)), rates).copy()

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
        return epoch_orders(len(self._own), seed=self._engine.seed, first=first, count=count, shuffle=self._shuffle)

    def _proceed(self, epoch: int, losses: Array, totals: Array) -> bool:
        return not self._interrupt.requested

    def _settings_of(self, model: Model, *, is_whole: bool) -> dict[str, Any]:
        """What the fit was asked for, by name."""
        if is_whole:
            return self._described(model).whole
        if self._sampled is None:
            self._sampled = self._described(model).sampled
        named = self._named.of(_rate_of(model.optimizer), lambda: repr(model.optimizer))
        return self._sampled | {"seed": model.seed, "threads": model.threads, "optimizer": named}

    def _described(self, model: Model) -> FitSettings:
        return model._settings(self._rows, None, [], None, batch_size=self._batch_size, shuffle=self._shuffle)


_T = TypeVar("_T")


class _Latest(Generic[_T]):
    """What was worked out last, for the next model that asks for the same."""

    _key: Any = None
    _value: Any = None

    def of(self, key: Any, work_out: Callable[[], _T]) -> _T:
        """What was worked out for that key; it is done now where it is another key than the last time."""
        if self._key != key:
            self._key, self._value = key, work_out()
        return self._value  # type: ignore[no-any-return]


def _rate_of(optimizer: Optimizer) -> tuple[Any, ...]:
    """Equal for optimizers of a kind that have the same rates."""
    rate = optimizer.learning_rate
    return (rate if type(rate) is float and rate else (id(rate), rate)), optimizer.learning_rate_scale


@one_at_a_time
def _trained(model: Model, lane: Lane, models: Sequence[Model], rows: Rows, epochs: int) -> list[History | None]:
    """Trains models in their turns, that of the first of which is taken; None for those that are trained elsewhere."""
    ready = [model]
    for other in models[1:]:
        try:
            share_turn(other, where="fit_many")
        except ConfigurationError:
            continue
        ready.append(other)
    found = {id(own): history for own, history in zip(ready, lane.train(ready, rows, epochs), strict=True)}
    return [found.get(id(own)) for own in models]
