"""The losses that have a name."""

from __future__ import annotations

from typing import Any

from glassnet.core.settings import by_name, family
from glassnet.losses import binary, cross_entropy, regression
from glassnet.losses.base import Loss
from glassnet.losses.own import FunctionLoss

LOSSES = family(vars(regression) | vars(binary) | vars(cross_entropy), Loss)


def single_loss(given: Any) -> Loss:
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
