"""Random small ONNX graphs: operators that layers express and some that none does, with settings right and wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

Shape = tuple[int, ...]
OPSETS = 11, 13, 17, 18, 21


def kind_of(array: np.ndarray) -> int:
    """ONNX's number of the dtype."""
    return helper.np_dtype_to_tensor_dtype(array.dtype)


class Builder:
    """A graph in the making, of which each node has been run.

    Args:
        seed: of everything that is drawn.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = int(self.pick(OPSETS))
        self.batch = int(self.pick([1, 2, 3]))
        row = [(4,), (6,), (3, 5), (4, 4), (2, 4, 4), (3, 5, 6), (1, 4, 6)]
        self.row: Shape = row[self.rng.integers(len(row))]
        self.is_free = bool(self.rng.integers(3))
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.values = {"x": self.rng.normal(size=(self.batch, *self.row)).astype(np.float32)}
        self.seen = dict(self.values)
        self.last = "x"

    def pick(self, choices: Any) -> Any:
        """One of them."""
        return choices[self.rng.integers(len(choices))]

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """A constant: an initializer, the output of a node, or behind an operator that does nothing."""
        name, array = f"c{len(self.seen)}", np.asarray(values, dtype)
        self.seen[name] = array
        way = self.rng.integers(5)
        if way == 0 and array.ndim == 2 and dtype == np.float32:
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array.T), f"{name}_t"))
            self.nodes.append(helper.make_node("Transpose", [f"{name}_t"], [name], perm=[1, 0]))
        elif way == 1:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, name)))
        elif way == 2 and dtype == np.int64 and self.opset >= 13 and array.ndim == 1:
            self.nodes.append(helper.make_node("Constant", [], [name], value_ints=array.tolist()))
        elif way == 3:
            self.constants.append(numpy_helper.from_array(array, f"{name}_i"))
            self.nodes.append(helper.make_node("Identity", [f"{name}_i"], [name]))
        else:
            self.constants.append(numpy_helper.from_array(array, name))
        return name

    def drawn(self, *shape: int) -> str:
        """A constant of random numbers."""
        return self.constant(self.rng.normal(size=shape))

    def add(self, kind: str, *inputs: str, outputs: int = 1, **settings: Any) -> bool:
        """Adds a node if it can be run; what it gives is the last value then."""
        names = [f"v{len(self.seen)}_{i}" for i in range(outputs)]
        node = helper.make_node(kind, list(inputs), names, name=f"node{len(self.nodes)}", **settings)
        given = {name: self.seen[name] for name in inputs if name}
        graph = helper.make_graph(
            [node], "g",
            [helper.make_tensor_value_info(n, kind_of(a), a.shape) for n, a in given.items()],
            [helper.make_empty_tensor_value_info(name) for name in names],
        )  # fmt: skip
        try:
            with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                found = ReferenceEvaluator(self.model_of(graph)).run(None, given)
        except Exception:  # noqa: BLE001 - whatever the evaluator says of settings that do not fit
            return False
        if not all(isinstance(own, np.ndarray) and 0 < own.size < 2000 and np.isfinite(own).all() for own in found):
            return False
        self.nodes.append(node)
        for name, own in zip(names, found, strict=True):
            self.seen[name] = self.values[name] = np.asarray(own)
        self.last = str(self.pick(names))
        return True

    def model_of(self, graph: Any) -> Any:
        """The graph as a model."""
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def model(self) -> Any:
        """With the last value as its output."""
        rows: Any = "N" if self.is_free else self.batch
        kind = kind_of(self.values[self.last])
        axes = [f"a{i}" for i in range(self.values[self.last].ndim)]
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [rows, *self.row])],
            [helper.make_tensor_value_info(self.last, kind, axes)], self.constants,
        )  # fmt: skip
        return self.model_of(graph)

    @property
    def is_old(self) -> bool:
        """Whether it has operators that the reference evaluator runs otherwise than ONNX says of this version."""
        return any(
            (node.op_type in ("Softmax", "BatchNormalization") and self.opset < 14)
            or (node.op_type == "GlobalMaxPool" and self.seen[node.input[0]].ndim != 4)
            for node in self.nodes
        )

    @property
    def shape(self) -> Shape:
        """Of the last value."""
        return tuple(self.values[self.last].shape)

    def another(self) -> str:
        """A value of the same shape, often the last one itself or one before it."""
        same = [name for name, value in self.values.items() if value.shape == self.shape]
        return str(self.pick(same))


def _number_by_number(b: Builder) -> None:
    kind = b.pick(["Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Softplus", "Identity", "Neg", "Gelu", "Erf",
                   "Softsign", "HardSwish", "Cast", "Dropout", "PRelu", "Clip", "Abs"])  # fmt: skip
    if kind == "PRelu":
        b.add(kind, b.last, b.constant(b.pick([[0.3], [0.3] * b.shape[-1], b.rng.uniform(size=b.shape[-1])])))
    elif kind == "Clip":
        limits = b.pick([(-0.5, 0.7), (0, 6), (None, 0.4), (-0.2, None), (0, None), (0.5, -0.5), (-1, 1)])
        names = ["" if limit is None else b.constant(limit) for limit in limits]
        b.add(kind, b.last, *(names[:1] if names[1] == "" else names))
    else:
        settings: dict[str, dict[str, Any]] = {
            "LeakyRelu": b.pick([{}, {"alpha": 0.3}]), "Elu": b.pick([{}, {"alpha": 0.3}]),
            "Gelu": b.pick([{}, {"approximate": "tanh"}]), "Cast": {"to": int(b.pick([1, 1, 7]))},
        }  # fmt: skip
        b.add(kind, b.last, **settings.get(kind, {}))


def _arithmetic(b: Builder) -> None:
    shapes: list[Shape] = [(), (1,), b.shape[-1:], (1, *b.shape[1:]), b.shape[1:], b.shape, (1,) * len(b.shape)]
    if len(b.shape) > 2:
        shapes += [
            (b.shape[1], *(1,) * (len(b.shape) - 2)),
            (1, b.shape[1], *(1,) * (len(b.shape) - 2)),
            (2, *b.shape[1:]),
        ]
    values = b.rng.normal(size=b.pick(shapes))
    other = b.constant(np.where(np.abs(values) < 0.2, 0.5, values))
    pair = b.pick([(b.last, other), (b.last, other), (other, b.last)])
    b.add(b.pick(["Add", "Sub", "Mul", "Div"]), *pair)


def _joined(b: Builder) -> None:
    kind = b.pick(["Add", "Add", "Sub", "Mul", "Concat", "Concat", "Max"])
    if kind != "Concat":
        b.add(kind, b.last, b.another())
        return
    axis = int(b.rng.integers(-1, len(b.shape)))
    other = b.pick([b.another(), b.another(), b.drawn(*b.shape)])
    b.add(kind, *b.pick([(b.last, other), (other, b.last), (b.last, other, b.last)]), axis=axis)


def _spelt(b: Builder) -> None:
    """x σ(y) and GELU, right and nearly so."""
    x, of = b.last, b.pick([b.last, b.another()])
    if b.rng.integers(2):
        factor = b.pick([None, None, 1.702])
        if factor is not None:
            b.add("Mul", of, b.constant(factor))
            of = b.last
        b.add("Sigmoid", of)
        b.add("Mul", *b.pick([(x, b.last), (b.last, x)]))
        return
    b.add("Div", of, b.constant(b.pick([np.sqrt(2), np.sqrt(2), 1.4])))
    b.add("Erf", b.last)
    b.add("Add", b.last, b.constant(1.0))
    b.add("Mul", x, b.last)
    b.add("Mul", b.last, b.constant(b.pick([0.5, 0.5, 0.45])))


def _product(b: Builder) -> None:
    width = int(b.rng.integers(1, 6))
    if len(b.shape) == 2 and b.rng.integers(3):
        settings = b.pick([{}, {}, {"alpha": 0.5}, {"beta": 2.0}, {"transA": 1}])
        swapped = bool(b.rng.integers(2))
        weight = b.drawn(*((width, b.shape[1]) if swapped else (b.shape[1], width)))
        bias = b.pick(
            [[], [(width,)], [(width,)], [(1, width)], [(b.shape[0], width)], [(1,)], [()], [(b.shape[0], 1)]]
        )
        b.add(
            "Gemm",
            b.last,
            weight,
            *(b.drawn(*shape) for shape in bias),
            **settings,
            **({"transB": 1} if swapped else {}),
        )
    elif b.rng.integers(4):
        b.add("MatMul", b.last, b.drawn(b.shape[-1], width))
    else:
        b.add("MatMul", b.drawn(width, b.shape[-2]), b.last)


def _arranged(b: Builder) -> None:
    kind = b.pick(
        ["Flatten", "Reshape", "Reshape", "Transpose", "Transpose", "Squeeze", "Unsqueeze", "Gather", "Slice", "Split"]
    )
    rank, size = len(b.shape), int(np.prod(b.shape[1:]))
    axis = int(b.rng.integers(-1, rank))
    if kind == "Flatten":
        b.add(kind, b.last, axis=int(b.pick([1, 1, 0, 2, -1])))
    elif kind == "Reshape":
        shapes = [[0, -1], [-1, size], [b.batch, size], [-1, 1, size], [0, size, 1], [-1], [0, -1, 1, 1], [0, 0, -1],
                  [-1, 1], [size, -1], [b.batch, *b.shape[:0:-1]]]  # fmt: skip
        b.add(kind, b.last, b.constant(b.pick(shapes), np.int64))
    elif kind == "Transpose":
        inner = [int(i) for i in b.rng.permutation(np.arange(1, rank))]
        b.add(kind, b.last, perm=b.pick([[0, *inner], [0, *inner], [int(i) for i in b.rng.permutation(rank)]]))
    elif kind in ("Squeeze", "Unsqueeze"):
        axes = [int(b.pick([axis, 1, rank - 1, 0]))]
        given = {"axes": axes} if b.opset < 13 else {}
        b.add(kind, b.last, *([] if b.opset < 13 else [b.constant(axes, np.int64)]), **given)
    elif kind == "Gather":
        indices = b.pick([[0], [1, 0], 1, [-1], [0, 0], [[0, 1]]])
        b.add(kind, b.last, b.constant(indices, np.int64), axis=axis)
    elif kind == "Split":
        half = b.shape[axis] // 2
        sizes = [half, b.shape[axis] - half]
        if half and b.opset >= 13:
            b.add(kind, b.last, b.constant(sizes, np.int64), outputs=2, axis=axis)
    else:
        cuts = b.pick([([0], [2]), ([1], [2**31]), ([-1], [-(2**31)]), ([0], [1])])
        steps = [-1] if cuts[0] == [-1] else [1]
        b.add(kind, b.last, *(b.constant(own, np.int64) for own in (*cuts, [axis], steps)))


def _windows(b: Builder) -> None:
    axes = len(b.shape) - 2
    if axes < 1:
        return
    window = [int(n) for n in b.rng.integers(1, 4, axes)]
    border: dict[str, Any] = b.pick([
        {}, {}, {"pads": [1] * (2 * axes)}, {"pads": [0] * axes + [1] * axes},
        {"pads": [n - 1 for n in window] + [0] * axes},
        {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}, {"auto_pad": "VALID"},
    ])  # fmt: skip
    shared: dict[str, Any] = border | b.pick([{}, {"strides": [2] * axes}])
    kind = b.pick(
        ["Conv", "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax"]
    )
    if kind == "Conv":
        channels, groups = b.shape[1], int(b.pick([1, 1, b.shape[1]]))
        filters = groups * int(b.rng.integers(1, 3))
        bias = [b.drawn(filters)] if b.rng.integers(2) else []
        apart = {} if "auto_pad" in border else {"dilations": [2] * axes}
        shared |= b.pick([{}, {}, apart]) | ({"group": groups} if groups > 1 else {})
        b.add(kind, b.last, b.drawn(filters, channels // groups, *window), *bias, **shared)
    elif kind.startswith("Global"):
        b.add(kind, b.last)
    elif kind.startswith("Reduce"):
        places = b.pick([[-1], list(range(2, axes + 2)), [1], [0], [1, -1], list(range(axes + 2))])
        as_input = b.opset >= 18
        given = [b.constant(places, np.int64)] if as_input else []
        b.add(kind, b.last, *given, keepdims=int(b.rng.integers(2)), **({} if as_input else {"axes": places}))
    else:
        shared |= b.pick([{}, {}, {"ceil_mode": 1}]) | (
            b.pick([{}, {"count_include_pad": 1}]) if kind == "AveragePool" else {}
        )
        b.add(kind, b.last, kernel_shape=window, **shared)


def _normal(b: Builder) -> None:
    channels = b.shape[1]
    kind = b.pick(["BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "Softmax",
                   "Softmax", "Softmax", "LogSoftmax"])  # fmt: skip
    if kind == "BatchNormalization":
        variance = b.constant(b.rng.uniform(0.5, 2, channels))
        given = [b.drawn(channels), b.drawn(channels), b.drawn(channels), variance]
        b.add(kind, b.last, *given, **b.pick([{}, {"epsilon": 0.01}]))
    elif kind == "LayerNormalization":
        axis = int(b.pick([-1, -1, 1]))
        inner = b.shape[axis:]
        b.add(kind, b.last, b.drawn(*inner), *b.pick([[], [b.drawn(*inner)]]), axis=axis)
    elif "Softmax" in kind:
        b.add(kind, b.last, **b.pick([{}, {"axis": int(b.rng.integers(-2, len(b.shape)))}]))
    else:
        b.add(kind, b.last, b.drawn(channels), b.drawn(channels), **({"num_groups": 1} if kind[0] == "G" else {}))


def _larger(b: Builder) -> None:
    rank = len(b.shape)
    if b.rng.integers(2):
        pads = b.rng.integers(0, 2, 2 * rank) * (np.arange(2 * rank) % rank > b.pick([0, 1, 1]))
        value = b.pick([[], [b.constant(0.0)], [b.constant(1.5)]])
        b.add("Pad", b.last, b.constant(pads, np.int64), *value, **b.pick([{}, {"mode": "edge"}]))
        return
    scales = b.constant(
        b.pick([[1.0] * 2 + [2.0] * (rank - 2), [1.0, *[2.0] * (rank - 1)], [1.0] * 2 + [1.5] * (rank - 2)])
    )
    way = b.pick([
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, {}, {"mode": "linear"},
        {"coordinate_transformation_mode": "align_corners"},
    ])  # fmt: skip
    b.add("Resize", b.last, "", scales, **way)


STEPS: tuple[Callable[[Builder], None], ...] = (
    _number_by_number, _number_by_number, _arithmetic, _arithmetic, _joined, _spelt, _product, _product, _arranged,
    _arranged, _windows, _windows, _normal, _larger,
)  # fmt: skip


def random_graph(seed: int, nodes: int) -> Builder:
    """A graph of about so many nodes."""
    builder = Builder(seed)
    for _ in range(nodes):
        if len(builder.shape) > 1:
            builder.pick(STEPS)(builder)
    if builder.last == "x":
        builder.add("Relu", "x")
    return builder
