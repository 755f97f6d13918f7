"""Pooling kernels against PyTorch and against loops over windows; ties, NaN, padding, and how exact the sums are.

``golden/pool_norm.npz`` was made by ``golden/make_pool_norm.py`` with the version of PyTorch that it names.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from glassnet.kernels.pool import (
    average_pool2d_backward,
    average_pool2d_forward,
    global_max_pool_backward,
    global_max_pool_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)

GOLDEN = np.load(Path(__file__).with_name("golden") / "pool_norm.npz")
Array = np.ndarray
Window = dict[str, int]


def window(kernel: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int] = (0, 0)) -> Window:
    names = ("kernel_height", "kernel_width", "stride_height", "stride_width", "pad_top", "pad_left")
    return dict(zip(names, (*kernel, *stride, *pad), strict=True))


TORCH = {
    "even": window((2, 2), (2, 2)),
    "odd": window((3, 3), (2, 2), (1, 1)),
    "overlapping": window((3, 2), (1, 1), (1, 1)),
    "apart": window((2, 1), (3, 2), (1, 0)),
}


def max_pool(x: Array, dy: Array, numbers: Window) -> tuple[Array, Array, Array]:
    """(y, index, dx), from buffers full of what must be overwritten."""
    y, dx, index = np.full(dy.shape, np.nan, x.dtype), np.full_like(x, np.nan), np.full(dy.shape, 99, np.uint8)
    max_pool2d_forward(x, y, index, **numbers)
    max_pool2d_backward(dy, index, dx, **numbers)
    return y, index, dx


def average_pool(x: Array, dy: Array, numbers: Window) -> tuple[Array, Array]:
    y, dx = np.full(dy.shape, np.nan, x.dtype), np.full_like(x, np.nan)
    average_pool2d_forward(x, y, **numbers)
    average_pool2d_backward(dy, dx, **numbers)
    return y, dx


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("kind", ["max", "average"])
def test_values_and_gradients_equal_torch(kind: str, name: str, dtype: str) -> None:
    x, y, dy, dx = (GOLDEN[f"{kind}_{name}.{key}"].astype(dtype) for key in ("x", "y", "dy", "dx"))
    found = max_pool(x, dy, TORCH[name])[::2] if kind == "max" else average_pool(x, dy, TORCH[name])
    tolerance = 1e-13 if dtype == "float64" else 1e-6
    for ours, torch in zip(found, (y, dx), strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, torch, rtol=tolerance, atol=tolerance)


def by_hand(x: Array, dy: Array, numbers: Window) -> dict[str, Array]:
    """Window by window, element by element."""
    found = {name: np.zeros(dy.shape) for name in ("largest", "index", "mean")}
    found |= {name: np.zeros(x.shape) for name in ("of_largest", "of_mean")}
    for n, c, h, w in np.ndindex(dy.shape):
        inside = []
        for i, j in product(range(numbers["kernel_height"]), range(numbers["kernel_width"])):
            row = h * numbers["stride_height"] + i - numbers["pad_top"]
            column = w * numbers["stride_width"] + j - numbers["pad_left"]
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                inside.append((x[n, c, row, column], i * numbers["kernel_width"] + j, row, column))
        place = n, c, h, w
        found["largest"][place], found["index"][place], row, column = max(inside, key=lambda element: element[0])
        found["of_largest"][n, c, row, column] += dy[place]
        found["mean"][place] = np.mean([value for value, *_ in inside])
        for *_, row, column in inside:
            found["of_mean"][n, c, row, column] += dy[place] / len(inside)
    return found


@pytest.mark.parametrize("seed", range(40))
def test_any_window_equals_a_loop_over_its_elements(seed: int) -> None:
    """Few different values, so that there are ties, whose first counts."""
    rng = np.random.default_rng(seed)
    kernel, stride = tuple(rng.integers(1, 5, 2).tolist()), tuple(rng.integers(1, 5, 2).tolist())
    pad = tuple(int(rng.integers(0, elements)) for elements in kernel)
    sizes = [int(rng.integers(max(1, k - p), 8)) for k, p in zip(kernel, pad, strict=True)]
    numbers = window(kernel, stride, pad)
    # Padding below and to the right is as much as y's shape asks for: from none up to that above and to the left.
    after = [int(rng.integers(max(0, k - size - p), p + 1)) for k, size, p in zip(kernel, sizes, pad, strict=True)]
    counts = [(p + s + a - k) // step + 1 for p, s, a, k, step in zip(pad, sizes, after, kernel, stride, strict=True)]
    x = rng.integers(0, 4, (2, 3, *sizes)).astype(float)
    dy = rng.normal(size=(2, 3, *counts))
    expected = by_hand(x, dy, numbers)
    y, index, dx = max_pool(x, dy, numbers)
    np.testing.assert_array_equal(y, expected["largest"])
    np.testing.assert_array_equal(index, expected["index"])
    np.testing.assert_allclose(dx, expected["of_largest"], rtol=1e-13, atol=1e-13)
    y, dx = average_pool(x, dy, numbers)
    np.testing.assert_allclose(y, expected["mean"], rtol=1e-13)
    np.testing.assert_allclose(dx, expected["of_mean"], rtol=1e-13, atol=1e-13)
    y = np.full(dy.shape, np.nan)
    max_pool2d_forward(x, y, None, **numbers)
    np.testing.assert_array_equal(y, expected["largest"])


def test_nan_and_infinity_stay_with_their_windows() -> None:
    x = np.array([[1.0, np.nan, 2.0, -np.inf, -np.inf, np.inf], [np.nan, 5.0, 3.0, -np.inf, 0.0, 1.0]])[None, None]
    y, index, _ = max_pool(x, np.ones((1, 1, 1, 3)), window((2, 2), (2, 2)))
    np.testing.assert_array_equal(y, [[[[np.nan, 3, np.inf]]]])
    np.testing.assert_array_equal(index, [[[[1, 2, 1]]]])
    x[...] = -np.inf
    assert max_pool(x, np.ones((1, 1, 1, 3)), window((2, 2), (2, 2)))[0].tolist() == [[[[-np.inf] * 3]]]


def test_an_index_goes_up_to_255() -> None:
    x = np.arange(256.0).reshape(1, 1, 16, 16)
    _, index, dx = max_pool(x, np.ones((1, 1, 1, 1)), window((16, 16), (1, 1)))
    assert index.item() == 255
    assert dx[0, 0, -1, -1] == dx.sum() == 1


@pytest.mark.parametrize("rows", [0, 1])
def test_empty_and_single_batches(rows: int) -> None:
    x, dy = np.ones((rows, 2, 4, 5)), np.ones((rows, 2, 2, 2))
    y, _, dx = max_pool(x, dy, window((2, 2), (2, 2)))
    assert y.sum() == dx.sum() == dy.size
    y, dx = average_pool(x, dy, window((2, 2), (2, 2)))
    assert y.sum() == dx.sum() == dy.size


def test_a_mean_of_many_float32_is_exact_to_its_last_digits() -> None:
    x = np.random.default_rng(0).uniform(0, 1, (2, 1, 300, 301)).astype(np.float32) + np.float32(100)
    y = np.empty((2, 1, 1, 1), np.float32)
    average_pool2d_forward(x, y, **window((300, 301), (1, 1)))
    np.testing.assert_allclose(y[:, 0, 0, 0], x.astype(np.float64).mean(axis=(1, 2, 3)), rtol=1e-7)


@pytest.mark.parametrize("shape", [(2, 3, 5, 1), (2, 1, 5, 4), (1, 1, 1, 1), (0, 2, 3, 1)], ids=str)
def test_the_largest_of_all(shape: tuple[int, ...]) -> None:
    """The first of equal ones gets the gradient."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, shape).astype(float)
    dy = rng.normal(size=(shape[0], shape[1], shape[3]))
    y, dx, place = np.full_like(dy, np.nan), np.full_like(x, np.nan), np.full(dy.shape, 99, np.int32)
    global_max_pool_forward(x, y, place)
    global_max_pool_backward(dy, place, dx)
    expected = np.zeros(shape)
    for n, a, b in np.ndindex(dy.shape):
        s = max(range(shape[2]), key=lambda s, n=n, a=a, b=b: x[n, a, s, b])
        assert y[n, a, b] == x[n, a, s, b]
        assert place[n, a, b] == s
        expected[n, a, s, b] = dy[n, a, b]
    np.testing.assert_array_equal(dx, expected)
    global_max_pool_forward(x, y, None)


def test_the_largest_of_all_passes_nan_on() -> None:
    x = np.array([1.0, np.nan, 7.0, np.nan]).reshape(1, 1, 4, 1)
    y, place = np.empty((1, 1, 1)), np.empty((1, 1, 1), np.int32)
    global_max_pool_forward(x, y, place)
    assert np.isnan(y.item())
    assert place.item() == 1
