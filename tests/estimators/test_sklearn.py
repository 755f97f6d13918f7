"""The estimators beside scikit-learn's own, and where scikit-learn's users put estimators."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import glassnet as gn
from glassnet.compile import kept, native
from glassnet.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor
from glassnet.estimators.scores import share_of_right_rows
from glassnet.training import compiled_engine

IRIS = load_iris(return_X_y=True)
X_IRIS = StandardScaler().fit_transform(IRIS[0])
ESTIMATORS = MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([kind() for kind in ESTIMATORS])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


SETTINGS: list[dict[str, Any]] = [
    {"solver": "adam"},
    {"solver": "sgd"},
    {
        "solver": "sgd",
        "nesterovs_momentum": False,
        "momentum": 0.5,
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
    },
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    {"solver": "lbfgs", "alpha": 0.1},
    {"solver": "adam", "activation": "tanh", "hidden_layer_sizes": (7, 5), "alpha": 1.0},
    {"solver": "adam", "activation": "logistic"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("task", ["three classes", "two classes", "labels", "a number", "numbers"])
def test_trains_as_theirs(task: str, settings: dict[str, Any]) -> None:
    X, y = X_IRIS, IRIS[1]
    pair: tuple[Any, Any] = (MLPClassifier, TheirClassifier)
    match task:
        case "two classes":
            X, y = X[50:], np.array(["no", "yes"])[y[50:] - 1]
        case "labels":
            X, y = make_multilabel_classification(100, 6, n_classes=4, random_state=0)
        case "a number":
            y, pair = X @ [1.0, -2, 0.5, 1], (MLPRegressor, TheirRegressor)
        case "numbers":
            y, pair = X[:, :3] * 2, (MLPRegressor, TheirRegressor)
    shared = {"hidden_layer_sizes": (9,), "batch_size": len(X), "shuffle": False, "random_state": 3, "max_iter": 60}
    # Their Adam adds ε to a root that is not corrected yet; where ε is next to nothing, both are one.
    shared |= {"epsilon": 1e-15} | settings
    ours, theirs = (kind(**shared).fit(X, y) for kind in pair)
    if settings["solver"] == "lbfgs":  # paths part where rounding does; both come to a minimum
        assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=0.02)
        return
    for own, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)
    assert ours.predict(X).shape == theirs.predict(X).shape
    np.testing.assert_allclose(ours.score(X, y), theirs.score(X, y), rtol=1e-5)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    if pair[0] is MLPClassifier:
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_reports_the_loss_that_theirs_reports() -> None:
    # Theirs has the penalty of the weights before each step, ours of those at the epoch's end.
    shared = {"batch_size": 150, "random_state": 0, "max_iter": 40, "alpha": 0.0, "epsilon": 1e-15}
    ours, theirs = (kind(**shared).fit(X_IRIS, IRIS[1]) for kind in (MLPClassifier, TheirClassifier))
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-7)
    assert (ours.loss_, ours.best_loss_) == pytest.approx((theirs.loss_, theirs.best_loss_), rel=1e-7)
    targets = X_IRIS[:, :2]
    pair = [kind(**shared).fit(X_IRIS, targets) for kind in (MLPRegressor, TheirRegressor)]
    np.testing.assert_allclose(pair[0].loss_curve_, pair[1].loss_curve_, rtol=1e-7)


def test_stops_by_a_validation_score() -> None:
    fitted = MLPClassifier((20,), early_stopping=True, random_state=0, learning_rate_init=0.02).fit(X_IRIS, IRIS[1])
    assert fitted.best_loss_ is None
    assert len(fitted.validation_scores_) == fitted.n_iter_ < 200
    assert fitted.best_validation_score_ == max(fitted.validation_scores_) > 0.8
    assert fitted.history_.stopped is not None
    numbers = MLPRegressor(hidden_layer_sizes=(20,), early_stopping=True, random_state=0).fit(X_IRIS, X_IRIS[:, 0])
    assert numbers.best_validation_score_ == max(numbers.validation_scores_)
    with pytest.raises(ValueError, match="validation set is too small"):
        MLPRegressor(early_stopping=True).fit(X_IRIS[48:53], IRIS[1][48:53])


def test_an_eval_set_is_measured_and_may_decide() -> None:
    held = X_IRIS[::3], IRIS[1][::3]
    fitted = MLPClassifier(max_iter=5, random_state=0).fit(X_IRIS, IRIS[1], eval_set=held)
    assert len(fitted.history_["val_loss"]) == 5
    decided = MLPClassifier(early_stopping=True, random_state=0, max_iter=30).fit(X_IRIS, IRIS[1], eval_set=held)
    assert decided.t_ == 150 * decided.n_iter_  # no row was set aside
    assert decided.best_validation_score_ == pytest.approx(decided.score(*held))
    with pytest.raises(gn.ConfigurationError, match="eval_set"):
        MLPClassifier().fit(X_IRIS, IRIS[1], eval_set=X_IRIS)
    with pytest.raises(gn.ConfigurationError, match="eval_set with solver='lbfgs'"):
        MLPClassifier(solver="lbfgs").fit(X_IRIS, IRIS[1], eval_set=held)


def test_a_warm_start_keeps_the_optimizers_memory() -> None:
    settings: dict[str, Any] = {"random_state": 1, "batch_size": 150, "shuffle": False}
    whole = MLPClassifier(max_iter=20, **settings).fit(X_IRIS, IRIS[1])
    halves = MLPClassifier(max_iter=10, warm_start=True, **settings).fit(X_IRIS, IRIS[1]).fit(X_IRIS, IRIS[1])
    np.testing.assert_array_equal(halves.coefs_[0], whole.coefs_[0])
    step_by_step = MLPClassifier(**settings)
    for _ in range(20):
        step_by_step.partial_fit(X_IRIS, IRIS[1], classes=[0, 1, 2])
    np.testing.assert_array_equal(step_by_step.coefs_[1], whole.coefs_[1])
    assert step_by_step.n_iter_ == len(step_by_step.loss_curve_) == 20


def test_partial_fit_asks_for_what_it_needs() -> None:
    with pytest.raises(ValueError, match="classes must be passed"):
        MLPClassifier().partial_fit(X_IRIS, IRIS[1])
    fitted = MLPClassifier().partial_fit(X_IRIS[:60], IRIS[1][:60], classes=[0, 1, 2])
    with pytest.raises(ValueError, match="not the same as on the last call"):
        fitted.partial_fit(X_IRIS, IRIS[1], classes=[0, 1])
    with pytest.raises(ValueError, match="not among the classes"):
        fitted.partial_fit(X_IRIS[:2], [0, 7])
    with pytest.raises(ValueError, match="early_stopping"):
        MLPClassifier(early_stopping=True).partial_fit(X_IRIS, IRIS[1], classes=[0, 1, 2])
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")


def test_class_weights_are_row_weights() -> None:
    X, y = X_IRIS[30:], IRIS[1][30:]
    rows = (len(y) / 3 / np.bincount(y))[y]
    settings: dict[str, Any] = {"random_state": 0, "max_iter": 10}
    own = MLPClassifier(class_weight="balanced", **settings).fit(X, y)
    np.testing.assert_array_equal(own.coefs_[0], MLPClassifier(**settings).fit(X, y, rows).coefs_[0])
    named = MLPClassifier(class_weight={0: 5.0}, **settings).fit(X, y, sample_weight=np.full(len(y), 2.0))
    given = MLPClassifier(**settings).fit(X, y, np.where(y == 0, 10.0, 2.0))
    np.testing.assert_array_equal(named.coefs_[0], given.coefs_[0])
    with pytest.raises(gn.ConfigurationError, match=r"\['setosa'\]"):
        MLPClassifier(class_weight={"setosa": 2}).fit(X, y)


def test_more_than_theirs_can() -> None:
    seen: list[float] = []
    fitted = MLPClassifier(
        (30, 20), ["tanh", "gelu"], dropout=0.1, batch_norm=True, loss="hinge", random_state=0, learning_rate_init=0.01,
        callbacks=[lambda state: seen.append(state.logs["loss"])], dtype="float32", max_iter=40,
    ).fit(X_IRIS, IRIS[1])  # fmt: skip
    assert fitted.score(X_IRIS, IRIS[1]) > 0.9
    assert len(seen) == fitted.n_iter_
    kinds = [type(layer).__name__ for layer in fitted.model_.network.layers]
    assert kinds == ["Dense", "BatchNorm", "Tanh", "Dropout", "Dense", "BatchNorm", "GELU", "Dropout", "Dense"]
    assert fitted.coefs_[0].dtype == np.float32
    two = MLPClassifier(loss=gn.losses.CrossEntropy(label_smoothing=0.1), max_iter=5).fit(X_IRIS[:100], IRIS[1][:100])
    assert two.predict_proba(X_IRIS).shape == (150, 2)
    assert MLPRegressor("huber", max_iter=5).fit(X_IRIS, X_IRIS[:, 0]).predict(X_IRIS).shape == (150,)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"activation": ["relu"]}, "1 activations for 2 hidden layers"),
        ({"activation": "rleu"}, "rleu"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes"),
        ({"solver": "newton"}, "solver"),
        ({"solver": "lbfgs", "dropout": 0.5}, "solver='lbfgs' with dropout"),
        ({"solver": "lbfgs", "callbacks": [print]}, "or callbacks"),
        ({"alpha": -1}, "alpha"),
        ({"dtype": "float16"}, "dtype"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": "fast"}, "learning_rate"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=words):
        MLPClassifier(**({"hidden_layer_sizes": (5, 5)} | settings)).fit(X_IRIS, IRIS[1])


def test_any_network() -> None:
    images = np.random.default_rng(0).normal(size=(60, 1, 8, 8))
    labels = np.where(images.mean(axis=(1, 2, 3)) > 0, "bright", "dark")
    images[labels == "bright"] += 1

    def network(outputs: int) -> gn.Network:
        return gn.Sequential(gn.Conv2D(4, 3), "relu", gn.GlobalAveragePool(), gn.Dense(outputs))

    fitted = NetworkClassifier(network, gn.Adam(0.05), input_shape=(1, 8, 8), random_state=0, max_iter=40)
    rows = images.reshape(60, -1)
    assert fitted.fit(rows, labels, eval_set=(rows[:9], labels[:9])).score(rows, labels) > 0.9
    assert len(fitted.history_["val_loss"]) == fitted.n_iter_
    with pytest.raises(gn.ShapeError, match="64 columns"):
        NetworkClassifier(network, input_shape=(1, 9, 9)).fit(rows, labels)
    with pytest.raises(gn.ShapeError, match=r"gn\.Dense\(1\)"):
        NetworkClassifier(gn.Dense(2)).fit(rows, labels)
    with pytest.raises(gn.ConfigurationError, match="a function that makes one"):
        NetworkRegressor("dense").fit(rows, rows[:, 0])


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_grid_search(backend: str) -> None:
    from joblib import parallel_backend

    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=15, random_state=0))
    grid = {"mlpclassifier__hidden_layer_sizes": [(5,), (30,)], "mlpclassifier__dropout": [0.0, 0.2]}
    with parallel_backend(backend, n_jobs=2), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(*IRIS)
    assert search.best_score_ > 0.6


def test_a_pipeline_of_named_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(load_wine().data, columns=load_wine().feature_names)
    scaled = make_column_transformer(
        (StandardScaler(), ["alcohol", "hue", "flavanoids"]), verbose_feature_names_out=False
    )
    scaled.set_output(transform="pandas")
    y = load_wine().target
    pipeline = make_pipeline(scaled, MLPClassifier(random_state=0, max_iter=100)).fit(frame, y)
    assert pipeline[-1].feature_names_in_.tolist() == ["alcohol", "hue", "flavanoids"]
    assert pipeline.score(frame, y) > 0.9
    assert cross_val_score(pipeline, frame, y, cv=3).mean() > 0.85


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_copies(kind: Any, tmp_path: Any) -> None:
    import joblib

    X, y = load_diabetes(return_X_y=True)
    y = y > 150 if issubclass(kind, MLPClassifier | NetworkClassifier) else y
    fitted = kind(max_iter=3, random_state=0).fit(X, y)
    joblib.dump(fitted, tmp_path / "fitted")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "fitted")):
        np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))
        copy.set_params(warm_start=True).fit(X, y)
    assert not hasattr(clone(fitted), "model_")
    path = tmp_path / "model.safetensors"
    fitted.model_.save(path)
    np.testing.assert_array_equal(gn.load(path).predict(X), fitted.model_.predict(X))


def test_says_when_it_has_not_converged() -> None:
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        MLPClassifier(max_iter=2).fit(X_IRIS, IRIS[1])
    with pytest.warns(ConvergenceWarning, match="lbfgs"):
        MLPClassifier(solver="lbfgs", max_iter=2).fit(X_IRIS, IRIS[1])
    with pytest.warns(UserWarning, match="larger than the 150 rows"):
        MLPClassifier(batch_size=151, max_iter=2).fit(X_IRIS, IRIS[1])


def test_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[sklearn\]"):
        importlib.reload(gn.estimators)


def test_frames_of_either_kind_and_sparse_matrices_give_the_same() -> None:
    import pandas
    import polars
    from scipy.sparse import csr_matrix

    settings: dict[str, Any] = {"max_iter": 3, "random_state": 0}
    plain = MLPClassifier(**settings).fit(X_IRIS, IRIS[1])
    names = ["a", "b", "c", "d"]
    for frame in (pandas.DataFrame(X_IRIS, columns=names), polars.DataFrame(X_IRIS, schema=names)):
        fitted = MLPClassifier(**settings).fit(frame, IRIS[1])
        assert fitted.feature_names_in_.tolist() == names
        np.testing.assert_array_equal(fitted.predict_proba(frame), plain.predict_proba(X_IRIS))
    sparse = MLPClassifier(**settings).fit(csr_matrix(X_IRIS), IRIS[1])
    np.testing.assert_array_equal(sparse.predict_proba(csr_matrix(X_IRIS)), plain.predict_proba(X_IRIS))


def test_several_questions_a_row() -> None:
    sizes = np.where(X_IRIS[:, 2] > 0, "long", np.where(X_IRIS[:, 2] > -1, "middle", "short"))
    y = np.stack([np.array(["a", "b", "c"])[IRIS[1]], sizes], axis=1)
    fitted = MLPClassifier(random_state=0, max_iter=300, class_weight="balanced").fit(X_IRIS, y)
    assert fitted.predict(X_IRIS).shape == (150, 2)
    assert fitted.score(X_IRIS, y) > 0.9
    first, second = fitted.predict_proba(X_IRIS)
    assert [own.tolist() for own in fitted.classes_] == [["a", "b", "c"], ["long", "middle", "short"]]
    np.testing.assert_allclose(first.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.classes_[1][second.argmax(axis=1)], fitted.predict(X_IRIS)[:, 1])
    assert len(fitted.predict_log_proba(X_IRIS)) == 2
    with pytest.raises(ValueError, match="expected \\(N, 2\\)"):
        fitted.set_params(warm_start=True).fit(X_IRIS, IRIS[1])
    with pytest.raises(gn.ConfigurationError, match="several questions"):
        MLPClassifier(class_weight={"a": 2}).fit(X_IRIS, y)
    with pytest.raises(gn.ConfigurationError, match="several labels"):
        MLPClassifier(class_weight="balanced").fit(X_IRIS, np.eye(3, dtype=int)[IRIS[1]][:, :2])


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each batch for which a training step is recorded."""
    record, found = compiled_engine.record_step, []

    def noted(parts: Any, rows: Any, batch_rows: int, **how: Any) -> Any:
        found.append(batch_rows)
        return record(parts, rows, batch_rows, **how)

    monkeypatch.setattr(compiled_engine, "record_step", noted)
    kept._waiting.clear()
    return found


@pytest.mark.skipif(native() is None, reason="no native module")
def test_partial_fit_records_its_step_once_and_plain_arrays_give_the_bits_of_lists(recorded: list[int]) -> None:
    rng = np.random.default_rng(0)
    plain, listed = (MLPClassifier((5,), random_state=0) for _ in range(2))
    for call in range(20):
        X, y = rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
        plain.partial_fit(X, y, classes=[0, 1, 2])
        listed.partial_fit(X.tolist(), y.tolist(), classes=None if call else [0, 1, 2])
    np.testing.assert_array_equal(plain.model_.network.parameters, listed.model_.network.parameters)
    assert plain.loss_curve_ == listed.loss_curve_
    assert recorded == [8, 8], "each keeps its program from its second call on"


@pytest.mark.skipif(native() is None, reason="no native module")
def test_candidates_of_a_search_share_their_programs(recorded: list[int]) -> None:
    candidates = {"learning_rate_init": [1e-3, 1e-2], "momentum": [0.9]}
    model = MLPClassifier((5,), batch_size=20, max_iter=2, random_state=0, solver="sgd")
    search = GridSearchCV(model, candidates, cv=3).fit(X_IRIS, IRIS[1])
    assert recorded == [20, 10], "of 100 rows in each fold, which leaves no batch that is not full; then of all 150"
    alone = clone(model).set_params(**search.best_params_).fit(X_IRIS, IRIS[1])
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], alone.coefs_[0])


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_scores_of_whole_numbers_are_scikit_learns(kind: Any) -> None:
    rng = np.random.default_rng(0)
    for rows in (1, 7, 150):
        y, found = rng.integers(0, 3, (2, rows)).astype(kind)
        assert share_of_right_rows(y, found, None) == accuracy_score(y, found)
    for y, found in ((np.arange(3), np.arange(4)), (np.empty(0, int), np.empty(0, int))):
        with pytest.raises(ValueError, match=r"inconsistent|empty"):
            share_of_right_rows(y, found, None)


@pytest.mark.parametrize("wrong", [np.full((8, 4), np.nan), np.ones((8, 3)), np.ones((0, 4)), np.ones(8)])
def test_what_is_no_plain_array_is_refused_after_the_first_fit_too(wrong: np.ndarray) -> None:
    y = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    model = MLPClassifier((3,), random_state=0).partial_fit(np.ones((8, 4)), y, classes=[0, 1, 2])
    before = model.coefs_[0].copy()
    with pytest.raises(ValueError, match=r"NaN|features|sample|2D"):
        model.partial_fit(wrong, y[: len(wrong)])
    with pytest.raises(ValueError, match=r"NaN|features|sample|2D"):
        model.predict(wrong)
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(np.ones((8, 4)), y + 1)
    np.testing.assert_array_equal(model.coefs_[0], before)
