"""Convolutions with the batch norm and the ReLU behind them: fewer calls, the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.compile.fusion import fold
from glassnet.runners import Recorder
from glassnet.runners.recorder import repeat

NETWORKS: dict[str, tuple[Callable[[], gn.Sequential], list[str]]] = {
    "norm and ReLU": (
        lambda: gn.Sequential(gn.Conv2D(17, 3, padding="same"), gn.BatchNorm(), gn.ReLU(), gn.GlobalAveragePool()),
        ["fold_batch_norm", "conv2d_folded", "average_pool2d_forward"],
    ),
    "norm without a bias": (
        lambda: gn.Sequential(gn.Conv2D(20, 3, use_bias=False), gn.BatchNorm(), gn.Tanh()),
        ["fold_batch_norm", "conv2d_folded", "tanh_forward"],
    ),
    "ReLU alone, in groups": (
        lambda: gn.Sequential(gn.Conv2D(36, (2, 5), groups=18, stride=(2, 1)), gn.ReLU(), gn.BatchNorm()),
        ["conv2d_folded", "batch_norm_predict"],
    ),
    "neither bias nor norm": (
        lambda: gn.Sequential(gn.Conv2D(4, 1, use_bias=False), gn.ReLU()),
        ["conv2d_folded"],
    ),
    "ReLU before norm": (
        lambda: gn.Sequential(gn.ReLU(), gn.BatchNorm(), gn.Conv2D(4, 3)),
        ["relu_forward", "batch_norm_predict", "conv2d_forward"],
    ),
    "read by others too": (
        lambda: gn.Sequential(gn.Conv2D(18, 3), gn.Residual(gn.BatchNorm(), gn.ReLU())),
        ["conv2d_forward", "batch_norm_predict", "relu_forward", "residual_forward"],
    ),
}


def built(name: str, dtype: str) -> gn.Sequential:
    """With parameters and running statistics that are drawn; 18 planes of pixels of 9 x 7."""
    network = NETWORKS[name][0]()
    network.build((18, 9, 7), seed=1, dtype=dtype)
    rng = np.random.default_rng(2)
    network.parameters[...] = rng.uniform(0.01, 0.1, network.parameters.shape)
    for _, layer in network.walk():
        if isinstance(layer, gn.BatchNorm):
            layer.running_mean.value[...] = rng.normal(size=layer.running_mean.value.shape)
            layer.running_variance.value[...] = rng.uniform(0.2, 3, layer.running_variance.value.shape)
    return network


@pytest.mark.parametrize("name", NETWORKS)
def test_fewer_calls_give_the_same_numbers(name: str) -> None:
    network, recorder = built(name, "float64"), Recorder(0)
    x = np.random.default_rng(3).normal(size=(3, 18, 9, 7))
    y, _ = network.forward(recorder, x, training=False)
    repeat(recorder.calls, 0)
    expected = y.copy()
    y[...] = np.nan
    calls = fold(recorder.calls, recorder.empty)
    assert [call.kernel.name for call in calls] == NETWORKS[name][1]
    repeat(calls, 0)
    np.testing.assert_allclose(y, expected, 1e-12, 1e-12 * np.abs(expected).max())


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_follow_parameters_that_are_written_to(name: str, threads: int, dtype: str) -> None:
    models = [
        gn.Model(built(name, dtype), "mean_squared_error", "sgd", dtype=dtype, engine=engine, threads=threads)
        for engine in ("compiled", "numpy")
    ]
    rng = np.random.default_rng(4)
    for _ in range(2):
        x = rng.normal(size=(40, 18, 9, 7)).astype(dtype)
        found, expected = (model.predict(x) for model in models)
        np.testing.assert_allclose(found, expected, 1e-5, 1e-5 * np.abs(expected).max())
        np.testing.assert_array_equal(models[0].predict(x[:1]), found[:1])
        change = rng.uniform(0.5, 1.5, models[0].network.parameters.shape)
        for model in models:
            model.network.parameters[...] *= change
