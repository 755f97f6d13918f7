"""On the page: rate and weights changed while it learns, what explains a unit, going back, probabilities, axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from browser import Opened
from playground_messages import number, updates, wait


def unit_at(page: Any, layer: int, index: int) -> dict[str, float]:
    return next(u for u in page.evaluate("playground.centres()") if (u["layer"], u["index"]) == (layer, index))


def choose_unit(page: Any, layer: int, index: int) -> None:
    page.locator("#wires").scroll_into_view_if_needed()
    place = unit_at(page, layer, index)
    page.mouse.click(place["x"], place["y"])
    page.locator("#card").wait_for()


def slide(page: Any, place: int) -> None:
    page.locator("#past").evaluate(
        "(slider, place) => { slider.value = place; slider.dispatchEvent(new Event('input')); }", place
    )


def test_a_training_is_changed_while_it_goes_on(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=circle&hidden=4,3&activation=relu&batch_size=10").page
    parameters = "Array.from(playground.frame.arrays.parameters)"
    page.locator("[data-field=learning_rate]").select_option(label="0.1")
    wait(lambda: "learning_rate=0.1" in page.evaluate("location.href"))
    for count in (1, 2, 3):
        page.locator("#step").click()
        wait(lambda count=count: updates(page) == count)
    third = page.evaluate(parameters)

    # Rate and penalty: nothing begins anew, the address and the fields say what holds.
    page.locator("[data-field=learning_rate]").select_option(label="0.001")
    page.locator("[data-field=l2]").select_option(label="0.01")
    wait(lambda: page.evaluate("[playground.frame.now.learning_rate, playground.frame.now.l2]") == [0.001, 0.01])
    wait(lambda: "learning_rate=0.001" in page.evaluate("location.href"))
    assert updates(page) == 3
    assert page.evaluate(parameters) == third

    # A unit: its bias is changed by hand, and its gradient and its output are explained.
    choose_unit(page, 1, 2)
    assert page.locator("#card-title").inner_text() == "Layer 1, unit 2"
    page.locator("#card-value").fill("-50")
    page.keyboard.press("Enter")
    bias = page.evaluate("playground.structure.layout.find((part) => part.path.endsWith('bias')).start") + 2
    wait(lambda: page.evaluate(parameters)[bias] == -50)
    assert updates(page) == 3
    wait(page.locator("#card-dead").is_visible)
    slope = number(page.locator("#card-slope").inner_text().split("=")[1])
    page.locator("#card-gradient").click()
    panel = page.locator("#panel")
    panel.locator(".difference").wait_for()
    assert number(panel.locator(".difference .number").inner_text()) == pytest.approx(slope, rel=1e-3, abs=1e-7)
    assert page.locator("#stage-note").inner_text().startswith("The gradient of this bias")
    page.locator("#walk-close").click()
    page.locator("#card-output").click()
    panel.locator("table.terms").wait_for()
    terms = [number(text) for text in panel.locator("table.terms td.number").all_inner_texts()]
    assert -50 in terms or "50" in panel.inner_text()
    page.locator("#walk-close").click()

    # A weight: from the card to the unit it leads to; a value that is none is refused in words.
    page.locator("#card-close").click()
    assert page.locator("#card").is_hidden()
    page.locator("#wires").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#card-title").inner_text() == "Layer 1, W[0, 0]"
    page.locator("#card-value").fill("1e9")
    page.keyboard.press("Enter")
    page.locator("#message").wait_for()
    assert "received value=1000000000" in page.locator("#message").inner_text()
    page.locator("#card-unit").click()
    assert page.locator("#card-title").inner_text() == "Layer 1, unit 0"
    page.keyboard.press("Escape")
    assert page.locator("#card").is_hidden()

    # Back to where the unit lived, and on from there.
    page.locator("#step").click()
    wait(lambda: updates(page) == 4)
    choose_unit(page, 1, 2)
    assert "Dead" in page.locator("#card-dead-text").inner_text()
    page.locator("#card-death").click()
    wait(lambda: updates(page) == 3)
    assert page.evaluate("playground.frame.kept.length") > page.evaluate("playground.frame.place") + 1
    slide(page, 3)
    wait(lambda: page.evaluate(parameters) == third)
    wait(lambda: page.locator("#card-dead").is_hidden())
    assert page.locator("#past-note").inner_text().startswith("Epoch 0.1 of 0.1")
    slide(page, 1)
    wait(lambda: updates(page) == 1)
    wait(lambda: "learning_rate=0.1&" in page.evaluate("location.href"))
    page.locator("#step").click()
    wait(lambda: updates(page) == 2)
    assert page.evaluate("playground.frame.kept.length") == 3
    page.locator("#reset").click()
    wait(lambda: updates(page) == 0)


def test_the_picture_says_what_it_shows(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=blobs&hidden=4", viewport={"width": 390, "height": 844}).page
    box = page.locator("#surface").bounding_box()
    page.locator("#surface").hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
    wait(lambda: page.locator("#readout").inner_text().startswith("at ("))
    assert page.locator("#readout").inner_text().endswith(" %")
    page.locator("[data-field=digits]").click()
    # The bars are there before the probabilities.
    wait(lambda: sum(text.strip() != "" for text in page.locator("#chances li > span").all_inner_texts()) == 10)
    shares = [number(text) for text in page.locator("#chances li > span").all_inner_texts()]
    assert 97 <= sum(shares) <= 103
    page.locator("#images button").nth(5).click()
    truth = page.evaluate("playground.structure.arrays.labels[5]")
    assert page.locator("#chances .right b").inner_text() == str(truth)
    sent = page.evaluate("Array.from(playground.frame.arrays.chances.slice(50, 60))")
    assert [number(text) for text in page.locator("#chances li > span").all_inner_texts()] == [
        int(100 * share + 0.5) for share in sent
    ]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
