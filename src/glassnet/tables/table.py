"""A table's schema: learned from the training data, kept in the model's file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

import numpy as np

from glassnet.core.blocks import Blocks
from glassnet.core.catalogues import translated
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.notebooks import table_html
from glassnet.core.settings import Configurable, one_of
from glassnet.core.shapes import Array
from glassnet.layers import Columns, Embedding, Flatten, Layer
from glassnet.losses import Loss
from glassnet.network import Concat
from glassnet.tables.amounts import NumberForm
from glassnet.tables.clocks import ClockForm, DurationForm
from glassnet.tables.columns import Column, Ignored
from glassnet.tables.drift import Drift, drifts
from glassnet.tables.forms import MISSING, Form, TruthForm, WordForm
from glassnet.tables.frame import Frame
from glassnet.tables.frames import check_names, columns_of, names_in, require_columns
from glassnet.tables.kinds import kind_of_words
from glassnet.tables.learning import MOST_CATEGORIES, NUMBERS, learn, profile_of
from glassnet.tables.moments import DateForm
from glassnet.tables.profiles import Profile
from glassnet.tables.raws import Raw
from glassnet.tables.reading import Reading, adapted, read, read_columns
from glassnet.tables.streamed import Asked, Learned, learn_streamed
from glassnet.tables.surprises import note, told_once
from glassnet.tables.targets import TASKS, Answers, Classes, Questions, Target, learn_targets, words_of
from glassnet.tables.words import Indexed, Words

_PLAIN: dict[str, type[Form]] = {form.kind: form for form in (NumberForm, TruthForm, DateForm, ClockForm, DurationForm)}
"""How texts of a kind are read where nothing else is known."""


class _Index(NamedTuple):
    """A table's columns, and the classes of its questions, by name."""

    of: tuple[Sequence[Column], Target | None]
    columns: dict[str, Column]
    questions: dict[str, tuple[str, ...]]


class Table(Configurable):
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

    def __init__(
        self,
        columns: Sequence[Column],
        target: Target | None = None,
        forms: Mapping[str, Form] | None = None,
        reading: Reading | None = None,
    ) -> None:
        is_list = isinstance(columns, list | tuple) and all(isinstance(column, Column) for column in columns)
        _require(is_list, "columns", columns, "a list of Column objects")
        _require(isinstance(target, Target | None), "target", target, "Classes, Questions or Answers, or None")
        are_forms = isinstance(forms, Mapping) and all(isinstance(form, Form) for form in forms.values())
        _require(forms is None or are_forms, "forms", forms, "Form objects by the names of columns")
        _require(isinstance(reading, Reading | None), "reading", reading, "a Reading, or None")
        self.columns = tuple(columns)
        self.target = target
        self.forms = dict(forms or {})
        self.reading = reading
        self._index: _Index | None = None
        names = [column.name for column in self.columns] + list(() if target is None else target.names)
        _require(len(set(names)) == len(names), "columns", names, "columns of different names, the target's among them")

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
        where = "Table.from_data"
        one_of(task, "task", where, TASKS)
        one_of(numbers, "numbers", where, NUMBERS)
        is_automatic = isinstance(embeddings, str) and embeddings == "auto"
        _require(isinstance(reading, Reading | None), "reading", reading, "a Reading, or None")
        if isinstance(data, Blocks):
            told = Asked(
                target=_listed(target, ()) or data.target,
                task=task,
                quantiles=_listed(quantiles, ()),
                categories=[*_listed(categories, ()), *data.learning.get("categories", ())],
                embeddings=[] if is_automatic else _listed(embeddings, ()),
                ignore=_listed(ignore, ()),
                reading=reading,
                is_automatic=is_automatic,
                numbers=numbers,
            )
            table = cls.of_learned(learn_streamed(data, told))
            data.taught = table
            return table
        raws = columns_of(data, where=where)
        named = {
            "target": _listed(target, raws),
            "quantiles": _listed(quantiles, raws),
            "categories": _listed(categories, raws),
            "embeddings": [] if is_automatic else _listed(embeddings, raws),
            "ignore": _listed(ignore, raws),
        }
        check_names(named, raws, where)
        names, asked = named["target"], named["embeddings"]
        found = reading or (data.reading if isinstance(data, Frame) else None)
        as_words = named["categories"] + asked + (names if task == "classification" else [])
        targets, by_rank, looked_up, left_out = map(set, (names, named["quantiles"], asked, named["ignore"]))
        categories_too = looked_up.union(named["categories"])
        used = (raw for raw in raws.values() if raw.name not in left_out or raw.name in targets)
        raws = read_columns(used, found or Reading(), answers=names, words=as_words)
        columns = [
            learn(
                raw,
                quantiles=raw.name in by_rank,
                as_category=raw.name in categories_too,
                numbers=numbers,
                most_places=0 if raw.name in looked_up else MOST_CATEGORIES if is_automatic else inf,
            )
            for raw in raws.values()
            if raw.name not in targets
        ]
        if all(isinstance(column, Ignored) for column in columns):
            raise DataError(
                where=where,
                received="; ".join(f"{c.name}: {c.describe()}" for c in columns[:5]) or "no column beside the target",
                expected="one column at least whose values differ",
                fix="add columns that the target can be predicted from",
            )
        target_found = learn_targets(raws, names, task, where=where) if names else None
        if target_found is not None:
            are_names = not isinstance(target_found, Answers)
            found_of = {name: profile_of(raws[name], are_names=are_names) for name in target_found.names}
            target_found.profiles = {name: own for name, own in found_of.items() if own is not None}
        forms = {name: raw.form for name, raw in raws.items() if raw.form is not None}
        return cls(columns, target_found, forms, found)

    @classmethod
    def of_learned(cls, found: Learned) -> Table:
        """The table of what was learned from blocks."""
        return cls(found.columns, found.target, found.forms, found.reading)

    @property
    def features(self) -> tuple[str, ...]:
        """A name for each number that a row becomes."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def outputs(self) -> int:
        """How many outputs the network needs for the target."""
        return self._answer().outputs

    @property
    def loss(self) -> str | Loss:
        """The loss for the target, or its name."""
        return self._answer().loss

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes by label; None for amounts and for several questions a row."""
        return self.target.classes if isinstance(self.target, Classes) else None

    @property
    def questions(self) -> dict[str, tuple[str, ...]]:
        """The classes' names by label, of each column of classes to be predicted; none for amounts."""
        if isinstance(self.target, Questions):
            return {own.name: own.classes for own in self.target.questions}
        return {self.target.name: self.target.classes} if isinstance(self.target, Classes) else {}

    @property
    def profiles(self) -> dict[str, Profile]:
        """How the values of columns, the target's among them, were spread in training, as far as that is known.

        Files that were written before this was kept say nothing of it.
        """
        found = {own.name: own.profile for own in self.columns if own.profile is not None}
        return found | ({} if self.target is None else self.target.profiles)

    def take_profiles(self, profiles: Any) -> None:
        """Gives columns and target the profiles that a file has of them.

        Raises:
            TypeError, ValueError: they are no profiles, or those of other columns.
        """
        if not isinstance(profiles, dict) or not all(isinstance(own, Profile) for own in profiles.values()):
            raise TypeError(f"profiles that are none: {shown(profiles, 60)}")
        columns = {own.name: own for own in self.columns}
        targets = () if self.target is None else self.target.names
        if unknown := set(profiles) - set(columns) - set(targets):
            raise ValueError(f"profiles of columns that are not there: {shown(sorted(unknown), 60)}")
        for name, profile in profiles.items():
            if name in columns:
                columns[name].profile = profile
        if self.target is not None:
            self.target.profiles = {name: own for name, own in profiles.items() if name in targets}

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

    def lookups(self) -> dict[int, Indexed]:
        """The columns whose words are looked up, by the places of their numbers among the features."""
        found, place = {}, 0
        for column in self.columns:
            if isinstance(column, Indexed):
                found[place] = column
            place += len(column.features)
        return found

    def input_layers(self) -> tuple[Layer, ...]:
        """What a network for this table begins with; nothing where no column's words are looked up.

        Returns:
            Layers, or none: a ``Concat`` of an ``Embedding`` for each of those columns and of all other features.

        Example:
            >>> import glassnet as gn
            >>> data = {"town": ["Ulm", "Bern", "Graz"] * 4, "age": range(12), "buys": ["no", "yes"] * 6}
            >>> table = gn.Table.from_data(data, target="buys", embeddings=["town"])
            >>> gn.Sequential(*table.input_layers(), gn.Dense(8), "relu", gn.Dense(table.outputs))
            Sequential(Concat(Sequential(Columns([1])), Sequential(Columns([0]), Embedding(4, 3), Flatten())), ...
        """
        lookups = self.lookups()
        if not lookups:
            return ()
        amounts = [place for place in range(len(self.features)) if place not in lookups]
        branches: list[list[Layer]] = [[Columns(amounts)]] if amounts else []
        branches += [
            [Columns([place]), Embedding(column.count, column.units), Flatten()] for place, column in lookups.items()
        ]
        return (Concat(*branches),)

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

    def __str__(self) -> str:
        width = max(len(column.name) for column in self.columns)
        lines = [f"{own.name:<{width}}  {translated(self.describe(own))}" for own in self.columns]
        if self.target is not None:
            lines.append(translated(f"to predict: {self.describe(self.target)}"))
        if (
            self.reading is not None
            and (self.reading.delimiter or ",") + (self.reading.encoding or "utf-8") != ",utf-8"
        ):
            file = f"file: fields parted by {self.reading.delimiter!r}, encoding {self.reading.encoding}"
            lines.append(translated(file))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            (own.name, type(own).__name__, translated(self.describe(own)), str(len(own.features)))
            for own in self.columns
        ]
        below = "" if self.target is None else translated(f"to predict: {self.describe(self.target)}")
        headers = [*map(translated, ("column", "kind", "what was learned", "numbers"))]
        return table_html(headers, rows, below=below, numbers=1)

    def describe(self, own: Column | Target) -> str:
        """What is known of a column or of the target, and how its texts are read where that is not the plain way."""
        names = own.names if isinstance(own, Target) else () if isinstance(own, Ignored) else (own.name,)
        forms = [self.forms[name].describe() for name in names if name in self.forms]
        return "; ".join([own.describe(), *(form for form in forms if form)])

    def _answer(self) -> Target:
        if self.target is None:
            raise ConfigurationError(
                where="Table",
                received="a table without a target",
                expected="to know what is to be predicted",
                fix='learn it with one: gn.Table.from_data(data, target="price")',
            )
        return self.target

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


def _listed(names: Any, columns: Collection[str]) -> list[str]:
    """Names of columns; pandas has numbers and tuples for names as well, which are those of columns by their text."""
    if names is None:
        return []
    is_several = isinstance(names, Iterable) and not isinstance(names, bytes | bytearray | Mapping)
    if (
        not isinstance(names, str | int)
        and str(names) not in columns
        and (not is_several or (isinstance(names, np.ndarray) and names.ndim == 0))
    ):
        return [shown(names)]
    return [str(names)] if isinstance(names, str | int) or str(names) in columns else [str(name) for name in names]


def _require(holds: bool, name: str, given: Any, expected: str) -> None:
    if not holds:
        raise ConfigurationError(
            where="Table",
            received=f"{name}={shown(given)}",
            expected=expected,
            fix="let gn.Table.from_data(data, target) make the table",
        )
