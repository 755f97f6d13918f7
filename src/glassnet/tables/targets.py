"""The column, or columns, that are to be predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, ShapeError, shown
from glassnet.core.numeric import numeric
from glassnet.core.settings import Configurable, several
from glassnet.core.shapes import Array
from glassnet.losses import JointCrossEntropy, Loss
from glassnet.tables.kinds import DAYTIME, DURATION, LARGEST_EXACT, NUMBER, TIME, word
from glassnet.tables.profiles import Profile
from glassnet.tables.raws import Raw, require_complete
from glassnet.tables.reading import MOST_CLASSES_OF_NUMBERS
from glassnet.tables.words import counted, places_of, require_exact

TASKS = ("auto", "classification", "regression")


class Classes(Configurable):
    """One of several classes.

    Args:
        name: of the column.
        classes: their words; numbers in their order, words by the alphabet.

    Attributes:
        profiles: how the answers were spread in training, by column, where that is known.
    """

    loss = "cross_entropy"

    def __init__(self, name: str, classes: Sequence[str]) -> None:
        self.name = str(name)
        self.profiles: dict[str, Profile] = {}
        self.classes = _different(classes, f"classes of {self.name!r:.60}")

    @property
    def names(self) -> tuple[str, ...]:
        """The column."""
        return (self.name,)

    @property
    def outputs(self) -> int:
        """One for each class."""
        return len(self.classes)

    def encode(self, columns: dict[str, Raw], *, where: str) -> Array:
        """Labels (N,).

        Raises:
            DataError: a missing value, or a class that was not there in training.
        """
        raw = _complete(columns[self.name], where)
        require_exact(raw, where)
        labels = places_of(raw, {own.strip(): i for i, own in enumerate(self.classes)}, other=-1)
        if (labels < 0).any():
            row = int(np.argmin(labels))
            raise DataError(
                where=f"{where}: column {self.name!r}",
                received=f"the class {word(raw.values[row], raw.kind)!r} in {raw.place(row)}",
                expected=f"one of {', '.join(self.classes[:10])}",
                fix="leave such rows out, or learn the table anew from data that have it",
            )
        return labels

    def describe(self) -> str:
        """The column and its classes."""
        return f"{self.name}, {len(self.classes)} classes: {', '.join(self.classes[:10])}"


class Questions(Configurable):
    """Several questions a row, each about one class of its own.

    Args:
        questions: one for each column.

    Attributes:
        profiles: how the answers were spread in training, by column, where that is known.
    """

    def __init__(self, questions: Sequence[Classes]) -> None:
        self.questions = tuple(questions)
        self.profiles: dict[str, Profile] = {}
        if not self.questions or not all(isinstance(own, Classes) for own in self.questions):
            raise TypeError("questions must be Classes objects")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(own.name for own in self.questions)

    @property
    def outputs(self) -> int:
        """One for each class of each question, side by side."""
        return sum(own.outputs for own in self.questions)

    @property
    def loss(self) -> Loss:
        """The sum of the questions' cross-entropies."""
        return JointCrossEntropy([own.outputs for own in self.questions])

    def encode(self, columns: dict[str, Raw], *, where: str) -> Array:
        """Labels (N, questions).

        Raises:
            DataError: as ``Classes.encode``.
        """
        return np.stack([own.encode(columns, where=where) for own in self.questions], axis=1)

    def describe(self) -> str:
        """Each column and its classes."""
        return "; ".join(own.describe() for own in self.questions)


class Answers(Configurable):
    """One or several amounts.

    Args:
        names: of the columns.

    Attributes:
        profiles: how the answers were spread in training, by column, where that is known.
    """

    loss = "mean_squared_error"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = _different(names, "columns of answers")
        self.profiles: dict[str, Profile] = {}

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

    def describe(self) -> str:
        """The columns."""
        return f"{', '.join(self.names)}, in numbers"


def _different(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Names of which there is one at least, and none is there twice.

    Raises:
        ConfigurationError: otherwise.
    """
    found = tuple(str(name) for name in several(names, "names", what, expected="a list of texts"))
    if not found or len(set(found)) < len(found):
        raise ConfigurationError(
            where=what,
            received=shown(list(found)),
            expected="one text at least, and none twice",
            fix="give each its name",
        )
    return found


Target = Classes | Questions | Answers


def learn_targets(columns: dict[str, Raw], names: Sequence[str], task: str, *, where: str) -> Target:
    """What the columns are: words, truth and few different whole numbers are classes, other numbers are amounts.

    Raises:
        ConfigurationError: classes and amounts together.
        DataError: a missing value, one class in every row, or words as amounts.
    """
    raws = [_complete(columns[name], where) for name in names]
    are_classes = [looks_like_classes(raw) if task == "auto" else task == "classification" for raw in raws]
    if not all(are_classes) and all(raw.kind == NUMBER for raw in raws):
        are_classes = [False] * len(raws)  # beside other amounts, few whole numbers are amounts too
    if any(are_classes) and not all(are_classes):
        kinds = ", ".join(
            f"{raw.name!r} {'classes' if own else 'amounts'}" for raw, own in zip(raws, are_classes, strict=True)
        )
        raise ConfigurationError(
            where=where,
            received=f"targets of both kinds: {kinds}",
            expected="several columns of classes, or several of amounts",
            fix='learn a model for each kind; or take numbers for classes too, with task="classification"',
        )
    if not any(are_classes):
        answers = Answers(names)
        answers.encode(columns, where=where)
        return answers
    questions = [_learn_classes(raw, where) for raw in raws]
    return questions[0] if len(questions) == 1 else Questions(questions)


def _learn_classes(raw: Raw, where: str) -> Classes:
    require_exact(raw, where)
    if raw.kind == NUMBER:
        classes = [word(value, NUMBER) for value in np.unique(raw.values)]
    else:
        classes = sorted(own for own, _ in counted(raw))
        if all(own.isdigit() for own in classes):  # names such as 007 and whole numbers of many digits
            classes.sort(key=int)
    if len(classes) < 2:
        raise DataError(
            where=f"{where}: column {raw.name!r}",
            received=f"the class {classes[0]!r} in every row",
            expected="two classes at least: there is nothing to learn",
            fix="add rows of other classes, or choose another target",
        )
    return Classes(raw.name, classes)


def looks_like_classes(raw: Raw) -> bool:
    """Whether a column to be predicted names classes: words, truth, or few different numbers that are all whole."""
    if raw.kind != NUMBER:
        return raw.kind not in (TIME, DAYTIME, DURATION)
    distinct: Any = np.unique(raw.values)
    is_whole = bool((distinct == np.floor(distinct)).all() and (np.abs(distinct) < LARGEST_EXACT).all())
    return is_whole and len(distinct) <= MOST_CLASSES_OF_NUMBERS


def _complete(raw: Raw, where: str) -> Raw:
    gaps = raw.missing | (np.isinf(raw.values) if raw.kind == NUMBER else False)
    expected, fix = "the answer in every row", "leave out the rows whose answer is not known"
    require_complete(raw, where=f"{where}: column {raw.name!r}", expected=expected, fix=fix, gaps=gaps)
    return raw


def words_of(labels: Any, questions: Mapping[str, Sequence[str]]) -> Array:
    """The words that labels (N,) or, for several questions, (N, M) stand for, in the same shape.

    Args:
        labels: whole numbers.
        questions: the words of each question by its name.

    Raises:
        ShapeError: not one label for each question.
        DataError: what is no label.
    """
    where = "Table.words"
    given = numeric(labels, where=where)
    if given.ndim not in (1, 2) or given.size != len(given) * len(questions):
        raise ShapeError(
            where=where,
            received=f"an array of shape {given.shape}",
            expected="labels (N,)" + (f", of {len(questions)} questions (N, {len(questions)})" * (len(questions) > 1)),
            fix="pass what model.predict_classes gives",
        )
    found = []
    for names, own in zip(questions.values(), given.reshape(len(given), len(questions)).T, strict=True):
        is_label = (own >= 0) & (own < len(names)) & (own == np.floor(own))
        if own.dtype.kind == "b" or not is_label.all():
            raise DataError(
                where=where,
                received=f"{shown(own[~is_label][0] if not is_label.all() else own[0])} for a label",
                expected=f"whole numbers from 0 to {len(names) - 1}",
                fix="pass what model.predict_classes gives",
            )
        found.append(np.asarray(names)[own.astype(np.int64)])
    return np.stack(found, axis=1).reshape(given.shape)
