"""``glassnet train`` on a table: rows that choose the epoch, a network for them, and what is odd about the data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from glassnet.cli import tables
from glassnet.cli.networks import HIDDEN, build_network, loss_of, model_of, steps_of
from glassnet.cli.work import BestEpoch
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.core.sides import Sides
from glassnet.data import Dataset
from glassnet.losses import Loss
from glassnet.model import Model
from glassnet.preprocessing import Standardize
from glassnet.tables import Frame, Table
from glassnet.tables.columns import Ignored
from glassnet.tables.suspects import repeated_rows, suspects
from glassnet.training import EarlyStopping

SET_ASIDE = 0.2
"""The share of the rows to train with that chooses the epoch."""
FEWEST_ROWS = 25
"""With fewer rows to train with none are set aside, unless --patience asks for it: five rows choose at random."""
FOR_TABLES = ("group", "time", "drop_missing_targets", "cross_validate")
SHOWN = 10


def refuse_options(options: argparse.Namespace, what: str) -> None:
    """Refuses what is for a table alone that is read as a whole.

    Args:
        options: of ``glassnet train``.
        what: the data are, in words.

    Raises:
        ConfigurationError: there is such an option.
    """
    for name in FOR_TABLES if what != "series" else [name for name in FOR_TABLES if name != "time"]:
        if getattr(options, name):
            option = f"--{name.replace('_', '-')}"
            raise ConfigurationError(
                where=f"train {option}",
                received=f"{option} for {what}",
                expected="one table, each row for itself, that is read as a whole",
                fix=f"leave {option} out",
            )


class Prepared(NamedTuple):
    """An untrained model, and its rows.

    Attributes:
        model: untrained.
        frame: the rows to train on.
        answers: theirs.
        validation: frame and answers of the rows that choose the epoch, or None.
        keeper: the callback that does so, or None.
    """

    model: Model
    frame: Frame
    answers: Array
    validation: tuple[Frame, Array] | None
    keeper: EarlyStopping | None


def prepared(options: argparse.Namespace, table: Table, training: Frame, sides: Sides) -> Prepared:
    """The model for a table; some of its rows are set aside, as the test rows were, to choose the epoch."""
    answers = table.targets(training)
    rows, validation = np.ones(training.height, dtype=bool), None
    if training.height >= FEWEST_ROWS or options.patience is not None:
        rows = ~sides.hold_out(SET_ASIDE, "the rows that choose the epoch")
        validation = training.rows(~rows), answers[~rows]
    scaling = None if table.questions else Standardize.from_data(answers)
    labels = answers[rows] if table.class_names is not None else None
    loss = loss_of(options, table.loss, labels)
    steps = steps_of(options, int(rows.sum()))
    model = model_for(options, table, loss, scaling, training.name, tables.metrics_for(table), steps)
    keeper = None if validation is None else keeper_of(options, model)
    return Prepared(model, training.rows(rows), answers[rows], validation, keeper)


def model_for(
    options: argparse.Namespace,
    table: Table,
    loss: Loss,
    scaling: Standardize | None,
    name: str,
    metrics: Sequence[str],
    steps: int | None = None,
) -> Model:
    """The untrained model for a table and its answers."""
    features = Dataset(np.zeros((1, len(table.features)), np.float32), None, name=name)
    network = build_network(options, features, table.outputs, start=table.input_layers())
    model = model_of(options, network, loss, metrics, steps)
    model.preprocessing, model.class_names = table, table.class_names
    model.target_scaling = scaling
    model.target_name = ", ".join(table.target.names) if table.target is not None else None
    return model


def keeper_of(options: argparse.Namespace, model: Model) -> EarlyStopping:
    """What chooses the epoch: by the log loss, or by what is learned for amounts and for classes with weights."""
    has_log_loss = any(metric.name == "log_loss" for metric in model.metrics)
    monitor = "val_log_loss" if has_log_loss and options.class_weight is None else "val_loss"
    if options.patience is not None:
        return EarlyStopping(monitor, patience=options.patience)
    return BestEpoch(monitor, options.epochs)


def plan_of(options: argparse.Namespace, aside: str) -> str:
    """What the training does, in a line."""
    units = HIDDEN if options.hidden is None else options.hidden
    hidden = f"{' + '.join(map(str, units))} {options.activation}" if units else "no hidden layer"
    start, epochs = f"{hidden}, {options.optimizer}, batches of {options.batch_size}", f"{options.epochs:,} epochs"
    if not aside:
        return f"{start}, {epochs}; too few rows to set some aside: the last epoch is kept"
    most = "" if options.patience is None else "at most "
    return f"{start}; {aside} of the rows to train are set aside and choose the best of {most}{epochs}"


def oddities(parts: tables.Parts, targets: Sequence[str]) -> list[str]:
    """What should be said of the data, a sentence each."""
    said, table = [], parts.table
    same = [column for column in table.columns if isinstance(column, Ignored)]
    if same:
        shown = "; ".join(f"{column.name!r}: {column.reason}" for column in same[:SHOWN])
        more = f"; and {len(same) - SHOWN} more" if len(same) > SHOWN else ""
        some = "a column that says" if len(same) == 1 else "columns that say"
        said.append(f"{some} nothing ({shown}{more}): left out by itself, --ignore does so without a word")
    inputs = [column.name for column in table.columns if not isinstance(column, Ignored)]
    said += suspects(parts.everything, inputs, targets)
    repeated = repeated_rows(parts.training, parts.test, inputs, targets)
    return said if repeated is None else [*said, repeated]
