"""``--cross-validate``: how good models of one kind are, on folds of the rows to train with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.calibration import calibrate_together
from glassnet.cli import tables
from glassnet.cli.tabular import planned
from glassnet.core.errors import ConfigurationError
from glassnet.many import Each, Ensemble, fit_many
from glassnet.tables import Frame, Table
from glassnet.tabular import Plan


def cross_validate(options: argparse.Namespace, targets: Sequence[str], parts: tables.Parts) -> list[str]:
    """Trains a model on each fold's other rows, as the model itself is trained, and measures it on the fold.

    The test rows stay out of it. Rows of a group stay on one side; by time every fold is later than what it is trained
    with.

    Returns:
        Lines with the mean and the deviation of each measure.

    Raises:
        ConfigurationError: together with one training by several processes.
        DataError: too few rows, groups or moments.
    """
    if options.distributed:
        raise ConfigurationError(
            where="train --cross-validate",
            received="--cross-validate together with --distributed",
            expected="one of them: folds are trained side by side in one process",
            fix="cross-validate without mpiexec, then train without --cross-validate",
        )
    training, count = parts.training, options.cross_validate
    plans: list[Plan] = []
    held: list[Frame] = []
    for rows, fold in parts.sides.folds(count):
        own = training.rows(rows)
        inputs = tables.learn_features(options, own, targets)
        table = Table(inputs.columns, parts.table.target, parts.table.forms, training.reading)
        plans.append(planned(options, table, own, parts.sides.of(rows)))
        held.append(training.rows(fold))
    settings = [made.settings(number) for made in plans for number in range(len(made.models))]
    each: dict[str, Any] = {name: Each([one[name] for one in settings]) for name in settings[0]}
    models = [model for made in plans for model in made.models]
    for result in fit_many(models, each.pop("x"), each.pop("y"), **each, verbose=not options.quiet):
        if isinstance(result, Exception):
            raise result
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
    found = []
    for made, fold_rows in zip(plans, held, strict=True):
        if made.recipe.calibrates:
            calibrate_together(made.models, made.held)
        answering = made.models[0] if len(made.models) == 1 else Ensemble.of(made.models).as_model()
        found.append(tables.measured(answering, fold_rows, parts.table.targets(fold_rows)))
    how = (
        "each by a model of the rows before it" if parts.sides.moments is not None else "each by a model of the others"
    )
    lines = [f"cross-validation: {count} folds of the {training.height:,} rows to train, {how}"]
    width = max(map(len, found[0]))
    for measure in found[0]:
        values = np.array([one[measure] for one in found])
        lines.append(f"{measure:<{width}}  {values.mean():.4f} ± {values.std(ddof=1):.4f}")
    return lines
