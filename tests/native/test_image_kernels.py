"""Native kernels for images and sequences over drawn shapes: beside their NumPy twins, in parts, and adding up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from families import IMAGES, examples
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.compile import native
from glassnet.kernels import KERNELS

module: Any = native()
pytestmark = pytest.mark.skipif(module is None, reason="a pure-Python installation")

Arrays = dict[str, Any]
Shape = tuple[int, ...]
Drawn = tuple[dict[str, Shape], dict[str, float]]
"""Shapes of a kernel's arrays by name, those of gradients left out, and its settings."""

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
KERNELS_HERE = sorted(
    name
    for name, entry in KERNELS.items()
    if entry.function.__module__.rpartition(".")[2] in IMAGES and module is not None and module.has_kernel(name)
)
BY_ROWS = [name for name in KERNELS_HERE if KERNELS[name].by_rows]
WITH_SUMS = [name for name in KERNELS_HERE if KERNELS[name].sums]
OPTIONAL = {
    **dict.fromkeys(("conv1d_forward", "conv2d_forward", "conv_transpose2d_forward"), ("bias",)),
    **dict.fromkeys(("conv1d_backward", "conv2d_backward", "conv_transpose2d_backward"), ("dx", "dbias")),
    **dict.fromkeys(("layer_norm_backward", "group_norm_backward", "scale_backward"), ("dx", "dgamma", "dbeta")),
    "batch_norm_sums": ("dgamma", "dbeta"),
    "rms_norm_forward": ("gamma",),
    "rms_norm_backward": ("gamma", "dx", "dgamma"),
    "conv2d_folded": ("scale", "shift"),
    "fold_batch_norm": ("bias",),
    "channel_sums": ("total", "square_total"),
    "global_max_pool_forward": ("place",),
    "max_pool2d_forward": ("index",),
}
EXACT = {
    *("max_pool2d_forward", "global_max_pool_forward", "global_max_pool_backward"),
    *("upsample2d_forward", "zero_pad2d_forward", "zero_pad2d_backward"),
}
"""They only choose and copy."""


@dataclass(frozen=True)
class Case:
    """Sizes, a seed for the numbers and for what else is drawn, and where to cut the batch."""

    batch: int
    channels: int
    height: int
    width: int
    seed: int
    cuts: frozenset[int]

    def parts(self) -> list[tuple[int, int]]:
        """Parts (start, stop) that make up the batch."""
        return list(pairwise(sorted({0, self.batch, *(cut for cut in self.cuts if cut < self.batch)})))


SIZE = st.one_of(st.integers(1, 9), st.integers(1, 40))
CASES = st.builds(
    Case,
    batch=st.integers(1, 5),
    channels=st.integers(1, 6),
    height=SIZE,
    width=SIZE,
    seed=st.integers(0, 2**32 - 1),
    cuts=st.frozensets(st.integers(1, 4), min_size=1),
)


def pools(case: Case, rng: np.random.Generator, longest: int = 2000) -> Drawn:
    """Windows of which each reaches into the image: overlapping or apart, beyond any of its borders; often 2 x 2."""
    size = case.height, case.width * (30 if rng.integers(0, 8) == 0 else 1)
    taps, strides, pads, places = [], [], [], []
    halves = rng.integers(0, 3) == 0 and min(size) > 1
    for length in size:
        taps.append(2 if halves else int(rng.integers(1, 6)) if rng.integers(0, 4) else min(length, longest))
        strides.append(2 if halves else int(rng.integers(1, 5)))
        pads.append(0 if halves else int(rng.integers(0, taps[-1])))
        most = length // 2 if halves else (length - 1 + pads[-1]) // strides[-1] + 1
        places.append(most if halves else int(rng.integers(1, most + 1)))
    shapes = {"x": (case.batch, case.channels, *size), "y": (case.batch, case.channels, *places)}
    numbers: dict[str, float] = dict(zip(("kernel_height", "kernel_width"), taps, strict=True))
    numbers |= dict(zip(("stride_height", "stride_width"), strides, strict=True))
    numbers |= dict(zip(("pad_top", "pad_left"), pads, strict=True))
    return shapes | {"index": shapes["y"]}, numbers


def max_pools(case: Case, rng: np.random.Generator) -> Drawn:
    return pools(case, rng, longest=16)


def global_pools(case: Case, rng: np.random.Generator) -> Drawn:
    """Images, of one column, and sequences; now and then of many features."""
    features = (1, case.width, 20 * case.width)[rng.integers(0, 3)]
    pooled = case.batch, case.channels, features
    return {"x": (case.batch, case.channels, case.height * 5, features), "y": pooled, "place": pooled}, {}


def upsamples(case: Case, rng: np.random.Generator) -> Drawn:
    down, across = rng.integers(1, 4, 2) if rng.integers(0, 2) else (2, 2)
    leading = case.batch, case.channels
    return {
        "x": (*leading, case.height, case.width),
        "y": (*leading, int(down) * case.height, int(across) * case.width),
    }, {}


def zero_pads(case: Case, rng: np.random.Generator) -> Drawn:
    top, left, below, right = (int(n) for n in rng.integers(0, 4, 4))
    leading = case.batch, case.channels
    padded = case.height + top + below, case.width + left + right
    return {"x": (*leading, case.height, case.width), "y": (*leading, *padded)}, {"top": top, "left": left}


def channels_of(case: Case, rng: np.random.Generator) -> tuple[Shape, int]:
    """(N, C, S), with many channels, many elements to a channel, or one; and a number that divides C."""
    groups = int(rng.integers(1, 5))
    channels = groups * case.channels * int(rng.choice([1, 1, 3, 20]))
    size = int(rng.choice([1, case.width, case.height * case.width]))
    return (case.batch, channels, size), groups


def batch_norms(case: Case, rng: np.random.Generator) -> Drawn:
    x, _ = channels_of(case, rng)
    names = ("shift", "total", "square_total", "mean", "inverse_std", "gamma", "beta", "running_mean", "scale", "bias")
    shapes: dict[str, Shape] = {"x": x, "y": x} | dict.fromkeys((*names, "running_variance"), x[1:2])
    return shapes, {"count": max(2, x[0] * x[2]), "momentum": 0.1, "epsilon": 1e-5}


def layer_norms(case: Case, rng: np.random.Generator) -> Drawn:
    x = case.batch, case.channels * 7, int(rng.choice([case.width, 20 * case.height]))
    shapes: dict[str, Shape] = {"x": x, "y": x, "gamma": x[2:], "beta": x[2:]}
    return shapes | dict.fromkeys(("mean", "inverse_std", "inverse_rms"), x[:2]), {"epsilon": 1e-5}


def group_norms(case: Case, rng: np.random.Generator) -> Drawn:
    x, groups = channels_of(case, rng)
    shapes: dict[str, Shape] = {"x": x, "y": x, "gamma": x[1:2], "beta": x[1:2]}
    return shapes | dict.fromkeys(("mean", "inverse_std"), (x[0], groups)), {"epsilon": 1e-5}


def filters(rng: np.random.Generator, axes: int) -> tuple[list[int], ...]:
    """Taps, strides, padding, dilations, each for as many axes; often without strides and dilations."""
    taps, strides, dilations = ([int(n) for n in rng.integers(1, most, axes)] for most in (6, 4, 3))
    if rng.integers(0, 2):
        strides, dilations = [1] * axes, [1] * axes
    return taps, strides, [int(rng.integers(0, count + 1)) for count in taps], dilations


def conv_settings(strides: list[int], pads: list[int], dilations: list[int]) -> dict[str, float]:
    names = ("stride_height", "stride_width", "pad_top", "pad_left", "dilation_height", "dilation_width")
    return dict(zip(names, [*strides, *pads, *dilations], strict=True))


def places_of(size: int, taps: int, stride: int, pad: int, dilation: int) -> int:
    """Of a filter along an axis with the same padding on either side, and at least one."""
    return max(1, (size + 2 * pad - dilation * (taps - 1) - 1) // stride + 1)


def features_of(rng: np.random.Generator) -> int:
    """Of a group; often as many as the lanes of one or two vectors."""
    return int(rng.choice([8, 16, 32])) if rng.integers(0, 2) else int(rng.integers(1, 20))


def convs(case: Case, rng: np.random.Generator) -> Drawn:
    axes, groups, features = filters(rng, 2), int(rng.integers(1, 4)), features_of(rng)
    size = case.height, case.width
    places = [places_of(length, *along) for length, *along in zip(size, *axes, strict=True)]
    shapes: dict[str, Shape] = {
        "x": (case.batch, groups * case.channels, *size),
        "weight": (groups * features, case.channels, *axes[0]),
        **dict.fromkeys(("bias", "scale", "shift"), (groups * features,)),
        "y": (case.batch, groups * features, *places),
    }
    return shapes, conv_settings(*axes[1:]) | {"least": float(rng.choice([-np.inf, 0.0]))}


def transposed_convs(case: Case, rng: np.random.Generator) -> Drawn:
    axes, groups, features = filters(rng, 2), int(rng.integers(1, 4)), features_of(rng)
    size = case.height, case.width
    pixels = [
        max(1, (length - 1) * stride + dilation * (taps - 1) + 1 - 2 * pad + int(rng.integers(0, stride)))
        for length, taps, stride, pad, dilation in zip(size, *axes, strict=True)
    ]
    shapes: dict[str, Shape] = {
        "x": (case.batch, groups * case.channels, *size),
        "weight": (groups * case.channels, features, *axes[0]),
        "bias": (groups * features,),
        "y": (case.batch, groups * features, *pixels),
    }
    return shapes, conv_settings(*axes[1:])


def sequence_convs(case: Case, rng: np.random.Generator) -> Drawn:
    axes, groups, features = filters(rng, 1), int(rng.integers(1, 4)), int(rng.integers(1, 20))
    ((taps,), (stride,), (pad,), (dilation,)) = axes
    shapes: dict[str, Shape] = {
        "x": (case.batch, case.width, groups * case.channels),
        "weight": (taps, case.channels, groups * features),
        "bias": (groups * features,),
        "y": (case.batch, places_of(case.width, taps, stride, pad, dilation), groups * features),
    }
    return shapes, {"stride": stride, "pad": pad, "dilation": dilation}


DRAW: dict[str, Callable[[Case, np.random.Generator], Drawn]] = {
    "max_pool2d": max_pools,
    "average_pool2d": pools,
    "global_max_pool": global_pools,
    "upsample2d": upsamples,
    "zero_pad2d": zero_pads,
    **dict.fromkeys(("channel_sums", "batch_norm", "fold_batch_norm", "scale"), batch_norms),
    **dict.fromkeys(("layer_norm", "rms_norm"), layer_norms),
    "group_norm": group_norms,
    "conv2d": convs,
    "conv_transpose2d": transposed_convs,
    "conv1d": sequence_convs,
}
"""What draws the shapes of the kernels whose names begin like this."""


def read_by(kernel: str, shapes: dict[str, Shape], numbers: dict[str, float], rng: np.random.Generator) -> Arrays:
    """Numbers for what the kernel reads or updates."""
    entry = KERNELS[kernel]
    found: Arrays = {name: rng.normal(size=shapes[name]) for name in (*entry.reads, *entry.updates)}
    if "pool" in kernel and rng.integers(0, 2):  # many equal ones
        found = {name: np.round(array) for name, array in found.items()}
    for name in found.keys() & {"inverse_std", "inverse_rms", "running_variance"}:
        found[name] = rng.uniform(0.5, 2, shapes[name])
    if "square_total" in found:
        mean, variance = rng.normal(size=shapes["total"]), rng.uniform(0.1, 3, shapes["total"])
        found["total"], found["square_total"] = mean * numbers["count"], (variance + mean**2) * numbers["count"]
    if "place" in found:
        found["place"] = rng.integers(0, shapes["x"][2], shapes["place"])
    if "index" in found:
        image, index = np.round(rng.normal(size=shapes["x"])), np.zeros(shapes["y"], np.uint8)
        KERNELS["max_pool2d_forward"].function(image, np.zeros(shapes["y"]), index, **numbers)
        found["index"] = index
    return found


def arguments(kernel: str, case: Case, dtype: str) -> tuple[Arrays, dict[str, float]]:
    """Arrays and settings of a kernel, NaN where it writes; some of the arrays that may be missing are."""
    entry, rng = KERNELS[kernel], np.random.default_rng(case.seed)
    draw = DRAW[max((start for start in DRAW if kernel.startswith(start)), key=len)]
    shapes, numbers = draw(case, rng)
    shapes |= {f"d{name}": shape for name, shape in shapes.items()}
    numbers = {name: numbers[name] for name in entry.settings}
    arrays: Arrays = {name: np.full(shapes[name], np.nan) for name in entry.writes}
    arrays |= read_by(kernel, shapes, numbers, rng)
    with np.errstate(invalid="ignore"):
        arrays = {n: arrays[n].astype(entry.dtypes.get(n, dtype)) for n in entry.arrays}
    arrays |= {name: None for name in OPTIONAL.get(kernel, ()) if rng.integers(0, 4) == 0}
    return arrays, numbers


def call(kernel: str, arrays: Arrays, numbers: dict[str, float], dtype: str, **how: Any) -> None:
    module.call(kernel, dtype == "float64", list(arrays.values()), [float(n) for n in numbers.values()], **how)


def by_numpy(kernel: str, arrays: Arrays, numbers: dict[str, float]) -> Arrays:
    expected = copied(arrays)
    KERNELS[kernel].function(**expected, **numbers)
    return expected


def copied(arrays: Arrays) -> Arrays:
    return {name: None if array is None else array.copy() for name, array in arrays.items()}


def largest(*arrays: Any) -> float:
    return max((float(np.abs(array).max()) for array in arrays if array is not None), default=1.0)


def compare(kernel: str, found: Arrays, expected: Arrays, arrays: Arrays, dtype: str) -> None:
    """What was written, to the tolerance of the dtype.

    Sums are measured by the size that sums of so many such numbers have, what a norm writes by the steepness of
    1/√(σ² + ε).
    """
    entry, tolerance = KERNELS[kernel], TOLERANCE[dtype]
    reads = [arrays[name] for name in (*entry.reads, *entry.updates) if name not in ("index", "place")]
    terms = max(array.size for array in arrays.values() if array is not None)
    for name in (*entry.writes, *entry.updates):
        if expected[name] is None:
            continue
        if kernel in EXACT:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
            continue
        scale = largest(*reads, expected[name])
        if name in entry.sums or kernel.startswith("conv"):
            scale *= np.sqrt(terms / expected[name].size)
        if kernel in ("layer_norm_forward", "group_norm_forward"):
            scale *= max(1.0, largest(expected["inverse_std"])) ** 2
        np.testing.assert_allclose(found[name], expected[name], tolerance, tolerance * scale, err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", KERNELS_HERE)
@given(case=CASES)
@settings(max_examples=examples(60), deadline=None, derandomize=True)
def test_a_kernel_writes_what_its_numpy_twin_writes(kernel: str, dtype: str, case: Case) -> None:
    arrays, numbers = arguments(kernel, case, dtype)
    found = copied(arrays)
    call(kernel, found, numbers, dtype)
    compare(kernel, found, by_numpy(kernel, arrays, numbers), arrays, dtype)
    for name in KERNELS[kernel].reads:
        np.testing.assert_array_equal(found[name], arrays[name], err_msg=f"{name} is only read")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", BY_ROWS)
@given(case=CASES)
@settings(max_examples=examples(30), deadline=None, derandomize=True)
def test_a_kernel_in_parts_gives_the_bits_of_the_whole(kernel: str, dtype: str, case: Case) -> None:
    """And the whole sums, where the first part writes them and the others add theirs."""
    entry = KERNELS[kernel]
    arrays, numbers = arguments(kernel, case, dtype)
    whole, found = copied(arrays), copied(arrays)
    call(kernel, whole, numbers, dtype)
    cut = [name not in entry.shared + entry.sums for name in arrays]
    for turn, (start, stop) in enumerate(reversed(case.parts())):
        adds = [turn > 0 and name in entry.sums for name in arrays]
        call(kernel, found, numbers, dtype, cut=cut, length=case.batch, start=start, stop=stop, adds=adds)
    for name in (*entry.writes, *entry.updates):
        if name not in entry.sums:
            np.testing.assert_array_equal(found[name], whole[name], err_msg=name)
    compare(kernel, found, by_numpy(kernel, arrays, numbers), arrays, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", WITH_SUMS)
@given(case=CASES)
@settings(max_examples=examples(20), deadline=None, derandomize=True)
def test_sums_are_added_to_what_is_there(kernel: str, dtype: str, case: Case) -> None:
    entry, rng = KERNELS[kernel], np.random.default_rng(case.seed)
    arrays, numbers = arguments(kernel, case, dtype)
    expected = by_numpy(kernel, arrays, numbers)
    found = copied(arrays)
    for name in entry.sums:
        if found[name] is not None:
            found[name][...] = rng.normal(size=found[name].shape)
            expected[name] += found[name]
    call(kernel, found, numbers, dtype, adds=[name in entry.sums for name in arrays])
    compare(kernel, found, expected, arrays, dtype)


IN_PLACE = [name for name in KERNELS_HERE if KERNELS[name].in_place]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", IN_PLACE)
@given(case=CASES)
@settings(max_examples=examples(20), deadline=None, derandomize=True)
def test_an_output_may_be_an_input(kernel: str, dtype: str, case: Case) -> None:
    (output,) = KERNELS[kernel].writes
    arrays, numbers = arguments(kernel, case, dtype)
    apart = copied(arrays)
    call(kernel, apart, numbers, dtype)
    for name in [name for name in KERNELS[kernel].reads if arrays[name].shape == arrays[output].shape]:
        shared = copied(arrays)
        shared[output] = shared[name]
        call(kernel, shared, numbers, dtype)
        np.testing.assert_array_equal(shared[output], apart[output], err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("taps", "stride"), [(2, 2), (3, 1), (3, 2), (2, 3)])
@pytest.mark.parametrize("width", [4, 13, 40])
def test_the_largest_among_nan_and_infinities(width: int, taps: int, stride: int, dtype: str) -> None:
    """The first NaN of a window is its largest; a window may hold nothing but −∞."""
    rng = np.random.default_rng(width)
    x = rng.choice([-np.inf, -1.0, 0.0, 1.0, np.inf, np.nan], (3, 2, 9, width), p=[0.4, 0.1, 0.1, 0.1, 0.1, 0.2])
    x[0, 0] = -np.inf
    places = (9 - taps) // stride + 1, (width - taps) // stride + 1
    numbers: dict[str, float] = dict.fromkeys(KERNELS["max_pool2d_forward"].settings, 0)
    numbers |= dict.fromkeys(("kernel_height", "kernel_width"), taps)
    numbers |= dict.fromkeys(("stride_height", "stride_width"), stride)
    arrays = {"x": x.astype(dtype), "y": np.zeros((3, 2, *places), dtype), "index": np.ones((3, 2, *places), np.uint8)}
    sequence = {"x": arrays["x"], "y": np.zeros((3, 2, width), dtype), "place": np.ones((3, 2, width), np.int32)}
    flat = {
        "x": arrays["x"].reshape(3, 2, -1, 1),
        "y": np.zeros((3, 2, 1), dtype),
        "place": np.ones((3, 2, 1), np.int32),
    }
    for kernel, given_arrays, given_numbers in (
        ("max_pool2d_forward", arrays, numbers),
        ("global_max_pool_forward", sequence, {}),
        ("global_max_pool_forward", flat, {}),
    ):
        expected = by_numpy(kernel, given_arrays, given_numbers)
        call(kernel, given_arrays, given_numbers, dtype)
        for name, array in given_arrays.items():
            np.testing.assert_array_equal(array, expected[name], err_msg=name)


@pytest.mark.parametrize("shape", [(64, 3, 1), (5, 2, 16), (3, 2, 5000), (1, 1, 70_000)], ids=str)
@pytest.mark.parametrize(
    "kernel", ["channel_sums", "batch_norm_sums", "layer_norm_backward", "group_norm_backward", "scale_backward"]
)
def test_long_sums_in_float32_are_accurate(kernel: str, shape: Shape) -> None:
    """To 2e-6 of the sum of the sizes of what is added up, which has no cancellation here."""
    rng = np.random.default_rng(1)
    entry = KERNELS[kernel]
    if kernel == "layer_norm_backward":
        shape = (1, shape[0] * shape[2], shape[1])
    of_row = {"layer_norm_backward": shape[:2], "group_norm_backward": (shape[0], 1)}.get(kernel, shape[1:2])
    of_channel = shape[2:] if kernel == "layer_norm_backward" else shape[1:2]
    arrays: Arrays = {name: np.zeros(of_channel, entry.dtypes.get(name, np.float32)) for name in entry.arrays}
    arrays |= {name: rng.uniform(1, 2, shape).astype(np.float32) for name in ("x", "dy") if name in arrays}
    arrays |= {name: np.full(of_row, 0.5, np.float32) for name in ("mean", "inverse_std") if name in arrays}
    arrays |= {name: None for name in ("dx",) if name in arrays}
    expected = by_numpy(kernel, {n: None if a is None else a.astype(np.float64) for n, a in arrays.items()}, {})
    call(kernel, arrays, {}, "float32")
    for name in entry.sums:
        np.testing.assert_allclose(arrays[name], expected[name], 2e-6, err_msg=name)


@pytest.mark.parametrize(("features", "size"), [(16, 10), (6, 28), (8, 31), (32, 64)], ids=str)
def test_long_gradients_of_weights_in_float32_are_accurate(features: int, size: int) -> None:
    """To 4e-6, with filters or with columns in the lanes."""
    rng = np.random.default_rng(1)
    shapes = {"dy": (64, features, size, size), "x": (64, 2, size + 4, size + 4), "weight": (features, 2, 5, 5)}
    arrays: Arrays = {name: rng.uniform(1, 2, shape).astype(np.float32) for name, shape in shapes.items()}
    arrays |= {"dx": None, "dweight": np.zeros(shapes["weight"], np.float32), "dbias": None}
    numbers = conv_settings([1, 1], [0, 0], [1, 1])
    wide = {n: None if a is None else a.astype(np.float64) for n, a in arrays.items()}
    expected = by_numpy("conv2d_backward", wide, numbers)
    call("conv2d_backward", arrays, numbers, "float32")
    np.testing.assert_allclose(arrays["dweight"], expected["dweight"], 4e-6)
