"""What a table should not be trained with: columns that name rows or repeat the answer, rows that are on both sides."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from glassnet.core.shapes import Array
from glassnet.tables.frame import Frame
from glassnet.tables.kinds import NUMBER, TRUTH, WORDS, word
from glassnet.tables.raws import Raw, zones_in_words
from glassnet.tables.reading import MOST_CLASSES_OF_NUMBERS
from glassnet.tables.targets import looks_like_classes

FEWEST = 20
"""In fewer rows than this nothing is suspected: too much is so by chance."""
NEARLY_ALL = 0.95
"""Where so many of a column's words are different, they are names of rows."""
ROUNDING = 1e-3
"""A straight line that leaves this share of the target's deviation leaves rounding."""
FAR = 10.0
"""Values so many times the middle half's range away from it are left out where a line is looked for."""
MORE_THAN_CHANCE = 3.0
"""Rows meet by chance where their columns have few values; so many times as often is none."""
SHOWN = 5
_CAMEL_ID = re.compile(r"[a-z](?:Id|ID)$")
_PLAIN_ID = re.compile(
    r"(?:^|[\W_])(?:id|uuid|guid|key|index|idx|nr|no|rownames|unnamed\W*0)$|编号$|序号$", re.IGNORECASE
)


def suspects(
    frame: Frame, inputs: Sequence[str], targets: Sequence[str], *, leave_out: Callable[[str], str]
) -> list[str]:
    """What is odd about columns that a model is to be trained with, a sentence for each, with the mend.

    Args:
        frame: all rows, each column read as what it is.
        inputs: the columns that are inputs.
        targets: those to be predicted.
        leave_out: says how a column of that name is left out.

    Example:
        >>> from glassnet.tables.frames import frame_of
        >>> data = {"number": range(30), "size": [k % 7 for k in range(30)], "dear": [k % 7 > 3 for k in range(30)]}
        >>> for sentence in suspects(frame_of(data), ["number", "size"], ["dear"], leave_out=lambda name: "--ignore"):
        ...     print(sentence)
        column 'number' counts the rows (0 to 29), which says nothing of new ones: leave it out with --ignore
    """
    if frame.height < FEWEST:
        return []
    found = []
    for name in inputs:
        raw, leave = frame[name], f"leave it out with {leave_out(name)}"
        copied = [said for target in targets if (said := _copy(raw, frame[target])) is not None]
        if copied:
            found.append(
                f"column {name!r} {copied[0]}: it gives the answer away; {leave}, unless it is known beforehand"
            )
        elif (said := _names_rows(raw)) is not None:
            found.append(f"column {name!r} {said}, which says nothing of new ones: {leave}")
        if len(raw.zones) > 1:
            found.append(
                f"column {name!r} has hours of several time zones ({zones_in_words(raw)}), each taken as the hour of "
                "its place: where they should be one clock's, write them in one zone"
            )
    return found


def repeated_rows(training: Frame, held: Frame, inputs: Sequence[str], targets: Sequence[str]) -> str | None:
    """A sentence about rows that are held out and whose inputs also stand among those to train with; None for none.

    Rows that meet by chance, since their columns have few values, are no reason to say so, unless amounts to be
    predicted are the same, too.
    """
    keys = [_keys(training[name], held[name]) for name in inputs]
    if not keys:
        return None
    rows = _mixed(keys)
    known = np.isin(rows[training.height :], rows[: training.height])
    places = np.flatnonzero(known)
    answers = [_keys(training[name], held[name]) for name in targets]
    both = _mixed([*keys, *answers])
    same = int(np.isin(both[training.height :], both[: training.height])[known].sum())
    combinations = float(np.prod([float(key.max() + 1) for key in keys]))
    chance = held.height * training.height / combinations
    are_amounts = any(len(np.unique(own)) > MOST_CLASSES_OF_NUMBERS for own in answers)
    if not len(places) or (len(places) <= MORE_THAN_CHANCE * chance and not (are_amounts and 2 * same > len(places))):
        return None
    some = held[inputs[0]]
    shown = ", ".join(some.place(int(row)) for row in places[:SHOWN]) + (", ..." if len(places) > SHOWN else "")
    stand = "stands" if len(places) == 1 else "stand"
    return (
        f"{len(places):,} of {held.height:,} test rows {stand} among the rows to train with, too ({shown}), "
        f"{same:,} with the same answer: the test looks better than it is; take repeated rows out, or keep those that "
        "belong together on one side with --group COLUMN"
    )


def _names_rows(raw: Raw) -> str | None:
    """In what way a column names its rows, or None."""
    present = raw.values[~raw.missing]
    if len(present) < FEWEST:
        return None
    if raw.kind == WORDS:
        distinct = len({own.strip() for own in present})
        if distinct == len(present):
            return "has another word in every row"
        return "has another word in nearly every row" if distinct > NEARLY_ALL * len(present) else None
    if raw.kind != NUMBER or not np.isfinite(present).all() or (present != np.floor(present)).any():
        return None
    low, high = float(present.min()), float(present.max())
    if len(np.unique(present)) < len(present):
        return None
    steps, span = np.diff(present), high - low + 1
    is_in_order = bool((steps > 0).all() or (steps < 0).all())
    if span <= len(present) * 1.001 or (is_in_order and span <= 3 * len(present)):
        return f"counts the rows ({low:.0f} to {high:.0f})"
    if _PLAIN_ID.search(raw.name.strip()) or _CAMEL_ID.search(raw.name.strip()):
        return "has another number in every row"
    return None


def _copy(raw: Raw, target: Raw) -> str | None:
    """In what way a column tells the answer, or None."""
    there = ~raw.missing & ~target.missing
    if looks_like_classes(target):
        labels = _codes(target)
        gaps = raw.missing
        if gaps.any() and not gaps.all() and _is_one_to_one(gaps.astype(np.intp), labels):
            return f"is filled in for one class of {target.name!r} only"
        if there.sum() >= FEWEST and _is_one_to_one(_codes(raw)[there], labels[there]):
            return (
                f"is {target.name!r} in other words" if not _is_same(raw, target) else f"is the same as {target.name!r}"
            )
        if target.kind != NUMBER:
            return None
    if raw.kind != NUMBER or target.kind != NUMBER or there.sum() < FEWEST:
        return None
    x, y = raw.values[there], target.values[there]
    if not np.isfinite(x).all() or not np.isfinite(y).all() or len(np.unique(y)) < FEWEST // 2:
        return None
    if np.array_equal(x, y):
        return f"is the same as {target.name!r}"
    if _left_by_a_line(x, y) < ROUNDING and _is_line_without_far(x, y):
        return f"is a linear function of {target.name!r}"
    ranks = [np.unique(own, return_inverse=True)[1].ravel() for own in (x, y)]
    if np.array_equal(ranks[0], ranks[1]) or np.array_equal(ranks[0].max() - ranks[0], ranks[1]):
        return f"puts the rows in the same order as {target.name!r}"
    return None


def _left_by_a_line(x: Array, y: Array) -> float:
    """The share of the deviation of y (N,) that the best straight line in x (N,) leaves."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        x, y = ((own - own.mean()) / (own.std() or 1.0) for own in (x, y))
        slope = float((x * y).mean())
        left = float(np.std(y - slope * x))
    return left if np.isfinite(left) else 1.0


def _is_line_without_far(x: Array, y: Array) -> bool:
    """Whether values that lie far from the others are not all that makes a straight line."""
    near = _is_near(x) & _is_near(y)
    return len(np.unique(y[near])) >= FEWEST // 2 and _left_by_a_line(x[near], y[near]) < ROUNDING


def _is_near(x: Array) -> Array:
    """Which values lie where most of the different ones do, bool (N,)."""
    low, high = np.quantile(np.unique(x), [0.25, 0.75])
    reach = FAR * (high - low)
    return np.asarray((x >= low - reach) & (x <= high + reach))


def _is_one_to_one(first: Array, second: Array) -> bool:
    """Whether codes (N,) of at least two kinds stand for each other."""
    count = len(np.unique(second))
    if count < 2 or len(np.unique(first)) != count:
        return False
    return len(np.unique(np.column_stack([first, second]), axis=0)) == count


def _is_same(raw: Raw, target: Raw) -> bool:
    there = ~raw.missing
    return [word(own, raw.kind) for own in raw.values[there]] == [
        word(own, target.kind) for own in target.values[there]
    ]


def _codes(raw: Raw) -> Array:
    """A number from 0 for each different value, and one for all that are missing, intp (N,)."""
    if raw.kind in (WORDS, TRUTH):
        numbers: dict[object, int] = {}
        values = (
            own.strip() if isinstance(own, str) else None if own is None or own != own else own for own in raw.values
        )
        return np.array([numbers.setdefault(own, len(numbers)) for own in values], dtype=np.intp)
    return np.unique(raw.values, return_inverse=True)[1].ravel()


def _keys(first: Raw, second: Raw) -> Array:
    """Codes of both columns' values, one after the other."""
    if first.kind != second.kind:
        first, second = (own.become(WORDS, _as_words(own)) for own in (first, second))
    return _codes(first.become(first.kind, np.concatenate([first.values, second.values])))


def _mixed(keys: Sequence[Array]) -> Array:
    """A number of 64 bits for each row, by random factors for its codes: others for other rows, as good as surely.

    Source: J. Carter, M. Wegman, "Universal classes of hash functions", 1979.
    """
    factors = np.random.default_rng(0).integers(0, 2**63, len(keys), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    total = np.zeros(len(keys[0]), dtype=np.uint64)
    for key, factor in zip(keys, factors, strict=True):
        total += key.astype(np.uint64) * factor
    return total


def _as_words(raw: Raw) -> Array:
    gone = raw.missing
    return np.array([None if none else word(own, raw.kind) for own, none in zip(raw.values, gone, strict=True)], object)
