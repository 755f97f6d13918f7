"""Every native kernel against its NumPy twin, on the arrays of real training steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gradients import LOSS_CASES, layer_cases, loss_cases, rows_for
from ragged import RAGGED
from test_recording import OF_BATCHES, train_step

import glassnet as gn
from glassnet.compile import native
from glassnet.kernels import KERNELS, Kernel, info
from glassnet.losses import Loss
from glassnet.runners import Recorder

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


class Comparing(gn.NumpyRunner):
    """Runs each call by NumPy, and by the native twin on copies, and compares what they wrote."""

    def __init__(self, dtype: str) -> None:
        super().__init__(seed=3, step=7)
        self.dtype = dtype

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Buffers full of zeros: what a native kernel leaves unwritten then differs from what NumPy wrote."""
        return np.zeros(shape, dtype)

    def __call__(self, caller: Any, kernel: Kernel, **arguments: Any) -> None:
        entry = info(kernel)
        module = native()
        assert module is not None
        if not module.has_kernel(entry.name):
            kernel(**arguments)
            return
        arrays = {name: arguments[name] for name in entry.arrays}
        for name, array in arrays.items():
            assert array is None or array.dtype == entry.dtypes.get(name, self.dtype), (entry.name, name)
        copies = {name: None if array is None else np.ascontiguousarray(array).copy() for name, array in arrays.items()}
        settings = [float(arguments[name]) for name in entry.settings]
        kernel(**arguments)
        module.call(entry.name, self.dtype == "float64", list(copies.values()), settings)
        for name in (*entry.writes, *entry.updates):
            if arrays[name] is not None:
                self.compare(entry.name, name, copies[name], arrays[name])

    def compare(self, kernel: str, name: str, found: np.ndarray, expected: np.ndarray) -> None:
        if found.dtype == bool:
            np.testing.assert_array_equal(found, expected, err_msg=f"{kernel}: {name}")
            return
        scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=1e-30))
        tolerance = TOLERANCE[self.dtype]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=f"{kernel}: {name}")


def step(run: gn.Runner, net: gn.Network, loss: Loss, optimizer: Any, targets: Any, shape: Any, rows: int) -> None:
    """Two training steps, with and without sample weights, and a prediction."""
    rng = np.random.default_rng(rows)
    dtype = np.dtype(getattr(run, "dtype", "float64"))
    (outputs,) = net.build(shape, dtype=dtype)
    t = loss.prepare(targets(rng, rows, outputs), (outputs,), dtype, where="y")
    x, w = rows_for(net, rng, rows).astype(dtype), rng.uniform(0.5, 2, rows).astype(dtype)
    for weights in (w, None):
        train_step(run, net, loss, optimizer, x, t, weights)  # type: ignore[arg-type]
    net.forward(run, x, training=False)


def step_of_layer(run: gn.Runner, build: Callable[[], gn.Network], shape: tuple[int, ...], rows: int) -> None:
    loss, targets, _ = LOSS_CASES["SumSquaredError"][0]
    step(run, gn.Sequential(build(), gn.Flatten()), loss, gn.SGD(0.01), targets, shape, rows)


def step_of_loss(run: gn.Runner, loss: Loss, targets: Any, end: str | None, rows: int) -> None:
    net = gn.Sequential(gn.Dense(3), *([end] if end else []))
    step(run, net, loss, gn.SGD(0.01), targets, (2,), rows)


def step_of_rule(run: gn.Runner, name: str) -> None:
    loss, targets, _ = LOSS_CASES["CrossEntropy"][0]
    step(run, gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(3)), loss, OF_BATCHES[name](), targets, (2,), 5)


LAYERS = [*layer_cases(), *RAGGED]
LOSSES = list(loss_cases())


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_layers(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...], rows: int, dtype: str) -> None:
    step_of_layer(Comparing(dtype), build, shape, rows)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("case", LOSSES, ids=[f"{c[0]}-{i}" for i, c in enumerate(LOSSES)])
def test_losses(case: tuple[str, Loss, Any, str | None], rows: int, dtype: str) -> None:
    step_of_loss(Comparing(dtype), *case[1:], rows)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OF_BATCHES)
def test_optimizers(name: str, dtype: str) -> None:
    step_of_rule(Comparing(dtype), name)


def test_every_kernel_is_among_these_steps_and_has_a_native_twin() -> None:
    recorder = Recorder(0)
    for _, build, shape in LAYERS:
        step_of_layer(recorder, build, shape, 2)
    for case in LOSSES:
        step_of_loss(recorder, *case[1:], 2)
    for name in OF_BATCHES:
        step_of_rule(recorder, name)
    made_by_programs = {"add_pieces", "conv2d_folded", "fold_batch_norm"}
    made_in_streams = {"attention_step", "count_step", "keep_step"}
    python = {name for name in KERNELS if KERNELS[name].function.__module__ == "glassnet.kernels.python"}
    called = {call.kernel.name for call in recorder.calls}
    assert called - python == set(KERNELS) - made_by_programs - made_in_streams - python
    module = native()
    assert module is not None
    assert {name for name in KERNELS if not module.has_kernel(name)} == python


HARD = np.array([-1e4, -800.0, -89.0, -30.0, -1.0, -1e-8, 0.0, 1e-8, 1.0, 30.0, 89.0, 800.0, 1e4])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", sorted(n for n in KERNELS if KERNELS[n].function.__module__.endswith("activation")))
def test_activations_at_the_ends_of_the_line(name: str, dtype: str) -> None:
    entry = KERNELS[name]
    x = HARD.astype(dtype)
    arrays = {key: x.copy() for key in entry.arrays}
    if "y" in entry.reads:
        arrays["y"] = np.tanh(x)
    settings = dict.fromkeys(entry.settings, 0.5)
    (output,) = entry.writes
    expected = {key: array.copy() for key, array in arrays.items()}
    entry.function(**expected, **settings)
    module = native()
    assert module is not None
    module.call(name, dtype == "float64", list(arrays.values()), list(settings.values()))
    assert np.isfinite(arrays[output]).all()
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(arrays[output], expected[output], rtol=tolerance, atol=tolerance * 1e-3)


FAMILIES = ("activation", "classes", "combine", "dropout", "losses", "merge", "regression", "softmax", "updates")
APART = "concat", "unpack", "weigh_gradient"
"""Whose arrays are of different widths."""
CUTTABLE = sorted(
    name
    for name, entry in KERNELS.items()
    if entry.function.__module__.rpartition(".")[2] in FAMILIES and entry.by_rows and not name.startswith(APART)
)
ROWS = 133
CUTS = (0, 1, 3, 20, 84, ROWS)


def arrays_of(name: str, width: int, dtype: str) -> dict[str, np.ndarray]:
    """Arguments of a kernel for 133 rows, or as many elements for an update."""
    rng = np.random.default_rng(width)
    arrays: dict[str, np.ndarray] = {}
    for key in KERNELS[name].arrays:
        if key == "labels":
            arrays[key] = rng.integers(0, width, ROWS)
        elif key == "mask":
            arrays[key] = rng.integers(0, 2, (ROWS, width)) == 1
        elif key == "total":
            arrays[key] = rng.uniform(1, 9, 1)
        else:
            one_each = key in {"losses", "row_weights"} or name.endswith("_update")
            shape = (ROWS,) if one_each else (ROWS, width)
            if name.startswith(("row_dot", "squared_distance")) and key in {"y", "dy"}:
                shape = (ROWS, 1)
            arrays[key] = rng.uniform(0.1, 0.9, shape).astype(dtype)
    return arrays


def settings_of(name: str) -> list[float]:
    return [7.0 if key in {"seed", "step", "stream"} else 0.25 for key in KERNELS[name].settings]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 8, 10, 40, 1030])
@pytest.mark.parametrize("name", CUTTABLE)
def test_parts_have_the_bits_of_the_whole(name: str, width: int, dtype: str) -> None:
    module, entry = native(), KERNELS[name]
    assert module is not None
    whole, parts = arrays_of(name, width, dtype), arrays_of(name, width, dtype)
    module.call(name, dtype == "float64", list(whole.values()), settings_of(name))
    for start, stop in pairwise(CUTS):
        cut = [key not in entry.shared for key in parts]
        module.call(name, dtype == "float64", list(parts.values()), settings_of(name), cut, ROWS, start, stop)
    for key in (*entry.writes, *entry.updates):
        np.testing.assert_array_equal(parts[key], whole[key], err_msg=key)


_OF_ROWS = ("losses", "classes", "regression", "softmax")
NARROW = [name for name in CUTTABLE if KERNELS[name].function.__module__.endswith(_OF_ROWS)]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("width", [2, 3, 4, 8, 10])
@pytest.mark.parametrize("name", NARROW)
def test_many_narrow_rows(name: str, width: int, dtype: str) -> None:
    """As NumPy has them; what is not finite stays with its row."""
    module, entry = native(), KERNELS[name]
    assert module is not None
    found, expected = arrays_of(name, width, dtype), arrays_of(name, width, dtype)
    for arrays in (found, expected):
        array = next(a for key, a in arrays.items() if key in entry.reads and a.shape == (ROWS, width))
        array[5, 1], array[70, 0], array[71, :] = np.nan, -np.inf, np.inf
    with np.errstate(all="ignore"):
        entry.function(**expected, **dict(zip(entry.settings, settings_of(name), strict=True)))
    module.call(name, dtype == "float64", list(found.values()), settings_of(name))
    tolerance = TOLERANCE[dtype]
    for key in (*entry.writes, *entry.updates):
        np.testing.assert_allclose(found[key], expected[key], rtol=tolerance, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("units", [1, 2, 3, 10, 16, 100, 300])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 31, 32, 52, 133])
def test_bias_gradients(rows: int, units: int, dtype: str) -> None:
    module = native()
    assert module is not None
    rng = np.random.default_rng(rows)
    dy, x, weight = (rng.normal(size=shape).astype(dtype) for shape in ((rows, units), (rows, 2), (2, units)))
    found = np.zeros(units, dtype)
    module.call("dense_backward", dtype == "float64", [dy, x, weight, None, None, found], [])
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(found, dy.sum(axis=0), rtol=tolerance, atol=tolerance * rows)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("width", [1, 3, 10, 40])
@pytest.mark.parametrize("name", [name for name in CUTTABLE if KERNELS[name].in_place])
def test_an_output_may_be_an_input(name: str, width: int, dtype: str) -> None:
    module, entry = native(), KERNELS[name]
    assert module is not None
    output = entry.writes[0]
    apart = arrays_of(name, width, dtype)
    module.call(name, dtype == "float64", list(apart.values()), settings_of(name))
    shared = [key for key in entry.reads if apart[key].shape == apart[output].shape and apart[key].dtype == dtype]
    assert shared
    for key in shared:
        arrays = arrays_of(name, width, dtype)
        arrays[output] = arrays[key]
        module.call(name, dtype == "float64", list(arrays.values()), settings_of(name))
        np.testing.assert_array_equal(arrays[output], apart[output], err_msg=key)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ["adagrad_update", "adam_update", "nadam_update", "rmsprop_update"])
def test_steps_from_the_smallest_squares(name: str, dtype: str) -> None:
    """Mean squares of 0, subnormal and huge ones; NaN and infinity stay with their element."""
    tiny = np.finfo(dtype).smallest_subnormal
    arrays = {key: np.ones(23, dtype) for key in KERNELS[name].arrays}
    squares = next(key for key in ("square_sum", "mean_square", "v") if key in arrays)
    arrays[squares][:] = np.resize([0, tiny, 100 * tiny, 1e-30, 1, 1e30], 23)
    arrays["gradients"][:] = np.resize([0, 0, 0, 1e-12, 1, 1e3, np.nan, np.inf], 23)
    arrays["parameters"][:] = 0
    values = {"learning_rate": 1e-3, "epsilon": 1e-8, "step": 3}
    settings: dict[str, Any] = {key: values.get(key, 0.9) for key in KERNELS[name].settings}
    expected = {key: array.copy() for key, array in arrays.items()}
    with np.errstate(all="ignore"):
        KERNELS[name].function(**expected, **settings)
    module = native()
    assert module is not None
    module.call(name, dtype == "float64", list(arrays.values()), list(settings.values()))
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(arrays["parameters"], expected["parameters"], rtol=tolerance)


def test_unknown_kernels_and_strided_arrays_are_refused() -> None:
    module = native()
    assert module is not None
    with pytest.raises(ValueError, match="no native kernel nothing"):
        module.call("nothing", True, [], [])
    with pytest.raises(ValueError, match="not contiguous"):
        module.call("relu_forward", True, [np.zeros((4, 4))[:, ::2], np.zeros((4, 2))], [])


def test_arrays_and_settings_that_a_kernel_does_not_take_are_named() -> None:
    module = native()
    assert module is not None
    x, y = np.zeros(4), np.zeros(4)
    with pytest.raises(ValueError, match="relu_forward: received 1 arrays and 0 settings, expected 2 arrays and 0"):
        module.call("relu_forward", True, [x], [])
    with pytest.raises(ValueError, match="clip_forward: received 2 arrays and 1 settings, expected 2 arrays and 2"):
        module.Program(True, 4).add("clip_forward", [x, y], [1, 1], 0, 4, [0.5], [-1])
    with pytest.raises(ValueError, match="conv2d_forward: received 4 arrays and 2 settings, expected 4 arrays and 6"):
        module.Forward(True, 4, y).add("conv2d_forward", [x, x, x, y], [True] * 4, [1, 1])
