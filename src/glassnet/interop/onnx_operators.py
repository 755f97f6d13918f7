"""ONNX operators as layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.layers.windows import padding_of
from glassnet.shapes import Array


class UnsupportedError(Exception):
    """A setting of an operator that no layer has."""


@dataclass(frozen=True)
class Node:
    """An operator in a file."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: dict[str, Any]
    shape: tuple[int, ...] = ()
    """Of a row of its first input, as far as the file says it; else ()."""

    @classmethod
    def of(cls, proto: Any, shapes: Mapping[str, tuple[int, ...]]) -> Node:
        """From the file's form, and the shapes of rows by value."""
        from onnx import TensorProto, helper, numpy_helper

        settings = {a.name: helper.get_attribute_value(a) for a in proto.attribute}
        for name, value in settings.items():
            if isinstance(value, bytes):
                settings[name] = value.decode(errors="replace")
            elif isinstance(value, float):  # a float32: what was meant has fewer digits
                settings[name] = float(str(np.float32(value)))
            elif isinstance(value, TensorProto):
                settings[name] = numpy_helper.to_array(value)
        shape = shapes.get(proto.input[0], ()) if proto.input else ()
        return cls(proto.op_type, proto.name, tuple(proto.input), tuple(proto.output), settings, shape)


@dataclass
class Found:
    """A layer and the values of its parameters."""

    layer: gl.Layer
    parameters: dict[str, Array] = field(default_factory=dict)


Given = list[Array | None]
"""The node's inputs, where they are constants."""


def require(holds: bool, what: str) -> None:
    """Refuses what does not hold.

    Raises:
        UnsupportedError: with what was found.
    """
    if not holds:
        raise UnsupportedError(what)


def constant(given: Given, place: int, what: str) -> Array:
    """The input at that place.

    Raises:
        UnsupportedError: it is no constant.
    """
    value = given[place] if place < len(given) else None
    if value is None:
        raise UnsupportedError(f"{what} that is no constant")
    return value


def _gemm(node: Node, given: Given) -> Found:
    settings = node.settings
    plain = settings.get("alpha", 1.0) == 1.0 and settings.get("beta", 1.0) == 1.0 and not settings.get("transA", 0)
    require(plain, "alpha, beta or transA")
    weight = constant(given, 1, "a weight")
    weight = weight.T if settings.get("transB", 0) else weight
    bias = constant(given, 2, "a bias").ravel() if len(given) > 2 else None
    return _dense(weight, bias)


def _matmul(node: Node, given: Given) -> Found:
    weight = constant(given, 1, "a right factor")
    require(weight.ndim == 2, f"a right factor of shape {weight.shape}")
    return _dense(weight, None)


def _dense(weight: Array, bias: Array | None) -> Found:
    units = weight.shape[1]
    parameters = {"weight": weight} | ({} if bias is None else {"bias": np.broadcast_to(bias, (units,))})
    return Found(gl.Dense(units, use_bias=bias is not None), parameters)


def padding(node: Node, window: Sequence[int]) -> Any:
    """The layers' padding along the last axes, which the window covers; None where the two sides differ otherwise."""
    named = node.settings.get("auto_pad", "NOTSET")
    if named in ("SAME_UPPER", "VALID"):
        return {"SAME_UPPER": "same", "VALID": "valid"}[named]
    require(named == "NOTSET", f"auto_pad={named}")
    axes = len(window)
    pads = list(node.settings.get("pads", [0] * (2 * axes)))
    if pads[:axes] == pads[axes:]:
        return tuple(pads[:axes])
    if len(node.shape) <= axes:
        return None
    strides, dilations = (node.settings.get(name, [1] * axes) for name in ("strides", "dilations"))
    along = zip(node.shape[-axes:], window, strides, dilations, strict=True)
    same = [padding_of("same", *own) for own in along]
    return "same" if [(pads[i], pads[axes + i]) for i in range(axes)] == same else None


def _convolution(node: Node, given: Given) -> tuple[dict[str, Any], dict[str, Array]]:
    weight = constant(given, 1, "a weight")
    require(
        weight.ndim == 4,
        f"a weight of shape {weight.shape}: only convolutions of images are read, and of sequences "
        "between two transpositions",
    )
    bias = constant(given, 2, "a bias") if len(given) > 2 else None
    settings = node.settings
    shared = {
        "stride": tuple(settings.get("strides", (1, 1))),
        "dilation": tuple(settings.get("dilations", (1, 1))),
        "groups": settings.get("group", 1),
        "use_bias": bias is not None,
    }
    return shared, {"weight": weight} | ({} if bias is None else {"bias": bias})


def _conv(node: Node, given: Given) -> Found:
    shared, parameters = _convolution(node, given)
    filters, _, *kernel = parameters["weight"].shape
    sides = padding(node, kernel)
    if sides is None:
        raise UnsupportedError("pads that differ between the two sides of the image")
    return Found(gl.Conv2D(filters, tuple(kernel), padding=sides, **shared), parameters)


def _conv_transpose(node: Node, given: Given) -> Found:
    shared, parameters = _convolution(node, given)
    _, of_group, *kernel = parameters["weight"].shape
    pads = node.settings.get("pads", [0] * 4)
    symmetric = node.settings.get("auto_pad", "NOTSET") == "NOTSET" and pads[:2] == pads[2:]
    require(
        symmetric and "output_shape" not in node.settings,
        "auto_pad, output_shape or pads that differ between the two sides of the image",
    )
    further = tuple(node.settings.get("output_padding", (0, 0)))
    layer = gl.ConvTranspose2D(
        of_group * shared["groups"], tuple(kernel), padding=tuple(pads[:2]), output_padding=further, **shared
    )
    return Found(layer, parameters)


def _pool(layer: Any) -> Callable[[Node, Given], Found]:
    def read(node: Node, given: Given) -> Found:
        settings = node.settings
        window = tuple(settings["kernel_shape"])
        require(
            len(window) == 2,
            f"a window of {len(window)} axes: only pooling of images is read, and of sequences between two "
            "transpositions",
        )
        sides = pool_padding(node, window)
        return Found(layer(window, stride=tuple(settings.get("strides", (1, 1))), padding=sides))

    return read


def pool_padding(node: Node, window: Sequence[int]) -> Any:
    """The padding of a pooling layer; refuses what no layer has."""
    settings = node.settings
    require(not settings.get("ceil_mode", 0), "ceil_mode=1")
    require(set(settings.get("dilations", [1])) == {1}, "dilations")
    sides = padding(node, window)
    if sides is None:
        raise UnsupportedError("pads that differ between the two sides of what is pooled")
    is_padded = sides != "valid" and any(settings.get("pads", [sides == "same"]))
    require(not (settings.get("count_include_pad", 0) and is_padded), "count_include_pad=1 and pads")
    return sides


def _reduce(layer: Any) -> Callable[[Node, Given], Found]:
    def read(node: Node, given: Given) -> Found:
        axes = given[1] if len(given) > 1 else node.settings.get("axes")
        own = () if axes is None else tuple(np.ravel(axes).tolist())
        rank = 1 + len(node.shape)  # 4 for images (N, C, H, W), 3 for sequences (N, T, D)
        places = sorted(axis + rank if axis < 0 and rank > 1 else axis for axis in own)
        wanted = places in {4: ([2, 3],), 3: ([1],)}.get(rank, ([2, 3], [-2, -1]))
        require(wanted and not node.settings.get("keepdims", 1), f"axes={axes} or keepdims=1")
        return Found(layer())

    return read


def _batch_norm(node: Node, given: Given) -> Found:
    names = ("gamma", "beta", "running_mean", "running_variance")
    values = {name: constant(given, 1 + i, name) for i, name in enumerate(names)}
    require(not node.settings.get("training_mode", 0), "training_mode=1")
    epsilon, momentum = node.settings.get("epsilon", 1e-5), 1 - node.settings.get("momentum", 0.9)
    return Found(gl.BatchNorm(momentum=min(max(momentum, 1e-6), 0.999999), epsilon=epsilon), values)


def _scaled(layer: gl.Layer, given: Given, size: int) -> Found:
    beta = given[2] if len(given) > 2 and given[2] is not None else np.zeros(size)
    return Found(layer, {"gamma": constant(given, 1, "a scale"), "beta": beta})


def _layer_norm(node: Node, given: Given) -> Found:
    scale = constant(given, 1, "a scale")
    require(node.settings.get("axis", -1) == -1 and scale.ndim == 1, "other axes than the last")
    return _scaled(gl.LayerNorm(epsilon=node.settings.get("epsilon", 1e-5)), given, scale.size)


def _group_norm(node: Node, given: Given) -> Found:
    layer = gl.GroupNorm(node.settings["num_groups"], epsilon=node.settings.get("epsilon", 1e-5))
    return _scaled(layer, given, constant(given, 1, "a scale").size)


def _reshape(node: Node, given: Given) -> Found:
    _, *shape = constant(given, 1, "a shape").tolist()
    if len(shape) == 1:
        return Found(gl.Flatten())
    require(all(size > 0 for size in shape), f"the shape {shape}")
    return Found(gl.Reshape(tuple(shape)))


def _flatten(node: Node, given: Given) -> Found:
    require(node.settings.get("axis", 1) == 1, f"axis={node.settings.get('axis')}")
    return Found(gl.Flatten())


def _softmax(node: Node, given: Given) -> Found:
    require(node.settings.get("axis", -1) in (-1, 1), f"axis={node.settings.get('axis')}")
    return Found(gl.Softmax())


def _gelu(node: Node, given: Given) -> Found:
    return Found(gl.GELU(approximate=node.settings.get("approximate", "none") == "tanh"))


def _dropout(node: Node, given: Given) -> Found:
    ratio = node.settings.get("ratio", given[1] if len(given) > 1 else None)
    return Found(gl.Dropout(0.5 if ratio is None else float(np.ravel(ratio)[0])))


def _resize(node: Node, given: Given) -> Found:
    scales = np.ravel(constant(given, 2, "scales")).tolist()
    nearest = node.settings.get("mode", "nearest") == "nearest"
    whole = len(scales) == 4 and scales[:2] == [1, 1] and all(s >= 1 and s % 1 == 0 for s in scales)
    # With whole factors these agree: every new pixel lies between the edges of an old one.
    exact = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}
    way = node.settings.get("coordinate_transformation_mode", "half_pixel")
    rounding = node.settings.get("nearest_mode", "round_prefer_floor")
    require(nearest and whole and (way, rounding) in exact, f"mode={node.settings.get('mode')}, scales={scales}")
    return Found(gl.UpSample2D((int(scales[2]), int(scales[3]))))


def _pad(node: Node, given: Given) -> Found:
    pads = np.ravel(constant(given, 1, "pads")).tolist()
    value = given[2] if len(given) > 2 and given[2] is not None else 0.0
    zeros = node.settings.get("mode", "constant") == "constant" and not np.any(value) and len(given) < 4
    sides = len(pads) == 8 and not any(pads[i] for i in (0, 1, 4, 5)) and min(pads) >= 0
    require(zeros and sides, f"pads={pads} or another mode than zeros")
    return Found(gl.ZeroPad2D(((pads[2], pads[6]), (pads[3], pads[7]))))


def _gather(node: Node, given: Given) -> Found:
    axis, weight = node.settings.get("axis", 0), given[0]
    if weight is not None:
        require(axis == 0 and weight.ndim == 2, f"axis={axis} of a constant of shape {weight.shape}")
        return Found(gl.Embedding(*weight.shape), {"weight": weight})
    columns = constant(given, 1, "numbers of columns")
    require(axis == 1 and columns.ndim == 1 and bool((columns >= 0).all()), f"axis={axis}, columns {columns.tolist()}")
    return Found(gl.Columns(columns.tolist()))


def _cast(node: Node, given: Given) -> None:
    from onnx import TensorProto

    kind = node.settings["to"]
    is_real = kind in (TensorProto.FLOAT, TensorProto.DOUBLE)
    require(is_real, f"to={kind}, which is neither float nor double, and no Gather behind it")


def _plain(layer: Any) -> Callable[[Node, Given], Found]:
    return lambda node, given: Found(layer())


OPERATORS: dict[str, Callable[[Node, Given], Found | None]] = {
    "AveragePool": _pool(gl.AveragePool2D),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Dropout": _dropout,
    "Elu": lambda node, given: Found(gl.ELU(node.settings.get("alpha", 1.0))),
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _plain(gl.GlobalAveragePool),
    "GlobalMaxPool": _plain(gl.GlobalMaxPool),
    "GroupNormalization": _group_norm,
    "Identity": lambda node, given: None,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda node, given: Found(gl.LeakyReLU(node.settings.get("alpha", 0.01))),
    "MatMul": _matmul,
    "MaxPool": _pool(gl.MaxPool2D),
    "Pad": _pad,
    "ReduceMax": _reduce(gl.GlobalMaxPool),
    "ReduceMean": _reduce(gl.GlobalAveragePool),
    "Relu": _plain(gl.ReLU),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": _plain(gl.Sigmoid),
    "Softmax": _softmax,
    "Softplus": _plain(gl.Softplus),
    "Tanh": _plain(gl.Tanh),
}
"""How each operator is read; None stands for nothing to do."""
