"""The contract of a metric."""

from __future__ import annotations

import numpy as np

from glassnet.core.numeric import unmasked
from glassnet.core.settings import Configurable
from glassnet.core.shapes import Array
from glassnet.losses import Loss, check_weights


class Metric(Configurable):
    """Base of the metrics.

    ``metric.compute(outputs, targets, loss, weights)`` gets the network's outputs (N, ...), the targets as the loss
    prepared them, the loss (which knows how outputs become classes) and weights (N,) or None. Those of a regression are
    in the targets' own unit, and in float64 where the model's dtype has not all of their digits. The built-in metrics
    compute in float64 and refuse masked arrays that hide something.
    """

    path = "metric"
    name: str
    """The key in the history."""

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The metric over all rows."""
        raise NotImplementedError


def plain(name: str, outputs: Array, targets: Array, weights: Array | None) -> tuple[Array, Array, Array | None]:
    """What a metric of that name got, without masks.

    Raises:
        DataError: a mask hides something; or weights that are none, or out of range.
    """
    where = f"metric {name}"
    shown = check_weights(weights, len(outputs), np.dtype(np.float64), where=f"{where}: weights")
    return unmasked(outputs, where=f"{where}: outputs"), unmasked(targets, where=f"{where}: targets"), shown
