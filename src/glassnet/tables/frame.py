"""Columns side by side, before anything is learned of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from glassnet.core.shapes import Array
from glassnet.tables.raws import Raw
from glassnet.tables.reading import Reading


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
