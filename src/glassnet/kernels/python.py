"""The call of a user's own NumPy code as a kernel, so that it runs in the same order and is traced like any other.

``step`` is the number of the training step, for what is drawn or counted there; None where nobody asks for it.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import python
    >>> x, y = np.array([[1.0, 2.0]]), np.empty((1, 2))
    >>> python.python_forward(x, y, function=lambda x, step: x / 2, step=None)
    >>> y.tolist()
    [[0.5, 1.0]]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Float64s
from glassnet.kernels.registry import kernel


@kernel("y, cache = layer.forward(x)", writes="y", by_rows=False)
def python_forward(x: Array, y: Array, *, function: Callable[..., Array], step: int | None) -> None:
    """Calls ``function(x, step)`` and writes what it returns into ``y``."""
    np.copyto(y, function(x, step))


@kernel("dx, gradients = layer.backward(dy, cache)", writes="dx gradients", by_rows=False)
def python_backward(
    dy: Array, dx: Array, gradients: list[Array], *, function: Callable[..., tuple[Array, list[Any]]], step: int | None
) -> None:
    """Calls ``function(dy, step)`` and writes its ∂L/∂x into ``dx``, the parameters' gradients into ``gradients``."""
    returned, parameter_gradients = function(dy, step)
    np.copyto(dx, returned)
    for buffer, gradient in zip(gradients, parameter_gradients, strict=True):
        if gradient is not buffer:
            np.copyto(buffer, gradient)


@kernel("ω, Σ w = loss.row_weights(outputs, weights)", writes="row_weights total", by_rows=False)
def python_row_weights(
    outputs: Array,
    weights: Array | None,
    row_weights: Array,
    total: Float64s,
    *,
    function: Callable[[Array, Array | None], tuple[Array, Array]],
) -> None:
    """Calls ``function(outputs, weights)`` and writes its ω into ``row_weights`` and its Σ w into ``total``."""
    shares, weight = function(outputs, weights)
    np.copyto(row_weights, shares)
    np.copyto(total, weight)


@kernel("L, cache = loss.forward(outputs, targets, ω)", writes="value", by_rows=False)
def python_loss_forward(
    outputs: Array,
    targets: Array,
    row_weights: Array,
    value: Float64s,
    *,
    function: Callable[..., Array],
    step: int | None,
) -> None:
    """Calls ``function(outputs, targets, row_weights, step)`` and writes what it returns into ``value`` (1,)."""
    np.copyto(value, function(outputs, targets, row_weights, step))


@kernel("doutputs = loss.backward(outputs, targets, ω, cache)", writes="doutputs", by_rows=False)
def python_loss_backward(
    row_weights: Array,
    outputs: Array,
    targets: Array,
    doutputs: Array,
    *,
    function: Callable[..., Array],
    step: int | None,
) -> None:
    """Calls ``function(outputs, targets, row_weights, step)`` and writes what it returns into ``doutputs``."""
    np.copyto(doutputs, function(outputs, targets, row_weights, step))


@kernel("optimizer.apply(θ, g, η)", updates="parameters gradients state", by_rows=False)
def python_update(
    parameters: Array,
    gradients: Array,
    state: list[Array],  # noqa: ARG001 - said to be changed, too
    *,
    function: Callable[..., None],
    learning_rate: float,
    step: int | None,
) -> None:
    """Calls ``function(parameters, gradients, learning_rate, step)``, which changes the arrays in place."""
    function(parameters, gradients, learning_rate, step)
