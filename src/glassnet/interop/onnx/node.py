"""An operator in a file, of which nothing may be left unread, and the layers that it is read as."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol

import numpy as np

from glassnet import layers as gl
from glassnet.core.errors import shown
from glassnet.core.shapes import Array, Shape
from glassnet.layers.scale import channel_axis


class UnsupportedError(Exception):
    """A setting or an input of an operator that no layer has."""


class NoRowsError(UnsupportedError):
    """A value that is not one row for each row of the input."""


def require(holds: bool, what: str) -> None:
    """Refuses what does not hold.

    Raises:
        UnsupportedError: with what was found.
    """
    if not holds:
        raise UnsupportedError(what)


def plain(domain: str) -> str:
    """The name of a set of operators, "" for ONNX's own."""
    return "" if domain == "ai.onnx" else domain


@dataclass
class Found:
    """A layer, the values of its parameters, and what it gives in the file.

    Attributes:
        layer: not built yet.
        parameters: by name.
        value: the name of the value in the file that the layer's output is; None for something between two of them.
        order: which axes of that value the output has, in order; None for those of the file.
        before: the shape of a row of the layer's input, for layers that only arrange numbers.
        branches: of a layer that joins several ways, what stands on each of them, in the order in which it takes them.
        origin: the name of the value that its weight is, as it stands in the file or turned; "" where nobody asks.
    """

    layer: gl.Layer
    parameters: dict[str, Array] = field(default_factory=dict)
    value: str | None = None
    order: tuple[int, ...] | None = None
    before: Shape = ()
    branches: list[list[Found]] | None = None
    origin: str = ""


class Around(Protocol):
    """The graph around an operator, see ``Source``: its operators' versions, and what is known of its values."""

    output: str
    versions: dict[str, int]
    depends: set[str]
    rows: dict[str, Shape]
    turned: dict[str, tuple[Shape, int]]
    constants: dict[str, Array]
    beside: dict[str, list[Array]]


class Node:
    """An operator, which keeps account of what has been asked of it.

    Args:
        proto: the file's form of it.
        source: the graph around it.
        place: which of its outputs is wanted.
    """

    def __init__(self, proto: Any, source: Around, place: int = 0) -> None:
        self.kind, self.domain = str(proto.op_type), plain(proto.domain)
        self.inputs, self.outputs, self.place = tuple(proto.input), tuple(proto.output), place
        self.name = str(proto.name)
        self.version = source.versions.get(self.domain, 1)
        self._source = source
        self._settings = {a.name: _setting(a) for a in proto.attribute}
        self._asked: set[str] = set()
        self._taken: set[int] = set()

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}" if self.name else f"{self.kind} (which gives {self.outputs[0]!r})"

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        self._asked.add(name)
        return self._settings.get(name, default)

    def ignore(self, *names: str) -> None:
        """Attributes that change nothing here."""
        self._asked.update(names)

    def data(self) -> list[int]:
        """Places of the inputs that come from the network's input."""
        return [i for i, name in enumerate(self.inputs) if name in self._source.depends]

    def x(self, place: int = 0) -> Shape:
        """The shape of a row of the input at that place, which must be the only one that is calculated."""
        shape, axis = self.placed_x(place)
        self._require_first(self.inputs[place], axis)
        return shape

    def placed_x(self, place: int = 0) -> tuple[Shape, int]:
        """The same wherever the input has its rows, with the axis that has them."""
        self._taken.add(place)
        require(self.data() == [place], f"inputs {self.data()} that are calculated, where {place} alone is understood")
        return self.placed(self.inputs[place])

    def row(self, value: str) -> Shape:
        """The shape of a row of a value that has its rows first."""
        shape, axis = self.placed(value)
        self._require_first(value, axis)
        return shape

    def placed(self, value: str) -> tuple[Shape, int]:
        """The shape of a row of a value, and the axis that has the rows."""
        found = self._source.turned.get(value, (self._source.rows.get(value), 0))
        if not found[0]:
            raise NoRowsError(f"the value {value!r}, which has not a row for each row of the input")
        return found[0], found[1]

    def _require_first(self, value: str, axis: int) -> None:
        if axis != 0:
            raise NoRowsError(f"the value {value!r}, which has not a row but a step for each place of its first axis")

    @property
    def after(self) -> Shape:
        """The shape of a row of its output, which has its rows first."""
        return self.row(self.outputs[self.place])

    @property
    def placed_after(self) -> tuple[Shape, int]:
        """The shape of a row of its output, and the axis that has the rows."""
        return self.placed(self.outputs[self.place])

    @property
    def is_last(self) -> bool:
        """Whether it gives what is read."""
        return self._source.output in self.outputs

    def settled(self, place: int) -> list[Array]:
        """The input at that place with several numbers of rows, on which alone it may depend; none if there is none."""
        self._taken.add(place)
        name = self.inputs[place] if place < len(self.inputs) else ""
        if not name:
            return []
        if name in self._source.constants:
            return [self._source.constants[name]]
        require(name in self._source.beside, f"the input {name!r}, which depends on the data")
        return self._source.beside[name]

    def arranged(self, place: int = 1) -> None:
        """An input that says how numbers are arranged, which the shapes of values tell."""
        self._taken.add(place)

    def arranged_all(self) -> None:
        """All inputs, which are read as branches."""
        self._taken.update(range(len(self.inputs)))

    def constant(self, place: int, what: str) -> Array:
        """The input at that place."""
        value = self.optional(place, what)
        require(value is not None, f"no {what}")
        assert value is not None
        return value

    def optional(self, place: int, what: str) -> Array | None:
        """The input at that place, or None where there is none."""
        self._taken.add(place)
        if place >= len(self.inputs) or not self.inputs[place]:
            return None
        value = self._source.constants.get(self.inputs[place])
        if value is None:
            raise UnsupportedError(f"{what} that is no constant ({self.inputs[place]!r})")
        return value

    def finish(self) -> None:
        """Refuses what has not been looked at."""
        unasked = [name for name in self._settings.keys() - self._asked if not self._is_usual(name)]
        left = [f"the attribute {name}={shown(self._settings[name], 60)}" for name in unasked]
        left += [f"the input {name!r}" for i, name in enumerate(self.inputs) if name and i not in self._taken]
        require(not left, ", ".join(sorted(left)))

    def _is_usual(self, name: str) -> bool:
        """Whether an attribute says what ONNX takes for granted without it."""
        from onnx import defs

        if not defs.has(self.kind, self.domain):
            return False
        known = defs.get_schema(self.kind, self.version, self.domain).attributes.get(name)
        usual = None if known is None or not known.default_value.name else _setting(known.default_value)
        return usual is not None and bool(np.all(usual == self._settings[name]))


def _setting(attribute: Any) -> Any:
    """The value of an attribute."""
    from onnx import TensorProto, helper, numpy_helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float):  # a float32: what was meant has fewer digits
        return float(str(np.float32(value)))
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


# What several operators are made of


def view(before: Shape, after: Shape) -> list[Found]:
    """The same numbers in another shape."""
    require(prod(before) == prod(after) and len(after) > 0, f"the shape {after} for rows of shape {before}")
    layer = gl.Flatten() if len(after) == 1 else gl.Reshape(after)
    return [Found(layer, before=before)] if before != after else []


def permute(shape: Shape, order: tuple[int, ...]) -> list[Found]:
    """Axes of rows of that shape in another order, counted from 1."""
    moved = [axis for axis in order if shape[axis - 1] > 1]
    if moved == sorted(moved):
        return view(shape, tuple(shape[axis - 1] for axis in order))
    return [Found(gl.Permute(*order), before=shape)]


def ordered(shape: Shape, order: tuple[int, ...]) -> Shape:
    """The shape with its axes in that order, counted from 1."""
    return tuple(shape[axis - 1] for axis in order)


def back(order: tuple[int, ...]) -> tuple[int, ...]:
    """The order that undoes another one."""
    return tuple(order.index(axis) + 1 for axis in range(1, len(order) + 1))


def between(shape: Shape, order: tuple[int, ...], layers: list[Found], after: Shape) -> list[Found]:
    """Layers on rows with their axes in another order, and the old order again; ``after`` is in the old one."""
    return [*permute(shape, order), *layers, *permute(ordered(after, order), back(order))]


def scale(shape: Shape, gamma: Array | float, beta: Array | float) -> list[Found]:
    """Layers for y = γ x + β on rows of that shape, of which γ and β are broadcast to one."""
    values = {
        name: np.broadcast_to(np.asarray(own, np.float64), shape) for name, own in (("gamma", gamma), ("beta", beta))
    }
    varying = [
        axis + 1 for axis in range(len(shape)) if any((own != own.take([0], axis)).any() for own in values.values())
    ]
    channel = channel_axis(shape) + 1
    if len(shape) > 3 or len(varying) > 1:
        flat = {name: own.ravel() for name, own in values.items()}
        size = (prod(shape),)
        return [*view(shape, size), Found(gl.Scale(), flat), *view(size, shape)]
    axis = varying[0] if varying else channel
    alone = {name: np.moveaxis(own, axis - 1, 0).reshape(shape[axis - 1], -1)[:, 0] for name, own in values.items()}
    others = [other for other in range(1, len(shape) + 1) if other != axis]
    order = (axis, *others) if channel == 1 else (*others, axis)
    return between(shape, order, [Found(gl.Scale(), alone)], shape)
