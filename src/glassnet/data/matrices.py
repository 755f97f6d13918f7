"""Tables of numbers out of files, as datasets with an array of features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.paths import readable_path
from glassnet.core.shapes import Array
from glassnet.data.dataset import Dataset, as_classes, quoted
from glassnet.data.records import header_hint
from glassnet.data.sizes import within_memory
from glassnet.data.tables import check_names, read_header, read_table
from glassnet.tables import Reading
from glassnet.tables.frames import require_columns
from glassnet.tables.kinds import NUMBER, TRUTH, WORDS, word
from glassnet.tables.raws import Raw, require_complete
from glassnet.tables.targets import looks_like_classes


@suggests
@within_memory
def read_csv(
    path: str | Path,
    target: str | None = None,
    *,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    reading: Reading | None = None,
    max_bytes: int | None = None,
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
        max_bytes: how much the file may unpack to; None for a hundred times its size, and 256 MiB at least.

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
    path, given = readable_path(path, where="read_csv"), reading or Reading()
    given = Reading(given.decimal, given.dates, given.missing, delimiter or given.delimiter, given.encoding)
    names = read_header(path, given, max_bytes)
    _check_target(names, target, columns, path)
    features = _features(names, target, columns, path)
    used = {*features, target}
    unused = [name for name in names if name not in used]
    frame = read_table(path, [] if target is None else target, reading=given, ignore=unused, max_bytes=max_bytes)
    suggests = target is None and columns is None
    x = np.column_stack([_numbers(frame[name], path, names, suggests_target=suggests) for name in features])
    y, class_names = (None, None) if target is None else _answers(frame[target], path)
    return Dataset(x, y, tuple(features), class_names, name=frame.name)


def _check_target(names: list[str], target: str | None, columns: Sequence[str] | None, path: Path) -> None:
    check_names([] if target is None else [target], names, "target", path)
    if target is not None and columns is not None and target in columns:
        raise ConfigurationError(
            where=path.name,
            received=f"the column {target!r} as a feature and as the target",
            expected="a target that is not among the features",
            fix="take it out of columns: a network that sees the answer learns nothing else",
        )


def _features(names: list[str], target: str | None, columns: Sequence[str] | None, path: Path) -> list[str]:
    mend = f"the file has {quoted(names)}; rename or add what is missing"
    require_columns(columns or (), names, where=path.name, mend=mend)
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
        example = f"{shown(raw.values[row], 60)} in {raw.place(row)}"
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
    fix = "fill the cell or delete the line; gn.Table takes tables with gaps"
    require_complete(raw, where=f"{path.name}, column {raw.name!r}", expected="a number in every cell", fix=fix)
    return raw.values


def _answers(raw: Raw, path: Path) -> tuple[Array, tuple[str, ...] | None]:
    values = _complete(raw, path)
    if raw.kind in (WORDS, TRUTH):
        words = [word(own, raw.kind) for own in values]
        labels = {
            own: label for label, own in enumerate(sorted(set(words)))
        }  # an array of texts is as wide as the longest
        return np.array([labels[own] for own in words], dtype=np.int64), tuple(labels)
    if raw.kind != NUMBER:
        raise DataError(
            where=f"{path.name}, column {raw.name!r}",
            received=f"{raw.kind} to be predicted",
            expected="numbers, or the names of classes",
            fix="choose another target, or turn it into numbers",
        )
    return as_classes(values) if looks_like_classes(raw) else (values[:, None], None)
