"""Derivations for ``kernels/resize.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

UPSAMPLE2D = {
    "dx": (
        Step(
            "This element was copied to a whole block of y, each copy with the slope 1: the error terms of the block "
            "are added up.",
            "这个元素被复制到 y 的一整块里，每份的斜率都是 1：把这一块的误差项加起来。",
            "dx[n, c, h, w] == sum[i:H_ // H](sum[j:W_ // W](dy[n, c, h_, w_]))",
        ),
    ),
}

ZERO_PAD2D = {
    "dx": (
        Step(
            "The element was moved, not changed: its error term lies where it was moved to. The zeros around depend "
            "on nothing.",
            "元素只是挪了位置，没有变：误差项就在挪到的地方。周围的 0 不依赖任何东西。",
        ),
    ),
}
