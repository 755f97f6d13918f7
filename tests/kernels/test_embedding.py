"""Lookups by hand and as products with one-hot rows; what numbers without a row do in NumPy and in native code."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.compile import native
from glassnet.kernels.embedding import (
    are_indices,
    columns_backward,
    columns_forward,
    embedding_backward,
    embedding_forward,
    zero_gradient,
)

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
WRONG = [5.0, -1.0, 1.5, np.nan, np.inf, -np.inf, 1e30, -1e-9, 4.000001]


def test_by_hand() -> None:
    weight = np.array([[1.0, 2], [3, 4], [5, 6]])
    y, dweight, dx = np.full((4, 2), np.nan), np.full((3, 2), np.nan), np.full(4, np.nan)
    x = np.array([2.0, 0, 2, 2])
    embedding_forward(x, weight, y)
    assert y.tolist() == [[5, 6], [1, 2], [5, 6], [5, 6]]
    embedding_backward(np.array([[1.0, 10], [2, 20], [4, 40], [8, 80]]), x, dweight)
    assert dweight.tolist() == [[2, 20], [0, 0], [13, 130]]
    zero_gradient(dx)
    assert dx.tolist() == [0, 0, 0, 0]


def test_columns_by_hand() -> None:
    x, y, dx = np.array([[1.0, 2, 3], [4, 5, 6]]), np.full((2, 2), np.nan), np.full((2, 3), np.nan)
    columns_forward(x, np.array([2, 0]), y)
    assert y.tolist() == [[3, 1], [6, 4]]
    columns_backward(y, np.array([2, 0]), dx)
    assert dx.tolist() == [[1, 0, 3], [4, 0, 6]]


@DTYPES
@pytest.mark.parametrize(("numbers", "count", "units"), [(7, 5, 3), (1, 1, 1), (0, 4, 2), (50, 3, 17)])
def test_lookups_are_products_with_one_hot_rows(numbers: int, count: int, units: int, dtype: str) -> None:
    rng = np.random.default_rng(numbers)
    x = rng.integers(0, count, numbers).astype(dtype)
    weight, dy = rng.normal(size=(count, units)).astype(dtype), rng.normal(size=(numbers, units)).astype(dtype)
    one_hot = np.eye(count, dtype=dtype)[x.astype(int)]
    y, dweight = np.full_like(dy, np.nan), np.full_like(weight, np.nan)
    embedding_forward(x, weight, y)
    np.testing.assert_array_equal(y, one_hot @ weight)
    embedding_backward(dy, x, dweight)
    np.testing.assert_allclose(dweight, one_hot.T @ dy, rtol=1e-5, atol=1e-5)


@DTYPES
@pytest.mark.parametrize("wrong", WRONG)
def test_numbers_without_a_row_are_refused(wrong: float, dtype: str) -> None:
    x, weight, y = np.array([1, wrong, 2], dtype), np.ones((5, 2), dtype), np.zeros((3, 2), dtype)
    assert are_indices(x, 5).tolist() == [True, False, True]
    with pytest.raises(IndexError, match="no row"):
        embedding_forward(x, weight, y)


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
@DTYPES
@pytest.mark.parametrize("wrong", WRONG)
def test_native_code_stays_inside_the_weight(wrong: float, dtype: str) -> None:
    """NaN for what has no row, and nothing of its gradient: the neighbours of the weight in memory stay as they are."""
    module = native()
    assert module is not None
    x, is_double = np.array([1, wrong, 2], dtype), dtype == "float64"
    memory = np.full((9, 2), 7.0, dtype)
    weight, y = memory[2:7], np.zeros((3, 2), dtype)
    weight[...] = np.arange(10).reshape(5, 2)
    module.call("embedding_forward", is_double, [x, weight, y], [])
    np.testing.assert_array_equal(y, np.array([[2, 3], [np.nan, np.nan], [4, 5]], dtype))
    module.call("embedding_backward", is_double, [np.ones((3, 2), dtype), x, weight], [])
    np.testing.assert_array_equal(weight, np.array([[0, 0], [1, 1], [1, 1], [0, 0], [0, 0]], dtype))
    assert (memory[[0, 1, 7, 8]] == 7).all()
