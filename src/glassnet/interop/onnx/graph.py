"""An ONNX graph in the making: nodes, constants and names."""

from __future__ import annotations

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

    def constant(self, name: str, array: Any, *, dtype: Any = None) -> str:
        """Adds a constant and returns its name; by default its numbers get the file's dtype."""
        own = self.unique(name)
        values = np.ascontiguousarray(array, dtype=self.dtype if dtype is None else dtype)
        self.initializers.append(numpy_helper.from_array(values, own))
        return own
