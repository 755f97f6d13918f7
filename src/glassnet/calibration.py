"""Probabilities that are as sure as they are right: one temperature, fitted on rows that training has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, DataWarning
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array
from glassnet.layers import Dense
from glassnet.losses import BinaryCrossEntropy, CrossEntropy
from glassnet.model import Model
from glassnet.network import Sequential

COLDEST, HOTTEST = 0.01, 100.0
"""The temperatures that are tried lie between these."""
HALVINGS = 60


@suggests
def calibrate(model: Model, x: Any, y: Any, sample_weight: Any = None) -> float:
    """Divides the logits by the temperature at which the log loss of these rows is smallest.

    A network that has learned its training rows by heart is surer than it is right: its temperature is above 1. The
    last layer's weights and biases are divided by it, so that everything that takes the model, its file, ONNX and C
    among them, has the new probabilities. Which class is the likeliest stays the same for each row.

    Args:
        model: with ``CrossEntropy`` or ``BinaryCrossEntropy`` of logits, whose last layer is a ``Dense`` of its own.
        x: inputs of rows that were set aside, as ``Model.predict`` takes them: on those of the training the network
            seems to be right to be sure.
        y: their labels, or targets as the loss wants them.
        sample_weight: a weight for each row (N,), or None.

    Returns:
        The temperature. A ``DataWarning`` says where it came to its bounds, 0.01 and 100.

    Raises:
        ConfigurationError: a model of another loss, or whose last layer is none that can be divided.
        DataError, ShapeError: the rows do not fit the model.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017, 4.2.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
        >>> net = gn.Sequential(gn.Dense(2, weight_init=np.array([[-9.0, 9.0]]), bias_init=np.array([13.5, -13.5])))
        >>> model = gn.Model(net, "cross_entropy", "sgd")
        >>> _ = net.build((1,))
        >>> temperature = gn.calibrate(model, x, [0, 1, 0, 1])  # half of them are not as it thinks
        >>> round(temperature), model.predict_classes(x).tolist()
        (20, [0, 0, 1, 1])
    """
    return calibrate_together((model,), ((x, y, sample_weight),))


def calibrate_together(models: Sequence[Model], parts: Sequence[tuple[Any, ...]], *, cautious: bool = False) -> float:
    """The same for several models by one temperature, at which the log loss of all their rows together is smallest.

    Args:
        models: members of an ensemble, such as those that were trained on different folds.
        parts: for each its x, y and perhaps sample weights, of rows that it was not trained on.
        cautious: whether one more row counts that is of every class alike: n rows that are all told right do not make
            the model sure beyond all measure.

    Returns:
        The temperature.

    Source: of the further row: J. Platt, "Probabilistic outputs for support vector machines and comparisons to
    regularized likelihood methods", 1999, section 2.2, whose targets (n + 1)/(n + 2) it gives for two classes.
    """
    where = "calibrate"
    lasts = [_last_layer(model) for model in models]
    found = [_logits_of(model, *part) for model, part in zip(models, parts, strict=True)]
    logits, right, weights = (np.concatenate(own) for own in zip(*found, strict=True))
    if cautious:
        right += (logits.mean(axis=-1) - right) * (weights.mean() / (weights.sum() + weights.mean()))
    inverse = _best(logits, right, weights)
    temperature = 1 / inverse
    if not COLDEST * 1.001 < temperature < HOTTEST / 1.001:
        said = "every row is told right, by far" if temperature < 1 else "its logits say nothing of these rows"
        warnings.warn(
            f"{where}: the temperature came to its bound, {temperature:.4g}: {said}",
            DataWarning,
            stacklevel=level_of_caller(),
        )
    for model, last in zip(models, lasts, strict=True):
        for parameter in last.own_parameters().values():
            parameter.value[...] = parameter.value * inverse
        model.latest_fit = None  # whose weights were others
    return float(temperature)


def _logits_of(model: Model, x: Any, y: Any, sample_weight: Any = None) -> tuple[Array, Array, Array]:
    """Logits, those of the right class, and weights, of rows that were set aside."""
    rows = model.rows(x, y, sample_weight, where="calibrate").require_weight(where="calibrate")
    logits = np.asarray(model._outputs(rows.x), dtype=np.float64)
    weights = np.ones(logits.shape[:1]) if rows.weights is None else rows.weights
    sure, right = _margins(model, logits, rows.targets)
    return sure, right, weights.reshape(weights.shape + (1,) * (right.ndim - weights.ndim))


def _last_layer(model: Model) -> Dense:
    """The layer whose outputs are the logits.

    Raises:
        ConfigurationError: there is none, or it is not the model's own.
    """
    loss: Any = model.loss
    layer: Any = model.network
    is_about_logits = isinstance(loss, CrossEntropy | BinaryCrossEntropy) and loss.from_logits
    if not is_about_logits:
        raise ConfigurationError(
            where="calibrate",
            received=f"a model with the loss {loss!r}",
            expected="CrossEntropy or BinaryCrossEntropy of logits",
            fix="end the network with a Dense layer, without Softmax or Sigmoid, and train with cross_entropy",
        )
    model.require_built("calibrate")
    while isinstance(layer, Sequential) and len(layer):
        layer = layer[-1]
    weights = layer.weights_in_common
    others = [own for _, own in model.network.walk() if own is not layer and own.weights_in_common is weights]
    if type(layer) is not Dense or others or len(model.network._store().networks) != len(model.network._networks()):
        raise ConfigurationError(
            where="calibrate",
            received=f"a network that ends with {layer!r:.80}" + (", whose weights others have, too" if others else ""),
            expected="a Dense layer at its end, with weights that no other layer or network has",
            fix="copy the network (network.copy()), or end it with a Dense layer of its own",
        )
    return layer


def _margins(model: Model, logits: Array, targets: Array) -> tuple[Array, Array]:
    """Logits (..., K), and their mean by the targets (...): of the right class, where that is one."""
    if isinstance(model.loss, BinaryCrossEntropy):
        share = np.asarray(targets, np.float64).reshape(logits.shape)
        return np.stack([np.zeros_like(logits), logits], axis=-1), share * logits
    if targets.shape == logits.shape:
        return logits, (targets * logits).sum(axis=-1)
    return logits, np.take_along_axis(logits, targets.astype(np.intp)[..., None], axis=-1)[..., 0]


def _best(logits: Array, right: Array, weights: Array) -> float:
    """The factor b of logits at which Σ w (log Σ exp(b z) − b z_right) is smallest: its slope rises with b."""

    def slope(factor: float) -> float:
        scaled = factor * logits
        shares = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        expected = (shares * logits).sum(axis=-1) / shares.sum(axis=-1)
        return float((weights * (expected - right)).sum())

    low, high = np.log(1 / HOTTEST), np.log(1 / COLDEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(np.exp(middle)) > 0 else (middle, high)
    return float(np.exp((low + high) / 2))
