"""The page of a trace, in a browser: what it shows are the numbers of the arrays, and what it explains adds up."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from browser import Opened, chromium
from gradients import LOSS_CASES, layer_cases, loss_cases, network_for, rows_for
from test_recording import RULES

import glassnet as gn
from glassnet.tracing import content as contents
from glassnet.tracing.content import Content
from glassnet.tracing.evaluation import Evaluation

# Works out every element that any call of the page writes, from the terms that the panel would show.
EXPLAIN_EVERYTHING = """
() => {
  const found = { count: 0, terms: 0, reasons: {}, wrong: [] };
  const near = (a, b, size, digits) => Math.abs(a - b) <= 10 ** -digits * size || Object.is(a, b);
  glassnet.content.calls.forEach((call, number) => {
    for (const [target, array] of Object.entries(call.arrays)) {
      if (["reads", "before"].includes(array.role)) continue;
      const size = array.shape.reduce((a, b) => a * b, 1);
      for (let place = 0; place < size; place += STRIDE) {
        let told;
        try { told = glassnet.explain(number, target, place); } catch (error) { continue; }
        found.count++;
        if (told.reason) { found.reasons[told.reason] = (found.reasons[told.reason] ?? 0) + 1; continue; }
        let scale = Math.max(Math.abs(told.element), 1e-12 * array.scale);
        for (const block of told.blocks) {
          const values = block.terms.map((term) => term.value);
          scale = Math.max(scale, SLACK * values.reduce((a, b) => a + Math.abs(b), 0));
          found.terms += values.length;
          if (block.kind === "sum" && !near(values.reduce((a, b) => a + b, 0), block.value, scale, 9)) {
            found.wrong.push([call.kernel, target, place, "its terms do not add up"]);
          }
        }
        scale = Math.max(scale, SLACK * array.scale);
        if (!near(told.value, told.element, scale, DIGITS)) {
          found.wrong.push([call.kernel, target, place, told.value, told.element]);
        }
      }
    }
  });
  return found;
}
"""


def everything(digits: int, slack: float, stride: int = 1) -> str:
    """The script for arrays that agree to so many digits, ``slack`` times their terms' size being forgiven.

    With a stride it takes one element of so many.
    """
    return EXPLAIN_EVERYTHING.replace("DIGITS", str(digits)).replace("SLACK", str(slack)).replace("STRIDE", str(stride))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Any) -> Iterator[Opened]:
    opened = Opened(browser, viewport={"width": 1280, "height": 800})
    yield opened
    opened.context.close()


def xor() -> gn.Trace:
    x = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]], float)
    net = gn.Sequential(gn.Dense(4), gn.Sigmoid(), gn.Dense(1), gn.Sigmoid())
    model = gn.Model(net, "sum_squared_error", gn.SGD(0.5), dtype="float64")
    return gn.trace(model, x, np.array([[0.0], [1.0], [1.0], [0.0]]))


def digits() -> gn.Trace:
    data = gn.data.digits()
    model = gn.Model(gn.Sequential(gn.Dense(16), gn.ReLU(), gn.Dense(10)), "cross_entropy", gn.Adam())
    model.fit(data.x / 16, data.y, epochs=1, verbose=False)
    return gn.trace(model, data.x[:4] / 16, data.y[:4])


def images() -> gn.Trace:
    rng = np.random.default_rng(0)
    net = gn.Sequential(
        *(gn.Conv2D(3, 3, stride=2, padding="same"), gn.BatchNorm(), gn.ReLU(), gn.MaxPool2D(2, stride=1)),
        *(gn.Residual(gn.Conv2D(3, 3, padding="same"), gn.GELU()), gn.AveragePool2D(2, padding="same")),
        *(gn.Dropout(0.3), gn.Flatten(), gn.Concat([gn.Dense(4), gn.Tanh()], gn.Dense(3)), gn.Dense(4)),
    )
    optimizer = gn.Chain(gn.L1(0.01), gn.L2(0.02), gn.SGD(0.1, momentum=0.9))
    model = gn.Model(net, "cross_entropy", optimizer, dtype="float64")
    x, y = rng.normal(size=(3, 2, 9, 9)), np.array([0, 3, 1])
    model.fit(x, y, epochs=2, verbose=False)
    return gn.trace(model, x, y)


def texts() -> gn.Trace:
    """Rows of different length with an answer for each step, through everything that looks from step to step."""
    rng = np.random.default_rng(0)
    layers = gn.LSTM(3, return_sequences=True), gn.Dense(4), gn.TransformerBlock(2, 4, causal=True)
    back = gn.GRU(2, return_sequences=True, reverse=True)
    net = gn.Sequential(gn.Embedding(6, 3), gn.PositionalEncoding(), *layers, back, gn.Dense(6))
    by_class = gn.losses.CrossEntropy(label_smoothing=0.1, class_weight={2: 3.0})
    model = gn.Model(net, by_class, gn.Adam(0.01), dtype="float64")
    rows = [rng.integers(0, 6, length) for length in (4, 2, 3)]
    model.fit(rows, [row[::-1] for row in rows], epochs=2, verbose=False)
    return gn.trace(model, rows, [row[::-1] for row in rows])


def check(found: dict[str, Any], least: int) -> None:
    assert found["wrong"] == []
    assert found["count"] >= least
    assert set(found["reasons"]) <= {"unexplained", "padding", "other_branch"}
    assert sum(found["reasons"].values()) < found["count"]


@pytest.mark.parametrize(
    ("make", "digits", "slack", "least"),
    [(xor, 6, 0, 100), (digits, 5, 1e-2, 5000), (images, 6, 1e-8, 1500), (texts, 6, 1e-8, 2500)],
    ids=["xor", "digits", "images", "texts"],
)
def test_every_explained_number_is_what_its_terms_make(
    make: Callable[[], gn.Trace], digits: int, slack: float, least: int, window: Opened, tmp_path: Path
) -> None:
    page = window.show(make().to_html(), tmp_path)
    check(page.evaluate(everything(digits, slack)), least)
    assert window.errors == []
    assert [url for url in window.requests if not url.startswith("file:")] == []


def test_a_wrong_script_would_be_noticed(window: Opened, tmp_path: Path) -> None:
    text = xor().to_html()
    assert '"*": (a, b) => a * b' in text
    page = window.show(text.replace('"*": (a, b) => a * b', '"*": (a, b) => a + b'), tmp_path)
    wrong = {kernel for kernel, *_ in page.evaluate(everything(6, 0))["wrong"]}
    assert {"dense_forward", "dense_backward", "sigmoid_backward", "sgd_update"} <= wrong


def cases() -> Iterator[tuple[str, gn.Network, gn.losses.Loss, Any, Any, tuple[int, ...]]]:
    """Every layer, every loss and every optimizer there is."""
    loss, targets, _ = LOSS_CASES["SumSquaredError"][0]
    for name, build, shape in layer_cases():
        yield name, gn.Sequential(build(), gn.Flatten()), loss, gn.SGD(0.01), targets, shape
    for name, loss, targets, end in loss_cases():
        yield name, network_for(loss, end), loss, gn.SGD(0.01), targets, (2,)
    loss, targets, _ = LOSS_CASES["CrossEntropy"][0]
    for name, rule in RULES.items():
        yield name, gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(3)), loss, rule(), targets, (2,)


@pytest.mark.long
def test_every_layer_loss_and_optimizer_explains_itself(window: Opened, tmp_path: Path) -> None:
    """The page's script against the kernels, as ``test_formulas`` holds Python's evaluation against them."""
    seen: set[tuple[Any, ...]] = set()
    for name, net, loss, optimizer, targets, shape in cases():
        rng = np.random.default_rng(2)
        (outputs,) = net.build(shape, dtype="float64")
        model = gn.Model(net, loss, optimizer, dtype="float64")
        trace = gn.trace(model, rows_for(net, rng, 3), targets(rng, 3, outputs))
        explained = {
            (call.kernel, *((key, array.ndim) for key, array in {**call.inputs, **call.outputs}.items()))
            for call in trace.calls
        }
        if explained <= seen:  # other numbers for the same lines
            continue
        seen |= explained
        page = window.show(trace.to_html(), tmp_path)
        found = page.evaluate(everything(9, 1e-3))
        assert found["wrong"] == [], name
        assert found["count"] > 0
        assert page.evaluate("() => { glassnet.drawAll(); return document.querySelectorAll('math').length }") > 5
        assert window.errors == [], name
    assert len({kernel for kernel, *_ in seen}) > 75


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case[0] if isinstance(case, tuple) else None)
def test_central_differences_are_the_gradients(case: tuple[Any, ...]) -> None:
    name, net, loss, optimizer, targets, shape = case
    rng = np.random.default_rng(3)
    (outputs,) = net.build(shape, dtype="float64")
    model = gn.Model(net, loss, optimizer, dtype="float64")
    content = Content(gn.trace(model, rows_for(net, rng, 3), targets(rng, 3, outputs)))
    compared = 0
    for entry in content.entries:
        for target, slopes in entry.differences.items():
            array = entry.arrays[target].reshape(-1)
            for place, found in slopes.items():
                if not found.is_kink:
                    assert found.central == pytest.approx(array[place], abs=1e-6), (name, entry.call.kernel, target)
                    compared += 1
    assert compared > 0


def test_the_numbers_in_the_grids_are_those_of_the_arrays(window: Opened, tmp_path: Path) -> None:
    trace = digits()
    page = window.show(trace.to_html(), tmp_path)
    page.evaluate("glassnet.drawAll()")
    content = Content(trace)
    tables = page.query_selector_all("figure:has(table.cells)")
    assert len(tables) > 8
    checked = 0
    for figure in tables:
        entry = content.entries[int(figure.get_attribute("data-call"))]
        array = entry.arrays[figure.get_attribute("data-name")].reshape(-1)
        scaled = re.search(r"numbers × 10(\S+)", figure.query_selector("figcaption").inner_text())
        raised = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
        factor = 10.0 ** int(scaled[1].translate(raised)) if scaled else 1.0
        for cell in figure.query_selector_all("td"):
            text = cell.inner_text().replace("−", "-")
            decimals = len(text.partition(".")[2])
            value = array[int(cell.get_attribute("data-place"))] / factor
            assert abs(float(text) - value) <= 0.5001 * 10.0**-decimals, (entry.call.kernel, text, value)
            checked += 1
    assert checked > 200
    weight = next(e for e in content.entries if e.call.kernel == "dense_forward").arrays["weight"].reshape(-1)
    exact = page.evaluate("glassnet.content.calls[0].arrays.weight.id")
    kept = page.evaluate(f"Array.from({{length: {weight.size}}}, (_, i) => glassnet.element({{id: {exact}}}, i))")
    np.testing.assert_array_equal(np.array(kept, np.float32), weight)


def test_a_click_shows_the_terms_and_the_difference(window: Opened, tmp_path: Path) -> None:
    trace = xor()
    page = window.show(trace.to_html(), tmp_path)
    number = next(i for i, c in enumerate(trace.calls) if c.kernel == "dense_backward" and c.path == "0")
    cell = page.locator(f'figure[data-call="{number}"][data-name="dweight"] td[data-place="9"]')
    cell.scroll_into_view_if_needed()
    cell.click()
    panel = page.locator("#panel")
    assert panel.is_visible()
    gradient = float(trace.calls[number].outputs["dweight"].reshape(-1)[9])
    lines = panel.locator("table.terms tr")
    assert lines.count() == 4  # rows of the batch
    minus = lambda text: float(text.strip().replace("−", "-").replace("·10", "e").translate(RAISED))  # noqa: E731
    terms = [minus(lines.nth(i).locator("td.number").inner_text()) for i in range(4)]
    assert sum(terms) == pytest.approx(gradient, rel=1e-5)
    shown = minus(panel.locator(".difference .number").inner_text())
    assert shown == pytest.approx(gradient, rel=1e-4)
    assert "the same to the digits shown" in panel.inner_text()

    # A factor leads to its own explanation, and back.
    panel.locator('.operand[data-name="dy"]').first.click()
    assert "sigmoid_backward" in panel.inner_text()
    panel.locator(".back").click()
    assert "dense_backward" in panel.inner_text()
    page.keyboard.press("Escape")
    assert not panel.is_visible()


RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def test_everything_can_be_done_with_the_keyboard(window: Opened, tmp_path: Path) -> None:
    page = window.show(digits().to_html(), tmp_path)
    page.locator('figure[data-name="y"] canvas, figure[data-name="y"] table').first.scroll_into_view_if_needed()
    page.locator("figure canvas").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    tip = page.locator("#tip")
    assert tip.is_visible()
    assert tip.inner_text().startswith("x[1, 1] = ")
    assert page.locator("#announced").inner_text().startswith("x[1, 1] = ")
    page.keyboard.press("Enter")
    assert page.locator("#panel").is_visible()
    assert "It comes from the data." in page.locator("#panel").inner_text()
    page.keyboard.press("ArrowRight")  # the explanation follows the cursor
    assert page.locator("#panel h2 math").text_content().startswith("x1,2=")
    page.keyboard.press("Escape")
    assert not page.locator("#panel").is_visible()

    # From an error term through its factors, and back to the grid.
    page.evaluate("glassnet.drawAll()")  # as scrolling there does
    page.locator('figure[data-name="doutputs"] table').focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.name") == "row_weights"
    page.keyboard.press("Enter")
    assert "weigh_rows" in page.locator("#panel").inner_text()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.closest('figure').dataset.name") == "doutputs"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("make", [xor, digits, images])
def test_a_phone_need_not_scroll_sideways(
    make: Callable[[], gn.Trace], language: str, browser: Any, tmp_path: Path
) -> None:
    phone = Opened(browser, viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = phone.show(make().to_html(language=language), tmp_path)
    page.evaluate("glassnet.drawAll()")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("html").get_attribute("lang") == language
    chips = page.locator("a.chip span").all_inner_texts()
    assert len(chips) > 5
    pattern = r"\S+ of step \d+" if language == "en" else r"第 \d+ 步的 \S+"
    assert [text for text in chips if not re.fullmatch(pattern, text) and text not in ("all 0", "全为 0")] == []
    assert phone.errors == []
    phone.context.close()


def test_both_languages_have_the_same_words() -> None:
    from glassnet.tracing.words import WORDS

    english, chinese = WORDS["en"], WORDS["zh"]
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        assert len(re.findall(r"\{", text)) == len(re.findall(r"\{", chinese[name])), name
        assert re.search(r"[\u4e00-\u9fff]", chinese[name]) or name in ("scale", "colon"), name


def test_large_arrays_are_shown_in_part(window: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_BYTES", 2_400_000)
    rng = np.random.default_rng(0)
    net = gn.Sequential(gn.Dense(700), gn.ReLU(), gn.Dense(10))
    model = gn.Model(net, "cross_entropy", gn.Adam())
    trace = gn.trace(model, rng.normal(size=(2, 1500)), [1, 2])
    text = trace.to_html()
    assert len(text) < 4_000_000
    page = window.show(text, tmp_path)
    assert "of 1500 × 700, only 47 × 44 are shown" in page.evaluate("glassnet.drawAll(), document.body.innerText")
    assert "numbers are left out" in page.locator("header").inner_text()
    found = page.evaluate(everything(4, 1e-2, stride=97))
    assert found["wrong"] == []
    assert found["count"] - found["reasons"]["not_here"] > 100
    page.evaluate("glassnet.choose(0, 'y', 699)")  # its 1,500 weights are not among the numbers that are there
    assert "not on this page" in page.locator("#panel").inner_text()


# Where an element's terms lie by the page, against what the formulas ask for when Python works them out.
READS = """([number, target, place]) =>
  [...glassnet.readsOf(number, target, place)].map(([name, places]) => [name, [...places].sort((a, b) => a - b)])"""


@pytest.mark.parametrize("make", [images, texts])
def test_the_places_of_the_terms_are_those_that_the_formula_reads(
    make: Callable[[], gn.Trace], window: Opened, tmp_path: Path
) -> None:
    trace = make()
    page = window.show(trace.to_html(), tmp_path)
    rng, compared = np.random.default_rng(0), set()
    for number, entry in enumerate(Content(trace).entries):
        for target in entry.formulas.outputs:
            if entry.formulas.outputs[target].expression[0] == "if":
                continue  # Python works out both branches
            place = int(rng.integers(entry.arrays[target].size))
            evaluation = Evaluation(entry.formulas, entry.arrays)
            evaluation(target, np.array([place]))
            expected = {name: np.flatnonzero(read).tolist() for name, read in evaluation.read.items() if read.any()}
            found = dict(page.evaluate(READS, [number, target, place]))
            if "if" not in str(entry.formulas):
                assert found == expected, (entry.call.kernel, target)
                compared.add(entry.call.kernel)
            assert all(set(places) <= set(expected[name]) for name, places in found.items())
    assert len(compared) > 10


def lit(page: Any) -> dict[str, int]:
    """What the panel says of each array: how many of its elements are terms."""
    texts = [normalize("NFKC", text) for text in page.locator(".terms-at figcaption").all_inner_texts()]
    return {text.split()[0]: int(text.split()[1]) for text in texts}


def test_what_a_number_is_made_of_lights_up(window: Opened, tmp_path: Path) -> None:
    trace = images()
    page = window.show(trace.to_html(), tmp_path)
    page.evaluate("glassnet.drawAll()")
    number = {call.kernel: i for i, call in reversed(list(enumerate(trace.calls)))}
    page.evaluate(f"glassnet.choose({number['conv2d_forward']}, 'y', 37)")  # y[0, 1, 2, 2], with a stride of 2
    assert lit(page) == {"W": 18, "x": 18, "b": 1}  # a patch of 3 × 3 in two channels, and the filter
    shown = page.locator("figure.lit").evaluate_all("figures => figures.map((figure) => figure.dataset.name)")
    assert {"x", "weight", "bias"} <= set(shown)
    places = page.evaluate(READS, [number["conv2d_forward"], "y", 37])
    patch = [9 * 9 * c + 9 * i + j for c in (0, 1) for i in (3, 4, 5) for j in (3, 4, 5)]
    assert dict(places)["x"] == patch
    page.evaluate(f"glassnet.choose({number['max_pool2d_forward']}, 'index', 6)")
    assert lit(page) == {"x": 4}
    assert "argmax" in page.locator("#panel").inner_text()
    assert page.locator("#panel tr.wins").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".lit").count() == 0

    trace = texts()
    page = window.show(trace.to_html(), tmp_path)
    place = next(i for i, call in enumerate(trace.calls) if call.kernel == "attention_forward")
    page.evaluate(f"glassnet.choose({place}, 'y', 5)")
    found = dict(page.evaluate(READS, [place, "y", 5]))
    assert len(found["weights"]) == trace.calls[place].inputs["weights"].shape[2]  # a weight for each step
    assert window.errors == []


ARRAY = "([number]) => glassnet.content.calls[number].arrays.dweight"


def test_the_part_that_is_shown_begins_where_something_happens_and_can_be_moved(window: Opened, tmp_path: Path) -> None:
    x = np.zeros((2, 1500))
    x[:, 1200:1300] = np.random.default_rng(0).normal(size=(2, 100))
    net = gn.Sequential(gn.Dense(2000), gn.ReLU(), gn.Dense(3))
    trace = gn.trace(gn.Model(net, "cross_entropy", gn.SGD(0.1)), x, [1, 2])
    content = Content(trace)
    number, entry = next((i, e) for i, e in enumerate(content.entries) if "dweight" in e.arrays and e.call.path == "0")
    (first, _), (rows, _) = entry.starts["dweight"], entry.parts["dweight"]
    assert first + rows > 1200
    assert first < 1300
    page = window.show(trace.to_html(), tmp_path)
    page.evaluate("glassnet.drawAll()")
    figure = page.locator(f'figure[data-call="{number}"][data-name="dweight"]')
    overview, shown = figure.locator("canvas.map"), figure.locator(".window .shown")
    cells = np.abs(np.frombuffer(b64decode(page.evaluate(f"{ARRAY}.overview.cells", [number])), np.int8))
    assert cells.reshape(32, -1).max(axis=1).nonzero()[0].tolist() == [25, 26, 27]  # of 1500 rows those from 1200 on
    overview.focus()
    page.keyboard.press("Home")
    columns = entry.parts["dweight"][1]
    assert shown.inner_text() == f"D: 0 – {rows - 1}, M: 0 – {columns - 1}"
    assert page.locator("#announced").inner_text() == shown.inner_text()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("ArrowRight")
    assert shown.inner_text() == f"D: 1 – {rows}, M: {columns // 2} – {columns // 2 + columns - 1}"
    page.keyboard.press("End")
    assert shown.inner_text() == f"D: {1500 - rows} – 1499, M: {2000 - columns} – 1999"
    box = overview.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    at = page.evaluate(f"{ARRAY}.at", [number])
    assert np.abs(np.array(at) + np.array([rows, columns]) / 2 - [750, 1000]).max() < 20
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.up()
    assert page.evaluate(f"{ARRAY}.at", [number]) == [0, 0]
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # nothing is dragged any more
    assert page.evaluate(f"{ARRAY}.at", [number]) == [0, 0]
    assert figure.locator("canvas.view").count() == 1
    assert page.evaluate("document.activeElement.className") == "map"
    place = int(entry.shown("dweight")[0])
    page.evaluate("([number, place]) => glassnet.choose(number, 'dweight', place)", [number, place])
    begun = page.evaluate(f"{ARRAY}.at", [number])  # the window goes to what is explained
    assert begun[0] <= place // 2000 < begun[0] + rows
    assert begun[1] <= place % 2000 < begun[1] + columns
    assert window.errors == []


def test_a_notebook_shows_the_same_page_in_a_frame(window: Opened, tmp_path: Path) -> None:
    page = window.show(f"<!doctype html><title>notebook</title>{xor()._repr_html_()}", tmp_path)
    frame = page.frame_locator("iframe")
    frame.locator("article .math math").first.wait_for(state="attached")
    frame.locator("table.cells td").first.click()
    assert frame.locator("#panel").is_visible()
    assert window.errors == []


def test_diverged_numbers_are_shown_as_such(window: Opened, tmp_path: Path) -> None:
    model = gn.Model(
        gn.Sequential(gn.Dense(2, weight_init=1e38), gn.ReLU(), gn.Dense(2, weight_init=1e38)), "cross_entropy", "sgd"
    )
    page = window.show(gn.trace(model, [[1e3, 1.0]], [1]).to_html(), tmp_path)
    page.evaluate("glassnet.drawAll()")
    assert "∞" in page.evaluate("document.body.innerText")
    assert window.errors == []
