"""Layers as calls of C functions on numbered buffers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, size_of
from glassnet.kernels.folded import fold_batch_norm
from glassnet.layers.windows import pair
from glassnet.network import Concat, Residual, Sequential


@dataclass
class Value:
    """Numbers that a statement wrote: where they stand, and how many will still be read by how many others."""

    name: str
    size: int
    buffer: int | None
    readers: int = 1


class Program:
    """Statements, constants and buffers of a source in the making; buffers that nobody reads any more serve again."""

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.constants: dict[str, Array] = {}
        self.statements: list[str] = []
        self.buffer_sizes: list[int] = []
        self._free: list[int] = []

    def input(self, size: int) -> Value:
        """The row."""
        return Value("x", size, None)

    def constant(self, name: str, values: Any, dtype: Any = np.float32) -> str:
        """Adds an array in the dtype and returns its name.

        Raises:
            ConfigurationError: it is not finite.
        """
        with np.errstate(over="ignore"):
            array = np.asarray(values, dtype=dtype)
        if not np.isfinite(array).all():
            raise ConfigurationError(
                where="export_c",
                received=f"numbers in {name} that are not finite in float32",
                expected="finite parameters",
                fix="train the model again with a lower learning rate",
            )
        unique = name if name not in self.constants else f"{name}_{len(self.constants)}"
        self.constants[unique] = array
        return unique

    def parameter(self, layer: gl.Layer, name: str) -> str:
        """One of a layer's parameters as a constant; NULL where it has none."""
        own = layer.own_parameters()
        return self.constant(f"{name}_{layer.path.replace('.', '_')}", own[name].value) if name in own else "NULL"

    def call(self, function: str, inputs: list[Value], size: int, *arguments: Any) -> Value:
        """Adds function(inputs..., arguments..., output) and returns the output, of that size."""
        self.functions.add(function)
        output = self.take(size)
        given = [value.name for value in inputs] + [str(a) for a in arguments] + [output.name]
        self.statements.append(f"{function}({', '.join(given)});")
        for value in inputs:
            self.release(value)
        return output

    def copy(self, x: Value, y: Value, size: int, *, start: int = 0, to: int = 0) -> None:
        """Adds a copy of so many numbers of x, from a place of it to one of y."""
        self.statements.append(f"memcpy({y.name} + {to}, {x.name} + {start}, {size} * sizeof(float));")

    def take(self, size: int) -> Value:
        """A buffer for so many numbers."""
        if not self._free:
            self.buffer_sizes.append(0)
            self._free.append(len(self.buffer_sizes) - 1)
        buffer = self._free.pop()
        self.buffer_sizes[buffer] = max(self.buffer_sizes[buffer], size)
        return Value(f"buffer_{buffer}", size, buffer)

    def release(self, value: Value) -> None:
        """One reader is done with it."""
        value.readers -= 1
        if value.readers == 0 and value.buffer is not None:
            self._free.append(value.buffer)


@singledispatch
def emit(layer: gl.Layer, program: Program, x: Value) -> Value:
    """Adds the layer's prediction on x and returns the result.

    Raises:
        ConfigurationError: there is no C source for such a layer.
    """
    raise ConfigurationError(
        where=f"export_c: layer {layer.path}",
        received=f"{layer!r}",
        expected="one of the layers that C source is written for",
        fix="use model.export_onnx, or express it by other layers",
    )


def literal(value: float) -> str:
    """A number in C, with as many digits as tell each float32 from its neighbours."""
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}"
    return f"{text}f" if any(c in text for c in ".e") else f"{text}.0f"


def _elementwise(function: str, *names: str) -> Any:
    return lambda layer, program, x: program.call(
        function, [x], x.size, *(literal(getattr(layer, name)) for name in names), x.size
    )


for _layer, _function, *_settings in (
    (gl.ReLU, "relu"),
    (gl.LeakyReLU, "leaky_relu", "slope"),
    (gl.ELU, "elu", "alpha"),
    (gl.SiLU, "silu"),
    (gl.Sigmoid, "sigmoid"),
    (gl.Tanh, "hyperbolic_tangent"),
    (gl.Softplus, "softplus"),
):
    emit.register(_layer, _elementwise(_function, *_settings))


@emit.register
def _clip(layer: gl.Clip, program: Program, x: Value) -> Value:
    return program.call("clip", [x], x.size, *map(literal, layer.kernel_settings().values()), x.size)


@emit.register(gl.Identity)
@emit.register(gl.Dropout)
@emit.register(gl.Augment)
@emit.register(gl.Flatten)
@emit.register(gl.Reshape)
def _nothing(layer: gl.Layer, program: Program, x: Value) -> Value:
    return x


@emit.register
def _gelu(layer: gl.GELU, program: Program, x: Value) -> Value:
    return program.call("gelu_by_tanh" if layer.approximate else "gelu", [x], x.size, x.size)


@emit.register
def _softmax(layer: gl.Softmax, program: Program, x: Value) -> Value:
    last = (layer.input_shape or (1,))[-1]
    return program.call("softmax", [x], x.size, x.size // last, last)


@emit.register
def _sequential(layer: Sequential, program: Program, x: Value) -> Value:
    for child in layer.layers:
        x = emit(child, program, x)
    return x


@emit.register
def _residual(layer: Residual, program: Program, x: Value) -> Value:
    x.readers += 1
    shortcut = x if layer.shortcut is None else emit(layer.shortcut, program, x)
    return program.call("add", [shortcut, emit(layer.residual, program, x)], shortcut.size, shortcut.size)


@emit.register
def _concat(layer: Concat, program: Program, x: Value) -> Value:
    if layer.axis != 1:
        raise ConfigurationError(
            where=f"export_c: layer {layer.path}",
            received=f"a concatenation along axis {layer.axis}",
            expected="axis 1: channels of images, or features of rows",
            fix="use model.export_onnx",
        )
    x.readers += len(layer.branches) - 1
    parts = [emit(branch, program, x) for branch in layer.branches]
    y, start = program.take(sum(part.size for part in parts)), 0
    for part in parts:
        program.copy(part, y, part.size, to=start)
        start += part.size
    for part in parts:
        program.release(part)
    return y


@emit.register
def _dense(layer: gl.Dense, program: Program, x: Value) -> Value:
    weights = program.parameter(layer, "weight"), program.parameter(layer, "bias")
    return program.call("dense", [x], layer.units, *weights, x.size, layer.units)


@emit.register
def _conv2d(layer: gl.Conv2D, program: Program, x: Value) -> Value:
    return _convolved(layer, program, x, "conv2d")


@emit.register
def _conv_transpose2d(layer: gl.ConvTranspose2D, program: Program, x: Value) -> Value:
    return _convolved(layer, program, x, "conv_transpose2d")


def _convolved(layer: Any, program: Program, x: Value, function: str) -> Value:
    weights = program.parameter(layer, "weight"), program.parameter(layer, "bias")
    kernel = pair(layer.kernel_size, "", "")
    shapes = *layer.input_shape, *layer.output_shape, *kernel
    return program.call(
        function, [x], size_of(layer.output_shape), *weights, *shapes, *layer.numbers.values(), layer.groups
    )


@emit.register
def _conv1d(layer: gl.Conv1D, program: Program, x: Value) -> Value:
    weights = program.parameter(layer, "weight"), program.parameter(layer, "bias")
    shapes = *(layer.input_shape or ()), *(layer.output_shape or ()), layer.kernel_size
    return program.call(
        "conv1d", [x], size_of(layer.output_shape or ()), *weights, *shapes, *layer.numbers.values(), layer.groups
    )


def _pooled(layer: Any, program: Program, x: Value, function: str) -> Value:
    channels_last = len(layer.input_shape) == 2
    window, stride, _ = layer._sides()
    before = layer._window["pad_top"], layer._window["pad_left"]
    if channels_last:  # (T, D) is an image of T rows and D columns whose window is one column wide
        shape, pooled = (1, *layer.input_shape), (1, *layer.output_shape)
    else:
        shape, pooled = layer.input_shape, layer.output_shape
    return program.call(function, [x], size_of(pooled), *shape, *pooled[1:], *window, *stride, *before)


@emit.register(gl.MaxPool2D)
@emit.register(gl.MaxPool1D)
def _max_pool(layer: gl.Layer, program: Program, x: Value) -> Value:
    return _pooled(layer, program, x, "max_pool")


@emit.register(gl.AveragePool2D)
@emit.register(gl.AveragePool1D)
def _average_pool(layer: gl.Layer, program: Program, x: Value) -> Value:
    return _pooled(layer, program, x, "average_pool")


def _over_all(layer: gl.Layer, program: Program, x: Value, function: str) -> Value:
    shape = layer.input_shape or ()
    if len(shape) == 3:  # each channel's pixels lie side by side
        window = (1, shape[0], shape[1] * shape[2], shape[0], 1, 1, shape[1] * shape[2])
        return program.call(function, [x], shape[0], *window, *window[-2:], 0, 0)
    return program.call(function, [x], shape[1], 1, *shape, 1, shape[1], shape[0], 1, shape[0], 1, 0, 0)


@emit.register
def _global_average(layer: gl.GlobalAveragePool, program: Program, x: Value) -> Value:
    return _over_all(layer, program, x, "average_pool")


@emit.register
def _global_max(layer: gl.GlobalMaxPool, program: Program, x: Value) -> Value:
    return _over_all(layer, program, x, "max_pool")


@emit.register
def _batch_norm(layer: gl.BatchNorm, program: Program, x: Value) -> Value:
    scale, shift = _scale_and_shift(layer)
    path = layer.path.replace(".", "_")
    names = program.constant(f"scale_{path}", scale), program.constant(f"shift_{path}", shift)
    return program.call("scale_and_shift", [x], x.size, *names, *_by_channel(layer.input_shape or ()))


def _by_channel(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A row looked at as rows, channels and the size of each."""
    return (1, shape[0], shape[1] * shape[2]) if len(shape) == 3 else (size_of(shape[:-1]), shape[-1], 1)


@emit.register
def _scale(layer: gl.Scale, program: Program, x: Value) -> Value:
    names = program.parameter(layer, "gamma"), program.parameter(layer, "beta")
    return program.call("scale_and_shift", [x], x.size, *names, *_by_channel(layer.input_shape or ()))


@emit.register
def _permute(layer: gl.Permute, program: Program, x: Value) -> Value:
    shape, order = layer.input_shape or (), [axis - 1 for axis in layer.order]
    if len(shape) > 3:
        return emit.dispatch(gl.Layer)(layer, program, x)
    sizes = [shape[axis] for axis in order]
    steps = [size_of(shape[axis + 1 :]) for axis in order]
    ones = 3 - len(shape)
    return program.call("permute", [x], x.size, *[1] * ones, *sizes, *[0] * ones, *steps)


@emit.register
def _layer_norm(layer: gl.LayerNorm, program: Program, x: Value) -> Value:
    last = (layer.input_shape or (1,))[-1]
    names = program.parameter(layer, "gamma"), program.parameter(layer, "beta")
    return program.call("normalize", [x], x.size, *names, x.size // last, 1, last, 1, literal(layer.epsilon))


@emit.register
def _group_norm(layer: gl.GroupNorm, program: Program, x: Value) -> Value:
    shape = layer.input_shape or ()
    names = program.parameter(layer, "gamma"), program.parameter(layer, "beta")
    each, size = shape[0] // layer.groups, size_of(shape) // shape[0]
    return program.call("normalize", [x], x.size, *names, 1, layer.groups, each, size, literal(layer.epsilon))


@emit.register
def _upsample(layer: gl.UpSample2D, program: Program, x: Value) -> Value:
    return program.call(
        "upsample", [x], size_of(layer.output_shape or ()), *(layer.input_shape or ()), *pair(layer.factor, "", "")
    )


@emit.register
def _zero_pad(layer: gl.ZeroPad2D, program: Program, x: Value) -> Value:
    shapes = *(layer.input_shape or ()), *(layer.output_shape or ())[1:]
    return program.call("zero_pad", [x], size_of(layer.output_shape or ()), *shapes, layer.top, layer.left)


def _scale_and_shift(layer: gl.BatchNorm) -> tuple[Array, Array]:
    """Batch norm outside training, of each channel (C,), float64: y = scale · x + shift."""
    mean, variance, gamma, beta = (
        parameter.value.astype(np.float64)
        for parameter in (layer.running_mean, layer.running_variance, layer.gamma, layer.beta)
    )
    scale, shift = np.empty_like(mean), np.empty_like(mean)
    fold_batch_norm(mean, variance, gamma, beta, None, scale, shift, epsilon=layer.epsilon)
    return scale, shift


@emit.register
def _embedding(layer: gl.Embedding, program: Program, x: Value) -> Value:
    weight = program.parameter(layer, "weight")
    return program.call("embedding", [x], x.size * layer.units, weight, x.size, layer.count, layer.units)


@emit.register
def _columns(layer: gl.Columns, program: Program, x: Value) -> Value:
    y, place = program.take(len(layer.indices)), 0
    for run in layer.runs():
        program.copy(x, y, len(run), start=run.start, to=place)
        place += len(run)
    program.release(x)
    return y
