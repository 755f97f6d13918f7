"""Activations that work on each element alone: y = f(x), dx = dy · f′(x).

All shapes are equal and free: (N, ...). Each backward reads what makes f′ cheapest: y for sigmoid and tanh,
x for the others. Every formula is arranged so that nothing overflows for |x| up to 1e4, in float32 and float64.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import activation
    >>> x, dy = np.array([[-2.0, 0.5, 3.0]]), np.ones((1, 3))
    >>> y, dx = np.empty((1, 3)), np.empty((1, 3))
    >>> activation.relu_forward(x, y)
    >>> activation.relu_backward(dy, y, dx)
    >>> y.tolist(), dx.tolist()
    ([[0.0, 0.5, 3.0]], [[0.0, 1.0, 1.0]])
"""

from __future__ import annotations

from functools import partial
from math import pi, sqrt

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.functions import logistic, normal_cdf, softplus
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import activation as why

_activation = partial(kernel, writes="y", channels="x y", in_place=True)
_slope = partial(kernel, writes="dx", in_place=True)

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""λ and α, to as many digits as a float64 has."""
_SOFTPLUS = "\nu = max(x, 0) + log1p(exp(-abs(x)))"
_GELU = "\nu = sqrt(2 / pi) * (x + 0.044715 * x ** 3)"


@_activation("y = x", elements="y = x")
def identity_forward(x: Array, y: Array) -> None:
    """Writes ``y = x``: a linear layer's activation."""
    np.copyto(y, x)


@_slope(
    "dx = dy",
    elements="dx = dy",
    why=why.IDENTITY,
)
def identity_backward(dy: Array, dx: Array) -> None:
    """Writes ``dx = dy``."""
    np.copyto(dx, dy)


@_activation("y = max(x, 0)", elements="y = max(x, 0)", kinks="0", least=0.0, in_c="x < 0.0f ? 0.0f : x")
def relu_forward(x: Array, y: Array) -> None:
    """Writes ``y = max(x, 0)``.

    Source: V. Nair, G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """
    np.maximum(x, 0, out=y)


@_slope(
    "dx = dy · [y > 0]",
    elements="dx = dy * (y > 0)",
    why=why.RELU,
)
def relu_backward(dy: Array, y: Array, dx: Array) -> None:
    """Writes ``dx = dy · [y > 0]``, which is ``dy · [x > 0]``; the slope at 0 is taken as 0."""
    np.multiply(dy, y > 0, out=dx)


@_activation(
    "y = x for x > 0, slope · x otherwise",
    elements="y = x if x > 0 else slope * x",
    kinks="0",
    in_c="x < 0.0f ? slope * x : x",
)
def leaky_relu_forward(x: Array, y: Array, *, slope: float) -> None:
    """Writes ``y = x`` for x > 0 and ``slope · x`` otherwise.

    Source: A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """
    np.multiply(x, np.where(x > 0, x.dtype.type(1), x.dtype.type(slope)), out=y)


@_slope(
    "dx = dy for x > 0, slope · dy otherwise",
    elements="dx = dy if x > 0 else slope * dy",
    why=why.LEAKY_RELU,
)
def leaky_relu_backward(dy: Array, x: Array, dx: Array, *, slope: float) -> None:
    """Writes ``dx = dy`` for x > 0 and ``slope · dy`` otherwise."""
    np.multiply(dy, np.where(x > 0, x.dtype.type(1), x.dtype.type(slope)), out=dx)


@_activation(
    "y = min(max(x, low), high)",
    elements="y = min(max(x, low), high)",
    kinks="low high",
    in_c="x < low ? low : x > high ? high : x",
)
def clip_forward(x: Array, y: Array, *, low: float, high: float) -> None:
    """Writes ``y = min(max(x, low), high)``.

    Source: A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010), for [0, 6].
    """
    np.clip(x, low, high, out=y)


@_slope(
    "dx = dy · [low < y < high]",
    elements="dx = dy * (y > low) * (y < high)",
    why=why.CLIP,
)
def clip_backward(dy: Array, y: Array, dx: Array, *, low: float, high: float) -> None:
    """Writes ``dx = dy · [low < y < high]``; the slope at both ends is taken as 0."""
    np.multiply(dy, (y > low) & (y < high), out=dx)


@_activation(
    "y = x for x > 0, α (eˣ − 1) otherwise",
    elements="y = x if x > 0 else alpha * expm1(x)",
    flops=20,
    kinks="0",
    in_c="x < 0.0f ? alpha * expm1f(x) : x",
)
def elu_forward(x: Array, y: Array, *, alpha: float) -> None:
    """Writes ``y = x`` for x > 0 and ``α (eˣ − 1)`` otherwise.

    Source: D. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential
    linear units", ICLR 2016, equation 15.
    """
    np.copyto(y, np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))))


@_slope(
    "dx = dy for x > 0, dy · α eˣ otherwise",
    elements="dx = dy if x > 0 else dy * alpha * exp(x)",
    flops=20,
    why=why.ELU,
)
def elu_backward(dy: Array, x: Array, dx: Array, *, alpha: float) -> None:
    """Writes ``dx = dy`` for x > 0 and ``dy · α eˣ`` otherwise."""
    np.multiply(dy, np.where(x > 0, x.dtype.type(1), alpha * np.exp(np.minimum(x, 0))), out=dx)


@_activation(
    "y = λ x for x > 0, λ α (eˣ − 1) otherwise",
    elements="y = 1.0507009873554805 * x if x > 0 else 1.7580993408473766 * expm1(x)",
    kinks="0",
    flops=20,
    in_c="x < 0.0f ? 1.75809934f * expm1f(x) : 1.05070099f * x",
)
def selu_forward(x: Array, y: Array) -> None:
    """Writes ``y = λ x`` for x > 0 and ``λ α (eˣ − 1)`` otherwise, with λ = 1.0507 and α = 1.6733.

    With these two, mean 0 and variance 1 of the inputs are a stable fixed point of a layer whose weights have mean 0
    and variance 1/fan_in.

    Source: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", NIPS 2017,
    equations 2 and 14.
    """
    np.copyto(y, np.where(x > 0, SELU_SCALE * x, SELU_SCALE * SELU_ALPHA * np.expm1(np.minimum(x, 0))))


@_slope(
    "dx = λ dy for x > 0, dy · λ α eˣ otherwise",
    elements="dx = 1.0507009873554805 * dy if x > 0 else 1.7580993408473766 * dy * exp(x)",
    flops=20,
    why=why.SELU,
)
def selu_backward(dy: Array, x: Array, dx: Array) -> None:
    """Writes ``dx = λ dy`` for x > 0 and ``dy · λ α eˣ`` otherwise."""
    slope = np.where(x > 0, x.dtype.type(SELU_SCALE), SELU_SCALE * SELU_ALPHA * np.exp(np.minimum(x, 0)))
    np.multiply(dy, slope, out=dx)


@_activation(
    "y = x Φ(x),  Φ(x) = ½ erfc(−x/√2)",
    elements="y = x * cdf(x)",
    flops=40,
    in_c="x * (0.5f * erfcf(x * -0.707106781f))",
)
def gelu_forward(x: Array, y: Array) -> None:
    """Writes ``y = x Φ(x)``, Φ the normal distribution function: the exact GELU.

    Source: D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016, arXiv:1606.08415, section 2.
    """
    np.multiply(x, normal_cdf(x), out=y)


@_slope(
    "dx = dy · (Φ(x) + x φ(x)),  φ(x) = e^(−x²/2)/√(2π)",
    elements="dx = dy * (cdf(x) + x * exp(-(x ** 2) / 2) / sqrt(2 * pi))",
    flops=40,
    why=why.GELU,
)
def gelu_backward(dy: Array, x: Array, dx: Array) -> None:
    """Writes ``dx = dy · (Φ(x) + x φ(x))``, φ the normal density."""
    density = np.exp(-(x * x) / 2) / x.dtype.type(sqrt(2 * pi))
    np.multiply(dy, normal_cdf(x) + x * density, out=dx)


@_activation(
    "y = ½ x (1 + tanh u),  u = √(2/π) (x + 0.044715 x³)",
    elements="y = x / 2 * (1 + tanh(u))" + _GELU,
    flops=25,
    # ½ (1 + tanh u) = 1/(1 + e^−2u), without the difference that cancels on the left
    in_c="x * logistic(1.59576912f * (x + 0.044715f * x * x * x))",
)
def gelu_tanh_forward(x: Array, y: Array) -> None:
    """Writes ``y = ½ x (1 + tanh u)`` with ``u = √(2/π) (x + 0.044715 x³)``: the usual approximation of GELU.

    Source: D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016, arXiv:1606.08415, section 2.
    """
    np.multiply(x / 2, 1 + np.tanh(_gelu_inner(x)), out=y)


@_slope(
    "dx = dy · (½ (1 + t) + ½ x (1 − t²) u′),  t = tanh u",
    elements="""
        dx = dy * ((1 + tanh(u)) / 2 + x / 2 * (1 - tanh(u) ** 2) * du)
        du = sqrt(2 / pi) * (1 + 3 * 0.044715 * x ** 2)
    """
    + _GELU,
    flops=25,
    why=why.GELU_TANH,
)
def gelu_tanh_backward(dy: Array, x: Array, dx: Array) -> None:
    """Writes ``dx = dy · (½ (1 + t) + ½ x (1 − t²) u′)`` with t = tanh u, ``u′ = √(2/π) (1 + 3·0.044715 x²)``."""
    t = np.tanh(_gelu_inner(x))
    du = x.dtype.type(sqrt(2 / pi)) * (1 + 3 * 0.044715 * x * x)
    np.multiply(dy, (1 + t) / 2 + x / 2 * (1 - t * t) * du, out=dx)


@_activation("y = x σ(x)", elements="y = x * sigma(x)", flops=20, in_c="x * logistic(x)")
def silu_forward(x: Array, y: Array) -> None:
    """Writes ``y = x σ(x)``, also known as swish.

    Source: S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units", 2017, arXiv:1702.03118, equation 2.
    """
    np.multiply(x, logistic(x), out=y)


@_slope(
    "dx = dy · σ(x) (1 + x (1 − σ(x)))",
    elements="dx = dy * sigma(x) * (1 + x * (1 - sigma(x)))",
    flops=20,
    why=why.SILU,
)
def silu_backward(dy: Array, x: Array, dx: Array) -> None:
    """Writes ``dx = dy · σ(x) (1 + x (1 − σ(x)))``."""
    s = logistic(x)
    np.multiply(dy, s * (1 + x * (1 - s)), out=dx)


@_activation(
    "y = x · min(max(x + 3, 0), 6) / 6",
    elements="y = x * min(max(x + 3, 0), 6) / 6",
    kinks="-3 3",
    flops=5,
    in_c="x * (fminf(fmaxf(x + 3.0f, 0.0f), 6.0f) / 6.0f)",
)
def hard_swish_forward(x: Array, y: Array) -> None:
    """Writes ``y = x · min(max(x + 3, 0), 6) / 6``: x σ(x) with a σ of three straight pieces.

    Source: A. Howard et al., "Searching for MobileNetV3", ICCV 2019, arXiv:1905.02244, section 5.2.
    """
    np.multiply(x, np.clip(x + 3, 0, 6) / 6, out=y)


@_slope(
    "dx = 0 for x ≤ −3, dy for x ≥ 3, dy · (2x + 3) / 6 between",
    elements="dx = dy * (x >= 3) + dy * (2 * x + 3) / 6 * (x > -3) * (x < 3)",
    flops=6,
    why=why.HARD_SWISH,
)
def hard_swish_backward(dy: Array, x: Array, dx: Array) -> None:
    """Writes ``dx = 0`` for x ≤ −3, ``dy`` for x ≥ 3 and ``dy · (2x + 3) / 6`` between."""
    one, zero = x.dtype.type(1), x.dtype.type(0)
    np.multiply(dy, np.where(x >= 3, one, np.where(x > -3, (2 * x + 3) / 6, zero)), out=dx)


@_activation(
    "y = x tanh(log(1 + eˣ))",
    elements="y = x * tanh(u)" + _SOFTPLUS,
    flops=50,
    in_c="x * tanhf(fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))))",
)
def mish_forward(x: Array, y: Array) -> None:
    """Writes ``y = x tanh(log(1 + eˣ))``.

    Source: D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020, arXiv:1908.08681,
    equation 1.
    """
    np.multiply(x, np.tanh(softplus(x)), out=y)


@_slope(
    "dx = dy · (t + x σ(x) (1 − t²)),  t = tanh(log(1 + eˣ))",
    elements="dx = dy * (tanh(u) + x * sigma(x) * (1 - tanh(u) ** 2))" + _SOFTPLUS,
    flops=60,
    why=why.MISH,
)
def mish_backward(dy: Array, x: Array, dx: Array) -> None:
    """Writes ``dx = dy · (t + x σ(x) (1 − t²))`` with ``t = tanh(log(1 + eˣ))``."""
    t = np.tanh(softplus(x))
    np.multiply(dy, t + x * logistic(x) * (1 - t * t), out=dx)


@_activation(
    "y = σ(x) = 1 / (1 + e⁻ˣ)", elements="y = 1 / (1 + exp(-x))", saturates=(0.01, 0.99), flops=20, in_c="logistic(x)"
)
def sigmoid_forward(x: Array, y: Array) -> None:
    """Writes ``y = σ(x) = 1 / (1 + e⁻ˣ)``."""
    np.copyto(y, logistic(x))


@_slope(
    "dx = dy · y (1 − y)",
    elements="dx = dy * y * (1 - y)",
    flops=3,
    why=why.SIGMOID,
)
def sigmoid_backward(dy: Array, y: Array, dx: Array) -> None:
    """Writes ``dx = dy · y (1 − y)``."""
    np.multiply(dy, y * (1 - y), out=dx)


@_activation("y = tanh x", elements="y = tanh(x)", saturates=(-0.98, 0.98), flops=20, in_c="tanhf(x)")
def tanh_forward(x: Array, y: Array) -> None:
    """Writes ``y = tanh x``."""
    np.tanh(x, out=y)


@_slope(
    "dx = dy · (1 − y²)",
    elements="dx = dy * (1 - y ** 2)",
    flops=3,
    why=why.TANH,
)
def tanh_backward(dy: Array, y: Array, dx: Array) -> None:
    """Writes ``dx = dy · (1 − y²)``."""
    np.multiply(dy, 1 - y * y, out=dx)


@_activation(
    "y = log(1 + eˣ)",
    elements="y = max(x, 0) + log1p(exp(-abs(x)))",
    flops=30,
    in_c="fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)))",
)
def softplus_forward(x: Array, y: Array) -> None:
    """Writes ``y = log(1 + eˣ) = max(x, 0) + log1p(e^−|x|)``.

    Source: C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing", NIPS 2000.
    """
    np.copyto(y, softplus(x))


@_slope(
    "dx = dy · σ(x)",
    elements="dx = dy * sigma(x)",
    flops=30,
    why=why.SOFTPLUS,
)
def softplus_backward(dy: Array, x: Array, dx: Array) -> None:
    """Writes ``dx = dy · σ(x)``."""
    np.multiply(dy, logistic(x), out=dx)


def _gelu_inner(x: Array) -> Array:
    return np.asarray(x.dtype.type(sqrt(2 / pi)) * (x + 0.044715 * x * x * x))
