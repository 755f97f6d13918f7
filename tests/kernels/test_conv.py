"""Convolutions against PyTorch's values and against their definition, element by element."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from glassnet.kernels import KERNELS
from glassnet.kernels.conv import conv2d_backward, conv2d_forward
from glassnet.kernels.conv1d import conv1d_backward, conv1d_forward
from glassnet.kernels.conv_transpose import conv_transpose2d_backward, conv_transpose2d_forward

Array = np.ndarray
GOLDEN = np.load(Path(__file__).with_name("golden") / "conv.npz")
CASES: dict[str, Any] = json.loads(str(GOLDEN["cases"]))
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def golden(name: str, dtype: type) -> dict[str, Array]:
    """The arrays of a case; those of sequences in our layout."""
    keys = ("x", "weight", "bias", "dy", "y", "dx", "dweight", "dbias")
    found = {key: GOLDEN[f"{name}/{key}"].astype(dtype) for key in keys}
    if name.startswith("sequence"):
        for key, array in found.items():
            if array.ndim == 3:  # (N, C, L) -> (N, T, D), and (F, C/G, k) -> (k, D/G, F)
                found[key] = array.transpose(2, 1, 0) if "weight" in key else array.transpose(0, 2, 1)
    return {key: np.ascontiguousarray(array) for key, array in found.items()}


def settings_of(name: str) -> dict[str, int]:
    """Torch's settings as ours."""
    given = CASES[name][3]
    stride, pad, dilation = (
        given.get(key, default) for key, default in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    if name.startswith("sequence"):
        return {"stride": stride, "pad": pad, "dilation": dilation}
    return numbers(stride, pad, dilation)


def numbers(stride: Any = 1, pad: Any = 0, dilation: Any = 1) -> dict[str, int]:
    """The settings of a kernel on images."""
    names = ("stride_height", "stride_width", "pad_top", "pad_left", "dilation_height", "dilation_width")
    both = (value if isinstance(value, list | tuple) else (value, value) for value in (stride, pad, dilation))
    return dict(zip(names, (number for pair in both for number in pair), strict=True))


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """A buffer full of NaN, which must be overwritten everywhere."""
    return np.full(shape, np.nan, dtype)


@DTYPES
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_torch(name: str, dtype: type):
    arrays, settings = golden(name, dtype), settings_of(name)
    forward, backward = (KERNELS[f"{CASES[name][0]}_{way}"].function for way in ("forward", "backward"))
    given = {key: arrays[key].copy() for key in ("x", "weight", "bias", "dy")}
    y, dx, dweight, dbias = (empty(arrays[key].shape, dtype) for key in ("y", "dx", "dweight", "dbias"))
    assert forward(given["x"], given["weight"], given["bias"], y, **settings) is None
    assert backward(given["dy"], given["x"], given["weight"], dx, dweight, dbias, **settings) is None
    for key, found in (*given.items(), ("y", y), ("dx", dx), ("dweight", dweight), ("dbias", dbias)):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, arrays[key], err_msg=key)


# Against the definition


class Convolution(NamedTuple):
    """Shapes and settings; y's shape says how much padding is below and on the right."""

    x: tuple[int, ...]
    weight: tuple[int, ...]
    y: tuple[int, ...]
    settings: dict[str, int]


IMAGES = {
    "asymmetric padding": Convolution((2, 2, 5, 4), (3, 2, 2, 4), (2, 3, 5, 4), numbers(1, (0, 1))),
    "rows that no window reaches": Convolution((2, 2, 8, 9), (2, 2, 2, 3), (2, 2, 2, 2), numbers((3, 4))),
    "windows in the padding alone": Convolution((1, 1, 2, 1), (2, 1, 2, 2), (1, 2, 7, 6), numbers(1, 3)),
    "groups, dilation, stride": Convolution((3, 4, 7, 6), (6, 2, 3, 2), (3, 6, 4, 2), numbers((2, 3), (2, 0), (2, 3))),
    "depthwise": Convolution((2, 5, 4, 3), (5, 1, 3, 3), (2, 5, 4, 3), numbers(1, 1)),
    "one of everything": Convolution((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), numbers()),
    "no rows": Convolution((0, 2, 4, 5), (3, 2, 3, 3), (0, 3, 2, 3), numbers()),
}


def drawn(*shapes: tuple[int, ...]) -> list[Array]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape) for shape in shapes]


def pairs_of(case: Convolution, transposed: bool) -> list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """(element of x, of the weight, of y) for every product that the definition sums up."""
    s = case.settings
    small, large = (case.x, case.y) if transposed else (case.y, case.x)
    groups = large[1] // case.weight[1]
    found = []
    for n, f, h, w in np.ndindex(small):
        for c, i, j in product(*map(range, case.weight[1:])):
            channel = f // (small[1] // groups) * case.weight[1] + c
            row = h * s["stride_height"] + i * s["dilation_height"] - s["pad_top"]
            column = w * s["stride_width"] + j * s["dilation_width"] - s["pad_left"]
            if 0 <= row < large[2] and 0 <= column < large[3]:
                near, far = (n, f, h, w), (n, channel, row, column)
                found.append((near, (f, c, i, j), far) if transposed else (far, (f, c, i, j), near))
    return found


def by_definition(case: Convolution, x: Array, weight: Array, bias: Array, dy: Array, transposed: bool) -> list[Array]:
    """y, dx, dweight and dbias, one product at a time."""
    y, dx, dweight = np.zeros(case.y), np.zeros(case.x), np.zeros(case.weight)
    for in_x, in_weight, in_y in pairs_of(case, transposed):
        y[in_y] += x[in_x] * weight[in_weight]
        dx[in_x] += dy[in_y] * weight[in_weight]
        dweight[in_weight] += dy[in_y] * x[in_x]
    return [y + bias[:, None, None], dx, dweight, dy.sum(axis=(0, 2, 3))]


def check(forward: Callable[..., None], backward: Callable[..., None], case: Convolution, transposed: bool) -> None:
    x, weight, bias, dy = drawn(case.x, case.weight, (case.y[1],), case.y)
    y, dx, dweight, dbias = (np.full_like(array, np.nan) for array in (dy, x, weight, bias))
    forward(x, weight, bias, y, **case.settings)
    backward(dy, x, weight, dx, dweight, dbias, **case.settings)
    for found, expected in zip(
        (y, dx, dweight, dbias), by_definition(case, x, weight, bias, dy, transposed), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", IMAGES)
def test_a_convolution_is_its_definition(name: str):
    check(conv2d_forward, conv2d_backward, IMAGES[name], transposed=False)


@pytest.mark.parametrize("name", IMAGES)
def test_a_transposed_convolution_is_its_definition(name: str):
    """With x and y of the cases in each other's place: its weight (C, F/G, kh, kw) is that of the convolution back."""
    case = IMAGES[name]
    check(
        conv_transpose2d_forward,
        conv_transpose2d_backward,
        Convolution(case.y, case.weight, case.x, case.settings),
        True,
    )


SEQUENCES = {
    "causal": ((2, 6, 3), (3, 3, 4), (2, 6, 4), {"stride": 1, "pad": 4, "dilation": 2}),
    "padding behind": ((2, 5, 2), (2, 2, 3), (2, 5, 3), {"stride": 1, "pad": 0, "dilation": 1}),
    "groups and strides": ((3, 9, 4), (2, 2, 6), (3, 3, 6), {"stride": 3, "pad": 1, "dilation": 2}),
    "depthwise": ((1, 7, 3), (4, 1, 3), (1, 2, 3), {"stride": 5, "pad": 2, "dilation": 1}),
    "steps that no window reaches": ((2, 9, 1), (2, 1, 2), (2, 2, 2), {"stride": 4, "pad": 0, "dilation": 1}),
    "no rows": ((0, 5, 2), (3, 2, 2), (0, 3, 2), {"stride": 1, "pad": 0, "dilation": 1}),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_convolution_of_sequences_is_its_definition(name: str):
    x_shape, weight_shape, y_shape, settings = SEQUENCES[name]
    x, weight, bias, dy = drawn(x_shape, weight_shape, y_shape[2:], y_shape)
    y, dx, dweight, dbias = (np.full_like(array, np.nan) for array in (dy, x, weight, bias))
    conv1d_forward(x, weight, bias, y, **settings)
    conv1d_backward(dy, x, weight, dx, dweight, dbias, **settings)
    expected_y, expected_dx, expected_dweight = np.zeros_like(y) + bias, np.zeros_like(x), np.zeros_like(weight)
    each = weight.shape[2] // (x.shape[2] // weight.shape[1])  # filters in a group
    for n, t, f in np.ndindex(y.shape):
        for i, d in np.ndindex(weight.shape[:2]):
            step, feature = (
                t * settings["stride"] + i * settings["dilation"] - settings["pad"],
                f // each * weight.shape[1] + d,
            )
            if 0 <= step < x.shape[1]:
                expected_y[n, t, f] += x[n, step, feature] * weight[i, d, f]
                expected_dx[n, step, feature] += dy[n, t, f] * weight[i, d, f]
                expected_dweight[i, d, f] += dy[n, t, f] * x[n, step, feature]
    for found, expected in ((y, expected_y), (dx, expected_dx), (dweight, expected_dweight), (dbias, dy.sum((0, 1)))):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


KERNEL_PAIRS = {
    "conv2d": (IMAGES["groups, dilation, stride"][:3], IMAGES["groups, dilation, stride"].settings),
    "conv_transpose2d": (IMAGES["groups, dilation, stride"][2::-1], IMAGES["groups, dilation, stride"].settings),
    "conv1d": (SEQUENCES["groups and strides"][:3], SEQUENCES["groups and strides"][3]),
}


@pytest.mark.parametrize("name", KERNEL_PAIRS)
def test_what_may_be_missing(name: str):
    """Without bias, dbias and dx the rest stays the same."""
    (x_shape, weight_shape, y_shape), settings = KERNEL_PAIRS[name]
    forward, backward = KERNELS[f"{name}_forward"], KERNELS[f"{name}_backward"]
    filters = y_shape[-1 if name == "conv1d" else 1]
    x, weight, dy = drawn(x_shape, weight_shape, y_shape)
    with_bias, without, dx, dweight = (np.full_like(array, np.nan) for array in (dy, dy, x, weight))
    forward.function(x, weight, np.zeros(filters), with_bias, **settings)
    forward.function(x, weight, None, without, **settings)
    np.testing.assert_array_equal(without, with_bias)
    backward.function(dy, x, weight, dx, dweight, np.empty(filters), **settings)
    alone = np.full_like(weight, np.nan)
    backward.function(dy, x, weight, None, alone, None, **settings)
    np.testing.assert_array_equal(alone, dweight)


@pytest.mark.parametrize("name", KERNEL_PAIRS)
def test_operations_are_counted(name: str):
    """Twice the products of the definition where nothing is padded, and once more for each of two gradients."""
    (x_shape, weight_shape, y_shape), _ = KERNEL_PAIRS[name]
    x, weight, y = (np.zeros(shape) for shape in (x_shape, weight_shape, y_shape))
    once = {"conv2d": 2 * y.size * 2 * 3 * 2, "conv_transpose2d": 2 * x.size * 2 * 3 * 2, "conv1d": 2 * y.size * 2 * 2}
    assert KERNELS[f"{name}_forward"].count_flops({"x": x, "weight": weight, "bias": None, "y": y}) == once[name]
    arrays = {"dy": y, "x": x, "weight": weight, "dx": x, "dweight": weight, "dbias": None}
    count = KERNELS[f"{name}_backward"].count_flops
    assert (count(arrays), count(arrays | {"dx": None})) == (2 * once[name], once[name])


@pytest.mark.parametrize("name", KERNEL_PAIRS)
def test_the_sums_are_made_piece_by_piece(name: str):
    entry = KERNELS[f"{name}_backward"]
    assert (entry.sums, entry.shared, entry.sums_by_piece) == (("dweight", "dbias"), ("weight",), True)


def test_lecuns_filter_is_no_mirror_image():
    """Networks correlate: the first tap meets the first pixel. By hand: 1·1 + 2·10 + 3·100, then one pixel on."""
    x, y = np.array([[[[1.0, 2.0, 3.0, 4.0]]]]), np.empty((1, 1, 1, 2))
    conv2d_forward(x, np.array([[[[1.0, 10.0, 100.0]]]]), None, y, **numbers())
    assert y.ravel().tolist() == [321, 432]


def test_a_transposed_convolution_paints_the_kernel():
    x, y = np.array([[[[1.0, 2.0]]]]), np.empty((1, 1, 1, 5))
    conv_transpose2d_forward(x, np.array([[[[1.0, 10.0, 100.0]]]]), None, y, **numbers((1, 2)))
    assert y.ravel().tolist() == [1, 10, 102, 20, 200]
