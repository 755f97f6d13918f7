"""Normalisation: batch, layer and group norm.

All three take a set of values to mean 0 and variance 1, then scale and shift it by parameters:

    x̂ = (x − μ) / √(σ² + ε)        y = γ x̂ + β

They differ in the set. Batch norm takes the values of a channel over the whole batch, layer norm those of a row along
its last axis, group norm those of some channels of one image. The variance is that of the set, divided by its size m.

μ and σ depend on every x of the set, so that the chain rule gives, with g = ∂L/∂x̂ = γ dy,

    ∂L/∂γ = Σ dy x̂        ∂L/∂β = Σ dy
    ∂L/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε)

the means taken over the set. For batch norm γ is one number for the set, and mean(g) = γ ∂L/∂β / m,
mean(g x̂) = γ ∂L/∂γ / m.

Sources: S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015, algorithm 1 and section 3; J. Ba, J. Kiros, G. Hinton,
"Layer normalization" (2016); Y. Wu, K. He, "Group normalization", ECCV 2018.
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Float64s
from glassnet.kernels.registry import kernel

_XHAT_OF_ROW = "\nxhat[n, r, d] = (x[n, r, d] - mean[n, r]) * inverse_std[n, r]"
_XHAT_OF_CHANNEL = "\nxhat[n, c, s] = (x[n, c, s] - mean[c]) * inverse_std[c]"
_XHAT_OF_GROUP = "\nxhat[n, c, s] = (x[n, c, s] - mean[n, c * G // C]) * inverse_std[n, c * G // C]"


def _sum_flops(arrays: dict[str, Array]) -> int:
    return 4 * int(arrays["x"].size)


def _per_channel(values: Array) -> Array:
    """(C,) -> (C, 1), to stand beside (N, C, S)."""
    return values[:, np.newaxis]


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
    shifted = np.subtract(x, _per_channel(shift), dtype=np.float64)
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
    elements="y[n, c, s] = gamma[c] * xhat[n, c, s] + beta[c]" + _XHAT_OF_CHANNEL,
    writes="y",
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
    np.subtract(x, _per_channel(mean), out=y)
    y *= _per_channel(gamma * inverse_std)
    y += _per_channel(beta)


@kernel(
    "y = γ (x − running_μ) / √(running_σ² + ε) + β",
    elements="""
        y[n, c, s] = gamma[c] * (x[n, c, s] - running_mean[c]) / sqrt(running_variance[c] + epsilon) + beta[c]
    """,
    writes="y",
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
    np.subtract(x, _per_channel(running_mean), out=y)
    y *= _per_channel(gamma / np.sqrt(running_variance + epsilon))
    y += _per_channel(beta)


@kernel(
    "dγ = Σ_ns dy x̂,  dβ = Σ_ns dy",
    elements="""
        dgamma[c] = sum[n, s](dy[n, c, s] * xhat[n, c, s])
        dbeta[c] = sum[n, s](dy[n, c, s])
    """
    + _XHAT_OF_CHANNEL,
    writes="dgamma dbeta",
    shared="mean inverse_std",
    sums="dgamma dbeta",
    sums_by_piece=True,
    flops=_sum_flops,
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
        normalised = (x - _per_channel(mean)) * _per_channel(inverse_std)
        dgamma[...] = np.sum(dy * normalised, axis=(0, 2), dtype=np.float64)
    if dbeta is not None:
        dbeta[...] = np.sum(dy, axis=(0, 2), dtype=np.float64)


@kernel(
    "dx = γ (dy − dβ/m − x̂ dγ/m) / √(σ² + ε)",
    elements="""
        dx[n, c, s] = gamma[c] * inverse_std[c] * (
            dy[n, c, s] - dbeta[c] / count - xhat[n, c, s] * dgamma[c] / count)
    """
    + _XHAT_OF_CHANNEL,
    writes="dx",
    shared="mean inverse_std gamma dgamma dbeta",
    in_place=True,
    flops=8,
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
    normalised = (x - _per_channel(mean)) * _per_channel(inverse_std)
    centred = dy - _per_channel(dbeta / count) - normalised * _per_channel(dgamma / count)
    np.multiply(centred, _per_channel(gamma * inverse_std), out=dx)


@kernel(
    "y = γ (x − μ) / √(σ² + ε) + β,  μ and σ² of each row",
    elements="""
        mean[n, r] = sum[d](x[n, r, d]) / D
        inverse_std[n, r] = 1 / sqrt(sum[d]((x[n, r, d] - mean[n, r]) ** 2) / D + epsilon)
        y[n, r, d] = gamma[d] * xhat[n, r, d] + beta[d]
    """
    + _XHAT_OF_ROW,
    writes="y mean inverse_std",
    shared="gamma beta",
    flops=8,
)
def layer_norm_forward(
    x: Array, gamma: Array, beta: Array, y: Array, mean: Array, inverse_std: Array, *, epsilon: float
) -> None:
    """Normalises each row along its last axis.

    Args:
        x: input (N, R, D).
        gamma: γ (D,).
        beta: β (D,).
        y: output (N, R, D).
        mean: output μ (N, R).
        inverse_std: output 1/√(σ² + ε) (N, R).
        epsilon: ε.
    """
    np.mean(x, axis=2, out=mean)
    centred = x - mean[..., np.newaxis]
    inverse_std[...] = 1 / np.sqrt(np.mean(centred * centred, axis=2) + epsilon)
    np.multiply(centred * inverse_std[..., np.newaxis], gamma, out=y)
    y += beta


@kernel(
    "g = γ dy;  dx = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε),  dγ = Σ dy x̂,  dβ = Σ dy",
    elements="""
        dx[n, r, d] = inverse_std[n, r] * (dxhat[n, r, d]
            - sum[e:D](dxhat[n, r, e]) / D - xhat[n, r, d] * sum[e:D](dxhat[n, r, e] * xhat[n, r, e]) / D)
        dgamma[d] = sum[n, r](dy[n, r, d] * xhat[n, r, d])
        dbeta[d] = sum[n, r](dy[n, r, d])
        dxhat[n, r, d] = gamma[d] * dy[n, r, d]
    """
    + _XHAT_OF_ROW,
    writes="dx dgamma dbeta",
    shared="gamma",
    sums="dgamma dbeta",
    sums_by_piece=True,
    flops=16,
)
def layer_norm_backward(
    dy: Array,
    x: Array,
    mean: Array,
    inverse_std: Array,
    gamma: Array,
    dx: Array | None,
    dgamma: Array | None,
    dbeta: Array | None,
) -> None:
    """Writes the gradients of layer norm.

    Args:
        dy: ∂L/∂y (N, R, D).
        x: the input of the forward pass (N, R, D).
        mean: μ (N, R), from the forward pass.
        inverse_std: 1/√(σ² + ε) (N, R), likewise.
        gamma: γ (D,).
        dx: output ∂L/∂x (N, R, D), or None where nobody needs it.
        dgamma: output ∂L/∂γ (D,).
        dbeta: output ∂L/∂β (D,).
    """
    inverse = inverse_std[..., np.newaxis]
    normalised = (x - mean[..., np.newaxis]) * inverse
    if dgamma is not None:
        dgamma[...] = np.sum(dy * normalised, axis=(0, 1), dtype=np.float64)
    if dbeta is not None:
        dbeta[...] = np.sum(dy, axis=(0, 1), dtype=np.float64)
    if dx is not None:
        dnormalised = dy * gamma
        share = np.mean(dnormalised * normalised, axis=2, keepdims=True)
        centred = dnormalised - np.mean(dnormalised, axis=2, keepdims=True)
        np.multiply(centred - normalised * share, inverse, out=dx)


@kernel(
    "y = γ (x − μ) / √(σ² + ε) + β,  μ and σ² of each group of channels",
    elements="""
        mean[n, g] = sum[k:C // G, s](x[n, g * (C // G) + k, s]) / (C // G * S)
        inverse_std[n, g] = 1 / sqrt(
            sum[k:C // G, s]((x[n, g * (C // G) + k, s] - mean[n, g]) ** 2) / (C // G * S) + epsilon)
        y[n, c, s] = gamma[c] * xhat[n, c, s] + beta[c]
    """
    + _XHAT_OF_GROUP,
    writes="y mean inverse_std",
    shared="gamma beta",
    flops=8,
)
def group_norm_forward(
    x: Array, gamma: Array, beta: Array, y: Array, mean: Array, inverse_std: Array, *, epsilon: float
) -> None:
    """Normalises each group of channels that follow each other, one image at a time.

    Args:
        x: input (N, C, S).
        gamma: γ (C,).
        beta: β (C,).
        y: output (N, C, S).
        mean: output μ (N, G).
        inverse_std: output 1/√(σ² + ε) (N, G); G divides C.
        epsilon: ε.
    """
    grouped = x.reshape(*mean.shape, -1)  # (N, C, S) -> (N, G, C/G · S)
    np.mean(grouped, axis=2, out=mean)
    centred = grouped - mean[..., np.newaxis]
    inverse_std[...] = 1 / np.sqrt(np.mean(centred * centred, axis=2) + epsilon)
    normalised = (centred * inverse_std[..., np.newaxis]).reshape(x.shape)
    np.multiply(normalised, _per_channel(gamma), out=y)
    y += _per_channel(beta)


@kernel(
    "g = γ dy;  dx = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε),  dγ = Σ_ns dy x̂,  dβ = Σ_ns dy",
    elements="""
        dx[n, c, s] = inverse_std[n, g] * (dxhat[n, c, s]
            - sum[k:C // G, e:S](dxhat[n, first + k, e]) / (C // G * S)
            - xhat[n, c, s] * sum[k:C // G, e:S](dxhat[n, first + k, e] * xhat[n, first + k, e]) / (C // G * S))
        dgamma[c] = sum[n, s](dy[n, c, s] * xhat[n, c, s])
        dbeta[c] = sum[n, s](dy[n, c, s])
        dxhat[n, c, s] = gamma[c] * dy[n, c, s]
        g = c * G // C
        first = g * (C // G)
    """
    + _XHAT_OF_GROUP,
    writes="dx dgamma dbeta",
    shared="gamma",
    sums="dgamma dbeta",
    sums_by_piece=True,
    flops=16,
)
def group_norm_backward(
    dy: Array,
    x: Array,
    mean: Array,
    inverse_std: Array,
    gamma: Array,
    dx: Array | None,
    dgamma: Array | None,
    dbeta: Array | None,
) -> None:
    """Writes the gradients of group norm.

    Args:
        dy: ∂L/∂y (N, C, S).
        x: the input of the forward pass (N, C, S).
        mean: μ (N, G), from the forward pass.
        inverse_std: 1/√(σ² + ε) (N, G), likewise.
        gamma: γ (C,).
        dx: output ∂L/∂x (N, C, S), or None where nobody needs it.
        dgamma: output ∂L/∂γ (C,).
        dbeta: output ∂L/∂β (C,).
    """
    groups = *mean.shape, -1  # (N, C, S) -> (N, G, C/G · S)
    inverse = inverse_std[..., np.newaxis]
    normalised = (x.reshape(groups) - mean[..., np.newaxis]) * inverse
    if dgamma is not None:
        dgamma[...] = np.sum(dy * normalised.reshape(x.shape), axis=(0, 2), dtype=np.float64)
    if dbeta is not None:
        dbeta[...] = np.sum(dy, axis=(0, 2), dtype=np.float64)
    if dx is not None:
        dnormalised = (dy * _per_channel(gamma)).reshape(groups)
        share = np.mean(dnormalised * normalised, axis=2, keepdims=True)
        centred = dnormalised - np.mean(dnormalised, axis=2, keepdims=True)
        np.copyto(dx, ((centred - normalised * share) * inverse).reshape(x.shape))
