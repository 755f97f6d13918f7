"""A training that was broken off goes on in the same bits, history and decisions as one that was not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import assert_same, state_of

import glassnet as gn
from glassnet.training import LatestFit, TrainingState, WatchRecord

ENGINES = ["compiled", "numpy"]
EPOCHS = 5
Fit = dict[str, Any]


class Saves(gn.Callback):
    """Saves the model between steps and at the ends of epochs, as if it were to be killed there."""

    every_steps = 1

    def __init__(self, folder: Path, steps: tuple[int, ...] = (), epochs: tuple[int, ...] = ()) -> None:
        self.folder, self.steps, self.epochs = folder, steps, epochs
        self.files: list[Path] = []

    def between_steps(self, state: TrainingState) -> None:
        if state.step in self.steps:
            self._save(state)

    def on_epoch_end(self, state: TrainingState) -> None:
        if state.epoch in self.epochs:
            self._save(state)

    def _save(self, state: TrainingState) -> None:
        self.files.append(self.folder / f"{state.epoch}-{state.steps_in_epoch}.safetensors")
        state.save(self.files[-1])


class Course(gn.Callback):
    """Puts a given course of a number before the callbacks that come after it."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def on_epoch_end(self, state: TrainingState) -> None:
        state.logs["val_loss"] = self.values[state.epoch - 1]


class Mean(gn.Callback):
    """Puts the mean of the weights of all epochs in their place at the end."""

    def __init__(self) -> None:
        self.sum, self.count = np.zeros(0), 0

    def on_epoch_end(self, state: TrainingState) -> None:
        self.sum = state.network.parameters + (self.sum if self.count else 0)
        self.count += 1

    def on_fit_end(self, state: TrainingState) -> None:
        if self.count:
            state.network.put_back(self.sum / self.count)

    def to_remember(self) -> dict[str, Any]:
        return {"sum": self.sum, "count": self.count} if self.count else {}

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        self.sum, self.count = memory["sum"], memory["count"]


def numbers(rows: int = 53) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 4)), rng.integers(0, 3, rows)


def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(41, 1, 8, 8)), rng.integers(0, 3, 41)


def amounts() -> tuple[np.ndarray, np.ndarray]:
    x, _ = numbers()
    return x, 1e3 + 50 * x[:, :1] + x[:, 1:2] ** 2


def net(*between: gn.Layer) -> gn.Sequential:
    return gn.Sequential(gn.Dense(8), gn.ReLU(), *between, gn.Dense(3))


def one_cycle(engine: str) -> gn.Model:
    rate = gn.schedules.OneCycle(0.05, steps=35)
    return gn.Model(net(gn.Dropout(0.3)), "cross_entropy", gn.Adam(rate), ["accuracy"], engine=engine)


def batch_norm(engine: str) -> gn.Model:
    rate = gn.schedules.CosineDecay(0.1, steps=60)
    return gn.Model(net(gn.BatchNorm()), "cross_entropy", gn.SGD(rate, momentum=0.9), engine=engine)


def augmented(engine: str) -> gn.Model:
    layers = gn.Augment(shift=1, flip=True), gn.Conv2D(3, 3), gn.ReLU(), gn.Flatten(), gn.Dense(3)
    return gn.Model(gn.Sequential(*layers), "cross_entropy", gn.Adam(0.01), ["accuracy"], engine=engine)


def classes(engine: str) -> gn.Model:
    return gn.Model(net(gn.Dropout(0.2)), "cross_entropy", gn.Adam(0.02), ["accuracy"], engine=engine)


def regression(engine: str) -> gn.Model:
    steps = [gn.ClipByNorm(1.0), gn.L2(1e-3), gn.Adam(0.02)]
    model = gn.Model(
        gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(1)), "mse", steps, ["r2"], engine=engine, dtype="float64"
    )
    model.preprocessing = gn.Standardize.from_data(amounts()[0])
    model.target_scaling = gn.Standardize.from_data(amounts()[1])
    return model


def stopping() -> list[gn.Callback]:
    return [
        Course(3.0, 2.0, 2.5, 2.2, 2.1),
        gn.ReduceOnPlateau(patience=1, factor=0.5),
        gn.EarlyStopping(patience=3),
        gn.EarlyStopping("loss", patience=9),
    ]


CASES: dict[str, tuple[Callable[[str], gn.Model], Callable[[], Any], Callable[[], list[gn.Callback]], Fit]] = {
    "dropout, one cycle, metrics": (one_cycle, numbers, list, {"validation_split": 0.2}),
    "batch norm, cosine, a single row at the end": (batch_norm, lambda: numbers(49), list, {}),
    "augmentation": (augmented, images, list, {"shuffle": True}),
    "early stopping and plateau": (classes, numbers, stopping, {"validation_split": 0.2}),
    "watch": (classes, numbers, lambda: [gn.Watch(every=4)], {}),
    "own callback, rows in their order": (classes, numbers, lambda: [Mean()], {"shuffle": False}),
    "regression, weights, penalty, float64": (
        regression, amounts, list, {"sample_weight": np.linspace(0, 2, 53), "validation_split": 0.2},
    ),
}  # fmt: skip


def outcome(model: gn.Model, history: gn.History, callbacks: list[gn.Callback]) -> dict[str, np.ndarray]:
    """All that a training leaves behind: parameters, optimizer, history, decisions, records."""
    found = state_of(model, history)
    decisions = [history.stopped, history.notes, model.optimizer.learning_rate_scale]
    for callback in callbacks:
        if isinstance(callback, gn.EarlyStopping | gn.ReduceOnPlateau):
            decisions += [callback.best, callback.best_epoch, callback.waited]
        if isinstance(callback, gn.Watch):
            decisions += [text_of(record) for record in callback.records]
    memories = {n: {k: v for k, v in m.items() if not isinstance(v, np.ndarray)} for n, m in model.memories.items()}
    return found | {
        "decisions": np.array([*map(repr, decisions), repr(memories), str(model.latest_fit), model.fingerprint()])
    }


def text_of(record: WatchRecord) -> str:
    with np.printoptions(floatmode="unique"):
        return repr(record)


def fit(model: gn.Model, data: Any, callbacks: list[gn.Callback], **settings: Any) -> gn.History:
    return model.fit(*data, callbacks=callbacks, verbose=False, **{"epochs": EPOCHS, "batch_size": 8} | settings)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_bits_history_and_decisions_are_those_of_the_unbroken_training(case: str, engine: str, tmp_path: Path) -> None:
    make, data, callbacks, settings = CASES[case]
    unbroken, own = make(engine), callbacks()
    expected = outcome(unbroken, fit(unbroken, data(), own, **settings), own)
    saves, own = Saves(tmp_path, (1, 10, 17, 24), (2, EPOCHS)), callbacks()
    watched = make(engine)
    assert_same(outcome(watched, fit(watched, data(), [*own, saves], **settings), own), expected)
    assert len(saves.files) >= 5
    for path in saves.files:
        model, own = make("auto" if engine == "compiled" else engine), callbacks()
        history = fit(model, data(), own, resume=path, **settings)
        assert_same(outcome(model, history, own), expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_training_goes_on(case: str, engine: str, tmp_path: Path) -> None:
    make, data, callbacks, settings = CASES[case]
    unbroken, own = make(engine), callbacks()
    expected = outcome(unbroken, fit(unbroken, data(), own, **settings), own)

    class Interrupts(gn.Callback):
        every_steps = 10

        def between_steps(self, state: TrainingState) -> None:
            if state.step == 10:
                signal.raise_signal(signal.SIGINT)

    model, own = make(engine), callbacks()
    history = fit(model, data(), [*own, Interrupts()], **settings)
    assert history.stopped == "interrupted"
    assert isinstance(model.latest_fit, LatestFit)
    place = model.latest_fit.position
    assert place is not None
    assert (place.epoch, place.step) == divmod(10, model.latest_fit.steps)
    path = tmp_path / "interrupted.safetensors"
    model.save(path)
    loaded = gn.load(path)
    assert str(loaded.latest_fit) == str(model.latest_fit)
    for going_on, resume in ((model, True), (make(engine), path), (loaded, True)):
        own = callbacks()
        assert_same(outcome(going_on, fit(going_on, data(), own, resume=resume, **settings), own), expected)
