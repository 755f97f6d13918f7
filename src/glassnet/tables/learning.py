"""From a column of the training data to what is kept of it."""

from __future__ import annotations

from math import isfinite

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.shapes import Array
from glassnet.core.waiting import go_on
from glassnet.core.wild import tell_of_swallowed
from glassnet.tables.columns import (
    DAYS,
    Column,
    Duration,
    Ignored,
    Number,
    Quantiles,
    Time,
    TimeOfDay,
    Truth,
    part_of,
)
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TIME, TRUTH, WORDS, word
from glassnet.tables.profiles import Profile, as_numbers
from glassnet.tables.raws import Raw, days_of
from glassnet.tables.robust import learn_robust
from glassnet.tables.words import Category, Indexed, counted, require_exact

MOST_CATEGORIES = 64
"""Words that get a place of their own; the rarer ones share that of words never seen."""
FEWEST_ROWS = 2
"""A word that gets a vector of its own has these at least. Those of a single row train the vector of words never seen,
which they are most like."""
MOST_VECTORS = 100_000
"""Words of a column that get a vector of their own."""
QUANTILES = 101
STANDARD, ROBUST, PIECEWISE = NUMBERS = "standard", "robust", "piecewise"
"""How columns of numbers are scaled: by mean and deviation, by median and quartiles, or so and in pieces, too."""


def learn(raw: Raw, *, quantiles: bool, as_category: bool, most_places: float, numbers: str = STANDARD) -> Column:
    """What a column of the training data is, and how its values are spread; arguments and errors of ``_learned``."""
    column = _learned(raw, quantiles=quantiles, as_category=as_category, most_places=most_places, numbers=numbers)
    if not isinstance(column, Ignored):
        column.profile = profile_of(raw, are_names=as_category)
    return column


def profile_of(raw: Raw, *, are_names: bool) -> Profile | None:
    """How the values of a column are spread; None where there are none."""
    missing = raw.missing
    if missing.all():
        return None
    if are_names or raw.kind == WORDS:
        return Profile.of_words(counted(raw), len(raw), int(missing.sum()))
    return Profile.of_numbers(as_numbers(raw.kind, raw.values[~missing]), len(raw), int(missing.sum()))


def _learned(raw: Raw, *, quantiles: bool, as_category: bool, most_places: float, numbers: str = STANDARD) -> Column:
    """What a column of the training data is.

    Args:
        raw: its values.
        quantiles: whether numbers are taken by their rank.
        as_category: whether numbers are names.
        most_places: with more frequent words than this they get vectors, else places.
        numbers: how other numbers are scaled, one of ``NUMBERS``.

    Raises:
        ConfigurationError: times as names.
        DataError: infinite numbers.
    """
    go_on()
    name, missing = raw.name, raw.missing
    has_missing = bool(missing.any())
    present = raw.values[~missing]
    if not len(present):
        return Ignored(name, "no values")
    if as_category:
        refuse_times(name, raw.kind)
    if as_category or raw.kind == WORDS:
        require_exact(raw, "Table.from_data")
        return column_of_words(name, counted(raw), has_missing, most_places)
    if raw.kind == TIME:
        days = days_of(present)
        if days.min() == days.max():
            return Ignored(name, f"always {present[0]}")
        has_hours = bool(part_of(present, "hour").any())
        return Time(name, *mean_and_deviation(days), tuple(DAYS)[: 3 if has_hours else 2], has_missing)
    if present.min() == present.max() and not has_missing:
        shown = word(present[0], raw.kind) if raw.kind in (NUMBER, TRUTH) else f"{present[0]:g} s"
        return Ignored(name, f"always {shown}")
    if raw.kind == TRUTH:
        return Truth(name, has_missing)
    if not np.isfinite(present).all():
        raise infinite(raw)
    if quantiles and raw.kind == NUMBER:
        return Quantiles(name, np.quantile(present, np.linspace(0, 1, QUANTILES)), has_missing)
    if raw.kind == NUMBER and numbers != STANDARD:
        return learn_robust(name, present, has_missing, pieces=numbers == PIECEWISE)
    kind = {NUMBER: Number, DURATION: Duration, DAYTIME: TimeOfDay}[raw.kind]
    mean, deviation = mean_and_deviation(present)
    rows = np.where(missing, mean, raw.values)  # so that a row keeps its number
    tell_of_swallowed(rows[:, None], np.array(deviation), "Table.from_data", name=repr(name))
    return kind(name, mean, deviation, has_missing)


def mean_and_deviation(values: Array) -> tuple[float, float]:
    """Both, also of numbers close together and far from 0, such as seconds since 1970; 1 for a deviation of 0."""
    shift = values[0]
    with np.errstate(over="ignore"):
        offsets = values - shift  # exact where the numbers are near to each other
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(shift + offsets.mean()), float(offsets.std())
    if not isfinite(mean) or not isfinite(deviation):  # squares and sums of huge numbers are none
        unit = float(np.abs(values).max())
        mean, deviation = unit * float((values / unit).mean()), unit * float((values / unit).std())
    return mean, deviation or 1.0


def column_of_words(name: str, words: list[tuple[str, int]], has_missing: bool, most_places: float) -> Column:
    """What a column of words is.

    Args:
        name: of the column.
        words: with the numbers of their rows, as ``counted`` gives them.
        has_missing: whether some are missing.
        most_places: with more frequent words than this they get vectors, else places.
    """
    frequent = [own for own, rows in words[:MOST_VECTORS] if rows >= FEWEST_ROWS]
    if len(words) == 1 and not has_missing:
        return Ignored(name, f"always {words[0][0]!r}")
    if len(frequent) > most_places:
        return Indexed(name, frequent, has_missing, len(words) - len(frequent))
    if not most_places:
        return Ignored(name, "no word is there twice")
    return Category(
        name, [own for own, _ in words[:MOST_CATEGORIES]], has_missing, max(0, len(words) - MOST_CATEGORIES)
    )


def refuse_times(name: str, kind: str) -> None:
    """Refuses times as names.

    Raises:
        ConfigurationError: they are.
    """
    if kind in (TIME, DAYTIME, DURATION):
        raise ConfigurationError(
            where=f"Table.from_data: column {name!r}",
            received=f"{kind} as names of categories",
            expected="words, numbers or truth",
            fix="leave the column out there: of times month, weekday and hour are taken; or turn it into texts",
        )


def infinite(raw: Raw) -> DataError:
    """The error for a column of numbers of which one is infinite."""
    row = int(np.flatnonzero(np.isinf(raw.values))[0])
    return DataError(
        where=f"column {raw.name!r}",
        received=f"{raw.values[row]} in {raw.place(row)}",
        expected="finite numbers",
        fix="make it empty where there is no value, or give a number",
    )
