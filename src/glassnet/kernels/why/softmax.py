"""Derivations for ``kernels/softmax.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

SOFTMAX = {
    "dx": (
        Step(
            "Every x_j stands in the denominator of every y_k, so raising one takes from all others: ∂y_k/∂x_k = y_k "
            "(1 − y_k), and ∂y_j/∂x_k = −y_j y_k for the others.",
            "每个 x_j 都在每个 y_k 的分母里，一个变大，其余的都变小：∂y_k/∂x_k = y_k (1 − y_k)，其余 ∂y_j/∂x_k = −y_j "
            "y_k。",
        ),
        Step(
            "The chain rule adds up over all outputs j; the y_k that all terms share is taken out. What is left is "
            "how far dy_k lies above the mean of dy, weighed by y.",
            "链式法则对所有输出 j 求和，把各项公有的 y_k 提出来，剩下的就是 dy_k 比 dy 的加权平均（以 y 为权）高出多"
            "少。",
            "dx[..., k] == y[..., k] * dy[..., k] - sum[j](y[..., k] * y[..., j] * dy[..., j])",
        ),
    ),
}
