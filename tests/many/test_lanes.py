"""Models that share a recorded program end as single fits do: in the same bits, histories and places."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.many.kinds import Kinds, kind_of
from glassnet.many.lane import Lane
from glassnet.many.lanes import Lanes
from glassnet.training.interrupt import Interrupt

RNG = np.random.default_rng(1)
X = RNG.normal(size=(45, 4))
Y = RNG.integers(0, 3, 45)
T = RNG.normal(size=(45, 2))
IMAGES = RNG.normal(size=(45, 1, 4, 4))
pytestmark = pytest.mark.skipif(native() is None, reason="lanes are compiled")


def dense(*more: Any) -> list[Any]:
    return [gn.Dense(5), *more, gn.ReLU(), gn.Dense(3)]


NETWORKS: dict[str, Callable[[], list[Any]]] = {
    "dense": dense,
    "dropout": lambda: dense(gn.Dropout(0.3)),
    "norm": lambda: dense(gn.BatchNorm(), gn.LayerNorm()),
    "residual": lambda: [gn.Residual(gn.Dense(4), gn.Tanh()), gn.Dense(3)],
    "frozen": lambda: [gn.Dense(4).frozen(), gn.Dense(3, name="head")],
    "image": lambda: [gn.Reshape((1, 2, 2)), gn.Conv2D(2, 2), gn.Flatten(), gn.Dense(3)],
}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: gn.Adam(0.01),
    "schedule": lambda: gn.SGD(gn.schedules.CosineDecay(0.1, steps=30), momentum=0.9),
    "chain": lambda: gn.Chain(gn.ClipByNorm(1.0), gn.AdamW(0.01)),
    "nadam": lambda: gn.NAdam(0.01),
}


def models(network: str = "dense", optimizer: str = "adam", count: int = 3, **settings: Any) -> list[gn.Model]:
    loss = settings.pop("loss", "cross_entropy")
    return [
        gn.Model(gn.Sequential(*NETWORKS[network]()), loss, OPTIMIZERS[optimizer](), seed=seed, **settings)
        for seed in range(count)
    ]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[gn.Model]:
    """The models that went through a lane and came out of it."""
    found: list[gn.Model] = []
    fit_each = Lane.fit_each

    def noted(self: Lane, models: list[gn.Model], *given: Any) -> Any:
        histories = fit_each(self, models, *given)
        found.extend(model for model, history in zip(models, histories, strict=True) if history is not None)
        return histories

    monkeypatch.setattr(Lane, "fit_each", noted)
    return found


def assert_same(one: gn.Model, other: gn.Model) -> None:
    assert one.fingerprint() == other.fingerprint()
    np.testing.assert_array_equal(one.network.gradients, other.network.gradients)
    assert one.epochs_trained == other.epochs_trained
    first, second = one.latest_fit, other.latest_fit
    assert first is not None
    assert second is not None
    for name in ("first_epoch", "last_epoch", "steps", "updates", "settings", "is_ended", "memories", "parameters"):
        assert getattr(first, name) == getattr(second, name), name
    assert str(first) == str(second)
    assert vars(first.history) == vars(second.history)
    assert first.position is not None
    assert second.position is not None
    np.testing.assert_array_equal(first.position.losses, second.position.losses)
    assert (first.position.epoch, first.position.step) == (second.position.epoch, second.position.step)


def assert_as_single(many: list[gn.Model], single: list[gn.Model], **given: Any) -> None:
    found = gn.fit_many(many, workers=2, **given)
    for number, (model, alone, history) in enumerate(zip(many, single, found, strict=True)):
        own = {name: value.values[number] if isinstance(value, gn.Each) else value for name, value in given.items()}
        expected = alone.fit(**own, verbose=False)
        assert isinstance(history, gn.History)
        assert history.metrics == expected.metrics
        assert (history.epochs, history.stopped, history.notes) == (expected.epochs, None, expected.notes)
        assert_same(model, alone)


@pytest.mark.parametrize(
    ("network", "optimizer"),
    [*((name, "adam") for name in NETWORKS if name != "frozen"), *(("dropout", name) for name in OPTIMIZERS)],
)
def test_bits_are_those_of_single_fits(network: str, optimizer: str, trained: list[gn.Model]) -> None:
    many, single = models(network, optimizer), models(network, optimizer)
    assert_as_single(many, single, x=X, y=Y, epochs=3, batch_size=20)
    assert_as_single(many, single, x=X, y=Y, epochs=2, batch_size=None, shuffle=False)
    assert len(trained) == 6
    for model, alone in zip(many, single, strict=True):
        np.testing.assert_array_equal(model.predict(X), alone.predict(X))
    assert_as_single(many, single, x=X, y=Y, epochs=1, validation_split=0.2)
    assert len(trained) == 6


def test_models_that_differ_have_programs_of_their_own(trained: list[gn.Model]) -> None:
    """In what they are, in what is trained of them, in the rates of their parameters and the shapes of their rows."""

    def build() -> list[gn.Model]:
        found = [*models(), *models("dropout"), *models(dtype="float64"), *models(optimizer="schedule")]
        found += [gn.Model(gn.Sequential(*dense()), "cross_entropy", gn.Adam(0.1 * 2**-i), seed=7) for i in range(3)]
        found += [gn.Model(gn.Sequential(*dense()), "cross_entropy", gn.Adam(0.1, epsilon=1e-5), seed=7)]
        slow = gn.Model(gn.Sequential(*dense()), "cross_entropy", gn.Adam(0.01), seed=3)
        slow.network.build((4,), seed=3)
        slow.network[0].weight.learning_rate_scale = 0.1
        still = gn.Model(gn.Sequential(*dense()), "cross_entropy", gn.Adam(0.01), seed=3)
        still.network.build((4,), seed=3)
        still.network[0].bias.trainable = False
        return [*found, slow, still]

    many, single = build(), build()
    rows = [slice(0, 45 - i % 3) for i in range(len(many))]
    xs, ys = gn.Each([X[own] for own in rows]), gn.Each([Y[own] for own in rows])
    weights = gn.Each([None if i % 2 else np.linspace(1, 2, 45)[own] for i, own in enumerate(rows)])
    assert_as_single(many, single, x=xs, y=ys, sample_weight=weights, epochs=2)
    assert len(trained) == len(many)


def test_each_learns_from_rows_of_its_own(trained: list[gn.Model]) -> None:
    many, single = (models(loss="mean_squared_error", count=5) for _ in range(2))
    for model in [*many, *single]:
        model.network = gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(2))
    xs, ys = gn.Each([X * (i + 1) for i in range(5)]), gn.Each([T - i for i in range(5)])
    assert_as_single(many, single, x=xs, y=ys, epochs=3)
    assert_as_single(many, single, x=xs, y=T, epochs=gn.Each([1, 2, 3, 4, 5]))
    assert len(trained) == 10


def test_what_a_lane_cannot_look_after_goes_its_own_way(trained: list[gn.Model]) -> None:
    class Doubled(gn.ReLU):
        def forward(self, run: Any, x: Any, *, training: bool) -> Any:
            return super().forward(run, x, training=training)

    class Halved(gn.NumpyLayer):
        def forward(self, x: Any) -> Any:
            return x / 2, None

        def backward(self, dy: Any, cache: Any) -> Any:
            return dy / 2, {}

    def build() -> list[gn.Model]:
        plain = models(count=9)
        plain[0].class_names = ("a", "b", "c")
        plain[1].preprocessing = gn.Standardize.from_data(X)
        plain[2] = gn.Model(gn.Sequential(gn.Dense(3), Doubled()), "cross_entropy", "adam")
        plain[3].memories = {"Counting": {"epochs": 3}}
        plain[4] = gn.Model(gn.Sequential(*dense()), "cross_entropy", "adam", metrics=["accuracy"])
        plain[5] = gn.Model(gn.Sequential(*dense()), "cross_entropy", gn.Chain(gn.L2(0.1), gn.SGD(0.1)))
        plain[6] = gn.Model(gn.Sequential(*dense()), "cross_entropy", "adam", engine="numpy")
        shared = gn.Sequential(*dense())
        shared.build((4,))
        plain[7] = gn.Model(gn.Sequential(*shared), "cross_entropy", "adam")
        plain[8] = gn.Model(gn.Sequential(gn.Dense(3), Halved()), "cross_entropy", "adam")
        return plain

    many, single = build(), build()
    assert_as_single(many, single, x=X, y=Y, epochs=2)
    assert not trained


def test_methods_that_were_put_into_a_part_are_called(trained: list[gn.Model]) -> None:
    many, single = models(), models()
    for model in (many[1], single[1]):
        layer = model.network[1]
        forward = layer.forward
        layer.forward = lambda run, x, *, training, forward=forward: forward(run, x, training=training)
    assert_as_single(many, single, x=X, y=Y, epochs=2)
    assert trained == [many[0], many[2]] or trained == [many[2], many[0]]


def test_a_training_that_diverges_is_told_as_ever(trained: list[gn.Model]) -> None:
    def build() -> list[gn.Model]:
        return [
            gn.Model(gn.Sequential(*dense()), "cross_entropy", gn.SGD(1e30 if i % 2 else 0.1), seed=i) for i in range(4)
        ]

    many, single = build(), build()
    with pytest.warns(gn.TrainingWarning, match="2 of 4"):
        found = gn.fit_many(many, X, Y, epochs=5, workers=1)
    for number, (alone, result) in enumerate(zip(single, found, strict=True)):
        if number % 2:
            with pytest.raises(gn.DivergenceError) as caught:
                alone.fit(X, Y, epochs=5, verbose=False)
            assert str(result) == str(caught.value)
        else:
            alone.fit(X, Y, epochs=5, verbose=False)
        assert many[number].fingerprint() == alone.fingerprint()
    assert len(trained) == 2


def test_errors_before_a_training_stand_in_their_places(trained: list[gn.Model]) -> None:
    """Of rows that are not there, and of layers that were put into a list after the build."""

    def build() -> list[gn.Model]:
        return [
            gn.Model(gn.Sequential(gn.Concat(gn.Dense(2), gn.ReLU()), gn.Dense(3)), "cross_entropy", "adam", seed=seed)
            for seed in range(9)
        ]

    many, single = build(), build()
    assert_as_single(many, single, x=X, y=Y, epochs=2)
    many[4].network[0].branches.append(gn.Dense(1))
    rows = gn.Each([[999] if number == 7 else list(range(40)) for number in range(9)])
    with pytest.warns(gn.TrainingWarning, match="2 of 9"):
        found = gn.fit_many(many, X, Y, rows=rows, epochs=2, workers=1)
    assert [type(result).__name__ for result in found].count("History") == 7
    assert "other layers than it was built with" in str(found[4])
    assert "999" in str(found[7])
    for number in (0, 5, 8):
        single[number].fit(X[:40], Y[:40], epochs=2, verbose=False)
        assert_same(many[number], single[number])


def test_ctrl_c_leaves_a_place_from_which_a_fit_goes_on(trained: list[gn.Model]) -> None:
    """In the bits of the fit that was not broken off."""
    model = models(count=1)[0]
    interrupt, found = Interrupt(), list[Any]()

    def fit() -> None:
        with interrupt.shared():
            found.append(Lanes().fit(model, {"x": X, "y": Y, "epochs": 100_000, "batch_size": 7}))

    thread = threading.Thread(target=fit)
    thread.start()
    while not (model.network.is_built and model.optimizer.state):
        time.sleep(0.01)
    time.sleep(0.1)
    interrupt.requested = True
    thread.join()
    assert trained == [model]
    history = found[0]
    assert history.stopped == "interrupted"
    assert 0 < len(history) < 100_000
    assert model.latest_fit is not None
    assert not model.latest_fit.is_finished
    last = len(history) + 2
    alone = models(count=1)[0]
    expected = alone.fit(X, Y, epochs=last, batch_size=7, verbose=False)
    model.fit(X, Y, epochs=last, batch_size=7, resume=True, verbose=False)
    assert model.fingerprint() == alone.fingerprint()
    assert model.latest_fit.history.metrics == expected.metrics


def test_models_are_alike_where_they_differ_in_numbers_alone() -> None:
    one, other = models(count=2)
    assert kind_of(one) == kind_of(other) is not None
    other.optimizer.learning_rate = 0.5
    assert kind_of(one) == kind_of(other)
    for change in (
        lambda m: setattr(m.optimizer, "beta1", 0.8),
        lambda m: setattr(m.optimizer, "learning_rate", gn.schedules.Constant(0.1)),
        lambda m: setattr(m.network[0], "use_bias", 1),
        lambda m: setattr(m.network[0], "units", 6),
        lambda m: setattr(m, "loss", gn.losses.CrossEntropy(label_smoothing=0.1)),
        lambda m: setattr(m, "dtype", np.dtype("float64")),
    ):
        changed = copy.deepcopy(one)
        change(changed)
        assert kind_of(changed) != kind_of(one)


def test_settings_that_are_equal_and_yet_not_the_same_are_told_apart() -> None:
    kinds, slopes = Kinds(), (0.5, 1, 1.0, 0.0, -0.0, True)

    def kind(slope: Any) -> Any:
        layer = gn.LeakyReLU(0.5)
        layer.__dict__["slope"] = slope  # as whatever way it may have come there
        return kinds.of(gn.Model(gn.Sequential(gn.Dense(3), layer, gn.Dense(1)), "mse", "adam"))

    first, second = [kind(slope) for slope in slopes], [kind(slope) for slope in slopes]
    assert first == second
    assert len(set(first)) == len(slopes)


def test_threads_do_what_they_do_in_python_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``model.fit`` does, which may take long, is no such thing."""
    inside: dict[str, int] = {"finish": 0, "fit": 0}
    most = dict(inside)

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            inside[name] += 1
            most[name] = max(most[name], inside[name])
            time.sleep(0.02)
            inside[name] -= 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(Lane, "_finish", counted("finish", Lane._finish))
    monkeypatch.setattr(gn.Model, "fit", counted("fit", gn.Model.fit))
    gn.fit_many(models(count=20), X, Y, workers=2, verbose=False)
    gn.fit_many(models(count=6, metrics=["accuracy"]), X, Y, workers=2, verbose=False)
    assert most == {"finish": 1, "fit": 2}
