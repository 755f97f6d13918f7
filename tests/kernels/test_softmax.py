"""Softmax against PyTorch, against its Jacobian element by element, and far out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glassnet.kernels.softmax import softmax_backward, softmax_forward

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# torch 2.13.0, float64: y = torch.softmax(X, -1); y.backward(DY)
X = np.array([[0.3, -1.2, 2.0], [30.0, -30.0, 29.0], [0.0, 0.0, 0.0]])
DY = np.array([[1.0, -2.0, 0.5], [3.0, 1.0, -1.0], [2.0, 0.75, -0.25]])
Y = [
    [0.14931886218339122, 0.03331754163216139, 0.8173635961844474],
    [0.7310585786300049, 6.401522311935258e-27, 0.26894142136999516],
    [0.3333333333333333, 0.3333333333333333, 0.3333333333333333],
]
DX = [
    [0.07594871330797959, -0.08300617633300751, 0.007057463025027928],
    [0.7864477329659274, -5.916506585856094e-27, -0.7864477329659275],
    [0.3888888888888889, -0.027777777777777752, -0.36111111111111105],
]


def forward(x: np.ndarray) -> np.ndarray:
    """The kernel into a buffer full of NaN."""
    y = np.full_like(x, np.nan)
    assert softmax_forward(x, y) is None
    return y


def backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The kernel into a buffer full of NaN."""
    dx = np.full_like(y, np.nan)
    assert softmax_backward(dy, y, dx) is None
    return dx


@DTYPES
def test_values_and_gradients_equal_torch(dtype: type):
    y = forward(X.astype(dtype))
    dx = backward(DY.astype(dtype), y)
    assert y.dtype == dx.dtype == dtype
    rtol, atol = (1e-12, 1e-30) if dtype is np.float64 else (2e-6, 1e-7)
    np.testing.assert_allclose(y, Y, rtol=rtol, atol=atol)
    np.testing.assert_allclose(dx, DX, rtol=rtol, atol=1e-15 if dtype is np.float64 else atol)


def test_the_gradient_is_the_jacobian_times_the_upstream():
    """∂y_k/∂x_j = y_k ([k = j] − y_j), Goodfellow et al. 2016, section 6.2.2.3, written as loops."""
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    exponentials = [[math.exp(v) for v in row] for row in x.tolist()]
    y = [[e / sum(row) for e in row] for row in exponentials]
    expected = [[sum(dy[n, k] * y[n][k] * ((k == j) - y[n][j]) for k in range(5)) for j in range(5)] for n in range(4)]
    np.testing.assert_allclose(forward(x), y, rtol=1e-14)
    np.testing.assert_allclose(backward(dy, forward(x)), expected, rtol=1e-12, atol=1e-15)


def test_an_upstream_of_ones_gives_no_gradient():
    np.testing.assert_allclose(backward(np.ones((3, 3)), forward(X)), 0, atol=1e-15)


@DTYPES
@pytest.mark.parametrize(
    ("x", "y"),
    [([1e4, -1e4, 0], [1, 0, 0]), ([-1e4, -1e4, -1e4], [1 / 3] * 3), ([1e4, 1e4, -1e4], [0.5, 0.5, 0])],
    ids=str,
)
def test_logits_of_ten_thousand(dtype: type, x: list[float], y: list[float]):
    result = forward(np.array([x], dtype))
    np.testing.assert_allclose(result, [y], rtol=1e-6)
    assert np.isfinite(backward(np.array([[1.0, -2.0, 3.0]], dtype), result)).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(arrays(np.float64, (3, 4), elements=st.floats(-50, 50)), st.floats(-1000, 1000))
def test_rows_sum_to_one_and_a_shift_changes_nothing(x: np.ndarray, shift: float):
    y = forward(x)
    assert (y > 0).all()
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(forward(x + shift), y, rtol=1e-9)
    order = np.argsort(x, axis=-1, kind="stable")
    assert (np.diff(np.take_along_axis(y, order, axis=-1)) >= 0).all()


@DTYPES
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 3, 4), (2, 1, 3, 2)], ids=str)
def test_the_last_axis_of_any_shape(dtype: type, shape: tuple[int, ...]):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)
    before = x.copy(), dy.copy()
    y = forward(x)
    dx = backward(dy, y)
    flat = forward(x.reshape(-1, shape[-1]))
    np.testing.assert_array_equal(y.reshape(flat.shape), flat)
    np.testing.assert_array_equal(dx.reshape(flat.shape), backward(dy.reshape(flat.shape), flat))
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dy, before[1])
