"""The short way to a prediction: a few rows that need little done to them, as numbers, made ready without the door.

Whatever is unusual is left to the door, which finds the words for it: here that is None. What is done here has the
same bits as there, and keeps nothing between two calls, so that every change of a preprocessing counts at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from glassnet.preprocessing import BLOCK, Standardize
from glassnet.shapes import Array
from glassnet.tables import Category, Ignored, Number, Table, Truth
from glassnet.tables.forms import WordForm
from glassnet.tables.frames import columns_of
from glassnet.tables.reading import read
from glassnet.tables.words import LARGEST_EXACT, Words

FEW = 256
"""Whole numbers of 64 bits that are looked at one by one."""
_quiet = partial(np.errstate, over="ignore")
"""Numbers that are no more finite are refused by who takes them."""


def quick_numbers(x: Array, preprocessing: Standardize | None, dtype: np.dtype[Any]) -> Array | None:
    """Rows in the network's dtype, standardised; whether they are finite and of its shape is not looked at.

    Args:
        x: a plain array.
        preprocessing: a ``Standardize``, or None.
        dtype: of the network.
    """
    if preprocessing is None:
        if x.dtype == dtype:
            return x
        if x.dtype.kind not in "fiub":
            return None
        if x.dtype.kind != "f":
            return x.astype(dtype, "C")
        with _quiet():
            return x.astype(dtype, "C")
    mean, scale, kind = preprocessing.mean, preprocessing.scale, x.dtype.kind
    if type(mean) is not np.ndarray or type(scale) is not np.ndarray or x.size > BLOCK:
        return None
    if mean.dtype.char != "d" or scale.dtype.char != "d":
        return None
    if kind != "f":
        if kind not in "iu" or (x.dtype.itemsize == 8 and (x.size > FEW or not _are_small(x))):
            return None
    elif x.dtype.itemsize not in (4, 8):
        return None
    try:
        with _quiet():
            scaled = ((x if x.dtype.char == "d" else x.astype(np.float64)) - mean) / scale
            found: Array = scaled if dtype.char == "d" else scaled.astype(dtype)
    except ValueError:  # shapes that do not go together
        return None
    return found if found.shape == x.shape else None


def _are_small(x: Array) -> bool:
    """Whether float64 keeps every digit of whole numbers."""
    values = x.ravel().tolist()
    return not values or (-LARGEST_EXACT < min(values) and max(values) < LARGEST_EXACT)


def quick_row(x: dict[Any, Any], table: Table) -> Array | None:
    """A dict of single values as the table's numbers (1, features); None where it holds what is to be spoken about."""
    found: list[float] = []
    try:
        if not all(type(name) is str for name in x):
            return None
        for column in table.columns:
            kind = type(column)
            if kind is Ignored:
                continue
            value = x[column.name]
            if kind is Number and (type(value) is float or (type(value) is int and abs(value) < LARGEST_EXACT)):
                if value != value:
                    return None
                found.append((value - column.mean) / column.scale)  # type: ignore[attr-defined]
                if column.has_missing:  # type: ignore[attr-defined]
                    found.append(0.0)
            elif kind is Category and type(value) is str and type(table.forms.get(column.name)) is WordForm:
                if not _place(found, column, value, table.forms[column.name]):
                    return None
            elif kind is Truth and type(value) is bool:
                found.append(float(value))
                if column.has_missing:  # type: ignore[attr-defined]
                    found.append(0.0)
            elif not _by_the_column(found, column, value, table):
                return None
    except Exception:  # noqa: BLE001 - the door says what is wrong
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
    raw = read(columns_of({column.name: [value]}, where="")[column.name], table.form_of(column.name))
    if raw.missing[0] or (isinstance(column, Words) and column._places_in(raw)[0] >= len(column.categories)):
        return False
    found += column.apply(raw, where="")[0].tolist()
    return True


def quick_named(x: dict[Any, Any], names: Sequence[str]) -> Array | None:
    """A dict of numbers alone, of exactly these names, as one row (1, D); else None."""
    if len(x) != len(names):
        return None
    try:
        values = [x[name] for name in names]
    except (KeyError, TypeError):
        return None
    kinds = set(map(type, values))
    if kinds == {float} or (kinds == {int} and all(-LARGEST_EXACT < own < LARGEST_EXACT for own in values)):
        return np.array([values])
    return None
