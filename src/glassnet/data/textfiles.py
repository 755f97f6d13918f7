"""Text files as people have them: UTF-8, UTF-16, GB18030, cp1252, compressed or not."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from glassnet.core.errors import ConfigurationError, FileFormatError
from glassnet.data.files import unreadable
from glassnet.data.sizes import Limit, unpacked

BLOCK = 1 << 20
SAMPLE = 1 << 16
"""Bytes with letters beyond ASCII that an encoding is guessed from."""
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""What a file may begin with, and the encoding that this tells; the longer ones first."""
_HIGH = re.compile(rb"[\x80-\xff]+")
_WESTERN_SIGNS = "\u00a0€£¥¢§°±²³¹·«»“”‘’„–—…©®™¼½¾¿¡×÷•"
GUESSED = ("gb18030", "cp1252")
"""Encodings that are looked for where a file is not in UTF-8."""


@contextmanager
def opened(path: Path, encoding: str, max_bytes: int | None = None) -> Iterator[TextIO]:
    """Opens a text file, its line ends as they are; .gz is decompressed, to ``max_bytes`` at most (see ``Limit``).

    Raises:
        MissingFileError: no such file.
        FileFormatError: a folder, damaged compression, more bytes than may be, bytes that are not of the encoding.
    """
    with _bytes(path, max_bytes) as stream, TextIOWrapper(stream, encoding=encoding, newline="") as text:
        try:
            yield text
        except UnicodeDecodeError as error:
            raise _undecodable(path, encoding, max_bytes) from error


def encoding_of(path: Path, *, asked: str | None = None, usual: str | None = None, max_bytes: int | None = None) -> str:
    """The encoding of a text file.

    Args:
        path: the file.
        asked: the encoding that the user named; it is taken.
        usual: the encoding of the file that a model was trained on.
        max_bytes: see ``Limit``.

    Returns:
        A name for ``opened``: of the mark at its beginning, UTF-8 where all of it is UTF-8, or the one that its letters
        speak for.

    Raises:
        MissingFileError: no such file.
        ConfigurationError: an encoding that does not exist.
        FileFormatError: no encoding could be told.
    """
    if asked is not None:
        try:
            name = codecs.lookup(asked).name
        except LookupError as error:
            raise ConfigurationError(
                where=f"read {path.name}",
                received=f"encoding={asked!r}",
                expected="the name of an encoding",
                fix='write "utf-8", "utf-16", "gb18030" or "cp1252"',
            ) from error
        return "utf-8-sig" if name == "utf-8" else name
    with _bytes(path, max_bytes) as stream:
        start = stream.read(4096)
        for mark, name in MARKS.items():
            if start.startswith(mark):
                return name
        if (wide := _without_mark(start)) is not None:
            return wide
        decoder, sample = codecs.getincrementaldecoder("utf-8")(), b""
        block, is_utf8 = start, True
        while block and (is_utf8 or len(sample) < SAMPLE):
            if is_utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            if not block.isascii() and len(sample) < SAMPLE:
                sample += b"\n".join(line for line in block.splitlines() if not line.isascii())
            block = stream.read(BLOCK)
    if is_utf8 and not decoder.getstate()[0]:
        return "utf-8"
    if _is_damaged_utf8(sample):
        raise _undecodable(path, "utf-8", max_bytes)
    return _guess(path, sample, usual, max_bytes)


def _without_mark(start: bytes) -> str | None:
    """UTF-16 of mostly Latin letters: every other byte is 0."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 < len(start) or min(even, odd):
        return None
    return "utf-16-le" if odd else "utf-16-be"


def _is_damaged_utf8(sample: bytes) -> bool:
    """Whether most lines with letters beyond ASCII are UTF-8, which those of another encoding are by chance only."""
    lines = sample.split(b"\n")
    whole = sum(line.decode("utf-8", "ignore").encode() == line for line in lines)
    return whole * 2 >= len(lines) > 1


def _guess(path: Path, sample: bytes, usual: str | None, max_bytes: int | None) -> str:
    runs = [len(run) for run in _HIGH.findall(sample)]
    alone = sum(length == 1 for length in runs)
    if alone * 3 >= len(runs) * 2 and max(runs) < 3 and _is_western(sample):
        return "cp1252"  # single letters with accents among plain ones; Chinese ones are two bytes each
    candidates = [name for name in (usual, *GUESSED) if name is not None and not name.startswith("utf")]
    if all(length % 2 == 0 for length in runs):
        candidates = [name for name in candidates if name != "cp1252"]  # whose letters hardly ever all stand in twos
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        received = "bytes that are not UTF-8, and no charset-normalizer, which recognises other encodings"
        raise _unknown(path, received, max_bytes) from None
    best = from_bytes(sample, cp_isolation=candidates, enable_fallback=False).best()
    even = sum(length % 2 == 0 for length in runs)
    if best is None or (best.encoding == "gb18030" and even * 3 < len(runs) * 2):
        raise _unknown(path, "bytes that are neither UTF-8 nor clearly of another encoding", max_bytes)
    return str(best.encoding)


def _is_western(sample: bytes) -> bool:
    beyond = {character for character in sample.decode("cp1252", "replace") if not character.isascii()}
    return all(character.isalpha() or character in _WESTERN_SIGNS for character in beyond)


def _unknown(path: Path, received: str, max_bytes: int | None) -> FileFormatError:
    return FileFormatError(
        where=f"{path.name}, line {_undecodable_line(path, 'utf-8', max_bytes)}",
        received=received,
        expected="a text file in UTF-8, UTF-16, GB18030 or cp1252",
        fix='say which it is: encoding="cp1252" (--encoding cp1252) for western Europe, "gb18030" for Chinese; or save '
        'the file as UTF-8 (spreadsheets call it "CSV UTF-8")',
    )


def _undecodable(path: Path, encoding: str, max_bytes: int | None) -> FileFormatError:
    return FileFormatError(
        where=f"{path.name}, line {_undecodable_line(path, encoding, max_bytes)}",
        received=f"bytes that are not {encoding.removesuffix('-sig')}",
        expected="a text file in one encoding",
        fix='name its encoding (--encoding), or save the file as UTF-8 (spreadsheets call it "CSV UTF-8")',
    )


def _undecodable_line(path: Path, encoding: str, max_bytes: int | None) -> int:
    """The line of the first bytes that are not of the encoding; its line ends may be those of any system."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, after_return = 1, False
    with _bytes(path, max_bytes) as stream:
        for raw in chain(stream, [b""]):
            try:
                text = decoder.decode(raw, final=not raw)
                broken = False
            except UnicodeDecodeError as error:
                text, broken = error.object[: error.start].decode(encoding, "ignore"), True
            line += text.count("\n") + text.count("\r") - text.count("\r\n") - (after_return and text[:1] == "\n")
            after_return = text.endswith("\r")
            if broken:
                break
    return line


@contextmanager
def _bytes(path: Path, max_bytes: int | None) -> Iterator[BinaryIO]:
    import gzip
    import zlib

    if not path.is_file():
        raise unreadable(path)
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path) as packed, unpacked(cast(BinaryIO, packed), Limit(path, max_bytes)) as counted:
                yield cast(BinaryIO, counted)
        else:
            with open(path, "rb") as stream:
                yield stream
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise FileFormatError(
            where=path.name,
            received=f"a damaged .gz file ({error})",
            expected="a whole file, compressed by gzip",
            fix="compress or copy it again",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
