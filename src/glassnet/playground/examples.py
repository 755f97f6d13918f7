"""What is to be learned: the rows of a setting's data set, in two parts, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from glassnet.data import Dataset, digits, read_csv, split
from glassnet.data.tables import read_header
from glassnet.errors import ConfigurationError, DataError
from glassnet.playground.generators import GENERATORS
from glassnet.playground.settings import LOSSES, Setting
from glassnet.preprocessing import Standardize
from glassnet.shapes import Array

MOST_BYTES = 2_000_000
MOST_ROWS, MOST_COLUMNS = 20_000, 64
"""Of a user's table."""
MOST_CLASSES = 10
"""That the page has colours for."""
MARGIN = 1.2
"""Half the picture's width, where the data are made within −1 … 1."""


class TableError(DataError):
    """A table that the page cannot take, and says so in its own language.

    Args:
        code: of the page's text, in web/words.js.
        count: what there is of rows, columns or classes.
        most: how many there may be.
        where, received, expected, fix: as every error has them.
    """

    def __init__(self, code: str, count: int = 0, most: int = 0, /, **parts: str) -> None:
        super().__init__(**parts)
        self.code, self.count, self.most = code, count, most


class Table:
    """A user's table, kept as its text.

    Args:
        text: CSV with a header row.
        name: what the exported code calls its file.

    Raises:
        TableError: it is too large, or has too few or too many columns.
        FileFormatError: no header, or columns without a name.

    Attributes:
        columns: their names.
    """

    def __init__(self, text: str, name: str = "table.csv") -> None:
        content = text.encode("utf-8", "replace")
        if len(content) > MOST_BYTES:
            raise _too_large("too_large", len(content), MOST_BYTES, "bytes")
        self.name = name
        self._content = content
        with self._file() as path:
            self.columns = tuple(read_header(path))
        if not 2 <= len(self.columns) <= MOST_COLUMNS:
            few = len(self.columns) < 2
            raise TableError(
                "table_columns",
                len(self.columns),
                MOST_COLUMNS,
                where="table",
                received=f"{len(self.columns)} column{'s' if not few else ''}",
                expected=f"2 to {MOST_COLUMNS}: inputs, and one to be learned",
                fix="put commas between the columns" if few else "take some of the columns",
            )

    def read(self, target: str) -> Dataset:
        """Its rows, with the column of that name (the last one for "") to be learned."""
        with self._file() as path:
            try:
                data = read_csv(path, target or self.columns[-1])
            except DataError as error:
                raise TableError("table_cells", **error.parts) from None
        if len(data) > MOST_ROWS:
            raise _too_large("table_rows", len(data), MOST_ROWS, "rows")
        return data

    @contextmanager
    def _file(self) -> Iterator[Path]:
        """The text as a file under a name of our own, while it is read."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "table.csv")
            path.write_bytes(self._content)
            yield path


def _too_large(code: str, count: int, most: int, unit: str) -> TableError:
    fix = "take some of the rows; glassnet train reads tables of any size"
    received, expected = f"{count:,} {unit}", f"at most {most:,}"
    return TableError(code, count, most, where="table", received=received, expected=expected, fix=fix)


@dataclass(frozen=True)
class Examples:
    """The rows of a setting.

    Attributes:
        train: those that the network learns from.
        test: those that it is measured on.
        task: "binary", "classes" or "numbers", see ``LOSSES``.
        loss: the loss's name.
        outputs: the network's.
        extent: the picture's edges: left, right, bottom, top, in the unit of the inputs.
    """

    train: Dataset
    test: Dataset
    task: str
    loss: str
    outputs: int
    extent: tuple[float, float, float, float]

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return int(self.train.x.shape[1])

    @property
    def is_image(self) -> bool:
        """Whether a row is a picture, which has no two axes to be drawn along."""
        return self.train.scale is not None

    def targets(self, data: Dataset) -> Array:
        """As the loss takes them: labels of several classes (N,), numbers (N, 1) otherwise."""
        assert data.y is not None
        if self.task == "classes":
            return data.y
        if self.task == "numbers":
            return data.y.astype(np.float32)
        labels = data.y.reshape(-1, 1).astype(np.float32)
        return 2 * labels - 1 if self.loss == "hinge" else labels

    def preprocessing(self) -> Standardize | None:
        """What the model does to its inputs: nothing to made-up data, which lie within −1 … 1 already."""
        if self.train.scale is not None:
            return Standardize(scale=self.train.scale)
        return Standardize.from_data(self.train.x) if self.train.feature_names is not None else None


def examples_of(setting: Setting, table: Table | None = None) -> Examples:
    """Makes or reads the rows that a setting asks for.

    Args:
        setting: its data set, rows, noise, share held out, seed, target, axes and loss count.
        table: the user's, where the setting asks for it.

    Raises:
        ConfigurationError: no table, a loss for other targets, an axis that does not exist.
        TableError, FileFormatError: the table cannot be read.
    """
    data = _rows(setting, table)
    task = _task(data)
    loss = setting.loss or LOSSES[task][0]
    if loss not in LOSSES[task]:
        raise ConfigurationError(
            where="setting",
            received=f"loss={loss!r} for {setting.dataset!r}",
            expected=f"one of {', '.join(LOSSES[task])}",
            fix=f"choose {LOSSES[task][0]!r}",
        )
    if max(setting.axes) >= data.x.shape[1] > 1:
        raise ConfigurationError(
            where="setting",
            received=f"axes={setting.axes} for {data.x.shape[1]} inputs",
            expected=f"numbers from 0 to {data.x.shape[1] - 1}",
            fix="choose other columns for the picture",
        )
    train, test = split(data, setting.held_out, setting.seed)
    classes = len(data.class_names or ()) or (int(data.y.max()) + 1 if task == "classes" and data.y is not None else 0)
    outputs = classes if task == "classes" else 1
    return Examples(train, test, task, loss, outputs, _extent(data, setting))


def _rows(setting: Setting, table: Table | None) -> Dataset:
    if setting.dataset == "digits":
        return digits()
    if setting.dataset == "table":
        if table is None:
            raise ConfigurationError(
                where="setting",
                received="the data set of a table before one is there",
                expected="a CSV file",
                fix="upload one first",
            )
        return table.read(setting.target)
    x, y = GENERATORS[setting.dataset](setting.rows, setting.noise, np.random.default_rng(setting.seed))
    return Dataset(x, y, name=setting.dataset)


def _task(data: Dataset) -> str:
    if not data.is_classification:
        return "numbers"
    assert data.y is not None
    classes = len(data.class_names or ()) or int(data.y.max()) + 1
    if not 2 <= classes <= MOST_CLASSES:
        raise TableError(
            "table_classes",
            classes,
            MOST_CLASSES,
            where="table",
            received=f"{classes} class{'es' if classes != 1 else ''} in the target column",
            expected=f"2 to {MOST_CLASSES} classes, or numbers of more than 20 kinds",
            fix="choose another target column, or join classes",
        )
    return "binary" if classes == 2 else "classes"


def _extent(data: Dataset, setting: Setting) -> tuple[float, float, float, float]:
    if data.feature_names is None:
        return -MARGIN, MARGIN, -MARGIN, MARGIN
    edges: list[float] = []
    for axis in setting.axes:
        column = data.x[:, min(axis, data.x.shape[1] - 1)]
        low, high = float(column.min()), float(column.max())
        room = 0.08 * (high - low) or 1.0
        edges += [low - room, high + room]
    return edges[0], edges[1], edges[2], edges[3]
