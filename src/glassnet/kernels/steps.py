"""Single steps of sequences."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry
from glassnet.kernels.registry import kernel


@kernel(
    "y = x at the last step",
    elements="y[n, d] = x[n, t, d]\nt = 0 if reverse else T - 1",
    writes="y",
    flops=0,
)
def last_step_forward(x: Array, y: Array, *, reverse: Geometry) -> None:
    """Takes one step out of each sequence.

    Args:
        x: input (N, T, D).
        y: output (N, D).
        reverse: whether the last step is the first, as for what goes backwards through time.
    """
    np.copyto(y, x[:, 0 if reverse else -1])


@kernel(
    "dx = dy at the last step, 0 at the others",
    elements="dx[n, t, d] = dy[n, d] * (t == (0 if reverse else T - 1))",
    writes="dx",
    flops=0,
)
def last_step_backward(dy: Array, dx: Array, *, reverse: Geometry) -> None:
    """Writes the gradient of what was taken out, and 0 for the other steps.

    Args:
        dy: ∂L/∂y (N, D).
        dx: output ∂L/∂x (N, T, D).
        reverse: as in the forward pass.
    """
    dx[...] = 0
    dx[:, 0 if reverse else -1] = dy
