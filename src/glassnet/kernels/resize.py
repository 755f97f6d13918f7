"""Images made larger: each pixel repeated, or zeros put around the image.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import resize
    >>> x, y = np.array([[[[1.0, 2.0]]]]), np.empty((1, 1, 2, 4))
    >>> resize.upsample2d_forward(x, y)
    >>> y[0, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import resize as why


@kernel(
    "y[n,c,h,w] = x[n,c,⌊h/a⌋,⌊w/b⌋]",
    elements="""
        y[n, c, h_, w_] = x[n, c, h, w]
        h = h_ // (H_ // H)
        w = w_ // (W_ // W)
    """,
    writes="y",
)
def upsample2d_forward(x: Array, y: Array) -> None:
    """Writes each pixel a · b times: the nearest neighbour of every pixel of y.

    Args:
        x: input (N, C, H, W).
        y: output (N, C, a H, b W); its shape tells a and b.
    """
    y[...] = x.repeat(y.shape[2] // x.shape[2], axis=2).repeat(y.shape[3] // x.shape[3], axis=3)


@kernel(
    "dx[n,c,h,w] = Σ_ij dy[n,c,ah+i,bw+j]",
    elements="""
        dx[n, c, h, w] = sum[i:H_ // H, j:W_ // W](dy[n, c, h_, w_])
        h_ = h * (H_ // H) + i
        w_ = w * (W_ // W) + j
    """,
    writes="dx",
    flops=lambda arrays: int(arrays["dy"].size),
    why=why.UPSAMPLE2D,
)
def upsample2d_backward(dy: Array, dx: Array) -> None:
    """Writes the sum over the a · b copies of each pixel: dy (N, C, a H, b W) -> dx (N, C, H, W)."""
    batch, channels, height, width = dx.shape
    blocks = dy.reshape(batch, channels, height, dy.shape[2] // height, width, dy.shape[3] // width)
    np.sum(blocks, axis=(3, 5), out=dx)  # (N, C, H, a, W, b) -> (N, C, H, W)


@kernel(
    "y[n,c,top+h,left+w] = x[n,c,h,w], elsewhere 0",
    elements="""
        y[n, c, h_, w_] = x[n, c, h, w]
        h = h_ - top
        w = w_ - left
    """,
    writes="y",
)
def zero_pad2d_forward(x: Array, y: Array, *, top: Geometry, left: Geometry) -> None:
    """Writes x with zeros around it.

    Args:
        x: input (N, C, H, W).
        y: output (N, C, H', W'), at least (H + top, W + left); what is left below and on the right is 0 too.
        top: rows of zeros above.
        left: columns of zeros on the left.
    """
    height, width = x.shape[2:]
    y[...] = 0
    y[:, :, top : top + height, left : left + width] = x


@kernel(
    "dx[n,c,h,w] = dy[n,c,top+h,left+w]",
    elements="""
        dx[n, c, h, w] = dy[n, c, h_, w_]
        h_ = h + top
        w_ = w + left
    """,
    writes="dx",
    why=why.ZERO_PAD2D,
)
def zero_pad2d_backward(dy: Array, dx: Array, *, top: Geometry, left: Geometry) -> None:
    """Writes the part of dy (N, C, H', W') that x stood in into dx (N, C, H, W)."""
    height, width = dx.shape[2:]
    dx[...] = dy[:, :, top : top + height, left : left + width]
