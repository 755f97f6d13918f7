"""How far a figure may lie from the one of all rows there could be: intervals by drawing the rows again."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist

import numpy as np

from glassnet.core.randomness import generator
from glassnet.core.shapes import Array

RESAMPLES, FEWEST_RESAMPLES = 500, 200
MOST_DRAWN = 2_000
"""Rows in a draw; where there are more, draws of so many, whose spread is scaled down."""
BUDGET = 600_000
"""Rows in all draws together."""
SHARE = 0.95


def bootstrap(
    statistic: Callable[[Array], float], rows: int, *, share: float = SHARE, seed: int = 0
) -> tuple[float, float] | None:
    """The interval in which a statistic of rows like these lies with that probability: the percentiles over draws.

    Args:
        statistic: of some rows, given by their numbers, of which some are there several times.
        rows: how many there are.
        share: the probability.
        seed: of the draws.

    Returns:
        Low and high; None where there are fewer than two rows, or the statistic is undefined for many draws.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", The Annals of Statistics 7 (1979); of fewer
    rows than there are: P. Bickel, F. Götze, W. van Zwet, "Resampling fewer than n observations", Statistica Sinica 7
    (1997).
    """
    if rows < 2:
        return None
    drawn, resamples = draws_of(rows)
    rng = generator(seed, "bootstrap")
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.array([statistic(rng.integers(0, rows, drawn)) for _ in range(resamples)])
    defined = found[np.isfinite(found)]
    if len(defined) < 0.9 * resamples:
        return None
    low, high = np.quantile(defined, [(1 - share) / 2, (1 + share) / 2])
    if drawn < rows:
        whole = statistic(np.arange(rows))
        low, high = (whole + sqrt(drawn / rows) * (own - whole) for own in (low, high))
    return float(low), float(high)


def draws_of(rows: int) -> tuple[int, int]:
    """How many rows are in a draw, and how many draws there are."""
    drawn = min(rows, MOST_DRAWN)
    return drawn, int(np.clip(BUDGET // max(1, drawn), FEWEST_RESAMPLES, RESAMPLES))


def share_interval(hits: int, rows: int, *, share: float = SHARE) -> tuple[float, float]:
    """Wilson's interval of a share, which is right for few rows and for shares near 0 and 1, too.

    Source: E. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    z = NormalDist().inv_cdf((1 + share) / 2)
    p, n = hits / rows, rows
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)
