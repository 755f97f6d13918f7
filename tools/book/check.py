"""What a built site must be: no link leads nowhere, and no page asks another place for anything.

python -m book.check FOLDER
"""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")}


class Page(HTMLParser):
    """The anchors of a page, where it leads, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Notes what one element names, links to or loads."""
        rel = dict(attributes).get("rel") or ""
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif (tag, name) in LOADED and value and "canonical" not in rel:
                self.loaded.append(value)
            elif (tag, name) == ("a", "href") and value:
                self.links.append(value)


@cache
def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def faults(folder: Path) -> list[str]:
    """Everything that is wrong with the site, one line each."""
    found = []
    for path in sorted(folder.rglob("*.html")):
        here = page(path)
        found += [f"{path}: loads {link}" for link in here.loaded if "//" in link and not link.startswith("data:")]
        for link in {*here.links, *here.loaded}:
            if "//" in link or link.startswith(("mailto:", "data:", "javascript:")):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / unquote(name)).resolve() if name else path
            if path.name == "404.html" and link.startswith("/"):
                continue  # as a server would show it
            if not target.exists():
                found.append(f"{path}: {link} is not there")
            elif anchor and target.suffix == ".html" and unquote(anchor) not in page(target).anchors:
                found.append(f"{path}: {link} has no such place")
    return found


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]))
    print("\n".join(wrong) or "every link leads somewhere, nothing is loaded from elsewhere")
    sys.exit(bool(wrong))
