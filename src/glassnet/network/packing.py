"""Arrays by name, side by side in one: how a ``Graph`` with several inputs or outputs goes through the other rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.checks import finite_rows, fits_network, numeric, same_rows
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.core.shapes import Array, Shape, batch_shape, flat, size_of

EXACT = 1 << 53
"""float64 holds every whole number up to here."""


def parts_of(shapes: Mapping[str, Shape]) -> dict[str, slice]:
    """The columns of each part, side by side in this order.

    Example:
        >>> parts_of({"left": (3,), "image": (1, 2, 2)})
        {'left': slice(0, 3, None), 'image': slice(3, 7, None)}
    """
    found, start = {}, 0
    for name, shape in shapes.items():
        found[name] = slice(start, start + size_of(shape))
        start = found[name].stop
    return found


def unpacked(array: Array, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """The parts (N, ...) of an array (N, V), in memory of their own."""
    return {
        name: np.ascontiguousarray(array[:, columns]).reshape(len(array), *shapes[name])
        for name, columns in parts_of(shapes).items()
    }


def by_name(values: Any, names: list[str], *, where: str, what: str) -> dict[str, Any] | None:
    """What was given for each name: of a dict, or of a tuple (a list of arrays too) in the names' order.

    Args:
        values: as a user gave them.
        names: all of them.
        where: for messages.
        what: ``"input"`` or ``"output"``.

    Returns:
        None where the values are one array.

    Raises:
        DataError: names that are missing or unknown, a tuple of another length.
    """
    if isinstance(values, Mapping):
        unknown, missing = [n for n in values if n not in names], [n for n in names if n not in values]
        if unknown or missing:
            both = {"unknown": unknown, "missing": missing}
            said = [f"{word} {', '.join(map(repr, found))}" for word, found in both.items() if found]
            raise DataError(
                where=where,
                received=f"a dict of {', '.join(map(repr, values)) or 'nothing'}: {'; '.join(said)}",
                expected=f"an array for each {what}: {', '.join(map(repr, names))}",
                fix=f"name the arrays as the {what}s are named",
            )
        return {name: values[name] for name in names}
    is_list = isinstance(values, list) and bool(values) and all(len(getattr(v, "shape", ())) > 1 for v in values)
    if not is_list and not isinstance(values, tuple):
        return None
    if len(values) != len(names):
        raise DataError(
            where=where,
            received=f"{len(values)} arrays",
            expected=f"{len(names)}, one for each {what}: {', '.join(map(repr, names))}",
            fix="pass a dict of arrays by name",
        )
    return dict(zip(names, values, strict=True))


def packed(values: Any, shapes: Mapping[str, Shape | None], *, where: str) -> Array:
    """The inputs' arrays (N, ...) side by side (N, V); a single one, or what is packed already, as it is.

    Raises:
        DataError, ShapeError: see ``Graph.pack``.
    """
    names = list(shapes)
    if len(names) == 1 and not isinstance(values, Mapping):
        return numeric(values, where=where)
    found = by_name(values, names, where=where, what="input")
    if found is None:
        return numeric(values, where=where)
    arrays = {name: checked_part(found[name], shapes[name], where=f"{where}[{name!r}]", name=name) for name in names}
    first, rows = names[0], len(arrays[names[0]])
    for name, array in arrays.items():
        same_rows(rows, array, where=f"{where}[{name!r}]", other=repr(first))
    if len(names) == 1:
        return arrays[first]
    dtype = np.result_type(*arrays.values())
    for name, array in arrays.items():
        _keeps_whole_numbers(array, dtype, where=f"{where}[{name!r}]")
    return np.concatenate([flat(array).astype(dtype, copy=False) for array in arrays.values()], axis=1)


def checked_part(values: Any, shape: Shape | None, *, where: str, name: str) -> Array:
    """Finite rows of that shape."""
    array = numeric(values, where=where)
    if shape is not None and array.shape[1:] != shape:
        if array.ndim == 1 and shape == (1,):
            raise ShapeError(
                where=where,
                received=f"an array of shape {array.shape}",
                expected=f"{batch_shape(shape)}, a column",
                fix="make it a column: x.reshape(-1, 1)",
            )
        fits_network(array, shape, where=where, layer=f"Graph's input {name!r}")
    return finite_rows(array, where=where)


def _keeps_whole_numbers(array: Array, dtype: np.dtype[Any], *, where: str) -> None:
    """Refuses whole numbers beyond float64's digits beside fractions: they would be rounded."""
    if dtype.kind == "f" and array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        largest = max(abs(int(array.min())), abs(int(array.max())))
        if largest > EXACT:
            raise DataError(
                where=where,
                received=f"whole numbers up to {largest}",
                expected="numbers that float64 can tell apart, up to 2**53, beside inputs with fractions",
                fix="subtract what they have in common, or number them from 0",
            )


def joined_shape(shapes: Sequence[Shape], axis: int, *, where: str, received: str, fix: str) -> Shape:
    """The shape of arrays put side by side along one axis; all without the batch axis, which is 0.

    Raises:
        ShapeError: they differ in another axis than that; ``where``, ``received`` and ``fix`` are for the message.
    """
    k = axis - 1
    if any(len(s) <= k or s[:k] + s[k + 1 :] != shapes[0][:k] + shapes[0][k + 1 :] for s in shapes):
        raise ShapeError(
            where=where,
            received=f"{received} {', '.join(map(batch_shape, shapes))}",
            expected=f"shapes that differ in axis {axis} alone",
            fix=fix,
        )
    return (*shapes[0][:k], sum(s[k] for s in shapes), *shapes[0][k + 1 :])


def joined_steps(layer: Any) -> ConfigurationError:
    """The error for rows of different length that are joined step behind step: padding would lie between them."""
    return ConfigurationError(
        where=layer.where,
        received="rows of different length, joined along the axis of their steps, axis=1",
        expected="their features side by side, axis=2",
        fix="write axis=2, or let a pooling over time stand at the end of each branch",
    )


def matrix(array: Array, axis: int) -> Array:
    """The array as (everything before the joined axis, that axis and everything after it)."""
    return array.reshape(size_of(array.shape[:axis]), -1)
