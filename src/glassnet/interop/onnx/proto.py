"""A model as an ONNX graph: its inputs, preprocessing, network and outputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Shape
from glassnet.interop.onnx.emitters import emit
from glassnet.interop.onnx.forward import Value
from glassnet.interop.onnx.graph import Graph
from glassnet.interop.onnx.table import emit_table, used_columns
from glassnet.losses import BinaryCrossEntropy, CrossEntropy
from glassnet.model import Model
from glassnet.network import Graph as Nodes
from glassnet.network import Network
from glassnet.network.packing import parts_of
from glassnet.preprocessing import Standardize, TargetScaling
from glassnet.runners.base import is_library_code
from glassnet.tables import Table
from glassnet.version import __version__

IR_VERSION = 10
"""The version of the file format that belongs to the operators that are written."""
RESULTS = "outputs", "probabilities", "mean"
"""What the file may call its outputs, where the network has no names for them."""


def make_proto(model: Model, opset: int) -> Any:
    """The model in ONNX's form.

    Raises:
        ConfigurationError: a layer or a column that ONNX cannot express, or a name that no input can have.
    """
    dtype = model.network.dtype
    graph, shapes, derived = Graph(dtype), output_shapes(model), _derived(model)
    graph.taken.update(("x", *RESULTS, *shapes))
    inputs, given = _inputs(model, graph, (*shapes, *(name for name, _, _ in derived)))
    gives = _kind(dtype, model.target_scaling)
    wanted = [(columns.start, (1, *shapes[name])) for name, columns in parts_of(shapes).items()]
    for name, value in zip(shapes, emit(model.network, graph, given, wanted), strict=True):
        if model.target_scaling is not None:
            value = value if gives == _kind(dtype) else graph.add("Cast", value, to=gives)
            mean, scale = _constants(graph, model.target_scaling, shapes[name], "target_")
            value = graph.add("Add", graph.add("Mul", value, scale), mean)
            value = _bent(graph, value, model.target_scaling, shapes[name])
        graph.add("Identity", value, output=name)
    for name, kind, settings in derived:
        graph.add(kind, "outputs", output=name, **settings)
        shapes[name] = shapes["outputs"]
    graph.prune(shapes)
    infos = [helper.make_tensor_value_info(name, gives, ["batch", *shape]) for name, shape in shapes.items()]
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "glassnet", inputs, infos, graph.initializers),
        opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(*own) for own in graph.further_operators)],
        ir_version=IR_VERSION,
        producer_name="glassnet",
        producer_version=__version__,
    )
    described: dict[str, Any] = {
        "feature_names": model.feature_names,
        "class_names": model.class_names,
        "target_name": model.target_name,
    }
    written = {name: json.dumps(names, ensure_ascii=False) for name, names in described.items() if names is not None}
    helper.set_model_props(proto, written)
    return proto


def input_shapes(network: Network) -> dict[str, Shape]:
    """The shape of a row of each input of the file, if there is no table: of a Graph's, or of x."""
    if isinstance(network, Nodes) and len(network.inputs) > 1:
        return network.input_shapes
    return {"x": network.input_shape or ()}


def output_shapes(model: Model) -> dict[str, Shape]:
    """The shape of a row of each output that ``predict`` gives."""
    network = model.network
    if isinstance(network, Nodes) and len(network.outputs) > 1 and model.target_scaling is None:
        return network.output_shapes
    return {"outputs": network.output_shape or ()}


def _derived(model: Model) -> list[tuple[str, str, dict[str, Any]]]:
    """What is made of the outputs: a name, the operator and its settings."""
    loss = model.loss
    if isinstance(loss, CrossEntropy | BinaryCrossEntropy) and is_library_code(loss.probabilities):
        if not loss.from_logits:
            return [("probabilities", "Identity", {})]
        if isinstance(loss, CrossEntropy):
            return [("probabilities", "Softmax", {"axis": -1})]
        return [("probabilities", "Sigmoid", {})]
    return [("mean", "Exp", {})] if loss.has_log_link else []


def is_long(scaling: Standardize | Table | None) -> bool:
    """Whether what is scaled needs float64 until then."""
    return isinstance(scaling, Standardize) and scaling.needs_float64


def _kind(dtype: np.dtype[Any], scaling: Standardize | Table | None = None) -> int:
    return TensorProto.DOUBLE if dtype == np.float64 or is_long(scaling) else TensorProto.FLOAT


def _inputs(model: Model, graph: Graph, outputs: Sequence[str]) -> tuple[list[Any], dict[int, Value]]:
    """The file's inputs, and what the network is given: values by their first column in a row."""
    network, scaling, shapes = model.network, model.preprocessing, input_shapes(model.network)
    whole = 1, *(network.input_shape or ())
    if isinstance(scaling, Table):
        _check_names("a column", [column.name for column in used_columns(scaling)], outputs)
        inputs, features = emit_table(scaling, graph)
        return inputs, {0: Value(features, whole)}
    _check_names("an input", shapes, outputs)
    takes = _kind(network.dtype, scaling)
    graph.taken.update(shapes)
    inputs = [helper.make_tensor_value_info(name, takes, ["batch", *shape]) for name, shape in shapes.items()]
    if scaling is None:
        columns = parts_of(shapes)
        return inputs, {columns[name].start: Value(name, (1, *shape)) for name, shape in shapes.items()}
    value = "x"
    if len(shapes) > 1:
        rows = (graph.add("Flatten", name, axis=1) if len(shape) > 1 else name for name, shape in shapes.items())
        value = graph.add("Concat", *rows, axis=1)
    mean, scale = _constants(graph, scaling, network.input_shape or (), "")
    value = graph.add("Div", graph.add("Sub", value, mean), scale)
    number = _kind(network.dtype)
    return inputs, {0: Value(value if takes == number else graph.add("Cast", value, to=number), whole)}


def _check_names(what: str, names: Iterable[str], outputs: Sequence[str]) -> None:
    for name in names:
        if name in ("", *outputs):
            raise ConfigurationError(
                where="export_onnx",
                received=f"{what} called {name!r}",
                expected=f"names of inputs: not empty, and not {' or '.join(map(repr, outputs))}",
                fix="rename it, and learn the model anew",
            )


def _bent(graph: Graph, value: str, scaling: Standardize, shape: Shape) -> str:
    """The rest of a ``TargetScaling``: e^y − 1, and the bounds."""
    if not isinstance(scaling, TargetScaling):
        return value
    dtype = np.float64 if is_long(scaling) else graph.dtype
    if scaling.logarithm:
        value = graph.add("Sub", graph.add("Exp", value), graph.constant("target_one", np.ones(1), dtype=dtype))
    for kind, bound in (("Max", scaling.low), ("Min", scaling.high)):
        if bound is not None:
            given = np.broadcast_to(bound, shape)[None]
            value = graph.add(kind, value, graph.constant(f"target_{kind.lower()}", given, dtype=dtype))
    return value


def _constants(graph: Graph, scaling: Standardize, shape: Shape, prefix: str) -> tuple[str, str]:
    """Mean and scale with an axis for the batch, as constants."""
    axes, dtype = max(len(shape), 1), np.float64 if is_long(scaling) else graph.dtype
    mean, scale = (a.reshape((1,) * (axes + 1 - a.ndim) + a.shape) for a in (scaling.mean, scaling.scale))
    return graph.constant(f"{prefix}mean", mean, dtype=dtype), graph.constant(f"{prefix}scale", scale, dtype=dtype)
