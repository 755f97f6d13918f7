"""The kinds of files that glassnet writes, and how it knows one of its own again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LOOKED_AT = 65536
"""Bytes at the beginning and at the end of a file in which its marks stand."""


@dataclass(frozen=True)
class Kind:
    """A kind of file: what it is called, and what stands in one that glassnet has written and in no other.

    A file of the user's own, of which there may be no other copy, is never replaced by accident.

    Args:
        name: with its article, for messages.
        marks: one of these stands near the beginning or the end.
        beginning: or else the file begins with this,
        is_continued: and what follows in the first bytes is right, where that has to be looked at.
    """

    name: str
    marks: tuple[bytes, ...] = ()
    beginning: bytes | None = None
    is_continued: Callable[[bytes], bool] | None = None

    def is_kind_of(self, path: Path) -> bool:
        """Whether the file is one of these.

        Raises:
            OSError: it cannot be read.
        """
        with path.open("rb") as file:
            first = file.read(_LOOKED_AT)
            file.seek(max(_LOOKED_AT, path.stat().st_size - _LOOKED_AT))
            last = file.read(_LOOKED_AT)
        if self.beginning is not None and first.startswith(self.beginning):
            return self.is_continued is None or self.is_continued(first.removeprefix(self.beginning))
        return any(mark in first or mark in last for mark in self.marks)


MODEL = Kind("a model of glassnet's", (b'"glassnet":"{',))
PAGE = Kind(
    "a page of glassnet's", (b"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src",)
)
PICTURE = Kind(
    "a picture of glassnet's",
    (b"Software\0glassnet", b"<dc:title>glassnet", b"/Creator (glassnet", b"<metadata>glassnet"),
)
ONNX = Kind("an ONNX file of glassnet's", (b"\x12\x08glassnet",))
C_SOURCE = Kind("C source of glassnet's", beginning=b"/* Made by glassnet ")
PARQUET = Kind("answers of glassnet's", (b"answers of glassnet",))
STUDY = Kind("a study of glassnet's", beginning=b'{"glassnet study":"')
DONE = Kind("a note of glassnet's that a training is done", (b'"glassnet done"',))
