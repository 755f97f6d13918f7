"""How many rows are predicted right, and what a part of them must hold for that to be measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length

from glassnet.core.shapes import Array
from glassnet.estimators.labels import same_labels, shown
from glassnet.estimators.targets import Classes
from glassnet.losses import check_weights


def share_of_right_rows(y: Array, found: Array, weights: Any) -> float:
    """The accuracy; of several questions or labels a row, all must be right.

    Raises:
        DataError, ShapeError: weights that are none, or not one for each row.
    """
    weights = usable(weights, len(found))
    are_whole = y.dtype.kind in "iu" and found.dtype.kind in "iu"
    if weights is None and are_whole and y.shape == found.shape == (len(y),) and len(y):
        return float(np.mean(y == found))  # as scikit-learn has it, whose doors look at much that cannot be here
    if not len(y) and not len(found):  # which older versions of scikit-learn answer with NaN
        raise ValueError("y is empty: no row is there to be scored")
    if y.dtype != object != found.dtype and type_of_target(y) != "multiclass-multioutput":
        return float(accuracy_score(y, found, sample_weight=weights))
    check_consistent_length(y, found, weights)
    if y.ndim == 2 and y.shape[1] == 1 and found.ndim == 1:
        y = y[:, 0]
    if y.shape != found.shape:
        raise ValueError(f"y has the shape {y.shape}, the predictions have {found.shape}")
    return float(np.average(same_labels(y, found).reshape(len(y), -1).all(axis=1), weights=weights))


def usable(weights: Any, rows: int) -> Array | None:
    """The weights (N,) in float64, checked; None stays None."""
    return check_weights(weights, rows, np.dtype(np.float64), where="score: sample_weight")


def require_pairs(counts: Array, targets: Classes) -> None:
    """Refuses classes with a single row, which cannot be both held out and learned from.

    Of two classes scikit-learn speaks as of True, which is the second, and False.
    """
    rare = np.flatnonzero(counts == 1)
    if not len(rare):
        return
    names = shown(targets.classes)
    meant = [str(names[number]) for number in rare]
    explained = ""
    if targets.is_binary and not all(isinstance(name, bool) for name in names):
        meant = [str(bool(number)) for number in rare]
        explained = f" (True is the class {names[-1]!r}, False the class {names[0]!r})"
    raise ValueError(
        "The least populated classes in y have only 1 member, too few to hold rows of each class out for validation. "
        f"Classes with too few members are: {meant}{explained}. Give them more rows, or set early_stopping=False."
    )
