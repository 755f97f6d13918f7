# ruff: noqa: D102
"""Parts of one's own, as users write them, for ``tools/fingerprint_cases.py``."""

from __future__ import annotations

from typing import Any

import numpy as np

import glassnet as gn

Array = np.ndarray


class Swish(gn.Layer):
    """NumPy in a class derived from Layer, with a parameter."""

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.slope = self.add_parameter("slope", input_shape, "ones")
        return input_shape

    def forward(self, run: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        s = 1 / (1 + np.exp(-x * self.slope.value))
        return x * s, (x, s)

    def backward(self, run: Any, dy: Array, cache: Any) -> Array:
        x, s = cache
        self.slope.gradient[...] = (dy * x * x * s * (1 - s)).sum(axis=0)
        return dy * (s + x * self.slope.value * s * (1 - s))


class OwnReLU(gn.Layer):
    """Kernels alone, called through the runner."""

    def forward(self, run: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        y = run.empty(x.shape, x.dtype)
        run(self, gn.kernels.activation.relu_forward, x=x, y=y)
        return y, y

    def backward(self, run: Any, dy: Array, cache: Any) -> Array:
        dx = run.empty(dy.shape, dy.dtype)
        run(self, gn.kernels.activation.relu_backward, dy=dy, y=cache, dx=dx)
        return dx


class OwnMask(gn.NumpyLayer):
    """Draws while training; shift is a parameter, mean a running statistic."""

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.add_parameter("shift", input_shape, "normal")
        self.add_parameter("mean", input_shape, "zeros", trainable=False)
        return input_shape

    def forward(self, x: Array, *, training: bool, rng: np.random.Generator) -> tuple[Array, Any]:
        mask = (rng.random(x.shape) >= 0.25).astype(x.dtype) if training else np.ones(x.shape, x.dtype)
        if training:
            self.mean[...] = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return (x - self.mean + self.shift) * mask, mask

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy * cache, {"shift": (dy * cache).sum(axis=0)}


class OwnLoss(gn.NumpyLoss):
    """|error|^1.5 of each row."""

    def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        error = outputs - targets
        return (np.abs(error) ** 1.5).sum(axis=1), 1.5 * np.sqrt(np.abs(error)) * np.sign(error)


class OwnRule(gn.NumpyOptimizer):
    """Momentum that counts its steps."""

    slots = ("velocity",)

    def __init__(self, learning_rate: Any = 0.05) -> None:
        super().__init__(learning_rate)

    def rule(self, parameters: Array, gradients: Array, learning_rate: float) -> Array:
        self.state["velocity"] *= 0.9
        self.state["velocity"] -= learning_rate * gradients / (1 + self.steps)
        return parameters + self.state["velocity"]


def squares(outputs: Array, targets: Array) -> tuple[float, Array]:
    error = outputs - targets
    return float((error**2).sum(axis=1).mean()), 2 * error / len(error)


def falling(step: int) -> float:
    return 0.05 / (1 + 0.1 * step)


def largest_error(outputs: Array, targets: Array) -> float:
    return float(np.abs(outputs - targets).max())


CUSTOM = (Swish, OwnReLU, OwnMask, OwnLoss, OwnRule, squares, falling, largest_error)
