"""Metrics against hand calculations and against scikit-learn, with weights, and what they refuse.

Numbers marked "scikit-learn" were computed once with scikit-learn 1.9.1 by the call named beside them.
"""

from __future__ import annotations

import sys
from math import sqrt

import numpy as np
import pytest

from glassnet import metrics
from glassnet.core.errors import ConfigurationError, DataError, GlassnetError
from glassnet.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    Loss,
    MeanSquaredError,
)
from glassnet.metrics import METRICS, Accuracy, FunctionMetric, Metric, as_metrics

O = np.array([[2.5], [0.0], [2.0], [8.0]])  # noqa: E741 - outputs
T = np.array([[3.0], [-0.5], [2.0], [7.0]])
O3 = np.array([[0.1, 2.0, 1.0], [0.5, -1.0, 1.0], [1.4, 0.5, 1.0], [-0.3, 0.25, 1.0]])
T3 = np.array([[0.0, 1.5, 1.0], [1.0, -1.0, 1.0], [1.0, 0.0, 1.0], [-0.5, 1.0, 1.0]])
W = np.array([1.0, 2.0, 3.0, 4.0])

# scikit-learn: mean_squared_error(T, O), mean_absolute_error, root_mean_squared_error and r2_score; the second number
# with sample_weight=W. For three outputs (one of them constant and met exactly) the root is that of the first row.
SCIKIT_LEARN = {
    "mean_squared_error": [(O, T, 0.375, 0.475), (O3, T3, 0.126875, 0.14666666666666667)],
    "root_mean_squared_error": [
        (O, T, 0.6123724356957945, 0.689202437604511),
        (O3, T3, 0.35619517121937516, 0.38297084310253526),
    ],
    "mean_absolute_error": [(O, T, 0.5, 0.55), (O3, T3, 0.24583333333333335, 0.27)],
    "r2": [(O, T, 0.9486081370449679, 0.9459613196814562), (O3, T3, 0.8130906047290228, 0.7706254506547578)],
}  # fmt: skip
OF_CLASSES = {"f1", "log_loss", "precision", "recall", "roc_auc"}
regressions = pytest.mark.parametrize(
    ("name", "outputs", "targets", "plain", "weighted"),
    [(name, *row) for name, rows in SCIKIT_LEARN.items() for row in rows],
)


def measure(name: str, outputs, targets, weights=None, loss: Loss | None = None) -> float:
    """The metric of that name."""
    return METRICS[name]().compute(outputs, targets, loss or MeanSquaredError(), weights)


def accuracy(loss: Loss, outputs, targets, weights=None) -> float:
    """The accuracy, with the targets as the loss prepares them."""
    outputs = np.array(outputs, dtype=np.float64)
    prepared = loss.prepare(targets, outputs.shape[1:], outputs.dtype, where="test")
    return Accuracy().compute(outputs, prepared, loss, None if weights is None else np.array(weights, dtype=float))


@regressions
def test_regression_metrics_equal_scikit_learn(name, outputs, targets, plain, weighted):
    assert measure(name, outputs, targets) == pytest.approx(plain, rel=1e-12)
    assert measure(name, outputs, targets, W) == pytest.approx(weighted, rel=1e-12)
    assert isinstance(measure(name, outputs, targets), float)


@regressions
def test_regression_metrics_of_float32_agree(name, outputs, targets, plain, weighted):
    in_float32 = measure(name, outputs.astype(np.float32), targets.astype(np.float32), W.astype(np.float32))
    assert in_float32 == pytest.approx(weighted, rel=1e-5)


@regressions
def test_scaling_the_weights_changes_nothing_and_zero_removes_a_row(name, outputs, targets, plain, weighted):
    assert measure(name, outputs, targets, 1000 * W) == pytest.approx(weighted, rel=1e-12)
    without_last = measure(name, outputs[:3], targets[:3], W[:3])
    assert measure(name, outputs, targets, W * [1, 1, 1, 0]) == pytest.approx(without_last, rel=1e-12)


def test_regression_metrics_by_hand():
    outputs, targets = np.array([[1.0, 4.0], [3.0, -2.0]]), np.array([[0.0, 2.0], [3.0, 1.0]])
    # errors 1, 2, 0, −3; squares 1, 4, 0, 9
    assert measure("mean_squared_error", outputs, targets) == 3.5
    assert measure("root_mean_squared_error", outputs, targets) == pytest.approx(sqrt(3.5))
    assert measure("mean_absolute_error", outputs, targets) == 1.5
    # output 0: residual 1, spread (1.5² + 1.5²) = 4.5; output 1: residual 13, spread 2 · 0.5² = 0.5
    assert measure("r2", outputs, targets) == pytest.approx(((1 - 1 / 4.5) + (1 - 13 / 0.5)) / 2)
    # weights 3 and 1: (3 · 2.5 + 4.5)/4 and (3 · 1.5 + 1.5)/4
    assert measure("mean_squared_error", outputs, targets, np.array([3.0, 1.0])) == 3.0
    assert measure("mean_absolute_error", outputs, targets, np.array([3.0, 1.0])) == 1.5


def test_r2_of_a_perfect_fit_of_the_mean_and_of_targets_that_do_not_vary():
    targets = np.array([[1.0], [2.0], [4.0]])
    assert measure("r2", targets, targets) == 1.0
    assert measure("r2", np.full((3, 1), targets.mean()), targets) == pytest.approx(0.0, abs=1e-15)
    constant = np.full((3, 1), 2.0)
    assert measure("r2", constant, constant) == 1.0
    assert measure("r2", constant + np.array([[0.0], [0.0], [1.0]]), constant) == 0.0


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e6 + 0.1])
def test_r2_of_constant_targets_whose_mean_rounds(value):
    """The mean of three 0.1 is 0.10000000000000002: a spread of 1e-34 that is no spread."""
    constant = np.full((3, 1), value)
    for weights in (None, np.array([1.0, 2.0, 4.0])):
        assert measure("r2", constant + np.array([[0.0], [0.0], [1.0]]), constant, weights) == 0.0
        assert measure("r2", constant, constant, weights) == 1.0


@pytest.mark.parametrize("name", list(SCIKIT_LEARN))
def test_regression_metrics_refuse_other_shapes(name):
    with pytest.raises(ConfigurationError) as caught:
        measure(name, np.zeros((4, 3)), np.zeros(4))
    error = caught.value
    assert error.where == f"metric {name}"
    assert "outputs of shape (4, 3) and targets of shape (4,)" in error.received
    assert "equal shapes" in error.expected
    assert "accuracy" in error.fix


# Accuracy


def test_accuracy_of_labels_and_one_hot_rows():
    # scikit-learn: accuracy_score([0, 2, 1, 2, 0], [0, 1, 1, 2, 2]) and with sample_weight=[1, 2, 3, 4, 0.5]
    labels, weights = [0, 2, 1, 2, 0], [1, 2, 3, 4, 0.5]
    predicted = [0, 1, 1, 2, 2]
    logits = np.eye(3)[predicted] * 5 - 2
    for targets in (labels, np.eye(3)[labels], np.eye(3, dtype=int)[labels]):
        assert accuracy(CrossEntropy(), logits, targets) == pytest.approx(0.6)
        assert accuracy(CrossEntropy(), logits, targets, weights) == pytest.approx(0.7619047619047619)
    assert accuracy(CrossEntropy(from_logits=False), np.eye(3)[predicted], labels) == pytest.approx(0.6)
    assert accuracy(Hinge(), logits, labels) == pytest.approx(0.6)
    assert accuracy(MeanSquaredError(), logits, np.eye(3)[labels]) == pytest.approx(0.6)


def test_accuracy_of_shares_takes_the_largest():
    shares = [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
    assert accuracy(CrossEntropy(), [[0.0, 1.0, 0.5], [2.0, 1.0, 0.0]], shares) == 0.5


def test_accuracy_of_yes_or_no():
    column = [[-2.0], [0.3], [0.7], [3.0]]
    assert accuracy(BinaryCrossEntropy(), column, [[0], [1], [0], [1]]) == 0.75
    assert accuracy(BinaryCrossEntropy(), column, [[0], [1], [0], [1]], [1, 1, 4, 2]) == 0.5
    assert accuracy(BinaryCrossEntropy(), column, [[0.1], [0.9], [0.6], [0.8]]) == 1.0  # soft targets
    probabilities = [[0.1], [0.4], [0.7], [1.0]]
    assert accuracy(BinaryCrossEntropy(from_logits=False), probabilities, [[0], [1], [0], [1]]) == 0.5
    assert accuracy(Hinge(), column, [[-1], [1], [-1], [1]]) == 0.75
    assert accuracy(Hinge(), column, [[0], [1], [0], [1]]) == 0.75
    assert accuracy(Hinge(), column, [[1], [1], [1], [1]]) == 0.75
    assert accuracy(Hinge(), column, [[-1], [-1], [-1], [-1]]) == 0.25
    assert accuracy(MeanSquaredError(), column, [[0], [1], [0], [1]]) == 0.5


def test_accuracy_of_several_labels_a_row():
    logits = [[2.0, -1.0, 0.5], [-3.0, 1.0, -0.2]]
    targets = [[1, 0, 0], [0, 1, 1]]
    assert accuracy(BinaryCrossEntropy(), logits, targets) == pytest.approx(4 / 6)
    assert accuracy(BinaryCrossEntropy(), logits, [[1, 0, 1], [0, 1, 1]], [3, 1]) == pytest.approx((3 + 2 / 3) / 4)
    images = np.array([[[1.0, -1.0], [1.0, 1.0]]])
    assert accuracy(BinaryCrossEntropy(), images, [[[1, 0], [0, 1]]]) == 0.75


@pytest.mark.parametrize("targets", [T, np.array([[0.0], [1.0], [2.0], [1.0]])], ids=["numbers", "0 to 2"])
def test_accuracy_refuses_the_targets_of_a_regression(targets):
    with pytest.raises(DataError) as caught:
        accuracy(MeanSquaredError(), O, targets)
    error = caught.value
    assert error.where == "metric accuracy"
    assert "targets other than 0 and 1 with the loss MeanSquaredError()" in error.received
    assert "classes" in error.expected
    assert "cross_entropy" in error.fix


def test_accuracy_of_images_under_a_regression_is_no_bare_numpy_error():
    with pytest.raises(GlassnetError):
        accuracy(MeanSquaredError(), np.zeros((2, 1, 2, 2)), np.zeros((2, 1, 2, 2)))


# Names


def test_every_metric_has_a_name_and_numbers():
    modules = [module for name, module in sys.modules.items() if name.startswith(metrics.__name__)]
    found = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    defined = {cls for cls in found if issubclass(cls, Metric) and not cls.__name__.startswith("_")}
    of_outputs = {metrics.outputs.OutputMetric, metrics.outputs.PartOfLoss}  # which a Graph's metrics are made into
    assert defined - {Metric, FunctionMetric} - of_outputs == set(METRICS.values())
    of_steps = {"perplexity", "bits_per_character"}  # tests/test_steps.py
    assert set(METRICS) == {"accuracy", *SCIKIT_LEARN, *OF_CLASSES, *of_steps}  # OF_CLASSES: test_class_metrics.py
    assert all(cls().name == name for name, cls in METRICS.items())


def test_what_may_be_given_as_metrics():
    given = Accuracy()
    found = as_metrics([given, "mean_absolute_error"])
    assert found[0] is given
    assert [metric.name for metric in found] == ["accuracy", "mean_absolute_error"]
    assert [metric.name for metric in as_metrics("accuracy")] == ["accuracy"]
    assert as_metrics(given) == (given,)
    assert as_metrics(()) == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["acuracy"], ["'acuracy'", "did you mean 'accuracy'"]),
        ([Accuracy], ["the class Accuracy", "Accuracy()"]),
        (["accuracy", Accuracy()], ["['accuracy', 'accuracy']", "different names", "drop one"]),
        ([3], ["3 (a int)", "accuracy, f1"]),
        (Accuracy, ["the class Accuracy", "Accuracy()"]),
        (None, ["None"]),
    ],
    ids=str,
)
def test_other_metrics_are_refused(given, words):
    with pytest.raises(ConfigurationError) as caught:
        as_metrics(given)
    for word in words:
        assert word in str(caught.value)


REGRESSION = ["mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2"]


@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_regression_metrics_are_computed_in_float64(name, kind):
    """Sums over a million float32 numbers would be some 1e-4 off, and unsigned differences below 0 are none."""
    rng = np.random.default_rng(0)
    outputs = rng.uniform(0, 2, (1_000_000, 1)).astype(np.float32)
    targets = rng.integers(0, 2, (1_000_000, 1)).astype(kind)
    weights = rng.uniform(0, 0.1, 1_000_000).astype(np.float32)
    (metric,) = as_metrics([name])
    long = outputs.astype(np.float64), targets.astype(np.float64)
    for own in (None, weights):
        w = np.ones(len(targets)) if own is None else own.astype(np.float64)
        error = (long[0] - long[1])[:, 0]
        squares = np.sum(w * error**2)
        expected = {
            "mean_absolute_error": np.sum(w * np.abs(error)) / w.sum(),
            "mean_squared_error": squares / w.sum(),
            "root_mean_squared_error": np.sqrt(squares / w.sum()),
            "r2": 1 - squares / np.sum(w * (long[1][:, 0] - np.sum(w * long[1][:, 0]) / w.sum()) ** 2),
        }[name]
        assert metric.compute(outputs, targets, MeanSquaredError(), own) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", REGRESSION)
def test_regression_metrics_of_targets_beyond_float32(name):
    targets = 1.7e9 + np.arange(50.0).reshape(-1, 1)
    outputs = targets + np.sin(targets)
    (metric,) = as_metrics([name])
    near = metric.compute(outputs - 1.7e9, targets - 1.7e9, MeanSquaredError(), None)
    assert metric.compute(outputs, targets, MeanSquaredError(), None) == pytest.approx(near, rel=1e-9)
    assert metric.compute(outputs, targets.astype(np.int64), MeanSquaredError(), None) == pytest.approx(near, rel=1e-9)


def test_r2_of_targets_that_do_not_vary_where_there_is_weight():
    outputs, targets = np.array([[1.0], [2.0], [5.0]]), np.array([[1.0], [1.0], [7.0]])
    (metric,) = as_metrics(["r2"])
    assert metric.compute(outputs, targets, MeanSquaredError(), np.array([1.0, 1.0, 0.0])) == 0
    assert metric.compute(outputs, targets, MeanSquaredError(), np.array([1.0, 0.0, 0.0])) == 1
