"""Convolutions and resizing as layers: shapes, parameters, initial values, operations, files, training, mistakes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.kernels.conv import conv2d_backward

Shape = tuple[int, ...]
ENGINES = ["numpy", *(["compiled"] if native() is not None else [])]


def built(shape: Shape, *layers: Any, dtype: str = "float64") -> gn.Sequential:
    net = gn.Sequential(*layers)
    net.build(shape, dtype=dtype)
    return net


def output(net: gn.Network, x: np.ndarray) -> np.ndarray:
    return net.forward(gn.NumpyRunner(), x, training=False)[0]


# Shapes


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (gn.Conv2D(4, 3), (2, 5, 7), (4, 3, 5)),
        (gn.Conv2D(4, (2, 3), stride=(2, 1)), (2, 5, 7), (4, 2, 5)),
        (gn.Conv2D(4, 3, padding=2, stride=3), (2, 5, 7), (4, 3, 3)),
        (gn.Conv2D(4, 3, padding=(0, 1), dilation=(2, 1)), (2, 5, 7), (4, 1, 7)),
        (gn.Conv2D(4, (4, 3), padding="same", dilation=(1, 3)), (2, 5, 7), (4, 5, 7)),
        (gn.Conv2D(4, 2, padding="same", stride=3), (2, 5, 7), (4, 2, 3)),
        (gn.Conv2D(1, 1, stride=9), (1, 1, 1), (1, 1, 1)),
        (gn.ConvTranspose2D(4, 3), (2, 5, 7), (4, 7, 9)),
        (gn.ConvTranspose2D(4, (3, 4), stride=2, padding=(1, 0), output_padding=(1, 0)), (2, 5, 7), (4, 10, 16)),
        (gn.ConvTranspose2D(4, 3, stride=(3, 2), padding="same"), (2, 5, 7), (4, 15, 14)),
        (gn.ConvTranspose2D(4, 2, stride=4, padding="same"), (2, 5, 7), (4, 20, 28)),
        (gn.ConvTranspose2D(4, 3, dilation=2), (2, 5, 7), (4, 9, 11)),
        (gn.Conv1D(4, 3), (9, 2), (7, 4)),
        (gn.Conv1D(4, 3, stride=2, padding="same"), (9, 2), (5, 4)),
        (gn.Conv1D(4, 3, stride=2, padding="causal", dilation=5), (9, 2), (5, 4)),
        (gn.Conv1D(4, 4, padding=3, dilation=2), (2, 2), (2, 4)),
        (gn.UpSample2D((2, 3)), (2, 5, 7), (2, 10, 21)),
        (gn.ZeroPad2D(2), (2, 5, 7), (2, 9, 11)),
        (gn.ZeroPad2D((1, 0)), (2, 5, 7), (2, 7, 7)),
        (gn.ZeroPad2D(((0, 3), (1, 2))), (2, 5, 7), (2, 8, 10)),
    ],
    ids=repr,
)
def test_shapes(layer: gn.Layer, given: Shape, expected: Shape) -> None:
    net = built(given, layer)
    assert net.output_shape == expected
    assert output(net, np.ones((3, *given))).shape == (3, *expected)


@pytest.mark.parametrize("size", [1, 4, 5, 11])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2)])
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int, dilation: int) -> None:
    """⌈size / stride⌉ windows over the image with half of the zeros above and the odd one below.

    Source: the documentation of tf.nn, "Notes on padding".
    """
    x = np.arange(1.0, size + 1).reshape(1, 1, size, 1)
    reach = dilation * (kernel - 1) + 1
    total = max((ceil(size / stride) - 1) * stride + reach - size, 0)
    padded = np.pad(x, ((0, 0), (0, 0), (total // 2, total - total // 2), (0, 0)))
    same = gn.Conv2D(2, (kernel, 1), stride=(stride, 1), dilation=(dilation, 1), padding="same")
    valid = gn.Conv2D(2, (kernel, 1), stride=(stride, 1), dilation=(dilation, 1))
    y = output(built(x.shape[1:], same), x)
    assert y.shape == (1, 2, ceil(size / stride), 1)
    np.testing.assert_allclose(y, output(built(padded.shape[1:], valid), padded), rtol=1e-12)
    sequence = gn.Conv1D(2, kernel, stride=stride, dilation=dilation, padding="same", weight_init=filters_1d(same))
    np.testing.assert_allclose(output(built((size, 1), sequence), x[:, 0]), y[..., 0].swapaxes(1, 2), rtol=1e-12)


def filters_1d(layer: gn.Conv2D) -> np.ndarray:
    """The weight of a layer whose kernels are one pixel wide, as that of Conv1D."""
    return layer.weight.value[..., 0].transpose(2, 1, 0)


def test_a_causal_convolution_sees_no_later_input() -> None:
    net = built((9, 2), gn.Conv1D(3, 3, padding="causal", dilation=2))
    x = np.random.default_rng(0).normal(size=(1, 9, 2))
    before = output(net, x)
    x[:, 5:] += 1
    after = output(net, x)
    np.testing.assert_array_equal(after[:, :5], before[:, :5])
    assert (after[:, 5:] != before[:, 5:]).all()


@pytest.mark.parametrize(
    "settings",
    [{"stride": 2, "padding": "same"}, {"stride": (1, 3), "padding": "same"}, {"padding": 1, "dilation": 2}],
    ids=str,
)
def test_the_transposed_convolution_is_the_backward_pass_of_a_convolution(settings: dict[str, Any]) -> None:
    """Between the same sizes and with the same weight, "same" included."""
    shape = (2, 6, 12)
    conv = gn.Conv2D(3, (3, 4), use_bias=False, **settings)
    net = built(shape, conv)
    back = gn.ConvTranspose2D(2, (3, 4), use_bias=False, weight_init=conv.weight.value, **settings)
    assert conv.output_shape is not None
    twin = built(conv.output_shape, back)
    assert twin.output_shape == shape
    dy = np.random.default_rng(0).normal(size=(2, *conv.output_shape))
    dx, dweight = np.empty((2, *shape)), np.empty_like(conv.weight.value)
    conv2d_backward(dy, dx.copy(), conv.weight.value, dx, dweight, None, **conv.numbers)
    np.testing.assert_allclose(output(twin, dy), dx, rtol=1e-12, atol=1e-14)
    assert net.output_shape == conv.output_shape


# Parameters


@pytest.mark.parametrize(
    ("layer", "given", "weight", "fans", "unit_axis"),
    [
        (gn.Conv2D(8, (3, 5)), (6, 9, 9), (8, 6, 3, 5), (90, 120), 0),
        (gn.Conv2D(8, (3, 5), groups=2), (6, 9, 9), (8, 3, 3, 5), (45, 60), 0),
        (gn.Conv2D(12, 3, groups=6), (6, 9, 9), (12, 1, 3, 3), (9, 18), 0),
        (gn.ConvTranspose2D(8, (3, 5)), (6, 9, 9), (6, 8, 3, 5), (90, 120), 1),
        (gn.ConvTranspose2D(8, (3, 5), groups=2), (6, 9, 9), (6, 4, 3, 5), (45, 60), None),
        (gn.Conv1D(8, 3), (9, 6), (3, 6, 8), (18, 24), 2),
        (gn.Conv1D(8, 3, groups=2), (9, 6), (3, 3, 8), (9, 12), 2),
    ],
    ids=lambda value: repr(value) if isinstance(value, gn.Layer) else "",
)
def test_the_weight(layer: Any, given: Shape, weight: Shape, fans: tuple[int, int], unit_axis: int | None) -> None:
    """Its shape, its name, its filters' axis, and the range of its initial values: ±√(6 / (fan_in + fan_out))."""
    layer.weight_init = "glorot_uniform"
    net = built(given, layer)
    assert [(s.path, s.shape, s.is_weight, s.unit_axis) for s in net.layout] == [
        ("0.weight", weight, True, unit_axis),
        ("0.bias", (8 if weight != (12, 1, 3, 3) else 12,), False, None),
    ]
    bound = sqrt(6 / sum(fans))
    largest = np.abs(layer.weight.value).max()
    assert 0.9 * bound < largest <= bound
    layer.weight_init = "he_uniform"
    net.build(given)
    largest = np.abs(dict(net.named_parameters())["0.weight"]).max()
    assert 0.9 * sqrt(6 / fans[0]) < largest <= sqrt(6 / fans[0])
    assert not layer.bias.value.any()


@pytest.mark.parametrize(
    ("layer", "given"),
    [
        (gn.Conv2D(5, 3, weight_init="orthogonal"), (2, 6, 6)),
        (gn.ConvTranspose2D(5, 3, weight_init="orthogonal"), (2, 6, 6)),
        (gn.Conv1D(5, 3, weight_init="orthogonal"), (6, 2)),
    ],
    ids=repr,
)
def test_orthogonal_filters(layer: Any, given: Shape) -> None:
    """F = 5 filters of 18 or 6 numbers each have length 1 and are at right angles."""
    net = built(given, layer)
    filters = np.moveaxis(layer.weight.value, net.layout[0].unit_axis or 0, 0).reshape(5, -1)
    np.testing.assert_allclose(filters @ filters.T, np.eye(5), atol=1e-12)


def test_given_weights_have_the_weights_own_shape() -> None:
    weight = np.random.default_rng(0).normal(size=(3, 2, 4))
    layer = gn.Conv1D(4, 3, weight_init=weight, bias_init=[1.0, 2.0, 3.0, 4.0])
    built((5, 2), layer)
    np.testing.assert_array_equal(layer.weight.value, weight)
    assert layer.bias.value.tolist() == [1, 2, 3, 4]
    with pytest.raises(
        gn.ShapeError, match=r"\(3, 2, 4\).*\(4, 2, 3, 3\).*Conv2D \(filters, channels / groups, kh, kw\)"
    ):
        built((2, 5, 5), gn.Conv2D(4, 3, weight_init=weight))


def test_max_norm_bounds_each_filter() -> None:
    net = built((6, 2), gn.Conv1D(4, 3, weight_init=gn.initializers.Normal(3.0)))
    optimizer = gn.Chain(gn.SGD(0.0), gn.MaxNorm(0.5))
    optimizer.update(gn.NumpyRunner(), net.parameters, net.gradients, net.layout)
    norms = np.sqrt((net.named_parameters()[0][1] ** 2).sum(axis=(0, 1)))
    np.testing.assert_allclose(norms, 0.5, rtol=1e-12)


def test_an_unbiased_layer_has_one_parameter() -> None:
    for layer, shape in ((gn.Conv2D(2, 1, use_bias=False), (1, 2, 2)), (gn.Conv1D(2, 1, use_bias=False), (2, 1))):
        assert [name for name, _ in built(shape, layer).named_parameters()] == ["0.weight"]


# Operations and the table


def test_the_summary_counts_parameters_and_operations() -> None:
    net = built(
        (3, 8, 6),
        gn.Conv2D(4, 3, padding="same"),
        gn.ConvTranspose2D(2, (2, 3), stride=2, use_bias=False),
        gn.UpSample2D(2),
        gn.ZeroPad2D(1),
        gn.Conv2D(4, (2, 1), stride=5, groups=2),
        gn.Reshape((4 * 7, 6)),
        gn.Conv1D(5, 3),
    )
    rows = {row.path: (row.output, row.parameters, row.flops) for row in net.summary().rows}
    assert rows == {
        "0": ("(N, 4, 8, 6)", 4 * 3 * 9 + 4, 2 * 27 * 4 * 48 + 4 * 48),
        "1": ("(N, 2, 16, 13)", 4 * 2 * 6, 2 * (4 * 48) * 2 * 6),
        "2": ("(N, 2, 32, 26)", 0, 0),
        "3": ("(N, 2, 34, 28)", 0, 0),
        "4": ("(N, 4, 7, 6)", 4 * 1 * 2 + 4, 2 * 2 * 4 * 42 + 4 * 42),
        "5": ("(N, 28, 6)", 0, 0),
        "6": ("(N, 26, 5)", 3 * 6 * 5 + 5, 2 * 18 * 26 * 5 + 26 * 5),
    }
    assert "Conv2D(4, 3, padding='same')" in str(net.summary())


def test_settings_are_kept_as_one_would_write_them() -> None:
    assert repr(gn.Conv2D(8, 3)) == repr(gn.Conv2D(8, (3, 3), stride=[1, 1], dilation=(1, 1))) == "Conv2D(8, 3)"
    assert repr(gn.Conv2D(8, (3, 5), padding=(1, 2))) == "Conv2D(8, (3, 5), padding=(1, 2))"
    assert repr(gn.ZeroPad2D(((1, 1), (1, 1)))) == "ZeroPad2D(1)"
    assert repr(gn.ZeroPad2D(((0, 1), (2, 2)))) == "ZeroPad2D(((0, 1), (2, 2)))"


# In models


def images_and_labels() -> tuple[np.ndarray, np.ndarray]:
    """60 images with a horizontal or a vertical bar at random places."""
    rng = np.random.default_rng(0)
    x, y = 0.1 * rng.normal(size=(60, 1, 6, 7)), np.arange(60) % 2
    for image, label in zip(x, y, strict=True):
        if label:
            image[0, rng.integers(6)] += 1
        else:
            image[0, :, rng.integers(7)] += 1
    return x, y


def small_network() -> gn.Sequential:
    return gn.Sequential(
        gn.ZeroPad2D(((0, 1), (1, 0))),
        gn.Conv2D(4, 3, padding="same", bias_init="normal"),
        gn.Tanh(),
        gn.Conv2D(4, (2, 3), stride=2, groups=2),
        gn.ConvTranspose2D(2, 3, stride=2, padding=1),
        gn.UpSample2D(2),
        gn.ReLU(),
        gn.Reshape((20, 10)),
        gn.Conv1D(3, 3, padding="causal"),
        gn.Flatten(),
        gn.Dense(2),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_training_saving_and_loading(engine: str, tmp_path: Path) -> None:
    x, y = images_and_labels()
    model = gn.Model(small_network(), "cross_entropy", gn.Adam(0.01), metrics=["accuracy"], engine=engine)
    model.fit(x, y, epochs=25, batch_size=20, verbose=False)
    assert model.evaluate(x, y)["accuracy"] > 0.9
    model.save(tmp_path / "model.safetensors")
    loaded = gn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.network.parameters, model.network.parameters)
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-4, atol=1e-5)
    assert repr(loaded.network) == repr(model.network)


def test_both_engines_learn_the_same() -> None:
    if "compiled" not in ENGINES:
        pytest.skip("a pure-Python installation")
    x, y = images_and_labels()
    found = []
    for engine in ENGINES:
        model = gn.Model(small_network(), "cross_entropy", gn.SGD(0.05), dtype="float64", engine=engine)
        model.fit(x, y, epochs=3, batch_size=16, verbose=False)
        found.append(model.network.parameters)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-12)


def test_copies_and_pickles() -> None:
    x, _ = images_and_labels()
    net = small_network()
    net.build(x.shape[1:], dtype="float64")
    twins = [net.copy(), pickle.loads(pickle.dumps(net))]
    for seed in (1, 2):  # as they were, and built anew
        for twin in twins:
            np.testing.assert_array_equal(output(twin, x), output(net, x))
        for network in (net, *twins):
            network.build(x.shape[1:], seed=seed, dtype="float64")


def test_a_trace_names_the_calls() -> None:
    text = str(gn.trace(gn.Model(small_network(), "cross_entropy", "sgd"), *images_and_labels()))
    for kernel in ("conv2d_forward", "conv_transpose2d_backward", "conv1d_backward", "upsample2d_forward"):
        assert kernel in text


# Mistakes


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: gn.Conv2D(0, 3), gn.ConfigurationError, "Conv2D.*filters=0"),
        (lambda: gn.Conv2D(4, (3, 0)), gn.ConfigurationError, "Conv2D.*kernel_size=0"),
        (lambda: gn.Conv2D(4, (3, 3, 3)), gn.ConfigurationError, r"kernel_size=\(3, 3, 3\).*pair \(height, width\)"),
        (lambda: gn.Conv2D(4, 3, stride=0), gn.ConfigurationError, "stride=0"),
        (lambda: gn.Conv2D(4, 3, dilation=1.5), gn.ConfigurationError, "dilation=1.5"),
        (lambda: gn.Conv2D(4, 3, padding="some"), gn.ConfigurationError, "padding='some'.*'valid', 'same'"),
        (lambda: gn.Conv2D(4, 3, padding="causal"), gn.ConfigurationError, "padding='causal'"),
        (lambda: gn.Conv2D(4, 3, padding=-1), gn.ConfigurationError, "padding=-1"),
        (lambda: gn.Conv2D(4, 3, groups=3), gn.ConfigurationError, "filters=4, groups=3"),
        (lambda: gn.Conv2D(4, 3, weight_init="he_norm"), gn.ConfigurationError, "did you mean 'he_normal'"),
        (lambda: gn.Conv1D(4, (3, 3)), gn.ConfigurationError, r"Conv1D.*kernel_size=\(3, 3\)"),
        (lambda: gn.Conv1D(4, 3, padding=(1, 2)), gn.ConfigurationError, r"padding=\(1, 2\)"),
        (
            lambda: gn.ConvTranspose2D(4, 3, output_padding=1),
            gn.ConfigurationError,
            "output_padding=1.*below the stride",
        ),
        (
            lambda: gn.ConvTranspose2D(4, 3, stride=2, output_padding=1, padding="same"),
            gn.ConfigurationError,
            'output_padding=1.*0 with padding="same"',
        ),
        (lambda: gn.UpSample2D(0), gn.ConfigurationError, "UpSample2D.*factor=0"),
        (lambda: gn.ZeroPad2D(-1), gn.ConfigurationError, "ZeroPad2D.*padding=-1"),
        (lambda: gn.ZeroPad2D(((1, 2), (3, 4, 5))), gn.ConfigurationError, r"padding=\(3, 4, 5\)"),
        (lambda: gn.ZeroPad2D(((1, 2), (3, 4), 5)), gn.ConfigurationError, "padding="),
        (
            lambda: built((64,), gn.Conv2D(4, 3)),
            gn.ShapeError,
            r"layer 0 \(Conv2D.*\(N, 64\).*gn.Reshape\(\(1, 8, 8\)\)",
        ),
        (lambda: built((3072,), gn.UpSample2D(2)), gn.ShapeError, r"gn.Reshape\(\(3, 32, 32\)\) before"),
        (lambda: built((28, 20), gn.ZeroPad2D(2)), gn.ShapeError, r"gn.Reshape\(\(1, 28, 20\)\) before"),
        (lambda: built((7,), gn.ConvTranspose2D(4, 3)), gn.ShapeError, r"Reshape\(\(channels, height, width\)\)"),
        (lambda: built((64,), gn.Conv1D(4, 3)), gn.ShapeError, r"\(N, 64\).*\(N, T, D\).*gn.Reshape"),
        (lambda: built((1, 8, 8), gn.Conv1D(4, 3)), gn.ShapeError, r"\(N, 1, 8, 8\).*gn.Conv2D"),
        (lambda: built((3, 8, 8), gn.Conv2D(4, 3, groups=2)), gn.ShapeError, r"3 channels.*\(N, 3, 8, 8\).*groups=2"),
        (lambda: built((8, 3), gn.Conv1D(4, 3, groups=2)), gn.ShapeError, r"3 channels.*groups=2"),
        (
            lambda: built((1, 9, 4), gn.Conv2D(2, 1), gn.Conv2D(4, 5)),
            gn.ShapeError,
            r'layer 1 \(Conv2D\(4, 5\)\).*9×4 pixels.*5×5 at least.*padding="same" or a smaller kernel',
        ),
        (lambda: built((1, 5, 9), gn.Conv2D(4, 3, dilation=3)), gn.ShapeError, "5×9 pixels.*7×7 at least"),
        (lambda: built((3, 2), gn.Conv1D(4, 4)), gn.ShapeError, "3 steps.*4 at least.*smaller kernel"),
        (
            lambda: built((1, 2, 3), gn.ConvTranspose2D(4, 2, padding=2)),
            gn.ShapeError,
            "2×3 pixels, of which padding=2 leaves -1×0.*less padding",
        ),
    ],
)
def test_mistakes_are_explained(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        make()


def test_other_channels_than_it_was_built_for_are_refused_at_the_door() -> None:
    net = built((3, 8, 8), gn.Conv2D(4, 3))
    with pytest.raises(gn.ShapeError, match=r"\(5, 1, 8, 8\).*\(N, 3, 8, 8\).*layer 0 \(Conv2D\(4, 3\)\)"):
        output(net, np.ones((5, 1, 8, 8)))


@pytest.mark.parametrize(
    "make",
    [
        lambda n: gn.Conv2D(2, 3, dilation=n),
        lambda n: gn.Conv2D(2, 3, stride=(1, n)),
        lambda n: gn.ConvTranspose2D(2, 3, padding=n),
        lambda n: gn.Conv1D(2, 3, dilation=n),
        lambda n: gn.Conv1D(2, 3, stride=n, padding=n),
        lambda n: gn.MaxPool2D(2, stride=n),
        lambda n: gn.AveragePool2D((1, n)),
        lambda n: gn.MaxPool1D(2, stride=n),
    ],
)
def test_windows_that_no_axis_could_hold(make: Callable[[int], gn.Layer]) -> None:
    """Beyond the bound native code would divide by what has become 0; at it, it must not."""
    for number in (2**31, 2**63, 10**30):
        with pytest.raises(gn.ConfigurationError, match=r"at most 2,147,483,647"):
            make(number)
    make(2**31 - 1)


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_the_largest_windows() -> None:
    largest = 2**31 - 1
    net = gn.Sequential(
        gn.Conv2D(2, 3, padding="same", dilation=largest), gn.MaxPool2D(2, stride=largest), gn.GlobalAveragePool()
    )
    net.build((1, 6, 6))
    assert gn.Model(net, "sum_squared_error", "sgd").predict(np.ones((2, 1, 6, 6))).shape == (2, 2)
