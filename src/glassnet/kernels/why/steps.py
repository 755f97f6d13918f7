"""Derivations for ``kernels/steps.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

LAST_STEP = {
    "dx": (
        Step(
            "Only the last step was passed on, with the slope 1; the others did not matter.",
            "只有最后一步传了下去，斜率为 1；其余各步没有起作用。",
        ),
    ),
}
