"""Rows of a table looked up by their number, and columns of the data by theirs.

With whole numbers x_a from 0 to K − 1, a weight W (K, M) and y (A, M) a lookup is

    y_am = W_{x_a, m}                       y = onehot(x) W

and with δ = dy = ∂L/∂y each row of W gets the sum of the δ of all places that looked it up:

    ∂L/∂W_km = Σ_{a : x_a = k} dy_am        dW = onehot(x)ᵀ dy

x numbers things and measures nothing: it has no derivative.

Source: Y. Bengio, R. Ducharme, P. Vincent, C. Jauvin, "A neural probabilistic language model", Journal of Machine
Learning Research 3 (2003), section 2: the mapping C.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import embedding
    >>> weight = np.array([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    >>> y = np.empty((1, 2, 2))
    >>> embedding.embedding_forward(np.array([[2.0, 0.0]]), weight, y)
    >>> y.tolist()
    [[[2.0, 2.1], [0.0, 0.1]]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Int64s
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import embedding as why


def are_indices(x: Array, below: int | Array) -> Array:
    """Which elements are whole numbers from 0 to ``below`` − 1, bool of x's shape; NaN is none."""
    return np.asarray((x >= 0) & (x < below) & (x == np.floor(x)))


@kernel(
    "y_a = W_{x_a}",
    elements="y[a, m] = weight[x[a], m]",
    note={
        "en": "Each number takes its row of W: nothing is computed.",
        "zh": "每个编号取出 W 中对应的那一行，不做计算。",
    },
    writes="y",
    shared="weight",
)
def embedding_forward(x: Array, weight: Array, y: Array) -> None:
    """Writes the row of ``weight`` that each x numbers.

    Args:
        x: whole numbers from 0 to K − 1 (A,), in the network's dtype.
        weight: W (K, M).
        y: output (A, M).

    Raises:
        IndexError: x is no whole number or has no row; a native kernel writes NaN there instead.
    """
    if not are_indices(x, len(weight)).all():
        raise IndexError("a number that has no row in the weight")
    np.take(weight, x.astype(np.intp), axis=0, out=y)


@kernel(
    "dW_k = Σ_{a: x_a = k} dy_a",
    elements="dweight[k, m] = sum[a](dy[a, m] * (x[a] == k))",
    writes="dweight",
    sums="dweight",
    by_rows=False,
    flops=lambda arrays: int(arrays["dy"].size + arrays["dweight"].size),
    why=why.EMBEDDING,
)
def embedding_backward(dy: Array, x: Array, dweight: Array) -> None:
    """Writes ``dW``: row k is the sum of the dy_a whose x_a is k, in the order of a.

    Args:
        dy: ∂L/∂y (A, M).
        x: the input of the forward pass (A,).
        dweight: output ∂L/∂W (K, M).
    """
    dweight[...] = 0
    np.add.at(dweight, x.astype(np.intp), dy)


@kernel(
    "dx = 0",
    elements="dx = 0",
    note={
        "en": "These numbers name things and measure nothing: the loss has no derivative by them.",
        "zh": "这些数只是编号，不表示大小：损失对它们没有导数。",
    },
    writes="dx",
)
def zero_gradient(dx: Array) -> None:
    """Writes the gradient of what has no derivative, 0 (N, ...)."""
    dx[...] = 0


@kernel("y_ni = x_{n, columns_i}", elements="y[n, i] = x[n, columns[i]]", writes="y", shared="columns")
def columns_forward(x: Array, columns: Int64s, y: Array) -> None:
    """Writes some columns of x.

    Args:
        x: input (N, D).
        columns: their numbers from 0 to D − 1, all different, int64 (W,).
        y: output (N, W).
    """
    np.take(x, columns, axis=1, out=y)


@kernel(
    "dx_{n, columns_i} = dy_ni, elsewhere 0",
    elements="dx[n, d] = sum[i](dy[n, i] * (columns[i] == d))",
    writes="dx",
    shared="columns",
    why=why.COLUMNS,
)
def columns_backward(dy: Array, columns: Int64s, dx: Array) -> None:
    """Writes ``dy`` (N, W) into its columns of ``dx`` (N, D), and 0 into the others."""
    dx[...] = 0
    dx[:, columns] = dy
