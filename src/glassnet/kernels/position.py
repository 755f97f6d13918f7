"""Where in a sequence a step stands: a table that is added to each step, and rotations of queries and keys.

Attention takes the steps of a sequence as a set. Their places enter as numbers: a row of a table for each place, added
to the step that stands there, or an angle by which the step's queries and keys are turned.

A rotation turns the pairs (x_i, x_{i+I}) of a head of E = 2I numbers, at place t by the angle θ_ti = t / 10000^{i/I}:

    y_i = x_i cos θ_ti − x_{i+I} sin θ_ti        y_{i+I} = x_{i+I} cos θ_ti + x_i sin θ_ti

so that the product of a query and a key depends on the distance of their places. Its gradient is the rotation back.

Sources: A. Vaswani et al., "Attention is all you need" (2017), section 3.5; J. Su et al., "RoFormer: enhanced
transformer with rotary position embedding" (2021), arXiv:2104.09864, equation 34, which pairs neighbours.
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.registry import kernel


@kernel(
    "y_t = x_t + P_t",
    elements="y[n, t, d] = x[n, t, d] + table[t, d]",
    writes="y",
    in_place=True,
    shared="table",
)
def position_forward(x: Array, table: Array, y: Array) -> None:
    """Writes ``y_t = x_t + P_t``.

    Args:
        x: input (N, T, D).
        table: P (at least T, D), a row for each place.
        y: output (N, T, D).
    """
    np.add(x, table[: x.shape[1]], out=y)


@kernel(
    "dP_t = Σ_n dy_nt",
    elements="dtable[t, d] = sum[n](dy[n, t, d])",
    writes="dtable",
    sums="dtable",
    by_rows=False,
)
def position_backward(dy: Array, dtable: Array) -> None:
    """Writes the gradient of the table: 0 for places that no step stands at.

    Args:
        dy: ∂L/∂y (N, T, D).
        dtable: output ∂L/∂P (at least T, D).
    """
    steps = dy.shape[1]
    dtable[steps:] = 0
    np.sum(dy, axis=0, out=dtable[:steps])


@kernel(
    "y_i = x_i cos θ_ti − x_{i+I} sin θ_ti,  y_{i+I} = x_{i+I} cos θ_ti + x_i sin θ_ti  of queries and keys",
    elements="""
        y[n, t, p, e] = (x[n, t, p, e] if p // (P // 3) == 2
            else x[n, t, p, e] * cosines[t, e] - x[n, t, p, e + E // 2] * sines[t, e] if e < E // 2
            else x[n, t, p, e] * cosines[t, e - E // 2] + x[n, t, p, e - E // 2] * sines[t, e - E // 2])
    """,
    writes="y",
    shared="cosines sines",
    flops=3,
)
def rotary_forward(x: Array, cosines: Array, sines: Array, y: Array) -> None:
    """Turns queries and keys by the angles of their places.

    Args:
        x: queries, keys and values (N, T, 3H, E).
        cosines: cos θ (at least T, E/2).
        sines: sin θ (at least T, E/2).
        y: output (N, T, 3H, E); the values as they are.
    """
    _turn(x, cosines, sines, y)


@kernel(
    "dx_i = dy_i cos θ_ti + dy_{i+I} sin θ_ti,  dx_{i+I} = dy_{i+I} cos θ_ti − dy_i sin θ_ti  of queries and keys",
    elements="""
        dx[n, t, p, e] = (dy[n, t, p, e] if p // (P // 3) == 2
            else dy[n, t, p, e] * cosines[t, e] + dy[n, t, p, e + E // 2] * sines[t, e] if e < E // 2
            else dy[n, t, p, e] * cosines[t, e - E // 2] - dy[n, t, p, e - E // 2] * sines[t, e - E // 2])
    """,
    writes="dx",
    shared="cosines sines",
    flops=3,
)
def rotary_backward(dy: Array, cosines: Array, sines: Array, dx: Array) -> None:
    """Turns gradients back: the inverse of a rotation is its transpose.

    Args:
        dy: ∂L/∂y (N, T, 3H, E).
        cosines: cos θ (at least T, E/2).
        sines: sin θ (at least T, E/2).
        dx: output ∂L/∂x (N, T, 3H, E).
    """
    _turn(dy, cosines, -sines, dx)


def _turn(x: Array, cosines: Array, sines: Array, y: Array) -> None:
    steps, turned = x.shape[1], x.shape[2] // 3 * 2
    cosine, sine = (table[:steps, np.newaxis] for table in (cosines, sines))  # (T, 1, E/2)
    first, second = np.split(x[:, :, :turned], 2, axis=3)
    y[:, :, turned:] = x[:, :, turned:]
    y[:, :, :turned] = np.concatenate((first * cosine - second * sine, second * cosine + first * sine), axis=3)
