"""How much is drawn for each frame, and that what is painted pixel by pixel looks as it should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import Opened
from playground_messages import updates, wait

from glassnet.playground.static import static_page

MOST_PATHS = 250
"""Of a frame of six layers of 16 units: a line around each of 99 boxes, axes and curves, but neither wires nor points.
With a stroke for each of 1,328 wires and a circle for each of 400 points there were 2,300.
"""
COUNT = """
window.paths = 0;
for (const name of ["stroke", "fill", "clip"]) {
  const draw = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...given) { window.paths++; return draw.apply(this, given); };
}
const nextFrame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (draw) => nextFrame((time) => {
  const before = document.body.dataset.updates;
  window.paths = 0;
  draw(time);
  if (document.body.dataset.updates !== before) window.ofFrame = window.paths;
});
"""


FRAMES = """
window.framesDrawn = 0;
new MutationObserver(() => framesDrawn++).observe(document.body, { attributeFilter: ["data-updates"] });
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("redraw") / "page.html"
    path.write_text(static_page(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def window(browser: Any) -> Iterator[Opened]:
    window = Opened(browser, viewport={"width": 1280, "height": 800}, locale="en-US", color_scheme="light")
    yield window
    assert window.errors == []
    window.context.close()


def test_six_layers_of_sixteen_units_are_quickly_drawn(window: Opened, file: str) -> None:
    window.context.add_init_script(COUNT)
    page = window.page
    page.goto(f"{file}#dataset=spiral&hidden=16,16,16,16,16,16&activation=tanh&learning_rate=0.001")
    wait(lambda: page.evaluate("playground.structure?.units.length === 8 && playground.frame !== null"))
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    assert 100 < page.evaluate("ofFrame") < MOST_PATHS
    assert milliseconds_of_a_frame(window) < 1000 / 20


def milliseconds_of_a_frame(window: Opened) -> float:
    """Time of the processor, not of the clock, in which the page takes a frame in and draws it: others work beside."""
    page = window.page
    session = window.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        found = session.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in found if one["name"] == "TaskDuration")

    page.evaluate(FRAMES)
    page.select_option("#pace", "100000")
    page.locator("#play").click()
    wait(lambda: page.evaluate("framesDrawn") > 3)
    before, first = spent(), page.evaluate("framesDrawn")
    wait(lambda: page.evaluate("framesDrawn") > first + 12)
    drawn = page.evaluate("framesDrawn") - first
    taken = spent() - before
    page.locator("#play").click()
    return 1000 * taken / drawn


def test_a_lesson_without_the_diagram_is_drawn(window: Opened, file: str) -> None:
    page = window.page
    page.goto(f"{file}#dataset=moons&hidden=4&hide=network")
    wait(lambda: page.evaluate("playground.structure?.setting.dataset === 'moons' && playground.frame !== null"))
    page.keyboard.press("e")
    wait(lambda: updates(page) > 1)
    assert page.locator("#wires").is_hidden()


def test_a_wire_has_the_colour_and_the_width_of_its_weight(window: Opened, file: str) -> None:
    page = window.page
    page.goto(f"{file}#dataset=plane&hidden=&activation=tanh&inputs=x1,x2")
    wait(lambda: page.evaluate("playground.structure?.units.length === 2 && playground.frame !== null"))
    for weight in ("4", "-2"):
        page.locator("#wires").focus()
        page.keyboard.press("ArrowRight")
        if weight == "-2":
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator("#card-value").fill(weight)
        page.keyboard.press("Tab")
        wait(lambda w=float(weight): w in page.evaluate("[...playground.frame.arrays.parameters]"))
        page.locator("#card-close").click()
    page.locator("#surface").hover()
    page.wait_for_timeout(100)
    found = page.evaluate(COLUMNS)
    # 4 is the largest: 5.5 pixels of the warm colour, 93 % of it; −2 is half of it: 3 pixels of the cold one, 55 %.
    assert found[0]["colour"] == pytest.approx([204, 98, 43], abs=3)
    assert found[1]["colour"] == pytest.approx([132, 170, 209], abs=3)
    assert [one["width"] for one in found] == pytest.approx([5.5, 3.0], rel=0.15)


COLUMNS = """
(() => {
  const canvas = document.getElementById("wires"), box = canvas.getBoundingClientRect();
  return playground.centres().slice(0, 2).map(({ x, y }) => { // just beside the inputs' boxes, where wires run level
    const column = canvas.getContext("2d").getImageData(Math.round(x - box.left + 24), 0, 1, canvas.height).data;
    const at = (row) => [0, 1, 2].map((part) => column[4 * row + part]);
    const far = (row) => Math.abs(at(row)[0] - 255) + Math.abs(at(row)[2] - 255);
    const middle = Math.round(y - box.top);
    let covered = 0;
    for (let row = middle - 12; row <= middle + 12; row++) covered += far(row) / far(middle);
    return { colour: at(middle), width: covered };
  });
})()
"""
