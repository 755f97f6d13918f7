"""A model as an ONNX file, checked before it is said to be written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, MissingExtraError
from glassnet.core.files import require_writable, write_atomically
from glassnet.core.settings import whole
from glassnet.core.shapes import Array
from glassnet.interop.own import refuse_own_layers
from glassnet.losses import BinaryCrossEntropy, CrossEntropy
from glassnet.model import Model
from glassnet.preprocessing import Standardize
from glassnet.runners.base import is_library_code
from glassnet.tables import Table
from glassnet.tables.surprises import gathered
from glassnet.version import __version__

OPSET, OLDEST_OPSET, IR_VERSION = 22, 21, 10
"""The version of the operators that is written, the oldest that has all of them as they are used here, and the version
of the file format that belongs to both."""
CHECKED_ROWS = 16
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
"""How far onnxruntime's outputs may lie from the model's, relative to the largest."""


@dataclass(frozen=True)
class OnnxReport:
    """What came of an export.

    Attributes:
        path: the file.
        opset: the version of its operators.
        operators: how often each occurs.
        largest_difference: between the outputs of onnxruntime and of the model on rows made up for it; None where there
            is no onnxruntime.
        inputs: their names: x, or the columns of a table.
    """

    path: Path
    opset: int
    operators: dict[str, int]
    largest_difference: float | None
    inputs: tuple[str, ...] = ("x",)

    def __str__(self) -> str:
        operators = ", ".join(f"{name} {count}" for name, count in self.operators.items())
        compared = (
            "not run: onnxruntime is not installed"
            if self.largest_difference is None
            else f"onnxruntime differs from the model by {self.largest_difference:.1e} at most"
        )
        inputs = "" if self.inputs == ("x",) else f"inputs {', '.join(self.inputs)}; "
        return f"{self.path}: opset {self.opset}, {inputs}{operators}; checked; {compared}"


@suggests
def export_onnx(model: Model, path: str | Path, *, opset: int = OPSET) -> OnnxReport:
    """Writes the model's prediction as an ONNX file.

    Its input ``x`` (batch, ...) takes raw rows in the model's dtype; ``preprocessing`` is part of the file. Where
    ``preprocessing.needs_float64``, x is float64 and scaled so, because float32 would lose the digits that tell rows
    apart; with ``target_scaling`` the same holds of ``outputs``. A model
    with a ``Table`` has an input (batch, 1) for each column that the table uses, called as the column: strings for
    categories, with the empty string for what is missing (unless it is a category itself); float64 for everything else,
    with NaN for what is missing, 1 and 0 for truth, and days since 1970 for times. ``outputs`` is what
    ``model.predict`` gives, in the targets' own unit; for a loss about classes ``probabilities`` is what
    ``model.predict_proba`` gives, and for ``Poisson`` and ``Gamma`` ``mean`` is what ``model.predict_mean`` gives. The
    number of rows is free. The file's properties ``feature_names``, ``class_names`` and ``target_name`` say what the
    model knows of them, as JSON.

    Args:
        model: built.
        path: the file.
        opset: the version of the operators, 21 or newer.

    Returns:
        A report; print it. The file has passed ONNX's checker and, where onnxruntime is installed, was run there.

    Raises:
        NotBuiltError: there is nothing to write yet.
        MissingExtraError: onnx is not installed.
        ConfigurationError: a layer that is written in Python; an opset that is too old, or newer than the installed
            onnx; a table's column that ONNX cannot express; the path cannot be written.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError(
            where="export_onnx",
            received="no onnx",
            expected="onnx for writing its files",
            fix='run pip install "glassnet[onnx]"',
        )
    target = require_writable(path, where="export_onnx")
    model.require_built("export_onnx")
    refuse_own_layers(model.network, "export_onnx")
    import onnx

    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= whole(opset, "opset", "export_onnx") <= newest:
        raise ConfigurationError(
            where="export_onnx",
            received=f"opset={opset}",
            expected=f"{OLDEST_OPSET} to {newest}",
            fix=f"leave opset out for {OPSET}",
        )
    proto = _proto(model, opset)
    onnx.checker.check_model(proto, full_check=True)
    content = proto.SerializeToString()
    difference = _difference(model, content) if find_spec("onnxruntime") is not None else None
    write_atomically(target, content)
    kinds = [node.op_type for node in proto.graph.node]
    operators = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    return OnnxReport(target, opset, operators, difference, tuple(value.name for value in proto.graph.input))


def _proto(model: Model, opset: int) -> Any:
    from onnx import TensorProto, helper

    from glassnet.interop.onnx.graph import Graph, emit
    from glassnet.interop.onnx.table import emit_table

    network = model.network
    number = TensorProto.DOUBLE if network.dtype == np.float64 else TensorProto.FLOAT
    graph = Graph(network.dtype)
    graph.taken.update(("x", "outputs", "probabilities", "mean"))
    takes = TensorProto.DOUBLE if _is_long(model.preprocessing) else number
    gives = TensorProto.DOUBLE if _is_long(model.target_scaling) else number
    inputs = [helper.make_tensor_value_info("x", takes, ["batch", *(network.input_shape or ())])]
    value = "x"
    if isinstance(model.preprocessing, Table):
        inputs, value = emit_table(model.preprocessing, graph)
    elif isinstance(model.preprocessing, Standardize):
        mean, scale = _constants(graph, model.preprocessing, network.input_shape or (), "")
        value = graph.add("Div", graph.add("Sub", value, mean), scale)
        value = value if takes == number else graph.add("Cast", value, to=number)
    value = emit(network, graph, value)
    if model.target_scaling is not None:
        value = value if gives == number else graph.add("Cast", value, to=gives)
        mean, scale = _constants(graph, model.target_scaling, network.output_shape or (), "target_")
        value = graph.add("Add", graph.add("Mul", value, scale), mean)
    graph.add("Identity", value, output="outputs")
    shapes = {"outputs": network.output_shape or ()}
    if isinstance(model.loss, CrossEntropy | BinaryCrossEntropy) and is_library_code(model.loss.probabilities):
        kind = "Softmax" if isinstance(model.loss, CrossEntropy) else "Sigmoid"
        settings = {"axis": -1} if kind == "Softmax" else {}
        graph.add(kind if model.loss.from_logits else "Identity", "outputs", output="probabilities",
                  **settings if model.loss.from_logits else {})  # fmt: skip
        shapes["probabilities"] = shapes["outputs"]
    elif model.loss.has_log_link:
        graph.add("Exp", "outputs", output="mean")
        shapes["mean"] = shapes["outputs"]
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


def _is_long(scaling: Standardize | Table | None) -> bool:
    return isinstance(scaling, Standardize) and scaling.needs_float64


def _constants(graph: Any, scaling: Standardize, shape: tuple[int, ...], prefix: str) -> tuple[str, str]:
    """Mean and scale with an axis for the batch, as constants."""
    axes, dtype = max(len(shape), 1), np.float64 if _is_long(scaling) else graph.dtype
    mean, scale = (a.reshape((1,) * (axes + 1 - a.ndim) + a.shape) for a in (scaling.mean, scaling.scale))
    return graph.constant(f"{prefix}mean", mean, dtype=dtype), graph.constant(f"{prefix}scale", scale, dtype=dtype)


def _tried(model: Model) -> tuple[Any, dict[str, Array]]:
    """Rows for the model, and the same as the file takes them."""
    network, scaling = model.network, model.preprocessing
    if isinstance(scaling, Table):
        from glassnet.interop.onnx.table import as_inputs, example_rows

        table_rows = example_rows(scaling)
        return table_rows, as_inputs(scaling, table_rows)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(CHECKED_ROWS, *(network.input_shape or ())))
    if scaling is not None:  # rows as raw ones are
        rows = scaling.invert(rows)
    rows = network.demands.fulfilled_by(rows, rng).astype(np.float64 if _is_long(scaling) else network.dtype)
    return rows, {"x": rows}


def _difference(model: Model, content: bytes) -> float:
    """How far onnxruntime's outputs lie from the model's at most."""
    import onnxruntime

    network = model.network
    rows, inputs = _tried(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = session.run(["outputs"], inputs)[0]
    with gathered():  # of rows that are made up nothing is to be said
        expected = model.predict(rows)
    difference = float(np.abs(found - expected).max())
    scaling = model.target_scaling or Standardize()  # in the unit of the network's outputs, whatever the mean
    found, expected = scaling.apply(found, np.float64), scaling.apply(expected, np.float64)
    allowed = TOLERANCE[str(network.dtype)] * max(1.0, float(np.abs(expected).max()))
    if not float(np.abs(found - expected).max()) <= allowed:
        raise ConfigurationError(
            where="export_onnx",
            received=f"outputs of onnxruntime that differ from the model's by {np.abs(found - expected).max():.2g}",
            expected=f"at most {allowed:.2g}{', standardised' if model.target_scaling else ''}; nothing was written",
            fix="report this with the network's summary; a model in float64 shows whether it is rounding",
        )
    return difference
