"""A pixel, a label and a weight changed in the playground: what follows is what a step with these numbers gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from browser import Opened
from playground_messages import number, wait

import glassnet as gn
from glassnet.playground import Session, Setting
from glassnet.playground.static import static_page

GIVEN = {"dataset": "digits", "hidden": (4,), "filters": 2, "pooling": True, "activation": "tanh", "batch_size": 5}
HASH = "#dataset=digits&hidden=4&filters=2&pooling=true&activation=tanh&batch_size=5"


@pytest.fixture(params=["served", "static"])
def page(
    request: Any, open_page: Callable[..., Opened], browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    if request.param == "served":
        window = open_page(HASH)
    else:
        path = tmp_path_factory.mktemp("what-if") / "page.html"
        path.write_text(static_page(), encoding="utf-8")
        window = Opened(browser, viewport={"width": 390, "height": 800}, locale="en-US", offline=True)
        window.page.goto(path.as_uri() + HASH)
    wait(lambda: window.page.evaluate("playground.structure?.setting.pooling === true && !!playground.frame"))
    yield window.page
    assert window.errors == []
    if request.param == "static":
        window.context.close()


def change(page: Any, text: str) -> None:
    """With the keyboard alone: the field of the number that is explained, and Enter."""
    page.locator("#panel .change input").fill(text)
    page.keyboard.press("Enter")


def loss_of(session: Session, x: Any, y: Any) -> float:
    return gn.trace(session.model, x, y).loss


def told(page: Any) -> float:
    """The loss that the bar tells, with the change."""
    return number(page.locator("#changes b").inner_text().split("→")[1])


def test_a_label_a_pixel_and_a_weight_are_changed(page: Any) -> None:
    session = Session(Setting(**GIVEN))
    rows = session.next_batch()
    x, y = session.examples.train.x[rows].copy(), session.targets[rows].copy()
    before = loss_of(session, x, y)
    page.locator("#slowly").click()
    page.locator("#walk[open]").wait_for()

    def stage(title: str) -> None:
        page.locator("#stages button", has_text=title).first.click()

    def cells(name: str) -> Any:
        """Of an array, which is drawn when it comes near the window."""
        array = page.locator(f"#stage figure[data-name={name}]").first
        array.scroll_into_view_if_needed()
        return array.locator("table.cells td, canvas")

    stage("Loss")
    cells("labels").first.click()
    y[0] = (y[0] + 3) % 10
    change(page, str(y[0]))
    after = loss_of(session, x, y)
    assert after != pytest.approx(before, abs=1e-3)
    assert told(page) == pytest.approx(after, abs=2e-4)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#changes").bounding_box()["y"] > page.locator("#walk-close").bounding_box()["y"]

    stage("Conv2D")
    cells("weight").nth(4).click()
    weight = session.model.network.layers[1].weight.value
    weight[0, 0, 1, 1] = np.float32(1.25)
    change(page, "1.25")
    assert told(page) == pytest.approx(loss_of(session, x, y), abs=2e-4)
    changed = page.locator("#stage figure[data-name=y] .differs")
    assert changed.first.inner_text()

    if page.locator("#stages button", has_text="Reshape").count():  # which the page without a server leaves out
        stage("Reshape")
    cells("x").first.click(position={"x": 3, "y": 3})
    x[0, 0] = 0.5 * (session.examples.train.scale or 1)
    change(page, "0.5")
    assert told(page) == pytest.approx(loss_of(session, x, y), abs=2e-4)

    page.locator("#changes .take-back").click()
    assert page.locator("#changes").count() == 0
    change(page, "x")
    assert page.locator("#panel .refused").inner_text()
    change(page, "2")
    page.locator("#walk-close").click()
    page.locator("#slowly").click()  # the step itself is another matter: nothing of it has changed
    page.locator("#walk[open]").wait_for()
    assert page.locator("#changes").count() == 0
    assert number(page.locator("#walk-facts").inner_text().split()[-1]) == pytest.approx(before, abs=2e-4)
