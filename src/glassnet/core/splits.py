"""Which rows are held out, to validate or to test."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array


def held_out(rows: int, share: float, labels: Array | None, rng: np.random.Generator) -> Array:
    """Chooses rows at random.

    With labels the choice is stratified: each class keeps its share within one row, a class of two rows or more is on
    both sides, and one of a single row is not held out (unless there are no others): what was never trained cannot be
    predicted.

    Args:
        rows: N.
        share: the share to hold out, above 0 and below 1.
        labels: integers (N,), or None for a plain choice.
        rng: the source of chance.

    Returns:
        bool array (N,), True for about round(N · share) rows, as far as small classes allow; perhaps for none or all.
    """
    order = rng.permutation(rows)
    total = round(rows * share)
    chosen = order[:total]
    if labels is not None:
        shuffled = labels[order]
        counts = np.unique(shuffled, return_counts=True)[1]
        members = np.split(order[np.argsort(shuffled, kind="stable")], np.cumsum(counts)[:-1])
        parts = _stratified_counts(counts, total, share)
        chosen = np.concatenate([own[:count] for own, count in zip(members, parts, strict=True)])
    mask = np.zeros(rows, dtype=bool)
    mask[chosen] = True
    return mask


def _stratified_counts(counts: Array, total: int, share: float) -> Array:
    """Held-out rows of each class: the largest remainders are rounded up until the total is reached."""
    # 100 · 0.29 is 28.999999999999996 in floating point; without rounding it would not count as whole.
    ideal = np.round(counts * share, 9)
    several = counts > 1
    high_alone = 0 if several.any() else 1
    low = np.where(several, np.maximum(np.floor(ideal), 1), 0).astype(np.intp)
    high = np.where(several, np.minimum(np.ceil(ideal), counts - 1), high_alone).astype(np.intp)
    preference = np.argsort(low - ideal, kind="stable")
    open_classes = preference[(high > low)[preference]]
    result = low.copy()
    result[open_classes[: max(0, total - int(low.sum()))]] += 1
    return result
