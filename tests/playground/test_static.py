"""The playground as one file: the same training as the engine's, in a browser that may ask nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened
from playground_messages import share, train_until, updates, wait

from glassnet.cli.main import main
from glassnet.playground import Session, Setting
from glassnet.playground.settings import ACTIVATIONS, INPUTS, LOSSES, OPTIMIZERS
from glassnet.playground.static.page import worker_script

UPDATES = 200
DIGITS = {"dataset": "digits", "learning_rate": 0.003, "batch_size": 54}
CIRCLE = {"dataset": "circle", "batch_size": 12, "learning_rate": 0.01}
"""300 rows in 25 batches: eight epochs are 200 updates."""
PROBE = """import { settingOf } from "./checks.js";
import { Session } from "./session.js";
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
    for served in ("#texts-page", "#code", "#model", "#slowly", ".upload", "#card-gradient"):
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


def test_the_page_says_what_helps_where_nothing_happens(window: Opened, file: Path) -> None:
    page = opened(window, file, "#dataset=circle&hidden=&activation=tanh&batch_size=30")
    page.select_option("#pace", "30")
    page.locator("#play").click()
    page.locator("#advice").wait_for()
    assert "Without a hidden layer" in page.locator("#cures").inner_text()
    page.locator("#cures button").first.click()
    wait(lambda: len(page.evaluate("playground.structure.units")) >= 3)
    assert page.locator("#advice").is_hidden()
    wait(lambda: page.evaluate("playground.frame?.metric[0]") > 0.9)


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
