"""Derivations for ``kernels/position.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import ROWS_SHARE

POSITION = {
    "dtable": (ROWS_SHARE._replace(line="dtable[t, d] == N * mean[n](dy[n, t, d])"),),
}
