"""Tables read in parts beside the same tables read whole, and the memory that predictions of many rows take."""

from __future__ import annotations

import csv
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet.cli.main import main
from glassnet.core.errors import DataError, FileFormatError, GlassnetError
from glassnet.data import tables
from glassnet.data.tables import batches
from glassnet.tables import Category, Frame, Number, Table, Time, Truth

MIXED = Table([
    Number("size", 0.0, 1.0), Truth("open"), Time("day", 0.0, 1.0),
    Category("zip", ["7", "12"]), Category("word", ["x"]),
])  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)), max_size=8)


def run(line: str) -> int:
    return main(shlex.split(line))


def read(path: Path, rows: int = 50_000) -> list[Frame]:
    return list(batches(path, MIXED, rows=rows))


@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30), size=st.integers(1, 40))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
def test_parts_of_a_file_are_the_whole(tmp_path: Path, rows: list[tuple[str, str]], size: int) -> None:
    """With line ends, quotes and commas in the texts, which Python's own module writes and reads."""
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("other", "wo,\nrd"), *rows])
    parts = batches(path, Table([Category("wo,\nrd", ["b"])]), rows=size)
    assert [text for part in parts for text in part["wo,\nrd"].values] == [text for _, text in rows]


def test_a_column_reads_as_what_it_was_in_training(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "\ufeffword, zip ,open,day,size,more\n"
        "07, 12,TRUE,2024-02-03,1.5,a\n"
        ",7.0,false,2024-02-03T10:00:00,,b\n"
        "true,A7,,, nan ,c\n\n\n"
    )
    (part,) = read(path)
    found = MIXED.read(part, ["word", "zip", "open", "day", "size"], where="test")
    assert found["word"].values.tolist() == ["07", None, "true"]
    assert found["zip"].values.tolist() == ["12", "7", "A7"]
    np.testing.assert_array_equal(found["open"].values, [1, 0, np.nan])
    np.testing.assert_array_equal(found["size"].values, [1.5, np.nan, np.nan])
    assert found["day"].values.astype(str).tolist() == [
        "2024-02-03T00:00:00.000000", "2024-02-03T10:00:00.000000", "NaT",
    ]  # fmt: skip
    assert MIXED.apply(part).shape == (3, len(MIXED.features))


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("about 3,true,2024-01-01,7,x", DataError, "column 'size': received the text 'about 3' in line 4 of t.csv"),
        ("1e999,true,2024-01-01,7,x", DataError, "'1e999' in line 4 of t.csv, .*expected a finite number"),
        ("1_0,true,2024-01-01,7,x", DataError, "'1_0' in line 4"),
        ("3,perhaps,2024-01-01,7,x", DataError, "column 'open': received the text 'perhaps' in line 4"),
        ("3,true,soon,7,x", DataError, "column 'day': received the text 'soon' in line 4"),
        ("3,true,31.12.2024,7,x", DataError, "column 'day': received the text '31.12.2024' in line 4"),
        ("3,true,2024-01-01,7,x,too,many", FileFormatError, "line 4: received 7 fields, expected 5"),
    ],
)
@pytest.mark.parametrize("rows", [1, 1 << 20])
def test_what_cannot_be_read(tmp_path: Path, line: str, kind: type, words: str, rows: int) -> None:
    """In the first part of a file or in a later one, the line is that of the file."""
    path = tmp_path / "t.csv"
    path.write_text(f"size,open,day,zip,word\n1,true,2024-01-01,7,x\n2,false,2024-01-01,12,y\n{line}\n")
    with pytest.raises(kind, match=words):
        [MIXED.apply(part) for part in batches(path, MIXED, rows=rows)]


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
        MIXED.apply(read(path)[0])


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
    assert run("train income.csv --target income --epochs 1 --quiet --no-report") == 0
    return tmp_path


@pytest.mark.usefixtures("incomes")
def test_parts_files_and_forms_give_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table_of(1000)
    frame.write_csv("new.csv")
    frame.write_parquet("new.parquet")
    model = gn.load("income.safetensors")
    expected = model.predict(frame)[:, 0]
    monkeypatch.setattr(tables, "ROWS", 37)
    for source in ("new.csv", "new.parquet"):
        for output in ("out.csv", "out.parquet"):
            assert run(f"predict income.safetensors {source} --output {output}") == 0
        for found in (polars.read_csv("out.csv"), polars.read_parquet("out.parquet")):
            assert found.columns == ["income"]
            np.testing.assert_array_equal(found["income"].to_numpy(), expected)


@pytest.mark.usefixtures("incomes")
def test_nothing_is_written_where_a_late_row_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table_of(300).write_csv("new.csv")
    with Path("new.csv").open("a") as file:
        file.write("old,Ulm,1\n")
    monkeypatch.setattr(tables, "ROWS", 37)
    before = sorted(path.name for path in Path().iterdir())
    for output in ("out.csv", "out.parquet"):
        assert run(f"predict income.safetensors new.csv --output {output}") == 2
        assert "column 'age': received the text 'old' in line 302 of new.csv" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == before


def test_a_table_of_numbers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that knows its columns' names and no ``Table`` reads the same texts."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2))
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", gn.Adam(0.1))
    model.fit(x, x[:, :1], verbose=False)
    model.feature_names, model.target_name = ("a", "b"), "y"
    model.save("n.safetensors")
    np.savetxt("n.csv", x[:, ::-1], delimiter=";", header="b;a", comments="")
    assert run("predict n.safetensors n.csv") == 0
    found = [float(line) for line in capsys.readouterr().out.splitlines()[1:]]
    np.testing.assert_allclose(found, model.predict(x)[:, 0], rtol=1e-6)
    for content, words in (
        ("a\n1\n", "without the column 'b'"),
        ("a,b\n3,1\n,2\n4,1\n", "no value in line 3 of g.csv"),
    ):
        Path("g.csv").write_text(content)
        assert run("predict n.safetensors g.csv") == 2
        assert words in capsys.readouterr().err
    Path("g.csv").write_text("a,b\n3,1\n\n4,1\n")
    assert run("predict n.safetensors g.csv") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    assert run("predict n.safetensors n.csv --output n.parquet") == 2
    assert 'pip install "glassnet[tables]"' in capsys.readouterr().err


MEASURED = """
import sys
from pathlib import Path
from glassnet.cli.main import main
assert main(["predict", "income.safetensors", sys.argv[1], "--output", sys.argv[2]]) == 0
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""

# Gaps and words that training had none of are here on purpose.
pytestmark = pytest.mark.filterwarnings("default::glassnet.core.errors.DataWarning")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory stands in /proc")
@pytest.mark.usefixtures("incomes")
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_four_times_the_rows_take_no_more_memory(output: str) -> None:
    peaks = []  # from half a million rows on, where the buffers of reading and writing are full
    for rows in (500_000, 2_000_000):
        table_of(rows).write_csv("new.csv")
        said = subprocess.run(
            [sys.executable, "-c", MEASURED, "new.csv", output], capture_output=True, text=True, check=True
        ).stdout.split()
        assert f"{rows:,}" in said
        peaks.append(int(said[-1]) / 1024)
    assert peaks[1] < peaks[0] + 15, f"{peaks} MB; the file has {Path('new.csv').stat().st_size / 1e6:.0f} MB"
