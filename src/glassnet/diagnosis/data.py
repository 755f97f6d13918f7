"""What the rows say: inputs of no sensible size, classes that hardly occur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from glassnet.core.shapes import Array
from glassnet.diagnosis.finding import Finding
from glassnet.losses import CrossEntropy, Loss

LARGEST, SMALLEST = 10.0, 0.01
"""Bounds of the root mean square of a column as the network gets it; 1 is best."""
MOST_UNEVEN = 10.0
"""How many times as frequent as the rarest class the most frequent one may be."""


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
    if isinstance(loss, CrossEntropy) and (targets.ndim == 1 or (targets.dtype.kind == "f" and first.max() == 1)):
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
    if not isinstance(loss, CrossEntropy) or targets.ndim != 1:
        return
    counts = np.bincount(targets, minlength=outputs)
    rare, frequent = int(counts.argmin()), int(counts.argmax())
    if counts[frequent] == len(targets):
        return  # which is nothing to learn
    if counts[frequent] < MOST_UNEVEN * max(1, counts[rare]):
        return
    names = class_names or [f"class {k}" for k in range(outputs)]
    yield Finding(
        "class_imbalance",
        f"{names[rare]} and {names[frequent]}",
        f"{counts[rare]:,} rows of {names[rare]}, {counts[frequent]:,} of {names[frequent]}",
        f"A model that always answers {names[frequent]} is right for {counts[frequent] / counts.sum():.1%} of the "
        "rows, and accuracy does not show that it misses the other",
        f'gn.losses.CrossEntropy(class_weight=...), metrics=["f1", "roc_auc"] beside accuracy, or more rows of '
        f"{names[rare]}",
    )
