"""Activations that are one operator of ONNX, for writing and for reading: each layer says its own."""

from __future__ import annotations

from glassnet import layers as gl

ACTIVATIONS = {layer.in_onnx: layer for layer in gl.ACTIVATIONS.values() if layer.in_onnx}
"""The layer whose kernel an operator is."""
ALPHA: dict[str, tuple[str, float]] = {"Elu": ("alpha", 1.0), "LeakyRelu": ("slope", 0.01)}
"""The layer's name for the attribute alpha of an operator, and ONNX's default."""
