"""From a column of the training data to what is kept of it."""

from __future__ import annotations

import numpy as np

from glassnet.errors import DataError
from glassnet.tables.columns import (
    DAYS,
    Category,
    Column,
    Ignored,
    Number,
    Quantiles,
    Time,
    Truth,
    days_of,
    part_of,
    word,
)
from glassnet.tables.frames import TIME, TRUTH, WORDS, Raw

MOST_CATEGORIES = 64
"""Words that get a place of their own; the rarer ones share that of words never seen."""
QUANTILES = 101


def learn(raw: Raw, *, quantiles: bool, as_category: bool) -> Column:
    """What a column of the training data is."""
    name, missing = raw.name, raw.missing
    has_missing = bool(missing.any())
    present = raw.values[~missing]
    if not len(present):
        return Ignored(name, "no values")
    if as_category or raw.kind == WORDS:
        words, counts = np.unique([word(value, raw.kind) for value in present], return_counts=True)
        if len(words) == 1 and not has_missing:
            return Ignored(name, f"always {str(words[0])!r}")
        order = np.argsort(-counts, kind="stable")
        kept = words[order[:MOST_CATEGORIES]]
        return Category(name, kept.tolist(), has_missing, len(words) - len(kept))
    if raw.kind == TIME:
        days = days_of(present)
        if days.min() == days.max():
            return Ignored(name, f"always {present[0]}")
        has_hours = bool(part_of(present, "hour").any())
        return Time(name, days.mean(), days.std(), tuple(DAYS)[: 3 if has_hours else 2], has_missing)
    if present.min() == present.max() and not has_missing:
        return Ignored(name, f"always {word(present[0], raw.kind)}")
    if raw.kind == TRUTH:
        return Truth(name, has_missing)
    if not np.isfinite(present).all():
        row = int(np.flatnonzero(np.isinf(raw.values))[0])
        raise DataError(
            where=f"column {name!r}",
            received=f"{raw.values[row]} in row {row}",
            expected="finite numbers",
            fix="make it empty where there is no value, or give a number",
        )
    if quantiles:
        return Quantiles(name, np.quantile(present, np.linspace(0, 1, QUANTILES)), has_missing)
    return Number(name, present.mean(), present.std() or 1.0, has_missing)
