"""Kernels as C: an expression for each that works on elements alone, a call of a C function for each of the others.

The functions are in ``functions.c``. The forms are those of the native kernels, accurate far out on both sides. No
source is shared with these: there the forms stand on polynomials for whole vectors, here on ``math.h``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels import (
    KERNELS,
    Kernel,
    KernelInfo,
    activation,
    attention,
    batch_norm,
    combine,
    conv,
    conv1d,
    conv_transpose,
    dense,
    embedding,
    folded,
    merge,
    pool,
    position,
    recurrent,
    resize,
    row_norm,
    scale,
    softmax,
    steps,
)

Written = tuple[Any, ...]
"""Name of a C function and its arguments: arrays, of which it gets the first element's place, constants as pairs of a
name and an array, numbers, and None for NULL."""


def element_function(entry: KernelInfo) -> str:
    """The C function of a kernel that says what an element is in C."""
    element = re.sub(rf"\b({'|'.join(entry.reads)})\b", r"\1[i]", entry.in_c)
    arguments = [f"const float *{name}" for name in entry.reads] + [f"float {name}" for name in entry.settings]
    return f"""static void {entry.name}({", ".join(arguments)}, int size, float *y)
{{
    for (int i = 0; i < size; ++i) y[i] = {element};
}}"""


def call(function: str, *arguments: Any) -> Written:
    """A call of a C function."""
    return function, *arguments


def _elementwise(entry: KernelInfo) -> Callable[..., Written]:
    return lambda y, **given: call(
        entry.name, *(given[name] for name in entry.reads), *(float(given[name]) for name in entry.settings), y.size, y
    )


def _convolution(
    x: Array, weight: Array, scale: Array | None, shift: Array | None, y: Array, **numbers: Any
) -> Written:
    shapes = *_row(x), *_row(y), *weight.shape[2:], x.shape[1] // weight.shape[1]
    return call("conv2d", x, weight, scale, shift, *shapes, *numbers.values(), y)


def _transposed_convolution(x: Array, weight: Array, bias: Array | None, y: Array, **numbers: int) -> Written:
    shapes = *_row(x), *_row(y), *weight.shape[2:], y.shape[1] // weight.shape[1]
    return call("conv_transpose2d", x, weight, bias, *shapes, *numbers.values(), y)


def _sequence_convolution(x: Array, weight: Array, bias: Array | None, y: Array, **numbers: int) -> Written:
    shapes = *_row(x), *_row(y), len(weight), x.shape[2] // weight.shape[1]
    return call("conv1d", x, weight, bias, *shapes, *numbers.values(), y)


def _batch_norm(
    x: Array, running_mean: Array, running_variance: Array, gamma: Array, beta: Array, y: Array, epsilon: float
) -> Written:
    given = {"running_mean": running_mean, "running_variance": running_variance, "gamma": gamma, "beta": beta}
    found = {"scale": np.empty(gamma.shape), "shift": np.empty(gamma.shape)}
    exact = {name: array.astype(np.float64) for name, array in given.items()}
    folded.fold_batch_norm(**exact, bias=None, **found, epsilon=epsilon)
    return call("scale_and_shift", x, *found.items(), *x.shape, y)


def _columns(x: Array, columns: Array, y: Array) -> Written:
    _row(x)
    axes = _axes(columns)
    if axes is None or len(axes) > 3:
        return call("gather", x, ("columns", columns), y.size, y)
    sizes, steps = zip(*[(1, 0)] * (3 - len(axes)), *axes, strict=True)
    return call("permute", x[:, columns[0] :], *sizes, *steps, y)


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


def _images(x: Array) -> Shape:
    """How many channels (N, C, H, W) has, and their size."""
    return x.shape[0] * x.shape[1], *x.shape[2:]


def _position(x: Array, table: Array, first: Array | None, y: Array) -> Written:
    if first is None:
        return call(combine.residual_forward.__name__, x, table, x.size, y)
    return call("position_step", x, table, x.size, first, y)


def _rotary(x: Array, cosines: Array, sines: Array, first: Array | None, y: Array) -> Written:
    tables = ("cosines", cosines), ("sines", sines)
    if first is None:
        return call("rotary", x, *tables, *_row(x), y)
    return call("rotary_step", x, *tables, *_row(x)[1:], first, y)


EMITTERS: dict[Kernel, Callable[..., Written]] = {
    **{entry.function: _elementwise(entry) for entry in KERNELS.values() if entry.in_c},
    activation.identity_forward: lambda x, y: call("copy", x, 1, x.size, x.size, x.size, y),
    attention.attention_weights_forward: lambda qkv, weights, causal, **_: call(
        "attention_weights", qkv, *weights.shape[1:3], qkv.shape[3], int(causal), weights
    ),
    attention.attention_forward: lambda weights, qkv, y, **_: call(
        "attention", weights, qkv, *weights.shape[1:3], qkv.shape[3], y
    ),
    attention.attention_pool_forward: lambda scores, x, weights, y, **_: call(
        "attention_pool", scores, x, *_row(x), weights, y
    ),
    attention.attention_step: lambda qkv, keys, values, places, weights, y: call(
        attention.attention_step.__name__,
        qkv,
        keys.shape[2],
        keys.shape[1],
        keys.shape[3],
        keys,
        values,
        places,
        weights,
        y,
    ),
    combine.accumulate: lambda dpart, dx: call(combine.residual_forward.__name__, dx, dpart, dx.size, dx),
    combine.concat_forward: lambda part, y, start: call(
        "copy", part, *part.shape, part.shape[1], y.shape[1], y[:, start:]
    ),
    conv.conv2d_forward: lambda bias, **given: _convolution(scale=None, shift=bias, **given, least=-np.inf),
    conv_transpose.conv_transpose2d_forward: _transposed_convolution,
    conv1d.conv1d_forward: _sequence_convolution,
    dense.dense_forward: lambda x, weight, bias, y: call("dense", x, weight, bias, *x.shape, y.shape[1], y),
    dense.tied_forward: lambda x, weight, y: call("tied", x, weight, *x.shape, y.shape[1], y),
    embedding.embedding_forward: lambda x, weight, y: call("embedding", x, weight, x.size, *weight.shape, y),
    embedding.columns_forward: _columns,
    folded.conv2d_folded: _convolution,
    merge.row_dot_forward: lambda a, b, y: call("row_dot", a, b, *a.shape, y),
    merge.squared_distance_forward: lambda a, b, y: call("squared_distance", a, b, *a.shape, y),
    batch_norm.batch_norm_predict: _batch_norm,
    row_norm.layer_norm_forward: lambda x, gamma, beta, y, epsilon, **_: call(
        "normalize", x, gamma, beta, True, size_of(x.shape[:2]), 1, x.shape[2], 1, epsilon, y
    ),
    row_norm.group_norm_forward: lambda x, gamma, beta, y, mean, epsilon, **_: call(
        "normalize", x, gamma, beta, True, *mean.shape, x.shape[1] // mean.shape[1], x.shape[2], epsilon, y
    ),
    row_norm.rms_norm_forward: lambda x, gamma, y, epsilon, **_: call(
        "normalize", x, gamma, None, False, size_of(x.shape[:2]), 1, x.shape[2], 1, epsilon, y
    ),
    pool.max_pool2d_forward: lambda x, y, index, **window: call(
        "pool", x, False, *_images(x), *y.shape[2:], *window.values(), y
    ),
    pool.average_pool2d_forward: lambda x, y, **window: call(
        "pool", x, True, *_images(x), *y.shape[2:], *window.values(), y
    ),
    pool.global_max_pool_forward: lambda x, y, place: call(
        "pool", x, False, *_images(x), 1, x.shape[3], x.shape[2], 1, 1, 1, 0, 0, y
    ),
    position.position_forward: _position,
    position.rotary_forward: _rotary,
    position.count_step: lambda places: call(position.count_step.__name__, places),
    recurrent.simple_rnn_forward: lambda a, recurrent, initial, y, reverse, **_: call(
        "simple_rnn", a, recurrent, initial, *_row(y), int(reverse), y
    ),
    recurrent.lstm_forward: lambda a, recurrent, initial, initial_cell, gates, cell, y, reverse, **_: call(
        "lstm", a, recurrent, initial, initial_cell, *_row(y), int(reverse), gates, cell, y
    ),
    recurrent.gru_forward: lambda a, recurrent, recurrent_bias, initial, states, y, reverse, **_: call(
        "gru", a, recurrent, recurrent_bias, initial, *_row(y), int(reverse), states, y
    ),
    steps.keep_step: lambda x, kept: call(steps.keep_step.__name__, x, kept.shape[1], kept.shape[2], kept),
    steps.last_step_forward: lambda x, lengths, y, reverse: call(
        "copy", x[:, 0 if reverse else -1], 1, y.size, y.size, y.size, y
    ),
    resize.upsample2d_forward: lambda x, y: call(
        "upsample", x, *_images(x), y.shape[2] // x.shape[2], y.shape[3] // x.shape[3], y
    ),
    resize.zero_pad2d_forward: lambda x, y, top, left: call("zero_pad", x, *_images(x), *y.shape[2:], top, left, y),
    scale.scale_forward: lambda x, gamma, beta, y: call("scale_and_shift", x, gamma, beta, *x.shape, y),
    softmax.softmax_forward: lambda x, y: call("softmax", x, x.size // x.shape[-1], x.shape[-1], y),
}
"""Functions, by kernel, that take what it takes and give the call that does the same for one row."""
