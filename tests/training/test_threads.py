"""The number of threads changes no bit of what is trained and predicted; nor do other threads and processes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gradients import layer_cases, loss_cases, network_for, rows_for
from models import assert_same, bits, classifier, cut_finely, middling, send_bits, state_of
from test_recording import RULES

import glassnet as gn
from glassnet.compile import native
from glassnet.compile.threads import thread_count
from glassnet.losses import Loss
from glassnet.training import prediction

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

Arrays = dict[str, np.ndarray]
Make = Callable[[str, int | None], gn.Model]

THREADS = [1, 2, 3, 8]
PATIENCE = 60
"""Seconds after which another process counts as stuck."""


@pytest.fixture
def tiny_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts even the smallest networks, in training and in prediction."""
    cut_finely(monkeypatch)
    monkeypatch.setattr(prediction, "MOST_ROWS", 16)


def learned(model: gn.Model, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, batch_size: int) -> Arrays:
    """What is left of two epochs, and predictions for more rows than a tile has."""
    history = model.fit(x, y, epochs=2, batch_size=batch_size, sample_weight=weights, verbose=False)
    rows = np.concatenate([x] * (1 + 600 // len(x)))
    answers = model.predict(rows)
    named = answers if isinstance(answers, dict) else {"predictions": answers}
    return state_of(model, history) | named


def check(make: Make, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, batch_size: int = 11) -> Arrays:
    """The same bits with any number of threads, although the work is divided."""
    expected = learned(make("compiled", THREADS[0]), x, y, weights, batch_size)
    for threads in THREADS[1:]:
        model = make("compiled", threads)
        assert_same(learned(model, x, y, weights, batch_size), expected)
    plan = model.plan(batch_size)
    assert max(line.pieces for line in plan.lines) > 1, str(plan)
    return expected


def check_beside_numpy(make: Make, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> None:
    """The same bits with any number of threads, and the numbers of the NumPy engine."""
    assert_same(check(make, x, y, weights), learned(make("numpy", None), x, y, weights, 11), 1e-9)


LAYERS = list(layer_cases())
LOSSES = list(loss_cases())


@pytest.mark.usefixtures("tiny_pieces")
@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_layers(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    example = gn.Sequential(build(), gn.Flatten())
    (outputs,) = example.build(shape)

    def make(engine: str, threads: int | None) -> gn.Model:
        net = gn.Sequential(build(), gn.Flatten())
        return gn.Model(net, "mean_squared_error", gn.SGD(0.01), dtype="float64", engine=engine, threads=threads)

    check_beside_numpy(make, rows_for(example, rng, 19), rng.normal(size=(19, outputs)))


@pytest.mark.usefixtures("tiny_pieces")
@pytest.mark.parametrize("case", LOSSES, ids=[f"{c[0]}-{i}" for i, c in enumerate(LOSSES)])
def test_losses(case: tuple[str, Loss, Callable[..., np.ndarray], str | None]) -> None:
    _, loss, targets, end = case
    rng = np.random.default_rng(0)

    def make(engine: str, threads: int | None) -> gn.Model:
        return gn.Model(network_for(loss, end), loss, gn.SGD(0.05), dtype="float64", engine=engine, threads=threads)

    check_beside_numpy(make, rng.normal(size=(19, 2)), targets(rng, 19, 3), rng.uniform(0.2, 2, 19))


@pytest.mark.usefixtures("tiny_pieces")
@pytest.mark.parametrize("name", RULES)
def test_optimizers(name: str) -> None:
    rng = np.random.default_rng(0)

    def make(engine: str, threads: int | None) -> gn.Model:
        net = gn.Sequential(gn.Dense(24), gn.Tanh(), gn.Dropout(0.3), gn.Dense(13), gn.Tanh(), gn.Dense(3))
        return classifier(network=net, optimizer=RULES[name](), dtype="float64", engine=engine, threads=threads)

    check_beside_numpy(make, rng.normal(size=(19, 2)), rng.integers(0, 3, 19))
    (update, *_) = (line for line in make_built(make, 2).plan(11).lines if line.layer == "optimizer")
    assert update.pieces > 1


def make_built(make: Make, features: int) -> gn.Model:
    """A model that has seen its features."""
    model = make("compiled", None)
    model.network.build((features,), dtype=model.dtype)
    return model


LARGE: dict[str, tuple[Callable[[], gn.Network], int, int, int]] = {
    "64-128-10": (lambda: gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dropout(0.2), gn.Dense(10)), 64, 10, 128),
    "200-300-50": (lambda: gn.Sequential(gn.Dense(300), gn.Tanh(), gn.Dense(50)), 200, 50, 96),
    "branches": (
        lambda: gn.Sequential(
            gn.Dense(96),
            gn.GELU(),
            gn.Residual(gn.Dense(200), gn.ReLU(), gn.Dropout(0.1), gn.Dense(96)),
            gn.Concat([gn.Dense(40), gn.Tanh()], [gn.Dense(70), gn.Sigmoid()], gn.Softmax()),
            gn.Dense(7),
        ),
        33,
        7,
        101,
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LARGE)
def test_larger_networks(name: str, dtype: str) -> None:
    """They are divided as they are."""
    build, features, outputs, batch_size = LARGE[name]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2 * batch_size + 37, features)), rng.integers(0, outputs, 2 * batch_size + 37)

    def make(engine: str, threads: int | None) -> gn.Model:
        metrics = ["accuracy"]
        return classifier(network=build(), dtype=dtype, metrics=metrics, engine=engine, threads=threads)

    found = check(make, x, y, batch_size=batch_size)
    if dtype == "float64":
        assert_same(found, learned(make("numpy", None), x, y, None, batch_size), 1e-8)


def test_the_environment_says_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_NUM_THREADS", " 3 ")
    assert thread_count(None) == 3
    assert thread_count(5) == 5
    monkeypatch.setenv("GLASSNET_NUM_THREADS", "")
    usual = thread_count(None)
    monkeypatch.delenv("GLASSNET_NUM_THREADS")
    assert thread_count(None) == usual >= 1


@pytest.mark.parametrize(
    ("value", "expected"), [("1", 1), (" 2,4 ", 2), ("64", 4), ("0", 4), ("many", 4), ("9" * 30, 4), ("", 4), ("²", 4)]
)
def test_a_worker_keeps_to_its_share(value: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLASSNET_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(4), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert thread_count(None) == expected
    assert thread_count(8) == 8
    monkeypatch.setenv("GLASSNET_NUM_THREADS", "7")
    assert thread_count(None) == 7


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "2 3", "²", "+2", "0x2"])
def test_a_wrong_number_of_threads_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_NUM_THREADS", value)
    model, x, y = middling(1)
    model.threads = None
    for work in (lambda: model.fit(x, y, verbose=False), lambda: model.predict(x)):
        with pytest.raises(gn.ConfigurationError, match="GLASSNET_NUM_THREADS") as caught:
            work()
        assert repr(value) in caught.value.received
    assert model.optimizer.steps == model.epochs_trained == 0
    model.threads = 2
    model.fit(x, y, verbose=False)
    assert model.predict(x).shape == (200, 10)


COUNT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from models import middling
given = None if sys.argv[2] == "None" else int(sys.argv[2])
model, x, y = middling(given)
x @ x.T
before = len(os.listdir("/proc/self/task"))
model.fit(x, y, batch_size=128, verbose=False)
print(1 + len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc to count threads in")
@pytest.mark.parametrize(("given", "variable", "used"), [(None, "3", 3), (2, "5", 2), (1, "4", 1), (4, "", 4)])
def test_a_program_has_as_many_threads_as_it_was_told(given: int | None, variable: str, used: int) -> None:
    command = [sys.executable, "-c", COUNT, str(Path(__file__).parents[1]), str(given)]
    environment = os.environ | {"GLASSNET_NUM_THREADS": variable}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)
    assert found.stdout.strip() == str(used), found.stderr


def in_another_process(method: str, threads: int) -> bytes:
    """``bits`` from a process that was started by that method."""
    context = multiprocessing.get_context(method)
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=send_bits, args=(sender, threads))  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python ≥ 3.12 on forks of processes with threads
        child.start()
    try:
        assert receiver.poll(PATIENCE), f"the {method}ed process does not answer"
        return receiver.recv_bytes()
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & {*multiprocessing.get_all_start_methods()}))
@pytest.mark.parametrize("threads", [1, 2])
def test_a_child_process_trains_and_predicts_like_its_parent(method: str, threads: int) -> None:
    expected = bits(threads=2)
    assert in_another_process(method, threads) == expected
    assert bits(threads=2) == expected


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
def test_a_fork_in_the_middle_of_a_training_disturbs_neither_process() -> None:
    expected = bits(threads=2)
    found: list[bytes] = []
    done = threading.Event()

    def train() -> None:
        while not done.is_set():
            found.append(bits(threads=2))

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        for _ in range(3):
            assert in_another_process("fork", 2) == expected
    finally:
        done.set()
        trainer.join(PATIENCE)
    assert not trainer.is_alive()
    assert found == [expected] * len(found)


def test_two_models_train_at_the_same_time() -> None:
    expected = [bits(2, seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert list(pool.map(lambda seed: bits(2, seed), (1, 2), timeout=PATIENCE)) == expected


def test_many_threads_predict_with_one_model() -> None:
    model, x, y = middling(2)
    model.fit(x, y, verbose=False)
    parts = [x[:1], x[:7], np.concatenate([x] * 5), x[3:4]] * 6
    fresh = [model.predict(part) for part in parts]
    model.threads = 3  # which makes the first of them compile anew
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for found, expected in zip(pool.map(model.predict, parts, timeout=PATIENCE), fresh, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_a_model_predicts_while_another_one_trains() -> None:
    model, x, y = middling(2)
    model.fit(x, y, verbose=False)
    rows = np.concatenate([x] * 5)
    expected, trained = model.predict(rows), bits(2, 1)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(bits, 2, 1)
        while not training.done():
            np.testing.assert_array_equal(model.predict(rows), expected)
        assert training.result() == trained


def test_epochs_of_one_step_may_be_many() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(256, 64)), rng.integers(0, 10, 256)
    net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
    model = gn.Model(net, "cross_entropy", gn.Adam(), engine="compiled", threads=2)
    seen: list[int] = []
    model.fit(x, y, epochs=150, batch_size=None, verbose=False, callbacks=[lambda state: seen.append(state.epoch)])
    assert seen[-1] == 150


def test_many_threads_take_smaller_pieces_of_large_products_and_the_bits_stay() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(400, 784)), rng.integers(0, 3, 400)
    pieces, fingerprints = [], set()
    for threads in THREADS:
        net = gn.Sequential(gn.Dense(300), gn.ReLU(), gn.Dense(280), gn.ReLU(), gn.Dense(3))
        model = gn.Model(net, "cross_entropy", "adam", seed=1, engine="compiled", threads=threads)
        model.fit(x, y, epochs=1, batch_size=200, verbose=False)
        pieces.append(next(line.pieces for line in model.plan(200).lines if line.instruction == "dense_forward"))
        fingerprints.add(model.fingerprint())
    assert pieces == [2, 4, 8, 8]  # the last of eight has 4 rows
    assert len(fingerprints) == 1
