"""The contract of a metric."""

from __future__ import annotations

from glassnet.losses import Loss
from glassnet.settings import Configurable
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
