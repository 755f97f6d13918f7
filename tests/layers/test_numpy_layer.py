"""A user's layer in plain NumPy: inside networks, checked, trained, traced, and refused with its name when wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.errors import GlassnetError, ShapeError
from glassnet.layers import PythonLayer

Shape = tuple[int, ...]


class Affine(gn.NumpyLayer):
    """y = scale · x + shift, element by element."""

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        self.add_parameter("scale", input_shape, "ones")
        self.add_parameter("shift", input_shape, 0.5, is_weight=False)
        return input_shape

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return x * self.scale + self.shift, x

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy * self.scale, {"scale": (dy * cache).sum(axis=0), "shift": dy.sum(axis=0)}


class Square(gn.NumpyLayer):
    """y = x²: no parameters, no build, and an empty dict of gradients."""

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return x * x, x

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return 2 * cache * dy, {}


class MyDense(gn.NumpyLayer):
    """A layer that changes the shape and has a setting."""

    def __init__(self, units: int, *, scale: float = 1.0) -> None:
        self.units, self.scale = units, scale

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        self.add_parameter("weight", (*input_shape, self.units), gn.initializers.Normal(self.scale))
        return (self.units,)

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return x @ self.weight, x

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy @ self.weight.T, {"weight": cache.T @ dy}


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def forward_and_backward(net: gn.Network, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y and dx of a built network."""
    run = gn.NumpyRunner()
    y, cache = net.forward(run, x, training=True)
    return y, net.backward(run, dy, cache)


# What it can do


def test_parameters_are_declared_named_and_views_of_the_flat_buffer():
    net = gn.Sequential(gn.Dense(3), Affine())
    assert net.build((2,)) == (3,)
    assert [(name, array.shape) for name, array in net.named_parameters()] == [
        ("0.weight", (2, 3)),
        ("0.bias", (3,)),
        ("1.scale", (3,)),
        ("1.shift", (3,)),
    ]
    named = dict(net.named_parameters())
    assert named["1.scale"].tolist() == [1, 1, 1]
    assert named["1.shift"].tolist() == [0.5, 0.5, 0.5]
    assert named["1.scale"].dtype == np.float32
    assert [(s.path, s.is_weight) for s in net.layout if s.path.startswith("1.")] == [
        ("1.scale", True),
        ("1.shift", False),
    ]
    net.parameters[:] = 7
    assert named["1.shift"].tolist() == [7, 7, 7]


def test_forward_backward_and_gradients_by_name_by_hand():
    net = gn.Sequential(Affine())
    net.build((2,), dtype="float64")
    net.parameters[:] = [2.0, 3.0, -1.0, 1.0]
    x, dy = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0, 0.5], [-1.0, 2.0]])
    y, dx = forward_and_backward(net, x, dy)
    np.testing.assert_array_equal(y, [[1.0, 7.0], [5.0, -2.0]])
    np.testing.assert_array_equal(dx, [[2.0, 1.5], [-2.0, 6.0]])
    gradients = {name: array.tolist() for name, array in net.named_gradients()}
    # Σ_n dy x = 1 − 3 and 1 − 2; Σ_n dy = 0 and 2.5
    assert gradients == {"0.scale": [-2.0, -1.0], "0.shift": [0.0, 2.5]}
    np.testing.assert_array_equal(net.gradients, [-2.0, -1.0, 0.0, 2.5])


def test_backward_overwrites_the_gradients_of_the_step_before():
    net = gn.Sequential(Affine())
    net.build((2,), dtype="float64")
    x, dy = numbers(4, 2), numbers(4, 2, seed=1)
    forward_and_backward(net, x, dy)
    once = net.gradients.copy()
    forward_and_backward(net, x, dy)
    np.testing.assert_array_equal(net.gradients, once)


@pytest.mark.parametrize(
    "net",
    [
        gn.Sequential(Affine()),
        gn.Sequential(gn.Dense(4), Square(), gn.Dense(3)),
        gn.Sequential(gn.Dense(4), MyDense(3), gn.Tanh(), Affine()),
        gn.Sequential(gn.Residual(MyDense(5), gn.Tanh(), MyDense(2))),
        gn.Sequential(gn.Concat([MyDense(3), Square()], Affine())),
    ],
    ids=repr,
)
def test_gradients_agree_with_central_differences(net: gn.Network):
    report = gn.check_gradients(net, numbers(5, 2))
    assert report, str(report)
    report = gn.check_gradients(MyDense(3), numbers(5, 2), np.array([0, 1, 2, 1, 0]), loss="cross_entropy")
    assert report, str(report)


def test_a_wrong_gradient_is_found():
    class Wrong(Affine):
        def backward(self, dy, cache):
            dx, gradients = super().backward(dy, cache)
            return dx, gradients | {"shift": 1.01 * gradients["shift"]}

    assert not gn.check_gradients(gn.Sequential(gn.Dense(3), Wrong()), numbers(5, 2))


def test_it_equals_the_librarys_own_layer():
    weight = numbers(2, 3)
    own, mine = gn.Sequential(gn.Dense(3, use_bias=False, weight_init=weight)), gn.Sequential(MyDense(3))
    x, dy = numbers(6, 2, seed=1), numbers(6, 3, seed=2)
    for net in (own, mine):
        net.build((2,), dtype="float64")
    mine.parameters[:] = weight.ravel()
    for first, second in zip(forward_and_backward(own, x, dy), forward_and_backward(mine, x, dy), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-14)
    np.testing.assert_allclose(own.gradients, mine.gradients, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradients_have_the_networks_dtype(dtype: str):
    class Careless(Square):
        def forward(self, x):
            return (x * x).astype(np.float64), x

        def backward(self, dy, cache):
            return (2.0 * cache * dy).astype(np.float64), None

    net = gn.Sequential(Careless())
    net.build((3,), dtype=dtype)
    y, dx = forward_and_backward(net, numbers(2, 3).astype(dtype), numbers(2, 3).astype(dtype))
    assert y.dtype == dx.dtype == dtype


def test_a_network_with_it_trains():
    x = numbers(200, 2)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = gn.Sequential(gn.Dense(8), Square(), Affine(), gn.Dense(2))
    model = gn.Model(net, "cross_entropy", gn.Adam(0.02), metrics=["accuracy"])
    history = model.fit(x, y, epochs=40, verbose=False)
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert model.evaluate(x, y)["accuracy"] > 0.95
    assert dict(net.named_parameters())["2.scale"].tolist() != [1.0] * 8


def test_weight_decay_and_penalties_spare_what_is_no_weight():
    net = gn.Sequential(Affine())
    net.build((2,), dtype="float64")
    gn.Chain(gn.WeightDecay(1.0), gn.SGD(0.1)).step(net.parameters, np.zeros(4), net.layout)
    np.testing.assert_allclose(net.parameters, [0.9, 0.9, 0.5, 0.5])


def test_its_calls_are_traced():
    net = gn.Sequential(Affine())
    net.build((2,))
    run = gn.TracingRunner()
    y, cache = net.forward(run, np.ones((3, 2), np.float32), training=True)
    net.backward(run, y, cache)
    assert [(call.path, call.kernel, call.caller) for call in run.calls] == [
        ("0", "python_forward", "Affine()"),
        ("0", "python_backward", "Affine()"),
    ]
    np.testing.assert_array_equal(run.calls[0].outputs["y"], y)
    np.testing.assert_array_equal(run.calls[1].outputs["gradients[0]"], dict(net.named_gradients())["0.scale"])


def test_one_object_may_be_called_again_before_its_backward():
    """The cache travels with the call, not on the layer."""
    net = gn.Sequential(Square())
    net.build((1,), dtype="float64")
    run = gn.NumpyRunner()
    _, first = net.forward(run, np.array([[1.0]]), training=True)
    _, second = net.forward(run, np.array([[5.0]]), training=True)
    assert net.backward(run, np.array([[1.0]]), first).tolist() == [[2.0]]
    assert net.backward(run, np.array([[1.0]]), second).tolist() == [[10.0]]


def test_two_networks_with_copies_keep_their_own_parameters():
    net = gn.Sequential(Affine())
    net.build((1,), dtype="float64")
    twin = net.copy()
    twin.parameters[:] = [5.0, 1.0]
    run = gn.NumpyRunner()
    assert twin.forward(run, np.array([[2.0]]), training=False)[0].tolist() == [[11.0]]
    assert net.forward(run, np.array([[2.0]]), training=False)[0].tolist() == [[2.5]]
    assert twin.forward(run, np.array([[2.0]]), training=False)[0].tolist() == [[11.0]]


def test_building_again_for_another_shape():
    net = gn.Sequential(MyDense(3))
    assert net.build((2,)) == (3,)
    assert net.build((5,)) == (3,)
    assert [(name, array.shape) for name, array in net.named_parameters()] == [("0.weight", (5, 3))]


def test_how_it_prints():
    assert repr(PythonLayer(MyDense(3, scale=0.1))) == repr(MyDense(3, scale=0.1)) == "MyDense(3, scale=0.1)"
    assert repr(gn.Sequential(gn.Dense(2), Square())) == "Sequential(Dense(2), Square())"


# Mistakes


def broken(**methods: Any) -> gn.Network:
    """A network whose layer 1 is an ``Affine`` with some methods replaced."""
    net = gn.Sequential(gn.Dense(3), type("Broken", (Affine,), methods)())
    net.build((2,), dtype="float64")
    return net


def refusal(net: gn.Network) -> ShapeError:
    """The error that a forward and backward pass raises; it names layer 1."""
    with pytest.raises(ShapeError) as caught:
        forward_and_backward(net, numbers(4, 2), numbers(4, 3))
    assert caught.value.where == "layer 1 (Broken())"
    assert "layer" in caught.value.fix
    return caught.value


GOOD = {"scale": np.zeros(3), "shift": np.zeros(3)}


@pytest.mark.parametrize(
    ("methods", "received", "expected"),
    [
        ({"forward": lambda self, x: x}, "a ndarray from forward", "the pair (y, cache)"),
        ({"forward": lambda self, x: None}, "a NoneType from forward", "the pair (y, cache)"),
        ({"forward": lambda self, x: (x, x, x)}, "a tuple from forward", "the pair (y, cache)"),
        ({"forward": lambda self, x: (x[:, :2], x)}, "y returned by forward of shape (4, 2)", "(4, 3)"),
        ({"forward": lambda self, x: (x.sum(), x)}, "y returned by forward of shape ()", "(4, 3)"),
        ({"backward": lambda self, dy, cache: dy}, "a ndarray from backward", "the pair (dx, gradients)"),
        ({"backward": lambda self, dy, cache: (dy, {})}, "gradients for []", "['scale', 'shift']"),
        ({"backward": lambda self, dy, cache: (dy, None)}, "gradients for []", "['scale', 'shift']"),
        (
            {"backward": lambda self, dy, cache: (dy, {"scale": dy.sum(0)})},
            "gradients for ['scale']",
            "one entry for each of ['scale', 'shift']",
        ),
        (
            {"backward": lambda self, dy, cache: (dy, {"scale": dy.sum(0), "shfit": dy.sum(0)})},
            "gradients for ['scale', 'shfit']",
            "one entry for each of ['scale', 'shift']",
        ),
        (
            {"backward": lambda self, dy, cache: (dy, GOOD | {"more": dy.sum(0)})},
            "gradients for ['more', 'scale', 'shift']",
            "one entry for each of ['scale', 'shift']",
        ),
        ({"backward": lambda self, dy, cache: (dy, GOOD | {"shift": dy})}, "gradient of shift of shape (4, 3)", "(3,)"),
        ({"backward": lambda self, dy, cache: (dy.T, GOOD)}, "dx returned by backward of shape (3, 4)", "(4, 3)"),
        # gradients in another form than a dict: what a beginner returns for a layer with one or two parameters
        ({"backward": lambda self, dy, cache: (dy, dy.sum(0))}, "ndarray", "['scale', 'shift']"),
        ({"backward": lambda self, dy, cache: (dy, [dy.sum(0), dy.sum(0)])}, "list", "['scale', 'shift']"),
        ({"backward": lambda self, dy, cache: (dy, 3.0)}, "float", "['scale', 'shift']"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_mistakes_name_the_layer_what_it_gave_and_what_was_needed(methods, received, expected):
    error = refusal(broken(**methods))
    assert received in error.received
    assert expected in error.expected


def test_a_pair_as_a_list_is_no_pair():
    assert "a list from forward" in refusal(broken(forward=lambda self, x: [x, x])).received


def test_a_wrong_shape_from_build_is_found_by_the_next_layer():
    net = gn.Sequential(type("Tall", (Square,), {"build": lambda self, shape, rng: (2, 2, 2)})(), gn.Dense(3))
    with pytest.raises(GlassnetError, match=r"layer 1 \(Dense\(3\)\)"):
        net.build((3,))


def test_methods_left_out_are_named_by_python():
    net = gn.Sequential(type("Empty", (gn.NumpyLayer,), {})())
    net.build((3,))
    with pytest.raises(NotImplementedError):
        net.forward(gn.NumpyRunner(), np.ones((1, 3), np.float32), training=True)


def test_a_copied_network_shares_as_before() -> None:
    layer = MyDense(3, scale=0.1)
    net = gn.Sequential(layer, gn.Tanh(), layer)
    net.build((3,), seed=0)
    copied = net.copy()
    assert len(copied.named_parameters()) == len(net.named_parameters()) == 1
    copied.layers[0].set_weights({"weight": np.ones((3, 3))})
    np.testing.assert_array_equal(copied.layers[2].weights()["weight"], np.ones((3, 3)))
    assert not np.array_equal(net.layers[0].weights()["weight"], np.ones((3, 3)))
    another = gn.Sequential(copied.layers[0].layer, gn.Dense(1))  # the copied object knows its own layer
    another.build((3,), seed=0)
    np.testing.assert_array_equal(another.layers[0].weights()["weight"], np.ones((3, 3)))
