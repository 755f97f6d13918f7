"""Layers that make images larger."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.kernels.resize import upsample2d_backward, upsample2d_forward, zero_pad2d_backward, zero_pad2d_forward
from glassnet.layers.base import Layer
from glassnet.layers.images import image_shape
from glassnet.layers.windows import pair, short
from glassnet.runners import Runner


class UpSample2D(Layer):
    """Repeats each pixel, the nearest neighbour of those that are new.

    Args:
        factor: how often: a whole number, or a pair (down, across).

    Shape:
        (N, C, H, W) -> (N, C, H · factor, W · factor)

    Raises:
        ConfigurationError: a factor that is no such number.
        ShapeError: at build: inputs that are no images.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.UpSample2D(2)).build((3, 7, 5))
        (3, 14, 10)
    """

    def __init__(self, factor: int | tuple[int, int]) -> None:
        self.factor = short(pair(factor, "factor", "UpSample2D"))

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the larger shape."""
        channels, height, width = image_shape(self, input_shape)
        down, across = pair(self.factor, "factor", "UpSample2D")
        return channels, height * down, width * across

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Shape]:
        """Returns the larger images and, as the cache, the shape of x."""
        y = run.empty((x.shape[0], *(self.output_shape or ())), x.dtype)
        run(self, upsample2d_forward, x=x, y=y)
        return y, x.shape

    def backward(self, run: Runner, dy: Array, cache: Shape) -> Array:
        """Returns the sums over the copies of each pixel."""
        dx = run.empty(cache, dy.dtype)
        run(self, upsample2d_backward, dy=dy, dx=dx)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: numbers are copied."""
        return 0


class ZeroPad2D(Layer):
    """Puts zeros around images.

    Args:
        padding: rows above and below and columns on the left and right: a whole number, a pair (height, width) for both
            sides, or ((top, bottom), (left, right)).

    Shape:
        (N, C, H, W) -> (N, C, top + H + bottom, left + W + right)

    Raises:
        ConfigurationError: a padding that is no such number.
        ShapeError: at build: inputs that are no images.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.ZeroPad2D(1), gn.ZeroPad2D(((0, 1), (2, 3)))).build((3, 7, 5))
        (3, 10, 12)
    """

    def __init__(self, padding: int | tuple[int | tuple[int, int], int | tuple[int, int]]) -> None:
        self.padding: Any = _short_sides(_sides(padding))

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the larger shape."""
        channels, height, width = image_shape(self, input_shape)
        (self.top, bottom), (self.left, right) = _sides(self.padding)
        return channels, self.top + height + bottom, self.left + width + right

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Shape]:
        """Returns the larger images and, as the cache, the shape of x."""
        y = run.empty((x.shape[0], *(self.output_shape or ())), x.dtype)
        run(self, zero_pad2d_forward, x=x, y=y, top=self.top, left=self.left)
        return y, x.shape

    def backward(self, run: Runner, dy: Array, cache: Shape) -> Array:
        """Returns the part of dy that x stood in."""
        dx = run.empty(cache, dy.dtype)
        run(self, zero_pad2d_backward, dy=dy, dx=dx, top=self.top, left=self.left)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: numbers are copied."""
        return 0


def _sides(padding: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right)) of the setting."""
    if isinstance(padding, tuple | list) and any(isinstance(part, tuple | list) for part in padding):
        height, width = padding if len(padding) == 2 else pair(padding, "padding", "ZeroPad2D")
        return pair(height, "padding", "ZeroPad2D", low=0), pair(width, "padding", "ZeroPad2D", low=0)
    height, width = pair(padding, "padding", "ZeroPad2D", low=0)
    return (height, height), (width, width)


def _short_sides(sides: tuple[tuple[int, int], tuple[int, int]]) -> Any:
    """The setting as one would write it."""
    (top, bottom), (left, right) = sides
    return short((top, left)) if top == bottom and left == right else sides
