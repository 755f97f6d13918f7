"""A column's values before anything is learned of them, and columns side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.shapes import Array

if TYPE_CHECKING:
    from glassnet.tables.forms import Form
    from glassnet.tables.reading import Reading

NUMBER, TRUTH, WORDS, TIME = "numbers", "true and false", "words", "times"
DAYTIME, DURATION = "times of day", "durations"
TEXTS = "texts"
"""Kinds of values. Texts are cells that nobody has read yet: a column's ``Form`` makes one of the other kinds of
them."""


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
    """

    name: str
    kind: str
    values: Array
    form: Form | None = None
    lines: Sequence[int] | None = None
    source: str = ""
    unit: str = "line"

    @property
    def missing(self) -> Array:
        """Where no value is, bool (N,)."""
        if self.kind in (WORDS, TEXTS):
            return np.array([value is None for value in self.values], dtype=bool)
        return np.isnat(self.values) if self.kind == TIME else np.isnan(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def place(self, row: int) -> str:
        """How messages name a row: by its line in the file, or by its number."""
        own = f"row {row}" if self.lines is None else f"{self.unit} {self.lines[row]}"
        return f"{own} of {self.source}" if self.source else own

    def become(self, kind: str, values: Array, form: Form | None = None) -> Raw:
        """The same column with its values as something else."""
        return replace(self, kind=kind, values=values, form=form or self.form)

    def rows(self, chosen: slice | Array) -> Raw:
        """Some of its rows."""
        lines = None if self.lines is None else np.asarray(self.lines)[chosen].tolist()
        return replace(self, values=self.values[chosen], lines=lines)


class Frame(Mapping[str, Raw]):
    """Columns of one length: what a file or a foreign frame holds, each column read as what it is.

    ``gn.Table`` and a model with a table take it as they take frames of pandas or polars.

    Args:
        columns: by name.
        name: what messages call the data.
        reading: how the file was read, where there was one.

    Example:
        >>> from glassnet.tables.frames import frame_of
        >>> data = frame_of({"age": [31, None], "town": ["Ulm", "Bern"]})
        >>> list(data), data.height, data.rows(slice(1)).height
        (['age', 'town'], 2, 1)
    """

    def __init__(self, columns: Mapping[str, Raw], name: str = "data", reading: Reading | None = None) -> None:
        self._columns = dict(columns)
        self.name = name
        self.reading = reading

    def __getitem__(self, name: str) -> Raw:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._columns)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(next(iter(self._columns.values()), ()))

    def rows(self, chosen: slice | Array) -> Frame:
        """The same columns with some of their rows: a slice, row numbers, or bool (N,)."""
        return Frame({name: raw.rows(chosen) for name, raw in self._columns.items()}, self.name, self.reading)


def nothing(kind: str, rows: int) -> Array:
    """A column of that kind without values."""
    if kind in (WORDS, TEXTS):
        return np.full(rows, None, dtype=object)
    return np.full(rows, "NaT", dtype="datetime64[us]") if kind == TIME else np.full(rows, np.nan)


def example_of(raw: Raw) -> Any:
    """Its first value and where it stands, for messages."""
    row = int(np.flatnonzero(~raw.missing)[0])
    return f"{raw.values[row]!s:.40} in {raw.place(row)}"
