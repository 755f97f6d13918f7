"""Programs that wait for another training: they do on its arrays what one made for it would do."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import forward, kept, kept_forward, native
from glassnet.compile.permutation import permutation
from glassnet.core.randomness import generator
from glassnet.kernels.registry import KERNELS, kernel
from glassnet.training import changes, compiled_engine, origins

pytestmark = pytest.mark.skipif(native() is None, reason="no native module")

NETWORKS = {
    "plain": lambda: [gn.Dense(8), "relu", gn.Dense(3)],
    "dropout": lambda: [gn.Dense(8), gn.Dropout(0.3), gn.Dense(3)],
    "batch norm": lambda: [gn.Dense(8), gn.BatchNorm(), "relu", gn.Dense(3)],
    "two places": lambda: [layer := gn.Dense(4), "tanh", layer, gn.Dense(3)],
}


OTHERS = {
    "residual": lambda: [gn.Dense(4), gn.Residual(gn.Dense(4), "relu"), gn.Dense(3)],
    "frozen": lambda: [gn.Dense(4).freeze(), "relu", gn.Dense(3)],
    "lstm": lambda: [gn.Reshape((2, 2)), gn.LSTM(3), gn.Dense(3)],
    "attention": lambda: [gn.Reshape((2, 2)), gn.SelfAttention(2), gn.GlobalAveragePool(), gn.Dense(3)],
    "convolution": lambda: [gn.Reshape((1, 2, 2)), gn.Conv2D(2, 1), gn.BatchNorm(), "relu", gn.Flatten(), gn.Dense(3)],
}


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    for waiting in (kept._waiting, kept_forward._kept):
        waiting.clear()
    yield
    for waiting in (kept._waiting, kept_forward._kept):
        waiting.clear()


def trained(layers: Any, seed: int, rows: int, *, weights: bool = False, dtype: str = "float32") -> list[np.ndarray]:
    """What a training leaves behind."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, 4)), rng.integers(0, 3, rows)
    optimizer = gn.Chain(gn.L2(0.001), gn.Adam(0.01 * (1 + seed)))
    model = gn.Model(gn.Sequential(*layers()), loss="cross_entropy", optimizer=optimizer, seed=seed, dtype=dtype)
    weight = rng.uniform(size=rows) if weights else None
    history = model.fit(x, y, epochs=3, batch_size=8, sample_weight=weight, verbose=False)
    return [model.network.parameters.copy(), *model.optimizer.state.values(), np.array(history["loss"])]


@pytest.mark.parametrize("name", NETWORKS)
def test_another_training_gets_the_same_bits(name: str) -> None:
    cases = [(0, 20, False), (1, 36, False), (2, 20, True), (3, 20, False)]
    expected = []
    for seed, rows, weights in cases:
        kept._waiting.clear()
        expected.append(trained(NETWORKS[name], seed, rows, weights=weights))
    made = kept.CompiledProgram
    count = 0

    class Counted(made):
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            nonlocal count
            count += 1
            super().__init__(*arguments, **settings)

    kept._waiting.clear()
    kept.CompiledProgram = Counted
    try:
        for _ in range(2):
            for (seed, rows, weights), arrays in zip(cases, expected, strict=True):
                for found, array in zip(trained(NETWORKS[name], seed, rows, weights=weights), arrays, strict=True):
                    np.testing.assert_array_equal(found, array)
    finally:
        kept.CompiledProgram = made
    assert count == 4, "full batches and the last one, without weights and with"


def test_rows_that_are_their_own_targets_are_no_others() -> None:
    def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        model = gn.Model(gn.Sequential(gn.Dense(2), gn.Dense(4)), loss="mse", optimizer="adam")
        model.fit(x, y, epochs=2, batch_size=8, verbose=False)
        return model.network.parameters.copy()

    x, y = np.random.default_rng(0).normal(size=(2, 24, 4)).astype(np.float32)
    expected = fit(x, y)
    kept._waiting.clear()
    itself = fit(x, x)
    np.testing.assert_array_equal(fit(x, y), expected)
    np.testing.assert_array_equal(fit(x, x), itself)


@kernel("y = x + Σ offsets", writes="y")
def moved(x: np.ndarray, y: np.ndarray, *, offsets: list[float]) -> None:
    """A user's kernel, whose setting is no number."""
    np.add(x, sum(offsets), out=y)


OWN_KERNEL = KERNELS.pop("moved")  # it is in the register for its own test alone


class Moved(gn.Layer):
    def forward(self, run: Any, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, None]:
        y = run.empty(x.shape, x.dtype)
        run(self, moved, x=x, y=y, offsets=[1.0, 2.0])
        return y, None

    def backward(self, run: Any, dy: np.ndarray, cache: None) -> np.ndarray:
        dx = run.empty(dy.shape, dy.dtype)
        run(self, moved, x=dy, y=dx, offsets=[])
        return dx


def test_settings_that_are_no_numbers_are_for_python_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KERNELS, "moved", OWN_KERNEL)
    first, second = (trained(lambda: [gn.Dense(3), Moved(), gn.Dense(3)], 0, 20) for _ in range(2))
    for found, expected in zip(first, second, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not kept._waiting


def test_settings_that_differ_make_another_program() -> None:
    """Numbers that stand in calls, as they are set before a fit: each fit is the one that stands alone."""

    def fit(loss: gn.losses.Loss, optimizer: Any, rate: float, frozen: bool) -> np.ndarray:
        rng = np.random.default_rng(0)
        net = gn.Sequential(gn.Dense(4), gn.LeakyReLU(rate), gn.Dropout(rate), gn.Dense(3))
        if frozen:
            net[0].freeze()
        model = gn.Model(net, loss, optimizer, seed=0)
        model.fit(rng.normal(size=(20, 4)), rng.integers(0, 3, 20), epochs=2, batch_size=8, verbose=False)
        return model.network.parameters.copy()

    cases = [
        lambda: (gn.losses.CrossEntropy(), gn.Adam(0.1), 0.2, False),
        lambda: (gn.losses.CrossEntropy(), gn.Adam(0.1), 0.4, False),
        lambda: (gn.losses.CrossEntropy(label_smoothing=0.1), gn.Adam(0.1), 0.2, False),
        lambda: (gn.losses.CrossEntropy(), gn.Adam(0.1, beta1=0.5), 0.2, False),
        lambda: (gn.losses.CrossEntropy(), gn.Chain(gn.L2(0.1), gn.Adam(0.1)), 0.2, False),
        lambda: (gn.losses.CrossEntropy(), gn.Chain(gn.L2(0.2), gn.Adam(0.1)), 0.2, False),
        lambda: (gn.losses.CrossEntropy(), gn.Adam(gn.schedules.CosineDecay(0.1, steps=4)), 0.2, False),
        lambda: (gn.losses.CrossEntropy(), gn.Adam(0.1), 0.2, True),
        lambda: (gn.losses.CrossEntropy(reduction="sum"), gn.Adam(0.1), 0.2, False),
    ]
    alone = []
    for case in cases:
        kept._waiting.clear()
        alone.append(fit(*case()))
    assert len({array.tobytes() for array in alone}) == len(cases)
    kept._waiting.clear()
    for case, expected in zip([*cases, *cases], [*alone, *alone], strict=True):
        np.testing.assert_array_equal(fit(*case()), expected)


def test_many_threads_share_what_waits() -> None:
    def work(seed: int) -> list[np.ndarray]:
        return trained(NETWORKS["dropout"], seed, 30)

    expected = [work(seed) for seed in range(6)]
    with ThreadPoolExecutor(4) as threads:
        for arrays, others in zip(threads.map(work, list(range(6)) * 4), expected * 4, strict=True):
            for found, array in zip(arrays, others, strict=True):
                np.testing.assert_array_equal(found, array)


def test_what_waits_is_bounded() -> None:
    for width in range(1, 40):
        trained(lambda width=width: [gn.Dense(width), gn.Dense(3)], 0, 12)
    assert len(kept._waiting) <= kept.MOST_PROGRAMS
    assert sum(array.nbytes for one in kept._waiting for array in one.memory) <= kept.MOST_BYTES


@pytest.mark.parametrize("seed", [0, 7, 2**40 + 3, 2**70])
@pytest.mark.parametrize("index", [0, 1, 2**32 - 1, 2**32])
def test_permutations_are_those_of_numpy(seed: int, index: int) -> None:
    for rows in (0, 1, 2, 3, 100, 70_000 if seed == 7 else 5):
        expected = generator(seed, "shuffle", index).permutation(rows)
        np.testing.assert_array_equal(permutation(rows, seed=seed, purpose="shuffle", index=index), expected)


class Recorded(kept.LeasedProgram):
    """Records what was found without recording, too: it must be the same, with the same arrays and numbers."""

    found = 0

    def __init__(self, record: Any, questions: Any, errors: Any, threads: int = 1, origin: Any = None) -> None:
        was_recorded = False

        def recorded() -> Any:
            nonlocal was_recorded
            was_recorded = True
            return record()

        super().__init__(recorded, questions, errors, threads, origin)
        if not was_recorded:
            Recorded.found += 1
            recording, begun = kept._Recording(record()), kept._Beginning(origin)
            begun.find_numbers(self._keepable._places)
            assert self._keepable._signature == recording.signature
            assert begun.numbers == recording.numbers
            assert begun.stretches == recording.stretches


@pytest.mark.parametrize("name", [*NETWORKS, *OTHERS])
def test_what_is_found_without_recording_is_what_would_be_recorded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_engine, "LeasedProgram", Recorded)
    monkeypatch.setattr(Recorded, "found", 0)
    for seed in range(2):
        trained((NETWORKS | OTHERS)[name], seed, 20)
    # What is frozen has its gradients elsewhere, and twins have one each: these are recorded every time.
    assert Recorded.found == (0 if name in ("frozen", "two places") else 2)


def test_whatever_is_set_between_two_trainings_is_no_longer_found() -> None:
    """Each of these leads to other calls, though the layers are the same."""

    def origin(change: Any, rows: int = 8) -> Any:
        net = gn.Sequential(gn.Dense(4), gn.Dropout(0.1), gn.BatchNorm(), gn.Dense(3))
        model = gn.Model(net, gn.losses.CrossEntropy(), gn.Chain(gn.L2(0.1), gn.Adam(0.1)), seed=1)
        given = model.rows(np.zeros((rows, 2)), np.zeros(rows, int))
        model.optimizer.prepare(model.network.parameters)
        change(model)
        parts = origins.Parts(model.network, model.loss, model.optimizer, model.seed)
        return origins.origin_of(parts, given, rows)

    same = origin(lambda _: None)
    assert origin(lambda _: None).key == same.key
    assert origin(lambda model: setattr(model, "seed", 2)).key == same.key, "a seed is asked for at each step"
    assert origin(lambda model: setattr(model.optimizer, "learning_rate", 0.5)).key == same.key
    for change in (
        lambda model: setattr(model.network[1], "rate", 0.2),
        lambda model: setattr(model.network[2], "epsilon", 1e-3),
        lambda model: setattr(model.network[2], "momentum", 1),
        lambda model: model.network[0].freeze(),
        lambda model: setattr(model.network[0].bias, "learning_rate_scale", 2.0),
        lambda model: setattr(model.loss, "label_smoothing", -0.0),
        lambda model: setattr(model.optimizer.rule, "beta1", 0.5),
        lambda model: setattr(model.optimizer.steps_in_order[0], "strength", 0.2),
        lambda model: setattr(model.optimizer.steps_in_order[0], "by_batch", True),
    ):
        assert origin(change).key != same.key
    own = lambda model: setattr(model.network[0], "forward", lambda *_, **__: None)  # noqa: E731
    assert origin(own) is None
    assert origin(lambda model: setattr(model, "seed", 2**53 + 1)) is None, "which stands in the calls"


@pytest.mark.parametrize("name", [*NETWORKS, *OTHERS])
def test_predictions_of_a_like_network_are_not_recorded_and_have_the_same_bits(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    count = 0
    record = forward.record_forward

    def counted(*arguments: Any, **settings: Any) -> Any:
        nonlocal count
        count += 1
        return record(*arguments, **settings)

    monkeypatch.setattr(forward, "record_forward", counted)

    def outputs(seed: int, units: int = 3) -> np.ndarray:
        layers = (NETWORKS | OTHERS)[name]()
        model = gn.Model(gn.Sequential(*layers[:-1], gn.Dense(units)), "cross_entropy", "sgd", seed=seed)
        model.fit(x[:8], np.zeros(8, int), verbose=False)
        return model.predict(x)

    expected = []
    for seed in range(3):
        kept_forward._kept.clear()
        expected.append(outputs(seed))
    assert count == 3
    for seed in range(2):
        np.testing.assert_array_equal(outputs(seed), expected[seed])
    assert count == (5 if name == "two places" else 3)
    assert outputs(0, units=2).shape == (300, 2)


def test_trained_models_leave_nothing_but_what_waits() -> None:
    gc.collect()
    known = changes._OF_LAYERS, origins._NETWORKS
    before = [len(layers) for layers in known]
    for seed in range(20):
        model = gn.Model(gn.Sequential(gn.Dense(4), gn.Dense(3)), "cross_entropy", "adam", seed=seed)
        model.fit(np.zeros((8, 2)), np.zeros(8, int), callbacks=[lambda _: None], verbose=False)
        model.predict(np.zeros((2, 2)))
    network = ref(model.network)
    del model
    gc.collect()
    assert network() is None
    assert [len(layers) for layers in known] == before
    assert len(kept._waiting) == len(kept_forward._kept) == 1


def test_a_child_of_a_fork_trains_beside_a_program_in_flight(tmp_path: Path) -> None:
    """The parent forks in the middle of a training, and another of the same shape follows in the child."""
    script = tmp_path / "forking.py"
    script.write_text(
        """
import os, sys
import numpy as np, glassnet as gn

def fit(seed, callbacks=()):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.Dropout(0.2), gn.Dense(3)), "cross_entropy", "adam", seed=seed)
    model.fit(x, y, epochs=3, batch_size=8, callbacks=callbacks, verbose=False)
    return model.network.parameters.copy()

def child(state):
    if state.epoch == 2:
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, fit(1).tobytes())
            os._exit(0)
        os.wait()
        found.append(os.read(read, 10_000))

found, alone = [], [fit(0), fit(1)]
parent = fit(0, [child])
assert (parent == alone[0]).all()
assert found == [alone[1].tobytes()]
print("same bits")
"""
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.stdout == "same bits\n", done.stderr
