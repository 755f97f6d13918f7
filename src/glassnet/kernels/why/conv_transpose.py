"""Derivations for ``kernels/conv_transpose.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

CONV_TRANSPOSE2D = {
    "dweight": (
        Step(
            "Each element of x is multiplied by this weight and laid down at one place of y. There the slope is x, "
            "and the sum runs over rows and places.",
            "x 的每个元素都乘上这个权重，放到 y 的一个位置上。那里的斜率就是 x，对行和位置一起求和。",
            "dweight[c, k, i, j] == sum[n](sum[h, w](dy[n, f, h_, w_] * x[n, c, h, w]))",
        ),
    ),
    "dbias": (
        Step(
            "The bias is added at every place of its map with the slope 1.",
            "偏置以斜率 1 加到特征图的每个位置上。",
            "dbias[f] == sum[n](sum[h_](sum[w_](dy[n, f, h_, w_])))",
        ),
    ),
    "dx": (
        Step(
            "This element spread over a window of y, into each place through one weight. It collects their error "
            "terms through the same weights: that is a convolution.",
            "这个元素铺到 y 的一个窗口上，每个位置经过一个权重。误差项沿同样的权重收回来：这正是一次卷积。",
            "dx[n, c, h, w] == sum[k](sum[i, j](dy[n, f, h_, w_] * weight[c, k, i, j]))",
        ),
    ),
}
