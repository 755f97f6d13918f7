"""What a table's columns hold that training did not see: counted, and said once in a warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from glassnet.core.errors import DataWarning
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array
from glassnet.tables.columns import Column, Number, Quantiles, TimeOfDay, Truth
from glassnet.tables.kinds import word
from glassnet.tables.raws import Raw
from glassnet.tables.robust import Robust
from glassnet.tables.words import Category, Indexed, Words

MOST_SHOWN = 10
"""Columns that a warning names; the others are counted."""


class Surprises:
    """Counts over all blocks of one call.

    Attributes:
        rows: how many rows were looked at, by column.
        counts: how often, by column and by what is said of it.
        notes: what else is to be said, in the order in which it came.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self.examples: dict[tuple[str, str], str] = {}
        self.notes: dict[str, None] = {}

    def add(self, column: str, said: str, count: int, example: str = "") -> None:
        """Some more rows of a column of which the same is to be said."""
        key = column, said
        self.counts[key] = self.counts.get(key, 0) + count
        self.examples.setdefault(key, example)

    def lines(self) -> list[str]:
        """A sentence for each thing noticed."""
        found = [
            said.format(
                count=f"{count:,} of {self.rows[column]:,} row{'s' if self.rows[column] != 1 else ''} of {column!r}",
                are="is" if count == 1 else "are",
                example=self.examples[column, said],
            )
            for (column, said), count in self.counts.items()
        ]
        if len(found) > MOST_SHOWN:
            found[MOST_SHOWN:] = [f"and {len(found) - MOST_SHOWN} more such columns"]
        return [*self.notes, *found]


_gathered: ContextVar[Surprises | None] = ContextVar("surprises", default=None)


@contextmanager
def gathered() -> Iterator[Surprises]:
    """Gathers what is noticed inside, and says nothing: for who tells it in another way."""
    found = Surprises()
    token = _gathered.set(found)
    try:
        yield found
    finally:
        _gathered.reset(token)


@contextmanager
def told_once(where: str) -> Iterator[Surprises]:
    """Gathers what is noticed inside and says it at the end in one ``DataWarning``; inside another it joins that one.

    Args:
        where: for the message.
    """
    outer = _gathered.get()
    if outer is not None:
        yield outer
        return
    with gathered() as found:
        yield found
    if lines := found.lines():
        warnings.warn(f"{where}: {'; '.join(lines)}", DataWarning, stacklevel=level_of_caller())


def note(found: Surprises, column: Column, raw: Raw, features: Array) -> None:
    """Counts what training did not see in a column.

    Args:
        found: where to count.
        column: what was learned.
        raw: its values.
        features: what ``column`` made of them, (N, features).
    """
    found.rows[column.name] = found.rows.get(column.name, 0) + len(raw)
    missing = _missing(column, raw, features)
    if missing:
        found.add(column.name, f"{{count}} {{are}} empty, training saw none: taken as {_substitute(column)}", missing)
    if not isinstance(column, Words) or column.rare:  # rare words of the training are others too
        return
    place = len(column.categories) if isinstance(column, Category) else 0
    others = features[:, place] == 1 if isinstance(column, Category) else (features[:, 0] == 0) & ~raw.missing
    if others.any():
        example = word(raw.values[int(np.argmax(others))], raw.kind)[:40]
        as_what = "'other', which no row of the training was" if isinstance(column, Category) else "an unknown word"
        said = f"{{count}} {{are}} a category never seen, such as {{example!r}}: taken as {as_what}"
        found.add(column.name, said, int(others.sum()), example)


def _missing(column: Column, raw: Raw, features: Array) -> int:
    """How many values are missing in a column of which training saw all."""
    if getattr(column, "has_missing", True):
        return 0
    if isinstance(column, Category):  # which has no place for them
        return int((~features.any(axis=1)).sum())
    if isinstance(column, Indexed) and features[:, 0].all():
        return 0
    return int(raw.missing.sum())


def _substitute(column: Column) -> str:
    """What stands for a value that is missing."""
    if isinstance(column, TimeOfDay):
        return "no time of day (0 in all its features)"
    if isinstance(column, Number):
        return f"the mean, {column.mean:.6g}"
    if isinstance(column, Robust):
        return f"the middle, {column.middle:.6g}"
    if isinstance(column, Quantiles):
        return f"the middle, {np.median(column.values):.6g}"
    if isinstance(column, Truth):
        return "half true"
    if isinstance(column, Category):
        return "none of the categories"
    return "an unknown word" if isinstance(column, Indexed) else "0 in all its features"
