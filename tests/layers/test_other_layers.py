"""Clip, Scale and Permute: what they give, by hand, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn


def output(net: gn.Network, x: np.ndarray) -> np.ndarray:
    return net.forward(gn.NumpyRunner(), x, training=False)[0]


def test_clip_has_limits_on_one_side_or_both() -> None:
    x = np.array([[-9.0, -1.0, 0.0, 3.0, np.nan, 9.0]])
    for layer, expected in (
        (gn.Clip(), [-1, -1, 0, 1, np.nan, 1]),
        (gn.Clip(None, 2), [-9, -1, 0, 2, np.nan, 2]),
        (gn.Clip(-2, None), [-2, -1, 0, 3, np.nan, 9]),
        (gn.ReLU6(), [0, 0, 0, 3, np.nan, 6]),
    ):
        net = gn.Sequential(layer)
        net.build((6,), dtype="float64")
        np.testing.assert_array_equal(output(net, x), [expected])
        model = gn.Model(net, "sum_squared_error", "sgd", dtype="float64")
        np.testing.assert_array_equal(model.predict(np.nan_to_num(x)), np.nan_to_num([expected]))


@pytest.mark.parametrize("limits", [(1, 1), (2, -2), (None, None), (float("nan"), 1), (0, float("inf")), ("0", 1)])
def test_clip_refuses_limits_that_are_none(limits: tuple[float, float]) -> None:
    with pytest.raises(gn.ConfigurationError, match="Clip: received"):
        gn.Clip(*limits)


def test_scale_is_by_channel() -> None:
    rng = np.random.default_rng(0)
    for shape, beside in (((4,), (4,)), ((5, 4), (4,)), ((4, 2, 3), (4, 1, 1))):
        net = gn.Sequential(gn.Scale())
        net.build(shape, dtype="float64")
        net.parameters[...] = rng.normal(size=8)
        x = rng.normal(size=(3, *shape))
        gamma, beta = net.parameters.reshape(2, *beside)
        np.testing.assert_allclose(output(net, x), gamma * x + beta)
    with pytest.raises(gn.ShapeError, match="Flatten"):
        gn.Sequential(gn.Scale()).build((2, 3, 4, 5))


def test_permute_moves_axes() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    net = gn.Sequential(gn.Permute(3, 1, 2))
    net.build((3, 4, 5), dtype="float64")
    np.testing.assert_array_equal(output(net, x), x.transpose(0, 3, 1, 2))
    for axes in ((), (0, 1), (1, 1), (2, 3), (1.5, 2)):
        with pytest.raises(gn.ConfigurationError, match="Permute"):
            gn.Permute(*axes)
    with pytest.raises(gn.ShapeError, match="rows of 3 axes"):
        net.build((3, 4))


def test_an_embedding_may_stand_behind_another_order() -> None:
    net = gn.Sequential(gn.Reshape((2, 3)), gn.Permute(2, 1), gn.Embedding(6, 2))
    net.build((6,))
    x = np.arange(6.0).reshape(1, 6)
    expected = net.named_parameters()[0][1][[[0, 3], [1, 4], [2, 5]]]
    np.testing.assert_array_equal(output(net, x)[0], expected)
