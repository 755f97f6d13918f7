"""Keeps the catalogues of ``src/glassnet/locale`` up to date with the sources.

    .venv/bin/python tools/catalogues.py update     sentences come in that are new, and leave that are gone
    .venv/bin/python tools/catalogues.py compile    glassnet.mo, which the library reads, from the .po files

There is a .po file for each room, which people edit. The .mo file is stored with them, so that an installation needs no
tool; ``tests/test_languages.py`` holds both to the sources.
"""

from __future__ import annotations

import io
import re
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from messages import SOURCES, Extractor, Template

LOCALE = SOURCES / "locale"
LANGUAGE = "zh"
HELD = "argparse"
"""The catalogue of what Python's own argparse says, which no file of glassnet's holds."""


def folder() -> Path:
    """Of the Chinese .po files."""
    return LOCALE / LANGUAGE


def compiled() -> Path:
    """The .mo file."""
    return folder() / "LC_MESSAGES" / "glassnet.mo"


def read(path: Path) -> Catalog:
    """A .po file."""
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE, domain="glassnet", charset="utf-8")


def translations() -> dict[str, str]:
    """All translations there are, by sentence."""
    return {str(own.id): str(own.string) for path in sorted(folder().glob("*.po")) for own in read(path) if own.id}


def bare(sentence: str) -> str:
    """A sentence without what it says of its places."""
    return re.sub(r"\{(\d+)(?:![rs]|:n)\}", r"{\1}", sentence)


def room(template: Template) -> str:
    """The room of a sentence: that of the first file which says it."""
    return template.places[0].rpartition(":")[0].partition("/")[0].removesuffix(".py")


def written(catalog: Catalog) -> bytes:
    """A catalogue as a .po file."""
    stream = io.BytesIO()
    write_po(stream, catalog, width=120, sort_output=False)
    return stream.getvalue()


def update() -> int:
    """Brings the .po files up to date; returns how many sentences have no translation."""
    known = {bare(sentence): other for sentence, other in translations().items()}
    rooms: dict[str, Catalog] = defaultdict(_catalog)
    for template in Extractor().templates():
        files = sorted({place.rpartition(":")[0] for place in template.places})
        comments = [f"{{{number}}} = {name}" for number, name in enumerate(template.names)]
        rooms[room(template)].add(
            template.msgid,
            known.get(bare(template.msgid), ""),
            locations=[(file, None) for file in files[:3]],
            auto_comments=[", ".join(comments)[:200]] if comments else [],
        )
    for path in folder().glob("*.po"):
        if path.stem not in rooms and path.stem != HELD:
            path.unlink()
    folder().mkdir(parents=True, exist_ok=True)
    for name, catalog in rooms.items():
        (folder() / f"{name}.po").write_bytes(written(catalog))
    return sum(not own.string for catalog in rooms.values() for own in catalog if own.id)


def as_mo() -> bytes:
    """The .po files as one .mo file."""
    catalog = _catalog()
    for sentence, other in sorted(translations().items()):
        if other:
            catalog.add(sentence, other)
    stream = io.BytesIO()
    write_mo(stream, catalog)
    return stream.getvalue()


def _catalog() -> Catalog:
    moment = datetime(2026, 1, 1, tzinfo=UTC)  # the same bytes whenever they are written
    return Catalog(
        LANGUAGE, "glassnet", project="glassnet", version="0", creation_date=moment, revision_date=moment,
        header_comment="# What glassnet says, in Chinese.", fuzzy=False, last_translator="glassnet", language_team="zh"
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:] == ["update"]:
        print(f"{update()} sentences without a translation")
    elif sys.argv[1:] == ["compile"]:
        compiled().parent.mkdir(parents=True, exist_ok=True)
        compiled().write_bytes(as_mo())
    else:
        sys.exit(__doc__)
