"""Pooling: a window slides over each channel of an image and keeps one number of each place.

With x (N, C, H, W), a window of k_h × k_w elements, strides s and padding p above and to the left

    max      y_nchw = max_ij x[n, c, h s_h + i − p_h, w s_w + j − p_w]          0 ≤ i < k_h, 0 ≤ j < k_w
    average  y_nchw = Σ_ij x[n, c, h s_h + i − p_h, w s_w + j − p_w] / count_hw

where what lies outside x counts as −∞ for the maximum, and is neither added nor counted for the average. How far the
padding reaches below and to the right follows from the shape of y.

Backward, each x gets dy of every window that it decided (max), or dy / count of every window that it lies in (average).

Source: I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning" (2016), section 9.3.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import pool
    >>> x, y = np.arange(16.0).reshape(1, 1, 4, 4), np.empty((1, 1, 2, 2))
    >>> window = {"kernel_height": 2, "kernel_width": 2, "stride_height": 2, "stride_width": 2}
    >>> pool.max_pool2d_forward(x, y, None, **window, pad_top=0, pad_left=0)
    >>> y[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Bytes, Geometry, Int32s
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import pool as why

_POOL_WINDOW = """
h = h_ * stride_height + i - pad_top
w = w_ * stride_width + j - pad_left
"""
_POOL_BACK = """
h_ = (h + pad_top - i) / stride_height
w_ = (w + pad_left - j) / stride_width
"""

Index = tuple[Any, ...]
Axis = tuple[int, int, int]
"""What a window does along one axis: (elements, stride, padding before)."""


def taps_along(size: int, count: int, axis: Axis) -> Iterator[tuple[int, slice, slice]]:
    """For each place i of a window along an axis: i, the part of the input that it meets, and of the output, for whom.

    Output o meets input o · stride + i − pad; the o for which that lies inside the input follow each other.
    """
    elements, stride, pad = axis
    for i in range(elements):
        first = max(0, -(-(pad - i) // stride))
        stop = min(count, (size - 1 + pad - i) // stride + 1)
        if first < stop:
            start = first * stride + i - pad
            yield i, slice(start, start + (stop - first - 1) * stride + 1, stride), slice(first, stop)


def _taps(image: Array, pooled: Array, down: Axis, across: Axis) -> Iterator[tuple[int, Index, Index]]:
    """For each place in the window, row by row: its number, and the indices of image and pooled that meet there."""
    for i, rows, rows_out in taps_along(image.shape[2], pooled.shape[2], down):
        for j, columns, columns_out in taps_along(image.shape[3], pooled.shape[3], across):
            yield i * across[0] + j, (..., rows, columns), (..., rows_out, columns_out)


def _counts(image: Array, pooled: Array, down: Axis, across: Axis) -> Array:
    """How many elements of each window lie inside the image (H', W')."""
    along = []
    for size, count, (elements, stride, pad) in zip(image.shape[2:], pooled.shape[2:], (down, across), strict=True):
        start = np.arange(count) * stride - pad
        along.append(np.minimum(start + elements, size) - np.maximum(start, 0))
    return np.outer(*along)


def _image_flops(arrays: dict[str, Array]) -> int:
    return int(arrays["x" if "x" in arrays else "dx"].size)


@kernel(
    "y_nchw = max_ij x[n, c, h s_h + i − p_h, w s_w + j − p_w]",
    elements="""
        y[n, c, h_, w_] = largest[i:kernel_height, j:kernel_width](x[n, c, h, w])
        index[n, c, h_, w_] = argmax[i:kernel_height, j:kernel_width](x[n, c, h, w])
    """
    + _POOL_WINDOW,
    writes="y index",
    channels="x y index",
    flops=_image_flops,
)
def max_pool2d_forward(
    x: Array,
    y: Array,
    index: Bytes | None,
    *,
    kernel_height: Geometry,
    kernel_width: Geometry,
    stride_height: Geometry,
    stride_width: Geometry,
    pad_top: Geometry,
    pad_left: Geometry,
) -> None:
    """Writes the largest element of each window.

    NaN is passed on, as ``np.maximum`` does.

    Args:
        x: input (N, C, H, W).
        y: output (N, C, H', W').
        index: output uint8 (N, C, H', W'), the place of the largest in its window, counted row by row; of several
            equal ones the first. None where no backward follows.
        kernel_height: rows of the window; it has at most 256 elements.
        kernel_width: its columns.
        stride_height: rows from one window to the next.
        stride_width: columns.
        pad_top: rows of padding above.
        pad_left: columns of padding to the left.
    """
    y[...] = -np.inf
    if index is not None:
        index[...] = 0
    down, across = (kernel_height, stride_height, pad_top), (kernel_width, stride_width, pad_left)
    for number, inside, outside in _taps(x, y, down, across):
        if index is not None:  # NaN exceeds every number, and the first NaN stays
            value, largest = x[inside], y[outside]
            exceeds = (value > largest) | (np.isnan(value) & ~np.isnan(largest))
            np.copyto(index[outside], number, where=exceeds)
        np.maximum(y[outside], x[inside], out=y[outside])


@kernel(
    "dx = Σ dy of the windows whose largest it was",
    elements="""
        dx[n, c, h, w] = sum[i:kernel_height, j:kernel_width](dy[n, c, h_, w_] * decided)
        decided = index[n, c, h_, w_] == i * kernel_width + j
    """
    + _POOL_BACK,
    writes="dx",
    flops=_image_flops,
    why=why.MAX_POOL2D,
)
def max_pool2d_backward(
    dy: Array,
    index: Bytes,
    dx: Array,
    *,
    kernel_height: Geometry,
    kernel_width: Geometry,
    stride_height: Geometry,
    stride_width: Geometry,
    pad_top: Geometry,
    pad_left: Geometry,
) -> None:
    """Gives each window's dy to the element that was its largest; where windows overlap, what an element gets adds up.

    The arguments are those of ``max_pool2d_forward``: dy (N, C, H', W'), the index that it wrote, and dx (N, C, H, W).
    """
    dx[...] = 0
    down, across = (kernel_height, stride_height, pad_top), (kernel_width, stride_width, pad_left)
    for number, inside, outside in _taps(dx, dy, down, across):
        dx[inside] += np.where(index[outside] == number, dy[outside], 0)


@kernel(
    "y_nchw = Σ_ij x[n, c, h s_h + i − p_h, w s_w + j − p_w] / count_hw, of what lies inside",
    elements="y[n, c, h_, w_] = mean[i:kernel_height, j:kernel_width](x[n, c, h, w])" + _POOL_WINDOW,
    writes="y",
    channels="x y",
    flops=_image_flops,
)
def average_pool2d_forward(
    x: Array,
    y: Array,
    *,
    kernel_height: Geometry,
    kernel_width: Geometry,
    stride_height: Geometry,
    stride_width: Geometry,
    pad_top: Geometry,
    pad_left: Geometry,
) -> None:
    """Writes the mean over those elements of each window that lie inside the image.

    A sum over a window is the sum over its rows of the sums over its columns: k_h + k_w passes instead of k_h · k_w,
    in float64. The arguments are those of ``max_pool2d_forward``: x (N, C, H, W), y (N, C, H', W').
    """
    down, across = (kernel_height, stride_height, pad_top), (kernel_width, stride_width, pad_left)
    narrow = np.zeros((*x.shape[:3], y.shape[3]))  # (N, C, H, W')
    for _, columns, columns_out in taps_along(x.shape[3], y.shape[3], across):
        narrow[..., columns_out] += x[..., columns]
    total = np.zeros(y.shape)  # (N, C, H', W')
    for _, rows, rows_out in taps_along(x.shape[2], y.shape[2], down):
        total[..., rows_out, :] += narrow[..., rows, :]
    y[...] = total / _counts(x, y, down, across)


@kernel(
    "dx = Σ dy / count of the windows that it lies in",
    elements="""
        dx[n, c, h, w] = sum[i:kernel_height, j:kernel_width](dy[n, c, h_, w_] / (rows * columns))
        rows = min(h_ * stride_height - pad_top + kernel_height, H) - max(h_ * stride_height - pad_top, 0)
        columns = min(w_ * stride_width - pad_left + kernel_width, W) - max(w_ * stride_width - pad_left, 0)
    """
    + _POOL_BACK,
    writes="dx",
    flops=_image_flops,
    why=why.AVERAGE_POOL2D,
)
def average_pool2d_backward(
    dy: Array,
    dx: Array,
    *,
    kernel_height: Geometry,
    kernel_width: Geometry,
    stride_height: Geometry,
    stride_width: Geometry,
    pad_top: Geometry,
    pad_left: Geometry,
) -> None:
    """Gives each element of a window its share of the window's dy.

    The arguments are those of ``max_pool2d_forward``: dy (N, C, H', W'), dx (N, C, H, W).
    """
    down, across = (kernel_height, stride_height, pad_top), (kernel_width, stride_width, pad_left)
    share = dy / _counts(dx, dy, down, across)
    narrow = np.zeros((*dx.shape[:3], dy.shape[3]))  # (N, C, H, W')
    for _, rows, rows_out in taps_along(dx.shape[2], dy.shape[2], down):
        narrow[..., rows, :] += share[..., rows_out, :]
    dx[...] = 0
    for _, columns, columns_out in taps_along(dx.shape[3], dy.shape[3], across):
        dx[..., columns] += narrow[..., columns_out]


@kernel(
    "y_nab = max_s x_nasb",
    elements="""
        y[n, a, b] = largest[s](x[n, a, s, b])
        place[n, a, b] = argmax[s](x[n, a, s, b])
    """,
    writes="y place",
    flops=_image_flops,
)
def global_max_pool_forward(x: Array, y: Array, place: Int32s | None) -> None:
    """Writes the largest element along S; NaN is passed on.

    Args:
        x: input (N, A, S, B): images as (N, C, H · W, 1), sequences as (N, 1, T, D).
        y: output (N, A, B).
        place: output int32 (N, A, B), where along S the largest stands; of several equal ones the first. None where no
            backward follows.
    """
    np.max(x, axis=2, out=y)
    if place is not None:
        place[...] = np.argmax(x, axis=2)


@kernel(
    "dx = dy where it was the largest along S, else 0",
    elements="dx[n, a, s, b] = dy[n, a, b] * (place[n, a, b] == s)",
    writes="dx",
    flops=_image_flops,
    why=why.GLOBAL_MAX_POOL,
)
def global_max_pool_backward(dy: Array, place: Int32s, dx: Array) -> None:
    """Gives dy (N, A, B) to the largest element along S.

    Args:
        dy: ∂L/∂y (N, A, B).
        place: what the forward pass wrote.
        dx: output ∂L/∂x (N, A, S, B).
    """
    dx[...] = 0
    np.put_along_axis(dx, place[:, :, np.newaxis], dy[:, :, np.newaxis], axis=2)
