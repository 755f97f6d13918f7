"""Activations as layers: each names its pair of kernels and what its backward reads."""

from __future__ import annotations

from typing import Any

from glassnet.kernels import Kernel, activation, softmax
from glassnet.layers.base import Layer
from glassnet.runners import Runner
from glassnet.settings import boolean, number
from glassnet.shapes import Array


class Activation(Layer):
    """Base of the activations: the shape stays, (N, ...) -> (N, ...)."""

    kernels: tuple[Kernel, Kernel]
    """Forward and backward."""

    remembers: str = "x"
    """The argument of the backward kernel that the forward pass must keep: ``"x"``, ``"y"`` or ``""``."""

    def kernel_settings(self) -> dict[str, Any]:
        """Numbers that both kernels take."""
        return {}

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array | None]:
        """Returns f(x) and, as the cache, what f′ is computed from."""
        y = run.empty(x.shape, x.dtype)
        run(self, self.kernels[0], x=x, y=y, **self.kernel_settings())
        return y, {"x": x, "y": y, "": None}[self.remembers]

    def backward(self, run: Runner, dy: Array, cache: Array | None) -> Array:
        """Returns dy · f′."""
        dx = run.empty(dy.shape, dy.dtype)
        remembered = {self.remembers: cache} if self.remembers else {}
        run(self, self.kernels[1], dy=dy, dx=dx, **remembered, **self.kernel_settings())
        return dx


class Identity(Activation):
    """y = x."""

    kernels = activation.identity_forward, activation.identity_backward
    remembers = ""

    def passes_on(self, x: Array) -> Array:
        """All of it."""
        return x


class ReLU(Activation):
    """y = max(x, 0), slope 0 at 0."""

    kernels = activation.relu_forward, activation.relu_backward
    remembers = "y"


class LeakyReLU(Activation):
    """y = x for x > 0, ``slope`` · x (0.01) otherwise."""

    kernels = activation.leaky_relu_forward, activation.leaky_relu_backward

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = number(slope, "slope", "LeakyReLU", low=0)

    def kernel_settings(self) -> dict[str, Any]:
        """The slope."""
        return {"slope": self.slope}


class ELU(Activation):
    """y = x for x > 0, ``alpha`` (1) · (eˣ − 1) otherwise."""

    kernels = activation.elu_forward, activation.elu_backward

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number(alpha, "alpha", "ELU", low=0, open_low=True)

    def kernel_settings(self) -> dict[str, Any]:
        """The α."""
        return {"alpha": self.alpha}


class GELU(Activation):
    """y = x Φ(x), Φ the normal distribution function; with ``approximate=True`` by its tanh formula."""

    def __init__(self, *, approximate: bool = False) -> None:
        self.approximate = boolean(approximate, "approximate", "GELU")
        self.kernels = (
            (activation.gelu_tanh_forward, activation.gelu_tanh_backward)
            if approximate
            else (activation.gelu_forward, activation.gelu_backward)
        )


class SiLU(Activation):
    """y = x σ(x), also known as swish."""

    kernels = activation.silu_forward, activation.silu_backward


class Sigmoid(Activation):
    """y = σ(x) = 1/(1 + e⁻ˣ)."""

    kernels = activation.sigmoid_forward, activation.sigmoid_backward
    remembers = "y"


class Tanh(Activation):
    """y = tanh x."""

    kernels = activation.tanh_forward, activation.tanh_backward
    remembers = "y"


class Softplus(Activation):
    """y = log(1 + eˣ)."""

    kernels = activation.softplus_forward, activation.softplus_backward


class Softmax(Activation):
    """y_k = e^{x_k} / Σ_j e^{x_j} over the last axis.

    A network that is trained with ``CrossEntropy()`` needs none: that loss takes the logits.
    """

    kernels = softmax.softmax_forward, softmax.softmax_backward
    remembers = "y"


ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SiLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softplus": Softplus,
    "softmax": Softmax,
}
