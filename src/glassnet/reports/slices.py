"""Where a model errs more than elsewhere: among the rows with a certain word, in a quarter of a number, or a gap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from glassnet.core.randomness import generator
from glassnet.core.shapes import Array
from glassnet.derivatives.by_columns import ByColumns, value_text
from glassnet.reports.intervals import bootstrap, share_interval
from glassnet.tables.kinds import TRUTH, WORDS

MOST_ROWS, MOST_WORDS, FEWEST_ROWS = 5000, 20, 5
PERMUTATIONS = 1000
ERROR_RATE = 0.05


@dataclass(frozen=True)
class Slice:
    """Some rows that have something in common.

    Attributes:
        column: of the table.
        low: the smallest number, as text; None for words and gaps.
        high: the largest.
        word: of a column of words; None for numbers and gaps.
        rows: how many.
        error: their mean error.
        interval: in which it lies with a probability of 95 %.
        elsewhere: the mean error of all other rows.
        chance: how probably, of all slices together, one would be as much worse if no column had to do with errors.
    """

    column: str
    low: str | None
    high: str | None
    word: str | None
    rows: int
    error: float
    interval: tuple[float, float] | None
    elsewhere: float
    chance: float


def worse_slices(own: ByColumns, errors: Array, *, seed: int = 0) -> tuple[list[Slice], int, int]:
    """The slices whose mean error is larger than chance explains, all looks taken together.

    The errors are dealt out anew to the rows, 1,000 times; a slice counts where its distance from the mean error, in
    standard deviations, is larger than the largest of all slices in 95 % of the deals.

    Args:
        own: the rows by columns.
        errors: of each row (N,), such as 0 and 1, or absolute ones.
        seed: of what is drawn.

    Returns:
        The slices, the most certain first; how many were looked at; of how many rows.

    Source: P. Westfall, S. Young, "Resampling-based multiple testing" (1993): the largest statistic over permutations.
    """
    rng = generator(seed, "slices")
    if len(errors) > MOST_ROWS:
        chosen = np.sort(rng.permutation(len(errors))[:MOST_ROWS])
        own, errors = own.rows(chosen), errors[chosen]
    count = len(errors)
    found = [(name, part) for name in own.groups for part in _parts(own, name)]
    found = [(name, part) for name, part in found if FEWEST_ROWS <= part.mask.sum() <= count - FEWEST_ROWS]
    if not found or errors.std() == 0:
        return [], len(found), count
    members = np.stack([part.mask for _, part in found], axis=1).astype(np.float64)  # (N, S)
    sizes = members.sum(axis=0)
    unit = errors.std() * np.sqrt((count - sizes) / (sizes * (count - 1)))
    distance = (errors @ members / sizes - errors.mean()) / unit
    largest = np.empty(PERMUTATIONS)
    for start in range(0, PERMUTATIONS, 100):
        dealt = np.stack([rng.permutation(errors) for _ in range(min(100, PERMUTATIONS - start))])
        largest[start : start + len(dealt)] = ((dealt @ members / sizes - errors.mean()) / unit).max(axis=1)
    chances = (1 + (largest[:, None] >= distance - 1e-12).sum(axis=0)) / (PERMUTATIONS + 1)
    is_share = bool(np.isin(errors, (0, 1)).all())
    named = []
    for place in np.argsort(-distance, kind="stable"):
        if chances[place] > ERROR_RATE:
            break
        name, part = found[place]
        inside = errors[part.mask]
        interval = (
            share_interval(int(inside.sum()), len(inside))
            if is_share
            else bootstrap(partial(_mean, inside), len(inside), seed=seed)
        )
        elsewhere, chance, size = float(errors[~part.mask].mean()), float(chances[place]), len(inside)
        error = float(inside.mean())
        named.append(Slice(name, part.low, part.high, part.word, size, error, interval, elsewhere, chance))
    return named, len(found), count


def _mean(values: Array, rows: Array) -> float:
    return float(values[rows].mean())


class _Part(NamedTuple):
    """Rows of one word or quarter of a column, or of its gaps."""

    mask: Array
    low: str | None = None
    high: str | None = None
    word: str | None = None


def _parts(own: ByColumns, name: str) -> list[_Part]:
    """The rows of each word or quarter of a column, and of its gaps."""
    raw = own.raws[name]
    missing = raw.missing
    found = [_Part(missing)]
    present = raw.values[~missing]
    if not len(present):
        return found
    if raw.kind in (WORDS, TRUTH):
        words, counts = np.unique(present.astype(str) if raw.kind == WORDS else present, return_counts=True)
        for value in words[np.argsort(-counts, kind="stable")][:MOST_WORDS]:
            mask = ~missing & (raw.values == value)
            found.append(_Part(mask, word=value_text(raw.kind, value)))
        return found
    distinct = np.unique(present)
    edges = (
        distinct if len(distinct) <= 4 else np.unique(np.quantile(present, [0.25, 0.5, 0.75, 1], method="inverted_cdf"))
    )
    below = None
    for edge in edges:
        mask = ~missing & (raw.values <= edge) & (True if below is None else raw.values > below)
        inside = raw.values[mask]
        if len(inside):
            found.append(_Part(mask, value_text(raw.kind, inside.min()), value_text(raw.kind, inside.max())))
        below = edge
    return found
