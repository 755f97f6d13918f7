"""What a network on a table is held against: the most frequent class or the mean, and a linear model."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np

from glassnet.cli import tables
from glassnet.core.catalogues import columns_of, translated
from glassnet.core.shapes import Array
from glassnet.losses import LOSSES, Loss
from glassnet.metrics import Accuracy, LogLoss, MeanSquared, as_metrics
from glassnet.model import Model
from glassnet.tables import Frame, Table
from glassnet.tabular.linear import Rows, solved
from glassnet.tabular.plan import metrics_for

MOST_WEIGHTED_ROWS = 200_000
"""A linear model learns no more from more rows; so many of them, evenly chosen, are taken."""
MOST_COLUMNS = 2_000
"""With more of them, and of rows, a linear model would be solved for longer than a network is trained."""
FEWEST = 10
"""Of fewer test rows nothing is said."""
DEVIATIONS = 2.0
"""So many standard errors are more than noise."""
LEAST = 1e-12
"""Probabilities below are taken for this."""
NETWORK, LINEAR = "this network", "a linear model"


class Baselines:
    """Models that need no network, measured on the same test rows.

    Args:
        options: of ``glassnet train``.
        targets: the columns to predict.
        parts: the table and its rows.
    """

    def __init__(self, options: argparse.Namespace, targets: Sequence[str], parts: tables.Parts) -> None:
        self._options, self._targets, self._parts = options, targets, parts

    def lines(self, model: Model, measured: Mapping[str, float]) -> list[str]:
        """A small table of figures, the network's first, and a sentence where that is worse than the linear model.

        Args:
            model: trained.
            measured: its figures on the test rows, by their names in words.
        """
        table, test = self._parts.table, self._parts.test
        loss = table.loss if isinstance(table.loss, Loss) else LOSSES[table.loss]()
        metrics = as_metrics(metrics_for(table))
        answers = loss.prepare(table.targets(test), (table.outputs,), np.dtype(np.float64), where="train")
        known = table.targets(self._parts.training)
        linear = self._linear(known)
        others = {} if linear is None else {LINEAR: linear}
        others[_name_of_constant(table, known)] = np.tile(_constant(table, known), (len(answers), 1))
        names = [metric.name.replace("_", " ") for metric in metrics]
        rows = [("on the test rows", *names), (NETWORK, *(_shown(measured[name]) for name in names))]
        for name, outputs in others.items():
            rows.append((name, *(_shown(metric.compute(outputs, answers, loss, None)) for metric in metrics)))
        said = _aligned([[translated(own) for own in row] for row in rows])
        if linear is None:
            said.append(f"a linear model of more than {MOST_COLUMNS:,} columns is left out")
        else:
            said += _worse(_outputs(model, table, test), linear, answers, loss)
        return said

    def _linear(self, known: Array) -> Array | None:
        """What a linear model says of the test rows: logits, or amounts; None where there are too many columns."""
        parts, table = self._parts, self._parts.table
        inputs = tables.learn_inputs(self._options, parts.training, self._targets)
        if min(len(inputs.features), parts.training.height) > MOST_COLUMNS:
            return None
        every = -(-parts.training.height // MOST_WEIGHTED_ROWS)
        chosen = np.arange(0, parts.training.height, every)
        x, test = inputs.apply(parts.training.rows(chosen)), inputs.apply(parts.test)
        known = known[chosen]
        if not table.questions:
            return solved(Rows(x, known), 0).outputs(test)
        columns = known.reshape(len(known), -1).T
        counts = [len(classes) for classes in table.questions.values()]
        own = [solved(Rows(x, labels), k).outputs(test) for labels, k in zip(columns, counts, strict=True)]
        return np.concatenate(own, axis=1)


def _outputs(model: Model, table: Table, test: Frame) -> Array:
    """What a model says of rows: amounts, or logarithms of probabilities, which are logits."""
    if not table.questions:
        return np.asarray(model.predict(test), dtype=np.float64)
    with np.errstate(invalid="ignore"):  # of infinite logits none is a number
        return np.log(np.maximum(np.asarray(model.predict_proba(test), dtype=np.float64), LEAST))


def _name_of_constant(table: Table, known: Array) -> str:
    if not table.questions:
        return "always the mean"
    if table.class_names is None:
        return "always the most frequent classes"
    return f"always {table.class_names[int(np.bincount(known).argmax())]!r:.40}"


def _constant(table: Table, known: Array) -> Array:
    """The same outputs for every row: the mean, or logarithms of the classes' shares."""
    if not table.questions:
        return np.asarray(known.mean(axis=0))
    counts = [
        np.bincount(labels, minlength=len(classes))
        for labels, classes in zip(known.reshape(len(known), -1).T, table.questions.values(), strict=True)
    ]
    return np.log(np.maximum(np.concatenate(counts) / len(known), LEAST))


def _worse(own: Array, linear: Array, answers: Array, loss: Loss) -> list[str]:
    """A sentence where the network is worse than the linear model by more than noise, row by row of the test."""
    if len(answers) < FEWEST:
        return []
    measures = (Accuracy(), LogLoss()) if loss.decides_classes else (MeanSquared(),)
    for measure in measures:
        excess = measure.by_row(own, answers, loss) - measure.by_row(linear, answers, loss)
        excess = -excess if isinstance(measure, Accuracy) else excess
        noise = float(excess.std(ddof=1)) / len(excess) ** 0.5
        if float(excess.mean()) > DEVIATIONS * noise:
            name = "mean squared error" if isinstance(measure, MeanSquared) else measure.name.replace("_", " ")
            return [
                f"the network is worse than a linear model, in {name} by more than noise: more epochs "
                "(--epochs), another rate (--learning-rate) or fewer units (--hidden) may help; --hidden without a "
                "number trains a linear model"
            ]
    return []


def _shown(figure: float) -> str:
    return f"{figure:.4f}" if abs(figure) < 1e5 else f"{figure:.5g}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        spaces = [" " * (width - columns_of(own)) for own, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0] + spaces[0], *map("".join, zip(spaces[1:], row[1:], strict=True))]))
    return lines
