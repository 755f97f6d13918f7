"""Rows of whatever a model can be trained on: how many there are, and some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.core.blocks import Blocks
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.ragged import is_ragged, padded_rows
from glassnet.core.shapes import Array
from glassnet.tables import Frame
from glassnet.tables.named import is_frame


def count(data: Any, *, where: str) -> int:
    """The number of rows of arrays, lists, frames, or of several of these in a dict or tuple.

    Raises:
        DataError: it is nothing that has rows.
    """
    if isinstance(data, Frame):
        return data.height
    if isinstance(data, Mapping) and data:
        return count(next(iter(data.values())), where=where)
    if isinstance(data, tuple) and data:  # several inputs
        return count(data[0], where=where)
    try:
        return len(data)
    except TypeError:
        raise DataError(
            where=where,
            received=shown(data),
            expected="rows to train with: arrays, lists, or a frame",
            fix="pass x and y as model.fit takes them",
        ) from None


def take(data: Any, rows: Array) -> Any:
    """Some rows of x or y, by their numbers; the name of a column stays one."""
    if data is None or isinstance(data, str):
        return data
    if isinstance(data, Frame):
        return data.rows(rows)
    if isinstance(data, Mapping):
        return {name: take(own, rows) for name, own in data.items()}
    if isinstance(data, tuple):
        return tuple(take(own, rows) for own in data)
    if isinstance(data, list):
        if is_ragged(data) and all(getattr(row, "ndim", 1) > 1 for row in data):
            return padded_rows(data, None, where="rows")[rows]  # all parts with the steps of the longest row
        return [data[row] for row in rows]
    if hasattr(data, "iloc"):  # of pandas
        return data.iloc[rows]
    is_of_arrow = hasattr(data, "column_names") or type(data).__module__.partition(".")[0] == "pyarrow"
    return data.take(rows) if is_of_arrow else data[rows]


def are_names(x: Any, y: Any) -> bool:
    """Whether y may be the names of columns of x."""
    has_names = isinstance(x, Mapping) or is_frame(x)
    return has_names and isinstance(y, list | tuple) and all(isinstance(name, str) for name in y)


def chosen(given: Mapping[str, Any], rows: Any, *, where: str) -> dict[str, Any]:
    """The arguments of ``fit`` that have rows, with those that were chosen.

    Args:
        given: x, y and ``sample_weight``, as far as they are given.
        rows: row numbers (M,), or a truth value for each row (N,).
        where: for messages.

    Raises:
        ConfigurationError: no rows, or some that are not there; data that are read block by block.
        DataError: something that has no rows.
    """
    numbers = np.asarray(rows)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iub" or not numbers.size:
        raise ConfigurationError(
            where=f"{where}: rows",
            received=shown(rows),
            expected="row numbers (M,), or a truth value for each row (N,)",
            fix="write rows=gn.Each([train for train, _ in KFold(5).split(x)])",
        )
    if isinstance(given["x"], Blocks):
        raise ConfigurationError(
            where=f"{where}: rows",
            received=f"rows of {given['x']!r}, which are read block by block",
            expected="arrays, lists or frames, of which rows can be taken by their numbers",
            fix="hold rows out with train, test = source.split(0.2)",
        )
    x = given["x"]
    return {
        name: data if data is None or are_names(x, data) else _some(data, numbers, f"{where}: {name}", where)
        for name, data in given.items()
    }


def _some(data: Any, numbers: Array, own: str, where: str) -> Any:
    if isinstance(data, str):
        return data  # a column of x
    there, is_mask = count(data, where=own), numbers.dtype.kind == "b"
    fits = len(numbers) == there if is_mask else -there <= numbers.min() <= numbers.max() < there
    if not fits:
        raise ConfigurationError(
            where=f"{where}: rows",
            received=f"{len(numbers):,} truth values" if is_mask else f"row {numbers.max()} or {numbers.min()}",
            expected=f"what fits the {there:,} rows of {own.rpartition(' ')[2]}",
            fix="choose among the rows that there are",
        )
    places = np.flatnonzero(numbers) if is_mask else np.where(numbers < 0, numbers + there, numbers)
    try:
        return take(data, places)
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise DataError(
            where=own,
            received=f"{shown(data, 60)}, of which rows cannot be taken ({error})",
            expected="arrays, lists or frames, all of as many rows",
            fix="leave rows out, and give each model its own: gn.Each([...])",
        ) from error
