"""Classes of every name, kind and size; what is missing or masked; a class alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor
from glassnet.estimators.labels import classes_of, labels_of, numbers_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 2)) + 6 * np.array([[0, 0], [1, 0], [0, 1]]).repeat(20, axis=0)
PLACES = np.arange(3).repeat(20)
CLASSIFIERS = pytest.mark.parametrize("kind", [MLPClassifier, NetworkClassifier])
QUICK: dict[str, Any] = {"max_iter": 150, "random_state": 0, "tol": 0, "batch_size": 10}
BIG = 2**53

NAMES: dict[str, list[Any]] = {
    "words of missing values": ["nan", "inf", "None"],
    "words of truth": ["True", "False", "NaN"],
    "empty and blank": ["", " ", "null"],
    "digits as text": ["1", "01", "1.0"],
    "truth, number and text of one look": [True, 1, "1"],
    "truth beside text": [True, "True", False],
    "numbers beside text": [0, "0", "a"],
    "truth beside numbers": [True, 2, 3],
    "beyond 2^53": [BIG, BIG + 1, BIG + 2],
    "beyond int64": [2**63, 2**63 + 1, 1],
    "of both signs beyond int64": [-1, 2**63, 2**63 + 1],
    "beyond uint64": [2**70, 2**70 + 1, 5],
    "beyond 2^53 beside a fraction": [BIG + 1, BIG, 0.5],
}


@pytest.mark.parametrize("form", ["list", "tuple", "objects"])
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@CLASSIFIERS
def test_every_label_comes_back_as_it_went_in(kind: Any, names: list[Any], form: str) -> None:
    y: Any = [names[place] for place in PLACES]
    if form == "tuple":
        y = tuple(y)
    elif form == "objects":
        y = np.array(y, dtype=object)
    fitted = kind(**QUICK).fit(X, y)
    assert len(fitted.classes_) == 3
    for found, given in zip(fitted.predict(X).tolist(), [names[place] for place in PLACES], strict=True):
        assert (type(found), found) == (type(given), given) or {type(found), type(given)} == {int, float}
    assert fitted.score(X, y) == 1.0
    assert fitted.predict_proba(X).shape == (60, 3)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_whole_numbers_keep_every_digit(dtype: type) -> None:
    values = np.array([BIG, BIG + 1, np.iinfo(dtype).max], dtype)
    fitted = MLPClassifier(**QUICK).fit(X, values[PLACES])
    assert fitted.classes_.dtype == dtype
    np.testing.assert_array_equal(fitted.predict(X), values[PLACES])
    step_by_step = MLPClassifier(random_state=0).partial_fit(X, values[PLACES].tolist(), classes=values)
    np.testing.assert_array_equal(step_by_step.classes_, values)
    frame = pytest.importorskip("pandas").Series(values[PLACES]).astype("Int64" if dtype == np.int64 else "UInt64")
    np.testing.assert_array_equal(MLPClassifier(**QUICK).fit(X, frame).predict(X), values[PLACES])


def test_truth_alone_is_two_classes() -> None:
    for y in (PLACES > 0, (PLACES > 0).tolist(), (PLACES > 0).astype(object)):
        fitted = MLPClassifier(**QUICK).fit(X, y)
        assert fitted.classes_.tolist() == [False, True]
        assert fitted.predict(X).dtype == bool


def test_signed_and_unsigned_labels_meet_without_a_fraction() -> None:
    classes = np.array([BIG, BIG + 1], np.uint64)
    np.testing.assert_array_equal(numbers_of(np.array([BIG + 1, BIG], np.int64), classes), [1, 0])
    with pytest.raises(ValueError, match=str(BIG + 2)):
        numbers_of(np.array([BIG + 2], np.int64), classes)
    assert classes_of([2**63 + 1, 2**63]).tolist() == [2**63, 2**63 + 1]
    assert labels_of([1, 2.5]).dtype == np.float64


@pytest.mark.parametrize(
    "y",
    [
        [None, "a", "b"], ["a", float("nan"), "b"], np.array(["a", None, "b"], object),
        np.array([1, np.nan, 2], object), [True, None, False], [[None, "a"], ["b", "a"], ["b", "a"]],
    ],
    ids=str,
)  # fmt: skip
def test_what_is_missing_is_no_class(y: Any) -> None:
    with pytest.raises(gn.DataError, match="no missing values"):
        MLPClassifier().fit(X[:3], y)
    pandas = pytest.importorskip("pandas")
    for series in (pandas.Series(["a", None, "b"], dtype="string"), pandas.Series([1, None, 2], dtype="Int64")):
        with pytest.raises(ValueError, match=r"row 1|contains NaN"):
            MLPClassifier().fit(X[:3], series)


def test_questions_of_several_kinds() -> None:
    y = [["nan", BIG + int(place), bool(place == 1)] for place in PLACES]
    for row, place in zip(y, PLACES, strict=True):
        row[0] = ["nan", "inf", "None"][place]
    fitted = MLPClassifier(**QUICK).fit(X, y)
    assert [own.tolist() for own in fitted.classes_] == [["None", "inf", "nan"], [BIG, BIG + 1, BIG + 2], [False, True]]
    assert fitted.predict(X).tolist() == y
    assert fitted.score(X, y) == 1.0


@CLASSIFIERS
def test_a_weight_for_each_class_of_any_kind(kind: Any) -> None:
    y = np.array([[True, 1, "1"][place] for place in PLACES], object)
    settings: dict[str, Any] = {"random_state": 0, "max_iter": 4}
    weighted = kind(class_weight={True: 3.0, "1": 2.0}, **settings).fit(X, y)
    rows = kind(**settings).fit(X, y, np.array([3.0, 1.0, 2.0])[PLACES])
    np.testing.assert_array_equal(weighted.predict_proba(X), rows.predict_proba(X))
    with pytest.raises(gn.ConfigurationError, match=r"weights for \[False\]"):
        kind(class_weight={False: 2.0}).fit(X, y)
    with pytest.raises(gn.ConfigurationError, match="balanced"):
        kind(class_weight="even").fit(X, y)


@pytest.mark.parametrize("only", ["nan", 7, True, "a, b"])
@CLASSIFIERS
def test_of_a_class_alone_there_is_nothing_to_learn(kind: Any, only: Any) -> None:
    with pytest.warns(RuntimeWarning, match=f"one class only, {only!r}: there is nothing to learn"):
        fitted = kind(max_iter=2).fit(X, [only] * 60)
    assert fitted.predict(X).tolist() == [only] * 60
    with pytest.warns(RuntimeWarning, match="column 1 of y has one class only, 'x'"):
        kind(max_iter=2).fit(X, np.array([["a", "x"], ["b", "x"], ["c", "x"]])[PLACES])


HIDDEN = np.ma.masked_array(X, mask=np.arange(120).reshape(60, 2) == 77)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor])
def test_hidden_values_are_missing_values(kind: Any) -> None:
    y, settings = PLACES, {"max_iter": 2}
    hidden_y = np.ma.masked_array(y, mask=np.arange(60) == 5)
    hidden_weight = np.ma.masked_array(np.ones(60), mask=np.arange(60) == 6)
    classes = {"classes": [0, 1, 2]} if "Classifier" in kind.__name__ else {}
    fitted = kind(**settings).fit(X, y)
    for call, words in (
        (lambda: kind(**settings).fit(HIDDEN, y), "X: received a masked value at row 38, column 1"),
        (lambda: kind(**settings).fit(X, hidden_y), "y: received a masked value at row 5"),
        (lambda: kind(**settings).fit(X, y, hidden_weight), "sample_weight: received a masked value at row 6"),
        (lambda: kind(**settings).partial_fit(HIDDEN, y, **classes), "X: received a masked value"),
        (lambda: kind(**settings).partial_fit(X, hidden_y, **classes), "y: received a masked value"),
        (lambda: kind(**settings).fit(X, y, eval_set=(HIDDEN, y)), "eval_set: X: received"),
        (lambda: kind(**settings).fit(X, y, eval_set=(X, hidden_y)), "y: received"),
        (lambda: kind(**settings).fit(list(HIDDEN), y), "X: received a masked value at row 38, column 1"),
        (lambda: fitted.predict(HIDDEN), "X: received"),
        (lambda: fitted.score(HIDDEN, y), "X: received"),
        (lambda: fitted.score(X, hidden_y), "y: received"),
        (lambda: fitted.score(X, y, hidden_weight), "sample_weight: received"),
    ):
        with pytest.raises(gn.DataError, match=words):
            call()
    shown = np.ma.masked_array(X, mask=False)
    np.testing.assert_array_equal(fitted.predict(shown), fitted.predict(X))
    kind(**settings).fit(shown, np.ma.masked_array(y), np.ma.masked_array(np.ones(60)))


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [3.0]], gn.data.pad([[1.0, 2.0], [3.0]])], ids=["list", "padded"])
def test_rows_of_different_length_have_no_place_here(rows: Any) -> None:
    with pytest.raises(gn.DataError, match=r"MLPClassifier: X: .*gn\.Model"):
        MLPClassifier().fit(rows, [0, 1])
