"""Files of tables as people have them: delimiters, encodings, line ends, compression, spreadsheets."""

from __future__ import annotations

import codecs
import datetime as dt
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

import glassnet as gn
from glassnet.core.errors import ConfigurationError, DataError, FileFormatError, GlassnetError
from glassnet.data import read_csv
from glassnet.data.tables import batches, read_like
from glassnet.tables import Frame, Reading

NAN = float("nan")


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def values(frame: Frame) -> dict[str, list[Any]]:
    return {name: raw.values.tolist() for name, raw in frame.items()}


def read(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> dict[str, list[Any]]:
    return values(gn.data.read_table(write(folder, content, name), reading=Reading(**options)))


def refused(folder: Path, content: str | bytes, said: str, name: str = "t.csv", **options: Any) -> None:
    with pytest.raises(GlassnetError, match=said):
        read(folder, content, name, **options)


AB = {"a": [1.5, 3.5], "b": ["x", "y"]}


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1.5,x\n3.5,y\n",
        "a;b\n1,5;x\n3,5;y\n",
        "a\tb\n1.5\tx\n3.5\ty",
        "a\tb\n1,5\tx\n3,5\ty\n",
        "a|b\n1.5|x\n3.5|y\n",
        'a,b\n"1,5",x\n"3,5",y\n',
        '"a","b"\n"1.5","x"\n"3.5","y"\n',
        "a, b\n1.5, x\n3.5, y\n",
        " a ,b \n 1.5 , x \n3.5,y\n",
        "sep=;\na;b\n1,5;x\n3,5;y\n",
        '"sep=;"\r\na;b\r\n1,5;x\r\n3,5;y\r\n',
        "SEP=|\na|b\n1.5|x\n3.5|y\n",
        "sep=\t\na\tb\n1.5\tx\n3.5\ty\n",
        "a,b\r1.5,x\r3.5,y\r",
        "a,b\r\n1.5,x\r\n3.5,y\r\n",
        "a,b\r\r\n1.5,x\r\r\n3.5,y\r\r\n",
        "a,b\n1.5,x\r\n3.5,y\r",
        "\n\na,b\n\n1.5,x\n   \n\t\n3.5,y\n\n\n",
        "\ufeffa,b\n1.5,x\n3.5,y\n",
        "\ufeff\ufeffa,b\n1.5,x\n3.5,y\n",
        "\ufeffsep=;\na;b\n1,5;x\n3,5;y\n",
    ],
)
def test_delimiters_and_line_ends(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == AB
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        plain = content.removeprefix("\ufeff").removeprefix("\ufeff")
        assert read(tmp_path, plain.encode(encoding)) == AB
    assert read(tmp_path, codecs.BOM_UTF16_BE + content.lstrip("\ufeff").encode("utf-16-be")) == AB
    assert read(tmp_path, gzip.compress(content.encode()), "t.csv.gz") == AB


def test_delimiters_among_other_signs(tmp_path: Path) -> None:
    assert read(tmp_path, "price, EUR;w\n1,5;2\n2,5;3\n") == {"price, EUR": [1.5, 2.5], "w": [2, 3]}
    assert read(tmp_path, "a,b\nx;y,1\nz;w,2\n") == {"a": ["x;y", "z;w"], "b": [1, 2]}
    assert read(tmp_path, "a,b\nx\ty,1\nz\tw,2\n") == {"a": ["x\ty", "z\tw"], "b": [1, 2]}
    assert read(tmp_path, 'a;b;c\n"x,y";1;2\n"z,w,q";3;4\n') == {"a": ["x,y", "z,w,q"], "b": [1, 3], "c": [2, 4]}
    assert read(tmp_path, "x;y;z\n1,1;2,2;3,3\n4,4;5,5;6,6\n")["z"] == [3.3, 6.6]
    assert read(tmp_path, "a b\n1 2\n3 4\n", delimiter=" ") == {"a": [1, 3], "b": [2, 4]}
    assert read(tmp_path, "a\tb\n1\t2\n", "t.tsv") == {"a": [1], "b": [2]}
    assert read(tmp_path, gzip.compress(b"a\tb\n1,5\t2\n"), "t.tsv.gz") == {"a": [1.5], "b": [2]}
    assert read(tmp_path, "A,B\n1,2\n", "T.CSV") == {"A": [1], "B": [2]}
    for delimiter in ("::", '"', "", "\n"):
        with pytest.raises(ConfigurationError, match="one character"):
            read(tmp_path, "a,b\n1,2\n", delimiter=delimiter)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\n1\n\n2\n\n", [1, 2]),
        ('a\n1\n""\n2\n', [1, NAN, 2]),
        ("a\nUlm\nBern\n", ["Ulm", "Bern"]),
        ('a\n"Ulm, north"\n"Bern"\n', ["Ulm, north", "Bern"]),
    ],
)
def test_files_of_one_column(tmp_path: Path, content: str, expected: list[Any]) -> None:
    np.testing.assert_equal(read(tmp_path, content)["a"], expected)


@pytest.mark.parametrize(
    ("encoding", "town"),
    [
        ("utf-8", "北京 Köln 😀"),
        ("utf-8-sig", "Köln"),
        ("utf-16", "北京 Köln"),
        ("gb18030", "北京"),
        ("gb18030", "联通大厦"),
        ("gb18030", "上海市浦东新区"),
        *(
            ("cp1252", word)
            for word in ("Köln", "Zürich", "São Paulo", "it’s", "25 °C", "µm", "½", "Île-de-France", "€ zone")
        ),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, town: str) -> None:
    frame = gn.data.read_table(write(tmp_path, f"town,n\n{town},1\nBonn,2\n".encode(encoding)))
    assert values(frame) == {"town": [town, "Bonn"], "n": [1, 2]}
    assert frame.reading is not None
    assert frame.reading.encoding == encoding.removesuffix("-sig")
    late = ("town,n\n" + "Bonn,1\n" * 30_000 + f"{town},2\n").encode(encoding)
    assert read(tmp_path, late)["town"][-1] == town


@pytest.mark.parametrize(
    "content",
    [
        ("都市,人口\n" + "東京,1\n大阪,2\n京都,3\n" * 5).encode("shift_jis"),
        ("城市,人口\n" + "臺北,1\n高雄,2\n" * 5).encode("big5"),
        ("город,число\n" + "Москва,1\nКазань,2\n" * 5).encode("cp1251"),
        ("名字,数\n" + "北京市朝阳区,1\n上海市浦东区,2\n" * 5).encode("utf-16-le"),
        b"a,b\n" + bytes(range(128, 256)) + b",1\n",
    ],
)
def test_encodings_that_cannot_be_told(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content, r"t\.csv, line \d: .*--encoding cp1252")


def test_encodings_that_were_named(tmp_path: Path) -> None:
    assert read(tmp_path, "都市,n\n東京,1\n".encode("shift_jis"), encoding="shift_jis") == {"都市": ["東京"], "n": [1]}
    assert read(tmp_path, "a,b\nKöln,1\n".encode("latin-1"), encoding="latin-1") == {"a": ["Köln"], "b": [1]}
    assert read(tmp_path, "\ufeffa,b\nKöln,1\n", encoding="utf-8") == {"a": ["Köln"], "b": [1]}
    refused(tmp_path, b"a,b\nx,1\nK\xf6ln,1\n", r"t\.csv, line 3: received bytes that are not utf-8", encoding="utf-8")
    refused(tmp_path, "a,b\n", "encoding='klingon'", encoding="klingon")


def test_damaged_files(tmp_path: Path) -> None:
    lines = ["a,b", *("北京,1" for _ in range(50))]
    broken = "\n".join(lines).encode() + b"\n\xe5\x8c,2\n"
    refused(tmp_path, broken, "line 52: received bytes that are not utf-8")
    refused(tmp_path, ("a,b\n" + "ä,1\n" * 5 + "ä").encode()[:-1], "line 7: received bytes that are not utf-8")
    refused(tmp_path, broken.replace(b"\n", b"\r"), "line 52: received bytes")
    refused(tmp_path, broken.replace(b"\n", b"\r\n"), "line 52: received bytes")
    wide = ("a,b\n" + "上,1\r\n" * 5).encode("utf-16")
    refused(tmp_path, wide + b"\x00\xd8\x00\x00", "line 7: received bytes that are not utf-16")
    refused(tmp_path, "a,b\n1,x\0y\n2,z\n", "t.csv, line 2: received a NUL character")
    refused(tmp_path, b"PK\x03\x04" + bytes(100), "NUL character")
    whole = gzip.compress(b"a,b\n1,2\n" * 1000)
    for damaged in (whole[:-9], b"a,b\n1,2\n", whole[:30] + os.urandom(8) + whole[38:]):
        refused(tmp_path, damaged, r"t\.csv\.gz: received a damaged \.gz file", "t.csv.gz")
    refused(tmp_path, whole, "neither UTF-8 nor")
    for content in ("", "\n\n", b"\xef\xbb\xbf"):
        refused(tmp_path, content, "an empty file")
    refused(tmp_path, "a,b\n", "a header but no rows")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n3,4\nTotal: 2 rows\n", "line 4: received 1 field, 'Total: 2 rows'"),
        ("a,b\n1,2\n3,4\nTotal,2\n", "the text 'Total' in line 4 of t.csv, in a column of numbers"),
        ("# made by me\na,b\n1,2\n", "line 2: received 2 fields"),
        ("a,b\n1,2\n3\n", "line 3: received 1 field, '3'"),
        ("a,b\n\n1,2\n\n3,4,5\n", "line 5: received 3 fields"),
        ("a,b,\n1,2,\n", "line 1: received no name for column 3"),
        (",a\n0,1\n1,2\n", "line 1: received no name for column 1.*index=False"),
        ("a, a\n1,2\n", "several columns called 'a'"),
        ('n,h\n1,2\nx,"abc\ny,6\n', "line 3: .*a quote"),
        ('n,h\nx,"5\'11""\ny,6\n', "line 2: .*a quote"),
        ('n,h\n"a"b,1\n', "line 2: .*a quote"),
        ('n,h\n"two\nlines",1\n"c",2\nd,3\ne,x\n', "the text 'x' in line 6 of t.csv"),
        ("n,h\r1,2\r3,4\r5,x\r", "the text 'x' in line 4 of t.csv"),
        ("sep=;\nn;h\n1;2\n3;4\n5;x\n", "the text 'x' in line 5 of t.csv"),
        ("a,b\n(m),(s)\n1,2\n3,4\n4,5\n", r"the text '\(m\)' in line 2"),
        ("1.5,2.5\n1.0,2.0\n2.0,3.0\n", "line 1: received '1.5' as the name of a column"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n5.5,3.6,virginica\n", "as the name of a column"),
        ("5,3,setosa\n4,3,setosa\n", "as the name of a column"),
        ("6,148,72,1\n1,85,66,0\n", "as the name of a column"),
    ],
)
def test_what_is_refused_by_its_line(tmp_path: Path, content: str, said: str) -> None:
    refused(tmp_path, content, said)


@pytest.mark.parametrize(
    "content",
    [
        "400,410.5,420\n0.1,0.2,0.3\n0.3,0.4,0.5\n",
        "2019,2020,kind\n1,2,x\n3,4,y\n",
        "0,1,2\n5,6,7\n8,9,10\n",
        "3,2,1\n0,9,8\n5,6,7\n",
    ],
)
def test_names_that_are_numbers(tmp_path: Path, content: str) -> None:
    assert list(read(tmp_path, content)) == content.splitlines()[0].split(",")


def test_fields(tmp_path: Path) -> None:
    found = read(tmp_path, 'n,h\nx,5\'11"\n"two\nlines","6\'0"""\n"a ""b""",\n')
    assert found == {"n": ["x", "two\nlines", 'a "b"'], "h": ["5'11\"", "6'0\"", None]}
    found = read(tmp_path, "age, work, hours, income\n39, State-gov, 40, <=50K\n50, Private , 13, >50K\n")
    assert found["hours"] == [40, 13]
    assert found["work"] == ["State-gov", "Private"]
    long = "x" * 200_000
    assert read(tmp_path, f"a,b\n{long},1\ny,2\n")["a"] == [long, "y"]
    assert read(tmp_path, "a,b\n1,x\u2028y\u0085z\n2,z\n")["b"] == ["x\u2028y\u0085z", "z"]
    np.testing.assert_equal(read(tmp_path, "a,b\n1,2\n,\n3,4\n")["a"], [1, NAN, 3])


@pytest.mark.parametrize("content", ["a,b\n1,x\n\n2,y\n  \n3,x\n\n", "a,b\r1,x\r\r2,y\r3,x\r\r"])
def test_as_many_answers_as_rows(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    frame = gn.data.read_table(path)
    assert frame.height == 3
    table = gn.Table.from_data(frame, "b")
    for rows in (1, 2, 100):
        parts = list(batches(path, table, rows=rows))
        assert sum(part.height for part in parts) == 3
        np.testing.assert_array_equal(np.concatenate([table.apply(part) for part in parts]), table.apply(frame))
    refusing = write(tmp_path, content + "3 rows" + content[3], "footer.csv")
    for read_again in (
        lambda: gn.data.read_table(refusing),
        lambda: read_like(refusing, table),
        lambda: read_csv(refusing),
    ):
        with pytest.raises(FileFormatError, match="received 1 field, '3 rows'"):
            read_again()


def sheet(folder: Path, *rows: list[Any], name: str = "t.xlsx") -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / name)
    return folder / name


def test_spreadsheets(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        ["n", " town ", "day", "at", "took", "ok", "zip", "price", None],
        [1, " Ulm ", dt.datetime(2021, 12, 31), dt.time(8, 15), dt.timedelta(hours=36), True, "00711", "3,14"],
        [None] * 8,
        [2.5, None, "NA", None, None, False, "10115", "2,5"],
        [None, "Bern", dt.datetime(2022, 1, 1, 12), dt.time(9), dt.timedelta(hours=1), None, None, None],
    )
    frame = gn.data.read_table(path)
    assert list(frame) == ["n", "town", "day", "at", "took", "ok", "zip", "price"]
    np.testing.assert_equal(frame["n"].values, [1, 2.5, NAN])
    assert frame["town"].values.tolist() == ["Ulm", None, "Bern"]
    np.testing.assert_array_equal(frame["day"].values, np.array(["2021-12-31", "NaT", "2022-01-01T12"], "M8[us]"))
    np.testing.assert_equal(frame["at"].values, [29700, NAN, 32400])
    np.testing.assert_equal(frame["took"].values, [129600, NAN, 3600])
    np.testing.assert_equal(frame["ok"].values, [1, 0, NAN])
    assert frame["zip"].values.tolist() == ["00711", "10115", None]
    np.testing.assert_equal(frame["price"].values, [3.14, 2.5, NAN])
    assert frame["n"].place(2) == "row 5 of t.xlsx"


def test_spreadsheets_that_are_refused(tmp_path: Path) -> None:
    cases: list[tuple[list[list[Any]], str]] = [
        ([["a", "b"], [1, 2], [3, "=A2*2"]], "row 3: received a formula without its result in column 2: '=A2\\*2'"),
        ([["a", None], [1, 2]], "row 1: received no name for column 2"),
        ([["a", "a"], [1, 2]], "several columns called 'a'"),
        ([["a", "b"]], "a header but no rows"),
        ([], "an empty sheet"),
        ([["a", "b"], [1, "x"], [2, "y"], [None, None], ["oops", "z"], [4, "z"]], "'oops' in row 5 of t.xlsx"),
        (
            [["a", "b"], [1, 2], [None, None], [dt.datetime(2021, 1, 1), 2]],
            r"several kinds, numbers \(1 in row 2\) and times \(.* in row 4\)",
        ),
    ]
    for rows, said in cases:
        path = sheet(tmp_path, *rows)
        with pytest.raises(GlassnetError, match=said):
            gn.data.read_table(path)
    book = openpyxl.Workbook()
    for title in ("first", "second"):
        book.create_sheet(title).append(["a"])
    book.save(tmp_path / "several.xlsx")
    with pytest.raises(FileFormatError, match="2 sheets with values: 'first', 'second'"):
        gn.data.read_table(tmp_path / "several.xlsx")
    for content in (b"", b"a,b\n1,2\n", b"PK\x03\x04" + bytes(100)):
        with pytest.raises(FileFormatError, match=r"bad\.xlsx.*no spreadsheet"):
            gn.data.read_table(write(tmp_path, content, "bad.xlsx"))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("none.csv", "none.csv.gz", "none.xlsx", "none.parquet", "folder.csv"):
        with pytest.raises(GlassnetError, match=name):
            gn.data.read_table(tmp_path / name)
    with pytest.raises(DataError, match="no rows"):
        read_csv(write(tmp_path, "a,b\n"))
