"""Native kernels over drawn shapes: beside their NumPy twins, and cut into parts, which must change no bit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from families import IMAGES, examples
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.compile import native
from glassnet.kernels import KERNELS, attention

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

Arrays = dict[str, Any]

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
SETTINGS: dict[str, float] = {
    "alpha": 1.7,
    "beta1": 0.9,
    "beta2": 0.99,
    "delta": 0.7,
    "epsilon": 1e-7,
    "factor": 0.7,
    "label_smoothing": 0.1,
    "learning_rate": 0.1,
    "high": 0.4,
    "limit": 1.3,
    "low": -0.6,
    "momentum": 0.8,
    "quantile": 0.3,
    "momentum_product": 0.6,
    "next_momentum": 0.85,
    "rate": 0.3,
    "rho": 0.9,
    "slope": 0.2,
    "strength": 0.3,
    "unit_axis": 1,
    "fill": -0.5,
    "window": 3,
    "reach": 3,
    "stride": 2,
    "pad": 1,
    "padding": 2,
}
WHOLE = ("seed", "step", "stream", "start", "window", "reach", "stride", "pad", "padding")
ELSEWHERE = {*IMAGES, "augment", "python"}
"""Families whose tests are in files of their own, and the one without native twins."""
NATIVE = sorted(n for n in KERNELS if KERNELS[n].function.__module__.rpartition(".")[2] not in ELSEWHERE)
BY_ROWS = [n for n in NATIVE if KERNELS[n].by_rows]
FLAT = [n for n in NATIVE if KERNELS[n].updates and n not in ("accumulate", "max_norm")]
"""Update rules and what goes with them: their arrays are flat."""
NO_CANCELLATION = {
    *(
        "absolute_error_backward",
        "absolute_error_forward",
        "clip_backward",
        "clip_by_value",
        "clip_forward",
        "columns_backward",
        "columns_forward",
    ),
    *("concat_backward", "concat_forward", "dropout_backward", "dropout_forward", "elu_backward", "elu_forward"),
    *("embedding_backward", "embedding_forward", "gelu_forward", "hinge_backward", "zero_gradient"),
    *("hinge_forward", "huber_backward", "huber_forward", "identity_backward", "identity_forward"),
    *("quantile_backward", "quantile_forward"),
    *("absolute_difference_backward", "absolute_difference_forward", "multiply_backward", "multiply_forward"),
    *("row_dot_backward", "squared_distance_backward", "squared_distance_forward", "subtract_backward"),
    *("subtract_forward", "unpack_backward", "unpack_forward", "weigh_gradient"),
    *("leaky_relu_backward", "leaky_relu_forward", "relu_backward", "relu_forward", "residual_backward"),
    *("residual_forward", "sigmoid_backward", "sigmoid_forward", "silu_forward", "softmax_forward"),
    *("softplus_backward", "softplus_forward", "squared_error_forward", "tanh_forward", "weigh_rows", "weight_decay"),
}
"""Each of their elements is right by itself. Others may subtract numbers of one size, and are measured by those."""

OPTIONAL = {
    "dense_forward": ["bias"],
    "dense_backward": ["dx", "dbias"],
    "dense_steps_backward": ["dx", "dweight", "dbias"],
    "simple_rnn_forward": ["initial", "lengths"],
    "simple_rnn_backward": ["lengths"],
    "lstm_forward": ["initial", "initial_cell", "lengths"],
    "lstm_backward": ["initial_cell", "lengths"],
    "gru_forward": ["recurrent_bias", "initial", "lengths"],
    "gru_backward": ["lengths"],
    "last_step_forward": ["lengths"],
    "last_step_backward": ["lengths"],
    "tied_backward": ["dx"],
    "attention_forward": ["lengths"],
    "attention_pool_forward": ["lengths"],
    "attention_weights_forward": ["lengths"],
    "attention_backward": ["thinned", "lengths"],
    "position_forward": ["first"],
    "rotary_forward": ["first"],
    "weigh_rows": ["weights"],
    "weigh_value": ["before"],
}


@dataclass(frozen=True)
class Case:
    """Sizes, a seed for the numbers, and where to cut, in shares of 70."""

    rows: int
    width: int
    depth: int
    features: int
    seed: int
    cuts: frozenset[int]

    def parts(self, length: int) -> list[tuple[int, int]]:
        """Parts (start, stop) that make up ``length`` indices."""
        ends = sorted({0, length, *(cut * length // 70 for cut in self.cuts)})
        return list(pairwise(ends))


CASES = st.builds(
    Case,
    rows=st.integers(1, 70),
    width=st.integers(1, 70),
    depth=st.integers(1, 3),
    features=st.integers(1, 70),
    seed=st.integers(0, 2**32 - 1),
    cuts=st.frozensets(st.integers(1, 69), min_size=1, max_size=6),
)


def entry_family(kernel: str) -> str:
    """The file of kernels that it is in."""
    return KERNELS[kernel].function.__module__.rpartition(".")[2]


def of_sequences(kernel: str, case: Case) -> dict[str, tuple[int, ...]]:
    """Shapes for attention and positions: a few heads, whose sizes are small as often as not."""
    rows, steps, heads, size = case.depth, case.rows, case.depth, case.width
    if kernel.startswith("attention_pool"):
        found = {"x": (rows, steps, size), "scores": (rows, steps), "weights": (rows, steps), "y": (rows, size)}
    elif kernel.startswith(("position", "count")):
        found = {"x": (rows, steps, size), "y": (rows, steps, size), "table": (steps + 2, size), "places": (rows,)}
    elif kernel.startswith("rotary"):
        found = dict.fromkeys(("x", "y"), (rows, steps, 3 * heads, 2 * size))
        found |= dict.fromkeys(("cosines", "sines"), (steps + 2, size))
    elif kernel == "attention_step":
        found = {"y": (rows, 1, heads, size), "qkv": (rows, 1, 3 * heads, size), "places": (rows,)}
        found |= {"keys": (rows, steps, heads, size), "values": (rows, steps, heads, size)}
        found |= {"weights": (rows, heads, steps)}
    else:
        found = {"y": (rows, steps, heads, size), "qkv": (rows, steps, 3 * heads, size)}
        found |= dict.fromkeys(("weights", "thinned", "products"), (rows, heads, steps, steps))
    return found | {f"d{name}": shape for name, shape in found.items()} | {"lengths": (rows,), "first": (rows,)}


def of_lengths(kernel: str, case: Case) -> dict[str, tuple[int, ...]]:
    """Shapes for rows of different length, and for windows of three steps that move by two."""
    rows, steps, width = case.rows, case.features % 9 + 2, case.width
    found = dict.fromkeys(("x", "y", "dx", "dy"), (rows, steps, width)) | dict.fromkeys(("lengths", "after"), (rows,))
    if kernel.startswith("average_steps"):
        found |= dict.fromkeys(("y", "dy"), (rows, (steps + 2 - 3) // 2 + 1, width))
    return {name: found.get(name, (width,)) for name in KERNELS[kernel].arrays}


def shapes_of(kernel: str, case: Case, rng: np.random.Generator) -> dict[str, tuple[int, ...]]:
    """The shape of each of the kernel's arrays."""
    rows, width = case.rows, case.width
    names = KERNELS[kernel].arrays
    usual: tuple[int, ...] = rows, width
    if KERNELS[kernel].function.__module__.endswith(("activation", "softmax", "dropout")) and case.depth > 1:
        usual = rows, case.depth, width
    if kernel in FLAT:
        usual = (rows * width,)
    of_rows = ("losses", "row_weights", "labels", "weights", "lengths")
    special: dict[str, tuple[int, ...]] = dict.fromkeys(of_rows, (rows,))
    special |= dict.fromkeys(("value", "own_value", "before", "total"), (1,))
    if kernel.startswith(("concat", "unpack", "weigh_gradient")):
        whole = {"concat": ("y", "dy"), "unpack": ("x", "dx"), "weigh_": ("doutputs",)}[kernel[:6]]
        special |= dict.fromkeys(whole, (rows, width + int(rng.integers(0, 9))))
    if kernel.startswith(("row_dot", "squared_distance")):
        special |= dict.fromkeys(("y", "dy"), (rows, 1))
    if kernel == "add_pieces":
        special |= {"parts": (case.depth, rows * width), "whole": (rows * width,)}
    if kernel.startswith("dense"):
        special |= dict.fromkeys(("weight", "dweight"), (case.features, width))
        special |= dict.fromkeys(("bias", "dbias"), (width,))
        special |= dict.fromkeys(("x", "dx"), (rows, case.features))
    if kernel == "dense_steps_backward":
        usual = rows, case.depth, width
        special |= dict.fromkeys(("x", "dx"), (rows, case.depth, case.features))
    if kernel.startswith("tied"):
        special |= dict.fromkeys(("weight", "dweight"), (case.features, width))
        special |= dict.fromkeys(("y", "dy"), (rows, case.features))
    if kernel.startswith("embedding"):
        special |= dict.fromkeys(("weight", "dweight"), (case.features, width)) | {"x": (rows,)}
    if kernel.startswith("columns"):
        special |= dict.fromkeys(("x", "dx"), (rows, width + case.depth)) | {"columns": (width,)}
    if entry_family(kernel) in ("attention", "position"):
        return {name: size for name, size in of_sequences(kernel, case).items() if name in names}
    if entry_family(kernel) == "lengths":
        return of_lengths(kernel, case)
    gates = {"simple_rnn": 1, "lstm": 4, "gru": 3}.get(kernel.rpartition("_")[0], 0)
    if gates:
        usual = rows, case.depth, width
        special |= dict.fromkeys(("a", "da", "gates", "states", "dstates"), (rows, case.depth, gates * width))
        special |= {"before": usual, "recurrent": (width, gates * width), "recurrent_bias": (gates * width,)}
        special |= {"initial": (rows, width), "initial_cell": (rows, width)}
    if kernel.startswith("last_step"):
        special |= dict.fromkeys(("x", "dx"), (rows, case.depth, width))
    if kernel == "keep_step":
        special |= {"x": (rows, 1, width), "kept": (rows, case.depth, width)}
    return {name: special.get(name, usual) for name in names}


def read_by(kernel: str, case: Case, shapes: dict[str, tuple[int, ...]], rng: np.random.Generator) -> Arrays:
    """Numbers for the arrays that the kernel reads or updates."""
    entry = KERNELS[kernel]
    found: Arrays = {name: rng.normal(size=shapes[name]) for name in (*entry.reads, *entry.updates)}
    for name in found.keys() & {"row_weights", "weights"}:
        found[name] = rng.uniform(0.5, 2, shapes[name])
    for name in found.keys() & {"v", "square_sum", "mean_square"}:
        found[name] = rng.uniform(0.1, 0.9, shapes[name])
    if "labels" in found:
        found["labels"] = rng.integers(0, shapes[entry.arrays[0 if "forward" in kernel else 1]][1], shapes["labels"])
    if kernel.startswith("embedding"):
        found["x"] = rng.integers(0, shapes["weight" if "weight" in shapes else "dweight"][0], shapes["x"]).astype(
            np.float64
        )
    if "columns" in found:
        found["columns"] = rng.permutation(shapes["x" if "x" in shapes else "dx"][1])[: shapes["columns"][0]]
    if "mask" in found:
        found["mask"] = rng.uniform(size=shapes["mask"]) < 0.6
    if "probabilities" in found:
        found["probabilities"] = rng.uniform(0.02, 0.98, shapes["probabilities"])
    if "targets" in found and "entropy" in kernel:
        found["targets"] = rng.dirichlet(np.ones(shapes["targets"][1]), len(found["targets"]))
    if kernel.startswith(("poisson", "gamma")):
        found["targets"] = rng.gamma(1.5, 3, shapes["targets"])
        if kernel.startswith("poisson"):
            found["targets"] *= rng.uniform(size=shapes["targets"]) < 0.7
    for name in found.keys() & {"first", "places"}:
        most = shapes["keys"][1] if "keys" in shapes else 3
        found[name] = rng.integers(0, most, shapes[name])
    if "recurrent" in found:
        found["recurrent"] /= np.sqrt(len(found["recurrent"]))
    if "lengths" in found:
        whole = [shape[1] for name, shape in shapes.items() if len(shape) > 2 and name not in ("weights", "thinned")]
        steps = max(whole, default=9) if entry_family(kernel) == "lengths" else whole[0]
        found["lengths"] = rng.integers(1, steps + 1, shapes["lengths"])
    if "count" in found:
        found["count"] = rng.integers(1, 99, 1) * np.ones(shapes["count"])
    if "inverse_std" in found:
        found["inverse_std"] = rng.uniform(0.5, 2, shapes["inverse_std"])
    if "gates" in found:
        found["gates"] = rng.uniform(0.05, 0.95, shapes["gates"])
    if "total" in found:
        found["total"] = rng.uniform(0.5, 9, shapes["total"])
    if kernel == "step_statistics":  # the square of a mean is no larger than the mean of squares
        found["square_total"] = found["total"] ** 2 / found["count"] + rng.uniform(0.1, 9, shapes["total"])
        found["running_variance"] = rng.uniform(0.1, 9, shapes["running_variance"])
    if kernel.startswith("hinge"):
        found["targets"] = rng.choice([-1.0, 1.0], shapes["targets"])
    if kernel == "softmax_backward":
        found["y"] = rng.dirichlet(np.ones(shapes["y"][-1]), shapes["y"][:-1])
    elif "y" in found:
        found["y"] = np.tanh(found["y"]) * (0.5 if kernel == "sigmoid_backward" else 1)
    if kernel == "lion_update":  # where the two nearly cancel, a rounding error would decide on a sign
        found["m"] = np.copysign(found["m"], found["gradients"])
    return found


def arguments(kernel: str, case: Case, dtype: str) -> tuple[Arrays, dict[str, float]]:
    """Arrays and settings of a kernel, NaN where it writes; some of the arrays that may be missing are."""
    entry, rng = KERNELS[kernel], np.random.default_rng(case.seed)
    shapes = shapes_of(kernel, case, rng)
    arrays: Arrays = {name: np.full(shapes[name], np.nan) for name in entry.writes} | read_by(kernel, case, shapes, rng)
    with np.errstate(invalid="ignore"):
        arrays = {n: arrays[n].astype(entry.dtypes.get(n, dtype)) for n in entry.arrays}
    seldom = 2 if "lengths" in arrays else 4
    arrays |= {name: None for name in OPTIONAL.get(kernel, ()) if rng.integers(0, seldom) == 0}
    drawn = {
        "causal": rng.integers(0, 2),
        "reverse": rng.integers(0, 2),
        "mean": rng.integers(0, 2),
        "nesterov": rng.integers(0, 2),
        "step": rng.integers(1, 50),
    }
    drawn |= {"seed": rng.integers(0, 2**53), "stream": rng.integers(0, 2**32)}
    if "start" in entry.settings:
        widths = sorted(shape[1] for shape in shapes.values())
        drawn["start"] = rng.integers(0, widths[-1] - widths[0] + 1)
    if "lengths" in arrays and "weights" in entry.reads:
        seen = attention._seen(arrays["qkv"].shape[1], arrays["lengths"], drawn["causal"])
        for name in arrays.keys() & {"weights", "thinned"}:
            arrays[name] = None if arrays[name] is None else (arrays[name] * seen).astype(dtype)
    chosen = SETTINGS | {name: float(number) for name, number in drawn.items()}
    return arrays, {name: chosen[name] for name in entry.settings}


def call(kernel: str, arrays: Arrays, numbers: dict[str, float], dtype: str, *part: Any) -> None:
    module = native()
    assert module is not None
    module.call(kernel, dtype == "float64", list(arrays.values()), list(numbers.values()), *part)


def copied(arrays: Arrays) -> Arrays:
    return {name: None if array is None else array.copy() for name, array in arrays.items()}


def compare(kernel: str, found: Arrays, expected: Arrays, read: Arrays, dtype: str) -> None:
    """What was written, to the tolerance of the dtype."""
    entry, tolerance = KERNELS[kernel], TOLERANCE[dtype]
    sizes = [float(np.abs(array).max()) for array in read.values() if array is not None and array.dtype.kind == "f"]
    for name in (*entry.writes, *entry.updates):
        if expected[name] is None:
            continue
        if expected[name].dtype == bool:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
            continue
        scale = 0.0 if kernel in NO_CANCELLATION else float(np.nanmax(np.abs([*sizes, np.abs(expected[name]).max()])))
        np.testing.assert_allclose(found[name], expected[name], tolerance, tolerance * scale, err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", NATIVE)
@given(case=CASES)
@settings(max_examples=examples(12), deadline=None, derandomize=True)
def test_a_kernel_writes_what_its_numpy_twin_writes(kernel: str, dtype: str, case: Case) -> None:
    arrays, numbers = arguments(kernel, case, dtype)
    found, expected = copied(arrays), copied(arrays)
    whole = {name: int(value) if name in WHOLE else value for name, value in numbers.items()}
    KERNELS[kernel].function(**expected, **whole)
    call(kernel, found, numbers, dtype)
    read = {name: arrays[name] for name in (*KERNELS[kernel].reads, *KERNELS[kernel].updates)}
    compare(kernel, found, expected, read, dtype)
    for name in KERNELS[kernel].reads:
        np.testing.assert_array_equal(found[name], arrays[name], err_msg=f"{name} is only read")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", ["dense_forward", "dense_backward"])
@pytest.mark.parametrize(
    "sizes", [(32, 20, 3072), (50, 100, 1100), (5, 1500, 40), (200, 33, 2100), (16, 1100, 300)], ids=str
)
def test_large_products_are_those_of_numpy(kernel: str, sizes: tuple[int, int, int], dtype: str) -> None:
    """Longer than what a product does at a time."""
    rows, width, features = sizes
    arrays, numbers = arguments(kernel, Case(rows, width, 1, features, 1, frozenset()), dtype)
    found, expected = copied(arrays), copied(arrays)
    KERNELS[kernel].function(**expected, **numbers)
    call(kernel, found, numbers, dtype)
    compare(kernel, found, expected, {name: arrays[name] for name in KERNELS[kernel].reads}, dtype)


def whole_and_in_parts(kernel: str, case: Case, dtype: str) -> tuple[Arrays, Arrays]:
    """What a kernel writes in one call, and in calls for parts of the rows, the last part first."""
    entry = KERNELS[kernel]
    arrays, numbers = arguments(kernel, case, dtype)
    arrays |= dict.fromkeys(entry.sums)
    whole, found = copied(arrays), copied(arrays)
    call(kernel, whole, numbers, dtype)
    cut = [name not in entry.shared for name in arrays]
    length = len(next(array for name, array in arrays.items() if array is not None and name not in entry.shared))
    for start, stop in reversed(case.parts(length)):
        call(kernel, found, numbers, dtype, cut, length, start, stop)
    return whole, found


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", [name for name in BY_ROWS if not name.startswith("dense")])
@given(case=CASES)
@settings(max_examples=examples(12), deadline=None, derandomize=True)
def test_a_kernel_in_parts_gives_the_bits_of_the_whole(kernel: str, dtype: str, case: Case) -> None:
    whole, found = whole_and_in_parts(kernel, case, dtype)
    for name in (*KERNELS[kernel].writes, *KERNELS[kernel].updates):
        np.testing.assert_array_equal(found[name], whole[name], err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", ["dense_forward", "dense_backward"])
@given(case=CASES)
@settings(max_examples=examples(100), deadline=None, derandomize=True)
def test_rows_of_a_product_do_not_depend_on_the_other_rows(kernel: str, dtype: str, case: Case) -> None:
    """Bit for bit, except where so few rows of dy lie beside each other that dx sums in vectors along k."""
    name = "y" if kernel == "dense_forward" else "dx"
    whole, found = whole_and_in_parts(kernel, case, dtype)
    if kernel == "dense_forward" or max(case.width, case.features) < 32:
        np.testing.assert_array_equal(found[name], whole[name])
    elif whole[name] is not None:
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(found[name], whole[name], tolerance, tolerance * np.abs(whole[name]).max())


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", ["dense_backward", "embedding_backward"])
@given(case=CASES)
@settings(max_examples=examples(100), deadline=None, derandomize=True)
def test_gradients_of_weights_in_parts_have_the_bits_of_the_whole(kernel: str, dtype: str, case: Case) -> None:
    arrays, numbers = arguments(kernel, case, dtype)
    arrays |= {"dx": None} if "dx" in arrays else {}
    whole, found = copied(arrays), copied(arrays)
    call(kernel, whole, numbers, dtype)
    length = len(arrays["dweight"])
    for start, stop in reversed(case.parts(length)):
        call(kernel, found, numbers, dtype, [name == "dweight" for name in arrays], length, start, stop)
    for name in KERNELS[kernel].sums:
        np.testing.assert_array_equal(found[name], whole[name], err_msg=name)
