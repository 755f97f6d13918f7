"""Tables with words, dates and gaps: read by polars, learned as a ``Table``."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from glassnet.cli.streams import batches, no_table
from glassnet.data import test_rows
from glassnet.data.files import unreadable
from glassnet.data.tables import read_header
from glassnet.errors import ConfigurationError, DataError, MissingExtraError
from glassnet.model import Model
from glassnet.tables import Table

ENDINGS = (".csv", ".parquet")
OF_CLASSES = ("accuracy", "roc_auc", "f1", "log_loss")
OF_QUESTIONS = ("accuracy", "roc_auc", "log_loss")
OF_AMOUNTS = ("mean_absolute_error", "root_mean_squared_error", "r2")
"""What is measured of one class a row, of several, and of amounts."""


def can_read(source: str) -> bool:
    """Whether it is the name of a table's file, and polars is there to read it."""
    return (
        Path(source).suffix.lower() in ENDINGS and find_spec("polars") is not None and find_spec("narwhals") is not None
    )


def needs_more(error: DataError) -> DataError:
    """The error of a table that holds more than numbers, with what would read it."""
    fix = f'run pip install "glassnet[tables]", which reads words, dates and gaps; or {error.fix}'
    return DataError(where=error.where, received=error.received, expected=error.expected, fix=fix)


def require_polars(*, where: str) -> None:
    """Refuses to go on without what reads and writes tables.

    Raises:
        MissingExtraError: polars or narwhals is not installed.
    """
    if find_spec("polars") is None or find_spec("narwhals") is None:
        raise MissingExtraError(
            where=where,
            received="no polars or no narwhals",
            expected="both, which read and write tables with words, dates and gaps",
            fix='run pip install "glassnet[tables]"',
        )


def read_like(path: str | Path, table: Table) -> Any:
    """The file as a frame of polars with the columns of a table and of its target, in the form that it knows.

    Raises:
        MissingExtraError: polars is not installed.
        MissingFileError, FileFormatError, DataError: as ``batches``.
    """
    require_polars(where=f"read {path}")
    import polars

    return polars.concat(batches(path, table, with_target=True))


def read_table(path: str | Path) -> Any:
    """The file as a frame of polars, dates and times recognised.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: polars cannot read it.
        DataError: words in a column of numbers.
        MissingExtraError: polars is not installed.
    """
    require_polars(where=f"read {path}")
    import polars

    if not Path(path).is_file():
        raise unreadable(Path(path))
    try:
        if str(path).lower().endswith(".parquet"):
            return polars.read_parquet(path)
        frame = polars.read_csv(path, try_parse_dates=True, infer_schema_length=None)
    except (polars.exceptions.PolarsError, OSError, ValueError) as error:
        raise no_table(path, error) from error
    _refuse_slips(frame, path)
    return frame


def _refuse_slips(frame: Any, path: str | Path) -> None:
    """A column of numbers with a few words in it is not one of words.

    Raises:
        DataError: there is one; it names the cell.
    """
    import polars

    for name in frame.columns:
        if frame[name].dtype != polars.String:
            continue
        slips = frame[name].is_not_null() & frame[name].str.strip_chars().cast(polars.Float64, strict=False).is_null()
        if 0 < slips.sum() * 2 <= frame[name].is_not_null().sum():
            row = int(slips.arg_true()[0])
            raise DataError(
                where=f"read {path}: column {name!r}",
                received=f"the text {frame[name][row]!r} in row {row}, in a column of numbers",
                expected="numbers, or words in most rows",
                fix="write a number there, or leave the cell empty",
            )


def target_names(options: argparse.Namespace) -> list[str]:
    """The columns to learn, as --target names them: the name of one, or several with commas, or one after the other.

    Raises:
        ConfigurationError: several, for data that are no table.
        MissingFileError, FileFormatError, DataError: the file cannot be read.
        MissingExtraError: several, and polars is not installed.
    """
    given: list[str] = options.target or []
    if len(given) == 1 and "," not in given[0]:
        return given
    if given and Path(options.data).suffix.lower() not in ENDINGS:
        raise ConfigurationError(
            where="--target",
            received=", ".join(given),
            expected=f"several columns of a table only, {' or '.join(ENDINGS)}",
            fix="name one column, or leave --target out",
        )
    columns = _column_names(options.data) if given else ()
    return [name.strip() for text in given for name in ([text] if text in columns else text.split(",")) if name.strip()]


def _column_names(path: str) -> Collection[str]:
    if not path.lower().endswith(".parquet"):
        return read_header(path)
    require_polars(where=f"read {path}")
    import polars

    return frozenset(polars.read_parquet_schema(path)) if Path(path).is_file() else ()


def learn(options: argparse.Namespace, targets: Sequence[str], frame: Any) -> tuple[Table, Any, Any]:
    """The table that is learned from the part to train with, that part, and the part held out.

    Columns of many words get an ``Embedding``. The classes are those of both parts.
    """
    task = "regression" if options.regression else "auto"
    everything = Table.from_data(frame, targets, task=task)
    labels = everything.targets(frame)
    test = test_rows(len(labels), labels if everything.class_names else None, options.test_share, options.seed)
    training = frame.filter(~test)
    columns = Table.from_data(training, embeddings="auto", ignore=targets).columns
    return Table(columns, everything.target), training, frame.filter(test)


def task_of(table: Table) -> str:
    """What is learned from what, in a few words."""
    features = f"{len(table.features):,} features"
    if not table.questions:
        return f"{features}, numbers to predict"
    counts = " and ".join(f"{len(classes):,} classes" for classes in table.questions.values())
    return f"{features}, {counts}"


def metrics_for(table: Table) -> tuple[str, ...]:
    """What is measured of such answers."""
    if not table.questions:
        return OF_AMOUNTS
    return OF_CLASSES if table.class_names is not None else OF_QUESTIONS


def measured(model: Model, x: Any, y: Any) -> dict[str, float]:
    """Loss and metrics by their names in words; of several questions a row also the share of right answers to each."""
    found = {name.replace("_", " "): value for name, value in model.evaluate(x, y).items()}
    table = model.preprocessing
    if isinstance(table, Table) and len(table.questions) > 1:
        shares = (model.predict_classes(x) == y).mean(axis=0)
        found |= {f"accuracy of {name}": float(own) for name, own in zip(table.questions, shares, strict=True)}
    return found
