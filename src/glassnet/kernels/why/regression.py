"""Derivations for ``kernels/regression.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import WEIGHTED, Step

SQUARED_ERROR = {
    "doutputs": (
        Step(
            "ℓ = ½ (o − t)². The derivative of a square is twice what is squared, and the ½ takes the 2 away: o − t "
            "is left, as the slope between o − 1 and o + 1 shows.",
            "ℓ = ½ (o − t)²。平方的导数是 2 倍，前面的 ½ 正好消掉这个 2，剩下 o − t，量一量 o − 1 与 o + 1 之间的斜率"
            "就知道。",
            "((outputs[n, m] - targets[n, m] + 1) ** 2 / 2 - (outputs[n, m] - targets[n, m] - 1) ** 2 / 2) / 2 == "
            "outputs[n, m] - targets[n, m]",
        ),
        Step(
            "The mean squared error has no ½: its ω carries the 2, and 1/N and 1/M of the mean, so that the sum over "
            "outputs and rows becomes their mean.",
            "均方误差没有 ½：那个 2 放进了 ω，求平均的 1/N 和 1/M 也在里面，对输出和各行求和就成了求平均。",
            "doutputs[n, m] == row_weights[n] * outputs[n, m] - row_weights[n] * targets[n, m]",
        ),
        WEIGHTED,
    ),
}

ABSOLUTE_ERROR = {
    "doutputs": (
        Step(
            "|o − t| rises with the slope 1 where o is too large, and falls with −1 where it is too small, however "
            "far it is off: an outlier pulls no harder than others.",
            "|o − t| 在 o 偏大时斜率为 1，偏小时为 −1，与差多远无关：离群点不会拉得更用力。",
            "doutputs[n, m] == (row_weights[n] if outputs[n, m] > targets[n, m] else -row_weights[n]) * (outputs[n, "
            "m] != targets[n, m])",
        ),
        WEIGHTED,
    ),
}

HUBER = {
    "doutputs": (
        Step(
            "Within δ of the target the loss is ½ r², with the slope r; beyond it is a line with the slope δ that "
            "goes on from there without a kink.",
            "离目标不超过 δ 时损失是 ½ r²，斜率为 r；更远处是斜率为 δ 的直线，接得没有折点。",
            "doutputs[n, m] == row_weights[n] * (outputs[n, m] - targets[n, m] if abs(outputs[n, m] - targets[n, m]) "
            "<= delta else delta * sign(outputs[n, m] - targets[n, m]))",
        ),
        WEIGHTED,
    ),
}

QUANTILE = {
    "doutputs": (
        Step(
            "Too much costs 1 − q for each unit, too little q. The two balance where a share q of the targets lies "
            "below: that is the quantile.",
            "预测偏大每单位的代价是 1 − q，偏小是 q。当目标中有 q 这么大比例在下方时两者平衡：那就是分位数。",
            "doutputs[n, m] == row_weights[n] * (1 - quantile) * (r[n, m] > 0) - row_weights[n] * quantile * (r[n, m] "
            "< 0)",
        ),
        WEIGHTED,
    ),
}

POISSON = {
    "doutputs": (
        Step(
            "With the rate e^o the loss is e^o − t o and parts without o; the derivatives are e^o and t: what is "
            "expected minus what was counted.",
            "速率为 e^o 时，损失是 e^o − t o 加上与 o 无关的部分，导数是 e^o 与 t 之差：期望的个数减去数到的个数。",
            "doutputs[n, m] == row_weights[n] * exp(outputs[n, m]) - row_weights[n] * targets[n, m]",
        ),
        WEIGHTED,
    ),
}

GAMMA = {
    "doutputs": (
        Step(
            "ℓ = t e^−o + o and parts without o: the derivative is 1 − t e^−o, the relative distance from the mean "
            "e^o.",
            "ℓ = t e^−o + o 加上与 o 无关的部分，导数是 1 − t e^−o，即与均值 e^o 的相对差。",
            "doutputs[n, m] == row_weights[n] - row_weights[n] * targets[n, m] / exp(outputs[n, m])",
        ),
        WEIGHTED,
    ),
}
