"""Derivations for ``kernels/row_norm.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import ROWS_SHARE, Step

MOVES_BOTH = Step(
    "As in batch normalisation x moves mean and deviation too, here those of its own row or group: two more terms, the "
    "mean of g and x̂ times the mean of g x̂, with g = γ dy.",
    "和批归一化一样，x 也会移动均值和标准差，这里是它自己那一行或那一组的：多出两项，g 的均值，以及 x̂ 乘 g x̂ 的均值，"
    "其中 g = γ dy。",
)

LAYER_NORM = {
    "dx": (
        MOVES_BOTH._replace(
            line="dx[n, r, d] == inverse_std[n, r] * dxhat[n, r, d] - inverse_std[n, r] * sum[e:D](dxhat[n, r, e]) / D "
            "- inverse_std[n, r] * xhat[n, r, d] * sum[e:D](dxhat[n, r, e] * xhat[n, r, e]) / D"
        ),
    ),
    "dgamma": (ROWS_SHARE._replace(line="dgamma[d] == sum[n](sum[r](xhat[n, r, d] * dy[n, r, d]))"),),
    "dbeta": (ROWS_SHARE._replace(line="dbeta[d] == sum[n](sum[r](dy[n, r, d]))"),),
}

RMS_NORM = {
    "dx": (
        Step(
            "If the root mean square were a fixed number, dx would be γ dy over it. But this x raises it as well, by "
            "x̂/D, which shrinks the whole row: hence the second term.",
            "如果均方根是固定的数，dx 就是 γ dy 除以它。但这个 x 也会使它上升 x̂/D，把整行都缩小：第二项由此而来。",
            "dx[n, r, d] == inverse_rms[n, r] * dxhat[n, r, d] - inverse_rms[n, r] * xhat[n, r, d] * "
            "sum[e:D](dxhat[n, r, e] * xhat[n, r, e]) / D",
        ),
    ),
    "dgamma": (ROWS_SHARE._replace(line="dgamma[d] == sum[n](sum[r](xhat[n, r, d] * dy[n, r, d]))"),),
}

GROUP_NORM = {
    "dx": (MOVES_BOTH,),
    "dgamma": (ROWS_SHARE._replace(line="dgamma[c] == sum[n](sum[s](xhat[n, c, s] * dy[n, c, s]))"),),
    "dbeta": (ROWS_SHARE._replace(line="dbeta[c] == sum[n](sum[s](dy[n, c, s]))"),),
}
