"""Odd values, and what becomes of them at a door: the same as of plain ones, or an error of glassnet's."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

SAME, REFUSED, EITHER = "the same as of plain numbers", "refused", "the same or refused"


class Thing:
    """An object of no use."""


class Sparse:
    """Looks like a sparse matrix."""

    def __init__(self, x: Any) -> None:
        self.shape, self.x = np.shape(x), x

    def toarray(self) -> Any:
        return self.x


def endless() -> list[Any]:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


SETTINGS: dict[str, Any] = {
    "None": None,
    "True": True,
    "np.True_": np.bool_(True),
    "text": "3",
    "no text": "",
    "a lone surrogate": "\udc80",
    "a NUL": "a\0b",
    "a long text": "x" * 10_000,
    "np.str_": np.str_("3"),
    "bytes": b"3",
    "bytearray": bytearray(b"3"),
    "memoryview": memoryview(b"abc"),
    "NaN": float("nan"),
    "np.float32 NaN": np.float32("nan"),
    "infinity": float("inf"),
    "-infinity": -float("inf"),
    "-1": -1,
    "0": 0,
    "-0.0": -0.0,
    "2.5": 2.5,
    "1e-320": 1e-320,
    "1e308": 1e308,
    "2**31": 2**31,
    "2**63": 2**63,
    "10**400": 10**400,
    "-10**400": -(10**400),
    "complex": 3 + 0j,
    "np.complex64": np.complex64(3),
    "np.int8": np.int8(3),
    "np.uint64": np.uint64(2**64 - 1),
    "np.float16": np.float16(0.5),
    "np.longdouble": np.longdouble(3) / 10,
    "Decimal": Decimal("0.5"),
    "Fraction": Fraction(1, 2),
    "0-d": np.array(3),
    "an array of one": np.array([3]),
    "an array of two": np.array([1, 2]),
    "an empty array": np.array([]),
    "5-d": np.ones((1, 1, 1, 1, 2)),
    "an array of objects": np.array([None], object),
    "np.ma.masked": np.ma.masked,
    "a masked array": np.ma.array([1, 2], mask=[0, 1]),
    "datetime64": np.datetime64("2020-01-01"),
    "timedelta64": np.timedelta64(3),
    "date": datetime.date(2020, 1, 1),
    "a structured array": np.zeros(2, [("a", "f4")]),
    "a ragged list": [[1], [1, 2]],
    "an endless list": endless(),
    "a list": [3],
    "a pair": (3, 3),
    "()": (),
    "a dict": {"a": 1},
    "a set": {1},
    "a range": range(3),
    "a slice": slice(3),
    "...": ...,
    "an object": Thing(),
    "a class": Thing,
    "a Path": Path("nowhere"),
}
TRUTH = {"True", "np.True_"}
NO_NUMBERS = TRUTH | {
    *("text", "np.str_", "bytes", "bytearray", "NaN", "np.float32 NaN", "complex", "np.complex64", "np.ma.masked"),
    *("datetime64", "timedelta64", "date", "a dict", "an object", "a class"),
}
"""What no setting that counts or measures something may take for a number."""
NO_WHOLES = NO_NUMBERS | {"2.5", "np.float16", "np.longdouble", "infinity", "10**400"}


def of_array(plain: np.ndarray) -> Iterator[tuple[str, str, Any]]:
    """Other forms of an array of small numbers (halves and the like): name, what is to become of it, the form."""
    x = plain.astype(np.float64)
    second = np.arange(x.size).reshape(x.shape) == 1
    fixed = x.copy()
    fixed.flags.writeable = False
    yield from (
        ("float32", SAME, x.astype(np.float32)),
        ("float16", SAME, x.astype(np.float16)),
        ("longdouble", SAME, x.astype(np.longdouble)),
        ("big-endian", SAME, x.astype(">f8")),
        ("strided", SAME, np.repeat(x, 2, axis=0)[::2]),
        ("backwards", SAME, x[::-1].copy()[::-1]),
        ("by columns", SAME, np.asfortranarray(x)),
        ("read-only", SAME, fixed),
        ("objects", SAME, x.astype(object)),
        ("Decimals", SAME, np.array([Decimal(float(v)) for v in x.flat], object).reshape(x.shape)),
        ("lists", SAME, x.tolist()),
        ("rows", SAME, list(x)),
        ("a mask that hides nothing", SAME, np.ma.array(x, mask=False)),
        ("a hidden value", REFUSED, np.ma.array(x, mask=second)),
        ("rows with a hidden value", REFUSED, list(np.ma.array(x, mask=second))),
        ("NaN", REFUSED, np.where(second, np.nan, x)),
        ("infinity", REFUSED, np.where(second, np.inf, x)),
        ("10**400", REFUSED, np.where(second, 10**400, x.astype(object))),
        ("None inside", REFUSED, np.where(second, None, x.astype(object))),
        ("complex without an imaginary part", REFUSED, x + 0j),
        ("complex", REFUSED, x + 1j),
        ("texts", REFUSED, x.astype(str)),
        ("bytes", REFUSED, x.astype("S")),
        ("texts as objects", REFUSED, x.astype(str).astype(object)),
        ("moments", REFUSED, x.astype(int).astype("M8[s]")),
        ("stretches of time", REFUSED, x.astype(int).astype("m8[s]")),
        ("fields", REFUSED, np.zeros(x.shape, [("a", "f4"), ("b", "f4")])),
        ("void", REFUSED, np.zeros(x.shape, "V4")),
        ("ragged", REFUSED, [[1.0], [1.0, 2.0]]),
        ("an endless list", REFUSED, endless()),
        ("a generator", REFUSED, (row for row in x)),
        ("no rows", REFUSED, x[:0]),
        ("no columns", REFUSED, np.zeros((len(x), 0))),
        ("0-d", REFUSED, np.array(1.0)),
        ("5-d", REFUSED, x.reshape(x.shape + (1,) * (5 - x.ndim))),
        ("sparse", REFUSED, Sparse(x)),
        ("a text", REFUSED, "abc"),
        ("some bytes", REFUSED, b"abc"),
        ("a bytearray", REFUSED, bytearray(b"abc")),
        ("True", REFUSED, True),
        ("a Path", REFUSED, Path("x")),
        ("a dict", REFUSED, {"a": 1}),
        ("a set", REFUSED, {1.0}),
        ("an object", REFUSED, Thing()),
        ("objects of no use", REFUSED, [Thing()] * len(x)),
        ("a class", REFUSED, int),
        ("a slice", REFUSED, slice(3)),
        ("dates", REFUSED, [datetime.date(2020, 1, 1)] * len(x)),
        ("1e300", EITHER, np.where(second, 1e300, x)),
        ("1e-320", EITHER, np.where(second, 1e-320, x)),
        ("the least int64", EITHER, np.full(x.shape, -(2**63))),
        ("the largest uint64", EITHER, np.full(x.shape, 2**64 - 1, np.uint64)),
        ("truth", EITHER, x > 0),
        ("fewer rows", EITHER, x[:-1]),
        ("one row", EITHER, x[:1]),
        ("turned", EITHER, x.T),
        ("twice", EITHER, [x, x]),
        ("other columns", EITHER, np.ones((len(x), 7))),
        ("a memoryview", EITHER, memoryview(np.ascontiguousarray(x))),
        ("None", EITHER, None),
    )


def paths(ending: str) -> dict[str, Any]:
    """Odd paths; none leads to anything of the machine's, and the folder "folder" and the file "file" are there."""
    return {
        "a text": f"odd.{ending}",
        "a Path": Path(f"odd.{ending}"),
        "np.str_": np.str_(f"odd.{ending}"),
        "a lone surrogate": f"od\udc80d.{ending}",
        "a line break": f"a\nb.{ending}",
        "bytes": f"odd.{ending}".encode(),
        "bytearray": bytearray(b"odd"),
        "no text": "",
        "a folder": "folder",
        "below a file": f"file/x.{ending}",
        "a missing folder": f"nowhere/at/all.{ending}",
        "a NUL": f"a\0b.{ending}",
        "a long name": "x" * 300 + f".{ending}",
        "a long path": "/".join(["d" * 200] * 30) + f"/x.{ending}",
        "a loop": f"loop.{ending}",
        "a number": 3,
        "True": True,
        "2.5": 2.5,
        "a list": ["a"],
        "a dict": {"a": 1},
        "an object": Thing(),
        "a class": Thing,
        "an array": np.array(f"odd.{ending}"),
        "an array of two": np.array([1.0, 2.0]),
    }
