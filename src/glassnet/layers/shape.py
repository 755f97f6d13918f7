"""Layers that look at the same numbers in another shape, or put them into another order of axes."""

from __future__ import annotations

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import whole
from glassnet.core.shapes import Array, Shape, as_shape, batch_shape, flat, size_of
from glassnet.kernels.embedding import columns_backward, columns_forward
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.runners import Runner


class _View(Layer):
    """The output is a view of the input, the input's gradient a view of the output's."""

    passes_on = True
    with_lengths = EACH_STEP

    def why_no_lengths(self) -> str:
        """The axis of steps has to stay."""
        return "" if (self.input_shape or (0,))[0] == (self.output_shape or (0,))[0] else "steps would become features"

    def target(self, input_shape: Shape) -> Shape:
        raise NotImplementedError

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the new shape."""
        return self.target(input_shape)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Shape]:
        """Returns x in the new shape and, as the cache, its old one."""
        shape = self.output_shape or ()
        if x.shape[1:] != self.input_shape:  # a step of a stream, or fewer steps
            shape = x.shape[1], *shape[1:]
        y = x.reshape(x.shape[0], *shape)
        run.view(self, x=x, y=y)
        return y, x.shape

    def backward(self, run: Runner, dy: Array, cache: Shape) -> Array:
        """Returns dy in the old shape."""
        dx = dy.reshape(cache)
        run.view(self, dy=dy, dx=dx)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: nothing is computed."""
        return 0


class Flatten(_View):
    """(N, A, B, ...) -> (N, A · B · ...): between images and dense layers.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Flatten()).build((3, 32, 32))
        (3072,)
    """

    def target(self, input_shape: Shape) -> Shape:
        """One axis of all elements."""
        return (size_of(input_shape),)


class Reshape(_View):
    """(N, ...) -> (N, *shape): the same elements in the same order.

    Args:
        shape: the new shape without the batch axis.

    Raises:
        ShapeError: at build, when the number of elements differs.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Reshape((1, 8, 8))).build((64,))
        (1, 8, 8)
    """

    def __init__(self, shape: int | Shape) -> None:
        self.shape = as_shape(shape, where="Reshape")

    def target(self, input_shape: Shape) -> Shape:
        """The shape asked for."""
        if size_of(self.shape) != size_of(input_shape):
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}, {size_of(input_shape)} elements a row",
                expected=f"{size_of(self.shape)} elements a row",
                fix="choose a shape whose sizes multiply to the same number",
            )
        return self.shape


class Permute(Layer):
    """Another order of the axes: between channels first and channels last.

    Args:
        order: for each new axis the number of the old one, counted from 1, since 0 is the batch.

    Shape:
        (N, A, B, C) -> (N, C, A, B) for ``Permute(3, 1, 2)``; rows of any number of axes.

    Raises:
        ConfigurationError: numbers that are no order of axes 1, 2, ...
        ShapeError: at build, rows of another number of axes.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Permute(3, 1, 2)).build((32, 24, 3))  # from images (N, H, W, C)
        (3, 32, 24)
    """

    passes_on = True
    with_lengths = EACH_STEP

    def __init__(self, *order: int) -> None:
        self.order = tuple(whole(axis, "an axis", "Permute") for axis in order)
        if not order or sorted(self.order) != list(range(1, len(order) + 1)):
            raise ConfigurationError(
                where="Permute",
                received=f"the axes {order!r}",
                expected="each of the axes 1, 2, ... of a row once",
                fix="write gn.Permute(3, 1, 2) to put the last of three axes first",
            )

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the shape in the new order."""
        axes = len(self.order)
        self.require_axes(input_shape, (axes,), f"rows of {axes} axes", "name each axis of a row once")
        self._columns: Array | None = None
        return tuple(input_shape[axis - 1] for axis in self.order)

    @property
    def columns(self) -> Array:
        """For each number of a row its old place, int64; made when rows come in: a file may say any shape."""
        found = self._columns
        if found is None:
            shape = self.input_shape or ()
            places = np.arange(size_of(shape), dtype=np.int64).reshape(shape)
            found = places.transpose([axis - 1 for axis in self.order]).ravel()
            self.__dict__["_columns"] = found  # which is no change of the layer
        return found

    def why_no_lengths(self) -> str:
        """The axis of steps has to stay where it is."""
        return "" if self.order[0] == 1 else "steps would become features"

    def why_no_stream(self) -> str:
        """Its table of places is one of whole rows."""
        return self.why_no_lengths() or "it moves the numbers of a whole row at once"

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Shape]:
        """Returns x with its axes in the new order and, as the cache, its shape."""
        shape, columns = self.output_shape or (), self.columns
        if x.shape[1:] != self.input_shape:  # fewer steps, which stay where they are
            shape = x.shape[1], *shape[1:]
            columns = columns[: size_of(shape)]
        y = run.empty((x.shape[0], *shape), x.dtype)
        run(self, columns_forward, x=flat(x), columns=columns, y=flat(y))
        return y, x.shape

    def backward(self, run: Runner, dy: Array, cache: Shape) -> Array:
        """Returns dy with its axes in the old order."""
        dx = run.empty(cache, dy.dtype)
        run(self, columns_backward, dy=flat(dy), columns=self.columns[: size_of(dx.shape[1:])], dx=flat(dx))
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: numbers are copied."""
        return 0
