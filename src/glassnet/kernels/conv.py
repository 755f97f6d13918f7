"""Convolutions of images.

A filter of kh · kw taps slides over x in steps of the stride s; neighbouring taps stand d pixels apart (dilation), and
what lies outside x counts as 0. With p rows above and columns to the left, G groups, each of which sees C/G channels
and gives F/G filters, and g(f) the group of filter f, the forward pass is

    y_nfhw = b_f + Σ_cij W_fcij x[n, g(f) C/G + c, h s + i d − p, w s + j d − p]

The windows of x, written as the columns of a matrix X for each group ("im2col"), make it a matrix product

    Y = W X        (F/G, K) (K, N H' W') -> (F/G, N H' W')        K = C/G · kh · kw

so that its gradients are those of a dense layer; a pixel that stands in several columns gets the sum of theirs:

    dW = dY Xᵀ      db_f = Σ_nhw dy_nfhw      dX = Wᵀ dY      dx = the columns of dX added back in their places

Padding below and on the right has no number of its own: y's shape says how far the windows reach.

Sources: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86 (1998), section II; K. Chellapilla, S. Puri, P. Simard, "High performance convolutional
neural networks for document processing", IWFHR 2006, for the matrix product; V. Dumoulin, F. Visin, "A guide to
convolution arithmetic for deep learning", arXiv 1603.07285 (2016), for strides, padding and dilation; A. Krizhevsky,
I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012, for groups.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import conv
    >>> x, weight = np.arange(9.0).reshape(1, 1, 3, 3), np.array([[[[1.0, 0.0], [0.0, -1.0]]]])
    >>> places = {"stride_height": 1, "stride_width": 1, "pad_top": 0, "pad_left": 0}
    >>> y = np.empty((1, 1, 2, 2))
    >>> conv.conv2d_forward(x, weight, None, y, **places, dilation_height=1, dilation_width=1)
    >>> y[0, 0].tolist()  # each pixel minus that below and to the right
    [[-4.0, -4.0], [-4.0, -4.0]]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from glassnet.core.shapes import Array, Geometry, Shape
from glassnet.kernels.functions import product_flops
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import conv as why

_SAME_WINDOW = """
h = h_ * stride_height + i * dilation_height - pad_top
w = w_ * stride_width + j * dilation_width - pad_left
"""
Pair = tuple[int, int]


class Windows(NamedTuple):
    """Where the filter stands; each is (height, width).

    Attributes:
        taps: kh, kw.
        places: H', W', how often it is laid on.
        stride: pixels between two places.
        pad: rows above and columns to the left of the image.
        dilation: pixels between two taps.
    """

    taps: Shape
    places: Shape
    stride: Pair
    pad: Pair
    dilation: Pair

    @property
    def reach(self) -> Pair:
        """Pixels from the first tap to the last, both included."""
        (kh, kw), (dh, dw) = self.taps, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    def padded(self, height: int, width: int) -> Pair:
        """The size of an image with the zeros around it that the windows need."""
        (rows, columns), (sh, sw), (top, left), (rh, rw) = self.places, self.stride, self.pad, self.reach
        return max(top + height, (rows - 1) * sh + rh), max(left + width, (columns - 1) * sw + rw)


def unfold(x: Array, windows: Windows, groups: int) -> Array:
    """The windows of an image as columns: (N, C, H, W) -> (G, C/G · kh · kw, N · H' · W')."""
    batch, channels, height, width = x.shape
    (rows, columns), (sh, sw), (top, left), (dh, dw) = windows[1:]
    padded = np.zeros((batch, channels, *windows.padded(height, width)), x.dtype)
    padded[:, :, top : top + height, left : left + width] = x
    views = sliding_window_view(padded, windows.reach, axis=(2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    views = views[:, :, :rows, :columns]  # (N, C, H', W', kh, kw)
    each = channels // groups * windows.taps[0] * windows.taps[1]
    return views.transpose(1, 4, 5, 0, 2, 3).reshape(groups, each, -1)


def fold(columns: Array, x: Array, windows: Windows) -> None:
    """The way back: adds each element of the columns to the pixel that it was taken from, and writes x (N, C, H, W)."""
    batch, channels, height, width = x.shape
    (kh, kw), (rows, places), (sh, sw), (top, left), (dh, dw) = windows
    taken = columns.reshape(channels, kh, kw, batch, rows, places)
    padded = np.zeros((batch, channels, *windows.padded(height, width)), x.dtype)
    for i in range(kh):
        for j in range(kw):
            below, right = i * dh + (rows - 1) * sh + 1, j * dw + (places - 1) * sw + 1
            padded[:, :, i * dh : below : sh, j * dw : right : sw] += taken[:, i, j].swapaxes(0, 1)
    x[...] = padded[:, :, top : top + height, left : left + width]


def by_group(y: Array, groups: int) -> Array:
    """Pixels as columns: (N, F, H', W') -> (G, F/G, N · H' · W')."""
    return y.swapaxes(0, 1).reshape(groups, y.shape[1] // groups, -1)


def to_images(columns: Array, y: Array) -> None:
    """The way back: writes (G, F/G, N · H' · W') into y (N, F, H', W')."""
    batch, filters, height, width = y.shape
    y[...] = columns.reshape(filters, batch, height, width).swapaxes(0, 1)


@kernel(
    "y[n,f,h,w] = b_f + Σ_cij W_fcij x[n,c,hs+id−p,ws+jd−p]",
    elements="""
        y[n, f, h_, w_] = sum[k, i, j](weight[f, k, i, j] * x[n, c, h, w]) + bias[f]
        c = k if K == C else f * (C // K) // F * K + k
    """
    + _SAME_WINDOW,
    symbols="K C/G; I kh; J kw",
    writes="y",
    channels="weight bias y",
    shared="weight bias",
    flops=product_flops("y", 0),
    left_out={"bias": "b_f + "},
)
def conv2d_forward(
    x: Array,
    weight: Array,
    bias: Array | None,
    y: Array,
    *,
    stride_height: Geometry,
    stride_width: Geometry,
    pad_top: Geometry,
    pad_left: Geometry,
    dilation_height: Geometry,
    dilation_width: Geometry,
) -> None:
    """Writes the convolution ``Y = W X + b``.

    Args:
        x: input (N, C, H, W).
        weight: W (F, C/G, kh, kw); its second axis tells the number of groups G.
        bias: b (F,), or None for a layer without one.
        y: output (N, F, H', W').
        stride_height: rows between two places of the filter.
        stride_width: columns between two places of the filter.
        pad_top: rows of zeros above x.
        pad_left: columns of zeros to the left of x.
        dilation_height: rows between two taps.
        dilation_width: columns between two taps.
    """
    groups = x.shape[1] // weight.shape[1]
    stride, pad, dilation = (stride_height, stride_width), (pad_top, pad_left), (dilation_height, dilation_width)
    columns = unfold(x, Windows(weight.shape[2:], y.shape[2:], stride, pad, dilation), groups)
    filters = weight.reshape(groups, -1, columns.shape[1])  # (F, C/G, kh, kw) -> (G, F/G, K)
    to_images(np.matmul(filters, columns), y)  # (G, F/G, K) (G, K, N H' W') -> (N, F, H', W')
    if bias is not None:
        y += bias[:, None, None]


@kernel(
    "dW = dY Xᵀ,  db_f = Σ_nhw dy_nfhw,  dx = fold(Wᵀ dY)",
    elements="""
        dweight[f, k, i, j] = sum[n, h_, w_](dy[n, f, h_, w_] * x[n, c, h, w])
        dbias[f] = sum[n, h_, w_](dy[n, f, h_, w_])
        dx[n, c, h, w] = sum[q:F * K // C, i, j](weight[f, k, i, j] * dy[n, f, h_, w_])
        c = k if K == C else f * (C // K) // F * K + k
        f = q if K == C else c // K * (F * K // C) + q
        k = c if K == C else c % K
        h_ = (h + pad_top - i * dilation_height) / stride_height
        w_ = (w + pad_left - j * dilation_width) / stride_width
    """
    + _SAME_WINDOW,
    symbols="K C/G; I kh; J kw",
    writes="dx dweight dbias",
    shared="weight",
    sums="dweight dbias",
    sums_by_piece=True,
    flops=product_flops("dy", 0),
    left_out={"dbias": ",  db_f = Σ_nhw dy_nfhw", "dx": ",  dx = fold(Wᵀ dY)"},
    why=why.CONV2D,
)
def conv2d_backward(
    dy: Array,
    x: Array,
    weight: Array,
    dx: Array | None,
    dweight: Array,
    dbias: Array | None,
    *,
    stride_height: Geometry,
    stride_width: Geometry,
    pad_top: Geometry,
    pad_left: Geometry,
    dilation_height: Geometry,
    dilation_width: Geometry,
) -> None:
    """Writes ``dW = dY Xᵀ``, ``db = Σ_nhw dy`` and, from ``dX = Wᵀ dY``, dx.

    Arrays and numbers are those of ``conv2d_forward``, and each gradient has the shape of what it belongs to. ``dx`` is
    None where nobody needs it, ``dbias`` for a layer without a bias.
    """
    groups = x.shape[1] // weight.shape[1]
    stride, pad, dilation = (stride_height, stride_width), (pad_top, pad_left), (dilation_height, dilation_width)
    windows = Windows(weight.shape[2:], dy.shape[2:], stride, pad, dilation)
    columns, errors = unfold(x, windows, groups), by_group(dy, groups)  # (G, K, N H' W'), (G, F/G, N H' W')
    dweight[...] = np.matmul(errors, columns.swapaxes(1, 2)).reshape(dweight.shape)  # (G, F/G, K)
    if dbias is not None:
        np.sum(dy, axis=(0, 2, 3), out=dbias)  # (N, F, H', W') -> (F,)
    if dx is not None:
        filters = weight.reshape(groups, -1, columns.shape[1])
        fold(np.matmul(filters.swapaxes(1, 2), errors), dx, windows)  # (G, K, F/G) (G, F/G, N H' W') -> (N, C, H, W)
