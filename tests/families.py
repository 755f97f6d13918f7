"""Families of kernels for images and sequences: native tests draw their shapes otherwise than those of all others."""

from __future__ import annotations

IMAGES = ("batch_norm", "conv", "conv1d", "conv_transpose", "folded", "pool", "resize", "row_norm", "scale")
