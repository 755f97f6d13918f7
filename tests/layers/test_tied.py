"""Weights that two layers share, one of them the other way round: one place, one gradient, by every way.

``golden/tied.npz`` was made by ``golden/make_tied.py`` with the version of PyTorch that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_files import edited

import glassnet as gn

GOLDEN = np.load(Path(__file__).with_name("golden") / "tied.npz")
Engine = pytest.mark.parametrize("engine", ["numpy", "compiled"])


def language(*behind: gn.Layer) -> gn.Sequential:
    """Three tokens of six in, and what comes next for each of them."""
    tokens = gn.Embedding(6, 4, name="tokens", weight_init="normal")
    return gn.Sequential(tokens, gn.Dense(4), gn.Tanh(), gn.Tied("tokens"), gn.Flatten(), *behind)


def autoencoder() -> gn.Sequential:
    return gn.Sequential(gn.Dense(3, name="code"), gn.Tanh(), gn.Tied("code"), gn.Scale())


def model(engine: str = "auto", seed: int = 0, network: gn.Network | None = None) -> gn.Model:
    return gn.Model(network or language(), "cross_entropy", gn.Adam(0.05), engine=engine, seed=seed, dtype="float64")


@Engine
def test_pytorch_learns_the_same(engine: str) -> None:
    own = model(engine)
    own.network.build((3,), dtype="float64")
    places = {"weight": "tokens.weight", "hidden": "1.weight", "bias": "1.bias"}
    named = dict(own.network.named_parameters())
    assert list(named) == list(places.values())
    for theirs, name in places.items():
        named[name][...] = GOLDEN[theirs].T if theirs == "hidden" else GOLDEN[theirs]
    history = own.fit(GOLDEN["x"], GOLDEN["labels"], epochs=6, batch_size=None, verbose=False)
    np.testing.assert_allclose(history["loss"], GOLDEN["losses"], rtol=1e-10)
    for theirs, name in places.items():
        after = GOLDEN[f"{theirs}_after"]
        np.testing.assert_allclose(named[name], after.T if theirs == "hidden" else after, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("rows", "classes", "width"), [(1, 1, 1), (3, 5, 2), (70, 33, 40), (300, 9, 130)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
def test_compiled_training_is_that_of_numpy(dtype: str, tolerance: float, rows: int, classes: int, width: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, classes))
    trained = {}
    for engine, threads in (("numpy", 1), ("compiled", 1), ("compiled", 2)):
        net = gn.Sequential(gn.Dense(width, name="code"), gn.Tanh(), gn.Tied("code"))
        own = gn.Model(net, "mean_squared_error", gn.SGD(0.01), engine=engine, threads=threads, dtype=dtype, seed=1)
        own.fit(x, x, epochs=2, batch_size=64, verbose=False)
        trained[engine, threads] = net.parameters.copy(), own.predict(x)
    assert all(map(np.array_equal, trained["compiled", 1], trained["compiled", 2]))
    for mine, twin in zip(trained["compiled", 1], trained["numpy", 1], strict=True):
        np.testing.assert_allclose(mine, twin, rtol=tolerance, atol=tolerance)
    single = np.concatenate([own.predict(row[None]) for row in x])
    np.testing.assert_array_equal(single, trained["compiled", 2][1])


@Engine
def test_a_training_that_is_broken_off_goes_on_from_its_file(engine: str, tmp_path: Path) -> None:
    x, y = GOLDEN["x"], GOLDEN["labels"]
    whole, first = model(engine), model(engine)
    whole.fit(x, y, epochs=4, batch_size=3, verbose=False)
    first.fit(x, y, epochs=2, batch_size=3, verbose=False)
    first.save(tmp_path / "first.safetensors")
    again = gn.load(tmp_path / "first.safetensors")
    assert repr(again.network) == repr(first.network)
    assert again.network.parameters.size == 6 * 4 + 4 * 4 + 4
    again = model(engine)
    again.fit(x, y, epochs=4, batch_size=3, verbose=False, resume=tmp_path / "first.safetensors")
    np.testing.assert_array_equal(again.network.parameters, whole.network.parameters)


def test_both_layers_see_every_change() -> None:
    net = language()
    net.build((3,))
    tokens, tied = net["tokens"], net["3"]
    tokens.weight[0, 0] = 7.0  # type: ignore[attr-defined]
    tied.weight[1, 1] = 5.0  # type: ignore[attr-defined]
    assert tied.weight[0, 0] == 7.0  # type: ignore[attr-defined]
    assert tokens.weight[1, 1] == 5.0  # type: ignore[attr-defined]
    assert "total                                                                           44" in str(net.summary())
    tied.freeze()
    before = tokens.weights()["weight"]
    gn.Model(net, "cross_entropy", "adam").fit(GOLDEN["x"], GOLDEN["labels"], verbose=False)
    np.testing.assert_array_equal(tokens.weights()["weight"], before)


def test_a_copy_a_twin_and_a_part_keep_the_tie() -> None:
    net = language(gn.Dense(2))
    net.build((3,), seed=3)
    copied = net.copy()
    copied["tokens"].weight[...] = 0.0  # type: ignore[attr-defined]
    assert not copied["3"].weights()["weight"].any()
    assert net["3"].weights()["weight"].any()
    both = gn.Graph(
        inputs={"a": 3, "b": 3},
        nodes={"one": (net.twin(), "a"), "other": (net.twin(), "b"), "apart": ("subtract", "one", "other")},
        outputs="apart",
    )
    both.build()
    assert both.parameters.size == net.parameters.size
    assert gn.check_gradients(both, np.array([[0.0, 1, 2, 3, 4, 5], [5.0, 5, 0, 0, 1, 1]]))
    part = net[1:]  # without the embedding: the weights that it has
    np.testing.assert_array_equal(part["2"].weights()["weight"], net["tokens"].weights()["weight"])
    other = gn.Sequential(gn.Embedding(9, 4, name="tokens"), *net[1:4])  # another layer of that name is the one meant
    other.build((3,))
    assert other.output_shape == (3, 9)


def test_the_trace_explains_each_number() -> None:
    own = model()
    own.fit(GOLDEN["x"], GOLDEN["labels"], verbose=False)
    trace = gn.trace(own, GOLDEN["x"][:2], GOLDEN["labels"][:2])
    assert "y = x Wᵀ" in str(trace)
    assert "tied_backward" in str(trace)


def test_onnx_holds_the_matrix_once(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    for network, x in ((language(), GOLDEN["x"]), (autoencoder(), np.random.default_rng(0).normal(size=(4, 5)))):
        network.build(x.shape[1:])
        own = gn.Model(network, "mean_squared_error", "sgd")
        own.export_onnx(tmp_path / "tied.onnx")  # which compares answers
        constants = onnx.load(tmp_path / "tied.onnx").graph.initializer
        weights = [c for c in constants if list(c.dims) in ([6, 4], [5, 3], [3, 5], [4, 6])]
        assert len(weights) == 1
        read = gn.from_onnx(tmp_path / "tied.onnx")
        given = read if isinstance(read, gn.Network) else read.network
        np.testing.assert_allclose(given(x), network(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "shape", "said"),
    [
        (lambda: gn.Tied("0"), (3,), "numbers change"),
        (lambda: gn.Tied("block.0"), (3,), "numbers change"),
        (lambda: gn.Tied(""), (3,), "the name of a layer"),
        (lambda: gn.Tied(2), (3,), "to=2"),
        (lambda: gn.Sequential(gn.Embedding(6, 4), gn.Tied("tokens")), (3,), "no layer 'tokens'"),
        (lambda: gn.Sequential(gn.Tanh(name="tokens"), gn.Tied("tokens")), (3,), "Tanh"),
        (lambda: gn.Sequential(gn.Dense(3), gn.Tied("code"), gn.Dense(3, name="code")), (3,), "no weights yet"),
        (lambda: gn.Sequential(gn.Dense(3, name="code"), gn.Dense(4), gn.Tied("code")), (5,), "expected 3 features"),
        (lambda: gn.Sequential(gn.Embedding(6, 4, name="a"), gn.Reshape((1, 2, 4)), gn.Tied("a")), (2,), "sequences"),
    ],
)
def test_what_cannot_be_tied_is_named(make: Callable[[], gn.Network], shape: tuple[int, ...], said: str) -> None:
    with pytest.raises((gn.ConfigurationError, gn.ShapeError), match="Tied") as error:
        make().build(shape)
    assert said in str(error.value)


@pytest.mark.parametrize("twins", [{}, {"3": "1"}, {"1": "tokens"}])
def test_a_file_that_says_otherwise_unties_nothing(twins: dict[str, str], tmp_path: Path) -> None:
    own = model()
    own.fit(GOLDEN["x"], GOLDEN["labels"], verbose=False)
    own.save(tmp_path / "tied.safetensors")
    changed = edited(tmp_path / "tied.safetensors", lambda description: description.update(twins=twins))
    try:
        read = gn.load(changed)
    except gn.FileFormatError:
        assert "1" in twins
    else:
        np.testing.assert_array_equal(read.predict(GOLDEN["x"]), own.predict(GOLDEN["x"]))
