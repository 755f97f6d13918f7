"""Short trainings of copies of a model, to learn what its settings do; the model itself stays as it is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Protocol

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, DivergenceError
from glassnet.core.randomness import generator
from glassnet.core.settings import number, whole
from glassnet.core.shapes import Array
from glassnet.diagnosis.baseline import loss_of
from glassnet.diagnosis.hints import Known
from glassnet.diagnosis.rates import RateTest
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.schedules import ExponentialDecay
from glassnet.training import History, Rows

LOWEST, HIGHEST, STEPS, ROWS = 1e-6, 10.0, 100, 256
DIVERGED = 4.0
"""A loss so many times the first one ends the test."""
SMOOTHED = 5
"""Neighbouring losses whose mean counts."""


class Trainable(Known, Protocol):
    """What is asked of a model here: ``gn.Model`` has it, and says what it does."""

    optimizer: Optimizer
    epochs_trained: int

    def require_one_output(self, where: str) -> None:
        """See ``gn.Model``."""

    def rows(self, x: Any, y: Any, sample_weight: Any = None, *, where: str = "rows") -> Rows:
        """See ``gn.Model``."""

    def untrained(self, optimizer: Optimizer, *, network: Network | None = None, loss: Loss | None = None) -> Trainable:
        """See ``gn.Model``."""

    def fit(self, *data: Any, **settings: Any) -> History:
        """See ``gn.Model``."""

    def predict(self, x: Any) -> Any:
        """See ``gn.Model``."""


@suggests
def learning_rate_range(
    model: Trainable, x: Any, y: Any, *, low: float = LOWEST, high: float = HIGHEST, steps: int = STEPS
) -> RateTest:
    """Trains a fresh copy of the model's network with a rate that rises at each step, on one batch of 256 rows at most.

    Args:
        model: the model, trained or not; it stays as it is.
        x: inputs, as ``model.fit`` takes them.
        y: targets.
        low: first rate.
        high: last rate; the test ends before it where the loss becomes four times the first one.
        steps: how many steps there are.

    Returns:
        A ``RateTest``; ``gn.plots.plot_learning_rate_range`` draws it.

    Raises:
        ConfigurationError: rates that do not rise.
        ShapeError, DataError: x and y do not fit the model.

    Source: L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3. The suggestion
    is the rate at which the loss falls most steeply, as in fastai's learning rate finder.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), "relu", gn.Dense(2)), "cross_entropy", "adam")
        >>> test = gn.learning_rate_range(model, x, (x[:, 0] > 0).astype(int))
        >>> 1e-3 < test.suggested < 1
        True
    """
    where = "learning_rate_range"
    low, high = number(low, "low", where, low=0, open_low=True), number(high, "high", where, low=0)
    steps = whole(steps, "steps", where, low=2)
    if not high > low:
        raise ConfigurationError(
            where=where, received=f"low={low}, high={high}", expected="high above low", fix="leave both out"
        )
    model.require_one_output(where)
    rows = batch_of(model.rows(x, y, None, where=where), ROWS, model.seed)
    return rate_test(model, rows, low, high, steps)


def rate_test(model: Trainable, rows: Rows, low: float = LOWEST, high: float = HIGHEST, steps: int = STEPS) -> RateTest:
    """``learning_rate_range`` on checked rows."""
    schedule = ExponentialDecay(low, every=steps - 1, factor=high / low)
    losses = _losses(fresh(model, deepcopy(model.optimizer), schedule), rows, steps, until=DIVERGED)
    rates = np.array([schedule(step) for step in range(len(losses))])
    return RateTest(rates, losses, _steepest(rates, losses))


def losses_at(model: Trainable, rows: Rows, rate: float, steps: int) -> Array:
    """Losses (S,) before each of some steps of a fresh copy with a constant rate; fewer where it diverged."""
    return _losses(fresh(model, deepcopy(model.optimizer), rate), rows, steps)


def fresh(model: Trainable, optimizer: Optimizer, rate: Any) -> Trainable:
    """A copy with new initial weights and that optimizer, which takes rows as the network gets them."""
    optimizer.reset()
    optimizer.learning_rate = rate
    return untrained(model, optimizer)


def untrained(
    model: Trainable,
    optimizer: Optimizer,
    *,
    network: Network | None = None,
    loss: Loss | None = None,
    drawn: bool = False,
) -> Trainable:
    """``model.untrained``, with the initial weights that the model has, also those that its user has set.

    Of a model that was trained they are not known any more, and are drawn as its layers say.

    Args:
        model: whose weights.
        optimizer: of the copy.
        network: in place of a copy of the model's, or None.
        loss: in place of the model's, or None.
        drawn: whether weights are to be drawn anew.
    """
    copy = model.untrained(optimizer, network=network, loss=loss)
    if not drawn and not model.epochs_trained and not model.optimizer.steps:
        own = dict(model.network.named_parameters())
        for name, values in copy.network.named_parameters():
            if name in own and own[name].shape == values.shape:
                values[...] = own[name]
    return copy


def batch_of(rows: Rows, most: int, seed: int) -> Rows:
    """Rows chosen at random, ``most`` of them at most."""
    return rows if len(rows) <= most else rows.take(np.sort(generator(seed, "trial").permutation(len(rows))[:most]))


def evaluate(model: Trainable, rows: Rows) -> float:
    """The mean loss of a row, in prediction mode."""
    return loss_of(model.loss, model.predict(rows.x), rows.targets)


def _losses(model: Trainable, rows: Rows, steps: int, *, until: float = np.inf) -> Array:
    losses: list[float] = []

    def note(state: Any) -> None:
        losses.append(state.logs["loss"])
        if losses[-1] > until * losses[0]:
            state.stop("diverged")

    try:
        model.fit(
            rows.x, rows.targets, epochs=steps, batch_size=None, shuffle=False, sample_weight=rows.weights,
            callbacks=[note], verbose=False,
        )  # fmt: skip
    except DivergenceError:
        losses.append(np.inf)
    return np.array(losses)


def _steepest(rates: Array, losses: Array) -> float:
    """The rate at which the smoothed loss falls most for its logarithm, before it is lowest."""
    side, finite = SMOOTHED // 2, losses[np.isfinite(losses)]
    if not len(finite):
        raise DivergenceError(
            where="learning_rate_range",
            received="no finite loss, not even at the first and lowest rate",
            expected="a loss that the dtype can hold",
            fix="scale the data: set model.preprocessing, or model.target_scaling for amounts",
        )
    padded = np.pad(finite, side, mode="edge")
    smoothed = np.convolve(padded, np.full(SMOOTHED, 1 / SMOOTHED), mode="valid")
    lowest = max(2, int(smoothed.argmin()) + 1)
    falls = np.gradient(smoothed[:lowest], np.log(rates[:lowest]))
    return float(rates[int(falls.argmin())])
