"""What an output depends on: by hand, by differences of ``predict``, in the unit of x; and which output is meant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn

Array = np.ndarray
RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))


def network(*, dtype: str = "float64") -> gn.Network:
    net = gn.Sequential(gn.Dense(6), "tanh", gn.Dense(4))
    net.build((3,), seed=1, dtype=dtype)
    return net


def differences(predict: Any, x: Array, places: Array, step: float = 1e-6) -> Array:
    """∂ of each row's output at ``places`` by x."""
    found, rows = np.empty(x.shape), np.arange(len(x))
    for place in np.ndindex(x.shape[1:]):
        sides = []
        for sign in (1, -1):
            moved = x.copy()
            moved[:, *place] += sign * step
            sides.append(predict(moved)[rows, places])
        found[:, *place] = (sides[0] - sides[1]) / (2 * step)
    return found


def outputs_of(net: gn.Network) -> Any:
    return lambda x: net.forward(gn.NumpyRunner(), x, training=False)[0]


@pytest.mark.parametrize("target", [2, np.int64(2), [2, 0, 1, 3, 3], np.array([2, 0, 1, 3, 3]), "predicted"])
def test_the_target_chooses_an_output_of_each_row(target: Any) -> None:
    net = network()
    places = np.argmax(outputs_of(net)(X), axis=1) if isinstance(target, str) else np.broadcast_to(target, 5)
    found = gn.saliency(net, X, target)
    np.testing.assert_allclose(found, differences(outputs_of(net), X, places), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(gn.saliency(net, X, target, times_input=True), found * X, rtol=1e-12)


def test_a_classifier_is_asked_for_its_prediction() -> None:
    model = gn.Model(network(), "cross_entropy", "sgd", dtype="float64")
    np.testing.assert_array_equal(gn.saliency(model, X), gn.saliency(model, X, model.predict_classes(X)))
    single = gn.Model(gn.Sequential(gn.Dense(1)), "binary_cross_entropy", "sgd")
    single.network.build((3,))
    np.testing.assert_array_equal(gn.saliency(single, X), np.broadcast_to(single.network.parameters[:3], (5, 3)))


@pytest.mark.parametrize("loss", ["mean_squared_error", "binary_cross_entropy", gn.losses.JointCrossEntropy([2, 2])])
def test_no_output_is_chosen_where_several_are_meant(loss: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="target=0"):
        gn.saliency(gn.Model(network(), loss, "sgd", dtype="float64"), X)
    with pytest.raises(gn.ConfigurationError, match="target=0"):
        gn.saliency(network(), X)


def test_outputs_of_several_axes() -> None:
    net = gn.Sequential(gn.Conv1D(2, 2), "tanh")
    net.build((4, 3), dtype="float64")
    x = RNG.normal(size=(2, 4, 3))
    found = gn.saliency(net, x, (np.array([0, 2]), 1))
    for row, step in enumerate((0, 2)):
        slopes = differences(lambda rows, step=step: outputs_of(net)(rows)[:, step], x, np.array([1, 1]))
        np.testing.assert_allclose(found[row], slopes[row], rtol=1e-7, atol=1e-9)
    with pytest.raises(gn.ConfigurationError, match="one for each axis"):
        gn.saliency(net, x, 0)


def test_batch_norm_dropout_and_pooling_are_as_in_prediction() -> None:
    """A row's derivative depends on that row alone."""
    net = gn.Sequential(
        *(gn.Conv2D(3, 2), gn.BatchNorm(), "relu", gn.MaxPool2D(2), gn.Dropout(0.5), gn.Conv2D(4, 1)),
        gn.GlobalMaxPool(),
    )
    rng = np.random.default_rng(2)
    x, y = rng.normal(3, 2, size=(40, 2, 7, 7)), rng.integers(0, 4, 40)
    model = gn.Model(net, "cross_entropy", gn.Adam(0.01), dtype="float64")
    model.fit(x, y, epochs=2, verbose=False)
    target = np.array([0, 1, 2, 3])
    found = gn.saliency(model, x[:4], target)
    np.testing.assert_allclose(found, differences(model.predict, x[:4], target), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(gn.saliency(model, x[:1], [0])[0], found[0], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_unit_is_that_of_x_and_of_the_targets(dtype: str) -> None:
    x = np.array([1000.0, 0.0, 5.0]) + np.array([100.0, 1.0, 0.01]) * RNG.normal(size=(60, 3))
    y = -400 + 30 * RNG.normal(size=(60, 2))
    net = gn.Sequential(gn.Dense(5), "tanh", gn.Dense(2))
    model = gn.Model(net, "mean_squared_error", gn.Adam(0.05), dtype=dtype)
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=3, verbose=False)
    exact = gn.Model(net.copy("float64"), "mean_squared_error", "sgd", dtype="float64")
    exact.preprocessing, exact.target_scaling = model.preprocessing, model.target_scaling
    found = gn.saliency(model, x[:5], 1)
    slopes = [
        differences(exact.predict, x[:5], np.ones(5, int), step)[:, i] for i, step in enumerate((1e-3, 1e-5, 1e-7))
    ]
    np.testing.assert_allclose(found, np.stack(slopes, axis=1), rtol=1e-5 if dtype == "float64" else 1e-3, atol=1e-6)
    np.testing.assert_allclose(gn.saliency(model, x[:5], 1, times_input=True), found * x[:5], rtol=1e-5)


def test_by_channel_standardised_images() -> None:
    x = RNG.normal([[[[5.0]], [[50.0]]]], [[[[1.0]], [[20.0]]]], size=(6, 2, 4, 4))
    net = gn.Sequential(gn.Conv2D(2, 3), gn.Flatten(), gn.Dense(2))
    model = gn.Model(net, "cross_entropy", "sgd", dtype="float64")
    model.preprocessing = gn.Standardize.by_channel(x)
    model.fit(x, [0, 1] * 3, verbose=False)
    found = gn.saliency(model, x, 1)
    np.testing.assert_allclose(found, differences(model.predict, x, np.ones(6, int), 1e-5), rtol=1e-6, atol=1e-9)


def test_integrated_gradients_of_a_product_by_hand() -> None:
    """f = (x₀ + x₁)²: on the way from 0 the mean of ∂f/∂xᵢ is x₀ + x₁, so that xᵢ gets xᵢ (x₀ + x₁)."""

    class Square(gn.NumpyLayer):
        def forward(self, x: Array) -> tuple[Array, Any]:
            return x * x, x

        def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
            return 2 * cache * dy, {}

    net = gn.Sequential(gn.Dense(1, weight_init="ones"), Square())
    net.build((2,), dtype="float64")
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    np.testing.assert_allclose(gn.integrated_gradients(net, x), x * x.sum(axis=1, keepdims=True), rtol=1e-12)
    found = gn.integrated_gradients(net, x, baseline=[1.0, 1.0])
    np.testing.assert_allclose(found, (x - 1) * (x.sum(axis=1, keepdims=True) + 2), rtol=1e-12)


def test_integrated_gradients_add_up() -> None:
    x, y = 20 + 5 * RNG.normal(size=(50, 3)), 7 + 3 * RNG.normal(size=(50, 2))
    model = gn.Model(gn.Sequential(gn.Dense(8), "tanh", gn.Dense(2)), "mean_squared_error", "sgd", dtype="float64")
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=3, verbose=False)
    mean = model.preprocessing.mean
    for baseline, start in ((None, mean[None]), (0.0, np.zeros((1, 3))), (x[:5] + 1, x[:5] + 1), (mean, mean[None])):
        found = gn.integrated_gradients(model, x[:5], 1, baseline=baseline)
        np.testing.assert_allclose(found.sum(axis=1), (model.predict(x[:5]) - model.predict(start))[:, 1], rtol=1e-9)
    with pytest.raises(gn.ShapeError, match="a row of x"):
        gn.integrated_gradients(model, x[:5], 1, baseline=[0.0, 1.0])


def test_smooth_grad_is_the_mean_over_noise() -> None:
    net = network()
    np.testing.assert_allclose(gn.smooth_grad(net, X, 1, noise=0.0, samples=3), gn.saliency(net, X, 1), rtol=1e-12)
    first, again, other = (gn.smooth_grad(net, X, 1, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    rng, rows = np.random.default_rng(4), np.ptp(X, axis=1, keepdims=True)
    mean = np.mean([gn.saliency(net, X + 0.2 * rows * rng.normal(size=X.shape), 1) for _ in range(6)], axis=0)
    np.testing.assert_allclose(gn.smooth_grad(net, X, 1, noise=0.2, samples=6, seed=4), mean, rtol=1e-10)


def test_by_the_vectors_of_an_embedding() -> None:
    net = gn.Sequential(gn.Embedding(6, 2), gn.Flatten(), gn.Dense(3))
    net.build((4,), dtype="float64")
    words = RNG.integers(0, 6, (3, 4))
    for refused in (gn.saliency, gn.integrated_gradients, gn.smooth_grad):
        with pytest.raises(gn.ConfigurationError, match=r"layer='0'"):
            refused(net, words, 0)
    found = gn.saliency(net, words, 1, layer="0")
    weight = dict(net.named_parameters())["2.weight"]
    np.testing.assert_allclose(found, np.broadcast_to(weight[:, 1].reshape(4, 2), (3, 4, 2)))
    vectors = net.activations(words)["0"]
    np.testing.assert_allclose(gn.saliency(net, words, 1, layer=net.layers[0], times_input=True), found * vectors)


def test_a_hidden_layer() -> None:
    net = network()
    found = gn.saliency(net, X, 2, layer=1)
    np.testing.assert_allclose(found, np.broadcast_to(net.named_parameters()[2][1][:, 2], (5, 6)))


@pytest.mark.parametrize("target", [1.0, True, "setosa", None, (1, 2), [[1]], np.array(1.5)])
def test_targets_that_are_none(target: Any) -> None:
    with pytest.raises((gn.ConfigurationError, gn.ShapeError), match="target"):
        gn.saliency(network(), X, target)


def test_mistakes_are_explained() -> None:
    net = network()
    for target in (4, -1, [0, 1, 2, 3, 4]):
        with pytest.raises(gn.DataError, match="from 0 to 3"):
            gn.saliency(net, X, target)
    with pytest.raises(gn.ShapeError, match="one for each row"):
        gn.saliency(net, X, [0, 1])
    with pytest.raises(gn.ConfigurationError, match=r"net\.summary"):
        gn.saliency(net, X, 0, layer="9")
    with pytest.raises(gn.ShapeError, match="layer 0"):
        gn.saliency(net, X[:, :2], 0)
    with pytest.raises(gn.DataError, match="inf"):
        gn.saliency(net, np.full((1, 3), np.inf), 0)
    with pytest.raises(gn.NotBuiltError):
        gn.saliency(gn.Sequential(gn.Dense(2)), X, 0)
    for wrong in ({"steps": 0}, {"steps": 2.5}):
        with pytest.raises(gn.ConfigurationError, match="steps"):
            gn.integrated_gradients(net, X, 0, **wrong)  # type: ignore[arg-type]
    with pytest.raises(gn.ConfigurationError, match="noise"):
        gn.smooth_grad(net, X, 0, noise=-1)
    with pytest.raises(gn.ConfigurationError, match="times_input"):
        gn.saliency(net, X, 0, times_input="yes")  # type: ignore[arg-type]
