"""ONNX files as networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from glassnet.errors import ConfigurationError, FileFormatError, GlassnetError, MissingExtraError, MissingFileError
from glassnet.interop.onnx_operators import OPERATORS, Found, Given, Node, UnsupportedError
from glassnet.interop.onnx_sequences import SEQUENCES, is_transposition
from glassnet.layers import Dense, Identity, Layer, SiLU
from glassnet.network import Concat, Network, Residual, Sequential
from glassnet.shapes import Array

Reading: TypeAlias = Callable[[Node, Given], Found | None]
JOINING = ("Add", "Concat", "Mul")
"""Operators that branches end in."""
MOST_BYTES = 2**31
"""Of a file; protobuf reads no larger ones."""


def from_onnx(path: str | Path) -> Network:
    """Reads a network with its weights, ready to predict and to be trained further.

    Chains of layers with residual and parallel branches are understood; the first input and the first output count.
    Rows keep the file's shapes: images (N, C, H, W).

    Args:
        path: the file.

    Returns:
        A built ``Sequential`` in the dtype of the file's weights (float32 or float64).

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is no ONNX file, or a damaged one.
        ConfigurationError: it has operators that no layer of glassnet expresses; all of them are listed.
        MissingExtraError: onnx is not installed.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError(
            where="from_onnx",
            received="no onnx",
            expected="onnx for reading its files",
            fix='run pip install "glassnet[onnx]"',
        )
    proto = _read(Path(path))
    reader = _Reader(proto.graph, where=f"from_onnx {path}")
    found = reader.layers()
    network = Sequential(*(item.layer for item in found))
    try:
        network.build(reader.input_shape, dtype=reader.dtype)
        reader.fill(network)
    except ConfigurationError:
        raise
    except (GlassnetError, ValueError) as error:
        raise FileFormatError(
            where=reader.where,
            received=f"operators that do not fit each other ({error})",
            expected="a network whose shapes agree",
            fix="run onnx.checker.check_model(path, full_check=True) on it, and export it again",
        ) from error
    return network


def _row_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a row of a value, where the file gives all of it."""
    sizes = tuple(dim.dim_value if dim.HasField("dim_value") else 0 for dim in value.type.tensor_type.shape.dim[1:])
    return sizes if sizes and all(size > 0 for size in sizes) else None


def _read(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise MissingFileError(
            where=f"from_onnx {path}",
            received="a folder" if path.is_dir() else "no such file",
            expected="an ONNX file",
            fix="check the path",
        )
    try:
        if path.stat().st_size >= MOST_BYTES:
            raise ValueError("a file of 2 GB or more")
        proto = onnx.load_model(str(path), load_external_data=False)
        onnx.checker.check_model(proto)
        proto = onnx.shape_inference.infer_shapes(proto)
    except (DecodeError, ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise FileFormatError(
            where=f"from_onnx {path}",
            received=f"a file that ONNX refuses ({str(error).strip().splitlines()[0]:.200})",
            expected="an ONNX file",
            fix="export it again; files of 2 GB or more are not read",
        ) from error
    return proto


@dataclass
class _Walk:
    """Where a value comes from: the node that gives it, and the values that every way to it passes through."""

    node: Node
    passes: tuple[str, ...]


class _Reader:
    """From a graph to layers.

    Args:
        graph: of the file, checked.
        where: for messages.
    """

    def __init__(self, graph: Any, *, where: str) -> None:
        from onnx import TensorProto, numpy_helper

        self.where = where
        external = [t.name for t in graph.initializer if t.data_location == TensorProto.EXTERNAL]
        if external:
            raise self._refused([f"weights in other files ({external[0]!r})"], "save the model with its weights inside")
        self.constants: dict[str, Array] = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.walks: dict[str, _Walk] = {}
        self.uses: dict[str, int] = {}
        inputs = [value for value in graph.input if value.name not in self.constants]
        if len(inputs) != 1 or not graph.output:
            raise self._refused([f"{len(inputs)} inputs"], "export a network with a single input")
        self.input, self.output = inputs[0].name, graph.output[0].name
        self.input_shape = self._shape(inputs[0])
        kinds = {a.dtype for a in self.constants.values() if a.dtype.kind == "f" and a.ndim}
        self.dtype = np.float64 if kinds == {np.dtype(np.float64)} else np.float32
        unknown = sorted({n.op_type for n in graph.node} - {*OPERATORS, *JOINING, "Constant", "Transpose"})
        if unknown:
            raise self._refused([f"the operator {name}" for name in unknown])
        values = [*graph.input, *graph.value_info]
        shapes = {value.name: shape for value in values if (shape := _row_shape(value)) is not None}
        for node in graph.node:
            self._place(Node.of(node, shapes))
        self.found: list[Found] = []

    def layers(self) -> list[Found]:
        """In their order."""
        if self.output not in self.walks:
            raise self._refused(["an output that does not depend on the input"])
        return self._between(self.input, self.output)

    def fill(self, network: Network) -> None:
        """Writes the file's weights into the built network."""
        for item in self.found:
            for name, values in item.parameters.items():
                own = item.layer.own_parameters()[name].value
                if own.shape != values.shape:
                    raise ValueError(f"{name} of {item.layer!r} has the shape {values.shape}, expected {own.shape}")
                own[...] = values

    def _shape(self, value: Any) -> tuple[int, ...]:
        shape = _row_shape(value)
        if shape is None:
            sizes = [dim.dim_value or dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim]
            raise self._refused([f"an input of shape {sizes}"], "export it with fixed sizes of all axes but the first")
        return shape

    def _place(self, node: Node) -> None:
        if node.kind == "Constant":
            self.constants[node.outputs[0]] = np.asarray(node.settings.get("value", node.settings.get("value_float")))
            return
        for name in node.inputs:
            self.uses[name] = self.uses.get(name, 0) + 1
        ways = [self._passes(name) for name in node.inputs if name and name not in self.constants]
        if not ways or any(way is None for way in ways):
            return  # of other outputs, or of constants alone
        shared = ways[0] or ()
        for way in ways[1:]:
            shared = tuple(a for a, b in zip(shared, way or (), strict=False) if a == b)
        self.walks[node.outputs[0]] = _Walk(node, (*shared, node.outputs[0]))

    def _passes(self, value: str) -> tuple[str, ...] | None:
        if value == self.input:
            return (value,)
        return self.walks[value].passes if value in self.walks else None

    def _between(self, start: str, end: str) -> list[Found]:
        """The layers from one value to another, which every way to the latter passes through."""
        layers: list[Found] = []
        while end != start:
            walk = self.walks[end]
            if walk.node.kind == "Transpose":
                found, end = self._sequence(walk.node, start)
                layers += found
                continue
            one, end = self._step(walk)
            layers += [one] if one is not None else []
        return layers[::-1]

    def _sequence(self, last: Node, start: str) -> tuple[list[Found], str]:
        """The layers between two transpositions, the last first, and the value that the first one is of."""
        layers: list[Found] = []
        node = last
        while is_transposition(last):
            value = node.inputs[0]
            if value == start or value not in self.walks:
                break
            node = self.walks[value].node
            if is_transposition(node):
                return layers, node.inputs[0]
            if node.kind not in SEQUENCES:
                break
            found = self._read(SEQUENCES, node)
            layers += [self._note(found)] if found is not None else []
        perm = list(last.settings.get("perm", ()))
        raise self._refused(
            [f"Transpose {last.name!r}, perm={perm}, that does not end convolutions of sequences"],
            "transpose sequences (N, T, D) to (N, D, T) before convolutions and pooling along T, and back after them",
        )

    def _read(self, operators: Mapping[str, Reading], node: Node) -> Found | None:
        try:
            return operators[node.kind](node, [self.constants.get(name) for name in node.inputs])
        except UnsupportedError as error:
            raise self._refused([f"{node.kind} {node.name!r} with {error}"]) from error

    def _step(self, walk: _Walk) -> tuple[Found | None, str]:
        """A layer that ends in a value, and the value that it begins with."""
        node = walk.node
        values = [name for name in node.inputs if name and name not in self.constants]
        if len(values) > 1:
            fork = walk.passes[-2]
            return self._note(Found(self._joined(node, fork, values))), fork
        if node.kind in ("Add", "Mul"):
            return self._note(self._biased(node, values[0])), self.walks[values[0]].node.inputs[0]
        if node.kind not in OPERATORS:
            raise self._refused([f"{node.kind} of a single value"])
        found = self._read(OPERATORS, node)
        begin = values[0]
        if node.kind == "Gather" and begin in self.walks and self.walks[begin].node.kind == "Cast":
            begin = self.walks[begin].node.inputs[0]  # to the whole numbers that it takes
        return (self._note(found) if found is not None else None), begin

    def _note(self, found: Found) -> Found:
        self.found.append(found)
        return found

    def _biased(self, node: Node, value: str) -> Found:
        """A matrix product and the bias that is added to it."""
        inner = self.walks[value].node if value in self.walks else None
        bias = next(self.constants[name] for name in node.inputs if name in self.constants)
        if (
            node.kind == "Add"
            and inner is not None
            and inner.kind == "MatMul"
            and self.uses[value] == 1
            and bias.ndim == 1
        ):
            weight = self.constants.get(inner.inputs[1])
            if weight is not None and weight.ndim == 2:
                return Found(Dense(weight.shape[1]), {"weight": weight, "bias": bias})
        raise self._refused([f"{node.kind} {node.name!r} of a constant that is no bias of a MatMul"])

    def _joined(self, node: Node, fork: str, values: Sequence[str]) -> Layer:
        if node.kind == "Mul" and len(values) == 2:
            for x, gate in (values, values[::-1]):
                if gate in self.walks and self.walks[gate].node.kind == "Sigmoid" and x == fork:
                    return SiLU()
        branches = [[found.layer for found in self._between(fork, value)] for value in values]
        if node.kind == "Concat" and node.settings.get("axis", 0) >= 1:
            return Concat(*(branch or [Identity()] for branch in branches), axis=node.settings["axis"])
        if node.kind == "Add" and len(branches) == 2:
            shortcut, branch = sorted(branches, key=len)
            layer = Sequential(*shortcut) if shortcut else None
            return Residual(*(branch or [Identity()]), shortcut=layer)
        raise self._refused([f"{node.kind} {node.name!r} of {len(values)} values"])

    def _refused(self, what: Sequence[str], fix: str = "") -> ConfigurationError:
        return ConfigurationError(
            where=self.where,
            received=", ".join(what),
            expected="one input, and operators that layers express: "
            + ", ".join(sorted({*OPERATORS, *JOINING, "Transpose"})),
            fix=fix or "export only that part of the network, or replace the operators before the export",
        )
