"""Derivations for ``kernels/batch_norm.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

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
