"""Metrics: one number about predictions, for people; nothing is trained on them."""

from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import by_name
from glassnet.metrics.base import Metric
from glassnet.metrics.classes import F1, Accuracy, LogLoss, Precision, Recall, RocAuc, roc_curve
from glassnet.metrics.numbers import R2, MeanAbsolute, MeanSquared, RootMeanSquared
from glassnet.metrics.outputs import OutputMetric, PartOfLoss, by_output
from glassnet.metrics.own import FunctionMetric
from glassnet.metrics.perplexity import BitsPerCharacter, Perplexity

_OF_CLASSES = Accuracy, F1, LogLoss, Precision, Recall, RocAuc
_OF_NUMBERS = MeanSquared, RootMeanSquared, MeanAbsolute, R2
_OF_CROSS_ENTROPY = Perplexity, BitsPerCharacter
METRICS: dict[str, type[Metric]] = {metric.name: metric for metric in (*_OF_CLASSES, *_OF_CROSS_ENTROPY, *_OF_NUMBERS)}


def as_metrics(given: Any) -> tuple[Metric, ...]:
    """Accepts a list of metrics, names or functions (outputs, targets) -> number, or a dict of lists by output.

    Their names must differ.

    Example:
        >>> from glassnet import metrics
        >>> metrics.as_metrics(["accuracy", metrics.F1("macro")])
        (Accuracy(), F1('macro'))
        >>> metrics.as_metrics({"digit": "accuracy"})[0].name
        'digit_accuracy'
    """
    if isinstance(given, Mapping):
        return by_output(given, as_metrics)
    if not isinstance(given, Sequence) or isinstance(given, str):
        given = (given,)
    metrics = tuple(_as_metric(metric) for metric in given)
    names = [metric.name for metric in metrics]
    if len(set(names)) < len(names) or "loss" in names:
        raise ConfigurationError(
            where="metrics",
            received=f"the names {names}",
            expected="different names, none of them 'loss'",
            fix="drop one",
        )
    return metrics


def _as_metric(given: Any) -> Metric:
    if callable(given) and not isinstance(given, type | Metric):
        return FunctionMetric(given)
    metric = by_name(given, METRICS, Metric, what="metric")
    if not isinstance(getattr(metric, "name", None), str):
        raise ConfigurationError(
            where="metrics",
            received=f"{metric!r} without a name",
            expected="the key for the history",
            fix=f'write name = "..." in the class {type(metric).__name__}',
        )
    return metric


__all__ = [
    "F1",
    "METRICS",
    "R2",
    "Accuracy",
    "BitsPerCharacter",
    "FunctionMetric",
    "LogLoss",
    "MeanAbsolute",
    "MeanSquared",
    "Metric",
    "OutputMetric",
    "PartOfLoss",
    "Perplexity",
    "Precision",
    "Recall",
    "RocAuc",
    "RootMeanSquared",
    "as_metrics",
    "roc_curve",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
