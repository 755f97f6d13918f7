"""How much a file may become: a few bytes of a compressed file can stand for more than memory holds."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

from glassnet.core.errors import DataError, FileFormatError
from glassnet.core.settings import whole

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_P = ParamSpec("_P")
_R = TypeVar("_R")

ROOM = 1 << 28
"""Bytes that any file may become: a photograph of 89 million pixels."""
RATIO = 100
"""How often its own size a larger file may become. Tables and images are seldom packed to a twentieth, runs of one
byte to a thousandth."""

MOST_GZIP = 1032
"""How often its own size anything becomes that gzip has packed: a code of two bits for 258 bytes, and no less."""


class Limit:
    """How many bytes a file may become, unpacked.

    Args:
        path: the file; or several that are read together.
        max_bytes: the limit; None for a hundred times the file's own size, and 256 MiB at least.
        where: for messages; None for the file's name.

    Raises:
        ConfigurationError: a limit that is no whole number above 0.
    """

    def __init__(self, path: Path | Iterable[Path], max_bytes: int | None = None, *, where: str | None = None) -> None:
        paths = [path] if isinstance(path, Path) else list(path)
        self.where = paths[0].name if where is None else where
        if max_bytes is not None:
            whole(max_bytes, "max_bytes", self.where)
        self.packed = sum(own.stat().st_size for own in paths if own.is_file())
        self.most = max(ROOM, RATIO * self.packed) if max_bytes is None else max_bytes
        self.taken = 0

    def take(self, count: int, *, what: str = "") -> None:
        """Counts bytes that are there, or are about to be, beside those of before.

        Raises:
            FileFormatError: more than may be.
        """
        self.taken += count
        self.check(self.taken, what=what)

    def check(self, count: int, *, what: str = "") -> None:
        """Refuses so many bytes if they are more than may be.

        Raises:
            FileFormatError: they are.
        """
        if count > self.most:
            self.refuse(count, what=what)

    def refuse(self, count: int, *, what: str = "", at_least: bool = False) -> NoReturn:
        """Raises the error for a file that becomes so many bytes, or that many at least."""
        more = "more than " if at_least else ""
        raise FileFormatError(
            where=self.where,
            received=f"{what or 'content'} of {more}{count:,} bytes, out of {self.packed:,} on disk",
            expected=f"at most {self.most:,} bytes (max_bytes)",
            fix="if the file is to be trusted and memory is large enough, raise the limit: "
            f"max_bytes={_round_up(2 * count if at_least else count)}, on the command line --max-bytes",
        )


def within_memory(reader: Callable[_P, _R]) -> Callable[_P, _R]:
    """A reader, whose first argument is a path, that says so in our words where its data are more than memory holds."""

    @wraps(reader)
    def read(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return reader(*args, **kwargs)
        except MemoryError as error:
            raise DataError(
                where=str(next(iter((*args, *kwargs.values())))),
                received="more data than memory holds",
                expected="data that fit into it several times",
                fix="take a part of the rows or columns, or a computer with more memory",
            ) from error

    return read


class Counted(io.RawIOBase):
    """A stream of unpacked bytes that ends in an error where there are more than may be.

    Args:
        stream: what unpacks them.
        limit: which counts them.
    """

    def __init__(self, stream: IO[bytes], limit: Limit) -> None:
        self._stream, self._limit, self._read = stream, limit, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads what there is room for."""
        content = self._stream.read(len(buffer))
        self._read += len(content)
        if self._read > self._limit.most:
            self._limit.refuse(self._limit.most, at_least=True)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Closes what it reads from."""
        self._stream.close()
        super().close()


def unpacked(stream: IO[bytes], limit: Limit) -> io.BufferedReader:
    """The stream, counted: whoever reads it to its end has read no more than may be."""
    return io.BufferedReader(Counted(stream, limit), 1 << 17)


def check_members(archive: ZipFile, limit: Limit, members: Iterable[ZipInfo] | None = None) -> None:
    """Refuses an archive before it is unpacked, by the sizes that it states: no more is ever unpacked of a member.

    Args:
        archive: opened.
        limit: for all of the members together.
        members: those that will be read; None for all.

    Raises:
        FileFormatError: too much; or a compression that is unpacked as a whole, whatever the size that is stated.
    """
    from zipfile import ZIP_DEFLATED, ZIP_STORED

    for member in archive.infolist() if members is None else members:
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise FileFormatError(
                where=limit.where,
                received=f"{member.filename!r:.80}, compressed by a method of its own (number {member.compress_type})",
                expected="members that are stored as they are, or deflated",
                fix="write the file again with the program that it comes from",
            )
        limit.take(member.file_size)


def _round_up(count: int) -> int:
    """The next number with two digits and zeros, which is easier to type."""
    zeros = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // zeros) * zeros
