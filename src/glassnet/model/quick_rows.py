"""The short way to a prediction: a few rows that need little done to them, as numbers, made ready without the door.

Whatever is unusual is left to the door, which finds the words for it: here that is None. What is done here has the
same bits as there, and keeps nothing between two calls, so that every change of a preprocessing counts at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.shapes import Array
from glassnet.preprocessing import BLOCK, Standardize
from glassnet.tables import Category, Ignored, Number, Table, Truth
from glassnet.tables.forms import WordForm
from glassnet.tables.frames import columns_of
from glassnet.tables.kinds import LARGEST_EXACT
from glassnet.tables.reading import read
from glassnet.tables.words import Words

FEW = 64
"""Numbers that are looked at one by one, in less time than NumPy takes to begin."""
_WITHIN = 3e38
"""Numbers up to this are finite in float32."""
_ABSENT = object()
_quiet = partial(np.errstate, over="ignore")
"""Numbers that are no more finite are refused by who takes them."""


def quick_numbers(x: Array, preprocessing: Standardize | None, dtype: np.dtype[Any]) -> Array | None:
    """Rows in the network's dtype, standardised; whether they are finite and of its shape is not looked at.

    Args:
        x: a plain array.
        preprocessing: a ``Standardize``, or None.
        dtype: of the network.
    """
    kind = x.dtype.kind
    if preprocessing is None:
        if x.dtype == dtype:
            return x
        if kind not in "fiub":
            return None
        if kind != "f" or (x.size <= FEW and _are_within(x.ravel().tolist())):
            return x.astype(dtype, "C")
        with _quiet():
            return x.astype(dtype, "C")
    mean, scale = preprocessing.mean, preprocessing.scale
    if type(mean) is not np.ndarray or type(scale) is not np.ndarray or x.size > BLOCK:
        return None
    if mean.dtype.char != "d" or scale.dtype.char != "d":
        return None
    if kind == "f":
        if x.dtype.itemsize not in (4, 8):
            return None
    elif kind not in "iu" or x.size > FEW:
        return None
    shape = x.shape
    if len(shape) == 2 and shape[0] == 1 and shape[1] <= FEW and mean.shape == scale.shape == shape[1:]:
        return _scaled_row(x.tolist()[0], mean, scale, dtype, is_whole=kind != "f")
    if kind != "f" and not _are_exact(x.ravel().tolist()):
        return None
    try:
        with _quiet():
            scaled = ((x if x.dtype.char == "d" else x.astype(np.float64)) - mean) / scale
            found: Array = scaled if dtype.char == "d" else scaled.astype(dtype)
    except ValueError:  # shapes that do not go together
        return None
    return found if found.shape == x.shape else None


def _scaled_row(values: list[Any], mean: Array, scale: Array, dtype: np.dtype[Any], *, is_whole: bool) -> Array | None:
    """One row of a few numbers: Python's numbers are those of float64."""
    if is_whole and not _are_exact(values):
        return None
    try:
        scaled = [(v - m) / s for v, m, s in zip(values, mean.tolist(), scale.tolist(), strict=True)]
    except ZeroDivisionError:  # a scale that was changed to 0
        return None
    return np.array([scaled], dtype) if _are_within(scaled) else None


def _are_within(values: list[float]) -> bool:
    """Whether numbers are finite in every dtype, but for NaN."""
    return bool(values) and min(values) > -_WITHIN and max(values) < _WITHIN


def _are_exact(values: list[int]) -> bool:
    """Whether float64 keeps every digit of whole numbers."""
    return not values or (min(values) > -LARGEST_EXACT and max(values) < LARGEST_EXACT)


def quick_row(x: dict[Any, Any], table: Table) -> Array | None:
    """A dict of single values as the table's numbers (1, features); None where it holds what is to be spoken about."""
    found: list[float] = []
    if not all(type(name) is str for name in x):
        return None
    for column in table.columns:
        kind = type(column)
        if kind is Ignored:
            continue
        value = x.get(column.name, _ABSENT)
        if kind is Number and (type(value) is float or (type(value) is int and abs(value) < LARGEST_EXACT)):
            if value != value:
                return None
            found.append((value - column.mean) / column.scale)  # type: ignore[attr-defined]
            if column.has_missing:
                found.append(0.0)
        elif kind is Category and type(value) is str and type(table.forms.get(column.name)) is WordForm:
            if not _place(found, column, value, table.forms[column.name]):
                return None
        elif kind is Truth and type(value) is bool:
            found.append(float(value))
            if column.has_missing:
                found.append(0.0)
        elif value is _ABSENT or not _by_the_column(found, column, value, table):
            return None
    return np.array([found])


def _place(found: list[float], column: Any, value: str, form: Any) -> bool:
    """Adds the features of a known word, written as in training."""
    if form.is_missing(value) or value.strip() != value:
        return False
    place = column._places.get(form.value(value))
    if place is None:
        return False
    own = [0.0] * (len(column.categories) + 1 + column.has_missing)
    own[place] = 1.0
    found += own
    return True


def _by_the_column(found: list[float], column: Any, value: Any, table: Table) -> bool:
    """Adds what the column itself makes of a column of one value; not where that is missing, or a word not known."""
    if hasattr(value, "__len__") and type(value) is not str:
        return False
    try:
        raw = read(columns_of({column.name: [value]}, where="")[column.name], table.form_of(column.name))
        if raw.missing[0] or (isinstance(column, Words) and column._places_in(raw)[0] >= len(column.categories)):
            return False
        found += column.apply(raw, where="")[0].tolist()
    except DataError:  # for which the door has the words
        return False
    return True


def quick_named(x: dict[Any, Any], names: Sequence[str]) -> Array | None:
    """A dict of numbers alone, of exactly these names, as one row (1, D); else None."""
    if len(x) != len(names):
        return None
    values: list[Any] = [x.get(name) for name in names]
    kinds = set(map(type, values))
    if kinds == {float} or (kinds == {int} and _are_exact(values)):
        return np.array([values])
    return None
