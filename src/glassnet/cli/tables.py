"""Tables on the command line: what the options say of a file, what is learned of it, what is measured."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.data import test_rows
from glassnet.data.subsets import check_available
from glassnet.data.tables import TABLE_ENDINGS, is_table, read_header, read_table
from glassnet.model import Model
from glassnet.tables import Frame, Reading, Table

OF_CLASSES = ("accuracy", "roc_auc", "f1", "log_loss")
OF_QUESTIONS = ("accuracy", "roc_auc", "log_loss")
OF_AMOUNTS = ("mean_absolute_error", "root_mean_squared_error", "r2")
"""What is measured of one class a row, of several, and of amounts."""
NAMES_OF_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}


def reading_of(options: argparse.Namespace) -> Reading:
    """What the options say of how a file is read."""
    delimiter = getattr(options, "delimiter", None)
    return Reading(
        getattr(options, "decimal", None),
        getattr(options, "date_format", None),
        tuple(getattr(options, "missing", None) or ()),
        NAMES_OF_DELIMITERS.get(delimiter or "", delimiter),
        getattr(options, "encoding", None),
    )


def target_names(options: argparse.Namespace) -> list[str]:
    """The columns to learn, as --target names them: the name of one, or several with commas, or one after the other.

    Raises:
        ConfigurationError: a target, or an option about texts, for data that are no table.
        MissingFileError, FileFormatError, DataError: the file cannot be read.
        MissingExtraError: what reads the file is not installed.
    """
    return listed(options, options.target, "--target")


def listed(options: argparse.Namespace, given: Sequence[str] | None, option: str) -> list[str]:
    """The columns that an option names."""
    if not given:
        return []
    if not is_table(options.data):
        raise ConfigurationError(
            where=option,
            received=", ".join(given),
            expected=f"names of columns of a table only ({', '.join(TABLE_ENDINGS)})",
            fix=f"leave {option} out",
        )
    columns = (
        read_header(options.data, reading_of(options), options.max_bytes) if any("," in text for text in given) else []
    )
    return [name.strip() for text in given for name in ([text] if text in columns else text.split(",")) if name.strip()]


def learn(
    options: argparse.Namespace, targets: Sequence[str], subset: tuple[int, int] | None
) -> tuple[Table, Frame, Frame]:
    """The table that is learned from the part to train with, that part, and the part held out.

    Columns of many words get an ``Embedding``. The classes are those of both parts.
    """
    categories = listed(options, options.categories, "--categories")
    ignored = listed(options, options.ignore, "--ignore")
    reading = reading_of(options)
    frame = read_table(
        options.data, targets, reading=reading, categories=categories, ignore=ignored, max_bytes=options.max_bytes
    )
    task = "regression" if options.regression else "auto"
    everything = Table.from_data(frame, targets, task=task, categories=categories)
    if subset is not None:
        check_available(sum(subset), frame.height, where=frame.name)
        training, held = frame.rows(slice(subset[0])), frame.rows(slice(subset[0], sum(subset)))
    else:
        labels = everything.targets(frame)
        test = test_rows(len(labels), labels if everything.class_names else None, options.test_share, options.seed)
        training, held = frame.rows(~test), frame.rows(test)
    own = Table.from_data(
        Frame({name: raw for name, raw in training.items() if name not in targets}, frame.name),
        embeddings="auto",
        categories=[name for name in categories if name not in targets],
    )
    return Table(own.columns, everything.target, everything.forms, frame.reading), training, held


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


def answers_in(frame: Frame, table: Table, model: Model) -> Array:
    """The answers in a frame as the model's loss takes them: those of two classes as a column for a single output."""
    targets = table.targets(frame)
    return targets[:, None] if targets.ndim == 1 and model.network.output_shape == (1,) else targets


def measured(model: Model, x: Any, y: Any) -> dict[str, float]:
    """Loss and metrics by their names in words; of several questions a row also the share of right answers to each."""
    found = {name.replace("_", " "): value for name, value in model.evaluate(x, y).items()}
    table = model.preprocessing
    if isinstance(table, Table) and len(table.questions) > 1:
        shares = (model.predict_classes(x) == y).mean(axis=0)
        found |= {f"accuracy of {name}": float(own) for name, own in zip(table.questions, shares, strict=True)}
    return found
