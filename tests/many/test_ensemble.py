"""An ensemble answers what its members answer on average, and is refused where no average has a meaning."""

from __future__ import annotations

import copy
import pickle
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
LABELS = RNG.integers(0, 3, 30)
YES = RNG.integers(0, 2, (30, 1))
AMOUNTS = RNG.normal(size=(30, 2))
COUNTS = RNG.poisson(2, (30, 1)).astype(float)
STEPS, STEP_LABELS = RNG.normal(size=(12, 4, 3)), RNG.integers(0, 3, (12, 4))


def dense(outputs: int, *last: Any) -> gn.Sequential:
    return gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(outputs), *last)


def gru() -> gn.Sequential:
    return gn.Sequential(gn.GRU(3, return_sequences=True), gn.Dense(3))


def builder(network: Callable[[], Any], loss: Any, metrics: Any = (), **own: Any) -> Callable[[int], gn.Model]:
    def build(seed: int) -> gn.Model:
        model = gn.Model(network(), loss, gn.Adam(0.02), metrics, seed=seed, dtype=own.get("dtype", "float32"))
        for name in ("preprocessing", "target_scaling"):
            setattr(model, name, own.get(name))
        return model

    return build


def trained(build: Callable[[int], gn.Model], x: Any, y: Any, members: int = 3, **settings: Any) -> gn.Ensemble:
    ensemble = gn.Ensemble(build, members)
    ensemble.fit(x, y, epochs=2, verbose=False, **settings)
    return ensemble


CASES: dict[str, tuple[Callable[[int], gn.Model], Any, Any]] = {
    "classes": (builder(lambda: dense(3), "cross_entropy", ["accuracy"]), X, LABELS),
    "classes, probabilities": (
        builder(lambda: dense(3, "softmax"), gn.losses.CrossEntropy(from_logits=False, class_weight=[1, 2, 3.0])),
        *(X, LABELS),
    ),
    "yes or no": (builder(lambda: dense(1), "binary_cross_entropy", ["accuracy"]), X, YES),
    "scores": (builder(lambda: dense(3), "hinge", ["accuracy"]), X, LABELS),
    "amounts": (builder(lambda: dense(2), "mean_squared_error", ["r2"]), X, AMOUNTS),
    "scaled": (
        builder(
            *(lambda: dense(2), "mean_squared_error", ["mean_absolute_error"]),
            preprocessing=gn.Standardize.from_data(X),
            target_scaling=gn.Standardize.from_data(1e6 + AMOUNTS),
        ),
        *(X, 1e6 + AMOUNTS),
    ),
    "counts": (builder(lambda: dense(1), "poisson"), X, COUNTS),
    "steps": (builder(gru, "cross_entropy", ["accuracy"]), STEPS, STEP_LABELS),
}
SINGLE: dict[str, str] = {"scores": "predict", "steps": "predict_proba"} | {
    name: "predict_proba" for name in CASES if "classes" in name or "yes" in name
}


@pytest.mark.parametrize("case", CASES)
def test_answers_are_the_means_of_the_members(case: str) -> None:
    build, x, y = CASES[case]
    ensemble = trained(build, x, y)
    single = [build(member.seed) for member in ensemble.members]
    for model, member in zip(single, ensemble, strict=True):
        model.fit(x, y, epochs=2, verbose=False)
        assert model.fingerprint() == member.fingerprint()  # the bits of training one by one
    answers = np.stack([getattr(model, SINGLE.get(case, "predict_mean"))(x) for model in single]).astype(np.float64)
    np.testing.assert_allclose(ensemble.predict(x), answers.mean(axis=0), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ensemble.spread(x), answers.std(axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ensemble.predict_members(x), answers, rtol=1e-6, atol=1e-7)
    one = ensemble.as_model()
    np.testing.assert_allclose(one.loss.means(one.predict(x)), ensemble.predict(x), rtol=2e-6, atol=1e-6)
    found = ensemble.evaluate(x, y)
    assert found == pytest.approx(one.evaluate(x, y), rel=1e-5)
    if "accuracy" in found:
        assert found["accuracy"] == pytest.approx(np.mean(ensemble.predict_classes(x).reshape(y.shape) == y))
    assert found["loss"] <= np.mean([model.evaluate(x, y)["loss"] for model in single]) + 1e-6


def test_probabilities_are_averaged_and_not_logits() -> None:
    """By hand: logits ±8 and 0 for yes."""

    def build(seed: int) -> gn.Model:
        net = gn.Sequential(gn.Dense(1))
        net.build((1,))
        net.parameters[...] = [0, 8] if seed % 2 else [0, 0]
        return gn.Model(net, "binary_cross_entropy", "sgd", seed=seed)

    ensemble = gn.Ensemble.of([build(1), build(2), build(4)])
    p = 1 / (1 + np.exp(-8.0))
    np.testing.assert_allclose(ensemble.predict([[0.0]]), [[(p + 0.5 + 0.5) / 3]], rtol=1e-6)
    np.testing.assert_allclose(ensemble.spread([[0.0]]), [[np.sqrt(2) / 3 * (p - 0.5)]], rtol=1e-6)
    mean = (p + 1) / 3
    found = ensemble.entropies([[0.0]])
    np.testing.assert_allclose(found.total, -mean * np.log(mean) - (1 - mean) * np.log(1 - mean))
    expected = (2 * np.log(2) - p * np.log(p) - (1 - p) * np.log(1 - p)) / 3
    np.testing.assert_allclose([*found.expected, *found.mutual], [expected, found.total[0] - expected])
    assert ensemble.evaluate([[0.0]], [[1.0]])["loss"] == pytest.approx(-np.log(mean), rel=1e-6)


def test_the_loss_stays_right_where_members_are_sure() -> None:
    """Logits of ±200, whose probabilities float32 rounds to 0 and 1: by hand log (1/2) of one member that is right."""

    def build(seed: int) -> gn.Model:
        net = gn.Sequential(gn.Dense(1))
        net.build((1,))
        net.parameters[...] = [200 if seed else -200, 0]
        return gn.Model(net, "binary_cross_entropy", "sgd", seed=seed)

    ensemble = gn.Ensemble.of([build(0), build(1)])
    assert ensemble.evaluate([[1.0], [-1.0]], [[1.0], [1.0]])["loss"] == pytest.approx(np.log(2), rel=1e-6)
    sure = gn.Ensemble.of([build(1), build(2)])
    assert sure.evaluate([[1.0], [-1.0]], [[0.0], [1.0]])["loss"] == pytest.approx(200, rel=1e-6)


def test_several_outputs_each_by_its_own_loss() -> None:
    def network() -> gn.Graph:
        nodes: dict[str, Any] = {
            "both": ("concatenate", "left", "right"),
            "digit": (gn.Dense(3), "both"),
            "copy": (gn.Dense(2), "both"),
            "rate": (gn.Dense(1), "both"),
        }
        return gn.Graph(inputs={"left": 1, "right": 3}, nodes=nodes, outputs=["digit", "copy", "rate"])

    losses = {"digit": "cross_entropy", "copy": ("mean_squared_error", 0.3), "rate": "poisson"}
    x = {"left": X[:, :1], "right": X[:, 1:]}
    y = {"digit": LABELS, "copy": AMOUNTS, "rate": COUNTS}
    ensemble = trained(builder(network, losses, {"digit": ["accuracy", "loss"]}), x, y)
    found, one = ensemble.predict(x), ensemble.as_model()
    for name, method in {"digit": "predict_proba", "copy": "predict_mean", "rate": "predict_mean"}.items():
        answers = [getattr(member, method)(x)[name] for member in ensemble]
        np.testing.assert_allclose(found[name], np.mean(answers, axis=0), rtol=1e-5)
        np.testing.assert_allclose(ensemble.spread(x)[name], np.std(answers, axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.exp(one.predict(x)["rate"]), found["rate"], rtol=1e-5)
    assert ensemble.evaluate(x, y) == pytest.approx(one.evaluate(x, y), rel=1e-5)
    assert ensemble.predict_classes(x)["digit"].tolist() == found["digit"].argmax(axis=1).tolist()


def test_several_questions_a_row() -> None:
    y = np.stack([YES[:, 0], LABELS], axis=1)
    ensemble = trained(builder(lambda: dense(5), gn.losses.JointCrossEntropy([2, 3])), X, y)
    shares = np.mean([member.predict_proba(X) for member in ensemble], axis=0)
    np.testing.assert_allclose(ensemble.predict(X), shares, rtol=1e-5)
    expected = -np.log(shares[np.arange(30), y[:, 0]]) - np.log(shares[np.arange(30), 2 + y[:, 1]])
    assert ensemble.evaluate(X, y)["loss"] == pytest.approx(expected.mean(), rel=1e-5)
    assert ensemble.predict_classes(X)[:, 1].tolist() == shares[:, 2:].argmax(axis=1).tolist()
    one = ensemble.as_model()
    np.testing.assert_allclose(one.predict_proba(X), shares, rtol=1e-5, atol=1e-6)
    assert one.evaluate(X, y) == pytest.approx(ensemble.evaluate(X, y), rel=1e-5)
    many = gn.Ensemble(builder(lambda: dense(202), gn.losses.JointCrossEntropy([101, 101])), 2)
    many.fit(X, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match="JointCrossEntropy"):
        many.as_model()
    with pytest.raises(gn.ConfigurationError, match="one question a row"):
        ensemble.entropies(X)


def test_rows_of_different_length() -> None:
    rows = [STEPS[i, : 1 + i % 4] for i in range(12)]
    labels = [STEP_LABELS[i, : 1 + i % 4] for i in range(12)]
    ensemble = trained(builder(gru, "cross_entropy"), rows, labels)
    found = ensemble.predict(rows)
    assert found.lengths.tolist() == [1 + i % 4 for i in range(12)]
    expected = np.mean([member.predict_proba(rows).values for member in ensemble], axis=0)
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    assert not ensemble.entropies(rows).total[0, 1:].any()
    assert [len(own) for own in ensemble.predict_classes(rows)] == [len(own) for own in rows]
    assert ensemble.evaluate(rows, labels) == pytest.approx(ensemble.as_model().evaluate(rows, labels), rel=1e-5)


def test_a_table_is_learned_once_and_frames_go_in() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": X[:, 0], "town": list("ulm") * 10, "t": [["no", "yes", "maybe"][i] for i in LABELS]})
    build = builder(lambda: dense(3), "cross_entropy")
    ensemble = trained(build, frame, "t")
    alone = build(ensemble.members[2].seed)
    alone.fit(frame, "t", epochs=2, verbose=False)
    assert alone.fingerprint() == ensemble.members[2].fingerprint()
    assert ensemble.members[0].preprocessing is ensemble.members[2].preprocessing
    one = ensemble.as_model()
    np.testing.assert_allclose(one.predict({"a": 0.5, "town": "u"}), ensemble.predict({"a": 0.5, "town": "u"}), 1e-5)
    assert set(ensemble.predict_classes(frame, names=True)) <= {"no", "yes", "maybe"}
    assert one.evaluate(frame, "t") == pytest.approx(ensemble.evaluate(frame, "t"), rel=1e-5)
    other = gn.Ensemble(build, 2)
    with pytest.raises(gn.ConfigurationError, match="'s'"):
        other.fit(frame, "s")
    assert [member.preprocessing for member in other] == [None, None]


def test_members_may_have_rows_of_their_own() -> None:
    """As in bagging, or with another fifth left out by each, to stop by."""
    build = CASES["classes"][0]
    parts = [np.arange(20), np.arange(10, 30)]
    apart = [(X[20:], LABELS[20:]), (X[:10], LABELS[:10])]
    stops = [gn.EarlyStopping(patience=1)]
    ensemble = gn.Ensemble(build, 2, seed=5)
    each = {"rows": gn.Each(parts), "validation_data": gn.Each(apart), "callbacks": stops}
    histories = ensemble.fit(X, LABELS, epochs=4, verbose=False, **each)
    for member, own, held, history in zip(ensemble, parts, apart, histories, strict=True):
        alone = build(member.seed)
        found = alone.fit(
            *(X[own], LABELS[own]),
            epochs=4,
            verbose=False,
            validation_data=held,
            callbacks=[gn.EarlyStopping(patience=1)],
        )
        assert alone.fingerprint() == member.fingerprint()
        assert found.metrics == history.metrics


def test_seeds_are_the_first_ones_of_a_larger_ensemble() -> None:
    build = CASES["classes"][0]
    seeds = [
        [member.seed for member in gn.Ensemble(build, count, seed=seed)] for count, seed in ((2, 3), (5, 3), (5, 4))
    ]
    assert seeds[0] == seeds[1][:2]
    assert len({*seeds[1], *seeds[2]}) == 10


SHARED = gn.Dense(3)
ONE = CASES["classes"][0](0)
NET = dense(3)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda seed: ONE, "layers in common"),
        (lambda seed: gn.Model(NET, "cross_entropy", "adam", seed=seed), "layers in common"),
        (lambda seed: gn.Model(gn.Sequential(gn.Dense(2), SHARED), "cross_entropy", "adam", seed=seed), "in common"),
        (lambda seed: gn.Model(dense(3), "cross_entropy", "adam"), "seed=seed"),
        (lambda seed: dense(3), "gn.Model"),
        (lambda seed: None, "None"),
        (lambda seed: gn.Model(dense(3), ["hinge", "cross_entropy"][seed % 2], "adam", seed=seed), "loss"),
        (lambda seed: gn.Model(dense(3), "hinge", "adam", seed=seed, dtype=f"float{32 + seed % 2 * 32}"), "dtype"),
        (lambda seed: gn.Model(dense(3), "hinge", "adam", ["accuracy"][seed % 2 :], seed=seed), "metrics"),
        (ONE, "a function"),
        ([ONE], r"Ensemble.of\(models\)"),
        (gn.Model, "a function"),
    ],
)
def test_what_is_no_ensemble_is_refused(build: Any, said: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=said):
        gn.Ensemble(build, 8)


def test_members_that_give_other_shapes_are_refused() -> None:
    units = iter((3, 4))
    ensemble = gn.Ensemble(builder(lambda: dense(next(units)), "cross_entropy"), 2)
    with pytest.raises(gn.ConfigurationError, match=r"output_shape \(4,\) of member 1"):
        ensemble.fit(X, LABELS, verbose=False)
    with pytest.raises(gn.ConfigurationError, match="output_shape"):
        ensemble.predict(X)


def test_a_scaling_that_is_changed_in_one_member_is_refused() -> None:
    ensemble = trained(*CASES["amounts"])
    ensemble.members[1].preprocessing = gn.Standardize.from_data(X + 1)
    with pytest.raises(gn.ConfigurationError, match="preprocessing .* of member 1"):
        ensemble.predict(X)


def test_a_member_that_diverges_is_named_and_the_others_go_on_without_it() -> None:
    rates = iter((0.01, 1e12, 0.01))

    def build(seed: int) -> gn.Model:
        return gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", gn.SGD(next(rates)), seed=seed)

    ensemble = gn.Ensemble(build, 3)
    with pytest.raises(gn.DivergenceError, match=r"1 of 3 members.*: 1 \(seed .*without\(1\)"):
        ensemble.fit(X, AMOUNTS[:, :1] * 100, epochs=20, verbose=False)
    for ask in (ensemble.predict, ensemble.as_model, lambda *_: ensemble.save("never.safetensors")):
        with pytest.raises(gn.DivergenceError, match=r"without\(1\)"):
            ask(X) if ask != ensemble.as_model else ensemble.as_model()
    good = ensemble.without(1)
    assert good.members == (ensemble.members[0], ensemble.members[2])
    np.testing.assert_allclose(good.predict(X), np.mean([member.predict(X) for member in good], axis=0), rtol=1e-6)
    with pytest.raises(gn.DivergenceError, match="member"):
        ensemble.without(0).predict(X)  # the one that diverged is still in it
    with pytest.raises(gn.ConfigurationError, match="two models"):
        ensemble.without(0, 1)


def test_what_fit_refuses_changes_nothing() -> None:
    ensemble = gn.Ensemble(CASES["classes"][0], 2)
    for wrong in ({"epochs": 0}, {"epoch": 3}, {"resume": "old.safetensors"}):
        with pytest.raises(gn.ConfigurationError):
            ensemble.fit(X, LABELS, **wrong)
    with pytest.raises(gn.DataError):
        ensemble.fit(X * np.nan, LABELS)
    with pytest.raises(gn.NotBuiltError):
        ensemble.predict(X)
    ensemble.fit(X, LABELS, verbose=False)
    with pytest.raises(gn.ShapeError):
        ensemble.predict(X[:, :2])
    with pytest.raises(gn.ConfigurationError, match="predict_classes"):
        trained(*CASES["amounts"]).predict_classes(X)
    with pytest.raises(gn.ConfigurationError, match="attribute"):
        ensemble.member = ()


@pytest.mark.parametrize("from_file", [False, True])
def test_after_ctrl_c_it_goes_on_to_the_bits_of_an_unbroken_training(from_file: bool, tmp_path: Path) -> None:
    """One member stands in the middle, the others have not begun, although an earlier fit of theirs is finished."""
    build, x, y = CASES["classes"]
    broken, unbroken = gn.Ensemble(build, 3), gn.Ensemble(build, 3)
    for ensemble in (broken, unbroken):
        ensemble.fit(x, y, epochs=2, verbose=False)

    def press(state: Any) -> None:
        if state.epoch == 4:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            seen.wait(20)

    seen = threading.Event()
    timer = threading.Timer(0.5, seen.set)
    timer.start()
    histories = broken.fit(x, y, epochs=3, callbacks=[press], workers=1, verbose=False)
    timer.join()
    assert [(history.stopped, len(history)) for history in histories][1:] == [("interrupted", 0)] * 2
    assert 2 <= len(histories[0]) <= 3
    if from_file:
        broken.save(tmp_path / "e.safetensors")
        broken = gn.load(tmp_path / "e.safetensors")
    unbroken.fit(x, y, epochs=3, callbacks=[lambda state: None], verbose=False)
    assert [len(own) for own in broken.fit(x, y, resume=True, callbacks=[lambda state: None], verbose=False)] == [3] * 3
    assert broken.fingerprint() == unbroken.fingerprint()
    assert [member.epochs_trained for member in broken] == [5, 5, 5]
    broken.fit(x, y, resume=True, callbacks=[lambda state: None], verbose=False)
    assert broken.fingerprint() == unbroken.fingerprint()  # nobody waits any more


def test_what_a_model_has_and_an_ensemble_has_not_is_said() -> None:
    ensemble = gn.Ensemble(CASES["classes"][0], 2)
    for name in ("network", "predict_proba", "optimizer"):
        with pytest.raises(AttributeError, match=rf"members\[0\]\.{name}"):
            getattr(ensemble, name)
    assert not hasattr(ensemble, "nothing_of_the_kind")


def test_copies_are_ensembles_of_their_own() -> None:
    ensemble = trained(*CASES["classes"], members=2)
    for twin in (copy.deepcopy(ensemble), pickle.loads(pickle.dumps(ensemble))):
        assert twin.fingerprint() == ensemble.fingerprint()
        twin.fit(X, LABELS, verbose=False)
        assert twin.fingerprint() != ensemble.fingerprint()
    one = ensemble.as_model()
    one.fit(X, LABELS, verbose=False)
    assert twin.members[0].network is not ensemble.members[0].network
    np.testing.assert_array_equal(ensemble.predict(X), ensemble.predict(X))
