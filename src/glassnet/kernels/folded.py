"""What prediction does in one pass: batch normalisation and ReLU folded into the convolution before them.

Outside training, batch norm scales and shifts each channel by numbers that depend on no input. After a convolution,
whose output of channel f is (W ∗ x)_f + b_f,

    γ_f ((W ∗ x)_f + b_f − μ_f) / √(σ²_f + ε) + β_f  =  a_f (W ∗ x)_f + c_f
    a_f = γ_f / √(σ²_f + ε)        c_f = β_f + (b_f − μ_f) a_f

so that one number to multiply by and one to add stand for all six. Where a ReLU follows, y = max(a (W ∗ x) + c, 0).

Source: B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", CVPR 2018, section 3.2, which folds a into the weights; here it multiplies the sums, so that no copy of the
weights need be kept in step with them.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import folded
    >>> scale, shift = np.empty(1), np.empty(1)
    >>> mean, variance, gamma, beta = np.array([1.0]), np.array([4.0]), np.array([2.0]), np.array([0.5])
    >>> folded.fold_batch_norm(mean, variance, gamma, beta, None, scale, shift, epsilon=0.0)
    >>> scale.tolist(), shift.tolist()  # γ (x − 1) / 2 + β is x − 0.5
    ([1.0], [-0.5])
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry
from glassnet.kernels.batch_norm import batch_norm_predict
from glassnet.kernels.conv import conv2d_forward
from glassnet.kernels.functions import product_flops
from glassnet.kernels.registry import kernel


@kernel("a = γ/√(σ² + ε),  c = β + (b − μ) a", folds=batch_norm_predict, writes="scale shift", by_rows=False, flops=4)
def fold_batch_norm(
    running_mean: Array,
    running_variance: Array,
    gamma: Array,
    beta: Array,
    bias: Array | None,
    scale: Array,
    shift: Array,
    *,
    epsilon: float,
) -> None:
    """Writes what batch norm makes of a channel: y = a (x − b) + c, with b the bias of the layer before.

    Args:
        running_mean: μ (C,).
        running_variance: σ² (C,).
        gamma: γ (C,).
        beta: β (C,).
        bias: b (C,), or None for a layer without one.
        scale: output a (C,).
        shift: output c (C,).
        epsilon: ε.
    """
    np.divide(gamma, np.sqrt(running_variance + epsilon), out=scale)
    np.multiply((0 if bias is None else bias) - running_mean, scale, out=shift)
    shift += beta


@kernel(
    "y[n,f,h,w] = max(a_f Σ_cij W_fcij x[n,c,hs+id−p,ws+jd−p] + c_f, least)",
    folds=conv2d_forward,
    writes="y",
    channels="weight scale shift y",
    shared="weight scale shift",
    flops=product_flops("y", 0),
)
def conv2d_folded(
    x: Array,
    weight: Array,
    scale: Array | None,
    shift: Array | None,
    y: Array,
    *,
    stride_height: Geometry,
    stride_width: Geometry,
    pad_top: Geometry,
    pad_left: Geometry,
    dilation_height: Geometry,
    dilation_width: Geometry,
    least: float,
) -> None:
    """Writes a convolution, scaled and shifted by channel, where it is at least so much.

    The arguments are those of ``conv2d_forward``, and a (F,) or None for 1, c (F,) or None for 0, and the lower bound:
    0 where a ReLU follows, −∞ otherwise.
    """
    conv2d_forward(
        x,
        weight,
        None,
        y,
        stride_height=stride_height,
        stride_width=stride_width,
        pad_top=pad_top,
        pad_left=pad_left,
        dilation_height=dilation_height,
        dilation_width=dilation_width,
    )
    if scale is not None:
        y *= scale[:, None, None]
    if shift is not None:
        y += shift[:, None, None]
    np.maximum(y, least, out=y)
