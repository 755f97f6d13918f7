"""Series out of what people have: arrays, several of them by name, frames with a column of dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError, DataError, ShapeError, shown
from glassnet.core.shapes import Array
from glassnet.series.frames import of_frame
from glassnet.series.given import Given, Series, check_labels, common_step, in_order, index_of, require_numbers
from glassnet.tables import Frame, Table


def read_series(
    given: Any,
    *,
    where: str,
    time: str | None = None,
    by: str | None = None,
    columns: Sequence[str] | None = None,
    table: Table | None = None,
) -> Given:
    """Reads one series or several.

    Args:
        given: numbers (T,) or (T, D); a mapping from names to such arrays, or a list of arrays, for several series; a
            frame of any library, or a pandas Series, whose index of dates counts as stamps.
        where: for messages.
        time: of a frame: the column with the stamps; None for the only one of dates.
        by: of a frame: the column that tells several series apart.
        columns: the names of those that are wanted; None for all that are no stamps and no series' names.
        table: how the columns of a frame are read; None to find that out.

    Raises:
        DataError: gaps, NaN, texts among the numbers, stamps that are there twice or not one step apart; each is named
            with its series and row.
        ShapeError: arrays of other axes, or series of different columns.
        ConfigurationError: names of columns that are not there.
    """
    if isinstance(given, Mapping) and not isinstance(given, Frame) and (time, by, table) == (None, None, None):
        return _several({str(name): own for name, own in given.items()}, where, columns)
    if isinstance(given, list | tuple) and given and not np.isscalar(given[0]) and hasattr(given[0], "shape"):
        return _several({str(place): own for place, own in enumerate(given)}, where, columns)
    if isinstance(given, Frame | Mapping) or _is_frame(given):
        return of_frame(given, where, time, by, columns, table)
    _require_frame_for({"time": time, "by": by}, given, where)
    one = _alone("", given, where)
    names = _names_for(one.values, columns, where)
    return Given((one,), names, common_step([one], where))


def _is_frame(given: Any) -> bool:
    is_array = isinstance(given, np.ndarray) and given.dtype.names is None
    return not is_array and not isinstance(given, list | tuple) and getattr(given, "ndim", 2) != 1 and (
        hasattr(given, "columns") or hasattr(given, "column_names") or isinstance(given, np.ndarray)
    )  # fmt: skip


def _require_frame_for(names: Mapping[str, str | None], given: Any, where: str) -> None:
    for setting, name in names.items():
        if name is not None:
            raise ConfigurationError(
                where=where,
                received=f"{setting}={shown(name)} for a {type(given).__name__}",
                expected="a frame, whose columns have names",
                fix=f"leave {setting} out; several series go into a dict of arrays by name",
            )


def _several(given: Mapping[str, Any], where: str, columns: Sequence[str] | None) -> Given:
    if not given:
        raise DataError(
            where=where, received="no series at all", expected="one series or more", fix="pass the numbers of one"
        )
    found = [_alone(name, values, where) for name, values in given.items()]
    names = _names_for(found[0].values, columns, where)
    for one in found[1:]:
        if one.values.shape[1] != len(names):
            raise ShapeError(
                where=f"{where}: series {one.name!r}",
                received=f"{one.values.shape[1]} columns",
                expected=f"{len(names)}, as many as series {found[0].name!r} has",
                fix="give all series the same columns, in the same order",
            )
    with_stamps = {one.stamps is not None for one in found}
    if len(with_stamps) > 1:
        bare = next(one.name for one in found if one.stamps is None)
        raise DataError(
            where=f"{where}: series {bare!r}",
            received="no dates, which other series have",
            expected="dates for all series, or for none",
            fix="give each an index of dates, or pass the numbers alone: series.to_numpy()",
        )
    return Given(tuple(found), names, common_step(found, where))


def _names_for(values: Array, columns: Sequence[str] | None, where: str) -> tuple[str, ...]:
    count = values.shape[1]
    if columns is None:
        return tuple(f"x{place}" for place in range(count))
    if len(columns) != count:
        raise ShapeError(
            where=where,
            received=f"series of {count} columns",
            expected=f"{len(columns)}: {', '.join(columns)}"[:200],
            fix="give the columns that the model was trained with, in the same order",
        )
    return tuple(columns)


def _alone(name: str, given: Any, where: str) -> Series:
    """A series out of an array, or a pandas object with an index of dates."""
    own = f"{where}: series {name!r}" if name else where
    values = numeric(given, where=own)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.size:
        raise ShapeError(
            where=own,
            received=f"an array of shape {np.shape(given)}",
            expected="numbers (T,), or (T, D) with a column for each quantity",
            fix="for several series write a dict of arrays by name",
        )
    values = values.astype(np.float64)
    stamps = index_of(given)
    series = Series(name, values, stamps)
    if stamps is None:
        check_labels(given, own)
    else:
        series = in_order(series, lambda row: f"row {row}", own, "the index")
    require_numbers(series.values, lambda row: f"step {row} of {len(values):,}", own)
    return series
