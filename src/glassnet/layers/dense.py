"""The fully connected layer."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from glassnet.core.parameters import Parameter
from glassnet.core.settings import boolean, whole
from glassnet.core.shapes import Array, Shape
from glassnet.initializers import init_setting
from glassnet.kernels.dense import dense_backward, dense_forward, dense_steps_backward
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.runners import Runner

MOST_BY_PIECE = 1 << 16
"""Weights of so many numbers are small enough for each piece of the rows to have sums of its own."""


class Dense(Layer):
    """y = x W + b.

    Args:
        units: M, the number of outputs.
        use_bias: whether there is a b.
        weight_init: initial W (D, M): a name, an initializer, a number or an array.
        bias_init: initial b (M,), likewise.

    Shape:
        (N, D) -> (N, M), (N, T, D) -> (N, T, M): each step of a sequence by the same W and b. D is inferred when the
        network is built.

    Raises:
        ConfigurationError: ``units`` is no positive integer.
        ShapeError: the input has more than two axes besides the batch.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Dense(10)).build((64,))
        (10,)
    """

    with_lengths = EACH_STEP
    needs_features = True

    def __init__(
        self, units: int, *, use_bias: bool = True, weight_init: Any = "he_normal", bias_init: Any = "zeros"
    ) -> None:
        self.units = whole(units, "units", "Dense")
        self.use_bias = boolean(use_bias, "use_bias", "Dense")
        self.weight_init = init_setting(weight_init)
        self.bias_init = init_setting(bias_init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (D, M) and b (M,)."""
        self.require_axes(input_shape, (1, 2), "features (N, D) or sequences (N, T, D)", "put gn.Flatten() before it")
        self.weight = self.add_parameter("weight", (input_shape[-1], self.units), self.weight_init, unit_axis=1)
        if self.use_bias:
            self.bias = self.add_parameter("bias", (self.units,), self.bias_init, is_weight=False)
        return (*input_shape[:-1], self.units)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array]:
        """Returns y (N, M), or (N, T, M), and, as the cache, x."""
        bias = self.bias.value if self.use_bias else None
        y = run.empty((*x.shape[:-1], self.units), x.dtype)
        run(self, dense_forward, x=rows_of(x), weight=self.weight.value, bias=bias, y=rows_of(y))
        return y, x

    def backward(self, run: Runner, dy: Array, cache: Array) -> Array:
        """Writes dW and db, returns dx, of the shape of x."""
        dx = run.empty(cache.shape, dy.dtype)
        product_back(run, self, dy, cache, self.weight, dx, self.bias.gradient if self.use_bias else None)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """2 D M multiplications and additions, and M for the bias, for each step."""
        return prod(output_shape) * (2 * input_shape[-1] + self.use_bias)


def product_back(
    run: Runner, layer: Layer, dy: Array, x: Array, weight: Parameter, dx: Array | None, dbias: Array | None
) -> None:
    """The backward pass of y = x W + b for rows (N, D), or for all steps (N, T, D)."""
    arrays = {"dy": dy, "x": x, "weight": weight.value, "dx": dx}
    kernel = dense_backward
    if x.ndim > 2:
        if weight.size <= MOST_BY_PIECE:
            kernel = dense_steps_backward
        else:
            arrays = {
                name: rows_of(array) if array is not None and array.ndim > 2 else array
                for name, array in arrays.items()
            }
    run(layer, kernel, **arrays, dweight=weight.gradient, dbias=dbias)


def rows_of(x: Array) -> Array:
    """All steps of all sequences as rows: a view (N, T, D) -> (N·T, D); features (N, D) as they are."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[2])
