"""Batch normalisation: each channel of the whole batch to mean 0 and variance 1, then scaled and shifted.

With the mean μ and the variance σ² of a set of m values, here those of a channel in all rows of the batch,

    x̂ = (x − μ) / √(σ² + ε)        y = γ x̂ + β

μ and σ depend on every x of the set, so that the chain rule gives, with g = ∂L/∂x̂ = γ dy,

    ∂L/∂γ = Σ dy x̂        ∂L/∂β = Σ dy
    ∂L/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε)

the means taken over the set. Here γ is one number for the set, and mean(g) = γ ∂L/∂β / m, mean(g x̂) = γ ∂L/∂γ / m.

Source: S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015, algorithm 1 and section 3.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import batch_norm
    >>> x, y = np.array([[1.0], [3.0]]), np.empty((2, 1))
    >>> mean, inverse_std, gamma, beta = np.array([2.0]), np.array([1.0]), np.array([10.0]), np.array([0.5])
    >>> batch_norm.batch_norm_forward(x, mean, inverse_std, gamma, beta, y)
    >>> y.tolist()
    [[-9.5], [10.5]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Float64s
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import batch_norm as why

_XHAT = "\nxhat[n, c, s] = (x[n, c, s] - mean[c]) * inverse_std[c]"


def _sum_flops(arrays: dict[str, Array]) -> int:
    return 4 * int(arrays["x"].size)


@kernel(
    "total_c = Σ_ns (x_ncs − shift_c),  square_total_c = Σ_ns (x_ncs − shift_c)²",
    elements="""
        total[c] = sum[n, s](x[n, c, s] - shift[c])
        square_total[c] = sum[n, s]((x[n, c, s] - shift[c]) ** 2)
    """,
    writes="total square_total",
    shared="shift",
    sums="total square_total",
    sums_by_piece=True,
    flops=_sum_flops,
)
def channel_sums(x: Array, shift: Array, total: Float64s | None, square_total: Float64s | None) -> None:
    """Writes the sums from which ``batch_norm_statistics`` makes mean and variance.

    A shift near the mean keeps Σ (x − shift)² near the variance, so that little cancels there.

    Args:
        x: input (N, C, S).
        shift: (C,), subtracted from each value.
        total: output float64 (C,).
        square_total: output float64 (C,).
    """
    shifted = np.subtract(x, shift[:, np.newaxis], dtype=np.float64)
    if total is not None:
        np.sum(shifted, axis=(0, 2), out=total)
    if square_total is not None:
        np.sum(shifted * shifted, axis=(0, 2), out=square_total)


@kernel(
    "μ = running_μ + total/m;  σ² = square_total/m − (total/m)²;  running ← (1 − momentum) running + momentum (μ, σ²)",
    elements="""
        mean[c] = running_mean[c] + total[c] / count
        inverse_std[c] = 1 / sqrt(variance[c] + epsilon)
        running_mean_[c] = running_mean[c] + momentum * total[c] / count
        running_variance_[c] = (1 - momentum) * running_variance[c] + momentum * count / (count - 1) * variance[c]
        variance[c] = max(square_total[c] / count - (total[c] / count) ** 2, 0)
    """,
    symbols="momentum α",
    writes="mean inverse_std",
    why=why.BATCH_NORM_STATISTICS,
    updates="running_mean running_variance",
    by_rows=False,
    flops=16,
)
def batch_norm_statistics(
    total: Float64s,
    square_total: Float64s,
    mean: Array,
    inverse_std: Array,
    running_mean: Array,
    running_variance: Array,
    *,
    count: int,
    momentum: float,
    epsilon: float,
) -> None:
    """Writes a batch's μ and 1/√(σ² + ε), and lets the running statistics follow.

    The running variance takes the unbiased estimate, σ² m/(m − 1).

    Args:
        total: Σ (x − running_mean) of each channel (C,), before this call.
        square_total: Σ (x − running_mean)² (C,).
        mean: output μ (C,).
        inverse_std: output 1/√(σ² + ε) (C,).
        running_mean: (C,), becomes (1 − momentum) running_mean + momentum μ.
        running_variance: (C,), likewise.
        count: m, how many values a channel has in the batch, at least 2.
        momentum: the batch's share in the running statistics.
        epsilon: ε.
    """
    difference = total / count
    variance = np.maximum(square_total / count - difference * difference, 0)
    mean[...] = running_mean + difference
    inverse_std[...] = 1 / np.sqrt(variance + epsilon)
    running_mean += momentum * difference
    running_variance *= 1 - momentum
    running_variance += momentum * count / (count - 1) * variance


@kernel(
    "y = γ (x − μ) / √(σ² + ε) + β",
    elements="y[n, c, s] = gamma[c] * xhat[n, c, s] + beta[c]" + _XHAT,
    writes="y",
    why=why.BATCH_NORM_FORWARD,
    shared="mean inverse_std gamma beta",
    in_place=True,
    flops=3,
)
def batch_norm_forward(x: Array, mean: Array, inverse_std: Array, gamma: Array, beta: Array, y: Array) -> None:
    """Normalises each channel by its batch's statistics.

    Args:
        x: input (N, C, S).
        mean: μ (C,).
        inverse_std: 1/√(σ² + ε) (C,).
        gamma: γ (C,).
        beta: β (C,).
        y: output (N, C, S).
    """
    np.subtract(x, mean[:, np.newaxis], out=y)
    y *= (gamma * inverse_std)[:, np.newaxis]
    y += beta[:, np.newaxis]


@kernel(
    "y = γ (x − running_μ) / √(running_σ² + ε) + β",
    elements="""
        y[n, c, s] = gamma[c] * (x[n, c, s] - running_mean[c]) / sqrt(running_variance[c] + epsilon) + beta[c]
    """,
    writes="y",
    why=why.BATCH_NORM_IN_USE,
    channels="x running_mean running_variance gamma beta y",
    shared="running_mean running_variance gamma beta",
    in_place=True,
    flops=3,
)
def batch_norm_predict(
    x: Array, running_mean: Array, running_variance: Array, gamma: Array, beta: Array, y: Array, *, epsilon: float
) -> None:
    """Normalises each channel by the running statistics: no row depends on another.

    Args:
        x: input (N, C, S).
        running_mean: (C,).
        running_variance: (C,).
        gamma: γ (C,).
        beta: β (C,).
        y: output (N, C, S).
        epsilon: ε.
    """
    np.subtract(x, running_mean[:, np.newaxis], out=y)
    y *= (gamma / np.sqrt(running_variance + epsilon))[:, np.newaxis]
    y += beta[:, np.newaxis]


@kernel(
    "dγ = Σ_ns dy x̂,  dβ = Σ_ns dy",
    elements="""
        dgamma[c] = sum[n, s](dy[n, c, s] * xhat[n, c, s])
        dbeta[c] = sum[n, s](dy[n, c, s])
    """
    + _XHAT,
    writes="dgamma dbeta",
    shared="mean inverse_std",
    sums="dgamma dbeta",
    sums_by_piece=True,
    flops=_sum_flops,
    why=why.BATCH_NORM_SUMS,
)
def batch_norm_sums(
    dy: Array, x: Array, mean: Array, inverse_std: Array, dgamma: Array | None, dbeta: Array | None
) -> None:
    """Writes the parameters' gradients, which ``batch_norm_backward`` needs too.

    Args:
        dy: ∂L/∂y (N, C, S).
        x: the input of the forward pass (N, C, S).
        mean: μ (C,).
        inverse_std: 1/√(σ² + ε) (C,).
        dgamma: output ∂L/∂γ (C,).
        dbeta: output ∂L/∂β (C,).
    """
    if dgamma is not None:
        normalised = (x - mean[:, np.newaxis]) * inverse_std[:, np.newaxis]
        dgamma[...] = np.sum(dy * normalised, axis=(0, 2), dtype=np.float64)
    if dbeta is not None:
        dbeta[...] = np.sum(dy, axis=(0, 2), dtype=np.float64)


@kernel(
    "dx = γ (dy − dβ/m − x̂ dγ/m) / √(σ² + ε)",
    elements="""
        dx[n, c, s] = gamma[c] * inverse_std[c] * (
            dy[n, c, s] - dbeta[c] / count - xhat[n, c, s] * dgamma[c] / count)
    """
    + _XHAT,
    writes="dx",
    shared="mean inverse_std gamma dgamma dbeta",
    in_place=True,
    flops=8,
    why=why.BATCH_NORM,
)
def batch_norm_backward(
    dy: Array,
    x: Array,
    mean: Array,
    inverse_std: Array,
    gamma: Array,
    dgamma: Array,
    dbeta: Array,
    dx: Array,
    *,
    count: int,
) -> None:
    """Writes ``dx = γ (dy − dβ/m − x̂ dγ/m) / √(σ² + ε)``.

    Args:
        dy: ∂L/∂y (N, C, S).
        x: the input of the forward pass (N, C, S).
        mean: μ (C,).
        inverse_std: 1/√(σ² + ε) (C,).
        gamma: γ (C,).
        dgamma: ∂L/∂γ (C,), from ``batch_norm_sums``.
        dbeta: ∂L/∂β (C,), likewise.
        dx: output ∂L/∂x (N, C, S).
        count: m, how many values a channel has in the batch.
    """
    normalised = (x - mean[:, np.newaxis]) * inverse_std[:, np.newaxis]
    centred = dy - (dbeta / count)[:, np.newaxis] - normalised * (dgamma / count)[:, np.newaxis]
    np.multiply(centred, (gamma * inverse_std)[:, np.newaxis], out=dx)
