"""A model that many tests train."""

from __future__ import annotations

import glassnet as gn


def classifier(**settings: object) -> gn.Model:
    """A small model for ``blobs``, with dropout, so that masks matter."""
    net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dropout(0.2), gn.Dense(3))
    arguments = {
        "network": net,
        "loss": "cross_entropy",
        "optimizer": gn.Adam(0.01),
        "metrics": ["accuracy"],
        **settings,
    }
    return gn.Model(**arguments)  # type: ignore[arg-type]
