"""Columns out of whatever holds them: arrays, mappings, and frames of any library that narwhals knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import timedelta
from importlib import import_module
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, GlassnetError, did_you_mean, require_extra, shown
from glassnet.core.indexes import require_one_order
from glassnet.core.shapes import Array
from glassnet.tables.forms import as_array
from glassnet.tables.frame import Frame
from glassnet.tables.kinds import TEXTS
from glassnet.tables.raws import Raw, nothing
from glassnet.tables.values import BEYOND, CALENDAR, raw_of_categories, raw_of_values, unreadable

SHOWN = 300
"""Characters of a list of names in a message."""
NO_CELLS = ("Binary", "List", "Array", "Struct")
"""Types of columns whose values are no cells of a table."""


def columns_of(data: Any, *, where: str, wanted: Sequence[str] | None = None) -> dict[str, Raw]:
    """The columns by name.

    Args:
        data: an array (N, D), whose columns are called x0, x1, ...; one with named fields; a mapping from names to
            sequences; a frame of any library that narwhals knows; or a ``Frame``.
        where: for messages.
        wanted: the columns that are needed; None for all.

    Raises:
        DataError: nothing of these, columns of the same name or of different lengths, series whose indexes are in
            different orders, values that are no cells of a table, no rows.
        MissingExtraError: a frame, and narwhals is not installed.
    """
    names = names_in(data)
    require_distinct(names, where=where)
    if isinstance(data, np.ndarray):
        parts = _of_array(data, names, where)
    elif isinstance(data, Mapping):
        parts = dict(zip(names, data.values(), strict=True))
        require_one_order(parts, where=where)
    else:
        parts = _of_frame(data, names, where)
    needed = None if wanted is None else set(wanted)
    chosen = {
        name: own if isinstance(own, Raw) else _of_column(name, own, where)
        for name, own in parts.items()
        if needed is None or name in needed
    }
    lengths = {len(raw) for raw in chosen.values()}
    if len(lengths) > 1:
        raise _unusable(f"columns of different lengths, {sorted(lengths)}", where)
    if not parts or (chosen and 0 in lengths):
        raise _unusable("a table without rows or columns", where)
    return chosen


def require_distinct(
    names: Sequence[str], *, where: str, error: type[GlassnetError] = DataError, more: str = ""
) -> None:
    """Refuses columns of the same name.

    Args:
        names: of the columns.
        where: for messages.
        error: its class.
        more: what to add to the mend.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise error(
            where=where,
            received=f"several columns called {', '.join(map(repr, repeated[:20]))}",
            expected="a different name for each column",
            fix=f"rename them{more}",
        )


def require_columns(wanted: Sequence[str], there: Sequence[str], *, where: str, mend: str, beside: str = "") -> None:
    """Refuses data without some of the columns, and says which of theirs may be meant.

    Args:
        wanted: their names.
        there: the names in the data.
        where: for messages.
        mend: what to do, behind the nearest name.
        beside: what else is to be said of the data.
    """
    known, needed = set(there), set(wanted)
    missing = [name for name in wanted if name not in known]
    if missing:
        shown = f"column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))[:SHOWN]}"
        raise DataError(
            where=where,
            received=f"a table without the {shown}{beside}",
            expected=f"the columns {', '.join(wanted)[:SHOWN]}",
            fix=did_you_mean(missing[0], [name for name in there if name not in needed]) + mend,
        )


def frame_of(data: Any, *, where: str = "table", name: str = "data") -> Frame:
    """The same as a ``Frame``, its texts not read yet."""
    return Frame(columns_of(data, where=where), name)


def joined(frames: Sequence[Frame]) -> Frame:
    """The rows of several frames with the same columns, one after another; without their lines.

    Raises:
        DataError: a column holds other kinds of values in one than in another.
    """
    columns: dict[str, Raw] = {}
    for name in frames[0]:
        raws = [frame[name] for frame in frames]
        kind = next((raw.kind for raw in raws if not raw.missing.all()), raws[0].kind)
        parts = []
        for raw in raws:
            if raw.kind != kind and not raw.missing.all():
                raise DataError(
                    where=f"column {name!r}",
                    received=f"{raw.kind} in {raw.source or 'one block'}, and {kind} in others",
                    expected="values of one kind",
                    fix="write the column in one way everywhere",
                )
            parts.append(raw.values if raw.kind == kind else nothing(kind, len(raw)))
        zones = tuple(sorted({zone for raw in raws for zone in raw.zones}))
        columns[name] = Raw(name, kind, np.concatenate(parts), zones=zones)
    return Frame(columns, frames[0].name, frames[0].reading)


def names_in(data: Any) -> list[str]:
    """The names of the columns in what ``columns_of`` takes."""
    if isinstance(data, np.ndarray):
        return list(data.dtype.names or (f"x{i}" for i in range(data.shape[1] if data.ndim == 2 else 0)))
    if isinstance(data, Mapping):
        return [str(name) for name in data]
    if hasattr(data, "collect_schema") and not hasattr(data, "rows"):
        return []  # a LazyFrame of polars, which has no rows yet
    # An Arrow table's columns are the values; its names stand apart.
    return [str(name) for name in getattr(data, "column_names", getattr(data, "columns", ()))]


def _of_array(data: Array, names: list[str], where: str) -> dict[str, Any]:
    plain = data if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    if plain.dtype.names and plain.ndim == 1:
        return {name: plain[name] for name in names}
    if plain.ndim != 2 or plain.dtype.names:
        raise _unusable(f"an array of shape {plain.shape}", where)
    return dict(zip(names, plain.T, strict=True))


def _of_frame(data: Any, names: list[str], where: str) -> dict[str, Any]:
    nw = _narwhals(data, where)
    if hasattr(data, "iloc") and hasattr(data, "set_axis") and names:
        data = data.set_axis(names, axis=1)  # pandas takes numbers and tuples for names as well
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError as error:
        raise _unusable(f"a {type(data).__name__}", where) from error
    return {name: frame[name] for name in frame.columns}


def _narwhals(data: Any, where: str) -> Any:
    expected = f"narwhals, which reads a {type(data).__name__} as frames of every library; or a dict of arrays by name"
    require_extra("narwhals", extra="tables", expected=expected, where=where)
    import narwhals

    return narwhals


def _of_column(name: str, values: Any, where: str) -> Raw:
    """A column as whatever holds one: a series, an array, a sequence of values."""
    library = type(values).__module__.partition(".")[0]
    if library == "pyarrow" and hasattr(values, "dictionary_encode") and not hasattr(values, "chunks"):
        values = import_module("pyarrow").chunked_array([values])  # of which narwhals knows what its type says
    if library in ("pandas", "polars", "pyarrow", "modin", "cudf"):
        nw = _narwhals(values, where)
        try:
            values = nw.from_native(values, series_only=True, allow_series=True)
        except TypeError as error:
            raise unreadable(name, f"a {type(values).__name__}", where) from error
        library = "narwhals"
    if library == "narwhals":
        return _of_series(name, values, where)
    if isinstance(values, str | bytes | Mapping | Set) or not (
        hasattr(values, "__len__") or hasattr(values, "__iter__")
    ):
        raise DataError(
            where=f"{where}: column {name!r}",
            received=f"{shown(values, 60)} (a {type(values).__name__})",
            expected="the values of all rows: a list, an array or a series",
            fix=f"for a single row write {{{name!r}: [value]}}",
        )
    return raw_of_values(name, values, where=where)


def _of_series(name: str, series: Any, where: str) -> Raw:
    import narwhals as nw

    kind = series.dtype
    if type(kind).__name__ in NO_CELLS:
        raise unreadable(name, f"values of type {kind}", where)
    if kind == nw.Categorical or isinstance(kind, nw.Enum):
        return raw_of_categories(name, series.to_list())
    if kind.is_float():
        return raw_of_values(name, np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64), where=where)
    if kind.is_integer() and kind not in (nw.Int128, nw.UInt128) and not series.null_count():
        return raw_of_values(name, np.asarray(series.to_numpy()), where=where)
    if kind == nw.String and series.implementation.is_polars() and series.null_count() < len(series):  # texts and None
        return Raw(name, TEXTS, as_array(series.to_list(), TEXTS))
    try:
        _require_calendar(series)
        cells = series.to_list()
    except (OverflowError, ValueError) as error:
        raise unreadable(name, BEYOND if kind.is_temporal() else f"values of type {kind}", where) from error
    return raw_of_values(name, cells, where=where)


def _require_calendar(series: Any) -> None:
    """Polars panics over dates that Python has not: a library in Rust then writes to the standard error by itself.

    Raises:
        OverflowError: there are such.
    """
    kind = series.dtype
    if not (kind.is_temporal() and series.implementation.is_polars()):
        return
    unit = getattr(kind, "time_unit", None)
    if type(kind).__name__ == "Time":
        first, last = 0, 24 * 3600 * 10**9 - 1
    elif unit == "ns":  # 64 bits of which end in the year 2262
        return
    elif type(kind).__name__ == "Duration":
        last = (timedelta.max // timedelta(milliseconds=1)) * (1000 if unit == "us" else 1)
        first = -last
    else:
        moments = np.array(CALENDAR).astype(f"datetime64[{unit or 'D'}]")
        first, last = moments.astype(np.int64).tolist()
    native = series.to_native()
    if getattr(kind, "time_zone", None) is not None:
        native = native.dt.replace_time_zone(None)  # what a clock shows there, which Python's calendar is about
    numbers = native.to_physical()
    if any(number is not None and not first <= number <= last for number in (numbers.min(), numbers.max())):
        raise OverflowError(BEYOND)


def _unusable(received: str, where: str) -> DataError:
    return DataError(
        where=where,
        received=received,
        expected="a table: a frame, a mapping from names to arrays of one length, or an array (N, D)",
        fix='write {"age": [31, 47], "town": ["Ulm", "Bern"]}, or read the file with polars or pandas',
    )


def check_names(named: Mapping[str, Sequence[str]], columns: Collection[str], where: str) -> None:
    """Refuses names of columns that are not there, and a target named twice.

    Args:
        named: by the argument that names them, ``"target"`` among them.
        columns: that are there.
        where: for messages.

    Raises:
        ConfigurationError: there are such.
    """
    for argument, names in named.items():
        unknown = [name for name in names if name not in columns]
        if unknown:
            raise ConfigurationError(
                where=where,
                received=f"{argument}={unknown[0]!r}",
                expected=f"one of the columns {', '.join(columns)[:300]}",
                fix=f"{did_you_mean(unknown[0], columns)}choose one of them",
            )
    targets = named["target"]
    if len(set(targets)) < len(targets):
        raise ConfigurationError(
            where=where,
            received=f"the targets {', '.join(targets)}",
            expected="each column once",
            fix="leave out the repetition",
        )
