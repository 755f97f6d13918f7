"""Which value of an ONNX graph is read, and the operators that it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from glassnet.interop.onnx.operators import refusal

ML = "ai.onnx.ml"
"""The further operators that scikit-learn's models are written with."""


def needed(nodes: Iterable[Any], output: str) -> list[Any]:
    """The nodes that a value comes from, in order."""
    wanted, found = {output}, []
    for node in reversed(list(nodes)):
        if wanted & set(node.output):
            found.append(node)
            wanted.update(name for name in node.input if name)
    return found[::-1]


def chosen(graph: Any, wanted: str | None, constants: set[str], where: str) -> str:
    """The name of the value to be read."""
    from onnx import TensorProto

    by_output = {name: node for node in graph.node for name in node.output}
    names = [value.name for value in graph.output]
    if wanted is not None:
        if wanted not in names:
            raise refusal(where, f"output={wanted!r}", f"choose one of the file's outputs: {', '.join(names)}")
        return _numbers_of(wanted, by_output)
    reals = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.UNDEFINED)
    # Labels, whole numbers or words, say less than the probabilities that they come from.
    found = [v.name for v in graph.output if v.type.tensor_type.elem_type in reals] or names
    if not found:
        raise refusal(where, "no output", "export it again")
    inputs = {value.name for value in graph.input} - constants
    others = [name for name in found[1:] if not _comes_from(name, found[0], graph.node, inputs)]
    if others:
        raise refusal(
            where,
            f"{len(found)} outputs: {', '.join(map(repr, found))}",
            f"choose one of them: gn.from_onnx(path, output={found[0]!r})",
        )
    return _numbers_of(found[0], by_output)


def _numbers_of(name: str, by_output: Mapping[str, Any]) -> str:
    """The array behind a list of dictionaries of probabilities, as which scikit-learn's models may give them."""
    node = by_output.get(name)
    return node.input[0] if node is not None and (node.domain, node.op_type) == (ML, "ZipMap") else name


def _comes_from(name: str, first: str, nodes: Sequence[Any], inputs: set[str]) -> bool:
    """Whether a value depends on the inputs by way of another one alone."""
    wanted = {name} - {first}
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input) - {first}
    return not wanted & inputs
