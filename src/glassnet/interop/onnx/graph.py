"""An ONNX graph in the making: nodes, constants and names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from onnx import helper, numpy_helper


class Graph:
    """Nodes and constants of a file in the making.

    Args:
        dtype: of all numbers.

    Attributes:
        taken: names that nothing else may have.
        further_operators: sets of operators besides ONNX's own, with their versions.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.taken: set[str] = set()
        self._numbers: dict[str, int] = {}  # the first that may be free behind each name
        self.further_operators: set[tuple[str, int]] = set()

    def unique(self, name: str) -> str:
        """The name, with a number behind it if something is called so already."""
        found, i = name, self._numbers.get(name, 0)
        while found in self.taken:
            found, i = f"{name}_{i}", i + 1
        self._numbers[name] = i
        self.taken.add(found)
        return found

    def add(self, kind: str, *inputs: str, output: str | None = None, **settings: Any) -> str:
        """Adds a node and returns the name of its output."""
        name = output or self.unique(f"{kind.lower()}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(kind, inputs, [name], **settings))
        return name

    def add_several(self, kind: str, count: int, *inputs: str, **settings: Any) -> list[str]:
        """Adds a node with several outputs and returns their names."""
        names = [self.unique(f"{kind.lower()}_{len(self.nodes)}") for _ in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, names, **settings))
        return names

    def prune(self, outputs: Iterable[str]) -> None:
        """Leaves out nodes, constants and outputs of nodes that nothing needs."""
        wanted, kept = set(outputs), []
        for node in reversed(self.nodes):
            if wanted & set(node.output):
                names = [name if name in wanted else "" for name in node.output]
                while not names[-1]:
                    names.pop()
                del node.output[:]
                node.output.extend(names)
                wanted.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.initializers = [tensor for tensor in self.initializers if tensor.name in wanted]

    def constant(self, name: str, array: Any, *, dtype: Any = None) -> str:
        """Adds a constant and returns its name; by default its numbers get the file's dtype."""
        own = self.unique(name)
        values = np.ascontiguousarray(array, dtype=self.dtype if dtype is None else dtype)
        self.initializers.append(numpy_helper.from_array(values, own))
        return own
