"""Operators between two values of an ONNX graph, run on numbers that show what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.node import Node
from glassnet.interop.onnx.source import Source

WEIGHING = ("Attention", "Softmax")
"""Operators of which there is one in attention."""
SCALES = (1.0, 4.0, 0.1)
"""Of the rows on which operators are tried."""


class Part:
    """The operators between a value (N, T, D) and another one.

    Args:
        source: the graph.
        region: the operators, in their order.
        begin: the first value.
        end: the last one.
        row: the first value's shape of a row, (T, D).
    """

    def __init__(self, source: Source, region: Sequence[Node], begin: str, end: str, row: Shape) -> None:
        self.source, self.region, self.begin, self.end = source, region, begin, end
        self.steps, self.width = row
        self.softmaxes = [node for node in region if node.kind in WEIGHING]
        self.products = [node for node in region if node.kind == "Attention"]
        self.products += [node for node in region if node.kind == "MatMul" and len(node.data()) == 2]
        self.rows = source.looked_at[0]

    def run(self, given: str, values: Array, *wanted: str) -> list[Array] | None:
        """Values of the graph in float64, where one is given for as many rows as the graph was looked at with."""
        from onnx import TensorProto, helper, numpy_helper
        from onnx.reference import ReferenceEvaluator

        names = {name for node in self._between(given, wanted) for name in node.outputs}
        protos = [proto for proto in self.source.nodes if names & set(proto.output)]
        constants = []
        for name in {name for proto in protos for name in proto.input}:
            known = self.source.beside.get(name, [self.source.constants.get(name)])[0]
            if known is not None:
                constants.append(
                    numpy_helper.from_array(known.astype(np.float64) if known.dtype.kind == "f" else known, name)
                )
        x = helper.make_tensor_value_info(given, TensorProto.DOUBLE, values.shape)
        outputs = [helper.make_empty_tensor_value_info(name) for name in wanted]
        graph = helper.make_graph(protos, "part", [x], outputs, constants)
        versions = [helper.make_opsetid(domain, version) for domain, version in self.source.versions.items()]
        try:
            with np.errstate(all="ignore"):
                evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=versions))
                found: Any = evaluator.run(None, {given: values.astype(np.float64)})
        except Exception:  # noqa: BLE001 - whatever it stumbles over: nothing is recognised
            return None
        return [np.asarray(value) for value in found]

    def _between(self, given: str, wanted: Sequence[str]) -> list[Node]:
        """The operators that lead from a value to others."""
        needed, found = {*wanted}, []
        for node in reversed(self.region):
            if needed & set(node.outputs) and given not in node.outputs:
                found.append(node)
                needed.update(node.inputs)
        return found

    def affine(self, given: str, ones: Sequence[Array], *wanted: str) -> list[tuple[Array, Array]] | None:
        """What values become where a given one is 0, and by how much more where it is one of ``ones``.

        Args:
            given: the name of that one.
            ones: what it may be, each for one row.
            wanted: names of the others.

        Returns:
            For each of these the first, (...), and for each of ``ones`` the others (K, ...).
        """
        zero = np.zeros_like(ones[0])
        rows = [zero, *ones]
        rows += [zero] * (-len(rows) % self.rows)
        parts = []
        for start in range(0, len(rows), self.rows):
            found = self.run(given, self._joined(given, rows[start : start + self.rows]), *wanted)
            if found is None or any(value.size % self.rows for value in found):
                return None
            parts.append([value.reshape(self.rows, -1) for value in found])
        whole = [np.concatenate(own) for own in zip(*parts, strict=True)]
        return [(own[0], own[1 : len(ones) + 1] - own[0]) for own in whole]

    def _joined(self, given: str, rows: Sequence[Array]) -> Array:
        """Rows as one array, in the shape that the value has."""
        return np.stack(rows).reshape(self.source.shapes[given])

    def tried(self) -> list[tuple[Array, Array]] | None:
        """Rows for the operators, and what they make of them."""
        rng = np.random.default_rng(0)
        found = []
        for scale in SCALES:
            x = scale * rng.normal(size=(self.rows, self.steps, self.width))
            values = self.run(self.begin, self._joined(self.begin, list(x)), self.end)
            if values is None or not np.isfinite(values[0]).all():
                return None
            found.append((x, values[0]))
        return found

    # Ways through the operators

    def behind(self, value: str) -> set[str]:
        """Names of the values that a value goes into, and its own."""
        found = {value}
        for node in self.region:
            if found & set(node.inputs):
                found.update(node.outputs)
        return found

    def before(self, last: Node) -> set[str]:
        """Names of the values that go into an operator."""
        found = set(last.inputs)
        for node in reversed(self.region):
            if found & set(node.outputs):
                found.update(node.inputs)
        return found

    def factor(self, begin: str, end: str) -> float:
        """The product of the numbers by which the last operators before a value multiply all of it."""
        factor = 1.0
        by_output = {name: node for node in self.region for name in node.outputs}
        while end != begin and end in by_output:
            node = by_output[end]
            others = [self.source.constants.get(name) for i, name in enumerate(node.inputs) if i not in node.data()]
            if len(node.data()) != 1 or node.kind in ("MatMul", "Gemm", "Softmax", "Concat"):
                break
            if node.kind in ("Mul", "Div") and others and others[0] is not None and others[0].size == 1:
                number = float(others[0].ravel()[0])
                factor *= number if node.kind == "Mul" else 1 / number
            elif node.kind in ("Add", "Sub") and not self._is_mask(others):
                break
            end = node.inputs[node.data()[0]]
        return factor

    def _is_mask(self, others: Sequence[Array | None]) -> bool:
        return bool(others) and others[0] is not None and others[0].shape[-2:] == (self.steps, self.steps)
