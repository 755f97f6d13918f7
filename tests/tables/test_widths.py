"""The work on a table grows with its columns, its words and the length of its texts, not with their square."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.tables.amounts import Cell
from glassnet.tables.clocks import ClockForm, DurationForm
from glassnet.tables.moments import date_of

ROWS = 2
LETTERS = 20_000
"""Of each name: comparing two of them, equal but for the end, takes as long as looking up many."""


def _names(count: int) -> list[str]:
    return ["c" * LETTERS + f"{i:06}" for i in range(count)]


def _columns(names: list[str]) -> dict[str, Any]:
    own = np.arange(len(names) * ROWS, dtype=np.float64).reshape(-1, ROWS)
    return {str(bytearray(name, "ascii"), "ascii"): own[i] for i, name in enumerate(names)}  # equal, not the same


def _learn(names: list[str]) -> gn.Table:
    return gn.Table.from_data(_columns(names), names[-1], quantiles=names[:-1:3], ignore=names[1:-1:3])


def _apply(names: list[str]) -> Callable[[], Any]:
    table = gn.Table([gn.tables.Number(name, 0.0, 1.0) for name in names[::-1]])
    return lambda: table.apply(_columns(names))


def _questions(names: list[str]) -> None:
    data = {name: ["a", "b"] for name in names}
    table = gn.Table.from_data({**data, "x": [1.0, 2.0]}, names)
    table.targets(data)
    str(table)


def _predict(names: list[str]) -> Callable[[], Any]:
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "sgd")
    model.feature_names = tuple(names)
    model.network.build((len(names),))
    row = {name: float(i) for i, name in enumerate(_names(len(names)))}

    def work() -> None:
        model.predict([row, row])
        model.predict(_columns(names))

    return work


def _seconds(work: Callable[[], Any]) -> float:
    started = process_time()
    work()
    return process_time() - started


@pytest.mark.parametrize("kind", ["learn", "apply", "questions", "predict"])
def test_time_grows_with_the_columns_and_not_with_their_square(kind: str) -> None:
    works: dict[str, Callable[[list[str]], Callable[[], Any]]] = {
        "learn": lambda names: lambda: _learn(names),
        "apply": _apply,
        "questions": lambda names: lambda: _questions(names),
        "predict": _predict,
    }
    few, many = (works[kind](_names(count)) for count in (100, 1000))
    few()  # loads what is loaded once
    # Ten times the columns: ten times the time; a hundred times where each looks through all others.
    ratio = min(_seconds(many) / min(_seconds(few) for _ in range(3)) for _ in range(2))
    assert ratio < 30


@pytest.mark.parametrize(
    "text",
    ["1{} d", "${}x", "({}", "1{}x", "-{}$", "1 days{}x", "1 days,{}x", "8{}x", "08:00{}x", "2024-01-01{}x"],
)
def test_texts_of_many_spaces_are_read_in_one_pass(text: str) -> None:
    long = text.format(" " * 100_000)
    started = process_time()
    assert Cell.of(long) is None
    assert not date_of(long)
    for form in (ClockForm(), DurationForm()):
        form.value(long)
    assert process_time() - started < 1


def test_numbers_of_more_digits_than_python_reads_are_names() -> None:
    table = gn.Table.from_data({"id": ["1" * 9000, "2" * 9000, "1" * 9000], "x": [1.0, 2.0, 3.0]})
    assert [type(column).__name__ for column in table.columns] == ["Category", "Number"]


def test_names_that_are_compared_for_a_message_may_be_long() -> None:
    data = {"a" * 200_000: [1.0, 2.0], "b" * 200_000: [1.0, 2.0]}
    started = process_time()
    with pytest.raises(gn.ConfigurationError, match="target"):
        gn.Table.from_data(data, "ab" * 100_000)
    assert process_time() - started < 1
