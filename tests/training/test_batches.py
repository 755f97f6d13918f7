"""How an epoch is cut into batches, above all where its last one would have a single row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import assert_same, state_of

import glassnet as gn
from glassnet.compile import native
from glassnet.training.batches import batch_sizes, batches

ENGINES = ["numpy", *(["compiled"] if native() is not None else [])]
engines = pytest.mark.parametrize("engine", ENGINES)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(21, 4))
Y = RNG.integers(0, 3, 21)


def normalised(engine: str, **settings: Any) -> gn.Model:
    net = gn.Sequential(gn.Dense(6), gn.BatchNorm(), gn.Tanh(), gn.Dropout(0.2), gn.Dense(3))
    arguments = {"metrics": ["accuracy"], "dtype": "float64", **settings}
    return gn.Model(net, "cross_entropy", gn.Adam(0.01), engine=engine, **arguments)


@pytest.mark.parametrize("joins", [False, True])
@pytest.mark.parametrize("size", range(1, 13))
@pytest.mark.parametrize("rows", range(1, 26))
def test_every_row_once_in_its_order(rows: int, size: int, joins: bool) -> None:
    order = np.random.default_rng(rows).permutation(rows)
    parts = [np.arange(rows)[batch] for batch in batches(rows, size, None, joins_single=joins)]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(rows))
    shuffled = list(batches(rows, size, order, joins_single=joins))
    np.testing.assert_array_equal(np.concatenate(shuffled), order)
    lengths = [len(part) for part in parts]
    assert lengths == [len(part) for part in shuffled]
    full, count, rest = batch_sizes(rows, size, joins_single=joins)
    assert lengths == [full] * count + [rest] * (rest > 0)
    assert set(lengths[:-1]) <= {size}
    last_joined = joins and rows % size == 1 and 1 < size < rows
    assert lengths[-1] == (size + 1 if last_joined else rows % size or size)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("size", [4, 5, 10, 20])
def test_a_last_row_alone_joins_the_batch_before(size: int, shuffle: bool) -> None:
    """In both engines: the statistics of batch normalisation are those of the joined batch."""
    found = []
    for engine in ENGINES:
        model = normalised(engine)
        history = model.fit(X, Y, epochs=3, batch_size=size, shuffle=shuffle, validation_data=(X, Y), verbose=False)
        assert model.optimizer.steps == 3 * (20 // size)
        found.append(state_of(model, history))
    for state in found[1:]:
        assert_same(state, found[0], 1e-9)


@engines
def test_the_joined_batch_by_hand(engine: str) -> None:
    model = gn.Model(
        gn.Sequential(gn.BatchNorm(momentum=0.25), gn.Dense(3)), "cross_entropy", "adam", dtype="float64", engine=engine
    )
    model.fit(X, Y, batch_size=10, shuffle=False, verbose=False)
    mean = np.zeros(4)
    for batch in (X[:10], X[10:]):
        mean = 0.75 * mean + 0.25 * batch.mean(axis=0)
    np.testing.assert_allclose(dict(model.network.named_parameters())["0.running_mean"], mean, rtol=1e-12)


@engines
def test_without_such_a_layer_the_last_row_stays_alone(engine: str) -> None:
    net = gn.Sequential(gn.Dense(3), gn.LayerNorm())
    model = gn.Model(net, "cross_entropy", "adam", engine=engine)
    model.fit(X, Y, batch_size=10, verbose=False)
    assert model.optimizer.steps == 3


@engines
def test_it_is_found_inside_other_networks(engine: str) -> None:
    net = gn.Sequential(gn.Dense(3), gn.Residual(gn.Concat(gn.Dense(2), [gn.Dense(1), gn.BatchNorm()])))
    model = gn.Model(net, "cross_entropy", "adam", engine=engine)
    model.fit(X, Y, batch_size=10, verbose=False)
    assert model.optimizer.steps == 2


@engines
@pytest.mark.parametrize("size", [10, 20])
def test_a_resumed_run_equals_the_unbroken_one(engine: str, size: int, tmp_path: Path) -> None:
    unbroken, broken = normalised(engine), normalised(engine)
    unbroken.fit(X, Y, epochs=4, batch_size=size, verbose=False)
    broken.fit(X, Y, epochs=2, batch_size=size, verbose=False)
    broken.save(tmp_path / "m.safetensors")
    resumed = gn.load(tmp_path / "m.safetensors")
    resumed.engine = engine
    resumed.fit(X, Y, epochs=2, batch_size=size, verbose=False)
    np.testing.assert_array_equal(resumed.network.parameters, unbroken.network.parameters)


@engines
def test_a_watch_sees_the_joined_batch(engine: str) -> None:
    watch = gn.Watch(every=1)
    normalised(engine).fit(X, Y, epochs=2, batch_size=10, callbacks=[watch], verbose=False)
    assert [record.step for record in watch.records] == [0, 1, 2, 3]


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_the_number_of_threads_changes_no_bit() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(257, 64)), rng.integers(0, 3, 257)
    trained = []
    for threads in (1, 2):
        net = gn.Sequential(gn.Dense(128), gn.BatchNorm(), gn.ReLU(), gn.Dense(3))
        model = gn.Model(net, "cross_entropy", gn.Adam(0.01), threads=threads)
        model.fit(x, y, epochs=3, batch_size=64, verbose=False)
        assert model.optimizer.steps == 12
        trained.append(model.network.parameters)
    np.testing.assert_array_equal(*trained)
