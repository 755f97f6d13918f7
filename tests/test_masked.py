"""A masked array's hidden values are missing values, whatever door they come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.data import Dataset
from glassnet.metrics import METRICS, as_metrics, roc_curve

ENGINES = ["numpy", "compiled"] if native() is not None else ["numpy"]
HIDDEN = 999999.0
X = np.random.default_rng(0).normal(size=(12, 3))
LABELS = np.arange(12) % 2
AMOUNTS = X[:, :1] * 2.0
WEIGHTS = np.linspace(0.5, 2.0, 12)


def hide(values: np.ndarray) -> np.ma.MaskedArray:
    """With one value hidden, in row 7."""
    masked = np.ma.array(values.astype(np.float64 if values.dtype.kind == "f" else values.dtype))
    place = (7,) + (0,) * (values.ndim - 1)
    masked.data[place] = HIDDEN if values.dtype.kind == "f" else 1
    masked[place] = np.ma.masked
    return masked


def classifier(engine: str = "auto", *, fitted: bool = True) -> gn.Model:
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(2))
    model = gn.Model(net, "cross_entropy", gn.Adam(0.01), ["accuracy"], engine=engine)
    if fitted:
        model.fit(X, LABELS, verbose=False)
    return model


def regressor(*, fitted: bool = True) -> gn.Model:
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", gn.Adam(0.01), ["r2"])
    model.target_scaling = gn.Standardize.from_data(AMOUNTS)
    if fitted:
        model.fit(X, AMOUNTS, verbose=False)
    return model


Door = Callable[[Callable[[np.ndarray], Any]], Any]
"""Gets what is done to the array that comes to it."""
DOORS: dict[str, Door] = {
    "fit: x": lambda change: classifier(fitted=False).fit(change(X), LABELS, verbose=False),
    "fit: y": lambda change: classifier(fitted=False).fit(X, change(LABELS), verbose=False),
    "fit: y of amounts": lambda change: regressor(fitted=False).fit(X, change(AMOUNTS), verbose=False),
    "fit: sample_weight": lambda c: classifier(fitted=False).fit(X, LABELS, sample_weight=c(WEIGHTS), verbose=False),
    "fit: validation x": lambda c: classifier().fit(X, LABELS, validation_data=(c(X), LABELS), verbose=False),
    "fit: validation y": lambda c: classifier().fit(X, LABELS, validation_data=(X, c(LABELS)), verbose=False),
    "fit: validation weights": lambda c: classifier().fit(
        X, LABELS, validation_data=(X, LABELS, c(WEIGHTS)), verbose=False
    ),
    "evaluate: x": lambda change: classifier().evaluate(change(X), LABELS),
    "evaluate: y": lambda change: classifier().evaluate(X, change(LABELS)),
    "evaluate: y of amounts": lambda change: regressor().evaluate(X, change(AMOUNTS)),
    "evaluate: weights": lambda change: classifier().evaluate(X, LABELS, change(WEIGHTS)),
    "predict": lambda change: classifier().predict(change(X)),
    "predict a list": lambda change: classifier().predict(list(change(X))),
    "predict_classes": lambda change: classifier().predict_classes(change(X)),
    "predict_proba": lambda change: classifier().predict_proba(change(X)),
    "rows": lambda change: classifier().rows(change(X), LABELS),
    "rows: y": lambda change: classifier().rows(X, change(LABELS)),
    "inputs": lambda change: classifier().inputs(change(X)),
    "network": lambda change: classifier().network.forward(gn.NumpyRunner(), change(X), training=False),
    "check_gradients: x": lambda change: gn.check_gradients(gn.Dense(2), change(X)),
    "check_gradients: y": lambda change: gn.check_gradients(gn.Dense(2), X, change(LABELS), "cross_entropy"),
    "check_gradients: weights": lambda change: gn.check_gradients(
        gn.Dense(2), X, LABELS, "cross_entropy", sample_weight=change(WEIGHTS)
    ),
    "trace: x": lambda change: gn.trace(classifier(), change(X), LABELS),
    "trace: y": lambda change: gn.trace(classifier(), X, change(LABELS)),
    "trace: weights": lambda change: gn.trace(classifier(), X, LABELS, change(WEIGHTS)),
    "diagnose: x": lambda change: gn.diagnose(classifier(), change(X), LABELS),
    "diagnose: y": lambda change: gn.diagnose(classifier(), X, change(LABELS)),
    "learning_rate_range": lambda change: gn.learning_rate_range(classifier(), change(X), LABELS, steps=3),
    "importance: x": lambda change: gn.permutation_importance(classifier(), change(X), LABELS),
    "importance: y": lambda change: gn.permutation_importance(classifier(), X, change(LABELS)),
    "Standardize.from_data": lambda change: gn.Standardize.from_data(change(X)),
    "Standardize.by_channel": lambda change: gn.Standardize.by_channel(change(X.reshape(12, 3, 1, 1))),
    "Standardize.apply": lambda change: gn.Standardize().apply(change(X)),
    "Standardize.invert": lambda change: gn.Standardize().invert(change(X)),
    "Standardize": lambda change: gn.Standardize(mean=change(WEIGHTS)),
    "Dataset: x": lambda change: Dataset(change(X.astype(np.float64)), LABELS),
    "Dataset: y": lambda change: Dataset(X, change(AMOUNTS)),
    "plot_decision_boundary": lambda c: gn.plots.plot_decision_boundary(classifier_of_two(), c(X[:, :2]), LABELS),
    "plot_decision_boundary: y": lambda c: gn.plots.plot_decision_boundary(classifier_of_two(), X[:, :2], c(LABELS)),
    "plot_residuals": lambda change: gn.plots.plot_residuals(regressor(), X, change(AMOUNTS)),
    "plot_residuals of amounts": lambda change: gn.plots.plot_residuals(AMOUNTS, change(AMOUNTS)),
    "plot_confusion_matrix": lambda change: gn.plots.plot_confusion_matrix(classifier(), X, change(LABELS)),
    "plot_calibration": lambda change: gn.plots.plot_calibration(classifier(), change(X), LABELS),
    "roc_curve": lambda change: roc_curve(change(X[:, 0]), LABELS > 0),
    "initial values": lambda change: gn.Dense(1, weight_init=change(AMOUNTS)).build((12,), np.random.default_rng(0)),
    "class_weight": lambda change: classifier_with(change(WEIGHTS)),
}


def classifier_of_two() -> gn.Model:
    model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "sgd")
    model.fit(X[:, :2], LABELS, verbose=False)
    return model


def classifier_with(class_weight: Any) -> None:
    loss = gn.losses.CrossEntropy(class_weight=class_weight)
    loss(np.zeros((12, 12)), np.arange(12))


LOSSES = {
    "cross_entropy": (np.zeros((12, 2)), LABELS),
    "binary_cross_entropy": (np.zeros((12, 1)), LABELS[:, None]),
    "hinge": (np.zeros((12, 1)), LABELS[:, None]),
    "mean_squared_error": (np.zeros((12, 1)), AMOUNTS),
    "mean_absolute_error": (np.zeros((12, 1)), AMOUNTS),
    "sum_squared_error": (np.zeros((12, 1)), AMOUNTS),
    "huber": (np.zeros((12, 1)), AMOUNTS),
}


def loss_door(name: str, argument: int) -> Door:
    loss = gn.losses.LOSSES[name]()
    arguments = [*LOSSES[name], WEIGHTS]
    return lambda change: loss(*(change(own) if place == argument else own for place, own in enumerate(arguments)))


METRICS_OF_CLASSES = (
    *("accuracy", "f1", "log_loss", "precision", "recall", "roc_auc"),
    *("perplexity", "bits_per_character"),
)


def metric_door(name: str, argument: int) -> Door:
    (metric,) = as_metrics([name])
    about_classes = name in METRICS_OF_CLASSES
    arguments = [X[:, :2], LABELS, WEIGHTS] if about_classes else [X[:, :1], AMOUNTS, WEIGHTS]
    loss = gn.losses.CrossEntropy() if about_classes else gn.losses.MeanSquaredError()

    def door(change: Callable[[np.ndarray], Any]) -> float:
        given = [change(own) if place == argument else own for place, own in enumerate(arguments)]
        return metric.compute(given[0], given[1], loss, given[2])

    return door


DOORS |= {f"loss {name}: {place}": loss_door(name, place) for name in LOSSES for place in range(3)}
DOORS |= {f"metric {name}: {place}": metric_door(name, place) for name in METRICS for place in range(3)}


@pytest.mark.parametrize("name", DOORS)
def test_what_a_mask_hides_is_refused(name: str) -> None:
    with pytest.raises(gn.DataError) as caught:
        DOORS[name](hide)
    message = str(caught.value)
    assert "a masked value at row 7" in message
    assert "999999" not in message


@pytest.mark.parametrize("name", DOORS)
def test_a_mask_that_hides_nothing_changes_nothing(name: str) -> None:
    def answer(change: Callable[[np.ndarray], Any]) -> Any:
        found = DOORS[name](change)
        assert not isinstance(found, np.ma.MaskedArray)
        return repr(found) if isinstance(found, np.ndarray | float | tuple) else None

    plain = answer(lambda values: values)
    assert answer(lambda values: np.ma.array(values)) == plain
    assert answer(lambda values: np.ma.array(values, mask=np.zeros(values.shape, bool))) == plain


@pytest.mark.parametrize("engine", ENGINES)
def test_both_engines_refuse_and_go_on(engine: str) -> None:
    model = classifier(engine)
    before = model.predict(X)
    for values in (hide(X), hide(X.astype(np.float32))):
        with pytest.raises(gn.DataError, match="predict: x: received a masked value at row 7, column 0"):
            model.predict(values)
        with pytest.raises(gn.DataError, match="fit: x: received a masked value at row 7, column 0"):
            model.fit(values, LABELS, verbose=False)
    np.testing.assert_array_equal(model.predict(np.ma.array(X)), before)


def test_datasets_hold_plain_arrays() -> None:
    data = Dataset(np.ma.array(X), np.ma.array(LABELS))
    assert type(data.x) is type(data.y) is np.ndarray


@pytest.mark.parametrize("place", ["X", "y", "sample_weight", "predict", "eval_set"])
@pytest.mark.filterwarnings("ignore:The training ended")
def test_estimators(place: str) -> None:
    pytest.importorskip("sklearn")
    from glassnet.estimators import MLPRegressor

    estimator = MLPRegressor(hidden_layer_sizes=(2,), max_iter=2, random_state=0, batch_size=4, tol=0.0)
    given = {"X": X, "y": AMOUNTS[:, 0], "sample_weight": WEIGHTS, "predict": X, "eval_set": X}
    given[place] = hide(given[place])
    with pytest.raises(gn.DataError, match="a masked value at row 7"):
        estimator.fit(
            given["X"], given["y"], given["sample_weight"], eval_set=(given["eval_set"], AMOUNTS[:, 0])
        ).predict(given["predict"])
