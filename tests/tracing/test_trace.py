"""``gn.trace``: every number of a training step, and nothing changed by looking."""

from __future__ import annotations

import copy
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import glassnet as gn


def model() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(3), gn.Tanh(), gn.Dense(2)), "cross_entropy", gn.SGD(0.1))


def images(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 2, 6, 6)), rng.integers(0, 3, rows)


def convolutional(engine: str = "auto") -> gn.Model:
    """With all that a step changes besides parameters: running statistics, an optimizer's memory, dropout's masks."""
    net = gn.Sequential(
        gn.Conv2D(3, 3), gn.BatchNorm(), gn.ReLU(), gn.MaxPool2D(2), gn.Dropout(0.4), gn.Flatten(), gn.Dense(3)
    )
    return gn.Model(net, "cross_entropy", gn.Chain(gn.L2(0.01), gn.Adam(0.01)), seed=3, engine=engine)


def test_trace_runs_from_the_input_to_the_update() -> None:
    trace = gn.trace(model(), [[1.0, -1.0]], [1])
    assert [call.path for call in trace.forward] == ["0", "1", "2"]
    assert [call.kernel for call in trace.loss_forward] == ["weigh_rows", "cross_entropy_forward", "weighted_sum"]
    assert [call.path for call in trace.backward] == ["loss", "2", "1", "0"]
    assert [path for path, _ in trace.update] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [call.kernel for call in trace.calls[-1:]] == ["sgd_update"]
    assert trace.loss == pytest.approx(float(trace.loss_forward[1].outputs["losses"][0]))


def test_trace_shows_nothing_that_was_never_computed() -> None:
    """A buffer that a kernel only writes is no input, and what a branch leaves to another one is 0."""
    for call in gn.trace(model(), [[1.0, -1.0]], [1]).calls:
        both = set(call.inputs) & set(call.outputs)
        assert both <= {"parameters"}
    net = gn.Sequential(gn.Concat(gn.Dense(2), gn.Dense(1)))
    calls = gn.trace(gn.Model(net, "sum_squared_error", "sgd"), [[1.0, 2.0]], [[0.0, 0.0, 0.0]]).forward
    first = next(call for call in calls if call.kernel == "concat_forward")
    assert first.outputs["y"][0, 2] == 0


def everything(traced: gn.Model) -> dict[str, np.ndarray]:
    found = {"parameters": traced.network.parameters, "gradients": traced.network.gradients}
    found |= {f"optimizer {name}": array for name, array in traced.optimizer.state.items()}
    found |= {"steps": np.array([traced.optimizer.steps, traced.epochs_trained])}
    return copy.deepcopy(found)


def test_trace_changes_nothing() -> None:
    x, y = images(8)
    traced = convolutional()
    traced.fit(x, y, verbose=False)
    before = everything(traced)
    trace = gn.trace(traced, x[:4], y[:4])
    str(trace), trace.to_html()
    after = everything(traced)
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)


def test_the_traced_step_is_the_one_that_training_takes_next() -> None:
    x, y = images(8)
    traced = convolutional("numpy")
    traced.fit(x, y, shuffle=False, verbose=False)
    trace = gn.trace(traced, x, y)
    traced.fit(x, y, shuffle=False, verbose=False)
    parameters = dict(traced.network.named_parameters())
    last = {path: call for path, call in trace.update if "parameters" in call.outputs}
    assert len(last) == 6
    for path, call in last.items():
        np.testing.assert_array_equal(call.outputs["parameters"], parameters[path], err_msg=path)
    statistics = next(call for call in trace.forward if call.kernel == "batch_norm_statistics")
    np.testing.assert_array_equal(statistics.outputs["running_mean"], parameters["1.running_mean"])


def test_an_update_is_shown_for_each_parameter() -> None:
    x, y = images(4)
    trace = gn.trace(convolutional(), x, y)
    names = ["0.weight", "6.weight", "0.weight", "0.bias", "1.gamma", "1.beta", "6.weight", "6.bias"]
    assert [path for path, _ in trace.update] == names
    (_, penalty), *_ = trace.update
    weight = trace.forward[0].inputs["weight"]
    np.testing.assert_array_equal(penalty.inputs["parameters"], weight)
    np.testing.assert_allclose(
        penalty.outputs["gradients"] - penalty.inputs["gradients"], 0.01 * weight, rtol=1e-3, atol=1e-6
    )
    clipped = gn.Model(gn.Dense(2), "sum_squared_error", gn.Chain(gn.ClipByNorm(0.1), gn.SGD(0.1)))
    assert [path for path, _ in gn.trace(clipped, [[1.0]], [[1.0, 2.0]]).update] == ["", "0.weight", "0.bias"]


def test_the_text_shows_equations_shapes_sums_and_values() -> None:
    text = str(gn.trace(model(), [[1.0, -1.0], [0.5, 0.0]], [1, 0]))
    for piece in (
        "one training step on 2 rows: loss 0.",
        "dense_forward",
        "y = x W + b",
        "x (N, D) = (2, 2)",
        "[[ 1.  -1. ]",
        "here the 1/N of the mean comes in",
        "dW = xᵀ dy",
        "dz = ω_n (p − t)",
        "writes dweight (D, M) = (3, 2), summed over n (2 terms)",
        "before parameters (3, 2)",
        "after  parameters (3, 2)",
        "learning_rate 0.1",
    ):
        assert piece in text, piece
    assert max(map(len, text.splitlines())) <= 110


def sides(line: str) -> list[float]:
    """What the sides of a printed equality of numbers come to."""
    python = line.strip().replace("−", "-").replace("·", "*").replace("^", "**").replace("√", "sqrt")
    return [eval(side, {"sqrt": math.sqrt, "exp": math.exp, "log": math.log}) for side in python.split(" = ")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_text_gives_reasons_whose_numbers_hold(language: str) -> None:
    rng = np.random.default_rng(0)
    net = gn.Sequential(gn.Dense(3), gn.Tanh(), gn.Dropout(0.25), gn.Dense(2))
    traced = gn.Model(net, "cross_entropy", gn.Chain(gn.L2(0.1), gn.SGD(0.1)))
    trace = gn.trace(traced, rng.normal(size=(3, 2)), [1, 0, 1])
    text = trace.to_text(why=True, language=language)
    said = {"en": "That is the xᵀ in dW = xᵀ dy.", "zh": "dW = xᵀ dy 里的 xᵀ 就是这么来的。"}[language]
    assert "".join(said.split()) in "".join(text.split())
    assert {"en": "why dW: as in step", "zh": "dW 为什么是这样：同第"}[language] in text
    lines = text.splitlines()
    for place, line in enumerate(lines):  # a long equality goes on in the next line
        while re.match(r"^ {12}(?=\S)", line) and re.match(r"^ {12}[-−(\d]", lines[place + 1]) and line[-1] in "=+·/(":
            line = lines[place] = f"{line} {lines.pop(place + 1).strip()}"
    found = [
        sides(line) for line in lines if re.fullmatch(r" {12}[-−√(\d][^A-Za-z_\[]*( = [-−√()\d][^A-Za-z_\[]*)+", line)
    ]
    assert len(found) >= 8
    for first, *others in found:
        assert others == pytest.approx([first] * len(others), rel=5e-3, abs=1e-4)


def test_an_evaluation_is_traced_too(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = images(4)
    traced = convolutional()
    traced.fit(x, y, verbose=False)
    before = everything(traced)
    trace = gn.trace(traced, x, y, training=False)
    assert trace.loss == pytest.approx(traced.evaluate(x, y)["loss"], rel=1e-5)
    assert trace.loss != pytest.approx(gn.trace(traced, x, y).loss, rel=1e-2)
    kernels = [call.kernel for call in trace.calls]
    assert "batch_norm_predict" in kernels
    assert not any("dropout" in kernel or kernel == "batch_norm_statistics" for kernel in kernels)
    assert (trace.backward, trace.update) == ((), ())
    for language, title, gone in (("en", "one evaluation of 4 rows", "update number"), ("zh", "评估一次", "参数更新")):
        text = trace.to_text(language=language)
        assert title in text
        assert gone not in text
        page = trace.to_html(language=language)
        assert {"en": "One evaluation", "zh": "一次评估"}[language] in page
        assert 'class="update"' not in page
    after = everything(traced)
    assert all(np.array_equal(after[name], array) for name, array in before.items())
    with pytest.raises(gn.ConfigurationError, match="training"):
        gn.trace(traced, x, y, training="no")


def test_small_numbers_are_not_written_as_0() -> None:
    tiny = gn.trace(gn.Model(gn.Dense(1, weight_init=1e-7), "sum_squared_error", "sgd"), [[1.0]], [[0.0]])
    assert re.search(r"\[\[1\.e-07\]\]", str(tiny))


def test_a_terminal_gets_colours_and_a_notebook_a_page() -> None:
    trace = gn.trace(model(), [[1.0, -1.0]], [1])
    console = Console(force_terminal=True, width=100, color_system="truecolor", file=io.StringIO())
    with console.capture() as captured:
        console.print(trace)
    assert "\x1b[1m" in captured.get()
    frame = trace._repr_html_()
    assert frame.startswith("<iframe")
    assert 'sandbox="allow-scripts"' in frame
    assert "dense_backward" in frame


def test_targets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(gn.DataError, match="trace: y.*labels from 5 to 5"):
        gn.trace(model(), [[1.0, -1.0]], [5])


def test_a_page_is_written_whole_or_refused(tmp_path: Path) -> None:
    trace = gn.trace(model(), [[1.0, -1.0]], [1])
    text = trace.to_html(tmp_path / "step.html", language="zh")
    assert (tmp_path / "step.html").read_text(encoding="utf-8") == text
    assert "反向传播" in text
    with pytest.raises(gn.ConfigurationError, match="language='fr'"):
        trace.to_html(language="fr")
    with pytest.raises(gn.ConfigurationError, match="mkdir -p"):
        trace.to_html(tmp_path / "no" / "such" / "step.html")
