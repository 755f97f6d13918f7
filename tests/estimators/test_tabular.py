"""Estimators that take raw frames."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import glassnet as gn
from glassnet.estimators import MLPRegressor, TabularClassifier, TabularRegressor

rng = np.random.default_rng(3)
ROWS = 100
AGE = rng.uniform(20, 70, ROWS)
TOWN = rng.choice(["Ulm", "Bern", "Graz"], ROWS)
X: dict[str, Any] = {
    "age": [None if row == 5 else float(age) for row, age in enumerate(AGE)],
    "town": TOWN.tolist(),
    "born": np.datetime64("1990-01-01") + (AGE * 100).astype(int),
}
BUYS = np.where((AGE > 45) ^ (TOWN == "Bern"), "yes", "no")
PRICE = 100 * np.exp(AGE / 20) * np.random.default_rng(4).uniform(0.95, 1.05, ROWS)
PARTLY_RANDOM = {
    "check_sample_weight_equivalence_on_dense_data": "the rows that choose the epoch are others where rows are repeated"
}


@parametrize_with_checks(
    [TabularClassifier(epochs=5, random_state=0), TabularRegressor(epochs=5, random_state=0)],
    expected_failed_checks=lambda estimator: PARTLY_RANDOM,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("library", ["pandas", "polars", "dict"])
def test_words_dates_and_gaps(library: str) -> None:
    frame: Any = X if library == "dict" else pytest.importorskip(library).DataFrame(X)
    fitted = TabularClassifier(random_state=0).fit(frame, BUYS)
    assert fitted.score(frame, BUYS) > 0.8
    assert fitted.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(fitted.predict_proba(frame).sum(axis=1), 1, rtol=1e-5)
    if library != "dict":
        assert fitted.feature_names_in_.tolist() == ["age", "town", "born"]
        with pytest.raises(ValueError, match="feature names"):
            fitted.predict(frame[["town", "age"]])


@pytest.mark.parametrize("labels", [[3, 5, 20], [True, False], ["b", "a"], [2.0, -1.0]])
def test_labels_come_back_as_they_were(labels: list[Any]) -> None:
    y = np.array(labels)[np.arange(ROWS) % len(labels)]
    fitted = TabularClassifier(epochs=2, random_state=0).fit(X, y)
    assert fitted.classes_.tolist() == sorted(labels)
    assert fitted.predict(X).dtype == y.dtype
    order = np.argsort(fitted.predict_proba(X), axis=1)[:, -1]
    assert (fitted.classes_[order] == fitted.predict(X)).all()


def test_members_tell_how_sure_they_are(tmp_path: Path) -> None:
    fitted = TabularRegressor("best", epochs=3, random_state=1, log_target=True).fit(X, PRICE)
    found, deviations = fitted.predict(X, return_std=True)
    assert found.shape == deviations.shape == (ROWS,)
    np.testing.assert_array_equal(found, fitted.predict(X))
    assert deviations.max() > 0
    assert PRICE.min() <= found.min() <= found.max() <= PRICE.max()
    fitted.model_.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(gn.load(tmp_path / "m.safetensors").predict(X)[:, 0], found)
    with pytest.raises(gn.ConfigurationError, match="members"):
        TabularRegressor(epochs=1).fit(X, PRICE).predict(X, return_std=True)


def test_rows_to_validate_choose_the_epoch() -> None:
    first, rest = ({name: np.asarray(own)[part] for name, own in X.items()} for part in (slice(70), slice(70, None)))
    fitted = TabularClassifier(epochs=20, random_state=0)
    fitted.fit(first, BUYS[:70], eval_set=(rest, BUYS[70:]))
    shares = fitted.predict_proba(rest)[np.arange(30), (BUYS[70:] == "yes").astype(int)]
    assert -np.log(shares).mean() == pytest.approx(min(fitted.histories_[0]["val_loss"]), rel=1e-5)
    with pytest.raises(gn.ConfigurationError, match="eval_set"):
        TabularClassifier().fit(X, BUYS, eval_set=X)


def test_an_answer_among_the_columns_is_named() -> None:
    with pytest.warns(gn.DataWarning, match="column 'copy' is 'answer' in other words"):
        TabularClassifier(epochs=1).fit(X | {"copy": np.where(BUYS == "yes", 7, 3)}, BUYS)
    with pytest.warns(gn.DataWarning, match="column 'copy' is a linear function of 'answer'"):
        TabularRegressor(epochs=1).fit(X | {"copy": 3 - 2 * PRICE}, PRICE)


def test_weights_count() -> None:
    rare = np.where(np.arange(ROWS) % 10 == 0, "yes", "no")
    settings: dict[str, Any] = {"epochs": 10, "random_state": 0}
    plain = TabularClassifier(**settings).fit(X, rare)
    balanced = TabularClassifier(class_weight="balanced", **settings).fit(X, rare)
    assert (balanced.predict(X) == "yes").sum() > (plain.predict(X) == "yes").sum()
    by_hand = TabularClassifier(**settings).fit(X, rare, np.where(rare == "yes", 5, 5 / 9))
    np.testing.assert_allclose(by_hand.predict_proba(X), balanced.predict_proba(X), rtol=1e-4)


def test_where_scikit_learns_users_put_estimators() -> None:
    numbers = np.column_stack([AGE, AGE**2])
    assert cross_val_score(TabularClassifier(epochs=2), numbers, BUYS, cv=2).shape == (2,)
    search = GridSearchCV(TabularRegressor(random_state=0), {"epochs": [1, 2]}, cv=2).fit(numbers, PRICE)
    assert search.best_params_["epochs"] in (1, 2)
    fitted = TabularClassifier(epochs=2, random_state=0).fit(numbers, BUYS)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(numbers), fitted.predict_proba(numbers))
    assert clone(fitted).get_params() == fitted.get_params()
    several = TabularRegressor(epochs=2).fit(numbers, np.column_stack([PRICE, PRICE[::-1]]))
    assert several.predict(numbers).shape == (ROWS, 2)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: TabularClassifier("fast").fit(X, BUYS), "preset"),
        (lambda: TabularClassifier().fit(X, np.column_stack([BUYS, BUYS])), "1d array"),
        (lambda: TabularClassifier().fit(X, ["a"] * ROWS), "one class"),
        (lambda: TabularClassifier().fit(X, BUYS[:5]), "inconsistent numbers"),
        (lambda: TabularClassifier(class_weight="even").fit(X, BUYS), "balanced"),
        (lambda: TabularClassifier(ignore=["tovn"]).fit(X, BUYS), "town"),
        (lambda: TabularRegressor(log_target=True).fit(X, -PRICE), "0 or more"),
        (lambda: TabularRegressor().fit(X, BUYS), "could not convert|float"),
        (lambda: TabularRegressor().fit([AGE[:5], AGE], PRICE[:2]), "different length"),
    ],
)
def test_what_cannot_be_is_named(make: Any, text: str) -> None:
    with pytest.raises((gn.GlassnetError, ValueError), match=text):
        make()


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "sgd"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_targets_in_any_unit(solver: str) -> None:
    rows = np.column_stack([AGE, AGE**2])
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    settings: dict[str, Any] = {"solver": solver, "random_state": 0, "scale_target": True, "max_iter": 300}
    fitted = MLPRegressor(hidden_layer_sizes=(20,), **settings).fit(rows, PRICE)
    assert fitted.score(rows, PRICE) > 0.85
    other = MLPRegressor(hidden_layer_sizes=(20,), **settings).fit(rows, 1e4 * PRICE + 1e8)
    np.testing.assert_allclose(other.predict(rows), 1e4 * fitted.predict(rows) + 1e8, rtol=1e-4)
    if solver == "adam":
        several = MLPRegressor(hidden_layer_sizes=(20,), ensemble=2, **settings).fit(rows, PRICE)
        np.testing.assert_allclose(
            several.predict(rows), np.mean([own.predict(rows) for own in several.estimators_], axis=0), rtol=1e-5
        )
        assert several.predict(rows, return_std=True)[1].max() > 1
        with pytest.raises(gn.GlassnetError, match="target_scaling|scale_target"):
            MLPRegressor("poisson", scale_target=True).fit(rows, PRICE)
