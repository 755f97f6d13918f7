"""The chapters of the course: the code runs and prints what they show, alike in both languages and in notebooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from book import course, notebooks
from book.nav import CHAPTERS

CHINESE = ".zh-CN.md"


def code_of(page: Path) -> list[str]:
    return [part.text for part in course.parts(page) if part.kind == "code"]


def pair(chapter: str) -> tuple[Path, Path]:
    return course.FOLDER / f"{chapter}.md", course.FOLDER / f"{chapter}{CHINESE}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_code_runs_and_prints_what_is_shown(chapter: str, tmp_path: Path) -> None:
    page = course.FOLDER / f"{chapter}.md"
    said = course.run(page, tmp_path)
    for own in pair(chapter):
        kept = notebooks.FOLDER / f"{own.stem}.ipynb"
        assert kept.read_text(encoding="utf-8") == notebooks.written(own, said), "make gallery"
    printed, last = iter(said), ""
    for part in course.parts(page):
        if part.kind == "code":
            last = next(printed)
        elif part.kind == "output":
            assert part.text.rstrip() == last.rstrip()
    for name in course.pictures(page):
        assert (tmp_path / name).stat().st_size > 1000
        assert (course.IMAGES / name).exists(), "make gallery"
    shown = course.LIVE.findall(page.read_text(encoding="utf-8"))
    assert set(shown) - set(course.live_pages(page)) <= set(course.COMMANDS)
    for name in course.live_pages(page):
        assert "<html" in (tmp_path / name).read_text(encoding="utf-8")[:500]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_both_languages_have_the_same_code_outputs_pictures_and_pages(chapter: str) -> None:
    english, chinese = pair(chapter)
    assert code_of(english) == [text.replace(', language="zh"', "") for text in code_of(chinese)]
    outputs = [[part.text for part in course.parts(page) if part.kind == "output"] for page in (english, chinese)]
    assert outputs[0] == outputs[1]
    assert course.pictures(english) == course.pictures(chinese)
    assert course.LIVE.findall(english.read_text("utf-8")) == course.LIVE.findall(chinese.read_text("utf-8"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_exercise_has_a_solution_that_is_tested(chapter: str) -> None:
    for page in pair(chapter):
        _, exercises = re.split(r"^## (?:Exercises|练习)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        parts = re.split(r"^\*\*\d\.\*\*", exercises, flags=re.MULTILINE)[1:]
        assert len(parts) >= 3
        for part in parts:
            solution = re.search(
                r"<details>\n<summary>\S+</summary>\n\n```python\n(.*?)```\n\n</details>", part, re.DOTALL
            )
            assert solution is not None
            assert re.search(r"^\s*assert ", solution[1], flags=re.MULTILINE)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_notebook_has_the_chapter_s_code_and_text(chapter: str) -> None:
    for page in pair(chapter):
        made = notebooks.notebook(page)
        cells = made["cells"]
        assert [cell["source"] for cell in cells if cell["cell_type"] == "code"] == list(map(str.rstrip, code_of(page)))
        assert cells[0]["source"].startswith("# ")
        assert len({cell["id"] for cell in cells}) == len(cells)
        shown = re.findall(r"\(attachment:([^)]+)\)", "".join(cell["source"] for cell in cells))
        assert shown == course.pictures(page)
        assert shown == [name for cell in cells for name in cell.get("attachments", {})]
