"""The door for arrays: what it takes, what it refuses, and what the message says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.core.checks import as_rows, fits_network, numeric, same_rows
from glassnet.core.errors import DataError, ShapeError

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3, 4]],
        ((1.0, 2.0), (3.0, 4.0)),
        np.array([[1, 2], [3, 4]], np.uint8),
        np.array([[1, 2], [3, 4]], np.float16),
        np.array([[1.0, 3.0], [2.0, 4.0]]).T,
        np.array([[1, 0, 2], [3, 0, 4]])[:, ::2],
    ],
    ids=["lists", "tuples", "uint8", "float16", "transposed", "strided"],
)
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
def test_rows_become_contiguous_arrays_of_the_dtype(values, dtype):
    result = as_rows(values, dtype, where="x")
    assert result.dtype == dtype
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, [[1, 2], [3, 4]])


def test_booleans_and_flat_rows_are_numbers():
    assert as_rows([True, False], FLOAT32, where="x").tolist() == [1.0, 0.0]
    assert as_rows(range(3), FLOAT64, where="x").tolist() == [0, 1, 2]


def test_the_callers_array_is_left_alone():
    values = np.array([[1, 2], [3, 4]])
    as_rows(values, FLOAT32, where="x")[:] = 9
    assert values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("values", "error", "received", "expected", "fix"),
    [
        (3.0, ShapeError, "a single number", "first axis counts the rows", "[[...]]"),
        ([], DataError, "an empty array of shape (0,)", "at least one row", "loaded or filtered"),
        (np.zeros((0, 4)), DataError, "an empty array of shape (0, 4)", "at least one row", "loaded or filtered"),
        (np.zeros((4, 0)), DataError, "an empty array of shape (4, 0)", "one column", "loaded or filtered"),
        ([["a", "b"]], DataError, "'a'", "numbers", "np.unique(values, return_inverse=True)"),
        ([["1.5"]], DataError, "'1.5'", "numbers", "text into numbers"),
        ([[1.0, 2.0], [3.0]], DataError, "different lengths", "a rectangular array", "pad or cut"),
        ([[1 + 2j]], DataError, "complex128", "numbers", "numbers"),
        (np.array([["2024-01-01"]], "datetime64[D]"), DataError, "datetime64", "numbers", "numbers"),
        ([[1.0, np.nan]], DataError, "nan at row 0, column 1", "finite numbers", "drop the missing values"),
        ([[1.0], [-np.inf]], DataError, "-inf at row 1, column 0", "finite numbers", "np.isfinite"),
        ([0.0, 1.0, np.nan], DataError, "nan at row 2", "finite numbers", "np.isfinite"),
        (np.full((2, 3, 4), np.nan), DataError, "row 0, column 0, 0", "finite numbers", "np.isfinite"),
        (
            [[1.0], [1e39]],
            DataError,
            "the value 1e+39 at row 1, column 0",
            "float32 can hold (up to 3.4e+38)",
            "float64",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_unusable_rows_are_refused(values, error, received, expected, fix):
    with pytest.raises(error) as caught:
        as_rows(values, FLOAT32, where="fit: x")
    assert type(caught.value) is error
    assert caught.value.where == "fit: x"
    assert received in caught.value.received
    assert expected in caught.value.expected
    assert fix in caught.value.fix


def test_the_message_counts_missing_values():
    values = np.zeros((10, 3))
    values[4, 1] = values[7, 2] = np.nan
    with pytest.raises(DataError) as caught:
        as_rows(values, FLOAT64, where="x")
    assert "nan at row 4, column 1" in caught.value.received
    assert "2 such values in all" in caught.value.received
    with pytest.raises(DataError, match="1 such value in all"):
        as_rows(values[:5], FLOAT64, where="x")


def test_the_mend_that_the_message_names_works():
    x = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]])
    x = x[np.isfinite(x).all(axis=1)]
    assert as_rows(x, FLOAT64, where="x").tolist() == [[1, 2], [4, 5]]


def test_large_numbers_fit_float64_alone():
    assert as_rows([[1e39]], FLOAT64, where="x").tolist() == [[1e39]]


def test_the_message_names_what_is_no_number():
    """In a list of numbers with a gap, the gap is what is wrong, not the first number."""
    with pytest.raises(DataError, match="None"):
        as_rows([[1.0, None]], FLOAT64, where="x")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.integers(1, 5), st.data())
def test_the_first_missing_value_is_the_one_named(rows: int, columns: int, data: st.DataObject):
    values = np.zeros((rows, columns))
    places = data.draw(st.sets(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)), min_size=1))
    for place in places:
        values[place] = np.nan
    with pytest.raises(DataError) as caught:
        as_rows(values, FLOAT64, where="x")
    row, column = min(places)
    assert f"nan at row {row}, column {column}" in caught.value.received
    assert f"{len(places)} such value" in caught.value.received


def test_numeric_keeps_kind_and_shape():
    assert numeric([1, 2], where="y").dtype.kind == "i"
    assert numeric(True, where="y").shape == ()
    assert numeric([], where="y").size == 0
    assert np.isnan(numeric([np.nan], where="y")).all()  # finite or not is for as_rows to say
    array = np.zeros(3)
    assert numeric(array, where="y") is array


def test_as_many_rows():
    same_rows(3, np.zeros((3, 2)), where="fit: y", other="x")
    with pytest.raises(ShapeError) as caught:
        same_rows(4, np.zeros((3, 2)), where="fit: y", other="x")
    error = caught.value
    assert (error.where, error.received) == ("fit: y", "3 rows")
    assert error.expected == "4, as many as x has"
    assert "same order" in error.fix


@pytest.mark.parametrize(
    ("shape", "input_shape", "fix"),
    [
        ((5, 3), (4,), "select the same columns"),
        ((4,), (4,), "x[None]"),
        ((28, 28), (28, 28), "x[None]"),
        ((5, 784), (28, 28), "x.reshape(-1, 28, 28)"),
        ((5, 28, 28), (784,), "x.reshape(-1, 784)"),
        ((5,), (4,), "select the same columns"),
        ((5, 32, 32, 3), (3, 32, 32), "x.transpose(0, 3, 1, 2)"),
        ((5, 1, 28, 28), (3, 28, 28), "x.repeat(3, axis=1)"),
        ((5, 3, 28, 28), (1, 28, 28), "x.mean(axis=1, keepdims=True)"),
        ((5, 4, 8, 8), (3, 8, 8), "images of 3 channels"),
        ((5, 3, 16, 64), (3, 32, 32), "resize the images to 32×32 pixels"),
    ],
    ids=str,
)
def test_rows_of_another_shape_are_refused_with_a_mend(shape, input_shape, fix):
    with pytest.raises(ShapeError) as caught:
        fits_network(np.zeros(shape), input_shape, where="predict: x", layer="layer 0 (Dense(3))")
    error = caught.value
    assert error.where == "predict: x"
    assert f"an array of shape {shape}" in error.received
    assert f"(N, {', '.join(map(str, input_shape))})" in error.expected
    assert "layer 0 (Dense(3)) was built for" in error.expected
    assert fix in error.fix


def test_rows_of_the_right_shape_pass():
    fits_network(np.zeros((5, 4)), (4,), where="x", layer="layer 0")
    fits_network(np.zeros((1, 2, 3)), (2, 3), where="x", layer="layer 0")
    fits_network(np.zeros((4, 4)), (4,), where="x", layer="layer 0")
