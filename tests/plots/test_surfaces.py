"""Decision boundaries and loss surfaces: what is drawn is what the model answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figures import assert_texts_are_apart
from matplotlib.colors import to_rgb

import glassnet as gn
from glassnet.plots.surfaces import COLOURS

POINTS = np.random.default_rng(0).uniform(-1, 1, (200, 2))


def trained(loss: str, y: np.ndarray, outputs: int) -> gn.Model:
    model = gn.Model(gn.Sequential(gn.Dense(16), gn.Tanh(), gn.Dense(outputs)), loss, gn.Adam(0.05))
    model.fit(POINTS, y, epochs=40, verbose=False)
    return model


@pytest.mark.parametrize(
    ("loss", "outputs", "y"),
    [
        ("cross_entropy", 3, np.digitize(POINTS[:, 0], [-0.3, 0.3])),
        ("binary_cross_entropy", 1, (POINTS[:, :1] > 0).astype(int)),
        ("hinge", 1, np.where(POINTS[:, :1] > 0, 1, -1)),
    ],
)
def test_the_colour_of_a_point_is_that_of_its_class(loss: str, outputs: int, y: np.ndarray, tmp_path: Path) -> None:
    model = trained(loss, y, outputs)
    labels = np.unique(y, return_inverse=True)[1].reshape(-1)
    figure = gn.plots.plot_decision_boundary(model, POINTS, labels, points=40, path=tmp_path / "b.png")
    (axes,) = figure.axes
    (image,) = axes.images
    left, right, below, above = image.get_extent()
    corners = np.array([[left, below], [right, below], [left, above], [right, above]])
    pixels = np.asarray(image.get_array())[[0, 0, -1, -1], [0, -1, 0, -1]]
    for pixel, k in zip(pixels, model.predict_classes(corners).reshape(-1), strict=True):
        distances = [np.linalg.norm(pixel[:3] - to_rgb(colour)) for colour in COLOURS[:3]]
        assert int(np.argmin(distances)) == k
    assert len(axes.collections) == len(np.unique(labels))
    assert (tmp_path / "b.png").stat().st_size > 1000
    assert_texts_are_apart(figure)


def test_amounts_have_a_scale() -> None:
    model = trained("mean_squared_error", POINTS[:, :1] + POINTS[:, 1:], 1)
    figure = gn.plots.plot_decision_boundary(model, POINTS, POINTS.sum(axis=1), points=30)
    (image,) = figure.axes[0].images
    surface = np.asarray(image.get_array())
    assert surface.shape == (30, 30)
    left, right, below, above = image.get_extent()
    expected = model.predict(np.array([[left, below], [right, above]]))[:, 0]
    np.testing.assert_allclose([surface[0, 0], surface[-1, -1]], expected, rtol=1e-5)
    assert len(figure.axes) == 2


@pytest.mark.parametrize(("x", "error"), [(np.ones((5, 3)), gn.ShapeError), (np.ones(4), gn.ShapeError)])
def test_boundaries_need_two_features(x: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="two features"):
        gn.plots.plot_decision_boundary(trained("cross_entropy", np.arange(200) % 2, 2), x)


def test_the_middle_of_the_surface_is_the_model() -> None:
    y = (POINTS[:, 0] * POINTS[:, 1] > 0).astype(int)
    model = trained("cross_entropy", y, 2)
    before = model.network.parameters.copy()
    figure = gn.plots.plot_loss_surface(model, POINTS, y, points=9, reach=0.5)
    losses = np.asarray(figure.axes[0].collections[0].get_array()).reshape(9, 9)
    assert losses[4, 4] == pytest.approx(model.evaluate(POINTS, y)["loss"], rel=1e-5)
    assert losses.max() > losses[4, 4]
    np.testing.assert_array_equal(model.network.parameters, before)
    again = gn.plots.plot_loss_surface(model, POINTS, y, points=9, reach=0.5)
    np.testing.assert_array_equal(np.asarray(again.axes[0].collections[0].get_array()).reshape(9, 9), losses)
    assert_texts_are_apart(figure)
