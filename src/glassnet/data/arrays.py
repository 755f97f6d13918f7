"""NumPy archives: arrays by name, in one part or in parts to train and to test with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeAlias

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.checks import as_rows, finite_rows, has_channels_last, same_rows
from glassnet.core.errors import DataError, FileFormatError, ShapeError
from glassnet.core.paths import readable_path
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array, batch_shape
from glassnet.data.dataset import Dataset, as_classes, quoted
from glassnet.data.files import unreadable
from glassnet.data.sizes import Limit, check_members, within_memory
from glassnet.model.data import keeps_differences

EXACT = 2**24
"""float32 has every whole number up to here."""
_X_NAMES = ("x", "X", "data")
_Y_NAMES = ("y", "Y", "labels", "target")
_ALONE = "all"
_NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "train": (("x_train", "X_train", "train_images"), ("y_train", "Y_train", "train_labels")),
    "validation": (("x_val", "X_val", "val_images"), ("y_val", "Y_val", "val_labels")),
    "test": (("x_test", "X_test", "test_images"), ("y_test", "Y_test", "test_labels")),
}
"""How Keras and MedMNIST name x and y of each part."""
PARTS = tuple(_NAMES)

_Named: TypeAlias = tuple[str, Array]
"""An array with its name in the archive."""


@suggests
@within_memory
def read_npz(path: str | Path, *, part: str | None = None, max_bytes: int | None = None) -> Dataset:
    """Reads a NumPy archive of arrays. Pickled objects are never loaded.

    Integer labels (N,) or (N, 1), booleans and text become classes as in ``read_csv``: the distinct values in order
    are numbered 0 to K − 1 and named in ``class_names``, in all parts alike. Real numbers become y (N, M), and
    so do whole numbers in several columns, such as a 0 or 1 for each of several labels.

    Images whose channels can only stand last, (N, H, W, 3), (N, H, W, 4) and square ones of one channel, (N, H, H, 1),
    each larger than 4×4, get them in front: (N, C, H, W). Others stay as they are.

    Args:
        path: a file made by ``np.savez`` or ``np.savez_compressed``, with an array called ``x`` (or ``X``, ``data``)
            of shape (N, ...) and perhaps one called ``y`` (or ``Y``, ``labels``, ``target``) with as many rows; or with
            parts, whose names are ``x_train``, ``y_train``, ``x_test``, ``y_test`` (as of Keras, ``x_val`` too) or
            ``train_images``, ``train_labels``, ``val_images``, ... (as of MedMNIST).
        part: of an archive with parts, ``"train"``, ``"validation"`` or ``"test"``.
        max_bytes: how much the file may unpack to; None for a hundred times its size, and 256 MiB at least.

    Returns:
        A dataset with x, (N,) as one column (N, 1), in float32 where that has all digits of the array's dtype and in
        float64 otherwise; ``scale`` is 255 where x holds images as unsigned bytes with at least three axes.

    Raises:
        MissingFileError: no such file.
        FileFormatError: no archive, damaged, pickled objects, no array for x, parts and none chosen, more unpacked than
            ``max_bytes``.
        DataError: no rows, text in x, NaN or infinity, whole numbers that float64 cannot tell apart, classes in one
            part and numbers in another.
        ShapeError: x and y differ in their rows, y has more than two axes, or the parts do not go together.
        ConfigurationError: a part that is none of the three.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "points.npz")
        ...     np.savez(file, x=np.zeros((3, 2)), y=np.array([0, 1, 1]))
        ...     points = read_npz(file)
        >>> points.x.shape, points.y.tolist(), points.class_names
        ((3, 2), [0, 1, 1], ('0', '1'))
    """
    if part is not None:
        one_of(part, "part", "read_npz", PARTS)
    found = _read_parts(readable_path(path, where="read_npz"), max_bytes)
    wanted = _ALONE if part is None else part
    if wanted not in found:
        there = ", ".join(repr(own) for own in found if own != _ALONE)
        raise FileFormatError(
            where=Path(path).name,
            received=f"an archive of parts, {there}" if part is None else f"no part {part!r}",
            expected="to know which part" if part is None else f"an array called {_NAMES[part][0][0]}",
            fix=f"write part={next(iter(found))!r}" if part is None else "choose another part, or none",
        )
    return found[wanted]


def read_npz_parts(path: str | Path, max_bytes: int | None = None) -> tuple[Dataset, Dataset | None, int]:
    """Reads what an archive has to train with and to test with.

    Args:
        path: as of ``read_npz``, like ``max_bytes``.
        max_bytes: the limit.

    Returns:
        The training part, or all of an archive without parts; the test part, where there is none the one for
        validation, or None; and how many rows for validation are left over.

    Raises:
        the errors of ``read_npz``.
    """
    found = _read_parts(readable_path(path, where="read_npz"), max_bytes)
    if _ALONE in found:
        return found[_ALONE], None, 0
    if "train" not in found:
        raise FileFormatError(
            where=Path(path).name,
            received=f"an archive of {' and '.join(found)} data alone",
            expected="an array called x_train, to train with",
            fix="save the arrays to train with in the same file, or under the names x and y",
        )
    test = found.get("test", found.get("validation"))
    return found["train"], test, len(found["validation"]) if len(found) == len(PARTS) else 0


def _read_parts(path: Path, max_bytes: int | None) -> dict[str, Dataset]:
    """Each part as a dataset; all of the file as ``_ALONE`` where it has none."""
    arrays = _read_arrays(path, Limit(path, max_bytes))
    labels = [(values, f"{path.name}, array {name!r}") for _, own in arrays.values() if own for name, values in [own]]
    if 0 < len(labels) < len(arrays):
        have, have_not = ([part for part, (_, y) in arrays.items() if (y is None) == flag] for flag in (False, True))
        raise FileFormatError(
            where=path.name,
            received=f"targets for {', '.join(have)}, and none for {', '.join(have_not)}",
            expected="targets for each part, or for none",
            fix=f"save them as {_NAMES[have_not[0]][1][0]}",
        )
    targets, class_names = _targets_of_arrays(labels)
    found: dict[str, Dataset] = {}
    for number, (part, ((x_name, raw), own)) in enumerate(arrays.items()):
        x = _floats(raw, f"{path.name}, array {x_name!r}")
        x = x.reshape(-1, 1) if x.ndim == 1 else x
        y = targets[number] if targets else None
        if own is not None and y is not None:
            same_rows(len(x), y, where=f"{path.name}, array {own[0]!r}", other=f"array {x_name!r}")
        if has_channels_last(x.shape[1:]):
            x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))  # (N, H, W, C) -> (N, C, H, W)
        scale = 255.0 if raw.dtype == np.uint8 and raw.ndim > 2 else None
        found[part] = Dataset(x, y, class_names=class_names, name=path.stem, scale=scale)
    _check_alike(found, path)
    return found


def _check_alike(found: dict[str, Dataset], path: Path) -> None:
    """Refuses parts whose rows are of different shapes, or pixels beside other numbers."""
    kinds = {(data.x.shape[1:], data.scale) for data in found.values()}
    if len(kinds) > 1:
        what = [
            f"{part} rows of shape {batch_shape(data.x.shape[1:])}" + (", unsigned bytes" if data.scale else "")
            for part, data in found.items()
        ]
        raise ShapeError(
            where=path.name,
            received="; ".join(what),
            expected="one shape and one kind of numbers for all parts",
            fix="save the parts again from the same array",
        )


def _targets_of_arrays(arrays: list[tuple[Array, str]]) -> tuple[list[Array], tuple[str, ...] | None]:
    """The targets of the parts: classes with the same numbers in all, or numbers."""
    for values, where in arrays:
        if values.ndim not in (1, 2):
            raise ShapeError(
                where=where,
                received=f"an array of shape {values.shape}",
                expected="labels (N,) or numbers (N, M)",
                fix="give each row of x one label or one row of numbers",
            )
    arrays = [(_decoded(values, where), where) for values, where in arrays]
    kinds = {_kind(values) for values, _ in arrays}
    if len(kinds) > 1:
        raise DataError(
            where=arrays[0][1],
            received=" and ".join(f"{values.dtype} of shape {values.shape}" for values, _ in arrays),
            expected="targets of one kind in all parts: labels, text or real numbers",
            fix="save the parts again from the same array",
        )
    if kinds & {"labels", "text"}:
        labels, class_names = as_classes(_joined([values.reshape(-1) for values, _ in arrays], arrays[0][1]))
        return np.split(labels, np.cumsum([len(values) for values, _ in arrays])[:-1]), class_names
    numbers = [_floats(values, where) for values, where in arrays]
    rows = [values.reshape(len(values), -1) for values in numbers]
    if len({values.shape[1] for values in rows}) > 1:
        raise ShapeError(
            where=arrays[0][1],
            received=f"targets of {' and '.join(str(values.shape[1]) for values in rows)} columns",
            expected="as many in each part",
            fix="save the parts again from the same array",
        )
    return rows, None


def _decoded(values: Array, where: str) -> Array:
    """Bytes as text; other values as they are."""
    if values.dtype.kind != "S":
        return values
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            where=where,
            received=f"bytes that are no text in UTF-8 ({error.object[:20]!r})",
            expected="names of classes, or numbers",
            fix="save them as text: np.char.decode(y, encoding) with the encoding that they were written in",
        ) from error


def _joined(parts: list[Array], where: str) -> Array:
    """All labels with every digit: signed and unsigned ones together would become float64."""
    kinds = {part.dtype.kind for part in parts}
    if len(kinds) > 1 and any(part.max() > np.iinfo(np.int64).max for part in parts):
        raise DataError(
            where=where,
            received=" and ".join(sorted({str(part.dtype) for part in parts})),
            expected="labels of one dtype in all parts, which are too large for another",
            fix="save the parts again from the same array",
        )
    return np.concatenate(parts if len(kinds) == 1 else [part.astype(np.int64) for part in parts])


def _kind(values: Array) -> str:
    """Whether targets are whole numbers for classes, text for them, or numbers."""
    column = values.ndim == 1 or values.shape[1] == 1
    if not (column and values.size) or values.dtype.kind not in "biuU":
        return "numbers"
    return "text" if values.dtype.kind == "U" else "labels"


def _floats(values: Array, where: str) -> Array:
    """The numbers with all their digits: what is scaled later is scaled in float64 if need be."""
    rows = finite_rows(values, where=where)
    is_small = rows.dtype.kind in "iu" and -EXACT <= rows.min() <= rows.max() <= EXACT
    dtype = np.dtype(np.float32 if is_small or np.can_cast(rows.dtype, np.float32) else np.float64)
    keeps_differences(rows, dtype, where=where, fix="save their differences from a fixed number: x - x.min(axis=0)")
    return as_rows(rows, dtype, where=where)


def _read_arrays(path: Path, limit: Limit) -> dict[str, tuple[_Named, _Named | None]]:
    """The archive's x and, where it has one, its y, each with its name, by part."""
    import zlib
    from tokenize import TokenError
    from zipfile import BadZipFile

    if not path.is_file():
        raise unreadable(path)
    # From KeyError on: what NumPy and zipfile raise where the damage hits a name, a size, a flag or a header.
    damage = (BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError, TokenError)
    try:
        with open(path, "rb") as stream:
            _check_magic(stream.read(6), path)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                parts = _names_of_parts(archive.files, path)
                _check_sizes(archive, [name for own in parts.values() for name in own if name is not None], limit)
                return {
                    part: (
                        (x_name, _read_array(archive, x_name, path)),
                        None if y_name is None else (y_name, _read_array(archive, y_name, path)),
                    )
                    for part, (x_name, y_name) in parts.items()
                }
    except FileFormatError:
        raise
    except PermissionError as error:
        raise unreadable(path, error) from error
    except damage as error:
        raise FileFormatError(
            where=path.name,
            received=f"a damaged archive ({error})",
            expected="a complete archive made by np.savez or np.savez_compressed",
            fix="write or copy the file again",
        ) from error


def _names_of_parts(there: list[str], path: Path) -> dict[str, tuple[str, str | None]]:
    """The names of x and y in each part."""
    found: dict[str, tuple[str, str | None]] = {}
    for part, (x_names, y_names) in {_ALONE: (_X_NAMES, _Y_NAMES), **_NAMES}.items():
        x_name = next((name for name in x_names if name in there), None)
        if x_name is not None:
            found[part] = x_name, next((name for name in y_names if name in there), None)
    if not found:
        raise FileFormatError(
            where=path.name,
            received=f"an archive that holds {'only ' + quoted(there) if there else 'nothing'}",
            expected="an array called x (or X, or data), or x_train and x_test",
            fix="save it under that name: np.savez(path, x=x, y=y)",
        )
    if _ALONE in found and len(found) > 1:
        names = [x_name for x_name, _ in found.values()]
        raise FileFormatError(
            where=path.name,
            received=f"an archive that holds {quoted(names)}",
            expected="one array of rows, or parts to train and to test with",
            fix="save them in two files",
        )
    return found


def _check_magic(start: bytes, path: Path) -> None:
    if start.startswith(b"PK"):
        return
    alone = start == b"\x93NUMPY"
    raise FileFormatError(
        where=path.name,
        received="a single array without a name" if alone else "a file that is no NumPy archive",
        expected="an archive that holds an array called x",
        fix="save the arrays with np.savez(path, x=x, y=y)",
    )


def _check_sizes(archive: np.lib.npyio.NpzFile, names: list[str], limit: Limit) -> None:
    """Refuses too much, and arrays that say they are larger than what is there of them: memory is taken by shape."""
    packed = archive.zip
    assert packed is not None
    there = {member.filename.removesuffix(".npy"): member for member in packed.infolist()}
    members = [there[name] for name in names]
    check_members(packed, limit, members)
    for member in members:
        with packed.open(member) as stream:
            if stream.read(6) != np.lib.format.MAGIC_PREFIX:
                raise KeyError(f"{member.filename.removesuffix('.npy')} is no array")
            stream.seek(0)
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(stream)
        if math.prod(shape) * max(1, dtype.itemsize) > member.file_size and not dtype.hasobject:
            raise ValueError(f"{member.filename} holds {member.file_size} bytes, and says {dtype} of shape {shape}")


def _read_array(archive: np.lib.npyio.NpzFile, name: str, path: Path) -> Array:
    try:
        values = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise FileFormatError(
            where=f"{path.name}, array {name!r}",
            received="pickled objects",
            expected="an array of numbers; a pickle can run any program and is never loaded",
            fix="turn the array into numbers before saving it: np.asarray(values, dtype=np.float32)",
        ) from error
    if not isinstance(values, np.ndarray):
        raise KeyError(f"{name} is no array")
    return values
