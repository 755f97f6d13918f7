"""Losses for numbers."""

from __future__ import annotations

from typing import Any

from glassnet.kernels import losses as kernels
from glassnet.losses.base import REDUCTIONS, Loss
from glassnet.settings import number, one_of


class SumSquaredError(Loss):
    """½ Σ (o − t)²: the textbooks' squared error, whose gradient is simply o − t.

    Args:
        reduction: ``"sum"`` over rows and outputs, or ``"mean"``: the sum over outputs, averaged over rows.

    Targets: numbers of the outputs' shape.
    """

    kernels = kernels.squared_error_forward, kernels.squared_error_backward
    averages_outputs = False

    def __init__(self, reduction: str = "sum") -> None:
        self.reduction = one_of(reduction, "reduction", "SumSquaredError", REDUCTIONS)


class MeanSquaredError(Loss):
    """(o − t)², averaged over rows and outputs (or summed with ``reduction="sum"``).

    Targets: numbers of the outputs' shape.
    """

    kernels = kernels.squared_error_forward, kernels.squared_error_backward
    factor = 2.0

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = one_of(reduction, "reduction", "MeanSquaredError", REDUCTIONS)


class MeanAbsoluteError(Loss):
    """|o − t|, averaged over rows and outputs (or summed with ``reduction="sum"``).

    Targets: numbers of the outputs' shape. The slope at 0 is taken as 0.
    """

    kernels = kernels.absolute_error_forward, kernels.absolute_error_backward

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = one_of(reduction, "reduction", "MeanAbsoluteError", REDUCTIONS)


class Huber(Loss):
    """½ r² for |r| ≤ δ and δ |r| − ½ δ² beyond, r = o − t: squared error that outliers pull only linearly.

    Args:
        delta: δ > 0, where the square gives way to the line.
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.

    Targets: numbers of the outputs' shape.

    Source: P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """

    kernels = kernels.huber_forward, kernels.huber_backward

    def __init__(self, delta: float = 1.0, reduction: str = "mean") -> None:
        self.delta = number(delta, "delta", "Huber", low=0, open_low=True)
        self.reduction = one_of(reduction, "reduction", "Huber", REDUCTIONS)

    def kernel_settings(self) -> dict[str, Any]:
        """The δ."""
        return {"delta": self.delta}
