"""Parameters as views into one flat buffer, and the layout that says which part belongs to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.errors import ShapeError
from glassnet.shapes import Array, Shape, size_of

if TYPE_CHECKING:  # the name alone would load numpy.random
    Draw = Callable[[Shape, np.random.Generator], Array]


PAGE, LINE = 4096, 64
"""Bytes."""


@dataclass
class Parameter:
    """One weight or bias of a layer.

    Attributes:
        name: the layer's own name for it, such as ``"weight"``.
        shape: its shape.
        draw: gives the initial values, (shape, generator) -> array.
        is_weight: True for what penalties and decay act on; biases, scales and offsets are spared.
        unit_axis: the axis that counts the layer's units, for max-norm; None where there is no such axis.
        trainable: False for what a layer keeps itself, such as running statistics: its gradient stays 0, and at a
            gradient that always was 0 no update rule moves.
        value: the values: a view into the network's ``parameters`` once the network is built.
        gradient: ∂L/∂value: a view into the network's ``gradients``; a backward pass writes it.
    """

    name: str
    shape: Shape
    draw: Draw
    is_weight: bool = True
    unit_axis: int | None = None
    trainable: bool = True
    value: Array = field(default_factory=lambda: np.empty(0), repr=False)
    gradient: Array = field(default_factory=lambda: np.empty(0), repr=False)


def drawn(parameter: Parameter, rng: np.random.Generator, path: str) -> Array:
    """Its initial values in float64.

    Raises:
        ShapeError: an initializer of the user's gives another shape, or what are no numbers.
    """
    values = np.asarray(parameter.draw(parameter.shape, rng))
    if values.shape != parameter.shape or values.dtype.kind not in "fiub" or not np.isfinite(values).all():
        raise ShapeError(
            where=f"initial values of {path}",
            received=f"{values.dtype} of shape {values.shape}"
            + ("" if values.shape != parameter.shape else ", not all finite"),
            expected=f"finite numbers of shape {parameter.shape}",
            fix="let the initializer return an array of the shape that it is asked for: rng.normal(size=shape)",
        )
    return values.astype(np.float64, copy=False)


@dataclass(frozen=True)
class Segment:
    """Where one parameter lies in the flat buffers: elements ``start`` to ``stop``."""

    path: str
    start: int
    stop: int
    shape: Shape
    is_weight: bool
    unit_axis: int | None
    trainable: bool = True

    def view(self, flat: Array) -> Array:
        """This parameter's part of a flat buffer, in its shape."""
        return flat[self.start : self.stop].reshape(self.shape)


Layout = tuple[Segment, ...]


def layout_of(parameters: Iterable[tuple[str, Parameter]]) -> Layout:
    """Lays parameters one behind the other, in the given order."""
    segments: list[Segment] = []
    start = 0
    for path, p in parameters:
        stop = start + size_of(p.shape)
        segments.append(Segment(path, start, stop, p.shape, p.is_weight, p.unit_axis, p.trainable))
        start = stop
    return tuple(segments)


def flat_buffer(size: int, dtype: np.dtype[Any], *, stream: int) -> Array:
    """Zeros (size,) that begin at a cache line, at another place in its page for each ``stream``.

    An update walks through parameters, gradients and the optimizer's state side by side. Where they stand at the same
    place of their pages, a processor takes the write to one for a write to the others, and waits.

    Args:
        size: number of elements.
        dtype: of the elements.
        stream: 0 for the parameters, 1 for the gradients, 2 and up for the optimizer's state.
    """
    raw = np.zeros(size * dtype.itemsize + PAGE + LINE, np.uint8)
    place = (stream * (PAGE // 4 + LINE)) % PAGE
    skip = (place - raw.__array_interface__["data"][0]) % PAGE
    return raw[skip : skip + size * dtype.itemsize].view(dtype)
