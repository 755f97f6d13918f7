"""Columns of a table as ONNX operators, in float64 as the table itself computes.

Numbers, truth and times come as float64 (N, 1) with NaN for what is missing, durations and times of day in seconds;
words as strings (N, 1) with the empty string for what is missing.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.shapes import Array
from glassnet.interop.onnx.graph import Graph
from glassnet.interop.onnx.times import circle, day_and_time
from glassnet.tables import Category, Column, Indexed, Number, Piecewise, Quantiles, Robust, Time, TimeOfDay, Truth
from glassnet.tables.columns import SECONDS_OF_DAY
from glassnet.tables.robust import FARTHEST
from glassnet.tables.words import Words

DOUBLE = np.float64


@singledispatch
def emit_column(column: Column, graph: Graph, x: str) -> list[str]:
    """Adds what the column makes of the value x and returns the names of its features (N, ...), in order.

    Raises:
        ConfigurationError: ONNX cannot express it.
    """
    raise ConfigurationError(
        where=f"export_onnx: column {column.name!r}",
        received=f"{shown(column, 200)}",
        expected="numbers, quantiles, truth, categories or times",
        fix="export the network alone, a model with preprocessing=None, and pass it table.apply(data)",
    )


def constant(graph: Graph, array: Any) -> str:
    """A constant of the table's float64."""
    return graph.constant("table", array, dtype=DOUBLE)


def as_double(graph: Graph, x: str) -> str:
    """Truth as 1 and 0."""
    from onnx import TensorProto

    return graph.add("Cast", x, to=TensorProto.DOUBLE)


def filled(graph: Graph, features: str, missing: str, *, has_missing: bool, value: float = 0.0) -> list[str]:
    """The value where something is missing, and the feature that says so."""
    own = graph.add("Where", missing, constant(graph, value), features)
    return [own, as_double(graph, missing)] if has_missing else [own]


def standardized(graph: Graph, x: str, mean: float, scale: float) -> str:
    """(x − mean) / scale."""
    return graph.add("Div", graph.add("Sub", x, constant(graph, mean)), constant(graph, scale))


@emit_column.register
def _number(column: Number, graph: Graph, x: str) -> list[str]:
    own = standardized(graph, x, column.mean, column.scale)
    return filled(graph, own, graph.add("IsNaN", x), has_missing=column.has_missing)


@emit_column.register
def _robust(column: Robust, graph: Graph, x: str) -> list[str]:
    """The column's z / √(1 + (z/3)²), whose square is finite where z is held within ±10¹⁰⁰."""
    return filled(graph, _near(column, graph, x), graph.add("IsNaN", x), has_missing=column.has_missing)


@emit_column.register
def _piecewise(column: Piecewise, graph: Graph, x: str) -> list[str]:
    lows, widths = (constant(graph, own[None]) for own in (column.edges[:-1], np.diff(column.edges)))
    share = graph.add("Div", graph.add("Sub", x, lows), widths)
    share = graph.add("Clip", share, constant(graph, 0.0), constant(graph, 1.0))
    pieces = graph.add("Sub", share, constant(graph, 0.5))
    missing = graph.add("IsNaN", x)
    (near,) = filled(graph, _near(column, graph, x), missing, has_missing=False)
    (inside,) = filled(graph, pieces, missing, has_missing=False)
    return [near, inside, as_double(graph, missing)] if column.has_missing else [near, inside]


def _near(column: Robust, graph: Graph, x: str) -> str:
    z = standardized(graph, x, column.middle, column.scale)
    z = graph.add("Clip", z, constant(graph, -1e100), constant(graph, 1e100))
    third = graph.add("Div", z, constant(graph, FARTHEST))
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", third, third), constant(graph, 1.0)))
    return graph.add("Div", z, root)


@emit_column.register
def _truth(column: Truth, graph: Graph, x: str) -> list[str]:
    return filled(graph, x, graph.add("IsNaN", x), has_missing=column.has_missing, value=0.5)


@emit_column.register
def _quantiles(column: Quantiles, graph: Graph, x: str) -> list[str]:
    """−1 + Σ rise · clip((x − left) / (right − left), 0, 1) + Σ jump · ((x > value) + (x ≥ value)) / 2.

    The first sum is over the gaps between different values; the second over values that are there several times, among
    which the place is the middle one.
    """
    places = np.linspace(-1, 1, len(column.values))
    values, first, counts = np.unique(column.values, return_index=True, return_counts=True)
    last = first + counts - 1
    terms = []
    if len(values) > 1:
        steps = graph.add("Div", graph.add("Sub", x, constant(graph, values[None, :-1])),
                          constant(graph, np.diff(values)[None]))  # fmt: skip
        steps = graph.add("Clip", steps, constant(graph, 0.0), constant(graph, 1.0))
        terms.append(graph.add("MatMul", steps, constant(graph, (places[first[1:]] - places[last[:-1]])[:, None])))
    repeated = counts > 1
    if repeated.any():
        known = constant(graph, values[None, repeated])
        above = [as_double(graph, graph.add(kind, x, known)) for kind in ("Greater", "GreaterOrEqual")]
        halves = constant(graph, (places[last] - places[first])[repeated, None] / 2)
        terms.append(graph.add("MatMul", graph.add("Add", *above), halves))
    own = constant(graph, -1.0)
    for term in terms:
        own = graph.add("Add", own, term)
    return filled(graph, own, graph.add("IsNaN", x), has_missing=column.has_missing)


@emit_column.register
def _category(column: Category, graph: Graph, x: str) -> list[str]:
    _require_one_empty_word(column)
    words: Array = np.array([column.categories], dtype=object)
    is_it = as_double(graph, graph.add("Equal", x, graph.constant("words", words, dtype=object)))  # (N, categories)
    nothing = graph.constant("nothing", np.array([[""]], dtype=object), dtype=object)
    missing = as_double(graph, graph.add("Equal", x, nothing))
    axis = graph.constant("axis", [1], dtype=np.int64)
    known = graph.add("ReduceSum", is_it, axis, keepdims=1)
    if "" not in column.categories:
        known = graph.add("Add", known, missing)
    other = graph.add("Sub", constant(graph, 1.0), known)
    return [is_it, other, missing] if column.has_missing else [is_it, other]


@emit_column.register
def _indexed(column: Indexed, graph: Graph, x: str) -> list[str]:
    from onnx import TensorProto

    _require_one_empty_word(column)
    numbers = {word: number for number, word in enumerate(column.categories, start=1)}
    if column.has_missing:
        numbers[""] = column.count - 1
    graph.further_operators.add(("ai.onnx.ml", 3))
    settings: dict[str, Any] = {
        "keys_strings": list(numbers),
        "values_int64s": list(numbers.values()),
        "default_int64": 0,
    }
    return [graph.add("Cast", graph.add("LabelEncoder", x, domain="ai.onnx.ml", **settings), to=TensorProto.DOUBLE)]


def _require_one_empty_word(column: Words) -> None:
    if column.has_missing and "" in column.categories:
        raise ConfigurationError(
            where=f"export_onnx: column {column.name!r}",
            received="the empty word as a category, beside missing values",
            expected="words, of which the empty one means that the value is missing",
            fix="give the empty word another name in the training data, or leave its cells missing",
        )


@emit_column.register
def _time_of_day(column: TimeOfDay, graph: Graph, x: str) -> list[str]:
    missing = graph.add("IsNaN", x)
    angle = graph.add("Mul", x, constant(graph, 2 * np.pi / SECONDS_OF_DAY))
    circles = [graph.add("Sin", angle), graph.add("Cos", angle)]
    own = graph.add("Concat", standardized(graph, x, column.mean, column.scale), *circles, axis=1)
    return filled(graph, own, missing, has_missing=column.has_missing)


@emit_column.register
def _time(column: Time, graph: Graph, x: str) -> list[str]:
    missing = graph.add("IsNaN", x)
    known = graph.add("Where", missing, constant(graph, 0.0), x)  # NaN has no whole days
    day, hours = day_and_time(graph, known)
    parts = [standardized(graph, known, column.mean, column.scale)]
    for part in column.parts:
        parts += circle(graph, part, day, hours)
    own = graph.add("Concat", *parts, axis=1)
    return filled(graph, own, missing, has_missing=column.has_missing)
