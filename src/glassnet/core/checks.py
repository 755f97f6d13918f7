"""The door: arrays from users are checked here once; inside, everything trusts them."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import DataError, ShapeError
from glassnet.core.numeric import numeric, place_in_rows
from glassnet.core.shapes import Array, Shape, batch_shape

__all__ = ["as_rows", "finite_rows", "fits_network", "numeric", "place_in_rows", "require_finite", "same_rows"]


def as_rows(values: Any, dtype: np.dtype[Any], *, where: str) -> Array:
    """Makes a contiguous, finite array of the dtype from anything array-like with at least one row.

    Raises:
        DataError: no rows, what ``numeric`` refuses, NaN or infinity (row and column named), numbers too large for
            the dtype.
        ShapeError: a single number instead of rows.
    """
    array = _rows(values, where)
    with np.errstate(over="ignore"):
        result = np.require(array, dtype=dtype, requirements=("C_CONTIGUOUS", "ALIGNED"))
    require_finite(result, array, where=where)
    return result


def finite_rows(values: Any, *, where: str) -> Array:
    """The same checks in the dtype that the values have, which is left as it is."""
    array = _rows(values, where)
    if array.dtype.kind == "f":
        require_finite(array, array, where=where)
    return array


def _rows(values: Any, where: str) -> Array:
    array = numeric(values, where=where)
    if array.ndim == 0:
        raise ShapeError(
            where=where,
            received="a single number",
            expected="an array whose first axis counts the rows",
            fix="for one row write [[...]], for a column array.reshape(-1, 1)",
        )
    if array.size == 0:
        raise DataError(
            where=where,
            received=f"an empty array of shape {array.shape}",
            expected="at least one row and one column",
            fix="look at how the data were loaded or filtered",
        )
    return array


def same_rows(expected: int, values: Array, *, where: str, other: str) -> None:
    """Refuses an array that has not as many rows as x."""
    if len(values) != expected:
        raise ShapeError(
            where=where,
            received=f"{len(values)} rows",
            expected=f"{expected}, as many as {other} has",
            fix="check that both come from the same rows, in the same order",
        )


def fits_network(x: Array, input_shape: Shape, *, where: str, layer: str) -> None:
    """Refuses rows of another shape than the network was built for, naming its first layer."""
    if x.shape[1:] == input_shape:
        return
    expected = f"{batch_shape(input_shape)}, the shape that {layer} was built for"
    fix = "select the same columns, in the same order, as in training"
    if x.shape == input_shape:
        fix = "one row is a batch of one: pass x[None]"
    elif len(x.shape) == 4 and len(input_shape) == 3:
        fix = _fit_images(x.shape[1:], input_shape)
    elif len(x.shape) == 2 and len(input_shape) == 1 and x.shape[0] == input_shape[0]:
        fix = f"rows are examples and columns are features: pass x.T, of shape {x.shape[::-1]}"
    elif len(x.shape) == len(input_shape) + 1 > 2 and x.shape[2:] == input_shape[1:] and x.shape[1] < input_shape[0]:
        fix = f"where rows may be shorter than {input_shape[0]} steps, pass gn.data.pad(list(x), {input_shape[0]})"
    elif len(x.shape) > 1 and np.prod(x.shape[1:]) == np.prod(input_shape):
        fix = f"reshape the rows: x.reshape(-1, {', '.join(map(str, input_shape))})"
    raise ShapeError(where=where, received=f"an array of shape {x.shape}", expected=expected, fix=fix)


def has_channels_last(shape: Shape) -> bool:
    """Whether rows (A, B, C) can only be images (H, W, C): 3 or 4 channels, or 1 of a square, larger than 4×4.

    Example:
        >>> [has_channels_last(shape) for shape in ((28, 28, 3), (8, 8, 1), (3, 32, 32), (3, 3, 3), (6, 50, 1))]
        [True, True, False, False, False]
    """
    if len(shape) != 3 or min(shape[:2]) <= 4:
        return False
    return shape[2] in (3, 4) or (shape[2] == 1 and shape[0] == shape[1])


def unless_channels_last(shape: Shape, fix: str) -> str:
    """What a layer for images says about rows (A, B, C) that do not fit it: where channels stand last, to move them.

    Example:
        >>> unless_channels_last((8, 8, 1), "use a smaller kernel")
        'the channels seem to stand last; put them first: x.transpose(0, 3, 1, 2), or begin with gn.Permute(3, 1, 2)'
        >>> unless_channels_last((16, 2, 2), "use a smaller kernel")
        'use a smaller kernel'
    """
    if has_channels_last(shape) or (len(shape) == 3 and shape[2] == 1 and min(shape[:2]) > 4):
        how = "x.transpose(0, 3, 1, 2), or begin with gn.Permute(3, 1, 2)"
        return f"the channels seem to stand last; put them first: {how}"
    return fix


def _fit_images(received: Shape, expected: Shape) -> str:
    """How images (C, H, W) become those that the network takes."""
    channels, *size = expected
    if received == (*size, channels):
        return "put the channels first: x.transpose(0, 3, 1, 2)"
    if received[0] == channels:
        return f"resize the images to {size[0]}×{size[1]} pixels"
    if received[0] == 1:
        return f"give grey images {channels} channels: x.repeat({channels}, axis=1)"
    if channels == 1:
        return "make the images grey: x.mean(axis=1, keepdims=True)"
    return f"use images of {channels} channels, as in training"


def require_finite(converted: Array, original: Array, *, where: str) -> None:
    """Refuses numbers that are not finite, or no more so since they were converted; the first is named.

    Args:
        converted: what was made of the original numbers, in their shape.
        original: for the message.
        where: for the message.
    """
    if np.isfinite(converted).all():
        return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(converted))[0])
    count = int(np.sum(~np.isfinite(converted)))
    place = place_in_rows(index)
    value = original[index]
    if np.isfinite(value):
        raise DataError(
            where=where,
            received=f"the value {value:g} at {place}",
            expected=f"numbers that {converted.dtype} can hold (up to {np.finfo(converted.dtype).max:.3g})",
            fix='scale the data, or use dtype="float64"',
        )
    raise DataError(
        where=where,
        received=f"{value} at {place}, counted from 0 ({count} such value{'s' if count > 1 else ''} in all)",
        expected="finite numbers",
        fix="fill or drop the missing values: x = x[np.isfinite(x).all(axis=1)] drops their rows",
    )
