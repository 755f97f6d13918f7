"""The losses of a training side by side: each difference has the cause that is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(203, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
STILL = 1e-12
"""A rate at which no weight moves."""


def trained(*between: Any, rate: float = 0.01, **settings: Any) -> gn.Model:
    layers = (layer() if isinstance(layer, type) else gn.Dropout(layer) for layer in between)
    model = gn.Model(gn.Sequential(gn.Dense(16), *layers, "relu", gn.Dense(2)), "cross_entropy", gn.Adam(rate))
    model.fit(X, Y, epochs=3, verbose=False, **settings)
    return model


@pytest.mark.parametrize("between", [(), (0.5,), (gn.BatchNorm,), (gn.BatchNorm, 0.5)], ids=repr)
def test_of_weights_that_do_not_move_the_epoch_is_that_of_its_batches(between: tuple[Any, ...]) -> None:
    model = trained(*between, rate=STILL)
    found = gn.compare_losses(model, X, Y)
    assert found["epoch 3"] == model.latest_fit.history["loss"][-1]
    assert found["with its last weights"] == pytest.approx(found["epoch 3"], rel=1e-6)
    assert found["evaluate"] == pytest.approx(model.evaluate(X, Y)["loss"], rel=1e-5)
    assert len(found.batches) == 7
    assert ("without noise" in str(found)) == (0.5 in between)
    plain = found.losses[-2].name == "with its last weights"
    assert plain == (0.5 not in between)
    if between == ():
        assert found["evaluate"] == pytest.approx(found["epoch 3"], rel=1e-5)


def test_each_cause_has_its_difference() -> None:
    found = gn.compare_losses(trained(gn.BatchNorm, 0.5, validation_data=(X[:40] + 1, Y[:40])), X, Y)
    names = ["epoch 3", "with its last weights", "without noise", "evaluate", "validation"]
    assert [own.name for own in found.losses] == names
    assert sum(own.effect for own in found.losses) == pytest.approx(found["validation"] - found["epoch 3"])
    assert found["without noise"] < found["with its last weights"]
    assert "layer 2, Dropout(0.5): passes everything on" in str(found)
    assert "running statistics" in str(found)
    assert found._repr_html_().count("<tr") == 6


def test_other_rows_and_kept_weights_are_told() -> None:
    other = gn.compare_losses(trained(), X[:100], Y[:100])
    assert [own.name for own in other.losses] == ["with its last weights", "evaluate"]
    assert "not the rows" in str(other)
    untrained = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "sgd")
    assert "no training" in str(gn.compare_losses(untrained, X, Y))
    stopping = gn.EarlyStopping(patience=1, monitor="val_loss")
    kept = trained(0.5)
    history = kept.fit(X, Y, epochs=9, validation_data=(X[:40], 1 - Y[:40]), callbacks=[stopping], verbose=False)
    assert history.kept_epoch is not None
    assert "history=" in str(gn.compare_losses(kept, X, Y))
    found = gn.compare_losses(kept, X, Y, history=history)
    assert found.losses[0].name == f"epoch {history.kept_epoch}"
    assert found.losses[0].value == history["loss"][history.epochs.index(history.kept_epoch)]


def test_nothing_of_the_model_changes() -> None:
    model = trained(gn.BatchNorm, 0.5)
    before, steps = model.network.parameters.tobytes(), model.optimizer.steps
    gn.compare_losses(model, X, Y)
    assert (model.network.parameters.tobytes(), model.optimizer.steps) == (before, steps)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_and_sums(reduction: str) -> None:
    weights = RNG.uniform(0.1, 3, len(X))
    loss = gn.losses.CrossEntropy(reduction=reduction, class_weight=[1.0, 3.0])
    model = gn.Model(gn.Sequential(gn.Dense(8), "tanh", gn.Dense(2)), loss, gn.SGD(STILL))
    model.fit(X, Y, epochs=2, sample_weight=weights, verbose=False)
    found = gn.compare_losses(model, X, Y, weights)
    assert found.note == ""
    assert found["with its last weights"] == pytest.approx(found["epoch 2"], rel=1e-6)
    assert found["evaluate"] == pytest.approx(model.evaluate(X, Y, weights)["loss"], rel=1e-5)
