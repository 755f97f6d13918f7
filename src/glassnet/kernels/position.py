"""Where in a sequence a step stands: a table that is added to each step, and rotations of queries and keys.

Attention takes the steps of a sequence as a set. Their places enter as numbers: a row of a table for each place, added
to the step that stands there, or an angle by which the step's queries and keys are turned.

A rotation turns the pairs (x_i, x_{i+I}) of a head of E = 2I numbers, at place t by the angle θ_ti = t / 10000^{i/I}:

    y_i = x_i cos θ_ti − x_{i+I} sin θ_ti        y_{i+I} = x_{i+I} cos θ_ti + x_i sin θ_ti

so that the product of a query and a key depends on the distance of their places. Its gradient is the rotation back.

Sources: A. Vaswani et al., "Attention is all you need" (2017), section 3.5; J. Su et al., "RoFormer: enhanced
transformer with rotary position embedding" (2021), arXiv:2104.09864, equation 34, which pairs neighbours.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import position
    >>> x, table, y = np.zeros((1, 3, 2)), position.sinusoids(3, 2), np.empty((1, 3, 2))
    >>> position.position_forward(x, table, None, y)
    >>> y[0].round(3).tolist()
    [[0.0, 1.0], [0.841, 0.54], [0.909, -0.416]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Int64s
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import position as why


@kernel(
    "y_t = x_t + P_t",
    elements="y[n, t, d] = x[n, t, d] + table[t + first[n], d]",
    writes="y",
    in_place=True,
    shared="table",
)
def position_forward(x: Array, table: Array, first: Int64s | None, y: Array) -> None:
    """Writes ``y_t = x_t + P_t``.

    Args:
        x: input (N, T, D).
        table: P (at least T, D), a row for each place.
        first: the place of each row's first step (N,), or None for 0.
        y: output (N, T, D).
    """
    np.add(x, _of_places(table, first, x.shape[1]), out=y)


@kernel(
    "dP_t = Σ_n dy_nt",
    elements="dtable[t, d] = sum[n](dy[n, t, d])",
    writes="dtable",
    sums="dtable",
    by_rows=False,
    why=why.POSITION,
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
            else x[n, t, p, e] * cosines[place, e] - x[n, t, p, e + E // 2] * sines[place, e] if e < E // 2
            else x[n, t, p, e] * cosines[place, e - E // 2] + x[n, t, p, e - E // 2] * sines[place, e - E // 2])
        place = t + first[n]
    """,
    writes="y",
    shared="cosines sines",
    flops=3,
)
def rotary_forward(x: Array, cosines: Array, sines: Array, first: Int64s | None, y: Array) -> None:
    """Turns queries and keys by the angles of their places.

    Args:
        x: queries, keys and values (N, T, 3H, E).
        cosines: cos θ (at least T, E/2).
        sines: sin θ (at least T, E/2).
        first: the place of each row's first step (N,), or None for 0.
        y: output (N, T, 3H, E); the values as they are.
    """
    cosine, sine = (_of_places(table, first, x.shape[1]) for table in (cosines, sines))
    _turn(x, cosine, sine, y)


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
    why=why.ROTARY,
)
def rotary_backward(dy: Array, cosines: Array, sines: Array, dx: Array) -> None:
    """Turns gradients back: the inverse of a rotation is its transpose.

    Args:
        dy: ∂L/∂y (N, T, 3H, E).
        cosines: cos θ (at least T, E/2).
        sines: sin θ (at least T, E/2).
        dx: output ∂L/∂x (N, T, 3H, E).
    """
    _turn(dy, cosines[: dy.shape[1]], -sines[: dy.shape[1]], dx)


@kernel("places ← places + 1", elements="places_ = places + 1", updates="places")
def count_step(places: Int64s) -> None:
    """Counts a step of each sequence (N,)."""
    places += 1


def sinusoids(steps: int, width: int) -> Array:
    """The table P (T, D) in float64 with P_{t,2i} = sin(t / 10000^{2i/D}) and P_{t,2i+1} the cosine."""
    columns = np.arange(width)
    angles = np.arange(steps)[:, np.newaxis] / 10000.0 ** ((columns - columns % 2) / width)
    return np.where(columns % 2 == 0, np.sin(angles), np.cos(angles))


def rotations(steps: int, size: int) -> tuple[Array, Array]:
    """Cosines and sines (T, E/2) in float64 of the angles θ that a head of E numbers is turned by."""
    angles = np.arange(steps)[:, np.newaxis] / 10000.0 ** (2 * np.arange(size // 2) / size)
    return np.cos(angles), np.sin(angles)


def _of_places(table: Array, first: Array | None, steps: int) -> Array:
    """The rows of a table for the steps in hand: (T, ...), or (N, T, ...) where each row has a place of its own."""
    return table[:steps] if first is None else table[first[:, np.newaxis] + np.arange(steps)]


def _turn(x: Array, cosines: Array, sines: Array, y: Array) -> None:
    turned = x.shape[2] // 3 * 2
    cosine, sine = (table[..., np.newaxis, :] for table in (cosines, sines))  # (T, 1, E/2), or with rows before
    first, second = np.split(x[:, :, :turned], 2, axis=3)
    y[:, :, turned:] = x[:, :, turned:]
    y[:, :, :turned] = np.concatenate((first * cosine - second * sine, second * cosine + first * sine), axis=3)
