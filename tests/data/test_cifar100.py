"""CIFAR-100: small real files, and broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import cifar10_records, cifar100_files, cifar100_records, write_archive, write_files

from glassnet.core.errors import ConfigurationError, DataError, FileFormatError, GlassnetError, MissingFileError
from glassnet.data import Dataset, open_source, read_cifar10, read_cifar100

FILES = cifar100_files()
INNER = "cifar-100-binary"


def labels(data: Dataset) -> list[int]:
    assert data.y is not None
    return list(data.y.tolist())


@pytest.fixture(params=["archive", "folder", "outer folder"])
def cifar100(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "archive":
        return write_archive(tmp_path / "cifar-100-binary.tar.gz", {f"{INNER}/{n}": c for n, c in FILES.items()})
    folder = write_files(tmp_path / INNER, FILES)
    return folder if request.param == "folder" else tmp_path


def test_fine_labels_with_their_names(cifar100: Path) -> None:
    train, test = read_cifar100(cifar100)
    assert (labels(train), labels(test)) == ([95, 9, 85, 19, 4], [1, 99, 0])
    assert train.class_names == test.class_names == tuple(f"fine_{number}" for number in range(100))
    assert (train.x.shape, train.x.dtype, train.scale, train.name) == ((5, 3, 32, 32), np.float32, 255.0, "cifar-100")


def test_coarse_labels_with_theirs(cifar100: Path) -> None:
    train, test = read_cifar100(cifar100, labels="coarse")
    assert (labels(train), labels(test)) == ([0, 3, 19, 11, 0], [0, 3, 19])
    assert train.class_names == tuple(f"coarse {number}" for number in range(20))


def test_pixels_stand_behind_two_labels(cifar100: Path) -> None:
    second = FILES["train.bin"][3074:]
    train, _ = read_cifar100(cifar100)
    assert train.x[1].ravel().tolist() == list(second[2:3074])
    assert train.x[1, 1, 0, 3] == second[2 + 1024 + 3]


def test_open_source_tells_the_two_apart(cifar100: Path, tmp_path: Path) -> None:
    train, test = open_source(cifar100, subset=(4, 2))
    assert test is not None
    assert (labels(train), labels(test), train.name) == ([95, 9, 85, 19], [1, 99], "cifar-100")
    other = {"data_batch_1.bin": cifar10_records([1, 2]), "test_batch.bin": cifar10_records([3])}
    ten, _ = open_source(write_archive(tmp_path / "other.tgz", other))
    assert (labels(ten), ten.name) == ([1, 2], "cifar-10")


def test_both_sets_in_one_place_are_refused(tmp_path: Path) -> None:
    ten = {"data_batch_1.bin": cifar10_records([1, 2]), "test_batch.bin": cifar10_records([3])}
    outer = tmp_path / "outer"
    write_files(outer / "cifar-10-batches-bin", ten)
    write_files(outer / INNER, FILES)
    for path in (write_files(tmp_path / "folder", ten | FILES), write_archive(tmp_path / "a.tgz", ten | FILES), outer):
        with pytest.raises(FileFormatError, match="files of CIFAR-10 and of CIFAR-100"):
            open_source(path)
        assert len(read_cifar10(path)[0]) == 2
        assert len(read_cifar100(path)[0]) == 5


def test_without_a_file_of_names_numbers_are_names(tmp_path: Path) -> None:
    train, _ = read_cifar100(write_files(tmp_path, {name: FILES[name] for name in ("train.bin", "test.bin")}))
    assert train.class_names == tuple(map(str, range(100)))


BROKEN = {
    "truncated": ({"train.bin": FILES["train.bin"][:-9]}, FileFormatError, ["train.bin: received 15361 bytes", "3074"]),
    "of CIFAR-10": ({"test.bin": cifar10_records([1, 2])}, FileFormatError, ["test.bin", "too many for whole images"]),
    "fine": ({"test.bin": cifar100_records([(3, 100)])}, DataError, ["the fine label 100 for image 0", "0 to 99"]),
    "coarse": ({"test.bin": cifar100_records([(20, 3)])}, DataError, ["the coarse label 20 for image 0", "0 to 19"]),
    "no test": ({"test.bin": None}, FileFormatError, ["no 'test.bin', expected test.bin and train.bin"]),
    "no train": ({"train.bin": None}, FileFormatError, ["no 'train.bin'", "cifar-100-binary.tar.gz"]),
    "names": ({"fine_label_names.txt": b"apple\n" * 100}, FileFormatError, ["100 names of classes, 1 different"]),
    "few names": (
        {"fine_label_names.txt": b"apple\nbear\n"},
        FileFormatError,
        ["2 names of classes", "100, one a line"],
    ),
    "pickled": (
        dict.fromkeys(FILES) | dict.fromkeys(("train", "test", "meta"), b"\x80\x02."),
        FileFormatError,
        ["the Python version of CIFAR-100, which is pickled", "never loaded", "download cifar-100-binary.tar.gz"],
    ),
}


@pytest.mark.parametrize("form", ["archive", "folder"])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(tmp_path: Path, case: str, form: str) -> None:
    changes, error, fragments = BROKEN[case]
    files = {name: content for name, content in (FILES | changes).items() if content is not None}
    path = (
        write_archive(tmp_path / "cifar.tar.gz", {f"inner/{name}": content for name, content in files.items()})
        if form == "archive"
        else write_files(tmp_path / "cifar", files)
    )
    for read in (open_source, read_cifar100):
        with pytest.raises(GlassnetError) as caught:
            read(path)
        assert type(caught.value) is error
        for fragment in fragments:
            assert fragment in str(caught.value)


def test_other_things_of_these_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="labels='medium'"):
        read_cifar100(tmp_path, labels="medium")
    with pytest.raises(MissingFileError):
        read_cifar100(tmp_path / "cifar-100-binary.tar.gz")
    write_files(tmp_path, {"train": b"text", "test": b"text", "meta": b"text"})
    with pytest.raises(FileFormatError, match="a folder without known files"):
        open_source(tmp_path)
