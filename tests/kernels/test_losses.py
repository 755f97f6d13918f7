"""Loss kernels: row losses and gradients against the definitions written out for one number at a time.

The definitions below are calculated with ``math`` alone, naively, at places where nothing overflows. The whole losses
are compared with PyTorch in ``tests/test_losses.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from glassnet.kernels import KERNELS, classes, losses, regression
from glassnet.kernels.functions import log_floor
from glassnet.kernels.losses import weigh_rows, weighted_sum

Row = list[float]


def sigmoid(z: float) -> float:
    """1/(1 + e⁻ᶻ)."""
    return 1 / (1 + math.exp(-z))


def softmax(z: Row) -> Row:
    """e^{z_k} / Σ_j e^{z_j}."""
    total = sum(math.exp(v) for v in z)
    return [math.exp(v) / total for v in z]


def smoothed(t: Row, e: float) -> Row:
    """(1 − ε) t + ε/K."""
    return [(1 - e) * share + e / len(t) for share in t]


def one_hot(label: int, classes: int) -> Row:
    """1 at the label."""
    return [float(k == label) for k in range(classes)]


def huber(r: float, delta: float) -> float:
    """Huber 1964: ½ r² inside, δ (|r| − ½ δ) outside."""
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


class Case(NamedTuple):
    """A pair of kernels: what it reads, and ℓ and ∂ℓ/∂outputs of one row by definition."""

    output: str
    target: str
    outputs: list[Row]
    targets: list[Any]
    settings: dict[str, float]
    loss: Callable[[Row, Any], float]
    slope: Callable[[Row, Any], Row]
    cached: bool = False


O = [[0.3, -1.2, 2.0], [1.5, 0.25, -0.7], [-0.4, 0.9, 0.1]]  # noqa: E741 - outputs
T = [[0.1, -1.0, 4.5], [3.0, 0.25, -0.9], [-0.4, 2.9, -1.0]]
SIGNS = [[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, -1.0]]
BITS = [[0.0, 1.0, 0.3], [1.0, 0.9, 0.0], [0.0, 0.0, 1.0]]
P = [[0.2, 0.7, 0.35], [0.9, 0.05, 0.5], [0.4, 0.25, 0.99]]
SHARES = [[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.0, 0.9, 0.1]]
ROWS_OF_P = [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.05, 0.15, 0.8]]
LABELS = [2, 0, 1]
COUNTS = [[2.0, 0.0, 9.0], [0.0, 1.0, 3.5], [0.25, 40.0, 1.0]]
AMOUNTS = [[2.0, 0.1, 9.0], [5.0, 1.0, 0.35], [0.25, 40.0, 1.0]]

CASES = {
    "squared_error": Case(
        "outputs", "targets", O, T, {},
        lambda o, t: sum((a - b) ** 2 for a, b in zip(o, t, strict=True)) / 2,
        lambda o, t: [a - b for a, b in zip(o, t, strict=True)],
    ),
    "absolute_error": Case(
        "outputs", "targets", O, T, {},
        lambda o, t: sum(abs(a - b) for a, b in zip(o, t, strict=True)),
        lambda o, t: [float((a > b) - (a < b)) for a, b in zip(o, t, strict=True)],
    ),
    "huber": Case(
        "outputs", "targets", O, T, {"delta": 0.7},
        lambda o, t: sum(huber(a - b, 0.7) for a, b in zip(o, t, strict=True)),
        lambda o, t: [min(max(a - b, -0.7), 0.7) for a, b in zip(o, t, strict=True)],
    ),
    "quantile": Case(
        "outputs", "targets", O, T, {"quantile": 0.3},
        lambda o, t: sum(0.3 * (b - a) if b > a else 0.7 * (a - b) for a, b in zip(o, t, strict=True)),
        lambda o, t: [0.7 * (a > b) - 0.3 * (a < b) for a, b in zip(o, t, strict=True)],
    ),
    "poisson": Case(
        "outputs", "targets", O, COUNTS, {},
        lambda o, t: sum(
            math.exp(a) - b * a - (b - (b * math.log(b) if b else 0)) for a, b in zip(o, t, strict=True)
        ),
        lambda o, t: [math.exp(a) - b for a, b in zip(o, t, strict=True)],
    ),
    "gamma": Case(
        "outputs", "targets", O, AMOUNTS, {},
        lambda o, t: sum(b / math.exp(a) - 1 - math.log(b / math.exp(a)) for a, b in zip(o, t, strict=True)),
        lambda o, t: [1 - b / math.exp(a) for a, b in zip(o, t, strict=True)],
    ),
    "binary_cross_entropy": Case(
        "logits", "targets", O, BITS, {},
        lambda z, t: sum(
            -b * math.log(sigmoid(a)) - (1 - b) * math.log(1 - sigmoid(a)) for a, b in zip(z, t, strict=True)
        ),
        lambda z, t: [sigmoid(a) - b for a, b in zip(z, t, strict=True)],
    ),
    "binary_cross_entropy_of_probabilities": Case(
        "probabilities", "targets", P, BITS, {},
        lambda p, t: sum(-b * math.log(a) - (1 - b) * math.log(1 - a) for a, b in zip(p, t, strict=True)),
        lambda p, t: [(1 - b) / (1 - a) - b / a for a, b in zip(p, t, strict=True)],
    ),
    "cross_entropy": Case(
        "logits", "labels", O, LABELS, {"label_smoothing": 0.1},
        lambda z, y: -sum(
            t * math.log(p) for t, p in zip(smoothed(one_hot(y, 3), 0.1), softmax(z), strict=True)
        ),
        lambda z, y: [p - t for t, p in zip(smoothed(one_hot(y, 3), 0.1), softmax(z), strict=True)],
        cached=True,
    ),
    "soft_cross_entropy": Case(
        "logits", "targets", O, SHARES, {"label_smoothing": 0.1},
        lambda z, s: -sum(t * math.log(p) for t, p in zip(smoothed(s, 0.1), softmax(z), strict=True)),
        lambda z, s: [p - t for t, p in zip(smoothed(s, 0.1), softmax(z), strict=True)],
        cached=True,
    ),
    "cross_entropy_of_probabilities": Case(
        "probabilities", "targets", ROWS_OF_P, SHARES, {"label_smoothing": 0.1},
        lambda p, s: -sum(t * math.log(a) for t, a in zip(smoothed(s, 0.1), p, strict=True)),
        lambda p, s: [-t / a for t, a in zip(smoothed(s, 0.1), p, strict=True)],
    ),
    "hinge": Case(
        "outputs", "targets", O, SIGNS, {},
        lambda o, t: sum(max(0.0, 1 - b * a) for a, b in zip(o, t, strict=True)),
        lambda o, t: [-b if b * a < 1 else 0.0 for a, b in zip(o, t, strict=True)],
    ),
}  # fmt: skip

ROW_WEIGHTS = [1.0, 0.25, 3.0]
every = pytest.mark.parametrize("name", sorted(CASES))
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def run(name: str, outputs: np.ndarray, targets: np.ndarray, row_weights: np.ndarray) -> dict[str, np.ndarray]:
    """Forward and backward into buffers full of NaN, which must be overwritten everywhere."""
    case = CASES[name]
    given = {case.output: outputs, case.target: targets}
    written = {"losses": np.full(len(outputs), np.nan, outputs.dtype)}
    if case.cached:
        written["probabilities"] = np.full_like(outputs, np.nan)
    before = {key: array.copy() for key, array in given.items()}
    KERNELS[f"{name}_forward"].function(**given, **written, **case.settings)
    doutputs = np.full_like(outputs, np.nan)
    read = {
        case.target: targets,
        ("probabilities" if case.cached else case.output): written.get("probabilities", outputs),
    }
    KERNELS[f"{name}_backward"].function(row_weights=row_weights, **read, doutputs=doutputs, **case.settings)
    for key, array in given.items():
        np.testing.assert_array_equal(array, before[key])
    return written | {"doutputs": doutputs}


def arrays(name: str, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The case's arrays; labels stay integers."""
    case = CASES[name]
    targets = np.array(case.targets) if case.target == "labels" else np.array(case.targets, dtype)
    return np.array(case.outputs, dtype), targets, np.array(ROW_WEIGHTS, dtype)


def test_every_loss_kernel_has_a_definition_here():
    families = {family.__name__ for family in (classes, losses, regression)}
    ours = {name for name, entry in KERNELS.items() if entry.function.__module__ in families}
    assert ours == {f"{name}_{way}" for name in CASES for way in ("forward", "backward")} | {
        "weigh_rows",
        "weighted_sum",
        "weigh_value",
        "weigh_gradient",
    }


@DTYPES
def test_the_weighted_sum_of_losses_by_hand(dtype: type):
    value = np.empty(1)
    losses.weigh_value(np.array([3.0]), None, value, factor=0.5)
    assert value.tolist() == [1.5]
    losses.weigh_value(np.array([4.0]), value.copy(), value, factor=0.25)
    assert value.tolist() == [2.5]
    doutputs = np.zeros((2, 4), dtype)
    losses.weigh_gradient(np.array([[1.0, 2.0], [3.0, 4.0]], dtype), doutputs, start=1, factor=0.5)
    assert doutputs.tolist() == [[0, 0.5, 1, 0], [0, 1.5, 2, 0]]


@every
@DTYPES
def test_row_losses_and_gradients_are_those_of_the_definition(name: str, dtype: type):
    case = CASES[name]
    written = run(name, *arrays(name, dtype))
    rows = list(zip(case.outputs, case.targets, strict=True))
    rtol = 1e-12 if dtype is np.float64 else 3e-6
    atol = 1e-15 if dtype is np.float64 else 3e-7
    np.testing.assert_allclose(written["losses"], [case.loss(o, t) for o, t in rows], rtol=rtol)
    expected = [[w * s for s in case.slope(o, t)] for (o, t), w in zip(rows, ROW_WEIGHTS, strict=True)]
    np.testing.assert_allclose(written["doutputs"], expected, rtol=rtol, atol=atol)
    assert {array.dtype for array in written.values()} == {np.dtype(dtype)}
    if case.cached:
        np.testing.assert_allclose(written["probabilities"], [softmax(o) for o in case.outputs], rtol=rtol)


@every
def test_the_gradient_is_the_slope_of_the_row_losses(name: str):
    """Central differences of Σ ω ℓ, for the kernels alone."""
    outputs, targets, row_weights = arrays(name, np.float64)
    gradient = run(name, outputs, targets, row_weights)["doutputs"]
    checked = 0
    for index in np.ndindex(outputs.shape):
        shift = np.zeros_like(outputs)
        shift[index] = 1e-6
        above = run(name, outputs + shift, targets, row_weights)["losses"] @ row_weights
        below = run(name, outputs - shift, targets, row_weights)["losses"] @ row_weights
        at_a_corner = name in ("absolute_error", "quantile") and outputs[index] == targets[index]
        if not at_a_corner:
            assert gradient[index] == pytest.approx((above - below) / 2e-6, rel=1e-6, abs=1e-8), index
            checked += 1
    assert checked >= 7


@every
@DTYPES
@pytest.mark.parametrize("rows", [0, 1])
def test_batches_of_no_row_and_of_one(name: str, dtype: type, rows: int):
    outputs, targets, row_weights = arrays(name, dtype)
    whole = run(name, outputs, targets, row_weights)
    part = run(name, outputs[:rows], targets[:rows], row_weights[:rows])
    for key, array in part.items():
        np.testing.assert_array_equal(array, whole[key][:rows])


@DTYPES
@pytest.mark.parametrize("name", ["binary_cross_entropy", "cross_entropy", "soft_cross_entropy"])
def test_logits_of_ten_thousand_stay_exact(name: str, dtype: type, monkeypatch: pytest.MonkeyPatch):
    case = CASES[name]
    monkeypatch.setitem(CASES, name, case._replace(settings=dict.fromkeys(case.settings, 0.0)))
    outputs = np.array([[1e4, -1e4, -1e4], [1e4, -1e4, -1e4]], dtype)
    labels = np.array([0, 1])
    targets = labels if case.target == "labels" else np.eye(3, dtype=dtype)[labels]
    written = run(name, outputs, targets, np.ones(2, dtype))
    np.testing.assert_allclose(written["losses"], [0.0, 2e4], rtol=1e-6)
    np.testing.assert_allclose(written["doutputs"], [[0, 0, 0], [1, -1, 0]], atol=1e-30)


@DTYPES
def test_the_floor_under_probabilities(dtype: type):
    floor = log_floor(np.dtype(dtype))
    assert floor == pytest.approx(math.sqrt(np.finfo(dtype).tiny), rel=1e-6)
    assert floor > 0
    with np.errstate(all="raise"):
        assert np.isfinite(np.log(dtype(floor)))
        assert np.isfinite(dtype(1) / dtype(floor) * (dtype(1) / dtype(floor)))


@DTYPES
@pytest.mark.parametrize("name", ["binary_cross_entropy_of_probabilities", "cross_entropy_of_probabilities"])
def test_probabilities_of_zero_cost_the_floors_logarithm(name: str, dtype: type, monkeypatch: pytest.MonkeyPatch):
    case = CASES[name]
    monkeypatch.setitem(CASES, name, case._replace(settings=dict.fromkeys(case.settings, 0.0)))
    floor = log_floor(np.dtype(dtype))
    written = run(name, np.array([[0.0, 1.0]], dtype), np.array([[1.0, 0.0]], dtype), np.ones(1, dtype))
    wrong_sides = 2 if name.startswith("binary") else 1
    np.testing.assert_allclose(written["losses"], -wrong_sides * math.log(floor), rtol=1e-6)
    expected = [[-1 / floor, 1 / floor if wrong_sides == 2 else 0.0]]
    np.testing.assert_allclose(written["doutputs"], expected, rtol=1e-6)


def test_the_weighted_sum_is_taken_in_float64():
    rows = 1_000_000
    value = np.full(1, np.nan)
    weighted_sum(np.full(rows, 0.1, np.float32), np.full(rows, 3, np.float32), value)
    assert value[0] == pytest.approx(rows * 3 * float(np.float32(0.1)), rel=1e-12)


@DTYPES
@pytest.mark.parametrize(
    ("weights", "mean", "expected", "total"),
    [
        (None, True, [0.5, 0.5, 0.5, 0.5], 4),
        (None, False, [2, 2, 2, 2], 4),
        ([1, 0, 3, 4], True, [0.25, 0, 0.75, 1], 8),
        ([1, 0, 3, 4], False, [2, 0, 6, 8], 8),
        ([0, 0, 0, 0], True, [0, 0, 0, 0], 0),
    ],
)
def test_the_shares_of_the_rows_by_hand(dtype: type, weights: list | None, mean: bool, expected: list, total: float):
    given = None if weights is None else np.array(weights, dtype)
    shares, sum_of_weights = np.full(4, np.nan, dtype), np.full(1, np.nan)
    weigh_rows(given, shares, sum_of_weights, factor=2.0, mean=mean)
    np.testing.assert_allclose(shares, expected, rtol=1e-6)
    assert sum_of_weights[0] == total


def test_a_masked_class_costs_nothing():
    """A logit of −∞ takes a class out; without smoothing the others' loss is as if it were not there."""
    logits, labels = np.array([[1.0, 2.0, -np.inf]]), np.array([1])
    losses_, probabilities = np.empty(1), np.empty((1, 3))
    classes.cross_entropy_forward(logits, labels, losses_, probabilities, label_smoothing=0.0)
    np.testing.assert_allclose(losses_, np.log1p(np.exp(-1.0)), rtol=1e-14)
    assert probabilities[0, 2] == 0.0


def test_the_weighted_sum_by_hand():
    value = np.full(1, np.nan)
    weighted_sum(np.array([1.0, 2.0, -4.0]), np.array([0.5, 0.25, 2.0]), value)
    assert value.tolist() == [-7.0]
