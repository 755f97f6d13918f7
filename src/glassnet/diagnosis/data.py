"""What the rows say: inputs of no sensible size, classes that hardly occur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from glassnet.core.shapes import Array
from glassnet.diagnosis.finding import Finding
from glassnet.losses import Loss

LARGEST, SMALLEST = 10.0, 0.01
"""Bounds of the root mean square of a column as the network gets it; 1 is best."""
MOST_UNEVEN = 10.0
"""How many times as frequent as the rarest class the most frequent one may be."""

MOST_REPEATED = 0.02
"""Share of rows that may be copies of others."""
LEAST_TOLD_APART, MOST_COLUMNS = 0.5, 64
"""Values, as a share of the rows, that a column needs for equal rows to be copies; columns that are looked at."""


def unscaled_inputs(x: Array, feature_names: Sequence[str] | None) -> Iterator[Finding]:
    """Columns (of images: pixels as a whole) that are far too large or too small.

    Args:
        x: inputs (N, ...) as the network gets them.
        feature_names: names of the columns of (N, D), or None.
    """
    if not x.size:
        return
    squares = np.square(x, dtype=np.float64)
    if x.ndim == 2:
        sizes = np.sqrt(squares.mean(axis=0))
        place = int(sizes.argmax())
        largest, column = float(sizes[place]), feature_names[place] if feature_names else f"column {place}"
        too_large = int((sizes > LARGEST).sum())
        where = f"{column}, the largest of {too_large} such columns" if too_large > 1 else column
    else:
        largest, where = float(np.sqrt(squares.mean())), "inputs"
    if SMALLEST <= largest <= LARGEST or largest == 0:
        return
    size = "large" if largest > LARGEST else "small"
    yield Finding(
        "unscaled_inputs",
        where,
        f"its values are of the size {largest:.3g} (root of the mean square)",
        f"Inputs so {size} make every weight's best step a different one, so that one learning rate fits none",
        "model.preprocessing = gn.Standardize.from_data(x), which is stored with the model; or divide x by hand",
    )


def nothing_to_learn(
    loss: Loss, targets: Array, class_names: Sequence[str] | None = None, target_name: str | None = None
) -> Iterator[Finding]:
    """Targets that are the same in all rows, as the loss prepared them.

    Args:
        loss: tells classes from amounts.
        targets: labels (N,), or numbers (N, ...).
        class_names: by label.
        target_name: of the column, or None.
    """
    if len(targets) < 2 or not (targets == targets[0]).all():
        return
    first = np.ravel(targets[0])
    if loss.chooses_class and (targets.ndim == 1 or (targets.dtype.kind == "f" and first.max() == 1)):
        label = int(first[0]) if targets.ndim == 1 else int(first.argmax())
        name = class_names[label] if class_names is not None and label < len(class_names) else f"class {label}"
        measured = f"all {len(targets):,} rows are of one class, {name}"
    else:
        value = ", ".join(f"{number:g}" for number in first[:5]) + ", ..." * (len(first) > 5)
        measured = f"all {len(targets):,} rows have the same target, {value}"
    yield Finding(
        "nothing_to_learn",
        target_name or "targets y",
        measured,
        "There is nothing to learn: the best answer is always the same, and a low loss says nothing",
        "rows with other targets, or another column as the target",
    )


def class_imbalance(loss: Loss, targets: Array, outputs: int, class_names: Sequence[str] | None) -> Iterator[Finding]:
    """Classes of which one is many times as frequent as another."""
    if not loss.chooses_class or targets.ndim != 1:
        return
    yield from imbalance(np.bincount(targets, minlength=outputs), class_names)


def imbalance(counts: Array, class_names: Sequence[str] | None) -> Iterator[Finding]:
    """The same of the rows of each class (K,)."""
    rare, frequent = int(counts.argmin()), int(counts.argmax())
    if counts[frequent] == counts.sum():
        return  # which is nothing to learn
    if counts[frequent] < MOST_UNEVEN * max(1, counts[rare]):
        return
    names = class_names or [f"class {k}" for k in range(len(counts))]
    yield Finding(
        "class_imbalance",
        f"{names[rare]} and {names[frequent]}",
        f"{counts[rare]:,} rows of {names[rare]}, {counts[frequent]:,} of {names[frequent]}",
        f"A model that always answers {names[frequent]} is right for {counts[frequent] / counts.sum():.1%} of the "
        "rows, and accuracy does not show that it misses the other",
        f'gn.losses.CrossEntropy(class_weight=...), metrics=["f1", "roc_auc"] beside accuracy, or more rows of '
        f"{names[rare]}",
    )


def repeated_rows(x: Array, targets: Array, held: Array | None) -> Iterator[Finding]:
    """Rows that stand there twice, or among the held-out ones too, where a column tells rows apart.

    Args:
        x: inputs (N, ...).
        targets: (N, ...); rows that are equal but for their targets are no copies.
        held: inputs that are held out (H, ...), or None.
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    if not flat.size:
        return
    keys = _keys(flat if held is not None else np.column_stack([flat, targets.reshape(len(x), -1)]))
    distinct, first = np.unique(keys, return_index=True)
    most_values = max(len(np.unique(column)) for column in flat[first].T[:MOST_COLUMNS])
    if most_values < LEAST_TOLD_APART * len(distinct):
        return  # rows of a few values are equal by chance
    if held is not None:
        known = np.isin(_keys(np.ascontiguousarray(held.reshape(len(held), -1))), distinct)
        if known.mean() > MOST_REPEATED:
            yield Finding(
                "leaked_rows",
                "validation_data",
                f"{int(known.sum()):,} of {len(held):,} held-out rows are among the rows that are trained on",
                "What the model has seen it may know by heart: the measures on such rows say nothing about others",
                "hold rows out before anything is copied, and take those out that are in both",
            )
        return
    copies = len(keys) - len(distinct)
    if copies > MOST_REPEATED * len(keys):
        yield Finding(
            "duplicate_rows",
            "rows x with their targets",
            f"{copies:,} of {len(keys):,} rows equal an earlier one",
            "Where rows are split at random, one copy is trained on and the other held out: the measures on held-out "
            "rows come out better than they will be in use",
            "keep one of each (np.unique(x, axis=0, return_index=True)), or split by groups that hold copies together",
        )


def _keys(rows: Array) -> Array:
    """A value for each row of (N, D), equal where rows are."""
    whole = np.ascontiguousarray(rows + 0.0)  # -0.0 is 0.0
    return whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
