"""Metrics of a regression, in the targets' unit: of ``loss.means(outputs)``."""

from __future__ import annotations

from math import sqrt

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.metrics.base import Metric, _MeanOverRows, plain


class _MeanOver(_MeanOverRows):
    """Base of the metrics on differences, averaged over the outputs of a row and then over rows."""

    def of(self, error: Array) -> Array:
        raise NotImplementedError

    def by_row(self, outputs: Array, targets: Array, loss: Loss) -> Array:
        """The mean over the outputs of each row."""
        _require_numbers(self.name, outputs, targets)
        errors = self.of(np.subtract(loss.means(outputs.astype(np.float64)), targets, dtype=np.float64))
        return np.asarray(errors.reshape(len(outputs), -1).mean(axis=1))


class MeanSquared(_MeanOver):
    """Mean of (o − t)².

    Example:
        >>> import numpy as np, glassnet as gn
        >>> outputs, targets = np.array([[1.0], [5.0]]), np.array([[2.0], [2.0]])
        >>> gn.metrics.MeanSquared().compute(outputs, targets, gn.losses.MeanSquaredError(), None)
        5.0
    """

    name = "mean_squared_error"

    def of(self, error: Array) -> Array:
        """The square."""
        return error * error


class RootMeanSquared(MeanSquared):
    """Root of the mean of (o − t)², in the targets' unit.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> outputs, targets = np.array([[1.0], [5.0]]), np.array([[2.0], [2.0]])
        >>> round(gn.metrics.RootMeanSquared().compute(outputs, targets, gn.losses.MeanSquaredError(), None), 4)
        2.2361
    """

    name = "root_mean_squared_error"

    def of_mean(self, mean: float) -> float:
        """The root of the (weighted) mean."""
        return sqrt(mean)


class MeanAbsolute(_MeanOver):
    """Mean of |o − t|.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> outputs, targets = np.array([[1.0], [5.0]]), np.array([[2.0], [2.0]])
        >>> gn.metrics.MeanAbsolute().compute(outputs, targets, gn.losses.MeanSquaredError(), None)
        2.0
    """

    name = "mean_absolute_error"

    def of(self, error: Array) -> Array:
        """The size."""
        return np.abs(error)


class R2(Metric):
    """1 − Σ (o − t)² / Σ (t − t̄)², the coefficient of determination, averaged over outputs.

    An output whose targets do not vary counts 1 where it is met exactly and 0 otherwise.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> targets, loss = np.array([[1.0], [2.0], [3.0]]), gn.losses.MeanSquaredError()
        >>> r2 = gn.metrics.R2()
        >>> r2.compute(targets, targets, loss, None)  # all right
        1.0
        >>> r2.compute(np.full((3, 1), 2.0), targets, loss, None)  # always the mean
        0.0
    """

    name = "r2"

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The (weighted) coefficient."""
        o, t, w = _rows_that_count(self.name, outputs, targets, loss, weights)
        residual = np.sum(w[:, None] * (o - t) ** 2, axis=0)
        spread = np.sum(w[:, None] * (t - np.average(t, axis=0, weights=w)) ** 2, axis=0)
        varies = t.max(axis=0) > t.min(axis=0)
        scores = np.where(residual == 0, 1.0, 0.0)
        scores[varies] = 1 - residual[varies] / spread[varies]
        return float(np.mean(scores))

    def part(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> Array:
        """Of each output weight, mean and squared deviations of targets, Σ (o − t)², and the ends of the targets.

        Source: T. Chan, G. Golub, R. LeVeque, The American Statistician 37 (1983), for parts that are joined.
        """
        o, t, w = _rows_that_count(self.name, outputs, targets, loss, weights)
        if not len(t):
            return np.stack([np.full(t.shape[1], own) for own in (0.0, 0.0, 0.0, 0.0, np.inf, -np.inf)])
        mean = np.average(t, axis=0, weights=w)
        sums = [np.sum(w[:, None] * values**2, axis=0) for values in (t - mean, o - t)]
        return np.stack([np.full(t.shape[1], w.sum()), mean, *sums, t.min(axis=0), t.max(axis=0)])

    def joined(self, one: Array, other: Array) -> Array:
        """The moments of both together."""
        (n, mean, spread, residual, low, high), (m, mean_2, spread_2, residual_2, low_2, high_2) = one, other
        whole = np.where(n + m > 0, n + m, 1.0)
        gap = mean_2 - mean
        joined = spread + spread_2 + gap * gap * (n * (m / whole))
        ends = np.minimum(low, low_2), np.maximum(high, high_2)
        return np.stack([n + m, mean + gap * (m / whole), joined, residual + residual_2, *ends])

    def of_parts(self, found: Array) -> float:
        """The (weighted) coefficient."""
        _, _, spread, residual, low, high = found
        varies = high > low
        scores = np.where(residual == 0, 1.0, 0.0)
        scores[varies] = 1 - residual[varies] / spread[varies]
        return float(np.mean(scores))


def _rows_that_count(
    name: str, outputs: Array, targets: Array, loss: Loss, weights: Array | None
) -> tuple[Array, Array, Array]:
    """Predictions and targets (N, M) and weights (N,) in float64, of the rows whose weight is not 0."""
    outputs, targets, weights = plain(name, outputs, targets, weights, loss)
    _require_numbers(name, outputs, targets)
    o, t = (a.reshape(len(a), -1).astype(np.float64) for a in (outputs, targets))
    w = np.ones(len(t)) if weights is None else np.asarray(weights, dtype=np.float64)
    return loss.means(o)[w > 0], t[w > 0], w[w > 0]


def _require_numbers(name: str, outputs: Array, targets: Array) -> None:
    if targets.shape != outputs.shape:
        raise ConfigurationError(
            where=f"metric {name}",
            received=f"outputs of shape {outputs.shape} and targets of shape {targets.shape}",
            expected="equal shapes, as in a regression",
            fix="use accuracy for classes",
        )
