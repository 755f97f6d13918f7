"""``glassnet train --past --future``, and what is done with such a model."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main

HOURS = 400
NETWORK = ["--epochs", "2", "--hidden", "8", "--no-report", "--quiet"]


def write(path: Path, *, shops: tuple[str, ...] = (), skip: int | None = None, swap: bool = False) -> list[float]:
    """A table of a load at each hour; returns the loads of the first shop."""
    loads = [round(50 + 10 * float(np.sin(hour * 2 * np.pi / 24)), 3) for hour in range(HOURS)]
    rows = [(hour, load) for hour, load in enumerate(loads) if hour != skip]
    if swap:
        rows[3], rows[4] = rows[4], rows[3]
    lines = ["date;" + "shop;" * bool(shops) + "load;heat"]
    for place, shop in enumerate(shops or ("",)):
        for hour, load in rows:
            date = f"{datetime(2024, 1, 1) + timedelta(hours=hour):%d.%m.%Y %H:%M}"
            number = f"{load * 10**place:.3f}".replace(".", ",")
            lines.append(f"{date};" + f"{shop};" * bool(shops) + f"{number};{hour % 7}")
    path.write_text("\n".join(lines) + "\n")
    return loads


def run(*words: Any) -> int:
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table, and a model of it."""
    folder = tmp_path_factory.mktemp("series")
    table, model = folder / "sensors.csv", folder / "sensors.safetensors"
    write(table)
    steps = "--past", 48, "--future", 24
    assert run("train", table, "--target", "load", *steps, *NETWORK, "--output", model) == 0
    return table, model


def test_the_latest_part_is_tested_beside_what_is_obvious(tmp_path: Path, capsys: Any) -> None:
    table = tmp_path / "sensors.csv"
    write(table)
    steps = "--past", 48, "--future", 24
    assert run("train", table, "--target", "load", *steps, *NETWORK[:4], "--output", tmp_path / "m.safetensors") == 0
    out = capsys.readouterr().out
    # 300 hours to train with: 300 − 48 − 24 + 1 windows; 100 to test.
    assert (
        "sensors: 229 windows to train, 77 later ones to test, load from 2 columns, 48 steps back, 24 ahead, 1 hour"
        in out
    )
    assert "test mean absolute error, 24 steps before: 0\n" in out
    assert "no better than 24 steps before" in out
    model = gn.load(tmp_path / "m.safetensors")
    train, test = gn.data.windows(gn.data.read_table(table), 48, 24, targets="load").split(0.25)
    assert repr(train.forecasting) == repr(model.forecasting)
    errors = test.errors(model.predict(test.x))
    assert f"test mean absolute error: {errors.mean_absolute_error:.5g}\n" in out
    assert f"test mean absolute error, the last value: {errors.naive_errors()['the last value']:.5g}\n" in out
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert f"The forecast of 24 steps of load is off by {errors.mean_absolute_error:.4g}" in page.replace(
        "the fo", "The fo"
    )


def test_predict_goes_on_after_the_end_of_the_file(trained: tuple[Path, Path], tmp_path: Path, capsys: Any) -> None:
    table, model = trained
    assert run("predict", model, table) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "date,prediction"
    assert [line.split(",")[0] for line in lines[1:]] == [
        f"{datetime(2024, 1, 1) + timedelta(hours=hour):%Y-%m-%d %H:%M}"[: 10 if hour % 24 == 0 else 16]
        for hour in range(HOURS, HOURS + 24)
    ]
    expected = gn.load(model).forecast(gn.data.read_table(table))
    np.testing.assert_allclose([float(line.split(",")[1]) for line in lines[1:]], expected)
    # The last 48 rows are enough, and are read as in training: 1,234 is no thousand, 03.02. no second of March.
    short = tmp_path / "short.csv"
    rows = table.read_text().splitlines()
    short.write_text("\n".join([rows[0], *rows[-48:]]))
    assert run("predict", model, short, "--output", tmp_path / "answers.csv") == 0
    assert (tmp_path / "answers.csv").read_text().splitlines() == lines
    assert run("predict", model, short, "--output", tmp_path / "answers.csv") == 0  # its own file is replaced


def test_several_series_and_early_stopping(tmp_path: Path, capsys: Any) -> None:
    table, model = tmp_path / "shops.csv", tmp_path / "shops.safetensors"
    write(table, shops=("007", "8"))
    assert (
        run(
            "train",
            table,
            "--series",
            "shop",
            "--past",
            24,
            "--future",
            2,
            "--patience",
            1,
            *NETWORK,
            "--output",
            model,
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "test mean absolute error of heat, the last value: " in out
    assert run("predict", model, table) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "shop,date,prediction_load,prediction_heat"
    assert [line.split(",")[0] for line in lines[1:]] == ["007", "007", "8", "8"]
    assert run("evaluate", model, table) == 0
    assert "shops: 750 windows, 2 series, load, heat, 24 steps back, 2 ahead, 1 hour each" in capsys.readouterr().out
    assert run("summary", model) == 0
    assert "forecasts  2 series, load, heat" in capsys.readouterr().out
    assert run("trace", model, table, "--row", 3) == 0
    write(table, shops=("007", "9"))
    assert run("predict", model, table) == 2
    assert "the series '9'" in capsys.readouterr().err


def test_rows_without_dates_are_in_order(tmp_path: Path, capsys: Any) -> None:
    table, model = tmp_path / "sensors.csv", tmp_path / "m.safetensors"
    table.write_text("load\n" + "\n".join(str(step % 5) for step in range(100)))
    assert run("train", table, "--past", 10, "--future", 3, "--period", 5, *NETWORK, "--output", model) == 0
    assert "test mean absolute error, 5 steps before: 0\n" in capsys.readouterr().out
    assert run("predict", model, table) == 0
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["step", "1", "2", "3"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--past", 48], "--past without --future"),
        (["--series", "shop"], "--series without --past"),
        (["--past", 48, "--future", 24, "--network", "lenet5"], "--network together with --past"),
        (["--past", 48, "--future", 24, "--regression"], "--regression together with --past"),
        (["--past", 48, "--future", 24, "--series", "shpo"], "'shpo'"),
        (["--past", 48, "--future", 24, "--time", "load"], "column 'load': received numbers.*dates"),
        (["--past", 48, "--future", 24, "--target", "laod"], "the target 'laod'.*did you mean 'load'"),
        (["--past", 300, "--future", 150], "received 400 steps, expected at least 450"),
        (["--past", 48, "--future", 24, "--test-share", "0.9"], "40 steps before the cut, expected at least 72"),
        (["--past", 48, "--future", 24, "--test-share", "0.01"], "4 steps after the cut, expected at least 24"),
        (["--past", 48, "--future", 24, "--period", 1], "period=1"),
        (["--past", 0, "--future", 24], "--past"),
    ],
)
def test_options_that_do_not_go_together(words: list[Any], said: str, tmp_path: Path, capsys: Any) -> None:
    write(tmp_path / "sensors.csv")
    try:
        status = run("train", tmp_path / "sensors.csv", *words, *NETWORK)
    except SystemExit as end:
        status = int(str(end.code))
    assert status == 2
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(said, error), error


@pytest.mark.filterwarnings("default::glassnet.DataWarning")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"skip": 200}, "a step from 2024-01-09 07:00 to 2024-01-09 09:00, line 202 of sensors.csv"),
        ({"shops": ("a", "b")}, "column 'shop': received words, such as a in line 2 of sensors.csv.*--series"),
        ({"swap": True}, None),
    ],
)
def test_dates_that_are_out_of_order(change: dict[str, Any], said: str | None, tmp_path: Path, capsys: Any) -> None:
    write(tmp_path / "sensors.csv", **change)
    output = tmp_path / "m.safetensors"
    status = run("train", tmp_path / "sensors.csv", "--past", 48, "--future", 24, *NETWORK, "--output", output)
    error = capsys.readouterr().err
    if said is None:
        assert status == 0
        assert (
            "line 6 of sensors.csv (2024-01-01 03:00) comes after a later one; all rows are taken in the order" in error
        )
        write(tmp_path / "sensors.csv")
        assert run("train", tmp_path / "sensors.csv", "--past", 48, "--future", 24, *NETWORK, "--output", output) == 0
        return
    assert status == 2
    assert re.search(said, error), error


def test_what_such_a_model_cannot_do(trained: tuple[Path, Path], tmp_path: Path, capsys: Any) -> None:
    table, model = trained
    short = tmp_path / "short.csv"
    short.write_text("\n".join(table.read_text().splitlines()[:40]))
    for words, said in (
        (("predict", model, table, table), "2 names"),
        (("predict", model, "digits"), "expected a table"),
        (("predict", model, table, "--probabilities"), "--probabilities"),
        (
            ("evaluate", model, table, "--target", "heat"),
            "--target heat, expected the target that the model learned, load",
        ),
        (("trace", model, table, "--target", "heat"), "--target heat"),
        (("export", model, "--to", "c"), "a model of forecasts"),
        (("serve", model, "--port", 0), "a model of forecasts"),
    ):
        assert run(*words) == 2
        assert said in capsys.readouterr().err
