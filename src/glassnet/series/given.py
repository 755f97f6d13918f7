"""Series that were read: their steps in order, one apart, finite."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from glassnet.core.errors import DataError, DataWarning, shown
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array
from glassnet.series.stamps import TimeStep, regular_step, shown_stamp
from glassnet.tables import Table


@dataclass(frozen=True, eq=False)
class Series:
    """One series, its steps in order.

    Attributes:
        name: empty for one that stands alone.
        values: (T, D) float64, finite.
        stamps: datetime64[us] (T,) one step apart, or None where the order of the rows is all that is known.
    """

    name: str
    values: Array
    stamps: Array | None = None

    def __len__(self) -> int:
        """How many steps it has."""
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Given:
    """What was given, read.

    Attributes:
        series: one or several, of the same columns.
        columns: the names of the columns.
        step: from stamp to stamp, the same in all series; None without stamps.
        time: the column of the stamps, or None.
        by: the column that tells several series apart, or None.
        table: how the columns of a frame were read, or None.
    """

    series: tuple[Series, ...]
    columns: tuple[str, ...]
    step: TimeStep | None = None
    time: str | None = None
    by: str | None = None
    table: Table | None = None


def index_of(given: Any) -> Array | None:
    """The dates that the rows of a pandas object are called by; periods count by their beginnings."""
    index: Any = getattr(given, "index", None)
    kind = getattr(getattr(index, "dtype", None), "kind", None)
    if kind is None:
        return None
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    elif kind == "O" and all(isinstance(own, date) and getattr(own, "tzinfo", None) is None for own in index):
        index = np.array([*index], "datetime64[us]")
    elif kind != "M":
        return None
    naive = index.tz_convert("UTC").tz_localize(None) if getattr(index, "tz", None) is not None else index
    return np.asarray(naive, dtype="datetime64[us]")


def check_labels(given: Any, where: str) -> None:
    """Refuses a pandas object without dates whose rows have other names than numbers: these may be meant to order them.

    Where numbers are each there once, but not in order, a note says that rows are taken as they stand.

    Raises:
        DataError: it is one.
    """
    index = getattr(given, "index", None)
    kind = getattr(getattr(index, "dtype", None), "kind", None)
    if index is not None and kind is not None and kind not in "iuf" and len(index):
        raise DataError(
            where=where,
            received=f"rows that are called by what are no dates, such as {shown(index[0])}",
            expected="an index of dates, which sets the order, or of row numbers",
            fix="read the dates: series.index = pd.to_datetime(series.index); for several series make columns of the "
            "index: frame.reset_index(); or leave it out, where rows are in order: reset_index(drop=True)",
        )
    if kind in ("i", "u") and index is not None and index.is_unique and not index.is_monotonic_increasing:
        warnings.warn(
            f"{where}: rows are taken as they stand, though their numbers ({shown([*index[:3]])[:-1]}, ...]) are not "
            "in order; if these say what comes first, pass series.sort_index()",
            DataWarning,
            stacklevel=level_of_caller(),
        )


def in_order(series: Series, place: Callable[[int], str], where: str, column: str) -> Series:
    """The series by its stamps, which must be one step apart; a note says where that moved rows."""
    assert series.stamps is not None
    if np.isnat(series.stamps).any():
        row = int(np.flatnonzero(np.isnat(series.stamps))[0])
        raise DataError(
            where=f"{where}: {column}",
            received=f"no date in {place(row)}",
            expected="a date for every row",
            fix="write the date, or take the row out",
        )
    order = np.argsort(series.stamps, kind="stable")
    stamps = series.stamps[order]
    if len(stamps) > 1:
        regular_step(stamps, lambda row: place(int(order[row])), where=where, column=column)
    back = np.flatnonzero(np.diff(series.stamps.astype(np.int64)) < 0)
    if not len(back):
        return series
    row = int(back[0])
    said = f"{where}: {place(row + 1)} ({shown_stamp(series.stamps[row + 1])}) comes after a later one; "
    warnings.warn(f"{said}all rows are taken in the order of {column}", DataWarning, stacklevel=level_of_caller())
    return Series(series.name, series.values[order], stamps)


def common_step(found: Sequence[Series], where: str) -> TimeStep | None:
    """The step that all series have."""
    steps = [
        (one.name, regular_step(one.stamps, str, where=where, column="dates"))
        for one in found
        if one.stamps is not None and len(one) > 1
    ]
    for name, step in steps[1:]:
        if step.settings() != steps[0][1].settings():
            raise DataError(
                where=f"{where}: series {name!r}",
                received=f"steps of {step}",
                expected=f"steps of {steps[0][1]}, as series {steps[0][0]!r} has",
                fix="bring all series to the same step, or train a model for each",
            )
    return steps[0][1] if steps else None


def require_numbers(values: Array, place: Callable[[int], str], where: str) -> None:
    """Refuses NaN and infinity; the first is named."""
    missing = np.argwhere(~np.isfinite(values))
    if not len(missing):
        return
    row, column = (int(own) for own in missing[0])
    others = f" and {len(missing) - 1:,} other places" if len(missing) > 1 else ""
    in_column = f", column {column}" if values.shape[1] > 1 else ""
    raise DataError(
        where=where,
        received=f"{values[row, column]} at {place(row)}{in_column}{others}",
        expected="a finite number at every step",
        fix="fill the gap, such as by the value before; a series that ends there may be cut off",
    )
