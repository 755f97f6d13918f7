"""The playground's page: its languages, its keys, on phones; and the command that serves it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import Opened
from playground_messages import COMMAND, updates, wait


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


@pytest.mark.parametrize("hash", ["#hidden=99", "#learning_rate=abc", "#dataset=nothing", "#seed=-3&hidden=4"])
def test_a_broken_link_is_refused_in_words(hash: str, open_page: Callable[..., Opened]) -> None:
    page = open_page(hash).page
    page.locator("#message").wait_for()
    assert "To fix it:" in page.locator("#message").inner_text()
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)


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
        assert holes[0] == holes[1] or (key.startswith("table_") and "{fix}" in english), key
        assert re.search(r"[\u4e00-\u9fff]", chinese) or key in same | {"lion", "other_language", "stage_of"}, key
        assert not re.search(r"[\u4e00-\u9fff]", english) or key == "other_language", key
    visible = page.locator("body").inner_text()
    assert not re.search(r"\b(Epoch|Loss|Noise|Held|Share)\b", visible)


def test_a_table_is_refused_in_the_language_of_the_page(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_page(locale="zh-CN").page
    tables = {
        "a\n1\n2\n": "表格有 1 列，这里收 2 到 64 列",
        "a,b\n1,x\n2,z\n3,x\ny,z\n": "表格里有用不了的内容（column 'a'：the text 'y' in line 5 of table.csv",
        "a,b\n" + "".join(f"w{n % 70},{n}.5\n" for n in range(700)): "一行数据会变成 65 个输入，这里最多收 64 个",
        "a,b\n" + "".join(f"{n},c{n}\n" for n in range(30)): "目标列里有 30 个类别",
    }
    for text, said in tables.items():
        path = tmp_path / "table.csv"
        path.write_text(text)
        page.set_input_files("#file", path)
        wait(lambda said=said: said in page.locator("#message").inner_text())
    page.set_input_files("#file", {"name": "table.xls", "mimeType": "", "buffer": b"1"})
    wait(lambda: "这里收 .csv、.tsv" in page.locator("#message").inner_text())


def test_the_page_keeps_up(open_page: Callable[..., Opened]) -> None:
    """It shows 30 frames a second and more; the best of a few tries must reach half of that: other work goes on."""
    page = open_page("#dataset=spiral&hidden=8,8,8,8").page
    page.select_option("#pace", "100000")
    page.locator("#play").click()
    rates = []
    for _ in range(5):
        seen = page.evaluate(
            "new Promise((done) => { const seen = new Set(), start = performance.now();"
            " const look = () => { seen.add(document.body.dataset.updates);"
            " performance.now() - start < 2000 ? requestAnimationFrame(look) : done(seen.size); }; look(); })"
        )
        rates.append(seen / 2)
        if rates[-1] > 15:
            break
    page.locator("#play").click()
    assert max(rates) > 15, rates


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
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
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
        "tour",
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
    assert expected | {"fewer-layers", "more-layers", "wires", "show-held-out", "past", "1:1", "2:-1"} <= reached
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, select, input')].filter((e) => !(e.getAttribute('aria-label') ||"
        " e.textContent.trim() || e.closest('label')?.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert unnamed == []


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    parquet, days = tmp_path / "people.parquet", tmp_path / "days.csv"
    parquet.write_bytes(b"PAR1")
    days.write_text("day,b\n1/2/2024,2\n")
    for arguments, message in (
        ([str(tmp_path / "none.csv")], "no such file"),
        ([str(tmp_path)], "a folder"),
        ([str(parquet)], "people.parquet"),
        ([str(days), "--date-format", "sometimes"], "sometimes"),
        (["--port", "99999"], "--port"),
        (["--host", "203.0.113.7"], "--host"),
    ):
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
