"""For each illness a network that has it, and healthy ones that must be found healthy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.data import digits
from glassnet.initializers import Constant, Normal
from glassnet.losses import JointCrossEntropy

Case = tuple[gn.Model, Any, Any]
DIGITS = digits()
X, Y = DIGITS.x / 16, DIGITS.y
RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(400, 5))


def classifier(*layers: Any, optimizer: Any = "adam", outputs: int = 10) -> gn.Model:
    return gn.Model(gn.Sequential(*layers, gn.Dense(outputs)), "cross_entropy", optimizer, metrics=["accuracy"])


def deep(layer: Callable[[], gn.Layer], activation: Callable[[], gn.Layer]) -> gn.Model:
    return classifier(*(own() for _ in range(8) for own in (layer, activation)))


def standardised(model: gn.Model) -> gn.Model:
    model.preprocessing = gn.Standardize.from_data(DIGITS.x)
    return model


ILL: dict[str, Callable[[], Case]] = {
    "equal_units": lambda: (classifier(gn.Dense(64, weight_init="ones"), gn.Tanh()), X, Y),
    "dead_relu": lambda: (classifier(gn.Dense(64, bias_init=Constant(-10.0)), gn.ReLU()), X, Y),
    "saturated_sigmoid": lambda: (classifier(gn.Dense(64, weight_init=Normal(5.0)), gn.Sigmoid()), X, Y),
    "saturated_tanh": lambda: (classifier(gn.Dense(64, weight_init=Normal(5.0)), gn.Tanh()), X, Y),
    "vanishing_gradients": lambda: (deep(lambda: gn.Dense(32, weight_init="glorot_normal"), gn.Sigmoid), X, Y),
    "exploding_gradients": lambda: (deep(lambda: gn.Dense(64, weight_init=Normal(1.0)), gn.ReLU), X, Y),
    "learning_rate_too_high": lambda: (classifier(gn.Dense(32), gn.ReLU(), optimizer=gn.Adam(3.0)), X, Y),
    "learning_rate_too_low": lambda: (classifier(gn.Dense(32), gn.ReLU(), optimizer=gn.SGD(1e-5)), X, Y),
    "unscaled_inputs": lambda: (classifier(gn.Dense(32), gn.ReLU()), X * 1000, Y),
    "class_imbalance": lambda: (classifier(gn.Dense(32), gn.ReLU(), outputs=2), POINTS, (POINTS[:, 0] > 2).astype(int)),
    "unrelated_targets": lambda: (classifier(gn.Dense(64), gn.ReLU()), X, np.random.default_rng(1).permutation(Y)),
    "cannot_learn_by_heart": lambda: (classifier(gn.Dense(128), gn.Tanh()), np.ones((400, 6)), Y[:400]),
    "first_loss": lambda: (classifier(gn.Dense(64, weight_init=Normal(2.0)), gn.ReLU()), X, Y),
}
HEALTHY: dict[str, Callable[[], Case]] = {
    "digits": lambda: (classifier(gn.Dense(128), gn.ReLU()), X, Y),
    "raw digits, standardised": lambda: (standardised(classifier(gn.Dense(64), gn.Tanh())), DIGITS.x, Y),
    "dropout and batch norm": lambda: (classifier(gn.Dense(64), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.2)), X, Y),
    "convolution": lambda: (
        classifier(gn.Reshape((1, 8, 8)), gn.Conv2D(8, 3, padding="same"), gn.ReLU(), gn.MaxPool2D(2), gn.Flatten()),
        X,
        Y,
    ),
    "momentum": lambda: (classifier(gn.Dense(64), gn.Sigmoid(), optimizer=gn.SGD(0.1, momentum=0.9)), X, Y),
    "regression": lambda: (
        gn.Model(gn.Sequential(gn.Dense(32), gn.ReLU(), gn.Dense(1)), "mean_squared_error", "adam"),
        POINTS,
        POINTS @ np.ones((5, 1)) + 0.1 * RNG.normal(size=(400, 1)),
    ),
    "two classes, one output": lambda: (
        gn.Model(gn.Sequential(gn.Dense(16), gn.Tanh(), gn.Dense(1)), "binary_cross_entropy", gn.Adam(0.01)),
        POINTS,
        (POINTS[:, :1] * POINTS[:, 1:2] > 0).astype(float),
    ),
    "numbers that name things": lambda: (
        gn.Model(
            gn.Sequential(
                gn.Concat(gn.Columns([0]), [gn.Columns([1]), gn.Embedding(9001, 4), gn.Flatten()]), gn.Dense(2)
            ),
            "cross_entropy",
            gn.Adam(0.01),
        ),
        np.column_stack([POINTS[:, 0], RNG.integers(0, 4, 400) * 3000]),
        (POINTS[:, 0] > 0).astype(int),
    ),
    "several questions a row": lambda: (
        gn.Model(gn.Sequential(gn.Dense(16), gn.Tanh(), gn.Dense(5)), JointCrossEntropy([2, 3]), gn.Adam(0.01)),
        POINTS,
        np.column_stack([POINTS[:, 0] > 0, np.digitize(POINTS[:, 1], [-0.4, 0.4])]).astype(int),
    ),
    "a sum of squares": lambda: (
        gn.Model(gn.Sequential(gn.Dense(16), gn.Tanh(), gn.Dense(1)), "sum_squared_error", gn.Adam(0.01)),
        POINTS,
        np.sin(POINTS[:, :1]),
    ),
}


@pytest.mark.parametrize("name", ILL)
def test_an_illness_is_found(name: str) -> None:
    model, x, y = ILL[name]()
    found = gn.diagnose(model, x, y)
    assert name in [finding.name for finding in found.findings]
    (own,) = (finding for finding in found.findings if finding.name == name)
    assert all((own.where, own.measured, own.why, own.fix))
    assert any(character.isdigit() for character in own.measured)
    text = " ".join(str(found).split())
    for words in (own.measured, own.why, own.fix):
        assert words in text


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_network_has_none(name: str, trained: bool) -> None:
    model, x, y = HEALTHY[name]()
    history = model.fit(x, y, epochs=15, validation_split=0.2, verbose=False) if trained else None
    found = gn.diagnose(model, x, y, history=history)
    assert found.findings == (), str(found)
    assert "Nothing found" in str(found)


def test_the_model_stays_as_it_is() -> None:
    model = classifier(gn.Dense(16), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.5))
    model.fit(X[:200], Y[:200], epochs=2, verbose=False)
    arrays = [model.network.parameters, *model.optimizer.state.values()]
    before = [array.copy() for array in arrays]
    answers = model.predict(X[:50])
    gn.diagnose(model, X, Y)
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)
    np.testing.assert_array_equal(model.predict(X[:50]), answers)
    assert model.epochs_trained == 2


def test_overfitting_and_underfitting() -> None:
    few = slice(60)
    noisy = np.where(RNG.random(60) < 0.3, RNG.integers(0, 10, 60), Y[few])
    model = classifier(gn.Dense(128), gn.ReLU(), optimizer=gn.Adam(0.01))
    history = model.fit(X[few], noisy, epochs=80, validation_data=(X[500:], Y[500:]), verbose=False)
    names = [finding.name for finding in gn.diagnose(model, X[few], noisy, history=history).findings]
    assert "overfitting" in names
    lazy = classifier(gn.Dense(16), gn.ReLU(), optimizer=gn.SGD(1e-6))
    history = lazy.fit(X, Y, epochs=6, verbose=False)
    names = [finding.name for finding in gn.diagnose(lazy, X, Y, history=history).findings]
    assert "underfitting" in names
    assert "overfitting" not in names


def test_hints_after_a_fit_in_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def train(x: np.ndarray, *, verbose: bool = True) -> str:
        classifier(gn.Dense(16), gn.ReLU()).fit(x, Y, epochs=1, verbose=verbose)
        return capsys.readouterr().out

    assert train(X * 1000) == ""
    monkeypatch.setattr("glassnet.model.fitting.is_watched", lambda: True)
    assert "hint: unscaled inputs (column" in train(X * 1000)
    assert train(X * 1000, verbose=False) == ""
    assert "hint" not in train(X)


def test_the_range_test() -> None:
    model = classifier(gn.Dense(32), gn.ReLU())
    test = gn.learning_rate_range(model, X, Y, steps=50)
    assert test.rates[0] == pytest.approx(1e-6)
    assert (np.diff(test.rates) > 0).all()
    assert len(test.rates) == len(test.losses) <= 50
    assert 1e-4 < test.suggested < 0.1
    again = gn.learning_rate_range(model, X, Y, steps=50)
    np.testing.assert_array_equal(test.losses, again.losses)
    figure = gn.plots.plot_learning_rate_range(test, rate=0.001)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == [f"suggested, {test.suggested:.2g}", "the model's, 0.001"]
    with pytest.raises(gn.ConfigurationError, match="high above low"):
        gn.learning_rate_range(model, X, Y, low=1.0, high=0.1)
    with pytest.raises(gn.DataError):
        gn.diagnose(model, X, Y + 5)
