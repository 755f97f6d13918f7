"""CIFAR-10 and CIFAR-100, the binary versions: 32×32 colour photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import FileFormatError
from glassnet.core.paths import readable_path
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.data.dataset import Dataset, quoted
from glassnet.data.files import check_labels, unreadable
from glassnet.data.sizes import Limit, unpacked, within_memory
from glassnet.data.subsets import check_available, check_subset

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100_LABELS = ("fine", "coarse")
"""The labels that each photograph of CIFAR-100 has: one of 100 classes, and one of 20 groups of these."""

_PIXELS = 3 * 32 * 32
_CHUNK = 1 << 20
_PICKLE = b"\x80"


@dataclass(frozen=True)
class _Set:
    """The files of one of the two sets, and how their records begin."""

    name: str
    archive: str
    folder: str
    train: tuple[str, ...]
    test: str
    pickled: tuple[str, ...]
    labels: tuple[tuple[str, int], ...]
    """Bytes before the pixels: what each means, and how many there are of it."""
    names: tuple[str, ...] = ()
    """Files with the names of the classes."""


_CIFAR10 = _Set(
    name="cifar-10",
    archive="cifar-10-binary.tar.gz",
    folder="cifar-10-batches-bin",
    train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    test="test_batch.bin",
    pickled=("data_batch_1", "test_batch", "batches.meta"),
    labels=(("fine", 10),),
)
_CIFAR100 = _Set(
    name="cifar-100",
    archive="cifar-100-binary.tar.gz",
    folder="cifar-100-binary",
    train=("train.bin",),
    test="test.bin",
    pickled=("train", "test", "meta"),
    labels=(("coarse", 20), ("fine", 100)),
    names=("fine_label_names.txt", "coarse_label_names.txt"),
)
_SETS = (_CIFAR10, _CIFAR100)
_PICKLED = {name for own in _SETS for name in own.pickled}
_KNOWN = {name for own in _SETS for name in (*own.train, own.test, *own.names)}


@dataclass(frozen=True)
class _Contents:
    """What a folder or an archive holds: the known files, and the names of those of the pickled versions."""

    files: dict[str, bytes]
    pickled: set[str]


@suggests
@within_memory
def read_cifar10(
    path: str | Path, *, subset: tuple[int, int] | None = None, max_bytes: int | None = None
) -> tuple[Dataset, Dataset]:
    """Reads the binary version of CIFAR-10: 32×32 colour photographs of ten classes.

    Args:
        path: the archive ``cifar-10-binary.tar.gz`` (read without unpacking it to disk), the folder
            ``cifar-10-batches-bin``, or the folder that holds it. Training batches may be missing, all but one.
        subset: how many rows to keep of the training and of the test part, from the start; None keeps all.
        max_bytes: how much the archive may unpack to; None for a hundred times its size, and 256 MiB at least.

    Returns:
        The training and the test part: x (N, 3, 32, 32) float32 from 0 to 255, channels red, green, blue; y (N,)
        labels; ``scale`` 255.

    Raises:
        MissingFileError: nothing at the path.
        FileFormatError: missing, truncated or damaged files, the pickled version, or more unpacked than ``max_bytes``.
        DataError: labels outside 0 to 9, or a subset larger than what there is.
        ConfigurationError: a subset that is not two whole numbers above 0.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009,
    https://www.cs.toronto.edu/~kriz/cifar.html.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("data_batch_1.bin", "test_batch.bin"):  # two photographs each: the label, then the pixels
        ...         _ = Path(folder, name).write_bytes(bytes([3]) + bytes(3072) + bytes([9]) + bytes(3072))
        ...     train, test = gn.data.read_cifar10(folder)
        >>> train.x.shape, [train.class_names[label] for label in train.y]
        ((2, 3, 32, 32), ['cat', 'truck'])
    """
    check_subset(subset)
    path = readable_path(path, where="read_cifar10")
    return _datasets(path, _contents(path, [_CIFAR10], max_bytes), _CIFAR10, "fine", subset)


@suggests
@within_memory
def read_cifar100(
    path: str | Path,
    *,
    labels: str = "fine",
    subset: tuple[int, int] | None = None,
    max_bytes: int | None = None,
) -> tuple[Dataset, Dataset]:
    """Reads the binary version of CIFAR-100: 32×32 colour photographs of 100 classes in 20 groups.

    Args:
        path: the archive ``cifar-100-binary.tar.gz``, the folder ``cifar-100-binary``, or the folder that holds it.
        labels: ``"fine"`` for the 100 classes, ``"coarse"`` for the 20 groups.
        subset: as in ``read_cifar10``.
        max_bytes: as in ``read_cifar10``.

    Returns:
        The training and the test part as ``read_cifar10`` gives them. The names of the classes are those of
        ``fine_label_names.txt`` (``coarse_label_names.txt``), numbers where that file is missing.

    Raises:
        MissingFileError, FileFormatError, ConfigurationError: as in ``read_cifar10``.
        DataError: a label out of range, or a subset larger than what there is.

    Source: as of ``read_cifar10``.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("train.bin", "test.bin"):  # one photograph each: its group, its class, the pixels
        ...         _ = Path(folder, name).write_bytes(bytes([7, 42]) + bytes(3072))
        ...     fine, coarse = (gn.data.read_cifar100(folder, labels=kind)[0] for kind in ("fine", "coarse"))
        >>> fine.x.shape, fine.y.tolist(), coarse.y.tolist()
        ((1, 3, 32, 32), [42], [7])
    """
    check_subset(subset)
    one_of(labels, "labels", "read_cifar100", CIFAR100_LABELS)
    path = readable_path(path, where="read_cifar100")
    return _datasets(path, _contents(path, [_CIFAR100], max_bytes), _CIFAR100, labels, subset)


def read_cifar(
    path: str | Path, *, subset: tuple[int, int] | None = None, max_bytes: int | None = None
) -> tuple[Dataset, Dataset]:
    """Reads whichever of the two is at the path, CIFAR-100 with its fine labels; else as ``read_cifar10``.

    Raises:
        FileFormatError: both are there; and as ``read_cifar10`` does.
    """
    check_subset(subset)
    path = readable_path(path, where="read_cifar")
    contents = _contents(path, _SETS, max_bytes)
    there = [own for own in _SETS if _has(own, contents)]
    if len(there) == 2:
        raise _both(path)
    return _datasets(path, contents, there[0] if there else _CIFAR10, "fine", subset)


def holds_cifar(folder: Path) -> bool:
    """Whether a folder looks like CIFAR-10 or CIFAR-100, the binary version or the pickled one."""
    homes = [folder, *(folder / own.folder for own in _SETS if (folder / own.folder).is_dir())]
    there = {name for home in homes for name in _KNOWN if (home / name).is_file()}
    pickled = {name for home in homes for name in _pickled_in(home)}
    return any(_has(own, _Contents(dict.fromkeys(there, b""), pickled)) for own in _SETS)


def _has(own: _Set, contents: _Contents) -> bool:
    """Whether a file of a set is there, its pickled version included."""
    return not contents.files.keys().isdisjoint((*own.train, own.test)) or not contents.pickled.isdisjoint(own.pickled)


def _both(path: str | Path) -> FileFormatError:
    return FileFormatError(
        where=str(path),
        received="files of CIFAR-10 and of CIFAR-100",
        expected="one of the two",
        fix="name the folder or the archive that holds one of them alone",
    )


def _contents(path: Path, sets: Sequence[_Set], max_bytes: int | None) -> _Contents:
    """What is in an archive, or in a folder or the sets' own folder in it."""
    if path.is_dir():
        inner = [path / own.folder for own in sets if (path / own.folder).is_dir()]
        if len(inner) == 2:
            raise _both(path)
        home = inner[0] if inner else path
        files = {name: _read_bytes(home / name) for name in sorted(_KNOWN) if (home / name).is_file()}
        return _Contents(files, _pickled_in(home))
    if not path.exists():
        raise unreadable(path)
    return _archive(path, Limit(path, max_bytes))


def _pickled_in(home: Path) -> set[str]:
    """The files that are named, and begin, as those of the pickled versions."""
    return {name for name in _PICKLED if (home / name).is_file() and _read_bytes(home / name, 1) == _PICKLE}


def _read_bytes(file: Path, most: int = -1) -> bytes:
    try:
        with open(file, "rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise unreadable(file, error) from error


def _archive(path: Path, limit: Limit) -> _Contents:
    """The contents of the known members, in one pass."""
    import gzip
    import tarfile
    import zlib

    files: dict[str, bytes] = {}
    pickled: set[str] = set()
    try:
        with (
            gzip.open(path) as packed,
            unpacked(cast(BinaryIO, packed), limit) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                name = PurePosixPath(member.name).name
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None and name in _KNOWN:
                    limit.take(member.size, what=name)  # of a member with holes all of it
                    files[name] = content.read()
                elif content is not None and name in _PICKLED and content.read(1) == _PICKLE:
                    pickled.add(name)
            # gzip compares its checksum only at the very end, which tarfile leaves unread.
            while stream.read(_CHUNK):
                pass
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise FileFormatError(
            where=path.name,
            received=f"an archive that cannot be read to its end ({error})",
            expected="cifar-10-binary.tar.gz or cifar-100-binary.tar.gz, complete",
            fix="download the archive again",
        ) from error
    return _Contents(files, pickled)


def _datasets(
    path: Path, contents: _Contents, own: _Set, labels: str, subset: tuple[int, int] | None
) -> tuple[Dataset, Dataset]:
    _check_files(path, contents, own)
    parts = [[name for name in own.train if name in contents.files], [own.test]]
    batches = [[_records(contents.files[name], name, own) for name in names] for names in parts]
    column, count = next((place, count) for place, (kind, count) in enumerate(own.labels) if kind == labels)
    names = CIFAR10_CLASSES if own is _CIFAR10 else _names(contents.files, f"{labels}_label_names.txt", count)
    train_rows, test_rows = subset or (None, None)
    return (
        _dataset(batches[0], own, column, names, train_rows, "training"),
        _dataset(batches[1], own, column, names, test_rows, "test"),
    )


def _check_files(path: Path, contents: _Contents, own: _Set) -> None:
    there = [name for name in (*own.train, own.test) if name in contents.files]
    if not there and contents.pickled & set(own.pickled):
        raise FileFormatError(
            where=str(path),
            received=f"the Python version of {own.name.upper()}, which is pickled",
            expected="the binary version; a pickle can run any program and is never loaded",
            fix=f"download {own.archive} instead",
        )
    missing = [] if any(name in there for name in own.train) else list(own.train)
    missing += [] if own.test in there else [own.test]
    if missing:
        train = own.train[0] if len(own.train) == 1 else f"at least one of {own.train[0]} to {own.train[-1]}"
        raise FileFormatError(
            where=str(path),
            received=f"no {quoted(missing)}",
            expected=f"{own.test} and {train}",
            fix=f"take the files from {own.archive}, or name that archive itself",
        )


def _records(content: bytes, file: str, own: _Set) -> Array:
    """Records of one file, uint8: the labels, then the red, green and blue planes."""
    size = len(own.labels) + _PIXELS
    surplus = len(content) % size
    if surplus or not content:
        raise FileFormatError(
            where=file,
            received=f"{len(content)} bytes" + (f", {surplus} too many for whole images" if surplus else ""),
            expected=f"images of {size} bytes each; the file is truncated",
            fix="download or copy the file again",
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, size)
    for column, (kind, count) in enumerate(own.labels):
        what = "label" if len(own.labels) == 1 else f"{kind} label"
        check_labels(records[:, column], file, 0, count - 1, what=what)
    return records


def _names(files: dict[str, bytes], file: str, count: int) -> tuple[str, ...]:
    """The names of the classes, one a line; numbers where the file is missing."""
    if file not in files:
        return tuple(map(str, range(count)))
    names = tuple(line.strip() for line in files[file].decode("utf-8", "replace").splitlines() if line.strip())
    if len(names) != count or len(set(names)) != count:
        raise FileFormatError(
            where=file,
            received=f"{len(names)} names of classes, {len(set(names))} different ones",
            expected=f"{count}, one a line",
            fix="download the file again, or take it away: the classes are then called by their numbers",
        )
    return names


def _dataset(
    batches: list[Array], own: _Set, column: int, names: tuple[str, ...], rows: int | None, part: str
) -> Dataset:
    check_available(rows or 0, sum(map(len, batches)), where=f"{own.name}, {part} part")
    records = np.concatenate(batches)[:rows]
    x = records[:, len(own.labels) :].astype(np.float32).reshape(-1, 3, 32, 32)
    return Dataset(x, records[:, column].astype(np.int64), class_names=names, name=own.name, scale=255.0)
