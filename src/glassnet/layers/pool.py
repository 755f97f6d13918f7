"""Pooling: from each window the largest element or the mean."""

from __future__ import annotations

from abc import abstractmethod
from math import prod

import numpy as np

from glassnet.core.checks import unless_channels_last
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.shapes import Array, Shape, batch_shape, size_of
from glassnet.kernels.lengths import window_lengths
from glassnet.layers.images import image_shape
from glassnet.layers.pooling import Placed, _Average, _Max, _Pooling
from glassnet.layers.windows import (
    Pair,
    by_axis,
    padding_along,
    padding_setting,
    padding_setting_1d,
    pair,
    places,
    short,
    slid,
    why_other_windows,
    windows_of_rows,
)
from glassnet.runners import Runner


class _Windows(_Pooling):
    """A window that slides."""

    @abstractmethod
    def _sides(self) -> tuple[Pair, Pair, tuple[str | int, str | int]]:
        """Window, stride and padding, each for height and width."""

    def _check(self) -> None:
        """Refuses windows with too many elements, and paddings that leave one with none."""
        where, (window, _, padding) = type(self).__name__, self._sides()
        for elements, given in zip(window, padding, strict=True):
            if not isinstance(given, str) and given >= elements:
                raise ConfigurationError(
                    where=where,
                    received=f"padding={given} for a window of {elements}",
                    expected="a padding smaller than the window: "
                    "one that lies in the padding alone has nothing to pool",
                    fix=f"choose padding={elements - 1} or less, or padding='same'",
                )
        if self.most is not None and prod(window) > self.most:
            raise ConfigurationError(
                where=where,
                received=f"a window of {window[0]} × {window[1]} = {prod(window)} elements",
                expected=f"at most {self.most}, since the place of the largest is kept in one byte",
                fix="use gn.GlobalMaxPool() for all of an image, or pool twice with smaller windows",
            )

    def _slid(self, image: Shape) -> Placed:
        """Where the window stands on images (C, H, W)."""
        window, stride, padding = self._sides()
        counts, before = slid(image[1:], window, stride, padding)
        return Placed(image, (image[0], *counts), by_axis(kernel=window, stride=stride, pad=before))

    def _check_room(self, input_shape: Shape, placed: Placed) -> None:
        """Refuses images that are smaller than the window."""
        for count, elements in zip(placed.pooled[1:], self._sides()[0], strict=True):
            if count < 1:
                fix = "choose a smaller pool_size or padding='same', or pool less before it"
                raise ShapeError(
                    where=self.where,
                    received=f"inputs of shape {batch_shape(input_shape)}, shorter than its window of {elements}",
                    expected=f"at least {elements} elements along that axis, padding included",
                    fix=unless_channels_last(input_shape, fix),
                )

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the shape after it."""
        self._require_shape(input_shape)
        placed = self._place(input_shape)
        self._check_room(input_shape, placed)
        self._window = placed.window
        return placed.pooled[-len(input_shape) :]

    @abstractmethod
    def _require_shape(self, input_shape: Shape) -> None:
        """Refuses rows of other shapes."""

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """One for each element of each window."""
        return size_of(output_shape) * self._window["kernel_height"] * self._window["kernel_width"]


class _Windows2D(_Windows):
    """Windows on images."""

    def __init__(
        self, pool_size: int | Pair = 2, *, stride: int | Pair | None = None, padding: str | int | Pair = "valid"
    ) -> None:
        where = type(self).__name__
        self.pool_size = short(pair(pool_size, "pool_size", where))
        self.stride = None if stride is None else short(pair(stride, "stride", where))
        self.padding = padding_setting(padding, where)
        self._check()

    def _sides(self) -> tuple[Pair, Pair, tuple[str | int, str | int]]:
        window = pair(self.pool_size, "pool_size", "")
        stride = window if self.stride is None else pair(self.stride, "stride", "")
        return window, stride, (padding_along(self.padding, 0), padding_along(self.padding, 1))

    def _require_shape(self, input_shape: Shape) -> None:
        """Images alone."""
        image_shape(self, input_shape)

    def _place(self, row: Shape) -> Placed:
        return self._slid(row)


class _Windows1D(_Windows):
    """Windows on sequences (N, T, D), looked at as images of one channel with T rows."""

    def __init__(self, pool_size: int = 2, *, stride: int | None = None, padding: str | int = "valid") -> None:
        where = type(self).__name__
        self.pool_size = places(pool_size, "pool_size", where)
        self.stride = None if stride is None else places(stride, "stride", where)
        self.padding = padding_setting_1d(padding, where)
        self._check()

    def _sides(self) -> tuple[Pair, Pair, tuple[str | int, str | int]]:
        stride = self.pool_size if self.stride is None else self.stride
        return (self.pool_size, 1), (stride, 1), (self.padding, 0)

    def why_no_lengths(self) -> str:
        """Padding before a row must not depend on its length."""
        (window, _), (stride, _), (padding, _) = self._sides()
        steps = (self.input_shape or (1,))[0]
        return why_other_windows(padding, steps, window, stride) or super().why_no_lengths()

    def steps_after(self, run: Runner, lengths: Array) -> Array:
        """How many windows each row has."""
        (window, _), (stride, _), (padding, _) = self._sides()
        after = run.empty(lengths.shape, np.int64)
        windows = windows_of_rows(window, stride, 1, self._window["pad_top"], padding)
        run(self, window_lengths, lengths=lengths, after=after, **windows)
        return after

    def _require_shape(self, input_shape: Shape) -> None:
        """Sequences alone."""
        fix = "put gn.Reshape((steps, features)) before it; for images there are the 2D layers"
        self.require_axes(input_shape, (2,), "sequences (N, T, D)", fix)

    def _place(self, row: Shape) -> Placed:
        return self._slid((1, *row))


class MaxPool2D(_Windows2D, _Max):
    """The largest element of each window, channel by channel.

    Padding counts as −∞. Of several equal elements the first, row by row, gets the gradient; NaN is passed on.

    Args:
        pool_size: the window: a number, or a pair (height, width); at most 256 elements.
        stride: from one window to the next, likewise; None for ``pool_size``, windows side by side.
        padding: "valid" for none, "same" for ⌈H / stride⌉ windows (the odd row or column of padding below or to the
            right), a number of rows and columns on every side, or a pair (above and below, left and right).

    Shape:
        (N, C, H, W) -> (N, C, H', W') with H' = ⌊(H + 2 padding − pool_size) / stride⌋ + 1.

    Raises:
        ConfigurationError: settings that are no such numbers, a window of more than 256 elements, or a padding that
            would leave a window empty.
        ShapeError: at build, the input is no image or smaller than the window.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.MaxPool2D(2)).build((3, 32, 25))
        (3, 16, 12)
    """


class AveragePool2D(_Windows2D, _Average):
    """The mean of each window, channel by channel, over those elements that lie inside the image.

    Args:
        pool_size: the window: a number, or a pair (height, width).
        stride: as in ``MaxPool2D``.
        padding: as in ``MaxPool2D``.

    Shape:
        (N, C, H, W) -> (N, C, H', W'), as in ``MaxPool2D``.

    Raises:
        ConfigurationError: settings that are no such numbers, or a padding that would leave a window empty.
        ShapeError: at build, the input is no image or smaller than the window.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.AveragePool2D(2))
        >>> _ = net.build((1, 2, 4))
        >>> net.forward(gn.NumpyRunner(), np.arange(8.0).reshape(1, 1, 2, 4), training=False)[0].tolist()
        [[[[2.5, 4.5]]]]
    """


class MaxPool1D(_Windows1D, _Max):
    """The largest element of each window of steps, feature by feature.

    Args:
        pool_size: steps in a window; at most 256.
        stride: steps from one window to the next; None for ``pool_size``.
        padding: "valid", "same" or a number of steps on both sides, as in ``MaxPool2D``.

    Shape:
        (N, T, D) -> (N, T', D)

    Raises:
        ConfigurationError: as in ``MaxPool2D``.
        ShapeError: at build, the input is no sequence or shorter than the window.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.MaxPool1D(3, padding="same")).build((10, 4))
        (4, 4)
    """


class AveragePool1D(_Windows1D, _Average):
    """The mean of each window of steps, feature by feature, over those that lie inside the sequence.

    Args:
        pool_size: steps in a window.
        stride: steps from one window to the next; None for ``pool_size``.
        padding: "valid", "same" or a number of steps on both sides, as in ``MaxPool2D``.

    Shape:
        (N, T, D) -> (N, T', D)

    Raises:
        ConfigurationError: as in ``AveragePool2D``.
        ShapeError: at build, the input is no sequence or shorter than the window.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.AveragePool1D(2)).build((10, 4))
        (5, 4)
    """
