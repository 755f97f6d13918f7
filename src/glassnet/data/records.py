"""Records: the rows of a text table as fields, each with its line, and all of one length."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path
from statistics import mean

from glassnet.core.errors import ConfigurationError, DataError, FileFormatError
from glassnet.core.waiting import go_on
from glassnet.data.textfiles import encoding_of, opened
from glassnet.tables import Reading
from glassnet.tables.amounts import plain_numbers
from glassnet.tables.frames import require_distinct

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 200
"""Records that tell which delimiter parts the fields."""
LONGEST_FIELD = 1 << 24
_NAMED = re.compile(r'\ufeff?"?sep=(.)"?[\r\n]*', re.IGNORECASE)
_AMOUNT = re.compile(r"[+-]?\d*[.,]\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Records:
    """An open text table.

    Attributes:
        names: of the columns.
        rows: the line and the fields of each record after the header, as long as this; blank lines are left out.
        reading: with the delimiter and the encoding that were found.
    """

    names: list[str]
    rows: Iterator[tuple[int, list[str]]]
    reading: Reading


@contextmanager
def records(
    path: Path,
    reading: Reading,
    *,
    wanted: Collection[str] = (),
    usual: Reading | None = None,
    max_bytes: int | None = None,
) -> Iterator[Records]:
    """Opens a text table with a header.

    Args:
        path: the file.
        reading: what is known of it.
        wanted: names of columns that its header should have.
        usual: how the file was read that a model was trained on.
        max_bytes: see ``Limit``.

    Raises:
        MissingFileError: no such file.
        ConfigurationError: a delimiter of several characters, an unknown encoding.
        FileFormatError: bytes of another encoding, records of different lengths, broken quotes; columns without a name
            or with the same.
        DataError: an empty file.
    """
    delimiter = reading.delimiter
    _check_delimiter(delimiter)
    encoding = encoding_of(path, asked=reading.encoding, usual=usual.encoding if usual else None, max_bytes=max_bytes)
    with opened(path, encoding, max_bytes) as stream:
        lines: Iterator[str] = iter(stream)
        start = list(islice(lines, LOOKED_AT))
        skipped = 0
        if start and (named := _NAMED.fullmatch(start[0])) is not None:
            delimiter, skipped = delimiter or named[1], 1
        if delimiter is None:
            preferred = usual.delimiter if usual else None
            delimiter = _find_delimiter(start[skipped:], wanted, preferred)
        rows = _records(chain(start[skipped:], lines), path, delimiter, skipped)
        first = next(rows, None)
        if first is None:
            raise DataError(
                where=path.name,
                received="an empty file",
                expected="a header row with the columns' names, then rows of data",
                fix="check that the file was written to its end",
            )
        names = named_columns(first[1], f"{path.name}, line {first[0]}")
        _refuse_data(first[0], names, _fields_of(start[skipped:], delimiter)[1:], path)
        found = Reading(reading.decimal, reading.dates, reading.missing, delimiter, encoding.removesuffix("-sig"))
        yield Records(names, rows, found)


def _records(lines: Iterator[str], path: Path, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    import csv

    width, line, last = 0, 1 + skipped, [""]
    csv.field_size_limit(LONGEST_FIELD)
    # Python refuses to skip spaces where a space is the delimiter.
    reader = csv.reader(
        _clean(lines, path, skipped, last), delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True
    )
    try:
        for fields in reader:
            if width and len(fields) == width and (width > 1 or fields != [""]):
                yield line, fields
            elif not fields or (len(fields) == 1 and not fields[0].strip() and (width != 1 or not last[0].strip())):
                pass  # a blank line is no row, wherever it stands
            elif width and len(fields) != width:
                raise _ragged(path, line, fields, width)
            else:
                width = len(fields)
                yield line, fields
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise FileFormatError(
            where=f"{path.name}, line {line}",
            received=f'a row that cannot be split into fields: a quote " alone in it or not closed ({error})',
            expected="fields in closed double quotes or in none",
            fix="close the quotes, and double those inside a text",
        ) from error


def _clean(lines: Iterator[str], path: Path, skipped: int, last: list[str]) -> Iterator[str]:
    """The lines, none of which holds what no text holds; ``last`` is the one that came last."""
    for number, line in enumerate(lines, 1 + skipped):
        if "\0" in line:
            raise FileFormatError(
                where=f"{path.name}, line {number}",
                received="a NUL character",
                expected="text",
                fix="write the file again: it is damaged, or no text at all; a spreadsheet is saved as CSV UTF-8",
            )
        last[0] = line
        yield line


def _ragged(path: Path, line: int, fields: list[str], width: int) -> FileFormatError:
    count = len(fields)
    shown = f", {fields[0]!r:.40}" if count == 1 else ""
    return FileFormatError(
        where=f"{path.name}, line {line}",
        received=f"{count} field{'s' if count > 1 else ''}{shown}",
        expected=f"{width} field{'s' if width > 1 else ''}, as many as the header has",
        fix="complete or shorten the row, or delete the line where it is no row; a text with the delimiter in it needs "
        "double quotes around it",
    )


def _find_delimiter(lines: Sequence[str], wanted: Collection[str], preferred: str | None) -> str:
    """The delimiter under which the header has the columns that are wanted, or all records have the same fields."""
    candidates = [preferred, *DELIMITERS]
    widths, headers, numbers, quotes = {}, {}, {}, {}
    for delimiter in dict.fromkeys(own for own in candidates if own is not None):
        go_on()
        found = _fields_of(lines, delimiter)
        if not found:
            continue
        headers[delimiter] = {name.strip() for name in found[0]}
        widths[delimiter] = [len(fields) for fields in found]
        quotes[delimiter] = sum('"' in text for fields in found for text in fields)
        numbers[delimiter] = mean([_is_number(text.strip()) for fields in found[1:] for text in fields] or [0])
    names = {name.strip() for name in wanted}
    fitting = [own for own, header in headers.items() if names <= header]
    if names and len(fitting) == 1 and len(headers[fitting[0]]) > 1:
        return fitting[0]
    # A wrong delimiter leaves quotes within fields. The more fields one parts all records into, the less it is chance;
    # of equal ones that which leaves more numbers: "price, EUR;weight" stands above 1,5;20.
    even = {
        own: (-quotes[own], counts[0], numbers[own])
        for own, counts in widths.items()
        if counts[0] > 1 and len(set(counts)) == 1
    }
    if even:
        return max(even, key=lambda own: even[own])
    parted = {own: counts.count(counts[0]) for own, counts in widths.items() if counts[0] > 1}
    return max(parted, key=lambda own: parted[own]) if parted else ","


def _fields_of(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The records of the beginning of a file; the last one may be cut off, and is left out of long ones."""
    import csv

    reader = csv.reader(iter(lines), delimiter=delimiter, skipinitialspace=delimiter != " ")
    try:
        found = [fields for fields in reader if len(fields) > 1 or (fields and fields[0].strip())]
    except csv.Error:
        return []
    return found[:-1] if len(lines) == LOOKED_AT and len(found) > 1 else found


def _check_delimiter(delimiter: str | None) -> None:
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise ConfigurationError(
            where="delimiter",
            received=f"delimiter={delimiter!r}",
            expected="one character, no quote and no line end",
            fix='write delimiter="," or delimiter=";" or delimiter="\\t"',
        )


def named_columns(header: Sequence[str], where: str) -> list[str]:
    """The names in a header, each column with one of its own.

    Raises:
        FileFormatError: a column without a name, or several of one.
    """
    names = [name.strip().lstrip("\ufeff") for name in header]
    if "" in names:
        raise FileFormatError(
            where=where,
            received=f"no name for column {names.index('') + 1}",
            expected="a name for every column",
            fix="name the column or delete it; an index that pandas wrote is left out by index=False",
        )
    require_distinct(names, where=where, error=FileFormatError, more=header_hint(names))
    return names


def _refuse_data(line: int, names: list[str], rows: list[list[str]], path: Path) -> None:
    """Refuses a first line that is no header: amounts, such as its columns hold them.

    Wavelengths as names of columns are amounts as well, but they rise, and do not stand among the columns' own.
    """
    go_on()
    columns = [[row[place].strip() for row in rows if len(row) > place] for place in range(len(names))]
    among = [name for name, texts in zip(names, columns, strict=True) if _is_among(name, texts)]
    amounts = [float(name) for name in names if _is_number(name) and "," not in name]
    rise = all(low < high for low, high in pairwise(amounts)) or all(low > high for low, high in pairwise(amounts))
    words = [name for name, texts in zip(names, columns, strict=True) if name in texts and not _is_number(name)]
    shown = (
        [name for name in among if "." in name]
        or (among if len(among) == len(names) > 1 else [])
        or (names if len(amounts) == len(names) and not rise else [])
        or (words if amounts else [])
    )
    if shown:
        raise FileFormatError(
            where=f"{path.name}, line {line}",
            received=f"{shown[0]!r} as the name of a column that holds such values",
            expected="a header row with the columns' names",
            fix="write one above the data",
        )


def _is_among(name: str, texts: list[str]) -> bool:
    values = plain_numbers(texts) if texts and _is_number(name) and "," not in name else None
    return values is not None and bool(values.min() <= float(name) <= values.max())


def header_hint(names: Sequence[str]) -> str:
    """What to add to a mend where the first line looks like data."""
    return "; if the file has no header row, write one above the data" if any(map(_is_number, names)) else ""


def _is_number(name: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", name) is not None or _AMOUNT.fullmatch(name) is not None
