"""What is done to raw features before the network sees them; kept in the model's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassnet.core.checks import finite_rows, numeric
from glassnet.core.errors import ConfigurationError, DataError, ShapeError, shown
from glassnet.core.ragged import is_ragged, padded_rows
from glassnet.core.settings import Configurable, boolean
from glassnet.core.shapes import Array, size_of
from glassnet.core.wild import tell_of_swallowed

BLOCK = 1 << 16
"""Numbers that are in float64 at once: what is done to images takes no memory beside its result."""
WHOLE = 2**53
"""float64 has every whole number up to here."""
DISTANT = 500
"""Raw numbers so many scales from 0 have no more than four digits left in float32 that tell them apart."""
LARGEST = 1e30
"""Numbers up to this, and down to its inverse, are well within float32."""
NOISE = 32 * float(np.finfo(np.float64).eps)
"""Differences of so small a share of the values are rounding, unless the values are whole numbers."""


class Standardize(Configurable):
    """x ← (x − mean) / scale, column by column, or channel by channel; computed in float64.

    Args:
        mean: one number, one for each element of a row, or (C, 1, 1) for the channels of images (C, H, W).
        scale: the same; not 0.

    Attributes:
        names: of the columns of the frame that ``from_data`` was given, or None; a model that is trained with it takes
            frames by these names.

    Example:
        >>> import numpy as np
        >>> Standardize.from_data(np.array([[1.0, 5.0], [3.0, 5.0]])).apply(np.array([[2.0, 6.0]])).tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, mean: Any = 0.0, scale: Any = 1.0) -> None:
        self.names: tuple[str, ...] | None = None
        self.mean = numeric(mean, where="Standardize: mean").astype(np.float64)
        self.scale = numeric(scale, where="Standardize: scale").astype(np.float64)
        given = np.asarray(mean), np.asarray(scale)
        are_numbers = all(array.size and array.dtype.kind != "b" for array in given)
        are_finite = np.isfinite(self.mean).all() and np.isfinite(self.scale).all()
        if not are_numbers or not are_finite or (self.scale == 0).any():
            raise ConfigurationError(
                where="Standardize",
                received="a mean or scale that is empty, a truth value or not finite, or a scale of 0",
                expected="finite numbers, scale ≠ 0",
                fix="use Standardize.from_data(x), which gives constant columns the scale 1",
            )

    @classmethod
    def from_data(cls, x: Any) -> Standardize:
        """Mean and standard deviation of each column of x (N, ...); a constant column gets the scale 1.

        Of rows of different length, a list of arrays (L, ...) or ``gn.data.Padded``, each number of a step is a column,
        over all steps that the rows have.

        Differences in the last bits of numbers that are not whole count as rounding, not as differences. Where a wild
        number makes the scale so large that the others become all but equal, a ``DataWarning`` says so.

        Raises:
            DataError, ShapeError: no rows of finite numbers.
        """
        if is_ragged(x):
            steps = list(padded_rows(x, None, where="Standardize.from_data"))
            columns = finite_rows(np.concatenate(steps), where="Standardize.from_data")
            mean, scale = _statistics(columns, axes=(0,))
            tell_of_swallowed(columns, scale, "Standardize.from_data", is_sample=True)
            return cls(mean, scale)
        rows = finite_rows(x, where="Standardize.from_data")
        own = cls(*_statistics(rows, axes=(0,)))
        tell_of_swallowed(rows, own.scale, "Standardize.from_data")
        names = list(getattr(x, "column_names", getattr(x, "columns", ())))  # of a frame; pandas may only number them
        if rows.ndim == 2 and names and names != list(range(len(names))):
            own.names = tuple(map(str, names))
        return own

    @classmethod
    def by_channel(cls, x: Any) -> Standardize:
        """Mean and standard deviation of each channel of images x (N, C, H, W); a constant one gets the scale 1.

        Raises:
            DataError: no rows of finite numbers.
            ShapeError: x has not four axes.

        Example:
            >>> import numpy as np
            >>> images = np.zeros((5, 3, 2, 2)) + np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
            >>> Standardize.by_channel(images).mean.ravel().tolist()
            [1.0, 2.0, 3.0]
        """
        images = finite_rows(x, where="Standardize.by_channel")
        if images.ndim != 4:
            raise ShapeError(
                where="Standardize.by_channel",
                received=f"an array of shape {images.shape}",
                expected="images (N, C, H, W)",
                fix="for grey images without an axis of channels pass x[:, None]",
            )
        mean, scale = _statistics(images, axes=(0, 2, 3))
        for channel, own in enumerate(scale):
            tell_of_swallowed(images[:, channel], np.full(images.shape[2:], own), "Standardize.by_channel")
        return cls(mean.reshape(-1, 1, 1), scale.reshape(-1, 1, 1))

    @property
    def is_affine(self) -> bool:
        """Whether the way back is a product and a sum, so that differences only change their unit."""
        return True

    @property
    def needs_float64(self) -> bool:
        """Whether raw numbers in float32 would lose digits that matter: where the mean is many scales away from 0.

        Or where one of both is beyond its range.
        """
        mean, scale = np.abs(self.mean), np.abs(self.scale)
        too_large = max(mean.max(initial=0.0), scale.max(initial=0.0)) > LARGEST
        return bool(too_large or (scale < 1 / LARGEST).any() or (mean > DISTANT * scale).any())

    def apply(self, x: Any, dtype: Any = None) -> Array:
        """The standardised rows.

        Args:
            x: rows (N, ...) of numbers in any dtype. Whole numbers of 64 bits keep all their digits.
            dtype: of the result; None for float32 where x is float32 or float16, and float64 otherwise.

        Raises:
            DataError: what is no number, or hidden by a mask.
            ShapeError: mean and scale do not belong to rows of that shape.
        """
        rows = self._fitting(x, "Standardize.apply")
        return _by_blocks(rows, dtype, lambda block: _differences(block, self.mean) / self.scale)

    def invert(self, x: Any, dtype: Any = None) -> Array:
        """Standardised rows in their old unit; arguments, dtype and errors are those of ``apply``."""
        rows = self._fitting(x, "Standardize.invert")
        return _by_blocks(rows, dtype, lambda block: np.multiply(block, self.scale, dtype=np.float64) + self.mean)

    def _fitting(self, x: Any, where: str) -> Array:
        rows = numeric(x, where=where)
        of_a_row = (1, *rows.shape[1:]) if rows.ndim else ()
        try:
            fits = np.broadcast_shapes(self.mean.shape, self.scale.shape, of_a_row) == of_a_row
        except ValueError:
            fits = False
        if fits:
            return rows
        raise ShapeError(
            where=where,
            received=f"an array of shape {rows.shape}",
            expected=f"rows for a mean of shape {self.mean.shape} and a scale of shape {self.scale.shape}",
            fix="pass the columns that they were learned from; one row is a batch of one: x[None]",
        )


class TargetScaling(Standardize):
    """``Standardize`` for the amounts of a regression, whose way back holds answers within bounds.

    y ← (y − mean) / scale, and back y = mean + scale · output, never below ``low`` nor above ``high``: one wild answer,
    far outside of all that training saw, cannot ruin the others. With ``logarithm`` log(1 + y) takes the place of y,
    and the answer is e^(mean + scale · output) − 1: for amounts whose differences are shares, such as prices. An
    ensemble of such models answers by the mean of their outputs, that is by the geometric mean of 1 + y.

    Args:
        mean: as in ``Standardize``; with ``logarithm`` of log(1 + y).
        scale: likewise.
        low: the smallest answer in y's own unit, one number or one for each element of a row; None for no bound.
        high: the largest, likewise.
        logarithm: whether log(1 + y) is standardised; y is then 0 or more.

    Example:
        >>> import numpy as np
        >>> scaling = TargetScaling.from_data(np.array([[1.0], [3.0]]))
        >>> scaling.invert(np.array([[-1.0], [0.5], [40.0]])).tolist()
        [[1.0], [2.5], [3.0]]
    """

    def __init__(
        self, mean: Any = 0.0, scale: Any = 1.0, low: Any = None, high: Any = None, *, logarithm: bool = False
    ) -> None:
        super().__init__(mean, scale)
        self.logarithm = boolean(logarithm, "logarithm", "TargetScaling")
        self.low, self.high = (self._bound(value, name) for value, name in ((low, "low"), (high, "high")))
        lowest, highest = self.bounds
        if (lowest > highest).any() or (self.logarithm and (highest <= -1).any()):
            raise ConfigurationError(
                where="TargetScaling",
                received=f"low={shown(low, 60)}, high={shown(high, 60)}",
                expected="low at most as large as high" + ", which is above -1 for a logarithm" * self.logarithm,
                fix="use TargetScaling.from_data(y), which takes the smallest and the largest y",
            )

    def _bound(self, value: Any, name: str) -> Array | None:
        if value is None:
            return None
        found = numeric(value, where=f"TargetScaling: {name}").astype(np.float64)
        if not found.size or not np.isfinite(found).all():
            raise ConfigurationError(
                where="TargetScaling",
                received=f"{name}={shown(value, 60)}",
                expected="finite numbers, or None for no bound",
                fix="use TargetScaling.from_data(y), which takes the smallest and the largest y",
            )
        return found

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The smallest and the largest answer, infinite where there is no bound."""
        low = np.array(-np.inf) if self.low is None else self.low
        return low, np.array(np.inf) if self.high is None else self.high

    @property
    def is_affine(self) -> bool:
        """False: the way back bends."""
        return False

    @classmethod
    def from_data(cls, y: Any, *, logarithm: bool = False, bounded: bool = True) -> TargetScaling:
        """Mean and standard deviation of each column of y (N, ...), and its range as bounds.

        Args:
            y: targets; a constant column gets the scale 1.
            logarithm: see the class.
            bounded: whether answers are held within the range of y.

        Where a wild number makes the scale so large that the others become all but equal, a ``DataWarning`` says so.

        Raises:
            DataError, ShapeError: no rows of finite numbers; numbers below 0 for a logarithm.
        """
        where = "TargetScaling.from_data"
        rows = finite_rows(y, where=where)
        values = _logarithms(rows, where) if boolean(logarithm, "logarithm", where) else rows
        bounds = (rows.min(axis=0), rows.max(axis=0)) if boolean(bounded, "bounded", where) else (None, None)
        mean, scale = _statistics(values, axes=(0,))
        tell_of_swallowed(values, scale, where)
        return cls(mean, scale, *bounds, logarithm=logarithm)

    def apply(self, x: Any, dtype: Any = None) -> Array:
        """The standardised targets; arguments, dtype and errors are those of ``Standardize``.

        Raises:
            DataError: a number below 0, where a logarithm is asked for.
        """
        if not self.logarithm:
            return super().apply(x, dtype)
        rows = numeric(x, where="TargetScaling.apply")
        kind = dtype or (np.float32 if rows.dtype in (np.float16, np.float32) else np.float64)
        return super().apply(_logarithms(rows, "TargetScaling.apply"), kind)

    def invert(self, x: Any, dtype: Any = None) -> Array:
        """Answers in their own unit, within the bounds; arguments, dtype and errors are those of ``Standardize``."""
        rows = numeric(x, where="TargetScaling.invert")
        kind = dtype or (np.float32 if rows.dtype in (np.float16, np.float32) else np.float64)
        found = super().invert(rows, np.float64)
        with np.errstate(over="ignore"):  # what is not finite is seen in the result
            return np.clip(np.expm1(found) if self.logarithm else found, *self.bounds).astype(kind)


def _logarithms(y: Array, where: str) -> Array:
    """The logarithm of 1 + y.

    Raises:
        DataError: a number below 0.
    """
    with np.errstate(invalid="ignore"):
        is_below = y < 0
    if is_below.any():
        row = int(np.argwhere(is_below)[0][0])
        raise DataError(
            where=where,
            received=f"{y[is_below][0]} in row {row}",
            expected="amounts of 0 or more: the logarithm of 1 + y is learned",
            fix="learn them as they are, without a logarithm; or shift them first",
        )
    return np.log1p(y, dtype=np.float64)


def _by_blocks(x: Array, dtype: Any, function: Callable[[Array], Array]) -> Array:
    """The function of x, which it gets some rows at a time."""
    if dtype is None:
        dtype = np.float32 if x.dtype in (np.float16, np.float32) else np.float64
    result = np.empty(x.shape, dtype)
    with np.errstate(over="ignore"):  # what is no more finite is seen in the result
        for part in _blocks(x):
            result[part] = function(x[part])
    return result


def _blocks(x: Array) -> Iterator[Any]:
    """Where blocks of rows stand in x."""
    if x.ndim == 0:
        yield ()
        return
    rows = max(1, BLOCK // max(1, size_of(x.shape[1:])))
    for start in range(0, len(x), rows):
        yield slice(start, start + rows)


def _differences(x: Array, mean: Array) -> Array:
    """X − mean in float64, for whole numbers of 64 bits without rounding them before."""
    found = np.subtract(x, mean, dtype=np.float64)
    if x.dtype.kind not in "iu" or x.dtype.itemsize < 8 or not x.size or -WHOLE <= x.min() <= x.max() <= WHOLE:
        return np.asarray(found)
    # Modulo 2⁶⁴ the difference of two whole numbers is exact, wherever they lie, if it is smaller than 2⁶³.
    whole = np.rint(mean)
    modulo = np.array([int(value) % 2**64 for value in whole.flat], np.uint64).reshape(whole.shape)
    exact = np.asarray(x.astype(np.uint64) - modulo).view(np.int64) - (mean - whole)
    return np.where(np.abs(found) < 2.0**62, exact, found)


def _statistics(x: Array, *, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and scale over the axes, in two passes from a value of each column, so that a large mean takes no digits.

    Source: T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37
    (1983): the shifted and the corrected two-pass algorithm.
    """
    count = size_of(tuple(x.shape[axis] for axis in axes))
    first = x[tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(x.ndim))].astype(np.float64)
    total, widest = np.zeros(first.shape), np.zeros(first.shape)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused by Standardize
        for part in _blocks(x):
            block = _differences(x[part], first)
            total += block.sum(axis=axes, keepdims=True)
            np.maximum(widest, np.abs(block, out=block).max(axis=axes, keepdims=True), out=widest)
        mean = first + total / count
        unit = np.where(widest > 0, widest, 1.0)  # squares of tiny and of huge numbers are none
        squares, sums = np.zeros(first.shape), np.zeros(first.shape)
        for part in _blocks(x):
            block = _differences(x[part], mean) / unit
            sums += block.sum(axis=axes, keepdims=True)
            squares += np.square(block, out=block).sum(axis=axes, keepdims=True)
        deviation = unit * np.sqrt(np.maximum(squares / count - np.square(sums / count), 0.0))
    is_constant = (widest == 0) | (deviation == 0)
    is_noise = ~is_constant & (widest <= NOISE * np.abs(mean))
    if is_noise.any() and x.dtype.kind == "f":
        is_whole = np.ones(first.shape, bool)
        for part in _blocks(x):
            is_whole &= (x[part] == np.rint(x[part])).all(axis=axes, keepdims=True)
        is_constant |= is_noise & ~is_whole
    scale = np.where(is_constant, 1.0, deviation)
    return mean.squeeze(axes), scale.squeeze(axes)
