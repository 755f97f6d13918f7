"""The ready networks: their shapes and sizes, their gradients, and that they learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet import zoo

IMAGES = [(1, 28, 28), (3, 32, 32), (1, 8, 8)]


def small(name: str, classes: int = 10) -> gn.Sequential:
    """The network as 8×8 images take it."""
    return zoo.NETWORKS[name](classes, **({"padding": "same"} if name == "lenet5" else {}))


def trained_parameters(net: gn.Network) -> int:
    return sum(segment.stop - segment.start for segment in net.layout if segment.trainable)


def test_the_zoo_is_imported_when_asked_for() -> None:
    assert gn.zoo is zoo
    assert set(zoo.NETWORKS) == {"lenet5", "small_cnn", "vgg_bn", "resnet"}
    assert set(zoo.SERIES_NETWORKS) == {"fcn1d", "resnet1d", "lstm_classifier"}
    for networks in (zoo.NETWORKS, zoo.SERIES_NETWORKS):
        assert all(networks[name] is getattr(zoo, name) for name in networks)
    with pytest.raises(AttributeError, match="no attribute 'zooo'"):
        gn.zooo  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", zoo.NETWORKS)
@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_images_become_logits(name: str, image: tuple[int, int, int]) -> None:
    net = small(name, 7) if image[1] == 8 else zoo.NETWORKS[name](7)
    assert not net.is_built
    assert net.build(image) == (7,)


@pytest.mark.parametrize(
    ("net", "image", "parameters"),
    [
        # Counted layer by layer: filters · (channels · 3² or 5²) + biases, γ and β, dense weights.
        (zoo.lenet5(), (1, 28, 28), 156 + 2416 + 48_120 + 10_164 + 850),
        (zoo.small_cnn(), (1, 28, 28), 320 + 18_496 + 401_536 + 1290),
        (zoo.vgg_bn(), (3, 32, 32), 864 + 9216 + 18_432 + 36_864 + 73_728 + 147_456 + 896 + 20_490),
        (zoo.resnet(), (3, 32, 32), 432 + 2 * 2304 + (4608 + 9216 + 512) + (18_432 + 36_864 + 2048) + 672 + 650),
        # He et al. (2016), table 6: ResNet-20 has 0.27 million parameters, with shortcuts that have none.
        (zoo.resnet(blocks=3), (3, 32, 32), 270_000 + 2752),
    ],
    ids=["lenet5", "small_cnn", "vgg_bn", "resnet", "resnet-20"],
)
def test_sizes_are_those_of_the_sources(net: gn.Sequential, image: tuple[int, int, int], parameters: int) -> None:
    net.build(image)
    assert trained_parameters(net) == pytest.approx(parameters, rel=0.005 if parameters == 272_752 else 0)


@pytest.mark.parametrize(
    ("net", "row", "parameters"),
    [
        # Counted layer by layer: filters · steps · features, γ and β, dense weights and biases.
        (zoo.fcn1d(3), (20, 2), 128 * 16 + 256 * 640 + 128 * 768 + 2 * 512 + 3 * 129),
        (
            zoo.resnet1d(3),
            (20, 2),
            (64 * 16 + 64 * 320 + 64 * 192 + 64 * 2 + 8 * 64)
            + (128 * 512 + 128 * 640 + 128 * 384 + 128 * 64 + 8 * 128)
            + (128 * 1024 + 128 * 640 + 128 * 384 + 8 * 128)
            + 3 * 129,
        ),
        (zoo.lstm_classifier(3), (20, 2), 256 * (2 + 64 + 1) + 3 * 65),
    ],
    ids=zoo.SERIES_NETWORKS,
)
def test_sequences_become_logits(net: gn.Sequential, row: tuple[int, int], parameters: int) -> None:
    assert net.build(row) == (3,)
    assert trained_parameters(net) == parameters


@pytest.mark.parametrize("name", zoo.SERIES_NETWORKS)
def test_a_small_one_learns_rising_from_falling(name: str) -> None:
    size = {"units": (4,)} if name == "lstm_classifier" else {"widths": (4, 4, 4)}
    rng = np.random.default_rng(0)
    slopes = np.where(rng.random(40) < 0.5, -1, 1)
    x = slopes[:, None] * np.linspace(-1, 1, 12) + rng.normal(0, 0.1, (40, 12))
    model = gn.Model(zoo.SERIES_NETWORKS[name](2, **size), "cross_entropy", gn.Adam(0.02), ["accuracy"])
    model.fit(x[:, :, None], slopes > 0, epochs=15, batch_size=8, verbose=False)
    assert model.evaluate(x[:, :, None], slopes > 0)["accuracy"] == 1.0


def test_small_images_are_too_small_for_the_published_lenet() -> None:
    with pytest.raises(gn.ShapeError, match=r'Conv2D\(16, 5\).*4×4.*padding="same"'):
        zoo.lenet5().build((1, 8, 8))


def test_settings_reach_the_layers() -> None:
    assert "Dropout(0.5)" in repr(zoo.small_cnn(dropout=0.5))
    assert "Dropout" not in repr(zoo.small_cnn())
    net = zoo.vgg_bn(widths=[4])
    net.build((2, 6, 6))
    assert trained_parameters(net) == 2 * 4 * 9 + 4 * 4 * 9 + 2 * 8 + 4 * 9 * 10 + 10
    deep = zoo.resnet(widths=(4, 4), blocks=2)
    residuals = [layer for layer in deep.layers if isinstance(layer, gn.Residual)]
    assert [residual.shortcut is not None for residual in residuals] == [False, False, True, False]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: zoo.lenet5(0), "classes=0"),
        (lambda: zoo.vgg_bn(widths=()), r"widths=\(\)"),
        (lambda: zoo.vgg_bn(widths=8), "widths=8"),
        (lambda: zoo.resnet(widths=(4, 0)), "each width=0"),
        (lambda: zoo.resnet(blocks=0), "blocks=0"),
        (lambda: zoo.small_cnn(dropout=1.0), "rate=1.0"),
        (lambda: zoo.fcn1d(0), "classes=0"),
        (lambda: zoo.fcn1d(2, (8, 8)), r"widths=\(8, 8\).*3 numbers"),
        (lambda: zoo.resnet1d(2, ()), r"widths=\(\)"),
        (lambda: zoo.resnet1d(2, (8, 0)), "each width=0"),
        (lambda: zoo.lstm_classifier(2, 64), "units=64"),
        (lambda: zoo.lstm_classifier(2, ()), r"units=\(\)"),
        (lambda: zoo.lstm_classifier(2, (8, 0)), "units=0"),
        (lambda: zoo.lstm_classifier(2, dropout=2), "rate=2"),
    ],
)
def test_mistakes_are_explained(make: object, words: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=words):
        make()  # type: ignore[operator]


def test_gradients_of_a_residual_stage_with_a_shortcut() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 5, 4))
    report = gn.check_gradients(zoo.resnet(3, (2, 3), blocks=1), x, tolerance=1e-5)
    assert report.passed, report


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_each_learns_the_digits(name: str, tmp_path: Path) -> None:
    digits = gn.data.digits().rows(slice(300))
    x, y = gn.Standardize(4.9, 6.0).apply(digits.x).reshape(-1, 1, 8, 8), digits.y
    narrow = {"vgg_bn": lambda: zoo.vgg_bn(widths=(8, 16)), "resnet": lambda: zoo.resnet(widths=(8, 16))}
    net = narrow[name]() if name in narrow else small(name)
    model = gn.Model(net, "cross_entropy", gn.Adam(0.005), ["accuracy"])
    model.fit(x, y, epochs=8, verbose=False)
    assert model.evaluate(x, y)["accuracy"] > 0.95
    model.save(tmp_path / "model.safetensors")
    loaded = gn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
