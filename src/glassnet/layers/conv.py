"""Convolutions of images, and what all convolutions have in common."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from glassnet.core.checks import unless_channels_last
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import boolean, whole
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.initializers import init_setting
from glassnet.kernels import Kernel
from glassnet.kernels.conv import conv2d_backward, conv2d_forward
from glassnet.kernels.conv_transpose import conv_transpose2d_backward, conv_transpose2d_forward
from glassnet.layers.base import Layer
from glassnet.layers.images import image_shape
from glassnet.layers.windows import (
    Padding,
    Pair,
    by_axis,
    padding_along,
    padding_setting,
    pair,
    short,
    slid,
    span,
)
from glassnet.runners import Runner


class _Convolution(Layer):
    """What the convolutions have in common: filters in groups, a bias for each, and the calls of their two kernels."""

    kernels: ClassVar[tuple[Kernel, Kernel]]
    numbers: dict[str, int]
    """The kernels' settings, known once the layer is built: stride, padding and dilation along each axis."""

    def __init__(self, filters: int, groups: int, use_bias: bool, weight_init: Any, bias_init: Any) -> None:
        where = type(self).__name__
        self.filters = whole(filters, "filters", where)
        self.groups = whole(groups, "groups", where)
        self.use_bias = boolean(use_bias, "use_bias", where)
        self.weight_init = init_setting(weight_init)
        self.bias_init = init_setting(bias_init)
        if self.filters % self.groups:
            raise ConfigurationError(
                where=where,
                received=f"filters={self.filters}, groups={self.groups}",
                expected="as many filters in each group",
                fix="choose a number of filters that the groups divide",
            )

    def declare(self, channels: int, shape: Shape, taps: int, *, unit_axis: int | None) -> None:
        """Declares the weight, of that shape, and the bias (F,)."""
        fans = channels // self.groups * taps, self.filters // self.groups * taps
        self.weight = self.add_parameter("weight", shape, self.weight_init, unit_axis=unit_axis, fans=fans)
        if self.use_bias:
            self.bias = self.add_parameter("bias", (self.filters,), self.bias_init, is_weight=False)

    def check_groups(self, channels: int, input_shape: Shape) -> None:
        """Refuses channels that the groups do not divide."""
        if channels % self.groups:
            raise ShapeError(
                where=self.where,
                received=f"{channels} channels, in inputs of shape {batch_shape(input_shape)}",
                expected=f"a multiple of groups={self.groups}",
                fix=unless_channels_last(
                    input_shape, "choose a number of groups that divides the channels, or groups=1"
                ),
            )

    def check_room(self, output_shape: Shape, received: str, expected: str, fix: str) -> None:
        """Refuses an output without a single place."""
        if min(output_shape) < 1:
            raise ShapeError(where=self.where, received=received, expected=expected, fix=fix)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array]:
        """Returns y (N, ...) and, as the cache, x."""
        bias = self.bias.value if self.use_bias else None
        y = run.empty((x.shape[0], *self.shape_after(x)), x.dtype)
        run(self, self.kernels[0], x=x, weight=self.weight.value, bias=bias, y=y, **self.numbers)
        return y, x

    def backward(self, run: Runner, dy: Array, cache: Array) -> Array:
        """Writes dW and db, returns dx (N, ...)."""
        dbias = self.bias.gradient if self.use_bias else None
        dx = run.empty(cache.shape, dy.dtype)
        gradients = {"dx": dx, "dweight": self.weight.gradient, "dbias": dbias}
        run(self, self.kernels[1], dy=dy, x=cache, weight=self.weight.value, **gradients, **self.numbers)
        return dx

    def shape_after(self, x: Array) -> Shape:
        """The shape of a row's output."""
        return self.output_shape or ()

    def multiplied(self, input_shape: Shape, output_shape: Shape) -> int:
        """Products of a weight and a pixel in a forward pass of one row."""
        return prod(output_shape) * self.weight.value.size // self.filters

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """2 for each tap of each output, and 1 for the output's bias."""
        return 2 * self.multiplied(input_shape, output_shape) + (prod(output_shape) if self.use_bias else 0)


class _OnImages(_Convolution):
    """The settings of convolutions that move along two axes."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: Padding = "valid",
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        use_bias: bool = True,
        weight_init: Any = "he_normal",
        bias_init: Any = "zeros",
    ) -> None:
        super().__init__(filters, groups, use_bias, weight_init, bias_init)
        where = type(self).__name__
        self.kernel_size = short(pair(kernel_size, "kernel_size", where))
        self.stride = short(pair(stride, "stride", where))
        self.padding = padding_setting(padding, where)
        self.dilation = short(pair(dilation, "dilation", where))


class Conv2D(_OnImages):
    """Filters that slide over an image; see ``glassnet.kernels.conv``.

    Args:
        filters: F, the number of output channels.
        kernel_size: the filters' height and width; like stride and dilation a whole number or a pair (height, width).
        stride: pixels between two places of a filter.
        padding: zeros around the image: "valid" for none; "same" for as few as give ⌈H / stride⌉ rows and ⌈W / stride⌉
            columns, the odd one below and on the right, as in TensorFlow; or a whole number or a pair (height, width)
            for both sides.
        dilation: pixels between two taps of a filter.
        groups: G; each group sees C/G channels and gives F/G filters. As many groups as channels: depthwise.
        use_bias: whether each filter has a bias.
        weight_init: initial W (F, C/G, kh, kw): a name, an initializer, a number or an array.
        bias_init: initial b (F,), likewise.

    Shape:
        (N, C, H, W) -> (N, F, H', W') with H' = ⌊(H + padding − dilation (kh − 1) − 1) / stride⌋ + 1, padding here that
        of both sides; W' likewise. C is inferred when the network is built.

    Raises:
        ConfigurationError: a setting is no such number, or the groups do not divide the filters.
        ShapeError: at build: inputs that are no images, channels that the groups do not divide, an image smaller than
            the kernel.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Conv2D(16, 3, padding="same"), gn.Conv2D(32, (3, 5), stride=2)).build((3, 32, 32))
        (32, 15, 14)
    """

    kernels = conv2d_forward, conv2d_backward

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (F, C/G, kh, kw) and b (F,)."""
        channels, *image = image_shape(self, input_shape)
        self.check_groups(channels, input_shape)
        kernel, stride, dilation = _pairs(self.kernel_size, self.stride, self.dilation)
        (height, width), before = slid(image, kernel, stride, self.padding, dilation)
        reach = span(kernel[0], dilation[0]), span(kernel[1], dilation[1])
        self.check_room(
            (height, width),
            f"images of {image[0]}×{image[1]} pixels",
            f"{reach[0]}×{reach[1]} at least, the reach of the kernel, with padding={self.padding!r}",
            unless_channels_last(input_shape, 'use padding="same" or a smaller kernel'),
        )
        self.numbers = by_axis(stride=stride, pad=before, dilation=dilation)
        self.declare(channels, (self.filters, channels // self.groups, *kernel), prod(kernel), unit_axis=0)
        return self.filters, height, width


class ConvTranspose2D(_OnImages):
    """The transposed convolution: each pixel puts a kernel into a larger image; see ``glassnet.kernels.conv``.

    Between the same sizes it does forwards what ``Conv2D`` with the same settings does backwards.

    Args:
        filters: F, the number of output channels.
        kernel_size: the kernels' height and width; like stride, dilation and output_padding a whole number or a pair
            (height, width).
        stride: pixels of the output between the kernels of two neighbours.
        padding: rows and columns cut off around the output: "valid" for none; "same" for as many as leave H · stride
            rows and W · stride columns; or a whole number or a pair (height, width) for both sides.
        dilation: pixels between two taps of a kernel.
        output_padding: further rows below and columns on the right, fewer than the stride or the dilation.
        groups: G; each group sees C/G channels and gives F/G filters.
        use_bias: whether each filter has a bias.
        weight_init: initial W (C, F/G, kh, kw): a name, an initializer, a number or an array.
        bias_init: initial b (F,), likewise.

    Shape:
        (N, C, H, W) -> (N, F, H', W') with H' = (H − 1) stride − 2 padding + dilation (kh − 1) + 1 + output_padding;
        W' likewise. C is inferred when the network is built.

    Raises:
        ConfigurationError: a setting is no such number, the groups do not divide the filters, or output_padding comes
            with "same" or is too large.
        ShapeError: at build: inputs that are no images, channels that the groups do not divide, padding that leaves
            nothing of the output.

    Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), relationship 14.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.ConvTranspose2D(8, 4, stride=2, padding=1)).build((16, 7, 9))
        (8, 14, 18)
    """

    kernels = conv_transpose2d_forward, conv_transpose2d_backward

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: Padding = "valid",
        dilation: int | tuple[int, int] = 1,
        output_padding: int | tuple[int, int] = 0,
        groups: int = 1,
        use_bias: bool = True,
        weight_init: Any = "he_normal",
        bias_init: Any = "zeros",
    ) -> None:
        further = {"groups": groups, "use_bias": use_bias, "weight_init": weight_init, "bias_init": bias_init}
        super().__init__(filters, kernel_size, stride=stride, padding=padding, dilation=dilation, **further)
        self.output_padding = short(pair(output_padding, "output_padding", "ConvTranspose2D", low=0))
        axes = zip(*_pairs(self.output_padding, self.stride, self.dilation), strict=True)
        too_many = any(further >= max(stride, dilation) for further, stride, dilation in axes)
        if too_many or (self.padding == "same" and self.output_padding != 0):
            raise ConfigurationError(
                where="ConvTranspose2D",
                received=f"output_padding={self.output_padding}, stride={self.stride}, padding={self.padding!r}",
                expected='output_padding below the stride or the dilation, and 0 with padding="same"',
                fix="leave output_padding out, or choose a larger stride",
            )

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (C, F/G, kh, kw) and b (F,)."""
        channels, *image = image_shape(self, input_shape)
        self.check_groups(channels, input_shape)
        kernel, stride, dilation, further = _pairs(self.kernel_size, self.stride, self.dilation, self.output_padding)
        sizes, pads = [], []
        for i in (0, 1):
            reach, padding = span(kernel[i], dilation[i]), padding_along(self.padding, i)
            if padding == "same":
                sizes.append(image[i] * stride[i])
                pads.append(max(reach - stride[i], 0) // 2)
            else:
                pads.append(0 if isinstance(padding, str) else padding)
                sizes.append((image[i] - 1) * stride[i] - 2 * pads[i] + reach + further[i])
        self.check_room(
            tuple(sizes),
            f"images of {image[0]}×{image[1]} pixels, of which padding={self.padding!r} leaves {sizes[0]}×{sizes[1]}",
            "an output of one pixel at least",
            "choose less padding",
        )
        self.numbers = by_axis(stride=stride, pad=pads, dilation=dilation)
        shape = channels, self.filters // self.groups, *kernel
        self.declare(channels, shape, prod(kernel), unit_axis=1 if self.groups == 1 else None)
        return self.filters, sizes[0], sizes[1]

    def multiplied(self, input_shape: Shape, output_shape: Shape) -> int:
        """Each pixel of the input meets the kernels of its channel."""
        return prod(input_shape) * self.weight.value.size // input_shape[0]


def _pairs(*given: int | Pair) -> list[Pair]:
    """Settings as pairs (height, width)."""
    return [value if isinstance(value, tuple) else (value, value) for value in given]
