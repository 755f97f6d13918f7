"""Derivations for ``kernels/scale.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import ROWS_SHARE, Step

SCALE = {
    "dx": (
        Step(
            "y is x times γ plus β: the slope is γ.",
            "y 等于 x 乘 γ 再加 β，斜率就是 γ。",
            "dx[n, c, s] == dy[n, c, s] * gamma[c]",
        ),
    ),
    "dgamma": (ROWS_SHARE._replace(line="dgamma[c] == sum[n](sum[s](x[n, c, s] * dy[n, c, s]))"),),
    "dbeta": (ROWS_SHARE._replace(line="dbeta[c] == sum[n](sum[s](dy[n, c, s]))"),),
}
