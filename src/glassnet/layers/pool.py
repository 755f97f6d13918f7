"""Pooling: from each window the largest element or the mean."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from glassnet.core.checks import unless_channels_last
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.shapes import Array, Shape, batch_shape, size_of
from glassnet.kernels.pool import (
    average_pool2d_backward,
    average_pool2d_forward,
    global_max_pool_backward,
    global_max_pool_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from glassnet.layers.base import Layer
from glassnet.layers.images import image_shape
from glassnet.layers.windows import (
    Pair,
    padding_along,
    padding_of,
    padding_setting,
    padding_setting_1d,
    pair,
    places,
    short,
    window_count,
)
from glassnet.runners import Runner

MOST_ELEMENTS = 256
"""In the window of a max pooling: the place of its largest is kept in one byte."""


class _Pooling(Layer):
    """Pooling of (N, ...) looked at as images: ``_image_shape`` (C, H, W) becomes ``_pooled_shape`` (C, H', W')."""

    _image_shape: Shape = ()
    _pooled_shape: Shape = ()

    @abstractmethod
    def _pool(self, run: Runner, x: Array, y: Array, training: bool) -> Any:
        """Writes y (N, C, H', W') and returns what ``_unpool`` needs."""

    @abstractmethod
    def _unpool(self, run: Runner, dy: Array, cache: Any, dx: Array) -> None:
        """Writes dx (N, C, H, W)."""

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns one number for each window."""
        rows = x.shape[0]
        y = run.empty((rows, *self._pooled_shape), x.dtype)
        cache = self._pool(run, x.reshape(rows, *self._image_shape), y, training)
        return y.reshape(rows, *(self.output_shape or ())), cache

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Returns dx in the shape of x."""
        rows = dy.shape[0]
        dx = run.empty((rows, *self._image_shape), dy.dtype)
        self._unpool(run, dy.reshape(rows, *self._pooled_shape), cache, dx)
        return dx.reshape(rows, *(self.input_shape or ()))


class _Windows(_Pooling):
    """A window that slides; ``_window`` holds the kernels' numbers."""

    _window: dict[str, int]

    @abstractmethod
    def _sides(self) -> tuple[Pair, Pair, tuple[str | int, str | int]]:
        """Window, stride and padding, each for height and width."""

    @abstractmethod
    def _as_image(self, input_shape: Shape) -> Shape:
        """(C, H, W), as which an input row is looked at."""

    def _slide(self, input_shape: Shape) -> None:
        """Places the window on inputs of that shape."""
        self._image_shape = self._as_image(input_shape)
        channels, *sizes = self._image_shape
        window, stride, padding = self._sides()
        counts, before = [], []
        for size, elements, step, given in zip(sizes, window, stride, padding, strict=True):
            count = window_count(given, size, elements, step)
            if count < 1:
                raise ShapeError(
                    where=self.where,
                    received=f"inputs of shape {batch_shape(input_shape)}, shorter than its window of {elements}",
                    expected=f"at least {elements} elements along that axis, padding included",
                    fix=unless_channels_last(
                        input_shape, "choose a smaller pool_size or padding='same', or pool less before it"
                    ),
                )
            counts.append(count)
            before.append(padding_of(given, size, elements, step)[0])
        names = ("kernel_height", "kernel_width", "stride_height", "stride_width", "pad_top", "pad_left")
        self._window = dict(zip(names, (*window, *stride, *before), strict=True))
        self._pooled_shape = (channels, *counts)

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """One for each element of each window."""
        return size_of(output_shape) * self._window["kernel_height"] * self._window["kernel_width"]


class _Windows2D(_Windows):
    """Windows on images."""

    def __init__(
        self, pool_size: int | Pair = 2, *, stride: int | Pair | None = None, padding: str | int | Pair = "valid"
    ) -> None:
        where = type(self).__name__
        window = pair(pool_size, "pool_size", where)
        self.pool_size = short(window)
        self.stride = None if stride is None else short(pair(stride, "stride", where))
        self.padding = padding_setting(padding, where)
        _no_empty_windows(window, self._sides()[2], where)

    def _sides(self) -> tuple[Pair, Pair, tuple[str | int, str | int]]:
        window = pair(self.pool_size, "pool_size", "")
        stride = window if self.stride is None else pair(self.stride, "stride", "")
        return window, stride, (padding_along(self.padding, 0), padding_along(self.padding, 1))

    def _as_image(self, input_shape: Shape) -> Shape:
        return input_shape

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns (C, H', W')."""
        self._slide(image_shape(self, input_shape))
        return self._pooled_shape


class _Windows1D(_Windows):
    """Windows on sequences (N, T, D), looked at as images of one channel with T rows."""

    def __init__(self, pool_size: int = 2, *, stride: int | None = None, padding: str | int = "valid") -> None:
        where = type(self).__name__
        self.pool_size = places(pool_size, "pool_size", where)
        self.stride = None if stride is None else places(stride, "stride", where)
        self.padding = padding_setting_1d(padding, where)
        _no_empty_windows((self.pool_size, 1), (self.padding, 0), where)

    def _sides(self) -> tuple[Pair, Pair, tuple[str | int, str | int]]:
        stride = self.pool_size if self.stride is None else self.stride
        return (self.pool_size, 1), (stride, 1), (self.padding, 0)

    def _as_image(self, input_shape: Shape) -> Shape:
        return (1, *input_shape)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns (T', D)."""
        if len(input_shape) != 2:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected="sequences (N, T, D)",
                fix="put gn.Reshape((steps, features)) before it; for images there are the 2D layers",
            )
        self._slide(input_shape)
        return self._pooled_shape[1:]


class _Max(_Windows):
    """Keeps the largest of each window."""

    def _pool(self, run: Runner, x: Array, y: Array, training: bool) -> Array | None:
        index = run.empty(y.shape, np.uint8) if training else None
        run(self, max_pool2d_forward, x=x, y=y, index=index, **self._window)
        return index

    def differentiable(self, run: Runner, x: Array) -> tuple[Array, Any]:
        """As while training, which keeps where the largest elements stand."""
        return self.forward(run, x, training=True)

    def _unpool(self, run: Runner, dy: Array, cache: Array | None, dx: Array) -> None:
        run(self, max_pool2d_backward, dy=dy, index=_kept(cache, self.where), dx=dx, **self._window)


class _Average(_Windows):
    """Keeps the mean of each window."""

    def _pool(self, run: Runner, x: Array, y: Array, training: bool) -> None:
        run(self, average_pool2d_forward, x=x, y=y, **self._window)

    def _unpool(self, run: Runner, dy: Array, cache: None, dx: Array) -> None:
        run(self, average_pool2d_backward, dy=dy, dx=dx, **self._window)


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

    def __init__(
        self, pool_size: int | Pair = 2, *, stride: int | Pair | None = None, padding: str | int | Pair = "valid"
    ) -> None:
        super().__init__(pool_size, stride=stride, padding=padding)
        _fits_a_byte(pair(pool_size, "pool_size", "MaxPool2D"), "MaxPool2D")


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

    def __init__(self, pool_size: int = 2, *, stride: int | None = None, padding: str | int = "valid") -> None:
        super().__init__(pool_size, stride=stride, padding=padding)
        _fits_a_byte((pool_size, 1), "MaxPool1D")


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


class _Global(_Pooling):
    """One number for each channel of an image, or each feature of a sequence."""

    def _check(self, input_shape: Shape) -> None:
        if len(input_shape) not in (2, 3):
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected="images (N, C, H, W) or sequences (N, T, D)",
                fix="leave it out where the rows are features already",
            )

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """One for each element of the input."""
        return size_of(input_shape)


class GlobalAveragePool(_Global):
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

    _window: dict[str, int]

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns (C,) or (D,)."""
        self._check(input_shape)
        if len(input_shape) == 3:  # one window as large as the image
            channels, height, width = self._image_shape = input_shape
            self._pooled_shape = (channels, 1, 1)
        else:  # a window of all steps for each feature
            (height, features), width = input_shape, 1
            self._image_shape, self._pooled_shape = (1, *input_shape), (1, 1, features)
        self._window = {
            "kernel_height": height,
            "kernel_width": width,
            "stride_height": 1,
            "stride_width": 1,
            "pad_top": 0,
            "pad_left": 0,
        }
        return (size_of(self._pooled_shape),)

    def _pool(self, run: Runner, x: Array, y: Array, training: bool) -> None:
        run(self, average_pool2d_forward, x=x, y=y, **self._window)

    def _unpool(self, run: Runner, dy: Array, cache: None, dx: Array) -> None:
        run(self, average_pool2d_backward, dy=dy, dx=dx, **self._window)


class GlobalMaxPool(_Global):
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

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns (C,) or (D,)."""
        self._check(input_shape)
        if len(input_shape) == 3:  # (N, C, H · W, 1) -> (N, C, 1)
            self._image_shape = (input_shape[0], size_of(input_shape[1:]), 1)
            self._pooled_shape = (input_shape[0], 1)
        else:  # (N, 1, T, D) -> (N, 1, D)
            self._image_shape, self._pooled_shape = (1, *input_shape), (1, input_shape[1])
        return (size_of(self._pooled_shape),)

    def _pool(self, run: Runner, x: Array, y: Array, training: bool) -> Array | None:
        place = run.empty(y.shape, np.int32) if training else None
        run(self, global_max_pool_forward, x=x, y=y, place=place)
        return place

    def differentiable(self, run: Runner, x: Array) -> tuple[Array, Any]:
        """As while training, which keeps where the largest elements stand."""
        return self.forward(run, x, training=True)

    def _unpool(self, run: Runner, dy: Array, cache: Array | None, dx: Array) -> None:
        run(self, global_max_pool_backward, dy=dy, place=_kept(cache, self.where), dx=dx)


def _kept(cache: Array | None, where: str) -> Array:
    if cache is None:
        raise ConfigurationError(
            where=where,
            received="a backward pass after a forward pass with training=False",
            expected="one with training=True, which keeps where the largest elements stand",
            fix="write net.forward(run, x, training=True)",
        )
    return cache


def _fits_a_byte(window: Pair, where: str) -> None:
    if window[0] * window[1] > MOST_ELEMENTS:
        raise ConfigurationError(
            where=where,
            received=f"a window of {window[0]} × {window[1]} = {window[0] * window[1]} elements",
            expected=f"at most {MOST_ELEMENTS}, since the place of the largest is kept in one byte",
            fix="use gn.GlobalMaxPool() for all of an image, or pool twice with smaller windows",
        )


def _no_empty_windows(window: Pair, padding: tuple[str | int, str | int], where: str) -> None:
    for elements, given in zip(window, padding, strict=True):
        if not isinstance(given, str) and given >= elements:
            raise ConfigurationError(
                where=where,
                received=f"padding={given} for a window of {elements}",
                expected="a padding smaller than the window: one that lies in the padding alone has nothing to pool",
                fix=f"choose padding={elements - 1} or less, or padding='same'",
            )
