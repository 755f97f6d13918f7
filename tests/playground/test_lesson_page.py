"""On the page: extra inputs, layers for training, controls that are hidden for a lesson, a connection that is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import Opened
from playground_messages import FLOWERS, updates, wait


def test_inputs_and_layers_are_chosen(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=circle&hidden=3").page
    page.locator("[data-input=x1_squared]").click()
    wait(lambda: page.evaluate("playground.structure.features") == ["x₁", "x₂", "x₁²"])
    page.locator("[data-input=x1]").click()
    page.locator("[data-input=x2]").click()
    wait(lambda: page.evaluate("playground.structure.units") == [1, 3, 1])
    assert page.locator("[data-input=x1_squared]").is_disabled()
    assert "inputs=x1_squared" in page.evaluate("location.href")
    page.locator("[data-field=batch_norm]").select_option(label="on")
    page.locator("[data-field=dropout]").select_option(label="30 %")
    wait(lambda: page.evaluate("[playground.structure.setting.dropout]") == [0.3])
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    page.locator("#slowly").click()
    page.locator("#walk[open]").wait_for()
    stages = page.locator("#stages").inner_text()
    assert "BatchNorm" in stages
    assert "Dropout(0.3)" in stages
    page.locator("#walk-close").click()
    page.locator("[data-field=digits]").click()
    wait(lambda: page.locator("#inputs").is_hidden())


def test_clicks_before_the_answer_to_the_first_are_not_lost(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=circle&hidden=3").page
    clicks = "names => names.forEach(name => document.querySelector(`[data-input=${name}]`).click())"
    page.evaluate(clicks, ["x1_squared", "x1", "x2_squared"])
    wait(lambda: page.evaluate("playground.structure.setting.inputs") == ["x2", "x1_squared", "x2_squared"])
    page.evaluate(clicks, ["x2", "x1_squared", "x2_squared"])  # all: the last one stays
    wait(lambda: page.evaluate("playground.structure.setting.inputs") == ["x2_squared"])
    seed = page.evaluate("playground.structure.setting.seed")
    page.evaluate("for (let i = 0; i < 3; i++) document.querySelector('.with-button button').click()")
    wait(lambda: page.evaluate("playground.structure.setting.seed") == seed + 3)


def test_a_slider_is_dragged_on_while_answers_come(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=circle&hidden=3&noise=0").page
    box = page.locator("[data-field=noise]").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], middle)
    wait(lambda: page.evaluate("playground.structure.setting.noise") > 0.1)
    first = page.evaluate("playground.structure.setting.noise")
    page.mouse.move(box["x"] + 0.9 * box["width"], middle)
    wait(lambda: page.evaluate("playground.structure.setting.noise") > first + 0.1)
    page.mouse.up()
    last = page.evaluate("playground.structure.setting.noise")
    wait(lambda: float(page.locator("[data-field=noise]").input_value()) == last)


def test_controls_are_hidden_for_a_lesson(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=moons&hidden=4&hide=code,datasets,loss,seed,texts-page,wheels").page
    wait(lambda: "wheels" in page.locator("#message").inner_text())
    for hidden in ("#code", "#datasets", "[data-field=loss]", "[data-field=seed]", "#texts-page"):
        assert page.locator(hidden).is_hidden(), hidden
    for shown in ("#share", "#play", "[data-field=noise]", "[data-field=activation]"):
        assert page.locator(shown).is_visible(), shown
    page.locator("[data-field=activation]").select_option(label="ReLU")
    wait(lambda: "activation=relu" in page.evaluate("location.href"))
    assert "hide=code" in page.evaluate("location.href")
    assert page.locator("[data-field=loss]").is_hidden()


@pytest.mark.parametrize("is_table", [False, True])
def test_a_lost_connection_is_made_again(is_table: bool, browser: Any, address: str, tmp_path: Path) -> None:
    connections: list[tuple[Any, Any]] = []
    window = Opened(browser, viewport={"width": 1280, "height": 800}, locale="en-US")
    page = window.page
    is_away = False

    def connect(socket: Any) -> None:
        if is_away:
            socket.close()
        else:
            connections.append((socket, socket.connect_to_server()))

    page.route_web_socket("**/socket?*", connect)
    page.goto(address + "#dataset=circle&hidden=4&rows=60&batch_size=9")
    page.wait_for_selector("body[data-updates]")
    if is_table:
        path = tmp_path / "flowers.csv"
        path.write_text(FLOWERS)
        page.set_input_files("#file", path)
        wait(lambda: page.evaluate("playground.structure.classes") == ["a", "b", "c"])
    page.keyboard.press("e")
    wait(lambda: updates(page) > 1)
    page.locator("[data-field=learning_rate]").select_option(label="0.003")
    wait(lambda: page.evaluate("playground.frame.now.learning_rate") == 0.003)
    page.keyboard.press("e")
    wait(lambda: page.locator("#epoch").inner_text() == "2")
    page.keyboard.press("s")
    wait(lambda: page.locator("#batch").inner_text().startswith("2 of"))
    parameters = page.evaluate("Array.from(playground.frame.arrays.parameters)")

    is_away = True
    socket, server = connections[-1]
    server.close()
    socket.close()
    wait(lambda: "is lost" in page.locator("#message").inner_text())
    page.locator("#play").click()
    page.wait_for_timeout(700)  # an attempt or two
    assert "is lost" in page.locator("#message").inner_text()
    assert page.locator("#epoch").inner_text() == "2"
    is_away = False
    wait(lambda: "Connected again" in page.locator("#message").inner_text())
    wait(lambda: page.evaluate("playground.frame?.epoch") == 2)
    assert page.evaluate("Array.from(playground.frame.arrays.parameters)") == parameters
    assert page.evaluate("playground.frame.now.learning_rate") == 0.003
    assert page.evaluate("playground.frame.kept.length") >= 3
    page.keyboard.press("s")
    wait(lambda: page.locator("#batch").inner_text().startswith("3 of"))
    assert window.errors == []
    window.context.close()


def test_the_page_says_what_keeps_a_training_from_getting_on(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=circle&hidden=&activation=tanh", locale="zh-CN").page
    page.select_option("#pace", "100")
    page.locator("#play").click()
    page.locator("#advice").wait_for()
    assert "没有隐藏层" in page.locator("#cures").inner_text()
    page.locator("#language").click()
    wait(lambda: "Without a hidden layer" in page.locator("#cures").inner_text())
    page.locator("#cures button").first.click()
    wait(lambda: len(page.evaluate("playground.structure.units")) >= 3)
    assert page.locator("#advice").is_hidden()
    wait(lambda: page.evaluate("playground.frame?.metric?.[0] ?? 0") > 0.9)


def test_what_takes_its_time_is_told(browser: Any, address: str) -> None:
    window = Opened(browser, viewport={"width": 390, "height": 800}, locale="en-US")
    held: list[Any] = []

    def between(socket: Any) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda text: held.append((server, text)) if '"moons"' in text else server.send(text))

    window.page.route_web_socket("**/socket*", between)
    window.page.goto(address)
    window.page.wait_for_selector("body[data-updates]")
    busy = window.page.locator("#busy")
    assert busy.is_hidden()
    window.page.locator("[data-field=moons]").click()
    busy.wait_for(state="visible")
    assert "Working" in busy.inner_text()
    (server, text), *_ = held
    server.send(text)
    busy.wait_for(state="hidden")
    assert window.page.evaluate("playground.structure.setting.dataset") == "moons"
    assert window.errors == []
    window.context.close()


def test_of_a_large_table_a_sample_is_drawn_and_the_page_says_so(
    open_page: Callable[..., Opened], tmp_path: Path
) -> None:
    rows = "".join(f"{row % 7};{row % 5},5;{'是' if row % 7 > 3 else '否'}\n" for row in range(30_000))
    path = tmp_path / "large.csv"
    path.write_bytes(f"甲;乙;买\n{rows}".encode("gb18030"))
    window = open_page(viewport={"width": 390, "height": 800})
    window.page.set_input_files("#file", path)
    wait(lambda: window.page.evaluate("playground.structure.setting.dataset") == "table")
    about = window.page.locator("#about-data").inner_text()
    assert about == "30,000 rows, of which 20,000 were drawn. 15000 rows to learn from, 5000 held out."
    window.page.locator("#reading summary").click()
    assert "';', encoding gb18030" in window.page.locator("#reading-text").inner_text()
    assert window.page.evaluate("document.documentElement.scrollWidth") <= 390
