"""Derivations for ``kernels/conv1d.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

CONV1D = {
    "dweight": (
        Step(
            "One filter slides over all steps: at each place of the output this weight meets one element of x, which "
            "is its slope there. The sum runs over rows and places.",
            "一个滤波器滑过所有步：对输出的每个位置，这个权重遇到 x 的一个元素，那就是它在那里的斜率。对行和位置一起"
            "求和。",
            "dweight[i, k, f] == sum[n](sum[t_](x[n, t, d] * dy[n, t_, f]))",
        ),
    ),
    "dbias": (
        Step(
            "The bias is added at every place with the slope 1.",
            "偏置以斜率 1 加到每个位置上。",
            "dbias[f] == sum[n](sum[t_](dy[n, t_, f]))",
        ),
    ),
    "dx": (
        Step(
            "This element lies in several windows; it gets the error term of each times the weight that it met there.",
            "这个元素落在好几个窗口里，从每个窗口得到误差项乘以在那里遇到的权重。",
            "dx[n, t, d] == sum[i](sum[q:F * K // D](dy[n, t_, f] * weight[i, k, f]))",
        ),
    ),
}
