"""Tables: what is learned of columns, by every route the same, kept in the file; and what cannot be learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import glassnet as gn
from glassnet.tables import Category, Column, Ignored, Number, Quantiles, Table, Time, Truth

N = 120
RNG = np.random.default_rng(0)
TOWNS = RNG.choice(["Ulm", "Bern", "Graz"], N, p=[0.5, 0.3, 0.2])
DATA: dict[str, Any] = {
    "age": [None if i % 10 == 0 else float(v) for i, v in enumerate(RNG.integers(18, 80, N))],
    "income": RNG.lognormal(10, 2, N).tolist(),
    "town": [None if i == 7 else str(t) for i, t in enumerate(TOWNS)],
    "member": [bool(v) for v in RNG.integers(0, 2, N)],
    "since": [datetime(2020, 1 + i % 12, 1 + i % 28, i % 24, 30) for i in range(N)],
    "always": ["x"] * N,
    "never": [None] * N,
}
DATA["buys"] = ["yes" if t == "Ulm" and m else "no" for t, m in zip(DATA["town"], DATA["member"], strict=True)]


def frames(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "mapping": data,
        "pandas": pandas.DataFrame(data),
        "polars": polars.DataFrame(data),
        "pyarrow": pyarrow.table(data),
        "arrays": {name: np.array(values, dtype=None if name == "income" else object) for name, values in data.items()},
    }


FRAMES = frames(DATA)


@pytest.fixture(scope="module")
def table() -> Table:
    return Table.from_data(DATA, target="buys", quantiles=["income"])


def column(table: Table, name: str) -> Column:
    return next(c for c in table.columns if c.name == name)


def test_what_is_learned(table: Table) -> None:
    age, town, since = column(table, "age"), column(table, "town"), column(table, "since")
    known = np.array([v for v in DATA["age"] if v is not None])
    assert isinstance(age, Number)
    assert (age.mean, age.scale, age.has_missing) == (pytest.approx(known.mean()), pytest.approx(known.std()), True)
    assert isinstance(town, Category)
    assert town.categories == ("Ulm", "Bern", "Graz")  # by their frequency
    assert isinstance(since, Time)
    assert since.parts == ("month", "weekday", "hour")
    assert isinstance(column(table, "income"), Quantiles)
    assert isinstance(column(table, "member"), Truth)
    reasons = {c.name: c.reason for c in table.columns if isinstance(c, Ignored)}
    assert reasons == {"always": "always 'x'", "never": "no values"}
    assert (table.class_names, table.outputs, table.loss) == (("no", "yes"), 2, "cross_entropy")
    assert "3 categories: Ulm, Bern, Graz, some missing" in str(table)
    assert "to predict: buys, 2 classes: no, yes" in str(table)


def test_how_values_become_numbers(table: Table) -> None:
    x = dict(zip(table.features, table.apply(DATA).T, strict=True))
    assert x["age"][0] == 0  # missing: the mean, and a feature that says so
    assert x["age missing"][:11].tolist() == [1] + [0] * 9 + [1]
    assert x["age"][1:10].tolist() == [pytest.approx((v - column(table, "age").mean) / column(table, "age").scale)  # type: ignore[attr-defined]
                                       for v in DATA["age"][1:10]]  # fmt: skip
    assert [x[f"town={t}"][7] for t in ("Ulm", "Bern", "Graz", "other")] == [0] * 4
    assert x["town missing"].sum() == 1
    np.testing.assert_array_equal(x["member"], DATA["member"])
    order = np.argsort(DATA["income"])
    assert np.all(np.diff(x["income"][order]) >= 0)
    assert (x["income"].min(), x["income"].max()) == (-1, 1)
    january, july = DATA["since"][0], DATA["since"][6]
    assert (january.month, july.month) == (1, 7)
    assert x["since cos month"][[0, 6]].tolist() == pytest.approx([1, -1])
    assert x["since sin hour"][3] == pytest.approx(math.sin(2 * math.pi * 3.5 / 24))
    weekday = 2 * math.pi * january.weekday() / 7
    assert (x["since sin weekday"][0], x["since cos weekday"][0]) == pytest.approx(
        (math.sin(weekday), math.cos(weekday))
    )


@pytest.mark.parametrize("route", FRAMES)
def test_every_route_gives_the_same(route: str, table: Table) -> None:
    learned = Table.from_data(FRAMES[route], target="buys", quantiles=["income"])
    assert repr(learned) == repr(table)
    np.testing.assert_array_equal(table.apply(FRAMES[route]), table.apply(DATA))
    np.testing.assert_array_equal(table.targets(FRAMES[route]), table.targets(DATA))


def test_a_plain_array_gives_the_same_as_its_frame() -> None:
    x = RNG.normal(size=(30, 3))
    table = Table.from_data(x)
    assert table.features == ("x0", "x1", "x2")
    np.testing.assert_array_equal(table.apply(x), table.apply(polars.DataFrame(x, schema=["x0", "x1", "x2"])))
    np.testing.assert_allclose(table.apply(x), gn.Standardize.from_data(x).apply(x), rtol=1e-12)


def test_raw_tables_in_predictions_out_of_one_file(table: Table, tmp_path: Path) -> None:
    net = gn.Sequential(gn.Dense(16), "relu", gn.Dense(table.outputs))
    model = gn.Model(net, table.loss, gn.Adam(0.02), ["accuracy"], seed=1)
    model.preprocessing, model.class_names = table, table.class_names
    model.fit(FRAMES["polars"], table.targets(DATA), epochs=60, verbose=False)
    assert model.evaluate(FRAMES["pandas"], table.targets(DATA))["accuracy"] > 0.97
    model.save(tmp_path / "model.safetensors")
    again = gn.load(tmp_path / "model.safetensors")
    assert repr(again.preprocessing) == repr(table)
    new = polars.DataFrame({
        "town": ["Ulm", "Paris", None], "member": [True, None, False], "unknown": [1, 2, 3],
        "since": [date(2021, 5, 5)] * 3, "income": [1.0, 1e9, None], "age": [30, 40, 50],
    })  # fmt: skip
    with pytest.warns(gn.DataWarning, match="1 of 3 rows of 'town' is a category never seen, such as 'Paris'"):
        x = dict(zip(table.features, table.apply(new).T, strict=True))
    assert x["town=other"].tolist() == [0, 1, 0]
    assert x["member"].tolist() == [1, 0.5, 0]
    assert x["income"].tolist() == [-1, 1, 0]
    with pytest.warns(gn.DataWarning, match="^predict: x: .*'Paris'"):
        outputs, others, labels = again.predict(new), model.predict(new), again.predict_classes(new)
    np.testing.assert_array_equal(outputs, others)
    assert labels[0] == 1


def test_several_amounts(tmp_path: Path) -> None:
    data = {"a": RNG.normal(size=50), "b": RNG.normal(size=50)}
    data |= {"y": data["a"] * 3, "z": data["b"] - data["a"]}
    table = Table.from_data(data, target=["y", "z"])
    assert (table.outputs, table.loss, table.class_names) == (2, "mean_squared_error", None)
    np.testing.assert_array_equal(table.targets(data), np.stack([data["y"], data["z"]], axis=1))
    assert "to predict: y, z, in numbers" in str(table)


def test_several_questions(tmp_path: Path) -> None:
    """One class for each column of classes, answered side by side."""
    rng = np.random.default_rng(0)
    data: dict[str, Any] = {"a": rng.normal(size=300), "b": rng.normal(size=300)}
    data["colour"] = np.select([data["a"] > 0.5, data["a"] > -0.5], ["red", "green"], "blue").tolist()
    data["stars"] = np.where(data["b"] > 0, 5, 1).tolist()
    data["sure"] = (data["a"] > data["b"]).tolist()
    table = Table.from_data(data, target=["colour", "stars", "sure"])
    assert table.questions == {"colour": ("blue", "green", "red"), "stars": ("1", "5"), "sure": ("False", "True")}
    assert (table.outputs, table.class_names, repr(table.loss)) == (7, None, "JointCrossEntropy((3, 2, 2))")
    assert "to predict: colour, 3 classes: blue, green, red; stars, 2 classes: 1, 5; sure, 2 classes" in str(table)
    labels = table.targets(data)
    assert labels.shape == (300, 3)
    for route in frames(data).values():
        np.testing.assert_array_equal(table.targets(route), labels)

    net = gn.Sequential(gn.Dense(16), "relu", gn.Dense(table.outputs))
    model = gn.Model(net, table.loss, gn.Adam(0.03), ["accuracy", "roc_auc", "log_loss"])
    model.preprocessing = table
    model.fit(data, labels, epochs=30, validation_split=0.2, verbose=False)
    measured = model.evaluate(data, labels)
    assert measured["accuracy"] > 0.95
    assert measured["log_loss"] == pytest.approx(measured["loss"] / 3, rel=1e-5)
    model.save(tmp_path / "model.safetensors")
    again = gn.load(tmp_path / "model.safetensors")
    assert again.evaluate(data, labels) == pytest.approx(measured)
    assert isinstance(again.preprocessing, Table)
    words = again.preprocessing.words(again.predict_classes({"a": [2.0, -2.0], "b": [-2.0, 2.0]}))
    assert words.tolist() == [["red", "1", "True"], ["blue", "5", "False"]]
    with pytest.raises(gn.DataError, match="column 'stars': received the class '3' in row 1"):
        table.targets(data | {"stars": [5, 3] * 150})


def test_words_of_one_question_and_of_none(table: Table) -> None:
    assert table.questions == {"buys": ("no", "yes")}
    assert table.words(np.array([1, 0, 1])).tolist() == ["yes", "no", "yes"]
    amounts = Table.from_data({"x": [1, 2, 3], "y": [0.5, 1.5, 2.5]}, "y")
    assert amounts.questions == {}
    for other, words in ((amounts, "y, in numbers"), (Table.from_data({"x": [1, 2]}), "a table for nothing")):
        with pytest.raises(gn.ConfigurationError, match=words):
            other.words(np.array([0]))


@pytest.mark.parametrize(
    ("targets", "task", "kind"),
    [
        ({"y": [1, 2, 3, 1], "z": [0, 1, 0, 1]}, "auto", "Questions"),
        ({"y": [1, 2, 3, 1], "z": ["a", "b", "a", "b"]}, "auto", "Questions"),
        ({"y": [1, 2, 3, 1], "z": [0.5, 1, 0, 1]}, "auto", "Answers"),  # beside an amount whole numbers are amounts
        ({"y": [1, 2, 3, 1], "z": [0, 1, 0, 1]}, "regression", "Answers"),
        ({"y": [0.5, 1.5, 0.5, 1.5], "z": ["a", "b", "a", "b"]}, "classification", "Questions"),
    ],
)
def test_several_targets_are_of_one_kind(targets: dict[str, Any], task: str, kind: str) -> None:
    table = Table.from_data({"x": [1, 2, 3, 4], **targets}, list(targets), task=task)
    assert type(table.target).__name__ == kind


def test_classes_and_amounts_together_are_refused() -> None:
    data = {"x": [1, 2, 3], "y": [0.5, 1.5, 2.5], "z": ["a", "b", "a"]}
    with pytest.raises(gn.ConfigurationError, match="both kinds: 'y' amounts, 'z' classes.*a model for each"):
        Table.from_data(data, ["y", "z"])
    with pytest.raises(gn.DataError, match="column 'z': received words"):
        Table.from_data(data, ["y", "z"], task="regression")


@pytest.mark.parametrize(
    ("target", "task", "found"),
    [
        ([1, 2, 3, 1], "auto", ("1", "2", "3")),
        ([10, 9, 10, 9], "auto", ("9", "10")),
        ([1.5, 2, 3, 1], "auto", None),
        ([1, 2, 3, 1], "regression", None),
        ([1.5, 2.5, 1.5, 2.5], "classification", ("1.5", "2.5")),
        ([True, False, True, True], "auto", ("False", "True")),
        (["b", "a", "b", "c"], "auto", ("a", "b", "c")),
    ],
)
def test_the_task_is_that_of_the_target(target: list[Any], task: str, found: tuple[str, ...] | None) -> None:
    table = Table.from_data({"x": [1, 2, 3, 4], "y": target}, target="y", task=task)
    assert table.class_names == found
    y = table.targets({"y": target})
    assert y.shape == ((4,) if found else (4, 1))
    if found:
        assert [table.class_names[k] for k in y] == [str(v) for v in target]  # type: ignore[index]


def test_numbers_as_categories_and_many_words() -> None:
    words = [f"w{i:05}" for i in range(10_000)] + ["common"] * 5
    table = Table.from_data(
        {"zip": [1000 + i % 3 for i in range(10_005)], "id": words, "x": range(10_005)}, categories=["zip"]
    )
    codes, ids = table.columns[0], table.columns[1]
    assert isinstance(codes, Category)
    assert codes.categories == ("1000", "1001", "1002")
    assert isinstance(ids, Category)
    assert (len(ids.categories), ids.categories[0], ids.rare) == (64, "common", 10_001 - 64)
    assert "9,937 rare ones share a place" in str(table)
    with pytest.warns(gn.DataWarning, match="^Table.apply: 1 of 2 rows of 'zip' is a category never seen, such as '7"):
        new = table.apply({"zip": [1001.0, 7], "id": ["w09999", "w00000"], "x": [0, 1]})
    x = dict(zip(table.features, new.T, strict=True))
    assert x["zip=1001"].tolist() == [1, 0]
    assert x["zip=other"].tolist() == [0, 1]
    assert x["id=other"].tolist() == [1, 0]


def test_mixed_types_are_words_and_time_zones_keep_their_clocks() -> None:
    mixed = {"mixed": [1, "a", 2.5, None], "x": [1, 2, 3, 4]}
    with pytest.raises(gn.DataError, match="the text 'a' in row 1, in a column of numbers"):
        Table.from_data(mixed)
    table = Table.from_data(mixed, categories="mixed")
    assert table.columns[0].features == ("mixed=1", "mixed=2.5", "mixed=a", "mixed=other", "mixed missing")
    times = [datetime(2020, 1, 1, 6, tzinfo=timezone.utc), datetime(2020, 3, 1, 18, tzinfo=timezone.utc)]  # noqa: UP017
    x = Table.from_data(polars.DataFrame({"t": times})).apply(polars.DataFrame({"t": times}))
    assert x.shape == (2, 7)
    np.testing.assert_allclose(x[:, 5], [1, -1], atol=1e-12)  # the sine of the hour


TWO = {"x": [1.0, 2.0], "y": [0, 1]}


@pytest.mark.parametrize(
    ("data", "target", "error", "words"),
    [
        ({"x": [1, 1], "y": [0, 1]}, "y", gn.DataError, "x: ignored: always 1"),
        ({"x": [1, 2], "y": [5, 5]}, "y", gn.DataError, "the class '5' in every row"),
        ({"x": [1, 2], "y": ["a", None]}, "y", gn.DataError, r"column 'y': received no value in row 1"),
        ({"x": [1, math.inf], "y": [0, 1]}, "y", gn.DataError, r"column 'x': received inf in row 1"),
        ({"x": [1, 2], "y": [0.5, math.inf]}, "y", gn.DataError, "no value in row 1"),
        ({"x": [1, 2], "y": [0]}, "y", gn.DataError, "different lengths"),
        (TWO, "z", gn.ConfigurationError, "target='z', expected one of the columns x, y"),
        (TWO, ["y", "y"], gn.ConfigurationError, "the targets y, y"),
        ({}, None, gn.DataError, "without rows or columns"),
        ({"x": []}, None, gn.DataError, "without rows or columns"),
        ([1, 2], None, gn.DataError, "a list"),
        (np.ones(3), None, gn.DataError, r"an array of shape \(3,\)"),
        (pandas.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), None, gn.DataError, "several columns called 'a'"),
    ],
)
def test_what_cannot_be_learned(data: Any, target: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Table.from_data(data, target)


@pytest.mark.parametrize("build", [dict, pandas.DataFrame, polars.DataFrame, pyarrow.table])
def test_a_name_with_a_slip_is_recognised(build: Callable[[Any], Any]) -> None:
    table = Table.from_data({"x": [1, 2, 3], "town": ["a", "b", "a"]})
    with pytest.raises(gn.DataError, match="without the column 'town'.*did you mean 'Town'"):
        table.apply(build({"x": [1.0], "Town": ["a"], "more": [1]}))
    with pytest.raises(gn.ConfigurationError, match="did you mean 'town'"):
        Table.from_data(build({"x": [1, 2, 3], "town": ["a", "b", "a"]}), "tow")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"x": [1, 2]}, "without the column 'town'"),
        (
            {"x": ["one", "two"], "town": ["a", "b"]},
            r"column 'x': received the text 'one' in row 0, in a column of numbers",
        ),
        ({"x": [1], "town": [datetime(2020, 1, 1)]}, "column 'town': received times"),
    ],
)
def test_what_cannot_be_predicted(data: Any, words: str) -> None:
    table = Table.from_data({"x": [1, 2, 3], "town": ["a", "b", "a"]})
    with pytest.raises(gn.DataError, match=words):
        table.apply(data)
    with pytest.raises(gn.ConfigurationError, match="without a target"):
        table.targets(data)


def test_targets_that_were_not_there() -> None:
    table = Table.from_data({"x": [1, 2], "y": ["a", "b"]}, "y")
    with pytest.raises(gn.DataError, match="the class 'c' in row 1"):
        table.targets({"y": ["a", "c"]})
    with pytest.raises(gn.DataError, match="without the column 'y'"):
        table.targets({"x": [1]})


def test_a_table_with_words_goes_to_c(table: Table, tmp_path: Path) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "adam")
    model.preprocessing = table
    model.fit(DATA, table.targets(DATA), verbose=False)
    _, header = gn.interop.export_c(model, tmp_path / "model.c")
    assert "const char *" in header.read_text()


def test_frames_need_narwhals(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[tables\]"):
        Table.from_data(FRAMES["polars"])
    assert Table.from_data({"x": [1, 2]}).features == ("x",)
