"""A small picture of a whole array, on which the part that is shown is a window to be moved."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape

MOST_CELLS = 32
"""Along each side of the picture."""
FULL = 127
"""How the array's largest absolute value is written."""


def overview_of(array: Array, part: Shape) -> dict[str, Any]:
    """The picture: along which axes it goes, its rows and columns, and for each cell a signed byte.

    A cell says which number of its block is the furthest from 0, in shares of the array's largest; one that is not 0
    never looks like 0.

    Args:
        array: the whole.
        part: how much of it is shown along each axis. Axes of which only a part is shown come first.
    """
    shown = [size / max(1, whole) for size, whole in zip(part, array.shape, strict=True)]
    axes = sorted(sorted(range(array.ndim), key=lambda axis: (shown[axis], -axis))[:2])
    with np.errstate(invalid="ignore", over="ignore"):
        numbers = np.nan_to_num(np.asarray(array, dtype=np.float64), posinf=0.0, neginf=0.0)
        others = tuple(axis for axis in range(array.ndim) if axis not in axes)
        high, low = numbers.max(axis=others), numbers.min(axis=others)
        for axis, size in enumerate(high.shape):
            starts = np.arange(min(size, MOST_CELLS)) * size // min(size, MOST_CELLS)
            high, low = np.maximum.reduceat(high, starts, axis=axis), np.minimum.reduceat(low, starts, axis=axis)
        values = np.where(high >= -low, high, low)
        shares = values / max(float(np.abs(values).max(initial=0.0)), np.finfo(np.float64).tiny)
    cells = np.where(values == 0, 0, np.sign(shares) * np.maximum(1, np.abs(shares * FULL))).round().astype(np.int8)
    rows, columns = cells.shape if cells.ndim == 2 else (1, cells.size)
    return {"axes": axes, "rows": rows, "columns": columns, "cells": b64encode(cells.tobytes()).decode()}
