"""Functions that several kernels are made of, each written once.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import functions
    >>> functions.logistic(np.array([-800.0, 0.0, 800.0])).tolist()  # nothing overflows
    [0.0, 0.5, 1.0]
"""

from __future__ import annotations

from collections.abc import Callable
from math import erfc, sqrt
from typing import Any

import numpy as np

from glassnet.core.shapes import Array

_erfc = np.frompyfunc(erfc, 1, 1)


def logistic(x: Array) -> Array:
    """σ(x) = 1/(1 + e⁻ˣ) as a new array.

    With z = e^−|x|, which lies in (0, 1], it is 1/(1 + z) on the right and z/(1 + z) on the left: no overflow anywhere.
    """
    z = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, x.dtype.type(1), z) / (1 + z))


def softplus(x: Array) -> Array:
    """log(1 + eˣ) = max(x, 0) + log1p(e^−|x|) as a new array, finite for every finite x."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def normal_cdf(x: Array) -> Array:
    """Φ(x) = ½ erfc(−x/√2) as a new array, Φ the normal distribution function.

    It keeps its relative accuracy far out on the left, where ½ (1 + erf) would cancel to 0.
    """
    return np.asarray(np.asarray(_erfc(x / -sqrt(2)), dtype=x.dtype) / 2)


def log_floor(dtype: np.dtype[np.floating]) -> float:
    """The smallest probability whose logarithm is taken: the root of the smallest normal number.

    About 1.1e-19 in float32 and 1.5e-154 in float64: log and reciprocal of it are finite, products of two of its
    reciprocals too.
    """
    return float(np.sqrt(np.finfo(dtype).tiny))


def product_flops(places: str, filters: int) -> Callable[[dict[str, Any]], int]:
    """Counts the operations of products with a weight: two for each of its filters' elements, wherever they are laid.

    Args:
        places: the array with an element for each filter and place.
        filters: the axis of the weight that counts its filters.
    """

    def count(arrays: dict[str, Any]) -> int:
        weight = arrays["weight"]
        products = [arrays[name] is not None for name in ("dx", "dweight") if name in arrays]
        return 2 * int(arrays[places].size * weight.size // weight.shape[filters]) * (sum(products) if products else 1)

    return count
