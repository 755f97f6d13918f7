"""What is assigned to the wrong place is refused there, or where it would be used: never passed over."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn

X = np.random.default_rng(0).normal(size=(20, 4))
Y = np.arange(20) % 3
ENGINES = ["numpy", "auto"]


def trained(engine: str = "auto") -> gn.Model:
    net = gn.Sequential(gn.Dense(8), gn.BatchNorm(), gn.ReLU(), gn.Concat(gn.Dense(2), gn.Dense(2)), gn.Dense(3))
    model = gn.Model(net, gn.losses.CrossEntropy(), gn.Chain(gn.L2(1e-3), gn.Adam(0.01)), engine=engine)
    model.fit(X, Y, verbose=False)
    return model


SLIPS: dict[str, tuple[Callable[[gn.Model], Any], str, str]] = {
    "layer": (lambda m: m.network[0], "trainabel", "trainable"),
    "as in torch": (lambda m: m.network[0].weight, "requires_grad", "trainable"),
    "rate of a layer": (lambda m: m.network[0], "learning_rate", "learning_rate_scale"),
    "rate of a parameter": (lambda m: m.network[0].bias, "lr", "learning_rate_scale"),
    "data of a parameter": (lambda m: m.network[0].bias, "data", "value"),
    "network": (lambda m: m.network, "trainble", "trainable"),
    "rate of an optimizer": (lambda m: m.optimizer.rule, "lr", "learning_rate"),
    "rate of a chain": (lambda m: m.optimizer, "lr", "learning_rate"),
    "step of a chain": (lambda m: m.optimizer.steps_in_order[0], "strenght", "strength"),
    "loss": (lambda m: m.loss, "label_smooting", "label_smoothing"),
    "preprocessing": (lambda m: m, "preprocesing", "preprocessing"),
    "scaler": (lambda m: m, "scaler", "preprocessing"),
    "threads": (lambda m: m, "n_jobs", "threads"),
    "classes": (lambda m: m, "classes_", "class_names"),
}


@pytest.mark.parametrize("copied", [lambda m: m, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
@pytest.mark.parametrize("slip", SLIPS)
def test_slips_of_the_pen_are_named_with_what_is_meant(slip: str, copied: Callable[[gn.Model], gn.Model]) -> None:
    find, name, meant = SLIPS[slip]
    thing = find(copied(trained()))
    with pytest.raises(gn.ConfigurationError, match=rf"the attribute '{name}', which nothing reads.*\.{meant} = "):
        setattr(thing, name, 0.5)
    assert not hasattr(thing, name)


def test_a_new_layer_is_closed_before_it_is_built() -> None:
    layer = gn.Dense(3)
    with pytest.raises(gn.ConfigurationError, match="trainable"):
        layer.trainabel = False
    layer.trainable = False
    assert not layer.trainable


def test_classes_of_a_users_own_are_open() -> None:
    class Noted(gn.Dense):
        pass

    layer = Noted(3)
    layer.note = "mine"
    net = gn.Sequential(layer)
    net.build(2)
    assert net[0].note == "mine"


CHANGES: dict[str, Callable[[Any], None]] = {
    "more units": lambda net: setattr(net[0], "units", 16),
    "fewer units": lambda net: setattr(net[0], "units", 4),
    "no bias": lambda net: setattr(net[0], "use_bias", False),
    "another axis": lambda net: setattr(net[3], "axis", 2),
    "units inside": lambda net: setattr(net["3.0"], "units", 3),
    "fewer layers": lambda net: setattr(net, "layers", net.layers[:1]),
    "another branch": lambda net: net[3].branches.append(gn.Dense(2)),
    "another layer": lambda net: setattr(net, "layers", (gn.Dense(8), *net.layers[1:])),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CHANGES)
def test_what_was_built_otherwise_is_refused_where_it_is_used(name: str, engine: str) -> None:
    model = trained(engine)
    before = model.predict(X)
    held = model.network.layers
    settings = [{**layer.settings()} for layer in held]
    CHANGES[name](model.network)
    if name == "another branch":
        net = model.network[3]
        net.axis = net.axis  # a list that is changed in place is seen with the next thing that is set
    for use in (lambda: model.predict(X), lambda: model.step(X, Y), lambda: model.fit(X, Y, verbose=False)):
        with pytest.raises((gn.ShapeError, gn.ConfigurationError), match="after the build|than it was built with"):
            use()
    if name in ("more units", "fewer units", "no bias"):
        for setting, value in settings[0].items():
            setattr(held[0], setting, value)
        np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_convolution_and_a_merge_built_otherwise(engine: str) -> None:
    images = np.random.default_rng(0).normal(size=(6, 2, 8, 8))
    net = gn.Sequential(gn.Conv2D(4, 3), gn.MaxPool2D(2), gn.Flatten(), gn.Dense(2))
    model = gn.Model(net, "cross_entropy", "sgd", engine=engine)
    for layer, setting, value, was in ((0, "filters", 6, 4), (0, "stride", 2, 1), (1, "pool_size", 3, 2)):
        model.fit(images, np.arange(6) % 2, verbose=False)
        setattr(net[layer], setting, value)
        with pytest.raises(gn.ShapeError, match="settings changed after the build"):
            model.predict(images)
        setattr(net[layer], setting, was)
    nodes = {"all": (gn.Concatenate(), "a", "b"), "y": (gn.Dense(1), "all")}
    graph = gn.Graph(inputs={"a": (2, 3), "b": (2, 3)}, nodes={"all": nodes["all"], "f": (gn.Flatten(), "all"),
                     "y": (gn.Dense(1), "f")}, outputs="y")  # fmt: skip
    joined = gn.Model(graph, "mean_squared_error", "sgd", engine=engine)
    x = {"a": np.ones((4, 2, 3)), "b": np.ones((4, 2, 3))}
    joined.fit(x, np.ones((4, 1)), verbose=False)
    graph["all"].axis = 2
    with pytest.raises(gn.ShapeError, match="settings changed after the build"):
        joined.predict(x)


def test_settings_that_shape_nothing_may_change() -> None:
    model = trained()
    before = model.predict(X)
    model.network[1].epsilon = 0.5
    assert (model.predict(X) != before).any()
    model.network[0].weight_init = "zeros"
    model.fit(X, Y, verbose=False)


def test_a_gradient_is_written_and_not_replaced() -> None:
    weight = trained().network[0].weight
    with pytest.raises(gn.ConfigurationError, match=r"layer 0 \(Dense\(8\)\), 'weight'.*weight\.gradient\[\.\.\.\] ="):
        weight.gradient = np.zeros((4, 8))
    weight.gradient[...] = 1
    weight.gradient += 1
    assert (weight.gradient == 2).all()
