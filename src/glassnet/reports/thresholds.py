"""From which probability on it pays to take a row for the second class, by what the two errors cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.randomness import generator
from glassnet.core.settings import is_real
from glassnet.core.shapes import Array

SHOWN = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Costs:
    """What errors cost.

    Attributes:
        false_alarm: of a row of the first class that is taken for the second.
        miss: of a row of the second class that is taken for the first.
    """

    false_alarm: float = 1.0
    miss: float = 1.0

    @classmethod
    def of(cls, given: Any, where: str) -> Costs:
        """From a pair of numbers.

        Raises:
            ConfigurationError: it is none, one is negative, or both are 0.
        """
        is_pair = isinstance(given, tuple | list) and len(given) == 2 and all(map(is_real, given))
        if not is_pair or not all(0 <= own < float("inf") for own in given) or not any(given):
            raise ConfigurationError(
                where=f"{where}: costs",
                received=shown(given, 60),
                expected="a pair of numbers from 0 on: what a false alarm costs, and what a miss",
                fix="write costs=(1, 5) where a miss costs five times as much as a false alarm",
            )
        return cls(float(given[0]), float(given[1]))

    @property
    def threshold(self) -> float:
        """The best threshold of probabilities that can be taken at their word: false_alarm / (false_alarm + miss).

        Source: C. Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.
        """
        return self.false_alarm / (self.false_alarm + self.miss)


@dataclass(frozen=True)
class Threshold:
    """What comes of taking rows for the second class from that probability on.

    Attributes:
        threshold: of the probability; above 1 for never.
        taken: the share of rows that are taken for the second class.
        precision: of these, the share that is of it; NaN where there are none.
        recall: of the second class, the share that is found.
        false_alarms: rows of the first class that are taken for the second.
        misses: rows of the second class that are taken for the first.
        cost: of a row, on average.
    """

    threshold: float
    taken: float
    precision: float
    recall: float
    false_alarms: int
    misses: int
    cost: float


def at(threshold: float, scores: Array, is_second: Array, costs: Costs) -> Threshold:
    """What comes of one threshold.

    Args:
        threshold: of the probability.
        scores: the probability of the second class (N,).
        is_second: whether each row is of it (N,).
        costs: of the errors.
    """
    taken = scores >= threshold
    hits, alarms = int((taken & is_second).sum()), int((taken & ~is_second).sum())
    misses = int(is_second.sum()) - hits
    return Threshold(
        float(threshold),
        float(taken.mean()),
        hits / (hits + alarms) if hits + alarms else float("nan"),
        hits / (hits + misses) if hits + misses else float("nan"),
        alarms,
        misses,
        (costs.false_alarm * alarms + costs.miss * misses) / len(scores),
    )


def best_threshold(scores: Array, is_second: Array, costs: Costs) -> float:
    """The threshold at which these rows cost least, midway between two scores; of several Elkan's nearest."""
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], is_second[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    alarms = np.concatenate([[0], np.cumsum(~hits)[ends]])
    misses = hits.sum() - np.concatenate([[0], np.cumsum(hits)[ends]])
    cost = costs.false_alarm * alarms + costs.miss * misses
    values = ordered[ends]
    between = np.concatenate([[(values[0] + 1) / 2 + 1e-9], (values[:-1] + values[1:]) / 2, [values[-1] / 2]])
    cheapest = np.flatnonzero(cost <= cost.min() * (1 + 1e-12))
    return float(between[cheapest[np.argmin(np.abs(between[cheapest] - costs.threshold))]])


def cost_elsewhere(scores: Array, is_second: Array, costs: Costs, *, seed: int = 0) -> float:
    """What a row costs where the threshold is chosen on one half of the rows and measured on the other."""
    order = generator(seed, "thresholds").permutation(len(scores))
    halves = order[::2], order[1::2]
    total = 0.0
    for chosen, measured in (halves, halves[::-1]):
        if len(chosen) and len(measured):
            threshold = best_threshold(scores[chosen], is_second[chosen], costs)
            total += at(threshold, scores[measured], is_second[measured], costs).cost * len(measured)
    return total / len(scores)
