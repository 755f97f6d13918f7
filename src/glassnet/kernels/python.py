"""The call of a user's own NumPy code as a kernel, so that it runs in the same order and is traced like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.kernels.registry import kernel
from glassnet.shapes import Array


@kernel("y, cache = layer.forward(x)", writes="y", by_rows=False)
def python_forward(x: Array, y: Array, *, function: Callable[[Array], Array]) -> None:
    """Calls ``function(x)`` and writes what it returns into ``y``."""
    np.copyto(y, function(x))


@kernel("dx, gradients = layer.backward(dy, cache)", writes="dx gradients", by_rows=False)
def python_backward(
    dy: Array, dx: Array, gradients: list[Array], *, function: Callable[[Array], tuple[Array, list[Any]]]
) -> None:
    """Calls ``function(dy)`` and writes its ∂L/∂x into ``dx`` and the parameters' gradients into ``gradients``."""
    returned, parameter_gradients = function(dy)
    np.copyto(dx, returned)
    for buffer, gradient in zip(gradients, parameter_gradients, strict=True):
        np.copyto(buffer, gradient)
