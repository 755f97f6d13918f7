"""``partial_fit`` on rows that make one batch: a single update, which is what a training of one epoch would do."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

from glassnet.compile import native
from glassnet.estimators import MLPClassifier, MLPRegressor

SIZES = (5, 1, 8, 8, 3, 8, 200, 1)


def nothing(state: Any) -> None:
    """A callback, which a training has and a single update has not."""


def learned(kind: Any, settings: dict[str, Any], *, by_training: bool, weighted: bool = False) -> Any:
    """An estimator that has learned some batches."""
    rng = np.random.default_rng(0)
    fitted = kind(hidden_layer_sizes=(6,), random_state=0, **settings)
    for size in SIZES:
        X, y = rng.normal(size=(size, 4)), rng.integers(0, 3, size)
        further: dict[str, Any] = {"classes": [0, 1, 2]} if kind is MLPClassifier else {}
        fitted.callbacks = [nothing] if by_training else None
        weights = rng.uniform(0.5, 2, size) if weighted else None
        fitted.partial_fit(X, y if kind is MLPClassifier else y * 10.0, sample_weight=weights, **further)
    return fitted


@pytest.mark.parametrize(
    ("kind", "settings", "weighted"),
    [
        (MLPClassifier, {}, False),
        (MLPClassifier, {"solver": "sgd", "learning_rate": "invscaling", "alpha": 0.1}, True),
        (MLPClassifier, {"dropout": 0.3, "shuffle": False, "class_weight": {0: 3.0}, "alpha": 0.0}, False),
        (MLPRegressor, {"scale_target": True, "dtype": "float32"}, False),
        (MLPRegressor, {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1e9}, True),
    ],
)
def test_it_is_what_a_training_of_one_epoch_does(kind: Any, settings: dict[str, Any], weighted: bool) -> None:
    quick, slow = (learned(kind, settings, by_training=by, weighted=weighted) for by in (False, True))
    np.testing.assert_array_equal(quick.model_.network.parameters, slow.model_.network.parameters)
    assert quick.loss_curve_ == slow.loss_curve_
    assert (quick.n_iter_, quick.t_, quick.loss_, quick.best_loss_) == (
        slow.n_iter_,
        slow.t_,
        slow.loss_,
        slow.best_loss_,
    )
    assert (quick.model_.epochs_trained, quick.model_.optimizer.steps) == (len(SIZES), len(SIZES))
    assert quick.history_.metrics == slow.history_.metrics
    assert (quick.history_.epochs, quick.history_.stopped, quick.history_.notes) == (
        slow.history_.epochs, slow.history_.stopped, slow.history_.notes,
    )  # fmt: skip


def test_what_diverges_leaves_everything_as_it_was() -> None:
    fitted = learned(MLPRegressor, {"solver": "sgd", "learning_rate_init": 1e-3}, by_training=False)
    before, steps = fitted.model_.network.parameters.copy(), fitted.model_.optimizer.steps
    with pytest.raises(ValueError, match="non-finite"):
        fitted.partial_fit(np.full((8, 4), 1e200), np.full(8, 1e200))
    np.testing.assert_array_equal(fitted.model_.network.parameters, before)
    assert fitted.model_.optimizer.steps == steps
    assert fitted.model_.epochs_trained == len(SIZES)
    fitted.partial_fit(np.ones((8, 4)), np.ones(8))
    assert fitted.model_.epochs_trained == len(SIZES) + 1


@pytest.mark.skipif(native() is None, reason="no native module")
def test_memory_stays_flat_over_many_rows() -> None:
    fitted = learned(MLPClassifier, {}, by_training=False)
    model = fitted.model_
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)

    def learn(rounds: int) -> None:
        for _ in range(rounds):
            for size in range(1, 13):  # of which not all are kept
                model.step(X[:size], y[:size])
            for _ in range(50):
                model.step(X[:1], y[:1])

    learn(3)
    tracemalloc.start()
    learn(20)
    gc.collect()
    first = tracemalloc.get_traced_memory()[0]
    learn(40)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert grown < 20_000, "bytes, of 2,480 steps"
