"""Linear models of a table: what every network should be held against."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array

MOST_STEPS = 300
SMALL = 1e-5
"""A step that changes no output by more is the last one."""
MOST_COLUMNS = 4_000
"""More would be solved for longer than a network is trained."""


def ridge(x: Array, y: Array, strength: float = 1.0) -> Array:
    """The weights (D + 1, M) with the least Σ ‖y − x w − b‖² + strength ‖w‖²; the last row is b.

    Args:
        x: columns of about unit scale (N, D).
        y: amounts (N, M).
        strength: of the penalty; on b there is none.

    Source: A. Hoerl, R. Kennard, "Ridge regression: biased estimation for nonorthogonal problems", 1970.

    Example:
        >>> x = np.arange(100.0)[:, None]
        >>> ridge(x, 3 * x + 1).round(2).ravel().tolist()
        [3.0, 1.0]
    """
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    centred = x - mean_x
    weight = np.linalg.solve(centred.T @ centred + strength * np.eye(x.shape[1]), centred.T @ (y - mean_y))
    return np.vstack([weight, mean_y - mean_x @ weight])


def logistic(x: Array, labels: Array, classes: int, strength: float = 1.0) -> Array:
    """The weights (D + 1, K) with the least Σ −log softmax(x w + b)_label + ½ strength ‖w‖²; the last row is b.

    Steps are those of a bound that lies above the loss everywhere, so that none leads up, with Nesterov's momentum.

    Args:
        x: columns of about unit scale (N, D).
        labels: integers (N,) from 0 to K − 1.
        classes: K.
        strength: of the penalty; on b there is none.

    Source: D. Böhning, "Multinomial logistic regression algorithm", 1992; B. O'Donoghue, E. Candès, "Adaptive restart
    for accelerated gradient schemes", 2015.

    Example:
        >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
        >>> (predict(x, logistic(x, np.array([0, 0, 1, 1]), 2)).argmax(axis=1)).tolist()
        [0, 0, 1, 1]
    """
    rows, with_ones = len(x), np.column_stack([x, np.ones(len(x))])
    penalty = np.full(with_ones.shape[1], strength)
    penalty[-1] = 1e-6 * rows  # keeps the bound from being singular; of the loss it is no part
    inverse = np.linalg.inv(0.5 * (with_ones.T @ with_ones) + np.diag(penalty))
    penalty[-1] = 0.0
    right = np.eye(classes)[labels]
    weight = ahead = np.zeros((with_ones.shape[1], classes))
    before, momentum = np.inf, 1.0
    for _ in range(MOST_STEPS):
        logits = with_ones @ ahead
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        step = inverse @ (with_ones.T @ (shares - right) + penalty[:, None] * ahead)
        new = ahead - step
        if float((step * (new - weight)).sum()) > 0:  # the momentum leads up: begin anew from here
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, weight, momentum = new + (momentum - 1) / following * (new - weight), new, following
        size = float(np.abs(step).max())
        if size < SMALL and before < SMALL:
            break
        before = size
    return weight


def predict(x: Array, weight: Array) -> Array:
    """The outputs x w + b: amounts (N, M), or logits (N, K)."""
    return np.asarray(x @ weight[:-1] + weight[-1])
