"""Targets as scikit-learn's users give them, and as a network learns them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.estimators.labels import classes_of, numbers_of, weights_of_classes
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, JointCrossEntropy, Loss, SumSquaredError


class Targets(Protocol):
    """What a network's outputs stand for."""

    outputs: int
    activation: str
    loss: Loss

    def encode(self, y: Array) -> Array:
        """The targets as the loss takes them: labels (N,), or (N, outputs)."""

    def decode(self, outputs: Array, loss: Loss) -> Array:
        """Predictions in the form of the given targets."""


class Numbers:
    """A regression's (N,) or (N, M).

    Args:
        y: the targets of the first fit.
        has_log_link: whether the outputs are logarithms of what is predicted.
    """

    def __init__(self, y: Array, *, has_log_link: bool = False) -> None:
        self.activation = "exp" if has_log_link else "identity"
        self.is_flat = y.ndim == 1
        self.outputs = 1 if y.ndim == 1 else y.shape[1]
        self.loss: Loss = SumSquaredError("mean")

    def encode(self, y: Array) -> Array:
        """(N, M)."""
        return y.reshape(len(y), -1)

    def decode(self, outputs: Array, loss: Loss) -> Array:
        """Predictions in the targets' unit: (N,) for targets that were flat and for a single output."""
        predicted = loss.means(outputs)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted


class Classes:
    """One class a row: a single output for two classes, one for each of three or more.

    Args:
        classes: the labels, sorted (K,).
        two_outputs: whether two classes have an output each.
    """

    def __init__(self, classes: Array, *, two_outputs: bool = False) -> None:
        self.classes = classes
        self.is_binary = len(classes) <= 2 and not two_outputs
        self.outputs = 1 if self.is_binary else len(classes)
        self.activation = "logistic" if self.is_binary else "softmax"
        self.loss: Loss = BinaryCrossEntropy() if self.is_binary else CrossEntropy()

    def encode(self, y: Array) -> Array:
        """Numbers of the classes: (N,), or (N, 1) for a single output.

        Raises:
            ValueError: a label that is no class.
        """
        if y.ndim != 1:
            raise ValueError(f"y has the shape {y.shape}, expected (N,) as in the first fit")
        labels = numbers_of(y, self.classes)
        return labels.reshape(-1, 1).astype(np.float64) if self.is_binary else labels

    def decode(self, outputs: Array, loss: Loss) -> Array:
        """The labels (N,)."""
        if outputs.shape[1] > 1:
            return np.asarray(self.classes[np.argmax(outputs, axis=1)])
        second = (outputs[:, 0] > loss.boundary).astype(np.intp)
        return np.asarray(self.classes[np.minimum(second, len(self.classes) - 1)])

    def probabilities(self, outputs: Array, loss: Loss) -> Array:
        """(N, K)."""
        p = loss.probabilities(outputs)
        if not self.is_binary:
            return p
        return np.column_stack([1 - p[:, 0], p[:, 0]])[:, : max(1, len(self.classes))]

    def weights(self, class_weight: Any, y: Array) -> Array | None:
        """A weight for each row (N,)."""
        if class_weight is None:
            return None
        numbers = numbers_of(y, self.classes)
        return weights_of_classes(class_weight, self.classes, numbers)[numbers]


class Labels:
    """Several yes-or-no labels a row, as 0 and 1 (N, M).

    Args:
        y: the targets of the first fit.
    """

    activation = "logistic"

    def __init__(self, y: Array) -> None:
        self.outputs = y.shape[1]
        self.classes = np.arange(self.outputs)
        self.loss: Loss = BinaryCrossEntropy(averages_outputs=False)

    def encode(self, y: Array) -> Array:
        """(N, M)."""
        if y.ndim != 2 or y.shape[1] != self.outputs:
            raise ValueError(f"y has the shape {y.shape}, expected (N, {self.outputs}) as in the first fit")
        return y.astype(np.float64)

    def decode(self, outputs: Array, loss: Loss) -> Array:
        """0 and 1 (N, M)."""
        return (outputs > loss.boundary).astype(np.intp)

    def probabilities(self, outputs: Array, loss: Loss) -> Array:
        """The probability of each label (N, M)."""
        return loss.probabilities(outputs)

    def weights(self, class_weight: Any, y: Array) -> Array | None:
        """None: where several labels hold, no row belongs to one class."""
        if class_weight is not None:
            raise _no_class_weight(class_weight, "several labels a row", "targets of one class a row")
        return None


class Questions:
    """Several questions a row, each about one class of its own (N, M).

    Args:
        y: the targets of the first fit.
    """

    activation = "softmax"

    def __init__(self, y: Array) -> None:
        self.classes = [classes_of(column) for column in y.T]
        counts = [len(own) for own in self.classes]
        self.outputs = sum(counts)
        self._starts = np.cumsum(counts)[:-1]
        self.loss: Loss = JointCrossEntropy(counts)

    def encode(self, y: Array) -> Array:
        """Numbers of the classes (N, M).

        Raises:
            ValueError: another number of questions, or a label that is no class.
        """
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise ValueError(f"y has the shape {y.shape}, expected (N, {len(self.classes)}) as in the first fit")
        return np.stack([numbers_of(column, own) for column, own in zip(y.T, self.classes, strict=True)], axis=1)

    def decode(self, outputs: Array, loss: Loss) -> Array:
        """The labels (N, M)."""
        columns = [own[numbers] for numbers, own in zip(loss.classes(outputs).T, self.classes, strict=True)]
        if len({column.dtype.kind for column in columns}) == 1:
            return np.stack(columns, axis=1)
        return np.stack([column.astype(object) for column in columns], axis=1)  # text beside numbers

    def probabilities(self, outputs: Array, loss: Loss) -> list[Array]:
        """The probabilities of each question's classes (N, K_m)."""
        return np.split(loss.probabilities(outputs), self._starts, axis=1)

    def weights(self, class_weight: Any, y: Array) -> Array | None:
        """The product of the questions' weights; by name only one table for all of them, ``"balanced"``."""
        if class_weight is None:
            return None
        if class_weight != "balanced":
            raise _no_class_weight(class_weight, "several questions a row", 'class_weight="balanced"')
        numbers = self.encode(y).T
        pairs = zip(numbers, self.classes, strict=True)
        return np.asarray(np.prod([weights_of_classes("balanced", own, n)[n] for n, own in pairs], axis=0))


def class_targets(y: Array, classes: Any, *, two_outputs: bool) -> Classes | Labels | Questions:
    """What the targets of a classification are.

    Args:
        y: the targets of the first fit.
        classes: all that there will be, or None for those in y.
        two_outputs: whether two classes have an output each.

    Raises:
        ValueError: continuous numbers, or another form that is no classification.
    """
    kind = kind_of(y)
    if kind == "multilabel-indicator":
        return Labels(y)
    if kind == "multiclass-multioutput":
        return Questions(y)
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {kind}. A classifier takes one label a row (N,), or 0 and 1 for several labels a row "
            "(N, M); for numbers use a regressor."
        )
    return Classes(classes_of(y if classes is None else classes), two_outputs=two_outputs)


def require_classes(y: Array) -> None:
    """Refuses what is no classification's targets, such as fractions.

    Raises:
        ValueError: with scikit-learn's words.
    """
    if y.dtype != object:
        check_classification_targets(y)


def kind_of(y: Any) -> str:
    """What scikit-learn calls it; objects of several kinds, of which it knows nothing, are classes like others."""
    if isinstance(y, np.ndarray) and y.dtype == object:
        return "multiclass" if y.ndim == 1 else "multiclass-multioutput"
    return str(type_of_target(y))


def _no_class_weight(received: Any, targets: str, expected: str) -> ConfigurationError:
    return ConfigurationError(
        where="class_weight",
        received=f"{received!r} with {targets}",
        expected=expected,
        fix="give each row its weight: fit(X, y, sample_weight=...)",
    )
