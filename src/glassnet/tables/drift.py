"""How far the values of a table's columns in new rows are from those in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from glassnet.core.shapes import Array
from glassnet.tables.profiles import Profile, as_numbers, words_in
from glassnet.tables.raws import Raw

SMALL, LARGE = 0.1, 0.25
"""Below the first a population stability index counts for little, above the second for much."""
ERROR_RATE = 0.01
"""How probably one of all columns is said to have moved where none has."""
SHOWN_WORDS = 5
NONE, SLIGHT, MODERATE, STRONG = VERDICTS = "none", "slight", "moderate", "strong"


@dataclass(frozen=True)
class Drift:
    """How far the values of a column in new rows are from those in training.

    Attributes:
        column: its name.
        index: the population stability index Σ (q − p) ln(q / p) over the bins' shares, p in training and q in the new
            rows; a missing value is a bin of its own.
        noise: what it would stay below, were the new rows drawn from where the training's were.
        verdict: ``"none"`` where it is not beyond the noise; else ``"slight"``, from 0.1 on ``"moderate"``, from 0.25
            on ``"strong"``.
        rows: how many new rows there are.
        missing: the shares of missing values in training and in the new rows.
        outside: how many of the new numbers are smaller or larger than all in training; 0 for words.
        new_words: words that training had not, or none that it tells apart, the most frequent first, with their rows.
        expected: the shares in training, of each bin.
        found: the shares in the new rows.
    """

    column: str
    index: float
    noise: float
    verdict: str
    rows: int
    missing: tuple[float, float]
    outside: int
    new_words: tuple[tuple[str, int], ...]
    expected: tuple[float, ...]
    found: tuple[float, ...]


def drifts(profiles: Mapping[str, Profile], raws: Mapping[str, Raw], known: Mapping[str, Sequence[str]]) -> list[Drift]:
    """That of each column, those that moved most first; ``known`` has the words that are told apart."""
    found = [_drift(name, profiles[name], raw, known.get(name, ()), len(raws)) for name, raw in raws.items()]
    return sorted(found, key=lambda own: (own.verdict == NONE, -own.index))


def _drift(name: str, profile: Profile, raw: Raw, known: Sequence[str], columns: int) -> Drift:
    """How far new values are from a profile.

    Args:
        name: of the column.
        profile: of the training.
        raw: the new values, read as those were.
        known: words that the table tells apart.
        columns: how many are looked at together; the more, the more one of them must differ to be named.

    Source: N. Siddiqi, "Credit risk scorecards" (2006), for the index and its limits; B. Yurdakul, J. Naranjo,
    "Statistical properties of the population stability index", Journal of Risk Model Validation 14 (2020): without a
    change it is near to χ²(bins − 1) · (1/n + 1/m).
    """
    gaps = int(raw.missing.sum())
    counts = profile.counts_of(raw)
    then, now = (np.array([*own, gap]) for own, gap in ((_scaled(profile), profile.missing), (counts, gaps)))
    index, noise = stability_index(then, now, ERROR_RATE / max(1, columns), counted=sum(profile.counts))
    verdict = NONE if index <= noise else SLIGHT if index < SMALL else MODERATE if index < LARGE else STRONG
    present = raw.values[~raw.missing]
    outside, new = 0, Counter[str]()
    if profile.words:
        told_apart = {*known, *profile.words}
        new = Counter(own for own in words_in(raw, present) if own not in told_apart)
    else:
        values = as_numbers(raw.kind, present)
        outside = int(((values < profile.low) | (values > profile.high)).sum())
    return Drift(
        name,
        index,
        noise,
        verdict,
        len(raw),
        (profile.missing / max(1, profile.rows), gaps / max(1, len(raw))),
        outside,
        tuple(new.most_common(SHOWN_WORDS)),
        tuple((then / max(1.0, then.sum())).tolist()),
        tuple((now / max(1, now.sum())).tolist()),
    )


def stability_index(then: Array, now: Array, error_rate: float, *, counted: int | None = None) -> tuple[float, float]:
    """The population stability index of counts (bins,), and what it stays below where nothing has moved.

    A bin that is empty on one side counts there as half a row. Bins that are empty on both are left out.

    Args:
        then: counts of the training, perhaps scaled up from a sample.
        now: counts of the new rows.
        error_rate: how probably it comes to more by chance.
        counted: how many values were counted for the training; None for all.
    """
    used = (then > 0) | (now > 0)
    then, now = then[used], now[used]
    if not then.sum() or not now.sum() or len(then) < 2:
        return 0.0, 0.0
    p, q = (np.where(own > 0, own, 0.5) / own.sum() for own in (then, now))
    index = float(((q - p) * np.log(q / p)).sum())
    rows = float(then.sum()) if counted is None else max(1.0, min(counted, float(then.sum())))
    return index, chi_square_quantile(1 - error_rate, len(then) - 1) * (1 / rows + 1 / float(now.sum()))


def chi_square_quantile(share: float, degrees: int) -> float:
    """The quantile of χ² by the cube of a normal one, good to some percent.

    Source: E. Wilson, M. Hilferty, "The distribution of chi-square", PNAS 17 (1931).
    """
    from statistics import NormalDist  # which brings fractions and decimals along

    part = 2 / (9 * degrees)
    return degrees * max(0.0, 1 - part + NormalDist().inv_cdf(share) * sqrt(part)) ** 3


def _scaled(profile: Profile) -> Array:
    """The counts of all rows: those of a sample, multiplied."""
    counts = np.array(profile.counts, dtype=np.float64)
    total = counts.sum()
    return counts * ((profile.rows - profile.missing) / total) if total else counts
