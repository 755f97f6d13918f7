"""What pictures of answers are drawn from: the true classes, and the probability of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.checks import as_rows, same_rows
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.core.ragged import Padded
from glassnet.core.shapes import Array
from glassnet.losses.targets import check_labels
from glassnet.model import Model
from glassnet.plots.figures import flat_labels


def require_labels_beside_a_model(model: Any, y: Any, where: str, *, pair: str) -> None:
    """Refuses a model without labels, and labels twice.

    Raises:
        ConfigurationError: neither (model, x, y) nor the pair of arrays.
    """
    if isinstance(model, Model) == (y is None):
        raise ConfigurationError(
            where=where,
            received="a model without labels" if y is None else f"three arrays, the first a {type(model).__name__}",
            expected=f"(model, x, y), or ({pair})",
            fix="pass the true labels of x as y" if y is None else "leave out the third, or put a model first",
        )
    if isinstance(model, Model):
        model.require_one_output(where)


def answers(model: Any, x: Any, y: Any, where: str) -> tuple[Array, Array]:
    """True labels (N,) and probabilities (N, K) of a model and (x, y), or of (true labels, probabilities, None).

    Of a model whose outputs are those of steps each step that counts is a row.

    Raises:
        ShapeError, DataError: inputs or labels do not fit; numbers that are no probabilities.
        ConfigurationError: the model's loss gives no probabilities of classes.
    """
    require_labels_beside_a_model(model, y, where, pair="true labels, probabilities")
    if isinstance(model, Model) and model.loss.is_by_step(model.network.output_shape or ()):
        labels, given = _of_steps(model, x, y, model.predict_proba(x), where)
    elif isinstance(model, Model):
        labels, outputs = flat_labels(y, f"{where}: y"), model.predict(x)
        given = model.loss.probabilities(outputs)
        one_class(model.loss.classes(outputs), where)
    else:
        labels = flat_labels(model, f"{where}: labels")
        given = as_rows(x, np.dtype(np.float64), where=f"{where}: probabilities")
        if given.min() < 0 or given.max() > 1:
            raise DataError(
                where=f"{where}: probabilities",
                received=f"values from {given.min():g} to {given.max():g}",
                expected="numbers from 0 to 1",
                fix="pass what model.predict_proba gives, not logits or classes",
            )
    probabilities = given.reshape(len(given), -1).astype(np.float64)
    if probabilities.shape[1] == 1:  # of "yes"
        probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    same_rows(len(probabilities), labels, where=f"{where}: labels", other="the probabilities")
    return check_labels(labels, probabilities.shape[1], where=f"{where}: labels"), probabilities


def one_class(predicted: Array | Padded, where: str) -> Array:
    """The predicted class of each row (N,).

    Raises:
        ShapeError: several labels for a row.
    """
    predicted = predicted.values if isinstance(predicted, Padded) else predicted
    if predicted.size != len(predicted):
        raise ShapeError(
            where=where,
            received=f"predictions of shape {predicted.shape}, several labels for a row",
            expected="one class for each row",
            fix="draw one output at a time: pass its true labels and what was predicted of it, without the model",
        )
    return predicted.reshape(-1).astype(np.intp)


def classes_of_steps(model: Model, x: Any, y: Any, where: str) -> tuple[Array, Array]:
    """The true and the predicted class of each step that counts, one after another, for labels (N, T).

    Raises:
        ShapeError, DataError: inputs or labels do not fit.
        ConfigurationError: the model's loss is not about classes.
    """
    return _of_steps(model, x, y, model.predict_classes(x), where)


def _of_steps(model: Model, x: Any, y: Any, predicted: Any, where: str) -> tuple[Array, Array]:
    """The true class of each step that counts, and what was predicted there (N, T, ...), one after another."""
    found = predicted.values if isinstance(predicted, Padded) else predicted
    rows = model.rows(x, y, None, where=where, ragged=True)
    actual, counts = rows.targets, rows.weights
    if actual.ndim > 2:
        actual = model.loss.classes(actual)
    if actual.ndim > 2:
        one_class(actual, where)
    chosen = np.full(actual.shape, True) if counts is None else counts > 0
    return actual[chosen], found[chosen]
