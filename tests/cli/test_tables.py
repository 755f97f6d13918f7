"""Tables with words, dates and gaps on the command line: from a raw file to a model, and from raw rows to answers."""

from __future__ import annotations

import csv
import shlex
import sys
from pathlib import Path

import numpy as np
import polars
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.tables import Table

N = 240


def frame(seed: int = 0) -> polars.DataFrame:
    rng = np.random.default_rng(seed)
    age, job = rng.integers(18, 80, N), rng.choice(["clerk", "farmer", "nurse"], N)
    hours = [None if i % 17 == 0 else float(h) for i, h in enumerate(rng.normal(40, 8, N).round(1))]
    since = np.datetime64("2010-01-01") + rng.integers(0, 3000, N).astype("timedelta64[D]")
    rich = np.where((age > 45) & (job != "farmer"), "yes", "no")
    return polars.DataFrame({
        "age": age, "job": job, "hours": hours, "since": since, "income": age * 100.0 + 5, "rich": rich,
    })  # fmt: skip


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    frame().write_csv("people.csv")
    frame().write_parquet("people.parquet")
    return tmp_path


def run(line: str) -> int:
    return main(shlex.split(line))


@pytest.mark.filterwarnings("default::glassnet.DataWarning")
@pytest.mark.usefixtures("people")
def test_classes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train people.csv --target rich --epochs 30 --learning-rate 0.01 --hidden 32 --no-report") == 0
    said = capsys.readouterr().out
    for words in ("job     3 categories", "hours   number", "some missing", "since   time", "2 classes: no, yes"):
        assert words in said
    assert "180 rows to train, 60 to test" in said
    measured = {
        line.split(": ")[0]: float(line.split(": ")[1]) for line in said.splitlines() if line.startswith("test ")
    }
    assert set(measured) == {"test loss", "test accuracy", "test roc auc", "test f1", "test log loss"}
    assert measured["test accuracy"] > 0.9

    frame(1).drop("rich", "income").with_columns(polars.lit("pilot").alias("job"), income=1.0).write_csv("new.csv")
    assert run("predict people.safetensors new.csv --output out.csv --probabilities") == 0
    assert "glassnet: predict: 240 of 240 rows of 'job' are a category never seen, such as 'pilot'" in (
        capsys.readouterr().err
    )
    with Path("out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == N
    assert set(rows[0]) == {"prediction", "probability_no", "probability_yes"}
    capsys.readouterr()
    assert run("evaluate people.safetensors people.parquet") == 0
    assert "people: 240 rows" in capsys.readouterr().out
    assert run("trace people.safetensors people.csv --row 3") == 0
    assert "dense_backward" in capsys.readouterr().out
    assert run("trace people.safetensors people.csv --row 240") == 2


@pytest.mark.usefixtures("people")
def test_csv_and_parquet_give_the_same_model(capsys: pytest.CaptureFixture[str]) -> None:
    for ending in ("csv", "parquet"):
        line = f"train people.{ending} --target rich --epochs 2 --quiet --no-report"
        assert run(f"{line} --output {ending}.safetensors") == 0
    first, second = (gn.load(f"{ending}.safetensors") for ending in ("csv", "parquet"))
    assert isinstance(first.preprocessing, Table)
    assert isinstance(second.preprocessing, Table)
    assert repr(first.preprocessing.columns) == repr(second.preprocessing.columns)
    np.testing.assert_array_equal(first.network.parameters, second.network.parameters)


@pytest.mark.usefixtures("people")
def test_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train people.parquet --target income --epochs 40 --learning-rate 0.01") == 0
    said = capsys.readouterr().out
    assert "to predict: income, in numbers" in said
    r2 = next(float(line.split(": ")[1]) for line in said.splitlines() if line.startswith("test r2"))
    assert r2 > 0.95
    assert run("predict people.safetensors people.csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "income"
    assert 1500 < float(lines[1]) < 8500


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train people.parquet", "add --target COLUMN"),
        ("train people.parquet --target rich --subset 200,100", "a subset that asks for 300 rows"),
        ("train people.csv --target ritch", "ritch"),
        ("train missing.parquet --target rich", "no such file"),
        ("train text.parquet --target rich", "a file that is no .parquet file, or a damaged one"),
        (
            "train slip.csv --target rich",
            "column 'age': received the text 'about 40' in line 4 of slip.csv, in a column of numbers",
        ),
        ("train people.csv", "--target"),
    ],
)
def test_what_cannot_be_learned(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.parquet").write_text("no parquet")
    table = frame().with_columns(polars.col("age").cast(polars.String))
    ages = table["age"].to_list()
    ages[2] = "about 40"
    table.select("job", "rich", age=polars.Series(ages)).write_csv("slip.csv")
    assert run(line) == 2
    assert words in capsys.readouterr().err
    assert not list(Path().glob("*.safetensors"))


@pytest.mark.usefixtures("people")
def test_a_column_that_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train people.csv --target rich --epochs 1 --quiet --no-report") == 0
    frame().drop("job").write_csv("new.csv")
    assert run("predict people.safetensors new.csv") == 2
    assert "without the column 'job'" in capsys.readouterr().err


@pytest.mark.usefixtures("people")
def test_names_what_would_read_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Texts are read without polars, words, dates and gaps as well."""
    monkeypatch.setitem(sys.modules, "polars", None)
    assert run("train people.csv --target rich --epochs 1 --quiet --no-report") == 0
    assert run("train people.parquet --target rich") == 2
    assert 'pip install "glassnet[tables]"' in capsys.readouterr().err


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "hinge"])
def test_two_classes_and_a_single_output(loss: str, capsys: pytest.CaptureFixture[str]) -> None:
    people = gn.data.read_table("people.csv", "rich")
    table = Table.from_data(people, "rich", ignore="income")
    model = gn.Model(gn.Sequential(gn.Dense(8), "relu", gn.Dense(1)), loss, gn.Adam(0.05), ["accuracy"])
    model.preprocessing, model.class_names = table, table.class_names
    model.fit(people, table.targets(people)[:, None], epochs=30, verbose=False)
    model.save("single.safetensors")
    assert run("evaluate single.safetensors people.csv") == 0
    accuracy = float(capsys.readouterr().out.split("accuracy: ")[1].split()[0])
    assert accuracy == pytest.approx(
        (np.array(table.class_names)[model.predict_classes(people)] == frame()["rich"].to_numpy()).mean(), abs=1e-4
    )
    assert run("trace single.safetensors people.csv --row 2") == 0
