"""The column, or columns, that are to be predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError, DataError
from glassnet.settings import Configurable
from glassnet.shapes import Array
from glassnet.tables.columns import word
from glassnet.tables.frames import NUMBER, TIME, Raw

MOST_CLASSES_OF_NUMBERS = 20
"""A column with more different whole numbers than this holds amounts."""
TASKS = ("auto", "classification", "regression")


class Classes(Configurable):
    """One of several classes.

    Args:
        name: of the column.
        classes: their words; numbers in their order, words by the alphabet.
    """

    def __init__(self, name: str, classes: Sequence[str]) -> None:
        self.name = str(name)
        self.classes = tuple(str(own) for own in classes)

    @property
    def names(self) -> tuple[str, ...]:
        """The column."""
        return (self.name,)

    @property
    def outputs(self) -> int:
        """One for each class."""
        return len(self.classes)

    loss = "cross_entropy"

    def encode(self, columns: dict[str, Raw], *, where: str) -> Array:
        """Labels (N,).

        Raises:
            DataError: a missing value, or a class that was not there in training.
        """
        raw = _complete(columns[self.name], where)
        places = {own: i for i, own in enumerate(self.classes)}
        labels = np.empty(len(raw), dtype=np.intp)
        for row, value in enumerate(raw.values):
            place = places.get(word(value, raw.kind))
            if place is None:
                raise DataError(
                    where=f"{where}: column {self.name!r}",
                    received=f"the class {word(value, raw.kind)!r} in row {row}",
                    expected=f"one of {', '.join(self.classes[:10])}",
                    fix="leave such rows out, or learn the table anew from data that have it",
                )
            labels[row] = place
        return labels


class Answers(Configurable):
    """One or several amounts.

    Args:
        names: of the columns.
    """

    loss = "mean_squared_error"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(str(name) for name in names)

    @property
    def outputs(self) -> int:
        """One for each column."""
        return len(self.names)

    def encode(self, columns: dict[str, Raw], *, where: str) -> Array:
        """Numbers (N, M).

        Raises:
            DataError: a missing value, or words.
        """
        for name in self.names:
            _complete(columns[name], where)
            if columns[name].kind != NUMBER:
                raise DataError(
                    where=f"{where}: column {name!r}",
                    received=columns[name].kind,
                    expected="numbers to be predicted",
                    fix='pass task="classification" for classes',
                )
        return np.stack([columns[name].values for name in self.names], axis=1)


def learn_targets(columns: dict[str, Raw], names: Sequence[str], task: str, *, where: str) -> Classes | Answers:
    """What the columns are: words, truth and few different whole numbers are classes, other numbers are amounts."""
    raws = [_complete(columns[name], where) for name in names]
    if task == "regression" or (task == "auto" and not (len(raws) == 1 and _looks_like_classes(raws[0]))):
        answers = Answers(names)
        answers.encode(columns, where=where)
        return answers
    if len(raws) > 1:
        raise ConfigurationError(
            where=where,
            received=f"{len(raws)} targets of classes",
            expected="one column of classes, or several of amounts",
            fix="choose one target, or learn a model for each",
        )
    values = np.unique(raws[0].values.astype(str) if raws[0].kind not in (NUMBER,) else raws[0].values)
    classes = (
        sorted({word(value, raws[0].kind) for value in raws[0].values})
        if raws[0].kind != NUMBER
        else [word(value, NUMBER) for value in values]
    )
    if len(classes) < 2:
        raise DataError(
            where=f"{where}: column {names[0]!r}",
            received=f"the class {classes[0]!r} in every row",
            expected="two classes at least: there is nothing to learn",
            fix="add rows of other classes, or choose another target",
        )
    return Classes(names[0], classes)


def _looks_like_classes(raw: Raw) -> bool:
    if raw.kind != NUMBER:
        return raw.kind != TIME
    distinct: Any = np.unique(raw.values)
    return len(distinct) <= MOST_CLASSES_OF_NUMBERS and bool((distinct == np.floor(distinct)).all())


def _complete(raw: Raw, where: str) -> Raw:
    missing = np.flatnonzero(raw.missing | (np.isinf(raw.values) if raw.kind == NUMBER else False))
    if len(missing):
        raise DataError(
            where=f"{where}: column {raw.name!r}",
            received=f"no value in row {missing[0]}"
            + (f" and {len(missing) - 1:,} others" if len(missing) > 1 else ""),
            expected="the answer in every row",
            fix="leave out the rows whose answer is not known",
        )
    return raw
