"""Square roots in update rules: rounded as NumPy rounds them, whichever instructions compute them."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.compile import native
from glassnet.kernels import KERNELS

module = native()
pytestmark = pytest.mark.skipif(module is None, reason="a pure-Python installation")


def moved_by_roots(values: np.ndarray, *, is_compiled: bool) -> np.ndarray:
    """1/√v of each value, as a step of Adagrad whose gradient is too small to change v."""
    tiny = 2.0**-60 if values.dtype == np.float32 else 2.0**-200
    arrays = {
        "gradients": np.full(len(values), tiny, values.dtype),
        "parameters": np.zeros(len(values), values.dtype),
        "square_sum": values.copy(),
    }
    settings = {"learning_rate": 1 / tiny, "epsilon": 0.0}
    entry = KERNELS["adagrad_update"]
    if is_compiled:
        assert module is not None
        given = [settings[name] for name in entry.settings]
        module.call(entry.name, values.dtype == np.float64, [arrays[name] for name in entry.arrays], given)
    else:
        with np.errstate(all="ignore"):
            entry.function(**arrays, **settings)
    np.testing.assert_array_equal(arrays["square_sum"], values)
    return arrays["parameters"]


def test_every_mantissa_of_float32() -> None:
    """Of two octaves: in the others the same mantissas come with other exponents."""
    first, last = np.array([1, 4], np.float32).view(np.uint32)
    values = np.arange(first, last, dtype=np.uint32).view(np.float32)
    compiled, read = (moved_by_roots(values, is_compiled=which) for which in (True, False))
    np.testing.assert_array_equal(compiled, read)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_sizes(dtype: str) -> None:
    info, random = np.finfo(dtype), np.random.default_rng(0)
    low = {"float32": -80, "float64": -300}[dtype]  # the gradient's square must vanish beside the value
    values = np.exp2(random.uniform(low, info.maxexp, 2_000_000)).astype(dtype)
    values[::1000] = np.inf
    compiled, read = (moved_by_roots(values, is_compiled=which) for which in (True, False))
    np.testing.assert_array_equal(compiled, read)
