"""Layers that only look at the same numbers in another shape."""

from __future__ import annotations

import numpy as np

from glassnet.errors import ShapeError
from glassnet.layers.base import Layer
from glassnet.runners import Runner
from glassnet.shapes import Array, Shape, as_shape, batch_shape, size_of


class _View(Layer):
    """The output is a view of the input, the input's gradient a view of the output's."""

    def target(self, input_shape: Shape) -> Shape:
        raise NotImplementedError

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the new shape."""
        return self.target(input_shape)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Shape]:
        """Returns x in the new shape and, as the cache, its old one."""
        y = self.passes_on(x)
        run.view(self, x=x, y=y)
        return y, x.shape

    def backward(self, run: Runner, dy: Array, cache: Shape) -> Array:
        """Returns dy in the old shape."""
        dx = dy.reshape(cache)
        run.view(self, dy=dy, dx=dx)
        return dx

    def passes_on(self, x: Array) -> Array:
        """All of it, in the new shape."""
        return x.reshape(x.shape[0], *(self.output_shape or ()))

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: nothing is computed."""
        return 0


class Flatten(_View):
    """(N, A, B, ...) -> (N, A · B · ...): between images and dense layers.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Flatten()).build((3, 32, 32))
        (3072,)
    """

    def target(self, input_shape: Shape) -> Shape:
        """One axis of all elements."""
        return (size_of(input_shape),)


class Reshape(_View):
    """(N, ...) -> (N, *shape): the same elements in the same order.

    Args:
        shape: the new shape without the batch axis.

    Raises:
        ShapeError: at build, when the number of elements differs.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Reshape((1, 8, 8))).build((64,))
        (1, 8, 8)
    """

    def __init__(self, shape: int | Shape) -> None:
        self.shape = as_shape(shape, where="Reshape")

    def target(self, input_shape: Shape) -> Shape:
        """The shape asked for."""
        if size_of(self.shape) != size_of(input_shape):
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}, {size_of(input_shape)} elements a row",
                expected=f"{size_of(self.shape)} elements a row",
                fix="choose a shape whose sizes multiply to the same number",
            )
        return self.shape
