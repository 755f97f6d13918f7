"""Derivations for ``kernels/merge.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

UNPACK = {
    "dx": (
        Step(
            "y is a part of x, as it is: each of its numbers has the slope 1 and gets its own error term back. The "
            "other columns belong to other inputs, which are taken out by calls of their own.",
            "y 就是 x 的一部分，原样取出：每个数的斜率都是 1，各自的误差项原样传回。其余各列属于别的输入，由各自的调用"
            "取出。",
            "dx[n, v] == dy[n, v - start]",
        ),
    ),
}

MULTIPLY = {
    "da": (
        Step(
            "y = a b: where b is held still, y is a line in a with the slope b.",
            "y = a b：固定 b，y 就是 a 的直线，斜率为 b。",
            "((a + 1) * b - (a - 1) * b) / 2 == b",
        ),
    ),
    "db": (
        Step(
            "And the other way round: the slope in b is a.",
            "反过来也一样：对 b 的斜率是 a。",
            "(a * (b + 1) - a * (b - 1)) / 2 == a",
        ),
    ),
}

SUBTRACT = {
    "db": (
        Step(
            "y = a − b: the slope in b is −1.",
            "y = a − b：对 b 的斜率是 −1。",
            "db + dy == 0",
        ),
    ),
}

ABSOLUTE_DIFFERENCE = {
    "da": (
        Step(
            "|a − b| rises with a where a is the larger one, and falls where it is the smaller one.",
            "a 较大时 |a − b| 随 a 上升，a 较小时随 a 下降。",
            "da == (dy if a > b else -dy) * (a != b)",
        ),
    ),
    "db": (
        Step(
            "With b it is the other way round.",
            "对 b 则相反。",
            "db == (dy if b > a else -dy) * (a != b)",
        ),
    ),
}

ROW_DOT = {
    "da": (
        Step(
            "y_n is a sum of products; a_nd stands in one of them, beside b_nd.",
            "y_n 是乘积之和；a_nd 在其中一项里，乘的是 b_nd。",
            "da[n, d] == b[n, d] * dy[n, 0]",
        ),
    ),
    "db": (
        Step(
            "And b_nd beside a_nd.",
            "b_nd 乘的是 a_nd。",
            "db[n, d] == a[n, d] * dy[n, 0]",
        ),
    ),
}

SQUARED_DISTANCE = {
    "da": (
        Step(
            "y_n = Σ_d (a − b)²: the slope of a square is twice what is squared, as the slope between a − 1 and a + 1 "
            "shows.",
            "y_n = Σ_d (a − b)²：平方的斜率是 2 倍，量一量 a − 1 与 a + 1 之间的斜率就知道。",
            "((a[n, d] + 1 - b[n, d]) ** 2 - (a[n, d] - 1 - b[n, d]) ** 2) / 2 == 2 * (a[n, d] - b[n, d])",
        ),
    ),
    "db": (
        Step(
            "b enters with the opposite sign.",
            "b 的符号相反。",
            "db[n, d] == 2 * dy[n, 0] * (b[n, d] - a[n, d])",
        ),
    ),
}
