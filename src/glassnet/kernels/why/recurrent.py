"""Derivations for ``kernels/recurrent.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import THROUGH_TIME, Step

SIMPLE_RNN = {
    "da": (
        THROUGH_TIME,
        Step(
            "h = tanh(a), whose slope is 1 − h²: at most 1. Over many steps these slopes and the weights U are "
            "multiplied: what is below 1 vanishes, what is above explodes.",
            "h = tanh(a)，斜率是 1 − h²，最大为 1。走过许多步，这些斜率和权重 U 连乘起来：小于 1 的消失，大于 1 的爆"
            "炸。",
            "da[n, t, h] == (dh[n, t, h] * (1 - y[n, t, h]) * (1 + y[n, t, h]) if t < lengths[n] else 0)",
        ),
    ),
}

LSTM = {
    "dcell": (
        THROUGH_TIME,
        Step(
            "The cell has a way to the next step of its own, c_t = f_t c_{t−1} + …: its slope is the forget gate "
            "alone. With f near 1 the error term goes back over many steps unshrunk. This is what an LSTM is for.",
            "细胞状态有一条自己通往下一步的路：c_t = f_t c_{t−1} + …，斜率只有遗忘门。f 接近 1 时，误差项可以原样传回"
            "很多步。LSTM 就是为此而设计的。",
            "(dcell[n, t, h] - dh[n, t, h] * gates[n, t, 3 * H + h] * (1 - tanh(cell[n, t, h]) ** 2) if t < lengths[n] "
            "else 0) == (0 if t == last else dcell[n, later, h] * gates[n, later, H + h] if t < lengths[n] else 0)",
        ),
    ),
    "da": (
        Step(
            "Each gate is multiplied by something: the input gate by g, the forget gate by the cell before, the "
            "candidate by i, the output gate by tanh(c). That factor is the slope of the product, times the slope of "
            "the gate's own σ or tanh.",
            "每个门都乘着别的数：输入门乘 g，遗忘门乘上一步的细胞，候选值乘 i，输出门乘 tanh(c)。这个因子就是乘积的斜"
            "率，再乘门自己的 σ 或 tanh 的斜率。",
        ),
    ),
}

GRU = {
    "dh": (
        THROUGH_TIME,
        Step(
            "h_t = (1 − z) n + z h_{t−1}: besides the way through U there is one with the slope z alone, on which the "
            "error term goes back unshrunk where z is near 1.",
            "h_t = (1 − z) n + z h_{t−1}：除了经过 U 的路，还有一条斜率只有 z 的路；z 接近 1 时误差项沿它原样传回。",
            "(dh[n, t, h] - dy[n, t, h] - (0 if t == last else sum[p](dstates[n, later, p] * recurrent[h, p])) "
            "if t < lengths[n] else 0) == "
            "(0 if t == last else dh[n, later, h] * gates[n, later, H + h] if t < lengths[n] else 0)",
        ),
    ),
}
