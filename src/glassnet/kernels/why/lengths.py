"""Derivations for ``kernels/lengths.py``."""

from __future__ import annotations

from glassnet.kernels.why.batch_norm import BATCH_NORM
from glassnet.kernels.why.step import Step

AVERAGE_STEPS = {
    "dx": (
        Step(
            "The answer of a window is the mean of those of its steps that count: with c of them each has the slope "
            "1/c.",
            "一个窗口的输出是其中有效步的平均：有 c 个有效步时，每一步的斜率都是 1/c。",
        ),
        Step(
            "Where windows overlap, a step goes into several answers, and what they say is added up. A step beyond the "
            "row's own length went into none: 0.",
            "窗口重叠时，一步会进入几个输出，各个输出传回的值相加。超出这一行长度的步没有进入任何输出，所以是 0。",
            "dx[n, t, d] == sum[i:window](1 / max(taken, 1) * dy[n, t_, d]) * (t < lengths[n])",
        ),
    ),
}

_FIXED, _MEAN, _WIDTH = BATCH_NORM["dx"]
STEP_NORM = {
    "dx": (
        _FIXED,
        _MEAN._replace(line="dbeta[d] / count[d] == sum[i:N](sum[j:T](dy[i, j, d])) / count[d]"),
        _WIDTH._replace(
            line="dx[n, t, d] == (t < lengths[n]) * (gamma[d] * inverse_std[d] * dy[n, t, d] - "
            "gamma[d] * inverse_std[d] * dbeta[d] / count[d] - "
            "gamma[d] * inverse_std[d] * xhat[n, t, d] * dgamma[d] / count[d])"
        ),
        Step(
            "All sums run over the steps that count, M of them. Padding takes no part in the statistics, and gets 0.",
            "所有求和都只对有效的步进行，共 M 个。填充的步不参与统计，得到的是 0。",
        ),
    ),
}
