"""Branches side by side, joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.kernels.activation import identity_forward
from glassnet.kernels.combine import accumulate, concat_backward, concat_forward
from glassnet.layers import Layer, NumpyLayer
from glassnet.layers.base import MASKED
from glassnet.network.base import Network, build_layer
from glassnet.network.children import names_of
from glassnet.network.packing import joined_shape, joined_steps, matrix
from glassnet.network.sequential import Sequential
from glassnet.runners import Runner


class Concat(Network):
    """Branches side by side on the same input, their outputs joined along one axis.

    Args:
        branches: layers or networks; a list of layers stands for a ``Sequential``.
        axis: the joined axis, the batch being axis 0: features or channels are 1.

    Raises:
        ShapeError: at build, when the branches differ in another axis than the joined one.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Concat([gn.Dense(8), gn.ReLU()], gn.Dense(4))).build((5,))
        (12,)
    """

    passes_on = True
    with_lengths = MASKED

    def __init__(self, *branches: Layer | NumpyLayer | str | Sequence[Layer | NumpyLayer | str], axis: int = 1) -> None:
        if not branches or not isinstance(axis, int | np.integer) or isinstance(axis, bool) or axis < 1:
            raise ConfigurationError(
                where="Concat",
                received=f"{len(branches)} branches, axis={axis!r}",
                expected="at least one branch, and an axis from 1 upward (0 is the batch)",
                fix="write gn.Concat(branch, branch, axis=1)",
            )
        self.branches: list[Layer] = [
            self._adopted(Sequential(*branch) if isinstance(branch, list | tuple) else branch) for branch in branches
        ]
        names_of(self.branches)
        self.axis = int(axis)

    def children(self) -> Iterator[tuple[str, Layer]]:
        """The branches, by their names; those without one are "0", "1", ... by their place."""
        yield from zip(names_of(self.branches), self.branches, strict=True)

    def _put_children(self, children: Sequence[Layer]) -> None:
        self.branches = list(children)

    def _build_children(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        return self._joined([build_layer(branch, input_shape, rng) for branch in self.branches])

    def require_as_built(self) -> None:
        """Refuses another axis than that of the build."""
        shapes = [branch.output_shape for branch in self.branches]
        known = [shape for shape in shapes if shape is not None]
        if self.output_shape is None or len(known) < len(shapes):
            return
        try:
            shape = self._joined(known)
        except ShapeError as error:
            raise self._built_otherwise(f"{error.received}, expected {error.expected}") from error
        if shape != self.output_shape:
            raise self._built_otherwise(f"outputs would have the shape {batch_shape(shape)}")

    def _joined(self, shapes: list[Shape]) -> Shape:
        return joined_shape(
            shapes,
            self.axis,
            where=self.where,
            received="branches that end in",
            fix="bring the branches to one shape in all other axes",
        )

    def why_no_stream(self) -> str:
        """Steps behind steps are another sequence."""
        is_joined = self.axis == 1 and len(self.output_shape or ()) > 1
        return "steps are joined along their own axis, axis=1" if is_joined else super().why_no_stream()

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, tuple[list[Any], list[Shape]]]:
        """Writes each branch's output into its part of y."""
        x, lengths = run.enter(self, x), run.lengths
        shape = self.output_shape or ()
        if x.shape[1:] != self.input_shape and len(shape) > 1:  # a step of a stream, or fewer steps
            shape = x.shape[1], *shape[1:]
        y = run.empty((x.shape[0], *shape), x.dtype)
        caches, shapes, start = [], [], 0
        found = []
        for branch in self.branches:
            run.lengths = lengths
            part, cache = run.forward(branch, x, training=training)
            found.append(run.lengths)
            run(self, concat_forward, part=matrix(part, self.axis), y=matrix(y, self.axis), start=start)
            caches.append(cache)
            shapes.append(part.shape)
            start += matrix(part, self.axis).shape[1]
        run.meet(self, found)
        if run.lengths is not None and self.axis == 1:
            raise joined_steps(self)
        return y, (caches, shapes)

    def backward(self, run: Runner, dy: Array, cache: tuple[list[Any], list[Shape]]) -> Array:
        """Gives each branch its part of dy and adds up what comes back."""
        total: Array | None = None
        start = 0
        for branch, own, shape in zip(self.branches, *cache, strict=True):
            dpart = run.empty(shape, dy.dtype)
            run(self, concat_backward, dy=matrix(dy, self.axis), dpart=matrix(dpart, self.axis), start=start)
            start += matrix(dpart, self.axis).shape[1]
            dbranch = run.backward(branch, dpart, own)
            if total is None:
                total = run.empty(dbranch.shape, dbranch.dtype)
                run(self, identity_forward, x=dbranch, y=total)
            else:
                run(self, accumulate, dpart=dbranch, dx=total)
        assert total is not None
        self._sum_places(run)
        return total
