"""Derivations for ``kernels/pool.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

MAX_POOL2D = {
    "dx": (
        Step(
            "The maximum of a window changes only with its largest element, one for one: the slope there is 1, and 0 "
            "for all others. So the whole error term goes to the winner, whose place the forward pass kept.",
            "一个窗口的最大值只随其中最大的元素变化，一比一：那里的斜率是 1，其余为 0。所以整个误差项都给赢家，它的位"
            "置在前向传播时已经记下。",
        ),
        Step(
            "An element that won in several windows that overlap gets the sum; one that won nowhere gets 0.",
            "在几个重叠的窗口里都赢了的元素得到它们之和；哪里都没赢的得到 0。",
            "dx[n, c, h, w] == sum[i:kernel_height](sum[j:kernel_width](decided * dy[n, c, h_, w_]))",
        ),
    ),
}

AVERAGE_POOL2D = {
    "dx": (
        Step(
            "Each element of a window counts for 1/count of its mean, so each gets this share of the window's error "
            "term.",
            "窗口里的每个元素在平均值中占 1/count，所以各得窗口误差项的这么一份。",
            "dx[n, c, h, w] == sum[i:kernel_height](sum[j:kernel_width](dy[n, c, h_, w_] / columns / rows))",
        ),
    ),
}

GLOBAL_MAX_POOL = {
    "dx": (
        Step(
            "Only the largest along the axis moves the maximum, one for one: it gets the error term, all others 0.",
            "沿这条轴只有最大的元素会带动最大值，一比一：它得到误差项，其余为 0。",
            "dx[n, a, s, b] == (dy[n, a, b] if place[n, a, b] == s else 0)",
        ),
    ),
}
