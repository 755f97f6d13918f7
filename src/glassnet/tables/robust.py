"""Columns of numbers among which some are far from the others, and whose effect may bend."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from glassnet.core.settings import boolean, number
from glassnet.core.shapes import Array
from glassnet.tables.columns import LOWEST, Column, filled, missing_note, with_missing, written
from glassnet.tables.kinds import NUMBER
from glassnet.tables.raws import Raw

FARTHEST = 3.0
"""What the largest numbers come near to."""
BINS, MOST_BINS = 12, 32
ROWS_OF_A_BIN = 400
"""With more rows than 12 bins have at this rate a column is cut into more: they show where its effect bends."""
MOST_CELLS = 3_200_000
"""Rows times bins of a column, in memory, where there are more bins than 12."""
LARGEST = float(np.finfo(np.float64).max)


class Robust(Column):
    """z / √(1 + (z/3)²) with z = (x − middle) / scale: as z where that is small, within −3 to 3 however large it is.

    The middle is the median, the scale the distance between the quartiles, so that a few wild values move neither. What
    is missing becomes 0, the middle, and 1 in a feature of its own.

    Source: D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data", NeurIPS 2024, "robust scaling and smooth clipping".

    Args:
        name: of the column.
        middle: the median of the values in training.
        scale: the distance between their quartiles; half of their range where that is 0.
        has_missing: whether some were missing in training, and so the further feature exists.
    """

    kinds = (NUMBER,)

    def __init__(self, name: str, middle: float, scale: float, has_missing: bool = False) -> None:
        where = f"column {name!r}"
        self.name = str(name)
        self.middle = number(middle, "middle", where, low=LOWEST)
        self.scale = number(scale, "scale", where, low=0, open_low=True)
        self.has_missing = boolean(has_missing, "has_missing", where)

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        return filled(self._near(raw.values)[:, None], raw.missing, self.has_missing)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        z = f"({written(raw.values[row])} − {written(self.middle, inside=True)}) / {written(self.scale)}"
        return (f"{z} / √(1 + (({z}) / {FARTHEST:g})²)",)

    def _near(self, values: Array) -> Array:
        z = np.clip(share_of(values, self.middle, self.scale), -LARGEST, LARGEST)
        near: Array = z / np.hypot(1, z / FARTHEST)
        return near

    def describe(self) -> str:
        """Middle and scale."""
        return f"number, middle {self.middle:.6g}, quartiles {self.scale:.6g} apart" + missing_note(self.has_missing)


class Piecewise(Robust):
    """As ``Robust``, and for each piece between two edges how far x has come in it, from −½ at its left to ½.

    A network of ReLUs then bends its answer at the edges. What is missing becomes 0 in all of them.

    Source: Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022, section 3.2.1; here from −½ to ½, and in the first and the last piece as in the others.

    Args:
        name: of the column.
        middle: as in ``Robust``.
        scale: as in ``Robust``.
        edges: of the pieces, rising, at least two.
        has_missing: as in ``Robust``.
    """

    def __init__(self, name: str, middle: float, scale: float, edges: Any, has_missing: bool = False) -> None:
        super().__init__(name, middle, scale, has_missing)
        self.edges = np.asarray(edges, dtype=np.float64)
        if self.edges.ndim != 1 or len(self.edges) < 2 or not (np.abs(self.edges) <= LARGEST / 2).all():
            raise ValueError(f"column {name!r}: no edges, or some that are infinitely far apart")
        if not (np.diff(self.edges) > 0).all():
            raise ValueError(f"column {name!r}: edges that do not rise")

    @property
    def features(self) -> tuple[str, ...]:
        """The column's name, one for each piece and, where values were missing, one that says so."""
        pieces = (f"{self.name} from {low:.6g} to {high:.6g}" for low, high in pairwise(self.edges))
        return with_missing((self.name, *pieces), self.has_missing)

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        pieces = np.clip(share_of(raw.values[:, None], self.edges[:-1], np.diff(self.edges)), 0, 1) - 0.5
        return filled(np.column_stack([self._near(raw.values), pieces]), raw.missing, self.has_missing)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        value = written(raw.values[row])
        pieces = (
            f"min(max(({value} − {written(low, inside=True)}) / {written(high - low)}, 0), 1) − 0.5"
            for low, high in pairwise(self.edges)
        )
        return (*super()._working(raw, row), *pieces)

    def describe(self) -> str:
        """Middle, scale and number of pieces."""
        return f"{super().describe()}, in {len(self.edges) - 1} pieces"


def learn_robust(name: str, present: Array, has_missing: bool, *, pieces: bool) -> Robust:
    """What is kept of a column of numbers.

    Args:
        name: of the column.
        present: its finite values, at least one.
        has_missing: whether there are gaps beside them.
        pieces: whether it is cut into pieces, where it has more than two values.
    """
    low, high = float(present.min()), float(present.max())
    is_wide = max(high, -low) > LARGEST / 2
    unit = 0.25 if is_wide else 1.0  # what is between two numbers must be finite
    first, middle, third = np.quantile(present * unit, (0.25, 0.5, 0.75)) / unit
    with np.errstate(over="ignore"):
        scale = min(float(third - first) or high / 2 - low / 2, LARGEST) or 1.0
    distinct = np.unique(present)
    if not pieces or is_wide or len(distinct) < 3:
        return Robust(name, middle, scale, has_missing)
    places = np.linspace(0, 1, bins_for(len(present)) + 1)
    edges = np.unique(np.concatenate([np.quantile(present, places), np.quantile(distinct, places)]))
    return Piecewise(name, middle, scale, edges, has_missing)


def bins_for(rows: int) -> int:
    """How many quantile bins a column of so many rows has.

    Example:
        >>> [bins_for(rows) for rows in (100, 8_000, 50_000, 1_000_000)]
        [12, 20, 32, 12]
    """
    return max(BINS, min(rows // ROWS_OF_A_BIN, MOST_CELLS // max(1, rows), MOST_BINS))


def share_of(values: Array, begin: Array | float, width: Array | float) -> Array:
    """(values − begin) / width, also where the difference is no float64."""
    with np.errstate(over="ignore"):
        distance = values - begin
        found: Array = np.where(np.isinf(distance), (values / 2 - np.divide(begin, 2)) / width * 2, distance / width)
    return found
