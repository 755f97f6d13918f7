"""Records: the rows of a CSV file as texts, each with its line, and all of one length."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from glassnet.data.files import unreadable
from glassnet.errors import DataError, FileFormatError


def records(path: Path, delimiter: str) -> Generator[tuple[int, list[str]], None, None]:
    """Yields the first line and the fields of each record, the header first; every record is as long as the header.

    Raises:
        MissingFileError: no such file.
        FileFormatError: not UTF-8, records of different lengths, broken quotes.
        DataError: an empty file.
    """
    import csv

    width = blank = 0
    line = 1
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            # Python refuses to skip spaces where a space is the delimiter.
            reader = csv.reader(stream, delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True)
            for fields in reader:
                if not fields or (len(fields) == 1 and not fields[0].strip()):
                    # Blank lines are nothing before the header and at the end, and a fault in between.
                    blank = blank or (line if width else 0)
                elif blank:
                    raise _ragged(path, blank, "an empty line", width, "delete the line")
                elif width and len(fields) != width:
                    received = f"{len(fields)} field{'s' if len(fields) > 1 else ''}"
                    fix = "complete or shorten the row; a text with the delimiter in it needs double quotes around it"
                    raise _ragged(path, line, received, width, fix)
                else:
                    width = len(fields)
                    yield line, fields
                line = reader.line_num + 1
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError:
        raise FileFormatError(
            where=f"{path.name}, line {_undecodable_line(path)}",
            received="bytes that are not UTF-8",
            expected="a text file in UTF-8",
            fix='save the file as UTF-8 (spreadsheets call it "CSV UTF-8")',
        ) from None
    except csv.Error as error:
        raise FileFormatError(
            where=f"{path.name}, line {line}",
            received=f"a row that cannot be split into fields ({error})",
            expected="fields in closed double quotes or in none",
            fix="close the quotes, and double those inside a text",
        ) from error
    if not width:
        raise DataError(
            where=path.name,
            received="an empty file",
            expected="a header row with the columns' names, then rows of numbers",
            fix="check that the file was written to its end",
        )


def _ragged(path: Path, line: int, received: str, width: int, fix: str) -> FileFormatError:
    expected = f"{width} field{'s' if width > 1 else ''}, as many as the header has"
    return FileFormatError(where=f"{path.name}, line {line}", received=received, expected=expected, fix=fix)


def _undecodable_line(path: Path) -> int:
    with open(path, "rb") as stream:
        for line, raw in enumerate(stream, start=1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                return line
    raise AssertionError("a file that does not decode has a line that does not decode")


def numbers_of(fields: list[str]) -> list[float]:
    """The numbers that cells hold. Python's underscores are refused: 12_3 in a table is an identifier.

    Raises:
        ValueError: a cell that holds no number.
    """
    # One look at the whole row is cheaper than a call for each cell.
    if "_" in "".join(fields):
        raise ValueError("underscore")
    return list(map(float, fields))


def is_number(text: str) -> bool:
    """Whether a cell holds a number; NaN and infinity count as numbers."""
    try:
        numbers_of([text])
    except ValueError:
        return False
    return True
