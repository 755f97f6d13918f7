"""Normalisation of values of one row of the batch: layer and RMS norm along its last axis, group norm of channels.

The mathematics is that of ``batch_norm``, but for the sets whose mean and variance are taken: no row depends on
another, and γ differs within a set.

Sources: J. Ba, J. Kiros, G. Hinton, "Layer normalization" (2016); Y. Wu, K. He, "Group normalization", ECCV 2018;
B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import row_norm
    >>> x, y = np.array([[[1.0, 3.0]]]), np.empty((1, 1, 2))
    >>> mean, inverse_std = np.empty((1, 1)), np.empty((1, 1))
    >>> row_norm.layer_norm_forward(x, np.ones(2), np.zeros(2), y, mean, inverse_std, epsilon=0.0)
    >>> y.tolist(), mean.tolist()
    ([[[-1.0, 1.0]]], [[2.0]])
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import row_norm as why

_XHAT_OF_ROW = "\nxhat[n, r, d] = (x[n, r, d] - mean[n, r]) * inverse_std[n, r]"
_XHAT_OF_GROUP = "\nxhat[n, c, s] = (x[n, c, s] - mean[n, c * G // C]) * inverse_std[n, c * G // C]"


def _sets(x: Array, mean: Array) -> Array:
    """Each set that has a mean (N, G) in a row: (N, C, S) -> (N, G, C/G · S)."""
    return x.reshape(*mean.shape, x.shape[1] // mean.shape[1] * x.shape[2])


def _normalise(x: Array, mean: Array, inverse_std: Array, epsilon: float) -> Array:
    """Writes μ and 1/√(σ² + ε) of each set and returns x̂, in the shape of x."""
    sets = _sets(x, mean)
    np.mean(sets, axis=2, out=mean)
    centred = sets - mean[..., np.newaxis]
    inverse_std[...] = 1 / np.sqrt(np.mean(centred * centred, axis=2) + epsilon)
    return (centred * inverse_std[..., np.newaxis]).reshape(x.shape)


def _gradients(
    dy: Array,
    x: Array,
    mean: Array,
    inverse_std: Array,
    gamma: Array,
    dx: Array | None,
    dgamma: Array | None,
    dbeta: Array | None,
    summed: tuple[int, int],
) -> None:
    """Writes the gradients, for a γ that stands beside x and sums over two axes."""
    inverse = inverse_std[..., np.newaxis]
    normalised = (_sets(x, mean) - mean[..., np.newaxis]) * inverse
    if dgamma is not None:
        dgamma[...] = np.sum(dy * normalised.reshape(x.shape), axis=summed, dtype=np.float64)
    if dbeta is not None:
        dbeta[...] = np.sum(dy, axis=summed, dtype=np.float64)
    if dx is not None:
        dnormalised = _sets(dy * gamma, mean)
        share = np.mean(dnormalised * normalised, axis=2, keepdims=True)
        centred = dnormalised - np.mean(dnormalised, axis=2, keepdims=True)
        np.copyto(dx, ((centred - normalised * share) * inverse).reshape(x.shape))


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
    np.multiply(_normalise(x, mean, inverse_std, epsilon), gamma, out=y)
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
    why=why.LAYER_NORM,
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
    _gradients(dy, x, mean, inverse_std, gamma, dx, dgamma, dbeta, summed=(0, 1))


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

    The arguments are those of ``layer_norm_forward``: x and y (N, C, S), gamma and beta (C,), mean and inverse_std
    (N, G); G divides C.
    """
    np.multiply(_normalise(x, mean, inverse_std, epsilon), gamma[:, np.newaxis], out=y)
    y += beta[:, np.newaxis]


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
    why=why.GROUP_NORM,
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

    The arguments are those of ``layer_norm_backward``: dy, x and dx (N, C, S), mean and inverse_std (N, G), gamma,
    dgamma and dbeta (C,).
    """
    _gradients(dy, x, mean, inverse_std, gamma[:, np.newaxis], dx, dgamma, dbeta, summed=(0, 2))


@kernel(
    "y = γ x / √(mean(x²) + ε),  the mean of each row",
    elements="""
        inverse_rms[n, r] = 1 / sqrt(sum[d](x[n, r, d] ** 2) / D + epsilon)
        y[n, r, d] = (gamma[d] if gamma else 1) * x[n, r, d] * inverse_rms[n, r]
    """,
    writes="y inverse_rms",
    shared="gamma",
    left_out={"gamma": "γ "},
    flops=5,
)
def rms_norm_forward(x: Array, gamma: Array | None, y: Array, inverse_rms: Array, *, epsilon: float) -> None:
    """Divides each row by the root of its mean square along the last axis.

    Args:
        x: input (N, R, D).
        gamma: γ (D,), or None where nothing is learned.
        y: output (N, R, D).
        inverse_rms: output 1/√(mean(x²) + ε) (N, R).
        epsilon: ε.
    """
    inverse_rms[...] = 1 / np.sqrt(np.mean(x * x, axis=2) + epsilon)
    np.multiply(x * inverse_rms[..., np.newaxis], 1 if gamma is None else gamma, out=y)


@kernel(
    "g = γ ⊙ dy;  dx = (g − x̂ mean(g x̂)) / √(mean(x²) + ε),  dγ = Σ dy x̂",
    elements="""
        dx[n, r, d] = inverse_rms[n, r] * (dxhat[n, r, d]
            - xhat[n, r, d] * sum[e:D](dxhat[n, r, e] * xhat[n, r, e]) / D)
        dgamma[d] = sum[n, r](dy[n, r, d] * xhat[n, r, d])
        dxhat[n, r, d] = (gamma[d] if gamma else 1) * dy[n, r, d]
        xhat[n, r, d] = x[n, r, d] * inverse_rms[n, r]
    """,
    writes="dx dgamma",
    shared="gamma",
    sums="dgamma",
    sums_by_piece=True,
    left_out={"gamma": "γ ⊙ ", "dgamma": ",  dγ = Σ dy x̂"},
    flops=10,
    why=why.RMS_NORM,
)
def rms_norm_backward(
    dy: Array, x: Array, inverse_rms: Array, gamma: Array | None, dx: Array | None, dgamma: Array | None
) -> None:
    """Writes the gradients of RMS norm.

    The arguments are those of ``layer_norm_backward``, with ``inverse_rms`` (N, R) from the forward pass in the place
    of the statistics there, and without a β; gamma and dgamma are None where nothing is learned.
    """
    inverse = inverse_rms[..., np.newaxis]
    normalised = x * inverse
    if dgamma is not None:
        dgamma[...] = np.sum(dy * normalised, axis=(0, 1), dtype=np.float64)
    if dx is not None:
        dnormalised = dy if gamma is None else dy * gamma
        share = np.mean(dnormalised * normalised, axis=2, keepdims=True)
        np.multiply(dnormalised - normalised * share, inverse, out=dx)
