"""Which of several epochs that are equally good is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def fit(ties: str, **settings: Any) -> tuple[gn.EarlyStopping, gn.Model, list[np.ndarray], gn.History]:
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(2)), "cross_entropy", "adam")
    values, seen = [3.0, 2.0, 2.0, 1.0, 1.0, 1.0], list[np.ndarray]()

    def note(state: Any) -> None:
        state.logs["loss"] = values[state.epoch - 1] if state.epoch <= len(values) else 4.0
        seen.append(state.network.parameters.copy())

    stopping = gn.EarlyStopping("loss", patience=4, ties=ties, **settings)
    history = model.fit(X, Y, epochs=20, callbacks=[note, stopping], verbose=False)
    return stopping, model, seen, history


@pytest.mark.parametrize(("ties", "kept"), [("first", 4), ("last", 6)])
def test_the_first_or_the_last_of_the_best_is_kept(ties: str, kept: int) -> None:
    stopping, model, seen, history = fit(ties)
    assert (stopping.best, stopping.best_epoch, stopping.kept_epoch) == (1.0, 4, kept)
    assert len(history) == 8  # patience counts from the first
    np.testing.assert_array_equal(model.network.parameters, seen[kept - 1])
    again = gn.EarlyStopping("loss", patience=4, ties=ties)
    model.fit(X, Y, epochs=1, callbacks=[again], verbose=False)
    assert (again.best_epoch, again.kept_epoch) == (4, kept)
    assert fit(ties, restore_best=False)[0].kept_epoch == kept


def test_other_ties_are_refused() -> None:
    with pytest.raises(gn.ConfigurationError, match="ties"):
        gn.EarlyStopping(ties="best")
