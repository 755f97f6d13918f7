"""A column's values before anything is learned of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.shapes import Array
from glassnet.tables.forms import Form
from glassnet.tables.kinds import TEXTS, TIME, WORDS

MOST_ZONES = 4
"""So many time zones are named in messages."""


@dataclass(frozen=True, eq=False)
class Raw:
    """A column's values.

    Attributes:
        name: of the column.
        kind: what the values are.
        values: float64 with NaN for what is missing (numbers; 0 and 1 for truth; seconds since midnight for times of
            day; seconds for durations), datetime64[us] with NaT (times), or an object array of str with None (words,
            texts).
        form: how the values were read, where they come from texts.
        lines: of the file, for each row; None where rows are counted from 0.
        source: the file's name.
        unit: what ``lines`` count: "line", or "row" of a sheet or of a file without lines.
        zones: of times, the time zones that their hours are of, in order; "" for none that is told.
    """

    name: str
    kind: str
    values: Array
    form: Form | None = None
    lines: Sequence[int] | None = None
    source: str = ""
    unit: str = "line"
    zones: tuple[str, ...] = ()

    @property
    def missing(self) -> Array:
        """Whether each row has no value, bool (N,)."""
        if self.kind in (WORDS, TEXTS):
            return np.array([value is None for value in self.values], dtype=bool)
        return np.isnat(self.values) if self.kind == TIME else np.isnan(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def place(self, row: int) -> str:
        """How messages name a row: by its line in the file, or by its number."""
        own = f"row {row}" if self.lines is None else f"{self.unit} {self.lines[row]}"
        return f"{own} of {self.source}" if self.source else own

    def become(self, kind: str, values: Array, form: Form | None = None, zones: tuple[str, ...] = ()) -> Raw:
        """The same column with its values as something else."""
        return replace(self, kind=kind, values=values, form=form or self.form, zones=zones)

    def rows(self, chosen: slice | Array) -> Raw:
        """Some of its rows."""
        lines = None if self.lines is None else np.asarray(self.lines)[chosen].tolist()
        return replace(self, values=self.values[chosen], lines=lines)


def days_of(moments: Array) -> Array:
    """Days since 1970, NaN for NaT."""
    numbers = moments.astype("datetime64[us]").astype(np.int64) / 86_400e6
    return np.where(np.isnat(moments), np.nan, numbers)


def nothing(kind: str, rows: int) -> Array:
    """A column of that kind without values."""
    if kind in (WORDS, TEXTS):
        return np.full(rows, None, dtype=object)
    return np.full(rows, "NaT", dtype="datetime64[us]") if kind == TIME else np.full(rows, np.nan)


def require_complete(raw: Raw, *, where: str, expected: str, fix: str, gaps: Array | None = None) -> None:
    """Refuses a column with gaps: where a value is missing, or at those that are given, bool (N,).

    Raises:
        DataError: there is one; the first is named.
    """
    rows = np.flatnonzero(raw.missing if gaps is None else gaps)
    if len(rows):
        others = f" and {len(rows) - 1:,} others" if len(rows) > 1 else ""
        received = f"no value in {raw.place(int(rows[0]))}{others}"
        raise DataError(where=where, received=received, expected=expected, fix=fix)


def require_one_zone(raw: Raw, *, where: str) -> None:
    """Refuses hours of several time zones where rows are put in order by them.

    Raises:
        DataError: there are several.
    """
    if len(raw.zones) > 1:
        raise DataError(
            where=where,
            received=f"hours of several time zones ({zones_in_words(raw)})",
            expected="one time zone, since rows are put in order by what the clock shows",
            fix="write all of them in one zone, such as UTC: 2024-12-31T23:59Z",
        )


def zones_in_words(raw: Raw) -> str:
    """Such as ``+00:00, +09:00``."""
    words = [zone or "without one" for zone in sorted(raw.zones, key=lambda zone: (not zone, zone))]
    return ", ".join(words[:MOST_ZONES]) + (", ..." if len(words) > MOST_ZONES else "")


def example_of(raw: Raw) -> Any:
    """Its first value and where it stands, for messages."""
    row = int(np.flatnonzero(~raw.missing)[0])
    return f"{raw.values[row]!s:.40} in {raw.place(row)}"
