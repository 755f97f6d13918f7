"""What moved one answer: how much each column of a row adds to it, beside the mean answer to other rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError
from glassnet.core.randomness import generator
from glassnet.core.settings import one_of, whole
from glassnet.core.shapes import Array
from glassnet.derivatives.by_columns import ByColumns, by_columns
from glassnet.derivatives.functions import Function, function_of
from glassnet.derivatives.scores import Score, score_for
from glassnet.layers import BatchNorm, Columns, Dense, Dropout, Flatten, Identity, Reshape, Scale
from glassnet.many import as_one_model
from glassnet.model.named_data import named_inputs
from glassnet.network import Add, Concat, Concatenate, Graph, LookingRunner, Residual, Sequential, Subtract

LINEAR, GRADIENTS, SHAPLEY = "linear", "integrated gradients", "Shapley sampling"
METHODS = "auto", GRADIENTS, SHAPLEY
BACKGROUND = 100
"""Rows whose mean answer is the beginning, where the network is not linear."""
FIRST_STEPS, MOST_STEPS = 16, 256
ENOUGH = 1e-3
"""Steps are doubled while the effects add up worse than to this share of themselves."""
MOST_ROWS = 40_000
"""That go through the network for one explanation by sampling."""
STRAIGHT = (
    *(Dense, Flatten, Identity, Columns, Scale, Dropout, Reshape, BatchNorm),
    *(Sequential, Concat, Residual, Graph, Add, Subtract, Concatenate),
)
"""Layers and networks that are linear in prediction mode, if what is in them is."""
WHERE = "explain"


@dataclass(frozen=True)
class Effect:
    """What one column of a row adds to the answer.

    Attributes:
        column: its name.
        value: in that row, as text; empty where it is missing.
        effect: how much it adds, in the unit of the answer.
        deviation: the standard error of ``effect`` where it is sampled, else 0.
    """

    column: str
    value: str
    effect: float
    deviation: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """What moved one answer away from the mean answer: answer = base + Σ effects + residual.

    Attributes:
        row: its number.
        kind: what the answer is: ``"log-odds"`` of a class against the others (of more than two the logit above the
            mean of the others'), ``"score"`` likewise where the loss gives no probabilities, ``"amount"`` in the
            target's unit, or its ``"logarithm"`` where the network gives that.
        name: of the class or of the amount.
        answer: the model's for this row.
        base: its mean over the rows of the background.
        effects: of the columns, the largest first.
        method: ``"linear"``: the network is, so the effects are weight · (value − mean), exactly; or
            ``"integrated gradients"``, or ``"Shapley sampling"``.
        residual: what the effects leave unexplained, answer − base − Σ effects; next to nothing for a linear network.
        background: how many rows ``base`` is the mean over.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> rooms, age = np.array([2.0, 4.0, 3.0, 5.0] * 8), np.array([10.0, 10.0, 40.0, 40.0] * 8)
        >>> x = {"rooms": rooms, "age": age}
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.Adam(1.0), seed=0)
        >>> model.preprocessing = gn.Table.from_data(x)
        >>> _ = model.fit(x, (100 * rooms - age)[:, None], epochs=200, verbose=False)
        >>> explained = gn.explain(model, x, row=3)
        >>> explained.method, [effect.column for effect in explained.effects]
        ('linear', ['rooms', 'age'])
        >>> bool(abs(explained.answer - explained.base - sum(e.effect for e in explained.effects)) < 1e-3)
        True
    """

    row: int
    kind: str
    name: str
    answer: float
    base: float
    effects: tuple[Effect, ...]
    method: str
    residual: float
    background: int

    def __str__(self) -> str:
        wide = max(len(own.column) for own in self.effects)
        lines = [
            f"row {self.row}, {self.kind} of {self.name}: {self.answer:.4g}, by {self.method}",
            f"{self.base:+10.4g}  the mean over {self.background:,} rows",
            *(f"{own.effect:+10.4g}  {own.column:{wide}}  {own.value or 'missing'}" for own in self.effects),
            f"{self.residual:+10.4g}  not explained",
        ]
        return "\n".join(lines)


@suggests
def explain(
    model: Any,
    x: Any,
    row: int = 0,
    *,
    target: Any = None,
    background: Any = None,
    method: str = "auto",
    seed: int = 0,
) -> Explanation:
    """How much each column of a row adds to the model's answer, beside the mean answer to other rows.

    In a linear network the effect of a number is exactly weight · (value − mean). Elsewhere it is the mean of the slope
    on the way from other rows to this one, times the way (integrated gradients), summed over the numbers that the
    column becomes. Where words are looked up, which have no slope, it is the mean of what changes when the columns of
    another row take their values in this one, one after the other in random order (Shapley values). All three add up
    to answer − base; ``residual`` is what they miss.

    An effect says what the model does with a value, not what the value does in the world. Columns that say the same
    share an effect as the network has divided it.

    Args:
        model: a ``gn.Model``, ``gn.Ensemble`` or ``gn.TableModel`` of tables, or of rows (N, D).
        x: rows, as ``model.predict`` takes them.
        row: the number of the row in x whose answer is explained, from 0.
        target: what of the answer. None for the only amount, or for the class that the model takes; else the name or
            number of a class, of one of several amounts, of one of several questions (its likeliest class); or the
            name of a question and that of a class in it.
        background: the rows whose mean answer is where the explanation begins, such as the training's; None for x.
            If the network is not linear, 100 of them are drawn where there are more.
        method: ``"auto"``, or ``"integrated gradients"`` or ``"Shapley sampling"``.
        seed: of what is drawn.

    Returns:
        The explanation; ``print`` shows it as a table.

    Raises:
        NotBuiltError: the model has seen no data.
        ConfigurationError: a model of other than rows of columns; no such target; gradients where words are looked up.
        ShapeError, DataError: x does not fit the model.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017; G. Erion et al.,
    "Improving performance of deep learning models with axiomatic attribution priors and expected gradients", Nature
    Machine Intelligence 3 (2021), for the mean over beginnings; E. Štrumbelj, I. Kononenko, "Explaining prediction
    models and individual predictions with feature contributions", Knowledge and Information Systems 41 (2014).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init=np.array([[2.0], [-3.0]])))
        >>> _ = net.build((2,))
        >>> model = gn.Model(net, "mean_squared_error", "sgd")
        >>> print(gn.explain(model, np.array([[5.0, 1.0], [1.0, 1.0], [0.0, 4.0]])))
        row 0, amount of the answer: 7, by linear
                -2  the mean over 3 rows
                +6  x0  5
                +3  x1  1
                +0  not explained
    """
    one_of(method, "method", WHERE, METHODS)
    seed = whole(seed, "seed", WHERE, low=0)
    model = as_one_model(model, WHERE)
    model.require_one_output(WHERE)
    model.require_built(WHERE)
    own = by_columns(model, named_inputs(model, x, where=f"{WHERE}: x"), WHERE)
    row = whole(row, "row", WHERE, low=0, high=max(0, len(own) - 1))
    others = own
    if background is not None:
        others = by_columns(model, named_inputs(model, background, where=f"{WHERE}: background"), WHERE)
    if not len(own) or not len(others):
        raise ConfigurationError(
            where=WHERE, received="no rows", expected="one row at least, and others to compare with", fix="pass rows"
        )
    return next(explanations(own, np.array([row]), others, target=target, method=method, seed=seed))


def explanations(
    own: ByColumns, rows: Array, others: ByColumns, *, target: Any = None, method: str = "auto", seed: int = 0
) -> Iterator[Explanation]:
    """That of each of some rows; arguments as ``explain`` has them."""
    here = function_of(own.model, own.features[rows], where=WHERE, dtype=np.dtype(np.float64))
    looked_up = bool(here.network.demands)
    if looked_up and method == GRADIENTS:
        raise ConfigurationError(
            where=WHERE,
            received=f"method={method!r} for a network that looks words up",
            expected=f"{SHAPLEY!r}: what is looked up has no slope",
            fix='leave method out, or write method="Shapley sampling"',
        )
    is_straight = all(type(layer) in STRAIGHT for _, layer in here.network.walk())
    start = _beginning(own, others, is_straight=is_straight and method == "auto", seed=seed)
    for place, row in enumerate(rows):
        x = here.inputs[place : place + 1]
        outputs = here(x)[0][0]
        score = score_for(own.given, outputs, target, WHERE)
        answer = float(score.of(outputs[None])[0])
        bases = score.of(here(start)[0])
        base = float(bases.mean())
        deviations = np.zeros(len(own.groups))
        if method == SHAPLEY or looked_up:
            how = SHAPLEY
            effects, deviations = _shapley(here, score, x[0], start, list(own.groups.values()), seed)
        elif is_straight and score.is_linear and method == "auto":
            how = LINEAR
            effects = _summed(_slopes(here, score, x)[0] * (x[0] - start.mean(axis=0)), own)
        else:
            how = GRADIENTS
            effects = _along(here, score, x[0], start, own, answer - base)
        listed = [
            Effect(name, own.text(name, int(row)), float(effect), float(deviation))
            for name, effect, deviation in zip(own.groups, effects, deviations, strict=True)
        ]
        yield Explanation(
            int(row),
            score.kind,
            score.name,
            answer,
            base,
            tuple(sorted(listed, key=lambda one: -abs(one.effect))),
            how,
            answer - base - float(effects.sum()),
            len(start),
        )


def _beginning(own: ByColumns, others: ByColumns, *, is_straight: bool, seed: int) -> Array:
    """The rows of the background as the network takes them; all where only their mean counts."""
    features = others.features
    if not is_straight and len(features) > BACKGROUND:
        features = features[np.sort(generator(seed, WHERE).permutation(len(features))[:BACKGROUND])]
    return function_of(own.model, features, where=WHERE, dtype=np.dtype(np.float64)).inputs


def _slopes(function: Function, score: Score, inputs: Array) -> Array:
    """∂ score / ∂ inputs (N, D)."""
    run = LookingRunner()
    outputs, cache = function(inputs, run)
    return np.array(run.backward(function.network, score.slopes(outputs).astype(outputs.dtype), cache))


def _summed(by_feature: Array, own: ByColumns) -> Array:
    return np.array([by_feature[columns].sum() for columns in own.groups.values()])


def _along(function: Function, score: Score, x: Array, start: Array, own: ByColumns, goal: float) -> Array:
    """The mean slope on the ways from the background's rows, times the way; more steps where they miss the goal."""
    steps = FIRST_STEPS
    while True:
        points, weights = np.polynomial.legendre.leggauss(steps)
        total = np.zeros(x.shape)
        way = x - start  # (B, D)
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            total += weight * (_slopes(function, score, start + point * way) * way).mean(axis=0)
        effects = _summed(total, own)
        if steps >= MOST_STEPS or abs(goal - effects.sum()) <= ENOUGH * np.abs(effects).sum():
            return effects
        steps *= 2


def _shapley(
    function: Function, score: Score, x: Array, start: Array, groups: list[slice], seed: int
) -> tuple[Array, Array]:
    """What each column changes when those of another row take its values one by one, in random orders and backwards."""
    rng = generator(seed, f"{WHERE} orders")
    count, most = len(groups), max(2, MOST_ROWS // (2 * len(groups) * len(start)))
    rounds = min(most, max(1, BACKGROUND // len(start)))
    changes = []
    for begin in np.tile(np.arange(len(start)), rounds):
        order = rng.permutation(count)
        found = np.zeros(count)
        for one in (order, order[::-1]):
            rows = np.repeat(start[begin][None], count + 1, axis=0)
            for step, group in enumerate(one):
                rows[step + 1 :, groups[group]] = x[groups[group]]
            found[one] += np.diff(score.of(function(rows)[0])) / 2
        changes.append(found)
    drawn = np.array(changes)
    deviations = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn)) if len(drawn) > 1 else np.zeros(count)
    return drawn.mean(axis=0), deviations
