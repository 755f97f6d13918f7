"""The ROC curve, calibration and residuals: what is drawn is what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figures import assert_texts_are_apart

import glassnet as gn
from glassnet.plots.curves import wilson_interval

sklearn_metrics = pytest.importorskip("sklearn.metrics")
calibration_curve = pytest.importorskip("sklearn.calibration").calibration_curve
pytest.importorskip("matplotlib")


def guesses(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that are too sure; rounded, so that some are equal."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0, 1, rows)
    return (rng.uniform(0, 1, rows) < p).astype(int), np.round(np.clip(1.4 * p - 0.2, 0.003, 0.997), 2)


def yes_or_no() -> tuple[gn.Model, np.ndarray, np.ndarray]:
    """A model of one output whose probability is sigmoid(x)."""
    net = gn.Sequential(gn.Dense(1, weight_init=np.ones((1, 1))))
    net.build((1,), dtype="float64")
    x = np.random.default_rng(0).normal(size=(50, 1))
    return gn.Model(net, "binary_cross_entropy", "sgd", dtype="float64"), x, (x > 0.2).astype(int)


def test_the_roc_curve_is_scikit_learns() -> None:
    labels, p = guesses()
    figure = gn.plots.plot_roc(labels, p)
    x, y = figure.axes[0].lines[1].get_data()
    expected_x, expected_y, _ = sklearn_metrics.roc_curve(labels, p, drop_intermediate=False)
    np.testing.assert_allclose(x, expected_x)
    np.testing.assert_allclose(y, expected_y)
    area = sklearn_metrics.roc_auc_score(labels, p)
    assert figure.get_suptitle() == f"area under the ROC curve {area:.3f}"
    assert_texts_are_apart(figure)
    both = gn.plots.plot_roc(labels, np.column_stack([1 - p, p]))
    np.testing.assert_allclose(both.axes[0].lines[1].get_xdata(), expected_x)


def test_the_calibration_curve_is_scikit_learns() -> None:
    labels, p = guesses()
    p = 0.999 * p + 1e-6  # a bin's upper edge belongs to it there and to the next one here
    figure = gn.plots.plot_calibration(labels, p)
    came, said = calibration_curve(labels, p, n_bins=10)
    x, y = figure.axes[0].lines[1].get_data()
    np.testing.assert_allclose(x, said)
    np.testing.assert_allclose(y, came)
    counts = np.histogram(p, np.linspace(0, 1, 11))[0]
    assert [bar.get_height() for bar in figure.axes[1].patches] == counts.tolist()
    error = np.sum(counts[counts > 0] * np.abs(came - said)) / len(p)
    assert figure.get_suptitle() == f"expected calibration error {error:.3f}"
    (bars,) = figure.axes[0].collections
    for (bottom, top), share in zip([path.vertices[:, 1] for path in bars.get_paths()], came, strict=True):
        assert bottom <= share <= top
    assert_texts_are_apart(figure)


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = wilson_interval(np.array([0.8, 0.0, 1.0]), np.array([10, 20, 5]))
    np.testing.assert_allclose(low, [0.490162, 0, 0.565518], atol=1e-6)  # by statsmodels' proportion_confint
    np.testing.assert_allclose(high, [0.943318, 0.161125, 1], atol=1e-6)


def test_of_many_classes_the_predicted_one_is_calibrated() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.75, 0.15], [0.0, 0.05, 0.95], [0.0, 0.05, 0.95]])
    figure = gn.plots.plot_calibration([0, 0, 2, 2], shares)
    x, y = figure.axes[0].lines[1].get_data()
    np.testing.assert_allclose(x, [0.725, 0.95])
    np.testing.assert_allclose(y, [0.5, 1.0])
    assert "0.138" in figure.get_suptitle()  # (2 · 0.225 + 2 · 0.05) / 4 = 0.1375


def test_models_and_arrays_draw_the_same() -> None:
    model, x, y = yes_or_no()
    p = 1 / (1 + np.exp(-x[:, 0]))
    for draw in (gn.plots.plot_roc, gn.plots.plot_precision_recall, gn.plots.plot_calibration):
        for mine, expected in zip(draw(model, x, y).axes, draw(y, p).axes, strict=True):
            for line, other in zip(mine.lines, expected.lines, strict=True):
                np.testing.assert_allclose(line.get_xydata(), other.get_xydata())


@pytest.mark.parametrize("outputs", [1, 2, 9])
def test_residuals(outputs: int) -> None:
    rng = np.random.default_rng(0)
    actual = rng.normal(100, 10, (50, outputs))
    predicted = actual + rng.normal(1, 2, (50, outputs))
    figure = gn.plots.plot_residuals(actual, predicted)
    assert len(figure.axes) == 2 * min(outputs, 6)
    points = figure.axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([actual[:, 0], predicted[:, 0]]))
    counts, edges = np.histogram((predicted - actual)[:, 0], 8)
    assert [bar.get_height() for bar in figure.axes[1].patches] == counts.tolist()
    np.testing.assert_allclose(figure.axes[1].patches[0].get_x(), edges[0])
    assert f"{np.abs(predicted - actual).mean():.4g}" in figure.get_suptitle()
    assert_texts_are_apart(figure)


def test_many_rows_are_drawn_in_part_and_counted_in_full() -> None:
    actual = np.random.default_rng(0).normal(size=5000)
    figure = gn.plots.plot_residuals(actual, actual + 1)
    assert len(figure.axes[0].collections[0].get_offsets()) == 2000
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == 5000
    assert "of 5,000 rows 2,000 drawn" in figure.get_suptitle()


@pytest.mark.parametrize(
    ("draw", "words", "error"),
    [
        (lambda: gn.plots.plot_roc([0, 1, 2], np.full((3, 3), 1 / 3)), "3 classes", gn.ConfigurationError),
        (lambda: gn.plots.plot_roc([1, 1], [0.3, 0.4]), "rows of class 1 only", gn.DataError),
        (lambda: gn.plots.plot_roc([0, 1], [0.3, 1.4]), "from 0.3 to 1.4", gn.DataError),
        (lambda: gn.plots.plot_roc([0, 1], [0.3]), "2 rows", gn.ShapeError),
        (lambda: gn.plots.plot_roc([0, 2], [0.3, 0.4]), "labels from 0 to 2", gn.DataError),
        (lambda: gn.plots.plot_calibration([0, 1], [0.3, 0.4], [0, 1]), "three arrays", gn.ConfigurationError),
        (lambda: gn.plots.plot_calibration(*yes_or_no()[:2]), "true labels", gn.ConfigurationError),
        (lambda: gn.plots.plot_residuals([1.0, 2.0], [[1.0, 2.0], [1.0, 2.0]]), "1 true and 2", gn.ShapeError),
        (lambda: gn.plots.plot_residuals([1.0, np.nan], [1.0, 2.0]), "true amounts", gn.DataError),
    ],
)
def test_what_cannot_be_drawn(draw: Any, words: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=words):
        draw()


def test_several_labels_a_row_are_refused() -> None:
    net = gn.Sequential(gn.Dense(3))
    net.build((2,))
    model = gn.Model(net, "binary_cross_entropy", "sgd")
    with pytest.raises(gn.ShapeError, match="several labels"):
        gn.plots.plot_roc(model, np.ones((2, 2)), np.eye(3)[:2])


def test_each_is_saved_where_asked(tmp_path: Path) -> None:
    labels, p = guesses()
    for number, draw in enumerate((gn.plots.plot_roc, gn.plots.plot_calibration, gn.plots.plot_residuals)):
        draw(labels, p, path=tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes().startswith(b"\x89PNG")


def test_learning_curves_of_some_measures() -> None:
    history = gn.History()
    history.extend(1, {"loss": [2.0, 1.0], "accuracy": [0.4, 0.8], "learning_rate": [0.1, 0.1]})
    assert history.measures == ("loss", "accuracy")
    assert [axes.get_title() for axes in history.plot().axes] == ["loss", "accuracy"]
    assert [axes.get_title() for axes in history.plot(names=["accuracy"]).axes] == ["accuracy"]
    with pytest.raises(gn.ConfigurationError, match="'f1'"):
        history.plot(names=["f1"])
