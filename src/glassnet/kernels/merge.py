"""Several arrays in one, side by side, and how two arrays become one.

What a network with several inputs gets is one array: the inputs' rows side by side. ``unpack`` takes one of them out.
The others join two branches a and b of a network. By the chain rule the gradient of each is dy times the slope:

    y = a b           da = dy b                db = dy a
    y = a − b         da = dy                  db = −dy
    y = |a − b|       da = dy sign(a − b)      db = −da
    y = Σ_d a_d b_d   da_d = dy b_d            db_d = dy a_d
    y = Σ_d (a_d − b_d)²   da_d = 2 dy (a_d − b_d)   db_d = −da_d

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import merge
    >>> a, b, y = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.empty((1, 1))
    >>> merge.row_dot_forward(a, b, y)
    >>> y.tolist()
    [[11.0]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import merge as why


@kernel("y = x[:, start : start + W]", elements="y[n, w] = x[n, w + start]", writes="y")
def unpack_forward(x: Array, y: Array, *, start: Geometry) -> None:
    """Writes W columns of x.

    Args:
        x: arrays side by side (N, V).
        y: output, one of them (N, W).
        start: its first column.
    """
    np.copyto(y, x[:, start : start + y.shape[1]])


@kernel(
    "dx[:, start : start + W] = dy",
    elements="""
        dx[n, v] = dy[n, w] if (w >= 0) * (w < W) else unwritten
        w = v - start
    """,
    writes="dx",
    why=why.UNPACK,
)
def unpack_backward(dy: Array, dx: Array, *, start: Geometry) -> None:
    """Writes ∂L/∂y (N, W) into its columns of ∂L/∂x (N, V)."""
    dx[:, start : start + dy.shape[1]] = dy


@kernel("y = a b", elements="y = a * b", writes="y", in_place=True, in_c="a * b")
def multiply_forward(a: Array, b: Array, y: Array) -> None:
    """Writes ``y = a b``, element by element, all of one shape (N, D)."""
    np.multiply(a, b, out=y)


@kernel(
    "da = dy b,  db = dy a",
    elements="""
        da = dy * b
        db = dy * a
    """,
    writes="da db",
    why=why.MULTIPLY,
)
def multiply_backward(dy: Array, a: Array, b: Array, da: Array, db: Array) -> None:
    """Writes ``da = dy b`` and ``db = dy a``."""
    np.multiply(dy, b, out=da)
    np.multiply(dy, a, out=db)


@kernel("y = a − b", elements="y = a - b", writes="y", in_place=True, in_c="a - b")
def subtract_forward(a: Array, b: Array, y: Array) -> None:
    """Writes ``y = a − b``, all of one shape (N, D)."""
    np.subtract(a, b, out=y)


@kernel(
    "db = −dy",
    elements="db = -dy",
    writes="db",
    in_place=True,
    why=why.SUBTRACT,
)
def subtract_backward(dy: Array, db: Array) -> None:
    """Writes ``db = −dy``; ∂L/∂a is dy itself."""
    np.negative(dy, out=db)


@kernel("y = |a − b|", elements="y = abs(a - b)", writes="y", in_place=True, flops=2, in_c="fabsf(a - b)")
def absolute_difference_forward(a: Array, b: Array, y: Array) -> None:
    """Writes ``y = |a − b|``, all of one shape (N, D).

    Source: G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image recognition", ICML 2015
    deep learning workshop, section 3.1.
    """
    np.abs(a - b, out=y)


@kernel(
    "da = dy sign(a − b),  db = −da",
    elements="""
        da = dy * sign(a - b)
        db = -dy * sign(a - b)
    """,
    writes="da db",
    flops=3,
    why=why.ABSOLUTE_DIFFERENCE,
)
def absolute_difference_backward(dy: Array, a: Array, b: Array, da: Array, db: Array) -> None:
    """Writes ``da = dy sign(a − b)``, 0 where both are equal, and ``db = −da``."""
    np.multiply(dy, np.sign(a - b), out=da)
    np.negative(da, out=db)


@kernel(
    "y_n = Σ_d a_nd b_nd",
    elements="y[n, i] = sum[d](a[n, d] * b[n, d])",
    writes="y",
    flops=lambda arrays: 2 * int(arrays["a"].size),
)
def row_dot_forward(a: Array, b: Array, y: Array) -> None:
    """Writes ``y_n = Σ_d a_nd b_nd``.

    Args:
        a: (N, D).
        b: (N, D).
        y: output (N, 1).
    """
    np.sum(a * b, axis=1, keepdims=True, out=y)


@kernel(
    "da_n = dy_n b_n,  db_n = dy_n a_n",
    elements="""
        da[n, d] = dy[n, 0] * b[n, d]
        db[n, d] = dy[n, 0] * a[n, d]
    """,
    writes="da db",
    why=why.ROW_DOT,
)
def row_dot_backward(dy: Array, a: Array, b: Array, da: Array, db: Array) -> None:
    """Writes ``da_nd = dy_n b_nd`` and ``db_nd = dy_n a_nd``; dy (N, 1)."""
    np.multiply(dy, b, out=da)
    np.multiply(dy, a, out=db)


@kernel(
    "y_n = Σ_d (a_nd − b_nd)²",
    elements="y[n, i] = sum[d]((a[n, d] - b[n, d]) ** 2)",
    writes="y",
    flops=lambda arrays: 3 * int(arrays["a"].size),
)
def squared_distance_forward(a: Array, b: Array, y: Array) -> None:
    """Writes ``y_n = Σ_d (a_nd − b_nd)²``, the square of the Euclidean distance.

    Args:
        a: (N, D).
        b: (N, D).
        y: output (N, 1).

    Source: R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006,
    equation 1.
    """
    np.sum(np.square(a - b), axis=1, keepdims=True, out=y)


@kernel(
    "da_n = 2 dy_n (a_n − b_n),  db_n = −da_n",
    elements="""
        da[n, d] = dy[n, 0] * 2 * (a[n, d] - b[n, d])
        db[n, d] = -dy[n, 0] * 2 * (a[n, d] - b[n, d])
    """,
    writes="da db",
    flops=4,
    why=why.SQUARED_DISTANCE,
)
def squared_distance_backward(dy: Array, a: Array, b: Array, da: Array, db: Array) -> None:
    """Writes ``da_nd = 2 dy_n (a_nd − b_nd)`` and ``db = −da``; dy (N, 1)."""
    np.multiply(dy, 2 * (a - b), out=da)
    np.negative(da, out=db)
