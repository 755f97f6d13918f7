"""Rows of a table as the numbers that a network takes, and which of them each column has become."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.model import Model
from glassnet.model.data import one_array
from glassnet.tables import Column, Table
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TIME, TRUTH, WORDS, word
from glassnet.tables.raws import Raw, nothing
from glassnet.tables.surprises import gathered


@dataclass(frozen=True, eq=False)
class ByColumns:
    """A model of rows of columns, and some rows.

    Attributes:
        given: the model as it is.
        model: a copy of it that takes numbers.
        features: the rows as numbers (N, D).
        groups: which of these each column has become.
        raws: the values of the columns.
        columns: what the table knows of them; without a table nothing.
    """

    given: Model
    model: Model
    features: Array
    groups: Mapping[str, slice]
    raws: Mapping[str, Raw]
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, chosen: Array) -> ByColumns:
        """Some of the rows."""
        raws = {name: raw.rows(chosen) for name, raw in self.raws.items()}
        return ByColumns(self.given, self.model, self.features[chosen], self.groups, raws, self.columns)

    def encoded(self, name: str, values: Array) -> Array:
        """Other values of a column as the numbers that the network takes, (V, features)."""
        if name not in self.columns:
            return np.asarray(values, np.float64)[:, None]
        raw = self.raws[name]
        with gathered():
            return self.columns[name].apply(Raw(name, raw.kind, values), where="explain")

    def gap(self, name: str) -> Array:
        """A value (1,) of the column that is missing."""
        return nothing(self.raws[name].kind, 1)

    def text(self, name: str, row: int) -> str:
        """The value of a column in a row, for people; empty where it is missing."""
        raw = self.raws[name]
        return "" if raw.missing[row] else value_text(raw.kind, raw.values[row])


def value_text(kind: str, value: Any) -> str:
    """A value for people."""
    if kind in (WORDS, TRUTH):
        return word(value, kind)
    if kind == TIME:
        return str(value.astype("datetime64[s]")).replace("T00:00:00", "").replace("T", " ")
    if kind == DAYTIME:
        return f"{int(value // 3600):02}:{int(value % 3600 // 60):02}"
    if kind == DURATION:
        return f"{value:.6g} s"
    if float(value).is_integer() and abs(value) < 1e15:
        return word(value, NUMBER)
    return f"{value:.0f}" if 1e5 <= abs(value) < 1e15 else f"{value:.5g}"


def by_columns(model: Model, x: Any, where: str) -> ByColumns:
    """The rows by columns; x has gone through ``named_rows`` or ``named_inputs``.

    Raises:
        ConfigurationError: the model takes no rows of columns.
        ShapeError, DataError: x does not fit the model.
    """
    inner = copy(model)
    table = model.preprocessing
    if isinstance(table, Table):
        inner.preprocessing = None
        columns = {own.name: own for own in table.columns if own.features}
        groups, start = {}, 0
        for name, column in columns.items():
            groups[name] = slice(start, start + len(column.features))
            start += len(column.features)
        return ByColumns(model, inner, table.apply(x), groups, table.read(x, list(columns), where=where), columns)
    features = one_array(x, model.network, where=f"{where}: x")
    if features.ndim != 2:
        raise ConfigurationError(
            where=where,
            received=f"inputs of shape {features.shape}, {features.dtype}",
            expected="a model with a gn.Table, or rows of numbers (N, D)",
            fix="for images look at gn.plots.plot_mistakes and gn.saliency",
        )
    names = model.feature_names or tuple(f"x{i}" for i in range(features.shape[1]))
    raws = {name: Raw(name, NUMBER, features[:, i].astype(np.float64)) for i, name in enumerate(names)}
    return ByColumns(model, inner, features, {name: slice(i, i + 1) for i, name in enumerate(names)}, raws, {})
