"""What is to be learned: the rows of a setting's data set, in two parts, and what they mean."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

import numpy as np

from glassnet import tables
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.shapes import Array
from glassnet.data import Dataset, digits, read_table, split, test_rows
from glassnet.data.tables import TEXT_ENDINGS, measured
from glassnet.playground.generators import GENERATORS, inputs_of
from glassnet.playground.settings import LOSSES, Setting
from glassnet.preprocessing import Standardize
from glassnet.tables import Frame, Reading

ENDINGS = (*TEXT_ENDINGS, ".xlsx")
"""What the names of files end in that the page takes."""
MOST_BYTES = 16_000_000
MOST_SHEET_BYTES = 20_000_000
"""The limit for a spreadsheet's XML, unpacked, which is wordier than CSV."""
MOST_ROWS, MOST_COLUMNS = 20_000, 64
"""The limits of a user's table; of more rows a sample is taken, which no order of the rows can spoil."""
SAMPLE_SEED = 0
MOST_FEATURES = 64
"""Numbers that a row of it becomes."""
MOST_CLASSES = 10
"""The page has colours for so many."""
MARGIN = 1.2
"""Half the picture's width, where the data are made within −1 … 1."""


class TableError(DataError):
    """A table that the page cannot take, and says so in its own language.

    Args:
        code: of the page's text, in web/words.js.
        count: what there is of rows, columns or classes.
        most: how many there may be.
        column: that takes the most room.
        where, received, expected, fix: as every error has them.
    """

    def __init__(
        self, code: str, count: int = 0, most: int = 0, column: str = "", /, *, where: str = "table", **parts: str
    ) -> None:
        super().__init__(where=where, **parts)
        self.code, self.count, self.most, self.column = code, count, most, column


class Table:
    """A user's table, kept as the bytes of its file.

    Args:
        content: the file's bytes: .csv or .tsv, either with .gz, in any encoding; or .xlsx.
        name: of the file; its ending says what it is, and the exported code reads a file of that name.
        reading: what is known of its texts.

    Raises:
        TableError: another ending; it is too large, or has too few or too many columns.
        FileFormatError: no header, or columns without a name.

    Attributes:
        columns: their names.
        height: how many rows the file has.
    """

    def __init__(self, content: bytes, name: str = "table.csv", reading: Reading | None = None) -> None:
        self.name, self.reading = name, reading
        self._content, self._ending = content, _ending(name)
        self._last: tuple[str, Frame] | None = None
        size = _size(content, self._ending)
        most = MOST_SHEET_BYTES if self._ending == ".xlsx" else MOST_BYTES
        if len(content) > MOST_BYTES or size > most:
            raise _too_large("too_large", *((size, most) if size > most else (len(content), MOST_BYTES)), "bytes")
        with self._file() as path:
            columns, self.height = measured(path, reading, most)
        self.columns = tuple(columns)
        if not 2 <= len(self.columns) <= MOST_COLUMNS:
            few = len(self.columns) < 2
            raise TableError(
                "table_columns",
                len(self.columns),
                MOST_COLUMNS,
                received=f"{len(self.columns)} column{'s' if not few else ''}",
                expected=f"2 to {MOST_COLUMNS}: inputs, and one to be learned",
                fix="put commas between the columns" if few else "take some of the columns",
            )

    def read(self, target: str) -> Frame:
        """Its rows, of many a sample, with the column of that name (the last one for "") to be learned."""
        target = target or self.columns[-1]
        if self._last is None or self._last[0] != target:
            with self._file() as path, _as_table_error():
                frame = read_table(path, target, reading=self.reading, max_bytes=MOST_SHEET_BYTES)
            if frame.height > MOST_ROWS:
                chosen = np.random.default_rng(SAMPLE_SEED).choice(frame.height, MOST_ROWS, replace=False)
                frame = frame.rows(np.sort(chosen))
            self._last = target, frame
        return self._last[1]

    @contextmanager
    def _file(self) -> Iterator[Path]:
        """The bytes as a file under a name of our own, while it is read."""
        with TemporaryDirectory() as folder:
            path = Path(folder, f"table{self._ending}")
            path.write_bytes(self._content)
            yield path


def _ending(name: str) -> str:
    found = next((ending for ending in ENDINGS if name.lower().endswith(ending)), None)
    if found is None:
        raise TableError(
            "table_ending",
            received=f"a file called {shown(name)}",
            expected=f"a name that ends in {', '.join(ENDINGS)}",
            fix="save the table as one of these",
        )
    return found


def _size(content: bytes, ending: str) -> int:
    """Bytes of what is packed in a file, counted only so far that too many are known to be too many."""
    try:
        if ending.endswith(".gz"):
            with gzip.open(BytesIO(content)) as packed:
                return len(packed.read(MOST_BYTES + 1))
        if ending == ".xlsx":
            with ZipFile(BytesIO(content)) as packed:
                return sum(part.file_size for part in packed.infolist())
    except (OSError, EOFError, BadZipFile, zlib.error):
        return 0  # whoever reads the file says what is wrong with it
    return len(content)


def _too_large(code: str, count: int, most: int, unit: str) -> TableError:
    fix = "take some of the rows; glassnet train reads tables of any size"
    received, expected = f"{count:,} {unit}", f"at most {most:,}"
    return TableError(code, count, most, received=received, expected=expected, fix=fix)


@contextmanager
def _as_table_error() -> Iterator[None]:
    """What cannot be used in a table is said in the page's language."""
    try:
        yield
    except TableError:
        raise
    except DataError as error:
        raise TableError("table_cells", **error.parts) from None


@dataclass(frozen=True)
class Examples:
    """The rows of a setting.

    Attributes:
        train: those that the network learns from; of a user's table, the numbers that its rows become.
        test: those that it is measured on.
        task: "binary", "classes" or "numbers", see ``LOSSES``.
        loss: the loss's name.
        outputs: the network's.
        extent: the picture's edges: left, right, bottom, top, in the unit of the inputs.
        table: what was learned of the columns of a user's table, or None.
        plane: where the rows lie in the plane, both parts, for made-up data.
    """

    train: Dataset
    test: Dataset
    task: str
    loss: str
    outputs: int
    extent: tuple[float, float, float, float]
    table: tables.Table | None = None
    plane: tuple[Array, Array] | None = None

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return int(self.train.x.shape[1])

    @property
    def is_image(self) -> bool:
        """Whether a row is a picture, which has no two axes to be drawn along."""
        return self.train.scale is not None

    def targets(self, data: Dataset) -> Array:
        """The targets as the loss takes them: labels of several classes (N,), numbers (N, 1) otherwise."""
        assert data.y is not None
        if self.task != "binary":
            return data.y
        labels = data.y.reshape(-1, 1).astype(np.float32)
        return 2 * labels - 1 if self.loss == "hinge" else labels

    def preprocessing(self) -> Standardize | None:
        """What is done to pictures; made-up data lie within −1 … 1 already, and a table's rows are numbers by now."""
        return None if self.train.scale is None else Standardize(scale=self.train.scale)


def examples_of(setting: Setting, table: Table | None = None) -> Examples:
    """Makes or reads the rows that a setting asks for.

    Args:
        setting: its data set, rows, noise, share held out, seed, target, axes and loss count.
        table: the user's, where the setting asks for it.

    Raises:
        ConfigurationError: no table, a loss for other targets, an axis that does not exist.
        TableError, FileFormatError: the table cannot be read.
    """
    schema = plane = None
    if setting.dataset == "table":
        with _as_table_error():
            schema, train, test = _parts(setting, table)
    else:
        train, test = split(_rows(setting), setting.held_out, setting.seed)
        if setting.dataset in GENERATORS:
            plane = train.x, test.x
            train, test = (replace(part, x=inputs_of(part.x, setting.inputs)) for part in (train, test))
    task = _task(train, test)
    loss = setting.loss or LOSSES[task][0]
    if loss not in LOSSES[task]:
        raise ConfigurationError(
            where="setting",
            received=f"loss={loss!r} for {setting.dataset!r}",
            expected=f"one of {', '.join(LOSSES[task])}",
            fix=f"choose {LOSSES[task][0]!r}",
        )
    columns = 2 if plane is not None else train.x.shape[1]
    if max(setting.axes) >= columns > 1:
        raise ConfigurationError(
            where="setting",
            received=f"axes={setting.axes} for {columns} inputs",
            expected=f"numbers from 0 to {columns - 1}",
            fix="choose other columns for the picture",
        )
    outputs = _classes(train, test) if task == "classes" else 1
    return Examples(train, test, task, loss, outputs, _extent(train, test, setting), schema, plane)


def _rows(setting: Setting) -> Dataset:
    if setting.dataset == "digits":
        return digits()
    x, y = GENERATORS[setting.dataset](setting.rows, setting.noise, np.random.default_rng(setting.seed))
    return Dataset(x, y, name=setting.dataset)


def _parts(setting: Setting, table: Table | None) -> tuple[tables.Table, Dataset, Dataset]:
    """What is learned of a table's columns from the rows to train with, these rows as numbers, and those held out.

    The classes, and how texts are read, are those of all rows.
    """
    if table is None:
        raise ConfigurationError(
            where="setting",
            received="the data set of a table before one is there",
            expected="a table",
            fix="upload one first",
        )
    target = setting.target or table.columns[-1]
    frame = table.read(target)
    whole = tables.Table.from_data(frame, target)
    _check_classes(len(whole.class_names or ()))
    labels = whole.targets(frame) if whole.class_names is not None else None
    held_out = test_rows(frame.height, labels, setting.held_out, setting.seed)
    train = frame.rows(~held_out)
    columns = tables.Table.from_data(train, ignore=target).columns
    schema = tables.Table(columns, whole.target, whole.forms, whole.reading)
    _check_features(schema)
    return schema, _numbers(schema, train), _numbers(schema, frame.rows(held_out))


def _numbers(schema: tables.Table, frame: Frame) -> Dataset:
    x = schema.apply(frame).astype(np.float32)
    return Dataset(x, schema.targets(frame), schema.features, schema.class_names, frame.name)


def _check_features(schema: tables.Table) -> None:
    count = len(schema.features)
    if count <= MOST_FEATURES:
        return
    widest = max(schema.columns, key=lambda column: len(column.features))
    raise TableError(
        "table_features",
        count,
        MOST_FEATURES,
        widest.name,
        received=f"rows that become {count} numbers, {len(widest.features)} of them for the column {widest.name!r}",
        expected=f"at most {MOST_FEATURES}: each word of a column has a place of its own",
        fix="take some of the columns; glassnet train reads tables of any width",
    )


def _task(train: Dataset, test: Dataset) -> str:
    if not train.is_classification:
        return "numbers"
    return "binary" if _classes(train, test) == 2 else "classes"


def _classes(train: Dataset, test: Dataset) -> int:
    return len(train.class_names or ()) or 1 + max(int(part.y.max()) for part in (train, test) if part.y is not None)


def _check_classes(classes: int) -> None:
    if classes > MOST_CLASSES:
        raise TableError(
            "table_classes",
            classes,
            MOST_CLASSES,
            received=f"{classes} classes in the target column",
            expected=f"2 to {MOST_CLASSES} classes, or numbers of more than 20 kinds",
            fix="choose another target column, or join classes",
        )


def _extent(train: Dataset, test: Dataset, setting: Setting) -> tuple[float, float, float, float]:
    if train.feature_names is None:
        return -MARGIN, MARGIN, -MARGIN, MARGIN
    edges: list[float] = []
    for axis in setting.axes:
        column = np.concatenate([part.x[:, min(axis, part.x.shape[1] - 1)] for part in (train, test)])
        low, high = float(column.min()), float(column.max())
        room = 0.08 * (high - low) or 1.0
        edges += [low - room, high + room]
    return edges[0], edges[1], edges[2], edges[3]
