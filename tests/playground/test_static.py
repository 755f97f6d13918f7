"""The playground as one file: the same training as the engine's, in a browser that may ask nobody for anything."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened
from playground_messages import number, share, train_until, updates, wait

from glassnet.cli.main import main
from glassnet.playground import Session, Setting
from glassnet.playground.settings import ACTIVATIONS, INPUTS, LOSSES, OPTIMIZERS
from glassnet.playground.static.page import worker_script
from glassnet.tracing.content import Content
from glassnet.tracing.page import script_module, steps_of

UPDATES = 200
DIGITS = {"dataset": "digits", "learning_rate": 0.003, "batch_size": 54}
CIRCLE = {"dataset": "circle", "batch_size": 12, "learning_rate": 0.01}
"""300 rows in 25 batches: eight epochs are 200 updates."""
PROBE = """import { settingOf } from "./checks.js";
import { Session } from "./session.js";
import { stepsOf } from "./trace.js";
self.steps = (given, updates) => {
  const session = new Session(settingOf(given));
  while (session.net.updates < updates) session.step();
  const before = [...session.net.parameters];
  const found = stepsOf(session, "zh");
  return { ...found, isAsBefore: session.net.parameters.every((value, place) => value === before[place]) };
};
self.trained = (given, updates) => {
  const session = new Session(settingOf(given));
  const first = [...session.net.parameters];
  const started = performance.now();
  while (session.net.updates < updates) session.step();
  const seconds = (performance.now() - started) / 1000;
  const { train, test } = session.examples;
  const scores = session.scores();
  return { seconds, first, last: [...session.net.parameters], gradients: [...session.gradients()], scores,
    x: [...train.x.subarray(0, 2000)], y: [...train.y], heldOut: [...test.x.subarray(-2000)], epochs: session.epochs };
};
"""


def settings() -> Iterator[dict[str, Any]]:
    """Every choice of every control, and the ends of some."""
    yield from ({**CIRCLE, "activation": name} for name in ACTIVATIONS)
    yield from ({**CIRCLE, "optimizer": name} for name in OPTIMIZERS)
    yield from ({**CIRCLE, "loss": name} for name in LOSSES["binary"])
    yield from ({**CIRCLE, "dataset": "plane", "loss": name} for name in LOSSES["numbers"])
    yield from ({**CIRCLE, "dataset": name} for name in ("xor", "moons", "spiral", "blobs"))
    yield {**DIGITS, "hidden": [16]}
    for size in (2, 3, 4, 5):
        yield {**DIGITS, "hidden": [6], "filters": 3, "kernel_size": size, "activation": "relu"}
    yield {**DIGITS, "hidden": [], "filters": 2, "l2": 0.01, "optimizer": "sgd", "learning_rate": 0.1}
    yield {**DIGITS, "hidden": [6], "filters": 2, "batch_norm": True, "dropout": 0.2, "optimizer": "sgd"}
    yield {**DIGITS, "hidden": [6], "filters": 3, "pooling": True, "batch_norm": True, "optimizer": "sgd"}
    yield {**DIGITS, "hidden": [6], "filters": 3, "pooling": True, "activation": "relu"}
    yield {**DIGITS, "hidden": [], "filters": 2, "pooling": True, "activation": "linear", "optimizer": "sgd"}
    yield {**CIRCLE, "l1": 0.001, "l2": 0.003, "optimizer": "adamw"}
    yield {**CIRCLE, "dropout": 0.2, "inputs": list(INPUTS), "seed": 2**31 - 1}
    yield {**CIRCLE, "batch_norm": True, "optimizer": "sgd", "learning_rate": 0.03}
    yield {"dataset": "moons", "rows": 20, "batch_norm": True, "optimizer": "sgd", "batch_size": 7}  # 7 rows and 8
    yield {**CIRCLE, "hidden": [16] * 6, "optimizer": "sgd", "learning_rate": 0.1}
    yield {**CIRCLE, "dataset": "blobs", "rows": 2000, "noise": 0.3, "hidden": [], "held_out": 0.45, "batch_size": 44}


@pytest.fixture(scope="module")
def probe(browser: Any) -> Iterator[Any]:
    window = Opened(browser)
    window.page.add_script_tag(content=worker_script(PROBE))
    yield window.page
    assert window.errors == []
    window.context.close()


@pytest.mark.parametrize("given", list(settings()), ids=lambda given: "-".join(map(str, given.values())))
def test_the_page_trains_as_the_engine_does(probe: Any, given: dict[str, Any]) -> None:
    found = probe.evaluate("([given, updates]) => trained(given, updates)", [given, UPDATES])
    session = Session(Setting.from_dict(given))
    # The rows are those of Python, sines to their last bit; weights are drawn from the same numbers.
    np.testing.assert_allclose(found["x"], session.rows.x.ravel()[:2000], atol=2e-7, rtol=0)
    np.testing.assert_allclose(found["heldOut"], session.held_out.x.ravel()[-2000:], atol=2e-7, rtol=0)
    targets = session.examples.train.y
    assert targets is not None
    np.testing.assert_array_equal(found["y"], targets.ravel())
    np.testing.assert_array_equal(np.float32(found["first"]), session.model.network.parameters)

    while session.model.optimizer.steps + session.batches <= UPDATES:
        session.train(1)
    while session.model.optimizer.steps < UPDATES:
        session.step()
    assert found["epochs"] == session.epochs
    # 100 updates a second at least, of 2-8-8-1 units some thousands; a convolution has 64 places.
    assert found["seconds"] < UPDATES / (20 if given.get("filters") else 100)
    np.testing.assert_allclose(found["last"], session.model.network.parameters, atol=1e-5, rtol=0)
    np.testing.assert_allclose(found["gradients"], session.gradients(), atol=1e-5, rtol=0)
    scores = session.scores()
    np.testing.assert_allclose(found["scores"]["loss"], scores.loss, atol=1e-5, rtol=0)
    np.testing.assert_allclose(found["scores"]["metric"], scores.metric, atol=1e-3, rtol=0)


TOLD = (
    {**CIRCLE, "hidden": [5, 3], "activation": "relu", "batch_norm": True, "dropout": 0.3, "optimizer": "sgd"},
    {**CIRCLE, "dataset": "blobs", "hidden": [4], "l2": 0.01, "optimizer": "nadam"},
    {**DIGITS, "hidden": [4], "filters": 3, "kernel_size": 4, "batch_size": 5},
    {**DIGITS, "hidden": [3], "filters": 2, "pooling": True, "batch_norm": True, "batch_size": 6, "optimizer": "sgd"},
    {**CIRCLE, "dataset": "plane", "hidden": [], "loss": "huber", "optimizer": "momentum"},
    {**CIRCLE, "dataset": "plane", "hidden": [3], "loss": "mean_absolute_error", "optimizer": "lion"},
    {**CIRCLE, "dataset": "plane", "hidden": [3], "activation": "sigmoid", "optimizer": "rmsprop", "l1": 0.001},
    {**CIRCLE, "dataset": "xor", "hidden": [3], "activation": "leaky_relu", "loss": "hinge", "optimizer": "adagrad"},
    {**CIRCLE, "dataset": "xor", "hidden": [3], "loss": "mean_squared_error", "optimizer": "nesterov"},
    {**DIGITS, "hidden": [3], "filters": 2, "kernel_size": 5, "activation": "relu", "optimizer": "adamw"},
)


@pytest.mark.parametrize("given", TOLD, ids=lambda given: "-".join(map(str, given.values())))
def test_a_step_is_told_as_the_trace_tells_it(probe: Any, given: dict[str, Any]) -> None:
    """Kernels, equations, formulas, derivations, shapes, where arrays come from, and every number."""
    found = probe.evaluate("(given) => steps(given, 2)", given)
    session = Session(Setting.from_dict(given))
    session.step()
    session.step()
    wanted = json.loads(json.dumps(steps_of(session.trace(), "zh")))
    assert found["isAsBefore"]
    assert found["loss"] == pytest.approx(wanted["loss"], abs=1e-5)
    calls, others = (told["content"]["calls"] for told in (found, wanted))
    told = {_named(wanted, call): call for call in others if not _is_view(call)}
    assert {_named(found, call) for call in calls} == set(told)
    steps = {call["step"] - 1: told[_named(found, call)]["step"] - 1 for call in calls}
    for call in calls:
        other = told[_named(found, call)]
        for name in ("equation", "unexplained", "symbols"):
            assert call[name] == other[name], (call["kernel"], name)
        there = set(call["arrays"])
        assert set(other["arrays"]) - there <= {"dx"}  # of the data nobody needs a gradient
        for name in ("formulas", "why"):
            assert call[name] == {target: own for target, own in other[name].items() if target in there}, name
        assert call["settings"] == pytest.approx(other["settings"])
        for name, array in call["arrays"].items():
            same = other["arrays"][name]
            for part in ("shape", "role", "symbol", "dtype", "letters", "part"):
                assert array.get(part) == same.get(part), (call["kernel"], name, part)
            origins = [[steps[number], source] for number, source in array.get("from", [])]
            assert origins == _before_views(others, same.get("from", []))
            np.testing.assert_allclose(_numbers(found, array), _numbers(wanted, same), atol=1e-5, rtol=0)
    for name in ("data", "parameters"):
        renamed = {
            f"{steps[int(key.split(':')[0])]}:{key.split(':')[1]}": own for key, own in found["content"][name].items()
        }
        views = [key for key in wanted["content"][name] if _is_view(others[int(key.split(":")[0])])]
        assert {key: own for key, own in renamed.items() if not (views and own == "inputs")} == {
            key: own for key, own in wanted["content"][name].items() if key not in views
        }
    stages = [(stage["phase"], stage["path"]) for stage in wanted["stages"] if not _is_view(others[stage["calls"][0]])]
    own = [(stage["phase"], stage["path"]) for stage in found["stages"]]
    assert set(own) == set(stages)
    assert [stage for stage in own if stage[0] != "update"] == [stage for stage in stages if stage[0] != "update"]


CENTRAL = """
window.differences = (found) => {
  setContent(found.content);
  const wrong = [], counts = { agrees: 0, rounding: 0, kink: 0, none: 0 }, all = [];
  for (const key of content.gradients) {
    const [number, target] = key.split(":"), call = content.calls[number], array = call.arrays[target];
    const size = array.shape.reduce((product, axis) => product * axis, 1);
    for (let place = 0; place < size; place += Math.ceil(size / 3)) {
      const central = centralDifference(Number(number), target, place);
      const [, slope, exact, left] = central ?? [];
      const own = element(array, place);
      const kind = !central ? "none" : left !== undefined ? "kink" : verdictOf(own, slope, exact, null);
      if (kind in counts) counts[kind]++;
      else wrong.push([call.kernel, target, place, own, slope, exact, kind]);
      if (central) all.push([call.kernel, call.path, target, place, slope]);
    }
  }
  return { wrong, counts, all };
};
"""


@pytest.fixture(scope="module")
def panel(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The scripts that explain numbers, on a page of their own."""
    window = Opened(browser)
    body = '<aside id="panel" hidden></aside><div id="announced"></div><div id="tip"></div>'
    text = f'<!doctype html>{body}<script type="module">{script_module()}{CENTRAL}</script>'
    yield window.show(text, tmp_path_factory.mktemp("panel"))
    assert window.errors == []
    window.context.close()


@pytest.mark.parametrize("given", TOLD[:2] + TOLD[3:9], ids=lambda given: "-".join(map(str, given.values())))
def test_central_differences_are_worked_out_in_the_page(probe: Any, panel: Any, given: dict[str, Any]) -> None:
    """Of parameters and of what goes back from layer to layer: as gn.trace has them, and they fit the gradients."""
    found = panel.evaluate("differences", probe.evaluate("(given) => steps(given, 2)", given))
    assert found["wrong"] == []
    counts = found["counts"]
    assert counts["agrees"] + counts["rounding"] > 10 * counts["kink"]
    session = Session(Setting.from_dict(given))
    session.step()
    session.step()
    wanted = {
        (own.call.kernel, own.call.path, name, place): slopes.central
        for own in Content(session.trace()).entries
        for name, differences in own.differences.items()
        for place, slopes in differences.items()
    }
    both = [(slope, wanted[tuple(key)]) for *key, slope in found["all"] if tuple(key) in wanted]
    assert len(both) >= 5
    np.testing.assert_allclose(*np.transpose(both), atol=1e-5, rtol=0)


def _is_view(call: dict[str, Any]) -> bool:
    return bool(call["kernel"].startswith("view_"))


def _before_views(calls: list[dict[str, Any]], origins: list[Any]) -> list[Any]:
    """Who wrote an array, where some only gave it another shape."""
    while origins and _is_view(calls[origins[0][0]]):
        arrays = calls[origins[0][0]]["arrays"]
        origins = arrays.get("x", arrays.get("dy"))["from"]
    return origins


def _named(told: dict[str, Any], call: dict[str, Any]) -> tuple[str, str]:
    """A call by its kernel and its layer, or the parameter that an update or a penalty is about."""
    keys = [f"{call['step'] - 1}:{name}" for name in ("gradients", "weight", "parameters")]
    paths = [told["content"]["parameters"][key] for key in keys if key in told["content"]["parameters"]]
    return call["kernel"], paths[0] if call["path"] == "optimizer" else call["path"]


def _numbers(told: dict[str, Any], array: dict[str, Any]) -> np.ndarray:
    entry = told["content"]["arrays"][array["id"]]
    return np.frombuffer(b64decode(entry["values"]), {"f4": "<f4", "f8": "<f8", "i4": "<i4"}[entry["kind"]])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("static") / "lesson.html"
    for _ in range(2):  # the second takes the place of the first
        assert main(["playground", "--static", str(path)]) == 0
    return path


@pytest.fixture
def window(browser: Any, file: Path) -> Iterator[Opened]:
    """The page opened from the disk, without a network; it may ask for itself and for its worker alone."""
    window = Opened(browser, viewport={"width": 1280, "height": 800}, locale="en-US", offline=True)
    yield window
    assert window.errors == []
    assert [url for url in window.requests if url.split("#")[0] != file.as_uri() and not url.startswith("blob:")] == []
    window.context.close()


def opened(window: Opened, file: Path, hash: str = "") -> Any:
    window.page.goto(file.as_uri() + hash)
    window.page.wait_for_selector("body[data-updates]")
    return window.page


def test_a_link_opens_a_lesson_from_the_disk(window: Opened, file: Path) -> None:
    page = opened(window, file, "#dataset=circle&hidden=8,8&activation=tanh&batch_size=10&seed=3&hide=l1")
    assert page.locator('[data-field="seed"]').input_value() == "3"
    assert page.locator('[data-field="l1"]').is_hidden()
    for served in ("#texts-page", "#code", "#model", ".upload"):
        assert page.locator(served).is_hidden(), served
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    page.keyboard.press("e")
    wait(lambda: updates(page) == 30)
    session = Session(Setting(dataset="circle", hidden=(8, 8), batch_size=10, seed=3))
    session.train(1)
    weights = page.evaluate("[...playground.frame.arrays.parameters]")
    np.testing.assert_allclose(weights, session.model.network.parameters, atol=1e-5, rtol=0)

    train_until(page, lambda: share(page.locator("#metric-1").inner_text()) >= 95)


def test_rates_weights_and_the_past_change_in_the_page(window: Opened, file: Path) -> None:
    page = opened(window, file, "#dataset=moons&hidden=4&optimizer=sgd&batch_size=300")
    page.keyboard.press("e")
    wait(lambda: updates(page) == 1)
    rates = page.locator('[data-field="learning_rate"]')
    rates.select_option(label="0.3")
    wait(lambda: page.evaluate("playground.frame.now.learning_rate === 0.3"))
    before = page.evaluate("[playground.frame.arrays.parameters[0], playground.frame.arrays.gradients[0]]")
    page.keyboard.press("s")
    wait(lambda: updates(page) == 2)
    after = page.evaluate("playground.frame.arrays.parameters[0]")
    assert after == pytest.approx(before[0] - 0.3 * before[1], abs=1e-6)
    page.locator("#wires").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator("#card-value").fill("2.5")
    page.keyboard.press("Tab")
    wait(lambda: page.evaluate("playground.frame.arrays.parameters[0] === 2.5"))
    page.locator("#past").fill("0")
    wait(lambda: page.evaluate("playground.frame.updates === 0 && playground.frame.place === 0"))


def test_one_step_is_told_slowly_in_the_page(window: Opened, file: Path) -> None:
    page = opened(window, file, "#dataset=digits&hidden=4&filters=2&activation=tanh&batch_size=6")
    wait(lambda: page.evaluate("playground.structure?.kernel_size === 3 && !!playground.frame"))
    page.locator("#slowly").click()
    page.locator("#walk[open]").wait_for()
    titles = []
    while True:
        titles.append(page.locator("#stage-title").inner_text())
        assert page.locator("#stage article .plain").first.inner_text()
        if page.locator("#next-stage").inner_text() == "Take this step":
            break
        page.locator("#next-stage").click()
    assert titles[:3] == ["Forward · Conv2D(2, 3, padding='same')", "Forward · Tanh", "Forward · Dense(4)"]
    assert len(titles) == 5 + 1 + 1 + 5 + 6  # forward, the loss and its slope, backward, a parameter each
    page.locator("#next-stage").click()  # which takes the step
    wait(lambda: updates(page) == 1)

    place = page.evaluate("playground.centres().find((unit) => unit.layer === 1 && unit.index === 1)")
    page.mouse.click(place["x"], place["y"])
    page.locator("#patch-cells button").nth(4).click()
    slope = number(page.locator("#card-slope").inner_text().split("=")[1])
    page.locator("#card-gradient").click()
    panel = page.locator("#panel")
    panel.locator("table.terms").wait_for()
    assert abs(slope) > 1e-6
    assert number(panel.locator(".total math").first.text_content().split("=")[1]) == pytest.approx(slope, rel=2e-3)
    assert "Central difference of the loss" in panel.inner_text()
    assert panel.locator(".verdict.agrees, .verdict.rounding").count() == 1
    page.locator("#walk-close").click()


def test_the_page_says_what_helps_where_nothing_happens(window: Opened, file: Path) -> None:
    page = opened(window, file, "#dataset=circle&hidden=&activation=tanh&batch_size=30")
    page.select_option("#pace", "30")
    page.locator("#play").click()
    page.locator("#advice").wait_for()
    assert "Without a hidden layer" in page.locator("#cures").inner_text()
    page.locator("#cures button").first.click()
    wait(lambda: len(page.evaluate("playground.structure.units")) >= 3)
    assert page.locator("#advice").is_hidden()
    wait(lambda: page.evaluate("playground.frame?.metric?.[0] ?? 0") > 0.9)


def test_digits_and_classes_are_learned_in_the_page(window: Opened, file: Path) -> None:
    page = opened(window, file, "#dataset=digits&hidden=12&activation=relu&learning_rate=0.003&batch_size=32")
    train_until(page, lambda: share(page.locator("#metric-1").inner_text()) >= 90)
    assert page.locator("#images .right").count() >= 32
    page.locator('[data-field="blobs"]').click()
    wait(lambda: page.evaluate("playground.structure.setting.dataset === 'blobs'"))
    train_until(page, lambda: share(page.locator("#metric-1").inner_text()) >= 90)


@pytest.mark.parametrize(("bad", "said"), [("hidden=99", "at most 6 layers"), ("dataset=nothing", "dataset")])
def test_a_link_that_asks_for_too_much_is_refused(window: Opened, file: Path, bad: str, said: str) -> None:
    page = opened(window, file, f"#{bad}")
    page.wait_for_selector("#message:not([hidden])")
    assert said in page.locator("#message").inner_text()
    page.locator("#step").click()  # and what was there before goes on
    wait(lambda: updates(page) == 1)


def test_a_loss_without_bounds_is_told(window: Opened, file: Path) -> None:
    page = opened(window, file, "#dataset=plane&hidden=4&activation=relu&optimizer=sgd&learning_rate=10&batch_size=1")
    page.locator("#play").click()
    page.wait_for_selector("#message:not([hidden])")
    assert "Lower the learning rate" in page.locator("#message").inner_text()
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    assert np.isfinite(page.evaluate("[...playground.frame.arrays.parameters]")).all()


def test_the_page_speaks_chinese_on_a_phone(browser: Any, file: Path) -> None:
    window = Opened(browser, viewport={"width": 390, "height": 800}, locale="zh-CN", offline=True)
    page = opened(window, file)
    assert "本页" in page.locator("footer").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert window.errors == []
    window.context.close()


@pytest.mark.parametrize(("more", "said"), [(["flowers.csv"], "built-in data"), (["--port", "8000"], "--port")])
def test_what_has_no_place_in_the_file_is_refused(
    more: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["playground", *more, "--static", str(tmp_path / "page.html")]) != 0
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
