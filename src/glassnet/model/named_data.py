"""The door for data with names: frames, dicts of columns, single rows as dicts, Series; before they are numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, did_you_mean, shown
from glassnet.core.indexes import require_one_order
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.network import Graph, Network
from glassnet.preprocessing import Standardize
from glassnet.tables import Classes, Reading, Table, named
from glassnet.tables.frames import SHOWN, columns_of, names_in
from glassnet.tables.kinds import TEXTS, WORDS
from glassnet.tables.reading import read_columns
from glassnet.tables.targets import learn_targets


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
    """What ``prepared_inputs`` takes for x: columns for a table; numbers (N, D) by the names that the model knows.

    What has no names is returned as it is, and goes by position.

    Raises:
        DataError: a column is missing, twice there, or no numbers.
    """
    if isinstance(x, np.ndarray) or isinstance(model.network, Graph):  # whose names are those of whole arrays
        return x
    if isinstance(model.preprocessing, Table):
        return named.as_columns(x, [column.name for column in model.preprocessing.columns if column.features], where)
    names = model.feature_names or _standardized(model)
    if names is None:
        return named.numbers_of(x, names_in(x), where) if named.is_frame(x) and named.has_names(x) else x
    if named.is_frame(x) and not named.has_names(x):
        return x
    if not (named.is_frame(x) or named.is_rows(x) or named.is_row(x, names)):
        return x
    return named.chosen_numbers(named.as_columns(x, names, where), names, model.target_name, where)


def named_rows(
    model: Named, x: Any, y: Any, *, where: str, learns: bool = False, sample_weight: Any = None
) -> tuple[Any, Any]:
    """Inputs as ``named_inputs`` gives them, and y as numbers; y may be the name of a column of x, or a Series.

    Args:
        model: which keeps the names, where it learns.
        x: the data.
        y: the targets.
        where: for messages.
        learns: whether this is training: names that the model does not know yet it takes from the data.
        sample_weight: of the rows, or None; only its order is looked at.

    Raises:
        DataError: see ``named_inputs``; words that name no class; indexes that are in different orders.
        ConfigurationError: no column of that name.
    """
    require_one_order({"x": x, "y": y, "sample_weight": sample_weight}, where=where)
    if isinstance(y, str):
        return _by_target_name(model, x, y, where, learns)
    name = named.name_of(y)
    labels = y if name is None and not named.is_series(y) else _answers(model, y, name, where, learns)
    if name is not None and named.is_frame(x) and name in names_in(x) and not isinstance(model.preprocessing, Table):
        x = named.without_answers(x, y, name, where)
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
    if isinstance(model.network, Graph) and isinstance(labels, dict):
        raise ConfigurationError(
            where="predict_classes",
            received="names=True for a network with several outputs",
            expected="a network with one output",
            fix="leave names out: the labels of each output come by its name",
        )
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
    if isinstance(model.network, Graph):
        return x
    names = model.feature_names or _standardized(model)
    learns = learns and not isinstance(model.preprocessing, Table) and named.is_frame(x) and named.has_names(x)
    if learns and names is None:
        names = tuple(name for name in names_in(x) if name != model.target_name)
    inputs = named_inputs(model, x, where=f"{where}: x")
    if learns and names:
        model.feature_names = names
    return inputs


def _by_target_name(model: Named, x: Any, name: str, where: str, learns: bool) -> tuple[Any, Any]:
    """Takes the answers out of x; a model that is new to the data learns a table of them."""
    table = model.preprocessing
    if isinstance(x, np.ndarray | list | tuple) or not (named.is_frame(x) or isinstance(x, Mapping)):
        raise ConfigurationError(
            where=f"{where}: y",
            received=f"the name {shown(name, 60)} beside a {type(x).__name__}",
            expected="the targets; or the name of a column of a frame",
            fix=f"pass a frame: {where.partition(':')[0]}(frame, {shown(name, 60)}); or y itself",
        )
    if name not in names_in(x):
        raise ConfigurationError(
            where=f"{where}: y",
            received=f"the name {shown(name, 60)}",
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
    column, rest = named.taken_out(x, name)
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


def _standardized(model: Named) -> tuple[str, ...] | None:
    """The names of the columns that a ``Standardize`` was learned from."""
    return model.preprocessing.names if isinstance(model.preprocessing, Standardize) else None
