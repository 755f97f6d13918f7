"""Losses of numbers, one value per row: how far outputs o are from targets t; see ``losses`` for ω.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import regression
    >>> outputs, targets = np.array([[3.0]]), np.array([[1.0]])
    >>> losses, doutputs = np.empty(1), np.empty((1, 1))
    >>> regression.huber_forward(outputs, targets, losses, delta=1.0)
    >>> regression.huber_backward(np.ones(1), outputs, targets, doutputs, delta=1.0)
    >>> losses.tolist(), doutputs.tolist()
    ([1.5], [[1.0]])
"""

from __future__ import annotations

from functools import partial

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.functions import log_floor
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import regression as why

_loss = partial(kernel, writes="losses")
_slope = partial(kernel, writes="doutputs", in_place=True, flops=4)


@_loss("ℓ_n = ½ Σ_m (o − t)²", elements="losses[n] = sum[m]((outputs[n, m] - targets[n, m]) ** 2) / 2")
def squared_error_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = ½ Σ_m (o_nm − t_nm)²``; outputs and targets (N, M)."""
    error = outputs - targets
    np.copyto(losses, np.sum(error * error, axis=1) / 2)


@_slope(
    "do = ω_n (o − t)",
    elements="doutputs[n, m] = row_weights[n] * (outputs[n, m] - targets[n, m])",
    why=why.SQUARED_ERROR,
)
def squared_error_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n (o − t)``."""
    np.multiply(row_weights[:, None], outputs - targets, out=doutputs)


@_loss("ℓ_n = Σ_m |o − t|", elements="losses[n] = sum[m](abs(outputs[n, m] - targets[n, m]))")
def absolute_error_forward(outputs: Array, targets: Array, losses: Array) -> None:
    """Writes ``ℓ_n = Σ_m |o_nm − t_nm|``; outputs and targets (N, M)."""
    np.sum(np.abs(outputs - targets), axis=1, out=losses)


@_slope(
    "do = ω_n sign(o − t)",
    elements="doutputs[n, m] = row_weights[n] * sign(outputs[n, m] - targets[n, m])",
    why=why.ABSOLUTE_ERROR,
)
def absolute_error_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n sign(o − t)``, 0 where the error is 0."""
    np.multiply(row_weights[:, None], np.sign(outputs - targets), out=doutputs)


@_loss(
    "ℓ_n = Σ_m (½ r² for |r| ≤ δ, δ |r| − ½ δ² otherwise),  r = o − t",
    elements="""
        losses[n] = sum[m](r[n, m] ** 2 / 2 if abs(r[n, m]) <= delta else delta * (abs(r[n, m]) - delta / 2))
        r[n, m] = outputs[n, m] - targets[n, m]
    """,
)
def huber_forward(outputs: Array, targets: Array, losses: Array, *, delta: float) -> None:
    """Writes ``ℓ_n = Σ_m h(o − t)``, h(r) = ½ r² for |r| ≤ δ and δ |r| − ½ δ² beyond.

    Source: P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """
    size = np.abs(outputs - targets)
    inner = np.minimum(size, delta)  # h(r) = inner · (|r| − ½ inner) on both sides of δ
    np.sum(inner * (size - inner / 2), axis=1, out=losses)


@_slope(
    "do = ω_n · clip(o − t, −δ, δ)",
    elements="doutputs[n, m] = row_weights[n] * min(max(outputs[n, m] - targets[n, m], -delta), delta)",
    why=why.HUBER,
)
def huber_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array, *, delta: float) -> None:
    """Writes ``do = ω_n · clip(o − t, −δ, δ)``."""
    np.multiply(row_weights[:, None], np.clip(outputs - targets, -delta, delta), out=doutputs)


@_loss(
    "ℓ_n = Σ_m max(q (t − o), (q − 1) (t − o))",
    elements="""
        losses[n] = sum[m](max(quantile * r[n, m], (quantile - 1) * r[n, m]))
        r[n, m] = targets[n, m] - outputs[n, m]
    """,
)
def quantile_forward(outputs: Array, targets: Array, losses: Array, *, quantile: float) -> None:
    """Writes ``ℓ_n = Σ_m max(q (t − o), (q − 1) (t − o))``, least where a share q of the targets lies below o.

    Source: R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46 (1978).
    """
    error = targets - outputs
    np.sum(np.maximum(quantile * error, (quantile - 1) * error), axis=1, out=losses)


@_slope(
    "do = ω_n ((1 − q) [o > t] − q [o < t])",
    elements="""
        doutputs[n, m] = row_weights[n] * ((1 - quantile) * (r[n, m] > 0) - quantile * (r[n, m] < 0))
        r[n, m] = outputs[n, m] - targets[n, m]
    """,
    why=why.QUANTILE,
)
def quantile_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array, *, quantile: float) -> None:
    """Writes ``do = ω_n (1 − q)`` above the target and ``−ω_n q`` below it, 0 where the error is 0."""
    error = outputs - targets
    slope = np.where(error > 0, 1 - quantile, np.where(error < 0, -quantile, error))
    np.multiply(row_weights[:, None], slope, out=doutputs)


@_loss(
    "ℓ_n = Σ_m (e^o − t − t (o − log t))",
    elements="""
        losses[n] = sum[m](exp(outputs[n, m]) - targets[n, m] - targets[n, m] * u[n, m])
        u[n, m] = outputs[n, m] - log(max(targets[n, m], floor))
    """,
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


@_slope(
    "do = ω_n (e^o − t)",
    elements="doutputs[n, m] = row_weights[n] * (exp(outputs[n, m]) - targets[n, m])",
    flops=15,
    why=why.POISSON,
)
def poisson_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n (e^o − t)``."""
    np.multiply(row_weights[:, None], _exponential(outputs) - targets, out=doutputs)


@_loss(
    "ℓ_n = Σ_m (t e^−o − 1 + o − log t)",
    elements="""
        losses[n] = sum[m](targets[n, m] * exp(-outputs[n, m]) - 1 + outputs[n, m] - log(targets[n, m]))
    """,
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


@_slope(
    "do = ω_n (1 − t e^−o)",
    elements="doutputs[n, m] = row_weights[n] * (1 - targets[n, m] * exp(-outputs[n, m]))",
    flops=30,
    why=why.GAMMA,
)
def gamma_backward(row_weights: Array, outputs: Array, targets: Array, doutputs: Array) -> None:
    """Writes ``do = ω_n (1 − t e^−o)``."""
    with np.errstate(over="ignore"):
        np.multiply(row_weights[:, None], -np.expm1(np.log(targets) - outputs), out=doutputs)


def _exponential(x: Array) -> Array:
    """e^x, ∞ without a warning where it is too large: a loss of ∞ is told of where it is noticed."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(x))


def _excess(u: Array, weighted: Array, weight: Array | int) -> Array:
    """Gives w (e^u − 1 − u) for ``weighted`` = w e^u and ``weight`` = w.

    Up to 1 from e^u − 1, which loses nothing near 0; above it from w e^u, which is finite where e^u alone is not.
    """
    return np.where(u > 1, weighted - weight * (1 + u), weight * (np.expm1(np.minimum(u, 1)) - u))
