"""An ONNX graph to be read: the part that its output needs, which values are constants, and what all of them are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from math import prod
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.axes import Step, axis_after
from glassnet.interop.onnx.node import plain
from glassnet.interop.onnx.operators import refusal
from glassnet.interop.onnx.outputs import chosen, needed

Values = dict[str, Array]
BATCHES = 4, 7
"""Rows with which a graph with a free batch axis is run before it is read."""
MOST_NODES = 10_000
FEW_ELEMENTS = 1 << 20
"""Elements that a value may have for each row, whatever the file."""
MOST_GROWTH = 4096
"""How many times as many elements a row of a value may have as the input's row and the weights together: more than
images grow by where they are made from a few numbers."""
GROWING = ("Pad", "Expand", "Tile", "ConstantOfShape", "Resize", "Upsample", "Range", "OneHot", "EyeLike")
"""Operators whose inputs may say how large their output is."""
MOST_AXES_GIVEN = 64
"""Numbers of an input that are looked at as sizes."""
MOST_ELEMENTS = 2**28
"""A value for these has no more elements."""
MOST_TOGETHER = 2**30
"""Nor have all values for these together, which are there at once."""
SLOW, MANY = ("AveragePool", "Conv", "ConvTranspose", "MaxPool"), 50_000
"""Operators that the reference evaluator takes long for, and on how many numbers."""
NO_CONSTANTS = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")


class Source:
    """The part of a file's graph that one of its outputs needs.

    Args:
        proto: the file, checked.
        output: the wanted output; None for the one that is about numbers.
        where: for messages.

    Attributes:
        input: the name of its input.
        output: the name of the value that is read.
        nodes: what lies between, in order.
        depends: names of the values that the input's numbers go into; others may depend on the number of rows.
        constants: values that are the same for any rows.
        rows: the shape of a row of each value that has as many rows as the input, along its first axis.
        turned: likewise of values that have them along another axis, with that axis.
        beside: what does not depend on the input's numbers, in several runs.
        looked_at: the numbers of rows of these runs.
        shapes: of all values in the first of them.
        dtype: of the network to be, float64 where anything is calculated so.
        batch: the number of rows that the file says; None where it is free.
    """

    def __init__(self, proto: Any, *, output: str | None, where: str) -> None:
        from onnx import numpy_helper

        graph = proto.graph
        self.where = where
        self._proto = proto
        self.constants: Values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.output = chosen(graph, output, set(self.constants), where)
        self.nodes = needed(graph.node, self.output)
        last = self.nodes[-1] if self.nodes else None
        if last is not None and (proto.producer_name, last.op_type) == ("skl2onnx", "Reshape"):
            # To (-1, 1) behind a regressor, which of several targets makes rows of their own.
            is_column = np.array_equal(self.constants.get(last.input[1], 0), [-1, 1])
            self.output = last.input[0] if is_column else self.output
            self.nodes = needed(graph.node, self.output)
        if len(self.nodes) > MOST_NODES:
            raise refusal(where, f"{len(self.nodes)} operators", f"export a network of {MOST_NODES} at most")
        used = {name for node in self.nodes for name in node.input} | {self.output}
        sparse = [tensor.values.name for tensor in graph.sparse_initializer if tensor.values.name in used]
        if sparse:
            raise refusal(where, f"the sparse weight {sparse[0]!r}", "export it with dense weights")
        inputs = [v for v in graph.input if v.name not in self.constants and v.name in used]
        if len(inputs) != 1:
            names = f" ({', '.join(repr(v.name) for v in inputs)})" if inputs else ", none that the output depends on"
            raise refusal(where, f"{len(inputs)} inputs{names}", "export a network with a single input")
        self.input = inputs[0].name
        self.batch, self.shape, self.kind = self._input(inputs[0])
        self.versions = {plain(opset.domain): opset.version for opset in proto.opset_import}
        self.depends = {self.input}
        for node in self.nodes:
            if node.op_type not in ("Shape", "Size") and self.depends & set(node.input):
                self.depends.update(name for name in node.output if name)
        self.initializers = [t for t in graph.initializer if t.name in used]
        own = prod(self.shape) + sum(prod(tensor.dims) for tensor in self.initializers)
        self.most_elements = min(MOST_ELEMENTS, max(FEW_ELEMENTS, MOST_GROWTH * own))
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.rows: dict[str, Shape] = {}
        self.turned: dict[str, tuple[Shape, int]] = {}
        self.beside: dict[str, list[Array]] = {}
        self.looked_at = BATCHES if self.batch is None else (self.batch,)
        self.shapes: dict[str, Shape] = {}

    def _input(self, value: Any) -> tuple[int | None, Shape, np.dtype[Any]]:
        """The number of rows, the shape of one and the dtype."""
        from onnx import helper

        kind = value.type.tensor_type
        sizes: list[Any] = [dim.dim_value or dim.dim_param or "?" for dim in kind.shape.dim]
        if len(sizes) < 2 or not all(isinstance(size, int) and size > 0 for size in sizes[1:]):
            fix = "export it with fixed sizes of all axes but the first"
            raise refusal(self.where, f"an input of shape {sizes}", fix)
        rows = max(BATCHES) if isinstance(sizes[0], str) else sizes[0]
        if rows < 0 or prod(sizes[1:]) * rows > MOST_ELEMENTS:
            raise refusal(self.where, f"an input of shape {sizes}", "export a smaller network")
        is_known = kind.elem_type in helper.get_all_tensor_dtypes()
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type) if is_known else None
        if dtype is None or dtype.kind not in "fiu":
            found = f"the kind {kind.elem_type}" if dtype is None else dtype
            raise refusal(self.where, f"an input of {found}", "export it with an input of numbers")
        return sizes[0] if isinstance(sizes[0], int) else None, tuple(sizes[1:]), np.dtype(dtype)

    def look(self) -> tuple[Any, str] | None:
        """Runs the graph on zeros, which finds constants, the shapes of rows and the dtype.

        Returns:
            None; or the node that cannot be run, and why.

        Raises:
            ConfigurationError: it makes values that are too large.
        """
        batches = self.looked_at
        seen: list[Values] = []
        stuck = None
        for rows in batches:
            self._require_small(rows)
            seen.append({})
            try:
                self._run(np.zeros((rows, *self.shape), self.kind), seen[-1])
            except _StuckError as error:
                stuck = error.node, error.reason
        random = {name for node in self.nodes if node.op_type in NO_CONSTANTS for name in node.output}
        for name in set.intersection(*(set(values) for values in seen)) - self.depends:
            self.beside[name] = [values[name] for values in seen]
            if name not in random and all(np.array_equal(seen[0][name], values[name]) for values in seen[1:]):
                self.constants[name] = seen[0][name]
        self.shapes = {name: np.shape(value) for name, value in seen[0].items()}
        self._find_rows(seen, batches)
        beside = {name for node in self.nodes if self.depends & set(node.input) for name in node.input}
        floats = {a.dtype for name, a in self.constants.items() if name in beside and a.dtype.kind == "f"}
        if np.dtype(np.float64) in floats or (not floats and self.kind == np.float64):
            self.dtype = np.dtype(np.float64)
        return stuck

    def _find_rows(self, seen: Sequence[Values], batches: Sequence[int]) -> None:
        """Finds which axis of each value has the rows."""
        from onnx import helper

        axes: dict[str, int | None] = {self.input: 0}
        self.rows[self.input] = self.shape
        known = set.intersection(*map(set, seen))
        for node in self.nodes:
            data = [place for place, name in enumerate(node.input) if name in self.depends]
            given = {axes.get(node.input[place]) for place in data}
            axis = given.pop() if len(given) == 1 else None
            attributes = {own.name: helper.get_attribute_value(own) for own in node.attribute}
            others = {i: seen[0][n] for i, n in enumerate(node.input) if n in seen[0] and i not in data}
            for place, name in enumerate(node.output):
                if name not in self.depends & known or not data or node.input[data[0]] not in known:
                    continue
                before, after = ([np.shape(values[own]) for values in seen] for own in (node.input[data[0]], name))
                own = None
                if axis is not None:
                    step = Step(attributes, place, axis, data[0] == 0, before, after, batches, others)
                    own = axis_after(node.op_type, step)
                if own is None:  # by its shape: what comes of rows in another shape may be rows again
                    is_first = all(s[:1] == (n,) and s[1:] == after[0][1:] for s, n in zip(after, batches, strict=True))
                    own = 0 if is_first else None
                axes[name] = own
                if own is not None:
                    row = (*after[0][:own], *after[0][own + 1 :])
                    self.rows |= {name: row} if own == 0 else {}
                    self.turned |= {name: (row, own)} if own else {}

    def first_without_rows(self) -> Any | None:
        """The first operator that takes values with rows and gives one without, if what is read has none."""
        placed = self.rows.keys() | self.turned.keys()
        if self.output in placed:
            return None
        for node in self.nodes:
            given = [name for name in node.input if name in self.depends]
            if given and placed.issuperset(given) and not placed.issuperset(self.depends & set(node.output)):
                return node
        return None

    def run(self, rows: Array) -> Values:
        """Every value of the graph for rows (N, ...), by onnx's reference evaluator.

        Where that lacks an operator, or takes long, by onnxruntime if it is installed.

        Raises:
            ConfigurationError: neither can run it.
        """
        values = dict(self.constants)
        try:
            self._run(rows, values)
        except _StuckError as error:
            node = f"{error.node.op_type} {error.node.name or error.node.output[0]!r}"
            raise refusal(self.where, f"{node}, which cannot be run ({error.reason})", "export it again") from error
        return values

    def _run(self, rows: Array, values: Values) -> None:
        """Adds to the values known so far all others."""
        from onnx import numpy_helper

        values[self.input] = rows
        values |= {t.name: numpy_helper.to_array(t) for t in self.initializers if t.name not in values}
        together = sum(np.size(value) for value in values.values())
        for node in self.nodes:
            names = [name for name in node.output if name]
            if not all(name in values for name in names):
                given = {name: values[name] for name in node.input if name}
                self._require_small_output(node, given, len(rows))
                values.update(zip(names, self._applied(node, given), strict=False))
                together += sum(np.size(values.get(name, ())) for name in names)
                self._require_few_together(together)

    def _applied(self, node: Any, given: Values) -> list[Array]:
        """What a node gives."""
        from onnx import helper

        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in given.items()
        ]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = helper.make_graph([node], "node", inputs, outputs)
        model = helper.make_model(graph, opset_imports=self._proto.opset_import, ir_version=self._proto.ir_version)
        ways = [_by_reference, *([_by_runtime] if find_spec("onnxruntime") is not None else [])]
        if _runs_otherwise(node, self.versions.get("", 0), given):
            ways = ways[1:]
        elif node.op_type in SLOW and sum(value.size for value in given.values()) > MANY:
            ways.reverse()
        reasons = ["onnx's reference evaluator does not do what ONNX says here, and there is no onnxruntime"]
        for way in ways:
            try:
                return way(model, given)
            except Exception as error:  # noqa: BLE001 - whatever an operator stumbles over
                reasons.append(f"{type(error).__name__}: {error}")
        raise _StuckError(node, " ".join(reasons[:2][-1].split())[:200])

    def _require_small(self, rows: int) -> None:
        """Refuses values that are too large, as far as their shapes can be told."""
        import onnx
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(self.kind)
        given = [helper.make_tensor_value_info(self.input, kind, [rows, *self.shape])]
        outputs = [helper.make_empty_tensor_value_info(self.output)]
        graph = helper.make_graph(self.nodes, "part", given, outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=self._proto.opset_import, ir_version=self._proto.ir_version)
        try:
            model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        except (onnx.shape_inference.InferenceError, ValueError) as error:
            raise refusal(
                self.where,
                f"operators that do not fit each other ({' '.join(str(error).split())[:200]})",
                "run onnx.checker.check_model(path, full_check=True) on it, and export it again",
            ) from error
        values = [*model.graph.value_info, *model.graph.output]
        for value in values:
            self._require_few(value, rows)
        self._require_few_together(sum(prod(dim.dim_value for dim in v.type.tensor_type.shape.dim) for v in values))

    def _require_small_output(self, node: Any, given: Values, rows: int) -> None:
        """The same for a node by what it is given, before it is run: sizes may be calculated."""
        import onnx
        from onnx import helper, numpy_helper

        if node.op_type not in GROWING:
            return
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in given.items()
        ]
        sizes = [numpy_helper.from_array(value, name) for name, value in given.items() if value.size <= MOST_AXES_GIVEN]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = helper.make_graph([node], "node", inputs, outputs, sizes)
        model = helper.make_model(graph, opset_imports=self._proto.opset_import, ir_version=self._proto.ir_version)
        try:
            model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        except (onnx.shape_inference.InferenceError, ValueError):
            return  # whoever runs it says what is wrong
        for value in model.graph.output:
            self._require_few(value, rows)

    def _require_few(self, value: Any, rows: int) -> None:
        """Refuses a value of more elements than a file with such inputs and weights has a use for."""
        sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if prod(sizes) > min(MOST_ELEMENTS, self.most_elements * max(rows, 1)):
            raise refusal(
                self.where,
                f"the value {value.name!r} of shape {sizes}, with {prod(sizes):,} elements out of an input of "
                f"{prod(self.shape):,} a row",
                f"export a network whose values have at most {self.most_elements:,} elements a row",
            )

    def _require_few_together(self, elements: int) -> None:
        if elements > MOST_TOGETHER:
            raise refusal(
                self.where,
                f"values with {elements:,} elements together, out of an input of {prod(self.shape):,} a row",
                f"export a network for smaller inputs, whose values have at most {MOST_TOGETHER:,} together",
            )


class _StuckError(Exception):
    """A node that cannot be run."""

    def __init__(self, node: Any, reason: str) -> None:
        super().__init__(reason)
        self.node, self.reason = node, reason


def _runs_otherwise(node: Any, version: int, given: Values) -> bool:
    """Whether onnx's reference evaluator has another version of the operator, or only its form for images."""
    from onnx import helper

    rank = given[node.input[0]].ndim if node.input and node.input[0] in given else 0
    if node.op_type == "Softmax" and version < 13:  # of all axes from one on, there along one
        axis = next((helper.get_attribute_value(own) for own in node.attribute if own.name == "axis"), 1)
        return rank > 2 and axis not in (-1, rank - 1)
    if node.op_type == "BatchNormalization" and version < 14:  # with a mode that it did not have then
        return True
    return node.op_type == "GlobalMaxPool" and rank != 4


def _by_reference(model: Any, given: Values) -> list[Array]:
    from onnx.reference import ReferenceEvaluator

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found: Any = ReferenceEvaluator(model).run(None, given)
    return [np.asarray(value) for value in found]


def _by_runtime(model: Any, given: Values) -> list[Array]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(value) for value in session.run(None, given)]
