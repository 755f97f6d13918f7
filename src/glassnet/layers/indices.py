"""Numbers that name things: whether each has its thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.checks import place_in_rows
from glassnet.core.errors import DataError
from glassnet.core.shapes import Array
from glassnet.kernels.embedding import are_indices
from glassnet.layers.base import Layer

MOST_INDICES = 1 << 24
"""Up to this float32 has every whole number."""

Place = tuple[int, ...]


def require_indices(
    layer: Layer, x: Array, below: int | Array, *, where: str, place: Callable[[Place], Any] = tuple
) -> None:
    """Refuses numbers other than the whole ones from 0 to ``below`` − 1.

    Args:
        layer: that looks them up.
        x: the numbers, an axis for the rows first.
        below: how many things the layer knows.
        where: for messages.
        place: where in the data a number of x stands, from where in x it does.

    Raises:
        DataError: the first such number is named with its place.
    """
    good = are_indices(x, below)
    if good.all():
        return
    wrong = tuple(int(i) for i in np.argwhere(~good)[0])
    value, below = x[wrong], int(np.broadcast_to(below, x.shape)[wrong])
    fix = "number the things from 0: np.unique(values, return_inverse=True)[1]"
    if value >= below:
        fix = f"give the layer a count above {value:g}, or let numbers above {below - 1} share one"
    elif value >= 0:
        fix = "leave columns that number things as they are: they must not be scaled"
    raise DataError(
        where=where,
        received=f"the value {value:g} at {place_in_rows(place(wrong))}, which {layer.where} looks up",
        expected=f"whole numbers from 0 to {below - 1}",
        fix=fix,
    )
