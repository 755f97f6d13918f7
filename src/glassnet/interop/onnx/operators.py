"""ONNX operators as layers.

Each reader gives layers that do exactly what the operator does on rows in the file's own order of axes; what cancels
between neighbours is taken out afterwards, see ``simplify``. It asks the node for everything that the node has:
what is left unasked is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from glassnet import layers as gl
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.activations import ACTIVATIONS, ALPHA
from glassnet.interop.onnx.arrange import ARRANGING
from glassnet.interop.onnx.node import Found, Node, between, require, scale, view
from glassnet.interop.onnx.sequences import RECURRENCES, positions
from glassnet.interop.onnx.windows import WINDOWS

Reader = Callable[[Node], list[Found]]
LARGEST = float(np.finfo(np.float32).max)


def _activation(node: Node) -> list[Found]:
    node.placed_x()
    settings = {ALPHA[node.kind][0]: node.get("alpha", ALPHA[node.kind][1])} if node.kind in ALPHA else {}
    return [Found(ACTIVATIONS[node.kind](**settings))]


def _gelu(node: Node) -> list[Found]:
    node.x()
    kind = node.get("approximate", "none")
    require(kind in ("none", "tanh"), f"approximate={kind!r}")
    return [Found(gl.GELU(approximate=kind == "tanh"))]


def _clip(node: Node) -> list[Found]:
    node.x()
    if node.version < 11:
        low, high = node.get("min"), node.get("max")
    else:
        low, high = (node.optional(place, "a limit") for place in (1, 2))
    limits = [None if limit is None else float(str(np.ravel(limit)[0])) for limit in (low, high)]
    limits = [None if limit is None or abs(limit) >= LARGEST else limit for limit in limits]
    if limits == [None, None]:
        return []
    if limits in ([0, None], [0, 6]):
        return [Found(gl.ReLU() if limits[1] is None else gl.ReLU6())]
    return [Found(gl.Clip(*limits))]


def _prelu(node: Node) -> list[Found]:
    node.x()
    slopes = np.unique(node.constant(1, "a slope"))
    require(slopes.size == 1, "slopes that differ between channels")
    return [Found(gl.LeakyReLU(float(str(slopes[0]))))]


def _dropout(node: Node) -> list[Found]:
    node.placed_x()
    node.ignore("seed")
    ratio = node.get("ratio") if node.version < 12 else node.optional(1, "a ratio")
    training = None if node.version < 12 else node.optional(2, "a mode")
    require(training is None or not np.any(training), "training_mode=1, which drops numbers at random")
    rate = 0.5 if ratio is None else float(str(np.float32(np.ravel(ratio)[0])))
    return [Found(gl.Dropout(rate))]


def _identity(node: Node) -> list[Found]:
    node.placed_x()
    return []


def _cast(node: Node) -> list[Found]:
    from onnx import TensorProto

    node.x()
    node.ignore("saturate", "round_mode")
    kind = node.get("to")
    is_real = kind in (TensorProto.FLOAT, TensorProto.DOUBLE)
    require(is_real, f"to={kind}, which is neither float nor double, and no Gather behind it")
    return []


def broadcast(node: Node, place: int, shape: Shape, rows: int = 0) -> Array:
    """The constant at that place as it meets each row of that shape, where that axis has the rows."""
    value = node.constant(place, "a constant")
    require(value.dtype.kind in "fiu", f"a constant of {value.dtype}")
    require(value.ndim <= len(shape) + 1, f"a constant of shape {value.shape} for rows of shape {shape}")
    whole = np.moveaxis(value.reshape((1,) * (len(shape) + 1 - value.ndim) + value.shape), rows, 0)
    require(
        bool(len(whole)) and bool((whole == whole[:1]).all()),
        f"a constant of shape {value.shape}, not one for all rows",
    )
    fits = all(own in (1, size) for own, size in zip(whole.shape[1:], shape, strict=True))
    require(fits, f"a constant of shape {value.shape} for rows of shape {shape}")
    return np.asarray(whole[0])


def _arithmetic(node: Node) -> list[Found]:
    place = next(iter(node.data()), 0)
    shape, rows = node.placed_x(place)
    other = broadcast(node, 1 - place, shape, rows)
    after, _ = node.placed_after
    require(after == shape, f"rows of shape {shape} that become {after}")
    if node.kind == "Add" and len(shape) == 2 and rows == 0 and other.shape == shape:
        return [positions(other, shape)]
    if node.kind == "Add":
        return scale(shape, 1.0, other)
    if node.kind == "Sub":
        return scale(shape, 1.0, -other.astype(np.float64)) if place == 0 else scale(shape, -1.0, other)
    if node.kind == "Mul":
        return scale(shape, other, 0.0)
    require(place == 0, "a constant that is divided by what is calculated")
    require(other.dtype.kind == "f" and bool((other != 0).all()), "a divisor that is 0 or a whole number")
    return scale(shape, 1 / other.astype(np.float64), 0.0)


def _negative(node: Node) -> list[Found]:
    return scale(node.x(), -1.0, 0.0)


def _scaler(node: Node) -> list[Found]:
    """What scikit-learn's models begin with: (x − offset) · scale."""
    shape = node.x()
    offset, factor = (
        np.asarray(node.get(name, [default]), np.float64) for name, default in (("offset", 0), ("scale", 1))
    )
    require({offset.size, factor.size} <= {1, shape[-1]} and len(shape) == 1, "numbers for other columns")
    return [*scale(shape, 1.0, -offset), *scale(shape, factor, 0.0)]


def _dense(weight: Array, bias: Array | None, origin: str = "") -> Found:
    units = weight.shape[1]
    parameters = {"weight": weight} | ({} if bias is None else {"bias": np.broadcast_to(bias, (units,))})
    return Found(gl.Dense(units, use_bias=bias is not None), parameters, origin=origin)


def _gemm(node: Node) -> list[Found]:
    node.x()
    require(len(node.row(node.inputs[0])) == 1, "rows of several axes")
    require(not node.get("transA", 0), "transA=1")
    weight = node.constant(1, "a weight")
    weight = weight.T if node.get("transB", 0) else weight
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    has_bias = len(node.inputs) > 2 and bool(node.inputs[2])
    bias = broadcast(node, 2, (weight.shape[1],)) if has_bias else None
    bias = bias if bias is None or beta == 1 else bias * beta
    return [_dense(weight if alpha == 1 else weight * alpha, bias, node.inputs[1] if alpha == 1 else "")]


def _matmul(node: Node) -> list[Found]:
    place = next(iter(node.data()), 0)
    shape, rows = node.placed_x(place)
    weight = node.constant(1 - place, "a factor")
    require(weight.ndim == 2, f"a factor of shape {weight.shape}")
    if place == 1:  # (M, K) (N, K, D) -> (N, M, D)
        require(rows == 0, "a left factor that is a constant, where the rows are not first")
        require(len(shape) == 2, f"a left factor that is a constant, on rows of shape {shape}")
        return between(shape, (2, 1), [_dense(weight.T, None)], node.after)
    if len(shape) == 1:
        return [_dense(weight, None, node.inputs[1])]
    flat = (prod(shape[:-1]), shape[-1])
    return [
        *view(shape, flat),
        _dense(weight, None, node.inputs[1]),
        *view((flat[0], weight.shape[1]), node.placed_after[0]),
    ]


def _batch_norm(node: Node) -> list[Found]:
    shape = node.x()
    names = ("gamma", "beta", "running_mean", "running_variance")
    values = {name: node.constant(1 + i, name) for i, name in enumerate(names)}
    require(not node.get("training_mode", 0), "training_mode=1")
    require(bool(node.get("spatial", 1)), "spatial=0")
    epsilon, momentum = node.get("epsilon", 1e-5), round(1 - node.get("momentum", 0.9), 9)
    found = Found(gl.BatchNorm(momentum=min(max(momentum, 1e-6), 0.999999), epsilon=epsilon), values)
    return between(shape, (2, 1), [found], shape) if len(shape) == 2 else [found]


def _vector_norm(node: Node) -> list[Found]:
    shape = node.x()
    axis = node.get("axis", -1) % (len(shape) + 1)
    require(axis > 0 and node.get("stash_type", 1) == 1, f"axis={axis} or another stash_type")
    inner = shape[axis - 1 :]
    has_mean = node.kind == "LayerNormalization"
    values = {"gamma": node.constant(1, "a scale")}
    if has_mean:
        beta = node.optional(2, "a bias")
        values["beta"] = np.zeros(1) if beta is None else beta
    require(all(own.ndim <= len(inner) for own in values.values()), "a scale or bias of more axes")
    values = {name: np.broadcast_to(own, inner).ravel() for name, own in values.items()}
    seen = (prod(inner),) if axis == 1 else (prod(shape[: axis - 1]), prod(inner))
    norm = (gl.LayerNorm if has_mean else gl.RMSNorm)(epsilon=node.get("epsilon", 1e-5))
    return [*view(shape, seen), Found(norm, values), *view(seen, shape)]


def _instance_norm(node: Node) -> list[Found]:
    return _groups(node, node.x()[0])


def _group_norm(node: Node) -> list[Found]:
    node.x()
    require(node.get("stash_type", 1) == 1, "another stash_type")
    return _groups(node, int(node.get("num_groups")))


def _groups(node: Node, groups: int) -> list[Found]:
    shape = node.x()
    channels = shape[0]
    values = {name: node.constant(1 + i, name).ravel() for i, name in enumerate(("gamma", "beta"))}
    for name, own in values.items():
        if own.size == groups and channels % groups == 0:  # before version 21 one for each group
            values[name] = np.repeat(own, channels // groups)
        require(values[name].size == channels, f"{own.size} numbers for {channels} channels")
    seen = shape if len(shape) == 3 else (channels, prod(shape[1:]), 1)
    return [
        *view(shape, seen),
        Found(gl.GroupNorm(groups, epsilon=node.get("epsilon", 1e-5)), values),
        *view(seen, shape),
    ]


def _softmax(node: Node) -> list[Found]:
    shape = node.x()
    rank = len(shape) + 1
    axis = node.get("axis", -1 if node.version >= 13 else 1)
    axis = axis % rank if -rank <= axis < rank else 0
    require(axis > 0, f"axis={node.get('axis')}")
    if node.version < 13:  # over all axes from there on
        seen = (prod(shape[axis - 1 :]),) if axis == 1 else (prod(shape[: axis - 1]), prod(shape[axis - 1 :]))
        return [*view(shape, seen), Found(gl.Softmax()), *view(seen, shape)]
    order = (*(other for other in range(1, rank) if other != axis), axis)
    return between(shape, order, [Found(gl.Softmax())], shape)


OPERATORS: dict[str, Reader] = {
    **dict.fromkeys(("Add", "Div", "Mul", "Sub"), _arithmetic),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Dropout": _dropout,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GroupNormalization": _group_norm,
    "Identity": _identity,
    "InstanceNormalization": _instance_norm,
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _vector_norm),
    "MatMul": _matmul,
    "Neg": _negative,
    "PRelu": _prelu,
    "Scaler": _scaler,
    "Softmax": _softmax,
    **dict.fromkeys(ACTIVATIONS, _activation),
    **ARRANGING,
    **RECURRENCES,
    **WINDOWS,
}
"""How each operator is read."""
KNOWN = sorted({*OPERATORS, "Concat"})
"""Operators that layers express, those that branches end in among them."""


def refusal(where: str, received: str, fix: str) -> ConfigurationError:
    """The error for a file that is right and cannot be read."""
    return ConfigurationError(
        where=where,
        received=received,
        expected=f"one input, and operators that layers express: {', '.join(KNOWN)}",
        fix=fix,
    )
