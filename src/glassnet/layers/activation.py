"""Activations as layers: each names its pair of kernels and what its backward reads."""

from __future__ import annotations

from math import inf
from typing import Any

from glassnet.core import suggestions
from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import boolean, family, number
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel, activation, softmax
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.runners import Runner


class Activation(Layer):
    """Base of the activations: the shape stays, (N, ...) -> (N, ...).

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), "gelu", gn.Dense(1), "sigmoid")
        >>> [layer for layer in net.layers if isinstance(layer, gn.layers.Activation)]
        [GELU(), Sigmoid()]
    """

    kernels: tuple[Kernel, Kernel]
    """Forward and backward."""

    remembers: str = "x"
    """The argument of the backward kernel that the forward pass must keep: ``"x"``, ``"y"`` or ``""``."""

    with_lengths = EACH_STEP

    in_torch: str = ""
    """PyTorch's module of the same function, where it has one that takes no settings."""

    in_onnx: str = ""
    """ONNX's operator of the same function."""

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
    in_torch = "Identity"
    passes_on = True


class ReLU(Activation):
    """y = max(x, 0), slope 0 at 0."""

    kernels = activation.relu_forward, activation.relu_backward
    remembers = "y"
    in_torch = "ReLU"
    in_onnx = "Relu"


class LeakyReLU(Activation):
    """y = x for x > 0, ``slope`` · x (0.01) otherwise."""

    kernels = activation.leaky_relu_forward, activation.leaky_relu_backward
    in_onnx = "LeakyRelu"

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = number(slope, "slope", "LeakyReLU", low=0, in_float32=True)

    def kernel_settings(self) -> dict[str, Any]:
        """The slope."""
        return {"slope": self.slope}


class Clip(Activation):
    """y = min(max(x, low), high), also known as hard tanh; slope 0 at both ends and beyond.

    Args:
        low: the smallest y; None for no such limit.
        high: the largest y, likewise.

    Raises:
        ConfigurationError: a limit that is no finite number, no limit at all, or ``low`` not below ``high``.

    Example:
        >>> import glassnet as gn
        >>> gn.Clip(0, 1), gn.Clip(high=3.5), gn.ReLU6()
        (Clip(0.0), Clip(high=3.5), ReLU6())
    """

    kernels = activation.clip_forward, activation.clip_backward
    remembers = "y"

    def __init__(self, low: float | None = -1.0, high: float | None = 1.0) -> None:
        where = type(self).__name__
        self.low = None if low is None else number(low, "low", where, low=-inf, open_low=True, in_float32=True)
        self.high = None if high is None else number(high, "high", where, low=-inf, open_low=True, in_float32=True)
        lowest, highest = self.kernel_settings().values()
        if not lowest < highest or (low is None and high is None):
            raise ConfigurationError(
                where=where,
                received=f"low={low!r}, high={high!r}",
                expected="one limit at least, and low below high",
                fix="write gn.Clip(-1, 1), or gn.Identity() for no limits",
            )

    def kernel_settings(self) -> dict[str, Any]:
        """The two limits, infinite where there is none."""
        return {"low": -inf if self.low is None else self.low, "high": inf if self.high is None else self.high}


class ReLU6(Clip):
    """y = min(max(x, 0), 6).

    Source: A. Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications"
    (2017).
    """

    in_torch = "ReLU6"

    def __init__(self) -> None:
        super().__init__(0.0, 6.0)


class ELU(Activation):
    """y = x for x > 0, ``alpha`` (1) · (eˣ − 1) otherwise."""

    kernels = activation.elu_forward, activation.elu_backward
    in_onnx = "Elu"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number(alpha, "alpha", "ELU", low=0, open_low=True, in_float32=True)

    def kernel_settings(self) -> dict[str, Any]:
        """The α."""
        return {"alpha": self.alpha}


class SELU(Activation):
    """y = λ x for x > 0, λ α (eˣ − 1) otherwise, with λ = 1.0507 and α = 1.6733: deep chains keep mean 0, variance 1.

    Give the weights before it ``weight_init="lecun_normal"``, and the inputs mean 0 and variance 1.
    """

    kernels = activation.selu_forward, activation.selu_backward
    in_torch = "SELU"
    in_onnx = "Selu"


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
    in_torch = "SiLU"


class HardSwish(Activation):
    """y = x · min(max(x + 3, 0), 6) / 6: like ``SiLU``, and cheap; slope 0 at −3 and 1 at 3."""

    kernels = activation.hard_swish_forward, activation.hard_swish_backward
    in_torch = "Hardswish"
    in_onnx = "HardSwish"


class Mish(Activation):
    """y = x tanh(log(1 + eˣ))."""

    kernels = activation.mish_forward, activation.mish_backward
    in_torch = "Mish"
    in_onnx = "Mish"


class Sigmoid(Activation):
    """y = σ(x) = 1/(1 + e⁻ˣ)."""

    kernels = activation.sigmoid_forward, activation.sigmoid_backward
    remembers = "y"
    in_torch = "Sigmoid"
    in_onnx = "Sigmoid"


class Tanh(Activation):
    """y = tanh x."""

    kernels = activation.tanh_forward, activation.tanh_backward
    remembers = "y"
    in_torch = "Tanh"
    in_onnx = "Tanh"


class Softplus(Activation):
    """y = log(1 + eˣ)."""

    kernels = activation.softplus_forward, activation.softplus_backward
    in_onnx = "Softplus"


class Softmax(Activation):
    """y_k = e^{x_k} / Σ_j e^{x_j} over the last axis.

    A network that is trained with ``CrossEntropy()`` needs none: that loss takes the logits.
    """

    kernels = softmax.softmax_forward, softmax.softmax_backward
    remembers = "y"
    needs_features = True


ACTIVATIONS = family(globals(), Activation)
"""By the names that may stand for them."""
suggestions.LAYERS |= {name: layer.__name__ for name, layer in ACTIVATIONS.items()}
