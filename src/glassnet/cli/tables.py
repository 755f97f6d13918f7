"""Tables on the command line: what the options say of a file, what is learned of it, what is measured."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.output import logger
from glassnet.core.shapes import Array
from glassnet.core.sides import Sides
from glassnet.data import test_rows
from glassnet.data.subsets import check_available
from glassnet.data.tables import TABLE_ENDINGS, check_names, is_table, read_header, read_table
from glassnet.model import Model
from glassnet.tables import Frame, Reading, Table
from glassnet.tables.divided import groups_of, moments_of
from glassnet.tables.learning import STANDARD
from glassnet.tabular.model import recipe_numbers

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


def read_rows(options: argparse.Namespace, targets: Sequence[str]) -> Frame:
    """The rows of a file that have an answer, its columns read as what they are; without those that are left out.

    The columns of --group and --time are read even where --ignore names them: they are needed, if not as inputs.

    Raises:
        ConfigurationError: names of columns that are not there, or that stand for two things.
        DataError: rows without an answer, unless they are to be dropped; and as ``read_table``.
    """
    needed = {"group": getattr(options, "group", None), "time": getattr(options, "time", None)}
    for option, name in needed.items():
        if name is not None and name in targets:
            raise ConfigurationError(
                where=f"train --{option}",
                received=f"{name!r}, which is to be predicted",
                expected="another column than the target",
                fix=f"choose another one, or leave --{option} out",
            )
    ignored = [name for name in listed(options, options.ignore, "--ignore") if name not in needed.values()]
    frame = read_table(
        options.data,
        targets,
        reading=reading_of(options),
        categories=listed(options, options.categories, "--categories"),
        ignore=ignored,
        max_bytes=options.max_bytes,
    )
    for option, name in needed.items():
        check_names([] if name is None else [name], list(frame), f"--{option}", Path(options.data))
    return _with_answers(options, frame, targets)


def _with_answers(options: argparse.Namespace, frame: Frame, targets: Sequence[str]) -> Frame:
    gaps = np.logical_or.reduce([frame[name].missing for name in targets])
    if not gaps.any():
        return frame
    count = int(gaps.sum())
    first = frame[targets[0]].place(int(np.argmax(gaps)))
    if options.drop_missing_targets and count < frame.height:
        logger().warning(f"{count:,} of {frame.height:,} rows have no answer and are left out, the first in {first}")
        return frame.rows(~gaps)
    others = f" and {count - 1:,} more" if count > 1 else ""
    raise DataError(
        where=f"{frame.name}: {', '.join(map(repr, targets))}",
        received=f"no value in {first}{others}, of {frame.height:,} rows",
        expected="the answer in every row",
        fix="fill them in" if count == frame.height else "add --drop-missing-targets to leave these rows out",
    )


def sides_of(options: argparse.Namespace, frame: Frame, labels: Array | None) -> Sides:
    """What is kept to when rows are held out.

    Raises:
        ConfigurationError: rows that stay together and rows in time.
        DataError: a row without its group or its moment.
    """
    group, time = getattr(options, "group", None), getattr(options, "time", None)
    if group is not None and time is not None:
        raise ConfigurationError(
            where="train",
            received="--group together with --time",
            expected="one of them: rows of a group stay on one side, or later rows are held out",
            fix="leave one out",
        )
    return Sides(
        frame.height,
        labels,
        None if group is None else groups_of(frame[group], where="--group"),
        None if time is None else moments_of(frame[time], where="--time"),
        options.seed,
    )


class Parts(NamedTuple):
    """A table's rows.

    Attributes:
        table: the schema; its inputs are learned from the rows to train with, its classes from all.
        everything: all rows in their order.
        training: the rows to train with.
        test: those held out.
        sides: what is kept to when more of the rows to train with are held out.
    """

    table: Table
    everything: Frame
    training: Frame
    test: Frame
    sides: Sides


def learn(options: argparse.Namespace, targets: Sequence[str], subset: tuple[int, int] | None) -> Parts:
    """Reads a table, holds rows out to test, and learns the schema; columns of many words get an ``Embedding``."""
    frame = read_rows(options, targets)
    categories = listed(options, options.categories, "--categories")
    task = "regression" if options.regression else "auto"
    try:
        everything = Table.from_data(frame, targets, task=task, categories=categories)
    except DataError as error:
        if not options.regression or "task=" not in error.fix:
            raise
        raise DataError(**error.parts | {"fix": "leave --regression out, to tell classes apart"}) from error
    labels = everything.targets(frame)
    sides = sides_of(options, frame, labels if everything.class_names else None)
    if subset is not None:
        if sides.groups is not None or sides.moments is not None:
            raise ConfigurationError(
                where="train --subset",
                received="--subset together with --group or --time",
                expected="one of them: a subset takes the first rows to train with, and the next to test",
                fix="leave --subset out",
            )
        check_available(sum(subset), frame.height, where=frame.name)
        held = np.arange(frame.height) >= subset[0]
        held[sum(subset) :] = False
        kept = np.arange(frame.height) < subset[0]
    else:
        if sides.groups is None and sides.moments is None:
            held = test_rows(len(labels), sides.labels, options.test_share, options.seed)
        else:
            held = sides.hold_out(options.test_share, "the test")
        kept = ~held
    training, test = frame.rows(kept), frame.rows(held)
    own = learn_features(options, training, targets)
    table = Table(own.columns, everything.target, everything.forms, frame.reading)
    return Parts(table, frame, training, test, sides.of(kept))


def learn_features(options: argparse.Namespace, training: Frame, targets: Sequence[str]) -> Table:
    """The table of the inputs as the preset takes them: vectors for many words, numbers scaled and cut in pieces."""
    preset = getattr(options, "preset", None)
    numbers = recipe_numbers(preset or "quick") if hasattr(options, "preset") else STANDARD
    return learn_inputs(options, training, targets, embeddings="auto", numbers=numbers)


def learn_inputs(options: argparse.Namespace, training: Frame, targets: Sequence[str], **how: Any) -> Table:
    """The table of the inputs alone; ``how`` as of ``Table.from_data``."""
    without = {*targets, getattr(options, "group", None)}
    if getattr(options, "time", None) in listed(options, options.ignore, "--ignore"):
        without.add(options.time)
    categories = listed(options, options.categories, "--categories")
    inputs = Frame({name: raw for name, raw in training.items() if name not in without}, training.name)
    return Table.from_data(inputs, categories=[name for name in categories if name not in without], **how)


def task_of(table: Table) -> str:
    """What is learned from what, in a few words."""
    features = f"{len(table.features):,} features"
    if not table.questions:
        return f"{features}, numbers to predict"
    counts = " and ".join(f"{len(classes):,} classes" for classes in table.questions.values())
    return f"{features}, {counts}"


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
