"""What a .parquet file says of its pages, looked at before polars believes it.

Polars takes memory for as many values as a page's header claims, and where there is not so much it ends the process;
no error can be caught then. So the headers are compared with each other and with the file's size.

Source of the format: https://github.com/apache/parquet-format, README.md and parquet.thrift; of its encoding:
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from glassnet.core.errors import FileFormatError

MAGIC = b"PAR1"
AHEAD = 1 << 9
"""Bytes that are read for a page's header at first: statistics may make it long."""
LONGEST = 1 << 24
"""Bytes of a page's header at most."""
DEEPEST = 16
Struct = dict[int, Any]
"""Fields by their numbers."""


class _Compact:
    """Reads Thrift's compact encoding."""

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def struct(self, depth: int = 0) -> Struct:
        """The fields of a struct; of a field that is there twice the last."""
        if depth > DEEPEST:
            raise ValueError("structs too deep")
        found: Struct = {}
        number = 0
        while True:
            head = self._byte()
            kind = head & 15
            if kind == 0:
                return found
            number = number + (head >> 4) if head >> 4 else self._signed()
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)

    def _value(self, kind: int, depth: int) -> Any:
        if 4 <= kind <= 6:
            return self._signed()
        if kind <= 3:
            return self._byte()
        if kind in (7, 13):
            return self._bytes(8 if kind == 7 else 16)
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._varint()
            if size > len(self._data) - self.place:
                raise ValueError("a list longer than what holds it")
            return [self._value(head & 15, depth + 1) for _ in range(size)]
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError(f"a value of the kind {kind}")

    def _signed(self) -> int:
        number = self._data[self.place]
        if number < 128:
            self.place += 1
        else:
            number = self._varint()
        return number >> 1 ^ -(number & 1)

    def _varint(self) -> int:
        number = self._byte()
        if number < 128:
            return number
        number, shift = number & 127, 7
        while shift < 70:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
        raise ValueError("a number of more than 64 bits")

    def _byte(self) -> int:
        place = self.place
        self.place = place + 1
        return self._data[place]

    def _bytes(self, count: int) -> bytes:
        end = self.place + count
        if end > len(self._data):
            raise IndexError("a value that goes on behind its end")
        found = self._data[self.place : end]
        self.place = end
        return found


def require_sound_pages(path: Path) -> None:
    """Refuses a file whose pages cannot be what their headers say; one that is no .parquet file is left to its reader.

    Raises:
        FileFormatError: a header contradicts another one, or the file's size.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < 12:
            return
        file.seek(size - 8)
        end = file.read(8)
        length = int.from_bytes(end[:4], "little")
        if end[4:] != MAGIC or length > size - 12:
            return
        try:
            file.seek(size - 8 - length)
            for group in _list(_Compact(file.read(length)).struct(), 4):
                for chunk in _list(group, 1):
                    _check(file, chunk.get(3, {}), _count(group, 3), size - 8 - length)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise FileFormatError(
                where=path.name,
                received=f"a file that is no .parquet file, or a damaged one ({error})",
                expected="pages that are what their headers say",
                fix="write it again",
            ) from error


def _check(file: BinaryIO, column: Mapping[int, Any], rows: int, end: int) -> None:
    """Looks at the pages of a column of a group of rows, which end before the file's description."""
    values, length = _count(column, 5), _count(column, 7)
    is_flat = len(_list(column, 3)) == 1
    if is_flat and values != rows:
        raise ValueError(f"a column of {values} values for {rows} rows")
    place = min(_count(column, name) for name in (9, 11) if column.get(name, 0) or name == 9)
    if place + length > end:
        raise ValueError("pages behind the end of the data")
    last, seen = place + length, 0
    while seen < values:
        header, place = _header(file, place, last)
        packed, whole = _count(header, 3), _count(header, 2)
        if place + packed > last:
            raise ValueError("a page that is longer than its column")
        seen += _values_of(header, packed, whole, values - seen)
        place += packed


def _values_of(header: Struct, packed: int, whole: int, most: int) -> int:
    """How many values of the column a page has."""
    if header[1] == 2:  # a dictionary, whose entries take a bit at least
        if _count(header[7], 1) > 8 * whole:
            raise ValueError("a dictionary of more entries than it has bits")
        return 0
    if header[1] not in (0, 3):
        return 0
    data = header[5 if header[1] == 0 else 8]
    count = _count(data, 1)
    if count > most:
        raise ValueError(f"a page of {count} values in a column that has {most} more")
    if header[1] == 3 and (_count(data, 2) > count or _count(data, 3) > count or _levels(data) > packed):
        raise ValueError("a page whose levels are longer than it, or with more rows or gaps than values")
    return count


def _levels(data: Struct) -> int:
    return _count(data, 5) + _count(data, 6)


def _header(file: BinaryIO, place: int, last: int) -> tuple[Struct, int]:
    """A page's header, and the place behind it."""
    ahead = AHEAD
    while True:
        file.seek(place)
        reader = _Compact(file.read(min(ahead, last - place)))
        try:
            return reader.struct(), place + reader.place
        except IndexError:
            if ahead >= min(last - place, LONGEST):
                raise
            ahead *= 8


def _list(struct: Mapping[int, Any], name: int) -> list[Any]:
    found = struct[name]
    if not isinstance(found, list):
        raise TypeError("no list where there should be one")
    return found


def _count(struct: Mapping[int, Any], name: int) -> int:
    found = struct[name]
    if not isinstance(found, int) or found < 0:
        raise ValueError(f"{found!r} where a number of things should be")
    return found
