"""What is odd about columns and rows is said; what only looks odd is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet.tables import Reading
from glassnet.tables.frame import Frame
from glassnet.tables.frames import columns_of
from glassnet.tables.reading import read_columns
from glassnet.tables.suspects import repeated_rows
from glassnet.tables.suspects import suspects as suspects_with

N = 60
RNG = np.random.default_rng(0)
AMOUNT = RNG.normal(50, 20, N)
KIND = np.array(["cat", "dog", "owl"])[np.arange(N) % 3]


def suspects(*given: Any) -> list[str]:
    return suspects_with(*given, leave_out=lambda name: f"--ignore {name}")


def frame(columns: dict[str, Any]) -> Frame:
    raws = columns_of(columns, where="test")
    return Frame(read_columns(raws.values(), Reading(), answers=(), words=()))


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        ("PassengerId", RNG.permutation(N) * 7 + 100, "has another number in every row"),
        ("customer_id", RNG.choice(10**8, N, replace=False), "has another number in every row"),
        ("anything", np.arange(1, N + 1), "counts the rows (1 to 60)"),
        ("shuffled", RNG.permutation(N), "counts the rows (0 to 59)"),
        ("with gaps", np.arange(N) * 2 + 5, "counts the rows"),
        ("downwards", np.arange(N)[::-1], "counts the rows"),
        ("name", [f"Mrs. {k}x" for k in range(N)], "has another word in every row"),
        ("nearly", [f"Mr. {k}x" for k in [0, *range(N - 1)]], "has another word in nearly every row"),
    ],
)
def test_columns_that_name_rows(name: str, column: Any, words: str) -> None:
    (said,) = suspects(frame({name: column, "y": KIND}), [name], ["y"])
    assert words in said
    assert f"column {name!r}" in said
    assert "--ignore" in said


@pytest.mark.parametrize(
    ("column", "target", "words"),
    [
        (KIND, KIND, "is the same as 'y'"),
        (np.arange(N) % 3 * 10, KIND, "is 'y' in other words"),
        ([None if k % 7 == 0 else k % 3 for k in range(N)], KIND, "is 'y' in other words"),
        (np.arange(N) % 2 == 0, np.array(["no", "yes"])[np.arange(N) % 2], "is 'y' in other words"),
        ([1.5 * k if k % 2 else None for k in range(N)], np.arange(N) % 2, "is filled in for one class of 'y' only"),
        (AMOUNT, AMOUNT, "is the same as 'y'"),
        (AMOUNT * 1.8 + 32, AMOUNT, "is a linear function of 'y'"),
        (-(AMOUNT * 1.1).round(2), AMOUNT, "is a linear function of 'y'"),
        (np.exp(AMOUNT / 30), AMOUNT, "puts the rows in the same order as 'y'"),
        (np.where(np.arange(N) == 5, np.nan, AMOUNT), AMOUNT, "is the same as 'y'"),
    ],
)
def test_copies_of_the_answer(column: Any, target: Any, words: str) -> None:
    (said,) = suspects(frame({"x": column, "y": target}), ["x"], ["y"])
    assert words in said
    assert "gives the answer away" in said


def test_a_wild_value_in_both_is_no_line() -> None:
    wild = np.where(np.arange(N) == 5, 1e9, 0.0)
    x, y = AMOUNT + wild, RNG.normal(size=N) + 3 * wild
    assert suspects(frame({"x": x, "y": y}), ["x"], ["y"]) == []
    (said,) = suspects(frame({"x": x, "y": x * 2.5 - 7}), ["x"], ["y"])
    assert "is a linear function of 'y'" in said
    few = np.where(np.arange(N) % 9 == 0, x, 0.0)  # mostly 0
    assert suspects(frame({"x": few, "y": np.where(np.arange(N) % 7 == 0, y, 0.0)}), ["x"], ["y"]) == []


@pytest.mark.parametrize(
    ("column", "target"),
    [
        (AMOUNT, KIND),  # all different, but no id
        (RNG.choice(100_000, N, replace=False), KIND),  # whole amounts, all different
        (RNG.permutation(np.arange(18, 18 + 2 * N, 2)), KIND),
        (np.array(["a", "b"])[(np.arange(N) % 3 == 0).astype(int)], KIND),  # fewer words than classes
        (np.arange(N) % 6, KIND),  # tells the class, as one of more
        (AMOUNT + RNG.normal(0, 0.5, N), AMOUNT),  # close, but no copy
        ([None if k % 5 == 0 else k * k for k in range(N)], np.array(["a", "b"])[np.arange(N) % 2]),
        (np.repeat(["x", "y", "z"], N // 3), KIND),
    ],
)
def test_no_false_alarms(column: Any, target: Any) -> None:
    assert suspects(frame({"x": column, "y": target}), ["x"], ["y"]) == []


def test_few_rows_are_not_suspected() -> None:
    assert suspects(frame({"x": range(8), "y": range(8)}), ["x"], ["y"]) == []


def test_rows_on_both_sides() -> None:
    x, z = RNG.normal(size=(2, N))
    training, held = frame({"x": x, "z": z, "y": KIND}), frame({"x": x[:5] + 1, "z": z[:5], "y": KIND[:5]})
    assert repeated_rows(training, held, ["x", "z"], ["y"]) is None
    some = np.array([9.0, x[3], 8.0, x[7], 7.0])
    held = frame({"x": some, "z": [1.5, z[3], 2.5, z[7], 3.5], "y": ["cat", KIND[3], "cat", "none", "cat"]})
    said = repeated_rows(training, held, ["x", "z"], ["y"])
    assert said is not None
    assert said.startswith("2 of 5 test rows stand among the rows to train with, too (row 1, row 3), 1 with the same")
    assert "--group" in said


def test_rows_that_meet_by_chance() -> None:
    words, places = np.array(["a", "b"])[np.arange(N) % 2], RNG.integers(0, 40, N)
    few = frame({"w": words, "p": places, "y": KIND, "z": AMOUNT})
    held = frame({"w": words[::2], "p": places[::2], "y": KIND[::2], "z": AMOUNT[::2] + 1})
    assert repeated_rows(few, held, ["w"], ["y"]) is None
    assert repeated_rows(few, held, ["w", "p"], ["z"]) is None
    again = frame({"w": words[::2], "p": places[::2], "z": AMOUNT[::2]})
    said = repeated_rows(few, again, ["w", "p"], ["z"])
    assert said is not None
    assert said.startswith("30 of 30 test rows stand among the rows to train with, too")
