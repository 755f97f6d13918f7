"""Losses: value and gradient together.

The loss of a batch is L = Σ_n ω_n ℓ_n over its rows. With ``reduction="sum"`` ω_n is the row's weight w_n (1 where
none is given); with ``"mean"`` it is w_n / Σ w, so that L is the weighted mean and multiplying every weight by a
constant changes nothing. Losses that compare element by element also divide by the number of outputs M in the mean.
"""

from collections.abc import Mapping
from typing import Any

from glassnet.losses.base import Loss
from glassnet.losses.binary import BinaryCrossEntropy, Hinge
from glassnet.losses.cross_entropy import CrossEntropy
from glassnet.losses.joint import JointCrossEntropy
from glassnet.losses.named import LOSSES, single_loss
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
from glassnet.losses.weighted import WeightedSum, targets_by_loss


def as_loss(given: Any) -> Loss:
    """Accepts a loss, its name, a function (outputs, targets) -> (value, gradient), or a dict of losses by output.

    So it does with an object of a class of the user's that defines nothing but how it is called.

    Example:
        >>> from glassnet import losses
        >>> losses.as_loss("cross_entropy")
        CrossEntropy()
        >>> losses.as_loss({"digit": "cross_entropy", "size": ("mean_squared_error", 0.1)})
        WeightedSum({'digit': CrossEntropy(), 'size': (MeanSquaredError(), 0.1)})
    """
    return WeightedSum(given) if isinstance(given, Mapping) else single_loss(given)


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
    "WeightedSum",
    "as_loss",
    "check_labels",
    "check_weights",
    "targets_by_loss",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
