"""Losses, one value per row.

Every loss of a batch is a weighted sum of row losses, L = Σ_n ω_n ℓ_n, with ω_n = 1 for the sum over the batch and
ω_n = 1/N for the mean; sample weights, class weights and the 1/M of a mean over outputs enter ω too. So a forward
kernel writes ℓ (N,), and its backward takes ω (N,), which is ∂L/∂ℓ, and writes ∂L/∂outputs.

z stands for logits, p for probabilities, t for targets, o for outputs of any kind.
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Float64s, Geometry, Int64s
from glassnet.kernels.functions import log_floor, logistic, softplus
from glassnet.kernels.registry import kernel

_SOFTMAX = """
probabilities[n, k] = exp(logits[n, k] - top[n]) / sum[j](exp(logits[n, j] - top[n]))
lse[n] = top[n] + log(sum[j](exp(logits[n, j] - top[n])))
top[n] = largest[j](logits[n, j])
"""
_SMOOTHED = (
    "\nt[n, k] = (1 - label_smoothing) * targets[n, k] + label_smoothing / K if label_smoothing else targets[n, k]"
)


@kernel(
    "ω_n = c w_n / Σ w for the mean, c w_n for the sum",
    elements="""
        row_weights[n] = factor * omega[n] / total[0] if mean else factor * omega[n]
        total[0] = sum[n](omega[n])
        omega[n] = weights[n] if weights else 1
    """,
    writes="row_weights total",
    by_rows=False,
)
def weigh_rows(weights: Array | None, row_weights: Array, total: Float64s, *, factor: float, mean: bool) -> None:
    """Writes each row's share ω_n of the batch's loss.

    Args:
        weights: w (N,), or None for 1 each.
        row_weights: output ω (N,): ``c w_n / Σ w`` for the mean (0 where all weights are 0), ``c w_n`` for the sum.
        total: output Σ w (1,), summed in float64.
        factor: c.
        mean: whether to divide by Σ w.
    """
    np.copyto(row_weights, 1 if weights is None else weights)
    total[0] = np.sum(row_weights, dtype=np.float64)
    if mean and total[0] > 0:
        row_weights /= float(total[0])
    row_weights *= factor


@kernel("L = Σ_n ω_n ℓ_n", elements="value[0] = sum[n](row_weights[n] * losses[n])", writes="value", by_rows=False)
def weighted_sum(losses: Array, row_weights: Array, value: Float64s) -> None:
    """Writes ``L = Σ_n ω_n ℓ_n`` into ``value`` (1,), summed in float64."""
    value[0] = np.dot(losses.astype(np.float64), row_weights.astype(np.float64))


@kernel(
    "L = L_before + c L_own",
    elements="value[0] = before[0] + factor * own_value[0] if before else factor * own_value[0]",
    writes="value",
    by_rows=False,
)
def weigh_value(own_value: Float64s, before: Float64s | None, value: Float64s, *, factor: float) -> None:
    """Adds one loss of several to the weighted sum: ``L = L_before + c L_own``.

    Args:
        own_value: the loss's own value (1,).
        before: the sum of those before it (1,), or None for the first.
        value: output (1,).
        factor: c, the loss's weight.
    """
    value[0] = (0.0 if before is None else before[0]) + factor * own_value[0]


@kernel(
    "do[:, start : start + W] = c do_own",
    elements="""
        doutputs[n, m] = factor * part[n, w] if (w >= 0) * (w < W) else unwritten
        w = m - start
    """,
    writes="doutputs",
)
def weigh_gradient(part: Array, doutputs: Array, *, start: Geometry, factor: float) -> None:
    """Writes the gradient of one loss of several into its columns.

    Args:
        part: ∂L_own/∂outputs of the loss's own W outputs (N, W).
        doutputs: output (N, M), of all outputs side by side.
        start: first column of those that are the loss's own.
        factor: c, the loss's weight.
    """
    np.multiply(part, part.dtype.type(factor), out=doutputs[:, start : start + part.shape[1]])


@kernel(
    "ℓ_n = ½ Σ_m (o − t)²", elements="losses[n] = sum[m]((outputs[n, m] - targets[n, m]) ** 2) / 2", writes="losses"
)
def squared_error_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = ½ Σ_m (o_nm − t_nm)²``; outputs and targets (N, M)."""
    error = outputs - targets
    np.copyto(losses, np.sum(error * error, axis=1) / 2)


@kernel(
    "do = ω_n (o − t)",
    elements="doutputs[n, m] = row_weights[n] * (outputs[n, m] - targets[n, m])",
    writes="doutputs",
    in_place=True,
    flops=4,
)
def squared_error_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n (o − t)``."""
    np.multiply(row_weights[:, None], outputs - targets, out=doutputs)


@kernel("ℓ_n = Σ_m |o − t|", elements="losses[n] = sum[m](abs(outputs[n, m] - targets[n, m]))", writes="losses")
def absolute_error_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = Σ_m |o_nm − t_nm|``; outputs and targets (N, M)."""
    np.sum(np.abs(outputs - targets), axis=1, out=losses)


@kernel(
    "do = ω_n sign(o − t)",
    elements="doutputs[n, m] = row_weights[n] * sign(outputs[n, m] - targets[n, m])",
    writes="doutputs",
    in_place=True,
    flops=4,
)
def absolute_error_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n sign(o − t)``, 0 where the error is 0."""
    np.multiply(row_weights[:, None], np.sign(outputs - targets), out=doutputs)


@kernel(
    "ℓ_n = Σ_m (½ r² for |r| ≤ δ, δ |r| − ½ δ² otherwise),  r = o − t",
    elements="""
        losses[n] = sum[m](r[n, m] ** 2 / 2 if abs(r[n, m]) <= delta else delta * (abs(r[n, m]) - delta / 2))
        r[n, m] = outputs[n, m] - targets[n, m]
    """,
    writes="losses",
)
def huber_forward(outputs: Array, targets: Array, losses: Array, *, delta: float) -> None:
    """Writes ``ℓ_n = Σ_m h(o − t)``, h(r) = ½ r² for |r| ≤ δ and δ |r| − ½ δ² beyond.

    Source: P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """
    size = np.abs(outputs - targets)
    inner = np.minimum(size, delta)  # h(r) = inner · (|r| − ½ inner) on both sides of δ
    np.sum(inner * (size - inner / 2), axis=1, out=losses)


@kernel(
    "do = ω_n · clip(o − t, −δ, δ)",
    elements="doutputs[n, m] = row_weights[n] * min(max(outputs[n, m] - targets[n, m], -delta), delta)",
    writes="doutputs",
    in_place=True,
    flops=4,
)
def huber_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array, *, delta: float) -> None:
    """Writes ``do = ω_n · clip(o − t, −δ, δ)``."""
    np.multiply(row_weights[:, None], np.clip(outputs - targets, -delta, delta), out=doutputs)


@kernel(
    "ℓ_n = Σ_m max(q (t − o), (q − 1) (t − o))",
    elements="""
        losses[n] = sum[m](max(quantile * r[n, m], (quantile - 1) * r[n, m]))
        r[n, m] = targets[n, m] - outputs[n, m]
    """,
    writes="losses",
)
def quantile_forward(outputs: Array, targets: Array, losses: Array, *, quantile: float) -> None:
    """Writes ``ℓ_n = Σ_m max(q (t − o), (q − 1) (t − o))``, least where a share q of the targets lies below o.

    Source: R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46 (1978).
    """
    error = targets - outputs
    np.sum(np.maximum(quantile * error, (quantile - 1) * error), axis=1, out=losses)


@kernel(
    "do = ω_n ((1 − q) [o > t] − q [o < t])",
    elements="""
        doutputs[n, m] = row_weights[n] * ((1 - quantile) * (r[n, m] > 0) - quantile * (r[n, m] < 0))
        r[n, m] = outputs[n, m] - targets[n, m]
    """,
    writes="doutputs",
    in_place=True,
    flops=4,
)
def quantile_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array, *, quantile: float) -> None:
    """Writes ``do = ω_n (1 − q)`` above the target and ``−ω_n q`` below it, 0 where the error is 0."""
    error = outputs - targets
    slope = np.where(error > 0, 1 - quantile, np.where(error < 0, -quantile, error))
    np.multiply(row_weights[:, None], slope, out=doutputs)


@kernel(
    "ℓ_n = Σ_m (e^o − t − t (o − log t))",
    elements="""
        losses[n] = sum[m](exp(outputs[n, m]) - targets[n, m] - targets[n, m] * u[n, m])
        u[n, m] = outputs[n, m] - log(max(targets[n, m], floor))
    """,
    writes="losses",
    flops=30,
)
def poisson_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes half the deviance of a Poisson distribution with the mean e^o: 0 where e^o = t, else above.

    −log of the probability is e^o − t o + log t!; what the best output would have, t − t log t + log t!, is taken off.
    t log t is 0 for t = 0. With u = o − log t it is t (e^u − 1 − u), which keeps its digits where o is nearly right.

    Source: P. McCullagh, J. Nelder, "Generalized linear models" (1989), section 2.3.

    Args:
        outputs: o (N, M), logarithms of means.
        targets: t ≥ 0 (N, M), their logarithm floored at that of ``log_floor``.
        losses: output (N,).
    """
    log_t = np.log(np.maximum(targets, log_floor(targets.dtype)))
    np.sum(_excess(outputs - log_t, _exponential(outputs), targets), axis=1, out=losses)


@kernel(
    "do = ω_n (e^o − t)",
    elements="doutputs[n, m] = row_weights[n] * (exp(outputs[n, m]) - targets[n, m])",
    writes="doutputs",
    in_place=True,
    flops=15,
)
def poisson_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n (e^o − t)``."""
    np.multiply(row_weights[:, None], _exponential(outputs) - targets, out=doutputs)


@kernel(
    "ℓ_n = Σ_m (t e^−o − 1 + o − log t)",
    elements="""
        losses[n] = sum[m](targets[n, m] * exp(-outputs[n, m]) - 1 + outputs[n, m] - log(targets[n, m]))
    """,
    writes="losses",
    flops=30,
)
def gamma_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes half the deviance of a gamma distribution with the mean e^o: 0 where e^o = t, else above.

    Only t e^−o counts, so that an error of 1% costs the same whatever the target's size. With u = log t − o it is
    e^u − 1 − u.

    Source: P. McCullagh, J. Nelder, "Generalized linear models" (1989), section 8.3.

    Args:
        outputs: o (N, M), logarithms of means.
        targets: t > 0 (N, M).
        losses: output (N,).
    """
    u = np.log(targets) - outputs
    np.sum(_excess(u, _exponential(u), 1), axis=1, out=losses)


@kernel(
    "do = ω_n (1 − t e^−o)",
    elements="doutputs[n, m] = row_weights[n] * (1 - targets[n, m] * exp(-outputs[n, m]))",
    writes="doutputs",
    in_place=True,
    flops=30,
)
def gamma_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n (1 − t e^−o)``."""
    with np.errstate(over="ignore"):
        np.multiply(row_weights[:, None], -np.expm1(np.log(targets) - outputs), out=doutputs)


@kernel(
    "ℓ_n = Σ_m (log(1 + e^z) − t z)",
    elements="""
        losses[n] = sum[m](max(logits[n, m], 0) + log1p(exp(-abs(logits[n, m]))) - targets[n, m] * logits[n, m])
    """,
    writes="losses",
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


@kernel(
    "dz = ω_n (σ(z) − t)",
    elements="doutputs[n, m] = row_weights[n] * (sigma(logits[n, m]) - targets[n, m])",
    symbols="doutputs δ^z",
    writes="doutputs",
    in_place=True,
    flops=4,
)
def binary_cross_entropy_backward(row_weights: Array, logits: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``dz = ω_n (σ(z) − t)``."""
    np.multiply(row_weights[:, None], logistic(logits) - targets, out=doutputs)


@kernel(
    "ℓ_n = −Σ_m (t log p + (1 − t) log(1 − p))",
    elements="""
        losses[n] = -sum[m](targets[n, m] * log(p[n, m]) + (1 - targets[n, m]) * log(q[n, m]))
        p[n, m] = max(probabilities[n, m], floor)
        q[n, m] = max(1 - probabilities[n, m], floor)
    """,
    writes="losses",
)
def binary_cross_entropy_of_probabilities_forward(probabilities: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = −Σ_m (t log p + (1 − t) log(1 − p))`` for a network that ends in a sigmoid.

    Both logarithms are floored at ``log_floor``: a p that rounding made 0 or 1 costs much, not infinity.
    """
    floor = log_floor(probabilities.dtype)
    log_p = np.log(np.maximum(probabilities, floor))
    log_q = np.log(np.maximum(1 - probabilities, floor))
    np.copyto(losses, -np.sum(targets * log_p + (1 - targets) * log_q, axis=1))


@kernel(
    "dp = ω_n ((1 − t)/(1 − p) − t/p)",
    elements="""
        doutputs[n, m] = row_weights[n] * ((1 - targets[n, m]) / q[n, m] - targets[n, m] / p[n, m])
        p[n, m] = max(probabilities[n, m], floor)
        q[n, m] = max(1 - probabilities[n, m], floor)
    """,
    symbols="doutputs δ^p",
    writes="doutputs",
    in_place=True,
    flops=4,
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


@kernel(
    "dz = ω_n (p − t),  t = (1 − ε) [k = y] + ε/K",
    elements="""
        doutputs[n, k] = row_weights[n] * (probabilities[n, k] - t[n, k])
        t[n, k] = (1 - label_smoothing) * (k == labels[n]) + label_smoothing / K if label_smoothing else k == labels[n]
    """,
    symbols="doutputs δ^z",
    writes="doutputs",
    in_place=True,
    flops=4,
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


@kernel(
    "dz = ω_n (p − t′),  t′ = (1 − ε) t + ε/K",
    elements="doutputs[n, k] = row_weights[n] * (probabilities[n, k] - t[n, k])" + _SMOOTHED,
    symbols="doutputs δ^z",
    writes="doutputs",
    in_place=True,
    flops=4,
)
def soft_cross_entropy_backward(
    row_weights: Array, probabilities: Array, targets: Array, doutputs: Array, *, label_smoothing: float
) -> None:
    """Writes ``dz = ω_n (p − t′)``, which holds for rows of t that sum to 1."""
    np.multiply(row_weights[:, None], probabilities - _smoothed(targets, label_smoothing), out=doutputs)


@kernel(
    "ℓ_n = −Σ_k t′ log p,  t′ = (1 − ε) t + ε/K",
    elements="losses[n] = -sum[k](t[n, k] * log(max(probabilities[n, k], floor)))" + _SMOOTHED,
    writes="losses",
)
def cross_entropy_of_probabilities_forward(
    probabilities: Array, targets: Array, losses: Array, *, label_smoothing: float
) -> None:
    """Writes ``ℓ_n = −Σ_k t′ log p`` for a network that ends in a softmax; p floored at ``log_floor``."""
    log_p = np.log(np.maximum(probabilities, log_floor(probabilities.dtype)))
    np.copyto(losses, -np.sum(_smoothed(targets, label_smoothing) * log_p, axis=1))


@kernel(
    "dp = −ω_n t′/p,  t′ = (1 − ε) t + ε/K",
    elements="doutputs[n, k] = -row_weights[n] * t[n, k] / max(probabilities[n, k], floor)" + _SMOOTHED,
    symbols="doutputs δ^p",
    writes="doutputs",
    in_place=True,
    flops=4,
)
def cross_entropy_of_probabilities_backward(
    row_weights: Array, probabilities: Array, targets: Array, doutputs: Array, *, label_smoothing: float
) -> None:
    """Writes ``dp = −ω_n t′/p``, p floored as in the forward pass."""
    slope = _smoothed(targets, label_smoothing) / np.maximum(probabilities, log_floor(probabilities.dtype))
    np.multiply(-row_weights[:, None], slope, out=doutputs)


@kernel(
    "ℓ_n = Σ_m max(0, 1 − t o),  t = ±1",
    elements="losses[n] = sum[m](max(0, 1 - targets[n, m] * outputs[n, m]))",
    writes="losses",
)
def hinge_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = Σ_m max(0, 1 − t_nm o_nm)``; outputs (N, M), targets (N, M) of −1 and +1.

    Source: C. Cortes, V. Vapnik, "Support-vector networks", Machine Learning 20 (1995).
    """
    np.sum(np.maximum(0, 1 - targets * outputs), axis=1, out=losses)


@kernel(
    "do = −ω_n t [t o < 1]",
    elements="doutputs[n, m] = -row_weights[n] * targets[n, m] * (targets[n, m] * outputs[n, m] < 1)",
    writes="doutputs",
    in_place=True,
    flops=4,
)
def hinge_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = −ω_n t [t o < 1]``."""
    np.multiply(-row_weights[:, None], targets * (targets * outputs < 1), out=doutputs)


def _exponential(x: Array) -> Array:
    """e^x, ∞ without a warning where it is too large: a loss of ∞ is told of where it is noticed."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(x))


def _excess(u: Array, weighted: Array, weight: Array | int) -> Array:
    """Gives w (e^u − 1 − u) for ``weighted`` = w e^u and ``weight`` = w.

    Up to 1 from e^u − 1, which loses nothing near 0; above it from w e^u, which is finite where e^u alone is not.
    """
    return np.where(u > 1, weighted - weight * (1 + u), weight * (np.expm1(np.minimum(u, 1)) - u))


def _softmax_and_log(logits: Array, probabilities: Array) -> Array:
    """Writes softmax(z) and returns its logarithm, z − max z − log Σ e^{z − max z}, which no rounding makes −∞."""
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    np.exp(shifted, out=probabilities)
    total = np.sum(probabilities, axis=1, keepdims=True)
    probabilities /= total
    return np.asarray(shifted - np.log(total))


def _smoothed(targets: Array, label_smoothing: float) -> Array:
    return np.asarray((1 - label_smoothing) * targets + label_smoothing / targets.shape[1])
