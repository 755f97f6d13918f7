"""Whether two runs of the same training step agree within rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from glassnet.core.memory import Layout
from glassnet.core.shapes import Array

SHARE = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-8}
"""How far numbers may lie apart, in shares of the largest of their kind."""
LEAST = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}
"""What counts as nothing."""
NOISE = 1e-4
"""Gradients that small beside the largest are rounding, of which some rules make a whole step."""


@dataclass(frozen=True)
class Numbers:
    """What a step had and made.

    Attributes:
        loss: of the batch.
        total: weight of its rows.
        outputs: of the network (N, ...).
        gradients: flat, of the parameters.
        before, after: the parameters, flat.
        state: the optimizer's memory.
        steps: the optimizer's count.
    """

    loss: float
    total: float
    outputs: Array
    gradients: Array
    before: Array
    after: Array
    state: Mapping[str, Array]
    steps: int


def difference(one: Numbers, other: Numbers, layout: Layout) -> str:
    """What two runs differ in by more than rounding, in words; empty where they agree."""
    dtype = one.outputs.dtype
    share, least = SHARE[dtype], LEAST[dtype]
    if not _close(np.array(one.outputs), np.array(other.outputs), share, least):
        return "the network's outputs"
    if not _close(np.array([one.loss, one.total]), np.array([other.loss, other.total]), share, least):
        return f"the loss ({one.loss:.6g} and {other.loss:.6g})"
    if not np.isfinite(one.loss):
        return ""
    for segment in layout:
        gradients = segment.view(one.gradients), segment.view(other.gradients)
        if not _close(*gradients, share, least):
            return f"the gradient of {segment.path}"
    settled = _settled(one.gradients) & _settled(other.gradients)
    rounding = 16 * np.finfo(dtype).eps
    for segment in layout:
        moved = segment.view(one.after - one.before), segment.view(other.after - other.before)
        size = rounding * np.abs(segment.view(one.before)).max(initial=0.0)
        # A running mean of what was normalised before is rounding alone.
        nothing = size + (1e-30 if segment.trainable else least)
        if not _close(*moved, 10 * share, nothing, where=segment.view(settled)):
            return f"the update of {segment.path}"
    if one.state.keys() != other.state.keys():
        return f"the optimizer's memory ({', '.join(sorted(one.state.keys() ^ other.state.keys()))})"
    for name, array in one.state.items():
        same_size = array.shape == settled.shape
        if array.shape != other.state[name].shape or not _close(
            array, other.state[name], 10 * share, 1e-30, where=settled if same_size else None
        ):
            return f"the optimizer's memory {name!r}"
    return "" if one.steps == other.steps else "the optimizer's count of steps"


def close(one: Array, other: Array) -> bool:
    """Whether two arrays of one dtype agree within rounding."""
    return _close(one, other, SHARE[one.dtype], LEAST[one.dtype])


def _settled(gradients: Array) -> Array:
    """Where a gradient is 0 or more than rounding."""
    sizes = np.abs(gradients)
    settled: Array = (sizes == 0) | (sizes > NOISE * sizes.max(initial=0.0))
    return settled


def _close(one: Array, other: Array, share: float, least: float, where: Array | None = None) -> bool:
    finite = np.isfinite(one)
    if not np.array_equal(finite, np.isfinite(other)):
        return False
    chosen = finite if where is None else finite & where
    a, b = one[chosen].astype(np.float64), other[chosen].astype(np.float64)
    return bool((np.abs(a - b) <= least + share * np.abs(a).max(initial=0.0)).all())
