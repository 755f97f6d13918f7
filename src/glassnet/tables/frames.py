"""Columns out of whatever holds them: arrays, mappings, and frames of any library that narwhals knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from glassnet.errors import DataError, MissingExtraError
from glassnet.shapes import Array

NUMBER, TRUTH, WORDS, TIME = "numbers", "true and false", "words", "times"


@dataclass(frozen=True)
class Raw:
    """A column's values.

    Attributes:
        name: of the column.
        kind: what the values are.
        values: float64 with NaN for what is missing (numbers; 0 and 1 for truth), datetime64 with NaT (times), or an
            object array of str with None (words).
    """

    name: str
    kind: str
    values: Array

    @property
    def missing(self) -> Array:
        """Where no value is, bool (N,)."""
        if self.kind == WORDS:
            return np.array([value is None for value in self.values], dtype=bool)
        return np.isnat(self.values) if self.kind == TIME else np.isnan(self.values)

    def __len__(self) -> int:
        return len(self.values)


def columns_of(data: Any, *, where: str, wanted: Sequence[str] | None = None) -> dict[str, Raw]:
    """The columns by name.

    Args:
        data: an array (N, D), whose columns are called x0, x1, ...; a mapping from names to sequences; or a frame.
        where: for messages.
        wanted: the columns that are needed; None for all.

    Raises:
        DataError: nothing of these, columns of the same name or of different lengths, no rows.
        MissingExtraError: a frame, and narwhals is not installed.
    """
    if isinstance(data, np.ndarray):
        if data.ndim != 2:
            raise _unusable(f"an array of shape {data.shape}", where)
        parts: dict[str, Any] = dict(zip(names_in(data), data.T, strict=True))
    elif isinstance(data, Mapping):
        parts = {str(name): values for name, values in data.items()}
    else:
        return _of_frame(data, where, wanted)
    chosen = {name: _of_values(name, values) for name, values in parts.items() if wanted is None or name in wanted}
    lengths = {len(raw) for raw in chosen.values()}
    if len(lengths) > 1:
        raise _unusable(f"columns of different lengths, {sorted(lengths)}", where)
    return _some_rows(chosen, where) if chosen or not parts else chosen


def names_in(data: Any) -> list[str]:
    """The names of the columns in what ``columns_of`` takes."""
    if isinstance(data, np.ndarray):
        return [f"x{i}" for i in range(data.shape[1])]
    if isinstance(data, Mapping):
        return [str(name) for name in data]
    # An Arrow table's columns are the values; its names stand apart.
    return [str(name) for name in getattr(data, "column_names", getattr(data, "columns", []))]


def _of_frame(data: Any, where: str, wanted: Sequence[str] | None) -> dict[str, Raw]:
    try:
        import narwhals as nw
    except ImportError as error:
        raise MissingExtraError(
            where=where,
            received=f"a {type(data).__name__}, and no narwhals",
            expected="narwhals, which reads frames of every library",
            fix='run pip install "glassnet[tables]", or pass a mapping from names to arrays',
        ) from error
    names = names_in(data)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(
            where=where,
            received=f"several columns called {', '.join(map(repr, repeated))}",
            expected="a different name for each column",
            fix="rename them",
        )
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError as error:
        raise _unusable(f"a {type(data).__name__}", where) from error
    chosen = [name for name in frame.columns if wanted is None or str(name) in wanted]
    found = {str(name): _of_series(str(name), frame[name], nw) for name in chosen}
    return _some_rows(found, where) if found or not frame.columns else found


def _of_series(name: str, series: Any, nw: Any) -> Raw:
    kind = series.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        values = np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
        return Raw(name, TRUTH if kind == nw.Boolean else NUMBER, values)
    if kind in (nw.Datetime, nw.Date):
        return Raw(name, TIME, _moments(series.to_list()))
    return _of_values(name, series.to_list())


def _moments(values: Sequence[Any]) -> Array:
    """Dates and times on their own clocks: hours of the day mean those of the place."""
    naive = (v.replace(tzinfo=None) if getattr(v, "tzinfo", None) is not None else v for v in values)
    return np.array([None if v is None else np.datetime64(v, "us") for v in naive], "datetime64[us]")


def _of_values(name: str, values: Any) -> Raw:
    """The kind is that of the values: numbers and truth where all are; words are made of everything else."""
    array = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=object)
    if array.dtype.kind == "b":
        return Raw(name, TRUTH, array.astype(np.float64))
    if array.dtype.kind in "iuf":
        return Raw(name, NUMBER, array.astype(np.float64))
    if array.dtype.kind == "M":
        return Raw(name, TIME, array.astype("datetime64[us]"))
    cells = [None if _is_missing(value) else value for value in array.tolist()]
    present = [value for value in cells if value is not None]
    if all(isinstance(value, bool | np.bool_) for value in present):
        return Raw(name, TRUTH, np.array([np.nan if v is None else float(v) for v in cells]))
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in present):
        return Raw(name, NUMBER, np.array([np.nan if v is None else float(v) for v in cells]))
    if present and all(isinstance(value, date) for value in present):
        return Raw(name, TIME, _moments(cells))
    words = np.empty(len(cells), dtype=object)
    words[:] = [None if value is None else str(value) for value in cells]
    return Raw(name, WORDS, words)


def _is_missing(value: Any) -> bool:
    return (
        value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
    )


def _some_rows(columns: dict[str, Raw], where: str) -> dict[str, Raw]:
    if not columns or not len(next(iter(columns.values()))):
        raise _unusable("a table without rows or columns", where)
    return columns


def _unusable(received: str, where: str) -> DataError:
    return DataError(
        where=where,
        received=received,
        expected="a table: a frame, a mapping from names to arrays of one length, or an array (N, D)",
        fix='write {"age": [31, 47], "town": ["Ulm", "Bern"]}, or read the file with polars or pandas',
    )
