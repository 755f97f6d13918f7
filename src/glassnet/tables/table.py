"""A table's schema: learned from the training data, kept in the model's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError, DataError, did_you_mean
from glassnet.settings import Configurable, one_of
from glassnet.shapes import Array
from glassnet.tables.columns import Column, Ignored
from glassnet.tables.frames import Raw, columns_of, names_in
from glassnet.tables.learning import learn
from glassnet.tables.targets import TASKS, Answers, Classes, learn_targets


class Table(Configurable):
    """What each column of a table is, and how its values become numbers.

    Made by ``Table.from_data``; as ``model.preprocessing`` it lets ``fit``, ``evaluate`` and ``predict`` take tables.

    Args:
        columns: what was learned of each column.
        target: what is to be predicted, or None.

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

    def __init__(self, columns: Sequence[Column], target: Classes | Answers | None = None) -> None:
        self.columns = tuple(columns)
        self.target = target
        if not all(isinstance(column, Column) for column in self.columns):
            raise TypeError("a table's columns must be Column objects")
        if not isinstance(target, Classes | Answers | None):
            raise TypeError("a table's target must be Classes or Answers")

    @classmethod
    def from_data(
        cls,
        data: Any,
        target: str | Sequence[str] | None = None,
        *,
        task: str = "auto",
        quantiles: Sequence[str] = (),
        categories: Sequence[str] = (),
        ignore: Sequence[str] = (),
    ) -> Table:
        """Learns the schema.

        Args:
            data: the training data: a frame of pandas, polars, pyarrow or any library that narwhals knows; a mapping
                from names to sequences; or an array (N, D), whose columns are called x0, x1, ...
            target: the column to be predicted, or several of amounts.
            task: ``"auto"``: words, truth and at most 20 different whole numbers are classes, other numbers amounts; or
                ``"classification"`` or ``"regression"``.
            quantiles: columns of numbers that are taken by their rank instead of standardised.
            categories: columns of numbers that are names of categories.
            ignore: columns that are left out.

        Raises:
            DataError: data that are no table, columns without a difference, a missing or single answer, infinity.
            ConfigurationError: names of columns that are not there.
        """
        where = "Table.from_data"
        raws = columns_of(data, where=where)
        names = [target] if isinstance(target, str) else list(target or ())
        one_of(task, "task", "Table.from_data", TASKS)
        for argument, given in (
            ("target", names),
            ("quantiles", quantiles),
            ("categories", categories),
            ("ignore", ignore),
        ):
            unknown = [name for name in given if name not in raws]
            if unknown:
                raise ConfigurationError(
                    where=where,
                    received=f"{argument}={unknown[0]!r}",
                    expected=f"one of the columns {', '.join(raws)[:300]}",
                    fix=f"{did_you_mean(unknown[0], raws)}choose one of them",
                )
        left = [raw for name, raw in raws.items() if name not in names and name not in ignore]
        columns = [learn(raw, quantiles=raw.name in quantiles, as_category=raw.name in categories) for raw in left]
        if all(isinstance(column, Ignored) for column in columns):
            raise DataError(
                where=where,
                received="; ".join(f"{c.name}: {c.describe()}" for c in columns[:5]) or "no column beside the target",
                expected="one column at least whose values differ",
                fix="add columns that the target can be predicted from",
            )
        return cls(columns, learn_targets(raws, names, task, where=where) if names else None)

    @property
    def features(self) -> tuple[str, ...]:
        """A name for each number that a row becomes."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def outputs(self) -> int:
        """How many outputs the network needs for the target."""
        return self._answer().outputs

    @property
    def loss(self) -> str:
        """The name of the loss for the target."""
        return self._answer().loss

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes by label; None for amounts."""
        return self.target.classes if isinstance(self.target, Classes) else None

    def apply(self, data: Any) -> Array:
        """The rows as numbers (N, features) float64.

        Columns may stand in any order, others beside them; words never seen go to the place of others.

        Raises:
            DataError: a column is missing, or holds values of another kind than in training.
        """
        where = "Table.apply"
        needed = [column for column in self.columns if not isinstance(column, Ignored)]
        raws = self._columns(data, [column.name for column in needed], where)
        return np.column_stack([column.apply(raws[column.name], where=where) for column in needed])

    def targets(self, data: Any) -> Array:
        """The answers: labels (N,), or amounts (N, M).

        Raises:
            DataError: a column is missing, an answer too, or it is a class that was not there in training.
        """
        answer = self._answer()
        where = "Table.targets"
        return answer.encode(self._columns(data, answer.names, where), where=where)

    def __str__(self) -> str:
        width = max(len(column.name) for column in self.columns)
        lines = [f"{column.name:<{width}}  {column.describe()}" for column in self.columns]
        if isinstance(self.target, Classes):
            lines.append(
                f"to predict: {self.target.name}, {self.outputs} classes: {', '.join(self.target.classes[:10])}"
            )
        elif self.target is not None:
            lines.append(f"to predict: {', '.join(self.target.names)}, in numbers")
        return "\n".join(lines)

    def _answer(self) -> Classes | Answers:
        if self.target is None:
            raise ConfigurationError(
                where="Table",
                received="a table without a target",
                expected="to know what is to be predicted",
                fix='learn it with one: gn.Table.from_data(data, target="price")',
            )
        return self.target

    def _columns(self, data: Any, names: Sequence[str], where: str) -> dict[str, Raw]:
        raws = columns_of(data, where=where, wanted=names)
        missing = [name for name in names if name not in raws]
        if missing:
            hint = did_you_mean(missing[0], set(names_in(data)) - set(names))
            raise DataError(
                where=where,
                received=f"a table without the column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}",
                expected=f"the columns {', '.join(names)[:300]}",
                fix=f"{hint}add or rename what is missing; an array has the columns x0, x1, ...",
            )
        return raws
