"""The layers of the networks as data: what peers build theirs from. Each can compute itself in NumPy, for the judge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
BATCH_NORM_MOMENTUM, BATCH_NORM_EPSILON = 0.1, 1e-5
"""The share of a batch in the running statistics, and what is added to the variance."""


class Layer(ABC):
    """A layer; shapes are those of one row, images (C, H, W)."""

    @abstractmethod
    def shape(self, given: Shape) -> Shape:
        """Of its output."""

    @property
    def count(self) -> int:
        """How many arrays it has."""
        return 0

    @abstractmethod
    def apply(self, x: Array, *arrays: Array) -> Array:
        """Its output in training, by arrays such as ``weights`` gives."""

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """Its initial arrays in float64, ``count`` of them."""
        return []

    def multiplications(self, given: Shape) -> int:
        """In the matrix product of one row's forward pass."""
        return 0


@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + b with W (D, M), at each step of a sequence."""

    units: int
    use_bias: bool = True

    @property
    def count(self) -> int:
        """See ``Layer``."""
        return 1 + self.use_bias

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return (*given[:-1], self.units)

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """See ``Layer``."""
        weight = rng.normal(0, np.sqrt(2 / given[-1]), (given[-1], self.units))
        return [weight, rng.normal(0, 0.01, self.units)] if self.use_bias else [weight]

    def multiplications(self, given: Shape) -> int:
        """See ``Layer``."""
        return prod(given) * self.units

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        y: Array = x @ arrays[0]
        return y + arrays[1] if self.use_bias else y


@dataclass(frozen=True)
class Conv(Layer):
    """A convolution of images by square windows, stride 1, with W (F, C, size, size)."""

    filters: int
    size: int
    pad: int = 0
    use_bias: bool = True

    @property
    def count(self) -> int:
        """See ``Layer``."""
        return 1 + self.use_bias

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return (self.filters, *(side + 2 * self.pad - self.size + 1 for side in given[1:]))

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """See ``Layer``."""
        shape = (self.filters, given[0], self.size, self.size)
        weight = rng.normal(0, np.sqrt(2 / prod(shape[1:])), shape)
        return [weight, rng.normal(0, 0.01, self.filters)] if self.use_bias else [weight]

    def multiplications(self, given: Shape) -> int:
        """See ``Layer``."""
        return prod(self.shape(given)) * given[0] * self.size**2

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        height, width = self.shape(x.shape[1:])[1:]
        around = (self.pad, self.pad)
        padded = np.pad(x, ((0, 0), (0, 0), around, around))
        y = np.zeros((len(x), height, width, self.filters), x.dtype)
        for i, j in product(range(self.size), repeat=2):
            y += np.tensordot(padded[:, :, i : i + height, j : j + width], arrays[0][:, :, i, j], (1, 1))
        return np.moveaxis(y + arrays[1] if self.use_bias else y, 3, 1)


@dataclass(frozen=True)
class Recurrent(Layer):
    """The last state of an LSTM, with one bias, or of a GRU, with two: W (D, G H), U (H, G H), biases (G H,).

    Gates stand in torch's order: i, f, g, o and r, z, n.
    """

    kind: str
    units: int

    @property
    def gates(self) -> int:
        """How many numbers each unit has."""
        return {"lstm": 4, "gru": 3}[self.kind]

    @property
    def count(self) -> int:
        """See ``Layer``."""
        return {"lstm": 3, "gru": 4}[self.kind]

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return (self.units,)

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """See ``Layer``."""
        width, scale = self.gates * self.units, 1 / np.sqrt(self.units)
        shapes: list[Shape] = [(given[1], width), (self.units, width), *[(width,)] * (self.count - 2)]
        return [rng.uniform(-scale, scale, shape) for shape in shapes]

    def multiplications(self, given: Shape) -> int:
        """See ``Layer``."""
        return given[0] * (given[1] + self.units) * self.gates * self.units

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        h = c = np.zeros((len(x), self.units), x.dtype)
        for t in range(x.shape[1]):
            a, s = x[:, t] @ arrays[0] + arrays[2], h @ arrays[1]
            if self.kind == "lstm":
                i, f, g, o = np.split(a + s, 4, axis=1)
                c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
                h = _sigmoid(o) * np.tanh(c)
            else:
                (ar, az, an), (sr, sz, sn) = np.split(a, 3, axis=1), np.split(s + arrays[3], 3, axis=1)
                z = _sigmoid(az + sz)
                h = (1 - z) * np.tanh(an + _sigmoid(ar + sr) * sn) + z * h
        return h


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Channels with mean 0 and variance 1 over the batch, times gamma, plus beta."""

    @property
    def count(self) -> int:
        """See ``Layer``."""
        return 2

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return given

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """See ``Layer``."""
        return [rng.normal(1, 0.1, given[0]), rng.normal(0, 0.1, given[0])]

    def statistics(self, given: Shape, rng: np.random.Generator) -> tuple[Array, Array]:
        """Some running mean and variance, to predict with."""
        return rng.normal(0, 0.1, given[0]), rng.uniform(0.5, 1.5, given[0])

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
        gamma, beta = (array[:, None, None] for array in arrays)
        y: Array = (x - mean) / np.sqrt(variance + BATCH_NORM_EPSILON) * gamma + beta
        return y


@dataclass(frozen=True)
class Activation(Layer):
    """``"relu"``, ``"sigmoid"`` or ``"tanh"``."""

    name: str

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return given

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        if self.name == "relu":
            return np.maximum(x, 0)
        y: Array = np.tanh(x) if self.name == "tanh" else 1 / (1 + np.exp(-x))
        return y


@dataclass(frozen=True)
class Dropout(Layer):
    """At that rate in training; the judge computes without."""

    rate: float

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return given

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        return x


@dataclass(frozen=True)
class MaxPool(Layer):
    """The largest of each window of 2 × 2, which do not overlap; sides are even."""

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return given[0], given[1] // 2, given[2] // 2

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        n, c, h, w = x.shape
        y: Array = x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
        return y


@dataclass(frozen=True)
class Flatten(Layer):
    """(C, H, W) as one row of features, in that order."""

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return (prod(given),)

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        return x.reshape(len(x), -1)
