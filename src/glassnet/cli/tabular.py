"""``glassnet train`` on a table: the recipe, the rows that choose the epoch, and what is odd about the data."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from glassnet.cli import tables
from glassnet.cli.networks import HIDDEN, build_network, loss_of, model_of, require_few_weights
from glassnet.cli.work import BestEpoch
from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.sides import Sides
from glassnet.data import Dataset
from glassnet.data.tables import name_of
from glassnet.model import Model
from glassnet.preprocessing import Standardize
from glassnet.tables import Answers, Frame, Table
from glassnet.tables.columns import Ignored
from glassnet.tables.suspects import repeated_rows, suspects
from glassnet.tabular import Plan, Recipe, plan, recipe_for
from glassnet.tabular.plan import class_weights
from glassnet.training import EarlyStopping

SET_ASIDE = 0.2
"""The share of the rows to train with that chooses the epoch."""
FOR_TABLES = "group", "time", "drop_missing_targets", "cross_validate", "log_target", "members", "preset", "costs"
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


def refuse_costs(options: argparse.Namespace, table: Table) -> None:
    """Refuses --costs where no answer is one of two classes.

    Raises:
        ConfigurationError: there are none.
    """
    counts = [len(classes) for classes in table.questions.values()]
    if options.costs is not None and 2 not in counts:
        raise ConfigurationError(
            where="train --costs",
            received="amounts to learn" if not counts else f"a target of {', '.join(map(str, counts))} classes",
            expected="a target of two classes, of which each may be taken for the other",
            fix="leave --costs out",
        )


def recipe_of(options: argparse.Namespace, table: Table) -> Recipe:
    """The recipe that --preset names, with what other options say in its place.

    Raises:
        ConfigurationError: options that do not go together.
    """
    recipe = recipe_for(options.preset or "quick", table)
    if options.network is not None or options.augment is not None:
        build_network(
            options, _features(table, name_of(options.data)), table.outputs
        )  # which says that these are no images
    chosen = options.chosen
    changes = {name: chosen[name] for name in ("activation", "dropout", "optimizer", "l2", "batch_size", "epochs")}
    changes |= {name: getattr(options, name) for name in ("patience", "label_smoothing", "schedule", "members")}
    changes |= {"rate": options.learning_rate, "hidden": None if options.hidden is None else tuple(options.hidden)}
    if options.label_smoothing is not None and isinstance(table.target, Answers):
        raise ConfigurationError(
            where="train --label-smoothing",
            received="--label-smoothing for amounts",
            expected="classes, one of several for each row",
            fix="leave --label-smoothing out",
        )
    recipe = recipe.but(**changes)
    if chosen["optimizer"] is not None and options.learning_rate is None:
        recipe = replace(recipe, rate=None)  # the rule's own
    require_few_weights((len(table.features), *recipe.hidden, table.outputs))
    return recipe


def is_alone(recipe: Recipe) -> bool:
    """Whether a training by this recipe is that of one network, which is over when its last epoch is."""
    return recipe.members == 1 and not recipe.calibrates


def refuse_apart(options: argparse.Namespace, recipe: Recipe) -> None:
    """Refuses what several members, or probabilities that are calibrated at the end, cannot do.

    Raises:
        ConfigurationError: --distributed with such a recipe.
    """
    if is_alone(recipe) or not options.distributed:
        return
    what = f"{recipe.members} members" if recipe.members > 1 else "a temperature that is fitted at the end"
    raise ConfigurationError(
        where="train --distributed",
        received=f"--distributed for a training with {what}",
        expected="one network, as --preset quick has",
        fix="leave --distributed out: members are trained side by side; or write --preset quick --members 1",
    )


def planned(options: argparse.Namespace, table: Table, training: Frame, sides: Sides) -> Plan:
    """The models for a table; some of its rows are set aside, as the test rows were, to choose the epoch."""
    recipe = recipe_of(options, table)
    answers = table.targets(training)
    refuse_negative(options, training, table)
    if options.class_weight is not None and table.class_names is None:
        raise ConfigurationError(
            where="train --class-weight",
            received=f"--class-weight for {'several columns' if table.questions else 'amounts'}",
            expected="one column of classes",
            fix="leave --class-weight out",
        )
    return plan(
        training,
        table,
        recipe,
        sides=sides,
        share=SET_ASIDE,
        weights=class_weights(options.class_weight, table, answers),
        log_target=options.log_target,
        seed=options.seed,
        engine=options.engine,
        threads=options.threads,
    )


def refuse_negative(options: argparse.Namespace, frame: Frame, table: Table) -> None:
    """Refuses amounts that have no logarithm.

    Raises:
        ConfigurationError: --log-target for classes.
        DataError: an amount below 0, by its row.
    """
    if not options.log_target:
        return
    if not isinstance(table.target, Answers):
        raise ConfigurationError(
            where="train --log-target",
            received="--log-target for classes",
            expected="amounts of 0 or more",
            fix="leave --log-target out; --regression takes whole numbers for amounts",
        )
    for name in table.target.names:
        raw = frame[name]
        below = np.flatnonzero(raw.values < 0)
        if len(below):
            more = f" and {len(below) - 1:,} more" if len(below) > 1 else ""
            raise DataError(
                where=f"--log-target: column {name!r}",
                received=f"{raw.values[below[0]]:g} in {raw.place(int(below[0]))}{more}",
                expected="amounts of 0 or more, which have a logarithm log(1 + y)",
                fix="leave --log-target out, or take such rows out",
            )


def keeper_of(recipe: Recipe) -> EarlyStopping:
    """What keeps the weights of the best epoch, and with --patience stops."""
    return recipe.stopping() if recipe.patience is not None else BestEpoch(recipe.monitor, recipe.epochs, recipe.ties)


def described(options: argparse.Namespace, own: Plan) -> str:
    """What the training does, in a line."""
    recipe = own.recipe
    hidden = f"{' + '.join(map(str, recipe.hidden))} {recipe.activation}" if recipe.hidden else "no hidden layer"
    hidden = f"a linear model, and beside it {hidden}" if recipe.linear and recipe.hidden else hidden
    most = "" if recipe.patience is None else "at most "
    aside = [len(part[1]) for part in own.held]
    networks = f"{recipe.members} networks, each " if recipe.members > 1 else ""
    epochs = f"{most}{recipe.epochs:,} epochs"
    start = f"{options.preset or 'quick'}: {networks}{hidden}, {recipe.optimizer}, batches of {recipe.batch_size}"
    if recipe.members > 1:
        chosen = f"each sets others of the rows to train aside, about {aside[0]:,}, which choose its best of {epochs}"
    else:
        chosen = f"{aside[0]:,} of the rows to train are set aside and choose the best of {epochs}"
    return f"{start}; {chosen}"


def described_blocks(options: argparse.Namespace) -> str:
    """What a training block by block does, in a line."""
    units = HIDDEN if options.hidden is None else options.hidden
    hidden = f"{' + '.join(map(str, units))} {options.activation}" if units else "no hidden layer"
    most = "" if options.patience is None else "at most "
    start = f"{hidden}, {options.optimizer}, batches of {options.batch_size}"
    epochs = f"{most}{options.epochs:,} epochs"
    return f"{start}; a fifth of the rows to train are set aside and choose the best of {epochs}"


def model_of_blocks(
    options: argparse.Namespace,
    table: Table,
    scaling: Standardize | None,
    name: str,
    metrics: Sequence[str],
) -> Model:
    """The untrained model for a table that is read block by block."""
    network = build_network(options, _features(table, name), table.outputs, start=table.input_layers())
    model = model_of(options, network, loss_of(options, table.loss, None), metrics)
    model.preprocessing, model.class_names = table, table.class_names
    model.target_scaling = scaling
    model.target_name = ", ".join(table.target.names) if table.target is not None else None
    return model


def _features(table: Table, name: str) -> Dataset:
    """A row as the network gets it, for what looks at its shape alone."""
    return Dataset(np.zeros((1, len(table.features)), np.float32), None, name=name)


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
    said += suspects(parts.everything, inputs, targets, leave_out=lambda name: f"--ignore {_typed(name)}")
    repeated = repeated_rows(parts.training, parts.test, inputs, targets)
    return said if repeated is None else [*said, repeated]


def _typed(name: str) -> str:
    """A name as it is typed in a shell."""
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'" if "'" not in name else f'"{name}"'
