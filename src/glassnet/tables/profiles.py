"""How a column's values were spread in the rows that a table was learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.core.settings import Configurable, whole
from glassnet.core.shapes import Array
from glassnet.tables.kinds import NUMBER, TIME, TRUTH, WORDS, word
from glassnet.tables.raws import Raw, days_of

BINS = 10
MOST_WORDS = 64
"""Words that are counted each for itself; the rarer ones together."""


class Profile(Configurable):
    """How often values of a column fell where, in the rows that a table was learned from.

    Args:
        rows: how many there were.
        missing: how many of them had no value.
        counts: how many values fell in each bin; of words how often each was there, and all others together. Of very
            many rows it may be those of a sample.
        edges: of numbers, rising: the first bin goes up to the first edge and has it, the last lies above the last.
            Times are days since 1970, times of day and durations seconds, truth is 0 and 1.
        words: of a column of words, the most frequent first; the last count is that of others.
        low: the smallest number, None for words.
        high: the largest.
    """

    def __init__(
        self,
        rows: int,
        missing: int,
        counts: Any,
        edges: Any = (),
        words: Sequence[str] = (),
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self.rows = whole(rows, "rows", "Profile", low=0)
        self.missing = whole(missing, "missing", "Profile", low=0, high=max(self.rows, 1))
        self.counts = tuple(whole(count, "counts", "Profile", low=0) for count in counts)
        self.edges = tuple(float(edge) for edge in edges)
        self.words = tuple(str(own) for own in words)
        self.low = None if low is None else float(low)
        self.high = None if high is None else float(high)
        if len(self.counts) != len(self.edges or self.words) + 1 or (self.edges and self.words):
            raise ValueError(f"a profile of {len(self.counts)} counts that are not one more than its edges or words")
        if not (np.diff(self.edges) > 0).all() or not np.isfinite(self.edges).all():
            raise ValueError("a profile whose edges do not rise")
        if len(set(self.words)) < len(self.words):
            raise ValueError("a profile with a word twice")
        if (self.low is None) != bool(self.words) or (self.high is None) != bool(self.words):
            raise ValueError("a profile of words with limits, or of numbers without")

    @classmethod
    def of_words(cls, counted: Sequence[tuple[str, int]], rows: int, missing: int) -> Profile:
        """That of words with the numbers of their rows, the most frequent first."""
        own, others = counted[:MOST_WORDS], counted[MOST_WORDS:]
        return cls(rows, missing, [*(n for _, n in own), sum(n for _, n in others)], words=[text for text, _ in own])

    @classmethod
    def of_numbers(cls, values: Array, rows: int, missing: int) -> Profile:
        """That of numbers without gaps, all or a sample of them, in ten bins of as many values where they differ."""
        places = np.arange(1, BINS) / BINS
        edges = np.unique(np.quantile(values, places, method="inverted_cdf"))
        found = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
        return cls(rows, missing, found.tolist(), edges.tolist(), low=float(values.min()), high=float(values.max()))

    def counts_of(self, raw: Raw) -> Array:
        """How many values of new rows fall in each of the bins, (bins,)."""
        present = raw.values[~raw.missing]
        if self.words:
            counted = Counter(words_in(raw, present))
            own = [counted.pop(name, 0) for name in self.words]
            return np.array([*own, sum(counted.values())], dtype=np.int64)
        values = as_numbers(raw.kind, present)
        return np.bincount(np.searchsorted(self.edges, values, side="left"), minlength=len(self.counts))


def words_in(raw: Raw, present: Array) -> list[str]:
    """The words of values without gaps."""
    if raw.kind == WORDS:
        return list(map(str, present.tolist()))
    return [word(value, raw.kind) for value in present] if raw.kind in (NUMBER, TRUTH) else list(map(str, present))


def as_numbers(kind: str, present: Array) -> Array:
    """Values without gaps as numbers."""
    return days_of(present) if kind == TIME else present.astype(np.float64)
