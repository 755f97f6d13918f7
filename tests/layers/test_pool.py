"""Pooling layers: shapes, padding, what they refuse, sequences against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.layers.windows import padding_of, pair, window_count

GOLDEN = np.load(Path(__file__).parents[1] / "kernels" / "golden" / "pool_norm.npz")


def through(layer: gn.Layer, x: np.ndarray, *, training: bool = True) -> np.ndarray:
    net = gn.Sequential(layer)
    net.build(x.shape[1:], dtype=x.dtype)
    return net.forward(gn.NumpyRunner(), x, training=training)[0]


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (gn.MaxPool2D(), (3, 8, 6), (3, 4, 3)),
        (gn.MaxPool2D(), (3, 9, 7), (3, 4, 3)),  # what is left over is dropped
        (gn.MaxPool2D((3, 2), stride=1), (2, 5, 4), (2, 3, 3)),
        (gn.MaxPool2D(3, stride=(2, 1), padding=1), (2, 5, 4), (2, 3, 4)),
        (gn.MaxPool2D(2, stride=5), (1, 7, 12), (1, 2, 3)),
        (gn.AveragePool2D(2, padding="same"), (2, 5, 4), (2, 3, 2)),
        (gn.AveragePool2D((1, 4), padding=(0, 2)), (2, 5, 4), (2, 5, 2)),
        (gn.MaxPool1D(3), (10, 4), (3, 4)),
        (gn.MaxPool1D(2, stride=1, padding="same"), (5, 1), (5, 1)),
        (gn.AveragePool1D(4, stride=2, padding=1), (8, 3), (4, 3)),
        (gn.GlobalAveragePool(), (5, 2, 7), (5,)),
        (gn.GlobalMaxPool(), (5, 2, 7), (5,)),
        (gn.GlobalAveragePool(), (6, 3), (3,)),
        (gn.GlobalMaxPool(), (6, 3), (3,)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("rows", [1, 3])
def test_shapes_forward_and_backward(
    layer: gn.Layer, given: tuple[int, ...], expected: tuple[int, ...], rows: int
) -> None:
    net, run = gn.Sequential(layer), gn.NumpyRunner()
    assert net.build(given) == expected
    x = np.random.default_rng(0).normal(size=(rows, *given)).astype(np.float32)
    y, cache = net.forward(run, x, training=True)
    assert y.shape == (rows, *expected)
    assert net.backward(run, np.ones_like(y), cache).shape == x.shape
    np.testing.assert_array_equal(net.forward(run, x, training=False)[0], y)
    assert net.summary().flops > 0


@pytest.mark.parametrize("kind", ["max", "average"])
def test_sequences_equal_torch(kind: str) -> None:
    layer = (gn.MaxPool1D if kind == "max" else gn.AveragePool1D)(3, stride=2, padding=1)
    net, run = gn.Sequential(layer), gn.NumpyRunner()
    x, y, dy, dx = (GOLDEN[f"{kind}_sequence.{key}"] for key in ("x", "y", "dy", "dx"))
    net.build(x.shape[1:], dtype="float64")
    found, cache = net.forward(run, x, training=True)
    np.testing.assert_allclose(found, y, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(net.backward(run, dy, cache), dx, rtol=1e-13, atol=1e-15)


def test_global_pools_are_the_mean_and_the_maximum() -> None:
    rng = np.random.default_rng(0)
    images, sequences = rng.normal(size=(4, 3, 5, 2)), rng.normal(size=(4, 7, 3))
    np.testing.assert_allclose(through(gn.GlobalAveragePool(), images), images.mean(axis=(2, 3)), rtol=1e-13)
    np.testing.assert_allclose(through(gn.GlobalAveragePool(), sequences), sequences.mean(axis=1), rtol=1e-13)
    np.testing.assert_array_equal(through(gn.GlobalMaxPool(), images), images.max(axis=(2, 3)))
    np.testing.assert_array_equal(through(gn.GlobalMaxPool(), sequences), sequences.max(axis=1))


def test_same_puts_the_odd_row_below_and_the_odd_column_to_the_right() -> None:
    """As the TensorFlow guide has it: 'SAME' pads ⌈size / stride⌉ windows' worth, the extra one at the end."""
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    assert through(gn.MaxPool2D(2, padding="same"), x).tolist() == [[[[5, 6], [8, 9]]]]
    assert through(gn.AveragePool2D(2, padding="same"), x).tolist() == [[[[3, 4.5], [7.5, 9]]]]


@pytest.mark.parametrize("size", range(1, 12))
def test_same_gives_as_many_windows_as_strides(size: int) -> None:
    for kernel in range(1, 6):
        for stride in range(1, 6):
            for dilation in (1, 2):
                before, after = padding_of("same", size, kernel, stride, dilation)
                assert window_count("same", size, kernel, stride, dilation) == -(-size // stride)
                assert 0 <= after - before <= 1
                if before + after:  # not more than needed
                    span = dilation * (kernel - 1) + 1
                    assert (before + size + after - 1 - span) // stride + 1 < -(-size // stride)


def test_pairs() -> None:
    assert pair(3, "stride", "here") == (3, 3)
    assert pair([2, 1], "stride", "here") == (2, 1)
    assert pair(np.int64(0), "padding", "here", low=0) == (0, 0)
    for wrong in (0, -1, 1.5, (1, 2, 3), (1,), (1, 0), "2", None, True):
        with pytest.raises(gn.ConfigurationError, match="stride"):
            pair(wrong, "stride", "here")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: gn.MaxPool2D(17), gn.ConfigurationError, r"17 × 17 = 289.*256.*GlobalMaxPool"),
        (lambda: gn.MaxPool1D(257), gn.ConfigurationError, r"256"),
        (lambda: gn.MaxPool2D(2, padding=2), gn.ConfigurationError, r"padding=2 for a window of 2.*padding=1"),
        (lambda: gn.AveragePool2D((3, 1), padding=1), gn.ConfigurationError, r"padding=1 for a window of 1"),
        (lambda: gn.AveragePool1D(2, padding=5), gn.ConfigurationError, r"padding=5"),
        (lambda: gn.MaxPool2D(0), gn.ConfigurationError, r"pool_size=0"),
        (lambda: gn.MaxPool2D(2, stride=(1, 0)), gn.ConfigurationError, r"stride"),
        (lambda: gn.MaxPool2D(padding="full"), gn.ConfigurationError, r"'valid', 'same'"),
        (lambda: gn.MaxPool1D((2, 2)), gn.ConfigurationError, r"pool_size"),
        (lambda: gn.MaxPool1D(2, padding=(1, 1)), gn.ConfigurationError, r"padding"),
        (lambda: gn.Sequential(gn.MaxPool2D()).build((64,)), gn.ShapeError, r"layer 0 .*Reshape\(\(1, 8, 8\)\)"),
        (lambda: gn.Sequential(gn.MaxPool1D()).build((3, 8, 8)), gn.ShapeError, r"sequences \(N, T, D\)"),
        (lambda: gn.Sequential(gn.MaxPool2D(4)).build((3, 8, 3)), gn.ShapeError, r"shorter than its window of 4"),
        (lambda: gn.Sequential(gn.GlobalAveragePool()).build((8,)), gn.ShapeError, r"images .* or sequences"),
        (lambda: gn.Sequential(gn.GlobalMaxPool()).build((1, 2, 3, 4)), gn.ShapeError, r"images .* or sequences"),
    ],
)
def test_mistakes_are_explained(make: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        make()


@pytest.mark.parametrize("layer", [gn.MaxPool2D(), gn.GlobalMaxPool()], ids=repr)
def test_a_backward_pass_needs_a_training_pass(layer: gn.Layer) -> None:
    net, run = gn.Sequential(layer), gn.NumpyRunner()
    net.build((1, 4, 4))
    y, cache = net.forward(run, np.ones((2, 1, 4, 4)), training=False)
    with pytest.raises(gn.ConfigurationError, match="training=True"):
        net.backward(run, y, cache)


def test_windows_of_any_size_are_averaged() -> None:
    assert through(gn.AveragePool2D(20), np.ones((1, 1, 20, 40))).tolist() == [[[[1, 1]]]]
