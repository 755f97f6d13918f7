"""Images made larger, by hand and beside NumPy's own functions."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.kernels.resize import upsample2d_backward, upsample2d_forward, zero_pad2d_backward, zero_pad2d_forward

Array = np.ndarray
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def test_upsampling_by_hand():
    x, y = np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.full((1, 1, 2, 6), np.nan)
    upsample2d_forward(x, y)
    assert y[0, 0].tolist() == [[1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4]]
    dx = np.full_like(x, np.nan)
    upsample2d_backward(np.arange(12.0).reshape(y.shape), dx)
    assert dx[0, 0].tolist() == [[0 + 1 + 2, 3 + 4 + 5], [6 + 7 + 8, 9 + 10 + 11]]


@DTYPES
@pytest.mark.parametrize(("rows", "factors"), [(3, (2, 3)), (1, (1, 4)), (2, (3, 1)), (0, (2, 2))])
def test_upsampling_is_a_product_with_ones(rows: int, factors: tuple[int, int], dtype: type):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 2, 3, 5)).astype(dtype)
    y = np.full((rows, 2, 3 * factors[0], 5 * factors[1]), np.nan, dtype)
    upsample2d_forward(x, y)
    np.testing.assert_array_equal(y, np.kron(x, np.ones((1, 1, *factors), dtype)))
    dy, dx = generator.normal(size=y.shape).astype(dtype), np.full_like(x, np.nan)
    upsample2d_backward(dy, dx)
    assert dx.dtype == dtype
    expected = [
        [
            dy[..., i * factors[0] : (i + 1) * factors[0], j * factors[1] : (j + 1) * factors[1]].sum((2, 3))
            for j in range(5)
        ]
        for i in range(3)
    ]
    np.testing.assert_allclose(dx, np.transpose(expected, (2, 3, 0, 1)), rtol=1e-5, atol=1e-6)


@DTYPES
@pytest.mark.parametrize(
    ("rows", "sides"), [(2, (1, 2, 3, 0)), (1, (0, 0, 0, 0)), (3, (0, 4, 1, 1)), (0, (1, 1, 1, 1))]
)
def test_padding(rows: int, sides: tuple[int, int, int, int], dtype: type):
    top, bottom, left, right = sides
    x = np.random.default_rng(0).normal(size=(rows, 2, 3, 5)).astype(dtype)
    expected = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    y, dx = np.full_like(expected, np.nan), np.full_like(x, np.nan)
    zero_pad2d_forward(x, y, top=top, left=left)
    np.testing.assert_array_equal(y, expected)
    dy = np.arange(y.size, dtype=dtype).reshape(y.shape)
    zero_pad2d_backward(dy, dx, top=top, left=left)
    np.testing.assert_array_equal(dx, dy[:, :, top : top + 3, left : left + 5])
