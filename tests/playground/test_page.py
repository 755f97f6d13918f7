"""The playground as a person meets it: the command, a real browser, the page."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium
from playground_messages import FLOWERS

import glassnet as gn
from glassnet.playground import Session, Setting

RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
COMMAND = [sys.executable, "-m", "glassnet", "playground", "--no-browser"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The command as it is typed, and Ctrl-C at the end."""
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{20,}", line)
    assert found, line
    yield found[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors == ""
    assert process.returncode == 0


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Callable[..., Opened]]:
    windows = []

    def open_one(hash: str = "", **options: Any) -> Opened:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "accept_downloads": True} | options
        window = Opened(browser, **settings)
        windows.append(window)
        window.page.goto(address + hash)
        window.page.wait_for_selector("body[data-updates]")
        return window

    yield open_one
    for window in windows:
        assert window.errors == []
        assert [url for url in window.requests if not url.startswith((address.split("?")[0], "blob:"))] == []
        window.context.close()


def wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def updates(page: Any) -> int:
    return int(page.locator("body").get_attribute("data-updates"))


def number(text: str) -> float:
    return float(text.strip().replace("·10", "e").translate(RAISED))


def share(text: str) -> float:
    return float(text.replace("%", ""))


def train_until(page: Any, done: Callable[[], bool], pace: str = "100000") -> None:
    page.select_option("#pace", page.locator(f"#pace option[value='{pace}']").get_attribute("value"))
    page.locator("#play").click()
    wait(done)
    page.locator("#play").click()
    wait(lambda: page.locator("#play").get_attribute("aria-pressed") == "false")


def test_the_spiral_is_learned(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=spiral&hidden=8,8&activation=tanh").page
    scores = [page.locator(f"#metric-{side}") for side in (0, 1)]
    assert share(scores[0].inner_text()) < 85
    before = page.locator("#surface").screenshot()
    train_until(page, lambda: all(share(score.inner_text()) >= 95 for score in scores))
    assert int(page.locator("#epoch").inner_text().replace(",", "")) > 10
    assert page.locator("#surface").screenshot() != before


def test_a_step_and_its_gradient(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=spiral&hidden=4,3&activation=tanh&batch_size=5&seed=7").page
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    page.keyboard.press("s")
    wait(lambda: updates(page) == 2)
    assert page.locator("#batch").inner_text() == "3 of 60"

    # The same two steps here; then the gradient of one weight by central differences on the batch that comes next.
    session = Session(Setting(hidden=(4, 3), batch_size=5, seed=7))
    session.step()
    session.step()
    rows = session.next_batch()
    x, y = session.rows.x[rows].astype(float), session.rows.targets[rows].astype(float)
    network = session.model.network.copy("float64")
    assert gn.check_gradients(network, x, y, loss="binary_cross_entropy")
    weight = dict(network.named_parameters())["2.weight"]
    values = []
    for shift in (1e-5, -1e-5):
        weight[1, 2] += shift
        values.append(gn.losses.BinaryCrossEntropy()(network.forward(gn.NumpyRunner(), x, training=False)[0], y)[0])
        weight[1, 2] -= shift
    slope = (values[0] - values[1]) / 2e-5

    wire = next(w for w in page.evaluate("playground.middles()") if (w["layer"], w["i"], w["j"]) == (1, 1, 2))
    page.mouse.move(wire["x"], wire["y"])
    hint = page.locator("#hint")
    first, second = hint.inner_text().splitlines()
    # Where wires cross, the nearest one answers; its name says which it is.
    name = re.search(r"layer (\d+): W\[(\d+), (\d+)\]", first)
    assert name
    if name.groups() == ("2", "1", "2"):
        assert number(first.split("=")[1]) == pytest.approx(float(weight[1, 2]), rel=1e-3)
        assert number(second.split("=")[1]) == pytest.approx(slope, rel=1e-2, abs=1e-6)

    # By the keyboard any wire can be reached.
    page.locator("#wires").focus()
    page.keyboard.press("ArrowRight")
    for _ in range(40):
        if "layer 2: W[1, 2]" in hint.inner_text():
            break
        sideways = {"1": "ArrowRight", "3": "ArrowLeft"}.get(hint.inner_text()[len("layer ")])
        page.keyboard.press(sideways or "ArrowDown")
    else:
        pytest.fail(hint.inner_text())
    assert "layer 2: W[1, 2]" in page.locator("#spoken").inner_text()
    assert number(hint.inner_text().splitlines()[1].split("=")[1]) == pytest.approx(slope, rel=1e-2, abs=1e-6)
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    panel.locator("table.terms").wait_for()
    terms = [number(text) for text in panel.locator("table.terms td.number").all_inner_texts()]
    assert len(terms) == 5  # rows of the batch
    assert sum(terms) == pytest.approx(slope, rel=1e-3, abs=1e-7)
    assert number(panel.locator(".difference .number").inner_text()) == pytest.approx(slope, rel=1e-3, abs=1e-7)
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#walk").is_visible()
    assert updates(page) == 2  # looking took no step


def test_one_step_slowly(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=xor&hidden=3&batch_size=4&activation=relu").page
    page.locator("#slowly").click()
    page.locator("#walk[open]").wait_for()
    seen = []
    while True:
        seen.append(page.locator("#stage-title").inner_text())
        assert page.locator("#stage math").count() > 0
        if page.locator("#next-stage").inner_text() == "Take this step":
            break
        page.locator("#next-stage").click()
    phases = [title.split(" · ")[0] for title in seen]
    assert phases == ["Forward"] * 3 + ["Loss"] + ["Backward"] * 4 + ["Update"] * 4
    assert seen[0] == "Forward · Dense(3)"
    page.locator("#stages button").nth(0).click()
    assert page.locator("#stage-title").inner_text() == seen[0]
    page.locator("#stage figure[data-name='y'] td").first.click()
    assert page.locator("#panel").is_visible()
    page.locator("#stages button").last.click()
    page.locator("#next-stage").click()
    wait(lambda: updates(page) == 1)
    assert not page.locator("#walk").is_visible()
    assert "#step" not in page.evaluate("location.href")


def test_layers_and_units_are_chosen_by_clicks(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=circle&hidden=4,4").page
    page.locator("#more-layers").click()
    page.locator('[data-units="3:1"]').wait_for()
    page.locator('[data-units="3:1"]').click()
    wait(lambda: page.evaluate("playground.structure.units") == [2, 4, 4, 5, 1])
    page.locator('[data-units="1:-1"]').click()
    wait(lambda: page.evaluate("playground.structure.units") == [2, 3, 4, 5, 1])
    for _ in range(3):
        page.locator("#fewer-layers").click()
        page.wait_for_timeout(150)
    wait(lambda: page.evaluate("playground.structure.units") == [2, 1])
    assert page.locator("#layer-count").inner_text() == "no hidden layer"
    assert page.locator("#fewer-layers").is_disabled()
    page.get_by_label("Optimizer").select_option(label="SGD")
    page.get_by_label("Learning rate").select_option(label="0.1")
    wait(
        lambda: (
            "optimizer=sgd" in page.evaluate("location.href") and "learning_rate=0.1" in page.evaluate("location.href")
        )
    )
    for layer in range(6):
        wait(lambda layer=layer: page.locator("#layer-count").inner_text().startswith(("no", str(layer))))
        page.locator("#more-layers").click()
    wait(lambda: page.locator("#more-layers").is_disabled())


def test_every_data_set_is_drawn(open_page: Callable[..., Opened]) -> None:
    page = open_page().page
    for name in ("xor", "circle", "moons", "blobs", "plane", "digits", "spiral"):
        page.locator(f"[data-field={name}]").click()
        wait(
            lambda name=name: (
                page.evaluate("playground.structure.setting.dataset") == name
                and f"dataset={name}" in page.evaluate("location.href")
            )
        )
        page.keyboard.press("s")
        page.locator("#step").click()
        wait(lambda: updates(page) >= 1)
        assert (
            page.locator("#images button").count() == 40 if name == "digits" else page.locator("#surface").is_visible()
        )


def test_a_link_brings_the_setting_back(open_page: Callable[..., Opened]) -> None:
    setting = Setting("moons", 100, 0.2, 0.4, (5, 4, 3), "leaky_relu", "hinge", "rmsprop", 0.003, 0.001, 0.01, 7, 42)
    page = open_page(
        "#" + "&".join(f"{k}={str(v).strip('()[]').replace(' ', '')}" for k, v in setting.to_dict().items())
    ).page
    wait(lambda: page.evaluate("playground.structure.setting") == setting.to_dict())
    again = open_page("#" + page.evaluate("location.href").partition("#")[2]).page
    wait(lambda: again.evaluate("playground.structure.setting") == setting.to_dict())
    np.testing.assert_allclose(
        again.evaluate("Array.from(playground.frame.arrays.parameters)"), Session(setting).model.network.parameters
    )


@pytest.mark.parametrize("hash", ["#hidden=99", "#learning_rate=abc", "#dataset=nothing", "#seed=-3&hidden=4"])
def test_a_broken_link_is_refused_in_words(hash: str, open_page: Callable[..., Opened]) -> None:
    page = open_page(hash).page
    page.locator("#message").wait_for()
    assert "To fix it:" in page.locator("#message").inner_text()
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)


def test_a_table_is_uploaded(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_page().page
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    page.set_input_files("#file", path)
    wait(lambda: page.evaluate("playground.structure.classes") == ["a", "b", "c"])
    assert page.locator("[data-field=table]").inner_text() == "flowers.csv"
    train_until(page, lambda: share(page.locator("#metric-0").inner_text()) >= 90)
    page.get_by_label("To be learned").select_option(label="width")
    wait(lambda: page.locator("#metric-name").inner_text() == "R²" or page.locator("#message").is_visible())
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n3,<img src=x onerror=alert(1)>\n,4\n")
    page.set_input_files("#file", bad)
    page.locator("#message").wait_for()
    assert page.locator("#message img").count() == 0


def test_the_language_is_switched(open_page: Callable[..., Opened]) -> None:
    page = open_page().page
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("#language").click()
    assert page.locator("html").get_attribute("lang") == "zh"
    assert page.locator("#slowly").inner_text() == "慢放一步"
    page.locator("#slowly").click()
    page.locator("#walk[open]").wait_for()
    assert page.locator("#stage-title").inner_text() == "前向 · Dense(8)"
    page.locator("#walk-close").click()
    page.reload()
    page.wait_for_selector("body[data-updates]")
    assert page.locator("html").get_attribute("lang") == "zh"


def test_both_languages_have_every_text(open_page: Callable[..., Opened]) -> None:
    page = open_page(locale="zh-CN").page
    words = page.evaluate("import('/web/words.js').then((module) => module.WORDS)")
    same = {
        "tanh",
        "relu",
        "sigmoid",
        "leaky_relu",
        "huber",
        "r2",
        "sgd",
        "rmsprop",
        "adagrad",
        "adam",
        "adamw",
        "nadam",
    }
    for key, (english, chinese) in words.items():
        holes = [sorted(re.findall(r"\{[a-z]*\}", re.sub(r"\{\d\}", "{}", text))) for text in (english, chinese)]
        assert holes[0] == holes[1], key
        assert re.search(r"[\u4e00-\u9fff]", chinese) or key in same | {"lion", "other_language", "stage_of"}, key
        assert not re.search(r"[\u4e00-\u9fff]", english) or key == "other_language", key
    visible = page.locator("body").inner_text()
    assert not re.search(r"\b(Epoch|Loss|Noise|Held|Share)\b", visible)


def test_the_exported_code_runs_and_says_the_same(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_page("#dataset=circle&hidden=5").page
    train_until(page, lambda: updates(page) > 500, pace="100")
    page.locator("#code").click()
    page.locator("#listing[open]").wait_for()
    path = tmp_path / "network.py"
    path.write_text(page.locator("#listing-text").text_content(), encoding="utf-8")
    page.locator("#listing-close").click()
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    for side, line in enumerate(done.stdout.splitlines()):
        loss, accuracy = re.findall(r"[\d.]+", line)
        assert float(loss) == pytest.approx(number(page.locator(f"#loss-{side}").inner_text()), rel=6e-3)
        assert 100 * float(accuracy) == pytest.approx(share(page.locator(f"#metric-{side}").inner_text()), abs=0.06)


def test_the_model_is_saved(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_page("#dataset=moons&hidden=6").page
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    with page.expect_download() as waiting:
        page.locator("#model").click()
    path = tmp_path / "model.safetensors"
    waiting.value.save_as(path)
    model = gn.load(path)
    shown = page.evaluate("Array.from(playground.frame.arrays.parameters)")
    np.testing.assert_allclose(model.network.parameters, shown)
    assert model.optimizer.steps == 1


def test_the_page_keeps_up(open_page: Callable[..., Opened]) -> None:
    """Training and drawing, it answers as often as a person needs; on a machine with other work 15 times a second."""
    page = open_page("#dataset=spiral&hidden=8,8,8,8").page
    page.select_option("#pace", "100000")
    page.locator("#play").click()
    seen = page.evaluate(
        "new Promise((done) => { const seen = new Set(), start = performance.now();"
        " const look = () => { seen.add(document.body.dataset.updates);"
        " performance.now() - start < 3000 ? requestAnimationFrame(look) : done(seen.size); }; look(); })"
    )
    page.locator("#play").click()
    assert seen / 3 > 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_need_not_scroll_sideways(locale: str, scheme: str, open_page: Callable[..., Opened]) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "locale": locale, "color_scheme": scheme}
    page = open_page("#dataset=digits&hidden=16,16,16,16,16,16", **phone).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-field=moons]").click()
    wait(lambda: page.evaluate("playground.structure.setting.dataset") == "moons")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#slowly").click()
    page.locator("#walk[open]").wait_for()
    assert page.evaluate("document.querySelector('#walk').scrollWidth") <= 390


def test_everything_is_reached_by_the_keyboard(open_page: Callable[..., Opened]) -> None:
    page = open_page().page
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(() => { const e = document.activeElement; return e.id || e.dataset.field || e.dataset.units || ''; })()"
        )
        reached.add(name)
    expected = {
        "share",
        "code",
        "model",
        "language",
        "reset",
        "play",
        "step",
        "slowly",
        "pace",
        "spiral",
        "noise",
        "rows",
    }
    expected |= {
        "held_out",
        "batch_size",
        "seed",
        "file",
        "activation",
        "loss",
        "optimizer",
        "learning_rate",
        "l1",
        "l2",
    }
    assert expected | {"fewer-layers", "more-layers", "wires", "show-held-out", "1:1", "2:-1"} <= reached
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, select, input')].filter((e) => !(e.getAttribute('aria-label') ||"
        " e.textContent.trim() || e.closest('label')?.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert unnamed == []


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    for arguments, message in (
        ([str(tmp_path / "none.csv")], "no such file"),
        ([str(tmp_path)], "a folder"),
        (["--port", "99999"], "--port"),
        (["--host", "203.0.113.7"], "--host"),
    ):
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
