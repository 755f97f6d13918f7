"""Columns and answers, however they come, as one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.indexes import require_one_order
from glassnet.tables import Frame
from glassnet.tables.frames import columns_of, require_columns

ANSWER = "answer"
"""What the target is called where it comes without a name."""


def with_answers(data: Any, y: Any, where: str, called: Sequence[str] | None = None) -> tuple[Frame, list[str]]:
    """All columns, the answers among them, and the names of these.

    Args:
        data: the columns.
        y: the names of some, or the answers.
        where: for messages.
        called: what the answers are called, where that is known; then they may be among the columns, with y None.
    """
    columns = columns_of(data, where=where)
    if y is None and called is not None:
        require_columns(called, list(columns), where=where, mend="give a table with its answers, or these beside it")
        y = list(called)
    reading = data.reading if isinstance(data, Frame) else None
    source = data.name if isinstance(data, Frame) else "data"
    are_names = isinstance(y, str) or (
        isinstance(y, list | tuple) and len(y) > 0 and all(isinstance(own, str) and own in columns for own in y)
    )
    if are_names and (not isinstance(y, list | tuple) or len(y) != len(next(iter(columns.values())))):
        names = [y] if isinstance(y, str) else list(y)
        require_columns(names, list(columns), where=where, mend="name the column that is to be predicted")
        return Frame(columns, source, reading), names
    require_one_order({"data": data, "y": y}, where=where)
    answers = _answers(y, columns, where)
    if called is not None and len(called) == len(answers):
        answers = dict(zip(called, answers.values(), strict=True))
    own = columns_of(answers, where=f"{where}: y")
    rows = len(next(iter(columns.values())))
    if len(next(iter(own.values()))) != rows:
        raise DataError(
            where=f"{where}: y",
            received=f"{len(next(iter(own.values()))):,} answers for {rows:,} rows",
            expected="an answer for each row",
            fix="pass answers and rows of the same data",
        )
    return Frame({**columns, **own}, source, reading), list(own)


def _answers(y: Any, columns: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Answers as columns with names that no other column has."""
    if y is None:
        raise DataError(
            where=f"{where}: y",
            received="None",
            expected="the name of the column to be predicted, or the answers",
            fix='pass y="price", or an array (N,)',
        )
    named: dict[str, Any] = dict(columns_of(y, where=where)) if hasattr(y, "columns") else {}
    if not named:
        try:
            array = np.asarray(y) if not hasattr(y, "to_numpy") else y
        except ValueError as error:
            raise DataError(
                where=f"{where}: y",
                received="lists of different lengths",
                expected="one answer for each row, or as many for each",
                fix="pass an array (N,) or (N, M)",
            ) from error
        if getattr(array, "ndim", 1) == 2:
            parts = list(np.asarray(array).T)
            named = {ANSWER if len(parts) == 1 else f"{ANSWER} {place}": own for place, own in enumerate(parts)}
        else:
            name = getattr(y, "name", None)  # of a series, which may be that of its column among the others
            named = {ANSWER if name is None else str(name): array}
            if name is not None:
                return named
    return {_free(name, columns): own for name, own in named.items()}


def _free(name: str, columns: Mapping[str, Any]) -> str:
    while name in columns:
        name += " to predict"
    return name
