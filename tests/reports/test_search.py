"""The page about a search: its numbers are the search's, in both languages, and nothing from data is ever run."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.pages import POLICY

pytest.importorskip("optuna")
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def found() -> gn.Tuning:
    x = np.random.default_rng(0).normal(size=(60, 2))

    def build(**settings: Any) -> gn.Model:
        if settings["rate"] > 0.9:
            raise ValueError(f"too fast {HOSTILE}")
        return gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", gn.Adam(settings["rate"]))

    space = {"rate": (0.01, 1.0), "kind": [HOSTILE, "plain"], "$x_1$": (1, 30)}
    return gn.tune(build, x, (x[:, 0] > 0).astype(int), space=space, trials=14, epochs=3, verbose=False)


@pytest.mark.parametrize(("language", "words"), [("en", "The best settings"), ("zh", "最好的设置")])
def test_the_page_says_what_was_found(found: gn.Tuning, language: str, words: str, tmp_path: Path) -> None:
    text = found.report(tmp_path / "a.html", name=HOSTILE, language=language).read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in text
    assert POLICY in text
    assert words in text
    assert HOSTILE not in text
    assert "too fast" in text
    cards = re.findall(r"<strong>(.*?)</strong>", text)
    states = [trial.state for trial in found.trials]
    assert cards[1:4] == [str(states.count(state)) for state in ("complete", "pruned", "failed")]
    assert cards[0] == f"{found.best.value:.4f}"
    pictures = [b64decode(own).decode() for own in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)]
    assert ("ended early" if language == "en" else "提前结束") in pictures[0]
    assert ("epoch" if language == "en" else "轮") in pictures[1]
    assert found.metric == "loss"
    assert (">loss<" if language == "en" else ">损失<") in pictures[1]
    assert text.count("data:image/svg+xml") == 2 + bool(found.importance())
    assert not re.findall(r'(?:src|href)="(?!data:)', text)


def test_another_language_is_refused(found: gn.Tuning, tmp_path: Path) -> None:
    with pytest.raises(gn.ConfigurationError, match="language"):
        found.report(tmp_path / "a.html", language="fr")


def test_without_matplotlib_the_page_says_so(found: gn.Tuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("search", "pictures"):
        monkeypatch.setattr(f"glassnet.reports.{module}.can_draw", lambda: False)
    text = found.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert "glassnet[plots]" in text
    assert "<img" not in text
