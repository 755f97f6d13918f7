"""How answers change with one column while the others stay as they are: partial dependence, and its spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.randomness import generator
from glassnet.core.shapes import Array
from glassnet.derivatives.by_columns import ByColumns, value_text
from glassnet.tables.kinds import TIME, TRUTH, WORDS
from glassnet.tables.raws import days_of

ROWS, POINTS, WORDS_SHOWN = 200, 15, 10
LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True, eq=False)
class Dependence:
    """The answers to rows that all have the same value in one column.

    Attributes:
        column: its name.
        labels: the values, as texts.
        places: of the values on an axis, (V,); None for words.
        mean: of the answers over rows, (V,).
        low: what a tenth of the rows' answers are below, (V,).
        high: what a tenth of them are above, (V,).
    """

    column: str
    labels: tuple[str, ...]
    places: Array | None
    mean: Array
    low: Array
    high: Array

    @property
    def range(self) -> float:
        """How far the mean goes."""
        return float(self.mean.max() - self.mean.min())


def dependence(own: ByColumns, name: str, answer: Callable[[Array], Array], *, seed: int = 0) -> Dependence:
    """The answers to some rows with each of some values in one column: quantiles of a number, the most frequent words.

    Such rows may be none that there are: where columns hang together, a value may not go with the others of a row.

    Args:
        own: the rows by columns, of which 200 are drawn.
        name: of the column.
        answer: of features (N, D), as ``own`` has them, one number for each row (N,).
        seed: of what is drawn.

    Source: J. Friedman, "Greedy function approximation: a gradient boosting machine", The Annals of Statistics 29
    (2001), section 8.2; the spread: A. Goldstein et al., "Peeking inside the black box", Journal of Computational and
    Graphical Statistics 24 (2015).
    """
    values = values_of(own, name)
    chosen = np.sort(generator(seed, "dependence").permutation(len(own))[:ROWS])
    features = own.features[chosen]
    encoded = own.encoded(name, values)
    rows = np.repeat(features[None], len(values), axis=0)  # (V, N, D)
    rows[:, :, own.groups[name]] = encoded[:, None]
    answers = answer(rows.reshape(-1, features.shape[1])).reshape(len(values), len(features))
    kind = own.raws[name].kind
    places: Any = None
    if kind not in (WORDS, TRUTH):
        places = days_of(values) if kind == TIME else values.astype(np.float64)
    low, high = np.quantile(answers, [LOW, HIGH], axis=1)
    return Dependence(name, tuple(value_text(kind, one) for one in values), places, answers.mean(axis=1), low, high)


def values_of(own: ByColumns, name: str) -> Array:
    """The values of a column that are tried: its most frequent words, or quantiles from 2 % to 98 %."""
    raw = own.raws[name]
    present = raw.values[~raw.missing]
    if raw.kind in (WORDS, TRUTH):
        words = [value for value, _ in Counter(present.tolist()).most_common(WORDS_SHOWN)]
        found = np.empty(len(words), dtype=raw.values.dtype)
        found[:] = words
        return found
    distinct = np.unique(present)
    if len(distinct) <= POINTS:
        return distinct
    return np.unique(np.quantile(present, np.linspace(0.02, 0.98, POINTS), method="inverted_cdf"))
