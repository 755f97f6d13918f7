"""Activations that a file spells out in operators on single numbers, recognised by their values.

x · σ(x), ½ x (1 + erf(x / √2)), or log(1 + eˣ) with x itself where it is large: the operators between two values are
run on numbers from −1000 to 1000, and what they give is compared with the activations that there are. So it does not
matter in which order they are written, and a constant that differs is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Array
from glassnet.interop.onnx.activations import ACTIVATIONS
from glassnet.interop.onnx.node import Found, Node
from glassnet.interop.onnx.source import Source
from glassnet.runners import NumpyRunner

SPELLING = (
    "Abs", "Erf", "Exp", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Less", "LessOrEqual", "Log", "Max",
    "Min", "Mish", "Pow", "Reciprocal", "Softsign", "Sqrt", "Swish", "Where",
)  # fmt: skip
"""Operators that are read as parts of an activation alone."""
NUMBERWISE = (*SPELLING, *ACTIVATIONS, "Add", "Clip", "Div", "Gelu", "Identity", "Mul", "Neg", "Sub")
MOST_NODES = 24
GRID = np.unique(np.concatenate([np.linspace(-30, 30, 2401), np.linspace(-1, 1, 401), [-1e3, -100.0, 100.0, 1e3]]))
TOLERANCE = 2e-7
"""Relative to 1 or the number itself: what constants in float32 differ from those that were meant."""


def spelt_out(source: Source, nodes: dict[str, Node], end: str, begins: Iterable[str]) -> tuple[Found, str] | None:
    """An activation that ends in a value.

    Args:
        source: the graph.
        nodes: by the name of their output.
        end: the value.
        begins: values that every way to it passes through, the nearest first.

    Returns:
        The activation and the value that it is of; None where there is none.
    """
    for begin in begins:
        region = _region(source, nodes, end, begin)
        if region is None:
            return None
        if any(len(set(node.data())) > 1 or node.kind in SPELLING for node in region):
            values = _values(source, region, begin, end)
            layer = next(_fitting(values), None) if values is not None else None
            if layer is not None:
                return Found(layer, value=end), begin
    return None


def _region(source: Source, nodes: dict[str, Node], end: str, begin: str) -> list[Node] | None:
    """The operators between two values, if each works on single numbers."""
    found: dict[str, Node] = {}
    left = [end]
    while left:
        name = left.pop()
        if name == begin or name in found:
            continue
        node = nodes.get(name)
        if node is None or node.kind not in NUMBERWISE or node.domain or len(found) == MOST_NODES:
            return None
        if source.rows.get(name) != source.rows.get(begin):
            return None
        for own in node.inputs:
            if own in source.depends:
                left.append(own)
            elif own and source.constants.get(own, np.zeros(2)).size != 1:
                return None
        found[name] = node
    return list(found.values())


def _values(source: Source, region: list[Node], begin: str, end: str) -> Array | None:
    """What the operators make of the grid, in float64."""
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    names = {node.outputs[0] for node in region}
    protos = [proto for proto in source.nodes if names & set(proto.output)]
    used = {name for proto in protos for name in proto.input if name in source.constants}
    constants = []
    for name in used:
        value = source.constants[name].reshape(())
        constants.append(numpy_helper.from_array(value.astype(np.float64) if value.dtype.kind == "f" else value, name))
    given = helper.make_tensor_value_info(begin, TensorProto.DOUBLE, [GRID.size])
    graph = helper.make_graph(protos, "part", [given], [helper.make_empty_tensor_value_info(end)], constants)
    versions = [helper.make_opsetid(domain, version) for domain, version in source.versions.items()]
    try:
        with np.errstate(all="ignore"):
            (found,) = ReferenceEvaluator(helper.make_model(graph, opset_imports=versions)).run(None, {begin: GRID})
    except Exception:  # noqa: BLE001 - an operator that the evaluator has not: nothing is recognised
        return None
    return np.asarray(found)


def _fitting(values: Array) -> Iterator[gl.Layer]:
    """Activations that give these values on the grid."""
    lowest, highest, slope = float(values[0]), float(values[-1]), -float(np.interp(-1.0, GRID, values))
    choices: tuple[Callable[[], Any], ...] = (
        gl.SiLU, gl.GELU, lambda: gl.GELU(approximate=True), *ACTIVATIONS.values(),
        lambda: gl.LeakyReLU(round(slope, 9)),
        lambda: gl.Clip(None if lowest == GRID[0] else lowest, None if highest == GRID[-1] else highest),
    )  # fmt: skip
    if values.shape != GRID.shape or not np.isfinite(values).all():
        return
    for choice in choices:
        try:
            layer = choice()
        except ValueError:  # settings that make no sense: not this one
            continue
        expected, _ = layer.forward(NumpyRunner(), GRID, training=False)
        if np.all(np.abs(values - expected) <= TOLERANCE * np.maximum(1, np.abs(GRID))):
            yield layer
