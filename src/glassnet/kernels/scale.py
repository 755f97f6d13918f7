"""A factor and a summand for each channel: y = γ x + β, without any statistics.

It is what normalisation ends in, alone: the change of unit of data, or what other programs write as a product and a
sum with constants. By the chain rule

    ∂L/∂x = γ dy        ∂L/∂γ = Σ dy x        ∂L/∂β = Σ dy

with sums over rows and positions.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import scale
    >>> x, y = np.ones((1, 2, 1)), np.empty((1, 2, 1))
    >>> scale.scale_forward(x, np.array([2.0, 3.0]), np.array([0.0, 10.0]), y)
    >>> y.tolist()  # each channel by its own
    [[[2.0], [13.0]]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import scale as why


@kernel(
    "y = γ x + β",
    elements="y[n, c, s] = gamma[c] * x[n, c, s] + beta[c]",
    writes="y",
    channels="x gamma beta y",
    shared="gamma beta",
    in_place=True,
    flops=2,
)
def scale_forward(x: Array, gamma: Array, beta: Array, y: Array) -> None:
    """Writes each channel times its γ, plus its β.

    Args:
        x: input (N, C, S).
        gamma: γ (C,).
        beta: β (C,).
        y: output (N, C, S).
    """
    np.multiply(x, gamma[:, np.newaxis], out=y)
    y += beta[:, np.newaxis]


@kernel(
    "dx = γ dy,  dγ = Σ_ns dy x,  dβ = Σ_ns dy",
    elements="""
        dx[n, c, s] = gamma[c] * dy[n, c, s]
        dgamma[c] = sum[n, s](dy[n, c, s] * x[n, c, s])
        dbeta[c] = sum[n, s](dy[n, c, s])
    """,
    writes="dx dgamma dbeta",
    shared="gamma",
    sums="dgamma dbeta",
    sums_by_piece=True,
    flops=4,
    why=why.SCALE,
)
def scale_backward(
    dy: Array, x: Array, gamma: Array, dx: Array | None, dgamma: Array | None, dbeta: Array | None
) -> None:
    """Writes the gradients of ``scale_forward``.

    Args:
        dy: ∂L/∂y (N, C, S).
        x: the input of the forward pass (N, C, S).
        gamma: γ (C,).
        dx: output ∂L/∂x (N, C, S), or None where nobody needs it.
        dgamma: output ∂L/∂γ (C,).
        dbeta: output ∂L/∂β (C,).
    """
    if dgamma is not None:
        dgamma[...] = np.sum(dy * x, axis=(0, 2), dtype=np.float64)
    if dbeta is not None:
        dbeta[...] = np.sum(dy, axis=(0, 2), dtype=np.float64)
    if dx is not None:
        np.multiply(dy, gamma[:, np.newaxis], out=dx)
