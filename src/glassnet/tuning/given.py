"""What a search for tables or images is given: arrays, frames and targets of several kinds."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.core.shapes import Array, Shape
from glassnet.data import Dataset
from glassnet.tables import Frame, Table
from glassnet.tables.frames import columns_of, names_in

TARGET = "target"
"""What a column of targets without a name is called."""
MOST_CLASSES = 20
LEAST_SIDE = 4


def joined(frame: Any, y: Any, table: Table | None = None) -> tuple[Any, Any]:
    """A frame with its targets in it, and their names; a Series or an array of targets becomes a column.

    Raises:
        DataError: it is no column of the frame's length, or a column of that name is there.
    """
    are_texts = isinstance(y, list | tuple) and len(y) > 0 and set(map(type, y)) == {str}
    if y is None or isinstance(y, str | Table) or (are_texts and set(y) <= set(names_in(frame))):
        return frame, y
    name = getattr(y, "name", None)
    name = name if isinstance(name, str) and name else TARGET
    if table is not None and table.target is not None:
        name = table.target.names[0]
    raws = columns_of(frame, where="tune: x")
    if name in raws:
        raise DataError(
            where="tune: y",
            received=f"targets beside a column {name!r} of x",
            expected="the targets either in x, by the name of their column, or beside it",
            fix=f"write y={name!r}, or take that column out of x",
        )
    column = columns_of({name: y}, where="tune: y")
    return Frame(raws | columns_of({**raws, **column}, where="tune: y")), name


def require_images(shape: Shape) -> None:
    """Refuses rows that are no images, or too small ones for the networks."""
    if len(shape) not in (3, 4) or min(shape[-2:]) < LEAST_SIDE:
        raise ShapeError(
            where="tune: x",
            received=f"an array of shape {shape}",
            expected=f"images (N, C, H, W) or (N, H, W) of {LEAST_SIDE}×{LEAST_SIDE} pixels or more",
            fix='write x.reshape(-1, channels, height, width), or gn.tune("tables", ...) for dense networks',
        )


def no_targets() -> ConfigurationError:
    """The error for data without anything to learn."""
    return ConfigurationError(
        where="tune", received="data without targets", expected="to know what to learn", fix="pass y"
    )


def _words(y: Any) -> Array | None:
    """Targets that are texts, (N,); None for others."""
    if isinstance(y, list | tuple):
        return np.array(y) if y and all(isinstance(value, str) for value in y) else None
    if isinstance(y, np.ma.MaskedArray) or not hasattr(y, "dtype"):
        return None
    values = np.asarray(y)
    are_words = values.dtype.kind == "U" or (values.dtype.kind == "O" and all(isinstance(v, str) for v in values.flat))
    return values.astype(str) if are_words and values.ndim == 1 and values.size else None


def _labels(targets: Array) -> Array:
    """At most 20 different whole numbers as labels, by the rule that tables have; other numbers as they are.

    Raises:
        DataError: integers of more kinds, most of which are there a few times only: they may be either.
    """
    kinds = np.unique(targets)
    is_whole = targets.dtype.kind in "biu" or (np.isfinite(kinds).all() and (kinds == np.round(kinds)).all())
    if is_whole and len(kinds) <= MOST_CLASSES and np.abs(kinds.astype(np.float64)).max() < 2**31:
        return targets.astype(np.int64)
    if targets.dtype.kind in "iu" and len(kinds) * MOST_CLASSES > len(targets):
        raise DataError(
            where="tune: y",
            received=f"{len(kinds):,} different whole numbers in {len(targets):,} rows",
            expected="classes, of which there are many rows each, or amounts",
            fix="write y.astype(float) for amounts; gn.data.Dataset(x, y) takes them for classes",
        )
    return targets


def as_dataset(x: Any, y: Any) -> Dataset:
    """Arrays as a dataset."""
    if y is None:
        raise no_targets()
    rows = numeric(x, where="tune: x")
    rows = rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)
    names: tuple[str, ...] | None = None
    words = _words(y)
    if words is None:
        targets = numeric(y, where="tune: y")
    else:
        found, targets = np.unique(words, return_inverse=True)
        names = tuple(map(str, found))
    if targets.ndim > 2:
        raise ShapeError(
            where="tune: y",
            received=f"an array of shape {targets.shape}",
            expected="(N,) classes or amounts, or (N, M)",
            fix="write a function that builds the model for such targets",
        )
    is_one = targets.ndim == 1 or (targets.ndim == 2 and targets.shape[1] == 1 and targets.dtype.kind in "biu")
    if is_one and names is None:
        targets = _labels(targets.ravel())
    if targets.dtype.kind not in "iu" or targets.ndim > 1:
        targets = targets.astype(np.float64).reshape(len(targets), -1)
    return Dataset(rows, targets, class_names=names)
