"""Metrics of one output of several."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import boolean
from glassnet.core.shapes import Array
from glassnet.losses import CrossEntropy, Loss
from glassnet.losses.weighted import WeightedSum
from glassnet.metrics.base import Metric
from glassnet.runners import NumpyRunner


class OutputMetric(Metric):
    """A metric of one output of a ``Graph``; models make it by themselves from ``metrics={"digit": ["accuracy"]}``.

    Args:
        output: the output's name; with the metric's it makes the key in the history, such as ``digit_accuracy``.
        metric: what is computed of it.
        named: False for the only output of a network, whose metrics go without its name.

    Example:
        >>> import glassnet as gn
        >>> nodes = {"digit": (gn.Dense(10), "x"), "size": (gn.Dense(1), "x")}
        >>> net = gn.Graph(inputs="x", nodes=nodes, outputs=("digit", "size"))
        >>> losses = {"digit": "cross_entropy", "size": "mean_squared_error"}
        >>> model = gn.Model(net, losses, "adam", metrics={"digit": ["accuracy"]})
        >>> model.metrics
        (OutputMetric('digit', Accuracy()),)
        >>> model.metrics[0].name
        'digit_accuracy'
    """

    def __init__(self, output: str, metric: Metric, *, named: bool = True) -> None:
        if not isinstance(output, str) or not isinstance(metric, Metric):
            raise ConfigurationError(
                where="OutputMetric",
                received=f"output={shown(output)}, metric={shown(metric)}",
                expected="the name of an output, and a metric",
                fix='write metrics={"digit": ["accuracy"]}, from which models make it',
            )
        self.output = output
        self.metric = metric
        self.named = boolean(named, "named", "OutputMetric")
        self.name = f"{output}_{metric.name}" if named else metric.name

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The metric of that output's part."""
        if isinstance(self.metric, PartOfLoss) and isinstance(loss, WeightedSum):
            return self.metric.of(loss, self.output, outputs, targets, weights)
        return self.metric.compute(*self._seen(outputs, targets, loss, weights))

    @property
    def adds_up(self) -> bool:
        """As the metric does."""
        return self.metric.adds_up

    def part(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> Array:
        """The metric's, of that output's part."""
        return self.metric.part(*self._seen(outputs, targets, loss, weights))

    def joined(self, one: Array, other: Array) -> Array:
        """The metric's."""
        return self.metric.joined(one, other)

    def of_parts(self, found: Array) -> float:
        """The metric's."""
        return self.metric.of_parts(found)

    def _seen(
        self, outputs: Array, targets: Array, loss: Loss, weights: Array | None
    ) -> tuple[Array, Array, Loss, Array | None]:
        """What the metric is computed from."""
        if not isinstance(loss, WeightedSum):
            raise ConfigurationError(
                where=f"metric {self.name}",
                received=f"the loss {loss!r}",
                expected="losses by output",
                fix=f"write loss={{{self.output!r}: ...}}",
            )
        own = loss.loss_of(self.output)
        terms = loss.seen_by(self.output, outputs, targets)
        term, part, asked = next(found for found in terms if found[0].loss is own)
        return part, _labels(own, asked), own, loss.weights_of(term, weights)


class PartOfLoss(Metric):
    """What an output's losses, times their weights, add to the loss: ``"loss"`` in ``metrics={"digit": ["loss"]}``.

    Example:
        >>> import glassnet as gn
        >>> nodes = {"digit": (gn.Dense(10), "x"), "size": (gn.Dense(1), "x")}
        >>> net = gn.Graph(inputs="x", nodes=nodes, outputs=("digit", "size"))
        >>> losses = {"digit": "cross_entropy", "size": ("mean_squared_error", 0.1)}
        >>> model = gn.Model(net, losses, "adam", metrics={"digit": ["loss"], "size": ["loss"]})
        >>> [metric.name for metric in model.metrics]  # which together are the loss
        ['digit_loss', 'size_loss']
    """

    name = "loss"

    def of(self, loss: WeightedSum, output: str, outputs: Array, targets: Array, weights: Array | None) -> float:
        """The sum over the output's losses, in float64."""
        run, total = NumpyRunner(), 0.0
        for term, part, asked in loss.seen_by(output, outputs.astype(np.float64), targets.astype(np.float64)):
            own = term.loss.weigh_classes(loss.weights_of(term, weights), asked, part.shape[1:], part.dtype)
            shares, _ = run.row_weights(term.loss, part, own)
            value, _ = run.loss_forward(term.loss, part, asked, shares)
            total += term.weight * float(value[0])
        return total


def _labels(loss: Loss, targets: Array) -> Array:
    """Labels, (N,) or (N, T), again where the targets are ones among zeros, which is how several losses keep them."""
    if not isinstance(loss, CrossEntropy) or not ((targets == 0) | (targets == 1)).all():
        return targets
    return np.asarray(targets.argmax(axis=-1))


def by_output(given: Any, read: Any) -> tuple[Metric, ...]:
    """The metrics of a dict of metrics by output; ``read`` makes metrics of a list."""
    found: list[Metric] = []
    for output, metrics in given.items():
        listed = (metrics,) if isinstance(metrics, str) or not isinstance(metrics, list | tuple) else tuple(metrics)
        own = [metric for metric in listed if metric == "loss" or isinstance(metric, PartOfLoss)]
        found += [OutputMetric(output, PartOfLoss()) for _ in own[:1]]
        found += [OutputMetric(output, metric) for metric in read([m for m in listed if m not in own])]
    names = [metric.name for metric in found]
    clashes = [n for n in names if names.count(n) > 1 or f"val_{n}" in names or n == "val_loss"]
    if clashes:
        raise ConfigurationError(
            where="metrics",
            received=f"the names {names}",
            expected=f"different ones in the history: {clashes[0]!r} would mean two things",
            fix="drop one, or give the output another name",
        )
    return tuple(found)
