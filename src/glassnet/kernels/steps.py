"""Single steps of sequences.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import steps
    >>> x, y = np.array([[[1.0], [2.0], [9.0]]]), np.empty((1, 1))
    >>> steps.last_step_forward(x, np.array([2]), y, reverse=False)
    >>> y.tolist()  # of two steps the second
    [[2.0]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry, Int64s
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import steps as why

_LAST = "\nt = 0 if reverse else (lengths[n] if lengths else T) - 1"


@kernel(
    "y = x at the last step",
    elements="y[n, d] = x[n, t, d]" + _LAST,
    writes="y",
    flops=0,
)
def last_step_forward(x: Array, lengths: Int64s | None, y: Array, *, reverse: Geometry) -> None:
    """Takes one step out of each sequence.

    Args:
        x: input (N, T, D).
        lengths: how many steps each row has (N,), or None where all have T.
        y: output (N, D).
        reverse: whether the last step is the first, as for what goes backwards through time.
    """
    np.copyto(y, x[:, 0 if reverse else -1] if lengths is None or reverse else x[np.arange(len(x)), lengths - 1])


@kernel(
    "kept_i ← kept_{i+1},  the last of them x",
    elements="kept_[n, i, d] = x[n, 0, d] if i == I - 1 else kept[n, i + 1, d]",
    updates="kept",
    flops=0,
)
def keep_step(x: Array, kept: Array) -> None:
    """Puts a step behind those that are kept, of which the first one goes.

    Args:
        x: the step (N, 1, D).
        kept: the last steps (N, I, D).
    """
    kept[:, :-1] = kept[:, 1:]
    kept[:, -1:] = x


@kernel(
    "dx = dy at the last step, 0 at the others",
    elements="dx[n, t, d] = dy[n, d] * (t == (0 if reverse else (lengths[n] if lengths else T) - 1))",
    writes="dx",
    flops=0,
    why=why.LAST_STEP,
)
def last_step_backward(dy: Array, lengths: Int64s | None, dx: Array, *, reverse: Geometry) -> None:
    """Writes the gradient of what was taken out, and 0 for the other steps.

    Args:
        dy: ∂L/∂y (N, D).
        lengths: as in the forward pass.
        dx: output ∂L/∂x (N, T, D).
        reverse: as in the forward pass.
    """
    dx[...] = 0
    if lengths is None or reverse:
        dx[:, 0 if reverse else -1] = dy
    else:
        dx[np.arange(len(dx)), lengths - 1] = dy
