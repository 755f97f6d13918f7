"""A column of which no more is kept than memory can bear: what is learned of it while its blocks go by."""

from __future__ import annotations

from collections import Counter
from itertools import repeat
from math import isfinite, sqrt
from typing import Any

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.randomness import generator, stream_id
from glassnet.core.shapes import Array
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
from glassnet.tables.learning import PIECEWISE, QUANTILES, STANDARD, column_of_words, infinite, refuse_times
from glassnet.tables.profiles import Profile
from glassnet.tables.raws import Raw, days_of
from glassnet.tables.robust import learn_robust
from glassnet.tables.words import require_exact

MOST_WORDS = 1_000_000
"""Different words, or values of a column to be predicted, that are counted; beyond it the rarest are forgotten."""
MOST_DISTINCT = 100_000
"""Different numbers of a column to be predicted that are kept, to be classes if they are asked to be."""
SAMPLE = 100_000
"""Values of which quantiles are taken, drawn at random where there are more."""
MOST_TEXTS = 20_000
"""Different texts of a column that its form is found from; of those that follow some of each shape count, too."""
MOST_SHAPES, OF_A_SHAPE = 5_000, 20
_DIGITS = str.maketrans("123456789", "9" * 9)


class Moments:
    """Weight, mean and sum of squared deviations of numbers, as they come in blocks.

    Source: T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37
    (1983), equation 2.1: the parts' moments, joined.
    """

    def __init__(self) -> None:
        self.weight, self.mean, self.squares = 0.0, 0.0, 0.0
        self._shift: float | None = None  # numbers far from 0 and near to each other are exact from one of them on

    def add(self, values: Array, counts: Array | None = None) -> None:
        """Some more numbers (N,), each perhaps so many times."""
        if not len(values):
            return
        if self._shift is None:
            self._shift = float(values[0])
        with np.errstate(over="ignore", invalid="ignore"):
            offsets = values - self._shift
            weight = float(len(values) if counts is None else counts.sum())
            mean = float(np.average(offsets, weights=counts))
            squares = float(((offsets - mean) ** 2 * (1 if counts is None else counts)).sum())
            whole, gap = self.weight + weight, mean - self.mean
            self.mean += gap * (weight / whole)
            self.squares += squares + gap * gap * (self.weight * (weight / whole))
        self.weight = whole

    def mean_and_deviation(self, where: str) -> tuple[float, float]:
        """Both; 1 for a deviation of 0.

        Raises:
            DataError: squares of these numbers are beyond float64.
        """
        mean = (self._shift or 0.0) + self.mean
        if not isfinite(mean) or not isfinite(self.squares):
            raise DataError(
                where=where,
                received="numbers so large that their squares are beyond float64",
                expected="numbers below 1e150",
                fix="divide the column by a large number, or leave it out",
            )
        return mean, sqrt(self.squares / self.weight) or 1.0


class WordCounts:
    """Different words and the numbers of their rows, the most frequent of them where there are too many."""

    def __init__(self, most: int = MOST_WORDS) -> None:
        self._most, self.forgotten = most, 0
        self.counts: Counter[str] = Counter()

    def add(self, raw: Raw, counts: Array | None) -> None:
        """The words of a column without gaps."""
        if raw.kind == WORDS:
            values: list[Any] = raw.values.tolist()
            own = counts
        else:
            distinct, places = np.unique(raw.values, return_inverse=True)
            values = [word(value, raw.kind) for value in distinct]
            own = np.bincount(places, weights=counts).astype(np.int64)
        if own is None:
            self.counts.update(values)
        else:
            for value, number in zip(values, own.tolist(), strict=True):
                self.counts[value] += number
        if len(self.counts) > self._most:
            kept = self.counts.most_common(self._most // 2)
            self.forgotten += len(self.counts) - len(kept)
            self.counts = Counter(dict(kept))

    def sorted(self) -> list[tuple[str, int]]:
        """As ``glassnet.tables.words.counted`` gives them."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))


class Sample:
    """At most so many of some numbers, each as probably as any other: those whose random keys are smallest."""

    def __init__(self, name: str, most: int = SAMPLE) -> None:
        self._most, self._rng = most, generator(0, "quantiles", stream_id(name))
        self.values, self._keys, self.seen = np.empty(0), np.empty(0), 0

    def add(self, values: Array, counts: Array | None) -> None:
        """Some more numbers (N,), each perhaps so many times."""
        times = repeat(1) if counts is None else counts.tolist()
        for own in [values] if counts is None else (np.repeat(v, n) for v, n in zip(values, times, strict=False)):
            for at in range(0, len(own), 1 << 20):
                part = own[at : at + (1 << 20)]
                self.seen += len(part)
                own_keys = self._rng.random(len(part))
                if len(self._keys) == self._most:  # most of what follows has no smaller key
                    part, own_keys = (own[own_keys < self._keys.max()] for own in (part, own_keys))
                keys = np.concatenate([self._keys, own_keys])
                both = np.concatenate([self.values, part])
                chosen = np.argpartition(keys, self._most)[: self._most] if len(keys) > self._most else slice(None)
                self._keys, self.values = keys[chosen], both[chosen]


class Summary:
    """What a column is, learned from one block after another.

    Args:
        name: of the column.
        as_category: whether its values are names.
        quantiles: whether numbers are taken by their rank.
        is_answer: whether it is to be predicted: then its different values are kept.
        numbers: how other numbers are scaled, as ``learn`` takes it.
    """

    def __init__(
        self,
        name: str,
        *,
        as_category: bool = False,
        quantiles: bool = False,
        is_answer: bool = False,
        numbers: str = STANDARD,
    ) -> None:
        self.name, self._as_category, self._quantiles, self._is_answer = name, as_category, quantiles, is_answer
        self._numbers = STANDARD if is_answer else numbers
        self.kind: str | None = None
        self._source, self.has_missing = "", False
        self.first_gap: str | None = None
        self.words, self.moments, self.sample = WordCounts(), Moments(), Sample(name)
        self.distinct: Array = np.empty(0)
        self._rows = self._missing = 0
        self._low: Any = None
        self._high: Any = None
        self._has_hours = False

    def add(self, raw: Raw, counts: Array | None = None) -> None:
        """Some more rows.

        Args:
            raw: their values, read.
            counts: how often each is there (N,); None for once.

        Raises:
            DataError: values of another kind than before, infinite numbers, names that may have lost digits.
            ConfigurationError: times as names.
        """
        missing = raw.missing
        self._rows += len(raw) if counts is None else int(counts.sum())
        if missing.any():
            self.has_missing = True
            self._missing += int(missing.sum() if counts is None else counts[missing].sum())
            self.first_gap = self.first_gap or raw.place(int(np.argmax(missing)))
            raw = raw.rows(~missing)
            counts = None if counts is None else counts[~missing]
        if not len(raw):
            return
        self._take_kind(raw)
        if self._as_category:
            refuse_times(self.name, raw.kind)
        if raw.kind == WORDS or self._as_category:
            require_exact(raw, "Table.from_data")
            self.words.add(raw, counts)
            return
        low, high = raw.values.min(), raw.values.max()
        self._low = low if self._low is None else min(low, self._low)
        self._high = high if self._high is None else max(high, self._high)
        if raw.kind == TIME:
            self.distinct = np.array([self._low, self._high])
            self._has_hours = self._has_hours or bool(part_of(raw.values, "hour").any())
            self.moments.add(days_of(raw.values), counts)
            self.sample.add(days_of(raw.values), counts)
            return
        if not np.isfinite(raw.values).all():
            raise infinite(raw)
        self.moments.add(raw.values, counts)
        if not self._is_answer:
            self.sample.add(raw.values, counts)
        if self._is_answer and len(self.distinct) <= MOST_DISTINCT:
            self.distinct = np.unique(np.concatenate([self.distinct, raw.values]))

    def _take_kind(self, raw: Raw) -> None:
        own = WORDS if self._as_category and raw.kind == NUMBER else raw.kind
        if self.kind not in (None, own):
            raise DataError(
                where=f"column {self.name!r}",
                received=f"{raw.kind} in {raw.source or 'a later block'}, after {self.kind} in {self._source}",
                expected="values of one kind in all files and blocks",
                fix=f"write the column in one way, or name it as one of names: categories={self.name!r}",
            )
        if self.kind is None:
            self.kind, self._source = own, raw.source or "the blocks before"

    def column(self, most_places: float) -> Column:
        """What was learned; as ``glassnet.tables.learning.learn`` does of all values at once."""
        column = self._column(most_places)
        if not isinstance(column, Ignored):
            column.profile = self._profile()
        return column

    def _profile(self) -> Profile | None:
        """How the values are spread; of very many numbers those of the sample."""
        if self.kind is None:
            return None
        if self.kind == WORDS:
            return Profile.of_words(self.words.sorted(), self._rows, self._missing)
        found = Profile.of_numbers(self.sample.values, self._rows, self._missing)
        ends = np.array([self._low, self._high])
        found.low, found.high = (days_of(ends) if self.kind == TIME else ends.astype(np.float64)).tolist()
        return found

    def _column(self, most_places: float) -> Column:
        name, gaps = self.name, self.has_missing
        if self.kind is None:
            return Ignored(name, "no values")
        if self.kind == WORDS:
            return column_of_words(name, self.words.sorted(), gaps, most_places)
        if self._low == self._high and (self.kind == TIME or not gaps):
            plain = word(self._low, self.kind) if self.kind in (NUMBER, TRUTH) else f"{self._low:g} s"
            return Ignored(name, f"always {self._low if self.kind == TIME else plain}")
        if self.kind == TRUTH:
            return Truth(name, gaps)
        if self._quantiles and self.kind == NUMBER:
            values = np.quantile(self.sample.values, np.linspace(0, 1, QUANTILES))
            values[0], values[-1] = self._low, self._high
            return Quantiles(name, values, gaps)
        if self.kind == NUMBER and self._numbers != STANDARD:
            return learn_robust(name, self.sample.values, gaps, pieces=self._numbers == PIECEWISE)
        found = self.moments.mean_and_deviation(f"column {name!r}")
        if self.kind == TIME:
            return Time(name, *found, tuple(DAYS)[: 3 if self._has_hours else 2], gaps)
        some = np.append(self.sample.values, [self._low, self._high])[:, None]
        tell_of_swallowed(some, np.array(found[1]), "Table.from_data", name=repr(name), is_sample=True)
        kind = {NUMBER: Number, DURATION: Duration, DAYTIME: TimeOfDay}[self.kind]
        return kind(name, *found, gaps)

    def answers(self, where: str) -> Raw:
        """A column of its different values, from which a target is learned.

        Raises:
            DataError: an answer is missing; too many different words.
        """
        if self.first_gap is not None or self.kind is None:
            raise DataError(
                where=f"{where}: column {self.name!r}",
                received=f"no value in {self.first_gap or 'any row'}",
                expected="the answer in every row",
                fix="leave out the rows whose answer is not known",
            )
        if self.words.forgotten:
            raise self.too_many(where)
        if self.kind == WORDS:
            cells = np.empty(len(self.words.counts), dtype=object)
            cells[:] = list(self.words.counts)
            return Raw(self.name, WORDS, cells)
        return Raw(self.name, self.kind, self.distinct)

    def too_many(self, where: str) -> DataError:
        """The error for a column to be predicted that has more classes than are counted."""
        most = MOST_WORDS if self.kind == WORDS else MOST_DISTINCT
        return DataError(
            where=f"{where}: column {self.name!r}",
            received=f"more than {most:,} different values to be predicted as classes",
            expected="some thousand classes at most",
            fix="choose another target, or join classes",
        )


class TextCounts:
    """The different texts of a column, trimmed, with their rows: all, or enough to tell how they are to be read.

    Beyond ``MOST_TEXTS`` of them a new one counts only if few of its shape were there, such as "-9.99" for "-3.14", or
    "09" for the leading 0 that makes names of numbers.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.is_complete = True
        self._shapes: Counter[str] = Counter()

    def add(self, counts: Counter[str]) -> None:
        """Some more texts."""
        known = self.counts
        for text, number in counts.items():
            if text in known or len(known) < MOST_TEXTS or self._is_new(text):
                known[text] += number
            else:
                self.is_complete = False

    def _is_new(self, text: str) -> bool:
        shape = text[:60].translate(_DIGITS)
        shape = shape[:2] + shape[2:].replace("0", "9")
        if len(self._shapes) >= MOST_SHAPES and shape not in self._shapes:
            return False
        self._shapes[shape] += 1
        return self._shapes[shape] <= OF_A_SHAPE
