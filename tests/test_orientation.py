"""Examples that stand in columns, as textbooks write them, where glassnet takes them in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.checks import unless_channels_last

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return RNG.normal(size=shape)


def regression(units: int = 3) -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(units)), "mean_squared_error", "sgd")


def classifier() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Flatten(), gn.Dense(3)), "cross_entropy", "sgd")


LABELS = np.arange(6) % 3


@pytest.mark.parametrize(
    ("model", "x", "y", "fix"),
    [
        (regression(), numbers(4, 1), numbers(3, 1), "pass x.T and y.T"),
        (regression(), numbers(4, 1), numbers(3), "pass x.T and y[None]"),
        (regression(), numbers(2, 6), numbers(3, 6), "pass x.T and y.T"),
        (regression(1), numbers(2, 6), numbers(1, 6), "pass x.T and y.T"),
        (regression(1), numbers(6, 2), numbers(1, 6), "pass y.T, or y[0]"),
        (regression(), numbers(6, 2), numbers(3, 6), "pass y.T"),
        (classifier(), numbers(2, 6), LABELS, "pass x.T"),
        (classifier(), numbers(2, 6), LABELS[:, None], "pass x.T"),
        (classifier(), numbers(6, 2), LABELS[None], "pass y.T, or y[0] for class labels"),
        (classifier(), numbers(2, 6), np.eye(3)[LABELS].T, "pass x.T and y.T"),
        (classifier(), numbers(7, 7, 6), LABELS, "pass np.moveaxis(x, -1, 0)"),
    ],
)
@pytest.mark.parametrize("door", ["fit", "evaluate", "trace"])
def test_a_transposition_is_offered(model: gn.Model, x: Any, y: Any, fix: str, door: str) -> None:
    own = gn.Model(model.network.copy(), model.loss, "sgd")
    calls: dict[str, Callable[[], Any]] = {
        "fit": lambda: own.fit(x, y, verbose=False),
        "evaluate": lambda: own.rows(x, y, where="evaluate"),
        "trace": lambda: gn.trace(own, x, y),
    }
    with pytest.raises(gn.ShapeError, match="rows are examples and columns are features") as caught:
        calls[door]()
    assert f"where the examples stand in columns, {fix}" in caught.value.fix
    assert str(x.shape) in caught.value.received
    assert not own.network.is_built


def test_what_is_offered_works() -> None:
    x, y = numbers(4, 6), numbers(3, 6)
    regression().fit(x.T, y.T, verbose=False)
    regression().fit(x[:, :1].T, y[:, :1].T, verbose=False)
    classifier().fit(np.moveaxis(numbers(7, 7, 6), -1, 0), LABELS, verbose=False)


@pytest.mark.parametrize("columns", [1, 9])
def test_a_built_network_knows_its_features(columns: int) -> None:
    own = regression()
    own.network.build((4,))
    x, y = numbers(4, columns), numbers(3, columns)
    for call in (
        lambda: own.predict(x),
        lambda: own.fit(x, y, verbose=False),
        lambda: own.evaluate(x, y),
        lambda: own.network.forward(gn.NumpyRunner(), x, training=False),
    ):
        with pytest.raises(gn.ShapeError, match=rf"rows are examples.*pass x.T, of shape \({columns}, 4\)"):
            call()
    assert own.predict(x.T).shape == (columns, 3)


def test_targets_of_a_loss_alone() -> None:
    with pytest.raises(gn.ShapeError, match=r"rows are examples: pass y.T, of shape \(5, 3\)"):
        gn.losses.MeanSquaredError()(numbers(5, 3), numbers(3, 5))


def test_other_mismatches_stay_what_they_are() -> None:
    with pytest.raises(gn.ShapeError, match="5 rows, expected 6, as many as x has"):
        classifier().fit(numbers(6, 2), LABELS[:5], verbose=False)
    own = regression()
    own.network.build((4,))
    with pytest.raises(gn.ShapeError, match="select the same columns"):
        own.predict(numbers(3, 5))


IMAGE_LAYERS = [
    gn.Conv2D(4, 3),
    gn.Conv2D(4, 3, dilation=2),
    gn.MaxPool2D(2),
    gn.AveragePool2D(3),
    gn.GroupNorm(3),
    gn.Conv2D(5, 1, groups=5),
]


@pytest.mark.parametrize("layer", IMAGE_LAYERS, ids=repr)
@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 1), (11, 7, 1)])
def test_a_network_built_for_channels_last(layer: gn.Layer, shape: tuple[int, int, int]) -> None:
    with pytest.raises(gn.ShapeError) as caught:
        gn.Sequential(layer).build(shape)
    assert "x.transpose(0, 3, 1, 2), or begin with gn.Permute(3, 1, 2)" in caught.value.fix
    assert "padding" not in caught.value.fix


def test_what_is_built_for_channels_last_may_begin_with_permute() -> None:
    net = gn.Sequential(gn.Permute(3, 1, 2), gn.Conv2D(4, 3))
    assert net.build((8, 8, 1)) == (4, 6, 6)
    x = numbers(3, 8, 8, 1)
    other = gn.Sequential(gn.Conv2D(4, 3))
    other.build((1, 8, 8))
    other.parameters[:] = net.parameters
    run = gn.NumpyRunner()
    own = net.forward(run, x, training=False)[0]
    assert np.array_equal(own, other.forward(run, x.transpose(0, 3, 1, 2), training=False)[0])


def test_small_feature_maps_are_no_channels_last() -> None:
    for shape in ((16, 2, 2), (4, 20, 1), (3, 3, 3)):
        assert unless_channels_last(shape, "own") == "own"


@pytest.mark.parametrize(
    "layers",
    [
        [gn.BatchNorm()],
        [gn.GroupNorm(1)],
        [gn.GroupNorm(4), gn.Conv2D(2, 3)],
        [gn.GlobalAveragePool()],
        [gn.GlobalMaxPool()],
        [gn.BatchNorm(), gn.MaxPool2D(2)],
        [gn.ZeroPad2D(1), gn.Conv2D(2, 3)],
    ],
)
@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3)])
def test_channels_last_before_norms_and_pools(layers: list[gn.Layer], shape: tuple[int, int, int]) -> None:
    own = gn.Model(gn.Sequential(*layers, gn.Flatten(), gn.Dense(2)), "cross_entropy", "sgd")
    with pytest.raises(gn.ShapeError, match=r"x\.transpose\(0, 3, 1, 2\), or begin the network with gn\.Permute"):
        own.fit(numbers(4, *shape), np.array([0, 1, 0, 1]), verbose=False)


@pytest.mark.parametrize(
    "layers", [[gn.MaxPool2D(2)], [gn.ZeroPad2D(1), gn.Conv2D(2, 3)], [gn.BatchNorm(), gn.Conv2D(2, 3)]]
)
def test_narrow_images_with_their_channel_last(layers: list[gn.Layer]) -> None:
    own = gn.Model(gn.Sequential(*layers, gn.Flatten(), gn.Dense(2)), "cross_entropy", "sgd")
    with pytest.raises(gn.ShapeError, match="9×6 pixels with 1 channel at the end"):
        own.fit(numbers(4, 9, 6, 1), np.array([0, 1, 0, 1]), verbose=False)
