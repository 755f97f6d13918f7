"""The site's pages without building it: all are in the navigation, in both languages, and links lead somewhere.

``make docs`` builds it, strictly, and then follows each link of the pages that were built.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
from book import markdown, reference
from book.check import faults
from book.nav import PROJECT, pages

import glassnet as gn

ROOT = Path(__file__).parents[1]
CHINESE = ".zh-CN.md"
SOURCES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_every_page_is_in_the_navigation_once() -> None:
    listed = pages()
    written = [
        path.relative_to(ROOT / "docs").as_posix().removesuffix(".md")
        for path in ROOT.glob("docs/**/*.md")
        if not path.name.endswith(CHINESE)
    ]
    assert sorted(listed) == sorted(written)
    assert len(set(listed)) == len(listed)
    assert all((ROOT / f"{name}.md").exists() for name in PROJECT)


def test_both_languages_have_the_same_pages() -> None:
    english = {path.with_name(path.name.removesuffix(".md")) for path in SOURCES if not path.name.endswith(CHINESE)}
    chinese = {path.with_name(path.name.removesuffix(CHINESE)) for path in SOURCES if path.name.endswith(CHINESE)}
    in_english_alone = {ROOT / name for name in PROJECT if name != "SECURITY"}
    assert english - in_english_alone == chinese


def test_every_picture_is_shown_and_made_by_a_command() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    makers = [*ROOT.glob("tools/*.py"), *ROOT.glob("benchmarks/*.py"), ROOT / "examples" / "7_mnist_images.py"]
    commands = "".join(path.read_text(encoding="utf-8") for path in makers)
    for path in ROOT.glob("docs/images/*.*"):
        if path.suffix == ".json":
            continue
        assert any(f"images/{path.name}" in text for text in texts), path.name
        assert path.name in commands or f"plot_{path.stem.replace('-', '_')}(" in commands, path.name


def slugs(path: Path) -> set[str]:
    """The places in a page that links may name."""
    headings = re.findall(r"^#+ (.+)$", "".join(path.read_text(encoding="utf-8").split("```")[::2]), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(path: Path) -> None:
    wrong = []
    for link in markdown.links(path.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in slugs(target)):
            wrong.append(link)
    assert wrong == []


def test_the_reference_has_every_public_name() -> None:
    found = [entry for room in reference.entries().values() for entry in room]
    shown = {id(entry.thing) for entry in found}
    named = {name for name in gn.__all__ if name != "__version__" and not inspect.ismodule(getattr(gn, name))}
    assert {name for name in named if id(getattr(gn, name)) not in shown} == set()
    assert [entry.name for entry in found if not inspect.getdoc(entry.thing)] == []
    assert len(found) > 200
    assert {room for room in reference.entries() if room not in reference.ROOMS} == set()


def test_every_public_name_is_shown_at_work() -> None:
    found = [entry for room in reference.entries().values() for entry in room]
    assert [one.name for one in found if not reference.has_example(one.thing) and not reference.example(one)] == []


def test_examples_have_the_heading_that_the_builder_knows(tmp_path: Path) -> None:
    reference.write_sources(tmp_path)
    dense = (tmp_path / "glassnet" / "layers" / "dense.py").read_text(encoding="utf-8")
    assert "    Examples:\n        >>> import glassnet as gn\n" in dense
    assert "    Example:\n" not in dense
    assert (tmp_path / "glassnet" / "__init__.pyi").exists()


def test_every_file_of_kernels_is_shown_at_work() -> None:
    files = [import_module(f"glassnet.kernels.{name}") for name in reference.kernel_files()]
    assert [file.__name__ for file in files if not reference.has_example(file)] == []


def test_families_are_shown_at_work_in_the_reference() -> None:
    found = [entry for room in reference.entries().values() for entry in room]
    shown = {entry.name: made[1] for entry in found if (made := reference.example(entry))}
    assert shown["gn.ReLU"] == "[[0.  0.  0.  0.5 2. ]]\n"
    assert shown["gn.losses.Huber"] == "0.125 [[-0.5]]\n"
    assert shown["gn.SGD"] == "[0.95]\n"
    assert len(shown) > 35


def test_links_become_those_of_the_site() -> None:
    text = "See [a *b*](x.md#c), ![p](y.png), `[no](z.md)`, <img src='q'>\n\n```\n[no](w.md)\n```\n"
    assert markdown.links(text) == ["x.md#c", "y.png"]
    changed = markdown.with_links(text, lambda link: (f"../{link}", link.endswith("png")))
    assert '<a href="../x.md#c">a *b*</a>, ![p](../y.png), `[no](z.md)`' in changed
    assert "[no](w.md)" in changed
    wrapped, code = "# 一\n\n二，\n三 `四`\n五\n\n", "```\n六\n七\n```\n"
    assert markdown.unwrapped(wrapped + code) == wrapped.replace("，\n", "，") + code


def test_the_check_of_the_built_site_finds_faults(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text('<p id="here"></p>')
    (tmp_path / "a.html").write_text('<a href="b.html#here"></a><img src="data:x">')
    assert faults(tmp_path) == []
    (tmp_path / "c.html").write_text('<a href="b.html#gone"><a href="d.html"><script src="https://x.org/y.js">')
    assert len(faults(tmp_path)) == 3
