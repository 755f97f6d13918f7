"""How branches of a network meet: the sum of a residual block and the concatenation of parallel branches.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import combine
    >>> shortcut, branch, y = np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]]), np.empty((1, 2))
    >>> combine.residual_forward(shortcut, branch, y)
    >>> y.tolist()
    [[11.0, 22.0]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import combine as why


@kernel("y = shortcut + branch", elements="y = shortcut + branch", writes="y", in_place=True, in_c="shortcut + branch")
def residual_forward(shortcut: Array, branch: Array, y: Array) -> None:
    """Writes ``y = shortcut + branch``, all of one shape (N, ...).

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, equation 1.
    """
    np.add(shortcut, branch, out=y)


@kernel(
    "dx = dshortcut + dbranch",
    elements="dx = dshortcut + dbranch",
    writes="dx",
    in_place=True,
    why=why.RESIDUAL,
)
def residual_backward(dshortcut: Array, dbranch: Array, dx: Array) -> None:
    """Writes ``dx = dshortcut + dbranch``: x took both ways, so what comes back adds up."""
    np.add(dshortcut, dbranch, out=dx)


@kernel(
    "y[:, start : start + W] = part",
    elements="""
        y[a, v] = part[a, p] if (p >= 0) * (p < P) else unwritten
        p = v - start
    """,
    writes="y",
)
def concat_forward(part: Array, y: Array, *, start: Geometry) -> None:
    """Writes one branch into its columns of the joint output.

    Args:
        part: the branch's output, seen as (A, W).
        y: the joint output, seen as (A, V) with V the sum of all widths.
        start: first column of this branch.
    """
    y[:, start : start + part.shape[1]] = part


@kernel(
    "dpart = dy[:, start : start + W]",
    elements="dpart[a, p] = dy[a, p + start]",
    writes="dpart",
    why=why.CONCAT,
)
def concat_backward(dy: Array, dpart: Array, *, start: Geometry) -> None:
    """Writes a branch's columns of ``dy`` (A, V) into ``dpart`` (A, W)."""
    np.copyto(dpart, dy[:, start : start + dpart.shape[1]])


@kernel("dx ← dx + dpart", elements="dx_ = dx + dpart", updates="dx")
def accumulate(dpart: Array, dx: Array) -> None:
    """Adds a further branch's ∂L/∂x (N, ...) to the sum of those before it."""
    dx += dpart
