"""A table's schema: what is known of its columns and of what is to be predicted, and what a network makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.core.catalogues import translated
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.notebooks import table_html
from glassnet.core.settings import Configurable
from glassnet.layers import Columns, Embedding, Flatten, Layer
from glassnet.losses import Loss
from glassnet.network import Concat
from glassnet.tables.columns import Column, Ignored
from glassnet.tables.forms import Form
from glassnet.tables.profiles import Profile
from glassnet.tables.reading import Reading
from glassnet.tables.targets import Classes, Questions, Target
from glassnet.tables.words import Indexed


class Schema(Configurable):
    """What each column of a table is, what is to be predicted, and how both are shown.

    Args:
        columns: what was learned of each column.
        target: what is to be predicted, or None.
        forms: how texts of a column are read, by the column's name.
        reading: how the file was read that the table was learned from, or None.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        target: Target | None = None,
        forms: Mapping[str, Form] | None = None,
        reading: Reading | None = None,
    ) -> None:
        is_list = isinstance(columns, list | tuple) and all(isinstance(column, Column) for column in columns)
        require_setting(is_list, "columns", columns, "a list of Column objects")
        require_setting(isinstance(target, Target | None), "target", target, "Classes, Questions or Answers, or None")
        are_forms = isinstance(forms, Mapping) and all(isinstance(form, Form) for form in forms.values())
        require_setting(forms is None or are_forms, "forms", forms, "Form objects by the names of columns")
        require_setting(isinstance(reading, Reading | None), "reading", reading, "a Reading, or None")
        self.columns = tuple(columns)
        self.target = target
        self.forms = dict(forms or {})
        self.reading = reading
        names = [column.name for column in self.columns] + list(() if target is None else target.names)
        require_setting(
            len(set(names)) == len(names), "columns", names, "columns of different names, the target's among them"
        )

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


def require_setting(holds: bool, name: str, given: Any, expected: str) -> None:
    """Refuses an argument of a table that is of another type."""
    if not holds:
        raise ConfigurationError(
            where="Table",
            received=f"{name}={shown(given)}",
            expected=expected,
            fix="let gn.Table.from_data(data, target) make the table",
        )
