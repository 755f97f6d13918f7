"""Frames, dicts of columns, single rows and Series: what has names, as columns or numbers by these names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import DataError, did_you_mean
from glassnet.core.numeric import numeric
from glassnet.core.shapes import Array
from glassnet.tables.frames import SHOWN, columns_of, names_in, require_columns
from glassnet.tables.surprises import told_once

LIBRARIES = ("pandas", "polars", "pyarrow", "modin", "cudf", "narwhals")


def is_frame(x: Any) -> bool:
    """Whether it is columns with names: of a library of frames, or a ``Frame``."""
    if isinstance(x, Mapping):
        return any(hasattr(own, "kind") for own in x.values()) and hasattr(x, "height")
    return type(x).__module__.partition(".")[0] in LIBRARIES and (hasattr(x, "columns") or hasattr(x, "column_names"))


def has_names(x: Any) -> bool:
    """Whether a frame's columns are called something; pandas numbers them where they are not."""
    labels = list(getattr(x, "columns", ())) if hasattr(x, "iloc") else None
    return labels is None or labels != list(range(len(labels)))


def is_rows(x: Any) -> bool:
    """Whether it is a dict, of a row or of columns, or a list of such rows."""
    return isinstance(x, Mapping) or (isinstance(x, list | tuple) and len(x) > 0 and isinstance(x[0], Mapping))


def is_series(y: Any) -> bool:
    """Whether it is one column of a library of frames."""
    return type(y).__module__.partition(".")[0] in LIBRARIES and not is_frame(y) and hasattr(y, "dtype")


def is_row(x: Any, names: Sequence[str]) -> bool:
    """Whether it is a Series of pandas whose index is the names of columns."""
    return is_series(x) and hasattr(x, "index") and hasattr(x, "iloc") and not set(names).isdisjoint(map(str, x.index))


def name_of(y: Any) -> str | None:
    """The name of a series, if it has one."""
    name = getattr(y, "name", None) if is_series(y) else None
    return None if name is None or name == "" else str(name)


def as_columns(x: Any, wanted: Sequence[str], where: str) -> Any:
    """A single row, or a list of rows, as columns; what has columns already is returned as it is."""
    needed = set(wanted)
    if isinstance(x, list | tuple) and len(x) and isinstance(x[0], Mapping):
        for row, own in enumerate(x):
            missing = [name for name in wanted if not isinstance(own, Mapping) or name not in own]
            if missing:
                raise DataError(
                    where=where,
                    received=f"row {row}, counted from 0, without {', '.join(map(repr, missing))[:SHOWN]}",
                    expected=f"each row as a dict with {', '.join(wanted)[:SHOWN]}",
                    fix=f"{did_you_mean(missing[0], [str(key) for key in own] if isinstance(own, Mapping) else ())}"
                    "write None where a value is missing",
                )
        others = dict.fromkeys(str(key) for own in x for key in own if str(key) not in needed)
        return {name: [own[name] for own in x] for name in wanted} | {name: [None] * len(x) for name in others}
    if is_row(x, wanted):
        x = dict(zip(map(str, x.index), x.tolist(), strict=True))
    if not isinstance(x, Mapping):
        return x
    known = {name: value for name, value in x.items() if str(name) in needed}
    single = {name: value for name, value in known.items() if _is_scalar(value)}
    if not single:
        return x
    if len(single) < len(known):
        first, column = str(next(iter(single))), next(name for name in known if name not in single)
        raise DataError(
            where=where,
            received=f"one value for {first!r} and a column for {str(column)!r}",
            expected="one row of single values, or columns of one length",
            fix=f"write {{{first!r}: [value, ...]}} with a value for each row",
        )
    return {name: [value[()] if isinstance(value, np.ndarray) else value] for name, value in x.items()}


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str | bytes) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return True
    return not (hasattr(value, "__len__") or hasattr(value, "__iter__"))


def without_answers(x: Any, y: Any, name: str, where: str) -> Any:
    """A frame without the column that is also the answer; a column of that name with other values is refused."""
    column, rest = taken_out(x, name)
    given, own = (columns_of({name: values}, where=where)[name] for values in (y, column))
    same = len(given) == len(own) and given.kind == own.kind
    if same:
        gaps = own.missing
        same = bool((gaps == given.missing).all() and (own.values[~gaps] == given.values[~gaps]).all())
    if same:
        return rest
    raise DataError(
        where=f"{where}: y",
        received=f"a series called {name!r}, as a column of x that holds other values",
        expected="the same values, so that the column is the answer; or another name",
        fix=f"rename the series: y.rename('next {name}'); or leave the column out of x",
    )


def taken_out(x: Any, name: str) -> tuple[Any, Any]:
    """A column, and the others."""
    if isinstance(x, Mapping):
        return x[name], {key: values for key, values in x.items() if key != name}
    import narwhals as nw

    frame = nw.from_native(x, eager_only=True)
    return frame[name].to_native(), frame.drop([name]).to_native()


def chosen_numbers(x: Any, names: Sequence[str], target: str | None, where: str) -> Array:
    """The columns of these names as numbers (N, D)."""
    there = names_in(x)
    known = {*names, target}
    extra = [name for name in there if name not in known]
    beside = f", with {', '.join(map(repr, extra))[:SHOWN]} beside the others" if extra else ""
    mend = "add or rename what is missing; an array without names goes by position"
    require_columns(names, there, where=where, mend=mend, beside=beside)
    numbers = numbers_of(x, names, where)
    if extra:
        said = f"{'columns' if len(extra) > 1 else 'the column'} {', '.join(map(repr, extra))[:SHOWN]}"
        with told_once(where) as surprises:
            surprises.notes[f"{said} left out, which training did not have"] = None
    return numbers


def numbers_of(x: Any, names: Sequence[str], where: str) -> Array:
    """Columns as one array (N, D) of numbers, whose digits stay what they are."""
    if not isinstance(x, Mapping) and list(names) == names_in(x) and len(set(names)) == len(names):
        whole = _whole(x)
        if whole is not None:
            return whole
    columns_of(x, where=where, wanted=())  # names that are there twice
    parts = _parts(x, names)
    columns = [_column(name, parts[name], where) for name in names]
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        raise DataError(
            where=where,
            received=f"columns of different lengths, {lengths}",
            expected="a value in each column for each row",
            fix="give every column all rows",
        )
    return np.stack(columns, axis=1)


def _whole(x: Any) -> Array | None:
    """A frame of finite numbers at once, where its library can do that."""
    kinds = {getattr(own, "kind", "O") for own in getattr(x, "dtypes", ())}
    if not hasattr(x, "iloc") or not kinds or not kinds <= set("biuf") or type(x).__module__[:6] != "pandas":
        return None
    values = np.asarray(x)
    if values.dtype.kind not in "biuf" or (values.dtype.kind == "f" and not np.isfinite(values).all()):
        return None
    return values


def _parts(x: Any, names: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(x, Mapping):
        needed = set(names)
        return {str(name): values for name, values in x.items() if str(name) in needed}
    import narwhals as nw

    if hasattr(x, "iloc") and hasattr(x, "set_axis"):
        x = x.set_axis(names_in(x), axis=1)
    frame = nw.from_native(x, eager_only=True)
    return {name: frame[name] for name in names}


def _column(name: str, values: Any, where: str) -> Array:
    own = f"{where}: column {name!r}"
    fix = "let the model learn words, dates and gaps: fit(frame, 'target'), or model.preprocessing = "
    fix += "gn.Table.from_data(frame, target='target'); gn.data.read_table reads files for it"
    kind = str(getattr(values, "dtype", ""))
    if type(values).__module__.startswith("narwhals"):
        if kind.startswith(("Categorical", "Enum")):
            raise DataError(where=own, received=f"values of type {kind}", expected="numbers", fix=fix)
        values = values.to_numpy()
    elif type(values).__module__.partition(".")[0] in LIBRARIES and hasattr(values, "to_numpy"):
        values = values.to_numpy()
    elif not isinstance(values, np.ndarray):
        values = getattr(values, "values", values) if hasattr(values, "kind") else list(values)
    try:
        column = numeric(values, where=own)
    except DataError as error:
        parts = error.parts | {"expected": "numbers: without a gn.Table nothing else can be learned from", "fix": fix}
        raise DataError(**parts) from error
    if column.ndim != 1:
        raise DataError(where=own, received=f"values of shape {column.shape[1:]}", expected="a number a row", fix=fix)
    gaps = np.flatnonzero(~np.isfinite(column))
    if len(gaps):
        raise DataError(
            where=own,
            received=f"{column[gaps[0]]} in row {gaps[0]}, counted from 0 ({len(gaps)} of {len(column)} rows)",
            expected="finite numbers",
            fix=f"fill or drop the missing values; {fix}",
        )
    return column
