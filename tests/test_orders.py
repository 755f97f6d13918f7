"""Frames and series whose rows are in different orders are refused wherever rows are put side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import glassnet as gn
from glassnet.core.indexes import require_one_order
from glassnet.estimators import MLPClassifier, TabularClassifier, TabularRegressor

N = 40
RNG = np.random.default_rng(0)
ROWS = [f"row {number}" for number in range(N)]
X = pd.DataFrame(RNG.normal(size=(N, 2)), columns=["a", "b"], index=ROWS)
Y = pd.Series((X["a"] > X["b"]).astype(int), name="y")
WEIGHT = pd.Series(RNG.uniform(1, 2, N), index=ROWS)
OTHER = Y.sample(frac=1, random_state=1)


def model() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(3), gn.Tanh(), gn.Dense(2)), "cross_entropy", "adam")


def trained() -> gn.Model:
    made = model()
    made.fit(X, Y, epochs=1, verbose=False)
    return made


def table_model() -> gn.TableModel:
    return gn.TableModel(epochs=1)


def built(seed: int) -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "adam", seed=seed)


QUICK: dict[str, Any] = {"epochs": 1, "verbose": False}
DOORS: dict[str, Callable[[Any], Any]] = {
    "fit": lambda y: model().fit(X, y, **QUICK),
    "fit: sample_weight": lambda y: model().fit(X, Y.to_numpy(), sample_weight=y + 1, **QUICK),
    "fit: validation": lambda y: model().fit(X, Y, validation_data=(X, y), **QUICK),
    "fit: validation weights": lambda y: model().fit(X, Y, validation_data=(X, Y, y + 1), **QUICK),
    "evaluate": lambda y: trained().evaluate(X, y),
    "step": lambda y: model().step(X, y),
    "step_over": lambda y: model().step_over([(X, y)]),
    "gradients": lambda y: trained().gradients(X, y),
    "trace": lambda y: gn.trace(trained(), X, y),
    "diagnose": lambda y: gn.diagnose(model(), X, y),
    "calibrate": lambda y: gn.calibrate(trained(), X, y),
    "permutation_importance": lambda y: gn.permutation_importance(trained(), X, y),
    "tune": lambda y: gn.tune(lambda settings: model(), X, y, trials=1, epochs=1, verbose=False),
    "fit_many": lambda y: gn.Ensemble(built, 2).fit(X, y, **QUICK),
    "TableModel": lambda y: table_model().fit(X, y, verbose=False),
    "TableModel: frame of answers": lambda y: table_model().fit(X, y.to_frame(), verbose=False),
    "TableModel: sample_weight": lambda y: table_model().fit(X, Y, sample_weight=y + 1, verbose=False),
    "TableModel: validation": lambda y: table_model().fit(X, Y, validation_data=(X, y), verbose=False),
    "columns of a dict": lambda y: table_model().fit({"a": X["a"], "y": y}, "y", verbose=False),
    "Table": lambda y: gn.Table.from_data({"a": X["a"], "y": y}, "y"),
    "MLPClassifier": lambda y: MLPClassifier(max_iter=1).fit(X, y),
    "MLPClassifier: sample_weight": lambda y: MLPClassifier(max_iter=1).fit(X, Y, sample_weight=y + 1),
    "MLPClassifier: eval_set": lambda y: MLPClassifier(max_iter=1).fit(X, Y, eval_set=(X, y)),
    "MLPClassifier: partial_fit": lambda y: MLPClassifier().partial_fit(X, y, classes=[0, 1]),
    "TabularClassifier": lambda y: TabularClassifier(epochs=1).fit(X, y),
    "TabularClassifier: sample_weight": lambda y: TabularClassifier(epochs=1).fit(X, Y, sample_weight=y + 1),
    "TabularClassifier: eval_set": lambda y: TabularClassifier(epochs=1).fit(X, Y, eval_set=(X, y)),
    "TabularRegressor": lambda y: TabularRegressor(epochs=1).fit(X, y * 1.5),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("door", DOORS)
def test_another_order_is_refused(door: str) -> None:
    with pytest.raises(gn.DataError) as caught:
        DOORS[door](OTHER)
    said = str(caught.value)
    assert "row 0 is called 'row " in said
    assert f"beside a row {'row 0'!r} of" in said
    assert ".to_numpy()" in said


@pytest.mark.filterwarnings("ignore")
def test_pages_and_scores_refuse_it_too(tmp_path: Path) -> None:
    with pytest.raises(gn.DataError, match="row 0 is called"):
        gn.report(trained(), X, OTHER, tmp_path / "page.html")
    estimator = MLPClassifier(max_iter=2).fit(X, Y)
    with pytest.raises(gn.DataError, match="row 0 is called"):
        estimator.score(X, OTHER)
    with pytest.raises(gn.DataError, match="row 0 is called"):
        estimator.score(X, Y, sample_weight=OTHER + 1)


SAME: dict[str, tuple[Any, Any]] = {
    "no index": (X, Y.to_numpy()),
    "a list": (X, Y.tolist()),
    "the same": (X, Y),
    "the same in another dtype": (X.set_index(pd.Index(range(N), dtype="int64")), Y.set_axis(range(N))),
    "both count, one in words": (X.reset_index(drop=True), Y.set_axis([str(label) for label in range(N)])),
    "one counts": (X, Y.reset_index(drop=True)),
    "the other counts": (X.reset_index(drop=True), Y),
    "some rows of more": (X.set_axis(range(0, 3 * N, 3)), Y.reset_index(drop=True)),
    "dates": (X.set_axis(pd.date_range("2024", periods=N)), Y.set_axis(pd.date_range("2024", periods=N))),
    "labels that are there twice": (X.set_axis([1] * N), Y.set_axis([1] * N)),
    "gaps among the labels": (X.set_axis([np.nan, *range(1, N)]), Y.set_axis([np.nan, *range(1, N)])),
}


@pytest.mark.parametrize("name", SAME)
def test_what_goes_together_is_taken(name: str) -> None:
    x, y = SAME[name]
    given = model()
    given.fit(x, y, **QUICK)
    plain = model()
    plain.fit(X.to_numpy(), Y.to_numpy(), **QUICK)
    np.testing.assert_array_equal(given.network.parameters, plain.network.parameters)


SHUFFLED = RNG.permutation(N)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (range(N), SHUFFLED),  # taken from one frame in two orders, or numbered anew: nobody knows
        (SHUFFLED, range(N)),
        ([float(label) for label in SHUFFLED], range(N)),  # after gaps, read as words, of mixed origin
        (range(N), [str(label) for label in SHUFFLED]),
        (pd.Index(SHUFFLED, dtype=object), range(N)),
        (range(1, N + 1), range(2, N + 2)),
        ([1, 1, *range(2, N)], [*range(2, N), 1, 1]),
        (pd.date_range("2024", periods=N), ROWS),
        (pd.MultiIndex.from_product([[1, 2], range(N // 2)]), pd.MultiIndex.from_product([[2, 1], range(N // 2)])),
    ],
)
def test_indexes_that_do_not_go_together(x: Any, y: Any) -> None:
    with pytest.raises(gn.DataError, match=r"y\.loc\[x\.index\]"):
        model().fit(X.set_axis(x), Y.set_axis(y), **QUICK)


def test_each_is_held_against_each() -> None:
    """Beside rows that only count, too, two others must go together."""
    counting = X.reset_index(drop=True)
    with pytest.raises(gn.DataError, match=r"sample_weight\.loc\[y\.index\]"):
        model().fit(counting, Y, sample_weight=WEIGHT.sample(frac=1, random_state=1), **QUICK)
    model().fit(counting, Y, sample_weight=WEIGHT, **QUICK)


def test_other_numbers_of_rows_are_said_as_such() -> None:
    with pytest.raises(gn.GlassnetError, match="40"):
        model().fit(X, Y[:30], **QUICK)


def test_nothing_is_looked_at_without_an_index() -> None:
    require_one_order({"x": np.zeros((2, 1)), "y": [1, 2], "weight": None}, where="test")
    require_one_order({"x": {"a": [1, 2]}, "y": (np.zeros(2), np.zeros(3))}, where="test")
