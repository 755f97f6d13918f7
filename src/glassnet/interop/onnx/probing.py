"""Operators between two values of an ONNX graph, run on numbers that show what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.node import Node
from glassnet.interop.onnx.source import Source

WEIGHING = ("Attention", "Softmax")
"""Operators of which there is one in attention."""
SCALES = (1.0, 4.0, 0.1)
"""Of the rows on which operators are tried."""


def region(
    source: Source, nodes: Mapping[str, Node], end: str, begin: str, most: int, fits: Callable[[Node, str], bool]
) -> list[Node] | None:
    """The operators between two values, in their order.

    Args:
        source: the graph.
        nodes: by the name of their output.
        end: the last value.
        begin: the first one.
        most: how many operators there may be.
        fits: whether an operator, with the name of its output, may be one of them.

    Returns:
        Them; None where there are more, others, or some that begin elsewhere.
    """
    found: dict[str, Node] = {}
    left = [end]
    while left:
        name = left.pop()
        if name == begin or name in found:
            continue
        node = nodes.get(name)
        if node is None or node.domain or len(found) == most or not fits(node, name):
            return None
        found[name] = node
        left.extend(own for own in node.inputs if own in source.depends)
    order = {name: place for place, proto in enumerate(source.nodes) for name in proto.output}
    return [found[name] for name in sorted(found, key=order.__getitem__)]


def evaluated(
    source: Source, part: Sequence[Node], constants: Mapping[str, Array], given: str, x: Array, *wanted: str
) -> list[Array] | None:
    """Values that operators give in float64, where a value is x; None where they cannot be run."""
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    names = {name for node in part for name in node.outputs}
    protos = [proto for proto in source.nodes if names & set(proto.output)]
    used = {name for proto in protos for name in proto.input if name in constants}
    known = {name: constants[name] for name in used}  # those that are not real may be axes
    stored = [numpy_helper.from_array(v.astype(np.float64) if v.dtype.kind == "f" else v, n) for n, v in known.items()]
    inputs = [helper.make_tensor_value_info(given, TensorProto.DOUBLE, x.shape)]
    outputs = [helper.make_empty_tensor_value_info(name) for name in wanted]
    graph = helper.make_graph(protos, "part", inputs, outputs, stored)
    versions = [helper.make_opsetid(domain, version) for domain, version in source.versions.items()]
    try:
        with np.errstate(all="ignore"):
            evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=versions))
            found: Any = evaluator.run(None, {given: x.astype(np.float64)})
    except Exception:  # noqa: BLE001 - whatever it stumbles over: nothing is recognised
        return None
    return [np.asarray(value) for value in found]


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
        known = {**self.source.constants, **{name: values[0] for name, values in self.source.beside.items()}}
        return evaluated(self.source, self._between(given, wanted), known, given, values, *wanted)

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
