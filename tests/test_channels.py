"""Images whose channels stand last, given to a network that takes them first."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn


def model(*layers: gn.Layer | str) -> gn.Model:
    return gn.Model(gn.Sequential(*layers, gn.Flatten(), gn.Dense(2)), "cross_entropy", "sgd")


def fit(own: gn.Model, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(4, *shape))
    own.fit(x, np.array([0, 1, 0, 1]), verbose=False)


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((8, 8, 3), 3), ((8, 8, 1), 1), ((9, 6, 3), 3), ((6, 9, 4), 4), ((9, 6, 1), 1), ((32, 32, 3), 3)],
)
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_they_are_refused_with_the_transposition(shape: tuple[int, ...], channels: int, engine: str) -> None:
    net = gn.Sequential(gn.Conv2D(4, 3, padding="same"), gn.Flatten(), gn.Dense(2))
    own = gn.Model(net, "cross_entropy", "sgd", engine=engine)
    words = rf"{shape[0]}×{shape[1]} pixels with {channels} channels? at the end.*x\.transpose\(0, 3, 1, 2\)"
    with pytest.raises(gn.ShapeError, match=words):
        fit(own, shape)
    assert not own.network.is_built
    x = np.random.default_rng(0).normal(size=(4, *shape))
    own.fit(x.transpose(0, 3, 1, 2), np.array([0, 1, 0, 1]), verbose=False)
    assert own.network.input_shape == (channels, *shape[:2])
    with pytest.raises(gn.ShapeError, match=r"x\.transpose\(0, 3, 1, 2\)"):
        own.predict(x)


@pytest.mark.parametrize("shape", [(3, 3, 3), (3, 8, 8), (1, 8, 8), (4, 4, 3), (2, 9, 3), (16, 7, 7), (4, 20, 1)])
def test_shapes_that_may_have_channels_first_stay(shape: tuple[int, ...]) -> None:
    own = model(gn.Conv2D(4, 3, padding="same"))
    fit(own, shape)
    assert own.network.input_shape == shape


def test_a_kernel_of_one_column_may_slide_along_one_column() -> None:
    own = model(gn.Conv2D(4, (5, 1)))
    fit(own, (22, 40, 1))
    assert own.network.input_shape == (22, 40, 1)
    with pytest.raises(gn.ShapeError, match=r"begin the network with gn\.Reshape\(\(22, 40, 1\)\)"):
        fit(model(gn.Conv2D(4, 3, padding="same")), (22, 40, 1))


@pytest.mark.parametrize(
    "first",
    [
        [gn.MaxPool2D(1)],
        [gn.AveragePool2D(1)],
        [gn.Augment(flip=True), gn.Conv2D(2, 1)],
        [gn.ZeroPad2D(1)],
        [gn.UpSample2D(2)],
        [gn.BatchNorm(), gn.Conv2D(2, 1)],
        [gn.Dropout(0.1), "relu", gn.Conv2D(2, 1)],
        [gn.Residual(gn.Sequential(gn.Conv2D(8, 1)))],
    ],
)
def test_every_layer_for_images_looks(first: list[gn.Layer | str]) -> None:
    with pytest.raises(gn.ShapeError, match=r"x\.transpose\(0, 3, 1, 2\)"):
        fit(model(*first), (8, 8, 3))


def test_other_networks_take_any_shape() -> None:
    fit(model(), (8, 8, 3))
    fit(model(gn.Reshape((3, 8, 8)), gn.Conv2D(2, 3)), (8, 8, 3))
    fit(model(gn.Reshape((8, 8, 3)), gn.Conv2D(2, 3)), (8, 8, 3))  # who says so means it


def test_a_network_that_is_built_already() -> None:
    for shape, is_refused in (((8, 8, 3), True), ((16, 8, 3), False)):
        own = model(gn.Conv2D(2, 3))
        own.network.build(shape)
        if is_refused:
            with pytest.raises(gn.ShapeError, match=r"x\.transpose\(0, 3, 1, 2\)"):
                fit(own, shape)
        else:
            fit(own, shape)
