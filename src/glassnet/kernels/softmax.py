"""Softmax over the last axis.

    y_k = e^{x_k} / Σ_j e^{x_j}

The Jacobian is ∂y_k/∂x_j = y_k ([k = j] − y_j), hence dx_j = y_j (dy_j − Σ_k dy_k y_k). An upstream gradient of ones
gives zero whatever the code does, which is why softmax must be checked with a random upstream.

Source: I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning" (2016), section 6.2.2.3.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import softmax
    >>> y = np.empty((1, 3))
    >>> softmax.softmax_forward(np.log([[1.0, 2.0, 5.0]]), y)
    >>> y.round(3).tolist()
    [[0.125, 0.25, 0.625]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import softmax as why


@kernel(
    "y = eˣ / Σ_k eˣ",
    elements="""
        y[..., k] = exp(x[..., k] - top) / sum[j](exp(x[..., j] - top))
        top = largest[j](x[..., j])
    """,
    writes="y",
    in_place=True,
    flops=25,
)
def softmax_forward(x: Array, y: Array) -> None:
    """Writes the softmax of ``x`` over the last axis.

    The row's maximum is subtracted first, which changes nothing in the quotient and keeps every exponent ≤ 0.

    Args:
        x: logits (..., K).
        y: output (..., K), positive, each row summing to 1.
    """
    np.exp(x - np.max(x, axis=-1, keepdims=True), out=y)
    y /= np.sum(y, axis=-1, keepdims=True)


@kernel(
    "dx = y · (dy − Σ_k dy y)",
    elements="dx[..., k] = y[..., k] * (dy[..., k] - sum[j](dy[..., j] * y[..., j]))",
    writes="dx",
    in_place=True,
    flops=4,
    why=why.SOFTMAX,
)
def softmax_backward(dy: Array, y: Array, dx: Array) -> None:
    """Writes ``dx = y · (dy − Σ_k dy_k y_k)``.

    Args:
        dy: ∂L/∂y (..., K).
        y: the output of the forward pass (..., K).
        dx: output ∂L/∂x (..., K).
    """
    np.multiply(y, dy - np.sum(dy * y, axis=-1, keepdims=True), out=dx)
