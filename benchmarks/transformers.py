"""The layers of language models as data, as ``networks`` has those of other networks; sequences are (N, T, D)."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf

import numpy as np

from benchmarks.networks import Array, Layer, Shape

NORM_EPSILON = 1e-5
"""What is added to variances and mean squares."""


@dataclass(frozen=True)
class Tokens(Layer):
    """A vector for each token, plus one for its place: W (V, D) and P (T, D)."""

    vocabulary: int
    units: int

    @property
    def count(self) -> int:
        """See ``Layer``."""
        return 2

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return (*given, self.units)

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """See ``Layer``."""
        return [rng.normal(0, 0.1, (self.vocabulary, self.units)), rng.normal(0, 0.1, (given[0], self.units))]

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        found: Array = arrays[0][x.astype(np.int64)] + arrays[1]
        return found


@dataclass(frozen=True)
class Norm(Layer):
    """Layer normalisation: gamma, beta (D,)."""

    @property
    def count(self) -> int:
        """See ``Layer``."""
        return 2

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return given

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """See ``Layer``."""
        return [rng.normal(1, 0.1, given[-1]), rng.normal(0, 0.1, given[-1])]

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        return layer_norm(x, *arrays)


@dataclass(frozen=True)
class Block(Layer):
    """Causal self-attention and two dense layers with 4 D units between them, norms first, each with a shortcut.

    A plain one has RMS norms without a scale, ReLU, and no biases: weights for queries, keys and values (D, 3D), the
    heads' output (D, D), and the dense layers (D, 4D), (4D, D). Others have layer norms, GELU, and a bias behind each.
    """

    heads: int
    is_plain: bool = False

    @property
    def count(self) -> int:
        """See ``Layer``."""
        return 4 if self.is_plain else 12

    def shape(self, given: Shape) -> Shape:
        """See ``Layer``."""
        return given

    def weights(self, given: Shape, rng: np.random.Generator) -> list[Array]:
        """See ``Layer``."""
        d, found = given[-1], []
        for first, second in (((d, 3 * d), (d, d)), ((d, 4 * d), (4 * d, d))):
            found += [] if self.is_plain else Norm().weights(given, rng)
            for shape in (first, second):
                found.append(rng.normal(0, 1 / np.sqrt(shape[0]), shape))
                found += [] if self.is_plain else [rng.normal(0, 0.01, shape[1])]
        return found

    def multiplications(self, given: Shape) -> int:
        """See ``Layer``."""
        steps, width = given
        return steps * (12 * width + steps) * width

    def apply(self, x: Array, *arrays: Array) -> Array:
        """See ``Layer``."""
        if self.is_plain:
            qkv, out, first, second = arrays
            x = x + attention(rms_norm(x) @ qkv, self.heads) @ out
            return np.asarray(x + np.maximum(rms_norm(x) @ first, 0) @ second)
        g, b, qkv, qkv_bias, out, out_bias, g2, b2, first, first_bias, second, second_bias = arrays
        x = x + attention(layer_norm(x, g, b) @ qkv + qkv_bias, self.heads) @ out + out_bias
        return np.asarray(x + gelu(layer_norm(x, g2, b2) @ first + first_bias) @ second + second_bias)


def layer_norm(x: Array, gamma: Array, beta: Array) -> Array:
    """Mean 0 and variance 1 of each vector, times gamma, plus beta."""
    centred = x - x.mean(-1, keepdims=True)
    return np.asarray(centred / np.sqrt(np.mean(centred**2, -1, keepdims=True) + NORM_EPSILON) * gamma + beta)


def rms_norm(x: Array) -> Array:
    """Mean square 1 of each vector."""
    return np.asarray(x / np.sqrt(np.mean(x**2, -1, keepdims=True) + NORM_EPSILON))


def gelu(x: Array) -> Array:
    """The exact one."""
    return np.asarray(x * (1 + np.vectorize(erf, otypes=[np.float64])(x / np.sqrt(2))) / 2)


def attention(qkv: Array, heads: int) -> Array:
    """Causal attention of queries, keys and values (N, T, 3D) -> (N, T, D)."""
    n, t, width = qkv.shape
    q, k, v = (part.reshape(n, t, heads, -1).swapaxes(1, 2) for part in np.split(qkv, 3, axis=2))
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    scores = np.where(np.tri(t, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.asarray((weights @ v).swapaxes(1, 2).reshape(n, t, width // 3))
