"""What layers that look at several steps do with padding."""

from __future__ import annotations

from glassnet.core.shapes import Array
from glassnet.kernels.lengths import mask_steps
from glassnet.layers.base import Layer
from glassnet.runners import Runner


def masked(layer: Layer, run: Runner, x: Array, lengths: Array, fill: float = 0.0) -> Array:
    """A copy of x (N, T, D) with another number, 0 if none is given, behind each row's own steps."""
    y = run.empty(x.shape, x.dtype)
    run(layer, mask_steps, x=x, lengths=lengths, y=y, fill=fill)
    return y
