"""Derivations for ``kernels/dense.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import ROWS_SHARE, Step

DENSE = {
    "dweight": (
        Step(
            "In y_nm this weight stands once, times x_nd: raise it by a little and y_nm rises by x_nd times as much. "
            "That is its slope, and dy_nm says what y_nm is worth to the loss.",
            "在 y_nm 里，这个权重只出现一次，乘的是 x_nd：它增加一点，y_nm 就增加 x_nd 倍那么多。这就是斜率，而 dy_nm "
            "说的是 y_nm 对损失有多要紧。",
        ),
        ROWS_SHARE._replace(line="sum[n](x[n, d] * dy[n, m]) == N * mean[n](dy[n, m] * x[n, d])"),
        Step(
            "Matrices say the same at once. A product adds up along the columns of its left factor, and here the sum "
            "runs over the rows n of x: so x is turned, (D, N) times (N, M). That is the xᵀ in dW = xᵀ dy.",
            "写成矩阵就是一次乘法。矩阵乘法沿左边因子的列求和，而这里要沿 x 的行 n 求和，所以要把 x 转置：(D, N) 乘 ("
            "N, M)。dW = xᵀ dy 里的 xᵀ 就是这么来的。",
        ),
    ),
    "dbias": (
        Step(
            "b_m is added to y_nm as it is: the slope ∂y_nm/∂b_m is 1, in every row.",
            "b_m 原样加到 y_nm 上：斜率 ∂y_nm/∂b_m 在每一行都是 1。",
        ),
        ROWS_SHARE._replace(line="sum[n](1 * dy[n, m]) == N * mean[n](dy[n, m])"),
    ),
    "dx": (
        Step(
            "x_nd goes into every unit m of its row, into y_nm with the slope W_dm. What it is worth to the loss is "
            "the sum over all the ways that lead on from it.",
            "x_nd 流进同一行的每个单元 m，在 y_nm 里的斜率是 W_dm。它对损失有多要紧，就是把从它出发的每条路加起来。",
            "sum[m](dy[n, m] * weight[d, m]) == M * mean[m](weight[d, m] * dy[n, m])",
        ),
        Step(
            "The sum runs along the columns of W, so W is turned as well: dx = dy Wᵀ. The error terms go back by the "
            "way by which the numbers came.",
            "求和沿 W 的列进行，所以 W 也要转置：dx = dy Wᵀ。数怎么流过来，误差项就怎么流回去。",
        ),
    ),
}

DENSE_STEPS = {
    "dweight": (
        ROWS_SHARE,
        Step(
            "Every step t of a row is multiplied by it as well, so the sum runs over rows and steps.",
            "同一行里的每一步 t 用的也是它，所以对行和步一起求和。",
            "sum[n](sum[t](x[n, t, d] * dy[n, t, m])) == sum[t](sum[n](dy[n, t, m] * x[n, t, d]))",
        ),
    ),
    "dbias": (
        Step(
            "b_m is added to each y_ntm with the slope 1, so the error terms of all rows and steps are added up.",
            "b_m 以斜率 1 加到每个 y_ntm 上，所以把所有行、所有步的误差项加起来。",
            "sum[n, t](dy[n, t, m]) == N * T * mean[n, t](dy[n, t, m])",
        ),
    ),
    "dx": (
        Step(
            "x_ntd goes into every unit m of its own step alone, with the slope W_dm.",
            "x_ntd 只流进自己这一步的每个单元 m，斜率是 W_dm。",
            "sum[m](dy[n, t, m] * weight[d, m]) == M * mean[m](weight[d, m] * dy[n, t, m])",
        ),
    ),
}

TIED = {
    "dweight": (
        ROWS_SHARE._replace(line="sum[n](dy[n, k] * x[n, d]) == N * mean[n](x[n, d] * dy[n, k])"),
        Step(
            "The layer that it is tied to uses the same weights. Their gradient is the sum of what both uses say; "
            "this is the share of this one.",
            "与它绑定的那一层用的是同一组权重。权重的梯度是两处用法各自那份之和，这里算的是这一处的一份。",
        ),
    ),
    "dx": (
        Step(
            "x_nd goes into every y_nk of its row, with the slope W_kd.",
            "x_nd 流进同一行的每个 y_nk，斜率是 W_kd。",
            "sum[k](dy[n, k] * weight[k, d]) == K * mean[k](weight[k, d] * dy[n, k])",
        ),
    ),
}
