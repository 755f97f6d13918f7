"""Rows of different length: which steps count, and what is made of these alone.

Rows stand in one array x (N, T, D); row n has L_n steps of its own, and what stands behind them is padding. Where a
layer looks at several steps together, padding must not count:

- For a maximum it is −∞, for a convolution 0, as beyond the ends of a row by itself: ``mask_steps``.
- A mean divides by the steps that count: y_n = Σ_{t < L_n} x_nt / L_n: ``average_steps_forward``.
- The mean and variance of batch normalisation are those of the M = Σ_n L_n steps of all rows together: ``step_sums``
  and the others.

A window of r steps that moves by s, with p steps of padding on both sides together, stands in ⌊(L_n + p − r) / s⌋ + 1
places of a row, which then are its steps: ``window_lengths``.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import lengths
    >>> x, y = np.ones((2, 3, 1)), np.empty((2, 3, 1))
    >>> lengths.mask_steps(x, np.array([1, 3]), y, fill=0.0)
    >>> y[..., 0].tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Float64s, Geometry, Int64s
from glassnet.kernels.pool import taps_along
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import lengths as why

_XHAT = "\nxhat[n, t, d] = (x[n, t, d] - mean[d]) * inverse_std[d]"


def counting(x: Array, lengths: Array) -> Array:
    """Which steps count, bool (N, T, 1)."""
    return np.asarray(np.arange(x.shape[1])[:, np.newaxis] < lengths[:, np.newaxis, np.newaxis])


@kernel(
    "y_nt = x_nt for t < L_n, else c",
    elements="y[n, t, d] = x[n, t, d] if t < lengths[n] else fill",
    symbols="lengths L; fill c",
    writes="y",
    flops=0,
)
def mask_steps(x: Array, lengths: Int64s, y: Array, *, fill: float) -> None:
    """Writes another number over the padding.

    Args:
        x: (N, T, D).
        lengths: L, how many steps of each row count (N,).
        y: output (N, T, D).
        fill: c.
    """
    np.copyto(y, np.where(counting(x, lengths), x, x.dtype.type(fill)))


@kernel(
    "L′_n = ⌊(L_n + p − r) / s⌋ + 1",
    elements="after[n] = (lengths[n] + padding - reach) // stride + 1",
    symbols="lengths L; after L′; padding p; reach r; stride s",
    writes="after",
)
def window_lengths(lengths: Int64s, after: Int64s, *, reach: Geometry, stride: Geometry, padding: Geometry) -> None:
    """Writes in how many places of each row a window stands.

    Args:
        lengths: how many steps each row has (N,).
        after: output (N,).
        reach: steps from the first to the last that a window sees, both counted.
        stride: steps from one window to the next.
        padding: steps that are added to each row, on both sides together.
    """
    after[...] = (lengths + padding - reach) // stride + 1


def _counts(x: Array, y: Array, lengths: Array, window: int, stride: int, pad: int) -> Array:
    """How many steps of each window count, at least 1 (N, T', 1), in x's dtype."""
    start = np.arange(y.shape[1])[:, np.newaxis] * stride - pad  # (T', 1)
    stop = np.minimum(start + window, lengths[:, np.newaxis, np.newaxis])
    return np.asarray(np.maximum(stop - np.maximum(start, 0), 1), x.dtype)


def _flops(arrays: dict[str, Any]) -> int:
    return int(arrays["x" if "x" in arrays else "dx"].size)


@kernel(
    "y_nt = Σ_i x[n, t s + i − p] / count_nt",
    elements="""
        y[n, t_, d] = sum[i:window](x[n, t, d] * counts) / max(taken, 1)
        t = t_ * stride + i - pad
        counts = t < lengths[n]
        taken = min(t_ * stride - pad + window, lengths[n]) - max(t_ * stride - pad, 0)
    """,
    symbols="lengths L; stride s; pad p; t t",
    writes="y",
    flops=_flops,
)
def average_steps_forward(
    x: Array, lengths: Int64s, y: Array, *, window: Geometry, stride: Geometry, pad: Geometry
) -> None:
    """Writes the mean of each window over those of its steps that count, and 0 where none does.

    Args:
        x: input (N, T, D).
        lengths: how many steps of each row count (N,).
        y: output (N, T', D).
        window: steps in a window.
        stride: steps from one window to the next.
        pad: steps of padding before the first.
    """
    counted = np.where(counting(x, lengths), x, x.dtype.type(0))
    y[...] = 0
    for _, steps, places in taps_along(x.shape[1], y.shape[1], (window, stride, pad)):
        y[:, places] += counted[:, steps]
    y /= _counts(x, y, lengths, window, stride, pad)


@kernel(
    "dx = Σ dy / count of the windows that take it",
    elements="""
        dx[n, t, d] = sum[i:window](dy[n, t_, d] / max(taken, 1)) * (t < lengths[n])
        t_ = (t + pad - i) / stride
        taken = min(t_ * stride - pad + window, lengths[n]) - max(t_ * stride - pad, 0)
    """,
    symbols="lengths L; stride s; pad p; t t",
    writes="dx",
    why=why.AVERAGE_STEPS,
    flops=_flops,
)
def average_steps_backward(
    dy: Array, lengths: Int64s, dx: Array, *, window: Geometry, stride: Geometry, pad: Geometry
) -> None:
    """Gives each step of a window its share of the window's dy, and 0 to padding.

    The arguments are those of ``average_steps_forward``: dy (N, T', D), dx (N, T, D).
    """
    share = dy / _counts(dx, dy, lengths, window, stride, pad)
    dx[...] = 0
    for _, steps, places in taps_along(dx.shape[1], dy.shape[1], (window, stride, pad)):
        dx[:, steps] += share[:, places]
    np.copyto(dx, 0, where=~counting(dx, lengths))


@kernel(
    "total_d = Σ_{n, t < L_n} (x_ntd − shift_d),  square_total_d = Σ (x_ntd − shift_d)²,  M = Σ_n L_n",
    elements="""
        total[d] = sum[n, t]((x[n, t, d] - shift[d]) * (t < lengths[n]))
        square_total[d] = sum[n, t]((x[n, t, d] - shift[d]) ** 2 * (t < lengths[n]))
        count[d] = sum[n](lengths[n])
    """,
    symbols="lengths L; count M",
    writes="total square_total count",
    shared="shift",
    sums="total square_total count",
    sums_by_piece=True,
    flops=lambda arrays: 4 * int(arrays["x"].size),
)
def step_sums(
    x: Array,
    lengths: Int64s,
    shift: Array,
    total: Float64s | None,
    square_total: Float64s | None,
    count: Float64s | None,
) -> None:
    """Writes the sums over all steps that count, from which ``step_statistics`` makes mean and variance.

    Args:
        x: input (N, T, D).
        lengths: how many steps of each row count (N,).
        shift: (D,), subtracted from each value.
        total: output float64 (D,).
        square_total: output float64 (D,).
        count: output float64 (D,), the number of steps that count, the same for each feature.
    """
    shifted = np.where(counting(x, lengths), np.subtract(x, shift, dtype=np.float64), 0)
    if total is not None:
        np.sum(shifted, axis=(0, 1), out=total)
    if square_total is not None:
        np.sum(shifted * shifted, axis=(0, 1), out=square_total)
    if count is not None:
        count[...] = lengths.sum()


@kernel(
    "μ = running_μ + total/M;  σ² = square_total/M − (total/M)²;  running ← (1 − momentum) running + momentum (μ, σ²)",
    elements="""
        mean[c] = running_mean[c] + total[c] / count[c]
        inverse_std[c] = 1 / sqrt(variance[c] + epsilon)
        running_mean_[c] = running_mean[c] + momentum * total[c] / count[c]
        running_variance_[c] = (1 - momentum) * running_variance[c] + momentum * count[c] / others[c] * variance[c]
        variance[c] = max(square_total[c] / count[c] - (total[c] / count[c]) ** 2, 0)
        others[c] = max(count[c] - 1, 1)
    """,
    symbols="momentum α; count M",
    writes="mean inverse_std",
    updates="running_mean running_variance",
    by_rows=False,
    flops=16,
)
def step_statistics(
    total: Float64s,
    square_total: Float64s,
    count: Float64s,
    mean: Array,
    inverse_std: Array,
    running_mean: Array,
    running_variance: Array,
    *,
    momentum: float,
    epsilon: float,
) -> None:
    """Writes a batch's μ and 1/√(σ² + ε), and lets the running statistics follow: see ``batch_norm_statistics``.

    Args:
        total: Σ (x − running_mean) of each feature (C,), before this call.
        square_total: Σ (x − running_mean)² (C,).
        count: M, how many steps count in the batch (C,).
        mean: output μ (C,).
        inverse_std: output 1/√(σ² + ε) (C,).
        running_mean: (C,), becomes (1 − momentum) running_mean + momentum μ.
        running_variance: (C,), likewise, with the unbiased estimate σ² M/(M − 1).
        momentum: the batch's share in the running statistics.
        epsilon: ε.
    """
    difference = total / count
    variance = np.maximum(square_total / count - difference * difference, 0)
    mean[...] = running_mean + difference
    inverse_std[...] = 1 / np.sqrt(variance + epsilon)
    running_mean += momentum * difference
    running_variance *= 1 - momentum
    running_variance += momentum * count / np.maximum(count - 1, 1) * variance


@kernel(
    "dx = γ (dy − dβ/M − x̂ dγ/M) / √(σ² + ε) for t < L_n, else 0",
    elements="""
        dx[n, t, d] = gamma[d] * inverse_std[d] * (t < lengths[n]) * (
            dy[n, t, d] - dbeta[d] / count[d] - xhat[n, t, d] * dgamma[d] / count[d])
    """
    + _XHAT,
    symbols="lengths L; count M",
    writes="dx",
    why=why.STEP_NORM,
    shared="mean inverse_std gamma dgamma dbeta count",
    flops=8,
)
def step_norm_backward(
    dy: Array,
    x: Array,
    lengths: Int64s,
    mean: Array,
    inverse_std: Array,
    gamma: Array,
    dgamma: Array,
    dbeta: Array,
    count: Float64s,
    dx: Array,
) -> None:
    """Writes the gradient of batch normalisation over the steps that count, and 0 for padding.

    Args:
        dy: ∂L/∂y (N, T, D), 0 for padding.
        x: the input of the forward pass (N, T, D).
        lengths: how many steps of each row count (N,).
        mean: μ (D,).
        inverse_std: 1/√(σ² + ε) (D,).
        gamma: γ (D,).
        dgamma: ∂L/∂γ (D,).
        dbeta: ∂L/∂β (D,).
        count: M, how many steps count in the batch (D,).
        dx: output ∂L/∂x (N, T, D).
    """
    normalised = (x - mean) * inverse_std
    centred = dy - dbeta / count - normalised * (dgamma / count)
    np.copyto(dx, np.where(counting(x, lengths), centred * (gamma * inverse_std), 0))
