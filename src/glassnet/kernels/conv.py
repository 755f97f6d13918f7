"""Convolutions of images and sequences, and the transposed convolution.

A filter of kh · kw taps slides over x in steps of the stride s; neighbouring taps stand d pixels apart (dilation), and
what lies outside x counts as 0. With p rows above and columns to the left, G groups, each of which sees C/G channels
and gives F/G filters, and g(f) the group of filter f, the forward pass is

    y_nfhw = b_f + Σ_cij W_fcij x[n, g(f) C/G + c, h s + i d − p, w s + j d − p]

The windows of x, written as the columns of a matrix X for each group ("im2col"), make it a matrix product

    Y = W X        (F/G, K) (K, N H' W') -> (F/G, N H' W')        K = C/G · kh · kw

so that its gradients are those of a dense layer; a pixel that stands in several columns gets the sum of theirs:

    dW = dY Xᵀ      db_f = Σ_nhw dy_nfhw      dX = Wᵀ dY      dx = the columns of dX added back in their places

The transposed convolution goes the way of dx forwards: each pixel of x puts a kernel, weighted by its value, into y

    y[n, f, h s + i d − p, w s + j d − p] += x_nchw W_cfij

and its backward pass is a convolution. Padding below and on the right has no number of its own: y's shape says how far
the windows reach.

Sources: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86 (1998), section II; K. Chellapilla, S. Puri, P. Simard, "High performance convolutional
neural networks for document processing", IWFHR 2006, for the matrix product; V. Dumoulin, F. Visin, "A guide to
convolution arithmetic for deep learning", arXiv 1603.07285 (2016), for strides, padding, dilation and the transposed
convolution; A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks",
NIPS 2012, for groups.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from glassnet.core.shapes import Array, Geometry, Shape
from glassnet.kernels.registry import kernel

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


def convolution_flops(arrays: dict[str, Array]) -> int:
    """Of the products that make y from windows and weight."""
    return 2 * int(arrays["y"].size * arrays["weight"][0].size)


def _backward_flops(arrays: dict[str, Array]) -> int:
    product = 2 * int(arrays["dy"].size * arrays["weight"][0].size)
    return product * sum(arrays[name] is not None for name in ("dx", "dweight"))


def _transposed_forward_flops(arrays: dict[str, Array]) -> int:
    return 2 * int(arrays["x"].size * arrays["weight"][0].size)


def _transposed_backward_flops(arrays: dict[str, Array]) -> int:
    return _transposed_forward_flops(arrays) * sum(arrays[name] is not None for name in ("dx", "dweight"))


def _sequence_forward_flops(arrays: dict[str, Array]) -> int:
    return 2 * int(arrays["y"].size * arrays["weight"][..., 0].size)


def _sequence_backward_flops(arrays: dict[str, Array]) -> int:
    product = 2 * int(arrays["dy"].size * arrays["weight"][..., 0].size)
    return product * sum(arrays[name] is not None for name in ("dx", "dweight"))


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
    flops=convolution_flops,
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
    flops=_backward_flops,
    left_out={"dbias": ",  db_f = Σ_nhw dy_nfhw", "dx": ",  dx = fold(Wᵀ dY)"},
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

    Args:
        dy: ∂L/∂y (N, F, H', W').
        x: the input of the forward pass (N, C, H, W).
        weight: W (F, C/G, kh, kw).
        dx: output ∂L/∂x (N, C, H, W), or None where nobody needs it.
        dweight: output ∂L/∂W (F, C/G, kh, kw).
        dbias: output ∂L/∂b (F,), or None for a layer without a bias.
        stride_height: as in the forward pass; so are the others.
        stride_width: see there.
        pad_top: see there.
        pad_left: see there.
        dilation_height: see there.
        dilation_width: see there.
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


@kernel(
    "y[n,f,hs+id−p,ws+jd−p] += x_nchw W_cfij,  y += b_f",
    elements="""
        y[n, f, h_, w_] = sum[q:C * K // F, i, j](weight[c, k, i, j] * x[n, c, h, w]) + bias[f]
        c = q if K == F else f // K * (C * K // F) + q
        k = f if K == F else f % K
        h = (h_ + pad_top - i * dilation_height) / stride_height
        w = (w_ + pad_left - j * dilation_width) / stride_width
    """,
    symbols="K F/G; I kh; J kw",
    writes="y",
    shared="weight bias",
    flops=_transposed_forward_flops,
    left_out={"bias": ",  y += b_f"},
)
def conv_transpose2d_forward(
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
    """Writes the transposed convolution ``y = fold(Wᵀ X) + b``, X here the pixels of x as columns.

    Args:
        x: input (N, C, H, W).
        weight: W (C, F/G, kh, kw); its second axis tells the number of groups G.
        bias: b (F,), or None for a layer without one.
        y: output (N, F, H', W').
        stride_height: rows of y between the kernels of two neighbours in x.
        stride_width: columns of y between the kernels of two neighbours in x.
        pad_top: rows that are cut off above y.
        pad_left: columns that are cut off to the left of y.
        dilation_height: rows between two taps.
        dilation_width: columns between two taps.
    """
    groups = y.shape[1] // weight.shape[1]
    stride, pad, dilation = (stride_height, stride_width), (pad_top, pad_left), (dilation_height, dilation_width)
    filters = weight.reshape(groups, weight.shape[0] // groups, -1)  # (C, F/G, kh, kw) -> (G, C/G, F/G kh kw)
    columns = np.matmul(filters.swapaxes(1, 2), by_group(x, groups))
    fold(columns, y, Windows(weight.shape[2:], x.shape[2:], stride, pad, dilation))
    if bias is not None:
        y += bias[:, None, None]


@kernel(
    "dx[n,c,h,w] = Σ_fij W_cfij dy[n,f,hs+id−p,ws+jd−p],  dW = X dYᵀ,  db_f = Σ_nhw dy_nfhw",
    elements="""
        dweight[c, k, i, j] = sum[n, h, w](x[n, c, h, w] * dy[n, f, h_, w_])
        dbias[f] = sum[n, h_, w_](dy[n, f, h_, w_])
        dx[n, c, h, w] = sum[k, i, j](weight[c, k, i, j] * dy[n, f, h_, w_])
        f = k if K == F else c // (C * K // F) * K + k
        h_ = h * stride_height + i * dilation_height - pad_top
        w_ = w * stride_width + j * dilation_width - pad_left
    """,
    symbols="K F/G; I kh; J kw",
    writes="dx dweight dbias",
    shared="weight",
    sums="dweight dbias",
    sums_by_piece=True,
    flops=_transposed_backward_flops,
    left_out={"dx": "dx[n,c,h,w] = Σ_fij W_cfij dy[n,f,hs+id−p,ws+jd−p],  ", "dbias": ",  db_f = Σ_nhw dy_nfhw"},
)
def conv_transpose2d_backward(
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
    """Writes ``dW = X dYᵀ``, ``db = Σ_nhw dy`` and dx, the convolution of dy with W; dY are the windows of dy.

    Args:
        dy: ∂L/∂y (N, F, H', W').
        x: the input of the forward pass (N, C, H, W).
        weight: W (C, F/G, kh, kw).
        dx: output ∂L/∂x (N, C, H, W), or None where nobody needs it.
        dweight: output ∂L/∂W (C, F/G, kh, kw).
        dbias: output ∂L/∂b (F,), or None for a layer without a bias.
        stride_height: as in the forward pass; so are the others.
        stride_width: see there.
        pad_top: see there.
        pad_left: see there.
        dilation_height: see there.
        dilation_width: see there.
    """
    groups = dy.shape[1] // weight.shape[1]
    stride, pad, dilation = (stride_height, stride_width), (pad_top, pad_left), (dilation_height, dilation_width)
    errors = unfold(dy, Windows(weight.shape[2:], x.shape[2:], stride, pad, dilation), groups)  # (G, K, N H W)
    dweight[...] = np.matmul(by_group(x, groups), errors.swapaxes(1, 2)).reshape(dweight.shape)  # (G, C/G, K)
    if dbias is not None:
        np.sum(dy, axis=(0, 2, 3), out=dbias)  # (N, F, H', W') -> (F,)
    if dx is not None:
        to_images(np.matmul(weight.reshape(groups, -1, errors.shape[1]), errors), dx)


def as_image(sequence: Array) -> Array:
    """A sequence as an image one pixel wide, its features as channels: a view (N, T, D) -> (N, D, T, 1)."""
    return sequence.swapaxes(1, 2)[..., None]


def as_filters(weight: Array) -> Array:
    """Filters for sequences as filters for such images: a view (k, D/G, F) -> (F, D/G, k, 1)."""
    return weight.transpose(2, 1, 0)[..., None]


@kernel(
    "y[n,t,f] = b_f + Σ_id W_idf x[n,ts+i·dilation−p,d]",
    elements="""
        y[n, t_, f] = sum[i, k](weight[i, k, f] * x[n, t, d]) + bias[f]
        d = k if K == D else f * (D // K) // F * K + k
        t = t_ * stride + i * dilation - pad
    """,
    symbols="K D/G; I k; t t",
    writes="y",
    shared="weight bias",
    flops=_sequence_forward_flops,
    left_out={"bias": "b_f + "},
)
def conv1d_forward(
    x: Array, weight: Array, bias: Array | None, y: Array, *, stride: Geometry, pad: Geometry, dilation: Geometry
) -> None:
    """Writes the convolution of sequences, as that of images one pixel wide.

    Args:
        x: input (N, T, D).
        weight: W (k, D/G, F); its second axis tells the number of groups G.
        bias: b (F,), or None for a layer without one.
        y: output (N, T', F).
        stride: steps of time between two places of the filter.
        pad: zeros before the sequence; those behind it follow from T'.
        dilation: steps of time between two taps.
    """
    conv2d_forward(
        as_image(x),
        as_filters(weight),
        bias,
        as_image(y),
        stride_height=stride,
        stride_width=1,
        pad_top=pad,
        pad_left=0,
        dilation_height=dilation,
        dilation_width=1,
    )


@kernel(
    "dW = Xᵀ dY,  db_f = Σ_nt dy_ntf,  dx = fold(dY Wᵀ)",
    elements="""
        dweight[i, k, f] = sum[n, t_](dy[n, t_, f] * x[n, t, d])
        dbias[f] = sum[n, t_](dy[n, t_, f])
        dx[n, t, d] = sum[i, q:F * K // D](weight[i, k, f] * dy[n, t_, f])
        d = k if K == D else f * (D // K) // F * K + k
        f = q if K == D else d // K * (F * K // D) + q
        k = d if K == D else d % K
        t = t_ * stride + i * dilation - pad
        t_ = (t + pad - i * dilation) / stride
    """,
    symbols="K D/G; I k; t t",
    writes="dx dweight dbias",
    shared="weight",
    sums="dweight dbias",
    sums_by_piece=True,
    flops=_sequence_backward_flops,
    left_out={"dbias": ",  db_f = Σ_nt dy_ntf", "dx": ",  dx = fold(dY Wᵀ)"},
)
def conv1d_backward(
    dy: Array,
    x: Array,
    weight: Array,
    dx: Array | None,
    dweight: Array,
    dbias: Array | None,
    *,
    stride: Geometry,
    pad: Geometry,
    dilation: Geometry,
) -> None:
    """Writes dx, dW and db of the convolution of sequences.

    Args:
        dy: ∂L/∂y (N, T', F).
        x: the input of the forward pass (N, T, D).
        weight: W (k, D/G, F).
        dx: output ∂L/∂x (N, T, D), or None where nobody needs it.
        dweight: output ∂L/∂W (k, D/G, F).
        dbias: output ∂L/∂b (F,), or None for a layer without a bias.
        stride: as in the forward pass.
        pad: as in the forward pass.
        dilation: as in the forward pass.
    """
    conv2d_backward(
        as_image(dy),
        as_image(x),
        as_filters(weight),
        None if dx is None else as_image(dx),
        as_filters(dweight),
        dbias,
        stride_height=stride,
        stride_width=1,
        pad_top=pad,
        pad_left=0,
        dilation_height=dilation,
        dilation_width=1,
    )
