"""Losses of classes, one value per row: see ``losses`` for ω.

z stands for logits, p for probabilities, t for targets, o for outputs of any kind.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import classes
    >>> logits, labels = np.zeros((1, 4)), np.array([2])
    >>> losses, probabilities, dlogits = np.empty(1), np.empty((1, 4)), np.empty((1, 4))
    >>> classes.cross_entropy_forward(logits, labels, losses, probabilities, label_smoothing=0.0)
    >>> classes.cross_entropy_backward(np.ones(1), probabilities, labels, dlogits, label_smoothing=0.0)
    >>> losses.round(4).tolist(), dlogits.tolist()
    ([1.3863], [[0.25, 0.25, -0.75, 0.25]])
"""

from __future__ import annotations

from functools import partial

import numpy as np

from glassnet.core.shapes import Array, Int64s
from glassnet.kernels.functions import log_floor, logistic, softplus
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import classes as why

_loss = partial(kernel, writes="losses")
_slope = partial(kernel, writes="doutputs", in_place=True, flops=4)

_SOFTMAX = """
probabilities[n, k] = exp(logits[n, k] - top[n]) / sum[j](exp(logits[n, j] - top[n]))
lse[n] = top[n] + log(sum[j](exp(logits[n, j] - top[n])))
top[n] = largest[j](logits[n, j])
"""

_SMOOTHED = (
    "\nt[n, k] = (1 - label_smoothing) * targets[n, k] + label_smoothing / K if label_smoothing else targets[n, k]"
)


@_loss(
    "ℓ_n = Σ_m (log(1 + e^z) − t z)",
    elements="""
        losses[n] = sum[m](max(logits[n, m], 0) + log1p(exp(-abs(logits[n, m]))) - targets[n, m] * logits[n, m])
    """,
)
def binary_cross_entropy_forward(logits: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = Σ_m −t log σ(z) − (1 − t) log(1 − σ(z))`` straight from the logits.

    With log(1 + e^z) = max(z, 0) + log1p(e^−|z|) the sum is log(1 + e^z) − t z, finite for every finite z.

    Args:
        logits: z (N, M).
        targets: t (N, M) in [0, 1]; soft labels allowed.
        losses: output (N,).
    """
    np.sum(softplus(logits) - targets * logits, axis=1, out=losses)


@_slope(
    "dz = ω_n (σ(z) − t)",
    elements="doutputs[n, m] = row_weights[n] * (sigma(logits[n, m]) - targets[n, m])",
    symbols="doutputs δ^z",
    why=why.BINARY_CROSS_ENTROPY,
)
def binary_cross_entropy_backward(row_weights: Array, logits: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``dz = ω_n (σ(z) − t)``."""
    np.multiply(row_weights[:, None], logistic(logits) - targets, out=doutputs)


@_loss(
    "ℓ_n = −Σ_m (t log p + (1 − t) log(1 − p))",
    elements="""
        losses[n] = -sum[m](targets[n, m] * log(p[n, m]) + (1 - targets[n, m]) * log(q[n, m]))
        p[n, m] = max(probabilities[n, m], floor)
        q[n, m] = max(1 - probabilities[n, m], floor)
    """,
)
def binary_cross_entropy_of_probabilities_forward(probabilities: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = −Σ_m (t log p + (1 − t) log(1 − p))`` for a network that ends in a sigmoid.

    Both logarithms are floored at ``log_floor``: a p that rounding made 0 or 1 costs much, not infinity.
    """
    floor = log_floor(probabilities.dtype)
    log_p = np.log(np.maximum(probabilities, floor))
    log_q = np.log(np.maximum(1 - probabilities, floor))
    np.copyto(losses, -np.sum(targets * log_p + (1 - targets) * log_q, axis=1))


@_slope(
    "dp = ω_n ((1 − t)/(1 − p) − t/p)",
    elements="""
        doutputs[n, m] = row_weights[n] * ((1 - targets[n, m]) / q[n, m] - targets[n, m] / p[n, m])
        p[n, m] = max(probabilities[n, m], floor)
        q[n, m] = max(1 - probabilities[n, m], floor)
    """,
    symbols="doutputs δ^p",
    why=why.BINARY_CROSS_ENTROPY_OF_PROBABILITIES,
)
def binary_cross_entropy_of_probabilities_backward(
    row_weights: Array, probabilities: Array, targets: Array, doutputs: Array
) -> None:
    """Writes ``dp = ω_n ((1 − t)/(1 − p) − t/p)``, the denominators floored as in the forward pass."""
    floor = log_floor(probabilities.dtype)
    slope = (1 - targets) / np.maximum(1 - probabilities, floor) - targets / np.maximum(probabilities, floor)
    np.multiply(row_weights[:, None], slope, out=doutputs)


@kernel(
    "ℓ_n = (1 − ε)(lse − z_y) + (ε/K) Σ_k (lse − z_k),  lse = log Σ_k e^z",
    elements="""
        losses[n] = sum[k](t[n, k] * (lse[n] - logits[n, k])) if label_smoothing else lse[n] - logits[n, labels[n]]
        t[n, k] = (1 - label_smoothing) * (k == labels[n]) + label_smoothing / K
    """
    + _SOFTMAX,
    writes="losses probabilities",
    flops=30,
    why=why.CROSS_ENTROPY_FORWARD,
)
def cross_entropy_forward(
    logits: Array, labels: Int64s, losses: Array, probabilities: Array, *, label_smoothing: float
) -> None:
    """Softmax and cross-entropy in one, for integer labels.

    −log softmax(z)_y = lse − z_y with lse = log Σ_k e^{z_k}; with label smoothing ε every class has a share ε/K of
    the target, the labelled class 1 − ε more.

    Source of the smoothing: C. Szegedy et al., "Rethinking the inception architecture", CVPR 2016, section 7.

    Args:
        logits: z (N, K).
        labels: integers (N,), 0 ≤ label < K.
        losses: output (N,).
        probabilities: output softmax(z) (N, K), which the backward reads.
        label_smoothing: ε, 0 for none.
    """
    log_p = _softmax_and_log(logits, probabilities)
    labelled = log_p[np.arange(len(labels)), labels]
    np.copyto(losses, -labelled)
    if label_smoothing:  # 0 · ∞ would be NaN where a class is masked by a logit of −∞
        losses *= 1 - label_smoothing
        losses -= label_smoothing * np.mean(log_p, axis=1)


@_slope(
    "dz = ω_n (p − t),  t = (1 − ε) [k = y] + ε/K",
    elements="""
        doutputs[n, k] = row_weights[n] * (probabilities[n, k] - t[n, k])
        t[n, k] = (1 - label_smoothing) * (k == labels[n]) + label_smoothing / K if label_smoothing else k == labels[n]
    """,
    symbols="doutputs δ^z",
    why=why.CROSS_ENTROPY,
)
def cross_entropy_backward(
    row_weights: Array, probabilities: Array, labels: Int64s, doutputs: Array, *, label_smoothing: float
) -> None:
    """Writes ``dz = ω_n (p − t)`` with the smoothed one-hot target t.

    Args:
        row_weights: ω (N,).
        probabilities: softmax(z) of the forward pass (N, K).
        labels: integers (N,).
        doutputs: output ∂L/∂z (N, K).
        label_smoothing: ε, as in the forward pass.
    """
    np.subtract(probabilities, label_smoothing / probabilities.shape[1], out=doutputs)
    doutputs[np.arange(len(labels)), labels] -= 1 - label_smoothing
    doutputs *= row_weights[:, None]


@kernel(
    "ℓ_n = Σ_k t′ (lse − z),  t′ = (1 − ε) t + ε/K",
    elements="losses[n] = sum[k](t[n, k] * (lse[n] - logits[n, k]))" + _SMOOTHED + _SOFTMAX,
    writes="losses probabilities",
    flops=30,
)
def soft_cross_entropy_forward(
    logits: Array, targets: Array, losses: Array, probabilities: Array, *, label_smoothing: float
) -> None:
    """Softmax and cross-entropy in one, for targets that are distributions over the classes.

    Args:
        logits: z (N, K).
        targets: t (N, K), not negative, each row summing to 1.
        losses: output ``ℓ_n = −Σ_k t′_nk log softmax(z)_nk`` (N,).
        probabilities: output softmax(z) (N, K), which the backward reads.
        label_smoothing: ε, 0 for none.
    """
    log_p = _softmax_and_log(logits, probabilities)
    np.copyto(losses, -np.sum(_smoothed(targets, label_smoothing) * log_p, axis=1))


@_slope(
    "dz = ω_n (p − t′),  t′ = (1 − ε) t + ε/K",
    elements="doutputs[n, k] = row_weights[n] * (probabilities[n, k] - t[n, k])" + _SMOOTHED,
    symbols="doutputs δ^z",
    why=why.SOFT_CROSS_ENTROPY,
)
def soft_cross_entropy_backward(
    row_weights: Array, probabilities: Array, targets: Array, doutputs: Array, *, label_smoothing: float
) -> None:
    """Writes ``dz = ω_n (p − t′)``, which holds for rows of t that sum to 1."""
    np.multiply(row_weights[:, None], probabilities - _smoothed(targets, label_smoothing), out=doutputs)


@_loss(
    "ℓ_n = −Σ_k t′ log p,  t′ = (1 − ε) t + ε/K",
    elements="losses[n] = -sum[k](t[n, k] * log(max(probabilities[n, k], floor)))" + _SMOOTHED,
)
def cross_entropy_of_probabilities_forward(
    probabilities: Array, targets: Array, losses: Array, *, label_smoothing: float
) -> None:
    """Writes ``ℓ_n = −Σ_k t′ log p`` for a network that ends in a softmax; p floored at ``log_floor``."""
    log_p = np.log(np.maximum(probabilities, log_floor(probabilities.dtype)))
    np.copyto(losses, -np.sum(_smoothed(targets, label_smoothing) * log_p, axis=1))


@_slope(
    "dp = −ω_n t′/p,  t′ = (1 − ε) t + ε/K",
    elements="doutputs[n, k] = -row_weights[n] * t[n, k] / max(probabilities[n, k], floor)" + _SMOOTHED,
    symbols="doutputs δ^p",
    why=why.CROSS_ENTROPY_OF_PROBABILITIES,
)
def cross_entropy_of_probabilities_backward(
    row_weights: Array, probabilities: Array, targets: Array, doutputs: Array, *, label_smoothing: float
) -> None:
    """Writes ``dp = −ω_n t′/p``, p floored as in the forward pass."""
    slope = _smoothed(targets, label_smoothing) / np.maximum(probabilities, log_floor(probabilities.dtype))
    np.multiply(-row_weights[:, None], slope, out=doutputs)


@_loss("ℓ_n = Σ_m max(0, 1 − t o),  t = ±1", elements="losses[n] = sum[m](max(0, 1 - targets[n, m] * outputs[n, m]))")
def hinge_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = Σ_m max(0, 1 − t_nm o_nm)``; outputs (N, M), targets (N, M) of −1 and +1.

    Source: C. Cortes, V. Vapnik, "Support-vector networks", Machine Learning 20 (1995).
    """
    np.sum(np.maximum(0, 1 - targets * outputs), axis=1, out=losses)


@_slope(
    "do = −ω_n t [t o < 1]",
    elements="doutputs[n, m] = -row_weights[n] * targets[n, m] * (targets[n, m] * outputs[n, m] < 1)",
    why=why.HINGE,
)
def hinge_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = −ω_n t [t o < 1]``."""
    np.multiply(-row_weights[:, None], targets * (targets * outputs < 1), out=doutputs)


def _softmax_and_log(logits: Array, probabilities: Array) -> Array:
    """Writes softmax(z) and returns its logarithm, z − max z − log Σ e^{z − max z}, which no rounding makes −∞."""
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    np.exp(shifted, out=probabilities)
    total = np.sum(probabilities, axis=1, keepdims=True)
    probabilities /= total
    return np.asarray(shifted - np.log(total))


def _smoothed(targets: Array, label_smoothing: float) -> Array:
    return np.asarray((1 - label_smoothing) * targets + label_smoothing / targets.shape[1])
