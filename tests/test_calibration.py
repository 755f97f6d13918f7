"""Temperatures, by the log loss of rows that were set aside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3)).astype(np.float32)
P = 1 / (1 + np.exp(-2 * X[:, 0]))
Y = (RNG.random(400) < P).astype(int)


def model(outputs: int = 2, factor: float = 1.0, **settings: Any) -> gn.Model:
    """One whose logits are ``factor`` times the right ones."""
    loss = "binary_cross_entropy" if outputs == 1 else "cross_entropy"
    net = gn.Sequential(
        gn.Dense(2, weight_init=np.array([[2.0, -2.0], [0.0, 0.0], [0.0, 0.0]])), gn.ReLU(), gn.Dense(outputs)
    )
    made = gn.Model(net, loss, "adam", **settings)
    net.build((3,), dtype=made.dtype)
    net[2].weight = factor * (np.array([[1.0], [-1.0]]) if outputs == 1 else np.array([[-0.5, 0.5], [0.5, -0.5]]))
    net[2].bias = 0.0
    return made


def log_loss(made: gn.Model, weights: Any = None) -> float:
    return made.evaluate(X, Y.reshape(-1, 1) if made.network.output_shape == (1,) else Y, weights)["loss"]


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_temperature_is_where_the_log_loss_is_smallest(outputs: int) -> None:
    y = Y.reshape(-1, 1) if outputs == 1 else Y
    found = [gn.calibrate(model(outputs, factor), X, y) for factor in (1.0, 5.0, 0.2)]
    np.testing.assert_allclose(np.divide(found, found[0]), [1, 5, 0.2], rtol=1e-4)
    assert 0.7 < found[0] < 1.4
    sure = model(outputs, 5.0)
    classes, before = sure.predict_classes(X), log_loss(sure)
    gn.calibrate(sure, X, y)
    np.testing.assert_array_equal(sure.predict_classes(X), classes)
    best = log_loss(sure)
    assert best < before
    for beside in (0.98, 1.02):
        other = model(outputs, 5.0 / found[1] * beside)
        assert log_loss(other) > best
    assert gn.calibrate(sure, X, y) == pytest.approx(1, abs=1e-5)


def test_weights_and_shares_of_classes_count() -> None:
    weights = np.where(np.arange(400) < 100, 1.0, 0.0)
    assert gn.calibrate(model(2, 3.0), X, Y, weights) == pytest.approx(gn.calibrate(model(2, 3.0), X[:100], Y[:100]))
    shares = np.eye(2)[Y]
    assert gn.calibrate(model(2, 3.0), X, shares) == pytest.approx(gn.calibrate(model(2, 3.0), X, Y))
    balanced = model(2, 3.0)
    balanced.loss = gn.losses.CrossEntropy(class_weight=[1.0, 9.0])  # of training alone
    assert gn.calibrate(balanced, X, Y) == pytest.approx(gn.calibrate(model(2, 3.0), X, Y))


def test_bounds_are_told() -> None:
    told_right = (X[:, 0] > 0).astype(int)
    with pytest.warns(gn.DataWarning, match="told right"):
        assert gn.calibrate(model(), X[np.abs(X[:, 0]) > 0.1], told_right[np.abs(X[:, 0]) > 0.1]) < 0.011
    with pytest.warns(gn.DataWarning, match="nothing of these rows"):
        assert gn.calibrate(model(), X, 1 - Y) > 99


def test_what_cannot_be_divided_is_refused() -> None:
    tied = gn.Sequential(gn.Embedding(4, 3, name="tokens"), gn.Tied("tokens"))
    tied.build((5,))
    softmax = gn.Sequential(gn.Dense(2), gn.Softmax())
    softmax.build((3,))
    shared = model()
    other = gn.Sequential(*shared.network[1:])
    other.build((2,))
    refused = [
        (gn.Model(softmax, gn.losses.CrossEntropy(from_logits=False), "adam"), "of logits"),
        (gn.Model(gn.Sequential(*softmax[:1].copy()), "mean_squared_error", "adam"), "of logits"),
        (gn.Model(tied, "cross_entropy", "adam"), "Dense layer at its end"),
        (shared, "Dense layer at its end"),
    ]
    for made, message in refused:
        with pytest.raises(gn.ConfigurationError, match=message):
            gn.calibrate(made, X, Y)
    assert len(other) == 2
    with pytest.raises(gn.NotBuiltError):
        gn.calibrate(gn.Model(gn.Dense(2), "cross_entropy", "adam"), X, Y)
