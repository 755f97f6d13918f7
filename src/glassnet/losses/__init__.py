"""Losses: value and gradient together.

The loss of a batch is L = Σ_n ω_n ℓ_n over its rows. With ``reduction="sum"`` ω_n is the row's weight w_n (1 where
none is given); with ``"mean"`` it is w_n / Σ w, so that L is the weighted mean and multiplying every weight by a
constant changes nothing. Losses that compare element by element also divide by the number of outputs M in the mean.
"""

from typing import Any

from glassnet.losses.base import Loss
from glassnet.losses.binary import BinaryCrossEntropy, Hinge
from glassnet.losses.cross_entropy import CrossEntropy
from glassnet.losses.joint import JointCrossEntropy
from glassnet.losses.own import FunctionLoss, NumpyLoss
from glassnet.losses.regression import (
    Gamma,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    Quantile,
    SumSquaredError,
)
from glassnet.losses.targets import check_labels, check_weights
from glassnet.settings import by_name

LOSSES: dict[str, type[Loss]] = {
    "sum_squared_error": SumSquaredError,
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "binary_cross_entropy": BinaryCrossEntropy,
    "cross_entropy": CrossEntropy,
    "hinge": Hinge,
}


def as_loss(given: Any) -> Loss:
    """Accepts a loss, its name, or a function (outputs, targets) -> (value, gradient).

    So it does with an object of a class of the user's that defines nothing but how it is called.
    """
    if isinstance(given, Loss):
        kind = type(given)
        has_passes = kind.forward is not Loss.forward or hasattr(given, "kernels")
        return given if has_passes or kind.__call__ is Loss.__call__ else FunctionLoss(given)
    if callable(given) and not isinstance(given, type):
        return FunctionLoss(given)
    return by_name(given, LOSSES, Loss, what="loss")


__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "FunctionLoss",
    "Gamma",
    "Hinge",
    "Huber",
    "JointCrossEntropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "NumpyLoss",
    "Poisson",
    "Quantile",
    "SumSquaredError",
    "as_loss",
    "check_labels",
    "check_weights",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
