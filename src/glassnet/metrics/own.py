"""A user's function as a metric."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from glassnet.core import settings
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.metrics.base import Metric


class FunctionMetric(Metric):
    """A user's function as a metric; models make it by themselves from ``metrics=[function]``.

    Args:
        function: (outputs, targets) -> number, or (outputs, targets, weights) -> number, where weights (N,) may be
            None; for outputs of steps they are (N, T). Its name is the metric's.

    Example:
        >>> import glassnet as gn
        >>> def largest_error(outputs, targets):
        ...     return abs(outputs - targets).max()
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd", metrics=[largest_error])
        >>> model.metrics[0].name
        'largest_error'
    """

    def __init__(self, function: Callable[..., float]) -> None:
        takes = "(outputs, targets) -> number"
        self.function: Callable[..., float] = settings.function(
            function, "FunctionMetric", takes=takes, setting="metrics=[your_function]"
        )
        name = getattr(function, "__name__", "metric")
        self.name = name if name.isidentifier() else "metric"

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """What the function returns."""
        if _takes_weights(self.function):
            return self.function(outputs, targets, weights)
        if weights is not None:
            raise ConfigurationError(
                where=f"metric {self.name}",
                received="sample weights, or rows of different length, for a function of outputs and targets",
                expected="a function that takes them",
                fix=f"write def {self.name}(outputs, targets, weights), or drop sample_weight",
            )
        return self.function(outputs, targets)


def _takes_weights(function: Callable[..., Any]) -> bool:
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):  # built in
        return False
    by_place = [p for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    return len(by_place) > 2 or any(p.name == "weights" for p in parameters)
