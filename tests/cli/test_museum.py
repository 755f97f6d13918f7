"""``glassnet museum``: the list, an exhibit, the quiz, the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import Opened, chromium

from glassnet.cli.main import main
from glassnet.diagnosis.museum import EXHIBITS, exhibit_of
from glassnet.reports.museum import CHOICES, museum_page, visit

Shown = pytest.CaptureFixture[str]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_are_listed(language: str, capsys: Shown) -> None:
    assert main(["museum", "--language", language]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [exhibit.name for exhibit in EXHIBITS]
    assert all(line.endswith(exhibit.shows[language]) for line, exhibit in zip(lines, EXHIBITS, strict=True))


def test_guess_diagnose_cure(capsys: Shown) -> None:
    assert main(["museum", "asleep", "--quiz"]) == 0
    asked = capsys.readouterr().out
    assert "learning rate too low" not in asked
    choices = re.findall(r"--guess (\w+)", asked)
    assert len(set(choices)) == CHOICES
    assert "learning_rate_too_low" in choices
    wrong = next(name for name in choices if name != "learning_rate_too_low")
    assert main(["museum", "asleep", "--guess", wrong, "--language", "zh"]) == 0
    assert "不对，不是这个" in capsys.readouterr().out
    assert main(["museum", "asleep", "--guess", "learning_rate_too_low"]) == 0
    told = capsys.readouterr().out
    for said in (
        "Right: the learning rate is too low.",
        "1. learning rate too low",
        "your run",
        "a rate of",
        "#dataset=",
    ):
        assert said in told
    assert re.search(r"training loss +[▁-█]{20}  3\.\d+ → 3\.\d+", told)
    assert main(["museum", "asleep", "--guess", "nonsense"]) == 2
    assert main(["museum", "asleap"]) == 2
    assert "asleep" in capsys.readouterr().err


def test_one_that_breaks_off_says_so(capsys: Shown) -> None:
    assert main(["museum", "nan"]) == 0
    assert "stopped in epoch 1: the loss is no finite number" in capsys.readouterr().out


def test_the_page_is_guessed_on(tmp_path: Path, capsys: Shown) -> None:
    target = tmp_path / "museum.html"
    assert main(["museum", "nan", "--html", str(target), "--language", "zh"]) == 0
    assert "page written" in capsys.readouterr().out
    assert "病例馆" in target.read_text(encoding="utf-8")
    visits = [visit(exhibit_of(name, where="test")) for name in ("asleep", "nan")]
    with chromium() as browser:
        opened = Opened(browser, viewport={"width": 390, "height": 800})
        page = opened.show(museum_page(visits), tmp_path)
        page.set_default_timeout(15_000)
        assert page.locator("#asleep details").get_attribute("open") is None
        page.locator('#asleep button[data-right="yes"]').press("Enter")
        assert page.locator("#asleep details").get_attribute("open") is not None
        assert "learning rate too low" in page.locator("#asleep pre").inner_text()
        page.locator('#nan button[data-right="no"]').first.press("Enter")
        page.locator('#nan button[data-right="yes"]').press("Enter")
        assert page.locator("#score").inner_text() == "1 of 2 guessed right"
        assert page.locator("#nan .said").inner_text() == "Right: the learning rate is too high."
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert opened.errors == []
        opened.context.close()
