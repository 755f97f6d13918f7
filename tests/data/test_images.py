"""CIFAR-10 and MNIST's format: small real files, and broken ones."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from image_files import cifar10_records, emnist_files, idx, idx_files, write_archive, write_files

from glassnet.core.errors import ConfigurationError, DataError, FileFormatError, GlassnetError, MissingFileError
from glassnet.data import Dataset, open_source, read_cifar10, read_idx

BATCHES = {
    "test_batch.bin": cifar10_records([9, 8, 7], seed=3),
    "data_batch_2.bin": cifar10_records([4, 5], seed=2),
    "data_batch_1.bin": cifar10_records([1, 2, 3], seed=1),
}
INNER = "cifar-10-batches-bin"


def labels(data: Dataset) -> list[int]:
    assert data.y is not None
    return list(data.y.tolist())


@pytest.fixture(params=["archive", "folder", "outer folder"])
def cifar10(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "archive":
        members = {f"{INNER}/{name}": content for name, content in BATCHES.items()}
        return write_archive(tmp_path / "cifar-10-binary.tar.gz", {f"{INNER}/readme.html": b"<p>"} | members)
    folder = write_files(tmp_path / INNER, BATCHES)
    return folder if request.param == "folder" else tmp_path


def test_cifar10_reads_batches_in_order(cifar10: Path) -> None:
    train, test = read_cifar10(cifar10)
    assert labels(train) == [1, 2, 3, 4, 5]
    assert labels(test) == [9, 8, 7]
    assert train.x.shape == (5, 3, 32, 32)
    assert train.x.dtype == np.float32
    assert train.y is not None
    assert train.y.dtype == np.int64
    assert train.class_names == test.class_names
    assert test.class_names is not None
    assert [test.class_names[label] for label in (0, 3, 9)] == ["airplane", "cat", "truck"]
    assert (train.scale, train.name) == (255.0, "cifar-10")


def test_cifar10_planes_are_red_green_blue_row_by_row(cifar10: Path) -> None:
    train, test = read_cifar10(cifar10)
    second = BATCHES["data_batch_1.bin"][3073:]  # its label, then 1024 reds, 1024 greens, 1024 blues
    assert train.x[1, 0, 0, 1] == second[1 + 1]
    assert train.x[1, 0, 1, 0] == second[1 + 32]
    assert train.x[1, 1, 0, 0] == second[1 + 1024]
    assert train.x[1, 2, 31, 31] == second[3072]
    assert test.x[2].ravel().tolist() == list(BATCHES["test_batch.bin"][2 * 3073 + 1 :])


def test_cifar10_subset_takes_the_first_rows_across_batches(cifar10: Path) -> None:
    train, test = read_cifar10(cifar10, subset=(4, 2))
    assert (labels(train), labels(test)) == ([1, 2, 3, 4], [9, 8])
    assert train.x[3].ravel().tolist() == list(BATCHES["data_batch_2.bin"][1:3073])


@pytest.mark.parametrize(("subset", "fragments"), [((6, 1), ["training", "6", "5"]), ((1, 4), ["test", "4", "3"])])
def test_cifar10_subset_larger_than_the_files(cifar10: Path, subset: tuple[int, int], fragments: list[str]) -> None:
    part, wanted, available = fragments
    with pytest.raises(
        DataError, match=f"{part} part: received a subset .*{wanted} rows, expected at most {available}"
    ):
        read_cifar10(cifar10, subset=subset)


@pytest.mark.parametrize("subset", [(0, 5), (5, -1), (2.5, 1), (1, 2, 3)])
def test_a_subset_is_two_whole_numbers_above_0(tmp_path: Path, subset: tuple[int, int]) -> None:
    for reader in (read_cifar10, read_idx):
        with pytest.raises(ConfigurationError, match=r"two whole numbers above 0.*write \(5000, 500\)"):
            reader(tmp_path, subset=subset)


CIFAR10_BROKEN = {
    "truncated": (
        {"data_batch_2.bin": BATCHES["data_batch_2.bin"][:-10]},
        FileFormatError,
        ["data_batch_2.bin: received 6136 bytes, 3063 too many for whole images", "3073", "truncated"],
    ),
    "empty": ({"test_batch.bin": b""}, FileFormatError, ["test_batch.bin: received 0 bytes,"]),
    "label": (
        {"data_batch_1.bin": cifar10_records([1, 10, 3])},
        DataError,
        ["data_batch_1.bin: received the label 10 for image 1", "0 to 9"],
    ),
    "no test": ({"test_batch.bin": None}, FileFormatError, ["received no 'test_batch.bin', expected"]),
    "no train": (
        {"data_batch_1.bin": None, "data_batch_2.bin": None},
        FileFormatError,
        ["'data_batch_1.bin', 'data_batch_2.bin', 'data_batch_3.bin'", "'data_batch_5.bin', expected", "at least one"],
    ),
    "pickled": (
        {"data_batch_1.bin": None, "data_batch_2.bin": None, "test_batch.bin": None, "data_batch_1": b"\x80\x02."},
        FileFormatError,
        ["the Python version of CIFAR-10, which is pickled", "download cifar-10-binary.tar.gz"],
    ),
}


@pytest.mark.parametrize("form", ["archive", "folder"])
@pytest.mark.parametrize("case", CIFAR10_BROKEN)
def test_broken_cifar10_files_are_named(tmp_path: Path, case: str, form: str) -> None:
    changes, error, fragments = CIFAR10_BROKEN[case]
    files = {name: content for name, content in (BATCHES | changes).items() if content is not None}
    if form == "archive":
        path = write_archive(tmp_path / "cifar.tar.gz", {f"{INNER}/{name}": content for name, content in files.items()})
    else:
        path = write_files(tmp_path / INNER, files)
    with pytest.raises(GlassnetError) as caught:
        read_cifar10(path)
    assert type(caught.value) is error
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_truncated_and_damaged_archives_are_noticed(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "cifar.tar.gz", BATCHES)
    content = file.read_bytes()
    for length in (0, 1, 5, 100, len(content) // 2, len(content) - 9, len(content) - 1):
        file.write_bytes(content[:length])
        with pytest.raises(FileFormatError, match=r"cifar\.tar\.gz.*(cannot be read to its end|received no)"):
            read_cifar10(file)
    # A flipped pixel leaves tar and deflate whole; only the checksum at the end knows.
    pixels = len(content) // 2
    file.write_bytes(content[:pixels] + bytes([content[pixels] ^ 1]) + content[pixels + 1 :])
    with pytest.raises(FileFormatError, match="cannot be read to its end"):
        read_cifar10(file)


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(cifar10_records([1]))
    file = tmp_path / "cifar.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        link = tarfile.TarInfo("data_batch_1.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
        test = tarfile.TarInfo("test_batch.bin")
        test.size = 3073
        archive.addfile(test, io.BytesIO(cifar10_records([2])))
    with pytest.raises(FileFormatError, match="received no 'data_batch_1.bin'"):
        read_cifar10(file)


def test_other_files_beside_cifar10_do_not_disturb(tmp_path: Path) -> None:
    train, _ = read_cifar10(write_files(tmp_path, BATCHES | {"batches.meta": b"\x80", "data_batch_1": b"\x80"}))
    assert len(train) == 5
    with pytest.raises(FileFormatError, match="received no 'data_batch_1.bin'"):
        read_cifar10(write_files(tmp_path / "other", {"readme.html": b"<p>"}))


def test_cifar10_needs_something_at_the_path(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"cifar-10-binary\.tar\.gz: received no such file"):
        read_cifar10(tmp_path / "cifar-10-binary.tar.gz")


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_idx_reads_images_and_labels(tmp_path: Path, ending: str, mark: str) -> None:
    files = {name.replace("-idx", f"{mark}idx") + ending: content for name, content in idx_files().items()}
    train, test = read_idx(write_files(tmp_path / "fashion", files))
    assert train.x.shape == (5, 1, 28, 28)
    assert test.x.shape == (3, 1, 28, 28)
    assert train.x.dtype == np.float32
    assert train.x.ravel().tolist() == [value % 256 for value in range(5 * 784)]
    assert labels(train) == [0, 1, 2, 3, 4]
    assert (train.scale, train.name, train.class_names) == (255.0, "fashion", tuple("0123456789"))


def test_idx_subset_takes_the_first_rows(tmp_path: Path) -> None:
    folder = write_files(tmp_path, idx_files())
    train, test = read_idx(folder, subset=(2, 1))
    assert (labels(train), labels(test)) == ([0, 1], [0])
    assert train.x[1, 0, 0, 0] == 784 % 256
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.*asks for 4 rows, expected at most 3"):
        read_idx(folder, subset=(5, 4))


def test_a_name_that_ends_in_gz_may_hold_plain_bytes(tmp_path: Path) -> None:
    # Some download programs unpack a file and keep its name.
    folder = write_files(tmp_path, idx_files())
    (folder / "train-labels-idx1-ubyte").rename(folder / "train-labels-idx1-ubyte.gz")
    assert labels(read_idx(folder)[0]) == [0, 1, 2, 3, 4]


WHOLE = idx_files()["train-images-idx3-ubyte"]
LABELS = idx_files()["train-labels-idx1-ubyte"]
IDX_BROKEN = {
    "labels for images": (
        {"train-images-idx3-ubyte": LABELS},
        FileFormatError,
        ["train-images-idx3-ubyte", "the magic number 2049, that of labels", "expected 2051, that of images"],
    ),
    "foreign": (
        {"t10k-labels-idx1-ubyte": b"label,\n1,\n"},
        FileFormatError,
        ["t10k-labels-idx1-ubyte", "the magic number", "2049"],
    ),
    "short header": (
        {"train-images-idx3-ubyte": WHOLE[:9]},
        FileFormatError,
        ["train-images-idx3-ubyte", "a header of 9 bytes", "16 bytes"],
    ),
    "truncated": (
        {"train-images-idx3-ubyte": WHOLE[:-1]},
        FileFormatError,
        ["train-images-idx3-ubyte", "3919 bytes after the header", "3920", "5 × 28 × 28"],
    ),
    "too long": (
        {"train-labels-idx1-ubyte": LABELS + b"\x00"},
        FileFormatError,
        ["train-labels-idx1-ubyte", "more than 5 bytes after the header", "expected 5,"],
    ),
    "header that promises 300 petabytes": (
        {"train-images-idx3-ubyte": idx(0x803, (2**32 - 1, 2**13, 2**13), bytes(100))},
        FileFormatError,
        ["100 bytes after the header", "4294967295 × 8192 × 8192"],
    ),
    "no images": (
        {"train-images-idx3-ubyte": idx(0x803, (0, 28, 28), b"")},
        FileFormatError,
        ["train-images-idx3-ubyte", "(0, 28, 28)", "at least one image"],
    ),
    "label": (
        {"t10k-labels-idx1-ubyte": idx(0x801, (3,), bytes([1, 2, 10]))},
        DataError,
        ["t10k-labels-idx1-ubyte", "the label 10 for image 2", "0 to 9"],
    ),
    "counts": (
        {"t10k-labels-idx1-ubyte": idx(0x801, (2,), bytes([1, 2]))},
        FileFormatError,
        ["t10k-labels-idx1-ubyte", "2 labels", "expected 3, one for each image of t10k-images-idx3-ubyte"],
    ),
    "sizes": (
        {"t10k-images-idx3-ubyte": idx(0x803, (3, 14, 28), bytes(3 * 14 * 28))},
        FileFormatError,
        ["28 × 28 pixels and test images of 14 × 28"],
    ),
    "missing": (
        {"train-labels-idx1-ubyte": None, "t10k-images-idx3-ubyte": None},
        FileFormatError,
        ["without 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte'", ".gz"],
    ),
}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("case", IDX_BROKEN)
def test_broken_idx_files_are_named(tmp_path: Path, case: str, ending: str) -> None:
    changes, error, fragments = IDX_BROKEN[case]
    files = {name + ending: content for name, content in (idx_files() | changes).items() if content is not None}
    with pytest.raises(GlassnetError) as caught:
        read_idx(write_files(tmp_path / "mnist", files))
    assert type(caught.value) is error
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_surplus_is_noticed_where_a_chunk_ends_with_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr("glassnet.data.images._CHUNK", 5)
    files = {name + ending: content for name, content in idx_files().items()}
    assert len(read_idx(write_files(tmp_path, files))[0]) == 5
    files[f"train-labels-idx1-ubyte{ending}"] = LABELS + b"\x00"
    with pytest.raises(FileFormatError, match="more than 5 bytes after the header"):
        read_idx(write_files(tmp_path, files))


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {f"{name}.gz": content for name, content in idx_files().items()})
    file = folder / "train-images-idx3-ubyte.gz"
    content = file.read_bytes()
    flipped = gzip.compress(WHOLE, compresslevel=0)
    flipped = flipped[:2000] + bytes([flipped[2000] ^ 1]) + flipped[2001:]
    for broken in (content[: len(content) // 2], content[:-1], content[:12], flipped, content[:20] + b"\xff" * 40):
        file.write_bytes(broken)
        with pytest.raises(FileFormatError, match=r"train-images-idx3-ubyte\.gz: .*(cannot be read to its end|header)"):
            read_idx(folder)


def test_idx_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="received no such folder"):
        read_idx(tmp_path / "mnist")
    file = write_files(tmp_path, idx_files()) / "train-images-idx3-ubyte"
    with pytest.raises(FileFormatError, match="received a file, expected a folder"):
        read_idx(file)


EMNIST = {  # the first label, how many there are, and what the last ones show
    "letters": (1, 26, "XYZ"),
    "balanced": (0, 47, "qrt"),
    "bymerge": (0, 47, "qrt"),
    "byclass": (0, 62, "xyz"),
    "digits": (0, 10, "789"),
    "mnist": (0, 10, "789"),
}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("split", EMNIST)
def test_emnist_has_its_classes(tmp_path: Path, split: str, ending: str) -> None:
    first, count, last = EMNIST[split]
    given = [first, first + count - 1, first + 3]
    files = {name + ending: content for name, content in emnist_files(split, given).items()}
    train, test = read_idx(write_files(tmp_path, files))
    assert labels(train) == labels(test) == [0, count - 1, 3]
    assert train.class_names == test.class_names
    assert train.class_names is not None
    assert len(train.class_names) == len(set(train.class_names)) == count
    assert "".join(train.class_names[-3:]) == last
    assert (train.name, train.scale, train.x.shape) == (f"emnist-{split}", 255.0, (3, 1, 28, 28))


def test_emnists_classes_are_those_of_its_mapping_files(tmp_path: Path) -> None:
    """As emnist-balanced-mapping.txt and emnist-letters-mapping.txt pair labels and codes of characters."""
    balanced = read_idx(write_files(tmp_path / "b", emnist_files("balanced", [0])))[0].class_names
    letters = read_idx(write_files(tmp_path / "l", emnist_files("letters", [1])))[0].class_names
    by_class = read_idx(write_files(tmp_path / "c", emnist_files("byclass", [1])))[0].class_names
    assert balanced is not None
    assert letters is not None
    assert by_class is not None
    pairs = {9: 57, 10: 65, 35: 90, 36: 97, 37: 98, 38: 100, 39: 101, 40: 102, 41: 103, 42: 104, 43: 110, 44: 113}
    assert {label: ord(balanced[label]) for label in pairs} == pairs
    assert [ord(letters[label - 1]) for label in (1, 2, 26)] == [65, 66, 90]
    assert [ord(by_class[label]) for label in (0, 10, 36, 61)] == [48, 65, 97, 122]


def test_emnist_stands_upright(tmp_path: Path) -> None:
    train, _ = read_idx(write_files(tmp_path, emnist_files("letters", [1, 2], (3, 2))))
    # In the file the pixels count up along the columns of the picture.
    assert train.x[0, 0].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert train.x[1, 0].tolist() == [[6, 8, 10], [7, 9, 11]]
    assert train.x.flags.c_contiguous
    mnist, _ = read_idx(write_files(tmp_path / "mnist", idx_files(size=(3, 2))))
    assert mnist.x[0, 0].tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("split", "wrong", "expected"),
    [("letters", 0, "1 to 26"), ("letters", 27, "1 to 26"), ("balanced", 47, "0 to 46"), ("digits", 10, "0 to 9")],
)
def test_emnists_labels_are_checked(tmp_path: Path, split: str, wrong: int, expected: str) -> None:
    folder = write_files(tmp_path, emnist_files(split, [1, wrong]))
    with pytest.raises(DataError, match=rf"the label {wrong} for image 1 .*labels from {expected}"):
        read_idx(folder)


def test_emnists_sets_lie_side_by_side(tmp_path: Path) -> None:
    folder = write_files(tmp_path, emnist_files("letters", [1, 2]) | emnist_files("digits", [5, 6, 7]))
    with pytest.raises(
        FileFormatError, match=r"2 sets, emnist-digits, emnist-letters.*split='letters'.*path of a file"
    ):
        read_idx(folder)
    assert len(read_idx(folder, split="digits")[0]) == 3
    for name in ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte"):
        train, test = open_source(folder / name, subset=(2, 1))
        assert test is not None
        assert (train.name, len(train), len(test)) == ("emnist-letters", 2, 1)
    with pytest.raises(FileFormatError, match="without 'emnist-balanced-train-images-idx3-ubyte'"):
        read_idx(folder, split="balanced")
    with pytest.raises(ConfigurationError, match="split='capitals'"):
        read_idx(folder, split="capitals")
    write_files(folder, idx_files())
    with pytest.raises(FileFormatError, match="3 sets, MNIST, emnist-digits"):
        open_source(folder)


def test_emnist_under_mnists_names_is_told_of_its_own(tmp_path: Path) -> None:
    files = idx_files() | {"train-labels-idx1-ubyte": idx(0x801, (5,), bytes([1, 5, 26, 3, 2]))}
    with pytest.raises(DataError, match="the label 26 for image 2 .*EMNIST's files must keep their names"):
        read_idx(write_files(tmp_path, files))
