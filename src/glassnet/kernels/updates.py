"""Update rules and the steps around them, on flat arrays, in place.

θ parameters, g gradients, η learning rate, t the number of the update, counted from 1. Products are element by element.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import updates
    >>> parameters, gradients, velocity = np.array([1.0]), np.array([0.5]), np.zeros(1)
    >>> for _ in range(2):
    ...     updates.momentum_update(gradients, parameters, velocity, learning_rate=0.1, momentum=0.9, nesterov=False)
    >>> parameters.round(4).tolist(), velocity.round(4).tolist()
    ([0.855], [-0.095])
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Float64s, Geometry
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import updates as why

_ADAM = """
m_ = beta1 * m + (1 - beta1) * gradients
v_ = beta2 * v + (1 - beta2) * gradients ** 2
vhat = v_ / (1 - beta2 ** step)
"""


@kernel(
    "θ ← θ − η g",
    elements="parameters_ = parameters - learning_rate * gradients",
    updates="parameters",
    why=why.SGD,
)
def sgd_update(gradients: Array, parameters: Array, *, learning_rate: float) -> None:
    """Plain gradient descent: ``θ ← θ − η g``.

    Source: H. Robbins, S. Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22 (1951).
    """
    parameters -= learning_rate * gradients


@kernel(
    "v ← μ v − η g;  θ ← θ + v,  or θ + μ v − η g with Nesterov's look-ahead",
    elements="""
        velocity_ = momentum * velocity - learning_rate * gradients
        parameters_ = parameters + momentum * velocity_ - learning_rate * gradients if nesterov else (
            parameters + velocity_)
    """,
    updates="parameters velocity",
    flops=4,
    why=why.MOMENTUM,
)
def momentum_update(
    gradients: Array, parameters: Array, velocity: Array, *, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    """Momentum: ``v ← μ v − η g``, then ``θ ← θ + v`` or, with Nesterov, ``θ ← θ + μ v − η g``.

    Source: I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
    learning", ICML 2013, equations 1 to 4; Nesterov's form with θ standing at the look-ahead point, as in Y. Bengio,
    N. Boulanger-Lewandowski, R. Pascanu, "Advances in optimizing recurrent networks", 2013, equation 7.
    """
    velocity *= momentum
    velocity -= learning_rate * gradients
    if nesterov:
        parameters += momentum * velocity - learning_rate * gradients
    else:
        parameters += velocity


@kernel(
    "G ← G + g²;  θ ← θ − η g / (√G + ε)",
    elements="""
        square_sum_ = square_sum + gradients ** 2
        parameters_ = parameters - learning_rate * gradients / (sqrt(square_sum_) + epsilon)
    """,
    updates="parameters square_sum",
    flops=8,
    why=why.ADAGRAD,
)
def adagrad_update(
    gradients: Array, parameters: Array, square_sum: Array, *, learning_rate: float, epsilon: float
) -> None:
    """AdaGrad: ``G ← G + g²``, ``θ ← θ − η g / (√G + ε)``.

    Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods", JMLR 12 (2011), the diagonal form.
    """
    square_sum += gradients * gradients
    parameters -= learning_rate * gradients / (np.sqrt(square_sum) + epsilon)


@kernel(
    "v ← ρ v + (1 − ρ) g²;  θ ← θ − η g / (√v + ε)",
    elements="""
        mean_square_ = rho * mean_square + (1 - rho) * gradients ** 2
        parameters_ = parameters - learning_rate * gradients / (sqrt(mean_square_) + epsilon)
    """,
    updates="parameters mean_square",
    flops=10,
    why=why.RMSPROP,
)
def rmsprop_update(
    gradients: Array, parameters: Array, mean_square: Array, *, learning_rate: float, rho: float, epsilon: float
) -> None:
    """RMSProp: ``v ← ρ v + (1 − ρ) g²``, ``θ ← θ − η g / (√v + ε)``.

    Source: T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5 (2012).
    """
    mean_square *= rho
    mean_square += (1 - rho) * gradients * gradients
    parameters -= learning_rate * gradients / (np.sqrt(mean_square) + epsilon)


@kernel(
    "m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  θ ← θ − η m̂ / (√v̂ + ε),  m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)",
    elements=_ADAM
    + """
        parameters_ = parameters - learning_rate * mhat / (sqrt(vhat) + epsilon)
        mhat = m_ / (1 - beta1 ** step)
    """,
    updates="parameters m v",
    flops=14,
    why=why.ADAM,
)
def adam_update(
    gradients: Array,
    parameters: Array,
    m: Array,
    v: Array,
    *,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
) -> None:
    """Adam, with the bias corrections ``m̂ = m/(1 − β₁ᵗ)`` and ``v̂ = v/(1 − β₂ᵗ)``.

    Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """
    m *= beta1
    m += (1 - beta1) * gradients
    v *= beta2
    v += (1 - beta2) * gradients * gradients
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    parameters -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)


@kernel(
    "m, v as Adam;  θ ← θ − η (μ_{t+1} m/(1 − Π_{i≤t+1} μ_i) + (1 − μ_t) g/(1 − Π_{i≤t} μ_i)) / (√v̂ + ε)",
    elements=_ADAM
    + """
        parameters_ = parameters - learning_rate * (ahead + now) / (sqrt(vhat) + epsilon)
        ahead = next_momentum * m_ / (1 - momentum_product * next_momentum)
        now = (1 - momentum) * gradients / (1 - momentum_product)
    """,
    updates="parameters m v",
    flops=18,
    why=why.NADAM,
)
def nadam_update(
    gradients: Array,
    parameters: Array,
    m: Array,
    v: Array,
    *,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
    momentum: float,
    next_momentum: float,
    momentum_product: float,
) -> None:
    """Adam with Nesterov's look-ahead.

    ``momentum`` is μ_t and ``next_momentum`` μ_{t+1}, of the schedule μ_t = β₁ (1 − ½ · 0.96^{t · 0.004});
    ``momentum_product`` is Π_{i≤t} μ_i.

    Source: T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016, algorithm 2, with the momentum
    schedule of the author's 2015 report.
    """
    m *= beta1
    m += (1 - beta1) * gradients
    v *= beta2
    v += (1 - beta2) * gradients * gradients
    look_ahead = next_momentum / (1 - momentum_product * next_momentum) * m
    present = (1 - momentum) / (1 - momentum_product) * gradients
    v_hat = v / (1 - beta2**step)
    parameters -= learning_rate * (look_ahead + present) / (np.sqrt(v_hat) + epsilon)


@kernel(
    "θ ← θ − η sign(β₁ m + (1 − β₁) g);  m ← β₂ m + (1 − β₂) g",
    elements="""
        parameters_ = parameters - learning_rate * sign(beta1 * m + (1 - beta1) * gradients)
        m_ = beta2 * m + (1 - beta2) * gradients
    """,
    updates="parameters m",
    why=why.LION,
)
def lion_update(
    gradients: Array, parameters: Array, m: Array, *, learning_rate: float, beta1: float, beta2: float
) -> None:
    """Lion: steps of one size, their signs from a mixture of momentum and gradient.

    Source: X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
    """
    parameters -= learning_rate * np.sign(beta1 * m + (1 - beta1) * gradients)
    m *= beta2
    m += (1 - beta2) * gradients


@kernel(
    "g ← g + λ θ",
    elements="gradients_ = gradients + strength * parameters",
    updates="gradients",
    why=why.L2,
)
def l2_gradient(parameters: Array, gradients: Array, *, strength: float) -> None:
    """Adds the gradient of the penalty ½ λ ‖θ‖²."""
    gradients += strength * parameters


@kernel(
    "g ← g + λ/Σw θ",
    elements="gradients_ = gradients + strength / total[0] * parameters",
    updates="gradients",
    shared="total",
    why=why.L2_OF_BATCH,
)
def l2_gradient_of_batch(parameters: Array, total: Float64s, gradients: Array, *, strength: float) -> None:
    """Adds the gradient of the penalty ½ λ ‖θ‖² beside a loss summed over a batch's rows, divided as for its mean.

    Args:
        parameters: θ.
        total: Σ w (1,) of the batch, its rows where each weighs 1; nothing is added where it is 0.
        gradients: g, in place.
        strength: λ.
    """
    gradients += (strength / float(total[0]) if total[0] > 0 else 0.0) * parameters


@kernel(
    "g ← g + λ sign(θ)",
    elements="gradients_ = gradients + strength * sign(parameters)",
    updates="gradients",
    why=why.L1,
)
def l1_gradient(parameters: Array, gradients: Array, *, strength: float) -> None:
    """Adds the gradient of the penalty λ ‖θ‖₁, 0 where θ is 0."""
    gradients += strength * np.sign(parameters)


@kernel(
    "θ ← (1 − η λ) θ",
    elements="parameters_ = (1 - learning_rate * rate) * parameters",
    symbols="rate λ",
    updates="parameters",
    why=why.DECAY,
)
def weight_decay(parameters: Array, *, learning_rate: float, rate: float) -> None:
    """Decoupled weight decay: ``θ ← (1 − η λ) θ``.

    Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    """
    parameters *= 1 - learning_rate * rate


@kernel("g ← clip(g, −c, c)", elements="gradients_ = min(max(gradients, -limit), limit)", updates="gradients")
def clip_by_value(gradients: Array, *, limit: float) -> None:
    """Limits every element of the gradient to [−c, c]."""
    np.clip(gradients, -limit, limit, out=gradients)


@kernel(
    "g ← g · min(1, c/‖g‖₂)",
    elements="""
        gradients_[p] = gradients[p] * min(1, limit / sqrt(sum[q](gradients[q] ** 2)))
    """,
    updates="gradients",
    by_rows=False,
    why=why.CLIP_BY_NORM,
)
def clip_by_norm(gradients: Array, *, limit: float) -> None:
    """Scales the whole gradient down to the Euclidean norm c where it is longer.

    The largest element is taken out before squaring, so that a gradient of 1e30 does not overflow in float32.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    algorithm 1.
    """
    largest = float(np.max(np.abs(gradients), initial=0.0))
    if largest == 0.0:
        return
    norm = largest * float(np.linalg.norm(gradients / largest))
    if norm > limit:
        gradients *= limit / norm


@kernel(
    "w_m ← w_m · min(1, c/‖w_m‖₂) for each unit m",
    elements="""
        weight_[d, m] = weight[d, m] * limit / max(sqrt(sum[e](weight[e, m] ** 2)), limit)
        weight_[f, c, h, w] = weight[f, c, h, w] * limit / max(sqrt(
            sum[k, i, j](weight[f, k, i, j] ** 2) if unit_axis == 0 else sum[k, i, j](weight[k, c, i, j] ** 2)), limit)
        weight_[i, c, f] = weight[i, c, f] * limit / max(sqrt(sum[j, k](weight[j, k, f] ** 2)), limit)
    """,
    updates="weight",
    by_rows=False,
)
def max_norm(weight: Array, *, limit: float, unit_axis: Geometry) -> None:
    """Scales each unit's incoming weights down to the norm c where they are longer.

    ``unit_axis`` is the axis of ``weight`` that counts the units: 1 for a dense (D, M).

    Source: N. Srivastava et al., "Dropout", JMLR 15 (2014), section 5.1.
    """
    others = tuple(axis for axis in range(weight.ndim) if axis != unit_axis)
    norm = np.sqrt(np.sum(weight * weight, axis=others, keepdims=True))
    weight *= limit / np.maximum(norm, limit)
