"""Permutation importance: beside scikit-learn's, and on tables."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn


def linear() -> tuple[gn.Model, np.ndarray, np.ndarray]:
    """A model that knows the truth y = 3 x0 − x1, and a column that says nothing."""
    net = gn.Sequential(gn.Dense(1, weight_init=np.array([[3.0], [-1.0], [0.0]])))
    net.build((3,), dtype="float64")
    x = np.random.default_rng(0).normal(size=(2000, 3))
    return gn.Model(net, "mean_squared_error", "sgd", dtype="float64"), x, 3 * x[:, :1] - x[:, 1:2]


def test_it_agrees_with_scikit_learn() -> None:
    inspection = pytest.importorskip("sklearn.inspection")
    model, x, y = linear()
    found = gn.permutation_importance(model, x, y, rows=2000, repeats=20, measure="mean_squared_error")
    assert [own.column for own in found] == ["x0", "x1", "x2"]

    class Estimator:
        def fit(self) -> None: ...

        def score(self, x: np.ndarray, y: np.ndarray) -> float:
            return -float(np.mean((model.predict(x) - y) ** 2))

    expected = inspection.permutation_importance(Estimator(), x, y, n_repeats=20, random_state=0).importances_mean
    np.testing.assert_allclose([own.change for own in found], expected, rtol=0.05, atol=1e-12)
    assert found[0].change == pytest.approx(2 * 9 * x[:, 0].var(), rel=0.05)  # E[(a − b)²] of two like draws
    assert found[2].change == found[2].deviation == 0


def test_all_numbers_of_a_column_move_together() -> None:
    rng = np.random.default_rng(0)
    data = {"town": rng.choice(["Ulm", "Bern", "Graz"], 300), "noise": rng.normal(size=300), "same": [1] * 300}
    answers = {**data, "there": data["town"] == "Bern"}
    table = gn.Table.from_data(answers, target="there")
    model = gn.Model(gn.Sequential(gn.Dense(table.outputs)), table.loss, gn.Adam(0.1), metrics=["f1"])
    model.preprocessing = table
    y = table.targets(answers)
    model.fit(data, y, epochs=20, verbose=False)
    first, second = gn.permutation_importance(model, data, y, rows=100, measure="accuracy")
    assert (first.column, second.column) == ("town", "noise")
    # Of two rows drawn by chance so many differ in being Bern: each such row becomes wrong.
    share = y.mean()
    assert first.change == pytest.approx(2 * share * (1 - share), abs=0.1)
    assert second.change == 0
    assert [metric.name for metric in model.metrics] == ["f1"]
    assert model.preprocessing is table
    again = gn.permutation_importance(model, data, y, rows=100, measure="accuracy")
    assert again == (first, second)


def test_without_probabilities_it_is_the_accuracy() -> None:
    net = gn.Sequential(gn.Dense(2, weight_init=np.array([[1.0, -1.0], [0.0, 0.0]])))
    net.build((2,), dtype="float64")
    model = gn.Model(net, "hinge", "sgd", dtype="float64")
    model.feature_names = ("left", "right")
    x = np.random.default_rng(0).normal(size=(400, 2))
    first, second = gn.permutation_importance(model, x, (x[:, 0] < 0).astype(int))
    assert (first.column, second.column) == ("left", "right")
    assert first.change == pytest.approx(0.5, abs=0.1)


def test_images_have_no_columns() -> None:
    net = gn.Sequential(gn.Flatten(), gn.Dense(2))
    net.build((1, 2, 2))
    with pytest.raises(gn.ConfigurationError, match="plot_mistakes"):
        gn.permutation_importance(gn.Model(net, "cross_entropy", "sgd"), np.zeros((3, 1, 2, 2)), [0, 1, 0])
