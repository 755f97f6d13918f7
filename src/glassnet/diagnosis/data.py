"""What the rows say: inputs of no sensible size, classes that hardly occur."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassnet.diagnosis.finding import Finding
from glassnet.losses import CrossEntropy, Loss
from glassnet.shapes import Array

LARGEST, SMALLEST = 10.0, 0.01
"""Bounds of the root mean square of a column as the network gets it; 1 is best."""
MOST_UNEVEN = 10.0
"""How many times as frequent as the rarest class the most frequent one may be."""


def unscaled_inputs(x: Array, feature_names: Sequence[str] | None) -> list[Finding]:
    """Columns (of images: pixels as a whole) that are far too large or too small.

    Args:
        x: inputs (N, ...) as the network gets them.
        feature_names: names of the columns of (N, D), or None.
    """
    if not x.size:
        return []
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
        return []
    size = "large" if largest > LARGEST else "small"
    return [
        Finding(
            "unscaled_inputs",
            where,
            f"its values are of the size {largest:.3g} (root of the mean square)",
            f"Inputs so {size} make every weight's best step a different one, so that one learning rate fits none",
            "model.preprocessing = gn.Standardize.from_data(x), which is stored with the model; or divide x by hand",
        )
    ]


def class_imbalance(loss: Loss, targets: Array, outputs: int, class_names: Sequence[str] | None) -> list[Finding]:
    """Classes of which one is many times as frequent as another."""
    if not isinstance(loss, CrossEntropy) or targets.ndim != 1:
        return []
    counts = np.bincount(targets, minlength=outputs)
    rare, frequent = int(counts.argmin()), int(counts.argmax())
    if counts[frequent] < MOST_UNEVEN * max(1, counts[rare]):
        return []
    names = class_names or [f"class {k}" for k in range(outputs)]
    return [
        Finding(
            "class_imbalance",
            f"{names[rare]} and {names[frequent]}",
            f"{counts[rare]:,} rows of {names[rare]}, {counts[frequent]:,} of {names[frequent]}",
            f"A model that always answers {names[frequent]} is right for {counts[frequent] / counts.sum():.1%} of the "
            "rows, and accuracy does not show that it misses the other",
            f'gn.losses.CrossEntropy(class_weight=...), metrics=["f1", "roc_auc"] beside accuracy, or more rows of '
            f"{names[rare]}",
        )
    ]
