"""Tables with words, dates and gaps: read by polars, learned as a ``Table``."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli.streams import batches
from glassnet.data import Dataset, test_rows
from glassnet.data.files import unreadable
from glassnet.errors import DataError, FileFormatError, MissingExtraError
from glassnet.metrics import as_metrics
from glassnet.model import Model
from glassnet.tables import Table

ENDINGS = (".csv", ".parquet")
METRICS = {
    True: ("accuracy", "roc_auc", "f1", "log_loss"),
    False: ("mean_absolute_error", "root_mean_squared_error", "r2"),
}
"""What is measured of classes, and of amounts."""


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
        raise FileFormatError(
            where=f"read {path}",
            received=f"a file that polars cannot read ({str(error).splitlines()[0]:.200})",
            expected="a .csv file in UTF-8 with a header, or a .parquet file",
            fix="write it again, with as many fields in each line as in the header",
        ) from error
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


def learn(options: argparse.Namespace, frame: Any) -> tuple[Table, Any, Any]:
    """The table that is learned from the part to train with, that part, and the part held out."""
    task = "regression" if options.regression else "auto"
    everything = Table.from_data(frame, options.target, task=task)
    labels = everything.targets(frame)
    test = test_rows(len(labels), labels if everything.class_names else None, options.test_share, options.seed)
    return Table.from_data(frame.filter(~test), options.target, task=task), frame.filter(~test), frame.filter(test)


def as_dataset(table: Table, frame: Any, name: str) -> Dataset:
    """The rows as the table gives them, for whatever wants numbers."""
    y = table.targets(frame)
    y = y if table.class_names else y.astype(np.float32)
    return Dataset(table.apply(frame).astype(np.float32), y, table.features, table.class_names, name=name)


def measured_by(model: Model, table: Table) -> None:
    """Gives the model the usual metrics, and the table."""
    model.metrics = as_metrics(METRICS[table.class_names is not None])
    model.preprocessing, model.feature_names = table, None
    model.target_name = ", ".join(table.target.names) if table.target is not None else None
