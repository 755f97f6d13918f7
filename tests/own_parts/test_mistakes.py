"""Parts of the user's own that are wrong: refused by name, or the same in both engines."""

from __future__ import annotations

import gc
import random
import weakref
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import parts
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.kernels import KERNELS, kernel
from glassnet.kernels.activation import relu_forward
from glassnet.training.compiled_engine import CompiledEngine

ENGINES = ["numpy", "compiled" if native() is not None else "auto"]
Array = np.ndarray


def data(rows: int = 60) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    return x, np.column_stack([x[:, 0] * x[:, 1], np.sin(x[:, 2])])


def model_with(*layers: Any, engine: str = "auto", loss: Any = "mean_squared_error", **settings: Any) -> gn.Model:
    network = gn.Sequential(gn.Dense(4), "relu", *layers, gn.Dense(2))
    return gn.Model(network, loss, settings.pop("optimizer", "adam"), engine=engine, dtype="float64", **settings)


def unary(forward: Any, backward: Any = None) -> gn.Layer:
    """A layer of two functions."""

    class Own(gn.Layer):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> Any:
            return forward(self, x)

        def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Any:
            return dy if backward is None else backward(self, dy, cache)

    return Own()


# Inputs changed in place


def in_place_multiplication(layer: Any, x: Array) -> Any:
    x *= 2
    return x, None


def in_place_assignment(layer: Any, x: Array) -> Any:
    x[x < 0] = 0
    return x, None


def in_place_sort(layer: Any, x: Array) -> Any:
    x.sort(axis=1)
    return x, None


def in_place_out(layer: Any, x: Array) -> Any:
    return np.maximum(x, 0, out=x), None


def in_place_of_view(layer: Any, x: Array) -> Any:
    flat = x.reshape(-1)
    flat[0] = 7
    return x, None


def in_place_copyto(layer: Any, x: Array) -> Any:
    np.copyto(x, 1.0)
    return x, None


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "forward",
    [in_place_multiplication, in_place_assignment, in_place_sort, in_place_out, in_place_of_view, in_place_copyto],
)
def test_inputs_changed_in_place_are_refused_by_name(forward: Any, engine: str) -> None:
    x, y = data()
    before = x.copy()
    model = model_with(unary(forward), engine=engine)
    with pytest.raises(gn.ConfigurationError, match=r"layer 2 \(Own\(\)\).*in place.*copy"):
        model.fit(x, y, verbose=False)
    model.network.build((3,), dtype="float64")
    with pytest.raises(gn.ConfigurationError, match=r"layer 2 \(Own\(\)\).*in place"):
        model.predict(x)
    with pytest.raises(gn.ConfigurationError, match=r"layer 0 \(Own\(\)\).*in place"):
        gn.Model(unary(forward), "mean_squared_error", "sgd", engine=engine).fit(x, x, shuffle=False, verbose=False)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_numpy_layer_that_writes_into_its_input_is_refused(engine: str) -> None:
    class InPlace(gn.NumpyLayer):
        def forward(self, x: Array) -> tuple[Array, Any]:
            x *= 2
            return x, None

        def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
            return 2 * dy, {}

    x, y = data()
    with pytest.raises(gn.ConfigurationError, match=r"layer 2 \(InPlace\(\)\).*in place"):
        model_with(InPlace(), engine=engine).fit(x, y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_gradient_changed_in_place_is_refused(engine: str) -> None:
    def backward(layer: Any, dy: Array, cache: Any) -> Array:
        dy[dy < 0] = 0
        return dy

    x, y = data()
    with pytest.raises(gn.ConfigurationError, match=r"layer 2 \(Own\(\)\).*in place"):
        model_with(unary(lambda layer, x: (x + 0, None), backward), engine=engine).fit(x, y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_that_writes_into_outputs_or_targets_is_refused(engine: str) -> None:
    def shifting(outputs: Array, targets: Array) -> tuple[float, Array]:
        targets -= outputs
        return float((targets**2).mean()), -2 * targets / targets.size

    class InPlaceLoss(gn.losses.Loss):
        def forward(self, run: gn.Runner, outputs: Array, targets: Array, row_weights: Array) -> Any:
            outputs -= targets
            return np.array([(outputs**2).sum()]), None

        def backward(self, run: gn.Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
            return 2 * outputs

    x, y = data()
    for loss in (shifting, InPlaceLoss()):
        with pytest.raises(gn.ConfigurationError, match=r"loss .*in place"):
            model_with(engine=engine, loss=loss).fit(x, y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_metric_that_writes_is_refused_and_harms_no_data(engine: str) -> None:
    def error(outputs: Array, targets: Array) -> float:
        targets -= outputs
        return float(np.abs(targets).mean())

    x, y = data()
    before = y.copy()
    with pytest.raises(gn.ConfigurationError, match=r"metric .*in place"):
        model_with(engine=engine, metrics=[error]).fit(x, y, verbose=False)
    np.testing.assert_array_equal(y, before)


# State


class Counting(gn.Layer):
    """Multiplies by something that grows with the number of its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        self.calls += training
        factor = 1 + 0.1 * self.calls
        return x * factor, factor

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        return dy * cache


class CountingOfKernels(Counting):
    """The same by a kernel, whose setting would be recorded once."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        self.calls += training
        y = run.empty(x.shape, x.dtype)
        run(self, scaled_forward, x=x, y=y, factor=1 + 0.1 * self.calls)
        return y, 1 + 0.1 * self.calls

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        dx = run.empty(dy.shape, dy.dtype)
        run(self, scaled_forward, x=dy, y=dx, factor=cache)
        return dx


@kernel("y = factor · x", writes="y")
def scaled_forward(x: Array, y: Array, *, factor: float) -> None:
    """A user's kernel, without a native twin."""
    np.multiply(x, factor, out=y)


OWN_KERNEL = KERNELS.pop("scaled_forward")  # it is in the register for the tests below alone


@pytest.fixture(autouse=True)
def _own_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KERNELS, "scaled_forward", OWN_KERNEL)


class RunningAverage(gn.Layer):
    """Keeps a running mean where no file finds it."""

    def __init__(self) -> None:
        self.mean: Any = 0.0

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        if training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return x - self.mean, None

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        return dy


@pytest.mark.parametrize("kind", [Counting, CountingOfKernels, RunningAverage, parts.KeepsState])
def test_state_on_self_gives_the_same_in_both_engines(kind: type[gn.Layer]) -> None:
    x, y = data()
    found = []
    for engine in ENGINES:
        model = model_with(kind(), engine=engine)
        loss = model.fit(x, y, epochs=3, batch_size=16, verbose=False)["loss"]
        found.append((loss, model.network.parameters.copy(), model.predict(x)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)
    if kind in (Counting, CountingOfKernels):
        assert model.network.layers[2].calls == 12  # the trial leaves the object alone


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", [Counting, RunningAverage])
def test_what_a_file_would_lose_is_refused_by_name(kind: type[gn.Layer], engine: str, tmp_path: Path) -> None:
    x, y = data()
    model = model_with(kind(), engine=engine)
    model.fit(x, y, verbose=False)
    with pytest.raises(
        gn.ConfigurationError, match=rf"save: .*layer 2 \({kind.__name__}\(\)\).*predict something else"
    ):
        model.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("engine", ENGINES)
def test_an_optimizer_that_a_file_would_rob_of_its_memory_is_refused(engine: str, tmp_path: Path) -> None:
    x, y = data()
    model = model_with(engine=engine, optimizer=parts.LazyMemory())
    model.fit(x, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"save: .*LazyMemory.*goes on.*slots"):
        model.save(tmp_path / "m.safetensors")
    model.save(tmp_path / "m.safetensors", include_optimizer=False)
    np.testing.assert_allclose(gn.load(tmp_path / "m.safetensors").predict(x), model.predict(x), rtol=1e-12, atol=1e-14)


def test_a_constructors_argument_that_is_not_kept_is_refused(tmp_path: Path) -> None:
    class Hidden(parts.Swish):
        def __init__(self, beta: float) -> None:
            self._beta = beta

    class Doubled(parts.RowLoss):
        def __init__(self, factor: float = 1.0) -> None:
            self.factor = 2 * factor

        def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
            losses, gradient = super().value_and_gradient(outputs, targets)
            return self.factor * losses, self.factor * gradient

    x, y = data()
    model = model_with(Hidden(2.0))
    model.fit(x, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"Hidden.*'beta'.*self\.beta = beta"):
        model.save(tmp_path / "m.safetensors")
    model = model_with(loss=Doubled(3.0))
    model.fit(x, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"save: .*loss Doubled.*another loss"):
        model.save(tmp_path / "m.safetensors")


def test_schedules_that_are_no_function_of_the_step_are_refused() -> None:
    class CountsCalls(gn.schedules.Schedule):
        calls = 0

        def __call__(self, step: int) -> float:
            self.calls += 1
            return 0.1 / self.calls

    def drawn(step: int) -> float:
        return random.random()

    x, y = data()
    for engine in ENGINES:
        for schedule in (CountsCalls(), drawn):
            with pytest.raises(gn.ConfigurationError, match=r"(CountsCalls|drawn).*asked again"):
                model_with(engine=engine, optimizer=gn.SGD(schedule)).fit(x, y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rate", [-0.1, np.nan, np.inf, "fast", None, np.array([0.1, 0.2])], ids=str)
def test_rates_that_are_none_are_refused(rate: Any, engine: str) -> None:
    x, y = data()
    with pytest.raises(gn.ConfigurationError, match=r"schedule <lambda> at step 0: received rate="):
        model_with(engine=engine, optimizer=gn.SGD(lambda step: rate)).fit(x, y, verbose=False)


# Gradients


@pytest.mark.parametrize("factor", [0.9, -1.0, 0.0])
def test_a_wrong_gradient_is_found_by_the_check_and_trains_the_same_in_both_engines(factor: float) -> None:
    class WrongSwish(parts.Swish):
        def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
            return factor * super().backward(run, dy, cache)

    def wrong(outputs: Array, targets: Array) -> tuple[Array, Array]:
        losses, gradient = parts.squares_of_rows(outputs, targets)
        return losses, factor * gradient

    x, y = data()
    assert not gn.check_gradients(gn.Sequential(gn.Dense(3), WrongSwish()), x[:5])
    assert not gn.check_gradients(gn.Sequential(gn.Dense(2)), x[:5], y[:5], loss=wrong)
    for layers, loss in (([WrongSwish()], "mean_squared_error"), ([], wrong)):
        found = []
        for engine in ENGINES:
            model = model_with(*layers, engine=engine, loss=loss)
            model.fit(x, y, epochs=2, verbose=False)
            found.append(model.network.parameters.copy())
        np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-9)


class Forgetful(parts.Affine):
    """Puts its gradient where nobody looks."""

    how = "rebinds"

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        gradient = (dy * cache).sum(axis=0)
        self.shift.gradient[...] = dy.sum(axis=0)
        if self.how == "rebinds":
            self.scale.gradient = gradient
        elif self.how == "adds":
            self.scale.gradient += gradient
        elif self.how == "writes a part":
            self.scale.gradient[:1] = gradient[:1]
        return dy * self.scale.value


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["rebinds", "adds", "writes a part", "forgets"])
def test_gradients_that_never_arrive_are_refused_by_name(how: str, engine: str) -> None:
    layer = Forgetful()
    layer.how = how
    x, y = data()
    with pytest.raises(gn.ConfigurationError, match=r"layer 2 \(Forgetful\(\)\).*'scale'.*gradient\[\.\.\.\]"):
        model_with(layer, engine=engine).fit(x, y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_updates_that_move_nothing_are_refused_by_name(engine: str) -> None:
    class Rebinds(gn.optimizers.Optimizer):
        def __init__(self) -> None:
            super().__init__(0.1)

        def apply(self, run: gn.Runner, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
            parameters = parameters - learning_rate * gradients

    class Returns(Rebinds):
        def apply(self, run: gn.Runner, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> Any:
            return parameters - learning_rate * gradients

    class NotInitialised(Rebinds):
        def __init__(self) -> None:
            pass

    class RuleRebinds(gn.NumpyOptimizer):
        def rule(self, parameters: Array, gradients: Array, learning_rate: float) -> None:
            parameters = parameters - learning_rate * gradients

    class WrongShape(gn.NumpyOptimizer):
        def rule(self, parameters: Array, gradients: Array, learning_rate: float) -> Any:
            return learning_rate

    x, y = data()
    with pytest.raises(gn.ConfigurationError, match=r"optimizer Rebinds\(\).*in place"):
        model_with(engine=engine, optimizer=Rebinds()).fit(x, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"optimizer RuleRebinds\(0.1\).*in place"):
        model_with(engine=engine, optimizer=RuleRebinds(0.1)).fit(x, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"optimizer Returns\(\).*returned"):
        model_with(engine=engine, optimizer=Returns()).fit(x, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"NotInitialised.*super\(\)\.__init__"):
        model_with(engine=engine, optimizer=NotInitialised())
    with pytest.raises(gn.ShapeError, match=r"optimizer WrongShape\(0.1\).*parameters returned by rule"):
        model_with(engine=engine, optimizer=WrongShape(0.1)).fit(x, y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_running_statistics_are_spared_by_rules_of_the_users(engine: str) -> None:
    class Decays(gn.NumpyOptimizer):
        def rule(self, parameters: Array, gradients: Array, learning_rate: float) -> Array:
            return 0.5 * parameters - learning_rate * gradients

    x, y = data()
    model = model_with(gn.BatchNorm(), engine=engine, optimizer=Decays(0.01))
    model.fit(x, y, epochs=4, verbose=False)
    named = dict(model.network.named_parameters())
    assert (named["2.running_variance"] > 0.0).all()
    ours = model_with(gn.BatchNorm(), engine=engine, optimizer=gn.SGD(0.0))
    ours.fit(x, y, epochs=4, verbose=False)
    assert not any(np.isnan(array).any() for array in named.values())


# Returned things


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("forward", "received"),
    [
        (lambda layer, x: x, "a ndarray from forward"),
        (lambda layer, x: (x[:, :1], None), r"y returned by forward of shape"),
        (lambda layer, x: (x.sum(), None), r"y returned by forward of shape \(\)"),
        (lambda layer, x: (x + 0j, None), "complex"),
        (lambda layer, x: None, "a NoneType from forward"),
    ],
)
def test_what_a_layer_returns_is_checked(forward: Any, received: str, engine: str) -> None:
    x, y = data()
    with pytest.raises(gn.ShapeError, match=rf"layer 2 \(Own\(\)\).*{received}"):
        model_with(unary(forward), engine=engine).fit(x, y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("loss", "received"),
    [
        (lambda o, t: ((o - t) ** 2).mean(), "from the loss"),
        (lambda o, t: (((o - t) ** 2).mean(), None), "gradient of shape"),
        (lambda o, t: (((o - t) ** 2).mean(), (o - t).sum()), "gradient of shape"),
        (lambda o, t: ((o - t) ** 2, 2 * (o - t)), "loss for each row of shape"),
        (lambda o, t: ("much", 2 * (o - t)), "the value 'much'"),
    ],
)
def test_what_a_loss_returns_is_checked(loss: Any, received: str, engine: str) -> None:
    x, y = data()
    with pytest.raises(gn.ShapeError, match=rf"loss FunctionLoss.*{received}"):
        model_with(loss=loss, engine=engine).fit(x, y, verbose=False)


@pytest.mark.parametrize("metric", [lambda o, t: o - t, lambda o, t: "good", lambda o, t: None])
def test_what_a_metric_returns_is_checked(metric: Any) -> None:
    x, y = data()
    with pytest.raises(gn.ShapeError, match=r"metric .*the value"):
        model_with(metrics=[metric]).fit(x, y, verbose=False)
    with pytest.raises(gn.ConfigurationError, match="sample weights"):
        model_with(metrics=[parts.largest_error]).fit(x, y, sample_weight=np.linspace(0.1, 1, len(x)), verbose=False)


@pytest.mark.parametrize(
    "init",
    [lambda shape, rng: 0.5, lambda shape, rng: rng.normal(size=shape[::-1]), lambda shape, rng: np.full(shape, np.nan),
     lambda shape, rng: np.full(shape, "x")],
)  # fmt: skip
def test_what_an_initializer_returns_is_checked(init: Any) -> None:
    with pytest.raises(gn.ShapeError, match=r"initial values of 0\.weight"):
        gn.Sequential(gn.Dense(2, weight_init=init)).build((3,))


def test_parameters_that_a_numpy_layer_replaces_are_refused() -> None:
    class Replaces(gn.NumpyLayer):
        def build(self, input_shape: tuple[int, ...], rng: Any) -> tuple[int, ...]:
            self.add_parameter("mean", input_shape, "zeros", trainable=False)
            return input_shape

        def forward(self, x: Array) -> tuple[Array, Any]:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
            return x - self.mean, None

        def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
            return dy, {}

    class Trains(Replaces):
        def build(self, input_shape: tuple[int, ...], rng: Any) -> tuple[int, ...]:
            self.add_parameter("mean", input_shape, "zeros")
            return input_shape

        def forward(self, x: Array) -> tuple[Array, Any]:
            self.mean *= 0.9
            return x, None

    x, y = data()
    for engine in ENGINES:
        with pytest.raises(gn.ConfigurationError, match=r"layer 2 \(Replaces\(\)\).*self\.mean\[\.\.\.\]"):
            model_with(Replaces(), engine=engine).fit(x, y, verbose=False)
        with pytest.raises(gn.ConfigurationError, match=r"layer 2 \(Trains\(\)\).*in place"):
            model_with(Trains(), engine=engine).fit(x, y, verbose=False)


# Kernels of the user's own


def test_kernels_are_known_by_what_they_are_not_by_their_name() -> None:
    def relu_forward(x: Array, y: Array) -> None:  # not the library's
        np.copyto(y, x * 100)

    with pytest.raises(gn.ConfigurationError, match="second function of that name"):
        kernel("y = 100 x", writes="y")(relu_forward)

    class Own(gn.Layer):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
            y = run.empty(x.shape, x.dtype)
            run(self, relu_forward, x=x, y=y)
            return y, None

        def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
            return 100 * dy

    x, y = data()
    found = []
    for engine in ENGINES:
        model = model_with(Own(), engine=engine)
        model.fit(x, y, verbose=False)
        found.append(model.predict(x))
    np.testing.assert_allclose(*found, rtol=1e-7)


def test_methods_put_in_the_place_of_ours_are_the_users() -> None:
    x, y = data()
    found = []
    for engine in ENGINES:
        layer = gn.Tanh()
        layer.forward = lambda run, x, training: (3 * x, None)  # type: ignore[method-assign]
        layer.backward = lambda run, dy, cache: 3 * dy  # type: ignore[method-assign]
        model = model_with(layer, engine=engine)
        model.fit(x, y, epochs=2, verbose=False)
        found.append(model.predict(x))
    np.testing.assert_allclose(*found, rtol=1e-7)


# What no bridge can help


@pytest.mark.skipif(native() is None, reason="needs the compiled module")
def test_parts_that_cannot_be_repeated_or_copied_are_named_in_one_warning() -> None:
    class Draws(gn.Layer):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
            mask = np.random.default_rng().random(x.shape) > 0.5
            return x * mask, mask

        def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
            return dy * cache

    class HoldsALock(parts.Swish):
        def __init__(self) -> None:
            self.lock = Lock()

    x, y = data()
    for layer, reason in ((Draws(), "change from call to call"), (HoldsALock(), "cannot be copied")):
        model = model_with(layer, engine="compiled")
        with pytest.warns(
            gn.NumpyFallbackWarning, match=rf"layer 2 \({type(layer).__name__}\(\)\).*{reason}"
        ) as caught:
            model.fit(x, y, epochs=2, verbose=False)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        assert np.isfinite(model.predict(x)).all()
        with pytest.raises(gn.ConfigurationError, match=rf"plan: .*{type(layer).__name__}"):
            model.plan()


def test_the_trial_takes_nothing_from_the_global_generators() -> None:
    class Global(gn.NumpyLayer):
        def forward(self, x: Array) -> tuple[Array, Any]:
            mask = np.random.random(x.shape) > 0.3
            return x * mask, mask

        def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
            return dy * cache, {}

    x, y = data()
    found = []
    for engine in ENGINES:
        np.random.seed(4)
        model = model_with(Global(), engine=engine)
        model.fit(x, y, epochs=2, verbose=False)
        found.append(model.network.parameters.copy())
    np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-9)


def test_errors_of_the_users_code_are_the_users() -> None:
    class Broken(parts.Swish):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
            raise KeyError("no such thing")

    x, y = data()
    for engine in ENGINES:
        with pytest.raises(KeyError, match="no such thing"):
            model_with(Broken(), engine=engine).fit(x, y, verbose=False)


def test_a_layer_that_counts_on_its_batch_size_trains() -> None:
    class Fixed(parts.Swish):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
            if training:
                assert len(x) == 40
            return super().forward(run, x, training=training)

    x, y = data(80)
    for engine in ENGINES:
        model_with(Fixed(), engine=engine).fit(x, y, batch_size=40, verbose=False)


def test_code_that_takes_another_way_for_larger_batches_is_found_there() -> None:
    class Turns(gn.Layer):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
            y = run.empty(x.shape, x.dtype)
            if len(x) > 40:
                return np.maximum(x, 0), x
            run(self, relu_forward, x=x, y=y)
            return y, x

        def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
            return dy * (cache > 0)

    x, y = data(100)
    found = []
    for engine in ENGINES:
        model = model_with(Turns(), engine=engine)
        model.fit(x, y, epochs=2, batch_size=50, verbose=False)
        found.append(model.network.parameters.copy())
    np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-9)


def test_predictions_follow_parameters_that_own_layers_calculate_with() -> None:
    x, y = data()
    model = model_with(parts.WeightNormed(4))
    model.fit(x, y, verbose=False)
    for _ in range(3):
        expected, _ = model.network.forward(gn.NumpyRunner(), x, training=False)
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-9)
        np.testing.assert_allclose(model.predict(x[:1]), expected[:1], rtol=1e-9)
        model.fit(x, y, verbose=False)


def test_one_memory_for_all_outputs_is_no_trap_in_long_predictions() -> None:
    class Saves(gn.NumpyLayer):
        def forward(self, x: Array) -> tuple[Array, Any]:
            if getattr(self, "room", None) is None or self.room.shape != x.shape:
                self.room = np.empty_like(x)
            np.multiply(x, 2, out=self.room)
            return self.room, None

        def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
            return 2 * dy, {}

    x = np.random.default_rng(0).normal(size=(3000, 2))
    for engine in ENGINES:
        model = gn.Model(gn.Sequential(Saves()), "mean_squared_error", "sgd", dtype="float64", engine=engine)
        model.network.build((2,), dtype="float64")
        np.testing.assert_array_equal(model.predict(x), 2 * x)


@pytest.mark.skipif(native() is None, reason="needs the compiled module")
def test_nothing_stays_behind_of_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clipped(gn.losses.MeanSquaredError):
        def backward(self, run: gn.Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
            return np.clip(super().backward(run, outputs, targets, row_weights, cache), -0.01, 0.01)

    made: list[weakref.ref[CompiledEngine]] = []
    begin = CompiledEngine.__init__

    def noted(self: CompiledEngine, *arguments: Any, **settings: Any) -> None:
        begin(self, *arguments, **settings)
        made.append(weakref.ref(self))

    monkeypatch.setattr(CompiledEngine, "__init__", noted)
    x, y = data()
    for settings in ({"loss": Clipped()}, {"optimizer": parts.MyMomentum()}, {"loss": parts.squares}):
        model_with(parts.Swish(), parts.KeepsState(), engine="compiled", **settings).fit(x, y, verbose=False)
    gc.collect()
    assert len(made) > 6
    assert [engine() for engine in made] == [None] * len(made)
