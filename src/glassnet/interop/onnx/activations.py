"""Activations that are one operator of ONNX, for writing and for reading: a line for each."""

from __future__ import annotations

from glassnet import layers as gl

ACTIVATIONS: dict[str, type[gl.Activation]] = {
    "Elu": gl.ELU,
    "LeakyRelu": gl.LeakyReLU,
    "Relu": gl.ReLU,
    "Sigmoid": gl.Sigmoid,
    "Softplus": gl.Softplus,
    "Tanh": gl.Tanh,
}
"""The layer whose kernel an operator is."""
ALPHA: dict[str, tuple[str, float]] = {"Elu": ("alpha", 1.0), "LeakyRelu": ("slope", 0.01)}
"""The layer's name for the attribute alpha of an operator, and ONNX's default."""
