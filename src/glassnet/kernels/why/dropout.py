"""Derivations for ``kernels/dropout.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

DROPOUT_FORWARD = {
    "y": (
        Step(
            "A number is kept with the probability 1 − rate. What is kept is divided by that, so that on average over "
            "the masks the layer passes on x itself: what is kept, times how often, and 0, times how often.",
            "每个数以概率 1 − rate 留下。留下的数除以这个概率，这样对各种掩码取平均，传下去的就是 x 本身：留下的值乘"
            "它的概率，加上 0 乘它的概率。",
            "(1 - rate) * (x / (1 - rate)) + rate * 0 == x",
        ),
        Step(
            "So prediction needs neither mask nor factor: it takes x as it is.",
            "所以预测时既不要掩码也不要系数，直接用 x。",
        ),
    ),
}

DROPOUT = {
    "dx": (
        Step(
            "In this step y is x times a fixed number, mask/(1 − rate). That is the slope: an element that was "
            "dropped gets no gradient, one that was kept gets 1/(1 − rate) times of it.",
            "在这一步里，y 就是 x 乘一个固定的数 mask/(1 − rate)，这就是斜率：丢弃的元素得不到梯度，留下的得到 1/(1 − "
            "rate) 倍。",
            "dx == (dy / (1 - rate) if mask > 0 else 0)",
        ),
    ),
}
