"""Layers that make one array of several: where the branches of a ``Graph`` meet."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import family, whole
from glassnet.core.shapes import Array, Shape, batch_shape, flat, size_of
from glassnet.kernels import combine
from glassnet.kernels import merge as kernels
from glassnet.layers import Layer
from glassnet.layers.base import EACH_STEP, REFUSED
from glassnet.network.packing import joined_shape, matrix
from glassnet.runners import Runner

Kernel = Callable[..., None]


class Merge(Layer):
    """Base of the layers that take several arrays. They stand in a ``Graph`` alone, which calls ``join``, ``part``."""

    _given_shapes: tuple[Shape, ...] | None = None
    """The shapes of the arrays that it takes, without the batch axis, once the ``Graph`` is built."""

    with_lengths = EACH_STEP

    most: int | None = None
    """How many arrays it takes at most; None for any number from two upward."""

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The output's shape for inputs of these shapes, all without the batch axis; as a rule one shape for all."""
        if len(set(shapes)) > 1:
            raise ShapeError(
                where=self.where,
                received=f"arrays of the shapes {', '.join(map(batch_shape, shapes))}",
                expected="one shape for all",
                fix="bring them to one shape first, such as by a gn.Dense of as many units, or use gn.Concatenate()",
            )
        return shapes[0]

    @abstractmethod
    def join(self, run: Runner, parts: Sequence[Array]) -> tuple[Array, Any]:
        """The output (N, ...), and what ``part`` will need."""

    @abstractmethod
    def part(self, run: Runner, dy: Array, cache: Any) -> list[Array]:
        """∂L/∂input of each input; one may be dy itself."""

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Refused: there is one array alone."""
        self._refuse()

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Refused, as ``build``."""
        self._refuse()

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Refused, as ``build``."""
        self._refuse()

    def require_as_built(self) -> None:
        """Does what ``Layer.require_as_built`` does, for the shapes of the arrays that the ``Graph`` was built with."""
        if self._given_shapes is not None and self.merged_shape(self._given_shapes) != self.output_shape:
            raise self._built_otherwise(f"outputs would have the shape {self.merged_shape(self._given_shapes)}")

    def _refuse(self) -> NoReturn:
        raise ConfigurationError(
            where=self.where,
            received="a place where one array arrives",
            expected="a node of a gn.Graph, which names the arrays that it takes",
            fix=f'write gn.Graph(inputs=..., nodes={{..., "joint": (gn.{self!r}, "left", "right")}}, outputs="joint")',
        )


class Add(Merge):
    """y = a + b + ..., element by element.

    Shape:
        Two or more arrays (N, ...) of one shape -> (N, ...).

    Raises:
        ShapeError: at build, arrays of different shapes; so do the other merges.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Graph(
        ...     inputs={"left": 3, "right": 5},
        ...     nodes={"a": (gn.Dense(4), "left"), "b": (gn.Dense(4), "right"), "sum": (gn.Add(), "a", "b")},
        ...     outputs="sum",
        ... )
        >>> net.build()
        (4,)
    """

    def join(self, run: Runner, parts: Sequence[Array]) -> tuple[Array, int]:
        """The sum."""
        y = run.empty(parts[0].shape, parts[0].dtype)
        run(self, combine.residual_forward, shortcut=parts[0], branch=parts[1], y=y)
        for part in parts[2:]:
            run(self, combine.accumulate, dpart=part, dx=y)
        return y, len(parts)

    def part(self, run: Runner, dy: Array, cache: int) -> list[Array]:
        """Dy for each."""
        return [dy] * cache


class _OfTwo(Merge):
    """Base of the merges that take two arrays a and b, and both again on the way back."""

    most = 2
    kernels: tuple[Kernel, Kernel]
    operations: int
    """Arithmetic on each element of an array."""

    def join(self, run: Runner, parts: Sequence[Array]) -> tuple[Array, Any]:
        """What the kernel makes of both."""
        a, b = parts
        y = run.empty((len(a), *self.merged_shape([a.shape[1:], b.shape[1:]])), a.dtype)
        run(self, self.kernels[0], a=flat(a), b=flat(b), y=flat(y))
        return y, parts

    def part(self, run: Runner, dy: Array, cache: Any) -> list[Array]:
        """The gradients of both."""
        return _pair(run, self, self.kernels[1], dy, *cache)

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """A few operations on each element."""
        return self.operations * size_of(input_shape)


class Subtract(_OfTwo):
    """y = a − b, element by element.

    Shape:
        (N, ...), (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Graph(inputs={"a": 2, "b": 2}, nodes={"y": (gn.Subtract(), "a", "b")}, outputs="y")
        >>> _ = net.build(dtype="float64")
        >>> net({"a": np.array([[5.0, 1.0]]), "b": np.array([[2.0, 4.0]])}).tolist()
        [[3.0, -3.0]]
    """

    kernels = kernels.subtract_forward, kernels.subtract_backward
    operations = 1

    def part(self, run: Runner, dy: Array, cache: Any) -> list[Array]:
        """Dy and −dy."""
        db = run.empty(dy.shape, dy.dtype)
        run(self, self.kernels[1], dy=flat(dy), db=flat(db))
        return [dy, db]


class Multiply(Merge):
    """y = a b ..., element by element.

    Shape:
        Two or more arrays (N, ...) of one shape -> (N, ...).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Graph(inputs={"gate": 2, "x": 2}, nodes={"y": (gn.Multiply(), "gate", "x")}, outputs="y")
        >>> _ = net.build(dtype="float64")
        >>> net({"gate": np.array([[0.0, 0.5]]), "x": np.array([[7.0, 8.0]])}).tolist()
        [[0.0, 4.0]]
    """

    def join(self, run: Runner, parts: Sequence[Array]) -> tuple[Array, Any]:
        """The product, and the factors of each multiplication on the way."""
        product, factors = parts[0], []
        for part in parts[1:]:
            y = run.empty(part.shape, part.dtype)
            run(self, kernels.multiply_forward, a=flat(product), b=flat(part), y=flat(y))
            factors.append((product, part))
            product = y
        return product, factors

    def part(self, run: Runner, dy: Array, cache: Any) -> list[Array]:
        """Dy times the other factors."""
        found = []
        for a, b in reversed(cache):
            da, db = _pair(run, self, kernels.multiply_backward, dy, a, b)
            found.append(db)
            dy = da
        return [dy, *reversed(found)]


class Concatenate(Merge):
    """Arrays side by side along one axis.

    Args:
        axis: the joined axis, the batch being axis 0: features or channels are 1.

    Shape:
        Two or more arrays (N, ...) that differ in that axis alone -> (N, ...), there as long as all together.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Graph(inputs={"a": 2, "b": 3}, nodes={"y": (gn.Concatenate(), "a", "b")}, outputs="y")
        >>> net.build(dtype="float64")
        (5,)
        >>> net({"a": np.zeros((1, 2)), "b": np.ones((1, 3))}).tolist()
        [[0.0, 0.0, 1.0, 1.0, 1.0]]
    """

    passes_on = True

    def __init__(self, axis: int = 1) -> None:
        self.axis = whole(axis, "axis", "Concatenate")

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The sum in the joined axis."""
        return joined_shape(
            shapes,
            self.axis,
            where=self.where,
            received="arrays of the shapes",
            fix="bring them to one shape in all other axes: gn.Flatten() makes images features",
        )

    def why_no_lengths(self) -> str:
        """Steps behind steps would have padding between them."""
        return "they are joined along the axis of their steps, axis=1" if self.axis == 1 else super().why_no_lengths()

    def join(self, run: Runner, parts: Sequence[Array]) -> tuple[Array, list[Shape]]:
        """Writes each into its part of y."""
        shapes = [part.shape for part in parts]
        y = run.empty((len(parts[0]), *self.merged_shape([shape[1:] for shape in shapes])), parts[0].dtype)
        start = 0
        for part in parts:
            run(self, combine.concat_forward, part=matrix(part, self.axis), y=matrix(y, self.axis), start=start)
            start += matrix(part, self.axis).shape[1]
        return y, shapes

    def part(self, run: Runner, dy: Array, cache: list[Shape]) -> list[Array]:
        """Each its part of dy."""
        found, start = [], 0
        for shape in cache:
            found.append(run.empty(shape, dy.dtype))
            run(
                self, combine.concat_backward, dy=matrix(dy, self.axis), dpart=matrix(found[-1], self.axis), start=start
            )
            start += matrix(found[-1], self.axis).shape[1]
        return found

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """0: numbers are copied."""
        return 0


class AbsoluteDifference(_OfTwo):
    """y = |a − b|, element by element: how two codes of a siamese network are compared before a ``Dense(1)``.

    Shape:
        (N, ...), (N, ...) -> (N, ...). The slope where both are equal is taken as 0.

    Source: G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image recognition" (2015).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Graph(inputs={"a": 2, "b": 2}, nodes={"y": (gn.AbsoluteDifference(), "a", "b")}, outputs="y")
        >>> _ = net.build(dtype="float64")
        >>> net({"a": np.array([[5.0, 1.0]]), "b": np.array([[2.0, 4.0]])}).tolist()
        [[3.0, 3.0]]
    """

    kernels = kernels.absolute_difference_forward, kernels.absolute_difference_backward
    operations = 2


class _Row(_OfTwo):
    """Base of the merges that make one number of each pair of rows."""

    with_lengths = REFUSED

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """One number."""
        if len(super().merged_shape(shapes)) != 1:
            raise ShapeError(
                where=self.where,
                received=f"arrays of the shape {batch_shape(shapes[0])}",
                expected="(N, D), a vector a row",
                fix="let a gn.Flatten() stand before it",
            )
        return (1,)


class Dot(_Row):
    """y_n = Σ_d a_nd b_nd, the dot product of two vectors a row: the score of a two-tower network.

    Shape:
        (N, D), (N, D) -> (N, 1).

    Source: P. Covington, J. Adams, E. Sargin, "Deep neural networks for YouTube recommendations", RecSys 2016.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Graph(inputs={"user": 2, "film": 2}, nodes={"score": (gn.Dot(), "user", "film")}, outputs="score")
        >>> net.build(dtype="float64")
        (1,)
        >>> net({"user": np.array([[1.0, 2.0]]), "film": np.array([[3.0, 4.0]])}).tolist()
        [[11.0]]
    """

    kernels = kernels.row_dot_forward, kernels.row_dot_backward
    operations = 2


class SquaredDistance(_Row):
    """y_n = Σ_d (a_nd − b_nd)², the square of the Euclidean distance: how far two codes of a siamese network lie apart.

    Shape:
        (N, D), (N, D) -> (N, 1).

    Source: R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Graph(inputs={"a": 2, "b": 2}, nodes={"apart": (gn.SquaredDistance(), "a", "b")}, outputs="apart")
        >>> net.build(dtype="float64")
        (1,)
        >>> net({"a": np.array([[1.0, 2.0]]), "b": np.array([[4.0, 6.0]])}).tolist()
        [[25.0]]
    """

    kernels = kernels.squared_distance_forward, kernels.squared_distance_backward
    operations = 3


MERGES = family(globals(), Merge)  # type: ignore[type-abstract]  # nobody makes one of it


def _pair(run: Runner, merge: Merge, kernel: Kernel, dy: Array, a: Array, b: Array) -> list[Array]:
    """What a backward kernel gives to a and b."""
    da, db = run.empty(a.shape, dy.dtype), run.empty(b.shape, dy.dtype)
    run(merge, kernel, dy=flat(dy), a=flat(a), b=flat(b), da=flat(da), db=flat(db))
    return [da, db]
