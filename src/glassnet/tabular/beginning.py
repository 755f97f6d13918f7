"""Networks for tables that begin as linear models."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.model import Model
from glassnet.tables import Answers, Classes, Piecewise, Table
from glassnet.tabular.linear import Rows, fitted
from glassnet.tabular.recipes import places_of_amounts

MOST_ROWS = 50_000
"""Of more rows so many are taken, evenly: a linear model needs no more, and they are in float64."""
MOST_DIRECTIONS = 1_500
"""Of more columns weights are learned from so many rows: the time grows with the third power of the smaller number."""
MOST_NUMBERS = 50_000_000
"""Of rows and columns together, in float64."""


def begin_linear(model: Model, table: Table, training: tuple[Any, ...], held: tuple[Any, ...]) -> None:
    """Gives the last layer the weights of a linear model, straight from the features; those of hidden units stay small.

    There are two such models, without and with the pieces of ``Piecewise`` columns; the rows set aside choose. Where a
    row has several questions, the network begins with zeros.

    Args:
        model: whose network is built by a recipe with ``linear``.
        table: of its features.
        training: rows and targets to learn from, and weights of the rows where there are any.
        held: likewise, to choose by.
    """
    places = places_of_amounts(table)
    if not places or not isinstance(table.target, Answers | Classes):
        return
    classes = len(table.target.classes) if isinstance(table.target, Classes) else 0
    rows, others = (_rows(model, table, part, places) for part in (training, held))
    if any(own.weights is not None and not own.weights.any() for own in (rows, others)):
        return
    is_plain = _are_plain(table)[places]
    best, used = None, is_plain
    for chosen in (is_plain,) if is_plain.all() else (is_plain, np.ones_like(is_plain)):
        seen, unseen = (own._replace(x=own.x[:, chosen]) for own in (rows, others))
        found = fitted(_fewer(seen), unseen, classes)
        if best is None or found.loss < best.loss:
            best, used = found, chosen
    assert best is not None
    network: Any = model.network
    last = network.layers[-1]
    straight = last.weight.value[len(last.weight.value) - len(places) :]
    straight[...] = 0
    straight[used] = best.weight
    last.bias.value[...] = best.bias


def _rows(model: Model, table: Table, part: tuple[Any, ...], places: list[int]) -> Rows:
    step = -(-len(part[1]) // min(MOST_ROWS, max(1, MOST_NUMBERS // len(table.features))))
    x, targets, *weights = (
        part if step == 1 else (part[0].rows(slice(None, None, step)), *(a[::step] for a in part[1:]))
    )
    if isinstance(table.target, Answers):
        assert model.target_scaling is not None
        targets = model.target_scaling.apply(targets, np.float64)
    return Rows(table.apply(x)[:, places], targets, weights[0] if weights else None)


def _fewer(rows: Rows) -> Rows:
    """Rows evenly chosen, where rows and columns are so many that a solution would take long."""
    count, columns = rows.x.shape
    step = 1 if columns <= MOST_DIRECTIONS else -(-count // MOST_DIRECTIONS)
    own = slice(None, None, step)
    return Rows(rows.x[own], rows.targets[own], None if rows.weights is None else rows.weights[own])


def _are_plain(table: Table) -> Array:
    """Which features are no pieces of a column, bool (D,)."""
    found: list[bool] = []
    for column in table.columns:
        pieces = len(column.edges) - 1 if isinstance(column, Piecewise) else 0
        behind = len(column.features) - 1 - pieces
        found += [True] * min(1, len(column.features)) + [False] * pieces + [True] * behind
    return np.array(found, dtype=bool)
