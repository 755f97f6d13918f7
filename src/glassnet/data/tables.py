"""Tables: CSV files, column by column."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from contextlib import closing
from math import isfinite
from pathlib import Path

import numpy as np

from glassnet.data.dataset import Dataset, as_classes, quoted
from glassnet.data.records import is_number, numbers_of, records
from glassnet.errors import ConfigurationError, DataError, FileFormatError, GlassnetError, did_you_mean
from glassnet.shapes import Array
from glassnet.tables.targets import MOST_CLASSES_OF_NUMBERS


def read_csv(
    path: str | Path, target: str | None = None, *, delimiter: str = ",", columns: Sequence[str] | None = None
) -> Dataset:
    r"""Reads a table of numbers with a header row, encoded in UTF-8.

    The target column becomes classes when it holds text (names in alphabetical order) or at most 20 different values
    that are all whole numbers (in numerical order); labels then count from 0 to K − 1 and ``class_names`` tells what
    they stand for. Any other column of numbers becomes y (N, 1) float32. ``Dataset.with_classes`` and
    ``Dataset.with_numbers`` fit a second file to what a network was trained for.

    Args:
        path: the file.
        target: the name of the column to be predicted; None makes every column a feature and y None.
        delimiter: the character between two fields.
        columns: the names of the feature columns, in the order wanted; other columns may hold anything. None takes
            every column but the target.

    Returns:
        A dataset with x (N, D) float32 and the columns' names; it is called after the file.

    Raises:
        ConfigurationError: a delimiter of several characters, an unknown target, a target among the columns.
        MissingFileError: no such file.
        FileFormatError: not UTF-8, a row that is longer or shorter than the header, broken quotes, columns without a
            name or with the same.
        DataError: no rows, text or empty cells among the numbers, NaN, infinity, a missing column.

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
    path = Path(path)
    _check_delimiter(delimiter)
    numbers, lines, target_texts = array("d"), array("q"), list[str]()
    with closing(records(path, delimiter)) as rows:
        names = _check_header(*next(rows), path, delimiter)
        target_column = _find_target(names, target, columns, path)
        features = _find_features(names, target_column, columns, path)
        for line, fields in rows:
            lines.append(line)
            try:
                numbers.extend(numbers_of([fields[column] for column in features]))
            except ValueError:
                suggest_target = target is None and columns is None
                raise _name_the_text(path, delimiter, names, features, line, fields, suggest_target) from None
            if target_column is not None:
                target_texts.append(fields[target_column].strip())
    if not lines:
        raise DataError(
            where=path.name, received="a header but no rows", expected="at least one row", fix="add rows of data"
        )
    x = _as_float32(numbers, lines, [names[column] for column in features], path)
    y, class_names = (None, None) if target is None else _read_targets(target_texts, lines, target, path)
    return Dataset(x, y, tuple(names[column] for column in features), class_names, name=path.stem)


def read_header(path: str | Path) -> list[str]:
    """The names of a .csv file's columns, as ``read_csv`` takes them.

    Raises:
        MissingFileError: no such file.
        FileFormatError: not UTF-8, columns without a name or with the same.
        DataError: an empty file.
    """
    path = Path(path)
    with closing(records(path, ",")) as rows:
        return _check_header(*next(rows), path, ",")


def _check_delimiter(delimiter: str) -> None:
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise ConfigurationError(
            where="read_csv",
            received=f"delimiter={delimiter!r}",
            expected="one character, no quote and no line end",
            fix='write delimiter="," or delimiter=";" or delimiter="\\t"',
        )


def _check_header(line: int, header: list[str], path: Path, delimiter: str) -> list[str]:
    names = [name.strip() for name in header]
    where = f"{path.name}, line {line}"
    other = next((character for character in ";\t|" if character in names[0] and character != delimiter), None)
    if len(names) == 1 and other is not None:
        raise FileFormatError(
            where=where,
            received=f"a single column called {names[0]!r}",
            expected=f"columns separated by {delimiter!r}",
            fix=f"read it with delimiter={other!r}",
        )
    if "" in names:
        raise FileFormatError(
            where=where,
            received=f"no name for column {names.index('') + 1}",
            expected="a name for every column",
            fix="name the column or delete it; an index that pandas wrote is left out by to_csv(path, index=False)",
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise FileFormatError(
            where=where,
            received=f"several columns called {quoted(repeated)}",
            expected="a different name for each column",
            fix="rename them" + _header_hint(names),
        )
    return names


def _header_hint(names: Sequence[str]) -> str:
    """What to add to a mend where the first line looks like data."""
    return "; if the file has no header row, write one above the data" if any(map(is_number, names)) else ""


def _find_target(names: list[str], target: str | None, columns: Sequence[str] | None, path: Path) -> int | None:
    if target is None:
        return None
    if target not in names:
        raise ConfigurationError(
            where=path.name,
            received=f"the target {target!r}",
            expected=f"one of the columns {quoted(names)}",
            fix=f"{did_you_mean(target, names)}choose one of the columns{_header_hint(names)}",
        )
    if columns is not None and target in columns:
        raise ConfigurationError(
            where=path.name,
            received=f"the column {target!r} as a feature and as the target",
            expected="a target that is not among the features",
            fix="take it out of columns: a network that sees the answer learns nothing else",
        )
    return names.index(target)


def _find_features(names: list[str], target: int | None, columns: Sequence[str] | None, path: Path) -> list[int]:
    if columns is not None:
        missing = [name for name in columns if name not in names]
        if missing:
            raise DataError(
                where=path.name,
                received=f"a table without the column{'s' if len(missing) > 1 else ''} {quoted(missing)}",
                expected=f"the columns {quoted(columns)}",
                fix=f"{did_you_mean(missing[0], names)}the file has {quoted(names)}; rename or add what is missing",
            )
        features = [names.index(name) for name in columns]
    else:
        features = [column for column in range(len(names)) if column != target]
    if not features:
        raise DataError(
            where=path.name,
            received="no feature columns",
            expected="at least one column of numbers beside the target",
            fix="add the columns that the target is to be predicted from",
        )
    return features


def _name_the_text(
    path: Path,
    delimiter: str,
    names: list[str],
    features: list[int],
    line: int,
    fields: list[str],
    suggest_target: bool,
) -> GlassnetError:
    """The error for the first cell of a row that is no number."""
    column = next(column for column in features if not is_number(fields[column]))
    name, text = names[column], fields[column].strip()
    if not text:
        return _empty(path, line, name)
    texts = count = 0
    with closing(records(path, delimiter)) as rows:
        next(rows)
        for _, others in rows:
            count += 1
            texts += not is_number(others[column])
    if texts * 2 <= count:
        point = text.replace(",", ".", 1)
        decimal = f"write decimals with a point: {point}" if is_number(point) else "write a number there"
        return DataError(
            where=f"{path.name}, line {line}, column {name!r}",
            received=f"the text {text!r}",
            expected="a number",
            fix=f"{decimal}, or delete the line",
        )
    fix = "delete the column, or write numbers in place of the texts"
    if suggest_target:
        from shlex import quote

        fix = f"to learn to predict it pass --target {quote(name)} (in Python: target={name!r}); otherwise {fix}"
    return DataError(
        where=path.name,
        received=f"a table whose column {name!r} holds text, such as {text!r} in line {line}",
        expected="numbers in every feature column",
        fix=fix + _header_hint(names),
    )


def _empty(path: Path, line: int, name: str) -> DataError:
    return DataError(
        where=f"{path.name}, line {line}, column {name!r}",
        received="an empty cell",
        expected="a value in every cell",
        fix="fill the cell or delete the line",
    )


def _not_finite(path: Path, line: int, name: str, value: float) -> DataError:
    if isfinite(value):
        received, expected = f"the value {value:g}", f"a number up to {np.finfo(np.float32).max:.3g}, float32's largest"
        fix = "give the column a larger unit"
    else:
        received, expected = f"{value}", "a finite number"
        fix = "fill in the missing value or delete the line"
    return DataError(where=f"{path.name}, line {line}, column {name!r}", received=received, expected=expected, fix=fix)


def _as_float32(numbers: array[float], lines: Sequence[int], names: list[str], path: Path) -> Array:
    """The cells as a matrix (N, D); NaN, infinity and what float32 cannot hold are refused with their place."""
    exact = np.frombuffer(numbers, dtype=np.float64).reshape(len(lines), len(names))
    with np.errstate(over="ignore"):
        result = exact.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(result))
    if len(wrong):
        row, column = wrong[0]
        raise _not_finite(path, lines[row], names[column], float(exact[row, column]))
    return result


def _read_targets(
    texts: list[str], lines: Sequence[int], name: str, path: Path
) -> tuple[Array, tuple[str, ...] | None]:
    values = array("d")
    first_text = None
    for line, text in zip(lines, texts, strict=True):
        if not text:
            raise _empty(path, line, name)
        if not is_number(text):
            first_text = first_text or (line, text)
        elif isfinite(value := float(text)):
            values.append(value)
        else:
            raise _not_finite(path, line, name, value)
    exact = np.frombuffer(values, dtype=np.float64)
    could_be_classes = len(np.unique(exact)) <= MOST_CLASSES_OF_NUMBERS and bool((exact == np.floor(exact)).all())
    if first_text is None:
        return as_classes(exact) if could_be_classes else (_as_float32(values, lines, [name], path), None)
    if not could_be_classes:
        raise DataError(
            where=f"{path.name}, line {first_text[0]}, column {name!r}",
            received=f"the text {first_text[1]!r} in a target column of numbers",
            expected="numbers only, or the names of classes",
            fix="write a number there, or delete the line",
        )
    return as_classes(np.array(texts))
