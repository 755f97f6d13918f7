"""The door for single updates: a batch, or several, as a model's loop gets them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError
from glassnet.core.ragged import is_ragged, with_first_steps
from glassnet.core.turns import TURNS, one_at_a_time, share_turn
from glassnet.losses import WeightedSum, targets_by_loss
from glassnet.model.data import one_array
from glassnet.model.doors import WithDoors
from glassnet.model.lengths import ragged_rows
from glassnet.model.named_data import named_rows
from glassnet.tables import Table
from glassnet.training import Rows, Stepper

FEWEST_TO_TELL = 8
"""Rows from which on numbers that lie close together are no accident."""


class Stepping(WithDoors):
    """Single updates of a ``Model``."""

    def step(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Does one update on a batch and returns its loss: for a training loop of one's own.

        Batch by batch it does what ``fit`` does, bit for bit: the same engine, the same dropout masks. The program for
        a batch's shape is recorded at its first step and kept, until something changes that it took for granted. The
        first step builds the network, where it is not. ``epochs_trained``, metrics and callbacks are ``fit``'s alone;
        to measure, call ``evaluate``.

        Args:
            x: inputs (N, ...), as ``fit`` takes them.
            y: targets, as ``fit`` takes them.
            sample_weight: a weight ≥ 0 for each row (N,).

        Raises:
            ShapeError, DataError: the batch does not fit the network or the loss; nothing is changed.
            DivergenceError: the loss is NaN or infinite; there was no update.
            ConfigurationError: the model, or another of the same layers, is being trained, here or in another thread.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
            >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(0.1))
            >>> losses = [model.step(x, 2 * x + 1) for _ in range(200)]
            >>> model.predict(x).round(2).ravel().tolist()
            [1.0, 3.0, 5.0, 7.0]
        """
        single = self._single
        if single is not None and sample_weight is None:
            value = single(self.__dict__, x, y)
            if type(value) is float:
                return value
            if value is not None and self._stepper is not None:
                self._stepper.refuse(value[0].name, value[1])
        return self._step(x, y, sample_weight)

    train_on_batch = step  # as Keras calls it

    @one_at_a_time
    def _step(self, x: Any, y: Any, sample_weight: Any) -> float:
        """The same, with all that is to be looked at."""
        is_plain = (
            not isinstance(self.loss, WeightedSum)
            and sample_weight is None
            and self.preprocessing is None
            and self.target_scaling is None
        )
        if is_plain and self._stepper is not None and _is_current(self, self._stepper):
            value = self._stepper.quick(x, y)
            if value is not None:
                self._single = self._stepper.single_step(self._single, self.__dict__, TURNS)
                return value
        self._single = None
        rows = _batch(self, x, y, sample_weight, where="step")
        share_turn(self, where="step")  # for the memory that a network has once it is built
        return _stepper(self).step(rows)

    @one_at_a_time
    def step_over(self, batches: Iterable[tuple[Any, ...]]) -> float:
        """Does one update with the gradients of several batches together, and returns their loss.

        For batches too large for memory, or from several sources. The update is that of one step on all rows in one
        batch, within rounding: gradients are averaged by the batches' total weights (added, for a loss with
        ``reduction="sum"``), and steps such as clipping see the whole. Only batch normalisation tells the difference:
        it normalises each batch by itself. Each batch has dropout masks of its own.

        Args:
            batches: (x, y) or (x, y, sample_weight) of each batch: a list, or a generator that makes one after another.

        Raises:
            ShapeError, DataError, ConfigurationError: a batch does not fit, or there is none, or the model is being
                trained already; nothing is changed.
            DivergenceError: the loss of a batch is NaN or infinite; there was no update.
        """
        if not isinstance(batches, Iterable) or isinstance(batches, str | bytes | np.ndarray | Mapping):
            raise _no_batches(f"a {type(batches).__name__}")
        checked = _checked(self, batches)
        first = next(checked, None)
        if first is None:
            raise _no_batches("no batches")
        share_turn(self, where="step_over")
        second = next(checked, None)
        if second is None:
            return _stepper(self).step(first)
        return _stepper(self).step_over(chain((first, second), checked))


def _is_current(model: WithDoors, stepper: Stepper) -> bool:
    """Whether what does single updates was made for the model as it is now."""
    return stepper.is_current(model.network, model.loss, model.optimizer, model.seed, model.engine, model.threads)


def _stepper(model: WithDoors) -> Stepper:
    """What does single updates, made anew where something has changed."""
    if model._stepper is None or not _is_current(model, model._stepper):
        model._stepper = None  # the memory of the old one serves the new one
        model._stepper = Stepper(model.network, model.loss, model.optimizer, model.seed, model.engine, model.threads)
    return model._stepper


def _checked(model: WithDoors, batches: Iterable[Any]) -> Iterator[Rows]:
    for number, batch in enumerate(batches, start=1):
        if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
            raise _no_batches(
                f"as batch {number} a {type(batch).__name__}"
                + (f" of {len(batch)}" if isinstance(batch, tuple | list) else "")
            )
        x, y, sample_weight = (*batch, None)[:3]
        yield _batch(model, x, y, sample_weight, where=f"step_over: batch {number}")


def _batch(model: WithDoors, x: Any, y: Any, sample_weight: Any, *, where: str) -> Rows:
    padded = ragged_rows(model, x, where=f"{where}: x")
    own = x if padded is None else padded.values
    x, y = named_rows(model, own, y, where=where, sample_weight=sample_weight)
    if not isinstance(model.preprocessing, Table):
        x = one_array(x, model.network, where=f"{where}: x")
    if not isinstance(model.loss, WeightedSum) and not is_ragged(y):
        y = numeric(y, where=f"{where}: y")
    targets = targets_by_loss(model.loss, y, where=f"{where}: y")
    if model._stepper is None and sum(array.size for _, array, _ in targets) >= FEWEST_TO_TELL:
        model.check_digits(x if padded is None else with_first_steps(x, padded.lengths), y, where=where)
    x = x if padded is None else padded
    rows = model.rows(x, y, sample_weight, where=where, ragged=True).require_weight(where=where)
    model.ragged = model.ragged or rows.lengths is not None
    return rows


def _no_batches(received: str) -> ConfigurationError:
    return ConfigurationError(
        where="step_over",
        received=received,
        expected="batches, each of them (x, y) or (x, y, sample_weight)",
        fix="write model.step_over([(x1, y1), (x2, y2)]); a generator can be used once",
    )
