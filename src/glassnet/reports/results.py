"""What is measured of the held-out rows, beside what an obvious answer would have reached."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.diagnosis.baseline import outputs_for_shares
from glassnet.losses import Loss
from glassnet.metrics import as_metrics
from glassnet.model import Model
from glassnet.plots.figures import flat_labels, names_of

CLASSES, AMOUNTS, OTHER = "classes", "amounts", "other"
OF_PROBABILITIES = ("accuracy", "roc_auc", "f1", "log_loss")
OF_CLASSES = ("accuracy", "f1")
OF_AMOUNTS = ("mean_absolute_error", "root_mean_squared_error", "r2")


@dataclass(frozen=True)
class Measure:
    """One number about the held-out rows.

    Attributes:
        name: of the metric.
        value: what ``model.evaluate`` gives.
        baseline: what the obvious answer reaches, or None where there is none.
    """

    name: str
    value: float
    baseline: float | None

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
    """

    kind: str
    measures: tuple[Measure, ...]
    actual: Array
    predicted: Array
    probabilities: Array | None
    class_names: tuple[str, ...]
    known: Array

    @property
    def most_frequent(self) -> str:
        """The class that most of the training's rows have."""
        return self.class_names[int(np.argmax(np.bincount(self.known, minlength=len(self.class_names))))]

    def measure(self, name: str) -> Measure:
        """The measure of that name."""
        return next(own for own in self.measures if own.name == name)


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
        count = max(2, outputs.shape[1])
        names = tuple(names_of(model.class_names, count, "report"))
        shares = np.bincount(known, minlength=count) / len(known)
        answer = outputs_for_shares(model.loss, shares, outputs.shape[1]).astype(outputs.dtype)
        constant = np.broadcast_to(answer, outputs.shape)
        headline = OF_CLASSES if probabilities is None else OF_PROBABILITIES
    elif kind == AMOUNTS:
        headline = OF_AMOUNTS
        constant = np.broadcast_to(model.loss.link(known.astype(np.float64).mean(axis=0)), outputs.shape)
    measures = _measured(model, x, y, headline, constant, targets)
    return Results(kind, measures, actual, predicted, probabilities, names, known)


def _measured(
    model: Model, x: Any, y: Any, headline: tuple[str, ...], constant: Array, targets: Array
) -> tuple[Measure, ...]:
    measured = copy(model)
    own = tuple(metric for metric in model.metrics if metric.name not in headline)
    obvious = as_metrics(headline) if headline else ()
    measured.metrics = (*obvious, *own)
    values = measured.evaluate(x, y)
    baselines = {metric.name: metric.compute(constant, targets, model.loss, None) for metric in obvious}
    names = [*headline, *(metric.name for metric in own), *(() if headline else ("loss",))]
    return tuple(Measure(name, values[name], baselines.get(name)) for name in names)


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
