"""Derivations for ``kernels/conv.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

CONV2D = {
    "dweight": (
        Step(
            "One filter slides over the whole picture: this weight meets one pixel for each place of the output, in "
            "each row. In y at that place it has the pixel it meets there as its slope.",
            "一个滤波器滑过整张图：对输出的每个位置，这个权重都遇到一个像素。在那个位置的 y 里，它的斜率就是遇到的像"
            "素。",
        ),
        Step(
            "A dense layer adds up over rows; here the same weight is used at every place too, so the sum runs over "
            "rows and places.",
            "全连接层只对各行求和；这里同一个权重还用在每个位置上，所以对行和位置一起求和。",
            "dweight[f, k, i, j] == sum[n](sum[h_, w_](x[n, c, h, w] * dy[n, f, h_, w_]))",
        ),
    ),
    "dbias": (
        Step(
            "The bias is added at every place of its map with the slope 1: all its error terms are added up.",
            "偏置以斜率 1 加到特征图的每个位置上，所以把这张图上的误差项全部加起来。",
            "dbias[f] == sum[n](sum[h_](sum[w_](dy[n, f, h_, w_])))",
        ),
    ),
    "dx": (
        Step(
            "This pixel lies in several windows, at another place of the filter in each. It gets the error term of "
            "each of them times the weight that it met there.",
            "这个像素落在好几个窗口里，在每个窗口里对应滤波器的不同位置。它从每个窗口得到误差项，乘以在那里遇到的权重。",
            "dx[n, c, h, w] == sum[q:F * K // C](sum[i, j](dy[n, f, h_, w_] * weight[f, k, i, j]))",
        ),
    ),
}
