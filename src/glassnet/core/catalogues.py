"""Sentences in other languages: which language is asked for, and what a finished English sentence is in it.

Inside, all messages are English. Where one is shown, it is compared with the sentences of a catalogue: texts of which
some places are left open, as the f-strings that made it have them. What stands in such a place may be a sentence itself
and is translated in its turn. A sentence that no catalogue knows stays as it is.

Catalogues are gettext's, in ``glassnet/locale``; ``tools/messages.py`` finds the sentences in the sources.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import NamedTuple

LANGUAGES = ("en", "zh")
VARIABLE = "GLASSNET_LANGUAGE"
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Environment variables of which the first that is set tells the user's language."""
LONGEST = 20_000
"""Letters of a text that is looked up."""
DEEPEST = 6
"""Sentences inside each other."""
LONG = 40
"""Letters of a sentence that is taken for one whatever it begins with."""
ENOUGH = 12
"""Letters that tell a sentence in which something stays English."""

_PLACE = re.compile(r"\{\{|\}\}|\{(\d+)(![rs]|:n)?\}")
_NUMBER = re.compile(r"[-+−±~\d.,einfa∞%_xX²³ ]+")
_NUMBER_FIRST = re.compile(r"[-+−±~]?(?:[\d][\d.,_]*(?:e[-+]?\d+)?|inf|nan)")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_WORDS = re.compile(r"(?<![\w.=/-])[a-z]{2,} [a-z]{2,}(?![\w=(./-])")
_SMALL_WORDS = re.compile(
    r"(?:^|(?<=[\w,;:)'] ))"
    r"(?:the|an?|of|to|with|for|in|from|is|are|by|at|than|as|its|on|that|takes?|not|no|all)(?= [\w'])"
)
_OWN_WORD = re.compile(r"[A-Za-z]{4}")
_BARE_WORD = re.compile(r"(?<![\w.=/-])[a-z]{3,}(?![\w=(./-])")
_JOINTS = re.compile(r"\? |(?=, )|(?=; )|(?=: )|(?= \()|(?= [a-z])")
_CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_MEETING = re.compile(r"[\u4e00-\u9fff][\w'\"](?<![\u4e00-\u9fff])|(?![\u4e00-\u9fff])[\w'\"][\u4e00-\u9fff]")
_WIDE = re.compile(r"[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]")
_chosen: str | None = None
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def of_name(name: str) -> str | None:
    """The language of a name such as ``zh``, ``zh_CN.UTF-8`` or ``en-GB``; None for one that is not spoken here.

    Example:
        >>> [of_name(name) for name in ("zh_CN.UTF-8", "zh-Hans", "EN", "C", "de_DE")]
        ['zh', 'zh', 'en', 'en', None]
    """
    first = re.split(r"[-_.@]", name.strip().lower())[0]
    return "en" if first in ("c", "posix") else first if first in LANGUAGES else None


def chosen() -> str:
    """The language that people are spoken to in: that of ``speaking``, what ``choose`` was told, or the environment.

    A locale of another language, and an unknown ``GLASSNET_LANGUAGE``, mean English.
    """
    own = _spoken.get() or _chosen
    if own is not None:
        return own
    for variable in (VARIABLE, *LOCALES):
        if name := os.environ.get(variable):
            return of_name(name) or "en"
    return "en"


def choose(language: str | None) -> None:
    """Sets the language of this process, one of ``LANGUAGES``; None goes back to what the environment says."""
    global _chosen
    _chosen = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Lets what is made inside, such as the pictures of a page, speak the page's language."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def translated(text: str, language: str | None = None) -> str:
    """A finished English text in a language (the one that was chosen), or as it is where that is English.

    Lines of a text are looked up one by one where each is known, or it is not known as a whole, without the spaces
    around them.

    Example:
        >>> translated("finite numbers", "zh"), translated("finite numbers", "en"), translated("Grün ist es.", "zh")
        ('有限的数值', 'finite numbers', 'Grün ist es.')
    """
    language = language or chosen()
    if language == "en" or len(text) > LONGEST:
        return text
    if "\n" not in text:
        return _found(text, language, 0)[0]
    lines = text.split("\n")
    by_line = [_found(line, language, 0) for line in lines]
    found, is_whole = _found(text, language, 0)
    are_known = all(is_own and (own != line or not line) for (own, is_own), line in zip(by_line, lines, strict=True))
    return found if is_whole and found != text and not are_known else "\n".join(own for own, _ in by_line)


def columns_of(text: str) -> int:
    """The columns that a text takes in a terminal, where Chinese signs take two.

    Example:
        >>> columns_of("layer"), columns_of("层")
        (5, 2)
    """
    return len(text) + len(_WIDE.findall(text))


def parts_in(parts: Mapping[str, str], language: str) -> dict[str, str]:
    """The four parts of an error in a language."""
    return {name: translated(text, language) for name, text in parts.items()}


def told(parts: Mapping[str, str], language: str) -> str:
    """The four parts of an error as a sentence."""
    own = parts_in(parts, language)
    if language == "zh":
        return f"{own['where']}：收到：{own['received']}；应为：{own['expected']}。解决办法：{own['fix']}。"
    return f"{own['where']}: received {own['received']}, expected {own['expected']}. To fix it: {own['fix']}."


def in_sentences(*texts: str) -> str:
    """Texts as sentences, one after the other, in the language that was chosen."""
    if chosen() == "zh":
        return "".join(f"{translated(text)}。" for text in texts)
    return " ".join(f"{text}." for text in texts)


class Translated:
    """Base of exceptions and warnings whose text is shown in the language of the user."""

    def __str__(self) -> str:
        text = super().__str__()
        language = chosen()
        return text if language == "en" else self._in(language, text)

    def _in(self, language: str, text: str) -> str:
        return translated(text, language)


class _Sentence(NamedTuple):
    """A sentence with open places, and what it is in another language.

    Attributes:
        pieces: the texts around the places, one more than there are of them.
        kinds: what may stand in each: "" for words, "!r" for what is kept, ":n" for a number, "!s" for an ending.
        other: the sentence in the other language, with numbers of places between its texts.
        longest: of the pieces.
        letters: of all pieces.
    """

    pieces: tuple[str, ...]
    kinds: tuple[str, ...]
    other: tuple[str | int, ...]
    longest: str
    letters: int

    @property
    def is_glue(self) -> bool:
        """Whether nothing but small words such as "of" tells the sentence, which then joins numbers and names alone."""
        return not any(_OWN_WORD.search(piece) for piece in self.pieces)

    def begins_late(self, first: str) -> bool:
        """Whether another sentence ends within its first place, so that this one is only what follows."""
        return not self.pieces[0] and self.letters < LONG and ": " in first

    def values(self, text: str) -> list[str] | None:
        """What stands in the places, if the text is this sentence: each as short as can be, from the left.

        Where places stand side by side, the first gets what stands in all of them.
        """
        first, last = self.pieces[0], self.pieces[-1]
        if not (text.startswith(first) and text.endswith(last)) or len(text) < len(first) + len(last):
            return None
        values: list[str] = []
        at, end = len(first), len(text) - len(last)
        while len(values) < len(self.kinds):
            kind, piece = self.kinds[len(values)], self.pieces[len(values) + 1]
            found = _NUMBER_FIRST.match(text, at, end) if kind == ":n" and not piece else None
            beside = 1
            while found is None and not self.pieces[len(values) + beside] and len(values) + beside < len(self.kinds):
                beside += 1
            number = len(values) + beside
            if found is not None:
                until = found.end()
            else:
                until = end if number == len(self.kinds) else _end(text, at, end, self.pieces[number])
            if until < at or not _may_be(text[at:until], kind):
                return None
            values += [text[at:until], *[""] * (beside - 1)]
            at = until if number == len(self.kinds) else until + len(self.pieces[number])
        return values if at == end else None


def _end(text: str, start: int, end: int, piece: str) -> int:
    """Where a value ends that the piece follows: not inside quotation marks or brackets that it begins."""
    at = text.find(piece, start, end)
    while at >= 0 and not _is_whole(text[start:at]):
        at = text.find(piece, at + 1, end)
    return at


def _is_whole(value: str) -> bool:
    """Whether all brackets and quotation marks of a value are closed."""
    bare = _QUOTED.sub("", value)
    return all(bare.count(opening) == bare.count(closing) for opening, closing in ("()", "[]", "{}"))


def _may_be(value: str, kind: str) -> bool:
    if kind == ":n":
        return _NUMBER.fullmatch(value) is not None
    return len(value) <= 3 and (not value or value.isalpha()) if kind == "!s" else _is_whole(value)


def _is_prose(text: str) -> bool:
    """Whether words of a sentence stand in a text, beside names in quotation marks, code and lists."""
    bare = _QUOTED.sub("''", text)
    return _WORDS.search(bare) is not None or _SMALL_WORDS.search(bare) is not None


class _Catalogue:
    """The sentences of a language, those with the most letters of their own first."""

    def __init__(self, language: str) -> None:
        self.plain: dict[str, str] = {}
        self.sentences: list[_Sentence] = []
        for english, other in _read(os.path.join(_FOLDER, language, "LC_MESSAGES", "glassnet.mo")).items():
            pieces, kinds, _ = _split(english)
            if kinds:
                texts, _, order = _split(other)
                mixed = [own for pair in zip(texts, [*order, -1], strict=True) for own in pair][:-1]
                letters = sum(map(len, pieces))
                self.sentences.append(_Sentence(pieces, kinds, tuple(mixed), max(pieces, key=len), letters))
            elif english:
                self.plain[pieces[0]] = _split(other)[0][0]
        self.sentences.sort(key=lambda own: (-own.letters, len(own.kinds), own.pieces))


_FOLDER = os.path.join(__file__.rpartition("core")[0], "locale")


def _split(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """A sentence of a catalogue: the texts around its places, the kinds of these and their numbers."""
    pieces, kinds, order, at = [""], [], [], 0
    for found in _PLACE.finditer(text):
        pieces[-1] += text[at : found.start()]
        at = found.end()
        if found[1] is None:
            pieces[-1] += found[0][0]
        else:
            order.append(int(found[1]))
            kinds.append(found[2] or "")
            pieces.append("")
    pieces[-1] += text[at:]
    return tuple(pieces), tuple(kinds), tuple(order)


def _read(path: str) -> dict[str, str]:
    """A compiled catalogue: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html ."""
    with open(path, "rb") as file:
        content = file.read()
    _, _, count, originals, others = struct.unpack_from("<5I", content)

    def text(table: int, number: int) -> str:
        length, start = struct.unpack_from("<2I", content, table + 8 * number)
        return content[start : start + length].decode("utf-8")

    return {text(originals, number): text(others, number) for number in range(count)}


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> _Catalogue:
    return _Catalogue(language)


@lru_cache(maxsize=1024)
def _found(text: str, language: str, depth: int) -> tuple[str, bool]:
    """A text in another language, and whether nothing of it stayed English."""
    catalogue = _catalogue(language)
    known = catalogue.plain.get(text)
    if known is not None:
        return known, True
    if depth > DEEPEST or not any(letter.isalpha() for letter in text):
        return text, True
    partly = None
    for sentence in catalogue.sentences:
        if sentence.longest not in text:
            continue
        values = sentence.values(text)
        if values is None or text in values or (sentence.begins_late(values[0]) and values[0] not in catalogue.plain):
            continue
        filled, is_whole = _filled(sentence, values, language, depth)
        if is_whole:
            return filled, True
        if partly is None and sentence.letters >= ENOUGH and sentence.pieces[-2].endswith((": ", "(")):
            partly = filled  # what stays English stands at its end, such as the message of another library
    bare = text.strip()
    if bare != text and bare:
        inner, is_whole = _found(bare, language, depth + 1)
        return text.replace(bare, inner, 1), is_whole
    joined = _joined(text, language, depth)
    if joined is not None:
        return joined, True
    return partly or text, partly is None and not _is_prose(text)


def _filled(sentence: _Sentence, values: list[str], language: str, depth: int) -> tuple[str, bool]:
    """A sentence in the other language with its values, and whether nothing stayed English."""
    inner, are_whole, number = list(values), True, 0
    while number < len(values):
        kind, value, is_whole, step = sentence.kinds[number], values[number], True, 1
        if number + 1 < len(values) and not sentence.pieces[number + 1] and not values[number + 1]:
            inner[number], inner[number + 1], is_whole = _parted(value, kind, language, depth)
            step = 2
        elif kind == "":
            inner[number], is_whole = _found(value, language, depth + 1)
        elif kind == "!r":
            is_whole = not _is_prose(value)
        if kind != ":n" and sentence.is_glue and inner[number] == value and (kind == "" or " " in value):
            is_whole &= _BARE_WORD.search(_QUOTED.sub("", value)) is None
        are_whole &= is_whole
        number += step
    text = ""
    for own in sentence.other:
        text = _beside(text, own if isinstance(own, str) else inner[own])
    return text, are_whole


def _beside(first: str, second: str) -> str:
    """Two texts one after the other: a space stands between Chinese and other words, none between Chinese ones."""
    if first.endswith(" ") and _CHINESE.match(first[-2:-1]) and _CHINESE.match(second[:1]):
        return first[:-1] + second
    if second.startswith(" ") and _CHINESE.match(first[-1:]) and _CHINESE.match(second[1:2]):
        return first + second[1:]
    return first + " " * bool(_MEETING.search(first[-1:] + second[:1])) + second


def _parted(text: str, kind: str, language: str, depth: int) -> tuple[str, str, bool]:
    """What stands in two places side by side: the second is a sentence, or nothing."""
    for found in _JOINTS.finditer(text):
        at = found.end() if found[0] == "? " else found.start()
        if at and at < len(text) and _is_whole(text[:at]):
            rest, is_whole = _found(text[at:], language, depth + 1)
            if is_whole and rest != text[at:]:
                first, is_first_whole = _found(text[:at], language, depth + 1) if kind == "" else (text[:at], True)
                if is_first_whole:
                    return first, rest, True
    first, is_whole = _found(text, language, depth + 1) if kind == "" else (text, not _is_prose(text))
    return first, "", is_whole


def _joined(text: str, language: str, depth: int) -> str | None:
    """Two sentences one after the other, or a place and what is said of it."""
    for sign, other in (("? ", ""), ("; ", "；"), (": ", "："), (", ", "，")):
        first, found, rest = text.partition(sign)
        if found and _is_whole(first):
            whole = first + sign if not other else first
            (one, is_one_whole), (two, is_two_whole) = (_found(own, language, depth + 1) for own in (whole, rest))
            if (one, two) != (whole, rest) and is_one_whole and is_two_whole:
                return one + other + two
    return None
