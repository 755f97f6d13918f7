"""The loss of a batch, put together from those of its rows.

Every loss of a batch is a weighted sum of row losses, L = Σ_n ω_n ℓ_n, with ω_n = 1 for the sum over the batch and
ω_n = 1/N for the mean; sample weights, class weights and the 1/M of a mean over outputs enter ω too. So a forward
kernel of ``classes`` or ``regression`` writes ℓ (N,), and its backward takes ω (N,), which is ∂L/∂ℓ, and writes
∂L/∂outputs.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import losses
    >>> shares, total, value = np.empty(2), np.empty(1), np.empty(1)
    >>> losses.weigh_rows(np.array([1.0, 3.0]), shares, total, factor=1.0, mean=True)
    >>> losses.weighted_sum(np.array([8.0, 4.0]), shares, value)
    >>> shares.tolist(), value.tolist()
    ([0.25, 0.75], [5.0])
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Float64s, Geometry
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import losses as why


@kernel(
    "ω_n = c w_n / Σ w for the mean, c w_n for the sum",
    elements="""
        row_weights[n] = factor * omega[n] / total[0] if mean else factor * omega[n]
        total[0] = sum[n](omega[n])
        omega[n] = weights[n] if weights else 1
    """,
    writes="row_weights total",
    by_rows=False,
    why=why.WEIGH_ROWS,
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
