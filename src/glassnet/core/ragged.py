"""Rows of different length: one array with zeros behind each row's own steps, and the lengths beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from glassnet.core.errors import DataError, ShapeError, shown
from glassnet.core.numeric import numeric
from glassnet.core.settings import whole
from glassnet.core.shapes import Array, Shape

MOST_PADDED = 2**33
"""Numbers of an array that rows are padded to; one very long row among many would take all memory."""


class Padded:
    """Rows of different length in one array.

    Args:
        values: (N, T, ...), numbers. What stands behind a row's own steps is replaced by 0, in a copy; it may be
            anything, NaN as well.
        lengths: how many steps each row has (N,), whole numbers from 1 to T.

    Attributes:
        values: (N, T, ...), zeros behind each row's own steps.
        lengths: (N,), int64.

    Raises:
        ShapeError: no such axes, or not a length for each row.
        DataError: lengths that are no whole numbers from 1 to T; values that are no numbers.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> rows = gn.data.Padded(np.arange(6.0).reshape(2, 3), [3, 1])
        >>> rows.values.tolist(), len(rows), rows[1:].lengths.tolist(), [row.tolist() for row in rows]
        ([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]], 2, [1], [[0.0, 1.0, 2.0], [3.0]])
    """

    __array_ufunc__ = None  # arithmetic would take the padding for numbers

    def __init__(self, values: Any, lengths: Any) -> None:
        array = numeric(values, where="Padded: values")
        if array.ndim < 2 or not array.size:
            raise ShapeError(
                where="Padded: values",
                received=f"an array of shape {array.shape}",
                expected="rows of steps (N, T, ...), at least one of each",
                fix="for a list of arrays write gn.data.pad([a, b, ...])",
            )
        self.lengths = checked_lengths(lengths, array.shape[:2], where="Padded: lengths")
        self.values = without_padding(array, self.lengths)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        steps = f"{self.lengths.min()} to {self.lengths.max()}" if len(self) else "no"
        return f"Padded({self.values.dtype} {self.values.shape}, rows of {steps} steps)"

    def __getitem__(self, rows: Any) -> Padded:
        """Some of the rows, by a slice, an array of row numbers or of truth values; T stays.

        Raises:
            DataError: what chooses no rows, such as a single number: for one row alone write ``[3:4]`` or take it from
                ``list(padded)``.
        """
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        if not isinstance(chosen, slice) and (chosen.ndim != 1 or chosen.dtype.kind not in "iub"):
            raise _no_rows(rows)
        try:
            values, lengths = self.values[chosen], self.lengths[chosen]
        except IndexError as error:
            raise _no_rows(rows) from error
        found = Padded.__new__(Padded)
        found.values, found.lengths = values, lengths
        return found

    def __iter__(self) -> Iterator[Array]:
        """The rows alone, (L, ...) each."""
        return (values[:length] for values, length in zip(self.values, self.lengths, strict=True))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Refused: an array of them would have lost the lengths."""
        raise DataError(
            where="Padded",
            received="rows of different length where one array is taken",
            expected="an array without padding",
            fix="pass padded.values where zeros behind the rows are meant as numbers",
        )


def pad(rows: Any, steps: int | None = None) -> Padded:
    """Rows of different length in one array, with zeros behind each row's own steps.

    Args:
        rows: a list of arrays, or lists, of the shapes (L, ...): L steps of what is of one shape in all of them.
        steps: T; None for the longest row.

    Returns:
        ``Padded``, whose values (N, T, ...) have the dtype that all rows have in common.

    Raises:
        DataError: no rows, a row without steps, one that is longer than ``steps``, what are no numbers.
        ShapeError: rows whose steps are of different shapes.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> padded = gn.data.pad([np.ones((3, 2)), np.ones((1, 2))])
        >>> padded.values.shape, padded.lengths.tolist()
        ((2, 3, 2), [3, 1])
    """
    most = None if steps is None else whole(steps, "steps", "pad")
    return padded_rows(rows, most, where="pad")


def is_ragged(rows: Any) -> bool:
    """Whether rows are ``Padded``, or a list of rows of different length."""
    if isinstance(rows, Padded):
        return True
    if is_array_of_rows(rows):
        rows = list(rows)
    if not isinstance(rows, list | tuple) or len(rows) < 2:
        return False
    sizes = {_size(row) for row in rows}
    return len(sizes) > 1 and None not in sizes


def is_array_of_rows(rows: Any) -> bool:
    """Whether rows are an array of NumPy that holds arrays or lists as objects."""
    return isinstance(rows, np.ndarray) and rows.dtype.kind == "O" and rows.ndim == 1


def padded_rows(rows: Any, steps: int | None, *, where: str) -> Padded:
    """Rows of different length, a list of them or ``Padded``, as ``Padded`` of so many steps; see ``pad``."""
    if isinstance(rows, Padded):
        return rows if steps in (None, rows.values.shape[1]) else _to(rows, steps, where)
    if is_array_of_rows(rows):
        rows = list(rows)
    if not isinstance(rows, list | tuple) or not len(rows):
        raise DataError(
            where=where,
            received="no rows" if isinstance(rows, list | tuple) else f"a {type(rows).__name__}",
            expected="a list of arrays, one for each row",
            fix="write gn.data.pad([a, b, ...])",
        )
    arrays = [numeric(row, where=f"{where}: row {i}") for i, row in enumerate(rows)]
    for i, array in enumerate(arrays):
        if not array.ndim or not array.shape[0]:
            raise DataError(
                where=f"{where}: row {i}",
                received="a single number" if not array.ndim else "no steps, a length of 0",
                expected="at least one step",
                fix="leave such rows out, or give them one step of zeros",
            )
        if array.shape[1:] != arrays[0].shape[1:]:
            raise ShapeError(
                where=f"{where}: row {i}",
                received=f"steps of shape {array.shape[1:]}, beside {arrays[0].shape[1:]} in row 0",
                expected="steps of one shape in all rows",
                fix=f"rows are (L, D) with one D for all; look at how row {i} was read",
            )
    lengths = np.array([len(array) for array in arrays], np.int64)
    most = int(lengths.max()) if steps is None else steps
    _require_room(lengths, most, where)
    shape = (len(arrays), most, *arrays[0].shape[1:])
    values = _room(shape, np.result_type(*{array.dtype for array in arrays}), where)
    for row, array in zip(values, arrays, strict=True):
        row[: len(array)] = array
    found = Padded.__new__(Padded)
    found.values, found.lengths = values, lengths
    return found


def checked_lengths(lengths: Any, shape: tuple[int, ...], *, where: str) -> Array:
    """Lengths (N,) int64 for rows (N, T).

    Raises:
        ShapeError: not one for each row.
        DataError: what is no whole number from 1 to T.
    """
    given = numeric(lengths, where=where)
    rows, steps = shape
    if given.shape != (rows,):
        raise ShapeError(
            where=where,
            received=f"an array of shape {given.shape}",
            expected=f"({rows},), a length for each row",
            fix="count the steps of each row",
        )
    wrong = np.flatnonzero(~((given >= 1) & (given <= steps) & (given == np.floor(given))))
    if given.dtype.kind == "b" or len(wrong):
        received = "truth values" if given.dtype.kind == "b" else f"{shown(given[wrong[0]].item())} for row {wrong[0]}"
        raise DataError(
            where=where,
            received=received,
            expected=f"whole numbers from 1 to {steps}, the steps of the array",
            fix="leave rows without steps out; a row that is longer than the array needs a longer one",
        )
    return np.ascontiguousarray(given.astype(np.int64))


def without_padding(values: Array, lengths: Array) -> Array:
    """The values (N, T, ...) with 0 behind each row's own steps: a copy where something else stands there."""
    is_padding = np.arange(values.shape[1]) >= lengths[:, None]  # (N, T)
    if not values[is_padding].any():  # NaN counts as something
        return values
    found = values.copy()
    found[is_padding] = 0
    return found


def with_first_steps(values: Array, lengths: Array) -> Array:
    """The values (N, T, ...) with each row's first step behind its end: nothing that the row has not itself."""
    behind = np.arange(values.shape[1]) >= lengths[:, np.newaxis]  # (N, T)
    return np.where(behind.reshape(*behind.shape, *[1] * (values.ndim - 2)), values[:, :1], values)


def _to(padded: Padded, steps: int | None, where: str) -> Padded:
    """The same rows with another T."""
    assert steps is not None
    _require_room(padded.lengths, steps, where)
    values = _room((len(padded), steps, *padded.values.shape[2:]), padded.values.dtype, where)
    kept = min(steps, padded.values.shape[1])
    values[:, :kept] = padded.values[:, :kept]
    found = Padded.__new__(Padded)
    found.values, found.lengths = values, padded.lengths
    return found


def _room(shape: Shape, dtype: np.dtype[Any], where: str) -> Array:
    """Zeros of that shape.

    Raises:
        ShapeError: none, or more than there may be or than there is memory for.
    """
    refused = ShapeError(
        where=where,
        received=f"rows that make an array of shape {shape}",
        expected=f"at least one number a step, and at most {MOST_PADDED:,} in all, for which there is memory",
        fix="cut the longest rows, or take fewer at once",
    )
    if not all(shape) or np.prod(shape, dtype=float) > MOST_PADDED:
        raise refused
    try:
        return np.zeros(shape, dtype)
    except MemoryError:
        raise refused from None


def _require_room(lengths: Array, steps: int, where: str) -> None:
    longest = int(np.argmax(lengths)) if len(lengths) else 0
    if len(lengths) and lengths[longest] > steps:
        raise DataError(
            where=where,
            received=f"a row of {lengths[longest]} steps, row {longest}",
            expected=f"at most {steps} steps",
            fix="cut longer rows, or build the network for as many: its T is that of the longest row that it saw first",
        )


def _size(row: Any) -> int | None:
    """How many steps a row has; None for what is none."""
    if isinstance(row, str | bytes | bytearray | Mapping) or not hasattr(row, "__len__"):
        return None
    if hasattr(row, "ndim"):
        return int(row.shape[0]) if row.ndim else None
    return len(row)


def _no_rows(rows: Any) -> DataError:
    return DataError(
        where="Padded[...]",
        received=shown(rows),
        expected="a slice, row numbers within the data, or a truth value for each row",
        fix="for row 3 alone write padded[3:4]",
    )
