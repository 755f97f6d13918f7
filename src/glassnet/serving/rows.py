"""Rows of a request as what ``Model.predict`` takes: by the names of columns, or by position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from math import isfinite
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np

from glassnet.core.errors import did_you_mean
from glassnet.core.ragged import padded_rows
from glassnet.core.shapes import size_of
from glassnet.model import Model
from glassnet.serving.columns import description_of
from glassnet.serving.openapi import nested, with_all
from glassnet.serving.refusals import UNUSABLE, Refusal, Written, shown
from glassnet.tables import Frame, Ignored, Table
from glassnet.tables.kinds import LARGEST_EXACT
from glassnet.tables.raws import Raw
from glassnet.tables.values import raw_of_values
from glassnet.tables.words import Words

MOST_NAMED = 20
"""Columns that a message names."""
_KINDS = {str: "text", int: "number", float: "number", bool: "truth", type(None): None}
_LARGE = "name"
"""A whole number that float64 may not hold: tables take it for a name."""


class Read(NamedTuple):
    """Rows that were read.

    Attributes:
        parts: what ``Model.predict`` takes, and the numbers of the rows in it, or None for all.
        ignored: names in the rows that the model does not know.
        unknown_words: those of each column that the model has no place for: they count as others.
    """

    parts: list[tuple[Any, list[int] | None]]
    ignored: list[str]
    unknown_words: dict[str, list[str]]


class Inputs(Protocol):
    """What a model takes."""

    def read(self, rows: list[Any], *, single: bool) -> Read:
        """Rows as ``Model.predict`` takes them.

        Raises:
            Refusal: rows of another form.
        """

    def example(self) -> Any:
        """One row."""

    def describe(self) -> dict[str, Any]:
        """What it takes, for people and programs, in what JSON can hold."""

    def schema(self) -> dict[str, Any]:
        """One row as JSON Schema."""


def inputs_of(model: Model) -> Inputs:
    """What the model takes: a table's columns, named numbers, or an array without names."""
    shape = model.network.input_shape or ()
    if isinstance(model.preprocessing, Table):
        return _TableInputs(model.preprocessing)
    names = model.feature_names
    if names is not None and shape == (len(names),) and len(set(names)) == len(names):
        return _NamedInputs(names)
    return _ArrayInputs(shape, takes_shorter=model.ragged)


class _ArrayInputs:
    """Rows as lists of numbers, in lists for images and sequences.

    Args:
        shape: of a row.
        takes_shorter: whether rows may have fewer steps than that, as those of the training had.
    """

    def __init__(self, shape: tuple[int, ...], *, takes_shorter: bool = False) -> None:
        self.shape, self.takes_shorter = shape, takes_shorter

    def read(self, rows: list[Any], *, single: bool) -> Read:
        flat: list[Any] = rows
        for depth, width in enumerate(self.shape):
            if not all(self._fits(item, depth) for item in flat):
                self._refuse_shape(rows, depth, width, single)
            flat = list(chain.from_iterable(flat))
        if not set(map(type, flat)) <= {int, float}:
            self._refuse_number(rows, flat, single)
        try:
            array = np.array(flat)
        except OverflowError:
            array = np.array(flat, dtype=np.float64)
        if array.dtype.kind not in "if":  # beyond 64 bits
            array = np.array(flat, dtype=np.float64)
        lengths = list(map(len, rows)) if self.takes_shorter else []
        if set(lengths) <= {self.shape[0]}:
            return Read([(array.reshape(len(rows), *self.shape), None)], [], {})
        steps = np.split(array.reshape(-1, *self.shape[1:]), np.cumsum(lengths)[:-1])
        return Read([(padded_rows(steps, self.shape[0], where="serve"), None)], [], {})

    def _fits(self, item: Any, depth: int) -> bool:
        if type(item) is not list:
            return False
        width = self.shape[depth]
        return 0 < len(item) <= width if self.takes_shorter and depth == 0 else len(item) == width

    def _refuse_shape(self, rows: list[Any], depth: int, width: int, single: bool) -> NoReturn:
        """Names the first place with another form, as it is written in Python and JavaScript."""
        places: list[tuple[str, Any]] = [(_row_name(number, single), row) for number, row in enumerate(rows)]
        for _ in range(depth):
            places = [(f"{name}[{i}]", item) for name, own in places for i, item in enumerate(own)]
        name, found = next((n, own) for n, own in places if not self._fits(own, depth))
        is_list = isinstance(found, list)
        least = "1 to " if self.takes_shorter and depth == 0 else ""
        shape = " × ".join(map(str, self.shape))
        is_nested = len(self.shape) > 1
        raise Refusal(
            UNUSABLE,
            (
                name,
                f"a list of {len(found):,}" if is_list else shown(found),
                f"a list of {least}{width:,}: a row is {'numbers in lists' if is_nested else 'numbers'}, {shape}",
                "GET /model shows a row",
            ),
            (
                name,
                f"长度为 {len(found):,} 的列表" if is_list else shown(found),
                f"长度为 {least.replace(' to ', '–')}{width:,} 的列表：一行是 {shape} 个数值"
                + ("，按层嵌套" if is_nested else ""),
                "一行的样子见 GET /model",
            ),
        )

    def _refuse_number(self, rows: list[Any], flat: list[Any], single: bool) -> NoReturn:
        number = next(i for i, item in enumerate(flat) if type(item) not in (int, float))
        size = size_of(self.shape[1:])  # of a step, where there are any
        starts = np.cumsum([0, *map(len, rows)])
        row = int(np.searchsorted(starts, number // size, side="right")) - 1
        place = (number // size - starts[row], *np.unravel_index(number % size, self.shape[1:]))
        name = _row_name(row, single) + "".join(f"[{own}]" for own in place)
        raise Refusal(UNUSABLE, *_no_number(name, flat[number]))

    def example(self) -> Any:
        return np.zeros(self.shape, int).tolist()

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": "numbers", "shape": list(self.shape)}
        return found | {"lengths": [1, self.shape[0]]} if self.takes_shorter else found

    def schema(self) -> dict[str, Any]:
        found = nested(self.shape, {"type": "number"})
        return found | {"minItems": 1} if self.takes_shorter else found


class _NamedInputs:
    """Rows as objects with a number for each column, or as lists in the columns' order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._by_place = _ArrayInputs((len(names),))

    def read(self, rows: list[Any], *, single: bool) -> Read:
        if isinstance(rows[0], list):
            return self._by_place.read(rows, single=single)
        unknown = _check_objects(rows, self.names, single, "an object or a list of numbers", "对象或数值列表")
        for number, row in enumerate(rows):
            for name in self.names:
                if type(row[name]) not in (int, float):
                    place = f"{_row_name(number, single)}[{shown(name)}]"
                    raise Refusal(UNUSABLE, *_no_number(place, row[name]))
        listed = [[row[name] for name in self.names] for row in rows]
        return Read(self._by_place.read(listed, single=single).parts, unknown, {})

    def example(self) -> Any:
        return dict.fromkeys(self.names, 0)

    def describe(self) -> dict[str, Any]:
        return {"kind": "columns", "columns": [{"name": name, "kind": "number"} for name in self.names]}

    def schema(self) -> dict[str, Any]:
        by_name = with_all({name: {"type": "number"} for name in self.names})
        return {"anyOf": [by_name, self._by_place.schema()]}


class _TableInputs:
    """Rows as objects with the values of a table's columns, read as in training."""

    def __init__(self, table: Table) -> None:
        self.columns = [own for own in table.columns if not isinstance(own, Ignored)]
        self._names = tuple(own.name for own in self.columns)
        self._known = {own.name for own in table.columns}
        self._table = table
        words = [own for own in self.columns if isinstance(own, Words)]
        self._words = {own.name: (table.form_of(own.name), {word.strip() for word in own.categories}) for own in words}

    def read(self, rows: list[Any], *, single: bool) -> Read:
        """Reads them.

        A row's values never mean something else for what stands in other rows: where a column has texts and numbers,
        which would all be read as texts, each kind is read on its own, with the rows that have it.
        """
        unknown = _check_objects(rows, self._names, single, "an object", "对象")
        columns = {name: [row[name] for row in rows] for name in self._names}
        mixed = {name: kinds for name in self._names if len(set(kinds := self._kinds(name, columns[name], single))) > 1}
        ignored = [name for name in unknown if name not in self._known]
        if not any(len(set(kinds) - {None}) > 1 for kinds in mixed.values()):
            return Read([(columns, None)], ignored, self._unknown_words(columns))
        first = {name: next(kind for kind in kinds if kind) for name, kinds in mixed.items()}
        signs = [tuple(kinds[row] or first[name] for name, kinds in mixed.items()) for row in range(len(rows))]
        parts: list[tuple[Any, list[int] | None]] = []
        alike: dict[tuple[str, ...], list[int]] = {}
        for row, sign in enumerate(signs):
            alike.setdefault(sign, []).append(row)
        for chosen in alike.values():
            own = {name: _numbered(name, [values[row] for row in chosen], chosen) for name, values in columns.items()}
            parts.append((Frame(own), chosen))
        return Read(parts, ignored, self._unknown_words(columns))

    def _unknown_words(self, columns: dict[str, list[Any]]) -> dict[str, list[str]]:
        found = {}
        for name, (form, words) in self._words.items():
            texts = {_text(value): None for value in columns[name] if value is not None}
            others = [text for text in texts if not form.is_missing(text) and form.value(text) not in words]
            if others:
                found[name] = others[:MOST_NAMED]
        return found

    def _kinds(self, name: str, values: list[Any], single: bool) -> list[str | None]:
        """What each value is: a text, a number, truth, or nothing."""
        try:
            return [_LARGE if type(v) is int and abs(v) >= LARGEST_EXACT else _KINDS[type(v)] for v in values]
        except KeyError:
            number = next(i for i, value in enumerate(values) if type(value) not in _KINDS)
            place = f"{_row_name(number, single)}[{shown(name)}]"
            raise Refusal(UNUSABLE, *self._no_cell(place, values[number])) from None

    def _no_cell(self, place: str, value: Any) -> tuple[Written, Written]:
        return (
            (place, shown(value), "a number, a text, true, false or null", "give each column of a row one value"),
            (place, shown(value), "数值、文本、true、false 或 null", "一行中每一列只能有一个值"),
        )

    def example(self) -> Any:
        return {own.name: description_of(own, self._table).example for own in self.columns}

    def describe(self) -> dict[str, Any]:
        return {"kind": "columns", "columns": [description_of(own, self._table).to_json() for own in self.columns]}

    def schema(self) -> dict[str, Any]:
        return with_all({own.name: description_of(own, self._table).schema() for own in self.columns})


def _numbered(name: str, values: list[Any], rows: list[int]) -> Raw:
    """Some rows of a column, which messages call by their numbers in the request."""
    return replace(raw_of_values(name, values, where="Table.apply", rows=rows), lines=rows, unit="row")


def _text(value: Any) -> str:
    """A value of a column of words as a trimmed text, as tables name it."""
    if isinstance(value, float) and isfinite(value) and value == int(value):
        value = int(value)
    return str(value).strip()


def _row_name(number: int, single: bool) -> str:
    return "row" if single else f"rows[{number}]"


def _check_objects(rows: list[Any], names: tuple[str, ...], single: bool, expected: str, chinese: str) -> list[str]:
    """Refuses rows that are no objects with all the names; the names beside them, in their order."""
    others: dict[str, None] = {}
    known = set(names)
    for number, row in enumerate(rows):
        place = _row_name(number, single)
        if not isinstance(row, dict):
            raise Refusal(
                UNUSABLE,
                (place, shown(row), f"{expected} with the columns {_some(names)}", "GET /model shows a row"),
                (place, shown(row), f"{chinese}，含有列 {_some(names)}", "一行的样子见 GET /model"),
            )
        if not known <= row.keys():
            raise Refusal(UNUSABLE, *_missing(place, row, names))
        if len(row) > len(names):
            others |= dict.fromkeys(name for name in row if name not in known)
    return list(others)[:MOST_NAMED]


def _missing(place: str, row: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Written, Written]:
    absent = [name for name in names if name not in row]
    others = [name for name in row if name not in names]
    hint = did_you_mean(absent[0], others)
    near = hint.removeprefix("did you mean ").removesuffix("? ")
    return (
        (
            place,
            f"no {'columns' if len(absent) > 1 else 'column'} {_some(absent)}",
            f"the columns {_some(names)}",
            f"{f'is {near} meant for it? ' if hint else ''}add what is missing; null where a value is not known",
        ),
        (
            place,
            f"缺少列 {_some(absent)} 的数据",
            f"含有列 {_some(names)}",
            f"{f'是否把它写成了 {near}？' if hint else ''}请补上缺少的列；未知的值写 null",
        ),
    )


def _some(names: Any) -> str:
    """The names as JSON, not all of many."""
    listed = [shown(name) for name in list(names)[:MOST_NAMED]]
    return ", ".join(listed) + (f", ... ({len(names)})" if len(names) > MOST_NAMED else "")


def _no_number(place: str, value: Any) -> tuple[Written, Written]:
    return (
        (place, shown(value), "a number", "send a number, without quotation marks"),
        (place, shown(value), "数值", "请发送不带引号的数值"),
    )
