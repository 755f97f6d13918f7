"""The made-up data sets. Each function stands alone: the exported code holds its text.

Each returns x (rows, 2), about within −1 … 1, and y: labels (rows,), or numbers (rows, 1) of the plane.
``noise`` from 0 to 0.5 is a standard deviation, as a share of the picture's half width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Made = tuple[NDArray[np.float32], NDArray[np.generic]]
Generator = Callable[[int, float, np.random.Generator], Made]


def xor(rows: int, noise: float, rng: np.random.Generator) -> Made:
    """Whether the signs of both coordinates are the same."""
    x = rng.uniform(-1, 1, (rows, 2))
    x += 0.05 * np.sign(x)  # a gap along the axes
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    return (x + noise * rng.normal(size=x.shape)).astype(np.float32), y


def circle(rows: int, noise: float, rng: np.random.Generator) -> Made:
    """A disc and the ring around it."""
    y = np.arange(rows) % 2
    radius = np.where(y == 1, 0.5 * np.sqrt(rng.uniform(0, 1, rows)), rng.uniform(0.7, 1, rows))
    angle = rng.uniform(0, 2 * np.pi, rows)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (x + noise * rng.normal(size=x.shape)).astype(np.float32), y.astype(np.int64)


def moons(rows: int, noise: float, rng: np.random.Generator) -> Made:
    """Two half circles, each with an end inside the other."""
    y = np.arange(rows) % 2
    angle = rng.uniform(0, np.pi, rows)
    side = np.where(y == 1, 1, -1)
    x = np.stack([0.6 * np.cos(angle) * side - 0.3 * side, 0.6 * np.sin(angle) * side - 0.15 * side], axis=1)
    return (x + noise * rng.normal(size=x.shape)).astype(np.float32), y.astype(np.int64)


def spiral(rows: int, noise: float, rng: np.random.Generator) -> Made:
    """Two arms that wind around each other."""
    y = np.arange(rows) % 2
    radius = np.sqrt(rng.uniform(0.005, 1, rows))
    angle = 1.75 * 2 * np.pi * radius + np.pi * y
    x = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return (x + noise * 0.5 * rng.normal(size=x.shape)).astype(np.float32), y.astype(np.int64)


def blobs(rows: int, noise: float, rng: np.random.Generator) -> Made:
    """Four clouds, a class each."""
    y = np.arange(rows) % 4
    centres = np.array([[-0.5, -0.45], [0.55, -0.55], [-0.4, 0.55], [0.5, 0.4]])
    return (centres[y] + (0.1 + noise) * rng.normal(size=(rows, 2))).astype(np.float32), y.astype(np.int64)


def plane(rows: int, noise: float, rng: np.random.Generator) -> Made:
    """A number that grows along the diagonal; the noise is in the number."""
    x = rng.uniform(-1, 1, (rows, 2))
    y = (x[:, :1] + x[:, 1:]) / 2 + noise * rng.normal(size=(rows, 1))
    return x.astype(np.float32), y.astype(np.float32)


_ALL: tuple[Generator, ...] = (xor, circle, moons, spiral, blobs, plane)


def inputs_of(x: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """The inputs of these names, made of points of the plane (rows, 2)."""
    a, b = x[:, 0], x[:, 1]
    columns = {"x1": a, "x2": b, "x1_squared": a * a, "x2_squared": b * b, "x1_x2": a * b}
    columns |= {"sin_x1": np.sin(2 * np.pi * a), "sin_x2": np.sin(2 * np.pi * b)}
    return np.stack([columns[name] for name in names], axis=1).astype(np.float32)


GENERATORS = {made.__name__: made for made in _ALL}
