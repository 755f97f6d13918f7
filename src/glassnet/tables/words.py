"""Columns of words: a place of its own for each of a few, or a number for each of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import pow

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.settings import boolean, several, whole
from glassnet.core.shapes import Array
from glassnet.tables.columns import Column, filled, missing_note, with_missing
from glassnet.tables.kinds import LARGEST_EXACT, NUMBER, TRUTH, WORDS, word, word_of_text
from glassnet.tables.raws import Raw, example_of

OTHER = "other"
MOST_UNITS = 50


class Words(Column):
    """Base: one of several words.

    Args:
        name: of the column.
        categories: the words that are told apart, the most frequent first.
        has_missing: whether some were missing in training.
        rare: how many different words are not told apart from words never seen.
    """

    kinds = WORDS, NUMBER, TRUTH

    def __init__(self, name: str, categories: Sequence[str], has_missing: bool = False, rare: int = 0) -> None:
        self.name = str(name)
        listed = several(categories, "categories", f"column {name!r}", expected="a list of texts")
        self.categories = tuple(str(category) for category in listed)
        self.has_missing = boolean(has_missing, "has_missing", f"column {name!r}")
        self.rare = whole(rare, "rare", f"column {name!r}", low=0)
        if len(set(self.categories)) < len(self.categories):
            raise ValueError(f"column {name!r}: the same category twice")
        self._places: dict[str, int] = {}
        for i, category in enumerate(self.categories):
            self._places.setdefault(category.strip(), i)

    def apply(self, raw: Raw, *, where: str) -> Array:
        """``encode``, checked; see ``Column.apply``.

        Raises:
            DataError: values of another kind; numbers or truth where no word in training was one: 1 is no "yes".
        """
        if raw.kind in (NUMBER, TRUTH) and not raw.missing.all() and not self._names_some(raw.kind):
            raise DataError(
                where=f"{where}: column {self.name!r}",
                received=f"{raw.kind}, such as {example_of(raw)}",
                expected=f"words as in training: {', '.join(self.categories[:5])}",
                fix="give the column the form that it had in training; numbers that lost their leading zeros must be "
                "read as texts",
            )
        require_exact(raw, where)
        return super().apply(raw, where=where)

    def _names_some(self, kind: str) -> bool:
        """Whether some word is what ``word`` makes of a value of that kind, or a whole number of more digits."""
        if kind == NUMBER and any(own[:1] == "0" and own[1:].isdigit() for own in self._places):
            return False  # 711 may have been 00711
        return any(
            (word_of_text(own, kind) == own and word_of_text(f" {own}", kind) == own)
            or (kind == NUMBER and own.isdigit())
            for own in self._places
        )

    def _places_in(self, raw: Raw) -> Array:
        """The place of each word among the categories, intp (N,); that of others is behind them."""
        return places_of(raw, self._places, other=len(self.categories))

    def _shown(self) -> str:
        """Some of the words, and what becomes of the others."""
        rare = f"; {self.rare:,} rare ones share a place with those never seen" if self.rare else ""
        shown = ", ".join(self.categories[:5]) + (", ..." if len(self.categories) > 5 else "")
        return f"{shown}{rare}" + missing_note(self.has_missing)


class Category(Words):
    """One of a few words: 1 at its place and 0 elsewhere.

    The last place is that of words never seen and of rare ones.

    Args:
        name: of the column.
        categories: the words with a place of their own; the most frequent 64.
        has_missing: as in ``Number``; such a row has 0 at all places of words.
        rare: how many different words share the last place.
    """

    @property
    def features(self) -> tuple[str, ...]:
        """One for each category, one for others, and whether it is missing."""
        return with_missing(tuple(f"{self.name}={c}" for c in (*self.categories, OTHER)), self.has_missing, self.name)

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        own = np.zeros((len(raw), len(self.categories) + 1))
        own[np.arange(len(raw)), self._places_in(raw)] = 1
        return filled(own, raw.missing, self.has_missing)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        own = word(raw.values[row], raw.kind).strip()
        return tuple(f"[“{own}” = “{category}”]" for category in self.categories)

    def describe(self) -> str:
        """How many words."""
        return f"{len(self.categories)} categories: {self._shown()}"


class Indexed(Words):
    """One of many words: its number, which an ``Embedding`` looks up.

    0 stands for words never seen and rare ones, 1 and up for the categories. What is missing has the last number where
    some were missing in training, and 0 otherwise. Where no word was rare nothing has trained the vector of 0: it stays
    as it was drawn, and says next to nothing.

    Args:
        name: of the column.
        categories: the words with a vector of their own.
        has_missing: as in ``Number``.
        rare: how many different words share the vector of 0.
    """

    @property
    def features(self) -> tuple[str, ...]:
        """The number."""
        return (self.name,)

    @property
    def count(self) -> int:
        """How many different numbers there are."""
        return 1 + len(self.categories) + self.has_missing

    @property
    def units(self) -> int:
        """How many numbers a vector needs: 1.6 · count^0.56, at most 50.

        Source: the rule of thumb of fastai's ``emb_sz_rule``; its limit is 600, and was 50 in its first course. Here
        each training step updates the whole table of vectors.
        """
        return min(MOST_UNITS, round(1.6 * pow(self.count, 0.56)))

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        numbers = self._places_in(raw) + 1
        numbers[numbers > len(self.categories)] = 0
        numbers[raw.missing] = self.count - 1 if self.has_missing else 0
        return numbers[:, None].astype(np.float64)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        return (f"index(“{word(raw.values[row], raw.kind)}”)",)

    def describe(self) -> str:
        """How many words, and how long their vectors are."""
        return f"{len(self.categories):,} categories, a vector of {self.units} numbers for each: {self._shown()}"


def require_exact(raw: Raw, where: str) -> None:
    """Refuses whole numbers as names that float64 may have rounded already.

    Raises:
        DataError: one beyond 2^53.
    """
    if raw.kind == NUMBER and (large := np.abs(raw.values) >= LARGEST_EXACT).any():
        row = int(np.argmax(large))
        raise DataError(
            where=f"{where}: column {raw.name!r}",
            received=f"the name {raw.values[row]:.0f} in {raw.place(row)}, as a float64 that may have lost digits",
            expected=f"names of numbers below 2^53 = {LARGEST_EXACT:,}, or as whole numbers or texts",
            fix="pass the column as int64, uint64 or texts: gaps turn whole numbers of pandas into float64",
        )


def places_of(raw: Raw, places: Mapping[str, int], *, other: int) -> Array:
    """Looks up each value's word, intp (N,).

    Args:
        raw: the values; what is missing gets any place.
        places: of the words.
        other: the place of all other words.
    """
    if raw.kind == WORDS:
        return np.fromiter((places.get(value, other) for value in raw.values), np.intp, len(raw))
    distinct, inverse = np.unique(raw.values, return_inverse=True)
    found = np.array([places.get(word(value, raw.kind), other) for value in distinct], dtype=np.intp)
    return found[inverse]


def counted(raw: Raw) -> list[tuple[str, int]]:
    """The different words with the number of their rows, the most frequent first, equally frequent ones in order."""
    present = raw.values[~raw.missing]
    if raw.kind == WORDS:
        counts = Counter(present.tolist())
    else:
        distinct, numbers = np.unique(present, return_counts=True)
        counts = Counter({word(value, raw.kind): int(n) for value, n in zip(distinct, numbers, strict=True)})
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
