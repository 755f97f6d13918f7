"""Tables out of files: .csv and .tsv (.gz too), .parquet, .xlsx; whole, or some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data.dataset import Dataset, as_classes, quoted
from glassnet.data.files import unreadable
from glassnet.data.records import header_hint, records
from glassnet.data.sheets import read_xlsx
from glassnet.errors import ConfigurationError, DataError, FileFormatError, MissingExtraError, did_you_mean
from glassnet.shapes import Array
from glassnet.tables import Frame, Reading, Table
from glassnet.tables.frames import columns_of
from glassnet.tables.raws import NUMBER, TEXTS, TRUTH, WORDS, Raw
from glassnet.tables.reading import MOST_CLASSES_OF_NUMBERS, read_columns
from glassnet.tables.words import LARGEST_EXACT, word

TEXT_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
TABLE_ENDINGS = (*TEXT_ENDINGS, ".parquet", ".xlsx")
ROWS = 50_000
"""Rows in memory at a time."""
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


def read_table(
    path: str | Path,
    target: str | Sequence[str] = (),
    *,
    reading: Reading | None = None,
    categories: Sequence[str] = (),
    ignore: Sequence[str] = (),
    like: Table | None = None,
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
            training, and the answers too where the file has them. Then only ``reading`` may be given beside it.

    Returns:
        A frame, for ``gn.Table.from_data`` and for a model with a table.

    Raises:
        MissingFileError: no such file.
        MissingExtraError: polars is not installed and the file is a ``.parquet``, or openpyxl and it is an ``.xlsx``.
        FileFormatError: bytes of no known encoding, a row that is longer or shorter than the header, broken quotes,
            columns without a name or with the same.
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
    path, given = Path(path), reading or Reading()
    names = [target] if isinstance(target, str) else list(target)
    if like is not None:
        _check_like(like, {"target": names, "categories": categories, "ignore": ignore}, path)
        return _as_in_training(read_like(path, like, reading), like, path)
    found: Reading | None = None
    if str(path).lower().endswith(".xlsx"):
        frame: Any = read_xlsx(path)
    elif str(path).lower().endswith(".parquet"):
        frame = _whole_parquet(path)
    else:
        frame = _text_frame(path, given)
        found = frame.reading
    for argument, given_names in (("target", names), ("categories", categories), ("ignore", ignore)):
        _check_names(given_names, list(frame), argument, path)
    raws = columns_of(frame, where=path.name, wanted=[name for name in frame if name not in ignore])
    columns = read_columns(raws.values(), found or given, answers=names, words=categories)
    return Frame(columns, name_of(path), found)


def _check_like(like: object, others: dict[str, Sequence[str]], path: Path) -> None:
    said = [name for name, given in others.items() if given]
    if isinstance(like, Table) and not said:
        return
    raise ConfigurationError(
        where=f"read_table {path.name}",
        received=f"{said[0]}={list(others[said[0]])!r:.80} beside like" if said else f"like={like!r:.80}",
        expected="the table of a model, which says what each column is",
        fix=f"leave {said[0]} out" if said else "pass like=model.preprocessing of a model that was trained on a table",
    )


def _as_in_training(frame: Frame, table: Table, path: Path) -> Frame:
    """The columns that a table knows, read; each must be there that its features are made of."""
    inputs = [column.name for column in table.columns if column.features]
    answers = [name for name in (table.target.names if table.target else ()) if name in frame]
    return Frame(table.read(frame, [*inputs, *answers], where=path.name), frame.name, frame.reading)


def _check_names(names: Sequence[str], columns: list[str], argument: str, path: Path) -> None:
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise ConfigurationError(
            where=path.name,
            received=f"the {argument} {unknown[0]!r}",
            expected=f"one of the columns {quoted(columns)}",
            fix=f"{did_you_mean(unknown[0], columns)}choose one of the columns{header_hint(columns)}",
        )


def read_header(path: str | Path, reading: Reading | None = None) -> list[str]:
    """The names of the columns of a table's file.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError, DataError: as ``read_table``.
    """
    path = Path(path)
    if str(path).lower().endswith(".xlsx"):
        return list(read_xlsx(path))
    if str(path).lower().endswith(".parquet"):
        with _as_damage(path):
            return list(_scan(path).collect_schema().names())
    with records(path, reading or Reading()) as found:
        return found.names


def batches(
    path: str | Path, table: Table, *, with_target: bool = False, reading: Reading | None = None, rows: int = ROWS
) -> Iterator[Frame]:
    """Frames with some rows each, for a table that was learned before: it reads their texts as it did in training.

    Args:
        path: a file as ``read_table`` takes it.
        table: whose columns are wanted; what the file has not is left to the table to miss.
        with_target: whether the columns with the answers are wanted too.
        reading: what is known of this file.
        rows: in a frame.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError, DataError: as ``read_table``.
    """
    path = Path(path)
    wanted = [column.name for column in table.columns if column.features]
    wanted += list(table.target.names) if with_target and table.target is not None else []
    found = False
    if str(path).lower().endswith(".xlsx"):
        frames: Iterator[Frame] = iter([read_xlsx(path)])
    elif str(path).lower().endswith(".parquet"):
        frames = _frames_of_parquet(path, wanted, rows)
    else:
        frames = _text_frames(path, reading or Reading(), wanted, table.reading, rows)
    for frame in frames:
        found = True
        yield frame
    if not found:
        raise _no_rows(path)


def read_like(path: str | Path, table: Table, reading: Reading | None = None) -> Frame:
    """All rows of a file at once, for a table that was learned before, answers included.

    Raises:
        MissingFileError, MissingExtraError, FileFormatError, DataError: as ``read_table``.
    """
    parts = list(batches(path, table, with_target=True, reading=reading, rows=1 << 62))
    assert len(parts) == 1
    return parts[0]


def _text_frame(path: Path, reading: Reading) -> Frame:
    found = next(_text_frames(path, reading, (), None, 1 << 62), None)
    if found is None:
        raise _no_rows(path)
    return found


def _text_frames(
    path: Path, reading: Reading, wanted: Sequence[str], usual: Reading | None, rows: int
) -> Iterator[Frame]:
    """Columns of texts that nobody has read yet: those that are wanted, or all where one of them is missing."""
    with records(path, reading, wanted=wanted, usual=usual) as found:
        stripped = {name.strip(): name for name in wanted}
        has_all = bool(wanted) and set(stripped) <= set(found.names)
        places = [i for i, name in enumerate(found.names) if not has_all or name in stripped]
        names = [stripped.get(found.names[i], found.names[i]) for i in places]
        while True:
            parts: list[list[str]] = [[] for _ in places]
            kept: list[dict[str, str]] = [{} for _ in places]
            lines: list[int] = []
            while len(lines) < rows and (block := list(islice(found.rows, min(BLOCK, rows - len(lines))))):
                numbers, fields = zip(*block, strict=True)
                lines += numbers
                columns = list(zip(*fields, strict=True))
                for part, known, place in zip(parts, kept, places, strict=True):
                    own = columns[place]
                    part += map(known.setdefault, own, own) if len(known) < MOST_KEPT else own
            if not lines:
                return
            raws = {
                name: Raw(name, TEXTS, _as_objects(part), None, lines, path.name)
                for name, part in zip(names, parts, strict=True)
            }
            yield Frame(raws, name_of(path), found.reading)


def _as_objects(texts: list[str]) -> Array:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _no_rows(path: Path) -> DataError:
    return DataError(
        where=path.name, received="a header but no rows", expected="at least one row", fix="add rows of data"
    )


def require_polars(*, where: str) -> None:
    """Refuses to go on without what reads and writes .parquet files.

    Raises:
        MissingExtraError: polars or narwhals is not installed.
    """
    if find_spec("polars") is None or find_spec("narwhals") is None:
        raise MissingExtraError(
            where=where,
            received="no polars or no narwhals",
            expected="both, which read and write .parquet files",
            fix='run pip install "glassnet[tables]"',
        )


def _scan(path: Path) -> Any:
    require_polars(where=f"read {path}")
    import polars

    if not path.is_file():
        raise unreadable(path)
    return polars.scan_parquet(path)


def _whole_parquet(path: Path) -> Frame:
    return next(_frames_of_parquet(path, (), 1 << 62), None) or _raise(_no_rows(path))


def _frames_of_parquet(path: Path, wanted: Sequence[str], rows: int) -> Iterator[Frame]:
    scan = _scan(path)
    with _as_damage(path):
        there = scan.collect_schema().names()
        chosen = scan.select(list(wanted) if wanted and set(wanted) <= set(there) else there)
        whole = rows > ROWS
        parts = [chosen.collect()] if whole else chosen.collect_batches(chunk_size=rows, maintain_order=True)
        start = 0
        for part in parts:
            if len(part):
                lines = range(start, start + len(part))
                raws = columns_of(part, where=path.name)
                own = {n: replace(raw, lines=lines, source=path.name, unit="row") for n, raw in raws.items()}
                yield Frame(own, name_of(path))
                start += len(part)


@contextmanager
def _as_damage(path: Path) -> Iterator[None]:
    """Says in our own words what polars finds wrong."""
    import polars

    try:
        yield
    except (polars.exceptions.PolarsError, OSError) as error:
        raise FileFormatError(
            where=path.name,
            received="a file that is no .parquet file, or a damaged one",
            expected="a .parquet file with columns of numbers, truth, texts, dates or times",
            fix="write it again",
        ) from error


def _raise(error: Exception) -> Frame:
    raise error


def read_csv(
    path: str | Path,
    target: str | None = None,
    *,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    reading: Reading | None = None,
) -> Dataset:
    r"""Reads a table of numbers with a header row.

    The target column becomes classes when it holds words (names in alphabetical order) or at most 20 different values
    that are all whole numbers (in numerical order); labels then count from 0 to K − 1 and ``class_names`` tells what
    they stand for. Any other column of numbers becomes y (N, 1) float64. ``Dataset.with_classes`` and
    ``Dataset.with_numbers`` fit a second file to what a network was trained for. For tables with words, dates or gaps
    there are ``read_table`` and ``gn.Table``.

    Args:
        path: the file: .csv or .tsv, .gz or not; .parquet, .xlsx.
        target: the name of the column to be predicted; None makes every column a feature and y None.
        delimiter: the character between two fields; None to find it.
        columns: the names of the feature columns, in the order wanted; other columns may hold anything. None takes
            every column but the target.
        reading: what else is known of the texts.

    Returns:
        A dataset with x (N, D) float64 and the columns' names; it is called after the file.

    Raises:
        ConfigurationError: a delimiter of several characters, an unknown target, a target among the columns.
        MissingFileError, FileFormatError: as ``read_table``.
        DataError: no rows, texts or gaps among the numbers, a missing column.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "flowers.csv")
        ...     _ = file.write_text("length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n")
        ...     flowers = read_csv(file, target="species")
        >>> flowers.x.shape, flowers.feature_names, flowers.y.tolist(), flowers.class_names
        ((2, 2), ('length', 'width'), [0, 1], ('setosa', 'versicolor'))
    """
    path, given = Path(path), reading or Reading()
    given = Reading(given.decimal, given.dates, given.missing, delimiter or given.delimiter, given.encoding)
    names = read_header(path, given)
    _check_target(names, target, columns, path)
    features = _features(names, target, columns, path)
    unused = [name for name in names if name not in (*features, target)]
    frame = read_table(path, [] if target is None else target, reading=given, ignore=unused)
    suggests = target is None and columns is None
    x = np.column_stack([_numbers(frame[name], path, names, suggests_target=suggests) for name in features])
    y, class_names = (None, None) if target is None else _answers(frame[target], path)
    return Dataset(x, y, tuple(features), class_names, name=frame.name)


def _check_target(names: list[str], target: str | None, columns: Sequence[str] | None, path: Path) -> None:
    _check_names([] if target is None else [target], names, "target", path)
    if target is not None and columns is not None and target in columns:
        raise ConfigurationError(
            where=path.name,
            received=f"the column {target!r} as a feature and as the target",
            expected="a target that is not among the features",
            fix="take it out of columns: a network that sees the answer learns nothing else",
        )


def _features(names: list[str], target: str | None, columns: Sequence[str] | None, path: Path) -> list[str]:
    missing = [name for name in columns or () if name not in names]
    if missing:
        raise DataError(
            where=path.name,
            received=f"a table without the column{'s' if len(missing) > 1 else ''} {quoted(missing)}",
            expected=f"the columns {quoted(columns or ())}",
            fix=f"{did_you_mean(missing[0], names)}the file has {quoted(names)}; rename or add what is missing",
        )
    features = [name for name in names if name != target] if columns is None else list(columns)
    if not features:
        raise DataError(
            where=path.name,
            received="no feature columns",
            expected="at least one column of numbers beside the target",
            fix="add the columns that the target is to be predicted from",
        )
    return features


def _numbers(raw: Raw, path: Path, names: list[str], *, suggests_target: bool) -> Array:
    """A column of finite numbers (N,) float64."""
    if raw.kind != NUMBER and not raw.missing.all():
        from shlex import quote

        row = int(np.flatnonzero(~raw.missing)[0])
        example = f"{raw.values[row]!r:.60} in {raw.place(row)}"
        fix = "delete the column, or read it with gn.data.read_table and gn.Table, which take words, dates and gaps"
        if suggests_target and raw.kind in (WORDS, TRUTH):
            fix = f"to learn to predict it pass --target {quote(raw.name)} (in Python: target={raw.name!r}); else {fix}"
        raise DataError(
            where=path.name,
            received=f"a table whose column {raw.name!r} holds {raw.kind}, such as {example}",
            expected="numbers in every feature column",
            fix=fix + header_hint(names),
        )
    return _complete(raw, path)


def _complete(raw: Raw, path: Path) -> Array:
    gaps = np.flatnonzero(raw.missing)
    if len(gaps):
        raise DataError(
            where=f"{path.name}, column {raw.name!r}",
            received=f"no value in {raw.place(int(gaps[0]))}"
            + (f" and {len(gaps) - 1:,} others" if len(gaps) > 1 else ""),
            expected="a number in every cell",
            fix="fill the cell or delete the line; gn.Table takes tables with gaps",
        )
    return raw.values


def _answers(raw: Raw, path: Path) -> tuple[Array, tuple[str, ...] | None]:
    values = _complete(raw, path)
    if raw.kind in (WORDS, TRUTH):
        return as_classes(np.array([word(own, raw.kind) for own in values]))
    if raw.kind != NUMBER:
        raise DataError(
            where=f"{path.name}, column {raw.name!r}",
            received=f"{raw.kind} to be predicted",
            expected="numbers, or the names of classes",
            fix="choose another target, or turn it into numbers",
        )
    few = len(np.unique(values)) <= MOST_CLASSES_OF_NUMBERS
    if few and (values == np.floor(values)).all() and (np.abs(values) < LARGEST_EXACT).all():
        return as_classes(values)
    return values[:, None], None
