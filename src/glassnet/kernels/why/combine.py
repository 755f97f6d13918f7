"""Derivations for ``kernels/combine.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

RESIDUAL = {
    "dx": (
        Step(
            "x goes two ways, by the shortcut with the slope 1 and through the branch, and y is their sum: what comes "
            "back on both is added up. By the shortcut the error term comes back unshrunk, however deep the network "
            "is.",
            "x 走两条路：捷径的斜率是 1，另一条穿过分支，y 是两者之和，所以把两条路传回来的加起来。沿捷径，误差项不管"
            "网络多深都原样传回。",
            "dx - dbranch == dshortcut",
        ),
    ),
}

CONCAT = {
    "dpart": (
        Step(
            "The part stands in y as it is, from the column start on: the slope is 1, and its error term is the same "
            "piece of dy.",
            "这一部分从第 start 列起原样放在 y 里：斜率是 1，误差项就是 dy 里同样的一段。",
        ),
    ),
}
