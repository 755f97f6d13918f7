"""The chapters of the course as notebooks, from the same source: text, code and, when they are made, its outputs.

PYTHONPATH=tools python -m book.notebooks    (``make gallery`` calls it: those in docs/notebooks)
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from book import course, markdown
from book.nav import CHAPTERS

FOLDER = course.ROOT / "docs" / "notebooks"
CHINESE = ".zh-CN"

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(page: Path) -> dict[str, Any]:
    """A chapter as a notebook that has not been run."""
    cells = [cell(part, number) for number, part in enumerate(course.parts(page)) if part.kind != "output"]
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def cell(part: course.Part, number: int) -> dict[str, Any]:
    """One cell; pictures are attached to the text that shows them."""
    made: dict[str, Any] = {"id": f"part-{number}", "metadata": {}, "source": part.text.rstrip()}
    if part.kind == "code":
        return made | {"cell_type": "code", "execution_count": None, "outputs": []}
    names = course.PICTURE.findall(part.text)
    made["source"] = course.LIVE.sub(live, re.sub(r"\]\(\.\./images/course/", "](attachment:", made["source"]))
    if names:
        made["attachments"] = {name: attached(course.IMAGES / name) for name in names}
    return made | {"cell_type": "markdown"}


def live(found: re.Match[str]) -> str:
    """A link to a page that the chapter's code has written; how to make others its text says."""
    return "" if found[1] in course.COMMANDS else f"[{found[1]}]({found[1]})"


def attached(path: Path) -> dict[str, str]:
    kind = "image/svg+xml" if path.suffix == ".svg" else "image/png"
    return {kind: base64.b64encode(path.read_bytes()).decode("ascii")}


def written(page: Path, printed: Sequence[str]) -> str:
    """A chapter with what each block of its code printed, as docs/notebooks has it: pictures and pages are linked."""
    made = notebook(page)
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    for number, (cell, text) in enumerate(zip(code, printed, strict=True), 1):
        stream = {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}
        cell |= {"execution_count": number, "outputs": [stream] if text else []}
    for cell in made["cells"]:
        if cell["cell_type"] == "markdown":
            cell.pop("attachments", None)
            text = cell["source"].replace("](attachment:", "](../images/course/")
            cell["source"] = markdown.with_links(text, lambda link: (_from_notebooks(link), True))
        cell["source"] = cell["source"].splitlines(keepends=True)
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _from_notebooks(link: str) -> str:
    """Where a link of a chapter leads from the folder beside it: to the notebook, where it is another chapter."""
    if "://" in link or link.startswith(("#", "../")) or link.endswith(".html"):
        return link
    is_chapter = link.removesuffix(".md").removesuffix(CHINESE) in CHAPTERS
    return f"{link.removesuffix('.md')}.ipynb" if is_chapter else f"../course/{link}"


def execute(page: Path, target: Path) -> list[Any]:
    """Writes the notebook of a chapter beside the files that its code makes, run by Jupyter; returns its outputs."""
    import nbformat  # only where the site is made
    from nbclient import NotebookClient

    made = nbformat.from_dict(notebook(page))
    nbformat.validate(made)
    place = {"metadata": {"path": str(target.parent)}}
    client = NotebookClient(made, timeout=600, startup_timeout=300, kernel_name="python3", resources=place)
    client.execute(
        stderr=subprocess.DEVNULL
    )  # where the kernel warns of the port that it listens at, of this machine alone
    nbformat.write(made, target)
    return [cell["outputs"] for cell in made["cells"] if cell["cell_type"] == "code"]


def execute_as(page: Path, target: Path, outputs: list[Any]) -> None:
    """The same in the other language: what the code prints is known, the files that it makes are not."""
    made = notebook(page)
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    for number, (cell, shown) in enumerate(zip(code, outputs, strict=True), 1):
        cell |= {"execution_count": number, "outputs": shown}
    if course.live_pages(page):
        course.run(page, target.parent)
    target.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for chapter in CHAPTERS:
        with TemporaryDirectory() as place:
            printed = course.run(course.FOLDER / f"{chapter}.md", Path(place))
        for language in ("", CHINESE):
            target = FOLDER / f"{chapter}{language}.ipynb"
            target.write_text(written(course.FOLDER / f"{chapter}{language}.md", printed), encoding="utf-8")
            print(target.relative_to(course.ROOT))


if __name__ == "__main__":
    main()
