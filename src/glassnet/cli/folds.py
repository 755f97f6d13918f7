"""``--cross-validate``: how good models of one kind are, on folds of the rows to train with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from glassnet.cli import tables
from glassnet.cli.tabular import prepared
from glassnet.core.errors import ConfigurationError
from glassnet.many import Each, fit_many
from glassnet.tables import Table


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
    work, held = [], []
    for rows, fold in parts.sides.folds(count):
        own = training.rows(rows)
        inputs = tables.learn_inputs(options, own, targets, embeddings="auto")
        table = Table(inputs.columns, parts.table.target, parts.table.forms, training.reading)
        work.append(prepared(options, table, own, parts.sides.of(rows)))
        held.append(training.rows(fold))
    results = fit_many(
        [one.model for one in work],
        Each([one.frame for one in work]),
        Each([one.answers for one in work]),
        validation_data=Each([one.validation for one in work]),
        callbacks=Each([[] if one.keeper is None else [one.keeper] for one in work]),
        epochs=options.epochs,
        batch_size=options.batch_size,
        verbose=not options.quiet,
    )
    for result in results:
        if isinstance(result, Exception):
            raise result
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
    found = [tables.measured(one.model, rows, parts.table.targets(rows)) for one, rows in zip(work, held, strict=True)]
    how = (
        "each by a model of the rows before it" if parts.sides.moments is not None else "each by a model of the others"
    )
    lines = [f"cross-validation: {count} folds of the {training.height:,} rows to train, {how}"]
    width = max(map(len, found[0]))
    for measure in found[0]:
        values = np.array([one[measure] for one in found])
        lines.append(f"{measure:<{width}}  {values.mean():.4f} ± {values.std(ddof=1):.4f}")
    return lines
