"""CSV files: what is read, and what each broken file is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.core.errors import ConfigurationError, DataError, FileFormatError, GlassnetError, MissingFileError
from glassnet.data import Dataset, read_csv
from glassnet.tables import Reading

FLOWERS = "length,width,species\n5.1,3.5,setosa\n7.0,3.2,virginica\n6.4,3.1,setosa\n"


def read(folder: Path, content: str | bytes, *arguments: str, **settings: object) -> Dataset:
    file = folder / "flowers.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(file, *arguments, **settings)  # type: ignore[arg-type]


def labels(data: Dataset) -> list[object]:
    assert data.y is not None
    return list(data.y.tolist())


def test_text_targets_become_classes_in_alphabetical_order(tmp_path: Path) -> None:
    data = read(tmp_path, "length,species,width\n5.1,virginica,3.5\n7.0,setosa,3.2\n6.4,virginica,3.1\n", "species")
    assert data.x.tolist() == [[5.1, 3.5], [7.0, 3.2], [6.4, 3.1]]
    assert data.x.dtype == np.float64
    assert data.feature_names == ("length", "width")
    assert labels(data) == [1, 0, 1]
    assert data.class_names == ("setosa", "virginica")
    assert data.is_classification
    assert (data.name, data.scale) == ("flowers", None)


def test_without_a_target_every_column_is_a_feature(tmp_path: Path) -> None:
    data = read(tmp_path, "a,b\n1,2\n3,4\n")
    assert data.y is None
    assert data.feature_names == ("a", "b")
    assert data.x.tolist() == [[1, 2], [3, 4]]


def test_few_whole_numbers_are_classes_in_numerical_order(tmp_path: Path) -> None:
    data = read(tmp_path, "a,rings\n0,10\n0,9\n0,-1\n0,9.0\n0,1e1\n", "rings")
    assert data.class_names == ("-1", "9", "10")
    assert labels(data) == [2, 1, 0, 1, 2]


@pytest.mark.parametrize(("distinct", "classes"), [(20, True), (21, False)])
def test_up_to_20_whole_numbers_are_classes(tmp_path: Path, distinct: int, classes: bool) -> None:
    rows = "".join(f"0,{value % distinct}\n" for value in range(3 * distinct))
    assert read(tmp_path, f"a,price\n{rows}", "price").is_classification is classes


def test_other_numbers_are_numbers(tmp_path: Path) -> None:
    data = read(tmp_path, "a,price\n1,2\n2,2.5\n3,2\n", "price")
    assert labels(data) == [[2.0], [2.5], [2.0]]
    assert data.y is not None
    assert data.y.dtype == np.float64
    assert data.class_names is None


def test_names_and_a_few_numbers_are_classes(tmp_path: Path) -> None:
    data = read(tmp_path, "a,grade\n0,1\n0,absent\n0,2\n0,1\n", "grade")
    assert data.class_names == ("1", "2", "absent")
    assert labels(data) == [0, 2, 1, 0]


def test_columns_are_chosen_by_name_and_in_their_order(tmp_path: Path) -> None:
    content = "id,width,note,length\nF_1,3.5,dry,5.1\nF_2,3.2,,7.0\n"
    data = read(tmp_path, content, columns=("length", "width"))
    assert data.x.tolist() == [[5.1, 3.5], [7.0, 3.2]]
    assert data.feature_names == ("length", "width")
    with_target = read(tmp_path, "width,note,length\n3.5,dry,5.1\n3.2,wet,7.0\n", "note", columns=["length"])
    assert with_target.x.tolist() == [[5.1], [7.0]]
    assert with_target.class_names == ("dry", "wet")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbflength,width\r\n1,2\r\n3,4\r\n",
        b'\xef\xbb\xbf"length", "width"\n1, 2\n"3","4"\n\n  \n',
        b"\nlength , width\n 1 , 2 \n+3,4e0",
    ],
    ids=["BOM and CRLF", "BOM, quotes, spaces and blank lines", "spaces, no last line end"],
)
def test_forms_of_the_same_table(tmp_path: Path, content: bytes) -> None:
    data = read(tmp_path, content)
    assert data.feature_names == ("length", "width")
    assert data.x.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("delimiter", [";", "\t", " "])
def test_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    data = read(tmp_path, f"a{delimiter}b\n1{delimiter}2\n", delimiter=delimiter)
    assert data.x.tolist() == [[1, 2]]


def test_letters_beyond_ascii_and_delimiters_in_quotes(tmp_path: Path) -> None:
    data = read(tmp_path, 'Größe,Art\n1,"Weiß, groß"\n2,Grün\n', "Art")
    assert data.feature_names == ("Größe",)
    assert data.class_names == ("Grün", "Weiß, groß")


def test_one_row_and_one_column(tmp_path: Path) -> None:
    assert read(tmp_path, "a\n1\n").x.shape == (1, 1)


MANY = "".join(f"{value},{value}.5\n" for value in range(30))

BROKEN = {
    "empty": ("", {}, DataError, ["flowers.csv: received an empty file", "header row"]),
    "blank lines only": ("\n \n\n", {}, DataError, ["an empty file"]),
    "header only": ("a,b\n\n", {}, DataError, ["flowers.csv: received a header but no rows", "add rows"]),
    "short row": (
        "a,b\n1,2\n3\n",
        {},
        FileFormatError,
        ["flowers.csv, line 3", "received 1 field,", "2 fields, as many"],
    ),
    "long row": (
        "a,b\n1,2\n3,4,5\n6,7\n",
        {},
        FileFormatError,
        ["flowers.csv, line 3", "received 3 fields,", "expected 2"],
    ),
    "row behind a quoted line end": (
        'a,b,c\n1,"x\ny",3\n4,5\n',
        {"target": "b"},
        FileFormatError,
        ["flowers.csv, line 4", "received 2 fields", "expected 3 fields", "double quotes"],
    ),
    "open quotes": ('a,b\n1,2\n"3,4\n5,6\n', {}, FileFormatError, ["flowers.csv, line 3", "close the quotes"]),
    "same name twice": (
        "a,b,a\n1,2,3\n",
        {},
        FileFormatError,
        ["flowers.csv, line 1", "several columns called 'a'", "rename them."],
    ),
    "no header": ("5,3,5\n1,2,3\n", {}, FileFormatError, ["columns called '5'", "no header row, write one"]),
    "column without a name": (
        ",a\n0,1\n",
        {},
        FileFormatError,
        ["flowers.csv, line 1", "no name for column 1", "index=False"],
    ),
    "unknown target": (
        FLOWERS,
        {"target": "Specie"},
        ConfigurationError,
        ["flowers.csv", "the target 'Specie'", "'length', 'width', 'species'", "did you mean 'species'?"],
    ),
    "target among the columns": (
        FLOWERS,
        {"target": "width", "columns": ["length", "width"]},
        ConfigurationError,
        ["'width' as a feature and as the target", "take it out of columns"],
    ),
    "missing columns": (
        FLOWERS,
        {"columns": ["length", "widht", "height"]},
        DataError,
        ["without the columns 'widht', 'height'", "did you mean 'width'?", "'length', 'width', 'species'"],
    ),
    "nothing but the target": ("a\n1\n", {"target": "a"}, DataError, ["no feature columns"]),
    "text column, no target": (
        "length,sort of flower\n5.1,setosa\n",
        {},
        DataError,
        [
            "column 'sort of flower' holds words",
            "'setosa' in line 2",
            "to learn to predict it pass --target 'sort of flower'",
            "target='sort of flower'",
        ],
    ),
    "second text column": (
        "a,colour,species\n1,red,x\n",
        {"target": "species"},
        DataError,
        ["column 'colour' holds words", "delete the column"],
    ),
    "text among numbers": (
        f"a,b\n{MANY}7,none\n",
        {},
        DataError,
        ["column 'b'", "the text 'none' in line 32 of flowers.csv", "leave it empty", "--missing"],
    ),
    "both decimal signs": (
        'a;b\n1;2,75\n3;"4,5"\n5;6.5\n',
        {},
        DataError,
        ["column 'b'", "'6.5' in line 4", "an amount such as 1234,5"],
    ),
    "underscore": ("a\n1\n1_000\n3\n", {}, DataError, ["column 'a'", "'1_000' in line 3"]),
    "empty cell": (
        "a,b\n1,2\n3, \n",
        {},
        DataError,
        ["flowers.csv, column 'b'", "no value in line 3", "fill the cell"],
    ),
    "empty target": (
        "a,b\n1,x\n3,\n",
        {"target": "b"},
        DataError,
        ["flowers.csv, column 'b'", "no value in line 3"],
    ),
    "NaN": ("a,b\n1,2\n3,NaN\n", {}, DataError, ["flowers.csv, column 'b'", "no value in line 3"]),
    "infinity": ("a,b\n-inf,2\n3,4\n", {}, DataError, ["column 'a'", "'-inf' in line 2", "a finite number"]),
    "NaN as target": ("a,b\n1,2\n3,nan\n", {"target": "b"}, DataError, ["column 'b'", "no value in line 3"]),
    "too large": ("a\n1\n1e309\n", {}, DataError, ["column 'a'", "'1e309' in line 3", "a finite number"]),
    "too large as target": ("a,b\n1,0.5\n1,1e999\n", {"target": "b"}, DataError, ["column 'b'", "1e999"]),
    "text in a target of many numbers": (
        f"a,b\n{MANY}7,none\n",
        {"target": "b"},
        DataError,
        ["column 'b'", "'none' in line 32"],
    ),
    "gap in a target of broken numbers": (
        "a,b\n1,0.5\n2,?\n",
        {"target": "b"},
        DataError,
        ["column 'b'", "no value in line 3"],
    ),
    "Latin-1 called UTF-8": (
        "a,b\n1,2\n3,Größe\n".encode("latin-1"),
        {"target": "b", "reading": Reading(encoding="utf-8")},
        FileFormatError,
        ["flowers.csv, line 3", "not utf-8", "save the file as UTF-8"],
    ),
    "an unknown encoding": (
        "a,b\n1,2\n",
        {"reading": Reading(encoding="utf-9")},
        ConfigurationError,
        ["encoding='utf-9'", "gb18030"],
    ),
    "two delimiters": (FLOWERS, {"delimiter": ", "}, ConfigurationError, ["delimiter=', '", "one character"]),
    "quote as delimiter": (FLOWERS, {"delimiter": '"'}, ConfigurationError, ["one character, no quote"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_is_told_where_and_how_to_mend_it(tmp_path: Path, case: str) -> None:
    content, settings, error, fragments = BROKEN[case]
    with pytest.raises(GlassnetError) as caught:
        read(tmp_path, content, **settings)
    assert type(caught.value) is error
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_prediction_is_not_told_to_choose_a_target(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'a' holds words") as caught:
        read(tmp_path, "a,b\nx,1\ny,2\n", columns=["a", "b"])
    assert "--target" not in str(caught.value)


def test_a_column_is_words_when_more_than_half_of_it_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'a': received the text 'x' in line 2 of flowers.csv"):
        read(tmp_path, "a\nx\ny\nz\n1\n2\n3\n")
    with pytest.raises(DataError, match="column 'a' holds words, such as 'x' in line 2"):
        read(tmp_path, "a\nx\ny\nz\nu\n1\n2\n3\n")


def test_one_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="without the column 'height', expected"):
        read(tmp_path, FLOWERS, columns=["length", "height"])


def test_a_long_list_of_columns_is_cut_short(tmp_path: Path) -> None:
    names = [f"column{number}" for number in range(50)]
    with pytest.raises(ConfigurationError, match="'column19' and 30 more") as caught:
        read(tmp_path, f"{','.join(names)}\n{','.join('1' * 50)}\n", "weight")
    assert "column20" not in str(caught.value)


def test_a_list_of_20_columns_is_whole(tmp_path: Path) -> None:
    names = [f"column{number}" for number in range(20)]
    with pytest.raises(ConfigurationError, match="'column18', 'column19'. To fix it"):
        read(tmp_path, f"{','.join(names)}\n{','.join('1' * 20)}\n", "weight")


def test_a_file_that_does_not_exist_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "flowers.csv").write_text(FLOWERS)
    with pytest.raises(MissingFileError, match=r"flower\.csv: received no such file.*did you mean 'flowers\.csv'\?"):
        read_csv(tmp_path / "flower.csv")
    with pytest.raises(MissingFileError, match=r"no such file.*looked for in .*nowhere"):
        read_csv(tmp_path / "nowhere" / "flowers.csv")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="received a folder, expected a file to read"):
        read_csv(tmp_path)
