"""What models are brought to before they are written for other programs."""

from __future__ import annotations

import numpy as np

from glassnet.errors import ConfigurationError, NotBuiltError
from glassnet.layers import BatchNorm
from glassnet.model import Model
from glassnet.shapes import Array
from glassnet.tables import Table


def scale_and_shift(layer: BatchNorm) -> tuple[Array, Array]:
    """Batch normalisation outside training, of each channel (C,), float64: y = scale · x + shift."""
    gamma, beta, mean, variance = (
        parameter.value.astype(np.float64)
        for parameter in (layer.gamma, layer.beta, layer.running_mean, layer.running_variance)
    )
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


def require_ready(model: Model, *, where: str) -> None:
    """Refuses a model that is not built, and one whose rows are those of a table, with words and times."""
    if not model.network.is_built:
        raise NotBuiltError(
            where=where,
            received="a model that has seen no data",
            expected="a network whose shapes are known",
            fix="call model.fit(x, y) first, or model.network.build((features,))",
        )
    if isinstance(model.preprocessing, Table):
        raise ConfigurationError(
            where=where,
            received="a model that takes tables",
            expected="one that takes arrays of numbers",
            fix="export the network alone, a model with preprocessing=None, and pass it table.apply(data)",
        )
