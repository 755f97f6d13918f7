"""The door for data with names: frames, dicts of columns, single rows as dicts, Series; before they are numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from glassnet.errors import ConfigurationError, DataError, did_you_mean
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.numeric import numeric
from glassnet.preprocessing import Standardize
from glassnet.shapes import Array
from glassnet.tables import Classes, Reading, Table
from glassnet.tables.frames import columns_of, names_in
from glassnet.tables.raws import TEXTS, WORDS
from glassnet.tables.reading import read_columns
from glassnet.tables.surprises import told_once
from glassnet.tables.targets import learn_targets

LIBRARIES = ("pandas", "polars", "pyarrow", "modin", "cudf", "narwhals")
SHOWN = 300
"""Characters of a list of names in a message."""


class Named(Protocol):
    """What a model knows of the names in its data."""

    network: Network
    loss: Loss
    preprocessing: Standardize | Table | None
    feature_names: tuple[str, ...] | None
    target_name: str | None
    class_names: tuple[str, ...] | None
    epochs_trained: int


@contextmanager
def forgotten_if_refused(model: Named) -> Iterator[None]:
    """Takes back what the model learned of names where the data turn out not to fit."""
    before = {name: getattr(model, name) for name in ("preprocessing", "feature_names", "target_name", "class_names")}
    try:
        yield
    except BaseException:
        for name, value in before.items():
            setattr(model, name, value)
        raise


def named_inputs(model: Named, x: Any, *, where: str) -> Any:
    """What ``prepared_inputs`` takes for x: columns for a table; numbers (N, D) by their names for a model that knows these.

    What has no names is returned as it is, and goes by position.

    Raises:
        DataError: a column is missing, twice there, or no numbers.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(model.preprocessing, Table):
        return _as_columns(x, _columns_of_table(model.preprocessing), where)
    names = model.feature_names or _standardized(model)
    if names is None:
        return _numbers(x, names_in(x), where) if _is_frame(x) and _has_names(x) else x
    if _is_frame(x) and not _has_names(x):
        return x
    if not (_is_frame(x) or _is_rows(x) or _is_row(x, names)):
        return x
    return _chosen(_as_columns(x, names, where), names, model.target_name, where)


def named_rows(model: Named, x: Any, y: Any, *, where: str, learns: bool = False) -> tuple[Any, Any]:
    """Inputs as ``named_inputs`` gives them, and y as numbers; y may be the name of a column of x, or a Series.

    Args:
        model: which keeps the names, where it learns.
        x: the data.
        y: the targets.
        where: for messages.
        learns: whether this is training: names that the model does not know yet it takes from the data.

    Raises:
        DataError: see ``named_inputs``; words that name no class.
        ConfigurationError: no column of that name.
    """
    if isinstance(y, str):
        return _by_target_name(model, x, y, where, learns)
    name = _name_of(y)
    labels = y if name is None and not _is_series(y) else _answers(model, y, name, where, learns)
    if name is not None and _is_frame(x) and name in names_in(x) and not isinstance(model.preprocessing, Table):
        x = _without_answers(x, y, name, where)
    if learns and name is not None:
        model.target_name = name if model.target_name is None or not model.epochs_trained else model.target_name
    return _learned_inputs(model, x, where, learns), labels


def named_classes(model: Named, labels: Array) -> Array:
    """The names of predicted classes, texts of the labels' shape.

    Raises:
        ConfigurationError: the model does not know them.
    """
    if isinstance(model.preprocessing, Table) and model.preprocessing.questions:
        return model.preprocessing.words(labels)
    names = model.class_names
    if names is None or (labels.size and int(labels.max()) >= len(names)):
        raise ConfigurationError(
            where="predict_classes",
            received="names=True for a model without class_names"
            if names is None
            else f"names=True for the class {int(labels.max())}, of a model with {len(names)} class_names",
            expected="a name for each class",
            fix='set model.class_names = ("no", "yes"), in the order of the labels; fit(frame, "species") and '
            'fit(frame, frame["species"]) learn them from words',
        )
    return np.asarray(names)[labels]


def _learned_inputs(model: Named, x: Any, where: str, learns: bool) -> Any:
    own = f"{where}: x"
    names = model.feature_names or _standardized(model)
    if learns and names is None and not isinstance(model.preprocessing, Table) and _is_frame(x) and _has_names(x):
        names = tuple(name for name in names_in(x) if name != model.target_name)
    inputs = named_inputs(model, x, where=own)
    if learns and names and not isinstance(model.preprocessing, Table) and _is_frame(x) and _has_names(x):
        model.feature_names = names
    return inputs


def _by_target_name(model: Named, x: Any, name: str, where: str, learns: bool) -> tuple[Any, Any]:
    """Takes the answers out of x; a model that is new to the data learns a table of them."""
    table = model.preprocessing
    if isinstance(x, np.ndarray | list | tuple) or not (_is_frame(x) or isinstance(x, Mapping)):
        raise ConfigurationError(
            where=f"{where}: y",
            received=f"the name {name!r:.60} beside a {type(x).__name__}",
            expected="the targets; or the name of a column of a frame",
            fix=f"pass a frame: {where.partition(':')[0]}(frame, {name!r:.60}); or y itself",
        )
    if name not in names_in(x):
        raise ConfigurationError(
            where=f"{where}: y",
            received=f"the name {name!r:.60}",
            expected=f"one of the columns {', '.join(names_in(x))[:SHOWN]}",
            fix=f"{did_you_mean(name, names_in(x))}choose one of them",
        )
    is_new = model.feature_names is None and not model.epochs_trained
    if table is None and learns and is_new:
        task = "classification" if model.loss.decides_classes else "regression"
        table = model.preprocessing = Table.from_data(x, name, task=task)
        model.class_names = table.class_names
    if isinstance(table, Table):
        if table.target is None or table.target.names != (name,):
            raise ConfigurationError(
                where=f"{where}: y",
                received=f"the name {name!r} for a model whose table predicts "
                + ("nothing" if table.target is None else table.target.describe()),
                expected="the column that the table was learned for",
                fix="pass y=table.targets(frame), or learn a table with that target",
            )
        if learns:
            model.target_name = name
        return named_inputs(model, x, where=f"{where}: x"), table.targets(x)
    column, rest = _taken_out(x, name)
    if learns and (model.target_name is None or not model.epochs_trained):
        model.target_name = name
    return _learned_inputs(model, rest, where, learns), _answers(model, column, name, where, learns)


def _answers(model: Named, y: Any, name: str | None, where: str, learns: bool) -> Any:
    """A column of answers: labels where they are words, as they are where they are numbers."""
    own, table = f"{where}: y", model.preprocessing
    if isinstance(table, Table) and table.target is not None and table.target.names == (name,):
        return table.targets({name: y})
    key = name or "y"
    raw = columns_of({key: y}, where=own)[key]
    if raw.kind not in (TEXTS, WORDS):
        return y
    if not model.loss.decides_classes:
        raise DataError(
            where=own,
            received=f"words such as {str(raw.values[0])!r:.60} for {model.loss!r}",
            expected="numbers to be predicted",
            fix='choose a loss about classes, such as "cross_entropy", or another column',
        )
    read = read_columns([raw], Reading(), answers=[key], words=[key])
    classes: Any = None if model.class_names is None else Classes(key, model.class_names)
    if classes is None:
        if not learns:
            raise DataError(
                where=own,
                received=f"words such as {str(raw.values[0])!r:.60} for a model that knows no class_names",
                expected="labels from 0; or names of classes that the model knows",
                fix="set model.class_names, in the order of the labels",
            )
        classes = learn_targets(read, [key], "classification", where=own)
        model.class_names = classes.classes
    return classes.encode(read, where=own)


def _without_answers(x: Any, y: Any, name: str, where: str) -> Any:
    """A frame without the column that is also the answer; a column of that name with other values is refused."""
    column, rest = _taken_out(x, name)
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


def _taken_out(x: Any, name: str) -> tuple[Any, Any]:
    """A column, and the others."""
    if isinstance(x, Mapping):
        return x[name], {key: values for key, values in x.items() if key != name}
    import narwhals as nw

    frame = nw.from_native(x, eager_only=True)
    return frame[name].to_native(), frame.drop([name]).to_native()


def _chosen(x: Any, names: Sequence[str], target: str | None, where: str) -> Array:
    """The columns of these names as numbers (N, D)."""
    there = names_in(x)
    missing = [name for name in names if name not in there]
    extra = [name for name in there if name not in names and name != target]
    if missing:
        raise DataError(
            where=where,
            received=f"data without the column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))[:SHOWN]}"
            + (f", with {', '.join(map(repr, extra))[:SHOWN]} beside the others" if extra else ""),
            expected=f"the columns {', '.join(names)[:SHOWN]}, in any order",
            fix=f"{did_you_mean(missing[0], extra)}add or rename what is missing; an array without names goes by "
            "position",
        )
    numbers = _numbers(x, names, where)
    if extra:
        said = f"{'columns' if len(extra) > 1 else 'the column'} {', '.join(map(repr, extra))[:SHOWN]}"
        with told_once(where) as surprises:
            surprises.notes[f"{said} left out, which training did not have"] = None
    return numbers


def _numbers(x: Any, names: Sequence[str], where: str) -> Array:
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
        return {str(name): values for name, values in x.items() if str(name) in names}
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


def _as_columns(x: Any, wanted: Sequence[str], where: str) -> Any:
    """A single row, or a list of rows, as columns; what has columns already is returned as it is."""
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
        others = dict.fromkeys(str(key) for own in x for key in own if str(key) not in wanted)
        return {name: [own[name] for own in x] for name in wanted} | {name: [None] * len(x) for name in others}
    if _is_row(x, wanted):
        x = dict(zip(map(str, x.index), x.tolist(), strict=True))
    if not isinstance(x, Mapping):
        return x
    known = {name: value for name, value in x.items() if str(name) in wanted}
    single = [name for name, value in known.items() if _is_scalar(value)]
    if not single:
        return x
    if len(single) < len(known):
        column = next(name for name in known if name not in single)
        raise DataError(
            where=where,
            received=f"one value for {str(single[0])!r} and a column for {str(column)!r}",
            expected="one row of single values, or columns of one length",
            fix=f"write {{{str(single[0])!r}: [value, ...]}} with a value for each row",
        )
    return {name: [value[()] if isinstance(value, np.ndarray) else value] for name, value in x.items()}


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str | bytes) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return True
    return not (hasattr(value, "__len__") or hasattr(value, "__iter__"))


def _columns_of_table(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.features]


def _standardized(model: Named) -> tuple[str, ...] | None:
    """The names of the columns that a ``Standardize`` was learned from."""
    return model.preprocessing.names if isinstance(model.preprocessing, Standardize) else None


def _is_frame(x: Any) -> bool:
    """Whether it is columns with names: of a library of frames, or a ``Frame``."""
    if isinstance(x, Mapping):
        return any(hasattr(own, "kind") for own in x.values()) and hasattr(x, "height")
    return type(x).__module__.partition(".")[0] in LIBRARIES and (hasattr(x, "columns") or hasattr(x, "column_names"))


def _has_names(x: Any) -> bool:
    """Whether a frame's columns are called something; pandas numbers them where they are not."""
    labels = list(getattr(x, "columns", ())) if hasattr(x, "iloc") else None
    return labels is None or labels != list(range(len(labels)))


def _is_rows(x: Any) -> bool:
    return isinstance(x, Mapping) or (isinstance(x, list | tuple) and len(x) > 0 and isinstance(x[0], Mapping))


def _is_series(y: Any) -> bool:
    return type(y).__module__.partition(".")[0] in LIBRARIES and not _is_frame(y) and hasattr(y, "dtype")


def _is_row(x: Any, names: Sequence[str]) -> bool:
    """Whether it is a Series of pandas whose index is the names of columns."""
    return _is_series(x) and hasattr(x, "index") and hasattr(x, "iloc") and not set(names).isdisjoint(map(str, x.index))


def _name_of(y: Any) -> str | None:
    name = getattr(y, "name", None) if _is_series(y) else None
    return None if name is None or name == "" else str(name)
