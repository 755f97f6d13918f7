"""Families of kernels for images and sequences: native tests draw their shapes otherwise than those of all others."""

from __future__ import annotations

import os

IMAGES = ("batch_norm", "conv", "conv1d", "conv_transpose", "folded", "pool", "resize", "row_norm", "scale")


def examples(number: int) -> int:
    """How many shapes a test draws; GLASSNET_FEWER_SHAPES divides that, for the variants that other processors load."""
    return max(1, number // int(os.environ.get("GLASSNET_FEWER_SHAPES", "1")))
