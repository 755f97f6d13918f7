"""What many tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """90 rows of three well separated classes in two dimensions."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    return centres[labels] + 0.4 * rng.normal(size=(90, 2)), labels


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
