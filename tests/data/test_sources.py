"""Whatever a user may name on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import cifar10_records, idx_files, write_archive, write_files

from glassnet.core.errors import ConfigurationError, DataError, FileFormatError, MissingFileError
from glassnet.data import Dataset, open_source, parse_subset

CIFAR10 = {"data_batch_1.bin": cifar10_records([1, 2]), "test_batch.bin": cifar10_records([3])}


def both(parts: tuple[Dataset, Dataset | None]) -> tuple[Dataset, Dataset]:
    train, test = parts
    assert test is not None
    return train, test


def test_digits_by_name() -> None:
    train, test = open_source("digits")
    assert len(train) == 1797
    assert test is None


def test_a_path_called_digits_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingFileError, match="no such file or folder"):
        open_source(Path("digits"))
    write_files(tmp_path / "digits", idx_files())
    assert len(open_source(Path("digits"))[0]) == 5
    assert len(open_source("digits")[0]) == 1797


@pytest.mark.parametrize("name", ["flowers.csv", "FLOWERS.CSV"])
def test_tables_with_target_and_columns(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("a,b,species\n1,2,x\n3,4,y\n")
    data, test = open_source(str(file), target="species", columns=["b"])
    assert test is None
    assert data.feature_names == ("b",)
    assert data.class_names == ("x", "y")


def test_archives_pass_over_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "points.npz", x=np.ones((4, 2)), y=[0, 1, 0, 1])
    data, test = open_source(tmp_path / "points.npz", columns=["a", "b"])
    assert data.x.shape == (4, 2)
    assert test is None


@pytest.mark.parametrize("form", ["cifar-10-binary.tar.gz", "cifar.TGZ", "folder", "outer"])
def test_cifar10_as_archive_and_folder(tmp_path: Path, form: str) -> None:
    if form in ("folder", "outer"):
        inner = write_files(tmp_path / "cifar-10-batches-bin", CIFAR10)
        path = inner if form == "folder" else tmp_path
    else:
        path = write_archive(tmp_path / form, CIFAR10)
    train, test = both(open_source(path))
    assert (len(train), len(test)) == (2, 1)
    assert train.x.shape[1:] == (3, 32, 32)
    train, test = both(open_source(path, subset=(1, 1)))
    assert len(train) == 1


def test_idx_folder(tmp_path: Path) -> None:
    path = write_files(tmp_path / "mnist", {f"{name}.gz": content for name, content in idx_files().items()})
    train, test = both(open_source(str(path)))
    assert (len(train), len(test), train.name) == (5, 3, "mnist")
    train, test = both(open_source(str(path), subset=(4, 2)))
    assert (len(train), len(test)) == (4, 2)


def test_a_folder_with_some_of_the_files_is_told_which_are_missing(tmp_path: Path) -> None:
    files = idx_files()
    del files["t10k-labels-idx1-ubyte"]
    with pytest.raises(FileFormatError, match="without 't10k-labels-idx1-ubyte'"):
        open_source(write_files(tmp_path / "mnist", files))
    with pytest.raises(FileFormatError, match="received no 'test_batch.bin'"):
        open_source(write_files(tmp_path / "cifar", {"data_batch_1.bin": CIFAR10["data_batch_1.bin"]}))
    with pytest.raises(FileFormatError, match="which is pickled"):
        open_source(write_files(tmp_path / "cifar-10-batches-py", {"data_batch_1": b"\x80", "test_batch": b"\x80"}))


def test_a_subset_cuts_a_single_part_in_two(tmp_path: Path) -> None:
    whole, _ = open_source("digits")
    train, test = both(open_source("digits", subset=(100, 40)))
    assert np.array_equal(train.x, whole.x[:100])
    assert np.array_equal(test.x, whole.x[100:140])
    file = tmp_path / "flowers.csv"
    file.write_text("a,species\n1,x\n2,y\n3,z\n")
    train, test = both(open_source(file, target="species", subset=(2, 1)))
    assert train.class_names == test.class_names == ("x", "y", "z")
    assert test.y is not None
    assert test.y.tolist() == [2]
    with pytest.raises(DataError, match="flowers: received a subset that asks for 4 rows, expected at most 3"):
        open_source(file, target="species", subset=(2, 2))


@pytest.mark.parametrize("source", ["digits", "points.npz", "somewhere"])
def test_a_target_needs_columns_with_names(source: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{source}: received the target 'species'.*only with a table"):
        open_source(source, target="species")


def test_what_is_not_there_suggests_what_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingFileError, match=r"digit: .*expected digits \(built in\), .*did you mean 'digits'\?"):
        open_source("digit")
    (tmp_path / "flowers.csv").write_text("a\n1\n")
    with pytest.raises(MissingFileError, match=r"did you mean 'flowers\.csv'\? check the path"):
        open_source("flowrs.csv")


@pytest.mark.parametrize(
    ("name", "received"), [("notes.txt", r"a file ending in \.txt"), ("README", "a file ending in nothing")]
)
def test_what_is_not_understood_is_told_what_is(tmp_path: Path, name: str, received: str) -> None:
    (tmp_path / name).write_text("text")
    with pytest.raises(FileFormatError) as caught:
        open_source(tmp_path / name)
    caught.match(received)
    for known in ("digits", ".csv", ".npz", "cifar-10-binary.tar.gz", "MNIST"):
        assert known in str(caught.value)


def test_an_empty_folder_is_told_what_is_understood(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="a folder without known files, expected digits"):
        open_source(tmp_path)


@pytest.mark.parametrize("text", ["5000,500", " 5000 , 500 ", "05000,500"])
def test_parse_subset(text: str) -> None:
    assert parse_subset(text) == (5000, 500)


@pytest.mark.parametrize(
    "text",
    ["", "5000", "5000,", "5000,0", "0,1", "a,b", "5000;500", "1,2,3", "-1,2", "1.5,2", "५,५", "9" * 5000 + ",1"],
)
def test_parse_subset_refuses_anything_else(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"subset: received '.*two whole numbers above 0.*write 5000,500"):
        parse_subset(text)


def test_a_subset_is_checked_before_anything_is_read() -> None:
    with pytest.raises(ConfigurationError, match=r"\(0, 5\)"):
        open_source("no such file", subset=(0, 5))
