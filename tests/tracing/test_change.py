"""Numbers changed on a trace's page: what the page computes anew is what NumPy's engine gives for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium

import glassnet as gn
from glassnet.core.places import place_of
from glassnet.core.shapes import Array
from glassnet.runners import KernelCall
from glassnet.tracing.calls import arrays_of, parameters_of

ARRAYS = """() => glassnet.content.calls.map((call) => Object.fromEntries(Object.entries(call.arrays).map(
  ([name, array]) => [name, Array.from({ length: array.shape.reduce((a, b) => a * b, 1) }, (_, i) =>
    glassnet.element(array, i))])))"""
MOST = 8
"""No more parts of the data and parameters of a network are changed."""
CHANGE = "([number, name, place, value]) => glassnet.change(number, name, place, value)"


@pytest.fixture(scope="module")
def window() -> Iterator[Opened]:
    with chromium() as browser:
        yield Opened(browser, viewport={"width": 1280, "height": 800})


def arrays_in(trace: gn.Trace) -> list[tuple[KernelCall, dict[str, Array]]]:
    """The calls in the page's order with their arrays."""
    calls = [*trace.forward, *trace.loss_forward, *trace.backward, *(call for _, call in trace.update)]
    return [(call, arrays_of(call)) for call in calls]


def compare(page: Any, trace: gn.Trace, tolerance: float) -> int:
    """Every array of the page with those of the trace; returns how many numbers."""
    calls, found, count = arrays_in(trace), page.evaluate(ARRAYS), 0
    assert len(found) == len(calls)
    for (call, expected), arrays in zip(calls, found, strict=True):
        assert arrays.keys() == expected.keys()
        for name, array in expected.items():
            flat = array.reshape(-1).astype(np.float64)
            size = float(np.abs(flat[np.isfinite(flat)]).max(initial=0.0))
            # What is 0 but for rounding, such as the gradient of a bias before batch norm, has no size of its own.
            limit = tolerance * max(size, 1e-5)
            np.testing.assert_allclose(arrays[name], flat, rtol=0, atol=limit, err_msg=f"{call.kernel} {name}")
            count += flat.size
    return count


class Case:
    """A model and its batch, and how to change one number of them."""

    def __init__(self, model: gn.Model, x: Any, y: Any) -> None:
        self.model, self.x, self.y = model, np.asarray(x, dtype=float), np.asarray(y)
        model.fit(self.x, self.y, epochs=1, verbose=False)

    def trace(self) -> gn.Trace:
        return gn.trace(self.model, self.x, self.y)

    def changes(
        self, trace: gn.Trace, rng: np.random.Generator
    ) -> Iterator[tuple[str, int, str, int, float, gn.Trace]]:
        """For each part of the data and each parameter: call, array, place, value, and the trace that has it."""
        for number, name, kind in first_readers(trace)[:MOST]:
            array = trace.calls[number].inputs[name]
            place = int(rng.integers(array.size))
            if kind in ("inputs", "targets"):
                data = self.x if kind == "inputs" else self.y
                is_whole = array.dtype.kind in "iu" or (kind == "inputs" and bool(trace.subject.network.demands))
                old = data.reshape(-1)[place]
                value = float((old + 1) % 3) if is_whole else float(np.float32(old + 0.75))
                data = data.copy()
                data.reshape(-1)[place] = value
                x, y = (data, self.y) if kind == "inputs" else (self.x, data)
                yield kind, number, name, place, value, gn.trace(self.model, x, y)
            else:
                parameter = self.model.network.layout
                segment = next(s for s in parameter if s.path == kind)
                view = segment.view(self.model.network.parameters).reshape(-1)
                if array.size != view.size:
                    continue
                old = float(view[place])
                value = float(np.float32(old + 0.25))
                view[place] = value
                changed = gn.trace(self.model, self.x, self.y)
                view[place] = old
                yield kind, number, name, place, value, changed


def first_readers(trace: gn.Trace) -> list[tuple[int, str, str]]:
    """Where the inputs, the targets and each parameter are read first."""
    subject, found = trace.subject, dict[str, tuple[int, str]]()
    wholes = {place_of(subject.rows.x): "inputs", place_of(subject.rows.targets): "targets"}
    for number, call in enumerate(trace.calls[: trace.ends[1]]):
        kinds = {name: wholes[place] for name, place in call.extents.items() if place in wholes}
        for name, kind in (kinds | parameters_of(call, subject.network.layout, trace.buffers)).items():
            if name in call.inputs:
                found.setdefault(kind, (number, name))
    order = sorted(found, key=lambda kind: kind not in wholes.values())
    return [(*found[kind], kind) for kind in order]


def dense() -> Case:
    data = gn.data.digits()
    model = gn.Model(gn.Sequential(gn.Dense(12), gn.ReLU(), gn.Dense(10)), "cross_entropy", gn.Adam(), dtype="float32")
    return Case(model, data.x[:6] / 16, data.y[:6])


def images() -> Case:
    rng = np.random.default_rng(0)
    net = gn.Sequential(
        *(gn.Conv2D(3, 3, padding="same"), gn.BatchNorm(), gn.ReLU(), gn.MaxPool2D(2)),
        *(gn.Residual(gn.Conv2D(3, 3, padding="same")), gn.Dropout(0.3), gn.Flatten()),
        *(gn.Concat([gn.Dense(4), gn.Tanh()], gn.Dense(3)), gn.Dense(4)),
    )
    optimizer = gn.Chain(gn.L2(0.02), gn.SGD(0.1, momentum=0.9))
    model = gn.Model(net, "cross_entropy", optimizer, dtype="float64")
    return Case(model, rng.normal(size=(3, 2, 6, 6)), [0, 3, 1])


def series() -> Case:
    rng = np.random.default_rng(1)
    net = gn.Sequential(gn.LSTM(3), gn.Dense(2))
    return Case(gn.Model(net, "mse", gn.Adam(), dtype="float64"), rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 2)))


def words() -> Case:
    rng = np.random.default_rng(2)
    net = gn.Sequential(
        *(gn.Embedding(5, 4), gn.PositionalEncoding(), gn.TransformerBlock(2, 4, causal=True)),
        *(gn.GRU(3, return_sequences=True, reverse=True), gn.Dense(5)),
    )
    model = gn.Model(net, "cross_entropy", gn.Adam(), dtype="float64")
    return Case(model, rng.integers(0, 3, (2, 4)), rng.integers(0, 3, (2, 4)))


@pytest.mark.parametrize(
    ("make", "least"), [(dense, 6), (images, 8), (series, 5), (words, 8)], ids=["dense", "images", "series", "words"]
)
def test_what_follows_from_a_changed_number_is_what_the_engine_gives(
    make: Callable[[], Case], least: int, window: Opened, tmp_path: Path
) -> None:
    case = make()
    trace = case.trace()
    page = window.show(trace.to_html(), tmp_path)
    recorded = page.evaluate(ARRAYS)
    kinds = []
    for kind, number, name, place, value, changed in case.changes(trace, np.random.default_rng(5)):
        assert page.evaluate(CHANGE, [number, name, place, value]) == ""
        assert page.evaluate(ARRAYS) != recorded
        assert compare(page, changed, 1e-6 if case.model.dtype == np.float32 else 1e-9) > 500
        page.evaluate("() => glassnet.takeBack()")
        kinds.append(kind)
    assert len(kinds) >= least
    assert {"inputs", "targets"} <= set(kinds)
    assert page.evaluate(ARRAYS) == recorded
    assert window.errors == []


def test_several_numbers_can_be_changed_one_after_the_other(window: Opened, tmp_path: Path) -> None:
    case = dense()
    trace = case.trace()
    page = window.show(trace.to_html(), tmp_path)
    label = next(i for i, call in enumerate(trace.calls) if "labels" in call.inputs)
    assert page.evaluate(CHANGE, [0, "x", 20, 0.5]) == ""
    assert page.evaluate(CHANGE, [label, "labels", 1, 7]) == ""
    case.x.reshape(-1)[20], case.y[1] = 0.5, 7
    compare(page, case.trace(), 1e-6)
    assert page.locator("#changes .changed").count() == 2
    assert page.evaluate(CHANGE, [0, "x", 20, float(np.float32(trace.calls[0].inputs["x"].reshape(-1)[20]))]) == ""
    assert page.locator("#changes .changed").count() == 1  # what is as it was is no change


def test_the_recorded_numbers_come_out_first(window: Opened, tmp_path: Path) -> None:
    page = window.show(dense().trace().to_html(), tmp_path)
    found = page.evaluate("() => glassnet.rehearse()")
    assert found["count"] > 4000
    assert found["exact"] > found["count"] / 2
    assert found["worst"] < 4


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"*": (a, b) => a * b', '"*": (a, b) => a + b'),
        ("exp: Math.exp", "exp: (x) => Math.exp(x) * 1.001"),
        ("total += value;", "total += terms ? value : 0;"),
    ],
)
def test_a_wrong_line_is_noticed_before_anything_is_computed_anew(
    right: str, wrong: str, window: Opened, tmp_path: Path
) -> None:
    text = dense().trace().to_html()
    assert right in text
    page = window.show(text.replace(right, wrong), tmp_path)
    said = page.evaluate(CHANGE, [0, "x", 20, 0.5])
    assert "gives other numbers than were recorded" in said
    assert not page.evaluate("Boolean(glassnet.content.changed)")


class Doubled(gn.NumpyLayer):
    """A layer of one's own."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        return 2 * x, None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return 2 * dy, {}


def refusals() -> Iterator[tuple[gn.Network, Any, Any, Any, str, float, str]]:
    """Network, loss, x, y, then what is changed to what, and what the page says."""
    x, y = np.random.default_rng(0).normal(size=(2, 3)), np.array([0, 1])
    dense = gn.Sequential(gn.Dense(2))
    yield dense, "cross_entropy", x, y, "labels", 2.0, "a whole number from 0 to 1"
    yield dense, "cross_entropy", x, y, "labels", 0.5, "a whole number from 0 to 1"
    yield dense, gn.losses.CrossEntropy(class_weight={1: 2.0}), x, y, "labels", 1.0, "weight of each row"
    shares = np.array([[0.25, 0.75], [0.5, 0.5]])
    yield dense, "cross_entropy", x, shares, "targets", 0.5, "belong together"
    yield dense, "binary_cross_entropy", x, shares, "targets", 1.5, "a number from 0 to 1"
    yield (
        gn.Sequential(gn.Embedding(4, 2), gn.Flatten(), gn.Dense(2)),
        "cross_entropy",
        y[:, None],
        y,
        "x",
        4.0,
        "0 to 3",
    )
    yield gn.Sequential(Doubled(), gn.Dense(2)), "cross_entropy", x, y, "x", 1.0, "Python code of its own"
    images = np.random.default_rng(0).normal(size=(2, 1, 4, 4))
    augmented = gn.Sequential(gn.Augment(shift=1), gn.Flatten(), gn.Dense(2))
    yield augmented, "cross_entropy", images, y, "x", 1.0, "changes its images at random"
    large = np.zeros((2, 3000))
    wide = gn.Sequential(gn.Dense(1200), gn.Dense(2))
    yield wide, "cross_entropy", large, y, "x", 1.0, "does not hold all numbers"


@pytest.mark.parametrize("case", list(refusals()), ids=lambda case: case[-1] if isinstance(case, tuple) else None)
def test_what_cannot_be_computed_anew_is_refused_with_a_sentence(
    case: tuple[Any, ...], window: Opened, tmp_path: Path
) -> None:
    net, loss, x, y, name, value, sentence = case
    trace = gn.trace(gn.Model(net, loss, gn.SGD(0.1)), x, y)
    number = next(i for i, call in enumerate(trace.calls) if name in call.inputs)
    page = window.show(trace.to_html(), tmp_path)
    assert sentence in page.evaluate(CHANGE, [number, name, 0, value])
    assert page.locator("#changes").count() == 0
    assert window.errors == []


def test_it_can_be_done_with_the_keyboard_and_taken_back(window: Opened, tmp_path: Path) -> None:
    case = dense()
    page = window.show(case.trace().to_html(), tmp_path)
    page.locator('figure[data-call="0"][data-name="x"] .view').scroll_into_view_if_needed()
    page.locator('figure[data-call="0"][data-name="x"] .view').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".change input").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("−0.5")
    page.keyboard.press("Enter")
    bar = page.locator("#changes")
    assert "x[0, 1]: 0 → −0.5" in bar.inner_text()
    assert "loss " in bar.inner_text()
    assert "calculated numbers differ" in page.locator("#announced").inner_text()
    assert "recorded: 0" in page.locator(".panel-head").inner_text()
    case.x.reshape(-1)[1] = -0.5
    compare(page, case.trace(), 1e-6)
    page.evaluate("glassnet.drawAll()")
    differing = page.locator('figure[data-call="0"][data-name="y"] .differs').inner_text()
    assert differing.startswith("12 of 72 differ")  # the row whose pixel it was
    page.keyboard.type("no number")
    page.keyboard.press("Enter")
    assert page.locator(".refused").inner_text() == "Type a finite number."
    page.locator(".take-back").focus()
    page.keyboard.press("Enter")
    assert bar.count() == 0
    assert page.locator(".differs").count() == 0
    assert window.errors == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_shows_what_was_changed(language: str, window: Opened, tmp_path: Path) -> None:
    phone = Opened(window.context.browser, viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = phone.show(images().trace().to_html(language=language), tmp_path)
    assert page.evaluate(CHANGE, [0, "x", 20, 1e-7]) == ""
    page.evaluate("glassnet.drawAll(); glassnet.choose(0, 'x', 20)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".change input").is_visible()
    assert ("损失" if language == "zh" else "loss") in page.locator("#changes").inner_text()
    assert phone.errors == []
    phone.context.close()


def test_an_evaluation_and_parameters_that_are_0_can_be_changed_too(window: Opened, tmp_path: Path) -> None:
    net = gn.Sequential(gn.Dense(4), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.5), gn.Dense(2))
    model = gn.Model(net, "cross_entropy", gn.Adam(), dtype="float64")
    x, y = np.random.default_rng(3).normal(size=(3, 5)), [0, 1, 1]
    page = window.show(gn.trace(model, x, y, training=False).to_html(), tmp_path)
    chip = page.locator('button.chip[data-call="0"][data-name="bias"]')
    assert "all 0" in chip.inner_text()
    chip.focus()
    page.keyboard.press("Enter")  # unfolds
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".change input").fill("0.5")
    page.keyboard.press("Enter")
    assert page.locator("#changes .changed").inner_text() == "b[1]: 0 → 0.5"
    bias = next(segment for segment in net.layout if segment.path == "0.bias")
    bias.view(net.parameters)[1] = 0.5
    compare(page, gn.trace(model, x, y, training=False), 1e-9)
    assert window.errors == []
