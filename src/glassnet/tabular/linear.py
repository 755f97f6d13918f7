"""The linear model that a network for a table begins as."""

from __future__ import annotations

from collections.abc import Iterator
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


Found = tuple[Array, Array]


class Linear(NamedTuple):
    """A linear model, and how good it is.

    Attributes:
        weight: (D, M).
        bias: (M,).
        loss: the mean over the rows set aside, cross-entropy or squared error.
    """

    weight: Array
    bias: Array
    loss: float


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
    shares = None if training.weights is None else training.weights / training.weights.mean()
    middle = np.average(training.x, axis=0, weights=shares)
    x = training.x - middle
    by_weight = x if shares is None else x * shares[:, None]
    squares, directions = np.linalg.eigh(by_weight.T @ x)  # in these directions each weight has an equation of its own
    squares = np.maximum(squares, 0.0)[:, None]
    rows, others = x @ directions, (held.x - middle) @ directions
    best: Linear | None = None
    worse = 0
    if classes:
        path = _logistic(rows, training.targets, shares, squares, classes)
    else:
        path = _ridge(rows, training.targets, shares, squares)
    for weight, bias in path:
        loss = _loss(others @ weight + bias, held, classes)
        if best is None or loss < best.loss:
            best, worse = Linear(weight, bias, loss), 0
        else:
            worse += 1
            if worse == PATIENCE:
                break
    assert best is not None
    weight = directions @ best.weight
    return Linear(weight, best.bias - middle @ weight, best.loss)


def _ridge(x: Array, targets: Array, shares: Array | None, squares: Array) -> Iterator[Found]:
    """Weight and bias by each penalty; the bias is not penalised."""
    middle = np.average(targets, axis=0, weights=shares)
    y = targets - middle
    products = x.T @ (y if shares is None else y * shares[:, None])
    for penalty in PENALTIES:
        yield products / (squares + penalty), middle


def _logistic(x: Array, labels: Array, shares: Array | None, squares: Array, classes: int) -> Iterator[Found]:
    """As ``_ridge``, by steps with momentum."""
    x = x.astype(np.float32)
    right = np.zeros((len(x), classes), np.float32)
    right[np.arange(len(x)), labels] = 1
    known = np.average(right, axis=0, weights=shares)
    weight, bias = np.zeros((x.shape[1], classes), np.float32), np.log(np.maximum(known, 0.5 / len(x)))
    for penalty in OF_CLASSES:
        ahead, bias_ahead, momentum = weight, bias, 1.0
        speed = (1 / (squares / 2 + penalty)).astype(np.float32)
        for _ in range(ITERATIONS):
            missing = right - _softmax(x @ ahead + bias_ahead.astype(np.float32))
            if shares is not None:
                missing *= shares[:, None].astype(np.float32)
            next_weight = ahead + (x.T @ missing - np.float32(penalty) * ahead) * speed
            next_bias = bias_ahead + 2 * missing.mean(axis=0)
            further = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            part = float((momentum - 1) / further)
            ahead = next_weight + part * (next_weight - weight)
            bias_ahead = next_bias + part * (next_bias - bias)
            weight, bias, momentum = next_weight, next_bias, further
        yield weight, bias


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
