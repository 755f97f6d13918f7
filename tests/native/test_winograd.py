"""3x3 convolutions with so many planes that fewer multiplications pay, against the NumPy kernels."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.compile import native
from glassnet.kernels import KERNELS

module = native()
pytestmark = pytest.mark.skipif(module is None, reason="a pure-Python installation")

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
# images, channels, filters, height, width, padding, groups
SIZES = [
    (1, 16, 16, 4, 4, 1, 1),
    (3, 17, 33, 9, 6, 1, 1),
    (9, 32, 20, 8, 8, 1, 1),
    (2, 40, 130, 5, 7, 0, 1),
    (5, 128, 64, 7, 11, 2, 1),
    (2, 130, 16, 6, 6, 1, 1),
    (2, 48, 64, 10, 13, 1, 2),
    (1, 16, 24, 70, 90, 1, 1),
    (2, 16, 16, 40, 300, 0, 1),
]


def close(found: np.ndarray, expected: np.ndarray, dtype: str, name: str) -> None:
    np.testing.assert_allclose(found, expected, 0, TOLERANCE[dtype] * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_both_ways(sizes: tuple[int, ...], kernel: str, dtype: str) -> None:
    assert module is not None
    n, c, f, height, width, pad, groups = sizes
    rng = np.random.default_rng(n)
    settings = {"stride_height": 1, "stride_width": 1, "pad_top": pad, "pad_left": pad}
    settings |= {"dilation_height": 1, "dilation_width": 1}
    numbers = [float(value) for value in settings.values()]
    change = 2 * pad - 2
    if kernel == "conv2d":
        weight, rows, columns = rng.normal(size=(f, c // groups, 3, 3)), height + change, width + change
    else:
        weight, rows, columns = rng.normal(size=(c, f // groups, 3, 3)), height - change, width - change
    x, bias = rng.normal(size=(n, c, height, width)).astype(dtype), rng.normal(size=f).astype(dtype)
    weight = weight.astype(dtype)
    found, expected = np.full((2, n, f, rows, columns), np.nan, dtype)
    KERNELS[f"{kernel}_forward"].function(x=x, weight=weight, bias=bias, y=expected, **settings)
    module.call(f"{kernel}_forward", dtype == "float64", [x, weight, bias, found], numbers)
    close(found, expected, dtype, "y")

    dy = rng.normal(size=found.shape).astype(dtype)
    arrays = {"dx": x, "dweight": weight, "dbias": bias}
    expected_by = {name: np.full(array.shape, np.nan, dtype) for name, array in arrays.items()}
    found_by = {name: np.full(array.shape, np.nan, dtype) for name, array in arrays.items()}
    KERNELS[f"{kernel}_backward"].function(dy=dy, x=x, weight=weight, **expected_by, **settings)
    given = [dy, x, weight, *found_by.values()]
    module.call(f"{kernel}_backward", dtype == "float64", given, numbers)
    for name, array in found_by.items():
        close(array, expected_by[name], dtype, name)
    adds = [False] * 4 + [True] * 2
    module.call(f"{kernel}_backward", dtype == "float64", given, numbers, adds=adds)
    for name in ("dweight", "dbias"):
        close(found_by[name], 2 * expected_by[name], dtype, f"{name}, added to")


def test_an_image_has_the_same_bits_whatever_else_is_in_the_batch() -> None:
    assert module is not None
    rng = np.random.default_rng(0)
    x = rng.normal(size=(11, 32, 8, 8)).astype(np.float32)
    weight, y = rng.normal(size=(64, 32, 3, 3)).astype(np.float32), np.empty((11, 64, 8, 8), np.float32)
    numbers = [1.0] * 6
    module.call("conv2d_forward", False, [x, weight, None, y], numbers)
    for start, stop in ((0, 1), (1, 4), (4, 11)):
        part = np.empty((stop - start, 64, 8, 8), np.float32)
        module.call("conv2d_forward", False, [x[start:stop].copy(), weight, None, part], numbers)
        np.testing.assert_array_equal(part, y[start:stop])
