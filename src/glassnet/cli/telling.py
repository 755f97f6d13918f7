"""What the commands print for people, in their language; what other programs read is printed by ``print``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from glassnet.core.catalogues import chosen, columns_of, translated

DEFAULT = " (default: %(default)s)"
"""What argparse puts behind a help."""
_PIECES = re.compile(
    r"\s+|[^\s\u2e80-\uffef]+[\u3001\u3002\uff01\uff09\uff0c\uff1a\uff1b\uff1f\u201d]*|.[\u3001\u3002\uff01\uff09\uff0c\uff1a\uff1b\uff1f\u201d]*",
    re.DOTALL,
)
"""Words, spaces and single Chinese signs, with the punctuation that must not begin a line."""


def tell(*texts: object, sep: str = " ", **settings: Any) -> None:
    """Prints texts as ``print`` does, each in the language that was chosen."""
    print(*(translated(str(text)) for text in texts), sep=sep, **settings)


@contextmanager
def argparse_speaks() -> Iterator[None]:
    """Lets argparse say its own words in the language that was chosen: it asks gettext for them."""
    if chosen() == "en":
        yield
        return
    kept = {name: getattr(argparse, name) for name in ("_", "ngettext")}
    argparse._ = lambda text: text and translated(text)  # type: ignore[attr-defined]
    argparse.ngettext = lambda one, many, count: translated(one if count == 1 else many)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name, own in kept.items():
            setattr(argparse, name, own)


def put_into_words(parser: argparse.ArgumentParser) -> None:
    """Brings the helps of a parser, and of the parsers of its commands, into the language that was chosen."""
    if chosen() == "en":
        return
    parser.description, parser.epilog = (text and translated(text) for text in (parser.description, parser.epilog))
    parser.formatter_class = _in_columns(parser.formatter_class)
    for group in parser._action_groups:
        group.title = group.title and translated(group.title)
    for action in parser._actions:
        action.help = action.help and translated(action.help)
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                choice.help = choice.help and translated(choice.help)
            for command in set(action.choices.values()):
                put_into_words(command)


def _in_columns(formatter: Any) -> type[argparse.HelpFormatter]:
    """A formatter of helps that counts the columns of a terminal, and may end a line between Chinese signs."""

    class Formatter(formatter):  # type: ignore[misc]
        def _split_lines(self, text: str, width: int) -> list[str]:
            return wrapped(" ".join(text.split()), width)

        def _get_help_string(self, action: argparse.Action) -> str | None:
            text = super()._get_help_string(action)
            return None if text is None else str(text).replace(DEFAULT, translated(DEFAULT))

        def _fill_text(self, text: str, width: int, indent: str) -> str:
            if issubclass(formatter, argparse.RawDescriptionHelpFormatter):
                return str(super()._fill_text(text, width, indent))
            return "\n".join(indent + line for line in wrapped(" ".join(text.split()), width - len(indent)))

    return Formatter


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many columns.

    Example:
        >>> wrapped("加上 --resume 继续训练", 14)
        ['加上 --resume', '继续训练']
    """
    lines = [""]
    for piece in _PIECES.findall(text):
        if columns_of(lines[-1] + piece.rstrip()) > width and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return lines
