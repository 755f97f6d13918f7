"""A convolution on the handwritten digits: its maps, and on the page the place of a filter, its weights and its sum."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from browser import Opened
from playground_messages import number, unpack, updates, wait

import glassnet as gn
from glassnet.playground import Session, Setting
from glassnet.playground.frames import Frames
from glassnet.playground.past import Past
from glassnet.playground.picture import hidden_outputs
from glassnet.playground.static import static_page

GIVEN = {"dataset": "digits", "hidden": (6,), "filters": 3, "kernel_size": 4, "activation": "tanh", "batch_size": 64}
HASH = "#dataset=digits&hidden=6&filters=3&kernel_size=4&activation=tanh&batch_size=64"


def test_frames_have_the_maps_of_the_pictures_that_are_shown() -> None:
    session = Session(Setting(**GIVEN))
    session.train(1)
    past = Past(session)
    frames = Frames(session, past)
    structure, shown = unpack(frames.structure())
    assert (structure["units"], structure["kernel_size"]) == ([64, 3, 6, 10], 4)
    _, arrays = unpack(frames.frame(is_playing=False))
    assert arrays["signals"].shape == (6, 40)
    convolution, activation = session.model.network.layers[1:3]
    x = np.float32(shown["images"].reshape(-1, 1, 8, 8) / 255).round(8)
    x = np.float32(np.round(16 * x) / 16)
    run = gn.NumpyRunner()
    maps, _ = convolution.forward(run, x, training=False)
    maps, _ = activation.forward(run, maps, training=False)
    np.testing.assert_allclose(arrays["maps"], maps, atol=1e-6)


def test_a_filter_that_answers_nothing_is_dead_and_units_keep_their_numbers() -> None:
    session = Session(Setting(**GIVEN | {"activation": "relu"}))
    past = Past(session)
    known = past.deaths()  # of six units some are dead from the start
    starts = {part.path: part.start for part in session.model.network.layout}
    session.change("weight", -100.0, starts["1.bias"] + 1)
    past.keep()
    assert set(past.deaths()) - set(known) == {(1, 1)}
    assert (3 + 2, 0) not in known
    session.change("weight", -1000.0, starts["4.bias"] + 2)
    past.keep()
    assert set(past.deaths()) - set(known) == {(1, 1), (3 + 2, 2)}


def test_maps_that_are_normalised_and_pooled_are_shown_before_pooling() -> None:
    session = Session(Setting(**GIVEN | {"pooling": True, "batch_norm": True, "activation": "relu"}))
    session.train(1)
    names = [type(layer).__name__ for layer in session.model.network.layers]
    assert names[1:8] == ["Conv2D", "BatchNorm", "ReLU", "MaxPool2D", "Flatten", "Dense", "BatchNorm"]
    assert session.model.network.layout[-2].shape == (6, 10)
    past = Past(session)
    _, arrays = unpack(Frames(session, past).frame(is_playing=False))
    assert (arrays["maps"].shape, arrays["signals"].shape) == ((40, 3, 8, 8), (6, 40))
    assert len(past.states[0].is_dead) == 3 + 6
    hidden, outputs = hidden_outputs(session, session.held_out.x[:40])
    assert [values.shape for values in hidden] == [(40, 3, 8, 8), (40, 6)]
    np.testing.assert_allclose(outputs, session.outputs(session.held_out.x[:40]), atol=1e-5)


def test_other_data_go_without_it() -> None:
    session = Session(Setting(dataset="moons", filters=4))
    assert session.filters == 0
    assert [type(layer).__name__ for layer in session.model.network.layers][:2] == ["Dense", "Tanh"]


@pytest.fixture(scope="module")
def window(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    path = tmp_path_factory.mktemp("convolution") / "page.html"
    path.write_text(static_page(), encoding="utf-8")
    window = Opened(browser, viewport={"width": 1280, "height": 900}, locale="en-US", offline=True)
    window.page.goto(path.as_uri() + HASH)
    wait(lambda: window.page.evaluate("playground.structure?.kernel_size === 4 && !!playground.frame"))
    yield window
    assert window.errors == []
    window.context.close()


def centre(page: Any, layer: int, index: int) -> dict[str, float]:
    page.locator("#wires").scroll_into_view_if_needed()
    found = page.evaluate("playground.centres()")
    return next(one for one in found if (one["layer"], one["index"]) == (layer, index))


def choose_map(page: Any, index: int) -> None:
    place = centre(page, 1, index)
    page.mouse.click(place["x"] + 2, place["y"] + 2)  # beside its middle: row 4, column 4
    page.locator("#patch").wait_for()


def the_sum(page: Any) -> tuple[str, list[float]]:
    """The pixel, and the numbers that are said of it: the sum of the products, with the bias, after the activation."""
    said = page.locator("#patch-sum").inner_text()
    return re.findall(r"\((\d, \d)\)", said)[0], [
        number(text) for text in re.findall(r"(?<=[: ])[−\d.][\d.·⁻⁰¹²³⁴-⁹]*(?=[,.]? |,|$)", said.split(")")[1])
    ]


def test_a_click_on_a_map_shows_what_its_pixel_is_made_of(window: Opened) -> None:
    page = window.page
    page.keyboard.press("s")
    wait(lambda: updates(page) == 1)
    choose_map(page, 1)
    assert page.locator("#card-title").inner_text() == "Layer 1, filter 1"
    for key, pixel in ((None, (4, 4)), ("ArrowLeft", (4, 3)), ("ArrowUp", (3, 3)), ("corner", (7, 7))):
        if key == "corner":
            box = page.locator("#patch-map").bounding_box()
            page.mouse.click(box["x"] + 126, box["y"] + 126)
        elif key:
            page.locator("#patch-map").focus()
            page.keyboard.press(key)
        session = Session(Setting(**GIVEN))
        session.step()
        layers = session.model.network.layers
        run, image = gn.NumpyRunner(), session.held_out.x[:1].reshape(1, 1, 8, 8)
        sums, _ = layers[1].forward(run, image, training=False)
        bias = layers[1].bias.value[1]
        total = float(sums[0, 1][pixel])
        name, numbers = the_sum(page)
        assert name == f"{pixel[0]}, {pixel[1]}"
        assert numbers == pytest.approx([total - bias, total, np.tanh(total)], abs=2e-4)
        padded = np.pad(image[0, 0], (1, 2))  # of four rows one lies above, two below
        under = padded[pixel[0] : pixel[0] + 4, pixel[1] : pixel[1] + 4].ravel()
        factors = [number(text.split("·")[0]) for text in page.locator("#patch-cells small").all_inner_texts()]
        assert factors == pytest.approx(under, abs=1e-3)
        assert page.locator("#patch-cells .outside").count() == (12 if key == "corner" else 0)  # of 16
        assert page.locator("#patch-outside").is_visible() == (key == "corner")


def test_a_weight_of_the_filter_is_changed_by_hand(window: Opened) -> None:
    page = window.page
    choose_map(page, 1)
    page.locator("#patch-cells button").nth(5).focus()
    page.keyboard.press("ArrowRight")  # from cell to cell
    page.keyboard.press("Enter")
    assert page.locator("#card-title").inner_text() == "Layer 1, W[1, 0, 1, 2]"
    before = page.evaluate("[...playground.frame.arrays.maps]")
    page.locator("#card-value").fill("2.5")
    page.keyboard.press("Enter")
    wait(lambda: page.evaluate("playground.frame.arrays.parameters[16 + 6]") == 2.5)
    assert page.locator("#patch-cells button").nth(6).get_attribute("aria-pressed") == "true"
    assert page.locator("#patch-cells button").nth(6).get_attribute("aria-label") == "W[1, 0, 1, 2] = 2.5"
    changed = np.reshape(page.evaluate("[...playground.frame.arrays.maps]"), (40, 3, 64)) != np.reshape(
        before, (40, 3, 64)
    )
    assert changed[:, 1].any()
    assert not changed[:, [0, 2]].any()
    page.locator("#card-unit").click()
    assert page.locator("#card-title").inner_text() == "Layer 1, filter 1"


def test_the_filter_slides_when_it_is_told_to(window: Opened) -> None:
    page = window.page
    choose_map(page, 1)
    page.locator("#patch-map").focus()
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
    assert the_sum(page)[0] == "0, 0"
    page.locator("#patch-slide").click()
    wait(lambda: the_sum(page)[0] not in ("0, 0", "0, 1"))
    page.locator("#patch-slide").click()
    assert page.locator("#patch-slide").inner_text() == "Slide the filter"
    page.locator("#images button").nth(3).click()  # another picture under it
    _, numbers = the_sum(page)
    assert numbers[2] == pytest.approx(np.tanh(numbers[1]), abs=2e-4)
    page.locator("#card-close").click()
    assert page.locator("#patch").is_hidden()


def test_weights_of_a_line_that_stands_for_many_are_reached(window: Opened) -> None:
    page = window.page
    place = page.evaluate("playground.middles().find((wire) => wire.layer === 1 && wire.i === 2 && wire.j === 3)")
    page.mouse.click(place["x"], place["y"])
    wait(page.locator("#card-weights button").nth(63).is_visible)
    page.locator("#card-weights button").nth(10).click()
    wire = re.findall(r"W\[(\d+), (\d+)\]", page.locator("#card-title").inner_text())[0]
    at = page.evaluate("Number(document.getElementById('card-value').dataset.place)")
    session = Session(Setting(**GIVEN))
    part = next(part for part in session.model.network.layout if part.path == "4.weight")
    assert divmod(at - part.start, 6) == (int(wire[0]), int(wire[1]))
    assert int(wire[0]) % 64 == 10
    page.locator("#card-close").click()


def test_the_tour_lets_the_filters_slide(window: Opened) -> None:
    page = window.page
    page.locator("#tour").click()
    page.keyboard.press("ArrowRight")
    wait(lambda: "slides over the digit" in page.locator("#tour-text").inner_text())
    shown = "document.getElementById('wires').toDataURL()"
    first = page.evaluate(shown)
    wait(lambda: page.evaluate(shown) != first)
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    text = page.locator("#tour-text").inner_text()
    assert "all 64 places" in text
    gradients = page.evaluate("[...playground.frame.arrays.gradients.slice(0, 48)]")
    sizes = np.sqrt(np.mean(np.reshape(gradients, (3, 16)) ** 2, axis=1))
    filter_, size = re.findall(r"W\[(\d), ·\] = (\S+?)\. ", text)[0]
    assert int(filter_) == sizes.argmax()
    assert number(size) == pytest.approx(sizes.max(), rel=2e-2)
    page.keyboard.press("Escape")


def test_pooling_is_shown_where_its_window_lies(window: Opened) -> None:
    page = window.page
    page.locator("[data-field=pooling]").select_option(label="2 × 2")
    page.locator("[data-field=batch_norm]").select_option(label="on")
    wait(lambda: page.evaluate("playground.structure?.setting.pooling && playground.structure.setting.batch_norm"))
    wait(lambda: page.evaluate("!!playground.frame"))
    assert page.evaluate("location.hash.includes('pooling=true')")
    choose_map(page, 0)
    page.locator("#patch-map").focus()
    page.keyboard.press("ArrowRight")  # row 4, column 5: the window's rows are 4 and 5, its columns 4 and 5
    maps = np.array(page.evaluate("[...playground.frame.arrays.maps]")).reshape(40, -1, 8, 8)[0, 0]
    said = page.locator("#patch-sum").inner_text()
    assert "→ Batch norm → tanh" in said
    numbers = [number(text) for text in re.findall(r": ([−\d.]+\d)", said)]
    assert numbers[-2:] == pytest.approx([maps[4, 5], maps[4:6, 4:6].max()], abs=2e-4)
    inputs = page.evaluate("playground.structure.layout.filter((part) => part.path.endsWith('weight'))[1].shape[0]")
    assert inputs == 16 * page.evaluate("playground.structure.units[1]")
    page.locator("#tour").click()
    page.locator("#tour-next").click()
    assert "Of every 2 × 2 pixels" in page.locator("#tour-text").inner_text()
    page.keyboard.press("Escape")


def test_filters_are_added_and_taken_away(window: Opened) -> None:
    page = window.page
    page.locator("[data-units='1:1']").click()
    wait(lambda: page.evaluate("playground.structure.units") == [64, 4, 6, 10])
    assert "filters=4" in page.evaluate("location.href")
    page.locator("[data-units='2:-1']").click()
    wait(lambda: page.evaluate("playground.structure.units") == [64, 4, 5, 10])
    page.locator("[data-field=filters]").select_option(label="none")
    wait(lambda: page.evaluate("playground.structure.units") == [64, 5, 10])
    assert page.locator("[data-field=kernel_size]").count() == 0
    page.locator("[data-field=moons]").click()
    wait(lambda: page.evaluate("playground.structure.setting.dataset") == "moons")
    assert page.locator("[data-field=filters]").count() == 0


def test_the_server_explains_the_sum_and_the_gradient(open_page: Callable[..., Opened]) -> None:
    page = open_page(HASH.replace("size=64", "size=8"), viewport={"width": 390, "height": 844}).page
    wait(lambda: page.evaluate("playground.structure?.kernel_size") == 4)
    place = centre(page, 1, 2)
    page.mouse.click(place["x"], place["y"])
    page.locator("#card").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#card-output").click()
    panel = page.locator("#panel")
    panel.locator("table.terms").wait_for()
    assert page.locator("#stage-note").inner_text().startswith("The output of this filter")
    page.locator("#walk-close").click()
    page.locator("#patch-cells button").nth(3).click()
    slope = number(page.locator("#card-slope").inner_text().split("=")[1])
    page.locator("#card-gradient").click()
    panel.locator(".difference").wait_for()
    assert page.locator("#stage-note").inner_text().startswith("The gradient of this weight: the sum over all places")
    assert number(panel.locator(".difference .number").inner_text()) == pytest.approx(slope, rel=2e-3, abs=1e-6)
