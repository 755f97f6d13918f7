"""Derivations for ``kernels/batch_norm.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

BATCH_NORM_STATISTICS = {
    "running_mean_": (
        Step(
            "In use a row may come alone, and its answer must not hang on whoever comes with it. So a mean over the "
            "batches is kept for that: each batch moves it by the share α towards its own mean, and likewise the "
            "variance.",
            "使用时可能只来一行，它的预测不应取决于同一批里还有谁。所以为此保存一个跨小批量的均值：每个小批量把它朝自"
            "己的均值移动 α 那么大一份，方差也一样。",
            "running_mean_[c] == running_mean[c] + momentum * (mean[c] - running_mean[c])",
        ),
    ),
}

BATCH_NORM_FORWARD = {
    "y": (
        Step(
            "In training mean and variance are those of this batch: over its rows x̂ adds up to 0, whatever the layer "
            "before has learned. So the same row gets another answer in another batch.",
            "训练时用的是这个小批量自己的均值和方差：无论前一层学成什么样，x̂ 对各行之和都是 0。所以同一行放在不同的小"
            "批量里，输出也不同。",
        ),
        Step(
            "γ and β are learned: with γ = √(σ² + ε) and β = μ the layer would give x back.",
            "γ 和 β 是学出来的：如果 γ = √(σ² + ε)、β = μ，这一层就把 x 原样还回来。",
            "xhat[n, c, s] / inverse_std[c] + mean[c] == x[n, c, s]",
        ),
    ),
}

BATCH_NORM_IN_USE = {
    "y": (
        Step(
            "In use the running statistics, which training has collected, take the place of the batch's: they are "
            "fixed numbers, the layer is a line for each channel, and a row's answer does not depend on the other "
            "rows.",
            "使用时不再用小批量的均值和方差，而用训练中累计的：它们是固定的数，每个通道就是一条直线，一行的输出与其他"
            "行无关。",
            "y[n, c, s] == gamma[c] / sqrt(running_variance[c] + epsilon) * x[n, c, s] + beta[c] - gamma[c] / "
            "sqrt(running_variance[c] + epsilon) * running_mean[c]",
        ),
        Step(
            "After few steps they are still on their way from 0 and 1, where they began; then the loss in use may be "
            "larger than that in training.",
            "训练步数少的时候，它们还没有离开初始值 0 和 1 多远，这时使用时的损失可能比训练时大。",
        ),
    ),
}

BATCH_NORM_SUMS = {
    "dgamma": (
        Step(
            "γ_c multiplies x̂ everywhere in its channel: its slope there is x̂, and all places and rows are added up.",
            "γ_c 在本通道的每处都乘 x̂，斜率就是 x̂，把所有位置、所有行加起来。",
            "dgamma[c] == sum[n](sum[s](xhat[n, c, s] * dy[n, c, s]))",
        ),
    ),
    "dbeta": (
        Step(
            "β_c is added everywhere in its channel with the slope 1.",
            "β_c 以斜率 1 加到本通道的每处。",
            "dbeta[c] == sum[n](sum[s](dy[n, c, s]))",
        ),
    ),
}

BATCH_NORM = {
    "dx": (
        Step(
            "If mean and deviation were fixed numbers, x̂ would be a line in x with the slope 1/√(σ² + ε), and dx "
            "would be γ dy times that: the first of three terms.",
            "如果均值和标准差是固定的数，x̂ 就是 x 的直线，斜率 1/√(σ² + ε)，dx 就是 γ dy 乘以它：三项中的第一项。",
        ),
        Step(
            "But this x moves them too. It raises the mean of its channel by 1/m of itself, which lowers every x̂ of "
            "the channel: hence the second term, the mean of dy.",
            "但这个 x 也会移动它们。它使本通道的均值上升自身变化的 1/m，于是本通道的每个 x̂ 都下降：第二项由此而来，"
            "即 dy 的均值。",
            "dbeta[c] / count == sum[i:N, j:S](dy[i, c, j]) / count",
        ),
        Step(
            "And it widens the channel as far as it lies outside, by x̂/m, which shrinks every x̂ in proportion to "
            "itself: hence the third term, x̂ times the mean of dy x̂.",
            "它还会按自己偏离的程度把本通道撑宽 x̂/m，使每个 x̂ 按自身比例缩小：第三项由此而来，x̂ 乘以 dy x̂ 的均值。",
            "dx[n, c, s] == gamma[c] * inverse_std[c] * dy[n, c, s] - gamma[c] * inverse_std[c] * dbeta[c] / count - "
            "gamma[c] * inverse_std[c] * xhat[n, c, s] * dgamma[c] / count",
        ),
    ),
}
