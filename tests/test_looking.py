"""Activations and gradients by name: of every layer, by hand, in both modes; nothing of the model changes."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from gradients import layer_cases, rows_for
from models import assert_same, classifier, state_of
from parts import Affine, MyDrawingLayer, MyDropout, RunningMean, Square, Swish, Tower

import glassnet as gn

Array = np.ndarray
X = np.random.default_rng(0).normal(size=(6, 3))


def through(net: gn.Network, x: Array, *, training: bool = False) -> Array:
    return net.forward(gn.NumpyRunner(step=0), x, training=training)[0]


@pytest.mark.parametrize(("name", "build", "shape"), list(layer_cases()))
def test_every_layer_shows_what_it_gives_and_gets(
    name: str, build: Callable[[], gn.Network], shape: tuple[int, ...]
) -> None:
    """Every path of ``walk``, the input's derivative against differences, in prediction mode."""
    rng = np.random.default_rng(0)
    net = build()
    if not net.is_built:
        net.build(shape, dtype="float64")
    for segment in net.layout:
        if not segment.trainable:
            segment.view(net.parameters)[...] = rng.uniform(0.5, 1.5, segment.shape)
    x = rows_for(net, rng, 3)
    found = net.activations(x)
    assert list(found) == [path for path, _ in net.walk()]
    for path, layer in net.walk():
        assert found[path].shape == (3, *(layer.output_shape or ())), name
    outputs = through(net, x)
    if isinstance(net, gn.Sequential):
        np.testing.assert_array_equal(found[str(len(net.layers) - 1)], outputs)
    y = rng.normal(size=outputs.shape)
    given = gn.gradients(net, x, y, loss="mean_squared_error")
    assert given.layers.keys() == found.keys()
    loss = gn.losses.MeanSquaredError()
    assert given.loss == loss(outputs, y)[0]
    if given.input is not None:
        places = [p for p in np.ndindex(x.shape) if not np.isnan(given.input[p])][:: max(1, x.size // 12)]
        for place in places:
            sides = []
            for step in (1e-6, -1e-6):
                moved = x.copy()
                moved[place] += step
                sides.append(loss(through(net, moved), y)[0])
            assert given.input[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-5, abs=1e-8), name


def test_gradients_by_hand() -> None:
    """y = relu(x W) V, ½ Σ (y − t)²: the δ of each layer as textbooks have it."""
    w, v = np.array([[1.0, -1.0], [2.0, 0.5]]), np.array([[3.0], [-2.0]])
    net = gn.Sequential(gn.Dense(2, weight_init=w), gn.ReLU(), gn.Dense(1, weight_init=v))
    net.build((2,), dtype="float64")
    x, t = np.array([[1.0, 1.0], [1.0, 4.0]]), np.array([[1.0], [2.0]])
    z = x @ w
    h = np.maximum(z, 0)
    delta = h @ v - t
    found = gn.gradients(net, x, t, loss="sum_squared_error")
    assert found.loss == pytest.approx(0.5 * np.sum(delta**2))
    np.testing.assert_allclose(found.layers["2"], delta)
    np.testing.assert_allclose(found.layers["1"], delta @ v.T)
    np.testing.assert_allclose(found.layers["0"], delta @ v.T * (z > 0))
    np.testing.assert_allclose(found.input, delta @ v.T * (z > 0) @ w.T)
    np.testing.assert_allclose(found.parameters["2.weight"], h.T @ delta)
    np.testing.assert_allclose(found.parameters["0.bias"], (delta @ v.T * (z > 0)).sum(axis=0))


def test_some_layers_in_the_order_asked_for() -> None:
    net = gn.Sequential(gn.Dense(3), gn.Residual(gn.Dense(3), "tanh"), gn.Concat(gn.Dense(1), [gn.Dense(2), "relu"]))
    net.build((3,))
    everything = net.activations(X)
    assert list(everything) == [path for path, _ in net.walk()]
    found = net.activations(X, ["2.1.1", 0, net.layers[1]])
    assert list(found) == ["2.1.1", "0", "1"]
    for path, array in found.items():
        np.testing.assert_array_equal(array, everything[path])
    assert list(net.activations(X, "1.residual.0")) == ["1.residual.0"]
    np.testing.assert_array_equal(everything["1"], everything["0"] + np.tanh(everything["1.residual.0"]))
    np.testing.assert_array_equal(everything["2"], np.concatenate([everything["2.0"], everything["2.1"]], axis=1))


def test_a_layer_in_plain_numpy_is_found_as_the_object_that_the_user_made() -> None:
    square = Square()
    net = gn.Sequential(gn.Dense(3), square)
    net.build((3,))
    found = net.activations(X, square)
    np.testing.assert_array_equal(found["1"], net.activations(X, 0)["0"] ** 2)


def test_layers_with_names() -> None:
    net = gn.Sequential(gn.Dense(3), gn.Sequential(gn.Dense(2)))
    net[0].name, net[1].name, net[1][0].name = "code", "head", "inner"
    net.build((3,))
    assert list(net.activations(X)) == ["code", "head", "head.inner"]
    for names in ("head.inner", net["head"][0]):
        assert list(net.activations(X, names)) == ["head.inner"]
    assert list(net.activations(X, [0, -1])) == ["code", "head"]
    found = gn.gradients(net, X, np.ones((6, 2)), loss="mean_squared_error")
    assert list(found.parameters) == ["code.weight", "code.bias", "head.inner.weight", "head.inner.bias"]


def test_a_layer_in_two_places() -> None:
    """Each place shows what it gives; gradients of the weights are summed, and so is what the products make of them."""
    rng = np.random.default_rng(0)
    shared = gn.Dense(3)
    net = gn.Sequential(shared, "tanh", shared, gn.Dense(2))
    net.build((3,), dtype="float64")
    found = net.activations(X)
    assert list(found) == ["0", "1", "2", "3"]
    np.testing.assert_allclose(found["2"], np.tanh(found["0"]) @ shared.weight.value + shared.bias.value)
    y, loss = rng.normal(size=(6, 2)), gn.losses.MeanSquaredError()
    given = gn.gradients(net, X, y, loss=loss)
    v, w = rng.normal(size=(2, net.parameters.size))
    start, sides, slopes = net.parameters.copy(), [], []
    for sign in (1, -1):
        net.parameters[...] = start + sign * 1e-5 * v
        sides.append(loss(through(net, X), y)[0])
        slopes.append(gn.gradients(net, X, y, loss=loss).flat)
    net.parameters[...] = start
    assert given.flat @ v == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-7)
    product = gn.hvp(net, X, y, v, loss=loss)[1]
    np.testing.assert_allclose(product, (slopes[0] - slopes[1]) / 2e-5, rtol=1e-6, atol=1e-8)
    outputs, change = gn.jvp(net, X, w, wrt="parameters")
    assert np.sum(change) == pytest.approx(gn.vjp(net, X, np.ones_like(outputs), wrt="parameters")[1] @ w, rel=1e-8)


def test_frozen_layers_are_left_out_of_the_parameters() -> None:
    net = gn.Sequential(gn.Dense(4), gn.BatchNorm(), "tanh", gn.Dense(2))
    net.build((3,), dtype="float64")
    whole = gn.gradients(net, X, X[:, :2], loss="mean_squared_error")
    net[0].freeze()
    net[1].freeze()
    found = gn.gradients(net, X, X[:, :2], loss="mean_squared_error")
    assert list(found.parameters) == ["3.weight", "3.bias"]
    for path, gradient in found.parameters.items():
        np.testing.assert_array_equal(gradient, whole.parameters[path])
    assert np.count_nonzero(found.flat) == 10
    np.testing.assert_array_equal(found.input, whole.input)
    v = {"3.weight": np.ones((4, 2))}
    product = gn.hvp(net, X, X[:, :2], v, loss="mean_squared_error")[1]
    assert isinstance(product, dict)
    assert list(product) == ["3.weight", "3.bias"]
    with pytest.raises(gn.ConfigurationError, match="unfreeze"):
        gn.hvp(net, X, X[:, :2], {"0.bias": np.ones(4)}, loss="mean_squared_error")


class Product(gn.Layer):
    """Where two arrays meet."""

    def join(self, run: gn.Runner, parts: Any) -> tuple[Array, Any]:
        return parts[0] * parts[1], parts

    def part(self, run: gn.Runner, dy: Array, cache: Any) -> list[Array]:
        return [dy * cache[1], dy * cache[0]]

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        raise AssertionError

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        raise AssertionError


class Squared(gn.Sequential):
    """Its layers' output times itself."""

    def __init__(self, *layers: gn.Layer) -> None:
        super().__init__(*layers)
        self.product = Product()

    def walk(self, prefix: str = "") -> Any:
        yield from super().walk(prefix)
        yield f"{prefix}.product".lstrip("."), self.product

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        y, caches = super().forward(run, x, training=training)
        joined, cache = run.join(self.product, [y, y])
        return joined, [*caches, cache]

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        first, second = run.part(self.product, dy, cache[-1])
        return super().backward(run, first + second, cache[:-1])


def test_layers_where_arrays_meet() -> None:
    net = Squared(gn.Dense(2))
    net.build((3,), dtype="float64")
    found = net.activations(X)
    assert list(found) == ["0", "product"]
    np.testing.assert_array_equal(found["product"], found["0"] ** 2)
    given = gn.gradients(net, X, np.zeros((6, 2)), loss="mean_squared_error")
    np.testing.assert_allclose(given.layers["0"], 2 * found["0"] * given.layers["product"])


def test_activations_are_the_callers_own() -> None:
    """Flatten and Dropout hand on what they were given: here each has its own array."""
    net = gn.Sequential(gn.Dense(3), gn.Dropout(0.5), gn.Flatten(), gn.Identity())
    net.build((3,))
    found = net.activations(X)
    found["0"][...] = 7
    found["2"][...] = 8
    np.testing.assert_array_equal(found["1"], net.activations(X)["1"])
    x = X.astype(np.float32)
    kept = gn.Sequential(gn.Dropout(0.5))
    kept.build((3,))
    kept.activations(x)["0"][...] = 9
    np.testing.assert_array_equal(x, X.astype(np.float32))


def test_a_model_shows_what_its_network_gets_after_the_preprocessing() -> None:
    x, y = 100 + 10 * X, X[:, :2] * 50
    model = gn.Model(gn.Sequential(gn.Dense(4), "tanh", gn.Dense(2)), "mean_squared_error", "sgd", dtype="float64")
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=2, verbose=False)
    found = model.activations(x)
    np.testing.assert_array_equal(found["1"], model.network.activations(model.preprocessing.apply(x), 1)["1"])
    np.testing.assert_allclose(model.target_scaling.invert(found["2"]), model.predict(x), rtol=1e-12)


def differences(model: gn.Model, x: Array, y: Array, step: float) -> Array:
    """∂L/∂x by central differences of ``evaluate``."""
    found = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        sides = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            sides.append(model.evaluate(moved, y)["loss"])
        found[place] = (sides[0] - sides[1]) / (2 * step)
    return found


def test_the_inputs_gradient_is_in_the_unit_of_x() -> None:
    x, y = 100 + np.array([10.0, 1.0, 0.1]) * X, X[:, :1] * 50
    model = gn.Model(gn.Sequential(gn.Dense(4), "tanh", gn.Dense(1)), "mean_squared_error", "sgd", dtype="float64")
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=2, verbose=False)
    found = model.gradients(x, y)
    assert found.loss == pytest.approx(model.evaluate(x, y)["loss"], rel=1e-12)
    np.testing.assert_allclose(found.input, differences(model, x, y, 1e-5), rtol=1e-6, atol=1e-9)


def test_looked_up_numbers_have_no_derivative() -> None:
    net = gn.Sequential(gn.Concat([gn.Columns([0]), gn.Embedding(5, 2), gn.Flatten()], gn.Columns([1, 2])), gn.Dense(1))
    net.build((3,))
    x = np.array([[1, 0.5, 0.25], [4, 0.125, 1]])
    found = gn.gradients(net, x, np.ones((2, 1)), loss="mean_squared_error")
    assert found.input is not None
    assert np.isnan(found.input).tolist() == [[True, False, False]] * 2
    words = gn.Sequential(gn.Embedding(5, 2), gn.Flatten(), gn.Dense(1))
    words.build((3,))
    found = gn.gradients(words, np.array([[1, 2, 3]]), np.ones((1, 1)), loss="mean_squared_error")
    assert found.input is None
    assert found.layers["0"].shape == (1, 3, 2)


def test_of_a_table_the_inputs_columns_are_named() -> None:
    rng = np.random.default_rng(0)
    rows = {"length": rng.normal(size=30).tolist(), "colour": rng.choice(["red", "blue", "green"], 30).tolist()}
    table = gn.Table.from_data(rows)
    model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "sgd")
    model.preprocessing = table
    y = rng.integers(0, 2, 30)
    model.fit(rows, y, verbose=False)
    found = model.gradients(rows, y)
    assert found.features == table.features
    assert found.input is not None
    assert found.input.shape == (30, len(table.features))
    with pytest.raises(gn.ConfigurationError, match=r"preprocessing\.features"):
        gn.saliency(model, rows)
    assert gn.saliency(model.network, table.apply(rows), target=0).shape == found.input.shape


def test_sample_weights_and_class_weights_count() -> None:
    rng = np.random.default_rng(0)
    y, weight = rng.integers(0, 3, 6), rng.uniform(size=6)
    net = gn.Sequential(gn.Dense(3))
    net.build((3,), dtype="float64")
    loss = gn.losses.CrossEntropy(class_weight={0: 3.0})
    model = gn.Model(net, loss, "sgd", dtype="float64")
    found = model.gradients(X, y, weight)
    value, slope = loss(through(net, X), y, weight)
    assert found.loss == value
    np.testing.assert_array_equal(found.layers["0"], slope)
    np.testing.assert_allclose(found.parameters["0.weight"], X.T @ slope, rtol=1e-12)


def everything() -> tuple[gn.Model, Array, Array]:
    """A model with all that could change: dropout, running statistics, own layers, an optimizer with a memory."""
    net = gn.Sequential(
        *(gn.Dense(6), gn.BatchNorm(), "tanh", gn.Dropout(0.3), gn.Residual(gn.Dense(6), Square())),
        *(RunningMean(), MyDropout(0.2), Affine(), Swish(), gn.Dense(3)),
    )
    model = gn.Model(net, "cross_entropy", gn.Adam(0.01), ["accuracy"], seed=3)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)), rng.integers(0, 3, 40)
    model.fit(x, y, epochs=2, verbose=False)
    return model, x, y


LOOKS: dict[str, Callable[[gn.Model, Array, Array], Any]] = {
    "activations": lambda m, x, y: m.activations(x),
    "activations while training": lambda m, x, y: m.activations(x, training=True),
    "of the network": lambda m, x, y: m.network.activations(x, training=True),
    "gradients": lambda m, x, y: m.gradients(x, y),
    "gradients while training": lambda m, x, y: m.gradients(x, y, training=True),
    "saliency": lambda m, x, y: gn.saliency(m, x),
    "of a layer": lambda m, x, y: gn.saliency(m, x, layer="2"),
    "integrated gradients": lambda m, x, y: gn.integrated_gradients(m, x, steps=3),
    "smooth grad": lambda m, x, y: gn.smooth_grad(m, x, samples=3),
    "jvp": lambda m, x, y: gn.jvp(m, x, x),
    "vjp": lambda m, x, y: gn.vjp(m, x, m.predict(x), wrt="parameters"),
    "hvp": lambda m, x, y: gn.hvp(m, x, y, {"0.weight": np.ones((4, 6))}),
    "trace": lambda m, x, y: gn.trace(m, x, y),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_looking_changes_nothing(look: str, engine: str) -> None:
    model, x, y = everything()
    model.engine = engine
    other = deepcopy(model)
    given = x.copy(), y.copy()
    gradients = model.network.gradients.tobytes()
    for _ in range(2):
        LOOKS[look](model, x, y)
    np.testing.assert_array_equal(x, given[0])
    np.testing.assert_array_equal(y, given[1])
    assert model.network.gradients.tobytes() == gradients
    empty = gn.History()
    assert_same(state_of(model, empty), state_of(other, empty))
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
    histories = [m.fit(x, y, epochs=2, verbose=False) for m in (model, other)]
    assert_same(state_of(model, histories[0]), state_of(other, histories[1]))


def test_while_training_it_is_the_step_that_comes_next(blobs: tuple[Array, Array]) -> None:
    """Dropout masks and batch statistics of the update that one batch of ``fit`` makes."""
    x, y = blobs
    net = gn.Sequential(gn.Dense(8), gn.BatchNorm(), "tanh", gn.Dropout(0.3), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", gn.SGD(0.1), seed=5, dtype="float64")
    model.fit(x, y, verbose=False)
    before = net.parameters.copy()
    found = model.gradients(x, y, training=True)
    kept = model.activations(x, training=True)
    assert (kept["3"] == 0).any()
    assert not np.array_equal(kept["1"], model.activations(x)["1"])
    assert found.loss == pytest.approx(gn.trace(model, x, y).loss, rel=1e-12)
    history = model.fit(x, y, batch_size=None, shuffle=False, verbose=False)
    assert history["loss"][0] == pytest.approx(found.loss, rel=1e-9)
    trained = np.concatenate([np.full(s.stop - s.start, s.trainable) for s in net.layout])
    np.testing.assert_allclose((before - 0.1 * found.flat)[trained], net.parameters[trained], rtol=1e-7, atol=1e-9)


def test_penalties_are_no_part(blobs: tuple[Array, Array]) -> None:
    x, y = blobs
    model = classifier(optimizer=[gn.L2(1.0), gn.SGD(0.1)])
    model.fit(x, y, verbose=False)
    plain = gn.Model(model.network, "cross_entropy", "sgd")
    np.testing.assert_array_equal(model.gradients(x, y).flat, plain.gradients(x, y).flat)


def test_own_networks_and_layers() -> None:
    net = gn.Sequential(Tower(4), Affine(), MyDropout(0.5), gn.Dense(2))
    net.build((3,), dtype="float64")
    found = net.activations(X)
    assert list(found) == [path for path, _ in net.walk()]
    np.testing.assert_array_equal(found["2"], found["1"])
    given = gn.gradients(net, X, np.ones((6, 2)), loss="mean_squared_error")
    assert given.parameters.keys() == dict(net.named_parameters()).keys()


class OwnPool(gn.MaxPool2D):
    """A class of one's own that changes nothing of the passes."""


class OwnNorm(gn.BatchNorm):
    """One that changes the forward pass."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        y, cache = super().forward(run, x, training=training)
        return 2 * y, cache


def test_own_classes_derived_from_ours() -> None:
    net = gn.Sequential(OwnPool(2))
    net.build((1, 4, 4), dtype="float64")
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    assert gn.saliency(net, x, target=(0, 1, 1)).ravel().tolist() == [0.0] * 15 + [1.0]
    norm = gn.Sequential(OwnNorm())
    norm.build((3,), dtype="float64")
    np.testing.assert_array_equal(norm.activations(X)["0"], through(norm, X))
    with pytest.raises(gn.ConfigurationError, match="training"):
        gn.gradients(norm, X, X, loss="mean_squared_error")


def test_own_layers_whose_backward_follows_training_alone() -> None:
    net = gn.Sequential(gn.Dense(3), MyDrawingLayer())
    net.build((3,))
    with pytest.raises(gn.ConfigurationError, match=r"(?s)MyDrawingLayer.*training=True"):
        gn.gradients(net, X, X, loss="mean_squared_error")
    assert gn.gradients(net, X, X, loss="mean_squared_error", training=True).loss > 0


class Forgetful(gn.Layer):
    """Leaves its gradient unwritten."""

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.scale = self.add_parameter("scale", input_shape, "ones")
        return input_shape

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        return x * self.scale.value, x

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        self.scale.gradient += (dy * cache).sum(axis=0)
        return dy * self.scale.value


class Unseen(gn.Network):
    """Calls its layer past the runner."""

    def __init__(self) -> None:
        self.inner = gn.Dense(2)

    def children(self) -> Any:
        yield "inner", self.inner

    def _put_children(self, children: Any) -> None:
        (self.inner,) = children

    def _build_children(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.inner.input_shape = input_shape
        self.inner.output_shape = self.inner.build(input_shape, rng)
        return self.inner.output_shape

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        return self.inner.forward(run, x, training=training)

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        return self.inner.backward(run, dy, cache)


def test_mistakes_are_explained() -> None:
    net = gn.Sequential(gn.Dense(3), gn.Residual(gn.Dense(3)), Forgetful())
    with pytest.raises(gn.NotBuiltError):
        net.activations(X)
    with pytest.raises(gn.NotBuiltError):
        gn.Model(net, "mean_squared_error", "sgd").gradients(X, X)
    assert not net.is_built
    net.build((3,))
    with pytest.raises(gn.ConfigurationError, match=r"did you mean '1\.residual'"):
        net.activations(X, ["0", "1.resdual"])
    for wrong in (7, -4, True, gn.Dense(3), "dense"):
        with pytest.raises(gn.ConfigurationError, match=r"net\.summary"):
            net.activations(X, wrong)  # type: ignore[arg-type]
    with pytest.raises(gn.ShapeError, match="layer 0"):
        net.activations(np.ones((2, 4)))
    with pytest.raises(gn.DataError, match="nan"):
        net.activations(np.full((2, 3), np.nan))
    with pytest.raises(gn.ConfigurationError, match=r"2\.scale.*unwritten"):
        gn.gradients(net, X, X, loss="mean_squared_error")
    with pytest.raises(gn.ConfigurationError, match="without a loss"):
        gn.gradients(net, X, X)
    with pytest.raises(gn.ShapeError):
        gn.gradients(net, X, X[:, :2], loss="mean_squared_error")
    words = gn.Sequential(gn.Embedding(4, 2))
    words.build((3,))
    with pytest.raises(gn.DataError, match="looks up"):
        words.activations(np.full((1, 3), 9))
    unseen = gn.Sequential(Unseen())
    unseen.build((3,))
    assert list(unseen.activations(X)) == ["0"]
    with pytest.raises(gn.ConfigurationError, match=r"run\.forward"):
        unseen.activations(X, "0.inner")
