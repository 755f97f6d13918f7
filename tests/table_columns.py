"""Columns of tables, read by the rules and compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.tables import Reading
from glassnet.tables.frames import columns_of
from glassnet.tables.kinds import TIME, WORDS
from glassnet.tables.raws import Raw
from glassnet.tables.reading import read_columns

NAN = float("nan")


def read(texts: list[Any], *, is_answer: bool = False, **options: Any) -> Raw:
    return columns({"c": texts}, answers=("c",) if is_answer else (), **options)["c"]


def columns(data: dict[str, list[Any]], *, answers: tuple[str, ...] = (), **options: Any) -> dict[str, Raw]:
    return read_columns(columns_of(data, where="test").values(), Reading(**options), answers=answers)


def check(raw: Raw, kind: str, values: list[Any]) -> None:
    assert raw.kind == kind
    if kind == TIME:
        np.testing.assert_array_equal(raw.values, np.array(values, dtype="datetime64[us]"))
    elif kind == WORDS:
        assert raw.values.tolist() == values
    else:
        np.testing.assert_array_equal(raw.values, np.array(values, dtype=np.float64))
