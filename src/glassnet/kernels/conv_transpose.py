"""The transposed convolution, which makes images larger.

It goes the way of a convolution's dx forwards: each pixel of x puts a kernel, weighted by its value, into y

    y[n, f, h s + i d − p, w s + j d − p] += x_nchw W_cfij

and its backward pass is a convolution; see ``conv`` for the letters.

Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285 (2016).

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import conv_transpose
    >>> x, weight = np.array([[[[1.0, 2.0]]]]), np.array([[[[1.0, 1.0]]]])
    >>> places = {"stride_height": 1, "stride_width": 2, "pad_top": 0, "pad_left": 0}
    >>> y = np.empty((1, 1, 1, 4))
    >>> conv_transpose.conv_transpose2d_forward(x, weight, None, y, **places, dilation_height=1, dilation_width=1)
    >>> y.ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry
from glassnet.kernels.conv import Windows, by_group, fold, to_images, unfold
from glassnet.kernels.functions import product_flops
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import conv_transpose as why


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
    flops=product_flops("x", 0),
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
    flops=product_flops("x", 0),
    left_out={"dx": "dx[n,c,h,w] = Σ_fij W_cfij dy[n,f,hs+id−p,ws+jd−p],  ", "dbias": ",  db_f = Σ_nhw dy_nfhw"},
    why=why.CONV_TRANSPOSE2D,
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

    Arrays and numbers are those of ``conv_transpose2d_forward``, and each gradient has the shape of what it belongs to.
    ``dx`` is None where nobody needs it, ``dbias`` for a layer without a bias.
    """
    groups = dy.shape[1] // weight.shape[1]
    stride, pad, dilation = (stride_height, stride_width), (pad_top, pad_left), (dilation_height, dilation_width)
    errors = unfold(dy, Windows(weight.shape[2:], x.shape[2:], stride, pad, dilation), groups)  # (G, K, N H W)
    dweight[...] = np.matmul(by_group(x, groups), errors.swapaxes(1, 2)).reshape(dweight.shape)  # (G, C/G, K)
    if dbias is not None:
        np.sum(dy, axis=(0, 2, 3), out=dbias)  # (N, F, H', W') -> (F,)
    if dx is not None:
        to_images(np.matmul(weight.reshape(groups, -1, errors.shape[1]), errors), dx)
