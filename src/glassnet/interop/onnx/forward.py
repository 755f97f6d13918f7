"""A network's recorded forward pass on its way into a graph: where the numbers of each buffer are, for any rows.

A kernel may see a buffer in another shape than the one in which its numbers were written, or a part of it; nodes that
arrange numbers stand between. Shapes have, as their first axis, how many of their rows belong to one of the network's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import zip_longest
from math import prod
from typing import Any, NamedTuple, NoReturn

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.places import offset_of, place_of
from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.graph import Graph
from glassnet.interop.recorded import RecordedNetwork
from glassnet.kernels import Kernel
from glassnet.network import Network
from glassnet.runners import StepNumber
from glassnet.runners.own import place_of as place_of_part
from glassnet.runners.recorder import RecordedCall
from glassnet.runners.standins import NotRecorded

ROWS = 2, 3
"""What a layer does with so many rows: what differs otherwise than in the rows cannot be written for any number."""


class View(NamedTuple):
    """What a kernel sees of a buffer: its number, the shape, and which numbers of a row these are; None for all."""

    buffer: int
    shape: Shape
    places: tuple[int, ...] | None = None


class Value(NamedTuple):
    """A value of the graph: its name and its shape."""

    name: str
    shape: Shape


class Product(NamedTuple):
    """What a dense layer took, and its call."""

    x: Value
    call: RecordedCall


class Forward:
    """The calls of a forward pass, one after another, and what their nodes have given so far.

    Args:
        network: built.
        graph: to which nodes are added.
        emitters: what writes a call of each kernel.

    Attributes:
        calls: with a ``View`` for each array that is calculated from the inputs, and the array itself for a constant.
        call: the one in hand.
        x: the inputs, as a view.
        outputs: what the network gives, likewise.
        add: adds a node.
        products: the dense layers that gave values, by the values' names.
        recurrences: likewise of recurrences, see ``recurrent``.
        turned: values with their first two axes exchanged, by the names of what they were, both ways.
        join: what may write values side by side otherwise than by Concat: of their names, and the shape of the whole.

    Raises:
        ConfigurationError: a layer of the user's own does more than call kernels; or something else with other rows.
    """

    call: RecordedCall

    def __init__(self, network: Network, graph: Graph, emitters: Mapping[Kernel, Any]) -> None:
        self.graph, self.emitters, self.add = graph, emitters, graph.add
        try:
            one, other = (self._views(network, rows) for rows in ROWS)
        except NotRecorded as error:
            raise ConfigurationError(
                where=f"export_onnx: {place_of_part(error.part)}",
                received=f"a forward pass that {error.reason}",
                expected="calls of kernels alone; what is written in Python cannot be put into a file",
                fix="express it by kernels or built-in layers, or export the network before and after it",
            ) from error
        self.calls, self._shapes, self.x, self.outputs = one
        for call, again in zip_longest(self.calls, other[0]):
            if call is None or again is None or not _are_same(call, again):
                self.call = call or again
                self.refuse("what is called depends on the number of rows")
        self._values: dict[int, Value] = {}
        self._parts: dict[int, tuple[int, dict[int, Value]]] = {}
        self._reshaped: dict[tuple[str, Shape], Value] = {}
        self._constants: dict[tuple[Any, ...], str] = {}
        self.products: dict[str, Product] = {}
        self.recurrences: dict[str, Any] = {}
        self.turned: dict[str, str] = {}
        self.join: Callable[[Forward, list[str], Shape], Value | None] = lambda run, names, shape: None

    def _views(self, network: Network, rows: int) -> tuple[list[RecordedCall], list[Shape], View, View]:
        # Convolutions keep their batch norm apart: whoever reads the file finds both, from_onnx the same layers again.
        self.recorded = recorded = RecordedNetwork(network, rows, fused=False, poisoned=True)
        numbers = {id(buffer): number for number, buffer in enumerate(recorded.buffers)}

        def view(array: Array) -> View | Array:
            number = numbers.get(place_of(array).buffer)
            return recorded.values_of(array) if number is None else self._view(array, number, rows)

        calls = []
        for self.call in recorded.calls:
            arrays = {name: None if array is None else view(array) for name, array in self.call.arrays.items()}
            recorded.emitter_of(self.emitters, self.call, "export_onnx")
            if any(isinstance(value, StepNumber) for value in self.call.settings.values()):
                self.refuse("it draws at random, or depends on the training step")
            if any(isinstance(arrays[name], np.ndarray) for name in arrays if self.call.changes(name)):
                self.refuse("it changes what is no result of the inputs")
            calls.append(replace(self.call, arrays=arrays))
        shapes = [(len(buffer) // rows, *buffer.shape[1:]) for buffer in recorded.buffers]
        self.call, x, outputs = recorded.last, view(recorded.x), view(recorded.outputs)
        if not isinstance(x, View) or not isinstance(outputs, View):
            self.refuse("what the network gives does not depend on its inputs")
        return calls, shapes, x, outputs

    def _view(self, array: Array, number: int, rows: int) -> View:
        """An array as a part of a row of the buffer of that number."""
        buffer, size = place_of(array).owner, array.itemsize
        shape = array.shape[0] // rows, *array.shape[1:]
        if shape[0] * rows == len(array) and array.size == buffer.size and array.flags.c_contiguous:
            return View(number, shape)
        row = np.arange(buffer.size // rows)
        if shape[0] * rows != len(array) or shape[0] * array.strides[0] != row.size * size:
            self.refuse("it mixes the numbers of different rows")
        strides = [step // size * row.itemsize for step in array.strides]
        try:
            seen = np.ndarray(shape, row.dtype, row, offset_of(array) // size * row.itemsize, strides)
        except ValueError:
            self.refuse("it reaches from one row into the next")
        return View(number, shape, tuple(seen.ravel().tolist()))

    def refuse(self, reason: str) -> NoReturn:
        """Raises the error for the call in hand, which no operator stands for; its layer and kernel are named."""
        self.recorded.refuse(self.call, reason, "export_onnx")

    # What the kernel in hand sees

    def view(self, name: str) -> View:
        """The array of that name, which must be calculated."""
        found = self.call.arrays[name]
        return found if isinstance(found, View) else self.refuse(f"its {name} is a constant")

    def shape(self, name: str) -> Shape:
        """The shape in which the kernel sees an array."""
        return self.view(name).shape

    def memory(self, name: str) -> Shape:
        """The shape of the buffer that an array is all of: what its layer gives."""
        view = self.view(name)
        return self._shapes[view.buffer] if view.places is None else self.refuse("it writes a part of an array")

    def array(self, name: str) -> Array:
        """The array of that name, which must be a constant."""
        found = self.call.arrays[name]
        return found if isinstance(found, np.ndarray) else self.refuse(f"its {name} is calculated from the inputs")

    def value(self, name: str) -> Value:
        """What an array holds, in the shape in which it is there."""
        return self.of(self.view(name))

    def read(self, name: str, shape: Shape | None = None) -> str:
        """What an array holds, in that shape; by default as the kernel sees it."""
        return self.reshaped(self.value(name), self.shape(name) if shape is None else shape).name

    def alike(self) -> tuple[list[str], Shape]:
        """What a kernel takes that works on each number by itself, in the shape of what its layer gives, and that."""
        kernel = self.call.kernel
        shape = self.memory((*kernel.writes, *kernel.updates)[0])
        return [self.read(name, shape) for name in (*kernel.updates, *kernel.reads)], shape

    def columns(self, name: str, places: Array) -> Value:
        """Some columns of an array (N, D), by their numbers, in the shape of what the layer gives."""
        view, shape = self.view(name), self.memory("y")
        numbers = places if view.places is None else np.take(view.places, places)
        return self.reshaped(self.of(View(view.buffer, shape, tuple(numbers.tolist()))), shape)

    def constants(
        self, *names: str, arrange: Callable[[Array], Array] = lambda array: array, call: RecordedCall | None = None
    ) -> list[str]:
        """Arrays that are constants, rearranged; a parameter stands in the file once, by its own name.

        Args:
            names: the kernel's names of them.
            arrange: what becomes of them.
            call: of which they are; by default the one in hand.
        """
        found = []
        for name in names:
            array = (call or self.call).arrays[name]
            if array is not None:
                if not isinstance(array, np.ndarray):
                    self.refuse(f"its {name} is calculated from the inputs")
                values = arrange(array)
                key = place_of(array), array.shape, array.strides, values.shape, values.strides
                if not np.isfinite(values).all():
                    self.refuse(f"its {name} holds what is no finite number")
                if key not in self._constants:
                    path = self.recorded.name_of(array) or f"{self.call.path}.{name}".lstrip(".")
                    self._constants[key] = self.graph.constant(path, values)
                found.append(self._constants[key])
        return found

    def whole(self, name: str, *numbers: int) -> str:
        """A constant of whole numbers."""
        return self.graph.constant(name, numbers, dtype=np.int64)

    # The numbers of the buffers

    def reshaped(self, value: Value, shape: Shape) -> Value:
        """The same numbers in another shape."""
        if value.shape == shape:
            return value
        if prod(value.shape) != prod(shape):
            self.refuse("it spreads numbers over others")
        if (value.name, shape) not in self._reshaped:
            if len(shape) == 2 and shape[0] == value.shape[0]:
                name = self.add("Flatten", value.name, axis=1)
            else:
                name = self.add("Reshape", value.name, self.whole("shape", -1, *shape[1:]))
            self._reshaped[value.name, shape] = Value(name, shape)
        return self._reshaped[value.name, shape]

    def of(self, view: View) -> Value:
        """What a view shows, in some shape of as many numbers."""
        lead, parts = self._parts.get(view.buffer, (0, {}))
        if lead == 1 and view.places:
            part = parts.get(view.places[0])
            if part is not None and view.places == tuple(range(view.places[0], view.places[0] + prod(part.shape))):
                return part
        if parts:
            self._values[view.buffer] = self._joined(view.buffer)
            del self._parts[view.buffer]
        if view.buffer not in self._values:
            self.refuse("it reads what no kernel has written")
        value = self._values[view.buffer]
        shape = view.shape if view.shape[0] == 1 else (1, *view.shape)
        return value if view.places is None else self._chosen(value, np.reshape(view.places, shape))

    def write(self, view: View, value: Value) -> None:
        """Says what a buffer holds from now on."""
        if view.places is not None:
            self.refuse("it writes a part of an array")
        self._parts.pop(view.buffer, None)
        self._values[view.buffer] = value

    def write_columns(self, view: View, start: int, value: Value) -> None:
        """Says what some columns hold of a matrix (A, V), as which a kernel sees a buffer."""
        lead, parts = self._parts.setdefault(view.buffer, (view.shape[0], {}))
        if view.places is not None or lead != view.shape[0]:
            self.refuse("it writes a part of an array")
        parts[start] = value

    def _joined(self, buffer: int) -> Value:
        """A buffer's parts side by side, along the axis of it whose columns they are."""
        lead, parts = self._parts[buffer]
        shape, ordered = self._shapes[buffer], [parts[start] for start in sorted(parts)]
        widths = [prod(value.shape) // lead for value in ordered]
        if sorted(parts) != np.cumsum([0, *widths[:-1]]).tolist() or lead * sum(widths) != prod(shape):
            self.refuse("it reads what is not written in full")
        for axis in range(1, len(shape)):
            after = prod(shape[axis + 1 :])
            if prod(shape[:axis]) == lead and not any(width % after for width in widths):
                break
        else:
            axis, after, shape = 1, 1, (lead, sum(widths))
        shapes = ((*shape[:axis], width // after, *shape[axis + 1 :]) for width in widths)
        names = [self.reshaped(*each).name for each in zip(ordered, shapes, strict=True)]
        found = self.join(self, names, shape) if axis == len(shape) - 1 else None
        if found is not None:
            return found
        return Value(names[0] if len(names) == 1 else self.add("Concat", *names, axis=axis), shape)

    def _chosen(self, value: Value, places: Array) -> Value:
        """Numbers of each row by their places in it, in the shape of these (1, ...)."""
        numbers = np.arange(prod(value.shape))
        if np.array_equal(places.ravel(), numbers):
            return self.reshaped(value, places.shape)
        # Of axes in another order, that whose neighbours lie farthest apart was the first.
        first = places.flat[0]
        steps = [numbers.size if n == 1 else places.take(1, i).flat[0] - first for i, n in enumerate(places.shape)]
        order = np.argsort([-step for step in steps], kind="stable")
        before, back = tuple(places.shape[axis] for axis in order), np.argsort(order).tolist()
        if places.size == numbers.size and np.array_equal(numbers.reshape(before).transpose(back), places):
            return Value(self.add("Transpose", self.reshaped(value, before).name, perm=back), places.shape)
        flat = self.reshaped(value, (1, numbers.size)).name
        chosen = self.add("Gather", flat, self.whole("columns", *places.ravel().tolist()), axis=1)
        return self.reshaped(Value(chosen, (1, places.size)), places.shape)


def _are_same(one: RecordedCall, other: RecordedCall) -> bool:
    """Whether two calls are that of one kernel on the same parts of rows, with the same numbers."""
    for own, twin in zip(one.arrays.values(), other.arrays.values(), strict=False):
        is_constant = isinstance(own, np.ndarray) and isinstance(twin, np.ndarray)
        if not (np.array_equal(own, twin, equal_nan=True) if is_constant else type(own) is type(twin) and own == twin):
            return False
    return one.kernel is other.kernel and one.settings == other.settings
