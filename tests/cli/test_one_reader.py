"""One table through every door: files of all kinds, frames of every library, rows one by one; and other dialects."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.core.shapes import Array
from glassnet.data.tables import read_like
from glassnet.tables import Reading, Table

N = 60
MODEL = "model.safetensors"


def table() -> dict[str, list[Any]]:
    """Typed values, None for gaps."""
    rng = np.random.default_rng(0)
    hours = [None if i % 11 == 0 else round(float(own), 3) for i, own in enumerate(rng.normal(1400, 900, N))]
    days = [dt.date(2021, 1, 1) + dt.timedelta(int(own)) for own in rng.integers(0, 400, N)]
    data: dict[str, list[Any]] = {
        "hours": hours,
        "town": [
            None if i % 13 == 0 else str(own) for i, own in enumerate(rng.choice(["Bad Ulm", "Bern", "São P"], N))
        ],
        "member": [None if i % 17 == 0 else bool(own) for i, own in enumerate(rng.random(N) < 0.5)],
        "since": [None if i % 19 == 0 else own for i, own in enumerate(days)],
        "at": [dt.time(int(own) // 60, int(own) % 60) for own in rng.integers(0, 1440, N)],
        "zip": [f"{own:05}" for own in rng.choice([711, 815, 10115], N)],
        "id": [2**53 + int(own) for own in rng.integers(0, 3, N)],
        "share": [int(own) for own in rng.integers(0, 101, N)],
    }
    rich = [(h or 0) > 1400 or t == "Bern" for h, t in zip(hours, data["town"], strict=True)]
    return data | {"class": [2**53 + 1 if own else 2**53 for own in rich]}


def texts(data: dict[str, list[Any]], *, gap: str = "NA", decimal: str = ".", day: str = "%Y-%m-%d") -> list[list[str]]:
    """The rows as a file has them."""

    def text(own: Any) -> str:
        if own is None:
            return gap
        if isinstance(own, dt.date):
            return own.strftime(day)
        if isinstance(own, dt.time):
            return own.strftime("%H:%M")
        return repr(own).replace(".", decimal) if isinstance(own, float) else str(own)

    return [[text(own) for own in row] for row in zip(*data.values(), strict=True)]


def content(data: dict[str, list[Any]], delimiter: str = ",", end: str = "\n", **options: str) -> str:
    lines = [list(data), *texts(data, **options)]
    return "".join(delimiter.join(f'"{own}"' if delimiter in own else own for own in line) + end for line in lines)


def run(line: str) -> int:
    return main(shlex.split(line))


def predicted(line: str) -> list[dict[str, str]]:
    assert run(f"predict model.safetensors {line} --probabilities --output out.csv") == 0
    with Path("out.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("one-reader")
    (path / "train.csv").write_text(content(table()), encoding="utf-8")
    options = "--target class --epochs 4 --learning-rate 0.01 --hidden 8 --quiet --no-report"
    assert run(f"train {path / 'train.csv'} {options} --output {path / 'model.safetensors'}") == 0
    return path


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def model(place: Path) -> gn.Model:
    return gn.load(place / "model.safetensors")


def schema(model: gn.Model) -> Table:
    assert isinstance(model.preprocessing, Table)
    return model.preprocessing


@pytest.fixture
def expected(model: gn.Model) -> Array:
    return schema(model).apply(read_like("train.csv", schema(model)))


def write_xlsx(path: Path, rows: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def as_texts(data: dict[str, list[Any]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Spreadsheets keep 15 digits: longer numbers are texts there."""
    return {name: [None if v is None else str(v) for v in own] if name in names else own for name, own in data.items()}


def rows(data: dict[str, list[Any]]) -> list[list[Any]]:
    return list(map(list, zip(*data.values(), strict=True)))


FILES: dict[str, Callable[[Path], Any]] = {
    "same.csv": lambda path: path.write_text(content(table()), encoding="utf-8"),
    "crlf.csv": lambda path: path.write_bytes(content(table(), end="\r\n").encode("utf-16")),
    "zipped.csv.gz": lambda path: path.write_bytes(gzip.compress(content(table(), gap="").encode())),
    "tabs.tsv": lambda path: path.write_text(content(table(), "\t", gap="?"), encoding="utf-8"),
    "western.csv": lambda path: path.write_bytes(content(table(), ";", gap="NaN").encode("cp1252")),
    "pipes.tsv.gz": lambda path: path.write_bytes(gzip.compress(content(table(), "|", gap="null").encode())),
    "spaced.csv": lambda path: path.write_text(content(table(), " , ").replace(" ,", "  ,") + "\n\n", encoding="utf-8"),
    "typed.parquet": lambda path: pl.DataFrame(table()).write_parquet(path),
    "texts.parquet": lambda path: pl.DataFrame(texts(table()), list(table()), orient="row").write_parquet(path),
    "typed.xlsx": lambda path: write_xlsx(path, [list(table()), *rows(as_texts(table(), ("id", "class")))]),
    "texts.xlsx": lambda path: write_xlsx(path, [list(table()), *texts(table())]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files(place: Path, model: gn.Model, expected: Array, name: str) -> None:
    FILES[name](place / name)
    frame = read_like(name, schema(model))
    np.testing.assert_array_equal(schema(model).apply(frame), expected)
    np.testing.assert_array_equal(schema(model).targets(frame), schema(model).targets(table()))
    assert predicted(name) == predicted("train.csv")


def read_by_pandas(**options: Any) -> Any:
    return pd.read_csv("train.csv", **options)


FRAMES: dict[str, Callable[[], Any]] = {
    "mapping": table,
    "mapping of texts": lambda: dict(zip(table(), map(list, zip(*texts(table()), strict=True)), strict=True)),
    "pandas": lambda: pd.DataFrame(table()),
    "pandas, its best types": lambda: pd.DataFrame(table()).convert_dtypes(),
    "pandas, categories": lambda: pd.DataFrame(table()).astype(dict.fromkeys(("town", "zip", "id"), "category")),
    "pandas, texts": lambda: read_by_pandas(dtype=str, keep_default_na=False),
    "pandas, texts and gaps": lambda: read_by_pandas(dtype=str),
    "pandas, from csv": lambda: read_by_pandas(dtype={"zip": str}, parse_dates=["since"]),
    "polars": lambda: pl.DataFrame(table()),
    "polars, texts": lambda: pl.read_csv("train.csv", infer_schema_length=0),
    "polars, from csv": lambda: pl.read_csv(
        "train.csv", null_values="NA", schema_overrides={"zip": pl.String}, try_parse_dates=True
    ),
    "pyarrow": lambda: pa.table(table()),
    "pyarrow of pandas": lambda: pa.Table.from_pandas(pd.DataFrame(table())),
    "pandas of pyarrow": lambda: pa.table(table()).to_pandas(types_mapper=pd.ArrowDtype),
    "other order": lambda: pd.DataFrame(table())[list(reversed(table()))].assign(further=1),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.usefixtures("place")
def test_frames(model: gn.Model, expected: Array, name: str) -> None:
    frame = FRAMES[name]()
    np.testing.assert_array_equal(schema(model).apply(frame), expected)
    np.testing.assert_array_equal(schema(model).targets(frame), schema(model).targets(table()))
    np.testing.assert_array_equal(model.predict(frame), model.predict(table()))


@pytest.mark.usefixtures("place")
def test_rows_one_by_one(model: gn.Model, expected: Array) -> None:
    lines = Path("train.csv").read_text(encoding="utf-8").splitlines()
    answers = predicted("train.csv")
    for row in (0, 11, 13, 17, 19, N - 1):
        Path("row.csv").write_text(f"{lines[0]}\n{lines[1 + row]}\n", encoding="utf-8")
        assert predicted("row.csv") == [answers[row]]
    for row in range(N):
        one = {name: own[row : row + 1] for name, own in table().items()}
        np.testing.assert_array_equal(schema(model).apply(one), expected[row : row + 1])
        one = dict(zip(table(), ([own] for own in texts(table())[row]), strict=True))
        np.testing.assert_array_equal(schema(model).apply(one), expected[row : row + 1])


@pytest.mark.usefixtures("place")
def test_files_of_other_dialects(model: gn.Model, expected: Array, capsys: pytest.CaptureFixture[str]) -> None:
    """What the model's own reading cannot take is refused by line, and taken with the option that says what it is."""
    answers = predicted("train.csv")
    cases = {
        "comma.csv": (content(table(), ";", decimal=","), "--decimal ,", "column 'hours': received the text"),
        "days.csv": (content(table(), day="%d.%m.%Y"), "--date-format %d.%m.%Y", "column 'since': received the text"),
        "gaps.csv": (content(table(), gap="unknown"), "--missing unknown", "received the text 'unknown'"),
        "stars.csv": (content(table(), "*"), "--delimiter *", "a table without the column"),
    }
    for name, (written, option, refusal) in cases.items():
        Path(name).write_text(written, encoding="utf-8")
        row = 11 if name == "gaps.csv" else 2
        for command in (f"evaluate {MODEL} {name}", f"trace {MODEL} {name} --row {row}", f"predict {MODEL} {name}"):
            capsys.readouterr()
            assert run(command) == 2
            error = capsys.readouterr().err
            assert refusal in error
            assert name == "stars.csv" or f"of {name}, in a column of" in error
            assert run(f"{command} {option}") == 0
        assert predicted(f"{name} {option}") == answers
    np.testing.assert_array_equal(
        schema(model).apply(read_like("comma.csv", schema(model), Reading(decimal=","))), expected
    )


def test_options_at_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        (
            f"{i % 7},{i % 10}00",
            f"{1 + i % 9}/{1 + i % 8}/2021",
            i % 3,
            f"n{i}",
            "-999" if i % 5 == 0 else i,
            "yn"[i % 2],
        )
        for i in range(40)
    ]
    lines = ["a*b*c*d*e*y", *("*".join(map(str, row)) for row in rows)]
    Path("t.csv").write_text("\n".join(lines), encoding="cp1252")
    options = "--delimiter * --encoding cp1252 --decimal , --date-format dmy --missing -999 --categories c --ignore d"
    assert run(f"train t.csv {options} --target y --epochs 1 --no-report --output model.safetensors") == 0
    shown = capsys.readouterr().out
    for said in (
        "decimal comma",
        "read as DD/MM/YYYY",
        "c  3 categories: ",
        "some missing",
        "parted by '*', encoding cp1252",
    ):
        assert said in shown
    assert "\nd " not in shown
    found = schema(gn.load("model.safetensors"))
    assert found.reading is not None
    assert (found.reading.delimiter, found.reading.encoding, found.reading.missing) == ("*", "cp1252", ("-999",))
    read = found.read({"a": ["1,100"], "b": ["1/2/2021"], "e": ["-999"]}, ["a", "b", "e"], where="test")
    assert read["a"].values.tolist() == [1.1]
    assert str(read["b"].values[0]).startswith("2021-02-01")
    assert read["e"].missing.all()
    assert run("evaluate model.safetensors t.csv") == 0
    assert len(predicted("t.csv")) == 40


SAMPLES: dict[str, tuple[str, str, list[Any]]] = {
    "hours after commas": ("age, work, hours\n39, State-gov, 40\n50, Private, 13\n", "hours", [40, 13]),
    "decimal comma": ('a,y\n"3,14",0\n"2,5",1\n', "a", [3.14, 2.5]),
    "mostly missing": ("a,y\n" + "NA,0\n" * 7 + "1,1\n2,0\n3,1\n", "a", [np.nan] * 7 + [1, 2, 3]),
    "American dates": ("a,y\n12/31/2021,0\n1/2/2021,1\n", "a", [dt.datetime(2021, 12, 31), dt.datetime(2021, 1, 2)]),
    "times of day": ("a,y\n08:15,0\n23:59,1\n", "a", [29700, 86340]),
    "large classes": ("y,a\n9007199254740992,1\n9007199254740993,2\n", "y", ["9007199254740992", "9007199254740993"]),
    "blank line": ("a,y\n1,0\n\n2,1\n", "a", [1, 2]),
    "words as classes": ("y,a\nnan,1\ninf,2\nNone,3\nTrue,4\n", "y", ["nan", "inf", "None", "True"]),
    "feet and inches": ("a,y\n5'11\",0\n6'0\",1\n", "a", ["5'11\"", "6'0\""]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(tmp_path: Path, name: str) -> None:
    written, column, values = SAMPLES[name]
    path = tmp_path / "t.csv"
    path.write_text(written, encoding="utf-8")
    frame = gn.data.read_table(path, "y" if "y," in written or ",y" in written else ())
    np.testing.assert_equal(frame[column].values.tolist(), values)


def test_answers_do_not_shift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{i},{'yes' if i > 15 else 'no'}" for i in range(30)]
    Path("t.csv").write_text("\n".join(["x,y", *rows]), encoding="utf-8")
    assert (
        run("train t.csv --target y --epochs 60 --learning-rate 0.05 --quiet --no-report --output model.safetensors")
        == 0
    )
    Path("new.csv").write_text("x\n0\n\n29\n \n1\n\n", encoding="utf-8")
    assert [row["prediction"] for row in predicted("new.csv")] == ["no", "yes", "no"]


def test_targets_with_gaps_are_refused_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for answers, line in (
        (["yes", "no", "", "no"] * 5, 4),
        (["1.5", "2.5", "NA", "4"] * 5, 4),
        (["?"] * 20, 2),
        (["", ""] * 10, 2),
    ):
        Path("t.csv").write_text(
            "\n".join(["x,y", *(f'{i},"{own}"' for i, own in enumerate(answers))]), encoding="utf-8"
        )
        assert run("train t.csv --target y --quiet") == 2
        assert f"no value in line {line} of t.csv" in capsys.readouterr().err
    Path("t.csv").write_text("x,y\n" + "1,a\n2,a\n" * 9, encoding="utf-8")
    assert run("train t.csv --target y --quiet") == 2
    error = capsys.readouterr().err
    assert "column 'y'" in error
    assert "there is nothing to learn" in error
