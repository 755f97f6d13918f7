"""What is done to raw features before the network sees them; kept in the model's file."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.checks import as_rows, numeric
from glassnet.errors import ConfigurationError
from glassnet.settings import Configurable
from glassnet.shapes import Array


class Standardize(Configurable):
    """x ← (x − mean) / scale, column by column.

    Args:
        mean: one number, or one for each element of a row.
        scale: one number, or one for each element of a row; not 0.

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

    def apply(self, x: Array) -> Array:
        """Returns the standardised rows in x's dtype; whole numbers become float64."""
        return np.asarray((x - self.mean) / self.scale, dtype=_floating(x))

    def invert(self, x: Array) -> Array:
        """Returns standardised rows in their old unit, in x's dtype; whole numbers become float64."""
        return np.asarray(x * self.scale + self.mean, dtype=_floating(x))


def _floating(x: Array) -> np.dtype[Any]:
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
