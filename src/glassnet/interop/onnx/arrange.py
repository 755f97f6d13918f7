"""ONNX operators that choose numbers or arrange them, as layers."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.node import Found, Node, permute, require, view

MOST_COLUMNS = 2**16
"""A layer chooses so many one by one."""


def _view(node: Node) -> list[Found]:
    """The shapes of values tell all that the operator's settings say."""
    shape, _ = node.placed_x()
    node.arranged()
    node.ignore("allowzero", "axis", "axes", "shape")
    return view(shape, node.placed_after[0])


def _transpose(node: Node) -> list[Found]:
    shape, axis = node.placed_x()
    perm = list(node.get("perm", range(len(shape), -1, -1)))
    require(not node.is_last or perm[0] == axis, f"perm={perm}, which moves the rows")
    return permute(shape, tuple(along(axis, other) for other in perm if other != axis))


def along(rows: int, axis: int) -> int:
    """The number of a value's axis among those of a row, from 1, where that one has the rows."""
    require(axis != rows, f"axis={axis}, which has the rows")
    return axis + (axis < rows)


def _chosen(shape: Shape, places: Array) -> list[Found]:
    """Numbers of a row (A, ...), by their places in it when it is flat."""
    size = prod(shape)
    if places.size == size and np.array_equal(places.ravel(), np.arange(size)):
        return view(shape, places.shape)
    require(places.size <= MOST_COLUMNS, f"{places.size} numbers that are chosen one by one")
    chosen = Found(gl.Columns(places.ravel().tolist()))
    return [*view(shape, (size,)), chosen, *view((places.size,), places.shape)]


def _places(shape: Shape) -> Array:
    return np.arange(prod(shape)).reshape(1, *shape)


def _gather(node: Node) -> list[Found]:
    axis = node.get("axis", 0)
    if node.data() == [1]:
        node.x(1)
        weight = node.constant(0, "a weight")
        require(axis == 0 and weight.ndim == 2, f"axis={axis} of a constant of shape {weight.shape}")
        return [Found(gl.Embedding(*weight.shape), {"weight": weight}, origin=node.inputs[0])]
    shape, rows = node.placed_x()
    columns = node.constant(1, "numbers of columns")
    axis = axis + len(shape) + 1 if axis < 0 else axis
    require(axis != rows, f"axis={axis}, columns {columns.tolist()}")
    return _chosen(shape, np.take(_places(shape), columns, axis=along(rows, axis))[0])


def _slice(node: Node) -> list[Found]:
    shape, rows = node.placed_x()
    if node.version < 10:
        starts, ends, axes = (node.get(name) for name in ("starts", "ends", "axes"))
        steps = None
    else:
        starts, ends = (node.constant(place, "an end of a slice").tolist() for place in (1, 2))
        axes, steps = (node.optional(place, "an axis or a step") for place in (3, 4))
    cut_axes = [int(axis) % (len(shape) + 1) for axis in (range(len(starts)) if axes is None else axes)]
    by = [1] * len(starts) if steps is None else [int(step) for step in steps]
    cut = [slice(None)] * (len(shape) + 1)
    for axis, start, stop, step in zip(cut_axes, starts, ends, by, strict=True):
        if axis == rows:
            require((start, stop, step) == (0, 2**63 - 1, 1), "a slice of rows")
            continue
        place = along(rows, axis)
        reaches_front = step < 0 and stop < -shape[place - 1]  # before the first element, which a slice calls None
        cut[place] = slice(start, None if reaches_front else stop, step)
    return _chosen(shape, _places(shape)[tuple(cut)][0])


def _split(node: Node) -> list[Found]:
    shape, rows = node.placed_x()
    node.arranged()
    node.ignore("split", "num_outputs")
    axis = along(rows, node.get("axis", 0) % (len(shape) + 1))
    sizes = [node.placed(name)[0][axis - 1] for name in node.outputs if name]
    require(sum(sizes) == shape[axis - 1] and all(node.outputs), "outputs that are left out")
    start = sum(sizes[: node.place])
    return _chosen(shape, np.take(_places(shape), range(start, start + sizes[node.place]), axis=axis)[0])


def _pad(node: Node) -> list[Found]:
    shape = node.x()
    if node.version < 11:
        pads, value, axes = node.get("pads"), node.get("value", 0.0), None
    else:
        pads, value = node.constant(1, "pads"), node.optional(2, "a value")
        axes = node.optional(3, "axes")
    pads = np.ravel(pads).tolist()
    rank, half = len(shape) + 1, len(pads) // 2
    padded_axes = range(rank) if axes is None else (np.ravel(axes) % rank).tolist()
    around = dict(zip(padded_axes, zip(pads[:half], pads[half:], strict=True), strict=True))
    zeros = node.get("mode", "constant") == "constant" and (value is None or not np.any(value))
    sides = [around.get(axis, (0, 0)) for axis in range(rank)]
    seen = (1,) * (3 - len(shape)) + shape
    sides = sides[:1] + [(0, 0)] * (3 - len(shape)) + sides[1:]
    free = len(seen) == 3 and not any(sides[0] + sides[1]) and min(min(side) for side in sides) >= 0
    require(zeros and free, f"pads={pads} or another mode than zeros")
    down, across = ((int(before), int(after)) for before, after in sides[2:])
    padded = (seen[0], seen[1] + sum(down), seen[2] + sum(across))
    return [*view(shape, seen), Found(gl.ZeroPad2D((down, across))), *view(padded, node.after)]


def _resize(node: Node) -> list[Found]:
    shape = node.x()
    mode = node.get("mode", "nearest")
    way, rounding = "asymmetric", "floor"
    if node.kind == "Upsample" or node.version < 11:
        scales = node.get("scales") if node.version < 9 else node.constant(1, "scales")
    else:
        node.arranged(1)  # the region of interest, which another way than those below looks at
        node.arranged(3)  # sizes, which are those of the output
        node.ignore("antialias", "cubic_coeff_a", "exclude_outside", "extrapolation_value", "keep_aspect_ratio_policy")
        scales = node.optional(2, "scales")
        way = node.get("coordinate_transformation_mode", "half_pixel")
        rounding = node.get("nearest_mode", "round_prefer_floor")
    factors = [new / old for new, old in zip(node.after, shape, strict=True)]
    given = [1.0, *factors] if scales is None or not np.size(scales) else np.ravel(scales).tolist()
    whole = len(shape) == 3 and factors[0] == 1 and all(f >= 1 and f % 1 == 0 for f in factors)
    # With whole factors these agree: every new pixel lies between the edges of an old one.
    exact = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}
    fits = mode == "nearest" and (way, rounding) in exact and given == [1.0, *factors]
    require(whole and fits, f"mode={mode}, {way}, {rounding}, scales={given}")
    return [Found(gl.UpSample2D((int(factors[1]), int(factors[2]))))]


ARRANGING: dict[str, Callable[[Node], list[Found]]] = {
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), _view),
    "Gather": _gather,
    "Pad": _pad,
    "Resize": _resize,
    "Slice": _slice,
    "Split": _split,
    "Transpose": _transpose,
    "Upsample": _resize,
}
"""How each operator is read."""
