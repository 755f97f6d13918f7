"""Derivations for ``kernels/losses.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

WEIGH_ROWS = {
    "row_weights": (
        Step(
            "The loss of the batch is a mean over its rows: each counts 1/N of it, or its weight's share of all "
            "weights. So a batch of another size gives gradients of the same size.",
            "一批的损失是对各行求平均：每行占 1/N，有样本权重时按权重的份额。这样批量大小变了，梯度的大小也不变。",
            "row_weights[n] == (factor * omega[n] / sum[i:N](omega[i]) if mean else factor * omega[n])",
        ),
    ),
}
