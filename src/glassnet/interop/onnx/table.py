"""A table before the network: an input of the file for each of its columns, and rows to try the file with."""

from __future__ import annotations

from datetime import time as clock
from datetime import timedelta
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.interop.onnx.columns import emit_column
from glassnet.interop.onnx.graph import Graph
from glassnet.tables import (
    Column,
    Duration,
    Ignored,
    Number,
    Piecewise,
    Quantiles,
    Robust,
    Table,
    Time,
    TimeOfDay,
    Truth,
)
from glassnet.tables.frames import columns_of
from glassnet.tables.words import Words

LEAST_ROWS = 16


def used_columns(table: Table) -> list[Column]:
    """The columns that say something."""
    return [column for column in table.columns if not isinstance(column, Ignored)]


def emit_table(table: Table, graph: Graph) -> tuple[list[Any], str]:
    """Adds what the table does to its columns.

    Returns:
        The file's inputs, one for each column that is used, and the name of the features (N, D) in the file's dtype.

    Raises:
        ConfigurationError: a column that ONNX cannot express.
    """
    from onnx import TensorProto, helper

    columns = used_columns(table)
    graph.taken.update(column.name for column in columns)
    features = [name for column in columns for name in emit_column(column, graph, column.name)]
    value = graph.add("Concat", *features, axis=1)
    if graph.dtype != np.float64:
        value = graph.add("Cast", value, to=TensorProto.FLOAT)
    kinds = [TensorProto.STRING if isinstance(column, Words) else TensorProto.DOUBLE for column in columns]
    return [
        helper.make_tensor_value_info(column.name, kind, ["batch", 1])
        for column, kind in zip(columns, kinds, strict=True)
    ], value


def example_rows(table: Table) -> dict[str, Any]:
    """Rows from what the table learned: values around the middle, every category, a word never seen, gaps."""
    values = {column.name: _examples(column) for column in used_columns(table)}
    rows = max(LEAST_ROWS, *(len(own) for own in values.values()))
    # Each column's list is gone through at a shift of its own, so that gaps do not always meet in one row.
    return {
        name: [own[(row + shift) % len(own)] for row in range(rows)] for shift, (name, own) in enumerate(values.items())
    }


def _examples(column: Column) -> list[Any]:
    if isinstance(column, Words):
        unseen = "never seen"
        while unseen in column.categories:
            unseen += "?"
        gap = [] if "" in column.categories else [None]  # the file has no other sign for it
        return [*column.categories, unseen, *gap]
    if isinstance(column, Truth):
        return [True, False, None]
    if isinstance(column, Quantiles):
        between = (column.values[1:] + column.values[:-1]) / 2
        return [*column.values.tolist(), *between.tolist(), column.values[0] - 1, column.values[-1] + 1, None]
    if isinstance(column, TimeOfDay):
        return [clock(hour, 59 - hour, 30) for hour in range(24)] + [None]
    if isinstance(column, Robust):
        spread = [column.middle + own * column.scale for own in np.linspace(-9, 9, LEAST_ROWS)]
        return [*spread, *(column.edges.tolist() if isinstance(column, Piecewise) else ()), None]
    assert isinstance(column, Number | Time)
    numbers = [column.mean + own * column.scale for own in np.linspace(-2, 2, LEAST_ROWS)]
    if isinstance(column, Time):
        return [np.datetime64(round(days * 86_400e6), "us").item() for days in numbers] + [None]
    return [*(timedelta(seconds=own) for own in numbers), None] if isinstance(column, Duration) else [*numbers, None]


def as_inputs(table: Table, rows: dict[str, Any]) -> dict[str, Array]:
    """The rows as the file takes them: NaN and the empty string for what is missing, times as days since 1970."""
    return {column.name: _as_input(column, rows[column.name])[:, None] for column in used_columns(table)}


def _as_input(column: Column, values: list[Any]) -> Array:
    if isinstance(column, Words):
        return np.array(["" if value is None else value for value in values], dtype=object)
    if isinstance(column, Time):
        moments = np.array(values, dtype="datetime64[us]")
        return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 86_400e6)
    if isinstance(column, TimeOfDay | Duration):
        (raw,) = columns_of({"x": values}, where="export_onnx").values()
        return raw.values
    return np.array([np.nan if value is None else float(value) for value in values])
