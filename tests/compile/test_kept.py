"""Programs that wait for another training: they do on its arrays what one made for it would do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import kept, native
from glassnet.compile.permutation import permutation
from glassnet.core.randomness import generator
from glassnet.kernels.registry import KERNELS, kernel

pytestmark = pytest.mark.skipif(native() is None, reason="no native module")

NETWORKS = {
    "plain": lambda: [gn.Dense(8), "relu", gn.Dense(3)],
    "dropout": lambda: [gn.Dense(8), gn.Dropout(0.3), gn.Dense(3)],
    "batch norm": lambda: [gn.Dense(8), gn.BatchNorm(), "relu", gn.Dense(3)],
    "two places": lambda: [layer := gn.Dense(4), "tanh", layer, gn.Dense(3)],
}


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    kept._waiting.clear()
    yield
    kept._waiting.clear()


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
    assert kept._bytes_of(kept._waiting) <= kept.MOST_BYTES


@pytest.mark.parametrize("seed", [0, 7, 2**40 + 3, 2**70])
@pytest.mark.parametrize("index", [0, 1, 2**32 - 1, 2**32])
def test_permutations_are_those_of_numpy(seed: int, index: int) -> None:
    for rows in (0, 1, 2, 3, 100, 70_000 if seed == 7 else 5):
        expected = generator(seed, "shuffle", index).permutation(rows)
        np.testing.assert_array_equal(permutation(rows, seed=seed, purpose="shuffle", index=index), expected)
