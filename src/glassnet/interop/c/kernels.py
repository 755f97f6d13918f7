"""Kernels as C: an expression for each that works on elements alone, a call of a C function for each of the others.

The functions are in ``functions.c``. Their forms are those that are accurate in float32 in both tails, which is why no
source is shared with the native kernels: those have the same forms, over polynomials for vectors instead of ``math.h``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels import (
    Kernel,
    KernelInfo,
    activation,
    combine,
    conv,
    dense,
    embedding,
    folded,
    info,
    merge,
    norm,
    pool,
    resize,
    scale,
    softmax,
)

ELEMENTS: dict[Kernel, str] = {
    activation.relu_forward: "x < 0.0f ? 0.0f : x",
    activation.leaky_relu_forward: "x < 0.0f ? slope * x : x",
    activation.clip_forward: "x < low ? low : x > high ? high : x",
    activation.elu_forward: "x < 0.0f ? alpha * expm1f(x) : x",
    activation.silu_forward: "x * logistic(x)",
    activation.sigmoid_forward: "logistic(x)",
    activation.tanh_forward: "tanhf(x)",
    activation.softplus_forward: "fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)))",
    activation.gelu_forward: "x * (0.5f * erfcf(x * -0.707106781f))",
    # ½ (1 + tanh u) = 1/(1 + e^−2u), without the difference that cancels on the left
    activation.gelu_tanh_forward: "x * logistic(1.59576912f * (x + 0.044715f * x * x * x))",
    combine.residual_forward: "shortcut + branch",
    merge.multiply_forward: "a * b",
    merge.subtract_forward: "a - b",
    merge.absolute_difference_forward: "fabsf(a - b)",
}
"""What an element of the output is, by the names that the kernel has for its inputs and settings."""

Written = tuple[Any, ...]
"""Name of a C function and its arguments: arrays, of which it gets the first element's place, constants as pairs of a
name and an array, numbers, and None for NULL."""

EMITTERS: dict[Kernel, Callable[..., Written]] = {}
"""By kernel, functions that take what it takes and give the call that does the same."""


def _writes(kernel: Kernel) -> Callable[[Callable[..., Written]], Callable[..., Written]]:
    def enter(function: Callable[..., Written]) -> Callable[..., Written]:
        EMITTERS[kernel] = function
        return function

    return enter


def _elementwise(entry: KernelInfo) -> Callable[..., Written]:
    def write(y: Array, **arguments: Any) -> Written:
        settings = (float(arguments[name]) for name in entry.settings)
        return entry.name, *(arguments[name] for name in entry.reads), *settings, y.size, y

    return write


def element_function(kernel: Kernel) -> str:
    """The C function that an entry of ``ELEMENTS`` stands for."""
    entry = info(kernel)
    element = re.sub(rf"\b({'|'.join(entry.reads)})\b", r"\1[i]", ELEMENTS[kernel])
    arguments = [f"const float *{name}" for name in entry.reads] + [f"float {name}" for name in entry.settings]
    return f"""static void {entry.name}({", ".join(arguments)}, int size, float *y)
{{
    for (int i = 0; i < size; ++i) y[i] = {element};
}}"""


EMITTERS |= {kernel: _elementwise(info(kernel)) for kernel in ELEMENTS}


@_writes(activation.identity_forward)
def _identity(x: Array, y: Array) -> Written:
    return "copy", x, 1, x.size, x.size, x.size, y


@_writes(softmax.softmax_forward)
def _softmax(x: Array, y: Array) -> Written:
    return "softmax", x, x.size // x.shape[-1], x.shape[-1], y


@_writes(combine.accumulate)
def _accumulate(dpart: Array, dx: Array) -> Written:
    return "residual_forward", dx, dpart, dx.size, dx


@_writes(combine.concat_forward)
def _concat(part: Array, y: Array, start: int) -> Written:
    return "copy", part, *part.shape, part.shape[1], y.shape[1], y[:, start:]


@_writes(merge.unpack_forward)
def _unpack(x: Array, y: Array, start: int) -> Written:
    return "copy", x[:, start:], *y.shape, x.shape[1], y.shape[1], y


@_writes(merge.row_dot_forward)
def _row_dot(a: Array, b: Array, y: Array) -> Written:
    return "row_dot", a, b, *a.shape, y


@_writes(merge.squared_distance_forward)
def _squared_distance(a: Array, b: Array, y: Array) -> Written:
    return "squared_distance", a, b, *a.shape, y


@_writes(dense.dense_forward)
def _dense(x: Array, weight: Array, bias: Array | None, y: Array) -> Written:
    return "dense", x, weight, bias, *x.shape, y.shape[1], y


@_writes(conv.conv2d_forward)
def _conv2d(x: Array, weight: Array, bias: Array | None, y: Array, **numbers: int) -> Written:
    return _conv2d_folded(x, weight, None, bias, y, **numbers, least=-np.inf)


@_writes(folded.conv2d_folded)
def _conv2d_folded(
    x: Array, weight: Array, scale: Array | None, shift: Array | None, y: Array, **numbers: float
) -> Written:
    shapes = *_row(x), *_row(y), *weight.shape[2:], x.shape[1] // weight.shape[1]
    return "conv2d", x, weight, scale, shift, *shapes, *numbers.values(), y


@_writes(conv.conv_transpose2d_forward)
def _conv_transpose2d(x: Array, weight: Array, bias: Array | None, y: Array, **numbers: int) -> Written:
    shapes = *_row(x), *_row(y), *weight.shape[2:], y.shape[1] // weight.shape[1]
    return "conv_transpose2d", x, weight, bias, *shapes, *numbers.values(), y


@_writes(conv.conv1d_forward)
def _conv1d(x: Array, weight: Array, bias: Array | None, y: Array, **numbers: int) -> Written:
    shapes = *_row(x), *_row(y), len(weight), x.shape[2] // weight.shape[1]
    return "conv1d", x, weight, bias, *shapes, *numbers.values(), y


@_writes(pool.max_pool2d_forward)
def _max_pool(x: Array, y: Array, index: None, **window: int) -> Written:
    return "max_pool", x, *_images(x), *y.shape[2:], *window.values(), y


@_writes(pool.average_pool2d_forward)
def _average_pool(x: Array, y: Array, **window: int) -> Written:
    return "average_pool", x, *_images(x), *y.shape[2:], *window.values(), y


@_writes(pool.global_max_pool_forward)
def _global_max_pool(x: Array, y: Array, place: None) -> Written:
    return "max_pool", x, *_images(x), 1, x.shape[3], x.shape[2], 1, 1, 1, 0, 0, y


@_writes(resize.upsample2d_forward)
def _upsample(x: Array, y: Array) -> Written:
    return "upsample", x, *_images(x), y.shape[2] // x.shape[2], y.shape[3] // x.shape[3], y


@_writes(resize.zero_pad2d_forward)
def _zero_pad(x: Array, y: Array, top: int, left: int) -> Written:
    return "zero_pad", x, *_images(x), *y.shape[2:], top, left, y


@_writes(scale.scale_forward)
def _scale(x: Array, gamma: Array, beta: Array, y: Array) -> Written:
    return "scale_and_shift", x, gamma, beta, *x.shape, y


@_writes(norm.batch_norm_predict)
def _batch_norm(
    x: Array, running_mean: Array, running_variance: Array, gamma: Array, beta: Array, y: Array, epsilon: float
) -> Written:
    mean, variance, own_scale, own_shift = (
        array.astype(np.float64) for array in (running_mean, running_variance, gamma, beta)
    )
    factor, shift = np.empty_like(own_scale), np.empty_like(own_shift)
    folded.fold_batch_norm(mean, variance, own_scale, own_shift, None, factor, shift, epsilon=epsilon)
    return "scale_and_shift", x, ("scale", factor), ("shift", shift), *x.shape, y


@_writes(norm.layer_norm_forward)
def _layer_norm(
    x: Array, gamma: Array, beta: Array, y: Array, mean: Array, inverse_std: Array, epsilon: float
) -> Written:
    return "normalize", x, gamma, beta, size_of(x.shape[:2]), 1, x.shape[2], 1, epsilon, y


@_writes(norm.group_norm_forward)
def _group_norm(
    x: Array, gamma: Array, beta: Array, y: Array, mean: Array, inverse_std: Array, epsilon: float
) -> Written:
    return "normalize", x, gamma, beta, *mean.shape, x.shape[1] // mean.shape[1], x.shape[2], epsilon, y


@_writes(embedding.embedding_forward)
def _embedding(x: Array, weight: Array, y: Array) -> Written:
    return "embedding", x, weight, x.size, *weight.shape, y


@_writes(embedding.columns_forward)
def _columns(x: Array, columns: Array, y: Array) -> Written:
    _row(x)
    axes = _axes(columns)
    if axes is None or len(axes) > 3:
        return "gather", x, ("columns", columns), y.size, y
    sizes, steps = zip(*[(1, 0)] * (3 - len(axes)), *axes, strict=True)
    return "permute", x[:, columns[0] :], *sizes, *steps, y


def _axes(columns: Array) -> list[tuple[int, int]] | None:
    """Sizes of axes, and the steps along them, that visit the columns in their order; None where none do."""
    axes: list[tuple[int, int]] = []
    while len(columns) > 1:
        step = columns[1] - columns[0]
        size = int(np.argmax(np.append(np.diff(columns) != step, True))) + 1
        if len(columns) % size or (columns.reshape(-1, size) - columns[::size, None] != step * np.arange(size)).any():
            return None
        axes.insert(0, (size, int(step)))
        columns = columns[::size]
    return axes


def _row(x: Array) -> Shape:
    """The shape of the one row there is."""
    assert len(x) == 1
    return x.shape[1:]


def _images(x: Array) -> tuple[int, int, int]:
    """How many channels (N, C, H, W) has, and their size."""
    return x.shape[0] * x.shape[1], x.shape[2], x.shape[3]
