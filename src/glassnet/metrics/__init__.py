"""Metrics: one number about predictions, for people; nothing is trained on them."""

from collections.abc import Sequence
from typing import Any

from glassnet.errors import ConfigurationError
from glassnet.metrics.base import Metric
from glassnet.metrics.classes import F1, Accuracy, LogLoss, Precision, Recall, RocAuc, roc_curve
from glassnet.metrics.numbers import R2, MeanAbsolute, MeanSquared, RootMeanSquared
from glassnet.settings import by_name

METRICS: dict[str, type[Metric]] = {
    "accuracy": Accuracy,
    "f1": F1,
    "log_loss": LogLoss,
    "precision": Precision,
    "recall": Recall,
    "roc_auc": RocAuc,
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


__all__ = [
    "F1",
    "METRICS",
    "R2",
    "Accuracy",
    "LogLoss",
    "MeanAbsolute",
    "MeanSquared",
    "Metric",
    "Precision",
    "Recall",
    "RocAuc",
    "RootMeanSquared",
    "as_metrics",
    "roc_curve",
]
