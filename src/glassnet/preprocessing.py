"""What is done to raw features before the network sees them; kept in the model's file."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.checks import as_rows, numeric
from glassnet.errors import ConfigurationError, ShapeError
from glassnet.settings import Configurable
from glassnet.shapes import Array

_BLOCK = 256


class Standardize(Configurable):
    """x ← (x − mean) / scale, column by column, or channel by channel.

    Args:
        mean: one number, one for each element of a row, or (C, 1, 1) for the channels of images (C, H, W).
        scale: the same; not 0.

    Example:
        >>> import numpy as np
        >>> Standardize.from_data(np.array([[1.0, 5.0], [3.0, 5.0]])).apply(np.array([[2.0, 6.0]])).tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, mean: Any = 0.0, scale: Any = 1.0) -> None:
        self.mean = numeric(mean, where="Standardize: mean").astype(np.float64)
        self.scale = numeric(scale, where="Standardize: scale").astype(np.float64)
        if not np.isfinite(self.mean).all() or not np.isfinite(self.scale).all() or (self.scale == 0).any():
            raise ConfigurationError(
                where="Standardize",
                received="a mean or scale that is not finite, or a scale of 0",
                expected="finite numbers, scale ≠ 0",
                fix="use Standardize.from_data(x), which gives constant columns the scale 1",
            )

    @classmethod
    def from_data(cls, x: Array) -> Standardize:
        """Mean and standard deviation of each column of x (N, ...); a constant column gets the scale 1."""
        rows = as_rows(x, np.dtype(np.float64), where="Standardize.from_data")
        mean, deviation = np.mean(rows, axis=0), np.std(rows, axis=0)
        return cls(mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0))

    @classmethod
    def by_channel(cls, x: Array) -> Standardize:
        """Mean and standard deviation of each channel of images x (N, C, H, W); a constant one gets the scale 1.

        Raises:
            ShapeError: x has not four axes.

        Example:
            >>> import numpy as np
            >>> images = np.zeros((5, 3, 2, 2)) + np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
            >>> Standardize.by_channel(images).mean.ravel().tolist()
            [1.0, 2.0, 3.0]
        """
        images = as_rows(x, _floating(x), where="Standardize.by_channel")
        if images.ndim != 4:
            raise ShapeError(
                where="Standardize.by_channel",
                received=f"an array of shape {images.shape}",
                expected="images (N, C, H, W)",
                fix="for grey images without an axis of channels pass x[:, None]",
            )
        mean = np.mean(images, axis=(0, 2, 3), dtype=np.float64).reshape(-1, 1, 1)
        # Block by block: the differences of all images at once would take twice the memory of the images.
        blocks = (images[start : start + _BLOCK] for start in range(0, len(images), _BLOCK))
        squares = sum(np.square(block - mean).sum(axis=(0, 2, 3)) for block in blocks)
        deviation = np.sqrt(squares / (images.size / images.shape[1])).reshape(-1, 1, 1)
        return cls(mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0))

    def apply(self, x: Array) -> Array:
        """Returns the standardised rows in x's dtype; whole numbers become float64."""
        return np.asarray((x - self.mean) / self.scale, dtype=_floating(x))

    def invert(self, x: Array) -> Array:
        """Returns standardised rows in their old unit, in x's dtype; whole numbers become float64."""
        return np.asarray(x * self.scale + self.mean, dtype=_floating(x))


def _floating(x: Array) -> np.dtype[Any]:
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
