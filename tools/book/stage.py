"""Lays out the two trees that the builder makes the site of: build/docs/en and build/docs/zh.

python -m book.stage    (``make docs`` calls it)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from book import course, markdown, notebooks, reference
from book.nav import CHAPTERS, PROJECT, SECTIONS

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "docs"
HERE = Path(__file__).parent
SOURCES = BUILD / "source"
CHINESE = ".zh-CN.md"
WORDS = (
    {
        "project": "The project",
        "reference": "Reference",
        "home": "glassnet",
        "notebook": "This chapter as a notebook",
        "search": "[en]",
        "theme": "en",
    },
    {
        "project": "项目",
        "reference": "参考手册",
        "home": "glassnet",
        "notebook": "这一章的 notebook",
        "search": "[zh, en]",
        "theme": "zh",
    },
)


class Tree:
    """The pages of one language: 0 English, 1 Chinese."""

    def __init__(self, language: int) -> None:
        self.language = language
        self.folder = BUILD / ("en", "zh")[language]
        self.site = BUILD / "site" / ("", "zh-CN")[language]
        self.waiting: list[Path] = []
        self.placed: set[Path] = set()

    def source(self, page: str) -> Path:
        """The file of a page in this language, or in English where there is no other."""
        own = ROOT / f"{page}{CHINESE}"
        return own if self.language and own.exists() else ROOT / f"{page}.md"

    def place(self, source: Path) -> Path | None:
        """Where a file of the project is in this tree; None if it belongs to the other language."""
        source = source.resolve()
        name = source.relative_to(ROOT).as_posix()
        if source.is_dir():
            inner = source / "README.md"
            return self.place(inner) if inner.exists() else Path("files") / name / "index.md"
        if source.suffix != ".md":
            pictures = source.suffix in (".png", ".svg", ".jpg", ".gif", ".webp", ".html")
            return Path(name).relative_to("docs") if pictures else Path("files") / f"{name}.md"
        chinese = name.endswith(CHINESE)
        both = chinese or Path(ROOT / (name.removesuffix(".md") + CHINESE)).exists()
        if chinese != bool(self.language) and both:  # a page in English alone is in both trees
            return None
        way = Path(name.removesuffix(CHINESE).removesuffix(".md") + ".md")
        if way.name == "README.md":  # as the builder names it
            way = way.with_name("index.md")
        if way.parts[0] == "docs":
            return way.relative_to("docs")
        return way if way.name == "index.md" and len(way.parts) == 1 else Path("project") / way

    def stage(self, source: Path) -> None:
        """Writes one file into the tree, and notes the files that it links to."""
        place = self.place(source)
        if place is None or source in self.placed:
            return
        self.placed.add(source)
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            if not (source / "README.md").exists():
                target.write_text(self.listing(source), encoding="utf-8")
            else:
                self.waiting.append(source / "README.md")
        elif source.suffix == ".md":
            text = source.read_text(encoding="utf-8")
            text = markdown.with_links(text, lambda link: self.link(source, place, link))
            text = course.LIVE.sub(FRAME, text)
            text = markdown.with_mathml(markdown.unwrapped(text)).replace("<details>", '<details markdown="1">')
            target.write_text(text, encoding="utf-8")
        elif target.suffix == ".md":
            target.write_text(shown(source), encoding="utf-8")
        else:
            shutil.copyfile(source, target)

    def link(self, source: Path, place: Path, link: str) -> tuple[str, bool]:
        """Where a link of ``source`` leads in the site, and whether to a page of this tree."""
        if "://" in link or link.startswith(("#", "mailto:")):
            return link, True
        path, mark, anchor = link.partition("#")
        target = (source.parent / path).resolve()
        found = self.place(target)
        if found is not None:
            self.waiting.append(target)
            return os.path.relpath(found, place.parent) + mark + anchor, True
        other = TREES[1 - self.language]
        found = other.place(target)
        assert found is not None, f"{source}: {link} is in neither language"
        other.waiting.append(target)
        way = os.path.relpath(other.site / found.with_suffix(".html"), (self.site / place).parent)
        return way + mark + anchor, False

    def listing(self, folder: Path) -> str:
        """A page for a folder of sources."""
        files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
        self.waiting += files
        return "\n".join(
            [f"# {folder.relative_to(ROOT)}", "", *(f"- [{path.name}]({path.name}.md)" for path in files), ""]
        )

    def finish(self) -> None:
        """Writes the pages that wait, and those that they link to."""
        while self.waiting:
            self.stage(self.waiting.pop())

    def run_course(self) -> None:
        """Runs the chapters as notebooks; these and the pages that they write are put beside the chapters."""
        folder = self.folder / "course"
        for place in ("notebooks", "pages"):
            (folder / place).mkdir()
        for name, command in course.COMMANDS.items():
            words = [word.format(("en", "zh")[self.language]) for word in command]
            subprocess.run([sys.executable, "-m", "glassnet", *words, folder / "pages" / name], check=True)
        for chapter in CHAPTERS:
            with TemporaryDirectory() as place:
                made = Path(place) / f"{chapter}.ipynb"
                source = self.source(f"docs/course/{chapter}")
                if self.language:
                    notebooks.execute_as(source, made, OUTPUTS[chapter])
                else:
                    OUTPUTS[chapter] = notebooks.execute(source, made)
                shutil.copyfile(made, folder / "notebooks" / made.name)
                for name in course.live_pages(source):
                    shutil.copyfile(Path(place) / name, folder / "pages" / name)
            with (folder / f"{chapter}.md").open("a", encoding="utf-8") as page:
                page.write(f'\n<a href="notebooks/{chapter}.ipynb" download>{WORDS[self.language]["notebook"]}</a>\n')

    def configuration(self, rooms: list[str]) -> str:
        """What the builder reads."""
        words = WORDS[self.language]
        lines = [
            f"INHERIT: {HERE / 'mkdocs.yml'}",
            f"docs_dir: {self.folder}",
            f"site_dir: {self.site}",
            f"theme: {{language: {words['theme']}, custom_dir: {HERE / 'overrides'}}}",
            "plugins:",
            f"  search: {{lang: {words['search']}, jieba_dict_user: {HERE / 'assets' / 'words.txt'}}}",
            "  offline: {}",
            f"  mkdocstrings: {{handlers: {{python: {{paths: [{SOURCES}], options: {{{OPTIONS}}}}}}}}}",
            "nav:",
            f"  - {words['home']}: index.md",
        ]
        for titles in SECTIONS:
            lines.append(f"  - {titles[self.language]}:")
            lines += [f"      - {page.replace('README', 'index')}.md" for page in titles[2]]
        lines += [f"  - {words['reference']}:", *(f"      - reference/{room}" for room in rooms)]
        lines.append(f"  - {words['project']}:")
        lines += [f"      - project/{name}.md" for name in PROJECT]
        return "\n".join(lines) + "\n"


OPTIONS = ", ".join(
    (
        "allow_inspection: false",  # nothing is imported; native modules for other processors lie beside the sources
        "docstring_style: google",
        "show_root_heading: true",
        "show_root_full_path: false",
        "show_source: false",
        "separate_signature: true",
        "show_signature_annotations: true",
        "show_bases: false",
        "heading_level: 2",
        "members_order: source",
        "merge_init_into_class: true",
        'filters: ["!^_"]',
    )
)
FRAME = r'<iframe class="live" src="pages/\1" title="\1" loading="lazy"></iframe> <a href="pages/\1">\1</a>'
TREES = (Tree(0), Tree(1))
OUTPUTS: dict[str, list[Any]] = {}
"""What the code of the chapters printed, by chapter."""


def shown(source: Path) -> str:
    """A page that shows a file."""
    name, text = source.relative_to(ROOT).as_posix(), source.read_text(encoding="utf-8")
    language = {".py": "python", ".cpp": "cpp", ".json": "json", ".txt": "text"}.get(source.suffix, "text")
    return f"# {name}\n\n````{language}\n{text.rstrip()}\n````\n"


def main() -> None:
    """Everything but the build itself."""
    for tree in TREES:
        shutil.rmtree(tree.folder, ignore_errors=True)
        shutil.copytree(HERE / "assets", tree.folder / "assets")
        sources = [tree.source(f"docs/{page}") for _, _, section in SECTIONS for page in section]
        tree.waiting += [tree.source("README"), *sources, *(tree.source(name) for name in PROJECT)]
    shutil.rmtree(SOURCES, ignore_errors=True)
    reference.write_sources(SOURCES)
    for _ in range(2):  # pages of one tree may ask for pages of the other
        for tree in TREES:
            tree.finish()
    for tree in TREES:
        tree.run_course()
        rooms = reference.write(tree.folder / "reference", tree.language)
        (BUILD / f"{('en', 'zh')[tree.language]}.yml").write_text(tree.configuration(rooms), encoding="utf-8")


if __name__ == "__main__":
    main()
