"""Many epochs in one run of a compiled program: to the outside they are epochs like any others."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest
from gradients import Affine
from models import assert_same, classifier, state_of

import glassnet as gn
from glassnet.compile import native
from glassnet.schedules import Schedule
from glassnet.training import TrainingState
from glassnet.training.compiled_engine import CompiledEngine

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

Make = Callable[[str], gn.Model]
Blobs = tuple[np.ndarray, np.ndarray]

ENGINES = ("numpy", "compiled")


@dataclass
class Runs:
    """How many steps each run of a compiled engine did, and the seconds that it took."""

    steps: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Those of all trainings to come."""
    found = Runs()
    run = CompiledEngine.run

    def counted(self: CompiledEngine, *arguments: Any) -> Any:
        started = perf_counter()
        result = run(self, *arguments)
        found.seconds.append(perf_counter() - started)
        found.steps.append(len(result.losses))
        return result

    monkeypatch.setattr(CompiledEngine, "run", counted)
    return found


def regression(rows: int = 7, seed: int = 0) -> Blobs:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    return x, np.tanh(x.sum(axis=1, keepdims=True))


def regressor(engine: str, **settings: Any) -> gn.Model:
    net = gn.Sequential(gn.Dense(5), gn.Tanh(), gn.Dense(1))
    arguments = {"loss": "mean_squared_error", "optimizer": gn.SGD(0.1), "dtype": "float64", **settings}
    return gn.Model(net, engine=engine, **arguments)


def both(make: Make, x: np.ndarray, y: np.ndarray, tolerance: float = 1e-9, **settings: Any) -> gn.History:
    """Trains with both engines; they must leave the same behind. Returns the history of the compiled one."""
    models = {engine: make(engine) for engine in ENGINES}
    histories = {engine: model.fit(x, y, verbose=False, **settings) for engine, model in models.items()}
    found, expected = (state_of(models[engine], histories[engine]) for engine in ("compiled", "numpy"))
    assert_same(found, expected, tolerance)
    assert histories["compiled"].epochs == histories["numpy"].epochs
    assert histories["compiled"]["learning_rate"] == histories["numpy"]["learning_rate"]
    return histories["compiled"]


def test_hundreds_of_epochs_in_a_few_runs(runs: Runs) -> None:
    history = both(regressor, *regression(), epochs=500, batch_size=None, shuffle=False)
    assert history.epochs == list(range(1, 501))
    assert len(history["loss"]) == 500
    assert sum(runs.steps) == 500
    assert len(runs.steps) < 10


SCHEDULES: dict[str, Callable[[], Schedule]] = {
    "exponential": lambda: gn.schedules.ExponentialDecay(0.1, every=100),
    "one cycle": lambda: gn.schedules.OneCycle(0.1, steps=1000),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("batch_size", [None, 3])
def test_learning_rates_of_each_epoch(runs: Runs, name: str, batch_size: int | None) -> None:
    schedule = SCHEDULES[name]()
    optimizer = gn.SGD(schedule, momentum=0.9)
    history = both(lambda e: regressor(e, optimizer=optimizer), *regression(), epochs=500, batch_size=batch_size)
    assert len(runs.steps) < 50
    assert history["learning_rate"][0] != history["learning_rate"][-1]
    steps = 1 if batch_size is None else 3
    assert history["learning_rate"][7] == pytest.approx(float(schedule(7 * steps)), rel=1e-12)


@pytest.mark.parametrize("rows", [7, 8, 9, 10])
def test_shuffled_rows_with_a_short_last_batch(runs: Runs, rows: int) -> None:
    both(regressor, *regression(rows), epochs=200, batch_size=4)
    assert len(runs.steps) < 30


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_weights_that_may_be_zero(reduction: str, shuffle: bool) -> None:
    """Also those of a whole batch."""
    weights = np.array([1.0, 0, 2, 0.5, 0, 0, 0, 0, 3, 0, 0, 1])
    loss = gn.losses.MeanSquaredError(reduction)
    make: Make = lambda engine: regressor(engine, loss=loss, optimizer=gn.SGD(0.02))  # noqa: E731
    both(make, *regression(12), epochs=300, batch_size=4, shuffle=shuffle, sample_weight=weights)


@pytest.mark.parametrize(
    "optimizer", [gn.Adam(0.01), gn.SGD(gn.schedules.ExponentialDecay(0.1, every=9), momentum=0.9)]
)
@pytest.mark.parametrize("batch_size", [None, 4])
def test_trainings_that_go_on_equal_the_unbroken_one(optimizer: Any, batch_size: int | None) -> None:
    x, y = np.random.default_rng(0).normal(size=(10, 2)), np.arange(10) % 3
    unbroken, broken = (classifier(engine="compiled", optimizer=optimizer, metrics=[]) for _ in range(2))
    settings: dict[str, Any] = {"batch_size": batch_size, "verbose": False}
    whole = unbroken.fit(x, y, epochs=5, **settings)
    parts = [broken.fit(x, y, epochs=epochs, **settings) for epochs in (2, 3)]
    assert [epoch for part in parts for epoch in part.epochs] == whole.epochs == [1, 2, 3, 4, 5]
    for name, values in whole.metrics.items():
        assert [value for part in parts for value in part[name]] == values, name
    found, expected = state_of(broken, whole), state_of(unbroken, whole)
    assert_same(found, expected)


# Divergence.


def ending(model: gn.Model, x: np.ndarray, y: np.ndarray, **settings: Any) -> tuple[str, dict[str, np.ndarray]]:
    """What a training says in the end, and what it leaves."""
    try:
        return "done", state_of(model, model.fit(x, y, verbose=False, **settings))
    except gn.DivergenceError as error:
        assert np.isfinite(model.network.parameters).all()
        assert all(np.isfinite(array).all() for array in model.optimizer.state.values())
        history: Any = error.history
        return str(error), state_of(model, history)


def both_end_alike(make: Make, x: np.ndarray, y: np.ndarray, tolerance: float = 1e-6, **settings: Any) -> str:
    expected, found = (ending(make(engine), x, y, **settings) for engine in ENGINES)
    assert found[0] == expected[0]
    assert_same(found[1], expected[1], tolerance)
    return found[0]


def linear(engine: str, rate: float, dtype: str = "float64", **settings: Any) -> gn.Model:
    net = gn.Sequential(gn.Dense(1, weight_init="normal"))
    arguments = {"loss": "mean_squared_error", "optimizer": gn.SGD(rate), **settings}
    return gn.Model(net, dtype=dtype, engine=engine, **arguments)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [None, 1, 3, 4])
@pytest.mark.parametrize("rate", [0.3, 3.0, 30.0, 1e3, 1e6, 1e20])
def test_divergence_at_any_speed(rate: float, batch_size: int | None, dtype: str) -> None:
    """Whether it takes many epochs or a few steps."""
    x, y = regression(10, seed=3)
    message = both_end_alike(
        lambda engine: linear(engine, rate, dtype),
        3 * x,
        y,
        tolerance=1e-6 if dtype == "float64" else 1e-2,
        epochs=2000,
        batch_size=batch_size,
        shuffle=batch_size is not None,
    )
    assert "epoch" in message


@pytest.mark.parametrize("optimizer", [gn.SGD(0.5, momentum=0.9), gn.SGD(gn.schedules.OneCycle(2.0, steps=2000))])
def test_divergence_gives_the_optimizer_back_its_memory(optimizer: Any) -> None:
    x, y = regression(10, seed=3)
    message = both_end_alike(
        lambda engine: linear(engine, 0, optimizer=optimizer), 3 * x, y, epochs=2000, batch_size=4, shuffle=False
    )
    assert "epoch" in message


def test_divergence_in_the_first_step_of_an_epoch_goes_back_by_one_epoch() -> None:
    x, y = regression(10, seed=3)
    make: Make = lambda engine: linear(engine, 1e6)  # noqa: E731
    message = both_end_alike(make, x, y, epochs=500, batch_size=None, shuffle=False)
    assert ", step 1" in message
    assert "epoch 1," not in message
    model = make("compiled")
    with pytest.raises(gn.DivergenceError) as caught:
        model.fit(x, y, epochs=500, batch_size=None, shuffle=False, verbose=False)
    diverged = int(caught.value.where.split("epoch ")[1].split(",")[0])
    assert model.epochs_trained == model.optimizer.steps == diverged - 2
    assert isinstance(caught.value.history, gn.History)
    assert caught.value.history.epochs == list(range(1, diverged))
    again = make("compiled")
    again.fit(x, y, epochs=diverged - 2, batch_size=None, shuffle=False, verbose=False)
    np.testing.assert_array_equal(model.network.parameters, again.network.parameters)


def test_divergence_in_the_very_first_step_keeps_the_initial_weights() -> None:
    x, y = np.full((4, 2), 1e200), np.zeros((4, 1))
    message = both_end_alike(lambda engine: linear(engine, 0.1), x, y, epochs=3, batch_size=2)
    assert "epoch 1, step 1" in message
    assert "initial weights" in message


@pytest.mark.parametrize(("batch_size", "place"), [(None, "step 1"), (5, "step 2"), (4, "step 3")])
@pytest.mark.parametrize("calm", [0, 40])
def test_parameters_that_become_infinite_in_the_last_step_of_an_epoch(
    batch_size: int | None, place: str, calm: int
) -> None:
    """The loss is finite still; a schedule has let go after some calm epochs."""
    x, y = np.abs(regression(10)[0]) + 1, np.full((10, 1), 1e3)
    steps = int(place[-1])

    class Jump(Schedule):
        """Small rates, and an enormous one in the last step of an epoch."""

        def __call__(self, step: Any) -> Any:
            return np.where(np.asarray(step) == steps * (calm + 1) - 1, 1.7e308, 1e-6)

    message = both_end_alike(
        lambda engine: linear(engine, 0, loss="mean_absolute_error", optimizer=gn.SGD(Jump())),
        x,
        y,
        epochs=100,
        batch_size=batch_size,
        shuffle=False,
    )
    assert f"epoch {calm + 1}, {place}" in message


def test_a_diverged_model_learns_on_with_a_smaller_rate() -> None:
    x, y = regression(10, seed=3)
    model = linear("compiled", 3.0)
    with pytest.raises(gn.DivergenceError):
        model.fit(3 * x, y, epochs=2000, verbose=False)
    first = model.epochs_trained + 1
    model.optimizer = gn.SGD(1e-3)
    history = model.fit(3 * x, y, epochs=50, verbose=False)
    assert history.epochs == list(range(first, first + 50))
    assert np.isfinite(history["loss"]).all()


# Ctrl-C.

ANSWER = 0.5
"""Seconds within which Ctrl-C must end a training. It should be 0.2, but the tests share the machine with others."""


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[float], list[float]]]:
    """Presses Ctrl-C so many seconds later; the list receives when. Without effect outside of a training."""
    timers: list[threading.Timer] = []

    def in_seconds(delay: float) -> list[float]:
        pressed: list[float] = []

        def press() -> None:
            pressed.append(perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        timers.append(threading.Timer(delay, press))
        timers[-1].start()
        return pressed

    previous = signal.signal(signal.SIGINT, lambda *_: None)
    yield in_seconds
    for timer in timers:
        timer.cancel()
        timer.join()
    signal.signal(signal.SIGINT, previous)


def interrupted(pressed: list[float], model: gn.Model, x: np.ndarray, y: np.ndarray, **settings: Any) -> gn.History:
    history = model.fit(x, y, verbose=False, **settings)
    answer = perf_counter() - pressed[0]
    assert history.stopped == "interrupted"
    assert history.epochs == list(range(1, model.epochs_trained + 1))
    assert {len(values) for values in history.metrics.values()} <= {model.epochs_trained}
    assert answer < ANSWER
    return history


@pytest.mark.parametrize(
    ("rows", "batch_size", "shuffle", "threads", "delay"),
    [
        (8, None, False, 1, 0.3),
        (8, None, False, 2, 0.3),
        (8, 2, False, 1, 0.3),
        (8, 2, True, 2, 0.3),
        (2, 2, True, 1, 1),
    ],
)
def test_ctrl_c_ends_a_long_run_of_tiny_epochs(
    ctrl_c: Callable[[float], list[float]],
    runs: Runs,
    rows: int,
    batch_size: int | None,
    shuffle: bool,
    threads: int,
    delay: float,
) -> None:
    x, y = regression(rows)
    model, again = (regressor("compiled", threads=threads) for _ in range(2))
    settings: dict[str, Any] = {"batch_size": batch_size, "shuffle": shuffle}
    history = interrupted(ctrl_c(delay), model, x, y, epochs=10**8, **settings)
    assert max(runs.seconds) < ANSWER  # what Ctrl-C at the worst moment would have to wait for
    assert np.isfinite(model.network.parameters).all()
    steps = -(-rows // (batch_size or rows))
    assert 0 <= model.optimizer.steps - steps * model.epochs_trained < steps
    if model.optimizer.steps == steps * model.epochs_trained:
        repeated = again.fit(x, y, epochs=model.epochs_trained, verbose=False, **settings)
        assert_same(state_of(model, history), state_of(again, repeated))


def test_ctrl_c_ends_a_large_step(ctrl_c: Callable[[float], list[float]]) -> None:
    """Of which a slice holds few."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 200)).astype(np.float32), rng.integers(0, 10, 2000)
    net = gn.Sequential(gn.Dense(200), gn.ReLU(), gn.Dense(10))
    interrupted(ctrl_c(0.3), classifier(network=net, engine="compiled"), x, y, epochs=10**6)


class Slow(Affine):
    """A user's layer that takes its time."""

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        sleep(0.002)
        return super().forward(x)


def test_ctrl_c_ends_steps_that_run_in_python(ctrl_c: Callable[[float], list[float]]) -> None:
    net = gn.Sequential(gn.Dense(5), Slow(), gn.Dense(1))
    model = gn.Model(net, "mean_squared_error", "sgd", engine="compiled")
    interrupted(ctrl_c(0.3), model, *regression(8), epochs=1000, batch_size=None)


# What is looked at after every epoch.


def test_callbacks_metrics_and_validation_get_every_epoch(blobs: Blobs) -> None:
    seen: dict[str, list[TrainingState]] = {engine: [] for engine in ENGINES}
    logs: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    epochs: dict[str, list[tuple[int, int]]] = {engine: [] for engine in ENGINES}
    for engine in ENGINES:

        def look(state: TrainingState, engine: str = engine) -> None:
            seen[engine].append(state)
            logs[engine].append(dict(state.logs))
            epochs[engine].append((state.epoch, state.step))

        model = classifier(engine=engine, dtype="float64")
        history = model.fit(*blobs, epochs=30, batch_size=50, validation_split=0.2, callbacks=[look], verbose=False)
        assert {len(values) for values in history.metrics.values()} == {30}
        assert set(history.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    assert epochs["compiled"] == epochs["numpy"] == [(epoch, 2 * epoch) for epoch in range(1, 31)]
    for found, expected in zip(logs["compiled"], logs["numpy"], strict=True):
        assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "settings", [{"metrics": ["accuracy"]}, {"metrics": [], "optimizer": [gn.L2(0.1), gn.SGD(0.1)]}]
)
def test_metrics_and_penalties_of_every_epoch(blobs: Blobs, settings: dict[str, Any]) -> None:
    history = both(
        lambda engine: classifier(engine=engine, dtype="float64", **settings), *blobs, epochs=40, batch_size=None
    )
    (measured,) = set(history.metrics) - {"loss", "learning_rate"}
    assert len(set(history[measured])) > 3


def test_a_callback_may_stop_at_any_epoch(blobs: Blobs) -> None:
    def stop(state: TrainingState) -> None:
        if state.epoch == 17:
            state.stop("enough")

    history = both(
        lambda engine: classifier(engine=engine, metrics=[], dtype="float64"), *blobs, epochs=1000, callbacks=[stop]
    )
    assert history.epochs[-1] == 17
    assert history.stopped == "enough"
