"""Derivations for ``kernels/position.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import ROWS_SHARE, Step

POSITION = {
    "dtable": (ROWS_SHARE._replace(line="dtable[t, d] == N * mean[n](dy[n, t, d])"),),
}

ROTARY = {
    "dx": (
        Step(
            "Each pair of numbers was turned by an angle. The slopes of a turn are its cosines and sines, and to go "
            "back is to turn by the same angle the other way.",
            "每一对数旋转了一个角度。旋转的斜率就是那些余弦和正弦，往回传就是反方向转同样的角度。",
        ),
    ),
}
