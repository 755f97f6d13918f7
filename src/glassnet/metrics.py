"""Metrics: one number about predictions, for people; nothing is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError, DataError
from glassnet.losses import Loss
from glassnet.settings import Configurable, by_name
from glassnet.shapes import Array


class Metric(Configurable):
    """Base of the metrics.

    ``metric.compute(outputs, targets, loss, weights)`` gets the network's outputs (N, ...), the targets as the loss
    prepared them, the loss (which knows how outputs become classes) and weights (N,) or None.
    """

    name: str
    """The key in the history."""

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The metric over all rows."""
        raise NotImplementedError


class Accuracy(Metric):
    """The share of rows whose class is predicted right; with several labels a row, the share of right labels.

    Targets that are rows of shares count as their largest; for a loss that is not about classes the targets must be
    0 and 1.
    """

    name = "accuracy"

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The (weighted) share of right predictions."""
        predicted = loss.classes(outputs)
        if not loss.decides_classes and not np.isin(targets, (0, 1)).all():
            raise DataError(
                where="metric accuracy",
                received=f"targets other than 0 and 1 with the loss {loss!r}",
                expected="classes",
                fix="drop metrics=['accuracy'] for a regression, or train on classes with cross_entropy",
            )
        if targets.ndim == 1:
            actual = targets
        elif predicted.shape != targets.shape and targets.shape[1] > 1:
            actual = loss.classes(targets)
        else:
            actual = (targets > 0.5).astype(np.intp).reshape(predicted.shape)
        right = (predicted == actual).reshape(len(predicted), -1).mean(axis=1)
        return float(np.average(right, weights=weights))


class _MeanOver(Metric):
    """Base of the metrics on differences, averaged over the outputs of a row and then over rows."""

    def of(self, error: Array) -> Array:
        raise NotImplementedError

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The (weighted) mean."""
        _require_numbers(self.name, outputs, targets)
        per_row = self.of(outputs.astype(np.float64) - targets).reshape(len(outputs), -1).mean(axis=1)
        return float(np.average(per_row, weights=weights))


class MeanSquared(_MeanOver):
    """Mean of (o − t)²."""

    name = "mean_squared_error"

    def of(self, error: Array) -> Array:
        """The square."""
        return error * error


class RootMeanSquared(MeanSquared):
    """Root of the mean of (o − t)², in the targets' unit."""

    name = "root_mean_squared_error"

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The root of the (weighted) mean."""
        return sqrt(super().compute(outputs, targets, loss, weights))


class MeanAbsolute(_MeanOver):
    """Mean of |o − t|."""

    name = "mean_absolute_error"

    def of(self, error: Array) -> Array:
        """The size."""
        return np.abs(error)


class R2(Metric):
    """1 − Σ (o − t)² / Σ (t − t̄)², the coefficient of determination, averaged over outputs.

    An output whose targets do not vary counts 1 where it is met exactly and 0 otherwise.
    """

    name = "r2"

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The (weighted) coefficient."""
        _require_numbers(self.name, outputs, targets)
        o, t = (a.reshape(len(a), -1).astype(np.float64) for a in (outputs, targets))
        w = np.ones(len(t)) if weights is None else weights
        residual = np.sum(w[:, None] * (o - t) ** 2, axis=0)
        spread = np.sum(w[:, None] * (t - np.average(t, axis=0, weights=w)) ** 2, axis=0)
        varies = t.max(axis=0) > t.min(axis=0)
        scores = np.where(residual == 0, 1.0, 0.0)
        scores[varies] = 1 - residual[varies] / spread[varies]
        return float(np.mean(scores))


METRICS: dict[str, type[Metric]] = {
    "accuracy": Accuracy,
    "mean_squared_error": MeanSquared,
    "root_mean_squared_error": RootMeanSquared,
    "mean_absolute_error": MeanAbsolute,
    "r2": R2,
}


def as_metrics(given: Any) -> tuple[Metric, ...]:
    """Accepts a list of metrics or names; their names must differ."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        given = (given,)
    metrics = tuple(by_name(metric, METRICS, Metric, what="metric") for metric in given)
    names = [metric.name for metric in metrics]
    if len(set(names)) < len(names) or "loss" in names:
        raise ConfigurationError(
            where="metrics",
            received=f"the names {names}",
            expected="different names, none of them 'loss'",
            fix="drop one",
        )
    return metrics


def _require_numbers(name: str, outputs: Array, targets: Array) -> None:
    if targets.shape != outputs.shape:
        raise ConfigurationError(
            where=f"metric {name}",
            received=f"outputs of shape {outputs.shape} and targets of shape {targets.shape}",
            expected="equal shapes, as in a regression",
            fix="use accuracy for classes",
        )
