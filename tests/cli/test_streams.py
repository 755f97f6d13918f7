"""Tables read in parts beside the same tables read whole, and the memory that predictions of many rows take."""

from __future__ import annotations

import csv
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet.cli import streams
from glassnet.cli.main import main
from glassnet.errors import DataError, FileFormatError, GlassnetError
from glassnet.tables import Category, Number, Table, Time, Truth

MIXED = Table([
    Number("size", 0.0, 1.0), Truth("open"), Time("day", 0.0, 1.0),
    Category("zip", ["7", "12"]), Category("word", ["x"]),
])  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)), max_size=8)


def run(line: str) -> int:
    return main(shlex.split(line))


def read(path: Path, table: Table = MIXED, **how: bool) -> polars.DataFrame:
    return polars.concat(streams.batches(path, table, **how))


@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30), size=st.integers(1, 40))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
def test_parts_of_a_file_are_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str]], size: int
) -> None:
    """With line ends, quotes and commas in the texts, which Python's own module writes and reads."""
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("other", "wo,\nrd"), *rows])
    monkeypatch.setattr(streams, "PART_BYTES", size)
    found = read(path, Table([Category("wo,\nrd", ["b"])]))
    assert found["wo,\nrd"].to_list() == [text for _, text in rows]


def test_a_column_reads_as_what_it_was_in_training(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "\ufeffword, zip ,open,day,size,more\n"
        "07, 12,TRUE,2024-02-03,1.5,a\n"
        ",7.0,false,2024-02-03T10:00:00,,b\n"
        "true,A7,,, nan ,c\n\n\n"
    )
    found = read(path)
    assert found["word"].to_list() == ["07", None, "true"]
    assert found["zip"].to_list() == ["12", "7", "A7"]
    assert found["open"].to_list() == [True, False, None]
    assert found["size"].to_list()[:2] == [1.5, None]
    assert [None if day is None else day.isoformat() for day in found["day"]] == [
        "2024-02-03T00:00:00", "2024-02-03T10:00:00", None,
    ]  # fmt: skip
    assert MIXED.apply(found).shape == (3, len(MIXED.features))


@pytest.mark.parametrize(
    ("line", "how", "kind", "words"),
    [
        ("about 3,true,2024-01-01,7,x", {}, DataError, "column 'size': received the text 'about 3' in row 2"),
        ("1e999,true,2024-01-01,7,x", {}, DataError, "'1e999' in row 2, expected a finite number"),
        ("1_0,true,2024-01-01,7,x", {}, DataError, "'1_0' in row 2"),
        ("3,perhaps,2024-01-01,7,x", {}, DataError, "column 'open': received the text 'perhaps' in row 2"),
        ("3,true,soon,7,x", {}, DataError, "column 'day': received the text 'soon' in row 2"),
        ("3,true,2024-01-01,7,x,too,many", {}, FileFormatError, "polars cannot read"),
        (",true,2024-01-01,7,x", {"complete": True}, DataError, "column 'size': received no value in row 2"),
    ],
)
@pytest.mark.parametrize("size", [30, 1 << 20])
def test_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, how: dict[str, bool], kind: type, words: str, size: int
) -> None:
    """In the first part of a file or in a later one, the row is that of the file."""
    path = tmp_path / "t.csv"
    path.write_text(f"size,open,day,zip,word\n1,true,2024-01-01,7,x\n2,false,2024-01-01,12,y\n{line}\n")
    monkeypatch.setattr(streams, "PART_BYTES", size)
    with pytest.raises(kind, match=words):
        read(path, **how)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        ("", DataError, "empty file"),
        ("size,open\n", DataError, "a header but no rows"),
        ("size,open", DataError, "a header but no rows"),
        ("size,size\n1,2\n", FileFormatError, "several columns called"),
        ("a,b\n1,2\n", DataError, "without the columns 'size'"),
    ],
)
def test_headers(tmp_path: Path, content: str, kind: type[GlassnetError], words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(kind, match=words):
        MIXED.apply(read(path))


def table_of(rows: int) -> polars.DataFrame:
    rng = np.random.default_rng(0)
    return polars.DataFrame({
        "age": rng.integers(18, 80, rows), "town": rng.choice(["Ulm", "Bern", "Graz"], rows),
        "income": rng.normal(50, 10, rows).round(3),
    })  # fmt: skip


@pytest.fixture
def incomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    table_of(400).write_csv("income.csv")
    assert run("train income.csv --target income --epochs 1 --quiet") == 0
    return tmp_path


@pytest.mark.usefixtures("incomes")
def test_parts_files_and_forms_give_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table_of(1000)
    frame.write_csv("new.csv")
    frame.write_parquet("new.parquet")
    model = gn.load("income.safetensors")
    expected = model.predict(frame)[:, 0]
    monkeypatch.setattr(streams, "PART_BYTES", 1000)
    monkeypatch.setattr(streams, "ROWS", 37)
    for source in ("new.csv", "new.parquet"):
        for output in ("out.csv", "out.parquet"):
            assert run(f"predict income.safetensors {source} --output {output}") == 0
        for found in (polars.read_csv("out.csv"), polars.read_parquet("out.parquet")):
            assert found.columns == ["income"]
            np.testing.assert_array_equal(found["income"].to_numpy().astype(np.float32), expected)


@pytest.mark.usefixtures("incomes")
def test_nothing_is_written_where_a_late_row_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table_of(300).write_csv("new.csv")
    with Path("new.csv").open("a") as file:
        file.write("old,Ulm,1\n")
    monkeypatch.setattr(streams, "PART_BYTES", 1000)
    before = sorted(path.name for path in Path().iterdir())
    for output in ("out.csv", "out.parquet"):
        assert run(f"predict income.safetensors new.csv --output {output}") == 2
        assert "column 'age': received the text 'old' in row 300" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == before


def test_a_table_of_numbers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model without a ``Table``, whose .csv files the library reads itself where polars is not there."""
    monkeypatch.chdir(tmp_path)
    table_of(300).drop("town").write_csv("n.csv")
    assert run("train n.csv --target income --epochs 1 --quiet") == 0
    answers: list[Any] = []
    for has_polars in (True, False):
        if not has_polars:
            monkeypatch.setattr("glassnet.cli.tables.find_spec", lambda name: None)
        capsys.readouterr()
        assert run("predict n.safetensors n.csv") == 0
        answers.append(capsys.readouterr().out)
        table_of(5).drop("age").write_csv("gone.csv")
        Path("gap.csv").write_text("age\n3\n\n4\n")
        for name, words in (("gone", "without the column 'age'"), ("gap", "row 1" if has_polars else "line 3")):
            assert run(f"predict n.safetensors {name}.csv") == 2
            assert words in capsys.readouterr().err
    assert answers[0] == answers[1]
    assert run("predict n.safetensors n.csv --output n.parquet") == 2
    assert 'pip install "glassnet[tables]"' in capsys.readouterr().err


MEASURED = """
import sys
from pathlib import Path
from glassnet.cli.main import main
assert main(["predict", "income.safetensors", sys.argv[1], "--output", sys.argv[2]]) == 0
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory stands in /proc")
@pytest.mark.usefixtures("incomes")
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_four_times_the_rows_take_no_more_memory(output: str) -> None:
    peaks = []  # from a million rows on, where the buffers of reading and writing are full
    for rows in (1_000_000, 4_000_000):
        table_of(rows).write_csv("new.csv")
        said = subprocess.run(
            [sys.executable, "-c", MEASURED, "new.csv", output], capture_output=True, text=True, check=True
        ).stdout.split()
        assert f"{rows:,}" in said
        peaks.append(int(said[-1]) / 1024)
    assert peaks[1] < peaks[0] + 30, f"{peaks} MB; the file has {Path('new.csv').stat().st_size / 1e6:.0f} MB"
