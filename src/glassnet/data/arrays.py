"""NumPy archives: arrays by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glassnet.checks import as_rows, finite_rows, same_rows
from glassnet.data.dataset import Dataset, as_classes, quoted
from glassnet.data.files import unreadable
from glassnet.errors import FileFormatError, ShapeError
from glassnet.model_data import keeps_differences
from glassnet.shapes import Array

EXACT = 2**24
"""Up to here float32 has every whole number."""
_X_NAMES = ("x", "X", "data")
_Y_NAMES = ("y", "Y", "labels", "target")


def read_npz(path: str | Path) -> Dataset:
    """Reads a NumPy archive of arrays. Pickled objects are never loaded.

    Integer labels (N,) or (N, 1), booleans and text become classes as in ``read_csv``: the distinct values in order
    are numbered 0 to K − 1 and named in ``class_names``. Real numbers become y (N, M).

    Args:
        path: a file made by ``np.savez`` or ``np.savez_compressed``, with an array called ``x`` (or ``X``, ``data``)
            of shape (N, ...) and perhaps one called ``y`` (or ``Y``, ``labels``, ``target``) with as many rows.

    Returns:
        A dataset with x, (N,) as one column (N, 1), in float32 where that has all digits of the array's dtype and in
        float64 otherwise; ``scale`` is 255 where x holds images as unsigned bytes with at least three axes.

    Raises:
        MissingFileError: no such file.
        FileFormatError: no archive, damaged, pickled objects, no array for x.
        DataError: no rows, text in x, NaN or infinity, whole numbers that float64 cannot tell apart.
        ShapeError: x and y differ in their rows, or y has more than two axes.

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
    path = Path(path)
    (x_name, raw), targets = _read_arrays(path)
    x = _floats(raw, f"{path.name}, array {x_name!r}")
    x = x.reshape(-1, 1) if x.ndim == 1 else x
    y, class_names = None, None
    if targets is not None:
        where = f"{path.name}, array {targets[0]!r}"
        y, class_names = _targets_of_array(targets[1], where)
        same_rows(len(x), y, where=where, other=f"array {x_name!r}")
    scale = 255.0 if raw.dtype == np.uint8 and raw.ndim > 2 else None
    return Dataset(x, y, class_names=class_names, name=path.stem, scale=scale)


def _targets_of_array(values: Array, where: str) -> tuple[Array, tuple[str, ...] | None]:
    if values.ndim not in (1, 2):
        raise ShapeError(
            where=where,
            received=f"an array of shape {values.shape}",
            expected="labels (N,) or numbers (N, M)",
            fix="give each row of x one label or one row of numbers",
        )
    column = values.ndim == 1 or values.shape[1] == 1
    if column and values.size and values.dtype.kind in "biuU":
        return as_classes(values.reshape(-1))
    numbers = _floats(values, where)
    return numbers.reshape(len(numbers), -1), None


def _floats(values: Array, where: str) -> Array:
    """The numbers with all their digits: what is scaled later is scaled in float64 if need be."""
    rows = finite_rows(values, where=where)
    is_small = rows.dtype.kind in "iu" and -EXACT <= rows.min() <= rows.max() <= EXACT
    dtype = np.dtype(np.float32 if is_small or np.can_cast(rows.dtype, np.float32) else np.float64)
    keeps_differences(rows, dtype, where=where, fix="save their differences from a fixed number: x - x.min(axis=0)")
    return as_rows(rows, dtype, where=where)


def _read_arrays(path: Path) -> tuple[tuple[str, Array], tuple[str, Array] | None]:
    """The archive's x and, where it has one, its y, each with its name."""
    import zlib
    from tokenize import TokenError
    from zipfile import BadZipFile

    if not path.is_file():
        raise unreadable(path)
    # From KeyError on: what NumPy and zipfile raise where the damage hits a name, a size, a flag or a header.
    damage = (BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, MemoryError, RuntimeError, TokenError)
    try:
        with open(path, "rb") as stream:
            _check_magic(stream.read(6), path)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                x_name = next((name for name in _X_NAMES if name in archive.files), None)
                y_name = next((name for name in _Y_NAMES if name in archive.files), None)
                if x_name is None:
                    raise _no_x(path, archive.files)
                x = x_name, _read_array(archive, x_name, path)
                return x, None if y_name is None else (y_name, _read_array(archive, y_name, path))
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


def _no_x(path: Path, found: list[str]) -> FileFormatError:
    return FileFormatError(
        where=path.name,
        received=f"an archive that holds {'only ' + quoted(found) if found else 'nothing'}",
        expected="an array called x (or X, or data)",
        fix="save it under that name: np.savez(path, x=x, y=y)",
    )


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
