"""Numbers below the normal range: zero in compiled kernels, on every thread, and as ever outside of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.kernels import KERNELS

module = native()
pytestmark = pytest.mark.skipif(module is None, reason="a pure-Python installation")


def keeps_subnormals(dtype: str) -> bool:
    smallest = np.full(64, np.finfo(dtype).smallest_normal, dtype)
    return bool((smallest * np.asarray(0.5, dtype) > 0).all())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_memory_of_adam_ends_at_zero(dtype: str) -> None:
    """Where a weight gets no gradient any more, 0.9 m would come to a subnormal number and stay there."""
    m = np.full(23, 2 * np.finfo(dtype).smallest_normal, dtype)
    arrays = {name: np.zeros(23, dtype) for name in KERNELS["adam_update"].arrays} | {"m": m}
    values = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "step": 900}
    assert module is not None
    for _ in range(10):
        settings = [values[name] for name in KERNELS["adam_update"].settings]
        module.call("adam_update", dtype == "float64", list(arrays.values()), settings)
    np.testing.assert_array_equal(m, 0)
    assert keeps_subnormals(dtype)


def test_training_and_prediction_leave_the_arithmetic_as_it_was() -> None:
    """Also for what runs in between: callbacks, and metrics between the epochs."""
    x, y = np.random.default_rng(0).normal(size=(512, 40)), np.arange(512) % 3
    seen = []

    class Look(gn.Callback):
        def on_epoch_end(self, *_: Any) -> None:
            seen.append(keeps_subnormals("float32") and keeps_subnormals("float64"))

    model = gn.Model(gn.Sequential(gn.Dense(300), gn.ReLU(), gn.Dense(3)), "cross_entropy", gn.Adam(), threads=2)
    model.fit(x, y, epochs=3, callbacks=[Look()], verbose=False)
    model.predict(x)
    assert seen == [True] * 3
    assert keeps_subnormals("float32")
    assert keeps_subnormals("float64")


def test_any_number_of_threads_gives_the_same_bits() -> None:
    """Inputs so small that some products with weights are subnormal."""
    x = (1e-37 * np.random.default_rng(0).normal(size=(300, 200))).astype(np.float32)
    outputs = []
    for threads in (1, 2, 4):
        network = gn.Sequential(gn.Dense(300), gn.Tanh(), gn.Dense(300), gn.Tanh(), gn.Dense(4))
        network.build((200,), seed=1)
        model = gn.Model(network, "mean_squared_error", gn.Adam(), threads=threads)
        outputs.append(model.predict(x))
    assert 0.5 < np.mean(outputs[0] != 0) < 1
    model.engine = "numpy"
    assert (model.predict(x) != 0).all()  # which keeps what the compiled engine counts as 0
    for other in outputs[1:]:
        np.testing.assert_array_equal(outputs[0], other)
