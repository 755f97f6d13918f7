"""Weights shared by branches that stand side by side: one place, the sum of all gradients, by every way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.optimizers import OPTIMIZERS


def twins() -> gn.Graph:
    """One dense layer in two branches, in one of them behind another layer."""
    code = gn.Dense(4, bias_init="normal")
    nodes = {"a": ([code, "tanh"], "x"), "b": ([gn.Scale(), code.twin(), "sigmoid"], "x"), "sum": ("add", "a", "b")}
    return gn.Graph(inputs={"x": 6}, nodes={**nodes, "y": (gn.Dense(2), "sum")}, outputs="y")


def both_ways() -> gn.Graph:
    """One matrix in a dense layer, and the other way round in two branches behind it."""
    nodes = {
        "code": (gn.Dense(4), "x"),
        "a": ([gn.Tanh(), gn.Tied("code")], "code"),
        "b": ([gn.Scale(), gn.Tied("code"), gn.Sigmoid()], "code"),
        "y": ("add", "a", "b"),
    }
    return gn.Graph(inputs={"x": 6}, nodes=nodes, outputs="y")


def recurrent() -> gn.Sequential:
    """One recurrent layer from both ends of a sequence, and a third time behind another layer."""
    own = gn.GRU(3)
    branches = gn.Sequential(own), gn.Sequential(gn.Scale(), own.twin()), gn.Sequential(gn.Tanh(), own.twin())
    return gn.Sequential(gn.Reshape((3, 2)), gn.Concat(*branches), gn.Dense(2))


def norms() -> gn.Sequential:
    """Batch statistics that two branches share: they follow both."""
    own = gn.BatchNorm()
    return gn.Sequential(
        gn.Concat(gn.Sequential(own), gn.Sequential(gn.Dense(6, use_bias=False), own.twin())), gn.Dense(2)
    )


NETWORKS: list[Callable[[], gn.Network]] = [twins, both_ways, recurrent, norms]
Networks = pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
Engine = pytest.mark.parametrize("engine", ["numpy", "compiled"])


def model(
    make: Callable[[], gn.Network], engine: str = "auto", optimizer: str = "adam", dtype: str = "float64"
) -> gn.Model:
    network = make()
    network.build((6,), dtype=dtype)
    return gn.Model(network, "mean_squared_error", OPTIMIZERS[optimizer](0.01), engine=engine, seed=1, dtype=dtype)


def rows(make: Callable[[], gn.Network], count: int = 23) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6)), rng.normal(size=(count, *model(make).network.output_shape))  # type: ignore[misc]


@Networks
def test_gradients_of_all_branches_are_summed(make: Callable[[], gn.Network]) -> None:
    network = model(make).network
    names = [name for name, _ in network.named_parameters()]
    assert len(names) == len(set(names))
    sizes = sum(value.size for _, value in network.named_parameters())
    assert network.parameters.size == sizes  # a place for each, none for the second
    assert gn.check_gradients(network, *rows(make, 7), loss="mean_squared_error").passed


@Networks
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_every_rule_is_compiled_as_in_numpy(make: Callable[[], gn.Network], optimizer: str) -> None:
    x, y = rows(make)
    before = model(make).network.parameters.copy()
    trained = []
    for engine in ("numpy", "compiled"):
        own = model(make, engine, optimizer)
        own.fit(x, y, epochs=2, batch_size=8, verbose=False)
        trained.append(own.network.parameters)
    assert not np.array_equal(trained[0], before)
    np.testing.assert_allclose(trained[1], trained[0], rtol=1e-7, atol=1e-9)


@Networks
@Engine
def test_a_file_keeps_the_tie_and_the_training_goes_on(
    make: Callable[[], gn.Network], engine: str, tmp_path: Path
) -> None:
    x, y = rows(make)
    own = model(make, engine)
    own.fit(x, y, epochs=1, verbose=False)
    own.save(tmp_path / "tied.safetensors")
    read = gn.load(tmp_path / "tied.safetensors")
    read.engine = engine
    assert np.array_equal(read.predict(x), own.predict(x))
    for one in (own, read):
        one.fit(x, y, epochs=2, verbose=False)
    assert np.array_equal(read.network.parameters, own.network.parameters)
    before = read.predict(x)
    _, first = next(iter(read.network.named_parameters()))
    first[...] = 0.0
    assert not np.array_equal(read.predict(x), before)


@Networks
def test_onnx_gives_the_same_answers_back(make: Callable[[], gn.Network], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    x, y = rows(make)
    own = model(make, dtype="float32")
    own.fit(x, y, epochs=1, verbose=False)
    own.export_onnx(tmp_path / "tied.onnx")  # which compares answers
    read = gn.from_onnx(tmp_path / "tied.onnx")
    network = read if isinstance(read, gn.Network) else read.network
    np.testing.assert_allclose(network(np.asarray(x, np.float32)), own.predict(x), rtol=1e-5, atol=1e-6)
