"""Layers as ONNX operators."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from glassnet import layers as gl
from glassnet.core.errors import ConfigurationError
from glassnet.layers.windows import padding_along, padding_of, pair, span
from glassnet.network import Concat, Residual, Sequential


class Graph:
    """Nodes and constants of a file in the making.

    Args:
        dtype: of all numbers.

    Attributes:
        taken: names that nothing else may have.
        further_operators: sets of operators besides ONNX's own, with their versions.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.taken: set[str] = set()
        self.further_operators: set[tuple[str, int]] = set()

    def unique(self, name: str) -> str:
        """That name, with a number behind it if something is called so already."""
        places = range(len(self.taken) + 1)
        found = next(own for own in (name, *(f"{name}_{i}" for i in places)) if own not in self.taken)
        self.taken.add(found)
        return found

    def add(self, kind: str, *inputs: str, output: str | None = None, **settings: Any) -> str:
        """Adds a node and returns the name of its output."""
        name = output or self.unique(f"{kind.lower()}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(kind, inputs, [name], **settings))
        return name

    def constant(self, name: str, array: Any, *, dtype: Any = None) -> str:
        """Adds a constant and returns its name; by default its numbers get the file's dtype."""
        own = self.unique(name)
        values = np.ascontiguousarray(array, dtype=self.dtype if dtype is None else dtype)
        self.initializers.append(numpy_helper.from_array(values, own))
        return own

    def weights(self, layer: gl.Layer, *names: str) -> list[str]:
        """The layer's parameters of these names as constants."""
        own = layer.own_parameters()
        return [self.constant(f"{layer.path}.{name}", own[name].value) for name in names if name in own]


@singledispatch
def emit(layer: gl.Layer, graph: Graph, x: str) -> str:
    """Adds the layer's prediction on the value x and returns the name of the result.

    Raises:
        ConfigurationError: ONNX has no such layer.
    """
    raise ConfigurationError(
        where=f"export_onnx: layer {layer.path}",
        received=f"{layer!r}",
        expected="layers of glassnet's own; what is written in Python cannot be put into a file",
        fix="express it by built-in layers, or export the network before and after it",
    )


def _by_name(kind: str) -> Any:
    return lambda layer, graph, x: graph.add(kind, x)


for _layer, _kind in ((gl.ReLU, "Relu"), (gl.Sigmoid, "Sigmoid"), (gl.Tanh, "Tanh"), (gl.Softplus, "Softplus")):
    emit.register(_layer, _by_name(_kind))


@emit.register(gl.Identity)
@emit.register(gl.Dropout)
@emit.register(gl.Augment)
def _nothing(layer: gl.Layer, graph: Graph, x: str) -> str:
    return x


@emit.register
def _sequential(layer: Sequential, graph: Graph, x: str) -> str:
    for child in layer.layers:
        x = emit(child, graph, x)
    return x


@emit.register
def _residual(layer: Residual, graph: Graph, x: str) -> str:
    shortcut = x if layer.shortcut is None else emit(layer.shortcut, graph, x)
    return graph.add("Add", shortcut, emit(layer.residual, graph, x))


@emit.register
def _concat(layer: Concat, graph: Graph, x: str) -> str:
    return graph.add("Concat", *(emit(branch, graph, x) for branch in layer.branches), axis=layer.axis)


@emit.register
def _dense(layer: gl.Dense, graph: Graph, x: str) -> str:
    return graph.add("Gemm", x, *graph.weights(layer, "weight", "bias"))


@emit.register
def _leaky_relu(layer: gl.LeakyReLU, graph: Graph, x: str) -> str:
    return graph.add("LeakyRelu", x, alpha=layer.slope)


@emit.register
def _clip(layer: gl.Clip, graph: Graph, x: str) -> str:
    limits = [("low", layer.low), ("high", layer.high)]
    return graph.add("Clip", x, *("" if value is None else graph.constant(name, value) for name, value in limits))


@emit.register
def _scale(layer: gl.Scale, graph: Graph, x: str) -> str:
    shape = (-1, *(1,) * (len(layer.input_shape or ()) - 1 if len(layer.input_shape or ()) == 3 else 0))
    values = ((name, parameter.value.reshape(shape)) for name, parameter in layer.own_parameters().items())
    gamma, beta = (graph.constant(f"{layer.path}.{name}", value) for name, value in values)
    return graph.add("Add", graph.add("Mul", x, gamma), beta)


@emit.register
def _permute(layer: gl.Permute, graph: Graph, x: str) -> str:
    return graph.add("Transpose", x, perm=[0, *layer.order])


@emit.register
def _elu(layer: gl.ELU, graph: Graph, x: str) -> str:
    return graph.add("Elu", x, alpha=layer.alpha)


@emit.register
def _gelu(layer: gl.GELU, graph: Graph, x: str) -> str:
    return graph.add("Gelu", x, approximate="tanh" if layer.approximate else "none")


@emit.register
def _silu(layer: gl.SiLU, graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


@emit.register
def _softmax(layer: gl.Softmax, graph: Graph, x: str) -> str:
    return graph.add("Softmax", x, axis=-1)


@emit.register
def _flatten(layer: gl.Flatten, graph: Graph, x: str) -> str:
    return graph.add("Flatten", x, axis=1)


@emit.register
def _reshape(layer: gl.Reshape, graph: Graph, x: str) -> str:
    return graph.add("Reshape", x, graph.constant("shape", [-1, *layer.shape], dtype=np.int64))


def _sides(padding: Any, image: Any, kernel: Any, stride: Any, dilation: Any = (1, 1)) -> list[int]:
    """Elements of padding as ONNX lists them: all beginnings, then all ends."""
    axes = zip(range(len(image)), image, kernel, stride, dilation, strict=False)
    pads = [padding_of(padding_along(padding, i), *rest) for i, *rest in axes]
    return [before for before, _ in pads] + [after for _, after in pads]


@emit.register
def _conv2d(layer: gl.Conv2D, graph: Graph, x: str) -> str:
    kernel, stride, dilation = (pair(value, "", "") for value in (layer.kernel_size, layer.stride, layer.dilation))
    assert layer.input_shape is not None
    return graph.add(
        "Conv", x, *graph.weights(layer, "weight", "bias"), kernel_shape=kernel, strides=stride, dilations=dilation,
        group=layer.groups, pads=_sides(layer.padding, layer.input_shape[1:], kernel, stride, dilation),
    )  # fmt: skip


@emit.register
def _conv_transpose2d(layer: gl.ConvTranspose2D, graph: Graph, x: str) -> str:
    kernel, stride, dilation = (pair(value, "", "") for value in (layer.kernel_size, layer.stride, layer.dilation))
    assert layer.input_shape is not None
    assert layer.output_shape is not None
    before = [layer.numbers["pad_top"], layer.numbers["pad_left"]]
    after, further = [], []
    for i in (0, 1):  # what is cut off at the end; where that is less than nothing, it is added
        whole = (layer.input_shape[1 + i] - 1) * stride[i] + span(kernel[i], dilation[i])
        cut = whole - layer.output_shape[1 + i] - before[i]
        after.append(max(cut, 0))
        further.append(max(-cut, 0))
    return graph.add(
        "ConvTranspose", x, *graph.weights(layer, "weight", "bias"), kernel_shape=kernel, strides=stride,
        dilations=dilation, group=layer.groups, pads=[*before, *after], output_padding=further,
    )  # fmt: skip


@emit.register
def _conv1d(layer: gl.Conv1D, graph: Graph, x: str) -> str:
    assert layer.input_shape is not None
    assert layer.output_shape is not None
    weight = graph.constant(f"{layer.path}.weight", layer.weight.value.transpose(2, 1, 0))  # (k, D/G, F) -> (F, D/G, k)
    before, steps = layer.numbers["pad"], layer.input_shape[0]
    reach = (layer.output_shape[0] - 1) * layer.stride + span(layer.kernel_size, layer.dilation)
    y = graph.add(
        "Conv", _channels_first(graph, x), weight, *graph.weights(layer, "bias"), kernel_shape=[layer.kernel_size],
        strides=[layer.stride], dilations=[layer.dilation], group=layer.groups,
        pads=[before, max(reach - before - steps, 0)],
    )  # fmt: skip
    return _channels_first(graph, y)


def _channels_first(graph: Graph, x: str) -> str:
    """(N, T, D) -> (N, D, T), and back."""
    return graph.add("Transpose", x, perm=[0, 2, 1])


def _pooled(layer: Any, graph: Graph, x: str, kind: str) -> str:
    assert layer.input_shape is not None
    is_sequence = len(layer.input_shape) == 2
    window, stride, padding = layer._sides()
    image = (layer.input_shape[0], 1) if is_sequence else layer.input_shape[1:]
    pads = _sides(padding, image, window, stride)
    if is_sequence:
        settings = {"kernel_shape": window[:1], "strides": stride[:1], "pads": pads[::2]}
        return _channels_first(graph, graph.add(kind, _channels_first(graph, x), **settings))
    return graph.add(kind, x, kernel_shape=window, strides=stride, pads=pads)


@emit.register(gl.MaxPool2D)
@emit.register(gl.MaxPool1D)
def _max_pool(layer: gl.Layer, graph: Graph, x: str) -> str:
    return _pooled(layer, graph, x, "MaxPool")


@emit.register(gl.AveragePool2D)
@emit.register(gl.AveragePool1D)
def _average_pool(layer: gl.Layer, graph: Graph, x: str) -> str:
    return _pooled(layer, graph, x, "AveragePool")


def _reduced(layer: gl.Layer, graph: Graph, x: str, kind: str) -> str:
    axes = [2, 3] if len(layer.input_shape or ()) == 3 else [1]
    return graph.add(kind, x, graph.constant("axes", axes, dtype=np.int64), keepdims=0)


@emit.register
def _global_average(layer: gl.GlobalAveragePool, graph: Graph, x: str) -> str:
    return _reduced(layer, graph, x, "ReduceMean")


@emit.register
def _global_max(layer: gl.GlobalMaxPool, graph: Graph, x: str) -> str:
    return _reduced(layer, graph, x, "ReduceMax")


@emit.register
def _batch_norm(layer: gl.BatchNorm, graph: Graph, x: str) -> str:
    names = graph.weights(layer, "gamma", "beta", "running_mean", "running_variance")
    is_sequence = len(layer.input_shape or ()) == 2
    y = _channels_first(graph, x) if is_sequence else x
    y = graph.add("BatchNormalization", y, *names, epsilon=layer.epsilon)
    return _channels_first(graph, y) if is_sequence else y


@emit.register
def _layer_norm(layer: gl.LayerNorm, graph: Graph, x: str) -> str:
    return graph.add("LayerNormalization", x, *graph.weights(layer, "gamma", "beta"), axis=-1, epsilon=layer.epsilon)


@emit.register
def _group_norm(layer: gl.GroupNorm, graph: Graph, x: str) -> str:
    names = graph.weights(layer, "gamma", "beta")
    settings: dict[str, Any] = {"num_groups": layer.groups, "epsilon": layer.epsilon}
    if len(layer.input_shape or ()) == 3:
        return graph.add("GroupNormalization", x, *names, **settings)
    channels = layer.gamma.value.size
    image = graph.add("Reshape", x, graph.constant("shape", [-1, channels, 1, 1], dtype=np.int64))
    return graph.add("Flatten", graph.add("GroupNormalization", image, *names, **settings), axis=1)


@emit.register
def _upsample(layer: gl.UpSample2D, graph: Graph, x: str) -> str:
    scales = graph.constant("scales", [1, 1, *pair(layer.factor, "", "")], dtype=np.float32)
    settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", x, "", scales, **settings)


@emit.register
def _zero_pad(layer: gl.ZeroPad2D, graph: Graph, x: str) -> str:
    assert layer.input_shape is not None
    assert layer.output_shape is not None
    bottom, right = (
        layer.output_shape[1 + i] - layer.input_shape[1 + i] - before
        for i, before in enumerate((layer.top, layer.left))
    )
    pads = [0, 0, layer.top, layer.left, 0, 0, bottom, right]
    return graph.add("Pad", x, graph.constant("pads", pads, dtype=np.int64))


@emit.register
def _embedding(layer: gl.Embedding, graph: Graph, x: str) -> str:
    return graph.add("Gather", *graph.weights(layer, "weight"), graph.add("Cast", x, to=TensorProto.INT64), axis=0)


@emit.register
def _columns(layer: gl.Columns, graph: Graph, x: str) -> str:
    return graph.add("Gather", x, graph.constant("columns", layer.indices, dtype=np.int64), axis=1)
