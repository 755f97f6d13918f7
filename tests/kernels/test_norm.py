"""Normalisation kernels against PyTorch; offsets that would cancel, buffers that are shared, outputs left out.

``golden/pool_norm.npz`` was made by ``golden/make_pool_norm.py`` with the version of PyTorch that it names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.kernels import KERNELS, batch_norm, row_norm
from glassnet.kernels.batch_norm import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_predict,
    batch_norm_statistics,
    batch_norm_sums,
    channel_sums,
)
from glassnet.kernels.row_norm import (
    group_norm_backward,
    group_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
)

GOLDEN = np.load(Path(__file__).with_name("golden") / "pool_norm.npz")
Array = np.ndarray
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


def golden(case: str, dtype: str) -> dict[str, Array]:
    return {key.split(".")[1]: GOLDEN[key].astype(dtype) for key in GOLDEN.files if key.startswith(f"{case}.")}


def close(found: Array, expected: Array, dtype: str) -> None:
    assert found.dtype == dtype
    np.testing.assert_allclose(found.reshape(expected.shape), expected, TOLERANCE[dtype], TOLERANCE[dtype])


def empty(*shapes: tuple[int, ...], dtype: Any) -> list[Array]:
    return [np.full(shape, np.nan, dtype) for shape in shapes]


def statistics(x: Array, running: list[Array], **numbers: float) -> tuple[Array, Array]:
    """Mean and 1/√(σ² + ε) of a batch (N, C, S); the running statistics follow."""
    channels = x.shape[1]
    total, square_total = empty((channels,), (channels,), dtype=np.float64)
    mean, inverse_std = empty((channels,), (channels,), dtype=x.dtype)
    channel_sums(x, running[0], total, square_total)
    batch_norm_statistics(total, square_total, mean, inverse_std, *running, count=x.size // channels, **numbers)  # type: ignore[arg-type]
    return mean, inverse_std


@DTYPES
@pytest.mark.parametrize(
    ("case", "momentum", "epsilon"), [("batch_norm_images", 0.1, 1e-5), ("batch_norm_features", 0.3, 1e-3)]
)
def test_batch_norm_equals_torch(case: str, momentum: float, epsilon: float, dtype: str) -> None:
    """Three batches in training, the third one backward, then a prediction by the running statistics."""
    torch = golden(case, dtype)
    channels = len(torch["gamma"])
    shape = (len(torch["x"]), channels, -1)
    x, dy = torch["x"].reshape(shape), torch["dy"].reshape(shape)
    running = [np.zeros(channels, dtype), np.ones(channels, dtype)]
    for batch in (torch["first"], torch["second"], torch["x"]):
        mean, inverse_std = statistics(batch.reshape(shape), running, momentum=momentum, epsilon=epsilon)
    close(running[0], torch["running_mean"], dtype)
    close(running[1], torch["running_variance"], dtype)
    y, predicted, dx = empty(x.shape, x.shape, x.shape, dtype=dtype)
    dgamma, dbeta = empty((channels,), (channels,), dtype=dtype)
    batch_norm_forward(x, mean, inverse_std, torch["gamma"], torch["beta"], y)
    close(y, torch["y"], dtype)
    batch_norm_sums(dy, x, mean, inverse_std, dgamma, dbeta)
    close(dgamma, torch["dgamma"], dtype)
    close(dbeta, torch["dbeta"], dtype)
    batch_norm_backward(dy, x, mean, inverse_std, torch["gamma"], dgamma, dbeta, dx, count=x.size // channels)
    close(dx, torch["dx"], dtype)
    batch_norm_predict(x, *running, torch["gamma"], torch["beta"], predicted, epsilon=epsilon)
    close(predicted, torch["predicted"], dtype)


def run(kind: str, torch: dict[str, Array], x: Array, dy: Array, groups: int) -> dict[str, Array]:
    """Forward and backward of layer norm or group norm, into buffers full of NaN."""
    gamma, beta, dtype = torch["gamma"], torch["beta"], x.dtype
    y, dx = empty(x.shape, x.shape, dtype=dtype)
    statistic = x.shape[:2] if kind == "layer" else (len(x), groups)
    mean, inverse_std = empty(statistic, statistic, dtype=dtype)
    dgamma, dbeta = empty(gamma.shape, gamma.shape, dtype=dtype)
    forward = layer_norm_forward if kind == "layer" else group_norm_forward
    backward = layer_norm_backward if kind == "layer" else group_norm_backward
    forward(x, gamma, beta, y, mean, inverse_std, epsilon=1e-5)
    backward(dy, x, mean, inverse_std, gamma, dx, dgamma, dbeta)
    again = empty(x.shape, gamma.shape, gamma.shape, dtype=dtype)
    backward(dy, x, mean, inverse_std, gamma, again[0], None, None)
    backward(dy, x, mean, inverse_std, gamma, None, again[1], None)
    backward(dy, x, mean, inverse_std, gamma, None, None, again[2])
    for found, alone in zip((dx, dgamma, dbeta), again, strict=True):
        np.testing.assert_array_equal(found, alone)
    return {"y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta}


@DTYPES
@pytest.mark.parametrize(("case", "groups"), [("layer_norm", 0), ("group_norm", 2), ("group_norm_1", 1)])
def test_layer_and_group_norm_equal_torch(case: str, groups: int, dtype: str) -> None:
    torch = golden(case, dtype)
    shape = torch["x"].shape if groups == 0 else (*torch["x"].shape[:2], -1)
    kind = "group" if groups else "layer"
    found = run(kind, torch, torch["x"].reshape(shape), torch["dy"].reshape(shape), groups)
    for name, array in found.items():
        close(array, torch[name], dtype)


@DTYPES
@pytest.mark.parametrize("offset", [0.0, 1e3, -1e4])
def test_a_large_mean_does_not_swallow_the_variance(offset: float, dtype: str) -> None:
    """From running statistics that know nothing of the data, and from those of the batch before."""
    x = np.random.default_rng(0).normal(size=(50, 3, 7)).astype(dtype) + np.dtype(dtype).type(offset)
    exact = x.astype(np.float64)
    running = [np.zeros(3, dtype), np.ones(3, dtype)]
    for _ in range(2):
        mean, inverse_std = statistics(x, running, momentum=0.9, epsilon=1e-5)
        np.testing.assert_allclose(mean, exact.mean(axis=(0, 2)), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(inverse_std, 1 / np.sqrt(exact.var(axis=(0, 2)) + 1e-5), rtol=1e-6)


def test_a_constant_channel_has_no_negative_variance() -> None:
    x = np.full((7, 1, 3), 0.1)
    running = [np.array([1e9]), np.ones(1)]
    _, inverse_std = statistics(x, running, momentum=0.1, epsilon=1e-5)
    assert inverse_std[0] <= 1 / np.sqrt(1e-5) * (1 + 1e-15)
    assert running[1][0] >= 0


@DTYPES
@pytest.mark.parametrize(
    "name",
    [n for n, k in KERNELS.items() if k.in_place and k.function.__module__ in (batch_norm.__name__, row_norm.__name__)],
)
def test_an_output_may_be_an_input(name: str, dtype: str) -> None:
    entry = KERNELS[name]
    rng = np.random.default_rng(0)
    shapes = {key: (5, 3, 4) if key in ("x", "y", "dx", "dy") else (3,) for key in entry.arrays}
    arrays = {key: rng.uniform(0.5, 1.5, shape).astype(dtype) for key, shape in shapes.items()}
    settings = {key: {"epsilon": 1e-5, "count": 20}[key] for key in entry.settings}
    (output,) = entry.writes
    entry.function(**arrays, **settings)
    for key in entry.reads:
        if shapes[key] == shapes[output]:
            copies = {other: array.copy() for other, array in arrays.items()}
            copies[output] = copies[key]
            entry.function(**copies, **settings)
            np.testing.assert_array_equal(copies[output], arrays[output])


def test_float32_sums_over_a_long_batch_keep_their_digits() -> None:
    rng = np.random.default_rng(0)
    x, dy = (rng.uniform(1, 2, (20_000, 2, 1)).astype(np.float32) for _ in range(2))
    dgamma, dbeta = empty((2,), (2,), dtype=np.float32)
    mean, inverse_std = np.full(2, 0.5, np.float32), np.ones(2, np.float32)
    batch_norm_sums(dy, x, mean, inverse_std, dgamma, dbeta)
    np.testing.assert_allclose(dbeta, dy.sum(axis=(0, 2), dtype=np.float64), rtol=1e-7)
    np.testing.assert_allclose(dgamma, (dy * (x - 0.5)).sum(axis=(0, 2), dtype=np.float64), rtol=1e-7)
