"""Derivations for ``kernels/embedding.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

EMBEDDING = {
    "dweight": (
        Step(
            "Looking up row k of the table is a product with a vector that is 1 at k and 0 elsewhere. So W_k has the "
            "slope 1 wherever k stood in the data, and its error terms are added up; a row that was not looked up "
            "gets 0.",
            "查表里的第 k 行，相当于乘一个只在 k 处为 1、其余为 0 的向量。所以凡是数据里出现 k 的地方，W_k 的斜率都是 "
            "1，把那些误差项加起来；没有查到的行得 0。",
            "dweight[k, m] == sum[a](dy[a, m] if x[a] == k else 0)",
        ),
    ),
}

COLUMNS = {
    "dx": (
        Step(
            "The layer passes on some columns as they are: those have the slope 1, and what was not passed on gets 0.",
            "这一层原样传下去几列：它们的斜率是 1，没传下去的得 0。",
            "dx[n, d] == sum[i](dy[n, i] if columns[i] == d else 0)",
        ),
    ),
}
