"""Pooling of all of an image, or of all steps of a sequence."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels.pool import global_max_pool_backward, global_max_pool_forward
from glassnet.layers.pool import _Average, _Max, _Pooling
from glassnet.layers.windows import by_axis
from glassnet.runners import Runner


class _Global(_Pooling):
    """One number for each channel of an image, or each feature of a sequence."""

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns (C,) or (D,)."""
        expected = "images (N, C, H, W) or sequences (N, T, D)"
        self.require_axes(input_shape, (2, 3), expected, "leave it out where the rows are features already")
        self._place(input_shape)
        return (size_of(self._pooled_shape),)

    def steps_after(self, run: Runner, lengths: Array) -> None:
        """There are no steps any more."""

    @abstractmethod
    def _place(self, input_shape: Shape) -> None:
        """Notes as what the kernels look at inputs and outputs, and their window."""

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

    def _place(self, input_shape: Shape) -> None:
        if len(input_shape) == 3:  # one window as large as the image
            channels, height, width = self._image_shape = input_shape
            self._pooled_shape = (channels, 1, 1)
        else:  # a window of all steps for each feature
            (height, features), width = input_shape, 1
            self._image_shape, self._pooled_shape = (1, *input_shape), (1, 1, features)
        self._window = by_axis(kernel=(height, width), stride=(1, 1), pad=(0, 0))


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

    def _place(self, input_shape: Shape) -> None:
        self._window = {}
        if len(input_shape) == 3:  # (N, C, H · W, 1) -> (N, C, 1)
            self._image_shape = (input_shape[0], size_of(input_shape[1:]), 1)
            self._pooled_shape = (input_shape[0], 1)
        else:  # (N, 1, T, D) -> (N, 1, D)
            self._image_shape, self._pooled_shape = (1, *input_shape), (1, input_shape[1])
