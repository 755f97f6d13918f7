"""The lessons: scripts that are read from top to bottom, and copies of them."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

import glassnet
from glassnet.cli.telling import tell
from glassnet.core.errors import ConfigurationError
from glassnet.core.files import require_writable, write_atomically
from glassnet.core.kinds import Kind


def examples(options: argparse.Namespace) -> int:
    """Lists the lessons, or copies those that are asked for."""
    found = lessons()
    for number in options.number:
        if number not in found:
            raise ConfigurationError(
                where="examples",
                received=f"number {number}",
                expected=f"a number from 1 to {max(found)}",
                fix="'glassnet examples' lists them",
            )
    if not options.number:
        for number, path in found.items():
            print(f"{number:3}  {title(path)}")
        tell()
        tell("glassnet examples 1 copies the first one, glassnet examples 1 2 3 several, to the folder examples.")
        return 0
    copies = {options.output / found[number].name: found[number].read_bytes() for number in options.number}
    options.output.mkdir(parents=True, exist_ok=True)
    for copy, content in copies.items():
        require_writable(copy, _unchanged(content), where="examples")
    for copy, content in copies.items():
        write_atomically(copy, content, _unchanged(content))
        print(f"python {copy}")
    return 0


def _unchanged(content: bytes) -> Kind:
    """The kind of file that nothing is lost with: who has a lesson may have written in it."""
    return Kind("an unchanged copy of this lesson", beginning=content, is_continued=lambda rest: not rest)


def lessons() -> dict[int, Path]:
    """The scripts by their numbers.

    Raises:
        ConfigurationError: they are not there.
    """
    package = Path(glassnet.__file__).parent
    folders = package / "examples", package.parents[1] / "examples"  # installed; in a checkout
    paths = next(filter(None, ([*folder.glob("[0-9]*_*.py")] for folder in folders)), None)
    if paths is None:
        raise ConfigurationError(
            where="examples",
            received=f"no lessons in {folders[0]}",
            expected="a complete installation",
            fix="pip install --force-reinstall glassnet",
        )
    return dict(sorted((int(path.name.partition("_")[0]), path) for path in paths))


def title(path: Path) -> str:
    """The first line of what a script says of itself."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
