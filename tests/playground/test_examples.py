"""The rows of a setting: made-up data, and tables of the user's own."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from playground_messages import CARS, FLOWERS, PRICES, unpack

import glassnet as gn
from glassnet.playground import Session, Setting
from glassnet.playground.code import python_code
from glassnet.playground.examples import MOST_BYTES, MOST_ROWS, Examples, Table, TableError, examples_of
from glassnet.playground.frames import Frames
from glassnet.playground.generators import GENERATORS
from glassnet.playground.past import Past
from glassnet.playground.picture import Picture

MADE = tuple(GENERATORS)


@pytest.mark.parametrize("name", MADE)
def test_made_data_depend_on_the_seed_alone(name: str) -> None:
    first, again = (GENERATORS[name](200, 0.1, np.random.default_rng(5)) for _ in range(2))
    other = GENERATORS[name](200, 0.1, np.random.default_rng(6))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (200, 2)
    if name != "plane":
        counts = np.bincount(first[1].astype(int))
        assert counts.min() > 200 / len(counts) * 0.7


@pytest.mark.parametrize("name", MADE)
def test_without_noise_the_data_lie_within_the_picture(name: str) -> None:
    x, _ = GENERATORS[name](500, 0.0, np.random.default_rng(0))
    assert np.abs(x).max() <= 1.2


@pytest.mark.parametrize(
    ("text", "task", "outputs"),
    [(FLOWERS, "classes", 3), (PRICES, "numbers", 1), (FLOWERS.replace("c\n", "b\n"), "binary", 1)],
)
def test_tables_are_learned(text: str, task: str, outputs: int) -> None:
    session = Session(Setting(dataset="table", hidden=(8,)), Table(text.encode("utf-8", "replace")))
    assert (session.examples.task, session.examples.outputs) == (task, outputs)
    session.train(150)
    assert session.scores().metric[1] > 0.85
    x = session.examples.train.x
    left, right, bottom, top = session.examples.extent
    assert left < x[:, 0].min()
    assert x[:, 0].max() < right
    assert bottom < x[:, 1].min()
    assert x[:, 1].max() < top
    unpack(Frames(session, Past(session)).structure())
    unpack(Frames(session, Past(session)).frame(is_playing=False))


def test_another_column_may_be_the_target() -> None:
    examples = examples_of(Setting(dataset="table", target="area", axes=(1, 0)), Table(PRICES.encode()))
    assert examples.train.feature_names == ("rooms", "price")
    assert examples.task == "numbers"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty|no rows|header"),
        ("a\n1\n", "1 column"),
        ("a,b\n", "no rows"),
        ("a,b\n1,x\n2,\n", "no value in line 3"),
        ("a,b\nx,1\ny,2\n", "2 rows .* no row for the test part"),
        ("a,b\n1,x\n2,x\n", "the class 'x' in every row"),
        ("a,b\n1,nan\n2,1\n", "no value in line 2"),
        ("a,b\n1,inf\n2,1\n3,1.5\n", "inf"),
        ("a,b\n" + "3,1.5\n3,2.5\n" * 9, "always 3"),
        ("a,b\n1,2\n2,3\n3,4\nthree,5\n", "'three' in line 5"),
        ("day,b\n2024-01-31,2\n2024-02-30,3\n2024-03-01,4\n", "2024-02-30"),
        ("a,a\n1,2\n", "several columns"),
        (",".join(f"c{i}" for i in range(65)) + "\n", "65 columns"),
        ("a,b\n" + "1" * MOST_BYTES, "bytes"),
        ('a,b\n"1,2\n', "quote|record|row|fields"),
        ("a,b\n" + "".join(f"{i},c{i}\n" for i in range(11)), "11 classes"),
        ("a,b\n\x00,1\n2,2\n", "text"),
        ("a,b\n\ud800,1\n2,2\n", "2 rows .* no row for the test part"),
        ("a,b\n" + "".join(f"w{i % 70},{i}.5\n" for i in range(700)), "65 numbers, 65 of them for the column 'a'"),
    ],
)
def test_tables_that_cannot_be_learned_are_refused(text: str, message: str) -> None:
    with pytest.raises(gn.GlassnetError, match=message):
        Session(Setting(dataset="table"), Table(text.encode("utf-8", "replace")))


def test_a_table_that_is_not_there_is_asked_for() -> None:
    with pytest.raises(gn.ConfigurationError, match="upload"):
        Session(Setting(dataset="table"))


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(gn.ConfigurationError, match="axes"):
        Session(Setting(axes=(0, 2)))


def test_a_table_of_one_input_has_a_picture() -> None:
    text = "a,b\n" + "\n".join(f"{i},{i * 0.5 + i % 3}" for i in range(30))
    session = Session(Setting(dataset="table"), Table(text.encode()))
    answers, _ = Picture(session).draw()
    assert (answers == answers[:1]).all()  # nothing changes along the other axis


def sheet_of(text: str) -> bytes:
    """An .xlsx file with a table of texts and numbers."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in text.splitlines():
        book.active.append([float(cell) if cell.replace(".", "").isdigit() else cell for cell in line.split(",")])
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def features_of(content: bytes, name: str, target: str = "") -> Examples:
    return examples_of(Setting(dataset="table", target=target), Table(content, name))


def test_a_table_of_words_dates_truth_and_gaps_is_what_gn_table_makes_of_it(tmp_path: Path) -> None:
    examples = features_of(CARS.encode("cp1252"), "cars.csv")
    path = tmp_path / "cars.csv"
    path.write_bytes(CARS.encode("cp1252"))
    frame = gn.data.read_table(path, "Preis")
    held_out = gn.data.test_rows(frame.height, None, 0.25, 0)
    table = gn.Table.from_data(frame.rows(~held_out), "Preis")
    assert examples.train.feature_names == table.features
    assert {"Länge", "Ort=Köln", "Ort=München", "neu", "Stunden missing"} < set(table.features)
    np.testing.assert_array_equal(examples.train.x, table.apply(frame.rows(~held_out)).astype(np.float32))
    np.testing.assert_array_equal(examples.test.x, table.apply(frame.rows(held_out)).astype(np.float32))
    np.testing.assert_array_equal(examples.train.y, table.targets(frame.rows(~held_out)))
    assert examples.task == "numbers"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_encoding_gives_the_same_numbers(encoding: str, packed: bool) -> None:
    expected = features_of(CARS.encode(), "cars.csv")
    content = CARS.encode(encoding)
    found = features_of(gzip.compress(content) if packed else content, "CARS.CSV.GZ" if packed else "Cars.CSV")
    assert found.train.feature_names == expected.train.feature_names
    np.testing.assert_array_equal(found.train.x, expected.train.x)
    np.testing.assert_array_equal(found.test.y, expected.test.y)


def test_a_table_in_gb18030_is_read() -> None:
    rows = "".join(
        f"{i % 7 + i / 9:.2f},{['北京', '上海', '广州'][i % 3]},{'买不买'[i % 2 :][:2]}\n" for i in range(90)
    )
    examples = features_of(("面积,城市,结果\n" + rows).encode("gb18030"), "房子.csv")
    assert set(examples.train.feature_names or ()) == {"面积", "城市=广州", "城市=北京", "城市=上海", "城市=other"}
    assert examples.train.class_names == ("不买", "买不")


def test_the_separator_and_the_kind_of_file_make_no_difference() -> None:
    expected = features_of(FLOWERS.encode(), "flowers.csv")
    others = {
        "flowers.tsv": FLOWERS.replace(",", "\t").encode(),
        "pipes.csv": FLOWERS.replace(",", "|").encode(),
        "flowers.tsv.gz": gzip.compress(FLOWERS.replace(",", "\t").encode()),
        "commas.csv": FLOWERS.replace(",", ";").replace(".", ",").encode(),
        "named.csv": b"sep=;\r\n" + FLOWERS.replace(",", ";").replace("\n", "\r\n").encode(),
        "blank.csv": FLOWERS.replace("\n", "\n\n", 40).encode() + b"\n\n",
        "flowers.xlsx": sheet_of(FLOWERS),
    }
    for name, content in others.items():
        found = features_of(content, name)
        np.testing.assert_array_equal(found.train.x, expected.train.x, name)
        np.testing.assert_array_equal(found.train.y, expected.train.y, name)
        assert found.train.class_names == ("a", "b", "c")


@pytest.mark.parametrize("name", ["flowers", "flowers.parquet", "flowers.gz", "csv", "", "flowers.csv.exe", "a.xls"])
def test_a_file_of_another_kind_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(TableError, match=r"\.csv, \.tsv, \.csv\.gz, \.tsv\.gz, \.xlsx") as caught:
        Table(FLOWERS.encode(), name)
    assert caught.value.code == "table_ending"
    assert repr(name) in caught.value.received


def test_what_is_packed_may_not_be_too_large_either() -> None:
    content = gzip.compress(b"a,b\n" + b"1,2\n" * (MOST_BYTES // 4))
    assert len(content) < 100_000
    with pytest.raises(TableError, match="16,000,001 bytes") as caught:
        Table(content, "bomb.csv.gz")
    assert caught.value.code == "too_large"
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", bytes(30_000_000))
    with pytest.raises(TableError, match="30,000,000 bytes"):
        Table(packed.getvalue(), "bomb.xlsx")


@pytest.mark.parametrize(
    ("content", "name"), [(b"\x1f\x8b broken", "a.csv.gz"), (b"PK broken", "a.xlsx"), (b"\x1f\x8b\x08\x00", "a.tsv.gz")]
)
def test_a_damaged_file_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(gn.GlassnetError):
        Table(content, name)


def test_what_the_command_says_of_texts_counts() -> None:
    text = "day,b\n" + "".join(f"{i % 12 + 1}/{i % 11 + 1}/2024,{i % 7}.5\n" for i in range(60))
    first, second = (
        examples_of(Setting(dataset="table"), Table(text.encode(), "days.csv", gn.tables.Reading(dates=order)))
        for order in ("dmy", "mdy")
    )
    assert "read as DD/MM/YYYY" in str(first.table)
    assert "read as MM/DD/YYYY" in str(second.table)
    assert not np.array_equal(first.train.x, second.train.x)


def test_of_many_rows_a_sample_is_taken() -> None:
    """A table that is sorted by its target, 100,000 rows with words, gaps, semicolons, in GBK."""
    lines = [
        f"{'' if i % 9 == 4 else i % 50};{('北京', '上海')[i >= 50_000]};{'高' if i >= 50_000 else '低'}"
        for i in range(100_000)
    ]
    table = Table("\n".join(["数;城市;价格", *lines]).encode("gb18030"), "big.csv")
    assert table.height == 100_000
    session = Session(Setting(dataset="table", hidden=(2,), batch_size=256), table)
    sizes = len(session.examples.train), len(session.examples.test)
    assert sum(sizes) == MOST_ROWS
    assert abs(np.mean(session.examples.train.y) - 0.5) < 0.02
    header, _ = unpack(Frames(session, Past(session)).structure())
    assert (header["height"], header["rows"]) == (100_000, list(sizes))
    session.train(2)
    assert session.scores().metric[1] > 0.9
    assert "choice(data.height, 20000, replace=False)" in python_code(session)
    other = Session(Setting(dataset="table", hidden=(2,), target="城市"), table)
    assert other.examples.train.class_names == ("上海", "北京")
