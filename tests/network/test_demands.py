"""Layers of the user's own that look numbers up: they say so in one method, and everybody who gives them data asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.network import Demands

Array = np.ndarray
ENGINES = ["numpy", *(["compiled"] if native() is not None else [])]


class Tariff(gn.Layer):
    """Rows of an amount and the number of a tariff become the amount times the tariff's price."""

    def __init__(self, tariffs: int = 4) -> None:
        self.tariffs = tariffs

    def indices_below(self) -> Array:
        return np.array([0, self.tariffs])

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.price = self.add_parameter("price", (self.tariffs,), "normal")
        return (1,)

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Array]:
        return x[:, :1] * self.price.value[x[:, 1].astype(int), None], x

    def backward(self, run: gn.Runner, dy: Array, cache: Array) -> Array:
        tariff = cache[:, 1].astype(int)
        self.price.gradient[...] = np.bincount(tariff, weights=(dy * cache[:, :1])[:, 0], minlength=self.tariffs)
        return np.concatenate([dy * self.price.value[tariff, None], np.zeros_like(dy)], axis=1)


class PlainTariff(gn.NumpyLayer):
    """The same in plain NumPy."""

    def indices_below(self) -> Array:
        return np.array([0, 4])

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.add_parameter("price", (4,), "normal")
        return (1,)

    def forward(self, x: Array) -> tuple[Array, Array]:
        return x[:, :1] * self.price[x[:, 1].astype(int), None], x

    def backward(self, dy: Array, cache: Array) -> tuple[Array, dict[str, Array]]:
        tariff = cache[:, 1].astype(int)
        price = np.bincount(tariff, weights=(dy * cache[:, :1])[:, 0], minlength=4)
        return np.concatenate([dy * self.price[tariff, None], np.zeros_like(dy)], axis=1), {"price": price}


class Backwards(gn.Layer):
    """The columns in reverse: a layer of the user's own that passes numbers on."""

    passes_on = True

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, None]:
        return x[:, ::-1].copy(), None

    def backward(self, run: gn.Runner, dy: Array, cache: None) -> Array:
        return dy[:, ::-1].copy()


def network(tariff: Any) -> gn.Network:
    """Rows (id, tariff, amount) whose first column has no say: the layer sees (amount, tariff)."""
    return gn.Sequential(gn.Columns([1, 2]), Backwards(), tariff, gn.Dense(2))


def rows(count: int = 12) -> Array:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.normal(size=count), rng.integers(0, 4, count), rng.normal(size=count)])


def trained(tariff: Any, engine: str = "auto") -> gn.Model:
    model = gn.Model(network(tariff), "cross_entropy", "adam", engine=engine)
    model.fit(rows(), rows()[:, 1] > 1, epochs=2, batch_size=5, verbose=False)
    return model


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("tariff", [Tariff, PlainTariff])
@pytest.mark.parametrize("value", [4.0, -1.0, 0.5])
def test_numbers_out_of_range_are_refused_wherever_they_come_from(
    value: float, tariff: Callable[[], Any], engine: str
) -> None:
    model, x, y = trained(tariff(), engine), rows(), np.zeros(12, int)
    good = x.copy()
    x[7, 1] = value
    ways: list[Callable[[], Any]] = [
        lambda: model.fit(x, y, verbose=False),
        lambda: model.evaluate(x, y),
        lambda: model.predict(x),
        lambda: model.activations(x),
        lambda: gn.trace(model, x, y),
        lambda: gn.gradients(model.network, x, y, loss="cross_entropy"),
        lambda: model.network.activations(x),
        lambda: trained(tariff()).step(x, y),
    ]
    for way in ways:
        with pytest.raises(gn.DataError, match=rf"the value {value:g} at row 7, column 1, which layer 2 \(.*looks up"):
            way()
    for _ in range(2):  # the second time by the shortest way, if that were open
        np.testing.assert_allclose(model.predict(good[7:8]), model.predict(good)[7:8], rtol=1e-6)
        with pytest.raises(gn.DataError, match=f"the value {value:g} at row 0, column 1"):
            model.predict(x[7:8])


@pytest.mark.parametrize("tariff", [Tariff, PlainTariff])
def test_nothing_differentiates_by_an_index(tariff: Callable[[], Any]) -> None:
    net = network(tariff())
    report = gn.check_gradients(net, rows())
    assert report.passed, report
    assert [check.name for check in report.checks] == ["x", "2.price", "3.weight", "3.bias"]
    net.build((3,))
    assert net.demands.are_amounts.tolist() == [True, False, True]
    assert net.demands.below.tolist() == [0, 4, 0]
    with pytest.raises(gn.ConfigurationError, match="layer 2 .* looks up"):
        gn.saliency(net, rows(), 1)
    assert gn.saliency(net, rows(), 1, layer=2).shape == (12, 1)
    dx = gn.gradients(net, rows(), np.zeros(12, int), loss="cross_entropy").input
    np.testing.assert_array_equal(np.isnan(dx), np.broadcast_to([False, True, False], (12, 3)))


@pytest.mark.parametrize("tariff", [Tariff, PlainTariff])
@pytest.mark.parametrize("before", [gn.Dense(2), gn.Dropout(0.5), gn.Residual(gn.Identity()), gn.Scale()])
def test_what_is_calculated_cannot_be_looked_up(before: gn.Layer, tariff: Callable[[], Any]) -> None:
    with pytest.raises(gn.ConfigurationError, match="what the layers before it calculate"):
        gn.Sequential(before.copy(), tariff()).build((2,))


def test_amounts_alone_may_be_calculated() -> None:
    net = gn.Sequential(gn.Concat([gn.Columns([1]), gn.Dense(1)], gn.Columns([0])), Tariff(7))
    net.build((2,))
    assert net.demands.below.tolist() == [7, 0]
    with pytest.raises(gn.DataError, match="the value 7 at row 1, column 0"):
        net.demands.check(np.array([[6.0, 9.0], [7.0, 0.0]]), where="x")


def test_of_two_layers_the_stricter_counts() -> None:
    net = gn.Concat(*[[gn.Embedding(count, 2), gn.Flatten()] for count in (5, 3, 9)])
    net.build((2, 2))
    assert net.demands.below.tolist() == [[3, 3], [3, 3]]
    drawn = net.demands.fulfilled_by(np.ones((500, 2, 2)), np.random.default_rng(0))
    assert set(np.unique(drawn)) == {0, 1, 2}


def test_lengths_of_sequences_behind_their_steps() -> None:
    """Rows of a graph's inputs side by side: an array says what is demanded of each number."""

    class Until(gn.NumpyLayer):
        """The sum of a sequence's first steps, as many as the last number of the row says."""

        def indices_below(self) -> Array:
            return np.array([0] * 10 + [6])

        def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
            return (2,)

        def forward(self, x: Array) -> tuple[Array, Array]:
            mask = np.arange(5) < x[:, 10:]
            return (x[:, :10].reshape(-1, 5, 2) * mask[:, :, None]).sum(axis=1), mask

        def backward(self, dy: Array, cache: Array) -> tuple[Array, dict[str, Array]]:
            steps = (dy[:, None] * cache[:, :, None]).reshape(-1, 10)
            return np.concatenate([steps, np.zeros((len(dy), 1))], axis=1), {}

    nodes = {"flat": (gn.Flatten(), "steps"), "row": ("concatenate", "flat", "length"), "sum": (Until(), "row")}
    net = gn.Graph(inputs={"length": 1, "steps": (5, 2)}, nodes=nodes, outputs="sum")
    x = {"steps": np.random.default_rng(0).normal(size=(3, 5, 2)), "length": np.array([[0], [5], [2]])}
    report = gn.check_gradients(net, x)
    assert report.passed, report
    model = gn.Model(net, "mean_squared_error", "sgd")
    model.fit(x, np.zeros((3, 2)), verbose=False)
    np.testing.assert_allclose(model.predict(x)[0], 0)
    with pytest.raises(gn.DataError, match=r"the value 6 at row 1, column 0, which layer sum"):
        model.predict(x | {"length": np.array([[0], [6], [2]])})


@pytest.mark.parametrize("said", [-1, 2**24 + 1, 1.5, "many", np.array([1, 2, 3]), None], ids=lambda said: str(said))
def test_demands_that_are_none(said: Any) -> None:
    class Odd(Tariff):
        def indices_below(self) -> Any:
            return said

    with pytest.raises(gn.ConfigurationError, match="indices_below"):
        gn.Sequential(Odd()).build((2,))


def test_a_forward_pass_of_its_own_is_trusted_with_nothing() -> None:
    class Doubled(gn.Flatten):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
            return super().forward(run, x * 2, training=training)

    with pytest.raises(gn.ConfigurationError, match="what the layers before it calculate"):
        gn.Sequential(Doubled(), gn.Embedding(3, 2)).build((2,))

    class Loud(gn.Sequential):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
            assert x.dtype == np.float32
            return super().forward(run, x, training=training)

    net = Loud(gn.Embedding(3, 2), gn.Flatten())
    net.build((2,))
    assert net.demands.below.tolist() == [3, 3]


def test_they_are_found_anew_where_they_may_have_changed() -> None:
    net = gn.Sequential(gn.Flatten(), gn.Sequential(gn.Reshape((2, 2)), gn.Embedding(5, 3)))
    net.build((4,))
    inner = net.layers[1]
    assert isinstance(inner, gn.Sequential)
    assert isinstance(net.demands, Demands)
    assert inner.demands.below.tolist() == [5, 5, 5, 5]
    net.build((2, 2))
    assert net.demands.below.shape == (2, 2)
    twin = net.copy()
    assert twin.demands.reads[0].layer is dict(twin.walk())["1.1"]
    with pytest.raises(gn.NotBuiltError):
        _ = gn.Sequential(gn.Dense(2)).demands
