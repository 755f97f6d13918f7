"""Pooling of all of an image, or of all steps of a sequence."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels.pool import global_max_pool_backward, global_max_pool_forward
from glassnet.layers.pooling import Placed, _Average, _Max, _Pooling
from glassnet.layers.windows import by_axis
from glassnet.runners import Runner


class _Global(_Pooling):
    """One number for each channel of an image, or each feature of a sequence."""

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns (C,) or (D,)."""
        expected = "images (N, C, H, W) or sequences (N, T, D)"
        self.require_axes(input_shape, (2, 3), expected, "leave it out where the rows are features already")
        placed = self._place(input_shape)
        self._window = placed.window
        return (size_of(placed.pooled),)

    def steps_after(self, run: Runner, lengths: Array) -> None:
        """There are no steps any more."""

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """One for each element of the input."""
        return size_of(input_shape)


class GlobalAveragePool(_Global, _Average):
    """The mean of each channel of an image, or of each feature of a sequence.

    Shape:
        (N, C, H, W) -> (N, C), (N, T, D) -> (N, D)

    Raises:
        ShapeError: at build, the input is neither an image nor a sequence.

    Source: M. Lin, Q. Chen, S. Yan, "Network in network", ICLR 2014, section 3.2.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.GlobalAveragePool()).build((64, 7, 7))
        (64,)
    """

    def _place(self, row: Shape) -> Placed:
        if len(row) == 3:  # one window as large as the image
            channels, height, width = row
            window = by_axis(kernel=(height, width), stride=(1, 1), pad=(0, 0))
            return Placed(row, (channels, 1, 1), window)
        steps, features = row  # a window of all steps for each feature
        window = by_axis(kernel=(steps, 1), stride=(1, 1), pad=(0, 0))
        return Placed((1, *row), (1, 1, features), window)


class GlobalMaxPool(_Global, _Max):
    """The largest element of each channel of an image, or of each feature of a sequence.

    Of several equal ones the first gets the gradient; NaN is passed on.

    Shape:
        (N, C, H, W) -> (N, C), (N, T, D) -> (N, D)

    Raises:
        ShapeError: at build, the input is neither an image nor a sequence.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.GlobalMaxPool()).build((20, 8))
        (8,)
    """

    kernels = global_max_pool_forward, global_max_pool_backward
    kept = "place", np.int32

    def _place(self, row: Shape) -> Placed:
        if len(row) == 3:  # (N, C, H · W, 1) -> (N, C, 1)
            return Placed((row[0], size_of(row[1:]), 1), (row[0], 1), {})
        return Placed((1, *row), (1, row[1]), {})  # (N, 1, T, D) -> (N, 1, D)
