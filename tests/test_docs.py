"""The code in the pages about networks runs as it stands, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [
    "coming-from",
    "determinism",
    "frames",
    "graphs",
    "large-data",
    "long-trainings",
    "many-models",
    "museum",
    "networks",
    "reports",
    "sequences",
    "table-models",
    "trace",
    "tuning",
]


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if page == "tuning":
        pytest.importorskip("optuna")
    found: dict[str, Any] = {}
    for block in blocks(f"{page}.md"):
        exec(block, found)


@pytest.mark.parametrize("page", [*PAGES, "distributed"])  # whose examples are run by several processes
def test_both_languages_have_the_same_code(page: str) -> None:
    english, chinese = (
        [re.sub(r" *#.*", "", block) for block in blocks(name)] for name in (f"{page}.md", f"{page}.zh-CN.md")
    )
    assert english == chinese
    assert english
