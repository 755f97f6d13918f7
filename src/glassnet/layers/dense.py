"""The fully connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.settings import boolean, whole
from glassnet.core.shapes import Array, Shape
from glassnet.initializers import init_setting
from glassnet.kernels.dense import dense_backward, dense_forward
from glassnet.layers.base import Layer
from glassnet.runners import Runner


class Dense(Layer):
    """y = x W + b.

    Args:
        units: M, the number of outputs.
        use_bias: whether there is a b.
        weight_init: initial W (D, M): a name, an initializer, a number or an array.
        bias_init: initial b (M,), likewise.

    Shape:
        (N, D) -> (N, M). D is inferred when the network is built.

    Raises:
        ConfigurationError: ``units`` is no positive integer.
        ShapeError: the input has more than one axis besides the batch.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Dense(10)).build((64,))
        (10,)
    """

    def __init__(
        self, units: int, *, use_bias: bool = True, weight_init: Any = "he_normal", bias_init: Any = "zeros"
    ) -> None:
        self.units = whole(units, "units", "Dense")
        self.use_bias = boolean(use_bias, "use_bias", "Dense")
        self.weight_init = init_setting(weight_init)
        self.bias_init = init_setting(bias_init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (D, M) and b (M,)."""
        self.require_axes(input_shape, (1,), "(N, D), one axis of features", "put gn.Flatten() before it")
        self.weight = self.add_parameter("weight", (*input_shape, self.units), self.weight_init, unit_axis=1)
        if self.use_bias:
            self.bias = self.add_parameter("bias", (self.units,), self.bias_init, is_weight=False)
        return (self.units,)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array]:
        """Returns y (N, M) and, as the cache, x."""
        bias = self.bias.value if self.use_bias else None
        y = run.empty((x.shape[0], self.units), x.dtype)
        run(self, dense_forward, x=x, weight=self.weight.value, bias=bias, y=y)
        return y, x

    def backward(self, run: Runner, dy: Array, cache: Array) -> Array:
        """Writes dW and db, returns dx (N, D)."""
        dbias = self.bias.gradient if self.use_bias else None
        dx = run.empty(cache.shape, dy.dtype)
        weight, dweight = self.weight.value, self.weight.gradient
        run(self, dense_backward, dy=dy, x=cache, weight=weight, dx=dx, dweight=dweight, dbias=dbias)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """2 D M multiplications and additions, and M for the bias."""
        return 2 * input_shape[0] * self.units + (self.units if self.use_bias else 0)
