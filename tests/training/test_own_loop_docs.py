"""The code in docs/own-loop.md runs, in both languages, and does what is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("name", ["own-loop.md", "own-loop.zh-CN.md"])
def test_the_examples_run(name: str) -> None:
    found: dict[str, Any] = {}
    for block in blocks(name):
        exec(block, found)
    model, drawing, rng = found["model"], found["drawing"], found["rng"]
    assert model.optimizer.steps == 201
    assert model.evaluate(found["x"], found["y"])["loss"] < 0.3
    made = drawing.predict(rng.normal(size=(1000, 2)))
    assert 2 < made.mean() < 4


def test_both_languages_have_the_same_code() -> None:
    english, chinese = (
        [re.sub(r" *#.*", "", block) for block in blocks(name)] for name in ("own-loop.md", "own-loop.zh-CN.md")
    )
    assert english == chinese
