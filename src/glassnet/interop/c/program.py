"""A recorded forward pass as C statements, with their constants and the one stretch of memory that they share."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.compile.arena import Arena
from glassnet.compile.forward import record_stream
from glassnet.compile.items import Item, items_of, row_item
from glassnet.compile.stages import Group, Stage
from glassnet.core.errors import ConfigurationError
from glassnet.core.places import offset_of, place_of
from glassnet.core.shapes import Array
from glassnet.interop.c.kernels import EMITTERS, element_function
from glassnet.interop.c.names import constant_name
from glassnet.interop.recorded import RecordedNetwork
from glassnet.kernels import KERNELS
from glassnet.network import Network

ALIGNMENT = 64
"""Bytes, of each buffer's place in the memory of a source: a cache line."""
ARENA = "arena"
"""The memory's name."""


class Program:
    """Statements, constants and memory of a source in the making.

    Args:
        network: built.
        given: what the row is called in C where the network gets it as it is; None where it is first written into
            ``self.input``.
        is_stream: whether the row is one step, and states go from one to the next in a struct that ``state`` points to.

    Attributes:
        statements: the calls, in their order.
        constants: arrays by their names.
        size: of the memory, which is called ``arena``, in numbers.
        input: where the network's input stands.
        output: where its output stands after the statements.
        states: the arrays of the struct by their names in it.
        texts: arrays of texts by their names, in UTF-8.
    """

    def __init__(self, network: Network, given: str | None, *, is_stream: bool = False) -> None:
        self.statements: list[str] = []
        self.constants: dict[str, Array] = {}
        self.states: dict[str, Array] = {}
        self.texts: dict[str, list[bytes]] = {}
        self._given = given
        if is_stream:
            forward, states = record_stream(network, 1)
            self.states = {constant_name(*key): array for key, array in states.arrays.items()}
            self._recorded = RecordedNetwork(network, forward=forward, states=list(states.arrays.values()))
        else:
            self._recorded = RecordedNetwork(network)
        self._arena = self._laid_out()
        self.size = self._arena.memory.size // self._recorded.x.itemsize
        self.input, self.output = self._argument(self._recorded.x, ""), self._argument(self._recorded.outputs, "")
        for call in self._recorded.calls:
            function, *arguments = self._recorded.emitter_of(EMITTERS, call, "export_c")(**call.arrays, **call.settings)
            self.call(function, *(self._argument(argument, call.path) for argument in arguments))

    def call(self, function: str, *arguments: Any) -> None:
        """Adds a statement."""
        self.statements.append(f"{function}({', '.join(map(str, arguments))});")

    def constant(self, name: str, values: Array, dtype: Any = np.float32) -> str:
        """Adds an array in the dtype, unless it is there, and returns its name.

        Raises:
            ConfigurationError: it is not finite.
        """
        with np.errstate(over="ignore"):
            array = np.asarray(values, dtype=dtype)
        if not np.isfinite(array).all():
            raise ConfigurationError(
                where="export_c",
                received=f"numbers in {name} that are not finite in float32",
                expected="finite parameters",
                fix="train the model again with a lower learning rate",
            )
        unique = name
        while not np.array_equal(self.constants.setdefault(unique, array), array):
            unique = f"{name}_{len(self.constants)}"
        return unique

    def functions(self, body: str) -> list[str]:
        """The texts of the C functions that a text calls, and of those that they call."""
        found: list[str] = []
        for name, text in reversed(_functions().items()):
            if re.search(rf"\b{name}\(", "\n".join([body, *found])):
                found.insert(0, text)
        return found

    def _laid_out(self) -> Arena:
        """Memory of the buffers, one place for those with disjoint lives.

        What a call writes may stand where its input stood if the kernel allows that, which an arena does within groups.
        """
        recorded = self._recorded
        buffers = [b for b in recorded.buffers if b is not recorded.x or self._given is None]
        stages = [] if self._given else [_stage(row_item("gather", {"buffer": recorded.x}, 1))]
        for number, call in enumerate(recorded.calls):
            (item,) = items_of(call, rows=1, flat=(), number=number, in_python=True)  # whole
            if call.kernel.in_place and stages:
                stages[-1].groups[0].items.append(item)
            else:
                stages.append(_stage(item))
        stages.append(_stage(row_item("collect", {"outputs": recorded.outputs}, 1)))
        return Arena(buffers, stages, [], ALIGNMENT)

    def _argument(self, value: Any, path: str) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, tuple):
            name, array = value
            return self.constant(constant_name(path, name), array, np.float32 if array.dtype.kind == "f" else np.intc)
        if not isinstance(value, np.ndarray):
            return str(int(value)) if isinstance(value, int | np.integer) else literal(float(value))
        if self._given is not None and place_of(value).buffer == place_of(self._recorded.x).buffer:
            return _plus(self._given, offset_of(value), value)
        for name, state in self.states.items():
            if place_of(value).buffer == place_of(state).buffer:
                return _plus(f"state->{name}", offset_of(value), value)
        placed = self._arena.view(value)
        if placed is not value:
            return _plus(ARENA, offset_of(placed) - offset_of(self._arena.memory), value)
        layer, _, name = (self._recorded.name_of(value) or f"{path}.numbers").rpartition(".")
        return self.constant(constant_name(layer, name), self._recorded.values_of(value))


def own_names() -> frozenset[str]:
    """The names of all C functions of the library, and of the memory."""
    return frozenset([*_functions(), ARENA])


def literal(value: float) -> str:
    """A number in C, with as many digits as tell each float32 from its neighbours."""
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}"
    return f"{text}f" if any(c in text for c in ".e") else f"{text}.0f"


def _stage(item: Item) -> Stage:
    return Stage([Group(None, [item])])


def _plus(name: str, offset: int, array: Array) -> str:
    return f"{name} + {offset // array.itemsize}" if offset else name


@cache
def _functions() -> dict[str, str]:
    """The texts of all C functions by name; each calls none but those before it."""
    texts = Path(__file__).with_name("functions.c").read_text("utf-8").rstrip().split("\n\n")[1:]
    elements = {entry.name: element_function(entry) for entry in KERNELS.values() if entry.in_c}
    return {text.partition("static ")[2].partition("(")[0].split()[-1]: text for text in texts} | elements
