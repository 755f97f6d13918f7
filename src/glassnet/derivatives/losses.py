"""The derivatives of a batch's loss, for networks as well as for models."""

from __future__ import annotations

from typing import Any

from glassnet.derivatives.functions import Differentiable, model_of
from glassnet.training import Gradients


def gradients(
    model: Differentiable, x: Any, y: Any, sample_weight: Any = None, *, loss: Any = None, training: bool = False
) -> Gradients:
    """The loss of a batch and its derivatives by every parameter, every layer's output and the input.

    Args:
        model: a model, or a network that is built.
        x: inputs (N, ...).
        y: targets, as the loss wants them.
        sample_weight: a weight ≥ 0 for each row (N,).
        loss: for a network, an object or name; a model has its own.
        training: as ``model.gradients`` has it.

    Returns:
        ``Gradients``: ``loss``, ``parameters`` and ``layers`` by path, ``input``. Nothing of the network changes.

    Raises:
        NotBuiltError: the shapes are not known yet.
        ConfigurationError: a network without a loss.
        ShapeError, DataError: x or y do not fit.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(2, weight_init="zeros"))
        >>> _ = net.build((3,))
        >>> found = gn.gradients(net, np.ones((1, 3)), np.array([1]), loss="cross_entropy")
        >>> {path: gradient.tolist() for path, gradient in found.parameters.items()}
        {'0.weight': [[0.5, -0.5], [0.5, -0.5], [0.5, -0.5]], '0.bias': [0.5, -0.5]}
    """
    return model_of(model, loss, "gradients").gradients(x, y, sample_weight, training=training)
