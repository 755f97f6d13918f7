"""What writes each kernel as ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto

from glassnet.core.shapes import Shape
from glassnet.interop.onnx.activations import ACTIVATIONS, ALPHA
from glassnet.interop.onnx.attention import ATTENTION
from glassnet.interop.onnx.forward import Forward, Product, Value, View
from glassnet.interop.onnx.graph import Graph
from glassnet.interop.onnx.recurrent import RECURRENT, both_ways, goes_into_recurrences
from glassnet.kernels import (
    Kernel,
    activation,
    batch_norm,
    combine,
    conv,
    conv1d,
    conv_transpose,
    dense,
    embedding,
    merge,
    pool,
    resize,
    row_norm,
)
from glassnet.kernels.scale import scale_forward
from glassnet.kernels.softmax import softmax_forward
from glassnet.layers.windows import span
from glassnet.network import Network

Emitter = Callable[[Forward], str | Value | None]
"""Adds the nodes of the call in hand, and returns what it writes: a name alone for the shape that the kernel sees."""


def _alike(write: Callable[..., str]) -> Emitter:
    """What writes a kernel that takes each number by itself: ``write(run, *names)`` for names of what it takes."""

    def emit_it(run: Forward) -> Value:
        names, shape = run.alike()
        return Value(write(run, *names), shape)

    return emit_it


def _operator(kind: str, **attributes: str) -> Emitter:
    """The same of one operator, with settings of the kernel as attributes."""
    return _alike(lambda run, *names: run.add(kind, *names, **{a: run.call.settings[s] for a, s in attributes.items()}))


def _summed(kind: str, total: str) -> Emitter:
    """A sum over the columns of what an operator makes of a and b (N, D)."""
    return lambda run: run.add(total, run.add(kind, run.read("a"), run.read("b")), run.whole("axes", 1))


EMITTERS: dict[Kernel, Emitter] = {
    **ATTENTION,
    **RECURRENT,
    **{
        layer.kernels[0]: _operator(kind, **({"alpha": ALPHA[kind][0]} if kind in ALPHA else {}))
        for kind, layer in ACTIVATIONS.items()
    },
    activation.gelu_forward: _alike(lambda run, x: run.add("Gelu", x, approximate="none")),
    activation.gelu_tanh_forward: _alike(lambda run, x: run.add("Gelu", x, approximate="tanh")),
    activation.silu_forward: _alike(lambda run, x: run.add("Mul", x, run.add("Sigmoid", x))),
    combine.residual_forward: _operator("Add"),
    combine.accumulate: _operator("Add"),
    merge.multiply_forward: _operator("Mul"),
    merge.subtract_forward: _operator("Sub"),
    merge.absolute_difference_forward: _alike(lambda run, a, b: run.add("Abs", run.add("Sub", a, b))),
    merge.row_dot_forward: _summed("Mul", "ReduceSum"),
    merge.squared_distance_forward: _summed("Sub", "ReduceSumSquare"),
    activation.identity_forward: lambda run: run.value("x"),
    softmax_forward: lambda run: run.add("Softmax", run.read("x"), axis=-1),
    embedding.columns_forward: lambda run: run.columns("x", run.array("columns")),
    merge.unpack_forward: lambda run: run.columns("x", run.call.settings["start"] + np.arange(prod(run.memory("y")))),
    combine.concat_forward: lambda run: run.write_columns(run.view("y"), run.call.settings["start"], run.value("part")),
}
"""What writes the nodes for calls of a kernel; more below."""


def emitter(kernel: Kernel) -> Callable[[Emitter], Emitter]:
    """Says what writes the nodes for calls of a kernel."""

    def enter(function: Emitter) -> Emitter:
        EMITTERS[kernel] = function
        return function

    return enter


@emitter(activation.clip_forward)
def _clip(run: Forward) -> Value:
    names, shape = run.alike()
    limits = run.call.settings.items()
    names += ["" if np.isinf(value) else run.graph.constant(name, value) for name, value in limits]
    return Value(run.add("Clip", *names), shape)


def _by_last(run: Forward) -> Shape:
    """The shape of what the layer gives, or that which the kernel sees where it has another last axis."""
    seen, shape = run.shape("y"), run.memory("y")
    return shape if shape[-1] == seen[-1] else seen


@emitter(embedding.embedding_forward)
def _embedding(run: Forward) -> Value:
    shape = _by_last(run)
    numbers = run.add("Cast", run.read("x", shape[:-1]), to=TensorProto.INT64)
    return Value(run.add("Gather", *run.constants("weight"), numbers, axis=0), shape)


@emitter(dense.dense_forward)
def _dense(run: Forward) -> Value | str:
    steps, width = run.shape("x")
    if goes_into_recurrences(run):
        shape = _by_last(run)
        name = run.graph.unique("inside")
        run.products[name] = Product(run.reshaped(run.value("x"), (*shape[:-1], width)), run.call)
        return Value(name, shape)
    names = run.constants("weight", "bias")
    if steps == 1:
        return run.add("Gemm", run.read("x"), *names)
    shape = _by_last(run)
    y = run.add("MatMul", run.read("x", (*shape[:-1], width)), names[0])
    return Value(y if len(names) == 1 else run.add("Add", y, names[1]), shape)


@emitter(dense.tied_forward)
def _tied(run: Forward) -> Value | str:
    (weight,), (steps, width) = run.constants("weight"), run.shape("x")
    if steps == 1:
        return run.add("Gemm", run.read("x"), weight, transB=1)
    shape = _by_last(run)
    x = run.read("x", (*shape[:-1], width))
    return Value(run.add("MatMul", x, run.add("Transpose", weight, perm=[1, 0])), shape)


@emitter(row_norm.layer_norm_forward)
def _layer_norm(run: Forward) -> Value:
    shape = _by_last(run)
    names = run.read("x", shape), *run.constants("gamma", "beta")
    return Value(run.add("LayerNormalization", *names, axis=-1, epsilon=run.call.settings["epsilon"]), shape)


@emitter(row_norm.rms_norm_forward)
def _rms_norm(run: Forward) -> Value:
    shape = _by_last(run)
    x, gamma = run.read("x", shape), run.constants("gamma")
    square = run.add("ReduceMean", run.add("Mul", x, x), run.whole("axes", -1), keepdims=1)
    rms = run.add("Sqrt", run.add("Add", square, run.graph.constant("epsilon", run.call.settings["epsilon"])))
    y = run.add("Div", x, rms)
    return Value(run.add("Mul", y, *gamma) if gamma else y, shape)


# Channels


def _by_channel(run: Forward) -> tuple[Shape, int]:
    """The shape of what the layer gives, and which axis has what the kernel sees as the channels of (N, C, S)."""
    seen, shape = run.shape("y"), run.memory("y")
    for axis in range(1, len(shape)):
        if (prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])) == seen:
            return shape, axis
    return seen, 1


@emitter(scale_forward)
def _scale(run: Forward) -> Value:
    shape, axis = _by_channel(run)
    ones = (1,) * (len(shape) - 1 - axis)
    gamma, beta = run.constants("gamma", "beta", arrange=lambda array: array.reshape(-1, *ones))
    return Value(run.add("Add", run.add("Mul", run.read("x", shape), gamma), beta), shape)


@emitter(batch_norm.batch_norm_predict)
def _batch_norm(run: Forward) -> Value:
    shape, axis = _by_channel(run)
    order = list(range(len(shape)))
    order[1], order[axis] = axis, 1
    x = run.read("x", shape) if axis == 1 else run.add("Transpose", run.read("x", shape), perm=order)
    names = x, *run.constants("gamma", "beta", "running_mean", "running_variance")
    y = run.add("BatchNormalization", *names, epsilon=run.call.settings["epsilon"])
    return Value(y if axis == 1 else run.add("Transpose", y, perm=order), shape)


@emitter(row_norm.group_norm_forward)
def _group_norm(run: Forward) -> Value:
    shape, axis = _by_channel(run)
    if axis != 1 or len(shape) < 3:
        shape = (*run.shape("y"), 1)  # a channel of one number each
    names = run.read("x", shape), *run.constants("gamma", "beta")
    settings = {"num_groups": run.shape("mean")[1], "epsilon": run.call.settings["epsilon"]}
    return Value(run.add("GroupNormalization", *names, **settings), shape)


# Windows

ALONG = {
    1: (("stride",), ("pad",), ("dilation",)),
    2: (("stride_height", "stride_width"), ("pad_top", "pad_left"), ("dilation_height", "dilation_width")),
}
"""Names of the kernels' settings, by the number of axes along which windows slide."""


def _along(run: Forward, kernel: Shape) -> tuple[Shape, Shape, Shape]:
    """Stride, padding before and dilation along each axis."""
    stride, before, dilation = (tuple(run.call.settings.get(n, 1) for n in names) for names in ALONG[len(kernel)])
    return stride, before, dilation


def _windows(run: Forward, sizes: Shape, counts: Shape, kernel: Shape) -> dict[str, Any]:
    """Settings of windows that slide along axes of these sizes, so many of them.

    As much padding is behind as before where that gives as many, else as far as they reach.
    """
    stride, before, dilation = _along(run, kernel)
    behind = []
    for size, count, taps, step, pad, apart in zip(sizes, counts, kernel, stride, before, dilation, strict=True):
        reach = span(taps, apart)
        is_even = (size + 2 * pad - reach) // step + 1 == count
        behind.append(pad if is_even else max((count - 1) * step + reach - pad - size, 0))
    return {"kernel_shape": kernel, "strides": stride, "pads": (*before, *behind), "dilations": dilation}


@emitter(conv.conv2d_forward)
def _conv2d(run: Forward) -> str:
    x, y, weight = run.shape("x"), run.shape("y"), run.array("weight").shape
    names = run.read("x"), *run.constants("weight", "bias")
    return run.add("Conv", *names, group=x[1] // weight[1], **_windows(run, x[2:], y[2:], weight[2:]))


@emitter(conv1d.conv1d_forward)
def _conv1d(run: Forward) -> str:
    x, y, weight = run.shape("x"), run.shape("y"), run.array("weight").shape
    filters = run.constants("weight", arrange=lambda array: array.transpose(2, 1, 0))  # (k, D/G, F) -> (F, D/G, k)
    names = _channels_first(run, run.read("x")), *filters, *run.constants("bias")
    found = run.add("Conv", *names, group=x[2] // weight[1], **_windows(run, x[1:2], y[1:2], weight[:1]))
    return _channels_first(run, found)


def _channels_first(run: Forward, x: str) -> str:
    """(N, T, D) -> (N, D, T), and back."""
    return run.add("Transpose", x, perm=[0, 2, 1])


@emitter(conv_transpose.conv_transpose2d_forward)
def _conv_transpose2d(run: Forward) -> str:
    x, y, weight = run.shape("x"), run.shape("y"), run.array("weight").shape
    stride, before, dilation = _along(run, weight[2:])
    axes = zip(x[2:], y[2:], weight[2:], stride, before, dilation, strict=True)
    cut = [(old - 1) * step + span(taps, apart) - pad - new for old, new, taps, step, pad, apart in axes]
    return run.add(
        "ConvTranspose", run.read("x"), *run.constants("weight", "bias"), kernel_shape=weight[2:], strides=stride,
        dilations=dilation, group=y[1] // weight[1], pads=[*before, *(max(number, 0) for number in cut)],
        output_padding=[max(-number, 0) for number in cut],
    )  # fmt: skip


def _pool(kind: str, of_all: str = "") -> Emitter:
    """Pooling; ``of_all`` is the operator for all of an image or a sequence at once."""

    def write(run: Forward) -> Value:
        lead, channels, *image = run.shape("x")
        places = run.shape("y")[2:]
        kernel = run.call.settings["kernel_height"], run.call.settings["kernel_width"]
        windows = _windows(run, tuple(image), places, kernel)
        # A sequence (N, T, D) is seen as an image of one channel.
        is_sequence = channels == kernel[1] == windows["strides"][1] == 1
        if is_sequence and run.value("x").shape != (lead, 1, *image):
            x = run.read("x", (lead, *image))
            if of_all and kernel[0] == image[0] and places[0] == 1:
                return Value(run.add(of_all, x, run.whole("axes", 1), keepdims=0), (lead, image[1]))
            settings = {name: numbers[::2] for name, numbers in windows.items()}
            y = run.add(kind, _channels_first(run, x), **settings)
            return Value(_channels_first(run, y), (lead, *places))
        if of_all and [*kernel] == image and places == (1, 1):
            return Value(run.add(of_all, run.read("x"), run.whole("axes", 2, 3), keepdims=0), (lead, channels))
        return Value(run.add(kind, run.read("x"), **windows), (lead, channels, *places))

    return write


emitter(pool.max_pool2d_forward)(_pool("MaxPool"))
emitter(pool.average_pool2d_forward)(_pool("AveragePool", "ReduceMean"))


@emitter(pool.global_max_pool_forward)
def _global_max(run: Forward) -> Value:
    lead, outer, size, inner = seen = run.shape("x")
    shapes = run.value("x").shape, (lead, size, inner), seen
    axes = ((s, i, j) for s in shapes for i in range(len(s), 0, -1) for j in range(i + 1, len(s) + 1))
    fits = ((s, i, j) for s, i, j in axes if (prod(s[:i]), prod(s[i:j]), prod(s[j:])) == (lead * outer, size, inner))
    shape, i, j = next(fits)
    found = run.add("ReduceMax", run.read("x", shape), run.whole("axes", *range(i, j)), keepdims=0)
    return Value(found, (*shape[:i], *shape[j:]))


@emitter(resize.upsample2d_forward)
def _upsample(run: Forward) -> str:
    x, y = run.shape("x"), run.shape("y")
    scales = run.graph.constant("scales", [1, 1, y[2] // x[2], y[3] // x[3]], dtype=np.float32)
    settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return run.add("Resize", run.read("x"), "", scales, **settings)


@emitter(resize.zero_pad2d_forward)
def _zero_pad(run: Forward) -> str:
    before, x, y = (run.call.settings["top"], run.call.settings["left"]), run.shape("x")[2:], run.shape("y")[2:]
    behind = (new - old - pad for new, old, pad in zip(y, x, before, strict=True))
    return run.add("Pad", run.read("x"), run.whole("pads", 0, 0, *before, 0, 0, *behind))


def emit(network: Network, graph: Graph, given: Mapping[int, Value], outputs: Sequence[tuple[int, Shape]]) -> list[str]:
    """Adds the network's prediction, kernel by kernel.

    Args:
        network: built.
        graph: to which nodes are added.
        given: the inputs, by the first column of each in a row of the network's.
        outputs: the first column of each output in a row that the network gives, and its shape (1, ...).

    Returns:
        The names of the outputs.

    Raises:
        ConfigurationError: a kernel that no operator stands for; it is named, and its layer.
    """
    run = Forward(network, graph, EMITTERS)
    run.join = both_ways
    for start, value in given.items():
        run.write_columns(View(run.x.buffer, (1, prod(run.x.shape))), start, value)
    for call in run.calls:
        run.call, kernel = call, call.kernel
        written = EMITTERS[kernel.function](run)
        if written is not None:
            view = run.view((*kernel.writes, *kernel.updates)[0])
            run.write(view, Value(written, view.shape) if isinstance(written, str) else written)
    views = [run.outputs]
    if len(outputs) > 1:
        views = [View(run.outputs.buffer, shape, tuple(range(start, start + prod(shape)))) for start, shape in outputs]
    return [run.reshaped(run.of(view), shape).name for view, (_, shape) in zip(views, outputs, strict=True)]
