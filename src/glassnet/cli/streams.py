"""Tables of any length, read some rows at a time as the columns of a ``Table``, and answers written as they come."""

from __future__ import annotations

import csv
import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from glassnet.data.files import unreadable
from glassnet.data.tables import read_header
from glassnet.errors import DataError, FileFormatError
from glassnet.files import replacing
from glassnet.tables import Table
from glassnet.tables.columns import Ignored
from glassnet.tables.frames import NUMBER, TIME, TRUTH, WORDS
from glassnet.tables.words import Words, kind_of_words, word_of_text

if TYPE_CHECKING:
    import polars

ROWS = 50_000
"""Rows in memory at a time."""
PART_BYTES = 1 << 21
"""Of a .csv that are read at a time."""
Answers = dict[str, Sequence[Any]]
"""Columns of answers by name, for some rows."""


def batches(path: str | Path, table: Table, *, with_target: bool = False, complete: bool = False) -> Iterator[Any]:
    """Frames of polars with some rows each: the table's columns, in the form that it knows.

    Nothing is guessed from the file: in a .csv each column is read as what it was in training, so that a part of a file
    reads as the whole does.

    Args:
        path: a .csv or .parquet file.
        table: whose columns are wanted; what the file has not is left to the table to miss.
        with_target: whether the columns with the answers are wanted too.
        complete: whether a cell without a value is refused.

    Raises:
        MissingFileError: no such file.
        FileFormatError: not such a file, or a header that names no or equal columns.
        DataError: a cell holds something else, or there are no rows.
    """
    import polars

    if not Path(path).is_file():
        raise unreadable(Path(path))
    wanted = _wanted(table, with_target)
    is_csv = not str(path).lower().endswith(".parquet")
    row = 0
    try:
        for frame in _frames_of_csv(path, list(wanted)) if is_csv else _frames_of_parquet(path, list(wanted)):
            if is_csv:
                frame = frame.with_columns(_typed(s, wanted[s.name], row, path) for s in frame if s.name in wanted)
            for series in frame if complete else ():
                _refuse_gaps(series, row, path)
            row += len(frame)
            yield frame
    except (polars.exceptions.PolarsError, OSError) as error:
        raise no_table(path, error) from error
    if not row:
        raise DataError(
            where=f"read {path}",
            received="a header but no rows" if is_csv else "no rows",
            expected="at least one row",
            fix="add rows of data",
        )


def no_table(path: str | Path, error: Exception) -> FileFormatError:
    """The error for a file that polars cannot read."""
    return FileFormatError(
        where=f"read {path}",
        received=f"a file that polars cannot read ({str(error).splitlines()[0]:.200})",
        expected="a .csv file in UTF-8 with a header, or a .parquet file",
        fix="write it again, with as many fields in each line as in the header",
    )


def _frames_of_parquet(path: str | Path, wanted: Sequence[str]) -> Iterator[polars.DataFrame]:
    import polars

    scan = polars.scan_parquet(path)
    there = scan.collect_schema().names()
    yield from scan.select(wanted if set(wanted) <= set(there) else there).collect_batches(
        chunk_size=ROWS, maintain_order=True
    )


def _frames_of_csv(path: str | Path, wanted: Sequence[str]) -> Iterator[polars.DataFrame]:
    """Columns of texts; polars' own way of reading in parts keeps the whole file in memory."""
    import polars

    header = read_header(path)
    places = {name: place for place, name in enumerate(header)}
    names = {places[own]: name for name in wanted if (own := name.strip()) in places}
    # Where one is missing all are read, so that the table can say what is there instead.
    columns = dict(sorted(names.items())) if len(names) == len(wanted) else dict(enumerate(header)) | names
    texts = {str(place): polars.String for place in range(len(header))}
    for part in _parts(path):
        frame = polars.read_csv(part, has_header=False, columns=list(columns), schema=texts)
        frame.columns = list(columns.values())
        yield from frame.iter_slices(ROWS)


def _parts(path: str | Path) -> Iterator[bytes]:
    """The records of a .csv file after the header, many at a time; empty lines at its end are left out."""
    rest, part, is_first = b"", b"", True
    with open(path, "rb") as file:
        while block := file.read(PART_BYTES):
            rest += block
            end = rest.rfind(b"\n")
            while end >= 0 and _is_quoted(rest, end):
                end = rest.rfind(b"\n", 0, end)
            if end < 0:
                continue
            if part:
                yield part
            part, rest = rest[: end + 1], rest[end + 1 :]
            if is_first:
                part, is_first = _without_header(part), False
    last = b"" if is_first else (part + rest).rstrip(b"\r\n")
    if last:
        yield last


def _is_quoted(data: bytes, place: int) -> bool:
    return data.count(b'"', 0, place) % 2 == 1


def _without_header(data: bytes) -> bytes:
    data = data.removeprefix(BOM_UTF8).lstrip()
    end = data.find(b"\n")
    while _is_quoted(data, end):
        end = data.find(b"\n", end + 1)
    return data[end + 1 :]


class Wanted(NamedTuple):
    """A column's kind of values, and of words the kind of values that they were made of."""

    kind: str
    of_words: str = WORDS


def _wanted(table: Table, with_target: bool) -> dict[str, Wanted]:
    found: dict[str, Wanted] = {}
    for column in table.columns:
        if isinstance(column, Words):
            found[column.name] = Wanted(WORDS, kind_of_words(column.categories))
        elif not isinstance(column, Ignored):
            found[column.name] = Wanted(column.kinds[0])
    if with_target and table.questions:
        found |= {name: Wanted(WORDS, kind_of_words(classes)) for name, classes in table.questions.items()}
    elif with_target and table.target is not None:
        found |= dict.fromkeys(table.target.names, Wanted(NUMBER))
    return found


def _typed(texts: polars.Series, wanted: Wanted, first_row: int, path: str | Path) -> polars.Series:
    """A column of a .csv as values of its kind; what cannot be one is refused with its row."""
    import polars

    if wanted.kind == WORDS:
        distinct = texts.drop_nulls().unique().to_list()
        return texts.replace({text: word_of_text(text, wanted.of_words) for text in distinct})
    trimmed = texts.str.strip_chars()
    trimmed = trimmed.set(trimmed == "", None)
    if wanted.kind == NUMBER:
        values = trimmed.cast(polars.Float64, strict=False)
        values = values.set(values.is_infinite(), None)
    elif wanted.kind == TRUTH:
        values = trimmed.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    else:
        values = _moments(trimmed)
    wrong = values.is_null() & trimmed.is_not_null()
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise DataError(
            where=f"read {path}: column {texts.name!r}",
            received=f"the text {texts[row]!r} in row {first_row + row}",
            expected={NUMBER: "a finite number", TRUTH: "true or false", TIME: "a date or a time"}[wanted.kind],
            fix="give the column the form that it had in training, or leave the cell empty where there is no value",
        )
    return values


def _moments(texts: polars.Series) -> polars.Series:
    import polars

    if texts.null_count() == len(texts):
        return texts.cast(polars.Datetime("us"))
    try:
        return texts.str.to_datetime(strict=False)
    except polars.exceptions.ComputeError:  # the first of them is no time
        return polars.Series(texts.name, [None] * len(texts), dtype=polars.Datetime("us"))


def _refuse_gaps(series: polars.Series, first_row: int, path: str | Path) -> None:
    gaps = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    if gaps.any():
        raise DataError(
            where=f"read {path}: column {series.name!r}",
            received=f"no value in row {first_row + int(gaps.arg_true()[0])}",
            expected="a number in every cell: in training none was missing",
            fix="fill the cell or delete the row",
        )


def write_answers(answers: Iterable[Answers], path: str | None) -> int:
    """Writes columns, some rows at a time: a .csv, a .parquet, or text to the standard output where path is None.

    Returns:
        How many rows there were.
    """
    counted = _Counted(answers)
    if path is not None and path.lower().endswith(".parquet"):
        with replacing(path) as temporary:
            _write_parquet(counted, temporary)
    else:
        with nullcontext() if path is None else replacing(path) as temporary:
            stream = nullcontext(sys.stdout) if temporary is None else temporary.open("w", encoding="utf-8", newline="")
            with stream as file:
                _write_csv(counted, file)
    return counted.rows


class _Counted:
    """Answers as they come, and how many rows there were."""

    def __init__(self, answers: Iterable[Answers]) -> None:
        self._answers = answers
        self.rows = 0

    def __iter__(self) -> Iterator[Answers]:
        for own in self._answers:
            self.rows += len(next(iter(own.values())))
            yield own


def _write_csv(answers: Iterable[Answers], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    for number, own in enumerate(answers):
        if number == 0:
            writer.writerow(own)
        writer.writerows(zip(*own.values(), strict=True))


def _write_parquet(answers: Iterable[Answers], path: Path) -> None:
    import polars
    from polars.io.plugins import register_io_source

    frames = (polars.DataFrame(own) for own in answers)
    first = next(frames)
    errors: list[BaseException] = []

    def source(*_: Any) -> Iterator[polars.DataFrame]:
        try:
            yield from chain([first], frames)
        except GeneratorExit:  # nobody wants more
            raise
        except BaseException as error:  # noqa: BLE001 - raised below: polars would wrap it and keep what it refers to
            errors.append(error)

    register_io_source(source, schema=first.schema).sink_parquet(path)
    if errors:
        raise errors[0]
