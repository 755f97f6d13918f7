"""Columns that say which rows belong together, or which came later."""

from __future__ import annotations

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.shapes import Array
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TIME, word
from glassnet.tables.raws import Raw, example_of, require_complete, require_one_zone


def groups_of(raw: Raw, *, where: str) -> Array:
    """The group of each row, numbered from 0, int64 (N,).

    Raises:
        DataError: a row without one.
    """
    require_complete(raw, where=f"{where}: column {raw.name!r}", expected="a group for every row", fix=_FILL)
    if raw.kind in (NUMBER, TIME, DAYTIME, DURATION):
        return np.unique(raw.values, return_inverse=True)[1].ravel()
    numbers: dict[str, int] = {}
    words = (word(value, raw.kind).strip() for value in raw.values)
    return np.array([numbers.setdefault(own, len(numbers)) for own in words], dtype=np.int64)


def moments_of(raw: Raw, *, where: str) -> Array:
    """The moment of each row, numbers or datetime64[us] (N,).

    Raises:
        DataError: a row without one, or words, which have no order in time.
    """
    if raw.kind not in (TIME, NUMBER, DURATION) and not raw.missing.all():
        raise DataError(
            where=f"{where}: column {raw.name!r}",
            received=f"{raw.kind}, such as {example_of(raw)}",
            expected="dates, or numbers that rise with time, such as years",
            fix="choose another column, or write its dates in one form, such as 2024-12-31",
        )
    require_complete(raw, where=f"{where}: column {raw.name!r}", expected="a moment for every row", fix=_FILL)
    require_one_zone(raw, where=f"{where}: column {raw.name!r}")
    return raw.values


_FILL = "fill it in, or leave such rows out"
