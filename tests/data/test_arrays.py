"""NumPy archives: what is read, and what each broken file is told."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from glassnet.core.errors import (
    ConfigurationError,
    DataError,
    FileFormatError,
    GlassnetError,
    MissingFileError,
    ShapeError,
)
from glassnet.data import open_source, read_npz
from glassnet.data.arrays import read_npz_parts


def save(folder: Path, **arrays: object) -> Path:
    file = folder / "points.npz"
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file


@pytest.mark.parametrize("x_name", ["x", "X", "data"])
@pytest.mark.parametrize("y_name", ["y", "Y", "labels", "target"])
def test_arrays_are_found_under_their_usual_names(tmp_path: Path, x_name: str, y_name: str) -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    data = read_npz(save(tmp_path, **{x_name: x, y_name: np.array([0, 1, 1]), "other": np.zeros(9)}))
    assert data.x.tolist() == x.tolist()
    assert data.x.dtype == np.float32
    assert data.y is not None
    assert data.y.tolist() == [0, 1, 1]
    assert (data.name, data.scale, data.feature_names) == ("points", None, None)


def test_targets_are_optional_and_a_single_column_may_be_flat(tmp_path: Path) -> None:
    data = read_npz(save(tmp_path, x=[1.0, 2.0, 3.0]))
    assert data.x.shape == (3, 1)
    assert data.y is None


@pytest.mark.parametrize(
    ("y", "labels", "names"),
    [
        ([0, 1, 2], [0, 1, 2], ("0", "1", "2")),
        ([10, 9, 10], [1, 0, 1], ("9", "10")),
        ([[1], [0], [1]], [1, 0, 1], ("0", "1")),
        ([True, False, True], [1, 0, 1], ("0", "1")),
        (np.array([2, 0, 2], dtype=np.uint8), [1, 0, 1], ("0", "2")),
        (["dog", "cat", "dog"], [1, 0, 1], ("cat", "dog")),
    ],
)
def test_whole_numbers_and_text_become_classes(
    tmp_path: Path, y: object, labels: list[int], names: tuple[str, ...]
) -> None:
    data = read_npz(save(tmp_path, x=np.zeros((3, 2)), y=y))
    assert data.is_classification
    assert data.y is not None
    assert data.y.tolist() == labels
    assert data.class_names == names


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([1.0, 1.7e9 + 1], [[1], [1.7e9 + 1]]),
        ([[1.5, 2], [3, 4]], [[1.5, 2], [3, 4]]),
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]]),
    ],
)
def test_real_numbers_stay_numbers(tmp_path: Path, y: object, expected: list[list[float]]) -> None:
    data = read_npz(save(tmp_path, x=np.zeros((2, 2)), y=y))
    assert data.y is not None
    assert data.y.dtype == (np.float32 if np.asarray(y).dtype.kind == "i" else np.float64)
    assert data.y.tolist() == expected
    assert data.class_names is None


def test_bytes_are_an_image_only_with_three_axes(tmp_path: Path) -> None:
    assert read_npz(save(tmp_path, x=np.ones((2, 4, 4), np.uint8))).scale == 255.0
    assert read_npz(save(tmp_path, x=np.ones((2, 4), np.uint8))).scale is None
    assert read_npz(save(tmp_path, x=np.ones((2, 4, 4)))).scale is None


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("name", ["x", "y"])
def test_pickled_objects_are_refused_and_not_run(tmp_path: Path, name: str) -> None:
    trap = np.array([Trap(tmp_path / "sprung")] * 3, dtype=object)
    with pytest.raises(FileFormatError, match=f"points.npz, array '{name}': received pickled objects.*never loaded"):
        read_npz(save(tmp_path, **({"x": np.zeros((3, 1))} | {name: trap})))
    assert not (tmp_path / "sprung").exists()


def test_objects_under_another_name_do_no_harm(tmp_path: Path) -> None:
    file = save(tmp_path, x=np.zeros((3, 1)), notes=np.array([Trap(tmp_path / "sprung")], dtype=object))
    assert len(read_npz(file)) == 3
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_with_the_name_of_an_archive_is_refused_and_not_run(tmp_path: Path) -> None:
    file = tmp_path / "points.npz"
    file.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(FileFormatError, match="a file that is no NumPy archive"):
        read_npz(file)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("arrays", "error", "fragments"),
    [
        ({"images": [1], "y": [0]}, FileFormatError, ["holds only 'images', 'y'", "an array called x", "np.savez"]),
        ({}, FileFormatError, ["holds nothing"]),
        ({"x": np.zeros((3, 1)), "y": [0, 1]}, ShapeError, ["array 'y'", "2 rows", "expected 3, as many as array 'x'"]),
        ({"x": [[1.0], [np.nan]]}, DataError, ["points.npz, array 'x'", "nan at row 1, column 0"]),
        ({"x": [[1.0]], "y": [np.inf]}, DataError, ["points.npz, array 'y'", "inf at row 0"]),
        ({"x": [["a"]]}, DataError, ["points.npz, array 'x'", "expected numbers"]),
        ({"x": np.zeros((0, 3))}, DataError, ["an empty array"]),
        ({"x": np.zeros((1, 3)), "y": np.zeros(0, int)}, DataError, ["array 'y'", "an empty array"]),
        ({"x": 5.0}, ShapeError, ["a single number"]),
        ({"x": np.zeros((1, 2)), "y": np.zeros((1, 2, 2))}, ShapeError, ["array 'y'", "(1, 2, 2)", "(N, M)"]),
    ],
)
def test_arrays_that_cannot_be_learned_from(
    tmp_path: Path, arrays: dict[str, object], error: type[Exception], fragments: list[str]
) -> None:
    with pytest.raises(GlassnetError) as caught:
        read_npz(save(tmp_path, **arrays))
    assert type(caught.value) is error
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_a_single_array_is_told_to_become_an_archive(tmp_path: Path) -> None:
    with open(tmp_path / "points.npz", "wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(FileFormatError, match="a single array without a name.*np.savez"):
        read_npz(tmp_path / "points.npz")


def test_every_truncation_and_many_damages_are_noticed(tmp_path: Path) -> None:
    content = save(tmp_path, x=np.arange(12.0).reshape(6, 2), y=np.arange(6)).read_bytes()
    file = tmp_path / "damaged.npz"
    for length in range(0, len(content), 7):
        file.write_bytes(content[:length])
        with pytest.raises(FileFormatError, match=r"damaged\.npz"):
            read_npz(file)
    # Not every byte of a ZIP file matters; but whatever a flipped one does, it must not pass for other numbers.
    refused = 0
    for position in range(len(content)):
        file.write_bytes(content[:position] + bytes([content[position] ^ 0x41]) + content[position + 1 :])
        try:
            data = read_npz(file)
        except GlassnetError:
            refused += 1
        else:
            assert data.x.tolist() == np.arange(12.0).reshape(6, 2).tolist()
    assert refused > len(content) / 2


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99), }",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (5, 2",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': __import__('os'), }",
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: bytes) -> None:
    padded = header.ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "points.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(80))
    with pytest.raises(FileFormatError, match="points.npz: received a damaged archive"):
        read_npz(tmp_path / "points.npz")


def test_text_under_the_name_of_an_array_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "points.npz", "w") as archive:
        archive.writestr("x", "not an array")
    with pytest.raises(FileFormatError, match="x is no array"):
        read_npz(tmp_path / "points.npz")


def test_files_that_do_not_exist_and_folders(tmp_path: Path) -> None:
    save(tmp_path, x=[1.0])
    with pytest.raises(MissingFileError, match=r"did you mean 'points\.npz'\?"):
        read_npz(tmp_path / "point.npz")
    with pytest.raises(FileFormatError, match="received a folder"):
        read_npz(tmp_path)


KERAS = {  # as keras.datasets.mnist's file is made
    "x_train": np.arange(5 * 12, dtype=np.uint8).reshape(5, 4, 3),
    "y_train": np.array([5, 0, 4, 1, 9], np.uint8),
    "x_test": np.arange(2 * 12, dtype=np.uint8).reshape(2, 4, 3),
    "y_test": np.array([7, 1], np.uint8),
}


def medmnist(channels: tuple[int, ...] = (3,), labels: int = 1) -> dict[str, np.ndarray]:
    """As MedMNIST's files are: six arrays of bytes, channels last, labels in columns."""
    rng = np.random.default_rng(0)
    found = {}
    for part, rows in (("train", 6), ("val", 3), ("test", 4)):
        found[f"{part}_images"] = rng.integers(0, 256, (rows, 28, 28, *channels), dtype=np.uint8)
        found[f"{part}_labels"] = rng.integers(0, 2 if labels > 1 else 9, (rows, labels), dtype=np.uint8)
    return found


def test_keras_names_of_parts(tmp_path: Path) -> None:
    train, test = open_source(save(tmp_path, **KERAS))
    assert test is not None
    np.testing.assert_array_equal(train.x, KERAS["x_train"])
    np.testing.assert_array_equal(test.x, KERAS["x_test"])
    assert train.class_names == test.class_names == ("0", "1", "4", "5", "7", "9")
    for data, wanted in ((train, KERAS["y_train"]), (test, KERAS["y_test"])):
        assert data.y is not None
        assert data.class_names is not None
        assert [int(data.class_names[label]) for label in data.y] == wanted.tolist()
        assert (data.x.dtype, data.scale) == (np.float32, 255.0)


@pytest.mark.parametrize("labels", [1, 14])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_medmnists_names_of_parts(tmp_path: Path, channels: tuple[int, ...], labels: int) -> None:
    given = medmnist(channels, labels)
    path = save(tmp_path, **given)
    train, test = open_source(path)
    assert test is not None
    for data, name in ((train, "train"), (test, "test"), (read_npz(path, part="validation"), "val")):
        images = given[f"{name}_images"]
        np.testing.assert_array_equal(data.x, images.transpose(0, 3, 1, 2) if channels else images)
        assert data.y is not None
        if labels == 1:
            assert data.class_names is not None
            assert [[int(data.class_names[label])] for label in data.y] == given[f"{name}_labels"].tolist()
        else:
            np.testing.assert_array_equal(data.y, given[f"{name}_labels"])
            assert data.is_multi_label
            assert data.y.dtype == np.float32
    assert read_npz_parts(path)[2] == 3


def test_labels_keep_their_digits_in_every_part(tmp_path: Path) -> None:
    large = 9007199254740992
    given = {"y_train": np.array([large, large + 1, -1, 0, 1]), "y_test": np.array([large + 1, 1], np.uint64)}
    train, test = open_source(save(tmp_path, **(KERAS | given)))
    assert test is not None
    assert train.class_names == test.class_names == ("-1", "0", "1", str(large), str(large + 1))
    assert test.y is not None
    assert test.y.tolist() == [4, 2]


def test_a_subset_is_of_each_part(tmp_path: Path) -> None:
    path = save(tmp_path, **KERAS)
    train, test = open_source(path, subset=(3, 1))
    assert test is not None
    np.testing.assert_array_equal(train.x, KERAS["x_train"][:3])
    np.testing.assert_array_equal(test.x, KERAS["x_test"][:1])
    with pytest.raises(DataError, match=r"points\.npz, test part: .*asks for 3 rows, expected at most 2"):
        open_source(path, subset=(3, 3))


def test_parts_are_chosen_by_name(tmp_path: Path) -> None:
    path = save(tmp_path, **KERAS)
    np.testing.assert_array_equal(read_npz(path, part="test").x, KERAS["x_test"])
    with pytest.raises(FileFormatError, match="an archive of parts, 'train', 'test'.*write part='train'"):
        read_npz(path)
    with pytest.raises(FileFormatError, match="no part 'validation', expected an array called x_val"):
        read_npz(path, part="validation")
    with pytest.raises(ConfigurationError, match="part='dev'"):
        read_npz(path, part="dev")


def test_a_validation_part_stands_in_for_a_missing_test_part(tmp_path: Path) -> None:
    given = {name.replace("test", "val"): values for name, values in KERAS.items()}
    _, test = open_source(save(tmp_path, **given))
    assert test is not None
    np.testing.assert_array_equal(test.x, KERAS["x_test"])


def test_what_is_passed_over_is_said_where_somebody_listens(tmp_path: Path) -> None:
    from glassnet.data import PictureOptions

    told: list[str] = []
    path = save(tmp_path, **medmnist())
    open_source(path, pictures=PictureOptions(tell=told.append))
    assert told == ["passed over 3 rows for validation in points.npz: it has others to test with"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"x_train": None, "y_train": None}, FileFormatError, "an archive of test data alone"),
        ({"y_test": None}, FileFormatError, "targets for train, and none for test.*save them as y_test"),
        ({"y_test": np.array([1, 2, 3])}, ShapeError, "array 'y_test': received 3 rows, expected 2"),
        (
            {"x_test": np.zeros((2, 3, 4), np.uint8)},
            ShapeError,
            r"train rows of shape \(N, 4, 3\), unsigned",
        ),
        ({"x_test": np.zeros((2, 4, 3))}, ShapeError, "one kind of numbers"),
        ({"y_test": np.zeros((2, 3))}, DataError, r"uint8 of shape \(5,\) and float64 of .*of one kind"),
        ({"y_test": np.array([1.0, 7.0])}, DataError, "labels, text or real numbers"),
        ({"y_test": np.array(["1", "7"])}, DataError, "labels, text or real numbers"),
        ({"y_test": np.zeros((2, 3)), "y_train": np.zeros((5, 2))}, ShapeError, "targets of 2 and 3 columns"),
        ({"y_test": np.array([2**63, 1], np.uint64), "y_train": np.arange(5)}, DataError, "labels of one dtype"),
        ({"x": np.zeros((2, 3))}, FileFormatError, "holds 'x', 'x_train', 'x_test', expected one array of rows, or"),
    ],
)
def test_parts_that_do_not_go_together(
    tmp_path: Path, changes: dict[str, np.ndarray | None], error: type[Exception], words: str
) -> None:
    given = {name: values for name, values in (KERAS | changes).items() if values is not None}
    with pytest.raises(error, match=words):
        open_source(save(tmp_path, **given))


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
@pytest.mark.parametrize(
    ("shape", "is_last"),
    [
        ((28, 28, 3), True),
        ((8, 8, 1), True),
        ((20, 30, 3), True),
        ((32, 32, 4), True),
        ((5, 6, 3), True),
        ((3, 32, 32), False),
        ((1, 28, 28), False),
        ((3, 3, 3), False),
        ((4, 4, 3), False),
        ((3, 8, 3), False),
        ((16, 50, 1), False),
        ((28, 28, 28), False),
        ((2, 9, 9), False),
    ],
)
def test_channels_that_can_only_stand_last_are_put_first(
    tmp_path: Path, shape: tuple[int, ...], is_last: bool, kind: type
) -> None:
    x = np.random.default_rng(0).integers(0, 255, (2, *shape)).astype(kind)
    found = read_npz(save(tmp_path, x=x))
    np.testing.assert_array_equal(found.x, x.transpose(0, 3, 1, 2) if is_last else x)
    assert found.x.flags.c_contiguous
    assert found.scale == (255.0 if kind is np.uint8 else None)
