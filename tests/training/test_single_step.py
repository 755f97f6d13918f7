"""Updates in one call of the native module: the same as by the longer way, as long as nothing is otherwise."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.core.turns import TURNS
from glassnet.training import Stepper

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")
RNG = np.random.default_rng(0)
STEPS = 150
TARGETS: dict[str, Any] = {
    "cross_entropy": RNG.integers(0, 3, (STEPS, 5)),
    "mean_squared_error": RNG.normal(size=(STEPS, 5, 3)),
    "binary_cross_entropy": RNG.random((STEPS, 5, 3)),
}
X = RNG.normal(size=(STEPS, 5, 4))


def build(loss: Any = "cross_entropy", optimizer: Any = None, dtype: Any = "float32", **settings: Any) -> gn.Model:
    net = gn.Sequential(gn.Dense(6), gn.ReLU(), gn.Dropout(0.2), gn.Dense(3))
    return gn.Model(net, loss, optimizer or gn.Adam(0.01), dtype=dtype, seed=1, **settings)


def learned(model: gn.Model, steps: int = 20) -> gn.Model:
    """The model, which has come to do its updates in one call."""
    for x, y in zip(X[:steps], TARGETS["cross_entropy"], strict=False):
        model.step(x, y)
    assert model._single is not None
    return model


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", [gn.SGD(0.1), gn.SGD(0.1, momentum=0.9), gn.Adam(0.01), gn.AdaGrad(0.1)])
def test_the_same_bits(loss: str, dtype: str, rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quick, slow = build(loss, copy.deepcopy(rule), dtype), build(loss, copy.deepcopy(rule), dtype)
    own = TARGETS[loss] if loss == "cross_entropy" else TARGETS[loss].astype(dtype)
    found = [quick.step(x, y) for x, y in zip(X.astype(dtype), own, strict=True)]
    assert quick._single is not None
    monkeypatch.setattr(Stepper, "single_step", lambda *_: None)
    assert found == [slow.step(x, y) for x, y in zip(X.astype(dtype), own, strict=True)]
    assert slow._single is None
    assert quick.fingerprint() == slow.fingerprint()


def test_numbers_of_another_kind_are_the_same_numbers() -> None:
    one, other = build(), build()
    for x, y in zip(X, TARGETS["cross_entropy"], strict=True):
        single = x.astype(np.float32).astype(np.float64)
        assert one.step(single, y) == other.step(single.astype(np.float32), y.astype(np.int32))
    assert one.fingerprint() == other.fingerprint()


CHANGES: dict[str, Callable[[gn.Model], Any]] = {
    "rate": lambda model: setattr(model.optimizer, "learning_rate", 0.5),
    "scale": lambda model: setattr(model.optimizer, "learning_rate_scale", 0.25),
    "setting": lambda model: setattr(model.optimizer, "beta1", 0.5),
    "memory": lambda model: model.optimizer.reset(),
    "seed": lambda model: setattr(model, "seed", 7),
    "loss": lambda model: setattr(model, "loss", gn.losses.CrossEntropy(label_smoothing=0.2)),
    "smoothing": lambda model: setattr(model.loss, "label_smoothing", 0.3),
    "dropout": lambda model: setattr(model.network.layers[2], "rate", 0.5),
    "frozen": lambda model: model.network.layers[0].freeze(),
    "optimizer": lambda model: setattr(model, "optimizer", gn.SGD(0.3)),
    "weights": lambda model: np.copyto(model.network.parameters, 0.1),
    "engine": lambda model: setattr(model, "engine", "numpy"),
    "fit": lambda model: model.fit(X[0], TARGETS["cross_entropy"][0], epochs=1, verbose=False),
    "scaled": lambda model: setattr(model, "preprocessing", gn.Standardize.from_data(X.reshape(-1, 4))),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def after(model: gn.Model) -> tuple[str, list[float]]:
        CHANGES[name](model)
        losses = [model.step(x, y) for x, y in zip(X[20:30], TARGETS["cross_entropy"][20:30], strict=True)]
        return model.fingerprint(), losses

    quick, untouched = learned(build()), learned(build())
    found = after(quick)
    monkeypatch.setattr(Stepper, "single_step", lambda *_: None)
    slow = build()
    for x, y in zip(X[:20], TARGETS["cross_entropy"], strict=False):
        slow.step(x, y)
    assert after(slow) == found
    for x, y in zip(X[20:30], TARGETS["cross_entropy"][20:30], strict=True):
        untouched.step(x, y)
    assert untouched.fingerprint() != found[0]


def test_batches_of_two_shapes() -> None:
    one, other = build(), build()
    for number in range(40):
        rows = slice(0, 5 if number % 3 else 2)
        one.step(X[number][rows], TARGETS["cross_entropy"][number][rows])
        other.step(X[number][rows].tolist(), TARGETS["cross_entropy"][number][rows].tolist())
    assert one.fingerprint() == other.fingerprint()


Y = TARGETS["cross_entropy"][0]
BAD: dict[str, tuple[Any, Any]] = {
    "NaN": (np.where(X[0] > 1, np.nan, X[0]), Y),
    "too large for float32": (np.where(X[0] > 1, 1e300, X[0]), Y),
    "an unknown label": (X[0], Y + 3),
    "a negative label": (X[0], Y - 3),
    "a label for another row": (X[0], Y[:4]),
    "another width": (X[0][:, :3], Y),
    "text": (X[0].astype(str), Y),
    "masked": (np.ma.masked_greater(X[0], 0), Y),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_batches_are_refused_as_ever(name: str) -> None:
    model = learned(build())
    before = model.fingerprint()
    fresh = build()
    fresh.step(X[0], Y)
    with pytest.raises(gn.GlassnetError) as usual:
        fresh.step(*BAD[name])
    with pytest.raises(gn.GlassnetError) as found:
        model.step(*BAD[name])
    assert str(found.value) == str(usual.value)
    assert model.fingerprint() == before
    model.step(X[0], Y)


def test_divergence_is_told_and_undone() -> None:
    model = gn.Model(gn.Dense(3), "mean_squared_error", gn.SGD(0.1), seed=1)
    y = TARGETS["mean_squared_error"].astype(np.float32)
    for number in range(5):
        model.step(X[number], y[number])
    assert model._single is not None
    before = model.fingerprint()
    with pytest.raises(gn.DivergenceError, match=r"update 6: received a loss of inf.*as they were before"):
        model.step(X[0] * 1e25, y[0])
    assert model.fingerprint() == before
    model.optimizer.learning_rate = 1e38
    for number in range(5):
        try:
            model.step(X[number], y[number])
        except gn.DivergenceError:
            return
    pytest.fail("no divergence at a rate of 1e38")


def test_no_step_while_it_is_trained() -> None:
    model = learned(build())

    def step(state: Any) -> None:
        model.step(X[0], Y)

    with pytest.raises(gn.ConfigurationError, match="that is being trained by the very call that leads here"):
        model.fit(X[0], Y, epochs=1, callbacks=[step], verbose=False)
    assert TURNS == {}
    model.step(X[0], Y)


def test_copies_have_their_own() -> None:
    model = learned(build())
    for make in (copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))):
        copied = make(model)
        assert copied._single is None
        assert [copied.step(x, Y) for x in X[:5]] == [model.step(x, Y) for x in X[:5]]


def test_it_keeps_nothing_alive() -> None:
    model = learned(build())
    gone = [weakref.ref(thing) for thing in (model, model.network, model.optimizer, model._stepper)]
    gc.disable()
    try:
        del model
        assert [ref() for ref in gone] == [None] * len(gone)
    finally:
        gc.enable()


def test_it_is_for_small_networks() -> None:
    """Others let the interpreter go on meanwhile."""
    model = gn.Model(gn.Sequential(gn.Dense(512), gn.ReLU(), gn.Dense(3)), "cross_entropy", gn.SGD(0.1))
    for _ in range(5):
        model.step(np.ones((256, 64), np.float32), np.zeros(256, np.int64))
    assert model._single is None
