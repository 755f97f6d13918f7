"""A table whose schema is learned from the training data, kept in the model's file, and used for all data later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from glassnet.core.blocks import Blocks
from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.tables.amounts import NumberForm
from glassnet.tables.clocks import ClockForm, DurationForm
from glassnet.tables.columns import Column, Ignored
from glassnet.tables.drift import Drift, drifts
from glassnet.tables.forms import MISSING, Form, TruthForm, WordForm
from glassnet.tables.frame import Frame
from glassnet.tables.frames import columns_of, names_in, require_columns
from glassnet.tables.kinds import kind_of_words
from glassnet.tables.learned import WHERE, Asked, Learned, learn_at_once
from glassnet.tables.learning import NUMBERS
from glassnet.tables.moments import DateForm
from glassnet.tables.raws import Raw
from glassnet.tables.reading import Reading, adapted, read
from glassnet.tables.schema import Schema, require_setting
from glassnet.tables.streamed import learn_streamed
from glassnet.tables.surprises import note, told_once
from glassnet.tables.targets import TASKS, Target, words_of
from glassnet.tables.words import Words

_PLAIN: dict[str, type[Form]] = {form.kind: form for form in (NumberForm, TruthForm, DateForm, ClockForm, DurationForm)}
"""How texts of a kind are read where nothing else is known."""


class _Index(NamedTuple):
    """A table's columns, and the classes of its questions, by name."""

    of: tuple[Sequence[Column], Target | None]
    columns: dict[str, Column]
    questions: dict[str, tuple[str, ...]]


class Table(Schema):
    """What each column of a table is, and how its values become numbers.

    Made by ``Table.from_data``; as ``model.preprocessing`` it lets ``fit``, ``evaluate`` and ``predict`` take tables.

    Args:
        columns: what was learned of each column.
        target: what is to be predicted, or None.
        forms: how texts of a column are read, by the column's name; columns without one take plain numbers, true and
            false, dates as 2024-12-31, words.
        reading: how the file was read that the table was learned from, or None.

    Example:
        >>> import glassnet as gn
        >>> data = {"age": [31, 47, 22, None], "town": ["Ulm", "Bern", "Ulm", "Graz"]}
        >>> data["buys"] = ["no", "yes", "no", "yes"]
        >>> table = gn.Table.from_data(data, target="buys")
        >>> table.features, table.class_names
        (('age', 'age missing', 'town=Ulm', 'town=Bern', 'town=Graz', 'town=other'), ('no', 'yes'))
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), "relu", gn.Dense(table.outputs)), table.loss, gn.Adam(0.1))
        >>> model.preprocessing = table
        >>> _ = model.fit(data, table.targets(data), epochs=50, verbose=False)
        >>> [table.class_names[k] for k in model.predict_classes({"age": [25], "town": ["Ulm"]})]
        ['no']
    """

    _index: _Index | None = None

    @classmethod
    def from_data(
        cls,
        data: Any,
        target: str | Sequence[str] | None = None,
        *,
        task: str = "auto",
        quantiles: str | Sequence[str] = (),
        categories: str | Sequence[str] = (),
        embeddings: str | Sequence[str] = (),
        ignore: str | Sequence[str] = (),
        numbers: str = "standard",
        reading: Reading | None = None,
    ) -> Table:
        """Learns the schema.

        Texts are read by the rules of ``glassnet.tables.reading``: "3,14", "12 %", "31.12.2021", "08:15", "NA". How
        each column was read is kept, and used for all texts that the table is given later.

        Args:
            data: the training data: a frame of pandas, polars, pyarrow or any library that narwhals knows; a mapping
                from names to sequences; an array (N, D), whose columns are called x0, x1, ...; or what
                ``gn.data.read_table`` gives; or ``gn.data.blocks`` of files, which are read once, some rows at a time.
            target: the column to be predicted, or several, all of classes or all of amounts.
            task: ``"auto"``: words, truth and at most 20 different whole numbers are classes, other numbers amounts; or
                ``"classification"`` or ``"regression"``.
            quantiles: columns of numbers that are taken by their rank instead of standardised.
            categories: columns whose values are names of categories, whatever they look like.
            embeddings: columns of words, or of numbers that are names, whose words are looked up in an ``Embedding``
                instead of having a place each; or ``"auto"`` for columns with more than 64 words that are there at
                least twice. The network must then begin with ``input_layers()``.
            ignore: columns that are left out.
            numbers: how the other columns of numbers are scaled: ``"standard"`` by mean and standard deviation
                (``glassnet.tables.Number``); ``"robust"`` by median and quartiles, wild values held within −3 to 3
                (``Robust``); ``"piecewise"`` so and in up to 23 pieces, each a number of its own (``Piecewise``).
            reading: how texts are read, as far as it is not to be found out.

        Raises:
            DataError: data that are no table, columns without a difference, a missing or single answer, infinity, a
                stray text in a column of numbers or dates.
            ConfigurationError: names of columns that are not there; targets of both kinds; times as categories.
        """
        one_of(task, "task", WHERE, TASKS)
        one_of(numbers, "numbers", WHERE, NUMBERS)
        require_setting(isinstance(reading, Reading | None), "reading", reading, "a Reading, or None")
        asked: dict[str, Any] = {
            "target": target,
            "task": task,
            "quantiles": quantiles,
            "categories": categories,
            "embeddings": embeddings,
            "ignore": ignore,
            "numbers": numbers,
            "reading": reading,
        }
        if not isinstance(data, Blocks):
            return cls.of_learned(learn_at_once(data, **asked))
        told = Asked.of((), **asked)
        target = told.target or data.target
        categories = [*told.categories, *data.learning.get("categories", ())]
        table = cls.of_learned(learn_streamed(data, replace(told, target=target, categories=categories)))
        data.taught = table
        return table

    @classmethod
    def of_learned(cls, found: Learned) -> Table:
        """The table of what was learned from blocks."""
        return cls(found.columns, found.target, found.forms, found.reading)

    def drift(self, data: Any) -> tuple[Drift, ...]:
        """How far the values of each column are from those that the table was learned from.

        Args:
            data: new rows, as ``from_data`` takes them; with or without the target, of which, if it is there, is told
                as well.

        Returns:
            The columns, those that moved most first: ``verdict`` says whether it is more than chance, all columns
            considered together, and how much. Columns that are ignored are left out.

        Raises:
            ConfigurationError: nothing is known of the training's values, as in files of older versions.
            DataError: a column is missing, or holds values of another kind than in training.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> rng = np.random.default_rng(0)
            >>> table = gn.Table.from_data({"age": rng.normal(40, 9, 500), "town": rng.choice(["Ulm", "Bern"], 500)})
            >>> for own in table.drift({"age": rng.normal(48, 9, 300), "town": rng.choice(["Ulm", "Bern"], 300)}):
            ...     print(own.column, own.verdict)
            age strong
            town none
        """
        where = "Table.drift"
        profiles = self.profiles
        if not profiles:
            raise ConfigurationError(
                where=where,
                received="a table of which is not kept how its values were spread",
                expected="one that this version of Table.from_data has made",
                fix="learn the table anew from the training data, and save the model again",
            )
        present = names_in(data)
        targets = [] if self.target is None else [name for name in self.target.names if name in present]
        names = [own.name for own in self.columns if own.name in profiles]
        columns = {own.name: own for own in self.columns}
        raws = self.read(data, [*names, *(name for name in targets if name in profiles)], where=where)
        for name in targets:
            if name in raws and raws[name].missing.all():
                del raws[name]  # a column of answers that are not known
        for name in names:
            columns[name].apply(raws[name], where=where)  # refuses values of another kind
        known = {own.name: own.categories for own in self.columns if isinstance(own, Words)} | self.questions
        return tuple(drifts(profiles, raws, known))

    def apply(self, data: Any) -> Array:
        """The rows as numbers (N, features) float64.

        Columns may stand in any order, others beside them; words never seen go to the place of others. A
        ``DataWarning`` counts these, and values that are missing where training saw none.

        Raises:
            DataError: a column is missing, or holds values of another kind than in training.
        """
        where = "Table.apply"
        needed = [column for column in self.columns if not isinstance(column, Ignored)]
        raws = self.read(data, [column.name for column in needed], where=where)
        parts = [column.apply(raws[column.name], where=where) for column in needed]
        with told_once(where) as surprises:
            for column, part in zip(needed, parts, strict=True):
                note(surprises, column, raws[column.name], part)
        return np.column_stack(parts)

    def targets(self, data: Any) -> Array:
        """The answers: labels (N,), or (N, M) for several questions a row; or amounts (N, M).

        Raises:
            DataError: a column is missing, an answer too, or it is a class that was not there in training.
        """
        answer = self._answer()
        where = "Table.targets"
        return answer.encode(self.read(data, answer.names, where=where), where=where)

    def words(self, labels: Array) -> Array:
        """The names of predicted classes, such as those of ``model.predict_classes``.

        Args:
            labels: integers (N,), or (N, M) for several questions a row.

        Returns:
            Texts of the same shape.

        Raises:
            ConfigurationError: the target is no class.
            ShapeError, DataError: what are no such labels.
        """
        if not self.questions:
            raise ConfigurationError(
                where="Table.words",
                received=f"a table for {'nothing' if self.target is None else self.target.describe()}",
                expected="one whose target is classes",
                fix="model.predict(data) gives amounts",
            )
        return words_of(labels, self.questions)

    def form_of(self, name: str) -> Form:
        """How texts of a column are read: as in training, or plainly where there were no texts."""
        if name in self.forms:
            return self.forms[name]
        index = self._by_name()
        column = index.columns.get(name)
        if column is not None and not isinstance(column, Words | Ignored):
            return _PLAIN[column.kinds[0]]()
        words = column.categories if isinstance(column, Words) else index.questions.get(name)
        return NumberForm() if words is None else WordForm(kind_of_words(words), gaps=not MISSING.intersection(words))

    def _by_name(self) -> _Index:
        """Columns and questions by name, looked up anew where others were put in their place."""
        index = self._index
        if index is None or index.of[0] is not self.columns or index.of[1] is not self.target:
            columns = {own.name: own for own in reversed(self.columns)}
            index = self._index = _Index((self.columns, self.target), columns, self.questions)
        return index

    def read(self, data: Any, names: Sequence[str], *, where: str) -> dict[str, Raw]:
        """Some of the columns, their texts read as in training.

        Args:
            data: as ``from_data`` takes them; an array without names may hold all columns of the table in their order.
            names: of the columns.
            where: for messages.

        Raises:
            DataError: a column is missing, or a text has not the form that it had in training.
        """
        data = self.by_position(data, names)
        raws = columns_of(data, where=where, wanted=names)
        mend = "add or rename what is missing; an array without names has the columns x0, x1, ..., or as many as the "
        require_columns(names, names_in(data), where=where, mend=f"{mend}table, {len(self.columns)}")
        asked = data.reading if isinstance(data, Frame) else None
        return {name: read(raw, adapted(self.form_of(name), asked, raw)) for name, raw in raws.items()}

    def by_position(self, data: Any, names: Sequence[str]) -> Any:
        """An array without names that has as many columns as the table has these columns."""
        own = [column.name for column in self.columns]
        if not isinstance(data, np.ndarray) or data.ndim != 2 or set(names) <= set(names_in(data)):
            return data
        return dict(zip(own, data.T, strict=True)) if data.shape[1] == len(own) and set(names) <= set(own) else data
