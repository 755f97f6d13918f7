"""Rows on two sides: at random, whole groups at a time, or by what came later; once, or for each of several folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.randomness import generator
from glassnet.core.shapes import Array
from glassnet.core.splits import held_out

TRIES = 32
"""Orders of the groups that are tried for the one that leaves every class its share; fewer where groups are many."""
MOST_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class Sides:
    """What has to be kept to when rows are held out: to test, to validate, or fold after fold.

    Args:
        rows: N.
        labels: integers (N,) from 0, of which each class keeps its share on both sides; or None.
        groups: integers (N,) from 0: rows of one group stay on one side; or None.
        moments: numbers or datetime64 (N,): the latest rows are held out, those of one moment together; or None.
        seed: of all chance.

    Example:
        >>> import numpy as np
        >>> by_person = Sides(6, groups=np.array([0, 0, 1, 1, 2, 2]))
        >>> held = by_person.hold_out(0.34, "test")
        >>> int(held.sum()), bool((held[::2] == held[1::2]).all())
        (2, True)
        >>> Sides(4, moments=np.array([2020, 2021, 2021, 2019])).hold_out(0.5, "test").tolist()
        [False, True, True, False]
    """

    rows: int
    labels: Array | None = None
    groups: Array | None = None
    moments: Array | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.groups is not None and self.moments is not None:
            raise ConfigurationError(
                where="split",
                received="groups and moments",
                expected="one of them: either rows of a group stay together, or later rows are held out",
                fix="leave one out",
            )

    def of(self, chosen: Array) -> Sides:
        """The same for some of the rows, bool (N,) or their numbers."""
        labels, groups, moments = (
            None if own is None else own[chosen] for own in (self.labels, self.groups, self.moments)
        )
        count = int(chosen.sum()) if chosen.dtype == bool else len(chosen)
        return Sides(count, labels, groups, moments, self.seed)

    def hold_out(self, share: float, purpose: str) -> Array:
        """Which rows are held out, bool (N,): about ``share`` of them, as near as groups and moments allow.

        Args:
            share: above 0 and below 1.
            purpose: names what is drawn: the same one gives the same rows.

        Raises:
            DataError: nothing that could be held out, or nothing that would be left.
        """
        if self.moments is not None:
            held = _latest(self.moments, share)
        elif self.groups is not None:
            held = _groups_held_out(self.groups, share, self.labels, generator(self.seed, purpose))
        else:
            held = held_out(self.rows, share, self.labels, generator(self.seed, purpose))
        if not held.any() or held.all():
            of_one = (
                " of one group" if self.groups is not None else " of one moment" if self.moments is not None else ""
            )
            raise _too_few(f"{self.rows:,} row{'s' * (self.rows != 1)}{of_one}", purpose, 2, self)
        return held

    def folds(self, count: int) -> list[tuple[Array, Array]]:
        """Row numbers to train with and to test, for each of some folds.

        Each row is in the test part of one fold. By time each fold trains with the rows before those that it tests,
        and the first stretch of time is tested by none.

        Args:
            count: how many, 2 at least.

        Raises:
            DataError: fewer rows, groups or moments than that needs.
        """
        if self.moments is not None:
            if (there := len(np.unique(self.moments))) < count + 1:
                raise _too_few(f"{there:,} moments", f"{count} folds in time", count + 1, self)
            return _chained(self.moments, count)
        rng = generator(self.seed, "folds")
        if self.groups is not None:
            if (there := len(np.unique(self.groups))) < count:
                raise _too_few(f"{there:,} groups", f"{count} folds", count, self)
            place = _folds_of_groups(self.groups, count, rng)
        else:
            if self.rows < count:
                raise _too_few(f"{self.rows:,} rows", f"{count} folds", count, self)
            order = rng.permutation(self.rows)
            if self.labels is not None:  # class after class, dealt out in turn
                order = order[np.argsort(self.labels[order], kind="stable")]
            place = np.empty(self.rows, dtype=np.intp)
            place[order] = np.arange(self.rows) % count
        return [(np.flatnonzero(place != fold), np.flatnonzero(place == fold)) for fold in range(count)]


def _latest(moments: Array, share: float) -> Array:
    """The rows from that moment on which holds out the number of rows nearest to the share."""
    distinct, counts = np.unique(moments, return_counts=True)
    if len(distinct) < 2:
        return np.zeros(len(moments), dtype=bool)
    later = len(moments) - np.cumsum(counts)[:-1]  # rows after each moment but the last
    cut = int(np.argmin(np.abs(later - share * len(moments))))
    return np.asarray(moments > distinct[cut])


def _groups_held_out(groups: Array, share: float, labels: Array | None, rng: np.random.Generator) -> Array:
    """Whole groups, in that of some random orders which leaves every class nearest to its share."""
    sizes = np.bincount(groups)
    if (sizes > 0).sum() < 2:
        return np.zeros(len(groups), dtype=bool)
    by_class = sizes[:, None]
    if labels is not None:
        by_class = np.zeros((len(sizes), int(labels.max(initial=0)) + 1), dtype=np.intp)
        np.add.at(by_class, (groups, labels), 1)
    wanted, totals = share * len(groups), by_class.sum(axis=0)
    best, least = np.zeros(len(sizes), dtype=bool), np.inf
    tries = max(1, min(TRIES, MOST_STEPS // len(sizes))) if labels is not None else 1
    for _ in range(tries):
        chosen, held = np.zeros(len(sizes), dtype=bool), 0
        order = rng.permutation(np.flatnonzero(sizes))
        for group in order:
            if abs(held + sizes[group] - wanted) <= abs(held - wanted):
                chosen[group], held = True, held + sizes[group]
        if not held:  # each is larger than twice the share
            chosen[order[np.argmin(sizes[order])]] = True
        if chosen[order].all():
            chosen[order[np.argmin(sizes[order])]] = False
        off = float(np.abs(by_class[chosen].sum(axis=0) - share * totals).sum())
        if off < least:
            best, least = chosen, off
    return best[groups]


def _folds_of_groups(groups: Array, count: int, rng: np.random.Generator) -> Array:
    """The fold of each row: the largest groups first, each into the fold that has the fewest rows."""
    sizes = np.bincount(groups)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, fold_of = np.zeros(count, dtype=np.intp), np.zeros(len(sizes), dtype=np.intp)
    for group in order:
        fold_of[group] = int(np.argmin(filled))
        filled[fold_of[group]] += sizes[group]
    return np.asarray(fold_of[groups])


def _chained(moments: Array, count: int) -> list[tuple[Array, Array]]:
    """Stretches of time with about as many rows each; every one but the first is tested by a model of those before.

    Source: R. Hyndman, G. Athanasopoulos, "Forecasting: principles and practice", 3rd ed. 2021, section 5.10.
    """
    distinct, place, counts = np.unique(moments, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, count + 1) / (count + 1)) + 1  # moments of the first stretches
    for stretch in range(count):  # each has a moment of its own, and leaves one to each of those behind
        low = cuts[stretch - 1] + 1 if stretch else 1
        cuts[stretch] = min(max(cuts[stretch], low), len(distinct) - count + stretch)
    stretch_of = np.searchsorted(cuts, place.ravel(), side="right")
    return [(np.flatnonzero(stretch_of < fold), np.flatnonzero(stretch_of == fold)) for fold in range(1, count + 1)]


def _too_few(there: str, purpose: str, needed: int, sides: Sides) -> DataError:
    what, fix = "rows", "use more rows"
    if sides.groups is not None or sides.moments is not None:
        what = "groups" if sides.groups is not None else "different moments"
        fix += f", or another column than the one that tells {what}"
    return DataError(where="split", received=there, expected=f"at least {needed} {what} for {purpose}", fix=fix)
