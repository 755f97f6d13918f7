"""Weights of rows and of classes far from 1: means stay right, or the weights are refused, by both engines alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn

ROWS = 12
RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(ROWS, 3)), np.arange(ROWS) % 3
ODD = np.arange(ROWS) % 2
METRICS = ["accuracy", "log_loss", "f1", "roc_auc"]


def trained(
    weights: Any, engine: str, dtype: str = "float64", *, class_weight: Any = None, reduction: str = "mean"
) -> np.ndarray:
    """The losses of two epochs, what is measured afterwards, and the parameters."""
    loss = gn.losses.CrossEntropy(class_weight=class_weight, reduction=reduction)
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(3))
    model = gn.Model(net, loss, gn.SGD(0.1), METRICS, seed=1, dtype=dtype, engine=engine)
    history = model.fit(X, LABELS, epochs=2, batch_size=5, sample_weight=weights, verbose=False)
    return np.concatenate([history["loss"], list(model.evaluate(X, LABELS, weights).values()), net.parameters])


@pytest.mark.parametrize("size", [1e-30, 1e-20, 2.0**40, 1e20, 5e29])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mean_does_not_know_the_size_of_all_weights(size: float, dtype: str) -> None:
    weights = 1.0 + ODD
    for engine in ("numpy", "compiled"):
        exact = trained(weights, engine, dtype)
        tolerance = 1e-5 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(trained(size * weights, engine, dtype), exact, rtol=tolerance, atol=tolerance)


REFUSED: dict[str, tuple[Any, str, str]] = {
    "1e38 in float32": (
        np.full(ROWS, 1e38),
        "float32",
        r"weight 1e\+38 at row 0.*from 7.9e-31 to 1.3e\+30, in float32",
    ),
    "1e-38 in float32": (np.full(ROWS, 1e-38), "float32", "weight 1e-38 at row 0.*divide all by their largest"),
    "1e307 in float32": (np.full(ROWS, 1e307), "float32", r"weight 1e\+307 at row 0.*in float32"),
    "1e307": (np.full(ROWS, 1e307), "float64", r"weight 1e\+307 at row 0.*in float64"),
    "1e-320": (np.full(ROWS, 1e-320), "float64", "weight 1e-320 at row 0|weight 9.99989e-321 at row 0"),
    "one of them": (np.where(np.arange(ROWS) == 7, 1e-200, 1), "float64", "weight 1e-200 at row 7"),
    "a huge ratio": (np.where(ODD, 1, 1e-50), "float32", "weight 1e-50 at row 0.*set to 0 what does not count"),
    "all 0": (np.zeros(ROWS), "float32", "largest 0, .*some of them above 0"),
    "below 0": (-np.ones(ROWS), "float32", "smallest value -1"),
    "NaN": (np.full(ROWS, np.nan), "float32", "nan at row 0"),
    "infinite": (np.full(ROWS, np.inf), "float64", "inf at row 0"),
    "whole numbers beyond float64": ([10**400] * ROWS, "float64", "inf at row 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_weights_that_would_overflow_or_vanish_are_refused(case: str) -> None:
    weights, dtype, words = REFUSED[case]
    for engine in ("numpy", "compiled"):
        for reduction in ("mean", "sum"):
            with pytest.raises(gn.DataError, match=f"fit: sample_weight: .*{words}"):
                trained(weights, engine, dtype, reduction=reduction)
    model = gn.Model(gn.Dense(3), "cross_entropy", "sgd", dtype=dtype)
    model.fit(X, LABELS, verbose=False)
    for check in (model.evaluate, model.step, model.gradients):
        with pytest.raises(gn.DataError, match=words):
            check(X, LABELS, weights)
    with pytest.raises(gn.DataError, match=words):
        gn.losses.CrossEntropy()(np.zeros((ROWS, 3), dtype), LABELS, weights)
    if dtype == "float64":
        for metric in (gn.metrics.Accuracy(), gn.metrics.RocAuc()):
            with pytest.raises(gn.DataError, match=words):
                metric.compute(np.zeros((ROWS, 3)), LABELS, gn.losses.CrossEntropy(), np.asarray(weights, object))


@pytest.mark.parametrize(
    ("class_weight", "sample_weight", "words"),
    [
        ([0, 0, 0], None, "some of them above 0"),
        ({0: 0, 1: 0, 2: 0}, None, "some of them above 0"),
        ([1, -1, 1], None, "a finite weight ≥ 0"),
        ([np.nan, 1, 1], None, "a finite weight ≥ 0"),
        ([np.inf, 1, 1], None, "a finite weight ≥ 0"),
        ([1e38, 1, 1], None, r"class_weight: received the weight 1e\+38 at row 0"),
        ([1e-308] * 3, None, "class_weight: received the weight 1e-308"),
        ([1e20] * 3, np.full(ROWS, 1e20), r"sample_weight times class_weight: received the weight 1e\+40"),
        ([1e-20] * 3, np.full(ROWS, 1e-20), "sample_weight times class_weight: received the weight 1e-40"),
    ],
)
def test_weights_of_classes_are_held_to_the_same(class_weight: Any, sample_weight: Any, words: str) -> None:
    for engine in ("numpy", "compiled"):
        with pytest.raises(gn.GlassnetError, match=words):
            trained(sample_weight, engine, "float32", class_weight=class_weight)


def test_shares_of_classes_may_be_as_small_as_they_like() -> None:
    shares = np.full((ROWS, 3), [1.0, 1e-45, 1e-45])
    loss = gn.losses.CrossEntropy(class_weight=[0, 1, 1])
    value, gradient = loss(np.zeros((ROWS, 3), np.float32), shares)
    assert value == 0
    assert not gradient.any()


def test_losses_by_output_that_count_for_nothing_are_refused() -> None:
    for losses, words in (
        ({"a": ("mean_squared_error", 0), "b": ("mean_squared_error", 0.0)}, "a weight of 0 each"),
        ({"a": ("mean_squared_error", 1e300)}, "that float32 can hold"),
        ({"a": ("mean_squared_error", 1e-300)}, "that float32 can hold"),
        ({"a": ("mean_squared_error", float("nan"))}, "0 ≤ weight"),
    ):
        with pytest.raises(gn.ConfigurationError, match=words):
            gn.losses.WeightedSum(losses)


def test_batches_together_are_weighted_without_overflow() -> None:
    """What several batches give together is what one step on all rows does, however large their weights."""
    for size in (1.0, 5e29, 1e-30):
        found = []
        for together in (False, True):
            model = gn.Model(gn.Dense(3), "cross_entropy", gn.SGD(0.1), seed=1)
            weights = size * (1.0 + ODD)
            if together:
                model.step_over((1e6 * X[own], LABELS[own], weights[own]) for own in (slice(5), slice(5, None)))
            else:
                model.step(1e6 * X, LABELS, weights)
            found.append(model.network.parameters)
        np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_estimators_hold_weights_to_the_same() -> None:
    pytest.importorskip("sklearn")
    from sklearn.exceptions import ConvergenceWarning

    from glassnet.estimators import MLPClassifier, MLPRegressor

    with pytest.warns(ConvergenceWarning):
        whole = MLPClassifier(max_iter=2, random_state=0).fit(X, LABELS)
    number = MLPRegressor(max_iter=2)
    for weights, words in (
        (np.full(ROWS, 1e307), r"weight 1e\+307"),
        (-np.ones(ROWS), "smallest value -1"),
        ([10**400] * ROWS, "inf"),
    ):
        for use in (MLPClassifier(max_iter=2).fit, number.fit, whole.score):
            with pytest.raises(ValueError, match=words):
                use(X, LABELS, sample_weight=weights)
    for class_weight in ({0: 0, 1: 0, 2: 0}, {0: -1}, {0: np.nan}, {0: "x"}, {0: None}, {0: 1e308}):
        with pytest.raises(gn.GlassnetError):
            MLPClassifier(max_iter=2, class_weight=class_weight).fit(X, LABELS, np.full(ROWS, 1e100))
