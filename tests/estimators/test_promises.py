"""What scikit-learn's documentation promises of its perceptrons, one promise at a time."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_pinball_loss
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import StandardScaler

import glassnet as gn
from glassnet.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
COUNTS = np.random.default_rng(0).poisson(np.exp(1 + X @ [0.5, 0.2, -0.3, 0.1]))
ESTIMATORS = MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
takes_losses = pytest.mark.skipif(
    "loss" not in inspect.signature(TheirRegressor).parameters,
    reason="scikit-learn before 1.7 has no losses, no weights",
)


def same_weights(ours: Any, theirs: Any) -> None:
    for own, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-6)


@takes_losses
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("targets", ["one", "two"])
def test_poisson_is_scikit_learns(solver: str, targets: str) -> None:
    y = COUNTS if targets == "one" else np.column_stack([COUNTS, COUNTS[::-1]])
    shared: dict[str, Any] = {
        "loss": "poisson", "solver": solver, "batch_size": 150, "shuffle": False, "max_iter": 40, "epsilon": 1e-15,
        "alpha": 0.0, "random_state": 1,
    }  # fmt: skip
    ours, theirs = (kind(**shared).fit(X, y) for kind in (MLPRegressor, TheirRegressor))
    same_weights(ours, theirs)
    assert ours.out_activation_ == theirs.out_activation_ == "exp"
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-4)
    np.testing.assert_array_equal(ours.model_.predict_mean(X).reshape(ours.predict(X).shape), ours.predict(X))


def test_rates_and_amounts_are_above_0_and_bad_ones_are_named() -> None:
    for loss, y in (("poisson", COUNTS), ("gamma", COUNTS + 0.5), (gn.losses.Gamma(), COUNTS + 0.5)):
        fitted = MLPRegressor(loss, max_iter=400, random_state=0, n_iter_no_change=50).fit(X, y)
        assert (fitted.predict(X) > 0).all()
        assert fitted.score(X, y) > 0.3
        for early_stopping in (False, True):
            wrong = np.where(np.arange(150) == 140, -1, y)
            with pytest.raises(ValueError, match=r"y: received the value -1 in row 140"):
                MLPRegressor(loss, early_stopping=early_stopping).fit(X, wrong)
    any_network = NetworkRegressor(loss="poisson", max_iter=50, random_state=0).fit(X, COUNTS)
    np.testing.assert_array_equal(any_network.predict(X), any_network.model_.predict_mean(X)[:, 0])


def test_quantiles() -> None:
    low, high = (
        MLPRegressor(gn.losses.Quantile(q), max_iter=300, random_state=0, learning_rate_init=0.01).fit(X, COUNTS)
        for q in (0.1, 0.9)
    )
    for q, own, other in ((0.1, low, high), (0.9, high, low)):
        losses = [mean_pinball_loss(COUNTS, fitted.predict(X), alpha=q) for fitted in (own, other)]
        assert losses[0] < losses[1]
    assert MLPRegressor("quantile", max_iter=2).fit(X, COUNTS).model_.loss.quantile == 0.5


@pytest.mark.parametrize("weighted", [False, pytest.param(True, marks=takes_losses)])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("size", [40, 149, 7])
def test_alpha_is_divided_by_the_rows_of_each_batch(size: int, solver: str, weighted: bool) -> None:
    """A strong penalty, and a short batch at the end, which gets as much of it as a full one."""
    given = {"sample_weight": np.random.default_rng(1).uniform(0.2, 3, 150)} if weighted else {}
    shared: dict[str, Any] = {
        "alpha": 30.0, "batch_size": size, "shuffle": False, "max_iter": 8, "epsilon": 1e-15, "random_state": 0,
        "solver": solver, "hidden_layer_sizes": (5,),
    }  # fmt: skip
    ours, theirs = (kind(**shared).fit(X, Y, **given) for kind in (MLPClassifier, TheirClassifier))
    same_weights(ours, theirs)
    ours, theirs = (kind(**shared).fit(X, X[:, 0], **given) for kind in (MLPRegressor, TheirRegressor))
    same_weights(ours, theirs)


def test_the_reported_penalty_is_that_of_each_batch() -> None:
    """Theirs is of the weights before each step, which hardly moves at such a rate."""
    shared: dict[str, Any] = {
        "alpha": 3.0, "batch_size": 40, "shuffle": False, "max_iter": 2, "random_state": 0, "learning_rate_init": 1e-9,
    }  # fmt: skip
    ours, theirs = (kind(**shared).fit(X, Y) for kind in (MLPClassifier, TheirClassifier))
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)


@pytest.mark.parametrize("patience", [1, 3, 10])
def test_waits_for_as_many_epochs_as_it_is_told(patience: int) -> None:
    """With a tolerance that nothing reaches, the first epoch is the last that brought something."""
    settings: dict[str, Any] = {"tol": 1e9, "max_iter": 50, "random_state": 0}
    assert MLPClassifier(n_iter_no_change=patience, **settings).fit(X, Y).n_iter_ == patience + 2
    theirs = TheirClassifier(n_iter_no_change=patience, **settings).fit(X, Y)
    assert theirs.n_iter_ == patience + 2
    for never in (np.inf, float("inf"), np.float64(np.inf)):
        for kind in (MLPClassifier, NetworkClassifier):
            with pytest.warns(ConvergenceWarning):
                assert kind(n_iter_no_change=never, **settings).fit(X, Y).n_iter_ == 50
    for wrong in (0, -1, 2.5, np.nan, -np.inf, "inf"):
        with pytest.raises(gn.ConfigurationError, match="n_iter_no_change"):
            MLPClassifier(n_iter_no_change=wrong).fit(X, Y)


def test_an_adaptive_rate_falls_to_its_end() -> None:
    settings: dict[str, Any] = {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "max_iter": 3000}
    fitted = MLPClassifier(random_state=0, **settings).fit(X, Y)
    assert fitted.n_iter_ < 3000
    assert fitted.history_["learning_rate"][0] == pytest.approx(1e-3)
    assert fitted.model_.optimizer.current_rate() < 1e-6
    assert fitted.n_iter_ == TheirClassifier(random_state=0, **settings).fit(X, Y).n_iter_


def test_invscaling_goes_on_with_a_warm_start() -> None:
    settings: dict[str, Any] = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.25, "warm_start": True}
    fitted = MLPClassifier(max_iter=1, **settings).fit(X, Y)
    assert fitted.model_.optimizer.current_rate() == pytest.approx(0.001 / 151**0.25)
    constant = MLPClassifier(max_iter=1, **settings | {"learning_rate": "constant"}).fit(X, Y).fit(X, Y)
    assert constant.model_.optimizer.current_rate() == 0.001


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 3], [0, 1, 2, 3]])
def test_a_warm_start_keeps_its_classes(solver: str, classes: list[int]) -> None:
    fitted = MLPClassifier(solver=solver, warm_start=True, max_iter=3).fit(X, Y)
    fitted.fit(X, Y[::-1])
    before = fitted.coefs_[0].copy()
    with pytest.raises(ValueError, match=r"warm_start can only be used where `y` has the same classes.*got \[0 1 2\]"):
        fitted.fit(X, np.resize(classes, 150))
    np.testing.assert_array_equal(fitted.coefs_[0], before)
    names = NetworkClassifier(warm_start=True, max_iter=2).fit(X, np.array(["a", "b", "c"])[Y])
    with pytest.raises(ValueError, match="same classes"):
        names.fit(X, np.array(["a", "b", "d"])[Y])
    pairs = MLPClassifier(warm_start=True, max_iter=2).fit(X, np.stack([Y, Y > 0], axis=1) + 1)
    with pytest.raises(ValueError, match="same classes"):
        pairs.fit(X, np.stack([Y, Y], axis=1) + 1)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_weights_can_be_set(kind: Any) -> None:
    fitted, other = (kind(hidden_layer_sizes=(6, 4), max_iter=2, random_state=seed).fit(X, Y) for seed in (0, 1))
    fitted.predict(X)
    fitted.coefs_ = [2 * weight for weight in other.coefs_]
    fitted.intercepts_ = other.intercepts_
    other.coefs_[0] = 2 * other.coefs_[0]
    other.coefs_[1:] = [2 * weight for weight in other.coefs_[1:]]
    np.testing.assert_array_equal(fitted.predict(X), other.predict(X))
    np.testing.assert_array_equal(fitted.model_.predict(X), other.model_.predict(X))
    fitted.coefs_[0][:] = 0.0
    assert not (fitted.predict(X) != fitted.predict(X)[0]).any()
    for name, value, words in (
        ("coefs_", other.coefs_[:2], "2 arrays, expected 3"),
        ("coefs_", other.intercepts_, r"coefs_\[0\]: received an array of shape \(6,\), expected \(4, 6\)"),
        ("intercepts_", [np.full(6, np.nan), *other.intercepts_[1:]], r"intercepts_\[0\]: received nan"),
    ):
        with pytest.raises(ValueError, match=words):
            setattr(fitted, name, value)
    with pytest.raises(ValueError, match=r"expected \(6, 4\)"):
        fitted.coefs_[1] = np.zeros((4, 6))
    kept = joblib.hash(list(fitted.coefs_))
    copies = fitted.coefs_.copy()
    fitted.partial_fit(X, Y)
    assert joblib.hash(list(fitted.coefs_)) != kept
    assert len(copies) == 3


def test_weights_given_before_the_first_fit_are_where_partial_fit_begins() -> None:
    settings: dict[str, Any] = {"hidden_layer_sizes": (5,), "random_state": 0, "learning_rate_init": 1e-12}
    source = MLPClassifier(**settings | {"random_state": 7}).fit(X, Y)
    begun = MLPClassifier(**settings)
    begun.coefs_, begun.intercepts_ = source.coefs_, source.intercepts_
    assert begun.coefs_[0] is source.coefs_[0] or (begun.coefs_[0] == source.coefs_[0]).all()
    begun.partial_fit(X, Y, classes=[0, 1, 2])
    np.testing.assert_allclose(begun.coefs_[0], source.coefs_[0], atol=1e-9)
    wrong = MLPClassifier(**settings)
    wrong.coefs_ = [np.zeros((4, 5)), np.zeros((5, 2))]
    with pytest.raises(ValueError, match=r"coefs_\[1\]"):
        wrong.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(AttributeError, match="not fitted"):
        _ = MLPClassifier().coefs_


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_is_a_value_error(kind: Any) -> None:
    huge = np.finfo(np.float64).max * np.random.default_rng(0).uniform(size=(20, 2))
    words = "Solver produced non-finite parameter weights. The input data may contain large values"
    with pytest.raises(ValueError, match=words):
        kind(max_iter=5).fit(huge, np.arange(20) % 2)
    classes = {"classes": [0, 1]} if "Classifier" in kind.__name__ else {}
    with pytest.raises(ValueError, match=words):
        kind(max_iter=5).partial_fit(huge, np.arange(20) % 2, **classes)
    with pytest.raises(ValueError, match=words):  # no epoch was good
        kind(early_stopping=True, max_iter=5).fit(np.concatenate([huge, huge]), np.arange(40) % 2)


def test_early_stopping_outlives_a_divergence() -> None:
    settings: dict[str, Any] = {
        "activation": "identity", "solver": "sgd", "learning_rate_init": 1.0, "early_stopping": True, "max_iter": 200,
        "random_state": 0,
    }  # fmt: skip
    with pytest.warns(ConvergenceWarning, match=r"diverged .* best validation score are kept"):
        fitted = MLPRegressor(**settings).fit(X, X[:, 0] * 100)
    assert np.isnan(fitted.validation_scores_[-1])
    assert isinstance(fitted.validation_scores_[-1], float)
    assert len(fitted.validation_scores_) == len(fitted.loss_curve_) == fitted.n_iter_
    assert fitted.best_validation_score_ == np.nanmax(fitted.validation_scores_)
    assert np.isfinite(fitted.predict(X)).all()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_verbose_speaks_in_a_pipe(kind: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fitted = kind(max_iter=3, verbose=True, random_state=0).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Iteration {i + 1}, loss = {loss:.8f}" for i, loss in enumerate(fitted.loss_curve_)]
    fitted.partial_fit(X, Y)
    assert capsys.readouterr().out == f"Iteration 4, loss = {fitted.loss_:.8f}\n" or "Iteration 1" in lines[0]
    kind(max_iter=2, early_stopping=True, verbose=10, random_state=0).fit(X, Y)
    assert capsys.readouterr().out.count("Validation score: ") == 2
    kind(max_iter=2, random_state=0).fit(X, Y)
    assert capsys.readouterr().out == ""


def test_verbose_speaks_to_another_process_and_of_lbfgs(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from glassnet.estimators import MLPRegressor\n"
        "MLPRegressor(max_iter=2, verbose=True).fit([[0.0], [1.0]], [0.0, 1.0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["Iteration 1", "Iteration 2"]
    MLPRegressor(solver="lbfgs", max_iter=5, verbose=True).fit(X, Y)
    assert "lbfgs: 5 iterations, loss = " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0, 0, 0, 0, 1], r"are: \['True'\] \(True is the class 1, False the class 0\)"),
        ([1, 0, 1, 1, 1], r"are: \['False'\] \(True is the class 1, False the class 0\)"),
        (["no", "no", "no", "no", "yes"], r"are: \['True'\] \(True is the class 'yes', False the class 'no'\)"),
        ([False, False, False, False, True], r"are: \['True'\]\. Give"),
        (["a", "a", "b", "b", "True"], r"are: \['True'\]\. Give"),
        ([5, 5, 7, 7, 9], r"are: \['9'\]\. Give"),
    ],
    ids=str,
)
def test_too_rare_classes_have_the_users_names(y: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=rf"least populated classes in y have only 1 member.*Classes with .*{words}"):
        MLPClassifier(early_stopping=True).fit(X[:5], y)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_warns_where_it_has_not_converged(kind: Any) -> None:
    for settings in ({}, {"early_stopping": True}, {"n_iter_no_change": np.inf}):
        with pytest.warns(ConvergenceWarning):
            kind(max_iter=3, random_state=0, **settings).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(max_iter=50, tol=1e9, n_iter_no_change=2).fit(X, Y)
        once = kind(random_state=0)
        once.partial_fit(X, Y, **({"classes": [0, 1, 2]} if "Classifier" in kind.__name__ else {}))


@pytest.mark.parametrize("kind", [MLPClassifier, NetworkClassifier])
def test_balanced_weights_need_all_rows(kind: Any) -> None:
    with pytest.raises(
        ValueError, match=r"class_weight 'balanced' is not supported for partial_fit.*compute_class_weight"
    ):
        kind(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    kind(class_weight={0: 2.0}).partial_fit(X, Y, classes=[0, 1, 2])


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_that_can_only_be_read(kind: Any, dtype: type, tmp_path: Path) -> None:
    """Data mapped from a file, and an estimator mapped from one, whose weights and memory then cannot be written."""
    mapped = []
    for number, array in enumerate((X.astype(dtype), Y, np.linspace(0.5, 1, 150))):
        np.save(tmp_path / f"{number}.npy", array)
        mapped.append(np.load(tmp_path / f"{number}.npy", mmap_mode="r"))
    classes = {"classes": [0, 1, 2]} if "Classifier" in kind.__name__ else {}
    x, y, weights = mapped
    fitted = kind(max_iter=2, random_state=0, warm_start=True).fit(x, y, weights)
    usual = kind(max_iter=2, random_state=0, warm_start=True).fit(X.astype(dtype), Y, np.array(weights))
    np.testing.assert_array_equal(fitted.predict(x), usual.predict(X.astype(dtype)))
    kind(random_state=0).partial_fit(x, y, sample_weight=weights, **classes)
    joblib.dump(fitted, tmp_path / "fitted.pkl")
    loaded = joblib.load(tmp_path / "fitted.pkl", mmap_mode="r")
    for estimator in (loaded, usual):
        estimator.partial_fit(x, y).fit(x, y)
    np.testing.assert_array_equal(loaded.model_.predict(x), usual.model_.predict(x))


def test_every_rule_goes_on_with_memory_from_a_mapped_file(tmp_path: Path) -> None:
    for rule in (gn.SGD(0.1, momentum=0.9), gn.NAdam(), gn.AdamW(), gn.Lion()):
        fitted = NetworkRegressor(optimizer=rule, max_iter=2, random_state=0, warm_start=True).fit(X, Y)
        joblib.dump(fitted, tmp_path / "fitted.pkl")
        loaded = joblib.load(tmp_path / "fitted.pkl", mmap_mode="r").fit(X, Y)
        np.testing.assert_array_equal(loaded.predict(X), fitted.fit(X, Y).predict(X))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_last_row_alone_joins_the_batch_before_where_there_is_batch_norm(kind: Any) -> None:
    settings: dict[str, Any] = {"batch_norm": True, "batch_size": 10, "max_iter": 2, "random_state": 0}
    mixed = np.random.default_rng(0).permutation(150)
    x, y = X[mixed], Y[mixed]
    fitted = kind(**settings).fit(x[:21], y[:21])
    assert fitted.model_.optimizer.steps == 4
    fitted.partial_fit(x[:31], y[:31])
    assert fitted.model_.optimizer.steps == 7
    assert kind(**settings | {"batch_norm": False}).fit(x[:21], y[:21]).model_.optimizer.steps == 6
    with pytest.raises(ValueError, match="single value for each channel"):
        kind(**settings | {"batch_size": 1}).fit(X, Y)
    partial = kind(**settings | {"batch_size": "auto"}).fit(x[:9], y[:9])
    with pytest.raises(ValueError, match="at least two rows of data"):
        partial.partial_fit(x[:1], y[:1])


def test_a_penalty_by_batch_needs_a_batch() -> None:
    step = gn.Chain(gn.L2(0.1, by_batch=True), gn.SGD(0.1))
    with pytest.raises(gn.ConfigurationError, match="without a batch"):
        step.step(np.ones(3), np.ones(3))


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_documented_defaults_are_those_of_the_constructor(kind: Any) -> None:
    parameters = inspect.signature(kind).parameters
    assert all(isinstance(p.default, str | int | float | tuple | None) for p in parameters.values())
    args = (inspect.getdoc(kind) or "").split("Args:\n")[1].split("\n\n")[0]
    documented = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", args + "\n", flags=re.DOTALL | re.MULTILINE)
    for name, text in documented:
        given = re.search(r"\(([\d.,e-]+|\(\d+,\))\)\.\s*$", text)
        assert given is None or ast.literal_eval(given[1].replace(",000", "000")) == parameters[name].default, name
    if kind is MLPClassifier:
        assert {name for name, _ in documented} == set(parameters)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(MLPClassifier, TheirClassifier), pytest.param(MLPRegressor, TheirRegressor, marks=takes_losses)],
)
def test_what_scikit_learn_takes_by_position_is_taken_in_its_order(ours: Any, theirs: Any) -> None:
    """Its settings are ours, with its defaults; those by position have its order."""
    by_position, known = [], inspect.signature(ours).parameters
    for name, parameter in inspect.signature(theirs).parameters.items():
        assert name in known, name
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            by_position.append(name)
        if name not in ("loss",) or ours is MLPRegressor:
            assert known[name].default == parameter.default, name
    assert by_position == [name for name, p in known.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
