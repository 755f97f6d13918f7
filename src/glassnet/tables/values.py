"""A column's values by their types: numbers, truth, moments, times of day, durations, texts; others are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from glassnet.core.errors import DataError, shown
from glassnet.core.shapes import Array
from glassnet.tables.clocks import AT_GREENWICH, zone_named
from glassnet.tables.forms import WordForm, as_array
from glassnet.tables.kinds import DAYTIME, DURATION, LARGEST_EXACT, NUMBER, TEXTS, TIME, TRUTH, WORDS, word
from glassnet.tables.raws import Raw

_PLAIN = WordForm()
CALENDAR = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31T23:59:59.999999", "us")
"""The first moment and the last one that Python's dates have, as those of most libraries of tables."""
BEYOND = "moments beyond the years 1 to 9999, or durations as long"


def raw_of_values(name: str, values: Any, *, where: str, rows: Sequence[int] | None = None) -> Raw:
    """A column of an array or a sequence.

    Args:
        name: of the column.
        values: one for each row.
        where: for messages.
        rows: the numbers that messages give the rows; None to count from 0.

    Raises:
        DataError: values that are no cells of a table, or of kinds that do not go together.
    """
    if isinstance(values, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(values)
        values = values.data if not hidden.any() else _with_gaps(values.data, hidden)
    array = np.asarray(values) if isinstance(values, np.ndarray) else as_array(list(values), WORDS)
    if array.ndim != 1:
        raise unreadable(name, f"an array of shape {array.shape}", where)
    kind = array.dtype.kind
    if kind in "bf":
        return Raw(name, TRUTH if kind == "b" else NUMBER, array.astype(np.float64))
    if kind in "iu":
        exact = not len(array) or max(abs(int(array.min())), abs(int(array.max()))) < LARGEST_EXACT
        return Raw(name, NUMBER, array.astype(np.float64)) if exact else _of_cells(name, array.tolist(), where, rows)
    if kind in "Mm":
        try:
            return Raw(name, TIME, _in_microseconds(array)) if kind == "M" else Raw(name, DURATION, _seconds(array))
        except OverflowError as error:
            raise unreadable(name, BEYOND, where) from error
    if kind in "UT":
        return Raw(name, TEXTS, as_array(array.tolist(), TEXTS))
    if kind == "O":
        return _of_cells(name, array.tolist(), where, rows)
    raise unreadable(name, f"values of type {array.dtype}", where)


def raw_of_categories(name: str, values: Sequence[Any]) -> Raw:
    """A column whose type says that its values are names: 3 is the word "3", not an amount."""
    words = [None if _is_missing(own) else _word(own) for own in values]
    return Raw(name, WORDS, as_array([own or None for own in words], WORDS))


def unreadable(name: str, received: str, where: str) -> DataError:
    """The error for a column of values that no table has."""
    return DataError(
        where=f"{where}: column {name!r}",
        received=received,
        expected="numbers, truth, texts, dates, times of day or durations",
        fix="turn the values into one of these, or leave the column out",
    )


def _with_gaps(values: Array, hidden: Array) -> Array:
    if values.dtype.kind in "fMm":
        shown = values.copy()
        shown[hidden] = np.nan if values.dtype.kind == "f" else "NaT"
        return shown
    cells = np.array(values, dtype=object)
    cells[hidden] = None
    return cells


def _in_microseconds(values: Array) -> Array:
    """Moments or durations in another unit; NumPy lets numbers that are too large for it wrap around.

    Raises:
        OverflowError: they are, or moments are beyond the calendar.
    """
    exact: Array = values.astype(f"{values.dtype.kind}8[us]")
    present = ~np.isnat(values)
    is_coarse = np.datetime_data(values.dtype)[0] not in ("us", "ns", "ps", "fs", "as", "generic")
    if is_coarse and (exact.astype(values.dtype) != values)[present].any():
        raise OverflowError(BEYOND)
    moments = exact[present]
    if values.dtype.kind == "M" and ((moments < CALENDAR[0]) | (moments > CALENDAR[1])).any():
        raise OverflowError(BEYOND)
    return exact


def _seconds(durations: Array) -> Array:
    gaps = np.isnat(durations)
    return np.where(gaps, np.nan, _in_microseconds(durations).astype(np.int64) / 1e6)


def _of_cells(name: str, cells: list[Any], where: str, rows: Sequence[int] | None) -> Raw:
    """Python objects: of one kind, or numbers and texts mixed, which are read as a file's texts are."""
    kinds: dict[str, Any] = {}
    values: list[Any] = []
    for row, cell in zip(rows or range(len(cells)), cells, strict=True):
        if _is_missing(cell):
            values.append(None)
            continue
        kind = _kind(cell)
        if kind is None:
            received = f"{shown(cell, 60)} in row {row}, a {type(cell).__name__}"
            raise unreadable(name, received, where)
        kinds.setdefault(kind, (cell, row))
        values.append(cell)
    if len(kinds) == 2 and TEXTS in kinds and not {NUMBER, TRUTH} & set(kinds):
        # Dates and the like with NA among them.
        values = [None if isinstance(own, str) and _PLAIN.is_missing(own.strip()) else own for own in values]
        if not any(isinstance(own, str) for own in values):
            del kinds[TEXTS]
    if set(kinds) <= {NUMBER} and not _are_exact(values):
        return Raw(name, WORDS, as_array([None if v is None else _word(v) for v in values], WORDS))
    if len(kinds) > 1 and set(kinds) <= {NUMBER, TRUTH, TEXTS}:
        texts = [own if own is None or isinstance(own, str) else _word(own) for own in values]
        return Raw(name, TEXTS, as_array(texts, TEXTS))
    if len(kinds) > 1:
        two = [f"{kind} ({shown(cell, 40)} in row {row})" for kind, (cell, row) in list(kinds.items())[:2]]
        raise unreadable(name, f"values of several kinds, {' and '.join(two)}", where)
    return _of_kind(name, next(iter(kinds), NUMBER), values, where)


def _of_kind(name: str, kind: str, values: list[Any], where: str) -> Raw:
    if kind == TEXTS:
        return Raw(name, TEXTS, as_array([None if v is None else str(v) for v in values], TEXTS))
    readers: dict[str, Callable[[Any], Any]] = {
        TIME: _moment,
        NUMBER: float,
        TRUTH: float,
        DAYTIME: _since_midnight,
        DURATION: _in_seconds,
    }
    number = readers[kind]
    gap = np.datetime64("NaT", "us") if kind == TIME else np.nan
    try:
        numbers = [gap if v is None else number(v) for v in values]
    except OverflowError as error:
        beyond = BEYOND if kind in (TIME, DURATION) else "a whole number beyond the largest of float64"
        raise unreadable(name, beyond, where) from error
    zones = {_zone(v) for v in values if isinstance(v, datetime)} if kind == TIME else ()
    return Raw(name, kind, as_array(numbers, kind), zones=tuple(sorted(zones)))


def _kind(cell: Any) -> str | None:
    """The kind of a single value; None for what is no cell of a table."""
    kinds: Iterable[tuple[str, tuple[type, ...]]] = (
        (TRUTH, (bool, np.bool_)),
        (DURATION, (timedelta, np.timedelta64)),  # which NumPy counts among the numbers
        (NUMBER, (int, float, np.integer, np.floating, Decimal, Fraction)),
        (TEXTS, (str,)),
        (TIME, (date, np.datetime64)),
        (DAYTIME, (time,)),
    )
    found = next((kind for kind, types in kinds if isinstance(cell, types)), None)
    return TIME if found is None and type(cell).__name__ == "Period" and hasattr(cell, "start_time") else found


def _is_missing(value: Any) -> bool:
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return value.is_nan() if isinstance(value, Decimal) else isinstance(value, float | np.floating) and value != value


def _are_exact(values: list[Any]) -> bool:
    """Whether float64 keeps every digit of the whole numbers; others are amounts anyway."""
    present = [value for value in values if value is not None]
    whole = all(
        isinstance(v, int | np.integer) or (isinstance(v, Decimal) and v.is_finite() and v == v.to_integral_value())
        for v in present
    )
    return not whole or all(abs(int(value)) < LARGEST_EXACT for value in present)


def _word(value: Any) -> str:
    """A value as a word: 3.0 is "3", and whole numbers keep every digit."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, datetime) and not (value - datetime.combine(value, time(), value.tzinfo)):
        return str(value.date())  # as files have it
    if isinstance(value, Decimal):
        return str(int(value)) if value.is_finite() and value == value.to_integral_value() else str(value.normalize())
    return word(value, NUMBER) if isinstance(value, float | np.floating) and np.isfinite(value) else str(value).strip()


def _moment(value: Any) -> Any:
    """Dates and times on their own clocks: hours of the day mean those of the place."""
    if type(value).__name__ == "Period":
        value = value.start_time
    if not isinstance(value, np.datetime64):
        naive = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        value = naive.to_datetime64() if hasattr(naive, "to_datetime64") else np.datetime64(naive, "us")
    return _in_microseconds(np.array([value]))[0]


def _zone(value: datetime) -> str:
    """The time zone of a moment, by its place if it has one: there the hours of summer are no other zone's."""
    place = next((own for name in ("key", "zone") if (own := getattr(value.tzinfo, name, None))), None)
    return zone_named(value.utcoffset()) if place is None or place in AT_GREENWICH else str(place)


def _since_midnight(value: time) -> float:
    return 3600.0 * value.hour + 60.0 * value.minute + value.second + value.microsecond / 1e6


def _in_seconds(value: Any) -> float:
    return float(_seconds(np.array([value]))[0]) if isinstance(value, np.timedelta64) else float(value.total_seconds())
