"""What is measured of the held-out rows, beside what an obvious answer would have reached."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, JointCrossEntropy, Loss
from glassnet.metrics import Metric, as_metrics
from glassnet.model import Model
from glassnet.plots.figures import flat_labels, names_of
from glassnet.reports.intervals import bootstrap
from glassnet.tables import Table
from glassnet.tables.surprises import gathered

CLASSES, AMOUNTS, OTHER = "classes", "amounts", "other"
OF_PROBABILITIES = ("accuracy", "roc_auc", "f1", "log_loss")
OF_CLASSES = ("accuracy", "f1")
OF_AMOUNTS = ("mean_absolute_error", "root_mean_squared_error", "r2")
MOST_CLASSES = 30
"""With more of them no intervals are drawn for figures that take each class against the rest."""


@dataclass(frozen=True)
class Measure:
    """One number about the held-out rows.

    Attributes:
        name: of the metric.
        value: what ``model.evaluate`` gives.
        baseline: what the obvious answer reaches, or None where there is none.
        interval: in which the value of other such rows lies with a probability of 95 %, or None.
    """

    name: str
    value: float
    baseline: float | None
    interval: tuple[float, float] | None = None

    @property
    def is_better(self) -> bool:
        """Whether the model does better than the obvious answer."""
        if self.baseline is None:
            return False
        grows = not self.name.endswith(("loss", "error"))
        return self.value > self.baseline if grows else self.value < self.baseline


@dataclass(frozen=True)
class Results:
    """The answers to the held-out rows.

    Attributes:
        kind: CLASSES, one for each row; AMOUNTS; or OTHER, such as several labels a row.
        measures: the headline first, then what else the model measures.
        actual: labels (N,), or amounts (N, ...).
        predicted: the same, by the model.
        probabilities: (N, K) for classes, where the loss gives any.
        class_names: a name for each class.
        known: the training's labels or amounts, from which the obvious answer is; those held out where not given.
        parts: of several answers a row each by itself, by name.
    """

    kind: str
    measures: tuple[Measure, ...]
    actual: Array
    predicted: Array
    probabilities: Array | None
    class_names: tuple[str, ...]
    known: Array
    parts: tuple[tuple[str, Results], ...] = ()

    @property
    def most_frequent(self) -> str:
        """The class that most of the training's rows have."""
        return self.class_names[int(np.argmax(np.bincount(self.known, minlength=len(self.class_names))))]

    def measure(self, name: str) -> Measure:
        """The measure of that name."""
        return next(own for own in self.measures if own.name == name)

    @property
    def errors(self) -> Array:
        """How wrong each row's answer is (N,): 0 or 1 for a class; the absolute error; the mean over several answers.

        Of several amounts each error counts in units of its mean.
        """
        if self.kind == CLASSES:
            return np.asarray(self.actual != self.predicted, np.float64)
        if self.kind == OTHER and not self.parts:
            return np.zeros(len(self.actual))
        if self.parts:
            errors = [part.errors for _, part in self.parts]
            if self.kind == AMOUNTS:
                errors = [own / (own.mean() or 1.0) for own in errors]
            return np.asarray(np.mean(errors, axis=0))
        actual, predicted = (own.reshape(len(own), -1) for own in (self.actual, self.predicted))
        return np.asarray(np.abs(predicted - actual).mean(axis=1))


def results_of(model: Model, x: Any, y: Any, training_targets: Any) -> Results:
    """Predicts the held-out rows and measures the answers.

    Raises:
        ShapeError, DataError: x, y or the training's targets do not fit the model.
    """
    actual = numeric(y, where="report: y")
    known = actual if training_targets is None else numeric(training_targets, where="report: training targets")
    targets = model.loss.prepare(actual, model.network.output_shape or (), np.dtype(np.float64), where="report: y")
    outputs = model.predict(x)
    kind, predicted = _kind(model.loss, outputs, targets)
    probabilities: Array | None = None
    names: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    constant = outputs
    if kind == CLASSES:
        actual, known = (flat_labels(own, "report: targets").astype(np.intp) for own in (actual, known))
        probabilities = _probabilities(model.loss, outputs)
        names = tuple(names_of(model.class_names, max(2, outputs.shape[1]), "report"))
        constant = _always(model.loss, known, outputs)
        headline = OF_CLASSES if probabilities is None else OF_PROBABILITIES
    elif kind == AMOUNTS:
        headline = OF_AMOUNTS
        constant = np.broadcast_to(model.loss.link(known.astype(np.float64).mean(axis=0)), outputs.shape)
    measured = copy(model)
    own = tuple(metric for metric in model.metrics if metric.name not in headline)
    obvious = as_metrics(headline) if headline else ()
    measured.metrics = (*obvious, *own)
    with gathered():  # what training did not see has been said by predict
        values = measured.evaluate(x, y)
    measures = tuple(
        Measure(
            metric.name,
            values[metric.name],
            metric.compute(constant, targets, model.loss, None) if metric in obvious else None,
            _interval(metric, outputs, targets, model.loss),
        )
        for metric in measured.metrics
    )
    if not headline:
        measures += (Measure("loss", values["loss"], None),)
    parts = _parts(model, outputs, targets, actual, known)
    return Results(kind, measures, actual, predicted, probabilities, names, known, parts)


def _always(loss: Loss, known: Array, outputs: Array) -> Array:
    """Outputs that mean the training's shares of classes, whatever the row."""
    count = max(2, outputs.shape[1])
    shares = np.bincount(known, minlength=count) / len(known)
    answer = loss.outputs_for_shares(shares, outputs.shape[1]).astype(outputs.dtype)
    return np.broadcast_to(answer, outputs.shape)


def _interval(metric: Metric, outputs: Array, targets: Array, loss: Loss) -> tuple[float, float] | None:
    if loss.is_by_step(outputs.shape[1:]) or (metric.name == "roc_auc" and outputs.shape[-1] > MOST_CLASSES):
        return None
    return bootstrap(lambda rows: metric.compute(outputs[rows], targets[rows], loss, None), len(outputs))


def _parts(
    model: Model, outputs: Array, targets: Array, actual: Array, known: Array
) -> tuple[tuple[str, Results], ...]:
    """Several answers of a row, each by itself: questions, labels of which any may hold, amounts."""
    loss = model.loss
    if outputs.ndim != 2 or loss.is_by_step(outputs.shape[1:]) or outputs.shape[1] < 2:
        return ()
    table = model.preprocessing
    found = []
    if isinstance(loss, JointCrossEntropy) and actual.shape == (len(outputs), len(loss.class_counts)):
        questions: dict[str, Any] = dict(table.questions) if isinstance(table, Table) else {}
        names = (
            list(questions) if len(questions) == len(loss.class_counts) else [str(i) for i in range(actual.shape[1])]
        )
        start = 0
        for place, count in enumerate(loss.class_counts):
            own = outputs[:, start : start + count]
            start += count
            classes = questions.get(names[place], tuple(map(str, range(count))))
            labels = [given[:, place].astype(np.intp) for given in (actual, known)]
            found.append((names[place], _of_classes(CrossEntropy(), own, labels[0], labels[1], tuple(classes))))
    elif isinstance(loss, BinaryCrossEntropy) and actual.shape == outputs.shape and np.isin(actual, (0, 1)).all():
        names = list(model.class_names or map(str, range(outputs.shape[1])))
        for place, name in enumerate(names):
            labels = [given[:, place].astype(np.intp) for given in (actual, known)]
            found.append((name, _of_classes(loss, outputs[:, place : place + 1], labels[0], labels[1], ("0", "1"))))
    elif not loss.decides_classes and targets.shape == outputs.shape:
        is_of_table = isinstance(table, Table) and table.target is not None
        names = list(table.target.names) if is_of_table else [str(i) for i in range(outputs.shape[1])]  # type: ignore[union-attr]
        for place, name in enumerate(names):
            pick = slice(place, place + 1)
            found.append((name, _of_amounts(loss, outputs[:, pick], targets[:, pick], known[:, pick])))
    return tuple(found)


def _of_classes(loss: Loss, outputs: Array, actual: Array, known: Array, names: tuple[str, ...]) -> Results:
    targets = loss.prepare(
        actual[:, None] if outputs.shape[1] == 1 else actual, outputs.shape[1:], np.dtype(np.float64), where="report"
    )
    predicted = loss.classes(outputs).reshape(-1)
    measures = _measures(OF_PROBABILITIES, loss, outputs, _always(loss, known, outputs), targets)
    return Results(CLASSES, measures, actual, predicted, _probabilities(loss, outputs), names, known)


def _of_amounts(loss: Loss, outputs: Array, targets: Array, known: Array) -> Results:
    constant = np.broadcast_to(loss.link(known.astype(np.float64).mean(axis=0)), outputs.shape)
    measures = _measures(OF_AMOUNTS, loss, outputs, constant, targets)
    return Results(AMOUNTS, measures, targets, loss.means(outputs), None, (), known)


def _measures(
    names: tuple[str, ...], loss: Loss, outputs: Array, constant: Array, targets: Array
) -> tuple[Measure, ...]:
    return tuple(
        Measure(
            metric.name,
            metric.compute(outputs, targets, loss, None),
            metric.compute(constant, targets, loss, None),
            _interval(metric, outputs, targets, loss),
        )
        for metric in as_metrics(names)
    )


def _kind(loss: Loss, outputs: Array, targets: Array) -> tuple[str, Array]:
    if not loss.decides_classes:
        return AMOUNTS if targets.shape == outputs.shape else OTHER, loss.means(outputs)
    predicted = loss.classes(outputs)
    is_hard = targets.ndim == 1 or bool(np.isin(targets, (-1, 0, 1)).all())
    if predicted.size != len(predicted) or not is_hard or loss.is_by_step(outputs.shape[1:]):
        return OTHER, predicted
    return CLASSES, predicted.reshape(-1)


def _probabilities(loss: Loss, outputs: Array) -> Array | None:
    try:
        found = np.asarray(loss.probabilities(outputs), np.float64).reshape(len(outputs), -1)
    except ConfigurationError:
        return None
    return np.concatenate([1 - found, found], axis=1) if found.shape[1] == 1 else found
