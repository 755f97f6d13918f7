"""Products with Jacobian and Hessian: against PyTorch, against each other for every layer, at kinks, and refusals.

``golden/products.npz`` was made by ``golden/make_products.py`` with the version of PyTorch that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradients import layer_cases, loss_cases, network_for, rows_for

import glassnet as gn
from glassnet.derivatives.pieces import HELD, PiecewiseRunner
from glassnet.kernels import KERNELS, info
from glassnet.kernels.activation import leaky_relu_forward, relu_forward

Array = np.ndarray
GOLDEN = np.load(Path(__file__).with_name("golden") / "products.npz")
NETWORKS: dict[str, tuple[Callable[[], gn.Network], tuple[int, ...], str]] = {
    "smooth": (
        lambda: gn.Sequential(gn.Dense(5), gn.Tanh(), gn.Dense(4), gn.GELU(), gn.Dense(3)),
        (3,),
        "cross_entropy",
    ),
    "kinks": (
        lambda: gn.Sequential(
            gn.Dense(6),
            gn.ReLU(),
            gn.Residual(gn.Dense(6), gn.ELU(1.5)),
            gn.Sequential(gn.Dense(5), gn.LeakyReLU(0.2)),
            gn.Dense(2),
        ),
        (4,),
        "mean_squared_error",
    ),
    "images": (
        lambda: gn.Sequential(gn.Conv2D(3, 2), gn.BatchNorm(), gn.ReLU(), gn.MaxPool2D(2), gn.Flatten(), gn.Dense(3)),
        (2, 5, 5),
        "cross_entropy",
    ),
}
CASES = pytest.mark.parametrize("case", NETWORKS)


def of(case: str, kind: str) -> dict[str, Array]:
    """The arrays of a kind by path."""
    prefix = f"{case} {kind} "
    return {name.removeprefix(prefix): GOLDEN[name] for name in GOLDEN.files if name.startswith(prefix)}


def torchs(case: str) -> tuple[gn.Network, Callable[[str], Array], str]:
    """The network with torch's parameters, and what torch found."""
    make, shape, loss = NETWORKS[case]
    net = make()
    net.build(shape, dtype="float64")
    named = dict(net.named_parameters())
    values = of(case, "parameter")
    assert named.keys() == values.keys()
    for path, value in values.items():
        named[path][...] = value
    return net, lambda name: GOLDEN[f"{case} {name}"], loss


def assert_close(found: Any, expected: Any, tolerance: float = 1e-7) -> None:
    """To a share of the largest number."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * float(np.abs(expected).max()) + 1e-15)


@CASES
def test_gradients_equal_torchs(case: str) -> None:
    net, given, loss = torchs(case)
    found = gn.gradients(net, given("x"), given("y"), loss=loss)
    assert found.loss == pytest.approx(float(given("loss")), rel=1e-12)
    assert_close(found.input, given("input"), 1e-12)
    expected = of(case, "gradient")
    assert found.parameters.keys() == expected.keys()
    for path, gradient in expected.items():
        assert_close(found.parameters[path], gradient, 1e-12)


@CASES
def test_jacobian_products_equal_torchs(case: str) -> None:
    net, given, _ = torchs(case)
    outputs, tangent = gn.jvp(net, given("x"), given("v"))
    assert_close(outputs, given("outputs"), 1e-12)
    assert_close(tangent, given("jvp"))
    assert_close(gn.jvp(net, given("x"), of(case, "w"), wrt="parameters")[1], given("jvp_parameters"))
    outputs, product = gn.vjp(net, given("x"), given("u"))
    assert_close(outputs, given("outputs"), 1e-12)
    assert_close(product, given("vjp"), 1e-12)
    flat = gn.vjp(net, given("x"), given("u"), wrt="parameters")[1]
    by_path = {segment.path: segment.view(flat) for segment in net.layout}
    for path, expected in of(case, "vjp_parameters").items():
        assert_close(by_path[path], expected, 1e-12)


@CASES
def test_hessian_products_equal_torchs(case: str) -> None:
    net, given, loss = torchs(case)
    value, found = gn.hvp(net, given("x"), given("y"), of(case, "w"), loss=loss)
    assert value == pytest.approx(float(given("loss")), rel=1e-12)
    assert isinstance(found, dict)
    expected = of(case, "hvp")
    assert found.keys() == expected.keys()
    for path, product in expected.items():
        assert_close(found[path], product)
    flat = np.concatenate([of(case, "w").get(s.path, np.zeros(s.shape)).ravel() for s in net.layout])
    _, product = gn.hvp(net, given("x"), given("y"), flat, loss=loss)
    assert_close(product, np.concatenate([expected.get(s.path, np.zeros(s.shape)).ravel() for s in net.layout]))


@pytest.mark.parametrize(("name", "build", "shape"), list(layer_cases()))
def test_products_agree_for_every_layer(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...]) -> None:
    """⟨u, J v⟩ = ⟨Jᵀ u, v⟩, and the Hessian is symmetric: J by differences, Jᵀ by backward passes."""
    rng = np.random.default_rng(0)
    net = build()
    if not net.is_built:
        net.build(shape, dtype="float64")
    for segment in net.layout:
        if not segment.trainable:
            segment.view(net.parameters)[...] = rng.uniform(0.5, 1.5, segment.shape)
    x = rows_for(net, rng, 3)
    is_trained = np.concatenate([np.full(s.stop - s.start, s.trainable) for s in net.layout] or [np.zeros(0, bool)])
    v, w = (rng.normal(size=is_trained.size) * is_trained for _ in range(2))
    outputs, change = gn.jvp(net, x, v, wrt="parameters")
    u = rng.normal(size=outputs.shape)
    assert np.sum(u * change) == pytest.approx(gn.vjp(net, x, u, wrt="parameters")[1] @ v, rel=1e-7, abs=1e-9)
    if not net.demands:
        direction = rng.normal(size=x.shape)
        change = gn.jvp(net, x, direction)[1]
        assert np.sum(u * change) == pytest.approx(np.sum(gn.vjp(net, x, u)[1] * direction), rel=1e-7, abs=1e-9)
    y = rng.normal(size=outputs.shape)
    first, second = (gn.hvp(net, x, y, d, loss="mean_squared_error")[1] for d in (v, w))
    assert isinstance(first, np.ndarray)
    assert first @ w == pytest.approx(second @ v, rel=1e-6, abs=1e-8), name


@pytest.mark.parametrize(("name", "loss", "targets", "end"), list(loss_cases()))
def test_the_hessian_of_every_loss(name: str, loss: Any, targets: Callable[..., Array], end: str | None) -> None:
    """Against central differences of ``gn.gradients`` with a step of another size."""
    rng = np.random.default_rng(1)
    net = network_for(loss, end)
    net.build((4,), dtype="float64")
    x, v = rng.normal(size=(6, 4)), rng.normal(size=net.parameters.size)
    y = targets(rng, 6, 3)
    _, found = gn.hvp(net, x, y, v, loss=loss)
    start, sides = net.parameters.copy(), []
    for sign in (1, -1):
        net.parameters[...] = start + sign * 3e-5 * v
        sides.append(gn.gradients(net, x, y, loss=loss).flat)
    expected = (sides[0] - sides[1]) / 6e-5
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * max(1.0, np.abs(expected).max()), err_msg=name)


def test_a_quadratic_has_its_matrix_as_hessian() -> None:
    """½ Σ (x w − y)²: H = xᵀ x, whatever w is; weights of rows count."""
    rng = np.random.default_rng(0)
    net = gn.Sequential(gn.Dense(1, use_bias=False))
    net.build((3,))
    x, y, v, w = rng.normal(size=(7, 3)), rng.normal(size=(7, 1)), rng.normal(size=3), rng.uniform(size=7)
    x = x.astype(np.float32).astype(np.float64)
    _, found = gn.hvp(net, x, y, v, sample_weight=w, loss="sum_squared_error")
    np.testing.assert_allclose(found, x.T @ (w * (x @ v)), rtol=1e-7)


def test_units_and_losses_of_a_model_are_taken() -> None:
    """Through ``Standardize`` and ``target_scaling``: against differences of ``predict``."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(50, 10, size=(40, 3)), rng.normal(-300, 70, size=(40, 2))
    net = gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(2))
    model = gn.Model(net, "mean_squared_error", gn.Adam(0.01), dtype="float64")
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=3, verbose=False)
    v, u = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    outputs, change = gn.jvp(model, x[:5], v)
    np.testing.assert_allclose(outputs, model.predict(x[:5]), rtol=1e-12)
    slopes = (model.predict(x[:5] + 1e-4 * v) - model.predict(x[:5] - 1e-4 * v)) / 2e-4
    np.testing.assert_allclose(change, slopes, rtol=1e-6)
    np.testing.assert_allclose(np.sum(gn.vjp(model, x[:5], u)[1] * v), np.sum(u * change), rtol=1e-8)
    direction = rng.normal(size=net.parameters.size)
    assert gn.hvp(model, x, y, direction)[0] == pytest.approx(model.evaluate(x, y)["loss"], rel=1e-12)


def test_a_float32_model_is_differentiated_in_float64() -> None:
    net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(1))
    net.build((3,))
    x = np.random.default_rng(0).normal(size=(4, 3))
    before = net.parameters.tobytes()
    _, found = gn.jvp(net, x, np.ones_like(x))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, gn.jvp(net.copy("float64"), x, np.ones_like(x))[1], rtol=1e-9)
    assert net.parameters.tobytes() == before
    assert net.dtype == np.float32


def test_a_direction_of_zeros_changes_nothing() -> None:
    net, given, loss = torchs("smooth")
    assert not gn.jvp(net, given("x"), np.zeros_like(given("x")))[1].any()
    assert not np.any(gn.hvp(net, given("x"), given("y"), np.zeros(net.parameters.size), loss=loss)[1])


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_the_length_of_a_direction_is_no_matter(scale: float) -> None:
    net, given, loss = torchs("smooth")
    assert_close(gn.jvp(net, given("x"), scale * given("v"))[1], scale * given("jvp"))
    w = {path: scale * part for path, part in of("smooth", "w").items()}
    found = gn.hvp(net, given("x"), given("y"), w, loss=loss)[1]
    assert isinstance(found, dict)
    for path, product in of("smooth", "hvp").items():
        assert_close(found[path], scale * product)


class Kink(gn.NumpyLayer):
    """max(x, 0) in NumPy, of which the library knows nothing."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        return np.maximum(x, 0), x > 0

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy * cache, {}


def test_kinks_of_own_layers_are_noticed() -> None:
    """Exactly at one there is no derivative; beside one a smaller step finds it."""
    net = gn.Sequential(gn.Dense(1, weight_init="ones"), Kink())
    net.build((2,), dtype="float64")
    v = {"0.weight": np.array([[1.0], [0.0]])}
    with pytest.raises(gn.DataError, match="smooth"):
        gn.jvp(net, np.array([[1.0, -1.0]]), np.array([[1.0, 0.0]]))
    with pytest.raises(gn.DataError, match="smooth"):
        gn.hvp(net, np.array([[1.0, -1.0]]), np.array([[2.0]]), v, loss="sum_squared_error")
    near = np.array([[1.0, -1.0 + 3e-6]])
    assert gn.jvp(net, near, np.array([[1.0, 0.0]]))[1] == pytest.approx(np.ones((1, 1)), rel=1e-6)
    product = gn.hvp(net, near, np.array([[2.0]]), v, loss="sum_squared_error")[1]
    assert isinstance(product, dict)
    np.testing.assert_allclose(product["0.weight"], [[1.0], [-1.0 + 3e-6]], rtol=1e-6)


class Fickle(gn.Layer):
    """Takes another kernel where its input is larger than 1."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        y = run.empty(x.shape, x.dtype)
        if x.max() > 1:
            run(self, relu_forward, x=x, y=y)
        else:
            run(self, leaky_relu_forward, x=x, y=y, slope=0.1)
        return y, y

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        return dy * (cache > 0)


def test_layers_that_choose_their_kernels_are_noticed() -> None:
    net = gn.Sequential(Fickle())
    net.build((2,), dtype="float64")
    with pytest.raises(gn.ConfigurationError, match="Fickle"):
        gn.jvp(net, np.array([[1.0, -1.0]]), np.ones((1, 2)))


def test_units_just_beside_their_kink_keep_the_slope() -> None:
    net = gn.Sequential(gn.Dense(1, weight_init="ones"), gn.ReLU())
    net.build((2,), dtype="float64")
    for gap, slope in ((1e-12, 1.0), (0.0, 0.0), (-1e-12, 0.0)):
        found = gn.jvp(net, np.array([[1.0, -1.0 + gap]]), np.array([[1.0, 0.0]]))[1]
        assert found[0, 0] == pytest.approx(slope, abs=1e-7)


def test_every_kernel_with_kinks_is_held() -> None:
    """The smooth ones of the families that have any are named here: a new one must be thought about."""
    smooth = {
        *("average_pool2d", "squared_error", "huber", "poisson", "gamma", "binary_cross_entropy"),
        *("binary_cross_entropy_of_probabilities", "cross_entropy", "soft_cross_entropy"),
        *("cross_entropy_of_probabilities", "multiply", "row_dot", "squared_distance", "subtract", "unpack"),
    }
    held = {kernel.__name__.rpartition("_")[0] for kernel in HELD}
    assert not held & smooth
    rooms = ("pool", "regression", "classes", "merge")
    backward = {
        name.removesuffix("_backward")
        for name, entry in KERNELS.items()
        if name.endswith("_backward") and entry.function.__module__.endswith(rooms)
    }
    assert backward == held | smooth


@pytest.mark.parametrize("layer", [layer for layer in gn.layers.ACTIVATIONS.values() if layer is not gn.Softmax])
def test_kinks_are_where_they_are_declared(layer: type[gn.layers.Activation]) -> None:
    """A jump of f′ or f″ is to be seen in the second differences of f′."""
    forward, backward = map(info, layer().kernels)
    settings, step = layer().kernel_settings(), 2.0**-10
    x = np.arange(-8, 8, step)
    y, slope = np.empty_like(x), np.empty_like(x)
    forward.function(x=x, y=y, **settings)
    given = {"x": x, "y": y, "dy": np.ones_like(x)}
    backward.function(**{name: given[name] for name in backward.reads}, dx=slope, **settings)
    declared = [settings[kink] if kink in settings else float(kink) for kink in forward.kinks]
    seen = x[1:-1][np.abs(np.diff(slope, 2)) > step / 20]
    assert all(any(abs(place - kink) <= 2 * step for kink in declared) for place in seen)
    assert all((abs(seen - kink) <= 2 * step).any() for kink in declared if np.isfinite(kink))


def curvature_of(layer: gn.layers.Activation, x: float, slope: float) -> float:
    """f″ on the piece where f′ is the given slope."""
    if isinstance(layer, gn.HardSwish):
        return 0.0 if slope in (0, 1) else 1 / 3
    scale = {gn.ELU: getattr(layer, "alpha", 0.0), gn.SELU: 1.7580993408473766}.get(type(layer), 0.0)
    return scale * np.exp(x) if x <= 0 else 0.0


@pytest.mark.parametrize(
    "layer",
    [gn.ReLU(), gn.LeakyReLU(0.3), gn.Clip(-0.5, 0.75), gn.ELU(1.5), gn.ELU(), gn.SELU(), gn.HardSwish(), gn.ReLU6()],
    ids=repr,
)
@pytest.mark.parametrize("side", [-1, 0, 1])
def test_on_its_piece_a_function_goes_on_beyond_the_kink(layer: gn.layers.Activation, side: int) -> None:
    forward, backward = map(info, layer.kernels)
    settings = layer.kernel_settings()
    for kink in (settings[name] if name in settings else float(name) for name in forward.kinks):
        first = np.array([kink + side * 1e-3])
        y = np.empty(1)
        runner = PiecewiseRunner()
        given = {"x": first, "y": y, "dy": np.ones(1)}
        runner(layer, forward.function, x=first, y=y, **settings)
        slope = np.empty(1)
        runner(layer, backward.function, **{n: given[n] for n in backward.reads}, dx=slope, **settings)
        curvature = curvature_of(layer, float(first[0]), float(slope[0]))
        for beyond in (-1e-2, 1e-2):
            runner.again()
            x, y_again, slope_again = first + beyond, np.empty(1), np.empty(1)
            runner(layer, forward.function, x=x, y=y_again, **settings)
            taylor = y + slope * beyond + curvature * beyond**2 / 2
            assert y_again[0] == pytest.approx(taylor[0], abs=2e-6)
            given = {"x": x, "y": y_again, "dy": np.full(1, 3.0)}
            runner(layer, backward.function, **{n: given[n] for n in backward.reads}, dx=slope_again, **settings)
            assert slope_again[0] == pytest.approx(3 * (slope[0] + curvature * beyond), abs=3e-4)


def test_mistakes_are_explained() -> None:
    net = gn.Sequential(gn.Dense(2), gn.BatchNorm())
    net.build((3,))
    x = np.ones((4, 3))
    with pytest.raises(gn.ShapeError, match="the shape of x"):
        gn.jvp(net, x, np.ones(3))
    with pytest.raises(gn.ShapeError, match=r"network\.parameters"):
        gn.jvp(net, x, np.ones(3), wrt="parameters")
    with pytest.raises(gn.ConfigurationError, match="'0.weight'"):
        gn.jvp(net, x, {"0.weigth": np.ones((3, 2))}, wrt="parameters")
    with pytest.raises(gn.ConfigurationError, match="not trained"):
        gn.hvp(net, x, np.ones((4, 2)), {"1.running_mean": np.ones(2)}, loss="mean_squared_error")
    with pytest.raises(gn.ConfigurationError, match="without a loss"):
        gn.hvp(net, x, np.ones((4, 2)), np.ones(net.parameters.size))
    with pytest.raises(gn.ConfigurationError, match="whose own loss"):
        gn.hvp(gn.Model(net, "mean_squared_error", "sgd"), x, np.ones((4, 2)), np.ones(8), loss="huber")
    with pytest.raises(gn.ShapeError, match="the outputs"):
        gn.vjp(net, x, np.ones((4, 3)))
    with pytest.raises(gn.DataError, match="nan"):
        gn.jvp(net, x, np.full((4, 3), np.nan))
    with pytest.raises(gn.ConfigurationError, match="wrt"):
        gn.jvp(net, x, x, wrt="weights")
    with pytest.raises(gn.NotBuiltError):
        gn.vjp(gn.Sequential(gn.Dense(1)), x, np.ones((4, 1)))
    words = gn.Sequential(gn.Embedding(4, 2), gn.Flatten(), gn.Dense(1))
    words.build((3,))
    with pytest.raises(gn.ConfigurationError, match="looks up"):
        gn.jvp(words, x, x)


def test_absolute_differences_stay_on_their_side() -> None:
    """Where both are equal, that difference counts for nothing, as its gradient does."""
    rng = np.random.default_rng(0)
    left = gn.Sequential(gn.Dense(4), gn.Tanh())
    left.build(3, dtype="float64")
    nodes = {
        "a": (left, "left"),
        "b": (left.copy(), "right"),
        "far": ("absolute_difference", "a", "b"),
        "y": (gn.Dense(1), "far"),
    }
    net = gn.Graph(inputs={"left": 3, "right": 3}, nodes=nodes, outputs="y")
    net.build(6, dtype="float64")
    x = rng.normal(size=(5, 6))
    x[0, 3:] = x[0, :3]
    y, v = rng.normal(size=(5, 1)), rng.normal(size=net.parameters.size)
    _, found = gn.hvp(net, x, y, v, loss="mean_squared_error")
    others = gn.hvp(net, x[1:], y[1:], v, loss="mean_squared_error")[1] * 4 / 5
    last = np.zeros_like(v)
    last[-1] = 2 / 5 * v[-1]  # of the first row nothing is left but the last bias
    np.testing.assert_allclose(found, others + last, rtol=1e-6, atol=1e-8)
