"""The door for data that come in blocks: each is checked as rows in memory are, before any is trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.core.ahead import Ahead
from glassnet.core.blocks import Block, Blocks
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.shapes import Array
from glassnet.model.doors import WithDoors
from glassnet.tables import Table
from glassnet.tables.surprises import gathered, told_once
from glassnet.training import Rows, Streamed

SAMPLE = 1000
"""Rows of the first block that tell, beside the smallest and largest numbers of all, whether digits are lost."""


def refuse_beside_blocks(where: str, **given: Any) -> None:
    """Refuses arguments that go with arrays alone.

    Raises:
        ConfigurationError: one is given; it is named.
    """
    mends = {
        "y": 'name the column of answers, gn.data.blocks(source, target="y"); or let the blocks be tuples (x, y)',
        "sample_weight": "let the blocks be tuples (x, y, weight)",
    }
    for name, value in given.items():
        if value is not None and value is not False:
            raise ConfigurationError(
                where=where,
                received=f"{name}={shown(value, 60)} beside blocks",
                expected="blocks with their own answers and weights, of rows that each stand for themselves",
                fix=mends.get(name, f"leave {name} out"),
            )


def learn_table(model: WithDoors, source: Blocks, y: Any, *, where: str) -> None:
    """Lets a model that is new to frames learn a table in one pass; refuses blocks that it does not take.

    Args:
        model: of which the table, the names of its classes and of the target are set.
        source: of the blocks.
        y: the name of the column to be predicted, where the source does not say it.
        where: for messages.

    Raises:
        ConfigurationError: no target, or another one than the model's; a model that takes no frames.
        DataError: as ``Table.from_data``.
    """
    if not source.are_frames or not isinstance(y, str):
        refuse_beside_blocks(where, y=y)
    target = source.target or ((y,) if y is not None else ())
    if isinstance(y, str) and target != (y,):
        refuse_beside_blocks(where, y=y)
    table = model.preprocessing
    if not source.are_frames:
        if isinstance(table, Table):
            raise _other_blocks("arrays, for a model with a table", "blocks of frames", "frames with named columns")
        return
    if table is None and model.feature_names is None and not model.epochs_trained and target:
        task = "classification" if model.loss.decides_classes else "regression"
        table = model.preprocessing = Table.from_data(source, target, task=task)
        model.class_names, model.target_name = table.class_names, ", ".join(target)
    if not isinstance(table, Table):
        how = "without preprocessing" if not target else "that has learned no table"
        raise _other_blocks(
            f"frames {'without a target ' if not target else ''}for a model {how}",
            "a model that learns a table of them, or has one",
            'name the column of answers, gn.data.blocks(source, target="y"), and leave model.preprocessing None before '
            "the first fit; or give it blocks of arrays, tuples (x, y)",
        )
    if table.target is None or (target and tuple(table.target.names) != target):
        known = "nothing" if table.target is None else table.target.describe()
        raise _other_blocks(
            f"the target {', '.join(target) or 'of a table'} for a model whose table predicts {known}",
            "the column that the table was learned for",
            "leave target out, or learn a table with that target",
        )


def streamed(model: WithDoors, source: Blocks, *, where: str, learns: bool = False, checks: bool = True) -> Streamed:
    """The rows of a source for a model.

    All blocks are checked once, so that a training does not end in the middle for a stray value; unless the model's
    table was learned from all of them, which has found them to fit.

    Args:
        model: built for the first block if it is not built, once all fit.
        source: of the blocks.
        where: for messages.
        learns: whether this is training.
        checks: False to look at the first block alone, and at the others when their turn comes.

    Raises:
        ShapeError, DataError: some of the rows do not fit the model.
    """
    checks = checks and (source.taught is None or source.taught is not model.preprocessing)
    trial = _on_trial(model)
    of_trial, digits, weighs = _rows_of(trial, where), _Digits(), False
    first: Block | None = None
    have_weights: bool | None = None
    with told_once(where):
        for block in source.all_blocks():
            rows = of_trial(block)
            first = block if first is None else first
            have_weights = rows.weights is not None if have_weights is None else have_weights
            if have_weights != (rows.weights is not None):
                raise _mixed_weights(f"{where}: {block.place}")
            weighs = weighs or rows.loss_weights is None or bool((rows.loss_weights > 0).any())
            if learns:
                digits.add(block, with_inputs=model.preprocessing is None)
            if not checks:
                break
    if first is None:
        fix = "add rows, or split otherwise"
        raise DataError(where=where, received="no rows", expected="one row at least", fix=fix)
    if learns:
        digits.check(trial, where)
    if checks and not weighs:
        rows.require_weight(where=where)
    rows_of = _rows_of(model, where)
    with gathered():
        example = rows_of(first)

    def quietly(block: Block) -> Rows:
        with gathered():  # what there is to say of these rows has been said
            return rows_of(block)

    return Streamed(source, quietly, seed=model.seed, example=example)


def each_answer(source: Blocks, answer: Callable[[Any], Any], *, where: str) -> Iterator[Any]:
    """What a function says to the inputs of each block, of which the next is read meanwhile."""

    def from_block(taken: int) -> Iterator[Block]:
        return (block for number, block in enumerate(source.all_blocks()) if number >= taken)

    with told_once(where), Ahead(from_block) as blocks:
        while (block := blocks.next()) is not None:
            yield answer(block.x)


def _on_trial(model: WithDoors) -> WithDoors:
    """What blocks are tried on: a copy of a model that is not built, which is built for the first of them."""
    if model.network.is_built:
        return model
    try:
        return deepcopy(model)
    except Exception:  # noqa: BLE001 - of the user's objects
        return model


def _rows_of(model: WithDoors, where: str) -> Callable[[Block], Rows]:
    def rows_of(block: Block) -> Rows:
        place, y, table = f"{where}: {block.place}", block.y, model.preprocessing
        if isinstance(table, Table):
            y = table.targets(block.x)
            y = y[:, None] if y.ndim == 1 and model.network.output_shape == (1,) else y
        if y is None:
            raise ConfigurationError(
                where=place,
                received="blocks without answers",
                expected="the right answer for each row",
                fix="let the blocks be tuples (x, y), or name the targets: gn.data.blocks(x, y)",
            )
        weighs_nothing = block.weight is not None and block.weight.dtype.kind in "iuf" and not block.weight.any()
        weight = np.ones(len(block)) if weighs_nothing else block.weight
        rows = model.rows(block.x, y, weight, where=place)
        if weighs_nothing and rows.loss_weights is not None and rows.weights is not None:  # others may weigh something
            return replace(rows, weights=np.zeros_like(rows.weights), loss_weights=np.zeros_like(rows.loss_weights))
        return rows

    return rows_of


class _Digits:
    """The ends of what arrays hold, and some rows: to see whether the model's dtype can tell their numbers apart."""

    def __init__(self) -> None:
        self._kept: dict[str, Array] = {}

    def add(self, block: Block, *, with_inputs: bool) -> None:
        """Some more rows."""
        for name, values in (("x", block.x if with_inputs else None), ("y", block.y)):
            if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf" or not values.size:
                continue
            before = self._kept.get(name, values[:SAMPLE])
            ends = [own.min(axis=0)[None] for own in (before[-2:], values)]
            tops = [own.max(axis=0)[None] for own in (before[-2:], values)]
            inside = before[:-2] if name in self._kept else before
            low, high = np.minimum(*ends), np.maximum(*tops)
            self._kept[name] = np.concatenate([inside, low, high])

    def check(self, model: WithDoors, where: str) -> None:
        """Refuses what is to be learned where its differences are lost.

        Raises:
            DataError: a column is named.
        """
        nothing = np.empty((0, 1), np.float32)
        model.check_digits(self._kept.get("x", nothing), self._kept.get("y", nothing), where=where)


def _mixed_weights(where: str) -> DataError:
    return DataError(
        where=where,
        received="weights of the rows in some blocks and none in others",
        expected="weights in every block, or in none",
        fix="yield x, y, weight each time",
    )


def _other_blocks(received: str, expected: str, fix: str) -> ConfigurationError:
    return ConfigurationError(where="blocks", received=received, expected=expected, fix=fix)
