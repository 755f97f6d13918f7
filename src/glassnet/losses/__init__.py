"""Losses: value and gradient together.

The loss of a batch is L = Σ_n ω_n ℓ_n over its rows. With ``reduction="sum"`` ω_n is the row's weight w_n (1 where
none is given); with ``"mean"`` it is w_n / Σ w, so that L is the weighted mean and multiplying every weight by a
constant changes nothing. Losses that compare element by element also divide by the number of outputs M in the mean.
"""

from glassnet.losses.base import Loss
from glassnet.losses.binary import BinaryCrossEntropy, Hinge
from glassnet.losses.cross_entropy import CrossEntropy
from glassnet.losses.joint import JointCrossEntropy
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

__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Gamma",
    "Hinge",
    "Huber",
    "JointCrossEntropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "Quantile",
    "SumSquaredError",
    "check_labels",
    "check_weights",
]
