"""Columns of many words and several targets on the command line: from a raw file to answers under their names."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import numpy as np
import polars
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.tables import Indexed, Table

CITIES = 10_000


def frame(rows: int, seed: int) -> polars.DataFrame:
    """Customers of 10,000 cities, a fiftieth of them of none: what they buy depends on the city above all."""
    rng = np.random.default_rng(seed)
    effect = np.random.default_rng(42).normal(size=CITIES)
    city, age = rng.integers(0, CITIES, rows), rng.integers(18, 80, rows)
    buys = 3 * effect[city] + (age - 49) / 18 > 0
    tried = np.select([effect[city] > 0.5, effect[city] > -0.5], ["often", "once"], "never")
    return polars.DataFrame({
        "city": [None if i % 50 == 0 else f"city {k:05}" for i, k in enumerate(city)],
        "age": age, "buys": np.where(buys, "yes", "no"), "tried": tried, "spent": effect[city] * 10 + 50,
    })  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("customers")
    customers = frame(24_000, 1)
    customers.write_csv(path / "customers.csv")
    customers.write_parquet(path / "customers.parquet")
    unseen = polars.when(polars.int_range(polars.len()) % 4 == 0).then(polars.lit("Atlantis")).otherwise("city")
    frame(400, 2).with_columns(city=unseen).write_csv(path / "new.csv")
    return path


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def run(line: str) -> int:
    return main(shlex.split(line))


def number_after(said: str, words: str) -> float:
    return next(float(line.removeprefix(words)) for line in said.splitlines() if line.startswith(words))


def test_ten_thousand_categories(capsys: pytest.CaptureFixture[str]) -> None:
    settings = "--epochs 2 --batch-size 256 --hidden 16 --learning-rate 0.01 --no-report"
    (main_line, held) = f"train customers.csv --target buys {settings}", "--output one.safetensors"
    assert run(f"{main_line} {held}") == 0
    said = capsys.readouterr().out
    assert "categories, a vector of 50 numbers for each: city" in said
    assert "rare ones share a place with those never seen, some missing" in said
    assert "Embedding(" in said
    assert number_after(said, "test accuracy: ") > 0.72
    model = gn.load("one.safetensors")
    assert isinstance(model.preprocessing, Table)
    column = model.preprocessing.columns[0]
    assert isinstance(column, Indexed)
    assert 4000 < len(column.categories) < CITIES

    assert run("evaluate one.safetensors customers.parquet") == 0
    assert number_after(capsys.readouterr().out, "accuracy: ") > 0.8
    assert run("predict one.safetensors new.csv --probabilities --output answers.csv") == 0
    with Path("answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 400
    assert set(rows[0]) == {"prediction", "probability_no", "probability_yes"}
    assert np.isfinite([float(row["probability_no"]) for row in rows]).all()
    capsys.readouterr()
    assert run("trace one.safetensors new.csv --row 0") == 0
    assert "embedding_backward" in capsys.readouterr().out
    assert run("summary one.safetensors") == 0
    assert "Embedding(" in capsys.readouterr().out


def test_the_same_table_without_vectors_learns_less(capsys: pytest.CaptureFixture[str]) -> None:
    """What the test above asks for is out of reach of places for the 64 most frequent words."""
    data = polars.read_parquet("customers.parquet")
    table = Table.from_data(data, "buys", ignore=["tried", "spent"])
    model = gn.Model(gn.Sequential(gn.Dense(16), "relu", gn.Dense(2)), table.loss, gn.Adam(0.01), ["accuracy"])
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=2, batch_size=256, verbose=False)
    assert model.evaluate(data, table.targets(data))["accuracy"] < 0.68


def test_csv_and_parquet_give_the_same_model() -> None:
    for ending in ("csv", "parquet"):
        line = f"train customers.{ending} --target buys --epochs 1 --batch-size 512 --hidden 4 --quiet --no-report"
        assert run(f"{line} --output {ending}.safetensors") == 0
    first, second = (gn.load(f"{ending}.safetensors") for ending in ("csv", "parquet"))
    assert isinstance(first.preprocessing, Table)
    assert isinstance(second.preprocessing, Table)
    assert repr(first.preprocessing.columns) == repr(second.preprocessing.columns)
    np.testing.assert_array_equal(first.network.parameters, second.network.parameters)


@pytest.mark.parametrize("targets", ["--target buys,tried", "--target 'buys, tried'", "--target buys --target tried"])
def test_several_questions(targets: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"train customers.csv {targets} --subset 3000,500 --epochs 2 --hidden 8 --learning-rate 0.02"
    with_report = "'" in targets
    assert run(f"{line} --output two.safetensors {'' if with_report else '--no-report'}") == 0
    said = capsys.readouterr().out
    assert "to predict: buys, 2 classes: no, yes; tried, 3 classes: never, often, once" in said
    assert " features, 2 classes and 3 classes" in said
    shares = [number_after(said, f"test accuracy of {name}: ") for name in ("buys", "tried")]
    assert number_after(said, "test accuracy: ") == pytest.approx(np.mean(shares), abs=1e-4)
    assert ("report saved to two.html" in said) == with_report

    assert run("evaluate two.safetensors new.csv") == 0
    assert "accuracy of tried: " in capsys.readouterr().out
    assert run("predict two.safetensors new.csv --probabilities --output answers.parquet") == 0
    answers = polars.read_parquet("answers.parquet")
    assert answers.columns == [
        *("buys", "tried", "probability_buys_no", "probability_buys_yes"),
        *(f"probability_tried_{own}" for own in ("never", "often", "once")),
    ]
    assert set(answers["buys"]) <= {"no", "yes"}
    likeliest = np.array(["never", "often", "once"])[answers.to_numpy()[:, 4:].astype(float).argmax(axis=1)]
    assert answers["tried"].to_list() == likeliest.tolist()
    capsys.readouterr()
    assert run("predict two.safetensors new.csv") == 0
    assert capsys.readouterr().out.splitlines()[0] == "buys,tried"
    assert run("summary two.safetensors") == 0
    assert "classes    of tried: never, often, once" in capsys.readouterr().out
    assert run("trace two.safetensors new.csv") == 0


def test_several_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    line = "train customers.parquet --target spent,age --epochs 1 --batch-size 512 --hidden 8 --no-report"
    assert run(f"{line} --output amounts.safetensors") == 0
    assert "to predict: spent, age, in numbers" in capsys.readouterr().out
    assert run("predict amounts.safetensors new.csv") == 0
    assert capsys.readouterr().out.splitlines()[0] == "spent,age"


def test_a_name_with_a_comma_is_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    polars.DataFrame({"a": range(40), "b": ["x", "y"] * 20, "a,b": [0, 1] * 20}).write_csv("comma.csv")
    assert run("train comma.csv --target a,b --epochs 1 --quiet --no-report") == 0
    assert gn.load("comma.safetensors").target_name == "a,b"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train customers.csv --target buys,spent", "targets of both kinds: 'buys' classes, 'spent' amounts"),
        ("train customers.csv --target buys,tired", "did you mean 'tried'"),
        ("train customers.parquet --target buys,buys", "the targets buys, buys"),
        ("train digits --target a,b", "names of columns of a table only"),
        ("train missing.csv --target a,b", "no such file"),
        ("train missing.parquet --target a,b", "no such file"),
        ("train customers.csv --target buys,tried --subset 24000,10", "a subset that asks for 24010 rows"),
    ],
)
def test_what_cannot_be_learned(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{line} --output none.safetensors") == 2
    assert words in capsys.readouterr().err
    assert not Path("none.safetensors").exists()


def test_a_model_with_vectors_as_an_onnx_file(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    line = "train customers.csv --target buys --epochs 1 --batch-size 512 --hidden 4 --quiet --no-report"
    assert run(f"{line} --output exported.safetensors") == 0
    capsys.readouterr()
    assert run("export exported.safetensors --to onnx") == 0
    assert "LabelEncoder 1" in capsys.readouterr().out
    assert run("export exported.safetensors --to c") == 0
    assert "const char *" in Path("exported.h").read_text(encoding="utf-8")
