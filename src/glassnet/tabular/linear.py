"""Linear models of tables: what a network begins as, and what every network should be held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from glassnet.core.shapes import Array

PENALTIES = tuple(10.0 ** (power / 2) for power in range(7, -5, -1))
"""From strong to weak: λ of ½ λ ‖W‖² beside the sum of the rows' losses."""
OF_CLASSES = PENALTIES[2::2]
"""Fewer, as each takes iterations."""
ITERATIONS = 15
"""Of each penalty, from where the one before ended."""
PATIENCE = 2
"""So many penalties one after another may be worse than the best."""
MOST_ITERATIONS = 300
SETTLED = 1e-5
"""With one penalty iterations go on until one moves no output of a row at one deviation by more."""
MOST_NEWTON = 300
"""Columns up to which two classes are solved by Newton's steps: few are needed, but each takes their second power."""
ROWS_OF_A_COLUMN = 20
"""Of more of them a part is solved first."""
LEAST_BEND = 1e-100
"""Where a row's class is sure, its loss bends no more than this."""

Found = tuple[Array, Array]


class Linear(NamedTuple):
    """A linear model, and how good it is.

    Attributes:
        weight: (D, M).
        bias: (M,).
        loss: the mean over rows, cross-entropy or squared error.
    """

    weight: Array
    bias: Array
    loss: float

    def outputs(self, x: Array) -> Array:
        """The amounts or logits of rows (N, D), x W + b (N, M)."""
        return np.asarray(x @ self.weight + self.bias)


class Rows(NamedTuple):
    """Rows of numbers with their answers.

    Attributes:
        x: (N, D) float64.
        targets: labels (N,), or amounts (N, M).
        weights: of the rows (N,), or None.
    """

    x: Array
    targets: Array
    weights: Array | None = None


def fitted(training: Rows, held: Rows, classes: int) -> Linear:
    """Logistic or ridge regression, with the penalty that is best on the rows set aside.

    Args:
        training: the rows to learn from.
        held: the rows that choose the penalty.
        classes: how many, or 0 for amounts.

    Sources: T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning" (2009), 3.4.1 and 4.4; D.
    Böhning, "Multinomial logistic regression algorithm", Annals of the Institute of Statistical Mathematics 44 (1992),
    whose bound ½ XᵀX of the Hessian is the same in every step; Y. Nesterov, "A method of solving a convex programming
    problem with convergence rate O(1/k²)" (1983).
    """
    own = _turned(training)
    others = (held.x - own.middle) @ own.directions
    path = _logistic(own, classes, OF_CLASSES) if classes else _ridge(own, PENALTIES)
    best: Linear | None = None
    worse = 0
    for weight, bias in path:
        loss = _loss(others @ weight + bias, held, classes)
        if best is None or loss < best.loss:
            best, worse = Linear(weight, bias, loss), 0
        else:
            worse += 1
            if worse == PATIENCE:
                break
    assert best is not None
    return own.turned_back(best)


def solved(rows: Rows, classes: int, penalty: float = 1.0) -> Linear:
    """Logistic or ridge regression with one penalty, to the end.

    Args:
        rows: to learn from, with columns of about unit scale.
        classes: how many, or 0 for amounts.
        penalty: λ of ½ λ ‖W‖² beside the sum of the rows' losses, −log softmax(x W + b)_label or ½ ‖y − x W − b‖².

    Source: as ``fitted``, whose 4.4.1 has Newton's steps, for two classes; B. O'Donoghue, E. Candès, "Adaptive restart
    for accelerated gradient schemes", Foundations of Computational Mathematics 15 (2015), for more.

    Example:
        >>> x = np.arange(100.0)[:, None]
        >>> solved(Rows(x, 3 * x + 1), 0).weight.round(2).tolist()
        [[3.0]]
        >>> found = solved(Rows(x, (x[:, 0] > 50).astype(int)), 2)
        >>> found.outputs(np.array([[40.0], [60.0]])).argmax(axis=1).tolist()
        [0, 1]
    """
    own = _turned(rows)
    if classes == 2 and len(own.squares) <= MOST_NEWTON:
        weight, bias = _newton(own, penalty)
    else:
        path = _logistic(own, classes, (penalty,), settles=True) if classes else _ridge(own, (penalty,))
        weight, bias = next(path)
    return own.turned_back(Linear(weight, bias, _loss(own.x @ weight + bias, rows, classes)))


class _Turned(NamedTuple):
    """Rows in directions in which each weight has an equation of its own.

    Attributes:
        x: rows (N, R), with R ≤ D and R ≤ N.
        targets: as of ``Rows``.
        shares: the weights of the rows, 1 on average; or None.
        middle: of the columns (D,).
        directions: (D, R); weights have no part outside of them.
        squares: Σ x² (R, 1).
    """

    x: Array
    targets: Array
    shares: Array | None
    middle: Array
    directions: Array
    squares: Array

    def turned_back(self, found: Linear) -> Linear:
        """The same model for rows as they were."""
        weight = self.directions @ found.weight
        return Linear(weight, found.bias - self.middle @ weight, found.loss)


def _turned(rows: Rows) -> _Turned:
    shares = None if rows.weights is None else rows.weights / rows.weights.mean()
    middle = np.average(rows.x, axis=0, weights=shares)
    x = rows.x - middle
    if x.shape[1] <= len(x):
        squares, directions = np.linalg.eigh((x if shares is None else x * shares[:, None]).T @ x)
        squares = np.maximum(squares, 0.0)
    else:  # fewer rows than columns: the same from the products of rows with rows
        by_weight = x if shares is None else x * np.sqrt(shares)[:, None]
        squares, sides = np.linalg.eigh(by_weight @ by_weight.T)
        some = squares > squares[-1] * len(x) * np.finfo(np.float64).eps
        squares = squares[some]
        directions = by_weight.T @ (sides[:, some] / np.sqrt(squares))
    return _Turned(x @ directions, rows.targets, shares, middle, directions, squares[:, None])


def _ridge(own: _Turned, penalties: Sequence[float]) -> Iterator[Found]:
    """Weight and bias by each penalty; the bias is not penalised."""
    middle = np.average(own.targets, axis=0, weights=own.shares)
    y = own.targets - middle
    products = own.x.T @ (y if own.shares is None else y * own.shares[:, None])
    for penalty in penalties:
        yield products / (own.squares + penalty), middle


def _logistic(own: _Turned, classes: int, penalties: Sequence[float], *, settles: bool = False) -> Iterator[Found]:
    """As ``_ridge``, by steps with momentum, each from where the one before ended.

    Args:
        own: the rows, with labels.
        classes: how many.
        penalties: one after the other.
        settles: whether to go on until nothing moves, in float64; otherwise a few steps in float32 will do.
    """
    kind = np.float64 if settles else np.float32
    x = own.x.astype(kind, copy=False)
    shares = None if own.shares is None else own.shares[:, None].astype(kind)
    right = np.zeros((len(x), classes), kind)
    right[np.arange(len(x)), own.targets] = 1
    known = np.average(right, axis=0, weights=own.shares)
    weight, bias = np.zeros((x.shape[1], classes), kind), np.log(np.maximum(known, 0.5 / len(x)))
    deviations = np.sqrt(own.squares / len(x))
    for penalty in penalties:
        ahead, bias_ahead, momentum, before = weight, bias, 1.0, np.inf
        speed = (1 / (own.squares / 2 + penalty)).astype(kind)
        for _ in range(MOST_ITERATIONS if settles else ITERATIONS):
            missing = right - _softmax(x @ ahead + bias_ahead.astype(kind))
            if shares is not None:
                missing *= shares
            by_weight, by_bias = (x.T @ missing - kind(penalty) * ahead) * speed, 2 * missing.mean(axis=0)
            next_weight, next_bias = ahead + by_weight, bias_ahead + by_bias
            if settles:
                leads_up = (by_weight * (next_weight - weight) / speed).sum() < 0
                momentum = 1.0 if leads_up else momentum
                size = max(float(np.abs(by_weight * deviations).max(initial=0.0)), float(np.abs(by_bias).max()))
            further = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            part = float((momentum - 1) / further)
            ahead = next_weight + part * (next_weight - weight)
            bias_ahead = next_bias + part * (next_bias - bias)
            weight, bias, momentum = next_weight, next_bias, further
            if settles and max(size, before) < SETTLED:
                break
            before = size if settles else before
        yield weight, bias


def _newton(own: _Turned, penalty: float) -> Found:
    """Weight and bias of two classes by one penalty, first of a part of the rows, from where few steps lead to the end.

    What is sought is how the second logit differs from the first, v = w₂ − w₁, with w₂ = −w₁ = v/2, for which
    ½ λ ‖W‖² = ¼ λ v².
    """
    rows, columns = own.x.shape
    x = np.column_stack([own.x, np.ones(rows)])
    shares = np.ones(rows) if own.shares is None else own.shares
    known = float(np.clip(np.average(own.targets, weights=own.shares), 0.5 / rows, 1 - 0.5 / rows))
    found = np.append(np.zeros(columns), np.log(known / (1 - known)))
    penalties = np.append(np.full(columns, penalty / 2), 0.0)
    deviations = np.sqrt(np.append(own.squares / rows, 1.0))
    for every in (max(1, rows // (ROWS_OF_A_COLUMN * (columns + 1))), 1):
        part = slice(None, None, every)
        found = _descended(found, x[part], own.targets[part], shares[part], penalties, deviations)
    sides = np.array([-0.5, 0.5])
    return np.outer(found[:-1], sides), found[-1] * sides


def _descended(weight: Array, x: Array, targets: Array, shares: Array, penalties: Array, deviations: Array) -> Array:
    """The weight (D,) of least penalised loss, by Newton's steps, each halved until it leads down."""

    def height(weight: Array, logits: Array) -> float:
        return float(shares @ (np.logaddexp(0, logits) - targets * logits) + penalties @ weight**2 / 2)

    logits = x @ weight
    now = height(weight, logits)
    for _ in range(ITERATIONS):
        chance = 0.5 + 0.5 * np.tanh(logits / 2)
        slope = x.T @ (shares * (targets - chance)) - penalties * weight
        by_bend = x * np.sqrt(shares * chance * (1 - chance))[:, None]
        bend = by_bend.T @ by_bend + np.diag(penalties)
        unit = np.sqrt(np.maximum(np.diag(bend), LEAST_BEND))
        step = np.linalg.lstsq(bend / np.outer(unit, unit), slope / unit, rcond=None)[0] / unit
        size = float(np.abs(step * deviations).max())
        along = x @ step
        while (then := height(weight + step, logits + along)) > now and size > SETTLED:
            step, along, size = step / 2, along / 2, size / 2
        if then > now:
            break
        weight, logits, now = weight + step, logits + along, then
        if size < SETTLED:
            break
    return weight


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _loss(outputs: Array, held: Rows, classes: int) -> float:
    if classes:
        top = outputs.max(axis=1, keepdims=True)
        losses = np.log(np.exp(outputs - top).sum(axis=1)) + top[:, 0] - outputs[np.arange(len(outputs)), held.targets]
    else:
        losses = np.square(outputs - held.targets).mean(axis=1)
    return float(np.average(losses, weights=held.weights))
