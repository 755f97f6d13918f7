"""A model as an ONNX file, checked before it is said to be written."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.ending import to_the_end
from glassnet.core.errors import ConfigurationError, require_extra, shown
from glassnet.core.files import require_writable, write_atomically
from glassnet.core.kinds import ONNX
from glassnet.core.settings import whole
from glassnet.core.shapes import Array
from glassnet.interop.lengths import warn_of_lengths
from glassnet.many import Ensemble, as_one_model
from glassnet.model import Model
from glassnet.network.packing import unpacked
from glassnet.preprocessing import Standardize
from glassnet.tables import Table
from glassnet.tables.surprises import gathered

OPSET, OLDEST_OPSET = 22, 21
"""The version of the operators that is written, and the oldest that has all of them as they are used here."""
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

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1))
        >>> _ = net.build(2)
        >>> with TemporaryDirectory() as folder:
        ...     report = gn.interop.export_onnx(gn.Model(net, "mean_squared_error", "sgd"), Path(folder, "model.onnx"))
        >>> report.opset >= 21, report.path.name, (report.largest_difference or 0.0) < 1e-5
        (True, 'model.onnx', True)
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
@to_the_end()
def export_onnx(model: Model | Ensemble, path: str | Path, *, opset: int = OPSET) -> OnnxReport:
    """Writes the model's prediction as an ONNX file.

    Its input ``x`` (batch, ...) takes raw rows in the model's dtype; ``preprocessing`` is part of the file. Where
    ``preprocessing.needs_float64``, x is float64 and scaled so, because float32 would lose the digits that tell rows
    apart; with ``target_scaling`` the same holds of ``outputs``. A model with a ``Table`` has an input (batch, 1) for
    each column that the table uses, called as the column: strings for categories, with the empty string for what is
    missing (unless it is a category itself); float64 for everything else, with NaN for what is missing, 1 and 0 for
    truth, and days since 1970 for times. A ``Graph`` with several inputs, or outputs, has these by their names.

    ``outputs`` is what ``model.predict`` gives, in the targets' own unit; for a loss about classes ``probabilities`` is
    what ``model.predict_proba`` gives, and for ``Poisson`` and ``Gamma`` ``mean`` is what ``model.predict_mean`` gives.
    The number of rows is free. The file's properties ``feature_names``, ``class_names`` and ``target_name`` say what
    the model knows of them, as JSON.

    The operators stand for the kernels that a forward pass calls: layers of one's own that call glassnet's kernels, and
    do nothing else with the rows, are written as well.

    Args:
        model: built; of an ensemble one graph averages the members.
        path: the file.
        opset: the version of the operators, 21 or newer.

    Returns:
        A report; print it. The file has passed ONNX's checker and, where onnxruntime is installed, was run there.

    Raises:
        NotBuiltError: there is nothing to write yet.
        MissingExtraError: onnx is not installed.
        ConfigurationError: a kernel that no operator stands for, or a layer that calculates in Python: it is named; an
            opset that is too old, or newer than the installed onnx; a table's column that ONNX cannot express; an
            input that is called as an output is; the path cannot be written.
        WriteError: the disk is full or failing.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(3))
        >>> _ = net.build(2)
        >>> model = gn.Model(net, "cross_entropy", "adam")
        >>> with TemporaryDirectory() as folder:
        ...     report = gn.interop.export_onnx(model, Path(folder, "model.onnx"))
        >>> report.operators, report.inputs
        ({'Gemm': 2, 'Relu': 1, 'Identity': 1, 'Softmax': 1}, ('x',))
    """
    require_extra("onnx", extra="onnx", expected="onnx for writing its files", where="export_onnx")
    target = require_writable(path, ONNX, where="export_onnx")
    model = as_one_model(model, "export_onnx")
    model.require_built("export_onnx")
    model.refuse_forecasting("export_onnx")
    import onnx

    from glassnet.interop.onnx.proto import make_proto

    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= whole(opset, "opset", "export_onnx") <= newest:
        raise ConfigurationError(
            where="export_onnx",
            received=f"opset={opset}",
            expected=f"{OLDEST_OPSET} to {newest}",
            fix=f"leave opset out for {OPSET}",
        )
    try:
        proto = make_proto(model, opset)
    except UnicodeEncodeError as error:
        raise ConfigurationError(
            where="export_onnx",
            received=f"the text {shown(error.object, 100)}, which holds half a character",
            expected="names of columns, classes and layers that UTF-8 has",
            fix="rename it; such halves come from file names in another encoding",
        ) from error
    onnx.checker.check_model(proto, full_check=True)
    content = proto.SerializeToString()
    difference = _difference(model, content) if find_spec("onnxruntime") is not None else None
    write_atomically(target, content, ONNX)
    kinds = [node.op_type for node in proto.graph.node]
    operators = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    warn_of_lengths(model, where="export_onnx")
    return OnnxReport(target, opset, operators, difference, tuple(value.name for value in proto.graph.input))


def _tried(model: Model) -> tuple[Any, dict[str, Array]]:
    """Rows for the model, and the same as the file takes them."""
    from glassnet.interop.onnx.proto import input_shapes, is_long

    network, scaling = model.network, model.preprocessing
    if isinstance(scaling, Table):
        from glassnet.interop.onnx.table import as_inputs, example_rows

        table_rows = example_rows(scaling)
        return table_rows, as_inputs(scaling, table_rows)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(CHECKED_ROWS, *(network.input_shape or ())))
    if scaling is not None:  # rows as raw ones are
        rows = scaling.invert(rows)
    rows = network.demands.fulfilled_by(rows, rng).astype(np.float64 if is_long(scaling) else network.dtype)
    shapes = input_shapes(network)
    return rows, unpacked(rows, shapes) if len(shapes) > 1 else dict.fromkeys(shapes, rows)


def _difference(model: Model, content: bytes) -> float:
    """How far onnxruntime's outputs lie from the model's at most."""
    import onnxruntime

    from glassnet.interop.onnx.proto import output_shapes

    rows, inputs = _tried(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    names = list(output_shapes(model))
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        found = session.run(names, inputs)
    except Exception as error:
        raise ConfigurationError(
            where="export_onnx",
            received=f"a model that onnxruntime does not take ({' '.join(str(error).split())[:200]})",
            expected="one that it runs; nothing was written",
            fix="export a model in float32: onnxruntime has not every operator for float64",
        ) from error
    with gathered():  # of rows that are made up nothing is to be said
        predicted = model.predict(rows)
    expected = [predicted[name] for name in names] if isinstance(predicted, dict) else [predicted]
    return max(_compared(model, *pair) for pair in zip(found, expected, strict=True))


def _compared(model: Model, found: Array, expected: Array) -> float:
    """The largest difference of an output from the model's, where that is no more than rounding."""
    difference = float(np.abs(found - expected).max())
    scaling = model.target_scaling or Standardize()  # in the unit of the network's outputs, whatever the mean
    found, expected = scaling.apply(found, np.float64), scaling.apply(expected, np.float64)
    allowed = TOLERANCE[str(model.network.dtype)] * max(1.0, float(np.abs(expected).max()))
    if not float(np.abs(found - expected).max()) <= allowed:
        raise ConfigurationError(
            where="export_onnx",
            received=f"outputs of onnxruntime that differ from the model's by {np.abs(found - expected).max():.2g}",
            expected=f"at most {allowed:.2g}{', standardised' if model.target_scaling else ''}; nothing was written",
            fix="report this with the network's summary; a model in float64 shows whether it is rounding",
        )
    return difference
