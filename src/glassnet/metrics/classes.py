"""Metrics of a classification."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from glassnet.core.checks import as_rows, numeric
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.losses import Loss, check_weights
from glassnet.metrics.base import Metric, _MeanOverRows, plain

AVERAGES = ("auto", "macro", "weighted")


class Accuracy(_MeanOverRows):
    """The share of rows whose class is predicted right; with several labels or questions a row, of these.

    Targets that are rows of shares count as their largest; for a loss that is not about classes the targets must be
    0 and 1.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> logits, labels = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), np.array([0, 1, 1])
        >>> round(gn.metrics.Accuracy().compute(logits, labels, gn.losses.CrossEntropy(), None), 3)  # two of three
        0.667
    """

    name = "accuracy"

    def by_row(self, outputs: Array, targets: Array, loss: Loss) -> Array:
        """The share of right predictions in each row."""
        predicted = loss.classes(outputs)
        if not loss.decides_classes and not np.isin(targets, (0, 1)).all():
            raise DataError(
                where="metric accuracy",
                received=f"targets other than 0 and 1 with the loss {loss!r}",
                expected="classes",
                fix="drop metrics=['accuracy'] for a regression, or train on classes with cross_entropy",
            )
        if targets.ndim == 1:
            actual = targets
        elif predicted.shape != targets.shape and targets.shape[1] > 1:
            actual = loss.classes(targets)
        else:
            actual = (targets > 0.5).astype(np.intp).reshape(predicted.shape)
        return np.asarray((predicted == actual).reshape(len(predicted), -1).mean(axis=1))


class _OfProbabilities(Metric):
    """Base of the metrics on probabilities, question by question: a class against the rest, or a label."""

    def _questions(self, outputs: Array, targets: Array, loss: Loss) -> tuple[Array, Array]:
        """Probabilities and answers, each (N, K): of every class, or of every label."""
        with np.errstate(invalid="ignore"):  # of infinite logits none is a number
            p = np.asarray(loss.probabilities(outputs), dtype=np.float64)
        p = p.reshape(len(p), -1)
        if targets.ndim == 1:
            return p, targets[:, None] == np.arange(p.shape[1])
        t = targets.reshape(len(targets), -1)
        if t.shape != p.shape or not np.isin(t, (0, 1)).all():
            raise DataError(
                where=f"metric {self.name}",
                received="targets that are shares",
                expected="one class for each row, or 0 and 1",
                fix="measure it on hard labels",
            )
        return p, t > 0.5


class LogLoss(_OfProbabilities, _MeanOverRows):
    """Mean of −log p of what was right; a probability of 0 counts as the smallest that its dtype tells from 0.

    The mean over rows; with several labels or questions a row, of the sum over these divided by their number.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> shares, labels = np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1])
        >>> loss = gn.losses.CrossEntropy(from_logits=False)
        >>> round(gn.metrics.LogLoss().compute(shares, labels, loss, None), 4)  # (−log 0.5 − log 0.75) / 2
        0.4904
    """

    name = "log_loss"

    def by_row(self, outputs: Array, targets: Array, loss: Loss) -> Array:
        """−log p of each row."""
        p, right = self._questions(outputs, targets, loss)
        smallest = np.finfo(outputs.dtype).eps
        p = np.clip(p, smallest, 1 - smallest)
        found = loss.classes(outputs)
        questions = 1 if found.ndim == 1 else found.shape[1]
        if p.shape[1] > questions:  # one class for each of them
            return np.asarray(-np.log(p).sum(axis=1, where=right) / questions)
        return np.asarray(-np.log(np.where(right, p, 1 - p)).mean(axis=1))


class RocAuc(_OfProbabilities):
    """The area under the ROC curve: how probably a row of the class gets more than one of another.

    For more than two classes, or several labels, the mean over each against the rest. NaN where a class, or what is not
    of it, does not occur.

    Source: T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> shares, labels = np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([[0], [0], [1], [1]])
        >>> loss = gn.losses.BinaryCrossEntropy(from_logits=False)
        >>> gn.metrics.RocAuc().compute(shares, labels, loss, None)  # of four pairs one is in the wrong order
        0.75
    """

    name = "roc_auc"

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The (weighted) area."""
        outputs, targets, weights = plain(self.name, outputs, targets, weights, loss)
        p, right = self._questions(outputs, targets, loss)
        if targets.ndim == 1 and p.shape[1] == 2:  # of two classes one area says all
            p, right = p[:, 1:], right[:, 1:]
        w = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=np.float64)
        areas = [_area(scores, answers, w) for scores, answers in zip(p.T, right.T, strict=True)]
        return float(np.mean(areas))


def roc_curve(scores: Array, right: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """The points of the ROC curve, from (0, 0) to (1, 1): one for each distinct score, the largest first.

    Args:
        scores: (N,), large for what is thought to be right.
        right: bool (N,), or 0 and 1.
        weights: ≥ 0 (N,), or None for 1 each.

    Returns:
        False positive rates and true positive rates; NaN where there is nothing to take a share of.

    Raises:
        DataError: what are no numbers, scores that are not finite, answers that are neither right nor wrong.
        ShapeError: they are not one for each row.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> false, true = gn.metrics.roc_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
        >>> false.tolist(), true.tolist()
        ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    where = "roc_curve"
    known = as_rows(scores, np.dtype(np.float64), where=f"{where}: scores")
    answers = numeric(right, where=f"{where}: right")
    if known.ndim != 1 or answers.shape != known.shape:
        raise ShapeError(
            where=where,
            received=f"scores of shape {known.shape} and right of shape {answers.shape}",
            expected="(N,) for both",
            fix="give one column of scores, and whether each row is right",
        )
    if not np.isin(answers, (0, 1)).all():
        raise DataError(
            where=f"{where}: right", received="other numbers than 0 and 1", expected="truth", fix="write labels == 1"
        )
    w = check_weights(weights, len(known), np.dtype(np.float64), where=f"{where}: weights")
    return _curve(known, answers != 0, np.ones(len(known)) if w is None else w)


def _curve(scores: Array, right: Array, w: Array) -> tuple[Array, Array]:
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.append(0.0, np.cumsum(np.where(right, w, 0.0)[order])[ends])
    misses = np.append(0.0, np.cumsum(np.where(right, 0.0, w)[order])[ends])
    return _shares(misses), _shares(hits)


def _shares(sums: Array) -> Array:
    return sums / sums[-1] if sums[-1] > 0 else np.full(len(sums), np.nan)


def _area(scores: Array, right: Array, weights: Array) -> float:
    """The area by trapezoids over the distinct scores, so that ties count half."""
    misses, hits = _curve(scores, right, weights)
    return float(np.sum(np.diff(misses) * (hits[1:] + hits[:-1]) / 2))


class _OfCounts(Metric):
    """Base of the metrics on hits and misses of each class.

    Args:
        average: over classes. ``"auto"`` takes the second of two classes and the mean (``"macro"``) of more;
            ``"weighted"`` weighs each class by its rows. Where there is nothing to count, the result is 0.
    """

    def __init__(self, average: str = "auto") -> None:
        self.average = one_of(average, "average", type(self).__name__, AVERAGES)

    @abstractmethod
    def of(self, hits: Array, predicted: Array, actual: Array) -> Array:
        """The metric of each class from its hits and the rows that were predicted as it and that are of it."""

    def compute(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> float:
        """The (weighted) metric."""
        return self.of_parts(self.part(outputs, targets, loss, weights))

    def part(self, outputs: Array, targets: Array, loss: Loss, weights: Array | None) -> Array:
        """Hits, rows predicted and rows that are, of each class (4, K); in the last row 0, or 1 for labels."""
        outputs, targets, weights = plain(self.name, outputs, targets, weights, loss)
        if not loss.decides_classes:
            raise ConfigurationError(
                where=f"metric {self.name}",
                received=f"the loss {loss!r}",
                expected="a loss about classes",
                fix=f"drop metrics=[{self.name!r}] for a regression",
            )
        found = loss.classes(outputs)
        if found.ndim == 1:
            labels = targets if targets.ndim == 1 else _labels(targets)
            count = max(2, outputs.reshape(len(outputs), -1).shape[1])
            said, right = (values[:, None] == np.arange(count) for values in (found, labels))
        elif found.size == targets.size:
            said, right = found > 0, targets.reshape(found.shape) > 0.5
        else:
            raise ConfigurationError(
                where=f"metric {self.name}",
                received="several questions a row, each with classes of its own",
                expected="one class, or yes-or-no labels, for each row",
                fix="use accuracy, or measure each question on its own",
            )
        w = np.ones(len(said)) if weights is None else np.asarray(weights, dtype=np.float64)
        counts = [w @ rows for rows in (said & right, said, right)]
        return np.array([*counts, np.full(len(counts[0]), float(found.ndim > 1))])

    def of_parts(self, found: Array) -> float:
        """The (weighted) metric."""
        hits, predicted, actual, labels = found
        is_one_class = not labels.any()
        scores = self.of(hits, predicted, actual)
        if self.average == "auto" and is_one_class and len(scores) == 2:
            return float(scores[1])
        occurs = (predicted > 0) | (actual > 0)
        if self.average == "weighted":
            return float(np.average(scores, weights=actual)) if actual.any() else 0.0
        return float(np.mean(scores[occurs] if is_one_class else scores))


def _labels(targets: Array) -> Array:
    """The classes of rows of shares, or of a column of 0 and 1."""
    rows = targets.reshape(len(targets), -1)
    return np.argmax(rows, axis=1) if rows.shape[1] > 1 else (rows[:, 0] > 0.5).astype(np.intp)


class Precision(_OfCounts):
    """The share of the rows predicted as a class that are of it.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> shares, truth = np.array([[0.9], [0.8], [0.7], [0.2]]), np.array([[1], [1], [0], [1]])
        >>> loss = gn.losses.BinaryCrossEntropy(from_logits=False)
        >>> round(gn.metrics.Precision().compute(shares, truth, loss, None), 3)  # of three said to be 1 two are
        0.667
    """

    name = "precision"

    def of(self, hits: Array, predicted: Array, actual: Array) -> Array:
        """Hits / predicted."""
        return _quotient(hits, predicted)


class Recall(_OfCounts):
    """The share of the rows of a class that are predicted as it.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> shares, truth = np.array([[0.9], [0.8], [0.2], [0.1]]), np.array([[1], [0], [1], [0]])
        >>> loss = gn.losses.BinaryCrossEntropy(from_logits=False)
        >>> gn.metrics.Recall().compute(shares, truth, loss, None)  # of two that are 1 one is found
        0.5
    """

    name = "recall"

    def of(self, hits: Array, predicted: Array, actual: Array) -> Array:
        """Hits / actual."""
        return _quotient(hits, actual)


class F1(_OfCounts):
    """The harmonic mean of precision and recall, 2 hits / (predicted + actual).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> shares, truth = np.array([[0.9], [0.8], [0.2], [0.1]]), np.array([[1], [0], [1], [1]])
        >>> loss = gn.losses.BinaryCrossEntropy(from_logits=False)
        >>> gn.metrics.F1().compute(shares, truth, loss, None)  # precision 1/2, recall 1/3
        0.4
    """

    name = "f1"

    def of(self, hits: Array, predicted: Array, actual: Array) -> Array:
        """2 hits / (predicted + actual)."""
        return _quotient(2 * hits, predicted + actual)


def _quotient(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
