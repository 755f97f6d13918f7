"""A network knows by itself whether what was compiled from it still holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.parameters import Watched
from glassnet.training.changes import Fingerprint

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def small(*layers: Any) -> gn.Sequential:
    """A built network, of those layers or of some."""
    inside = layers or (gn.Dense(4), gn.Residual(gn.BatchNorm(), gn.LeakyReLU(0.1)), gn.Dense(3))
    network = gn.Sequential(*inside)
    network.build((4,), seed=0)
    return network


CHANGES: dict[str, Callable[[gn.Sequential], Any]] = {
    "a setting": lambda net: setattr(net[1].residual[1], "slope", 0.3),
    "a path": lambda net: setattr(net[0], "path", "elsewhere"),
    "a frozen layer": lambda net: net[2].freeze(),
    "a frozen parameter": lambda net: setattr(net[0].bias, "trainable", False),
    "a rate": lambda net: setattr(net[0].weight, "learning_rate_scale", 2),
    "other layers": lambda net: setattr(net, "layers", net.layers[:2]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_counts_for_the_network_that_it_is_in(change: str) -> None:
    net, other = small(), small()
    holds, of_other = Fingerprint(net), Fingerprint(other)
    version, elsewhere = net.version, other.version
    assert holds.is_current()
    CHANGES[change](net)
    assert net.version != version
    assert not holds.is_current()
    assert other.version == elsewhere
    assert of_other.is_current()


def test_a_model_does_not_look_again_where_nothing_of_its_own_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    model, other = (gn.Model(small(), "mean_squared_error", "sgd") for _ in range(2))
    for one in (model, other):
        one.predict(X)
        one.step(X, X[:, :3])

    def looked(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(Fingerprint, "_layers", looked)
    model.network[1].residual[1].slope = 0.3
    model.network[0].bias.trainable = False
    other.network.copy()
    other.gradients(X, X[:, :3])
    other.predict(X)
    other.step(X, X[:, :3])
    with pytest.raises(AssertionError):
        model.predict(X)


def test_what_is_shared_counts_for_all_that_have_it() -> None:
    body = small(gn.Dense(5), gn.ReLU())
    with_head, apart = small(body, gn.Dense(2)), body.copy()
    fingerprints = [Fingerprint(net) for net in (body, with_head, apart)]
    body[0].weight.trainable = False
    assert [found.is_current() for found in fingerprints] == [False, False, True]
    fingerprints = [Fingerprint(net) for net in (body, with_head)]
    with_head[0][0].unfreeze()
    assert [found.is_current() for found in fingerprints] == [False, False]


def test_settings_of_a_second_place_are_its_own() -> None:
    first = small(gn.LeakyReLU(0.1), gn.Dense(2))
    second = small(first[0], gn.Dense(2))
    fingerprints = [Fingerprint(net) for net in (first, second)]
    second[0].slope = 0.5
    assert [found.is_current() for found in fingerprints] == [True, False]
    np.testing.assert_array_equal(first[0].slope, 0.1)


def test_layers_that_stand_nowhere_count_for_everybody() -> None:
    net = small(gn.Dense(4), gn.Concat(gn.Dense(2), gn.Dense(2)))
    model = gn.Model(net, "mean_squared_error", "sgd")
    model.predict(X)
    net[1].branches.append(gn.Dense(1))  # a list that is changed in place says nothing
    with pytest.raises(gn.ConfigurationError, match="other layers than it was built with"):
        model.predict(X)


@pytest.mark.parametrize("wraps_network", [False, True])
def test_what_a_layer_of_the_users_own_hides_counts(wraps_network: bool) -> None:
    inner: Any = gn.LeakyReLU(0.1)
    hidden = small(inner) if wraps_network else inner

    class Hiding(gn.Layer):
        def forward(self, run: gn.Runner, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, Any]:
            return hidden.forward(run, x, training=training)  # type: ignore[no-any-return]

        def backward(self, run: gn.Runner, dy: np.ndarray, cache: Any) -> np.ndarray:
            return hidden.backward(run, dy, cache)  # type: ignore[no-any-return]

    model = gn.Model(small(Hiding()), "mean_squared_error", "sgd")
    before = model.predict(X)
    inner.slope = 0.9
    assert (model.predict(X) != before).any()


def test_copies_and_layers_of_dead_networks_are_counted_too() -> None:
    net = small()
    twin = net.copy()
    version = net.version
    twin[0].units = 7
    assert net.version == version
    layer = net[2]
    before = Watched.unplaced
    del net
    layer.units = 9
    assert Watched.unplaced > before


def test_a_network_of_the_users_own_counts_what_stands_in_lists_of_its_own() -> None:
    class Twice(gn.Sequential):
        def __init__(self) -> None:
            super().__init__(gn.Dense(4))
            self.blocks = [gn.LeakyReLU(0.1), gn.LeakyReLU(0.2)]

        def children(self) -> Any:
            yield from super().children()
            for number, block in enumerate(self.blocks):
                yield f"block{number}", block

    inner = Twice()
    net = small(inner, gn.Dense(2))
    for network in (inner, net):
        version = network.version
        inner.blocks[1].slope = 0.7
        assert network.version != version
