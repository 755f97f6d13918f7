"""A branch beside a shortcut, added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ShapeError
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.kernels.combine import residual_backward, residual_forward
from glassnet.layers import Layer, NumpyLayer
from glassnet.layers.base import MASKED
from glassnet.network.base import Network, build_layer
from glassnet.network.sequential import Sequential
from glassnet.runners import Runner


class Residual(Network):
    """y = shortcut(x) + layers(x).

    Args:
        layers: what stands on the branch.
        shortcut: a layer that brings x to the branch's shape; None for x itself.

    Raises:
        ShapeError: at build, when branch and shortcut end in different shapes.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Dense(8), gn.Residual(gn.Dense(8), gn.ReLU())).build((4,))
        (8,)
    """

    with_lengths = MASKED

    def __init__(self, *layers: Layer | NumpyLayer | str, shortcut: Layer | NumpyLayer | None = None) -> None:
        self.residual = Sequential(*layers)
        self.residual.stand_in(self)
        self.shortcut = None if shortcut is None else self._adopted(shortcut)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the branch."""
        return self.residual.layers

    def children(self) -> Iterator[tuple[str, Layer]]:
        """The branch, named "residual", and the "shortcut" where there is one."""
        yield "residual", self.residual
        if self.shortcut is not None:
            yield "shortcut", self.shortcut

    def _put_children(self, children: Sequence[Layer]) -> None:
        branch, *shortcut = children
        assert isinstance(branch, Sequential)
        self.residual, self.shortcut = branch, shortcut[0] if shortcut else None

    def _build_children(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        branch = build_layer(self.residual, input_shape, rng)
        shortcut = input_shape if self.shortcut is None else build_layer(self.shortcut, input_shape, rng)
        if branch != shortcut:
            raise ShapeError(
                where=self.where,
                received=f"{batch_shape(branch)} from the branch and {batch_shape(shortcut)} from the shortcut",
                expected="one shape for both, since they are added",
                fix=f"end the branch in the shape {batch_shape(shortcut)} or pass a shortcut= layer that fits",
            )
        return branch

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, tuple[Any, Any]]:
        """Adds what both ways give."""
        x, lengths = run.enter(self, x), run.lengths
        branch, branch_cache = run.forward(self.residual, x, training=training)
        branch_lengths, run.lengths = run.lengths, lengths
        shortcut, shortcut_cache = x, None
        if self.shortcut is not None:
            shortcut, shortcut_cache = run.forward(self.shortcut, x, training=training)
        run.meet(self, [branch_lengths, run.lengths])
        y = run.empty(branch.shape, branch.dtype)
        run(self, residual_forward, shortcut=shortcut, branch=branch, y=y)
        return y, (branch_cache, shortcut_cache)

    def backward(self, run: Runner, dy: Array, cache: tuple[Any, Any]) -> Array:
        """Sends dy back both ways and adds what arrives."""
        branch_cache, shortcut_cache = cache
        dbranch = run.backward(self.residual, dy, branch_cache)
        dshortcut = dy if self.shortcut is None else run.backward(self.shortcut, dy, shortcut_cache)
        dx = run.empty(dbranch.shape, dbranch.dtype)
        run(self, residual_backward, dshortcut=dshortcut, dbranch=dbranch, dx=dx)
        self._sum_places(run)
        return dx
