"""Embeddings beside dense layers on one-hot rows and beside PyTorch; columns; and numbers that have no vector."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import cut_finely

import glassnet as gn
from glassnet.compile import native

ENGINES = ["numpy", *(["compiled"] if native() is not None else [])]
NUMBERS = np.random.default_rng(0).integers(0, 6, (40, 3))


def mixed(count: int = 6) -> gn.Network:
    """A network for rows of an amount, a number that is looked up, and another amount."""
    town = [gn.Columns([1]), gn.Embedding(count, 4), gn.Flatten()]
    return gn.Sequential(gn.Concat(gn.Columns([0, 2]), town), gn.Dense(3))


@pytest.mark.parametrize("engine", ENGINES)
def test_training_is_that_of_a_dense_layer_on_one_hot_rows(engine: str) -> None:
    """y = onehot(x) W: the same outputs, gradients and updates, three numbers a row with a weight of their own each."""
    x, y = NUMBERS, NUMBERS.sum(axis=1) % 3
    weights = np.random.default_rng(1).normal(size=(3, 6, 4))
    branches = [[gn.Columns([i]), gn.Embedding(6, 4, weight_init=weights[i]), gn.Flatten()] for i in range(3)]
    one_hot = np.eye(6)[x].reshape(40, 18)
    dense = [
        [gn.Columns(range(6 * i, 6 * i + 6)), gn.Dense(4, use_bias=False, weight_init=weights[i])] for i in range(3)
    ]
    models = [
        gn.Model(
            gn.Sequential(gn.Concat(*parts), "tanh", gn.Dense(3)),
            "cross_entropy",
            [gn.L2(0.01), gn.Adam(0.05)],
            dtype="float64",
            engine=engine,
        )
        for parts in (branches, dense)
    ]
    losses = [
        model.fit(data, y, epochs=30, batch_size=7, verbose=False)["loss"]
        for model, data in zip(models, (x, one_hot), strict=True)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-9)
    np.testing.assert_allclose(models[0].predict(x), models[1].predict(one_hot), rtol=1e-7, atol=1e-9)
    assert losses[0][-1] < 0.6 * losses[0][0]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3), (2, 3, 2)], ids=str)
def test_rows_of_any_shape(shape: tuple[int, ...], engine: str) -> None:
    net = gn.Sequential(gn.Embedding(9, 5, weight_init="normal"))
    assert net.build(shape) == (*shape, 5)
    x = np.random.default_rng(0).integers(0, 9, (7, *shape))
    model = gn.Model(gn.Sequential(*net.layers, gn.Flatten()), "sum_squared_error", gn.SGD(1.0), engine=engine)
    model.network.build(shape)
    weight = dict(model.network.named_parameters())["0.weight"]
    before = weight.copy()
    np.testing.assert_array_equal(model.predict(x), before[x].reshape(7, -1))
    model.fit(x, before[x].reshape(7, -1) - 1, epochs=1, batch_size=None, verbose=False)
    counts = np.bincount(x.ravel(), minlength=9)[:, None]
    np.testing.assert_allclose(weight, before - counts, rtol=1e-5, atol=1e-5)  # every δ is 1


def test_beside_torch() -> None:
    torch = pytest.importorskip("torch")
    net, run = gn.Sequential(gn.Embedding(6, 4)), gn.NumpyRunner()
    net.build((3,), dtype="float64")
    theirs = torch.nn.Embedding(6, 4, _weight=torch.from_numpy(net.parameters.reshape(6, 4).copy()))
    y, cache = net.forward(run, NUMBERS, training=True)
    dy = np.random.default_rng(1).normal(size=y.shape)
    found = theirs(torch.from_numpy(NUMBERS))
    found.backward(torch.from_numpy(dy))
    dx = net.backward(run, dy, cache)
    np.testing.assert_array_equal(y, found.detach().numpy())
    np.testing.assert_allclose(net.gradients.reshape(6, 4), theirs.weight.grad.numpy(), rtol=1e-12)
    assert dx.shape == NUMBERS.shape
    assert not dx.any()


def test_small_vectors_by_default_and_nothing_to_compute() -> None:
    net = mixed()
    net.build((3,))
    weight = dict(net.named_parameters())["0.1.1.weight"]
    assert 0 < np.abs(weight).max() <= 0.05
    assert [row.flops for row in net.summary().rows][:4] == [0, 0, 0, 0]
    assert "Embedding(6, 4)   (N, 1, 4)           24" in str(net.summary())


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_a_first_layer_gives_no_gradient_to_the_data() -> None:
    net = mixed()
    net.build((3,))
    lines = gn.Model(net, "cross_entropy", "adam").plan(8).lines
    names = {line.instruction for line in lines}
    assert {"embedding_forward", "embedding_backward", "columns_forward"} <= names
    assert not names & {"zero_gradient", "columns_backward", "accumulate"}


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_large_tables_give_the_same_bits_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_finely(monkeypatch)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2000, (600, 2)), rng.integers(0, 3, 600)
    found = []
    for threads in (1, 2, 5):
        net = gn.Sequential(gn.Embedding(2000, 24), gn.Flatten(), gn.Dense(3))
        model = gn.Model(net, "cross_entropy", "adam", threads=threads, engine="compiled")
        model.fit(x, y, epochs=2, batch_size=128, verbose=False)
        found.append(model.network.parameters.copy())
    pieces = {line.pieces for line in model.plan(128).lines if line.instruction == "embedding_backward"}
    assert pieces == {500}
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_files_and_copies(tmp_path: Path) -> None:
    x = np.column_stack([np.linspace(0, 1, 40), NUMBERS[:, 0], np.ones(40)])
    model = gn.Model(mixed(), "cross_entropy", "adam")
    model.fit(x, NUMBERS[:, 0] % 3, epochs=2, verbose=False)
    model.save(tmp_path / "model.safetensors")
    back = gn.load(tmp_path / "model.safetensors")
    assert repr(back.network) == repr(model.network)
    for other in (back, deepcopy(model)):
        np.testing.assert_array_equal(other.predict(x), model.predict(x))
        with pytest.raises(gn.DataError, match="looks up"):
            other.predict(x + 1000)


def of(model: gn.Model, x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Every way by which data come to a model."""
    good, y = np.zeros_like(x), np.zeros(len(x), int)
    return {
        "fit: x": lambda: model.fit(x, y, verbose=False),
        "fit: validation_data: x": lambda: model.fit(good, y, validation_data=(x, y), verbose=False),
        "evaluate: x": lambda: model.evaluate(x, y),
        "predict: x": lambda: model.predict(x),
        "trace: x": lambda: gn.trace(model, x, y),
        "forward: x": lambda: model.network.forward(gn.NumpyRunner(), x, training=False),
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("where", of(gn.Model(mixed(), "cross_entropy", "sgd"), np.zeros((1, 3))))
@pytest.mark.parametrize(
    ("value", "fix"), [(6.0, "count above 6"), (-1.0, "from 0"), (1.5, "must not be scaled"), (1e9, "count above 1e")]
)
def test_numbers_without_a_vector_are_refused_at_every_door(value: float, fix: str, where: str, engine: str) -> None:
    model = gn.Model(mixed(), "cross_entropy", "sgd", engine=engine)
    model.fit(np.zeros((4, 3)), np.zeros(4, int), verbose=False)
    x = np.zeros((4, 3), np.float32)
    model.predict(x)  # afterwards a quicker way is open to arrays like this one
    x[2, 1] = value
    before = model.network.parameters.copy()
    with pytest.raises(gn.DataError) as caught:
        of(model, x)[where]()
    error = caught.value
    assert error.where == where
    column = 0 if where == "forward: x" else 1  # what the layer itself sees is one column
    assert f"the value {value:g} at row 2, column {column}" in error.received
    assert "layer 0.1.1 (Embedding(6, 4))" in error.received
    assert error.expected == "whole numbers from 0 to 5"
    assert fix in error.fix
    np.testing.assert_array_equal(model.network.parameters, before)


def test_the_first_fit_refuses_them_too() -> None:
    model = gn.Model(mixed(), "cross_entropy", "sgd")
    with pytest.raises(gn.DataError, match="the value 6 at row 2, column 1"):
        model.fit(np.array([[0, i * 3, 0] for i in range(4)]), np.zeros(4, int), verbose=False)
    assert not model.network.is_built


def test_data_reach_through_residual_branches_and_views() -> None:
    net = gn.Sequential(gn.Flatten(), gn.Identity(), gn.Reshape((3, 2)), gn.Embedding(4, 2), gn.Flatten())
    net.build((2, 3))
    model = gn.Model(net, "sum_squared_error", "sgd")
    x = np.zeros((2, 2, 3))
    x[1, 0, 2] = 4
    with pytest.raises(gn.DataError, match="the value 4 at row 1, column 0, 2"):
        model.predict(x)
    inner = gn.Residual(gn.Embedding(4, 3), shortcut=gn.Embedding(5, 3))
    gn.Sequential(gn.Sequential(gn.Flatten()), inner).build((2, 3))
    with pytest.raises(gn.DataError, match=r"residual\.0 \(Embedding\(4, 3\)\)"):
        gn.Model(gn.Sequential(gn.Sequential(gn.Flatten()), inner, gn.Flatten()), "sum_squared_error", "sgd").fit(
            x, np.zeros((2, 18)), verbose=False
        )


@pytest.mark.parametrize(
    "layers",
    [
        [gn.Dense(3), gn.Embedding(4, 2)],
        [gn.Concat([gn.ReLU(), gn.Columns([0]), gn.Embedding(4, 2), gn.Flatten()])],
        [gn.Residual(gn.Dense(3)), gn.Embedding(4, 2)],
    ],
)
def test_what_is_calculated_cannot_be_looked_up(layers: list[gn.Layer]) -> None:
    net = gn.Sequential(*layers)
    with pytest.raises(gn.ConfigurationError, match=r"Embedding\(4, 2\).*what the layers before it calculate"):
        net.build((3,))
    assert not net.is_built


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gn.Embedding(0, 2), "count=0"),
        (lambda: gn.Embedding(3, 2.5), r"units=2\.5"),  # type: ignore[arg-type]
        (lambda: gn.Embedding(2**24 + 1, 2), "float32"),
        (lambda: gn.Columns([]), "one column at least"),
        (lambda: gn.Columns([1, 0, 1]), "none twice"),
        (lambda: gn.Columns([-1]), "an index=-1"),
        (lambda: gn.Columns([0.5]), r"an index=0\.5"),  # type: ignore[list-item]
        (lambda: gn.Columns("ab"), "an index='ab'"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_are_none(make: Callable[[], gn.Layer], words: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=words):
        make()


@pytest.mark.parametrize(("shape", "words"), [((3,), r"\(N, D\) with D from 4 upward"), ((4, 4), r"\(N, 4, 4\)")])
def test_columns_that_are_not_there(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(gn.ShapeError, match=words):
        gn.Sequential(gn.Columns([0, 3])).build(shape)


def test_the_largest_number_is_exact_in_float32() -> None:
    net = gn.Sequential(gn.Embedding(2**24, 1, weight_init="zeros"))
    net.build((1,))
    weight = net.named_parameters()[0][1]
    weight[-1] = 5
    model = gn.Model(net, "sum_squared_error", "sgd")
    assert model.predict([[2**24 - 1], [2**24 - 2]]).ravel().tolist() == [5, 0]
    with pytest.raises(gn.DataError):
        model.predict([[2**24]])


def test_gradient_checks_leave_out_what_is_looked_up() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=9), rng.integers(0, 6, 9), rng.normal(size=9)])
    report = gn.check_gradients(mixed(), x)
    assert report.passed, report
    assert [check.name for check in report.checks] == ["x", "0.1.1.weight", "1.weight", "1.bias"]
    whole = gn.check_gradients(gn.Sequential(gn.Embedding(6, 2), gn.Flatten()), NUMBERS)
    assert [check.name for check in whole.checks] == ["0.weight"]


def test_a_gradient_that_is_added_instead_of_written_is_noticed() -> None:
    class Adding(gn.Dense):
        def backward(self, run: gn.Runner, dy: np.ndarray, cache: np.ndarray) -> np.ndarray:
            before = self.weight.gradient.copy()
            dx = super().backward(run, dy, cache)
            self.weight.gradient[...] += before
            return dx

    assert not gn.check_gradients(gn.Sequential(Adding(2)), np.ones((3, 2))).passed
