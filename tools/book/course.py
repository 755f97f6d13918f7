"""The chapters of the course: their code is run, and the pictures and live pages that it makes are kept.

PYTHONPATH=tools python -m book.course    (``make gallery`` calls it: the pictures in docs/images/course)
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from book.nav import CHAPTERS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "course"
IMAGES = ROOT / "docs" / "images" / "course"
LIVE = re.compile(r"<!-- page: (\S+) -->")
COMMANDS = {"playground.html": ("playground", "--static"), "museum.html": ("museum", "--language", "{}", "--html")}
"""Live pages that a command makes, not a chapter's code; ``{}`` is the language."""
PICTURE = re.compile(r"!\[[^\]]*\]\(\.\./images/course/([^)]+)\)")


class Part(NamedTuple):
    """A piece of a chapter: ``kind`` is text, code, or output, what the code before it prints."""

    kind: str
    text: str


def parts(page: Path) -> list[Part]:
    """A chapter cut at its fences."""
    found = []
    for piece in re.split(r"^(```.*?^```)$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE):
        if piece.startswith("```python\n"):
            found.append(Part("code", piece.removeprefix("```python\n").removesuffix("```")))
        elif piece.startswith("```\n"):
            found.append(Part("output", piece.removeprefix("```\n").removesuffix("```")))
        elif piece.strip():
            found.append(Part("text", piece.strip()))
    return found


def pictures(page: Path) -> list[str]:
    """The pictures that a chapter shows."""
    return PICTURE.findall(page.read_text(encoding="utf-8"))


def live_pages(page: Path) -> list[str]:
    """The pages that stand in a frame in a chapter and are made by its code."""
    return [name for name in LIVE.findall(page.read_text(encoding="utf-8")) if name not in COMMANDS]


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    """The working directory for a while: the code of the chapters writes where it is."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run(page: Path, folder: Path) -> list[str]:
    """Runs a chapter's code from top to bottom in a folder, and returns what each block of it printed."""
    names: dict[str, Any] = {}
    printed = []
    with within(folder):
        for number, part in enumerate(part for part in parts(page) if part.kind == "code"):
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(compile(part.text, f"{page.name}, block {number + 1}", "exec"), names)
            printed.append(shown.getvalue())
    return printed


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for chapter in CHAPTERS:
        page = FOLDER / f"{chapter}.md"
        with TemporaryDirectory() as place:
            run(page, Path(place))
            for name in pictures(page):
                shutil.copyfile(Path(place) / name, IMAGES / name)
                print((IMAGES / name).relative_to(ROOT))


if __name__ == "__main__":
    main()
