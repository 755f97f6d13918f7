"""Room for arrays whose shape somebody merely claims: refused before memory is taken that there is not."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np

from glassnet.core.errors import ShapeError
from glassnet.core.shapes import Array, Shape, size_of


@cache
def memory_there() -> int:
    """Bytes of memory that the machine has; where that is not known, more than any has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 50


def require_room(shape: Shape, dtype: np.dtype[Any] | type, *, where: str) -> None:
    """Refuses an array that is larger than the machine's memory.

    Raises:
        ShapeError: it is; nothing was taken.
    """
    if size_of(shape) * np.dtype(dtype).itemsize > memory_there():
        raise no_room(shape, dtype, where=where)


def no_room(shape: Shape, dtype: np.dtype[Any] | type, *, where: str) -> ShapeError:
    """The error for an array that is too large."""
    gigabytes = size_of(shape) * np.dtype(dtype).itemsize / 1e9
    return ShapeError(
        where=where,
        received=f"what takes an array of shape {tuple(shape)}, {gigabytes:,.1f} GB",
        expected=f"less than there is memory for, of {memory_there() / 1e9:,.1f} GB",
        fix="take fewer rows at once, or build the network for fewer steps and units",
    )


def empty(shape: Shape, dtype: np.dtype[Any] | type, *, where: str = "network") -> Array:
    """An array whose contents are arbitrary.

    Raises:
        ShapeError: it is larger than the machine's memory.
        MemoryError: it is not, and there is no room for it at this moment.
    """
    require_room(shape, dtype, where=where)  # also of systems that give more than they have
    return np.empty(shape, dtype)
