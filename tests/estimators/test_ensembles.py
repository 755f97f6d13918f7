"""Estimators of several members are members fitted one by one, asked together."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import (
    check_dict_unchanged,
    check_fit_idempotent,
    check_methods_subset_invariance,
    check_n_features_in_after_fitting,
    check_regressor_multioutput,
)

import glassnet as gn
from glassnet.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

X, Y = load_iris(return_X_y=True)
X = X[::3] - X.mean(axis=0)
Y = np.array(["setosa", "versicolor", "virginica"])[Y[::3]]
AMOUNTS = X @ [1.0, -2, 0.5, 1]
SMALL: dict[str, Any] = {"max_iter": 5, "random_state": 4, "ensemble": 3}
ESTIMATORS = MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_members_are_estimators_fitted_one_by_one(kind: Any) -> None:
    y = Y if "Classifier" in kind.__name__ else AMOUNTS
    fitted = kind(**SMALL).fit(X, y)
    assert isinstance(fitted.model_, gn.Ensemble)
    assert len({member.random_state for member in fitted.estimators_}) == 3
    for member, model in zip(fitted.estimators_, fitted.model_, strict=True):
        alone = kind(max_iter=5, random_state=member.random_state).fit(X, y)
        np.testing.assert_array_equal(alone.model_.network.parameters, model.network.parameters)
    if "Classifier" in kind.__name__:
        mean = np.mean([member.predict_proba(X) for member in fitted.estimators_], axis=0)
        np.testing.assert_allclose(fitted.predict_proba(X), mean, rtol=1e-12)
        assert fitted.predict(X).tolist() == fitted.classes_[mean.argmax(axis=1)].tolist()
    else:
        members = [member.predict(X) for member in fitted.estimators_]
        mean, deviation = fitted.predict(X, return_std=True)
        np.testing.assert_allclose(mean, np.mean(members, axis=0), rtol=1e-12)
        np.testing.assert_allclose(deviation, np.std(members, axis=0), rtol=1e-9)
        np.testing.assert_array_equal(fitted.predict(X), mean)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_two_classes_labels_and_questions() -> None:
    two = MLPClassifier(**SMALL).fit(X, Y == "setosa")
    mean = np.mean([member.predict_proba(X) for member in two.estimators_], axis=0)
    np.testing.assert_allclose(two.predict_proba(X), mean, rtol=1e-12)
    assert two.predict(X).tolist() == (mean[:, 1] > 0.5).tolist()
    labels = np.stack([Y == "setosa", AMOUNTS > 0], axis=1).astype(int)
    several = MLPClassifier(**SMALL).fit(X, labels)
    np.testing.assert_allclose(
        several.predict_proba(X), np.mean([member.predict_proba(X) for member in several.estimators_], axis=0)
    )
    questions = MLPClassifier(**SMALL).fit(X, np.stack([Y, np.where(AMOUNTS > 0, "up", "down")], axis=1))
    for number, shares in enumerate(questions.predict_proba(X)):
        own = [member.predict_proba(X)[number] for member in questions.estimators_]
        np.testing.assert_allclose(shares, np.mean(own, axis=0))


def test_counts_and_several_targets() -> None:
    counts = MLPRegressor("poisson", **SMALL).fit(X, np.round(np.abs(AMOUNTS)))
    members = [member.predict(X) for member in counts.estimators_]
    mean, deviation = counts.predict(X, return_std=True)
    np.testing.assert_allclose(mean, np.mean(members, axis=0))
    np.testing.assert_allclose(deviation, np.std(members, axis=0), rtol=1e-6)
    pair = MLPRegressor(**SMALL).fit(X, np.stack([AMOUNTS, -AMOUNTS], axis=1)).predict(X, return_std=True)
    assert [own.shape for own in pair] == [(50, 2), (50, 2)]


def test_it_goes_on_as_its_members_do() -> None:
    warm = MLPRegressor(**SMALL, warm_start=True)
    for _ in range(2):
        warm.fit(X, AMOUNTS)
    alone = MLPRegressor(max_iter=5, random_state=warm.estimators_[1].random_state, warm_start=True)
    for _ in range(2):
        alone.fit(X, AMOUNTS)
    np.testing.assert_array_equal(alone.coefs_[0], warm.estimators_[1].coefs_[0])
    steps = MLPClassifier(**SMALL)
    for _ in range(2):
        steps.partial_fit(X, Y, classes=np.unique(Y))
    assert [member.n_iter_ for member in steps.estimators_] == [2, 2, 2]
    assert steps.set_params(ensemble=None).fit(X, Y).predict(X).shape == Y.shape
    assert not hasattr(steps, "estimators_")
    assert len(steps.set_params(ensemble=2, warm_start=True).fit(X, Y).estimators_) == 2


def test_what_an_ensemble_has_not_is_said() -> None:
    with pytest.raises(gn.ConfigurationError, match="ensemble=5"):
        MLPRegressor(max_iter=2).fit(X, AMOUNTS).predict(X, return_std=True)
    with pytest.raises(gn.ConfigurationError, match="ensemble=1"):
        MLPClassifier(ensemble=1).fit(X, Y)
    fitted = MLPClassifier(**SMALL).fit(X, Y)
    with pytest.raises(AttributeError, match="estimators_"):
        _ = fitted.coefs_
    given = MLPRegressor(**SMALL)
    given.coefs_ = [np.zeros((4, 100)), np.zeros((100, 1))]
    with pytest.raises(gn.ConfigurationError, match="coefs_"):
        given.partial_fit(X, AMOUNTS)
    with pytest.raises(NotFittedError):
        clone(fitted).predict(X)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(kind: Any) -> None:
    """Those that an estimator of estimators is likeliest to fail; the others take their way through its members."""
    estimator, name = kind(max_iter=2, ensemble=2, random_state=0), kind.__name__
    checks = [
        *(check_dict_unchanged, check_fit_idempotent),
        *(check_methods_subset_invariance, check_n_features_in_after_fitting),
    ]
    for check in [*checks, check_regressor_multioutput] if "Regressor" in name else checks:
        check(name, clone(estimator))


def test_early_stopping_is_each_members_own() -> None:
    X_many, y_many = load_diabetes(return_X_y=True)
    fitted = MLPRegressor(hidden_layer_sizes=(8,), **SMALL, early_stopping=True).fit(X_many[:100], y_many[:100])
    scores = [member.validation_scores_ for member in fitted.estimators_]
    assert [len(own) for own in scores] == [5, 5, 5]
    assert scores[0] != scores[1]
