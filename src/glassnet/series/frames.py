"""Series out of frames: a column of dates, one that tells series apart, columns of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, did_you_mean, shown
from glassnet.core.shapes import Array
from glassnet.series.given import Given, Series, check_labels, common_step, in_order, index_of
from glassnet.tables import Category, Column, Duration, Frame, Number, Reading, Table, Time, Truth
from glassnet.tables.frames import columns_of
from glassnet.tables.kinds import DURATION, NUMBER, TIME, TRUTH, WORDS, word
from glassnet.tables.raws import Raw, example_of, require_complete, require_one_zone
from glassnet.tables.reading import read_columns

MOST_NAMED = 5


def of_frame(
    frame: Any, where: str, time: str | None, by: str | None, columns: Sequence[str] | None, table: Table | None
) -> Given:
    """Reads the series of a frame; arguments and errors are those of ``read_series``."""
    reading = frame.reading if isinstance(frame, Frame) else None
    if table is not None:
        raws = table.read(frame, [own.name for own in table.columns], where=where)
    else:
        raws = read_columns(columns_of(frame, where=where).values(), reading or Reading())
    for setting, name in (("time", time), ("by", by)):
        if name is not None and name not in raws:
            _refuse_name(name, list(raws), f"{setting}=", where)
    index = index_of(frame)
    if time is None and index is None:
        time = _only_times({name: raw for name, raw in raws.items() if name != by}, where)
        if time is None:
            check_labels(frame, where)
    beside = {time, by}
    wanted = [name for name in raws if name not in beside] if columns is None else list(columns)
    for name in wanted:
        if name not in raws:
            _refuse_name(name, list(raws), "the column", where)
    if not wanted:
        raise DataError(
            where=where,
            received=f"no columns beside {', '.join(repr(name) for name in beside if name)}",
            expected="one column of numbers at least",
            fix="add what is to be forecast",
        )
    stamps = _stamps(raws[time], where) if time is not None else index
    values = np.column_stack([_numbers(raws[name], where) for name in wanted])
    place = raws[wanted[0]].place
    found = [
        _part(name, rows, values, stamps, wanted, place, where, time)
        for name, rows in _parts(None if by is None else raws[by], len(values), where).items()
    ]
    if table is None:
        table = _table([raws[name] for name in (*wanted, time, by) if name is not None], by, found, reading)
    return Given(tuple(found), tuple(wanted), common_step(found, where), time, by, table)


def _table(raws: Sequence[Raw], by: str | None, found: Sequence[Series], reading: Reading | None) -> Table:
    """How the columns were read, for later files; what is made of their values is left to ``Forecasting``."""
    columns: list[Column] = []
    for raw in raws:
        if raw.name == by:
            columns.append(Category(raw.name, [one.name for one in found]))
        elif raw.kind == TRUTH:
            columns.append(Truth(raw.name))
        else:
            columns.append({NUMBER: Number, DURATION: Duration, TIME: Time}[raw.kind](raw.name, 0.0, 1.0))
    return Table(columns, None, {raw.name: raw.form for raw in raws if raw.form is not None}, reading)


def _part(
    name: str, rows: Array, values: Array, stamps: Array | None, wanted: Sequence[str], place: Callable[[int], str],
    where: str, time: str | None,
) -> Series:  # fmt: skip
    """The rows of one series, in order."""
    own = f"{where}: series {name!r}" if name else where
    series = Series(name, values[rows], None if stamps is None else stamps[rows])
    missing = np.argwhere(~np.isfinite(series.values))
    if len(missing):
        row, column = missing[0]
        value = series.values[row, column]
        others = f" and {len(missing) - 1:,} other places" if len(missing) > 1 else ""
        raise DataError(
            where=f"{own}: column {wanted[column]!r}",
            received=f"{'no value' if np.isnan(value) else value} in {place(int(rows[row]))}{others}",
            expected="a number at every step",
            fix="fill the gap, such as by the value before; a series that ends there may be cut off",
        )
    if stamps is None:
        return series
    return in_order(series, lambda row: place(int(rows[row])), own, "the index" if time is None else f"column {time!r}")


def _parts(names: Raw | None, count: int, where: str) -> dict[str, Array]:
    """The rows of each series, by its name, in the order in which they first come."""
    if names is None:
        return {"": np.arange(count)}
    if names.kind not in (WORDS, NUMBER, TRUTH):
        raise DataError(
            where=f"{where}: column {names.name!r}",
            received=f"{names.kind}, such as {example_of(names)}" if not names.missing.all() else "no values",
            expected="the names of series: words or numbers",
            fix="choose another column to tell series apart",
        )
    fix = "write the name of the series into the cell, or take the row out"
    require_complete(names, where=f"{where}: column {names.name!r}", expected="the name of a series", fix=fix)
    found: dict[str, list[int]] = {}
    for row, value in enumerate(names.values.tolist()):
        found.setdefault(word(value, names.kind), []).append(row)
    return {name: np.array(rows) for name, rows in found.items()}


def _numbers(raw: Raw, where: str) -> Array:
    if raw.kind in (NUMBER, TRUTH, DURATION):
        return raw.values
    mend = f"by={raw.name!r} (--series) if they name series, or leave" if raw.kind == WORDS else "leave"
    raise DataError(
        where=f"{where}: column {raw.name!r}",
        received=f"{raw.kind}, such as {example_of(raw)}" if not raw.missing.all() else "a column without values",
        expected="numbers in every column of a series",
        fix=f"{mend} the column out (--ignore {raw.name})",
    )


def _only_times(raws: Mapping[str, Raw], where: str) -> str | None:
    """The one column of dates, if there is any."""
    found = [name for name, raw in raws.items() if raw.kind == TIME and not raw.missing.all()]
    if len(found) > 1:
        raise ConfigurationError(
            where=where,
            received=f"several columns of dates: {', '.join(map(repr, found[:MOST_NAMED]))}",
            expected="to be told which one orders the rows",
            fix=f"write time={found[0]!r} (--time {found[0]}), and leave the others out",
        )
    return found[0] if found else None


def _stamps(raw: Raw, where: str) -> Array:
    own = f"{where}: column {raw.name!r}"
    if raw.kind != TIME:
        raise DataError(
            where=own,
            received=f"{raw.kind}, such as {example_of(raw)}" if not raw.missing.all() else "no values",
            expected="dates, with or without a time of day",
            fix="choose a column of dates, or leave it out where rows are in order",
        )
    require_complete(raw, where=own, expected="a date in every row", fix="write the date, or take the row out")
    require_one_zone(raw, where=own)
    return raw.values.astype("datetime64[us]")


def _refuse_name(name: Any, columns: Sequence[str], what: str, where: str) -> None:
    raise ConfigurationError(
        where=where,
        received=f"{what} {shown(name)}".replace("= ", "="),
        expected=f"one of the columns {', '.join(map(repr, columns[:20]))}",
        fix=f"{did_you_mean(str(name), columns)}choose one of the columns",
    )
