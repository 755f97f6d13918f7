"""What may be chosen, and what the models for tables and images take afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.tuning.ranges import as_space

pytest.importorskip("optuna")
RNG = np.random.default_rng(0)
FAST: dict[str, Any] = {"trials": 2, "epochs": 1, "verbose": False}


def test_ranges_are_read_as_they_are_written() -> None:
    given = {"a": (1, 8), "b": (1, 8.0), "c": ["x", None, True], "d": 3, "e": gn.tuning.Range(1e-3, 1.0, log=True)}
    space = as_space(given)
    assert {name: repr(entry) for name, entry in space.items()} == {
        "a": "Range(1, 8)",
        "b": "Range(1.0, 8.0)",
        "c": "('x', None, True)",
        "d": "(3,)",
        "e": "Range(0.001, 1.0, log=True)",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": (8, 2)},
        {"units": (3, 3)},
        {"units": (0, float("inf"))},
        {"units": []},
        {"units": [1, 1]},
        {"units": [float("nan")]},
        {"units": [[1]]},
        {"units": (1, 2, 3)},
        {"unit": (1, 2)},
        [("units", 3)],
        {"activation": ["relo"]},
    ],
)
def test_what_is_no_space_is_refused(wrong: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="tune|Range"):
        gn.tune("tables", np.ones((9, 2)), np.arange(9) % 2, space=wrong, **FAST)
    with pytest.raises(gn.ConfigurationError):
        gn.tuning.Range(0, 3, log=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"trials": 0},
        {"wave": 1.5},
        {"halving": 1},
        {"validation": 1.0},
        {"validation": (1,)},
        {"metric": "acuracy"},
        {"metric": 3},
        {"mode": "best"},
        {"timeout": -1},
        {"workers": 0},
        {"build": "trees"},
        {"storage": "/nowhere/a.study"},
        {"storage": 3},
        {"callbacks": "abc"},
        {"callbacks": print},
        {"y": None},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    given = {"build": "tables", "x": np.ones((9, 2)), "y": np.arange(9) % 2} | FAST | wrong
    with pytest.raises(gn.ConfigurationError):
        gn.tune(**given)


@pytest.mark.parametrize("build", ["tables", "images", lambda trial: None])
def test_data_without_rows_or_of_different_length_are_refused(build: Any) -> None:
    x, y = np.ones((9, 6, 6)), np.arange(9) % 2
    for wrong in ((x[:0], y[:0]), (x[:1], y[:1]), (3, y)):
        with pytest.raises(gn.DataError, match="tune"):
            gn.tune(build, *wrong, **FAST)
    with pytest.raises(gn.ShapeError, match="8 rows, expected 9"):
        gn.tune(build, x, y[1:], **FAST)


def frame(rows: int = 80) -> dict[str, Any]:
    age, town = RNG.normal(40, 9, rows), RNG.choice(["Ulm", "Bern"], rows)
    return {"age": age, "town": town, "pays": 3 * age + 20 * (town == "Ulm"), "buys": np.where(age > 40, "yes", "no")}


def test_a_table_is_taken_as_it_is() -> None:
    data = frame()
    columns = {name: data[name] for name in ("age", "town", "buys")}
    found = gn.tune("tables", columns, "buys", metric="accuracy", **FAST)
    assert found.model.class_names == ("no", "yes")
    assert found.model.target_name == "buys"
    assert found.model.predict_classes({"age": [20, 60], "town": ["Ulm", "Bern"]}).shape == (2,)
    amounts = {name: data[name] for name in ("age", "town", "pays")}
    table = gn.Table.from_data(amounts, "pays")
    found = gn.tune("tables", amounts, table, **FAST)
    assert found.model.preprocessing is table
    assert 50 < float(found.model.predict({"age": [40], "town": ["Ulm"]})[0, 0]) < 250  # in the amounts' own unit


def test_a_frame_for_a_function_of_ones_own() -> None:
    data = frame()
    columns = {name: data[name] for name in ("age", "town", "buys")}

    def build(units: int) -> gn.Model:
        return gn.Model(gn.Sequential(gn.Dense(units), "relu", gn.Dense(2)), "cross_entropy", "adam")

    polars = pytest.importorskip("polars")
    found = gn.tune(build, polars.DataFrame(columns), "buys", space={"units": (2, 4)}, **FAST)
    assert set(found.model.predict_classes(columns)) <= {0, 1}
    assert isinstance(found.model.preprocessing, gn.Table)


def test_targets_beside_a_frame() -> None:
    data = frame()
    columns = {name: data[name] for name in ("age", "town")}
    polars = pytest.importorskip("polars")
    later = {name: values[:9] for name, values in columns.items()}, data["buys"][:9]
    found = gn.tune("tables", polars.DataFrame(columns), polars.Series("buys", data["buys"]), validation=later, **FAST)
    assert (found.model.class_names, found.model.target_name) == (("no", "yes"), "buys")
    assert found.rows == (80, 9)
    assert gn.tune("tables", columns, data["pays"], **FAST).model.target_name == "target"
    with pytest.raises(gn.ShapeError, match="tune: y"):
        gn.tune("tables", columns, data["pays"][1:], **FAST)
    with pytest.raises(gn.DataError, match="beside a column 'age'"):
        gn.tune("tables", columns, polars.Series("age", data["pays"]), **FAST)
    with pytest.raises(gn.GlassnetError, match="did you mean 'buys'"):
        gn.tune("tables", columns | {"buys": data["buys"]}, "bys", **FAST)


def test_whole_numbers_that_look_like_amounts_are_asked_about() -> None:
    x, y = RNG.normal(size=(60, 2)), np.arange(60)
    with pytest.raises(gn.DataError, match=r"60 different whole numbers.*astype"):
        gn.tune("tables", x, y, **FAST)
    assert not gn.tune("tables", x, y.astype(float), **FAST).model.loss.decides_classes
    halves = (y % 2).astype(float)
    assert gn.tune("tables", x, halves, **FAST).model.loss.decides_classes
    assert not gn.tune("tables", x, halves[:, None], **FAST).model.loss.decides_classes


def test_a_metric_that_no_model_measures_is_named() -> None:
    def build(trial: Any) -> gn.Model:
        return gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "adam", metrics=["f1"])

    with pytest.raises(gn.ConfigurationError, match="'accuracy', expected something that the model measures: loss, f1"):
        gn.tune(build, np.ones((9, 2)), np.arange(9) % 2, metric="accuracy", **FAST)


@pytest.mark.parametrize("targets", ["classes", "words", "amounts", "labels"])
def test_targets_of_every_kind(targets: str) -> None:
    x = RNG.normal(size=(60, 3))
    first = x[:, 0] > 0
    y: Any = {
        "classes": first.astype(int),
        "words": np.where(first, "up", "down"),
        "amounts": 100 + 9 * x[:, 0],
        "labels": np.stack([first, x[:, 1] > 0], 1).astype(float),
    }[targets]
    model = gn.tune("tables", x, y, **FAST).model
    assert model.loss.decides_classes == (targets != "amounts")
    assert model.class_names == (("down", "up") if targets == "words" else None)
    if targets == "amounts":
        assert abs(float(model.predict(x).mean()) - 100) < 30


@pytest.mark.parametrize("network", ["small_cnn", "lenet5", "vgg_bn", "resnet"])
def test_images_of_every_network(network: str) -> None:
    x, y = RNG.normal(size=(24, 6, 6)), np.arange(24) % 3
    space = {"network": network, "width": (2, 4), "stages": (1, 3)}
    found = gn.tune("images", x, y, space=space, trials=1, epochs=1, verbose=False)
    assert found.model.predict(x).shape == (24, 3)
    assert found.best.settings["network"] == network


def test_rows_that_are_no_images_are_refused() -> None:
    with pytest.raises(gn.ShapeError, match="images"):
        gn.tune("images", np.ones((9, 64)), np.arange(9) % 2, **FAST)


def test_what_was_found_can_be_saved_and_read(tmp_path: Path) -> None:
    x, y = RNG.normal(size=(40, 2)), np.arange(40) % 2
    found = gn.tune("tables", x, y, trials=6, epochs=2, verbose=False)
    found.model.save(tmp_path / "m.safetensors")
    assert np.array_equal(gn.load(tmp_path / "m.safetensors").predict(x), found.model.predict(x))
    columns = found.table()
    assert {len(column) for column in columns.values()} == {6}
    assert columns["settings.units"] == [trial.settings["units"] for trial in found.trials]
    shares = found.importance()
    assert not shares or abs(sum(shares.values()) - 1) < 1e-9
