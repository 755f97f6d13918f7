"""Anything array-like as numbers: objects, masks, and what is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from glassnet.core.errors import DataError
from glassnet.core.numeric import all_finite, numeric, refuse_hidden

pandas = pytest.importorskip("pandas")


def objects(values: Any) -> np.ndarray:
    return np.array(values, dtype=object)


def holding(*parts: Any) -> np.ndarray:
    """An array (N,) of objects that are arrays themselves."""
    array = np.empty(len(parts), dtype=object)
    array[:] = parts
    return array


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (objects([1.5, 2, True]), np.float64, [1.5, 2, 1]),
        (objects([[1.5, np.float32(2)], [np.float16(3), np.int8(4)]]), np.float64, [[1.5, 2], [3, 4]]),
        (objects([Decimal("0.1"), Decimal("1e-3")]), np.float64, [0.1, 0.001]),
        (objects([Fraction(1, 3), 2]), np.float64, [1 / 3, 2]),
        (objects([1.0, float("nan")]), np.float64, [1.0, np.nan]),
        (objects([Decimal("NaN"), Decimal("-Infinity")]), np.float64, [np.nan, -np.inf]),
        (objects([Decimal("sNaN"), Decimal(1)]), np.float64, [np.nan, 1]),
        (objects([10**400, -(10**400), 0.5]), np.float64, [np.inf, -np.inf, 0.5]),
        ([10**400, 0.5], np.float64, [np.inf, 0.5]),
        (objects([1, 2**53 + 1]), np.int64, [1, 2**53 + 1]),
        (objects([np.uint64(2**63), 1]), np.uint64, [2**63, 1]),
        (objects([-1, True]), np.int64, [-1, 1]),
        (objects([2**70, 1]), np.float64, [2.0**70, 1]),
        (objects([True, np.False_]), bool, [True, False]),
        (objects(3), np.int64, 3),
        (holding(np.zeros(2), [1, 2]), np.float64, [[0, 0], [1, 2]]),
        (holding(np.array([2**53 + 1]), np.array([1], np.uint64)), np.int64, [[2**53 + 1], [1]]),
        (pandas.Series([1, 2], dtype="Int64"), np.int64, [1, 2]),
        (pandas.DataFrame({"a": [1.5, 2.5], "b": [1, 2]}, dtype=object), np.float64, [[1.5, 1], [2.5, 2]]),
        (np.longdouble([1.5]), np.longdouble, [1.5]),
        (np.array([[1, 2]]).view(np.matrix), np.int64, [[1, 2]]),
        (np.ma.array([1, 2], mask=[0, 0]), np.int64, [1, 2]),
        (np.ma.array([1.5, 2]), np.float64, [1.5, 2]),
        ([np.ma.array([1, 2]), np.ma.array([3, 4], mask=[0, 0])], np.int64, [[1, 2], [3, 4]]),
        (holding(np.ma.array([1.5]), np.ma.array([2.5])), np.float64, [[1.5], [2.5]]),
    ],
    ids=lambda value: str(value)[:40] if not callable(value) else None,
)
def test_what_is_numbers_becomes_numbers(values: Any, dtype: type, expected: Any) -> None:
    found = numeric(values, where="x")
    assert type(found) is np.ndarray
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    if np.issubdtype(dtype, np.integer):  # every digit
        assert found.tolist() == expected


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (objects([1.0, None]), ["nothing (None) at row 1", "fill or drop"]),
        ([[1.0, 2.0], [3.0, None]], ["nothing (None) at row 1, column 1"]),
        (pandas.Series([1, None], dtype="Int64").astype(object), ["nothing (<NA>) at row 1"]),
        (pandas.DataFrame({"a": [1.0, 2.0], "b": pandas.Series([True, None], dtype="boolean")}), ["<NA>", "column 1"]),
        (objects([1.0, pandas.NaT]), ["nothing (NaT) at row 1"]),
        (objects([1.0, "2", "x"]), ["text such as '2' at row 1"]),
        ([1.0, "two"], ["text such as 'two' at row 1"]),
        ([["a", "b"]], ["text such as 'a' at row 0, column 0", "np.unique"]),
        (np.array(["a", "b"]), ["such as 'a' at row 0"]),
        (objects([b"1"]), ["text such as", "row 0"]),
        (objects([1, 1 + 2j]), ["complex number (1+2j) at row 1", "x.imag"]),
        (np.array([1j]), ["complex", "real numbers"]),
        (objects([1, date(2024, 1, 2)]), ["date '2024-01-02' at row 1", "np.timedelta64", "gn.Table"]),
        (objects([timedelta(1)]), ["timedelta", "np.timedelta64"]),
        (pandas.Series(pandas.to_datetime(["2024-01-02"])), ["datetime64", "np.timedelta64"]),
        (np.array([np.timedelta64(1, "s")]), ["timedelta64", "np.timedelta64"]),
        (pandas.Series(pandas.to_datetime(["2024-01-02"]).tz_localize("UTC")), ["2024-01-02", "np.timedelta64"]),
        ([np.datetime64("2024-01-02"), 1.0], ["np.timedelta64"]),
        (objects([{1: 2}]), ["type dict", "row 0"]),
        (holding(np.zeros(2), np.zeros(3)), ["different lengths", "(2,) and (3,)"]),
        (holding(np.zeros(2), 1.0), ["type ndarray", "row 0"]),
        (holding(np.zeros(2), np.array(["a", "b"])), ["x: row 1", "'a'"]),
        (np.zeros(2, [("a", float), ("b", int)]), ["fields a, b", "structured_to_unstructured"]),
        (np.ma.array(np.zeros(2, [("a", float)]), mask=[(True,), (False,)]), ["fields a"]),
        (np.rec.array([(1.0, 2)], names="a,b"), ["fields a, b"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_number_is_refused_with_its_place(values: Any, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        numeric(values, where="x")
    for word in words:
        assert word in str(caught.value)


HIDDEN = 999999.0
MASKED: dict[str, tuple[Any, str]] = {
    "columns": (np.ma.array([[1.0, 2.0], [3.0, HIDDEN]], mask=[[0, 0], [0, 1]]), "row 1, column 1"),
    "whole numbers": (np.ma.array([1, 2, 999999], mask=[0, 1, 1]), "row 1, counted from 0 (2 in all)"),
    "truth": (np.ma.array([True, False], mask=[1, 0]), "row 0"),
    "by a condition": (np.ma.masked_greater(np.array([1.0, HIDDEN]), 1000), "row 1"),
    "invalid": (np.ma.masked_invalid([1.0, np.nan]), "row 1"),
    "no dimension": (np.ma.array(1.0, mask=True), "a masked value"),
    "the constant": (np.ma.masked, "a masked value"),
    "a list of rows": ([np.ma.array([1.0, HIDDEN], mask=[0, 1]), np.array([1.0, 2.0])], "row 0, column 1"),
    "a nested list": ([[1.0, 2.0], (3.0, np.ma.masked)], "row 1, column 1"),
    "constants among objects": (objects([1.0, 2.0]), ""),
    "rows among objects": (holding(np.ma.array([HIDDEN], mask=[1]), np.ma.array([1.0])), "row 0"),
    "text": (np.ma.array(["a", "b"], mask=[0, 1]), "row 1"),
    "objects": (np.ma.array(objects([1.0, 2.0]), mask=[0, 1]), "row 1"),
    "float16": (np.ma.array(np.float16([1, 2]), mask=[0, 1]), "row 1"),
}
MASKED["constants among objects"][0][1] = np.ma.masked
MASKED["constants among objects"] = (MASKED["constants among objects"][0], "row 1")


@pytest.mark.parametrize("name", MASKED)
def test_what_a_mask_hides_is_missing(name: str) -> None:
    values, place = MASKED[name]
    with pytest.raises(DataError, match="mask") as caught:
        numeric(values, where="fit: x")
    assert place in str(caught.value)
    assert str(caught.value).startswith("fit: x")
    assert "999999" not in str(caught.value)


def test_an_object_that_becomes_a_masked_array_is_one() -> None:
    class Column:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.ma.array([1.0, HIDDEN], mask=[0, 1])

    with pytest.raises(DataError, match="masked value at row 1"):
        numeric(Column(), where="x")


@pytest.mark.parametrize("mend", [lambda x: x.filled(0), lambda x: np.ma.compress_rows(x)])
def test_the_mend_that_the_message_names_works(mend: Callable[[Any], Any]) -> None:
    found = numeric(mend(MASKED["columns"][0]), where="x")
    assert HIDDEN not in found


def test_other_things_pass_a_door_that_only_looks_for_masks() -> None:
    for values in (None, "text", [1, "a"], np.ma.array([1, 2]), objects([None]), {"a": 1}):
        refuse_hidden(values, where="X")
    with pytest.raises(DataError, match="X: received a masked value"):
        refuse_hidden([np.ma.masked], where="X")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(20,), (4, 5), (100_000,)])
def test_large_numbers_are_finite_without_a_warning(dtype: Any, shape: tuple[int, ...]) -> None:
    """Also those whose sum and whose squares are not."""
    large = np.full(shape, np.finfo(dtype).max, dtype)
    assert all_finite(large)
    for wrong in (np.nan, np.inf, -np.inf):
        large.flat[-1] = wrong
        assert not all_finite(large)
