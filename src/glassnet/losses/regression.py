"""Losses for numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.core.checks import numeric, place_in_rows
from glassnet.core.errors import DataError
from glassnet.core.settings import boolean, number, one_of
from glassnet.core.shapes import Array, Shape
from glassnet.kernels import regression as kernels
from glassnet.losses.base import REDUCTIONS, Loss


class SumSquaredError(Loss):
    """½ Σ (o − t)²: the textbooks' squared error, whose gradient is simply o − t.

    Args:
        reduction: ``"sum"`` over rows and outputs, or ``"mean"``: the sum over outputs, averaged over rows.

    Targets: numbers of the outputs' shape.
    """

    kernels = kernels.squared_error_forward, kernels.squared_error_backward
    is_squared = True
    averages_outputs = False

    def __init__(self, reduction: str = "sum") -> None:
        self.reduction = one_of(reduction, "reduction", "SumSquaredError", REDUCTIONS)


class MeanSquaredError(Loss):
    """(o − t)², averaged over rows and outputs (or summed with ``reduction="sum"``).

    Targets: numbers of the outputs' shape.
    """

    kernels = kernels.squared_error_forward, kernels.squared_error_backward
    is_squared = True
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

    def best_constant(self, targets: Array, outputs: int) -> Array | None:
        """The medians (M,)."""
        return np.median(targets.astype(np.float64), axis=0) if targets.ndim == 2 else None


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
        self.delta = number(delta, "delta", "Huber", low=0, open_low=True, in_float32=True)
        self.reduction = one_of(reduction, "reduction", "Huber", REDUCTIONS)

    def kernel_settings(self) -> dict[str, Any]:
        """The δ."""
        return {"delta": self.delta}


class Quantile(Loss):
    """max(q (t − o), (q − 1) (t − o)): the pinball loss, whose best output has a share q of the targets below it.

    Args:
        quantile: q, 0 < q < 1; ½ for the median, of which the loss is half the absolute error.
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.

    Targets: numbers of the outputs' shape. The slope at 0 is taken as 0.

    Source: R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46 (1978).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> value, d_outputs = gn.losses.Quantile(0.9)(np.array([[1.0], [3.0]]), np.array([[2.0], [2.0]]))
        >>> round(value, 6), d_outputs.round(6).tolist()  # (0.9 + 0.1) / 2
        (0.5, [[-0.45], [0.05]])
    """

    kernels = kernels.quantile_forward, kernels.quantile_backward

    def __init__(self, quantile: float = 0.5, reduction: str = "mean") -> None:
        self.quantile = number(quantile, "quantile", "Quantile", low=0, high=1, open_low=True)
        self.reduction = one_of(reduction, "reduction", "Quantile", REDUCTIONS)

    def kernel_settings(self) -> dict[str, Any]:
        """The q."""
        return {"quantile": self.quantile}

    def best_constant(self, targets: Array, outputs: int) -> Array | None:
        """The targets' quantiles (M,)."""
        if targets.ndim != 2:
            return None
        return np.asarray(np.quantile(targets, self.quantile, axis=0, method="inverted_cdf"), np.float64)


class _LogLink(Loss):
    """Base of the losses whose outputs are logarithms of the mean, which keeps that positive."""

    has_log_link = True
    boundary = math.log(0.5)
    lowest: str
    """The targets allowed, in words."""

    def __init__(self, reduction: str = "mean", *, averages_outputs: bool = True) -> None:
        self.reduction = one_of(reduction, "reduction", type(self).__name__, REDUCTIONS)
        self.averages_outputs = boolean(averages_outputs, "averages_outputs", type(self).__name__)

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Checks shape and range."""
        given = numeric(targets, where=where)
        array = super().prepare(given, output_shape, dtype, where=where)
        outside = np.argwhere(self._outside(given, array))  # given: before float32 rounds −1e-50 to 0
        if len(outside):
            place = tuple(int(i) for i in outside[0])
            raise DataError(
                where=where,
                received=f"the value {given[place]:g} in {place_in_rows(place)}",
                expected=f"{self.lowest}, of which the network learns the logarithm of the mean",
                fix="for amounts of either sign use mean_squared_error or huber; do not standardise these targets",
            )
        return array

    def example_targets(self, rows: int, output_shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Ones."""
        return np.ones((rows, *output_shape), dtype)

    def _outside(self, given: Array, targets: Array) -> Array:
        """Where the targets are none, as they were given or as the network's dtype has them."""
        raise NotImplementedError


class Poisson(_LogLink):
    """e^o − t − t (o − log t), half the Poisson deviance: for counts, the outputs o being logarithms of their mean.

    It is −log of the Poisson probability of t less what it is at the best output, o = log t, so that it is never below
    0. ``loss.means(o)`` and ``model.predict_mean(x)`` give e^o.

    Args:
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.
        averages_outputs: False for a mean over rows of the sum over outputs.

    Targets: numbers ≥ 0 of the outputs' shape, counts or rates.

    Source: P. McCullagh, J. Nelder, "Generalized linear models" (1989), section 2.3.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> value, d_outputs = gn.losses.Poisson()(np.array([[0.0]]), np.array([[3.0]]))
        >>> round(value, 6), d_outputs.tolist()  # 3 log 3 − 2
        (1.295837, [[-2.0]])
    """

    kernels = kernels.poisson_forward, kernels.poisson_backward
    lowest = "counts or rates ≥ 0"

    def _outside(self, given: Array, targets: Array) -> Array:
        return np.asarray(given < 0)


class Gamma(_LogLink):
    """t e^−o − 1 + o − log t, half the gamma deviance: for amounts above 0 whose errors grow with them.

    The outputs o are logarithms of the mean: ``loss.means(o)`` and ``model.predict_mean(x)`` give e^o. The loss is
    never below 0, and 0 at o = log t.

    Args:
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.
        averages_outputs: False for a mean over rows of the sum over outputs.

    Targets: numbers > 0 of the outputs' shape.

    Source: P. McCullagh, J. Nelder, "Generalized linear models" (1989), section 8.3.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> value, d_outputs = gn.losses.Gamma()(np.array([[0.0]]), np.array([[3.0]]))
        >>> round(value, 6), d_outputs.round(6).tolist()  # 2 − log 3
        (0.901388, [[-2.0]])
    """

    kernels = kernels.gamma_forward, kernels.gamma_backward
    lowest = "amounts > 0"

    def _outside(self, given: Array, targets: Array) -> Array:
        return np.asarray(targets < np.finfo(targets.dtype).tiny)  # below which compiled kernels count numbers as 0
