"""What pooling layers share: rows looked at as images, the largest and the mean of windows, and the way back."""

from __future__ import annotations

from abc import abstractmethod
from math import inf
from typing import Any, ClassVar, NamedTuple

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.kernels import Kernel
from glassnet.kernels.lengths import average_steps_backward, average_steps_forward
from glassnet.kernels.pool import (
    average_pool2d_backward,
    average_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from glassnet.layers.base import MASKED, Layer
from glassnet.layers.lengths import masked
from glassnet.runners import Runner


class Placed(NamedTuple):
    """How rows are looked at: as images (C, H, W) that become (C, H', W'), with the kernels' numbers."""

    image: Shape
    pooled: Shape
    window: dict[str, int]


class _Pooling(Layer):
    """Pooling of (N, ...) looked at as images: (C, H, W) becomes (C, H', W')."""

    _window: dict[str, int]
    """The kernels' numbers for whole rows."""

    with_lengths = MASKED

    most: int | None = None
    """How many elements a window may have; None for any number."""

    def why_no_lengths(self) -> str:
        """Images have no steps."""
        return super().why_no_lengths() if len(self.input_shape or ()) == 2 else "images have no steps"

    def _in_rows(self, run: Runner, x: Array, lengths: Array, training: bool) -> tuple[Array, Any]:
        """``forward`` for rows of different length: y (N, T', D), and what ``_in_rows_back`` needs."""
        raise NotImplementedError

    def _in_rows_back(self, run: Runner, dy: Array, cache: Any, lengths: Array, row: Shape) -> Array:
        """Its way back: dx (N, T, D), for rows (T, D)."""
        raise NotImplementedError

    @abstractmethod
    def _place(self, row: Shape) -> Placed:
        """How a row of that shape is looked at."""

    @abstractmethod
    def _pool(self, run: Runner, x: Array, y: Array, window: dict[str, int], training: bool) -> Any:
        """Writes y (N, C, H', W') and returns what ``_unpool`` needs."""

    @abstractmethod
    def _unpool(self, run: Runner, dy: Array, cache: Any, window: dict[str, int], dx: Array) -> None:
        """Writes dx (N, C, H, W)."""

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns one number for each window."""
        lengths = run.lengths
        if lengths is None:
            y, cache = self._pooled(run, x, training)
        else:
            y, cache = self._in_rows(run, x, lengths, training)
        return y.reshape(len(x), *self._shape_after(x)), (cache, lengths, x.shape[1:])

    def _shape_after(self, x: Array) -> Shape:
        """The shape of a row's output."""
        before, after = self.input_shape or (), self.output_shape or ()
        if x.shape[1:] == before or len(after) < 2:
            return after
        return self._place(x.shape[1:]).pooled[-len(after) :]

    def _pooled(self, run: Runner, x: Array, training: bool) -> tuple[Array, Any]:
        """Y (N, C, H', W') for x (N, ...), and what ``_unpool`` needs."""
        rows, placed = x.shape[0], self._place(x.shape[1:])
        y = run.empty((rows, *placed.pooled), x.dtype)
        return y, self._pool(run, x.reshape(rows, *placed.image), y, placed.window, training)

    def _back(self, run: Runner, dy: Array, cache: Any, row: Shape) -> Array:
        """Dx (N, *row), the way back of ``_pooled``."""
        rows, placed = dy.shape[0], self._place(row)
        dx = run.empty((rows, *placed.image), dy.dtype)
        self._unpool(run, dy.reshape(rows, *placed.pooled), cache, placed.window, dx)
        return dx.reshape(rows, *row)

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Returns dx in the shape of x."""
        kept, lengths, row = cache
        if lengths is not None:
            return self._in_rows_back(run, dy, kept, lengths, row)
        return self._back(run, dy, kept, row)


class _Max(_Pooling):
    """Keeps the largest of each window, and while training where it stands, under that name and in that dtype."""

    kernels: ClassVar[tuple[Kernel, Kernel]] = max_pool2d_forward, max_pool2d_backward
    kept: ClassVar[tuple[str, Any]] = "index", np.uint8
    most = 256  # the place of the largest is kept in one byte

    def _pool(self, run: Runner, x: Array, y: Array, window: dict[str, int], training: bool) -> Array | None:
        name, kind = self.kept
        place = run.empty(y.shape, kind) if training else None
        run(self, self.kernels[0], x=x, y=y, **{name: place}, **window)
        return place

    def _in_rows(self, run: Runner, x: Array, lengths: Array, training: bool) -> tuple[Array, Any]:
        """Padding counts as −∞; windows of nothing else are padding themselves, and give 0."""
        y, place = self._pooled(run, masked(self, run, x, lengths, -inf), training)
        after = self.steps_after(run, lengths)
        if after is not None:
            y = masked(self, run, y.reshape(len(x), *self._shape_after(x)), after)
        return y, place

    def _in_rows_back(self, run: Runner, dy: Array, cache: Any, lengths: Array, row: Shape) -> Array:
        """To the largest elements, none of which is padding where dy is not 0."""
        return self._back(run, dy, cache, row)

    def differentiable(self, run: Runner, x: Array) -> tuple[Array, Any]:
        """As while training, which keeps where the largest elements stand."""
        return self.forward(run, x, training=True)

    def _unpool(self, run: Runner, dy: Array, cache: Array | None, window: dict[str, int], dx: Array) -> None:
        if cache is None:
            raise self._not_trained("which keeps where the largest elements stand")
        run(self, self.kernels[1], dy=dy, **{self.kept[0]: cache}, dx=dx, **window)


class _Average(_Pooling):
    """Keeps the mean of each window."""

    def _in_rows(self, run: Runner, x: Array, lengths: Array, training: bool) -> tuple[Array, None]:
        """Over those steps of each window that are the row's own."""
        placed = self._place(x.shape[1:])
        y = run.empty((len(x), *placed.pooled[1:]), x.dtype)
        run(self, average_steps_forward, x=x, lengths=lengths, y=y, **_along_steps(placed))
        return y, None

    def _in_rows_back(self, run: Runner, dy: Array, cache: None, lengths: Array, row: Shape) -> Array:
        """The shares of each step."""
        placed = self._place(row)
        dx = run.empty((len(dy), *row), dy.dtype)
        dpooled = dy.reshape(len(dy), *placed.pooled[1:])
        run(self, average_steps_backward, dy=dpooled, lengths=lengths, dx=dx, **_along_steps(placed))
        return dx

    def _pool(self, run: Runner, x: Array, y: Array, window: dict[str, int], training: bool) -> None:
        run(self, average_pool2d_forward, x=x, y=y, **window)

    def _unpool(self, run: Runner, dy: Array, cache: None, window: dict[str, int], dx: Array) -> None:
        run(self, average_pool2d_backward, dy=dy, dx=dx, **window)


def _along_steps(placed: Placed) -> dict[str, int]:
    """The window along the axis of steps."""
    window = placed.window
    return {"window": window["kernel_height"], "stride": window["stride_height"], "pad": window["pad_top"]}
