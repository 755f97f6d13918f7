"""One long series or text, cut so that a training goes through it in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import DataError
from glassnet.core.settings import whole
from glassnet.core.shapes import Array


def lanes(series: Any, *, lanes: int, steps: int) -> Array:
    """Lays a series out as rows for ``fit(stateful=True)``.

    The series is cut into so many lanes, long pieces that stand side by side in a batch, and each lane into stretches
    of so many steps. Batch k holds stretch k of every lane, so that each of its rows goes on where the same row of the
    batch before stopped.

    What is left over at the end of the series, less than a batch, is left out. Targets of each step are laid out in the
    same way, such as the series one step later.

    Args:
        series: an array (L, ...), the time along its first axis.
        lanes: how many pieces; the ``batch_size`` of the training.
        steps: in a stretch; so far back gradients go.

    Returns:
        The rows (K · lanes, steps, ...), K stretches of each lane.

    Raises:
        DataError: the series is no array of numbers, or too short for one batch.
        ConfigurationError: ``lanes`` or ``steps`` is no positive whole number.

    Example:
        >>> import numpy as np
        >>> lanes(np.arange(13), lanes=2, steps=3).tolist()
        [[0, 1, 2], [6, 7, 8], [3, 4, 5], [9, 10, 11]]
    """
    side_by_side, length = whole(lanes, "lanes", "lanes"), whole(steps, "steps", "lanes")
    given = numeric(series, where="lanes: series")
    count = len(given) // (side_by_side * length) if given.ndim else 0
    if count == 0:
        raise DataError(
            where="lanes: series",
            received=f"an array of shape {given.shape}",
            expected=f"at least {side_by_side * length:,} steps, for {side_by_side:,} lanes of {length:,}",
            fix="choose fewer lanes or steps",
        )
    used = given[: count * side_by_side * length]
    cut = used.reshape(side_by_side, count, length, *given.shape[1:])
    return np.ascontiguousarray(cut.swapaxes(0, 1)).reshape(count * side_by_side, length, *given.shape[1:])
