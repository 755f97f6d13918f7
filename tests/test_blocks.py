"""Training on data that come in blocks: the same bits as of one array in the same order, and nothing lost or hidden."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.ahead import Ahead
from glassnet.data import Blocks, blocks
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from glassnet.metrics import METRICS
from glassnet.metrics.running import Running
from glassnet.model.blocks import streamed
from glassnet.training.streamed import Streamed

N = 203
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 4)), RNG.integers(0, 3, N)
WEIGHT = RNG.random(N) + 0.5
HOW: dict[str, Any] = {"batch_size": 8, "verbose": False}


def new(engine: str = "auto", metrics: Any = ("accuracy", "f1")) -> gn.Model:
    network = gn.Sequential(gn.Dense(6), gn.BatchNorm(), "relu", gn.Dropout(0.2), gn.Dense(3))
    return gn.Model(network, "cross_entropy", "adam", metrics, engine=engine, seed=3)


def source(rows: int = 25, buffer: int = 60) -> Blocks:
    return blocks(X, Y, WEIGHT, rows=rows, buffer=buffer)


def order(model: gn.Model, given: Blocks, epoch: int, *, shuffle: bool = True) -> np.ndarray:
    rows = streamed(model, given, where="test")
    return rows.order(epoch, rows.lengths(8, joins_single=True), shuffle=shuffle)


@pytest.mark.parametrize(
    ("engine", "shuffle", "buffer"),
    [
        ("compiled", True, 60),
        ("compiled", False, 60),
        ("compiled", True, 5),
        ("numpy", True, 60),
        ("numpy", True, 1000),
    ],
)
def test_the_bits_are_those_of_one_array_in_the_same_order(engine: str, shuffle: bool, buffer: int) -> None:
    found, expected = new(engine), new(engine)
    history = found.fit(source(buffer=buffer), epochs=2, shuffle=shuffle, **HOW)
    measured = []
    for epoch in (1, 2):
        rows = order(found, source(buffer=buffer), epoch, shuffle=shuffle)
        assert np.array_equal(np.sort(rows), np.arange(N))
        assert shuffle != np.array_equal(rows, np.arange(N))
        measured.append(expected.fit(X[rows], Y[rows], sample_weight=WEIGHT[rows], shuffle=False, **HOW).metrics)
    assert np.array_equal(found.network.parameters, expected.network.parameters)
    assert history.metrics["loss"] == [own["loss"][0] for own in measured]
    for name in ("accuracy", "f1"):
        assert history.metrics[name] == pytest.approx([own[name][0] for own in measured], rel=1e-12)


def test_the_order_depends_on_seed_and_blocks_alone() -> None:
    orders = [
        order(new(), source(rows, buffer), epoch) for rows, buffer, epoch in ((25, 60, 1), (25, 60, 2), (50, 60, 1))
    ]
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    near = np.abs(np.diff(order(new(), source(25, 30), 1)))
    assert near.max() > 30  # blocks in random order
    firsts = [new().fit(source(), **HOW).metrics["loss"] for _ in range(2)]
    assert firsts[0] == firsts[1]


def test_slow_reading_and_threads_change_no_bit() -> None:
    def slowly() -> Iterator[Any]:
        for k in range(0, N, 50):
            time.sleep(0.02)
            yield X[k : k + 50], Y[k : k + 50]

    def quickly() -> list[Any]:
        return [(X[k : k + 50], Y[k : k + 50]) for k in range(0, N, 50)]

    models = []
    for make, threads in ((slowly, 1), (quickly, 2)):
        models.append(new())
        models[-1].threads = threads
        models[-1].fit(blocks(make, buffer=60), epochs=2, **HOW)
    assert models[0].fingerprint() == models[1].fingerprint()


class Stop(gn.Callback):
    every_steps = 1

    def __init__(self, at: int) -> None:
        self.at = at

    def between_steps(self, state: Any) -> None:
        if state.step == self.at:
            state.interrupt()


@pytest.mark.parametrize(
    ("engine", "at"), [("compiled", 7), ("compiled", 8), ("compiled", 27), ("compiled", 33), ("numpy", 9)]
)
def test_a_broken_training_ends_in_the_same_bits(engine: str, at: int, tmp_path: Path) -> None:
    whole = new(engine)
    history = whole.fit(source(), epochs=2, **HOW)
    broken = new(engine)
    broken.fit(source(), epochs=2, callbacks=[Stop(at)], **HOW)
    assert broken.optimizer.steps == at
    broken.save(tmp_path / "m.safetensors")
    again = gn.load(tmp_path / "m.safetensors")
    assert again.fit(source(), epochs=2, resume=True, **HOW).metrics == history.metrics
    assert again.fingerprint() == whole.fingerprint()


def test_going_on_with_other_blocks_is_refused() -> None:
    model = new()
    model.fit(source(), epochs=2, callbacks=[Stop(8)], **HOW)
    for other in (source(rows=50), source(buffer=100), blocks(X + 1, Y, WEIGHT, rows=25, buffer=60), (X, Y)):
        given = other if isinstance(other, tuple) else (other,)
        with pytest.raises(gn.ConfigurationError, match="buffer|rows_of_a_block|other inputs"):
            model.fit(*given, epochs=2, resume=True, **HOW)


def test_validation_by_the_hash_of_a_rows_number() -> None:
    rows, held = source().split(0.25, 3)
    numbers = [np.concatenate([own.numbers for own in side.all_blocks()]) for side in (rows, held)]
    assert np.array_equal(np.sort(np.concatenate(numbers)), np.arange(N))
    assert len(rows) + len(held) == N
    assert 30 < len(held) < 75
    again = blocks(X, Y, rows=70).split(0.25, 3)[1]  # whatever the blocks
    assert np.array_equal(np.concatenate([own.numbers for own in again.all_blocks()]), numbers[1])
    history = new().fit(source(), validation_split=0.25, **HOW)
    model = new()
    expected = model.fit(rows, validation_data=held, **HOW)
    assert history.metrics == expected.metrics
    in_memory = model.evaluate(X[numbers[1]], Y[numbers[1]], WEIGHT[numbers[1]])
    for name, value in in_memory.items():
        assert expected.metrics[f"val_{name}"][-1] == pytest.approx(value, rel=1e-6)
    inner, most = rows.split(0.25, 3)
    assert 0 < len(most) < len(inner)


def test_evaluate_and_predict_take_blocks() -> None:
    model = new()
    model.fit(source(), **HOW)
    for name, value in model.evaluate(X, Y, WEIGHT).items():
        assert model.evaluate(source())[name] == pytest.approx(value, rel=1e-6)
    given = blocks(X, rows=30)
    assert np.array_equal(model.predict(given), model.predict(X))
    assert np.array_equal(model.predict_classes(given), model.predict_classes(X))


@pytest.mark.parametrize("name", [name for name in METRICS if name != "roc_auc"])
@pytest.mark.parametrize("weighted", [True, False])
def test_metrics_add_up_over_blocks(name: str, weighted: bool) -> None:
    metric = METRICS[name]()
    is_of_numbers = name.endswith("error") or name == "r2"
    outputs = RNG.normal(size=(40, 2 if is_of_numbers else 3))
    targets = outputs + RNG.normal(size=outputs.shape) + 1e3 if is_of_numbers else RNG.integers(0, 3, 40)
    loss = MeanSquaredError() if is_of_numbers else CrossEntropy()
    weights = RNG.random(40) if weighted else None
    running = Running([metric], loss)
    for part in (slice(0, 1), slice(1, 15), slice(15, 40)):
        running.add(outputs[part], targets[part], None if weights is None else weights[part])
        running = Running([metric], loss, found=running.flat())
    assert running.values()[name] == pytest.approx(metric.compute(outputs, targets, loss, weights), rel=1e-9)


def test_labels_add_up_and_metrics_that_need_all_rows_are_refused() -> None:
    outputs, targets = RNG.normal(size=(20, 3)), RNG.integers(0, 2, (20, 3)).astype(float)
    metric, loss = METRICS["f1"](), BinaryCrossEntropy()
    running = Running([metric], loss)
    running.add(outputs[:9], targets[:9], None)
    running.add(outputs[9:], targets[9:], None)
    assert running.values()["f1"] == pytest.approx(metric.compute(outputs, targets, loss, None))

    def mine(outputs: Any, targets: Any) -> float:
        return 0.0

    class Other(METRICS["accuracy"]):  # type: ignore[misc]
        def compute(self, *_: Any) -> float:
            return 0.5

    for own in ("roc_auc", mine, Other()):
        with pytest.raises(gn.ConfigurationError, match="add up over blocks"):
            new(metrics=[own]).fit(source(), **HOW)


# What is refused


def of(*parts: Any) -> Blocks:
    return blocks(lambda: iter(parts))


HALF, REST = (X[:100], Y[:100]), (X[100:], Y[100:])
BAD = X[100:].copy()
BAD[7, 1] = np.nan


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: of(HALF, (BAD, Y[100:])), r"block 1, rows 100 to 202: x: received nan at row 7"),
        (lambda: of(HALF, (X[100:, :3], Y[100:])), r"block 1.*shape \(103, 3\)"),
        (lambda: of(HALF, (X[100:].astype(str), Y[100:])), r"block 1.*expected numbers"),
        (lambda: of(HALF, (X[100:], Y[100:] + 5)), r"block 1.*labels from 5 to 7"),
        (lambda: of(HALF, (X[100:], Y[99:])), r"block 1: received arrays of the shapes"),
        (lambda: of(HALF, (*REST, WEIGHT[100:])), r"weights of the rows in some blocks and none in others"),
        (lambda: of(HALF, (X[100:],)), r"blocks without answers"),
        (lambda: of(HALF, X[100:]), r"expected a tuple \(x, y\)"),
        (lambda: of((X, Y, np.zeros(N))), r"weight of 0 each"),
        (lambda: of(), r"received no rows"),
        (lambda: of({"a": [1.0]}), r"name its column of answers: gn.data.blocks\(source, target=...\)"),
    ],
)
def test_blocks_that_do_not_fit_are_refused_before_anything_is_trained(given: Callable[[], Blocks], words: str) -> None:
    model = new()
    with pytest.raises(gn.GlassnetError, match=words):
        model.fit(given(), **HOW)
    assert not model.network.is_built
    assert model.epochs_trained == 0


@pytest.mark.parametrize("given", [(own for own in [HALF]), iter([HALF]), 5, None])
def test_what_can_be_gone_through_only_once_is_refused(given: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match=r"begins anew"):
        blocks(given)


def test_blocks_that_change_between_passes_are_refused() -> None:
    once = iter([HALF, REST])
    with pytest.raises(gn.DataError, match="0 rows instead of 203, in another pass"):
        new().fit(blocks(lambda: once), **HOW)
    calls: list[int] = []

    def other() -> Iterator[Any]:
        calls.append(0)
        yield X + len(calls), Y

    with pytest.raises(gn.DataError, match="block 0: received other rows than before"):
        new().fit(blocks(other), **HOW)


@pytest.mark.parametrize(
    "given",
    [{"sample_weight": WEIGHT}, {"y": Y}, {"stateful": True}, {"by_length": True}, {"distributed": True}],
    ids=lambda given: str(next(iter(given))),
)
def test_what_goes_with_arrays_alone_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(gn.ConfigurationError, match=f"{next(iter(given))}.* beside blocks"):
        new().fit(source(), **given, **HOW)


def test_empty_blocks_other_dtypes_and_late_labels_are_no_faults() -> None:
    order_of = np.argsort(Y, kind="stable")
    x, y = X[order_of], Y[order_of]

    def late() -> Iterator[Any]:
        yield x[:50], y[:50]
        yield x[:0], y[:0]
        yield x[50:].astype(np.float32), y[50:].astype(np.int8)

    model = new()
    history = model.fit(blocks(late), epochs=1, **HOW)
    assert np.isfinite(history.metrics["loss"]).all()


def test_rows_that_weigh_nothing_may_fill_a_block() -> None:
    weight = WEIGHT.copy()
    weight[:80] = 0
    found, expected = new(), new()
    found.fit(blocks(X, Y, weight, rows=25, buffer=40), shuffle=False, **HOW)
    expected.fit(X, Y, sample_weight=weight, shuffle=False, **HOW)
    assert np.array_equal(found.network.parameters, expected.network.parameters)
    measured = found.evaluate(blocks(X, Y, weight, rows=25))
    assert measured == pytest.approx(found.evaluate(X, Y, weight), rel=1e-6)
    with pytest.raises(gn.DataError, match="a weight of 0 each"):
        found.evaluate(blocks(X, Y, 0 * weight, rows=25))


def test_digits_that_are_lost_are_seen_over_all_blocks() -> None:
    lost = X.copy()
    lost[:, 2] = 1e9 + np.arange(N) % 2
    with pytest.raises(gn.DataError, match="differences are lost in float32"):
        new().fit(blocks(lost, Y, rows=20), **HOW)
    rising = X.copy()
    rising[:, 2] = np.arange(N) * 1e3 + 1e6  # within a block they lie closer together than over all
    new().fit(blocks(rising, Y, rows=20), **HOW)


# Reading ahead


def test_errors_of_the_reader_travel_and_the_place_is_kept() -> None:
    passes: list[int] = []

    def breaking() -> Iterator[Any]:
        passes.append(0)
        for k in range(0, N, 25):
            if len(passes) == 2 and k > 150:
                raise RuntimeError("the disk is gone")
            yield X[k : k + 25], Y[k : k + 25]

    given, model = blocks(breaking, buffer=60), new()
    with pytest.raises(RuntimeError, match="the disk is gone"):
        model.fit(given, epochs=2, **HOW)
    assert model.optimizer.steps > 0
    history = model.fit(given, epochs=2, resume=True, **HOW)  # the next pass reads on
    whole = new()
    assert history.metrics == whole.fit(blocks(breaking, buffer=60), epochs=2, **HOW).metrics
    assert model.fingerprint() == whole.fingerprint()
    assert not [own for own in threading.enumerate() if own.name == "glassnet-read"]


def test_divergence_ends_the_reader() -> None:
    model = gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(1e6))
    with pytest.raises(gn.DivergenceError, match="epoch 1"):
        model.fit(blocks(X * 1e3, X[:, :1] * 1e6, rows=20, buffer=40), epochs=3, **HOW)
    assert not [own for own in threading.enumerate() if own.name == "glassnet-read"]


def test_ctrl_c_ends_the_wait_for_a_block() -> None:
    passes, go_on = [], threading.Event()

    def waiting() -> Iterator[Any]:
        passes.append(0)
        yield HALF
        if len(passes) == 2:
            go_on.set()
            time.sleep(0.5)
        yield REST

    def press() -> None:
        go_on.wait()
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    history = new().fit(blocks(waiting, buffer=8), epochs=5, **HOW)
    assert history.stopped == "interrupted"
    assert len(passes) == 2


def test_reading_ahead_makes_one_value_more_than_is_taken() -> None:
    made: list[int] = []

    def values(start: int) -> Iterator[int]:
        for number in range(start, 100):
            made.append(number)
            yield number

    with Ahead(values) as ahead:
        assert ahead.next() == 0
        time.sleep(0.1)
        assert len(made) <= 3  # the one taken, one that waits, one that is being made
    count = len(made)
    time.sleep(0.1)
    assert len(made) == count


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_what_was_made_of_a_buffer_goes_with_it(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, not when the interpreter looks for what refers to itself: that may be hundreds of buffers later."""
    orders: list[weakref.ref[np.ndarray]] = []
    made = Streamed.order_within

    def kept(self: Streamed, number: int, length: int, epoch: int, *, shuffle: bool) -> Any:
        order = made(self, number, length, epoch, shuffle=shuffle)
        assert order is not None
        orders.append(weakref.ref(order))
        return order

    monkeypatch.setattr(Streamed, "order_within", kept)
    gc.collect()
    gc.disable()
    try:
        new(engine).fit(source(buffer=16), epochs=1, **HOW)
        assert len(orders) > 10
        assert sum(order() is not None for order in orders) <= 1  # the last
    finally:
        gc.enable()


def test_the_child_of_a_fork_reads_on_its_own() -> None:
    with Ahead(lambda start: iter(range(start, 4))) as ahead:
        assert ahead.next() == 0
        child = os.fork()
        if not child:
            os._exit(0 if [ahead.next() for _ in range(4)] == [1, 2, 3, None] else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert ahead.next() == 1
