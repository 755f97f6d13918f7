"""The element lines of kernels against what the kernels write, in every step that the kernels' own tests take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients import LOSS_CASES, layer_cases, loss_cases, rows_for
from ragged import RAGGED
from test_recording import RULES, train_step

import glassnet as gn
from glassnet.core.shapes import Array
from glassnet.kernels import KERNELS
from glassnet.kernels.why.step import Step
from glassnet.losses import Loss
from glassnet.runners import KernelCall
from glassnet.runners.states import States
from glassnet.tracing.evaluation import Evaluation
from glassnet.tracing.formulas import formulas_of

HELD: set[tuple[str, str, str]] = set()
"""Lines of derivations that were worked out so far: kernel, target, line."""
PYTHON = {name for name, entry in KERNELS.items() if entry.function.__module__ == "glassnet.kernels.python"}
UNEXPLAINED = {"augment_forward", "augment_backward"} | PYTHON
UNEXPLAINED |= {"add_pieces", "fold_batch_norm", "conv2d_folded"}
"""Too long to write element by element; the user's own code; of compiled programs alone, never part of a trace."""
UNEXPLAINED_OUTPUTS = {
    ("dropout_forward", "mask"),
}


def check(call: KernelCall) -> set[tuple[str, str]]:
    """Works out every element that the call wrote, and compares; returns the outputs that no formula speaks of."""
    before = call.inputs
    after = {f"{name}_" if name in before else name: array for name, array in call.outputs.items()}
    shapes = {name: array.shape for name, array in (call.outputs | before).items()}
    entry = call.entry
    formulas = formulas_of(entry.elements, shapes, call.settings, np.dtype(np.float64), entry.geometry, entry.why)
    evaluation = Evaluation(formulas, before | after)
    for target in formulas.outputs:
        expected = after[target].reshape(-1).astype(np.float64)
        found, written = evaluation(target, np.arange(expected.size))
        assert written.any() or not expected.size
        scale = float(np.abs(expected[written & np.isfinite(expected)]).max(initial=1e-30))
        np.testing.assert_allclose(
            found[written], expected[written], rtol=1e-9, atol=1e-11 * scale, err_msg=f"{call.kernel}: {target}"
        )
        check_derivation(evaluation, call.kernel, target, np.flatnonzero(written))
    return {(call.kernel, name) for name in after if name not in formulas.outputs}


def check_derivation(evaluation: Evaluation, kernel: str, target: str, places: Array) -> None:
    """Works out what each step says is equal, at every element."""
    for line, sides in evaluation.sides(target, places) if len(places) else ():
        for other in sides[1:]:
            assert np.isfinite(other).all(), (kernel, line)
            scale = float(np.abs(sides[0]).max(initial=1e-30))
            np.testing.assert_allclose(other, sides[0], rtol=1e-9, atol=1e-9 * scale, err_msg=f"{kernel}: {line}")
            HELD.add((kernel, target, line))


def checked(net: gn.Network, loss: Loss, optimizer: Any, targets: Any, shape: tuple[int, ...]) -> set[tuple[str, str]]:
    """Two training steps, with and without sample weights, and a prediction; returns what no formula speaks of."""
    rng = np.random.default_rng(1)
    (outputs,) = net.build(shape, dtype="float64")
    t = loss.prepare(targets(rng, 5, outputs), (outputs,), np.dtype(np.float64), where="y")
    x, w = rows_for(net, rng, 5), rng.uniform(0.5, 2, 5)
    run = gn.TracingRunner(3, 7)
    for weights in (w, None):
        train_step(run, net, loss, optimizer, x, t, weights)  # type: ignore[arg-type]
    net.forward(run, x, training=False)
    missing = {pair for call in run.calls for pair in check(call)}
    return {(kernel, name) for kernel, name in missing if kernel not in UNEXPLAINED} - UNEXPLAINED_OUTPUTS


LAYERS = [*layer_cases(), *RAGGED]
LOSSES = list(loss_cases())


@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_layers(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...]) -> None:
    loss, targets, _ = LOSS_CASES["SumSquaredError"][0]
    assert checked(gn.Sequential(build(), gn.Flatten()), loss, gn.SGD(0.01), targets, shape) == set()


@pytest.mark.parametrize("case", LOSSES, ids=[f"{c[0]}-{i}" for i, c in enumerate(LOSSES)])
def test_losses(case: tuple[str, Loss, Any, str | None]) -> None:
    _, loss, targets, end = case
    net = gn.Sequential(gn.Dense(3), *([end] if end else []))
    assert checked(net, loss, gn.SGD(0.01), targets, (2,)) == set()


@pytest.mark.parametrize("name", RULES)
def test_optimizers(name: str) -> None:
    loss, targets, _ = LOSS_CASES["CrossEntropy"][0]
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(3))
    assert checked(net, loss, RULES[name](), targets, (2,)) == set()


def test_a_penalty_of_a_batch() -> None:
    loss, targets, _ = LOSS_CASES["SumSquaredError"][0]
    optimizer = gn.Chain(gn.L2(0.3, by_batch=True), gn.SGD(0.1))
    assert checked(gn.Sequential(gn.Dense(3)), loss, optimizer, targets, (2,)) == set()


@pytest.mark.parametrize(
    "layer", [gn.Conv2D(3, 2), gn.ConvTranspose2D(3, 2), gn.Reshape((8, 2))], ids=["unit 0", "unit 1", "unit 2"]
)
def test_max_norm_of_other_weights(layer: gn.Layer) -> None:
    net = gn.Sequential(layer, *([gn.Conv1D(3, 2)] if isinstance(layer, gn.Reshape) else []), gn.Flatten())
    loss, targets, _ = LOSS_CASES["SumSquaredError"][0]
    optimizer = gn.Chain(gn.SGD(0.1), gn.MaxNorm(0.1))
    assert checked(net, loss, optimizer, targets, (1, 4, 4)) == set()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layer", [gn.SimpleRNN, gn.LSTM, gn.GRU])
def test_recurrences_of_rows_of_different_length_that_go_on(layer: Any, reverse: bool) -> None:
    net = gn.Sequential(layer(2, return_sequences=True, reverse=reverse, bias_init="normal"), layer(3, reverse=reverse))
    net.build((4, 2), dtype="float64")
    run, rng = gn.TracingRunner(), np.random.default_rng(0)
    run.states, run.lengths = States(), np.array([2, 4, 1])
    for _ in range(2):  # the second time from states that are not 0
        _, cache = net.forward(run, rng.normal(size=(3, 4, 2)), training=True)
    net.backward(run, rng.normal(size=(3, 3)), cache)
    assert {pair for call in run.calls for pair in check(call)} == set()


def test_every_backward_pass_and_every_update_is_derived() -> None:
    ends = ("_backward", "_update", "_decay")
    asked = {name for name in KERNELS if name.endswith(ends) or name.startswith(("l1_", "l2_"))}
    assert {name for name in asked - PYTHON if not KERNELS[name].why} == set()


def test_derivations_are_whole() -> None:
    for name, entry in KERNELS.items():
        targets = set(re.findall(r"^ *(\w+)\b[^=]*= ", entry.elements, re.M))
        for target, steps in entry.why.items():
            assert steps, (name, target)
            assert target in (targets or entry.writes), (name, target)
            for step in steps:
                assert (step.en[-1], step.zh[-1]) == (".", "。"), (name, step)


def test_derivations_put_numbers_in() -> None:
    """But for those that only say where numbers go, and where the way is the same for each."""
    without = {name for name, entry in KERNELS.items()
               if entry.why and not any(step.line for steps in entry.why.values() for step in steps)}  # fmt: skip
    moved = {"concat_backward", "zero_pad2d_backward", "last_step_backward", "augment_backward"}
    assert without <= moved | {"rotary_backward", "lion_update", "clip_by_norm"}


def test_a_wrong_derivation_would_be_noticed() -> None:
    call = gn.trace(gn.Model(gn.Dense(2), "sum_squared_error", "sgd"), [[1.0, 2.0]], [[0.0, 1.0]]).backward[-1]
    arrays = call.inputs | call.outputs
    shapes = {name: array.shape for name, array in arrays.items()}
    wrong = {"dweight": (Step("", "", "dweight[d, m] == sum[n](x[n, d] * dy[n, m]) + 1"),)}
    formulas = formulas_of(call.entry.elements, shapes, {}, np.dtype(np.float32), (), wrong)
    with pytest.raises(AssertionError, match="dweight"):
        check_derivation(Evaluation(formulas, arrays), call.kernel, "dweight", np.arange(4))


def test_every_kernel_has_its_lines() -> None:
    assert {name for name, entry in KERNELS.items() if not entry.elements} == UNEXPLAINED


def test_a_wrong_line_would_be_noticed() -> None:
    call = gn.trace(gn.Model(gn.Dense(2), "sum_squared_error", "sgd"), [[1.0, 2.0]], [[0.0, 1.0]]).calls[0]
    wrong = "y[n, m] = sum[d](x[n, d] * weight[d, m]) - 1"
    arrays = call.inputs | call.outputs
    shapes = {name: array.shape for name, array in arrays.items()}
    evaluation = Evaluation(formulas_of(wrong, shapes, {}, np.dtype(np.float32)), arrays)
    found, _ = evaluation("y", np.arange(2))
    assert np.abs(found - call.outputs["y"].reshape(-1)).min() > 0.5


def test_letters_and_sums_of_a_dense_layer() -> None:
    shapes = {"dy": (5, 2), "x": (5, 3), "weight": (3, 2), "dx": (5, 3), "dweight": (3, 2)}
    found = formulas_of(KERNELS["dense_backward"].elements, shapes, {}, np.dtype(np.float32))
    assert found.letters["x"] == ("N", "D")
    assert found.letters["dweight"] == ("D", "M")
    assert "dbias" not in found.outputs  # a layer without a bias
    assert found.outputs["dweight"].summed == (("n", 5),)
    assert found.outputs["dx"].summed == (("m", 2),)


def test_only_what_a_number_is_made_of_is_read() -> None:
    shapes = {"x": (5, 3), "weight": (3, 2), "bias": (2,), "y": (5, 2)}
    formulas = formulas_of(KERNELS["dense_forward"].elements, shapes, {}, np.dtype(np.float32))
    evaluation = Evaluation(formulas, {name: np.ones(shape) for name, shape in shapes.items()})
    values, _ = evaluation("y", np.array([3]))  # row 1, unit 1
    assert values.tolist() == [4.0]
    read = {name: np.flatnonzero(mask).tolist() for name, mask in evaluation.read.items()}
    assert read == {"x": [3, 4, 5], "weight": [1, 3, 5], "bias": [1], "y": []}


def test_every_line_of_a_derivation_was_worked_out(request: pytest.FixtureRequest) -> None:
    cases = [item for item in request.session.items if item.path == request.path]
    if len(cases) < len(LAYERS) + len(LOSSES) + len(RULES):
        pytest.skip("some of the cases above were left out")
    declared = {
        (name, target, step.line)
        for name, entry in KERNELS.items()
        for target, steps in entry.why.items()
        for step in steps
        if step.line
    }
    assert declared - HELD == set()
