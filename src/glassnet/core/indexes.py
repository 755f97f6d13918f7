"""Rows that have labels of their own, as those of pandas have: whether all that is given has them in one order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from glassnet.core.errors import DataError, shown

_WITHOUT = np.ndarray, list, type(None), str, int, float


def require_one_order(given: Mapping[str, Any], *, where: str) -> None:
    """Refuses frames and series whose rows have other labels, or the same ones in another order.

    Rows are taken by their places. Two indexes may differ only where one of them counts 0, 1, 2, ... and the other has
    other labels: then that one says nothing of where its rows come from.

    Args:
        given: what is put side by side, row by row, by its name in messages; several columns as a mapping or tuple.
        where: for messages.

    Raises:
        DataError: two of them are in different orders.

    Example:
        >>> import pandas as pd
        >>> x, y = pd.DataFrame({"a": [1, 2]}, index=["p", "q"]), pd.Series([0, 1], index=["q", "p"])
        >>> require_one_order({"x": x, "y": y}, where="fit")
        Traceback (most recent call last):
        ...
        glassnet.core.errors.DataError: fit: received a y whose row 0 is called 'q', beside a row 'p' of x, expected ...
    """
    if all(isinstance(own, _WITHOUT) for own in given.values()):
        return
    different: list[tuple[str, Any]] = []  # which is one, or one that counts and one that does not
    for name, own in given.items():
        for part, index in _indexes(name, own):
            others = [one for one in different if not (index is one[1] or index.equals(one[1]))]
            for other, its in others:
                if len(index) == len(its) and not _go_together(its, index):
                    raise _other_order(other, its, part, index, where)
            if len(others) == len(different):
                different.append((part, index))


def _indexes(name: str, data: Any) -> Iterator[tuple[str, Any]]:
    """The index of data, or of each of their parts, with names for messages."""
    if isinstance(data, _WITHOUT):
        return
    if isinstance(data, Mapping):
        for key, own in data.items():
            yield from _indexes(f"{name}[{key!r}]", own)
    elif isinstance(data, tuple):
        for place, own in enumerate(data):
            yield from _indexes(f"{name}[{place}]", own)
    elif hasattr(data, "iloc") and hasattr(getattr(data, "index", None), "equals"):
        yield name, data.index


def _go_together(first: Any, second: Any) -> bool:
    """Whether two different indexes may stand side by side."""
    one, other = (_counts(own) for own in (first, second))
    if one is not None and other is not None:
        return np.array_equal(one, other)
    return any(own is not None and np.array_equal(own, np.arange(len(own))) for own in (one, other))


def _counts(index: Any) -> np.ndarray[Any, Any] | None:
    """The labels as numbers where they are 0, 1, 2, ... in any order, however they are written; else None."""
    try:
        labels = np.asarray(index).astype(np.float64)
    except (TypeError, ValueError):  # words, or labels of several parts
        return None
    return labels if np.array_equal(np.sort(labels), np.arange(len(labels))) else None


def _other_order(first: str, one: Any, second: str, other: Any, where: str) -> DataError:
    row = next(place for place, (a, b) in enumerate(zip(one, other, strict=True)) if not (a is b or a == b))
    return DataError(
        where=where,
        received=f"a {second} whose row {row} is called {shown(other[row], 40)}, beside a row {shown(one[row], 40)} "
        f"of {first}",
        expected="rows in the same order, with the same labels in their indexes",
        fix=f"write {second}.loc[{first}.index] for the order of {first}; or {second}.to_numpy(), to take rows by "
        "their places whatever they are called",
    )
