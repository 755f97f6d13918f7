"""Many models side by side are, one by one, what single fits would make of them."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile.threads import at_most

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
Y = RNG.integers(0, 2, 60)
FOLDS = [np.flatnonzero(np.arange(60) % 3 != fold) for fold in range(3)]


def build(seed: int, units: int = 6, rate: float = 0.01, **settings: Any) -> gn.Model:
    net = gn.Sequential(gn.Dense(units), gn.ReLU(), gn.Dense(2))
    return gn.Model(net, "cross_entropy", gn.Adam(rate), seed=seed, **settings)


def of_two_inputs() -> gn.Model:
    nodes = {"both": ("concatenate", "a", "b"), "y": (gn.Dense(2), "both")}
    return gn.Model(gn.Graph(inputs={"a": 1, "b": 2}, nodes=nodes, outputs="y"), "cross_entropy", "adam")


def same(one: gn.Model, other: gn.Model) -> bool:
    return one.fingerprint() == other.fingerprint() and str(one.latest_fit) == str(other.latest_fit)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_bits_and_histories_are_those_of_single_fits(engine: str, workers: int) -> None:
    many = [build(seed, 4 + seed % 2, engine=engine) for seed in range(6)]
    single = [build(seed, 4 + seed % 2, engine=engine) for seed in range(6)]
    epochs = [3, 4, 5, 3, 4, 5]
    found = gn.fit_many(many, X, Y, epochs=gn.Each(epochs), batch_size=16, workers=workers)
    for model, history, alone, count in zip(many, found, single, epochs, strict=True):
        expected = alone.fit(X, Y, epochs=count, batch_size=16, verbose=False)
        assert isinstance(history, gn.History)
        assert history.metrics == expected.metrics
        assert model.latest_fit is not None
        assert alone.latest_fit is not None
        assert model.latest_fit.settings == alone.latest_fit.settings
        assert same(model, alone)
    again = gn.fit_many(many, X, Y, epochs=2, workers=workers)
    for model, history, alone in zip(many, again, single, strict=True):
        assert isinstance(history, gn.History)
        assert history.metrics == alone.fit(X, Y, epochs=2, verbose=False).metrics
        assert same(model, alone)


def test_each_model_has_its_folds_its_data_and_its_settings() -> None:
    many, single = ([build(seed, metrics=["accuracy"]) for seed in range(3)] for _ in range(2))
    weights = np.linspace(0.5, 2, 60)
    held_out = [(X[fold == 0], Y[fold == 0]) for fold in (np.isin(np.arange(60), own) for own in FOLDS)]
    found = gn.fit_many(
        many,
        X,
        Y,
        rows=gn.Each(FOLDS),
        sample_weight=weights,
        validation_data=gn.Each(held_out),
        epochs=5,
        callbacks=[gn.EarlyStopping("val_loss", patience=1)],
    )
    for model, history, alone, fold, held in zip(many, found, single, FOLDS, held_out, strict=True):
        own: dict[str, Any] = {"sample_weight": weights[fold], "validation_data": held, "epochs": 5}
        stop = gn.EarlyStopping("val_loss", patience=1)
        expected = alone.fit(X[fold], Y[fold], callbacks=[stop], verbose=False, **own)
        assert isinstance(history, gn.History)
        assert history.metrics == expected.metrics
        assert same(model, alone)
    parts = [build(0), build(0)]
    gn.fit_many(parts, gn.Each([X[:30], X[30:]]), gn.Each([Y[:30], Y[30:]]), epochs=2)
    alone = build(0)
    alone.fit(X[30:], Y[30:], epochs=2, verbose=False)
    assert same(parts[1], alone)


@pytest.mark.parametrize("kind", ["frame", "arrow", "column", "list", "dict", "tuple", "mask", "from the end"])
def test_rows_are_chosen_of_all_that_has_rows(kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    y: Any = Y
    rows: Any = FOLDS[1]
    x: Any = X
    if kind == "frame":
        x = pandas.DataFrame(X, columns=["a", "b", "c"], index=np.arange(60)[::-1])
        y = pandas.Series(Y, index=x.index)
    elif kind == "arrow":
        arrow = pytest.importorskip("pyarrow")
        x, y = arrow.table({name: X[:, i] for i, name in enumerate("abc")}), arrow.array(Y)
    elif kind == "column":
        x, y = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": Y}), "y"
    elif kind == "from the end":
        rows = rows - 60
    elif kind == "list":
        x, y = X.tolist(), Y.tolist()
    elif kind in ("dict", "tuple"):
        x = {"a": X[:, :1], "b": X[:, 1:]} if kind == "dict" else (X[:, :1], X[:, 1:])
    else:
        rows = np.isin(np.arange(60), rows)
    model, alone = (of_two_inputs() if kind in ("dict", "tuple") else build(3) for _ in range(2))
    gn.fit_many([model], x, y, rows=rows, epochs=2)
    alone.fit((X[FOLDS[1], :1], X[FOLDS[1], 1:]) if kind in ("dict", "tuple") else X[FOLDS[1]], Y[FOLDS[1]], epochs=2)
    if kind == "column":  # whose numbers a table scales
        alone = build(3)
        alone.fit(x.iloc[rows], "y", epochs=2, verbose=False)
    np.testing.assert_array_equal(model.network.parameters, alone.network.parameters)


def test_one_that_fails_stands_in_its_place_and_disturbs_nobody() -> None:
    many = [build(seed, rate=1e30 if seed == 1 else 0.01) for seed in range(4)]
    labels = [Y, Y, Y + 5, Y]
    with pytest.warns(gn.TrainingWarning, match=r"2 of 4 trainings .*1: DivergenceError.*2: DataError"):
        found = gn.fit_many(many, X, gn.Each(labels), epochs=4, workers=2)
    assert [type(result) for result in found] == [gn.History, gn.DivergenceError, gn.DataError, gn.History]
    for number in (0, 3):
        alone = build(number)
        alone.fit(X, Y, epochs=4, verbose=False)
        assert same(many[number], alone)


def test_ctrl_c_stops_all_of_them() -> None:
    """Those in progress end after a step, the others do not begin."""
    many = [build(seed) for seed in range(5)]
    begun = threading.Barrier(2, action=lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
    met: set[int] = set()

    def interrupt(state: Any) -> None:
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            begun.wait(60)

    found = gn.fit_many(many, X, Y, epochs=1_000_000, callbacks=[interrupt], workers=2)
    assert [history.stopped for history in found if isinstance(history, gn.History)] == ["interrupted"] * 5
    assert [model.network.is_built for model in many] == [True, True, False, False, False]
    assert many[0].latest_fit is not None
    assert not many[0].latest_fit.is_finished
    history = gn.fit_many([many[4]], X, Y, epochs=1)[0]
    assert isinstance(history, gn.History)
    assert history.stopped is None


def test_what_ends_the_process_is_not_kept_as_an_error() -> None:
    def leave(state: Any) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        gn.fit_many([build(0), build(1)], X, Y, epochs=5, callbacks=[leave])


def test_answers_of_many_are_those_of_each() -> None:
    many = [build(seed) for seed in range(3)]
    gn.fit_many(many, X, Y, epochs=2)
    for method in ("predict", "predict_proba", "predict_classes"):
        for answer, model in zip(gn.predict_many(many, X, method=method), many, strict=True):
            np.testing.assert_array_equal(answer, getattr(model, method)(X))
    own = gn.predict_many(many, gn.Each([X[:5], X[5:7], X[7:]]), workers=2)
    assert [len(answer) for answer in own] == [5, 2, 53]
    with pytest.raises(gn.ShapeError) as caught:
        gn.predict_many(many, gn.Each([X, X[:, :2], X]))
    assert caught.value.__notes__ == ["predict_many: model 1 of 3"]


def test_a_training_has_its_share_of_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_NUM_THREADS", "6")
    seen: list[int] = []
    see = lambda state: seen.append(at_most(100))  # noqa: E731
    gn.fit_many([build(seed) for seed in range(3)], X, Y, callbacks=[see])
    gn.fit_many([build(seed) for seed in range(3)], X, Y, callbacks=[see], workers=1)
    assert seen == [2, 2, 2, 6, 6, 6]
    assert at_most(100) == 100


def test_what_cannot_be_is_refused_before_anything_is_trained() -> None:
    one = build(0)
    counting, shared = gn.Callback(), gn.Dense(2)
    refused: list[tuple[str, Any, dict[str, Any]]] = [
        ("models 0 and 1, which are the same", [one, one], {}),
        ("models 0 and 1", [one, gn.Model(one.network, "cross_entropy", "sgd")], {}),
        ("a list of gn.Model", one, {}),
        ("a list of gn.Model", [one, 3], {}),
        ("gn.Each of 2 values", [one], {"epochs": gn.Each([1, 2])}),
        ("models 0 and 1", [gn.Model(gn.Sequential(shared), "cross_entropy", "sgd") for _ in range(2)], {}),
        ("one Callback for all models", [one, build(1)], {"callbacks": [counting]}),
        ("another has, too", [one, build(1)], {"callbacks": gn.Each([[counting], [counting]])}),
        ("whole number", [one], {"workers": 0}),
    ]
    for message, models, settings in refused:
        with pytest.raises(gn.ConfigurationError, match=message):
            gn.fit_many(models, X, Y, **settings)
    with pytest.raises(gn.ConfigurationError, match="epochs= for epoch="):
        gn.fit_many([one], X, Y, epoch=3)
    with pytest.raises(gn.ConfigurationError, match="a list with a value for each model"):
        gn.Each("abc")
    assert not one.network.is_built
    for rows in (np.array([60]), np.array([-61]), np.ones(59, bool), [[1]], [0.5]):
        with pytest.warns(gn.TrainingWarning, match="fit_many: rows"):
            gn.fit_many([one], X, Y, rows=gn.Each([rows]))
    for data in (gn.data.blocks(X, Y), {1, 2, 3}, 3, (row for row in X)):
        with pytest.warns(gn.TrainingWarning, match="(Configuration|Data)Error: fit_many: "):
            gn.fit_many([one], data, Y, rows=gn.Each([[0, 1]]))
    assert not one.network.is_built
    assert gn.fit_many([], X, Y) == []
