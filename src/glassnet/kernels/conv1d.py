"""Convolutions of sequences, which are those of images one pixel wide: see ``conv``.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import conv1d
    >>> x, weight = np.array([[[1.0], [2.0], [4.0]]]), np.array([[[1.0]], [[-1.0]]])
    >>> y = np.empty((1, 2, 1))
    >>> conv1d.conv1d_forward(x, weight, None, y, stride=1, pad=0, dilation=1)
    >>> y.ravel().tolist()
    [-1.0, -2.0]
"""

from __future__ import annotations

from glassnet.core.shapes import Array, Geometry
from glassnet.kernels.conv import conv2d_backward, conv2d_forward
from glassnet.kernels.functions import product_flops
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import conv1d as why


def as_image(sequence: Array) -> Array:
    """A sequence as an image one pixel wide, its features as channels: a view (N, T, D) -> (N, D, T, 1)."""
    return sequence.swapaxes(1, 2)[..., None]


def as_filters(weight: Array) -> Array:
    """Filters for sequences as filters for such images: a view (k, D/G, F) -> (F, D/G, k, 1)."""
    return weight.transpose(2, 1, 0)[..., None]


def _along_height(stride: int, pad: int, dilation: int) -> dict[str, int]:
    """How filters stand on such images: they move along the height alone."""
    across = {"stride_width": 1, "pad_left": 0, "dilation_width": 1}
    return {"stride_height": stride, "pad_top": pad, "dilation_height": dilation} | across


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
    flops=product_flops("y", -1),
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
    conv2d_forward(as_image(x), as_filters(weight), bias, as_image(y), **_along_height(stride, pad, dilation))


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
    flops=product_flops("dy", -1),
    left_out={"dbias": ",  db_f = Σ_nt dy_ntf", "dx": ",  dx = fold(dY Wᵀ)"},
    why=why.CONV1D,
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

    Arrays and numbers are those of ``conv1d_forward``, and each gradient has the shape of what it belongs to. ``dx`` is
    None where nobody needs it, ``dbias`` for a layer without a bias.
    """
    conv2d_backward(
        as_image(dy),
        as_image(x),
        as_filters(weight),
        None if dx is None else as_image(dx),
        as_filters(dweight),
        dbias,
        **_along_height(stride, pad, dilation),
    )
