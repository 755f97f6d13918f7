"""Sets of small images in the files they are published in: CIFAR-10, MNIST and what shares MNIST's format."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from glassnet.data.dataset import Dataset, quoted
from glassnet.data.files import unreadable
from glassnet.data.subsets import check_available, check_subset
from glassnet.errors import DataError, FileFormatError, MissingFileError
from glassnet.shapes import Array

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_CIFAR10_FOLDER = "cifar-10-batches-bin"
_CIFAR10_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_CIFAR10_TEST = "test_batch.bin"
_CIFAR10_PICKLED = ("data_batch_1", "test_batch", "batches.meta")
_CIFAR10_RECORD = 1 + 3 * 32 * 32

_IDX_PARTS = ("train", "t10k")
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def read_cifar10(path: str | Path, *, subset: tuple[int, int] | None = None) -> tuple[Dataset, Dataset]:
    """Reads the binary version of CIFAR-10: 32×32 colour photographs of ten classes.

    Args:
        path: the archive ``cifar-10-binary.tar.gz`` (read without unpacking it to disk), the folder
            ``cifar-10-batches-bin``, or the folder that holds it. Training batches may be missing, all but one.
        subset: how many rows to keep of the training and of the test part, from the start; None keeps all.

    Returns:
        The training and the test part: x (N, 3, 32, 32) float32 from 0 to 255, channels red, green, blue; y (N,)
        labels; ``scale`` 255.

    Raises:
        MissingFileError: nothing at the path.
        FileFormatError: missing, truncated or damaged files, or the pickled version.
        DataError: labels outside 0 to 9, or a subset larger than what there is.
        ConfigurationError: a subset that is not two whole numbers above 0.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009,
    https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    path = Path(path)
    check_subset(subset)
    if path.is_dir():
        files, found = _cifar10_folder(path)
    elif path.exists():
        files, found = _cifar10_archive(path)
    else:
        raise unreadable(path)
    _check_cifar10_files(path, files, found)
    train = [_cifar10_records(files[name], name) for name in _CIFAR10_TRAIN if name in files]
    test = [_cifar10_records(files[_CIFAR10_TEST], _CIFAR10_TEST)]
    train_rows, test_rows = subset or (None, None)
    return _cifar10_dataset(train, train_rows, "training"), _cifar10_dataset(test, test_rows, "test")


def read_idx(folder: str | Path, *, subset: tuple[int, int] | None = None) -> tuple[Dataset, Dataset]:
    """Reads MNIST, Fashion-MNIST and others in the same files: small grey images of ten classes.

    Args:
        folder: holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
            ``t10k-labels-idx1-ubyte``, each as it is or compressed with ``.gz`` behind its name; ``-images.idx3-ubyte``
            is understood too.
        subset: how many rows to keep of the training and of the test part, from the start; None keeps all.

    Returns:
        The training and the test part: x (N, 1, H, W) float32 from 0 to 255, 28×28 for MNIST; y (N,) labels;
        ``scale`` 255.

    Raises:
        MissingFileError: no such folder.
        FileFormatError: missing, truncated or damaged files, files of another kind, images without labels.
        DataError: labels outside 0 to 9, or a subset larger than what there is.
        ConfigurationError: a subset that is not two whole numbers above 0.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
    """
    folder = Path(folder)
    check_subset(subset)
    if not folder.is_dir():
        raise (FileFormatError if folder.exists() else MissingFileError)(
            where=str(folder),
            received="a file" if folder.exists() else "no such folder",
            expected="a folder with the four files of images and labels",
            fix="name the folder that holds train-images-idx3-ubyte",
        )
    files = {(part, kind): _find_idx(folder, part, kind) for part in _IDX_PARTS for kind in ("images", "labels")}
    missing = [_idx_names(part, kind)[0] for (part, kind), file in files.items() if file is None]
    if missing:
        raise FileFormatError(
            where=str(folder),
            received=f"a folder without {quoted(missing)}",
            expected="four files: images and labels, each for training (train) and test (t10k)",
            fix="put the missing files there, as they are or with .gz behind their names",
        )
    name = folder.resolve().name
    train_rows, test_rows = subset or (None, None)
    train = _idx_dataset(files["train", "images"], files["train", "labels"], train_rows, name)
    test = _idx_dataset(files["t10k", "images"], files["t10k", "labels"], test_rows, name)
    if train.x.shape[1:] != test.x.shape[1:]:
        raise FileFormatError(
            where=str(folder),
            received=f"training images of {_pixels(train)} pixels and test images of {_pixels(test)}",
            expected="one size for both",
            fix="take all four files from the same set",
        )
    return train, test


def holds_cifar10(folder: Path) -> bool:
    """Whether a folder looks like CIFAR-10, the binary version or the pickled one."""
    names = {entry.name for entry in _cifar10_home(folder).iterdir()}
    return not names.isdisjoint((*_CIFAR10_TRAIN, _CIFAR10_TEST, *_CIFAR10_PICKLED))


def holds_idx(folder: Path) -> bool:
    """Whether a folder has one of MNIST's files."""
    return any(_find_idx(folder, part, kind) for part in _IDX_PARTS for kind in ("images", "labels"))


def _cifar10_home(folder: Path) -> Path:
    return folder / _CIFAR10_FOLDER if (folder / _CIFAR10_FOLDER).is_dir() else folder


def _cifar10_folder(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """The contents of the known files, and the names of everything in the folder."""
    home = _cifar10_home(folder)
    known = [home / name for name in (*_CIFAR10_TRAIN, _CIFAR10_TEST)]
    return {file.name: _read_bytes(file) for file in known if file.is_file()}, [entry.name for entry in home.iterdir()]


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from error


def _cifar10_archive(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """The contents of the known members, and the names of all members, in one pass."""
    import gzip
    import tarfile
    import zlib

    files: dict[str, bytes] = {}
    found: list[str] = []
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                found.append(name)
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None and name in (*_CIFAR10_TRAIN, _CIFAR10_TEST):
                    files[name] = content.read()
            # gzip compares its checksum only at the very end, which tarfile leaves unread.
            while stream.read(_CHUNK):
                pass
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise FileFormatError(
            where=path.name,
            received=f"an archive that cannot be read to its end ({error})",
            expected="cifar-10-binary.tar.gz, complete",
            fix="download the archive again",
        ) from error
    return files, found


def _check_cifar10_files(path: Path, files: dict[str, bytes], found: list[str]) -> None:
    if not files and any(name in found for name in _CIFAR10_PICKLED):
        raise FileFormatError(
            where=str(path),
            received="the Python version of CIFAR-10, which is pickled",
            expected="the binary version; a pickle can run any program and is never loaded",
            fix="download cifar-10-binary.tar.gz instead",
        )
    missing = [] if any(name in files for name in _CIFAR10_TRAIN) else list(_CIFAR10_TRAIN)
    missing += [] if _CIFAR10_TEST in files else [_CIFAR10_TEST]
    if missing:
        raise FileFormatError(
            where=str(path),
            received=f"no {quoted(missing)}",
            expected=f"{_CIFAR10_TEST} and at least one of data_batch_1.bin to data_batch_5.bin",
            fix="take the files from cifar-10-binary.tar.gz, or name that archive itself",
        )


def _cifar10_records(content: bytes, file: str) -> Array:
    """Records of one file, uint8 (N, 3073): the label, then the red, green and blue planes."""
    surplus = len(content) % _CIFAR10_RECORD
    if surplus or not content:
        raise FileFormatError(
            where=file,
            received=f"{len(content)} bytes" + (f", {surplus} too many for whole images" if surplus else ""),
            expected=f"images of {_CIFAR10_RECORD} bytes each; the file is truncated",
            fix="download or copy the file again",
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _CIFAR10_RECORD)
    _check_image_labels(records[:, 0], file)
    return records


def _cifar10_dataset(batches: list[Array], rows: int | None, part: str) -> Dataset:
    available = sum(map(len, batches))
    check_available(rows or 0, available, where=f"cifar-10, {part} part")
    records = np.concatenate(batches)[:rows]
    x = records[:, 1:].astype(np.float32).reshape(-1, 3, 32, 32)
    return Dataset(x, records[:, 0].astype(np.int64), class_names=CIFAR10_CLASSES, name="cifar-10", scale=255.0)


def _check_image_labels(labels: Array, file: str) -> None:
    wrong = np.flatnonzero(labels > 9)
    if len(wrong):
        raise DataError(
            where=file,
            received=f"the label {labels[wrong[0]]} for image {wrong[0]} (counted from 0)",
            expected="labels from 0 to 9",
            fix="check that this is the right file, and download it again",
        )


def _idx_names(part: str, kind: str) -> list[str]:
    axes = 3 if kind == "images" else 1
    return [f"{part}-{kind}{mark}idx{axes}-ubyte{ending}" for mark in "-." for ending in ("", ".gz")]


def _find_idx(folder: Path, part: str, kind: str) -> Path | None:
    return next((folder / name for name in _idx_names(part, kind) if (folder / name).is_file()), None)


def _idx_dataset(images: Path | None, labels: Path | None, rows: int | None, name: str) -> Dataset:
    assert images is not None
    assert labels is not None
    pixels, classes = _read_idx_array(images, 3), _read_idx_array(labels, 1)
    if len(pixels) != len(classes):
        raise FileFormatError(
            where=labels.name,
            received=f"{len(classes)} labels",
            expected=f"{len(pixels)}, one for each image of {images.name}",
            fix="take both files from the same set",
        )
    _check_image_labels(classes, labels.name)
    check_available(rows or 0, len(pixels), where=images.name)
    x = pixels[:rows, None].astype(np.float32)  # (N, H, W) -> (N, 1, H, W)
    return Dataset(x, classes[:rows].astype(np.int64), class_names=tuple("0123456789"), name=name, scale=255.0)


def _read_idx_array(path: Path, axes: int) -> Array:
    """One IDX file as a uint8 array with so many axes.

    The header: 0, 0, the type (8: unsigned bytes), the number of axes, then each axis's length as 4 bytes, the highest
    first.
    """
    import gzip
    import zlib

    try:
        with open(path, "rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if compressed else raw
            shape = _idx_shape(stream.read(4 + 4 * axes), axes, path.name)
            expected = int(np.prod(shape, dtype=object))
            content = bytearray()
            # Memory grows with what the file holds, never with what its header claims.
            while len(content) <= expected and (chunk := stream.read(_CHUNK)):
                content += chunk
    except (zlib.error, EOFError, OSError) as error:
        raise FileFormatError(
            where=path.name,
            received=f"a file that cannot be read to its end ({error})",
            expected="a complete file",
            fix="download or copy the file again",
        ) from error
    if len(content) != expected:
        amount = f"more than {expected}" if len(content) > expected else f"{len(content)}"
        raise FileFormatError(
            where=path.name,
            received=f"{amount} bytes after the header",
            expected=f"{expected}, as the header's {' × '.join(map(str, shape))} says",
            fix="download or copy the file again",
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _idx_shape(header: bytes, axes: int, file: str) -> tuple[int, ...]:
    magic = int.from_bytes(header[:4], "big")
    right = 0x800 + axes
    if len(header) >= 4 and magic != right:
        kinds = {0x801: "labels", 0x803: "images"}
        raise FileFormatError(
            where=file,
            received=f"the magic number {magic}" + (f", that of {kinds[magic]}" if magic in kinds else ""),
            expected=f"{right}, that of {kinds[right]}",
            fix="check that the file has the right name, and download it again",
        )
    shape = tuple(int.from_bytes(header[start : start + 4], "big") for start in range(4, 4 + 4 * axes, 4))
    if len(header) < 4 + 4 * axes or 0 in shape:
        raise FileFormatError(
            where=file,
            received=f"a header of {len(header)} bytes" if len(header) < 4 + 4 * axes else f"a header of shape {shape}",
            expected=f"{4 + 4 * axes} bytes of header, and at least one image",
            fix="download or copy the file again",
        )
    return shape


def _pixels(dataset: Dataset) -> str:
    return " × ".join(map(str, dataset.x.shape[2:]))
