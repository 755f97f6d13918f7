"""ONNX operators that look at windows of images and sequences, as layers.

ONNX has the channels of sequences before their steps, (N, D, T), and layers behind them, (N, T, D): these are read
between two exchanges of the axes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.node import Found, Node, between, permute, require, view
from glassnet.layers.windows import padding_of, span

EXCHANGED = (2, 1)
Sides = list[tuple[int, int]]
"""How many elements are added before and after each axis."""


def _sides(node: Node, sizes: Shape, window: Shape, strides: Shape, dilations: Shape) -> Sides:
    axes = len(window)
    named, pads = node.get("auto_pad", "NOTSET"), list(node.get("pads", [0] * (2 * axes)))
    require(named in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"), f"auto_pad={named}")
    if named == "NOTSET":
        return list(zip(pads[:axes], pads[axes:], strict=True))
    if named == "VALID":
        return [(0, 0)] * axes
    same = [padding_of("same", *along) for along in zip(sizes, window, strides, dilations, strict=True)]
    return same if named == "SAME_UPPER" else [(after, before) for before, after in same]


def _padding(sides: Sides, sizes: Shape, window: Shape, strides: Shape, dilations: Shape) -> Any:
    """The layers' setting for such sides, or None."""
    if not np.any(sides):
        return "valid"
    if all(before == after for before, after in sides):
        return tuple(before for before, _ in sides)
    same = [padding_of("same", *along) for along in zip(sizes, window, strides, dilations, strict=True)]
    return "same" if sides == same else None


def _filters(node: Node) -> tuple[Shape, Array, dict[str, Any], dict[str, Array]]:
    """Sizes of what the filters slide over, their weight, settings of the layer and its parameters."""
    shape, weight = node.x(), node.constant(1, "a weight")
    bias = node.optional(2, "a bias")
    axes = weight.ndim - 2
    require(axes == len(shape) - 1 and axes in (1, 2), f"a weight of shape {weight.shape} for rows of shape {shape}")
    kernel = list(node.get("kernel_shape", weight.shape[2:]))
    require(kernel == list(weight.shape[2:]), f"kernel_shape={kernel} and a weight of shape {weight.shape}")
    settings = {
        "stride": tuple(node.get("strides", [1] * axes)),
        "dilation": tuple(node.get("dilations", [1] * axes)),
        "groups": node.get("group", 1),
        "use_bias": bias is not None,
    }
    return shape[1:], weight, settings, {} if bias is None else {"bias": bias}


def _conv(node: Node) -> list[Found]:
    sizes, weight, settings, parameters = _filters(node)
    filters, _, *kernel = weight.shape
    along = sizes, tuple(kernel), settings["stride"], settings["dilation"]
    sides = _sides(node, *along)
    padding = _padding(sides, *along)
    if len(kernel) == 2:
        border = [] if padding is not None else [Found(gl.ZeroPad2D((sides[0], sides[1])))]
        layer = gl.Conv2D(filters, tuple(kernel), padding=padding or "valid", **settings)
        return [*border, Found(layer, parameters | {"weight": weight})]
    if padding is None:
        require(sides == [(span(kernel[0], settings["dilation"][0]) - 1, 0)], "pads that differ between the two ends")
    setting = "causal" if padding is None else padding if isinstance(padding, str) else padding[0]
    stride, dilation = settings.pop("stride")[0], settings.pop("dilation")[0]
    sequences = gl.Conv1D(filters, kernel[0], stride=stride, dilation=dilation, padding=setting, **settings)
    values = parameters | {"weight": weight.transpose(2, 1, 0)}  # (F, D/G, k) -> (k, D/G, F)
    return between(node.x(), EXCHANGED, [Found(sequences, values)], node.after)


def _conv_transpose(node: Node) -> list[Found]:
    _, weight, settings, parameters = _filters(node)
    _, of_group, *kernel = weight.shape
    require(len(kernel) == 2, f"a weight of shape {weight.shape}: only images are read")
    pads = list(node.get("pads", [0] * 4))
    symmetric = node.get("auto_pad", "NOTSET") == "NOTSET" and pads[:2] == pads[2:]
    require(
        symmetric and not node.get("output_shape"),
        "auto_pad, output_shape or pads that differ between the two sides of the image",
    )
    further = tuple(node.get("output_padding", (0, 0)))
    layer = gl.ConvTranspose2D(
        of_group * settings["groups"], tuple(kernel), padding=tuple(pads[:2]) if any(pads) else "valid",
        output_padding=further, **settings,
    )  # fmt: skip
    return [Found(layer, parameters | {"weight": weight})]


def _pool(images: Any, sequences: Any) -> Callable[[Node], list[Found]]:
    def read(node: Node) -> list[Found]:
        shape = node.x()
        window = tuple(node.get("kernel_shape"))
        axes = len(window)
        require(axes == len(shape) - 1 and axes in (1, 2), f"a window of {axes} axes for rows of shape {shape}")
        node.ignore("storage_order")  # of places, which are a second output
        require(not node.get("ceil_mode", 0), "ceil_mode=1")
        require(set(node.get("dilations", [1])) == {1}, "dilations")
        strides, ones = tuple(node.get("strides", [1] * axes)), (1,) * axes
        along = shape[1:], window, strides, ones
        sides = _sides(node, *along)
        padding = _padding(sides, *along)
        if node.get("count_include_pad", 0) and padding != "valid":
            return _with_zeros(node, images, shape, window, strides, sides)
        require(padding is not None, "pads that differ between the two sides of what is pooled")
        if axes == 2:
            return [Found(images(window, stride=strides, padding=padding))]
        number = padding if isinstance(padding, str) else padding[0]
        found = Found(sequences(window[0], stride=strides[0], padding=number))
        return between(shape, EXCHANGED, [found], node.after)

    return read


def _with_zeros(node: Node, layer: Any, shape: Shape, window: Shape, strides: Shape, sides: Sides) -> list[Found]:
    """Pooling in which a border of zeros counts."""
    missing = 2 - len(window)
    image = (shape[0], *(1,) * missing, *shape[1:])
    down, across = [(0, 0)] * missing + sides
    ones = (1,) * missing
    pool = Found(layer((*ones, *window), stride=(*ones, *strides)))
    pooled = (node.after[0], *ones, *node.after[1:])
    return [*view(shape, image), Found(gl.ZeroPad2D((down, across))), pool, *view(pooled, node.after)]


def _over_all(layer: Any) -> Callable[[Node], list[Found]]:
    def read(node: Node) -> list[Found]:
        shape = node.x()
        return _reduced(layer, shape, list(range(2, len(shape) + 1)), node.after)

    return read


def _reduce(layer: Any) -> Callable[[Node], list[Found]]:
    def read(node: Node) -> list[Found]:
        shape = node.x()
        axes = node.optional(1, "axes") if len(node.inputs) > 1 else node.get("axes")
        node.ignore("keepdims", "noop_with_empty_axes")
        rank = len(shape) + 1
        own = [] if axes is None else np.ravel(axes).tolist()
        places = sorted(axis % rank for axis in own)
        require(bool(places) and places[0] > 0, f"axes={own or 'all'}")
        return _reduced(layer, shape, places, node.after)

    return read


def _reduced(layer: Any, shape: Shape, axes: list[int], after: Shape) -> list[Found]:
    """The mean or the largest along some axes of rows, counted from 1."""
    require(bool(axes), f"rows of shape {shape}")
    kept = [axis for axis in range(1, len(shape) + 1) if axis not in axes]
    if (len(shape), axes) in ((2, [1]), (3, [2, 3])):
        return [Found(layer()), *view((prod(shape[axis - 1] for axis in kept),), after)]
    if len(shape) == 2 and axes == [2]:
        return [*permute(shape, EXCHANGED), Found(layer()), *view(shape[:1], after)]
    order = (*kept, *axes)
    size = prod(shape[axis - 1] for axis in kept)
    seen = size, prod(shape[axis - 1] for axis in axes), 1
    moved = tuple(shape[axis - 1] for axis in order)
    return [*permute(shape, order), *view(moved, seen), Found(layer()), *view((size,), after)]


WINDOWS: dict[str, Callable[[Node], list[Found]]] = {
    "AveragePool": _pool(gl.AveragePool2D, gl.AveragePool1D),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": _over_all(gl.GlobalAveragePool),
    "GlobalMaxPool": _over_all(gl.GlobalMaxPool),
    "MaxPool": _pool(gl.MaxPool2D, gl.MaxPool1D),
    "ReduceMax": _reduce(gl.GlobalMaxPool),
    "ReduceMean": _reduce(gl.GlobalAveragePool),
}
"""How each operator is read."""
