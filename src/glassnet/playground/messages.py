"""What the page may say: every message is checked against a small schema before anything is done."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NoReturn

from glassnet.core.catalogues import LANGUAGES
from glassnet.core.errors import DataError, shown
from glassnet.playground.examples import MOST_BYTES

MOST_LETTERS = 10_000
"""The limit for a message without a table."""
MOST_RESUMED = 100_000
"""The limit for one that tells a training again."""
MOST_CONTENT = 4 * -(-MOST_BYTES // 3)
"""Letters of a table's file in base64."""
MOST_MESSAGE_BYTES = MOST_CONTENT + MOST_LETTERS
"""The limit for any message."""
FIELDS: dict[str, tuple[str, ...]] = {
    "configure": ("setting",),
    "pace": ("epochs_per_second",),
    "trace": ("language",),
    "change": ("name", "value", "place"),
    "look": ("place",),
    "resume": ("setting", "changes", "epochs", "batch"),
    "table": ("content", "name"),
} | dict.fromkeys(("play", "pause", "step", "epoch", "reset", "code", "model"), ())
"""The kinds of messages, and what each brings along."""
TEXT_FIELDS: dict[str, tuple[str, ...]] = {
    "begin": ("texts", "network"),
    "prefix": ("prefix",),
} | dict.fromkeys(("play", "pause", "reset", "write"), ())
"""The same for the page of texts."""
MOST_PLACES = 1_000_000
"""Places among weights or states are below."""
FASTEST = 100_000
"""Epochs a second: as many as there is time for."""


@dataclass(frozen=True)
class Message:
    """A checked message: its kind and what it brings along, a table's file as bytes."""

    kind: str
    values: dict[str, Any] = field(default_factory=dict)


def read_message(text: str, fields: Mapping[str, tuple[str, ...]] = FIELDS) -> Message:
    """Checks a message.

    Args:
        text: JSON: an object with "kind" and the fields that belong to it, and no others.
        fields: the kinds of messages that are taken, and what each brings along.

    Raises:
        DataError: anything else, or too long.

    Example:
        >>> read_message('{"kind": "pace", "epochs_per_second": 30}')
        Message(kind='pace', values={'epochs_per_second': 30})
    """
    if len(text) > MOST_MESSAGE_BYTES:
        _refuse(f"{len(text):,} letters", f"at most {MOST_MESSAGE_BYTES:,}", "send less at once")
    try:
        found = json.loads(text, parse_constant=_not_json)
    except (ValueError, RecursionError):
        _refuse("text that is no JSON", "an object", "send what JSON.stringify makes")
    if not isinstance(found, dict):
        _refuse(f"a {type(found).__name__}", "an object", 'send {"kind": "play"}')
    kind = found.pop("kind", None)
    if not isinstance(kind, str) or kind not in fields:
        _refuse(f"the kind {shown(kind, 60)}", f"one of {', '.join(fields)}", "name one of them")
    most = {"table": MOST_MESSAGE_BYTES, "resume": MOST_RESUMED}.get(kind, MOST_LETTERS)
    if len(text) > most:
        _refuse(f"{len(text):,} letters", f"at most {most:,}", "send less at once")
    if sorted(found) != sorted(fields[kind]):
        received = ", ".join(map(repr, list(found)[:8])) or "nothing"
        _refuse(f"{received:.200} with {kind!r}", f"{', '.join(fields[kind]) or 'nothing else'}", "send just that")
    _check_values(found)
    if kind == "table":
        found["content"] = _bytes(found["content"])
    return Message(kind, found)


def _check_values(values: dict[str, Any]) -> None:
    """The fields themselves; a setting is checked where it is made."""
    pace = values.get("epochs_per_second", 1)
    if not isinstance(pace, int | float) or isinstance(pace, bool) or not 1 <= pace <= FASTEST:
        _refuse(f"epochs_per_second={shown(pace, 40)}", f"a number from 1 to {FASTEST:,}", "choose one of them")
    if values.get("language", "en") not in LANGUAGES:
        _refuse(f"language={shown(values['language'], 40)}", f"one of {', '.join(LANGUAGES)}", "choose one of them")
    place, value = values.get("place", 0), values.get("value", 0)
    if not isinstance(place, int) or isinstance(place, bool) or not -1 <= place < MOST_PLACES:
        _refuse(f"place={shown(place, 40)}", "a whole number from 0 on, or -1", "choose one of them")
    if not isinstance(value, int | float) or isinstance(value, bool):
        _refuse(f"value={shown(value, 40)}", "a number", "send a number")
    for name, longest in (("content", MOST_CONTENT), ("name", 200), ("texts", MOST_LETTERS), ("prefix", 200)):
        value = values.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            received = f"{len(value):,} letters" if isinstance(value, str) else f"a {type(value).__name__}"
            _refuse(f"{received} of {name}", f"a text, at most {longest:,} letters", "take less of it")


def _bytes(content: str) -> bytes:
    try:
        return b64decode(content, validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters beyond ASCII
        _refuse("content that is no base64", "the bytes of a file in base64", "send what the page's script sends")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def _refuse(received: str, expected: str, fix: str) -> NoReturn:
    raise DataError(where="message", received=received, expected=expected, fix=fix)


class Allowance:
    """How many messages may come: so many a second, with some in advance.

    Args:
        per_second: messages that are allowed in the long run.
        in_advance: how many may come at once.
    """

    def __init__(self, per_second: float = 40.0, in_advance: float = 80.0) -> None:
        self._rate, self._most = per_second, in_advance
        self._left, self._then = in_advance, monotonic()

    def take(self, count: float = 1.0) -> bool:
        """Counts a message, or one that is as much work as so many; whether it is within the allowance."""
        now = monotonic()
        self._left = min(self._most, self._left + (now - self._then) * self._rate)
        self._then = now
        if self._left < count:
            return False
        self._left -= count
        return True
