"""Data of a search: whether they can be cut in two, which classes they have, and numbers that tell them from others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.core.errors import DataError, ShapeError
from glassnet.core.indexes import require_one_order
from glassnet.core.shapes import Array
from glassnet.data import Dataset
from glassnet.many.rows import are_names, count
from glassnet.tables import Frame, Table
from glassnet.tables.frames import columns_of
from glassnet.tables.named import is_frame, is_rows


def require_rows(x: Any, y: Any) -> None:
    """Refuses data of fewer than two rows, and targets of another number of them, or in another order.

    Raises:
        DataError, ShapeError: there are.
    """
    require_one_order({"x": x, "y": y}, where="tune")
    if isinstance(x, Dataset):
        x, y = x.x, x.y
    rows = count(x, where="tune")
    if rows < 2:
        raise DataError(
            where="tune: x",
            received=f"{rows} rows",
            expected="rows to train with and to judge by",
            fix="pass more rows",
        )
    is_beside = y is not None and not isinstance(y, str | Table) and not are_names(x, y)
    if is_beside and (beside := count(y, where="tune")) != rows:
        raise ShapeError(
            where="tune: y",
            received=f"{beside:,} rows",
            expected=f"{rows:,}, as many as x has",
            fix="check that both come from the same rows, in the same order",
        )


def labels_of(x: Any, y: Any) -> Array | None:
    """Numbers of classes (N,) of which each is to be on both sides of a split; None where y is no such thing."""
    if isinstance(y, str):
        table = Table.from_data(x, y)
        return table.targets(x) if table.class_names is not None else None
    if isinstance(y, Mapping | tuple) or is_rows(y):
        return None
    values = y if isinstance(y, np.ndarray) else np.asarray(y, dtype=object)
    if values.ndim != 1 or (values.dtype.kind == "O" and not all(isinstance(v, str | bool | int) for v in values)):
        return None
    if values.dtype.kind not in "iubUO":
        return None
    return np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True)[1]


def checksum(data: Any) -> int:
    """A number that other data hardly have."""
    if isinstance(data, Dataset):
        return checksum((data.x, data.y))
    if isinstance(data, Table):
        return crc32(repr(data).encode(errors="backslashreplace"))
    parts: list[tuple[Any, Any]]
    if isinstance(data, Frame) or is_frame(data):
        parts = [(name, raw.values) for name, raw in columns_of(data, where="tune").items()]
    elif isinstance(data, Mapping):
        parts = list(data.items())
    elif isinstance(data, tuple | list):
        parts = list(enumerate(data))
    else:
        return _of_array(data)
    number = 0
    for name, part in parts:
        number = crc32(f"{name}:{checksum(part)};".encode(errors="surrogatepass"), number)
    return number


def _of_array(data: Any) -> int:
    if data is None or isinstance(data, str | bool | int | float):
        return crc32(repr(data).encode())
    if hasattr(data, "lengths") and hasattr(data, "values"):  # rows of different length
        return checksum((data.values, data.lengths))
    array = np.asarray(data)
    number = crc32(f"{array.dtype.str}{array.shape}".encode())
    if array.dtype.kind == "O":
        return crc32(repr(array.tolist()).encode(errors="backslashreplace"), number)
    return crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b"", number)
