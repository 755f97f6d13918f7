"""The dense (fully connected, affine) layer.

With x (N, D), W (D, M), b (M,) and y (N, M) the forward pass is

    y = x W + b            y_nm = Σ_d x_nd W_dm + b_m

and with δ = dy = ∂L/∂y the chain rule, one element at a time, gives

    ∂L/∂W_dm = Σ_n x_nd dy_nm      dW = xᵀ dy         (summed over the batch)
    ∂L/∂b_m  = Σ_n dy_nm           db = Σ_n dy
    ∂L/∂x_nd = Σ_m dy_nm W_dm      dx = dy Wᵀ

Source: M. Nielsen, "Neural Networks and Deep Learning" (2015), chapter 2, equations BP1 to BP4, for a batch of rows.

A layer that is *tied* to another one has that one's W (K, D), such as the vectors of an embedding, the other way round.
With y (N, K) and no bias

    y = x Wᵀ               y_nk = Σ_d x_nd W_kd
    ∂L/∂W_kd = Σ_n dy_nk x_nd      dW = dyᵀ x         ∂L/∂x_nd = Σ_k dy_nk W_kd      dx = dy W

Source: O. Press, L. Wolf, "Using the output embedding to improve language models", EACL 2017, section 3.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import dense
    >>> x, weight, bias, dy = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]), np.array([[10.0]])
    >>> y, dx, dweight, dbias = np.empty((1, 1)), np.empty((1, 2)), np.empty((2, 1)), np.empty(1)
    >>> dense.dense_forward(x, weight, bias, y)
    >>> dense.dense_backward(dy, x, weight, dx, dweight, dbias)
    >>> y.tolist(), dx.tolist(), dweight.tolist(), dbias.tolist()
    ([[11.5]], [[30.0, 40.0]], [[10.0], [20.0]], [10.0])
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.functions import product_flops
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import dense as why


@kernel(
    "y = x W + b",
    elements="y[n, m] = sum[d](x[n, d] * weight[d, m]) + bias[m]",
    writes="y",
    shared="weight bias",
    channels="weight bias y",
    flops=product_flops("y", 1),
    left_out={"bias": " + b"},
)
def dense_forward(x: Array, weight: Array, bias: Array | None, y: Array) -> None:
    """Writes ``y = x W + b``.

    Args:
        x: input (N, D).
        weight: W (D, M).
        bias: b (M,), or None for a layer without one.
        y: output (N, M).
    """
    np.matmul(x, weight, out=y)  # (N, D) (D, M) -> (N, M)
    if bias is not None:
        y += bias


@kernel(
    "dW = xᵀ dy,  db = Σ_n dy,  dx = dy Wᵀ",
    elements="""
        dweight[d, m] = sum[n](x[n, d] * dy[n, m])
        dbias[m] = sum[n](dy[n, m])
        dx[n, d] = sum[m](dy[n, m] * weight[d, m])
    """,
    writes="dx dweight dbias",
    shared="weight",
    sums="dweight dbias",
    flops=product_flops("dy", 1),
    left_out={"dbias": ",  db = Σ_n dy", "dx": ",  dx = dy Wᵀ"},
    why=why.DENSE,
)
def dense_backward(dy: Array, x: Array, weight: Array, dx: Array | None, dweight: Array, dbias: Array | None) -> None:
    """Writes ``dW = xᵀ dy``, ``db = Σ_n dy`` and ``dx = dy Wᵀ``.

    Args:
        dy: ∂L/∂y (N, M).
        x: the input of the forward pass (N, D).
        weight: W (D, M).
        dx: output ∂L/∂x (N, D), or None where nobody needs it.
        dweight: output ∂L/∂W (D, M).
        dbias: output ∂L/∂b (M,), or None for a layer without a bias.
    """
    np.matmul(x.T, dy, out=dweight)  # (D, N) (N, M) -> (D, M)
    if dbias is not None:
        np.sum(dy, axis=0, out=dbias)  # (N, M) -> (M,)
    if dx is not None:
        np.matmul(dy, weight.T, out=dx)  # (N, M) (M, D) -> (N, D)


@kernel(
    "dW = Σ_t x_tᵀ dy_t,  db = Σ_{n,t} dy,  dx_t = dy_t Wᵀ",
    elements="""
        dweight[d, m] = sum[n, t](x[n, t, d] * dy[n, t, m])
        dbias[m] = sum[n, t](dy[n, t, m])
        dx[n, t, d] = sum[m](dy[n, t, m] * weight[d, m])
    """,
    writes="dx dweight dbias",
    shared="weight",
    sums="dweight dbias",
    sums_by_piece=True,
    flops=product_flops("dy", 1),
    left_out={"dbias": ",  db = Σ_{n,t} dy", "dx": ",  dx_t = dy_t Wᵀ"},
    why=why.DENSE_STEPS,
)
def dense_steps_backward(
    dy: Array, x: Array, weight: Array, dx: Array | None, dweight: Array, dbias: Array | None
) -> None:
    """Writes what ``dense_backward`` does, for each step of sequences by the same W.

    For weights that are small beside the steps: a compiled program sums them up where it goes through the rows, while
    these are in cache.

    Args:
        dy: ∂L/∂y (N, T, M).
        x: the input of the forward pass (N, T, D).
        weight: W (D, M).
        dx: output ∂L/∂x (N, T, D), or None where nobody needs it.
        dweight: output ∂L/∂W (D, M).
        dbias: output ∂L/∂b (M,), or None for a layer without a bias.
    """
    rows_of_dy, rows_of_x = dy.reshape(-1, dy.shape[2]), x.reshape(-1, x.shape[2])
    if dweight is not None:
        np.matmul(rows_of_x.T, rows_of_dy, out=dweight)  # (D, N T) (N T, M) -> (D, M)
    if dbias is not None:
        np.sum(rows_of_dy, axis=0, out=dbias)
    if dx is not None:
        np.matmul(dy, weight.T, out=dx)  # (N, T, M) (M, D) -> (N, T, D)


@kernel(
    "y = x Wᵀ",
    elements="y[n, k] = sum[d](x[n, d] * weight[k, d])",
    writes="y",
    shared="weight",
    flops=product_flops("y", 0),
)
def tied_forward(x: Array, weight: Array, y: Array) -> None:
    """Writes ``y = x Wᵀ``.

    Args:
        x: input (N, D).
        weight: W (K, D), of the layer that it is tied to.
        y: output (N, K).
    """
    np.matmul(x, weight.T, out=y)  # (N, D) (D, K) -> (N, K)


@kernel(
    "dW = dyᵀ x,  dx = dy W",
    elements="""
        dweight[k, d] = sum[n](dy[n, k] * x[n, d])
        dx[n, d] = sum[k](dy[n, k] * weight[k, d])
    """,
    writes="dx dweight",
    shared="weight",
    sums="dweight",
    flops=product_flops("dy", 0),
    left_out={"dx": ",  dx = dy W"},
    why=why.TIED,
)
def tied_backward(dy: Array, x: Array, weight: Array, dx: Array | None, dweight: Array) -> None:
    """Writes ``dW = dyᵀ x`` and ``dx = dy W``.

    Args:
        dy: ∂L/∂y (N, K).
        x: the input of the forward pass (N, D).
        weight: W (K, D).
        dx: output ∂L/∂x (N, D), or None where nobody needs it.
        dweight: output ∂L/∂W (K, D), as far as it comes from this use of W.
    """
    np.matmul(dy.T, x, out=dweight)  # (K, N) (N, D) -> (K, D)
    if dx is not None:
        np.matmul(dy, weight, out=dx)  # (N, K) (K, D) -> (N, D)
