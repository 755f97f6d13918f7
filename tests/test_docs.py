"""The code in the pages about networks runs as it stands, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [
    "c-source",
    "coming-from",
    "custom-loss",
    "determinism",
    "estimators",
    "frames",
    "graphs",
    "languages",
    "large-data",
    "long-trainings",
    "many-models",
    "museum",
    "networks",
    "onnx",
    "reports",
    "saving",
    "sequences",
    "table-models",
    "trace",
    "transfer-learning",
    "tuning",
]
NEEDED = {"onnx": ("onnx", "onnxruntime"), "tuning": ("optuna",)}
"""Packages without which a page's code is not run."""
RUN_ELSEWHERE = {
    "add-a-layer": "test_add_a_layer.py",
    "clusters": "many/test_clusters_page.py",
    "distributed": "distributed/test_ranks.py",
    "gallery": "../tools/make_gallery.py",  # which makes the page by these calls
    "looking-inside": "derivatives/test_looking_docs.py",
    "own-loop": "training/test_own_loop_docs.py",
    "own-parts": "own_parts/test_docs.py",
    "playground": "test_readme.py",
    "questions": "test_questions.py",
    "tables": "test_readme.py",
    "tour": "test_readme.py",
    "trace": "test_readme.py",
}
"""Pages whose code another test runs; those of the course are in test_course.py."""


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.filterwarnings("ignore:.*has not converged")  # estimators: three folds of ten epochs
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for package in NEEDED.get(page, ()):
        pytest.importorskip(package)
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


def test_the_code_of_every_page_is_run_by_some_test() -> None:
    written = {path.stem for path in DOCS.glob("*.md") if ".zh-CN" not in path.name and blocks(path.name)}
    assert written == {*PAGES, *RUN_ELSEWHERE}
    for page, test in RUN_ELSEWHERE.items():
        assert page in (Path(__file__).parent / test).read_text(encoding="utf-8")
