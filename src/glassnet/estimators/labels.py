"""Labels as they are given: none is turned into another kind, none loses a digit, and what is missing is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.numeric import MISSING_TYPES, place_in_rows, refuse_hidden
from glassnet.core.settings import number
from glassnet.core.shapes import Array
from glassnet.losses.targets import balanced_weights

KINDS = ("truth", "number", "text", "other")
"""The order in which labels of several kinds are sorted."""
LARGEST_EXACT = 2**53
"""float64 holds every whole number up to here."""


def labels_of(y: Any) -> Any:
    """The labels (N,) or (N, M) as an array that keeps each as it is.

    Labels of one kind become an array of that kind; those of several kinds, such as True, 1 and "1", stay objects.
    Sparse matrices, and what is no array, are left for scikit-learn to look at.

    Raises:
        DataError: one is missing: None, NaN, or hidden by a mask.
    """
    refuse_hidden(y, where="y")
    if y is None or isinstance(y, str) or issparse(y):
        return y
    if isinstance(y, list | tuple):
        return _of_list(y)
    is_frame = hasattr(y, "dtypes") and hasattr(y, "iloc") and getattr(y, "ndim", 1) == 2
    array = y.to_numpy(dtype=object) if is_frame else np.asarray(y)
    return _of_one_kind(array) if array.dtype == object else array


def sorted_labels(y: Array) -> tuple[list[Any], Array]:
    """The different labels, sorted by kind and size, and the place among them of each of y (N,)."""
    if y.dtype != object:
        values, places = np.unique(y, return_inverse=True)
        return list(values), places.reshape(len(y))
    keys = [_key(label) for label in y]
    found = dict(zip(keys, y, strict=True))
    order = sorted(found, key=lambda key: (KINDS.index(key[0]), key[1] if key[0] != "other" else str(key[1])))
    numbers = {key: i for i, key in enumerate(order)}
    return [found[key] for key in order], np.array([numbers[key] for key in keys], np.intp)


def classes_of(labels: Any) -> Array:
    """The different ones of some labels (N,), sorted (K,), in an array of their kind."""
    array = labels_of(labels)
    if array.dtype != object:
        return np.unique(array)
    values, _ = sorted_labels(array)
    classes = np.empty(len(values), object)
    classes[:] = values
    return classes


def numbers_of(y: Array, classes: Array) -> Array:
    """The number of each label's class (N,).

    Raises:
        ValueError: a label that is no class.
    """
    values, places = sorted_labels(y)
    by_kind = object in (y.dtype, classes.dtype)
    known = {_key(label, by_kind=by_kind): number for number, label in enumerate(classes)}
    unknown = [label for label in values if _key(label, by_kind=by_kind) not in known]
    if unknown:
        raise ValueError(f"y has labels that are not among the classes {shown(classes)}: {shown(unknown)}")
    return np.array([known[_key(label, by_kind=by_kind)] for label in values], np.intp)[places]


def same_labels(first: Array, second: Array) -> Array:
    """Where labels of one shape are the same: True is 1 only where all are numbers."""
    if object not in (first.dtype, second.dtype):
        return np.asarray(first == second)
    pairs = zip(first.ravel(), second.ravel(), strict=True)
    return np.array([_key(a) == _key(b) for a, b in pairs], bool).reshape(first.shape)


def weights_of_classes(class_weight: Any, classes: Array, numbers: Array) -> Array:
    """The weight of each class (K,).

    Args:
        class_weight: ``"balanced"``, N/(K n_k) with n_k rows of class k; or {class: weight}, 1 where not named.
        classes: (K,).
        numbers: of each row's class (N,).

    Raises:
        ConfigurationError: something else, a name that is no class, or what is no weight.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        return balanced_weights(numbers, len(classes))
    if not isinstance(class_weight, Mapping):
        raise ConfigurationError(
            where="class_weight",
            received=repr(class_weight),
            expected='"balanced", or {class: weight}',
            fix='write class_weight="balanced"',
        )
    by_kind = classes.dtype == object
    given = {_key(label, by_kind=by_kind): weight for label, weight in class_weight.items()}
    known = [_key(label, by_kind=by_kind) for label in classes]
    unknown = [label for label in class_weight if _key(label, by_kind=by_kind) not in known]
    if unknown:
        raise ConfigurationError(
            where="class_weight",
            received=f"weights for {sorted(unknown, key=str)}",
            expected=f"classes among {shown(classes)}",
            fix="name classes that occur in y",
        )
    return np.array([number(given.get(key, 1.0), "class_weight", "class_weight", low=0) for key in known])


def shown(labels: Iterable[Any]) -> list[Any]:
    """Labels for a message, as Python writes them."""
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _kind(label: Any) -> str:
    if isinstance(label, bool | np.bool_):
        return "truth"
    if isinstance(label, int | float | np.integer | np.floating):
        return "number"
    return "text" if isinstance(label, str) else "other"


def _key(label: Any, *, by_kind: bool = True) -> tuple[str, Any]:
    plain = label.item() if isinstance(label, np.generic) else label
    kind = _kind(plain)
    return ("number" if kind == "truth" and not by_kind else kind), plain


def _of_list(y: list[Any] | tuple[Any, ...]) -> Any:
    try:
        usual, objects = np.asarray(y), np.array(y, dtype=object)
    except (ValueError, OverflowError):  # rows of different lengths, of which scikit-learn speaks
        return y
    kinds = {_kind(label) for label in objects.ravel()}
    if kinds <= {"other"} or objects.shape != usual.shape:
        return y
    exact = kinds == {"number"} and usual.dtype.kind in "iu"
    return usual if exact or kinds in ({"text"}, {"truth"}) else _of_one_kind(objects)


def _of_one_kind(labels: Array) -> Array:
    """Objects as an array of their kind, where they have one that holds each of them; text stays as it is."""
    for index, label in np.ndenumerate(labels):
        is_gap = type(label).__name__ in (*MISSING_TYPES, "MaskedConstant")
        if is_gap or (_kind(label) == "number" and label != label):
            raise DataError(
                where="y",
                received=f"{label!r} in {place_in_rows(index)}, counted from 0",
                expected="no missing values",
                fix="fill them in, or drop the rows without; a class may be called 'None' or 'nan', as text",
            )
    flat = [label.item() if isinstance(label, np.generic) else label for label in labels.ravel()]
    kinds = {_kind(label) for label in flat}
    if kinds == {"truth"}:
        return labels.astype(bool)
    if kinds == {"number"}:
        whole = [label for label in flat if isinstance(label, int)]
        if len(whole) == len(flat):
            for dtype in (np.int64, np.uint64):
                if np.iinfo(dtype).min <= min(whole) and max(whole) <= np.iinfo(dtype).max:
                    return labels.astype(dtype)
        elif all(abs(label) <= LARGEST_EXACT for label in whole):
            return labels.astype(np.float64)
    return labels
