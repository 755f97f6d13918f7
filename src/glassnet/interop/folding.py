"""Batch normalisation outside training as what it is: a scale and a shift."""

from __future__ import annotations

import numpy as np

from glassnet.layers import BatchNorm
from glassnet.shapes import Array


def scale_and_shift(layer: BatchNorm) -> tuple[Array, Array]:
    """Of each channel (C,), float64: y = scale · x + shift."""
    gamma, beta, mean, variance = (
        parameter.value.astype(np.float64)
        for parameter in (layer.gamma, layer.beta, layer.running_mean, layer.running_variance)
    )
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale
