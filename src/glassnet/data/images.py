"""MNIST and what shares its format, EMNIST among it: small grey images."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import FileFormatError, MissingFileError
from glassnet.core.paths import readable_path
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.data.dataset import Dataset, quoted
from glassnet.data.files import check_labels
from glassnet.data.sizes import MOST_GZIP, Limit, unpacked, within_memory
from glassnet.data.subsets import check_available, check_subset

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20

_DIGITS = "0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = _UPPER.lower()
_MERGED = f"{_DIGITS}{_UPPER}abdefghnqrt"
"""Small letters that look like their capitals count as these."""
EMNIST: dict[str, tuple[int, str]] = {
    "balanced": (0, _MERGED),
    "byclass": (0, _DIGITS + _UPPER + _LOWER),
    "bymerge": (0, _MERGED),
    "digits": (0, _DIGITS),
    "letters": (1, _UPPER),
    "mnist": (0, _DIGITS),
}
"""EMNIST's sets: the number of the first class, and what each class shows."""
_EMNIST_NAME = re.compile(r"emnist-([a-z]+)-(?:train|test)-(?:images|labels)[-.]idx[13]-ubyte(?:\.gz)?")


@suggests
@within_memory
def read_idx(
    folder: str | Path,
    *,
    split: str | None = None,
    subset: tuple[int, int] | None = None,
    max_bytes: int | None = None,
) -> tuple[Dataset, Dataset]:
    """Reads MNIST, Fashion-MNIST and others in the same files: small grey images of ten classes; and EMNIST.

    EMNIST's images lie in its files column by column, so that they show up mirrored and turned in most programs; here
    they stand upright, as MNIST's do. Its ``letters`` are numbered from 1; here, like all classes, from 0.

    Args:
        folder: holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
            ``t10k-labels-idx1-ubyte``, each as it is or compressed with ``.gz`` behind its name; ``-images.idx3-ubyte``
            is understood too. Or EMNIST's files, such as ``emnist-letters-train-images-idx3-ubyte``.
        split: which of EMNIST's sets: ``"balanced"``, ``"byclass"``, ``"bymerge"``, ``"digits"``, ``"letters"`` or
            ``"mnist"``; None for the only set in the folder.
        subset: how many rows to keep of the training and of the test part, from the start; None keeps all.
        max_bytes: how much each file may unpack to; None for a hundred times its size, and 256 MiB at least.

    Returns:
        The training and the test part: x (N, 1, H, W) float32 from 0 to 255, 28×28 for MNIST; y (N,) labels;
        ``class_names`` what each class shows; ``scale`` 255.

    Raises:
        MissingFileError: no such folder.
        FileFormatError: missing, truncated or damaged files, files of another kind, images without labels, several
            sets and no choice, more unpacked than ``max_bytes``.
        DataError: labels outside 0 to 9 (1 to 26 for letters, ...), or a subset larger than what there is.
        ConfigurationError: a subset that is not two whole numbers above 0, or a split that is none of EMNIST's.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998; G. Cohen, S. Afshar,
    J. Tapson, A. van Schaik, "EMNIST: extending MNIST to handwritten letters", IJCNN 2017.

    Example:
        >>> from pathlib import Path
        >>> from struct import pack
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> with TemporaryDirectory() as folder:
        ...     for part in ("train", "t10k"):
        ...         start = f"{folder}/{part}"
        ...         _ = Path(f"{start}-images-idx3-ubyte").write_bytes(pack(">4I", 0x803, 2, 28, 28) + bytes(2 * 784))
        ...         _ = Path(f"{start}-labels-idx1-ubyte").write_bytes(pack(">2I", 0x801, 2) + bytes([7, 2]))
        ...     train, test = gn.data.read_idx(folder)
        >>> train.x.shape, train.y.tolist(), train.scale
        ((2, 1, 28, 28), [7, 2], 255.0)
    """
    folder = readable_path(folder, where="read_idx")
    check_subset(subset)
    if split is not None:
        one_of(split, "split", "read_idx", tuple(EMNIST))
    if not folder.is_dir():
        raise (FileFormatError if folder.exists() else MissingFileError)(
            where=str(folder),
            received="a file" if folder.exists() else "no such folder",
            expected="a folder with the four files of images and labels",
            fix="name the folder that holds train-images-idx3-ubyte",
        )
    split = _chosen_split(folder) if split is None else split
    train_part, test_part = _parts(split)
    files = {(part, kind): _find_idx(folder, part, kind) for part in _parts(split) for kind in ("images", "labels")}
    missing = [_idx_names(part, kind)[0] for (part, kind), file in files.items() if file is None]
    if missing:
        raise FileFormatError(
            where=str(folder),
            received=f"a folder without {quoted(missing)}",
            expected="four files: images and labels, each for training (train) and test "
            + ("(test)" if split else "(t10k)"),
            fix="put the missing files there, as they are or with .gz behind their names",
        )
    name = f"emnist-{split}" if split else folder.resolve().name
    train_rows, test_rows = subset or (None, None)
    train = _idx_dataset(files[train_part, "images"], files[train_part, "labels"], train_rows, name, split, max_bytes)
    test = _idx_dataset(files[test_part, "images"], files[test_part, "labels"], test_rows, name, split, max_bytes)
    if train.x.shape[1:] != test.x.shape[1:]:
        raise FileFormatError(
            where=str(folder),
            received=f"training images of {_pixels(train)} pixels and test images of {_pixels(test)}",
            expected="one size for both",
            fix="take all four files from the same set",
        )
    return train, test


def holds_idx(folder: Path) -> bool:
    """Whether a folder has one of MNIST's files, or of EMNIST's."""
    return bool(_splits_in(folder))


def split_of(file: str) -> str | None:
    """Which of EMNIST's sets a file belongs to by its name; None for other files.

    Example:
        >>> split_of("emnist-letters-train-images-idx3-ubyte.gz"), split_of("train-images-idx3-ubyte")
        ('letters', None)
    """
    match = _EMNIST_NAME.fullmatch(file)
    return match[1] if match is not None and match[1] in EMNIST else None


def _splits_in(folder: Path) -> list[str]:
    """The sets of which there are files, by name; "" for MNIST's own."""
    found = {split for entry in folder.iterdir() if entry.is_file() and (split := split_of(entry.name))}
    is_mnist = any(_find_idx(folder, part, kind) for part in _parts("") for kind in ("images", "labels"))
    return ([""] if is_mnist else []) + sorted(found)


def _chosen_split(folder: Path) -> str:
    there = _splits_in(folder)
    if len(there) > 1:
        last = there[-1]
        raise FileFormatError(
            where=str(folder),
            received=f"files of {len(there)} sets, {', '.join(f'emnist-{own}' if own else 'MNIST' for own in there)}",
            expected="one set, or to know which",
            fix=f"write split={last!r}, on the command line the path of a file of that set, "
            f"{folder / _idx_names(_parts(last)[0], 'images')[0]}",
        )
    return there[0] if there else ""


def _parts(split: str) -> tuple[str, str]:
    """How the files of the training part begin, and those of the test part."""
    return (f"emnist-{split}-train", f"emnist-{split}-test") if split else ("train", "t10k")


def _idx_names(part: str, kind: str) -> list[str]:
    axes = 3 if kind == "images" else 1
    return [f"{part}-{kind}{mark}idx{axes}-ubyte{ending}" for mark in "-." for ending in ("", ".gz")]


def _find_idx(folder: Path, part: str, kind: str) -> Path | None:
    return next((folder / name for name in _idx_names(part, kind) if (folder / name).is_file()), None)


def _idx_dataset(
    images: Path | None, labels: Path | None, rows: int | None, name: str, split: str, max_bytes: int | None
) -> Dataset:
    assert images is not None
    assert labels is not None
    pixels, classes = _read_idx_array(images, 3, max_bytes), _read_idx_array(labels, 1, max_bytes)
    if len(pixels) != len(classes):
        raise FileFormatError(
            where=labels.name,
            received=f"{len(classes)} labels",
            expected=f"{len(pixels)}, one for each image of {images.name}",
            fix="take both files from the same set",
        )
    first, shown = EMNIST[split] if split else (0, _DIGITS)
    hint = "" if split else "EMNIST's files must keep their names, such as emnist-letters-train-labels-idx1-ubyte"
    check_labels(classes, labels.name, first, first + len(shown) - 1, hint=hint)
    check_available(rows or 0, len(pixels), where=images.name)
    kept = pixels[:rows].transpose(0, 2, 1) if split else pixels[:rows]
    x = np.ascontiguousarray(kept[:, None], dtype=np.float32)  # (N, H, W) -> (N, 1, H, W)
    y = classes[:rows].astype(np.int64) - first
    return Dataset(x, y, class_names=tuple(shown), name=name, scale=255.0)


def _read_idx_array(path: Path, axes: int, max_bytes: int | None) -> Array:
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
            limit = Limit(path, max_bytes)
            stream = unpacked(cast(BinaryIO, gzip.GzipFile(fileobj=raw)), limit) if compressed else raw
            shape = _idx_shape(stream.read(4 + 4 * axes), axes, path.name)
            expected = math.prod(shape)
            if compressed and expected < MOST_GZIP * limit.packed:  # beyond that the header is wrong
                limit.take(expected, what=f"images of {' × '.join(map(str, shape))}")
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
