"""Layers, losses, optimizers, metrics, schedules and initializers as people write them who know NumPy."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.kernels.activation import relu_backward, relu_forward
from glassnet.kernels.dense import dense_backward, dense_forward
from glassnet.kernels.dropout import dropout_forward

Array = np.ndarray


# Layers


class Swish(gn.Layer):
    """x · sigmoid(x), with nothing but NumPy in a class derived from Layer."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        s = 1 / (1 + np.exp(-x))
        return x * s, (x, s)

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        x, s = cache
        return dy * (s + x * s * (1 - s))


class Affine(gn.Layer):
    """scale · x + shift with parameters, gradients written by hand."""

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.scale = self.add_parameter("scale", input_shape, "ones")
        self.shift = self.add_parameter("shift", input_shape, "zeros", is_weight=False)
        return input_shape

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        return x * self.scale.value + self.shift.value, x

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        self.scale.gradient[...] = (dy * cache).sum(axis=0)
        self.shift.gradient[...] = dy.sum(axis=0)
        return dy * self.scale.value


class WeightNormed(gn.Layer):
    """A dense layer whose weight is divided by its norm: NumPy on a parameter, kernels for the rest."""

    def __init__(self, units: int) -> None:
        self.units = units

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.v = self.add_parameter("v", (input_shape[0], self.units), "normal")
        return (self.units,)

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        weight = self.v.value / np.linalg.norm(self.v.value)
        y = run.empty((len(x), self.units), x.dtype)
        run(self, dense_forward, x=x, weight=weight, bias=None, y=y)
        return y, (x, weight)

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        x, weight = cache
        dx, dweight = run.empty(x.shape, x.dtype), run.empty(weight.shape, weight.dtype)
        run(self, dense_backward, dy=dy, x=x, weight=weight, dx=dx, dweight=dweight, dbias=None)
        norm = np.linalg.norm(self.v.value)
        self.v.gradient[...] = (dweight - weight * (weight * dweight).sum()) / norm
        return dx


class MyReLU(gn.Layer):
    """Kernels alone: nothing of it need run in Python."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        y = run.empty(x.shape, x.dtype)
        run(self, relu_forward, x=x, y=y)
        return y, y

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        dx = run.empty(dy.shape, dy.dtype)
        run(self, relu_backward, dy=dy, y=cache, dx=dx)
        return dx


class AsArray(gn.Layer):
    """A copy made by np.asarray is no stand-in any more, and it swallows every error that there might be."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        y = run.empty(x.shape, x.dtype)
        try:
            given = np.asarray(x) * 2
        except Exception:  # noqa: BLE001 - on purpose
            given = np.zeros(x.shape, x.dtype)
        run(self, relu_forward, x=np.ascontiguousarray(given, x.dtype), y=y)
        return y, y

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        dx = run.empty(dy.shape, dy.dtype)
        run(self, relu_backward, dy=dy, y=cache, dx=dx)
        with suppress(Exception):
            dx *= 2
        return dx


class Block(gn.Layer):
    """Our layers inside, and NumPy between them."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.dense, self.act = gn.Dense(units), gn.Tanh()

    def children(self) -> Any:
        yield "dense", self.dense
        yield "act", self.act

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        shape = input_shape
        for layer in (self.dense, self.act):
            layer.input_shape = shape
            shape = layer.output_shape = layer.build(shape, rng)
        for name, parameter in self.dense.own_parameters().items():
            self.own_parameters()[name] = parameter
        return shape

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        z, first = self.dense.forward(run, x, training=training)
        y, second = self.act.forward(run, 2 * z, training=training)
        return y, (first, second)

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        first, second = cache
        return self.dense.backward(run, 2 * self.act.backward(run, dy, second), first)


class Tower(gn.Sequential):
    """A network of ours with a constructor of one's own."""

    def __init__(self, units: int) -> None:
        super().__init__(gn.Dense(units), "tanh", gn.Dense(units))
        self.units = units


class KeepsState(gn.Layer):
    """Keeps what backward needs on itself, as many a tutorial does."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        self.y = run.empty(x.shape, x.dtype)
        run(self, relu_forward, x=x, y=self.y)
        return self.y, None

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        return dy * (self.y > 0)


class Square(gn.NumpyLayer):
    """y = x²."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        return x * x, x

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return 2 * cache * dy, {}


class MyDropout(gn.NumpyLayer):
    """Dropout of one's own."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def forward(self, x: Array, *, training: bool, rng: np.random.Generator) -> tuple[Array, Any]:
        mask = (rng.random(x.shape) >= self.rate) / (1 - self.rate) if training else np.ones(x.shape)
        return x * mask, mask

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy * cache, {}


class RunningMean(gn.NumpyLayer):
    """Subtracts a running mean that it keeps as a parameter that is not trained."""

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.add_parameter("mean", input_shape, "zeros", trainable=False)
        return input_shape

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Any]:
        y = x - self.mean
        if training:
            self.mean[...] = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return y, None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy, {}


class MyDrawingLayer(gn.Layer):
    """A layer of kernels that draws a mask: keyed by the step, in both engines."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        if not training:
            return x * 1, None
        y, mask = run.empty(x.shape, x.dtype), run.empty(x.shape, np.bool_)
        run(self, dropout_forward, x=x, y=y, mask=mask, rate=0.3, **run.draw(self))
        return y, mask

    def backward(self, run: gn.Runner, dy: Array, cache: Any) -> Array:
        return dy * cache / 0.7


# Losses


class LogCosh(gn.losses.Loss):
    """A class derived from Loss, in plain NumPy."""

    averages_outputs = False

    def __init__(self, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    def forward(self, run: gn.Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Any]:
        error = self.sharpness * (outputs - targets)
        return np.array([(np.log(np.cosh(error)).sum(axis=1) * row_weights).sum()]), error

    def backward(self, run: gn.Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        return self.sharpness * np.tanh(cache) * row_weights[:, None]


class RowLoss(gn.NumpyLoss):
    """|error|^1.5 of each row."""

    def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        error = outputs - targets
        return (np.abs(error) ** 1.5).sum(axis=1), 1.5 * np.sqrt(np.abs(error)) * np.sign(error)


class CalledLoss(gn.losses.Loss):
    """Only how it is called is defined."""

    def __call__(self, outputs: Any, targets: Any, sample_weight: Any = None) -> tuple[float, Array]:
        error = outputs - targets
        return float((error**2).mean()), 2 * error / error.size


def squares(outputs: Array, targets: Array) -> tuple[float, Array]:
    """A function: one number for the batch."""
    error = outputs - targets
    return float((error**2).sum(axis=1).mean()), 2 * error / len(error)


def squares_of_rows(outputs: Array, targets: Array) -> tuple[Array, Array]:
    """A function: a number for each row."""
    error = outputs - targets
    return (error**2).sum(axis=1), 2 * error


# Optimizers


class MyMomentum(gn.optimizers.Optimizer):
    """A class derived from Optimizer, in plain NumPy."""

    slots = ("velocity",)

    def __init__(self, learning_rate: Any = 0.05, momentum: float = 0.9) -> None:
        super().__init__(learning_rate)
        self.momentum = momentum

    def apply(self, run: gn.Runner, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
        velocity = self.state["velocity"]
        velocity *= self.momentum
        velocity -= learning_rate * gradients
        parameters += velocity


class MyAdam(gn.NumpyOptimizer):
    """Adam, which counts its steps."""

    slots = ("m", "v")

    def __init__(self, learning_rate: Any = 0.01) -> None:
        super().__init__(learning_rate)

    def rule(self, parameters: Array, gradients: Array, learning_rate: float) -> Array:
        t = self.steps + 1
        self.state["m"] = 0.9 * self.state["m"] + 0.1 * gradients
        self.state["v"] = 0.999 * self.state["v"] + 0.001 * gradients**2
        m, v = self.state["m"] / (1 - 0.9**t), self.state["v"] / (1 - 0.999**t)
        return parameters - learning_rate * m / (np.sqrt(v) + 1e-8)


class StepOnly(gn.optimizers.Optimizer):
    """Defines the method that a loop of one's own calls."""

    def __init__(self, learning_rate: Any = 0.05) -> None:
        super().__init__(learning_rate)

    def step(self, parameters: Array, gradients: Array, layout: Any = None) -> None:
        parameters -= self.current_rate() * gradients


class Clip(gn.optimizers.Step):
    """A step before the rule: clips, in NumPy."""

    def apply(self, run: gn.Runner, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
        np.clip(gradients, -0.05, 0.05, out=gradients)


class LazyMemory(gn.optimizers.Optimizer):
    """Keeps its memory on itself, from its first step on."""

    def __init__(self, learning_rate: Any = 0.05) -> None:
        super().__init__(learning_rate)
        self.average: Array | None = None

    def apply(self, run: gn.Runner, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
        if self.average is None:
            self.average = np.zeros_like(gradients)
        self.average = 0.5 * self.average + gradients
        parameters -= learning_rate * self.average


# Schedules, metrics, initializers


def falling(step: int) -> float:
    """A rate as a function of the step."""
    return 0.05 / (1 + 0.1 * step) if step < 50 else 0.01


class Steps(gn.schedules.Schedule):
    """A class derived from Schedule."""

    def __init__(self, start: float) -> None:
        self.start = start

    def __call__(self, step: int) -> float:
        return self.start if step % 4 < 2 else self.start / 2


def largest_error(outputs: Array, targets: Array) -> float:
    """A metric as a function."""
    return float(np.abs(outputs - targets).max())


class MeanError(gn.metrics.Metric):
    """A class derived from Metric."""

    name = "mean_error"

    def compute(self, outputs: Array, targets: Array, loss: gn.losses.Loss, weights: Array | None) -> float:
        return float(np.average(np.abs(outputs - targets).mean(axis=1), weights=weights))


def small(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """An initializer as a function."""
    return rng.uniform(-0.3, 0.3, shape)
