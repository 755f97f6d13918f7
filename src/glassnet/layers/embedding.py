"""Layers for data with columns that number things: vectors for the numbers, and some columns alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.settings import is_list, whole
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.initializers import init_setting
from glassnet.kernels.embedding import (
    columns_backward,
    columns_forward,
    embedding_backward,
    embedding_forward,
    zero_gradient,
)
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.layers.indices import MOST_INDICES, require_indices
from glassnet.runners import Runner


class Embedding(Layer):
    """y = W[x]: a vector for each number, learned like any other weight.

    The numbers are whole, from 0 to count − 1, and mean things (words, towns, customers) rather than amounts. They must
    come from the data as they are: the layer stands first, or behind ``Columns``, ``Reshape`` or ``Flatten``, on its
    own or in a branch of a ``Concat``.

    Args:
        count: K, how many different numbers there are; at most 2²⁴.
        units: M, the length of a vector.
        weight_init: initial W (K, M): a name, an initializer, a number or an array. ``"uniform"``, between −0.05 and
            0.05, is Keras's choice; small vectors let numbers that are seldom seen say little. (PyTorch draws from
            N(0, 1).)

    Shape:
        (N, ...) -> (N, ..., M), such as (N, T) -> (N, T, M). The numbers are stored in the network's dtype.

    Raises:
        ConfigurationError: ``count`` or ``units`` is no positive integer; at build: another layer calculates what
            arrives here.
        DataError: in use: a number that is not whole or out of range; the layer, the number and its place are named.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Embedding(1000, 8), gn.Flatten(), gn.Dense(2))
        >>> net.build((5,))  # five words a row
        (2,)
        >>> net.layers[0].output_shape
        (5, 8)
    """

    with_lengths = EACH_STEP

    def __init__(self, count: int, units: int, *, weight_init: Any = "uniform") -> None:
        self.count = whole(count, "count", "Embedding")
        self.units = whole(units, "units", "Embedding")
        self.weight_init = init_setting(weight_init)
        if self.count > MOST_INDICES:
            raise ConfigurationError(
                where="Embedding",
                received=f"count={count}",
                expected=f"at most {MOST_INDICES:,}: float32 has not every whole number above that",
                fix="let rare things share a number",
            )

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (K, M)."""
        self.weight = self.add_parameter("weight", (self.count, self.units), self.weight_init, unit_axis=0)
        return (*input_shape, self.units)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array]:
        """Returns the vectors (N, ..., M) and, as the cache, the numbers (A,)."""
        numbers = x.reshape(-1)
        y = run.empty((*x.shape, self.units), x.dtype)
        try:
            run(self, embedding_forward, x=numbers, weight=self.weight.value, y=y.reshape(-1, self.units))
        except IndexError:
            require_indices(self, x, self.count, where="forward: x")
            raise
        return y, numbers

    def backward(self, run: Runner, dy: Array, cache: Array) -> Array:
        """Writes dW and returns zeros: numbers that mean things have no derivative."""
        run(self, embedding_backward, dy=dy.reshape(-1, self.units), x=cache, dweight=self.weight.gradient)
        dx = run.empty(dy.shape[:-1], dy.dtype)
        run(self, zero_gradient, dx=dx)
        return dx

    def indices_below(self) -> int:
        """The number of vectors."""
        return self.count

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: numbers are copied."""
        return 0


class Columns(Layer):
    """Some columns alone: y_ni = x_{n, indices_i}.

    In the branches of a ``Concat`` it gives each part of a table the layers that it needs.

    Args:
        indices: numbers of the columns, from 0, in the order wanted; all different.

    Shape:
        (N, D) -> (N, W)

    Raises:
        ConfigurationError: no columns, the same one twice, or what is no whole number.
        ShapeError: at build: inputs that are no rows of columns, or too few of them.

    Example:
        >>> import glassnet as gn
        >>> town = [gn.Columns([2]), gn.Embedding(100, 5), gn.Flatten()]
        >>> gn.Sequential(gn.Concat(gn.Columns([0, 1]), town)).build((3,))
        (7,)
    """

    def __init__(self, indices: Sequence[int]) -> None:
        given = indices if is_list(indices) else (indices,)
        self.indices = tuple(whole(index, "an index", "Columns", low=0) for index in given)
        if not self.indices or len(set(self.indices)) < len(self.indices):
            raise ConfigurationError(
                where="Columns",
                received=f"indices={shown(indices)}",
                expected="one column at least, and none twice",
                fix="write gn.Columns([0, 1])",
            )

    passes_on = True

    def __repr__(self) -> str:
        parts = [f"*{run}" if len(run) > 2 else ", ".join(map(str, run)) for run in self.runs()]
        is_range = len(parts) == 1 and parts[0].startswith("*")
        return f"Columns({parts[0][1:]})" if is_range else f"Columns([{', '.join(parts)}])"

    def runs(self) -> list[range]:
        """The columns in stretches that lie side by side."""
        found: list[range] = []
        for index in self.indices:
            if found and found[-1].stop == index:
                found[-1] = range(found[-1].start, index + 1)
            else:
                found.append(range(index, index + 1))
        return found

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the number of columns chosen."""
        if len(input_shape) != 1 or input_shape[0] <= max(self.indices):
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected=f"(N, D) with D from {max(self.indices) + 1} upward",
                fix="columns count from 0; put gn.Flatten() before it where rows have several axes",
            )
        self.columns = np.array(self.indices, dtype=np.int64)
        return (len(self.indices),)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Shape]:
        """Returns the columns (N, W) and, as the cache, the shape of x."""
        y = run.empty((x.shape[0], len(self.indices)), x.dtype)
        run(self, columns_forward, x=x, columns=self.columns, y=y)
        return y, x.shape

    def backward(self, run: Runner, dy: Array, cache: Shape) -> Array:
        """Returns dy in the columns' places, zeros elsewhere."""
        dx = run.empty(cache, dy.dtype)
        run(self, columns_backward, dy=dy, columns=self.columns, dx=dx)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: numbers are copied."""
        return 0
