"""Pictures of filters, feature maps, confusions and mistakes: what is drawn is what the network holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

pytest.importorskip("matplotlib")

from figures import assert_texts_are_apart
from matplotlib.figure import Figure


def network(shape: tuple[int, ...] = (3, 6, 7), filters: int = 4, size: int = 3) -> gn.Sequential:
    net = gn.Sequential(
        gn.Conv2D(filters, size), gn.ReLU(), gn.Residual(gn.Conv2D(filters, 1), gn.Tanh()), gn.Flatten(), gn.Dense(3)
    )
    net.build(shape, seed=1, dtype="float64")
    return net


def drawn(figure: Figure, axes: int = 0) -> np.ma.MaskedArray[Any, Any]:
    return figure.axes[axes].images[0].get_array()  # type: ignore[return-value]


def tiles(mosaic: Any, height: int, width: int) -> list[np.ndarray]:
    """The tiles of a mosaic with gaps of one pixel, row by row, without empty places."""
    found = np.ma.filled(np.ma.asarray(mosaic, float), np.nan)
    rows, columns = range(0, found.shape[0], height + 1), range(0, found.shape[1], width + 1)
    cut = [found[top : top + height, left : left + width] for top in rows for left in columns]
    return [tile for tile in cut if not np.isnan(tile).all() and not (tile.ndim == 3 and (tile == 1).all())]


def test_filters_of_three_channels_are_in_colour() -> None:
    net = network(filters=5)
    weight = net.layers[0].weight.value  # type: ignore[attr-defined]
    figure = gn.plots.plot_filters(net)
    found = tiles(drawn(figure), 3, 3)
    assert len(found) == 5
    limit = np.abs(weight).max()
    for tile, one in zip(found, weight, strict=True):
        np.testing.assert_allclose((tile - 0.5) * 2 * limit, one.transpose(1, 2, 0), atol=1e-12)
    assert figure.get_suptitle() == "layer 0 (Conv2D(5, 3)): 5 filters"
    assert f"{limit:.2g}" in figure.axes[0].get_xlabel()
    assert_texts_are_apart(figure)


def test_filters_of_one_channel_are_signed_and_symmetric_about_0() -> None:
    net = network((1, 6, 7), filters=6)
    weight = net.layers[0].weight.value  # type: ignore[attr-defined]
    figure = gn.plots.plot_filters(gn.Model(net, "cross_entropy", "sgd", dtype="float64"))
    np.testing.assert_array_equal(tiles(drawn(figure), 3, 3), weight[:, 0])
    image = figure.axes[0].images[0]
    colours = image.get_cmap()((0.0, 0.5, 1.0))
    assert colours[0][2] > 0.6 > colours[0][0], "negative is cold"
    assert colours[2][0] > 0.6 > colours[2][2], "positive is warm"
    assert colours[1][3] == 0, "0 is the paper"
    assert image.get_clim() == (-np.abs(weight).max(), np.abs(weight).max())
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0", "4"]
    assert len(figure.axes) == 2  # the scale
    assert_texts_are_apart(figure)


def test_other_filters_have_a_tile_for_each_channel() -> None:
    net = network((2, 6, 7), filters=20)
    weight = net.layers[0].weight.value  # type: ignore[attr-defined]
    figure = gn.plots.plot_filters(net, 0)
    np.testing.assert_array_equal(tiles(drawn(figure), 3, 3), weight[:16].reshape(-1, 3, 3))
    assert (
        figure.get_suptitle()
        .replace("\n", " ")
        .endswith("the first 16 of 20 filters downwards, 2 channels to the right")
    )
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0", "1"]
    assert_texts_are_apart(figure)


def test_a_layer_is_found_by_path_number_and_object() -> None:
    net = network()
    first, inner = net.layers[0], net.layers[2].layers[0]  # type: ignore[attr-defined]
    for given, expected in ((0, first), (None, first), ("0", first), ("2.residual.0", inner), (inner, inner)):
        title = gn.plots.plot_filters(net, given).get_suptitle().replace("\n", " ")
        assert title.startswith(f"layer {expected.path} (Conv2D")


def test_layers_that_have_no_filters_are_refused() -> None:
    for layer in (9, "2.other", gn.Conv2D(1, 1)):
        with pytest.raises(gn.ConfigurationError, match=r"2\.residual\.0"):
            gn.plots.plot_filters(network(), layer)
    with pytest.raises(gn.ConfigurationError, match="expected a Conv2D"):
        gn.plots.plot_filters(network(), 1)
    dense = gn.Sequential(gn.Dense(2))
    with pytest.raises(gn.NotBuiltError):
        gn.plots.plot_filters(dense)
    dense.build((3,))
    with pytest.raises(gn.ConfigurationError, match="without Conv2D"):
        gn.plots.plot_filters(dense)


@pytest.mark.parametrize("path", ["0", "1", "2", "2.residual.1"])
def test_feature_maps_are_the_layers_outputs(path: str) -> None:
    net = network(filters=5)
    x = np.random.default_rng(0).normal(size=(3, 6, 7))
    run = gn.NumpyRunner()
    conv, relu, residual = net.layers[:3]
    expected, _ = conv.forward(run, x[None], training=False)
    if path != "0":
        expected, _ = relu.forward(run, expected, training=False)
    if path == "2":
        expected, _ = residual.forward(run, expected, training=False)
    if path == "2.residual.1":
        expected, _ = residual.residual.forward(run, expected, training=False)  # type: ignore[attr-defined]
    figure = gn.plots.plot_feature_maps(net, x, path)
    np.testing.assert_allclose(tiles(drawn(figure, 1), 4, 5), expected[0])
    np.testing.assert_allclose(drawn(figure), (x.transpose(1, 2, 0) - x.min()) / (x.max() - x.min()))
    np.testing.assert_array_equal(drawn(gn.plots.plot_feature_maps(net, x[None], path), 1), drawn(figure, 1))
    assert_texts_are_apart(figure)


def test_feature_maps_of_a_model_follow_its_preprocessing() -> None:
    net = gn.Sequential(gn.Reshape((1, 4, 5)), gn.Conv2D(3, 2))
    net.build((20,), dtype="float64")
    model = gn.Model(net, "mean_squared_error", "sgd", dtype="float64")
    model.preprocessing = gn.Standardize(2.0, 0.5)
    x = np.random.default_rng(0).normal(size=20)
    figure = gn.plots.plot_feature_maps(model, x)
    np.testing.assert_allclose(
        tiles(drawn(figure, 1), 3, 4), net.forward(gn.NumpyRunner(), (x[None] - 2) / 0.5, training=False)[0][0]
    )
    np.testing.assert_allclose(drawn(figure), (x.reshape(4, 5) - x.min()) / (x.max() - x.min()))


def test_feature_maps_need_images() -> None:
    x = np.zeros((3, 6, 7))
    with pytest.raises(gn.ConfigurationError, match="layer 3 .*outputs have the shape"):
        gn.plots.plot_feature_maps(network(), x, 3)
    with pytest.raises(gn.ShapeError):
        gn.plots.plot_feature_maps(network(), x[:2])


def test_a_confusion_matrix_counts() -> None:
    actual, predicted = [0, 0, 0, 1, 1, 3], [0, 0, 1, 1, 1, 0]
    figure = gn.plots.plot_confusion_matrix(actual, predicted)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == list("2100020000001000")
    assert [text.get_position() for text in axes.texts[:2]] == [(0, 0), (1, 0)]
    expected = [[2 / 3, 1 / 3, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    np.testing.assert_allclose(drawn(figure), expected)
    assert axes.get_xlabel() == "predicted class"
    assert axes.get_ylabel() == "true class"
    assert figure.get_suptitle() == "4 of 6 right, 66.7 %"


@pytest.mark.parametrize("classes", [2, 3, 20])
@pytest.mark.parametrize("long", [False, True])
def test_confusion_matrices_are_legible(classes: int, long: bool) -> None:
    labels = np.repeat(np.arange(classes), 1234)
    names = [f"class number {k}" if long else str(k) for k in range(classes)]
    figure = gn.plots.plot_confusion_matrix(labels, labels[::-1], class_names=names)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == names
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names
    assert_texts_are_apart(figure)


def test_names_are_no_formulas() -> None:
    figure = gn.plots.plot_confusion_matrix([0, 1], [0, 1], class_names=["a $\\frac$", "$5 to $10"])
    assert_texts_are_apart(figure)


def test_many_classes_make_a_heat_map_without_counts() -> None:
    labels = np.repeat(np.arange(60), 3)
    names = [f"class number {k}" for k in range(60)]
    figure = gn.plots.plot_confusion_matrix(labels, labels[::-1], class_names=names)
    assert list(figure.axes[0].texts) == []
    np.testing.assert_array_equal(drawn(figure), np.eye(60)[::-1])
    assert_texts_are_apart(figure)


def identity_model(shape: tuple[int, ...], names: Any = None) -> gn.Model:
    """A model whose logits are ten times the first three values of an image."""
    weight = np.zeros((int(np.prod(shape)), 3))
    weight[:3] = 10 * np.eye(3)
    net = gn.Sequential(gn.Flatten(), gn.Dense(3, weight_init=weight))
    net.build(shape, dtype="float64")
    model = gn.Model(net, "cross_entropy", "sgd", dtype="float64")
    model.class_names = names
    return model


def images(shape: tuple[int, ...], sureness: list[tuple[int, float]]) -> np.ndarray:
    """Images taken for a class, the more surely the larger the number."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(len(sureness), int(np.prod(shape))))
    x[:, :3] = 0
    for row, (label, value) in enumerate(sureness):
        x[row, label] = value
    return x.reshape(-1, *shape)


def test_a_confusion_matrix_of_a_model() -> None:
    model = identity_model((1, 2, 3), ("cat", "dog", "frog"))
    x = images((1, 2, 3), [(0, 1.0), (1, 1.0), (1, 1.0)])
    figure = gn.plots.plot_confusion_matrix(model, x, [0, 1, 2])
    assert [text.get_text() for text in figure.axes[0].texts] == list("100010010")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["cat", "dog", "frog"]
    one_hot = gn.plots.plot_confusion_matrix(model, x, np.eye(3)[[0, 1, 2]])
    np.testing.assert_array_equal(drawn(one_hot), drawn(figure))


def test_confusions_that_cannot_be_are_refused() -> None:
    model = identity_model((1, 2, 3))
    with pytest.raises(gn.ConfigurationError, match="true labels"):
        gn.plots.plot_confusion_matrix(model, images((1, 2, 3), [(0, 1.0)]))
    with pytest.raises(gn.ConfigurationError, match="three arrays"):
        gn.plots.plot_confusion_matrix([0], [0], [0])
    with pytest.raises(gn.ShapeError, match="2 rows"):
        gn.plots.plot_confusion_matrix([0, 1, 1], [0, 1])
    with pytest.raises(gn.DataError, match="labels from -1"):
        gn.plots.plot_confusion_matrix([-1, 1], [0, 1])
    with pytest.raises(gn.ConfigurationError, match="1000 classes"):
        gn.plots.plot_confusion_matrix([999, 1], [0, 1])
    with pytest.raises(gn.ConfigurationError, match="2 names"):
        gn.plots.plot_confusion_matrix([0, 1], [0, 1], class_names=["one"])
    with pytest.raises(gn.ConfigurationError, match="2 names"):
        gn.plots.plot_confusion_matrix([0, 1], [0, 1], class_names=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 3])
def test_mistakes_are_the_surest_first(channels: int) -> None:
    shape = (channels, 4, 5)
    model = identity_model(shape)
    x = images(shape, [(0, 0.1), (1, 0.3), (2, 0.2), (0, 0.9), (1, 0.25)])
    y = np.array([1, 0, 2, 0, 2])  # rows 0, 1 and 4 are wrong
    figure = gn.plots.plot_mistakes(model, x, y, ["cat", "dog", "frog"])
    proba = model.predict_proba(x).max(axis=1)
    assert [axes.get_title() for axes in figure.axes] == [
        f"true class cat\npredicted dog, {100 * proba[1]:.0f} %",
        f"true class frog\npredicted dog, {100 * proba[4]:.0f} %",
        f"true class dog\npredicted cat, {100 * proba[0]:.0f} %",
    ]
    low, high = x.min(axis=(0, 2, 3), keepdims=True), x.max(axis=(0, 2, 3), keepdims=True)
    shown = ((x - low) / (high - low)).transpose(0, 2, 3, 1)
    for place, row in enumerate((1, 4, 0)):
        np.testing.assert_allclose(drawn(figure, place), shown[row] if channels == 3 else shown[row, ..., 0])
        assert figure.axes[place].images[0].get_clim() == (0, 1)
    assert figure.get_suptitle() == "3 mistakes among 5 images"
    figure = gn.plots.plot_mistakes(model, x, y, count=2)
    assert len(figure.axes) == 2
    assert figure.get_suptitle() == "3 mistakes among 5 images; the 2 surest are shown"


def test_long_names_above_mistakes_do_not_run_into_each_other() -> None:
    model = identity_model((1, 4, 5), ["household electrical devices", "MOUNTAIN BIKERS", "mm"])
    x = images((1, 4, 5), [(row % 2, 1.0) for row in range(20)])
    figure = gn.plots.plot_mistakes(model, x, 1 - np.arange(20) % 2)
    assert len(figure.axes) == 16
    assert "predicted household ele…, 100 %" in figure.axes[0].get_title()
    assert_texts_are_apart(figure)


def test_a_model_without_mistakes_says_so() -> None:
    model = identity_model((1, 2, 3))
    figure = gn.plots.plot_mistakes(model, images((1, 2, 3), [(0, 1.0), (1, 1.0)]), [0, 1])
    assert figure.axes == []
    assert figure.get_suptitle() == "no mistakes among 2 images"
    assert_texts_are_apart(figure)


def test_mistakes_of_a_yes_or_no() -> None:
    net = gn.Sequential(gn.Flatten(), gn.Dense(1, weight_init=np.ones((6, 1))))
    net.build((1, 2, 3), dtype="float64")
    model = gn.Model(net, "binary_cross_entropy", "sgd", dtype="float64")
    x = np.array([np.full((1, 2, 3), -0.5), np.full((1, 2, 3), 0.5)])
    figure = gn.plots.plot_mistakes(model, x, [[1], [1]], ["no", "yes"])
    assert [axes.get_title() for axes in figure.axes] == [
        f"true class yes\npredicted no, {100 / (1 + np.exp(-3)):.0f} %"
    ]


def test_mistakes_need_images_and_probabilities() -> None:
    flat = gn.Sequential(gn.Dense(3))
    flat.build((4,))
    with pytest.raises(gn.ShapeError, match=r"gn\.Reshape"):
        gn.plots.plot_mistakes(gn.Model(flat, "cross_entropy", "sgd"), np.ones((2, 4)), [0, 1])
    with pytest.raises(gn.ConfigurationError):
        gn.plots.plot_mistakes(gn.Model(flat, "mean_squared_error", "sgd"), np.ones((2, 4)), [0, 1])
    with pytest.raises(gn.ConfigurationError, match="count=0"):
        gn.plots.plot_mistakes(identity_model((1, 2, 3)), images((1, 2, 3), [(0, 1.0)]), [0], count=0)
    with pytest.raises(gn.DataError, match="labels from 1 to 3"):
        gn.plots.plot_mistakes(identity_model((1, 2, 3)), images((1, 2, 3), [(0, 1.0)] * 2), [1, 3])


def test_each_is_saved_where_asked(tmp_path: Path) -> None:
    net, model = network(), identity_model((1, 2, 3))
    x = images((1, 2, 3), [(0, 1.0), (1, 1.0)])
    for number, save in enumerate(
        (
            lambda path: gn.plots.plot_filters(net, path=path),
            lambda path: gn.plots.plot_feature_maps(net, np.zeros((3, 6, 7)), path=path),
            lambda path: gn.plots.plot_confusion_matrix([0, 1], [1, 1], path=path),
            lambda path: gn.plots.plot_mistakes(model, x, [1, 1], path=path),
        )
    ):
        target = tmp_path / f"{number}.png"
        assert isinstance(save(target), Figure)
        assert target.read_bytes().startswith(b"\x89PNG")
        with pytest.raises(gn.ConfigurationError, match=r"\.gif"):
            save(tmp_path / "a.gif")


def test_missing_matplotlib_is_said_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[plots\]"):
        gn.plots.plot_confusion_matrix([0, 1], [1, 1])
