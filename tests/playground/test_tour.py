"""The tour of a step over the diagram: what each stage shows and says, by keyboard, and without motion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from browser import Opened
from playground_messages import number, updates, wait

from glassnet.playground import Session, Setting
from glassnet.playground.frames import Frames
from glassnet.playground.past import Past
from glassnet.playground.static import static_page

HASH = "#dataset=circle&hidden=4,3&activation=tanh&batch_size=5&seed=2"
DROPS = """() => {
  const flow = document.getElementById("flow");
  const { data } = flow.getContext("2d").getImageData(0, 0, flow.width, flow.height);
  let sum = 0;
  for (let at = 3; at < data.length; at += 4) sum += data[at] * (at % 9973);
  return sum;
}"""
"""A number of where the drops are; 0 without any."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tour") / "page.html"
    path.write_text(static_page(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser: Any, file: str) -> Iterator[Callable[..., Any]]:
    windows = []

    def open_one(hash: str = HASH, **options: Any) -> Any:
        windows.append(Opened(browser, **({"viewport": {"width": 1280, "height": 800}, "locale": "en-US"} | options)))
        page = windows[-1].page
        page.goto(file + hash)
        dataset = hash.split("=")[1].split("&")[0]
        wait(lambda: page.evaluate(f"playground.structure?.setting.dataset === '{dataset}' && !!playground.frame"))
        return page

    yield open_one
    for window in windows:
        assert window.errors == []
        window.context.close()


def said(page: Any) -> str:
    return page.locator("#tour-text").inner_text()


def test_the_tour_goes_forward_and_back_over_the_diagram(opened: Callable[..., Any]) -> None:
    page = opened()
    page.select_option("#pace", "3")  # few steps, after which the engine's gradients are the page's
    page.locator("#play").click()
    wait(lambda: updates(page) > 60)
    page.locator("#tour").click()  # which pauses the training
    wait(lambda: page.locator("#tour-card").is_visible())
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    assert page.evaluate("document.activeElement.id") == "tour-next"
    done = updates(page)
    session = Session(Setting(dataset="circle", hidden=(4, 3), batch_size=5, seed=2))
    session.train(done // session.batches)
    assert page.evaluate("playground.frame.batch_rows") == session.next_batch().tolist()
    assert "5 of the training rows" in said(page)

    stages = [said(page)]
    flows = [page.evaluate(DROPS)]
    for _ in range(8):
        page.keyboard.press("ArrowRight")
        stages.append(said(page))
        flows.append(page.evaluate(DROPS))
    assert [re.split("[,:]", stage)[0] for stage in stages] == [
        "A step takes a batch", "Forward", "Forward", "Forward", "The loss", "Backward", "Backward", "Backward",
        "The update",
    ]  # fmt: skip
    assert [flow > 0 for flow in flows] == [False, True, True, True, False, True, True, True, False]

    # The gradients that are named are the largest of their layers, for the batch that comes next.
    gradients = session.gradients()
    weights = [part for part in session.model.network.layout if part.path.endswith("weight")]
    for stage, part in zip(stages[5:8], weights[::-1], strict=True):
        own = part.view(gradients)
        i, j = np.unravel_index(np.abs(own).argmax(), own.shape)
        found = re.search(r"W\[(\d+), (\d+)\] = (\S+?)[.]? (?:To|All)", stage)
        assert found, stage
        assert (int(found[1]), int(found[2])) == (i, j)
        assert number(found[3]) == pytest.approx(float(own[i, j]), rel=2e-2)

    page.keyboard.press("ArrowRight")  # does not go beyond the last stage
    page.locator("#tour-next").click()  # which takes the step
    wait(lambda: updates(page) == done + 1)
    assert page.locator("#tour-card").is_hidden()
    assert page.evaluate("document.activeElement.id") == "tour"


def test_what_flows_moves_unless_stillness_is_wanted(opened: Callable[..., Any]) -> None:
    for motion, moves in (("no-preference", True), ("reduce", False)):
        page = opened(reduced_motion=motion)
        page.locator("#tour").press("Enter")
        wait(lambda page=page: page.locator("#tour-card").is_visible())
        page.keyboard.press("Enter")
        assert said(page).startswith("Forward, layer 1")
        first = page.evaluate(DROPS)
        if moves:
            wait(lambda page=page, first=first: page.evaluate(DROPS) not in (0, first))
        else:
            assert first == 0
        page.keyboard.press("Escape")
        assert page.locator("#tour-card").is_hidden()
        assert page.evaluate(DROPS) == 0 or moves


def test_the_tour_speaks_chinese_on_a_phone(opened: Callable[..., Any]) -> None:
    phone = {"viewport": {"width": 390, "height": 800}, "locale": "zh-CN", "color_scheme": "dark"}
    page = opened("#dataset=digits&hidden=6&activation=relu&batch_size=32", **phone)
    page.locator("#tour").click()
    assert "小批量" in said(page)
    for _ in range(6):
        assert re.search("[一-鿿]{4}", said(page))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("#tour-next").click()
    assert "Adam" in said(page)


def test_frames_tell_the_next_batch_where_all_rows_are_shown() -> None:
    session = Session(Setting(dataset="moons", hidden=(2,), rows=100))
    frames = Frames(session, Past(session))
    rows = f'"batch_rows":{session.next_batch().tolist()}'.replace(" ", "").encode()
    assert rows in frames.frame(is_playing=False)
    assert b'"batch_rows":[]' in frames.frame(is_playing=True)
