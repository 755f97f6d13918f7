"""Matrix products whose factors are copied, packed or read where they are: where a number lies changes no bit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glassnet.compile import native

module = native()
pytestmark = pytest.mark.skipif(module is None, reason="a pure-Python installation")

FEW = 20
"""So few rows of a product are read where they are."""


def normal(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape).astype(dtype)


def weight_gradient(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    weight = np.zeros((x.shape[1], dy.shape[1]), x.dtype)
    dweight = np.full_like(weight, np.nan)
    module.call("dense_backward", x.dtype == np.float64, [dy, x, weight, None, dweight, None], [])  # type: ignore[union-attr]
    return dweight


def outputs(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    y = np.full((len(x), len(bias)), np.nan, x.dtype)
    module.call("dense_forward", x.dtype == np.float64, [x, weight, bias, y], [])  # type: ignore[union-attr]
    return y


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("columns", [784, 1024, 3072])
@pytest.mark.parametrize("units", [64, 65, 100, 512])
@pytest.mark.parametrize("rows", [64, 129, 300])
def test_gradients_of_many_weights_and_of_few(rows: int, units: int, columns: int, dtype: str) -> None:
    """Columns of 1024 numbers and more take each other's places in the first cache: they are packed for many."""
    x, dy = normal(dtype, rows, columns), normal(dtype, rows, units)
    found = weight_gradient(x, dy)
    for first in (0, 300, columns - FEW):
        few = np.ascontiguousarray(x[:, first : first + FEW])
        np.testing.assert_array_equal(found[first : first + FEW], weight_gradient(few, dy))
    expected = x.T.astype(float) @ dy.astype(float)
    np.testing.assert_allclose(found, expected, rtol=0, atol={"float64": 1e-12, "float32": 2e-4}[dtype])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("units", [50, 100, 128, 600])
@pytest.mark.parametrize("columns", [40, 300, 2500])
def test_outputs_of_many_rows_and_of_few(columns: int, units: int, dtype: str) -> None:
    """The weights are copied for many rows; sums of 2500 numbers are those of parts."""
    x, weight, bias = normal(dtype, 250, columns), normal(dtype, columns, units), normal(dtype, units)
    found = outputs(x, weight, bias)
    for rows in (1, FEW, 64, 100):
        np.testing.assert_array_equal(found[-rows:], outputs(x[-rows:], weight, bias))
    expected = x.astype(float) @ weight.astype(float) + bias.astype(float)
    np.testing.assert_allclose(found, expected, rtol=0, atol={"float64": 1e-12, "float32": 5e-4}[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "d", "m"), [(5, 40, 33), (12, 40, 33), (60, 64, 48), (100, 300, 260), (100, 33, 3)])
def test_some_rows_have_the_bits_that_they_have_among_all(rows: int, d: int, m: int, dtype: str) -> None:
    assert module is not None
    rng = np.random.default_rng(rows)
    x, dy, weight, bias = (rng.normal(size=s).astype(dtype) for s in ((rows, d), (rows, m), (d, m), (m,)))
    turned = np.ascontiguousarray(weight.T)
    for name, arrays, cut in (
        ("dense_forward", [x, weight, bias, np.zeros_like(dy)], [True, False, False, True]),
        ("dense_backward", [dy, x, weight, np.zeros_like(x), None, None], [True, True, False, True, False, False]),
        ("tied_forward", [x, turned, np.zeros_like(dy)], [True, False, True]),
        ("tied_backward", [dy, x, turned, np.zeros_like(x), None], [True, True, False, True, False]),
    ):
        result = 3 if name in ("dense_forward", "dense_backward", "tied_backward") else 2
        module.call(name, dtype == "float64", arrays, [])
        whole = arrays[result].copy()
        arrays[result][...] = 0
        for start, stop in pairwise(sorted({0, 1, 4, 5, rows // 2, rows - 2, rows})):
            module.call(name, dtype == "float64", arrays, [], cut, rows, start, stop)
        np.testing.assert_array_equal(arrays[result], whole, err_msg=name)
