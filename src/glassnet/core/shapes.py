"""Array types, shapes and dtypes, and how messages write them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError, shown

if TYPE_CHECKING:  # importing numpy.typing takes longer than it is worth at run time
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Booleans: TypeAlias = NDArray[np.bool_]
    Bytes: TypeAlias = NDArray[np.uint8]
    Int32s: TypeAlias = NDArray[np.int32]
    Int64s: TypeAlias = NDArray[np.int64]
    Float64s: TypeAlias = NDArray[np.float64]
else:
    Array = np.ndarray  # those below are of that dtype whatever the network's is, and tell whoever asks
    Booleans = Annotated[Array, np.bool_]
    Bytes = Annotated[Array, np.uint8]
    Int32s = Annotated[Array, np.int32]
    Int64s = Annotated[Array, np.int64]
    Float64s = Annotated[Array, np.float64]

GEOMETRY = "geometry"
Geometry: TypeAlias = Annotated[int, GEOMETRY]
"""A whole number that says where things lie, such as a stride: it counts in indices and enters no number."""
Shape: TypeAlias = tuple[int, ...]
DType: TypeAlias = str | type | np.dtype[Any]

DTYPES = ("float32", "float64")
MOST_VALUES = 2**40
"""Of one row, or of one parameter: more fit into no machine."""


def as_shape(shape: int | Sequence[int], *, where: str) -> Shape:
    """Checks a shape without its batch axis: one positive size or several.

    Example:
        >>> as_shape(64, where="build"), as_shape([1, 28, 28], where="build")
        ((64,), (1, 28, 28))
    """
    given: Any = shape
    is_list = isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim == 1)
    sizes: tuple[Any, ...] = tuple(given) if is_list else (given,)
    if not sizes or not all(map(_is_size, sizes)) or prod(map(int, sizes)) > MOST_VALUES:
        raise ShapeError(
            where=where,
            received=f"the shape {shown(shape)}",
            expected=f"one or more whole numbers above 0, without the batch axis, of at most {MOST_VALUES:,} values",
            fix="for a table with 64 columns write (64,), for images (channels, height, width)",
        )
    return tuple(int(s) for s in sizes)


def _is_size(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64) and bool(value > 0)


def as_dtype(dtype: DType) -> np.dtype[Any]:
    """Checks a dtype's name: float32 or float64."""
    try:
        found = np.dtype(dtype) if isinstance(dtype, str | type | np.dtype) else None
    except (TypeError, ValueError):
        found = None
    if found is None or found.name not in DTYPES or not found.isnative:
        raise ConfigurationError(
            where="dtype", received=shown(dtype), expected='"float32" or "float64"', fix='write dtype="float32"'
        )
    return found


def batch_shape(shape: Shape) -> str:
    """Writes a shape with its batch axis, as the docs do.

    Example:
        >>> batch_shape((1, 28, 28))
        '(N, 1, 28, 28)'
    """
    return f"(N, {', '.join(map(str, shape))})"


def size_of(shape: Shape) -> int:
    """Number of elements in one row of that shape."""
    return prod(shape)


def flat(x: Array) -> Array:
    """X as (N, D)."""
    return x.reshape(x.shape[0], size_of(x.shape[1:]))
