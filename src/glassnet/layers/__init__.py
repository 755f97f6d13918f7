"""Layers: parameters plus the kernel calls of their forward and backward pass, one family a file."""

from glassnet.layers.activation import (
    ACTIVATIONS,
    ELU,
    GELU,
    Activation,
    Clip,
    Identity,
    LeakyReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from glassnet.layers.augment import Augment
from glassnet.layers.base import Layer
from glassnet.layers.conv import Conv1D, Conv2D, ConvTranspose2D
from glassnet.layers.dense import Dense
from glassnet.layers.dropout import Dropout
from glassnet.layers.embedding import Columns, Embedding
from glassnet.layers.norm import BatchNorm, GroupNorm, LayerNorm
from glassnet.layers.numpy_layer import NumpyLayer, PythonLayer
from glassnet.layers.pool import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool1D,
    MaxPool2D,
)
from glassnet.layers.resize import UpSample2D, ZeroPad2D
from glassnet.layers.scale import Scale
from glassnet.layers.shape import Flatten, Permute, Reshape

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "Activation",
    "Augment",
    "AveragePool1D",
    "AveragePool2D",
    "BatchNorm",
    "Clip",
    "Columns",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNorm",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "NumpyLayer",
    "Permute",
    "PythonLayer",
    "ReLU",
    "ReLU6",
    "Reshape",
    "Scale",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "UpSample2D",
    "ZeroPad2D",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
