"""Anything array-like as an array of numbers; what is no number, or is not there, is refused with its place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from math import isfinite
from numbers import Complex, Real
from typing import Any

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.shapes import Array

NUMBERS = "biuf"
"""Kinds of dtypes that hold numbers or truth."""
MOST_DOT = 8192
"""Elements up to which a scalar product is the shortest question, and one that no threads of a BLAS are woken for."""
DEEPEST = 64
"""So many axes an array of NumPy may have; a list that holds itself has no end."""
MISSING_TYPES = ("NoneType", "NAType", "NaTType")
"""What Python and pandas put where nothing is."""


def numeric(values: Any, *, where: str) -> Array:
    """Makes an array of numbers or booleans.

    What is such an array already stays what it is. Objects become int64, uint64 or bool where all of them are such
    numbers, else float64; they may be numbers of Python and NumPy, ``Decimal``, ``Fraction``, and arrays of one shape.

    Raises:
        DataError: text, complex numbers, dates, other objects and gaps, each named with its place; hidden values of a
            masked array, which are missing values; ragged lists.
    """
    if type(values) is np.ndarray and values.dtype.kind in NUMBERS:
        return values
    if values is None:
        raise _refused("no array", "nothing (None)", where)
    if hasattr(values, "toarray"):
        raise _refused("sparse", f"a sparse matrix ({type(values).__name__})", where)
    if isinstance(values, bytes | bytearray):
        raise _refused("text", f"{len(values)} bytes", where)
    _refuse_masked_parts(values, where)
    try:
        array = np.asanyarray(values)
    except (OverflowError, TypeError):  # a whole number beyond float64, dates among numbers
        array = np.asarray(values, dtype=object)
    except DataError:  # of what cannot be an array, and says why
        raise
    except ValueError as error:
        raise _refused("ragged", _lengths_of(values), where) from error
    array = unmasked(array, where=where)
    if array.dtype.kind in NUMBERS:
        return array
    # In a list of numbers and words all become words: which of them was one is to be seen in the list.
    if array.dtype.kind not in "OVcmM" and not isinstance(values, np.ndarray):
        array = np.asarray(values, dtype=object)
    return _of_objects(array, where) if array.dtype.kind == "O" else _refuse_dtype(array, where)


def unmasked(values: Any, *, where: str) -> Array:
    """A masked array without its mask; any other as a plain array.

    Raises:
        DataError: something is hidden behind the mask, or it is a structured array.
    """
    if isinstance(values, np.ma.MaskedArray) and values.dtype.names is None:
        hidden = np.ma.getmaskarray(values)
        if hidden.any():
            raise _masked(tuple(int(i) for i in np.argwhere(hidden)[0]), int(hidden.sum()), where)
        values = values.data
    return np.asarray(values)


def refuse_hidden(values: Any, *, where: str) -> None:
    """Refuses masked arrays that hide something, alone or in lists; whatever else it is is for others to judge."""
    if isinstance(values, np.ma.MaskedArray):
        unmasked(values, where=where)
    _refuse_masked_parts(values, where)


def all_finite(array: Array) -> bool:
    """Whether an array holds neither NaN nor infinity; other numbers than floating-point ones never do.

    A sum that is finite has no such part, which is quicker to see than by looking at each number; of few numbers so is
    their scalar product with themselves.
    """
    if array.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        if array.ndim == 1 and array.size <= MOST_DOT and isfinite(array.dot(array)):
            return True
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def place_in_rows(index: tuple[int, ...]) -> str:
    """How messages name an element of the data, counted from 0.

    Example:
        >>> place_in_rows((3, 1)), place_in_rows((3,))
        ('row 3, column 1', 'row 3')
    """
    return f"row {index[0]}" + (f", column {', '.join(map(str, index[1:]))}" if len(index) > 1 else "")


def _refuse_masked_parts(values: Any, where: str, index: tuple[int, ...] = ()) -> None:
    """Looks for masked arrays inside lists, of which NumPy takes what is behind the mask."""
    if not isinstance(values, list | tuple):
        return
    kinds = set(map(type, values))
    if not any(issubclass(kind, list | tuple | np.ma.MaskedArray) for kind in kinds):
        return
    if len(index) > DEEPEST:
        raise _refused("ragged", f"lists in lists in lists, more than {DEEPEST} deep", where)
    for place, value in enumerate(values):
        if isinstance(value, np.ma.MaskedArray) and value.dtype.names is None and np.ma.is_masked(value):
            hidden = np.ma.getmaskarray(value)
            inner = tuple(int(i) for i in np.argwhere(hidden)[0]) if hidden.ndim else ()
            raise _masked((*index, place, *inner), int(hidden.sum()), where)
        _refuse_masked_parts(value, where, (*index, place))


def _of_objects(array: Array, where: str) -> Array:
    """Numbers of an array of objects."""
    flat = array.reshape(-1)
    kinds = set(map(type, flat.tolist()))
    if not all(issubclass(kind, Real | Decimal | np.bool_) for kind in kinds):
        if array.size and all(_is_nested(kind) for kind in kinds):
            return _stacked(array, where)
        return _refuse_element(array, where)
    if kinds and all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return array.astype(bool)
    if kinds and all(issubclass(kind, int | np.integer | np.bool_) for kind in kinds):
        low, high = int(min(flat)), int(max(flat))
        for dtype in (np.int64, np.uint64):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return array.astype(dtype)
    try:
        return array.astype(np.float64)
    except (OverflowError, ValueError):  # beyond float64, or a signalling NaN
        return np.array([_as_float(value) for value in flat]).reshape(array.shape)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    except ValueError:
        return float("nan")


def _is_nested(kind: type) -> bool:
    return issubclass(kind, list | tuple) or (hasattr(kind, "__array__") and not issubclass(kind, np.generic))


def _stacked(array: Array, where: str) -> Array:
    """An array of arrays as one with more axes."""
    parts = [
        numeric(part, where=f"{where}: {place_in_rows(index)}" if index else where) for index, part in _elements(array)
    ]
    if len({part.shape for part in parts}) > 1:
        shapes = " and ".join(map(str, list(dict.fromkeys(part.shape for part in parts))[:2]))
        raise _refused("ragged", f"rows of different lengths (arrays of the shapes {shapes})", where)
    if len({part.dtype for part in parts}) > 1:  # so that int64 beside uint64 keeps its digits
        parts = [part.astype(object) for part in parts]
    whole = np.stack(parts).reshape(*array.shape, *parts[0].shape)
    return _of_objects(whole, where) if whole.dtype.kind == "O" else whole


def _elements(array: Array) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Each with its place."""
    return ((tuple(index), array[index]) for index in np.ndindex(array.shape))


def _lengths_of(rows: Any) -> str:
    """What is of different length in lists that are no array."""
    try:
        sizes = {len(row) for row in rows}
    except TypeError:
        return "rows of different lengths, single numbers beside lists"
    if len(sizes) < 2:
        return "lists of different lengths within its rows"
    return f"rows of different lengths, from {min(sizes)} to {max(sizes)}"


def _refuse_element(array: Array, where: str) -> Array:
    """Names the first element that is no number."""
    index, value = next((i, v) for i, v in _elements(array) if not isinstance(v, Real | Decimal | np.bool_))
    kind, shown = type(value).__name__, repr(str(value)[:40])
    place = f" at {place_in_rows(index)}, counted from 0" if index else ""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise _masked(index, 1, where)
    if kind in MISSING_TYPES:
        raise _refused("nothing", f"nothing ({value}){place}", where)
    if isinstance(value, str | bytes):
        raise _refused("text", f"text such as {shown}{place}", where)
    if isinstance(value, date | time | timedelta | np.datetime64 | np.timedelta64):
        raise _refused("times", f"{kind} {shown}{place}", where)
    if isinstance(value, Complex):
        raise _refused("complex", f"the complex number {value}{place}", where)
    raise _refused("objects", f"an object of type {kind}, {shown},{place}", where)


def _refuse_dtype(array: Array, where: str) -> Array:
    """Refuses an array that holds no numbers by its dtype."""
    example = str(array.flat[0])[:40] if array.size else ""
    if array.dtype.names is not None:
        raise _refused("fields", f"a structured array with the fields {', '.join(array.dtype.names)}"[:200], where)
    if array.dtype.kind == "c":
        raise _refused("complex", f"the complex number {example} (values of type {array.dtype})", where)
    received = f"values of type {array.dtype} such as {example!r}"
    if array.dtype.kind in "mM":
        raise _refused("times", received, where)
    place = f" at {place_in_rows((0,) * array.ndim)}" if array.ndim and array.size else ""
    raise _refused("text", f"{received}{place}", where)


def _masked(index: tuple[int, ...], count: int, where: str) -> DataError:
    place = f" at {place_in_rows(index)}, counted from 0 ({count} in all)" if index else ""
    return _refused("masked", f"a masked value{place}", where)


_EXPECTED = {
    "nothing": (
        "a number in every place",
        "fill or drop what is missing, as with x[~pandas.isna(x).any(axis=1)]; a gn.Table learns from gaps too",
    ),
    "masked": (
        "a value in every place: what is masked is missing",
        "fill or drop what is masked: x.filled(0), or np.ma.compress_rows(x) for the rows without a gap",
    ),
    "text": ("numbers", "turn text into numbers first: np.unique(values, return_inverse=True) numbers the classes"),
    "times": (
        "numbers; what a date is to stand for is not known here",
        "make numbers of them, such as seconds: (x - x.min()) / np.timedelta64(1, 's'); or let gn.Table.from_data "
        "read the columns of a frame",
    ),
    "complex": ("real numbers", "give both parts as numbers side by side: np.concatenate([x.real, x.imag], axis=1)"),
    "objects": ("numbers", "take out of these objects the numbers that they stand for"),
    "fields": ("an array of numbers", "np.lib.recfunctions.structured_to_unstructured(x) makes columns of the fields"),
    "no array": ("an array of numbers", "pass the data"),
    "sparse": ("an array of numbers", "make it dense first: x.toarray()"),
    "ragged": (
        "a rectangular array",
        "pad or cut the rows to one length; fit, evaluate and predict of a network for sequences also take "
        "gn.data.pad(rows), which keeps the lengths",
    ),
}
"""What is wanted in place of each kind of data that is none, and the mend."""


def _refused(kind: str, received: str, where: str) -> DataError:
    expected, fix = _EXPECTED[kind]
    return DataError(where=where, received=received, expected=expected, fix=fix)
