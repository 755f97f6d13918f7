"""The contract of a metric."""

from __future__ import annotations

import numpy as np

from glassnet.core.numeric import unmasked
from glassnet.core.settings import Configurable
from glassnet.core.shapes import Array
from glassnet.losses import Loss


class Metric(Configurable):
    """Base of the metrics.

    ``metric.compute(outputs, targets, loss, weights)`` gets the network's outputs (N, ...), the targets as the loss
    prepared them, the loss (which knows how outputs become classes) and weights (N,) or None. Those of a regression are
    in the targets' own unit, and in float64 where the model's dtype has not all of their digits. The built-in metrics
    compute in float64 and refuse masked arrays that hide something.

    Where the outputs are those of steps (N, T, M), so are the targets (N, T, ...) and the weights (N, T), 0 for steps
    behind a row's end; to the built-in metrics each step is a row.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class WorstError(gn.metrics.Metric):
        ...     name = "worst_error"
        ...     def compute(self, outputs, targets, loss, weights):
        ...         return float(np.abs(outputs - targets).max())
        >>> net = gn.Sequential(gn.Dense(1))
        >>> _ = net.build(2)
        >>> model = gn.Model(net, "mean_squared_error", "sgd", metrics=[WorstError()])
        >>> x, y = np.zeros((4, 2)), np.array([[0.0], [0.0], [0.0], [8.0]])
        >>> model.evaluate(x, y)
        {'loss': 16.0, 'worst_error': 8.0}
    """

    path = "metric"
    name: str
    """The key in the history."""

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The metric over all rows."""
        raise NotImplementedError

    def part(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> Array:
        """What some of the rows add to the metric over all of them, float64, whatever their number."""
        raise NotImplementedError

    def joined(self, one: Array, other: Array) -> Array:
        """What two parts add together."""
        return one + other

    def of_parts(self, found: Array) -> float:
        """The metric over all rows, from what their parts add."""
        raise NotImplementedError

    @property
    def adds_up(self) -> bool:
        """Whether it can be computed part by part: its class, or one that it only inherits from, says how."""
        kinds = type(self).__mro__
        says_how = next(i for i, kind in enumerate(kinds) if "part" in kind.__dict__)
        return kinds[says_how] is not Metric and says_how <= next(
            i for i, kind in enumerate(kinds) if "compute" in kind.__dict__
        )


class _MeanOverRows(Metric):
    """Base of the metrics that are a mean over rows, by their weights, of a number that each row has."""

    def by_row(self, outputs: Array, targets: Array, loss: Loss) -> Array:
        """The number of each row (N,), of rows as ``plain`` gives them."""
        raise NotImplementedError

    def of_mean(self, mean: float) -> float:
        """The metric from the mean."""
        return mean

    def check(self, loss: Loss) -> None:
        """Refuses a loss whose outputs it cannot be computed from."""

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The (weighted) mean."""
        self.check(loss)
        outputs, targets, weights = plain(self.name, outputs, targets, weights, loss)
        return self.of_mean(float(np.average(self.by_row(outputs, targets, loss), weights=weights)))

    def part(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> Array:
        """The sum, and the weight of all rows."""
        self.check(loss)
        outputs, targets, weights = plain(self.name, outputs, targets, weights, loss)
        own = np.asarray(self.by_row(outputs, targets, loss), dtype=np.float64)
        w = np.ones(len(own)) if weights is None else weights
        return np.array([(own * w).sum(), w.sum()])

    def of_parts(self, found: Array) -> float:
        """The (weighted) mean."""
        return self.of_mean(float(found[0] / found[1]) if found[1] > 0 else float("nan"))


def plain(
    name: str, outputs: Array, targets: Array, weights: Array | None, loss: Loss
) -> tuple[Array, Array, Array | None]:
    """What a metric of that name got, without masks; of steps those that weigh something, as rows.

    Raises:
        DataError: a mask hides something; or weights that are none, or out of range.
    """
    where = f"metric {name}"
    shape = np.shape(outputs)[1:]
    shown = loss.weigh(weights, len(outputs), shape, np.dtype(np.float64), where=f"{where}: weights")
    outputs, targets = unmasked(outputs, where=f"{where}: outputs"), unmasked(targets, where=f"{where}: targets")
    if not loss.is_by_step(shape):
        return outputs, targets, shown
    outputs, targets = outputs.reshape(-1, *shape[1:]), targets.reshape(-1, *targets.shape[2:])
    if shown is None:
        return outputs, targets, None
    counts = shown.reshape(-1) > 0
    return outputs[counts], targets[counts], shown.reshape(-1)[counts]
