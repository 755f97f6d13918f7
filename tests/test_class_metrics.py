"""Metrics of a classification against scikit-learn's, with ties, weights and classes that do not occur."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

import glassnet as gn
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, JointCrossEntropy, Loss
from glassnet.metrics import F1, METRICS, LogLoss, Precision, Recall, RocAuc

COUNTED = {"precision": theirs.precision_score, "recall": theirs.recall_score, "f1": theirs.f1_score}
RNG = np.random.default_rng(0)
N = 60
WEIGHTS = [None, RNG.uniform(0.1, 2, N)]
# Scores of few different values, so that many are equal.
LOGITS = np.round(RNG.normal(size=(N, 3)), 1)


def tasks() -> dict[str, tuple[Loss, np.ndarray, np.ndarray]]:
    """(loss, outputs, targets as people write them)."""
    labels = (LOGITS + RNG.normal(size=(N, 3))).argmax(axis=1)
    many = (LOGITS + RNG.normal(size=(N, 3)) > 0).astype(int)
    return {
        "three classes": (CrossEntropy(), LOGITS, labels),
        "two classes": (CrossEntropy(), LOGITS[:, :2], labels % 2),
        "yes or no": (BinaryCrossEntropy(), LOGITS[:, :1], many[:, :1]),
        "labels": (BinaryCrossEntropy(), LOGITS, many),
        "never predicted": (CrossEntropy(), LOGITS - [0, 0, 9], labels),
    }


TASKS = tasks()


def measured(metric: Any, task: str, weights: np.ndarray | None) -> float:
    loss, outputs, targets = TASKS[task]
    prepared = loss.prepare(targets, outputs.shape[1:], outputs.dtype, where="test")
    return float(metric.compute(outputs, prepared, loss, weights))


def answers(task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(targets, predictions, probabilities) as scikit-learn takes them."""
    loss, outputs, targets = TASKS[task]
    return (
        (targets.ravel() if targets.shape[1:] == (1,) else targets),
        loss.classes(outputs),
        loss.probabilities(outputs),
    )


@pytest.mark.parametrize("weights", WEIGHTS, ids=["plain", "weighted"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", COUNTED)
def test_counts(name: str, task: str, weights: np.ndarray | None) -> None:
    targets, found, _ = answers(task)
    binary = task in ("two classes", "yes or no")
    for own, average in (("auto", "binary" if binary else "macro"), ("macro", "macro"), ("weighted", "weighted")):
        expected = COUNTED[name](targets, found, average=average, sample_weight=weights, zero_division=0)
        assert measured(METRICS[name](own), task, weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weights", WEIGHTS, ids=["plain", "weighted"])
@pytest.mark.parametrize("task", TASKS)
def test_areas_and_log_losses(task: str, weights: np.ndarray | None) -> None:
    targets, _, p = answers(task)
    scores = p[:, 1] if task == "two classes" else p.ravel() if task == "yes or no" else p
    area = theirs.roc_auc_score(targets, scores, multi_class="ovr", average="macro", sample_weight=weights)
    assert measured(RocAuc(), task, weights) == pytest.approx(area, rel=1e-12)
    if task == "labels":  # theirs has no such thing: the mean over the labels
        columns = zip(targets.T, p.T, strict=True)
        expected = np.mean([theirs.log_loss(t, own, sample_weight=weights) for t, own in columns])
    else:
        expected = theirs.log_loss(targets, scores if p.shape[1] == 1 else p, sample_weight=weights)
    assert measured(LogLoss(), task, weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weights", WEIGHTS, ids=["plain", "weighted"])
def test_several_questions_are_measured_each_by_itself(weights: np.ndarray | None) -> None:
    """Accuracy, log loss and areas of a question with 3 classes and one with 2: their means."""
    loss, outputs = JointCrossEntropy([3, 2]), np.hstack([LOGITS, LOGITS[:, :2] - 0.1])
    labels = np.stack([RNG.integers(0, 3, N), RNG.integers(0, 2, N)], axis=1)
    targets = loss.prepare(labels, (5,), outputs.dtype, where="test")
    p, parts = loss.probabilities(outputs), ((labels[:, 0], slice(0, 3)), (labels[:, 1], slice(3, 5)))

    def of(metric: Any) -> float:
        return float(metric.compute(outputs, targets, loss, weights))

    losses = [theirs.log_loss(own, p[:, columns], sample_weight=weights) for own, columns in parts]
    shares = [theirs.accuracy_score(own, p[:, c].argmax(axis=1), sample_weight=weights) for own, c in parts]
    areas = [theirs.roc_auc_score(targets[:, k], p[:, k], sample_weight=weights) for k in range(5)]
    assert of(LogLoss()) == pytest.approx(np.mean(losses), rel=1e-12)
    assert of(METRICS["accuracy"]()) == pytest.approx(np.mean(shares), rel=1e-12)
    assert of(RocAuc()) == pytest.approx(np.mean(areas), rel=1e-12)


def test_what_cannot_be_measured() -> None:
    loss, outputs = BinaryCrossEntropy(), np.array([[0.5], [1.0]])
    assert np.isnan(RocAuc().compute(outputs, np.ones((2, 1)), loss, None))
    assert F1().compute(outputs - 5, np.zeros((2, 1)), loss, None) == 0.0
    assert LogLoss().compute(np.array([[999.0]]), np.zeros((1, 1)), loss, None) == pytest.approx(36.04365338911715)
    with pytest.raises(gn.DataError, match="shares"):
        LogLoss().compute(outputs, np.full((2, 1), 0.5), loss, None)
    with pytest.raises(gn.ConfigurationError, match="regression"):
        Precision().compute(outputs, np.ones((2, 1)), gn.losses.Huber(), None)
    with pytest.raises(gn.ConfigurationError, match="probabilities"):
        RocAuc().compute(outputs, np.ones((2, 1)), gn.losses.Hinge(), None)
    with pytest.raises(gn.ConfigurationError, match="several questions"):
        Recall().compute(np.zeros((2, 4)), np.zeros((2, 4)), JointCrossEntropy([1, 3]), None)
    with pytest.raises(gn.ConfigurationError, match="average"):
        F1("micro")


def test_in_a_training(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    model = gn.Model(
        gn.Sequential(gn.Dense(3)), "cross_entropy", gn.Adam(0.05), ["roc_auc", F1("weighted"), "log_loss"]
    )
    history = model.fit(*blobs, epochs=40, validation_split=0.3, verbose=False)
    assert history["val_roc_auc"][-1] > 0.95
    assert history["f1"][-1] > 0.9
    assert model.evaluate(*blobs)["log_loss"] == pytest.approx(model.evaluate(*blobs)["loss"], rel=1e-4)
