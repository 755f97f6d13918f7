"""The native augmentation over drawn shapes and settings: beside its NumPy twin, and for parts of the rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glassnet.compile import native
from glassnet.kernels import KERNELS

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}

Shape = tuple[int, int, int, int]
Numbers = dict[str, Any]

SHAPES = st.tuples(st.integers(1, 37), st.integers(1, 4), st.integers(1, 20), st.integers(1, 70))
NUMBERS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**53),
        "step": st.integers(0, 2**53),
        "stream": st.integers(0, 2**32 - 1),
        "flip": st.booleans(),
        "shift": st.integers(0, 25),
        "rotation": st.sampled_from([0.0, 1e-9, 20.0, 180.0, 359.0]),
        "brightness": st.sampled_from([0.0, 0.3]),
        "contrast": st.sampled_from([0.0, 0.6]),
        "cutout": st.integers(0, 25),
    }
)
ALL: Numbers = {
    **{"seed": 1, "step": 2, "stream": 3, "flip": True, "shift": 1, "rotation": 30.0},
    **{"brightness": 0.1, "contrast": 0.5, "cutout": 2},
}


def arguments(kernel: str, shape: Shape, dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(shape)
    entry = KERNELS[kernel]
    found = {name: (rng.normal(size=shape) + 0.5).astype(dtype) for name in entry.reads}
    return {name: found.get(name, np.full(shape, np.nan, dtype)) for name in entry.arrays}


def call(kernel: str, arrays: dict[str, np.ndarray], numbers: Numbers, dtype: str, *part: Any) -> np.ndarray:
    """Carries out the native kernel and returns what it wrote."""
    module = native()
    assert module is not None
    in_order = [float(numbers[name]) for name in KERNELS[kernel].settings]
    module.call(kernel, dtype == "float64", list(arrays.values()), in_order, *part)
    return arrays[KERNELS[kernel].writes[0]]


KERNEL = pytest.mark.parametrize("kernel", ["augment_forward", "augment_backward"])
DTYPE = pytest.mark.parametrize("dtype", TOLERANCE)


@DTYPE
@KERNEL
@given(shape=SHAPES, numbers=NUMBERS)
@example(shape=(2, 35, 3, 5), numbers=ALL)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_it_writes_what_its_numpy_twin_writes(kernel: str, dtype: str, shape: Shape, numbers: Numbers) -> None:
    expected, found = arguments(kernel, shape, dtype), arguments(kernel, shape, dtype)
    KERNELS[kernel].function(**expected, **numbers)
    call(kernel, found, numbers, dtype)
    tolerance = TOLERANCE[dtype]
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, tolerance, tolerance * np.abs(array).max(), err_msg=name)


@DTYPE
@KERNEL
@given(shape=SHAPES, numbers=NUMBERS, cuts=st.frozensets(st.integers(1, 36), max_size=5))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_parts_of_the_rows_give_the_bits_of_the_whole(
    kernel: str, dtype: str, shape: Shape, numbers: Numbers, cuts: frozenset[int]
) -> None:
    whole, parts = arguments(kernel, shape, dtype), arguments(kernel, shape, dtype)
    expected = call(kernel, whole, numbers, dtype)
    ends = sorted({0, shape[0], *(cut for cut in cuts if cut < shape[0])})
    for start, stop in reversed(list(pairwise(ends))):
        found = call(kernel, parts, numbers, dtype, [True] * len(parts), shape[0], start, stop)
    np.testing.assert_array_equal(found, expected)


@DTYPE
def test_moving_and_mirroring_change_no_bit(dtype: str) -> None:
    numbers = dict.fromkeys(KERNELS["augment_forward"].settings, 0) | {"flip": True, "shift": 3, "cutout": 4, "seed": 9}
    for kernel in ("augment_forward", "augment_backward"):
        expected, found = (arguments(kernel, (40, 3, 9, 7), dtype) for _ in range(2))
        KERNELS[kernel].function(**expected, **numbers)
        np.testing.assert_array_equal(call(kernel, found, numbers, dtype), expected[KERNELS[kernel].writes[0]])
