"""Tables out of files: .csv and .tsv (.gz too), .parquet, .xlsx; whole, or some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from glassnet.core.calls import suggests
from glassnet.core.ending import to_the_end
from glassnet.core.errors import (
    ConfigurationError,
    DataError,
    did_you_mean,
    require_extra,
    shown,
)
from glassnet.core.foreign import reading_by_others
from glassnet.core.panics import without_panics
from glassnet.core.paths import readable_path
from glassnet.core.waiting import go_on
from glassnet.data.dataset import quoted
from glassnet.data.files import unreadable
from glassnet.data.parquet_pages import require_sound_pages
from glassnet.data.records import header_hint, records
from glassnet.data.sheets import read_xlsx
from glassnet.data.sizes import Limit, within_memory
from glassnet.tables import Frame, Reading, Table
from glassnet.tables.forms import as_array
from glassnet.tables.frames import columns_of
from glassnet.tables.kinds import TEXTS
from glassnet.tables.raws import Raw
from glassnet.tables.reading import read_columns

TEXT_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
TABLE_ENDINGS = (*TEXT_ENDINGS, ".parquet", ".xlsx")
ROWS = 50_000
"""Rows in memory at a time."""
ALL = 1 << 62
"""More rows than any file has."""
BLOCK = 2_000
"""Rows that are turned into columns at once."""
MOST_KEPT = 10_000
"""Different texts of a column of which one copy serves for all rows."""


def is_table(path: str | Path) -> bool:
    """Whether it is the name of a table's file."""
    return str(path).lower().endswith(TABLE_ENDINGS)


def name_of(path: str | Path) -> str:
    """The file's name without its endings."""
    name = Path(path).name
    ending = next((own for own in sorted(TABLE_ENDINGS, key=len, reverse=True) if name.lower().endswith(own)), "")
    return name[: len(name) - len(ending)] or name


@suggests
@within_memory
def read_table(
    path: str | Path,
    target: str | Sequence[str] = (),
    *,
    reading: Reading | None = None,
    categories: Sequence[str] = (),
    ignore: Sequence[str] = (),
    like: Table | None = None,
    max_bytes: int | None = None,
) -> Frame:
    r"""Reads a table with a header row, each column as what it is.

    Texts are read by the rules of ``glassnet.tables.reading``; separator (``,`` ``;`` tab ``|``) and encoding (UTF-8,
    UTF-16, GB18030, cp1252) are found. Blank lines are no rows.

    Args:
        path: a ``.csv`` or ``.tsv`` file, such a file with ``.gz`` behind it, a ``.parquet`` or an ``.xlsx`` file.
        target: the columns that are to be predicted: there, NA among words is the name of a class.
        reading: what is known of the texts; None to find everything out.
        categories: columns whose values are names, whatever they look like.
        ignore: columns that are not read.
        like: a table that was learned before, such as ``model.preprocessing``: its columns alone are read, each as in
            training, and the answers too where the file has them. Beside it only ``reading`` and ``max_bytes``
                may be given.
        max_bytes: how much the file may unpack to; None for a hundred times its size, and 256 MiB at least.

    Returns:
        A frame, for ``gn.Table.from_data`` and for a model with a table.

    Raises:
        MissingFileError: no such file.
        MissingExtraError: polars is not installed and the file is a ``.parquet``, or openpyxl and it is an ``.xlsx``.
        FileFormatError: bytes of no known encoding, a row that is longer or shorter than the header, broken quotes,
            columns without a name or with the same; more unpacked than ``max_bytes``.
        DataError: no rows; a stray text in a column of numbers, dates, times or durations, with its line; with
            ``like`` a column that is not there.
        ConfigurationError: names of columns that are not there, or beside ``like``; ``like`` is no table.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "people.csv")
        ...     _ = file.write_text("age;hours;rich\n39; 40,5;no\n47;NA;yes\n")
        ...     people = gn.data.read_table(file, "rich")
        >>> people["hours"].values.tolist(), people["rich"].values.tolist()
        ([40.5, nan], ['no', 'yes'])
    """
    path, given = readable_path(path, where="read_table"), reading or Reading()
    names = [target] if isinstance(target, str) else list(target)
    if like is not None:
        _check_like(like, {"target": names, "categories": categories, "ignore": ignore}, path)
        return _as_in_training(read_like(path, like, reading, max_bytes), like, path)
    frame = next(_frames(path, given, max_bytes=max_bytes))
    for argument, given_names in (("target", names), ("categories", categories), ("ignore", ignore)):
        check_names(given_names, list(frame), argument, path)
    ignored = set(ignore)
    raws = columns_of(frame, where=path.name, wanted=[name for name in frame if name not in ignored])
    columns = read_columns(raws.values(), frame.reading or given, answers=names, words=categories)
    return Frame(columns, name_of(path), frame.reading)


def _check_like(like: object, others: dict[str, Sequence[str]], path: Path) -> None:
    said = [name for name, given in others.items() if given]
    if isinstance(like, Table) and not said:
        return
    raise ConfigurationError(
        where=f"read_table {path.name}",
        received=f"{said[0]}={shown(list(others[said[0]]))} beside like" if said else f"like={shown(like)}",
        expected="the table of a model, which says what each column is",
        fix=f"leave {said[0]} out" if said else "pass like=model.preprocessing of a model that was trained on a table",
    )


def _as_in_training(frame: Frame, table: Table, path: Path) -> Frame:
    """The columns that a table knows, read; each must be there that its features are made of."""
    inputs = [column.name for column in table.columns if column.features]
    answers = [name for name in (table.target.names if table.target else ()) if name in frame]
    return Frame(table.read(frame, [*inputs, *answers], where=path.name), frame.name, frame.reading)


def check_names(names: Sequence[str], columns: list[str], argument: str, path: Path) -> None:
    """Refuses names of columns that a file has not."""
    there = set(columns)
    unknown = [name for name in names if name not in there]
    if unknown:
        raise ConfigurationError(
            where=path.name,
            received=f"the {argument} {unknown[0]!r}",
            expected=f"one of the columns {quoted(columns)}",
            fix=f"{did_you_mean(unknown[0], columns)}choose one of the columns{header_hint(columns)}",
        )


def read_header(path: str | Path, reading: Reading | None = None, max_bytes: int | None = None) -> list[str]:
    """The names of the columns of a table's file; arguments as of ``read_table``.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError, DataError: as ``read_table``.
    """
    path = readable_path(path, where="read_table")
    if str(path).lower().endswith(".xlsx"):
        return list(read_xlsx(path, max_bytes))
    if str(path).lower().endswith(".parquet"):
        with _by_polars(path):
            return list(_scan(path).collect_schema().names())
    with records(path, reading or Reading(), max_bytes=max_bytes) as found:
        return found.names


def measured(path: Path, reading: Reading | None = None, max_bytes: int | None = None) -> tuple[list[str], int]:
    """The names of the columns of a .csv, .tsv or .xlsx file, and how many rows it has; nothing is made of its cells.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError, DataError: as ``read_table``.
    """
    if str(path).lower().endswith(".xlsx"):
        frame = read_xlsx(path, max_bytes)
        return list(frame), frame.height
    with records(path, reading or Reading(), max_bytes=max_bytes) as found:
        return found.names, sum(1 for _ in found.rows)


def batches(
    path: str | Path,
    table: Table,
    *,
    with_target: bool = False,
    reading: Reading | None = None,
    rows: int = ROWS,
    max_bytes: int | None = None,
) -> Iterator[Frame]:
    """Frames with some rows each, for a table that was learned before: it reads their texts as it did in training.

    Args:
        path: a file as ``read_table`` takes it.
        table: whose columns are wanted; what the file has not is left to the table to miss.
        with_target: whether the columns with the answers are wanted too.
        reading: what is known of this file.
        rows: in a frame.
        max_bytes: as of ``read_table``.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError, DataError: as ``read_table``.
    """
    path = readable_path(path, where="read_table")
    wanted = [column.name for column in table.columns if column.features]
    wanted += list(table.target.names) if with_target and table.target is not None else []
    yield from _frames(path, reading or Reading(), wanted, table.reading, rows, max_bytes=max_bytes)


def read_like(path: str | Path, table: Table, reading: Reading | None = None, max_bytes: int | None = None) -> Frame:
    """All rows of a file at once, for a table that was learned before, answers included.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError, DataError: as ``read_table``.
    """
    return next(batches(path, table, with_target=True, reading=reading, rows=ALL, max_bytes=max_bytes))


def _frames(
    path: Path,
    reading: Reading,
    wanted: Sequence[str] = (),
    usual: Reading | None = None,
    rows: int = ALL,
    *,
    max_bytes: int | None = None,
) -> Iterator[Frame]:
    """A file's rows, so many at a time; one frame at least."""
    if str(path).lower().endswith(".xlsx"):
        frames = iter([read_xlsx(path, max_bytes)])
    elif str(path).lower().endswith(".parquet"):
        frames = _frames_of_parquet(path, wanted, rows, max_bytes)
    else:
        frames = _text_frames(path, reading, wanted, usual, rows, max_bytes)
    first = next(frames, None)
    if first is None:
        raise DataError(
            where=path.name, received="a header but no rows", expected="at least one row", fix="add rows of data"
        )
    yield from chain([first], frames)


def _text_frames(
    path: Path, reading: Reading, wanted: Sequence[str], usual: Reading | None, rows: int, max_bytes: int | None
) -> Iterator[Frame]:
    """Columns of texts that nobody has read yet: those that are wanted, or all where one of them is missing."""
    with records(path, reading, wanted=wanted, usual=usual, max_bytes=max_bytes) as found:
        stripped = {name.strip(): name for name in wanted}
        has_all = bool(wanted) and set(stripped) <= set(found.names)
        places = [i for i, name in enumerate(found.names) if not has_all or name in stripped]
        names = [stripped.get(found.names[i], found.names[i]) for i in places]
        while True:
            parts: list[list[str]] = [[] for _ in places]
            kept: list[dict[str, str]] = [{} for _ in places]
            lines: list[int] = []
            while len(lines) < rows and (block := list(islice(found.rows, min(BLOCK, rows - len(lines))))):
                go_on()
                numbers, fields = zip(*block, strict=True)
                lines += numbers
                columns = list(zip(*fields, strict=True))
                for part, known, place in zip(parts, kept, places, strict=True):
                    own = columns[place]
                    part += map(known.setdefault, own, own) if len(known) < MOST_KEPT else own
            if not lines:
                return
            raws = {
                name: Raw(name, TEXTS, as_array(part, TEXTS), None, lines, path.name)
                for name, part in zip(names, parts, strict=True)
            }
            yield Frame(raws, name_of(path), found.reading)


def some_frames(
    path: Path, reading: Reading, *, usual: Reading | None = None, rows: int = ROWS, max_bytes: int | None = None
) -> Iterator[Frame]:
    """All columns of a file, some rows at a time; texts are not read yet. A file without rows gives none.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError: as ``read_table``.
    """
    if str(path).lower().endswith(TEXT_ENDINGS):
        return _text_frames(path, reading, (), usual, rows, max_bytes)
    return _frames(path, reading, (), usual, rows, max_bytes=max_bytes)


def rows_of_parquet(path: Path) -> int:
    """How many rows a .parquet file says to have.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError: as ``read_table``.
    """
    scan = _scan(path)
    import polars

    with _by_polars(path):
        return int(scan.select(polars.len()).collect().item())


def some_rows_of_parquet(path: Path, first: int, count: int) -> Frame:
    """A stretch of the rows of a .parquet file whose rows were counted; no row groups are read that it does not lie in.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError: as ``read_table``.
        DataError: columns whose values are no cells of a table.
    """
    import polars

    return _stretch(path, polars.scan_parquet(path), first, count)


def _stretch(path: Path, chosen: Any, first: int, count: int) -> Frame:
    """Nothing of it goes on in polars' threads afterwards."""
    with _by_polars(path):
        part = chosen.slice(first, count).collect()
        if len(part) != count:
            raise ValueError(f"{len(part)} rows from {first} on in place of {count}")
        lines = range(first, first + len(part))
        raws = columns_of(part, where=path.name)
    own = {name: replace(raw, lines=lines, source=path.name, unit="row") for name, raw in raws.items()}
    return Frame(own, name_of(path))


def require_polars(*, where: str) -> None:
    """Refuses to go on without what reads and writes .parquet files.

    Raises:
        MissingExtraError: polars or narwhals is not installed.
    """
    expected = "polars and narwhals, which read and write .parquet files"
    require_extra("polars", "narwhals", extra="tables", expected=expected, where=where)


def _scan(path: Path) -> Any:
    require_polars(where=f"read {path}")
    import polars

    if not path.is_file():
        raise unreadable(path)
    require_sound_pages(path)
    return polars.scan_parquet(path)


def _frames_of_parquet(path: Path, wanted: Sequence[str], rows: int, max_bytes: int | None) -> Iterator[Frame]:
    scan, limit = _scan(path), Limit(path, max_bytes)
    import polars

    with _by_polars(path):
        there = scan.collect_schema().names()
        chosen = scan.select(list(wanted) if wanted and set(wanted) <= set(there) else there)
        count = int(chosen.select(polars.len()).collect().item()) if there else 0
        _check_size(chosen, count, limit)
    for first in range(0, count, rows):
        yield _stretch(path, chosen, first, min(rows, count - first))


def _check_size(chosen: Any, rows: int, limit: Limit) -> None:
    """Refuses columns that become too much: a run of equal values takes a few bytes of a .parquet file."""
    import polars

    schema = chosen.collect_schema()
    limit.take(rows * max(1, len(schema)) * 8, what="columns")
    texts = [name for name, kind in schema.items() if kind in (polars.String, polars.Binary)]
    lengths = [polars.col(name).cast(polars.Binary).bin.size().cast(polars.UInt64).sum() for name in texts]
    if lengths:
        limit.take(sum(chosen.select(lengths).collect(engine="streaming").row(0)), what="texts")


@contextmanager
def _by_polars(path: Path) -> Iterator[None]:
    """For a call of polars that reads a file."""
    damage = reading_by_others(
        path.name,
        received="a file that is no .parquet file, or a damaged one",
        expected="a .parquet file with columns of numbers, truth, texts, dates or times",
        fix="write it again",
    )
    with damage, to_the_end(), without_panics():
        yield
