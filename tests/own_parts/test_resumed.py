"""What parts and callbacks of one's own keep outside their parameters, in a training that is gone on with."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import edited

import glassnet as gn
from glassnet.core.errors import ConfigurationError, DivergenceError, FileFormatError
from glassnet.training import TrainingState

Array = np.ndarray
ENGINES = ["compiled", "numpy"]
COUNTED = [0]
STEPS = 0


class Shifts(gn.NumpyLayer):
    """Adds something to its input while it is trained, each time something else."""

    def forward(self, x: Array, *, training: bool) -> tuple[Array, None]:
        return (x + self.shift(x) if training else x), None

    def backward(self, dy: Array, cache: None) -> tuple[Array, dict[str, Array]]:
        return dy, {}

    def shift(self, x: Array) -> Any:
        raise NotImplementedError


class Counter(Shifts):
    steps_done = 0

    def shift(self, x: Array) -> Any:
        self.steps_done += 1
        return 0.1 * np.sin(self.steps_done)


class RunningMean(Shifts):
    def __init__(self) -> None:
        self.mean: Array | None = None

    def shift(self, x: Array) -> Any:
        self.mean = x.mean(axis=0) if self.mean is None else 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return -0.3 * self.mean


class Noise(Shifts):
    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)

    def shift(self, x: Array) -> Any:
        return 0.1 * self.rng.normal(size=x.shape)


class OlderNoise(Shifts):
    def __init__(self) -> None:
        self.sources: list[Any] = [np.random.RandomState(3), random.Random(4)]

    def shift(self, x: Array) -> Any:
        return 0.1 * self.sources[0].normal(size=x.shape) + self.sources[1].gauss(0.0, 0.1)


class SharedNoise(Shifts):
    def shift(self, x: Array) -> Any:
        return 0.1 * np.random.normal(size=x.shape) + random.gauss(0.0, 0.1)


class Meter:
    def __init__(self) -> None:
        self.seen: dict[Any, Any] = {"steps": [0], 7: (0, None)}


class Nested(Shifts):
    def __init__(self) -> None:
        self.meter = Meter()

    def shift(self, x: Array) -> Any:
        self.meter.seen["steps"][0] += 1
        self.meter.seen[7] = (self.meter.seen["steps"][0] % 4, np.float32(0.5))
        return 0.1 * self.meter.seen[7][0]


class LargeArrays(Shifts):
    """One that no step changes, one of whole numbers and one with infinity."""

    def __init__(self) -> None:
        self.table = np.sin(np.arange(9000.0))
        self.visits = np.zeros(9000, np.int64)
        self.least = np.full(3, np.inf)

    def shift(self, x: Array) -> Any:
        self.visits[:] += 1
        self.least[0] = min(self.least[0], float(x.min()))
        return 0.1 * self.table[self.visits[0]] + 0.01 * self.least[0]


class Window(Shifts):
    def __init__(self) -> None:
        self.window = deque([0.0], maxlen=3)

    def shift(self, x: Array) -> Any:
        self.window.append(float(x.mean()))
        return sum(self.window)


class Numbered(Shifts):
    def __init__(self) -> None:
        self.numbers = count()

    def shift(self, x: Array) -> Any:
        return 0.01 * next(self.numbers)


class Streaming(Shifts):
    def __init__(self) -> None:
        self.numbers = iter(lambda: 0.1, None)
        self.stream = (0.01 * number for number in range(10_000))

    def shift(self, x: Array) -> Any:
        return next(self.stream)


class InItsModule(Shifts):
    def shift(self, x: Array) -> Any:
        global STEPS
        STEPS += 1
        return 0.01 * STEPS


class InAList(Shifts):
    def shift(self, x: Array) -> Any:
        COUNTED[0] += 1
        return 0.01 * COUNTED[0]


class InItsClass(Shifts):
    number = 0

    def shift(self, x: Array) -> Any:
        type(self).number += 1
        return 0.01 * self.number


PUT_BACK = [Counter, RunningMean, Noise, OlderNoise, SharedNoise, Nested, LargeArrays]
REFUSED = [Window, Numbered, Streaming, InItsModule, InAList, InItsClass]


class SavesAt(gn.Callback):
    every_steps = 1

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.step = path, step

    def between_steps(self, state: TrainingState) -> None:
        if state.step == self.step:
            state.save(self.path)


def data() -> tuple[Array, Array]:
    x = np.random.default_rng(0).normal(size=(40, 3))
    return x, x[:, :2] ** 2


def with_layer(layer: gn.NumpyLayer, engine: str, **settings: Any) -> gn.Model:
    network = gn.Sequential(gn.Dense(3), layer, gn.Dense(2))
    return gn.Model(network, settings.pop("loss", "mse"), settings.pop("optimizer", "adam"), engine=engine, **settings)


def fit(model: gn.Model, *callbacks: Any, **settings: Any) -> gn.History:
    seeds = settings.pop("seed", 1)
    np.random.seed(seeds)
    random.seed(seeds)
    settings = {"epochs": 4, "batch_size": 8, "verbose": False} | settings
    return model.fit(*data(), callbacks=list(callbacks), **settings)


def resumed(make: Callable[[], gn.Model], path: Path, *callbacks: Any, step: int = 7, **settings: Any) -> Any:
    """Fingerprint and history of the unbroken training, and those of one that goes on from a file of its middle."""
    unbroken, broken, model = make(), make(), make()
    history = fit(unbroken, *(callback() for callback in callbacks))
    fit(broken, *(callback() for callback in callbacks), SavesAt(path, step))
    again = fit(model, *(callback() for callback in callbacks), resume=path, seed=5, **settings)
    return (unbroken.fingerprint(), history.metrics), (model.fingerprint(), again.metrics), again.notes


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", PUT_BACK)
def test_what_a_layer_keeps_is_put_back(kind: type[Shifts], engine: str, tmp_path: Path) -> None:
    expected, found, notes = resumed(lambda: with_layer(kind(), engine), tmp_path / "a.safetensors")
    assert found == expected
    assert not notes


@pytest.mark.parametrize("kind", REFUSED)
def test_what_no_file_holds_is_refused(kind: type[Shifts], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"

    def make() -> gn.Model:
        return with_layer(kind(), "numpy")

    with pytest.raises(ConfigurationError, match="resume") as caught:
        resumed(make, path)
    name = {Window: "window", Numbered: None, Streaming: "stream", InItsModule: "STEPS", InAList: "COUNTED"}
    assert (name.get(kind, "number") or "numbers") in str(caught.value)
    assert fit(make(), resume=path, even_if_changed=True).notes


def test_what_no_file_holds_is_said_when_it_is_written(tmp_path: Path) -> None:
    notes = fit(with_layer(Window(), "numpy"), SavesAt(tmp_path / "a.safetensors", 7)).notes
    assert any("window" in note for note in notes)


@pytest.mark.parametrize("kind", [Window, Counter, InAList])
def test_a_training_goes_on_with_it_in_the_same_program(kind: type[Shifts]) -> None:
    def interrupts(state: TrainingState) -> None:
        if state.epoch == 2:
            state.interrupt()

    COUNTED[0] = 0
    unbroken, model = with_layer(kind(), "numpy"), with_layer(kind(), "numpy")
    fit(unbroken)
    COUNTED[0] = 0
    fit(model, interrupts)
    model.predict(data()[0])
    fit(model, resume=True)
    assert model.fingerprint() == unbroken.fingerprint()


class Lookahead(gn.NumpyOptimizer):
    """Goes back half of the way at each fourth update, to where it was then."""

    def __init__(self, learning_rate: float = 0.1) -> None:
        super().__init__(learning_rate)
        self.calls, self.slow = 0, np.zeros(0)

    def rule(self, parameters: Array, gradients: Array, learning_rate: float) -> Array:
        new: Array = parameters - learning_rate * gradients
        if self.calls % 4 == 3:
            new = new if not self.slow.size else (new + self.slow) / 2
            self.slow = new.copy()
        self.calls += 1
        return new


class Alternating(gn.NumpyLoss):
    """Weighs the first output of each third batch more."""

    def __init__(self) -> None:
        self.batches = 0

    def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Any, Array]:
        error = outputs - targets
        self.batches += 1
        error[:, 0] *= 2.0 if self.batches % 3 == 0 else 1.0
        return (error**2).sum(axis=1), 2 * error


def remembering() -> Callable[[Array, Array], tuple[Any, Array]]:
    number = 0

    def loss(outputs: Array, targets: Array) -> tuple[Any, Array]:
        nonlocal number
        number += 1
        error = outputs - targets
        return (error**2).sum(axis=1), (2 if number % 3 else 1) * error

    return loss


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("parts", [{"optimizer": Lookahead}, {"loss": Alternating}], ids=["optimizer", "loss"])
def test_what_optimizers_and_losses_keep_is_put_back(parts: dict[str, Any], engine: str, tmp_path: Path) -> None:
    def make() -> gn.Model:
        return with_layer(Counter(), engine, **{name: kind() for name, kind in parts.items()})

    expected, found, notes = resumed(make, tmp_path / "a.safetensors", step=9)
    assert found == expected
    assert not notes


def test_what_a_function_keeps_around_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="resume.*function"):
        resumed(lambda: with_layer(Counter(), "numpy", loss=remembering()), tmp_path / "a.safetensors", step=7)


class Halves(gn.Callback):
    """Halves the rate after three epochs that it has seen, and says nothing of them."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.waited = deque([0])

    def on_epoch_end(self, state: TrainingState) -> None:
        self.seen.append(state.logs["loss"])
        if len(self.seen) == 3:
            state.optimizer.learning_rate_scale *= 0.5


class Waits(Halves):
    def on_epoch_end(self, state: TrainingState) -> None:
        self.waited.append(1)
        super().on_epoch_end(state)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_callback_keeps_is_put_back(engine: str, tmp_path: Path) -> None:
    expected, found, notes = resumed(lambda: with_layer(Counter(), engine), tmp_path / "a.safetensors", Halves, step=12)
    assert found == expected
    assert not notes


def test_what_a_callback_does_not_get_back_is_said(tmp_path: Path) -> None:
    _, _, notes = resumed(lambda: with_layer(Counter(), "numpy"), tmp_path / "a.safetensors", Waits, step=12)
    assert any("Waits" in note and "waited" in note for note in notes)


def test_after_a_divergence_it_is_refused() -> None:
    class Explodes(Shifts):
        def __init__(self) -> None:
            self.steps_done = 0

        def shift(self, x: Array) -> Any:
            self.steps_done += 1
            return np.inf if self.steps_done == 12 else 0.0

    model = with_layer(Explodes(), "numpy")
    with pytest.raises(DivergenceError):
        fit(model)
    with pytest.raises(ConfigurationError, match="diverged"):
        fit(model, resume=True)


HOSTILE: list[Any] = [
    5,
    {"layer 1": 5},
    {"layer 1": {"steps_done": {"kind": "code"}}},
    {"layer 1": {"steps_done": {"kind": "whole", "digits": "0xz"}}},
    {"layer 1": {"steps_done": {"kind": "whole"}}},
    {"layer 1": {"steps_done": [1]}},
    {"layer 1": {"steps_done": {"kind": "scalar", "array": {"bytes": "AAAA", "dtype": "<f8", "shape": []}}}},
    {"layer 1": {"steps_done": {"bytes": "AAAAAAAAAAA=", "dtype": "|O", "shape": [1]}}},
    {"layer 1": {"steps_done": {"bytes": "", "dtype": "<f8", "shape": [0, 1 << 62]}}},
    {"layer 1": {"steps_done": {"array": "nothing"}}},
    {"layer 1": {"steps_done": {"kind": "dict", "items": [[{"kind": "list", "items": []}, 1]]}}},
    {"generators of the process": {"numpy.random": 5}},
    {"generators of the process": {"numpy.random": {"kind": "dict", "items": []}}},
    {"layer 1": {"layer": {"kind": "object", "name": "Meter", "attributes": {"forward": 1}}}},
    {"layer 1": {"layer": {"kind": "object", "name": "Counter", "attributes": {"steps_done": {"kind": "same"}}}}},
    {"layer 1": {"layer": {"kind": "object", "name": "Counter", "attributes": {"forward": 1}}}},
    {"layer 1": {"_parameters": 1}},
]


@pytest.mark.parametrize("kept", HOSTILE, ids=range(len(HOSTILE)))
def test_damaged_descriptions_are_refused(kept: Any, tmp_path: Path) -> None:
    path, changed = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    fit(with_layer(Counter(), "numpy"), SavesAt(path, 7))

    def edit(description: dict[str, Any]) -> None:
        assert json.dumps(description["latest_fit"]["kept"])
        description["latest_fit"]["kept"] = kept

    edited(path, edit, changed)
    with pytest.raises((FileFormatError, ConfigurationError)):
        fit(with_layer(Counter(), "numpy"), resume=changed)
