"""Numbers so far from all others that these are lost beside them."""

from __future__ import annotations

import warnings

import numpy as np

from glassnet.core.errors import DataWarning
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array

SAMPLE = 1 << 16
"""So many numbers tell where the middle half of the values of each column lies, and 32 of each column at least."""
SWALLOWED = 1e-5
"""Values within so small a share of the scale are all but one for a network in float32."""


def tell_of_swallowed(x: Array, scale: Array, where: str, *, name: str = "", is_sample: bool = False) -> None:
    """Warns of a column with numbers so wild that the middle half of its values becomes all but one by the scale.

    Args:
        x: columns (N, ...).
        scale: what they are divided by, (...).
        where: for the message.
        name: of a single column; else columns have numbers.
        is_sample: whether rows are some of many, whose numbers say nothing.
    """
    size = max(1, scale.size)
    some = x[:: max(1, len(x) // max(32, SAMPLE // size))].reshape(-1, size).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        lows, highs = np.quantile(some, [0.25, 0.75], axis=0)
        suspects = np.flatnonzero((highs > lows) & (highs - lows < SWALLOWED * scale.reshape(-1)))
    found = []
    for column in suspects:
        distances = np.abs(np.subtract(x.reshape(len(x), -1)[:, column], lows[column], dtype=np.float64))
        wildest = int(distances.argmax())
        if distances[wildest] >= scale.reshape(-1)[column]:  # else they differ by rounding alone
            found.append((column, wildest))
    if not found:
        return
    column, row = found[0]
    place = f"column {name or column}"
    if not is_sample:
        place = f"row {row} of {place}" if name or size > 1 else f"row {row}"
    others = f", and {len(found) - 1:,} more columns are such" if len(found) > 1 else ""
    wild, low = x.reshape(len(x), -1)[row, column], lows[column]
    warnings.warn(
        f"{where}: {wild:.6g} in {place} lies so far from the others that half of them, {low:.6g} "
        f"to {highs[column]:.6g}, become all but one number{others}; mend or leave it out",
        DataWarning,
        stacklevel=level_of_caller(),
    )
