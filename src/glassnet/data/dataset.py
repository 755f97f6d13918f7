"""A dataset: rows, what is to be learned of them, and what their numbers mean; and its split in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.checks import same_rows
from glassnet.core.errors import ConfigurationError, DataError, ShapeError, shown
from glassnet.core.numeric import unmasked
from glassnet.core.randomness import generator
from glassnet.core.settings import is_real, whole
from glassnet.core.shapes import Array
from glassnet.core.splits import held_out
from glassnet.preprocessing import Standardize


# Without eq: comparing field by field would ask a whole array for one truth value.
@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows, their targets, and the names that belong to them.

    Args:
        x: float32 array (N, ...), one row for each example; float64 where that many digits are known.
        y: integer labels (N,) from 0 to K − 1; or numbers, float array (N, M); or None where there are no targets.
        feature_names: a name for each column of x (N, D), or None.
        class_names: the K names of the classes, or None.
        name: what messages call the data.
        scale: what raw values are divided by before training: 16 for the digits, 255 for photographs; None means that
            each column is to be standardised.

    Raises:
        ShapeError: x or y has the wrong form, or they differ in their rows.
        DataError: labels outside the classes, names that do not fit the columns, or masked arrays that hide something.

    Example:
        >>> import numpy as np
        >>> flowers = Dataset(np.float32([[5.1], [7.0]]), np.array([0, 1]), class_names=("setosa", "versicolor"))
        >>> len(flowers), flowers.is_classification, flowers.rows([1]).y.tolist()
        (2, True, [1])
    """

    x: Array
    y: Array | None
    feature_names: tuple[str, ...] | None = None
    class_names: tuple[str, ...] | None = None
    name: str = "data"
    scale: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", unmasked(self.x, where=f"{self.name}: x"))
        if self.y is not None:
            object.__setattr__(self, "y", unmasked(self.y, where=f"{self.name}: y"))
        if self.x.ndim < 2 or self.x.dtype not in (np.float32, np.float64):
            raise ShapeError(
                where=f"{self.name}: x",
                received=f"a {self.x.dtype} array of shape {self.x.shape}",
                expected="a float32 or float64 array (N, ...) of at least two axes",
                fix="x.astype(np.float64) turns the numbers, x.reshape(-1, 1) a single column",
            )
        if self.feature_names is not None and self.x.shape[1:] != (len(self.feature_names),):
            raise DataError(
                where=f"{self.name}: feature_names",
                received=f"{len(self.feature_names)} names for x of shape {self.x.shape}",
                expected="one name for each column of x (N, D)",
                fix="name every column, or pass feature_names=None",
            )
        if self.y is not None:
            self._check_targets(self.y)
        if self.scale is not None:
            object.__setattr__(self, "scale", float(self.scale))

    def __len__(self) -> int:
        """The number of rows N."""
        return len(self.x)

    @property
    def is_classification(self) -> bool:
        """Whether the targets are labels of classes."""
        return self.y is not None and self.y.dtype.kind in "iu"

    @property
    def is_multi_label(self) -> bool:
        """Whether the targets say yes (1) or no (0) to each of several labels, of which any may hold at once."""
        return self.y is not None and self.y.ndim == 2 and self.y.shape[1] > 1 and bool(np.isin(self.y, (0, 1)).all())

    def rows(self, indices: slice | Sequence[int] | Array) -> Dataset:
        """The same data with some of its rows.

        Args:
            indices: a slice, row numbers in the order wanted, or a boolean array (N,).

        Returns:
            A new dataset. A slice shares its memory with this one, anything else is a copy.

        Raises:
            IndexError: a row number that does not exist.
        """
        if not isinstance(indices, slice):
            chosen = np.atleast_1d(np.asarray(indices))
            # An empty list becomes a float array, which NumPy refuses as an index.
            indices = chosen if chosen.size else chosen.astype(np.intp)
        return replace(self, x=self.x[indices], y=None if self.y is None else self.y[indices])

    def with_classes(self, class_names: Sequence[str]) -> Dataset:
        """The same data with its labels renumbered to a given order of classes.

        A second file, read on its own, numbers the classes it happens to hold; a trained network needs its own numbers.

        Args:
            class_names: the K names in the order wanted; they may hold classes that no row has.

        Raises:
            DataError: no labels, or rows of a class that is not among the names.

        Example:
            >>> import numpy as np
            >>> late = Dataset(np.float32([[7.0]]), np.array([0]), class_names=("versicolor",))
            >>> late.with_classes(["setosa", "versicolor"]).y.tolist()
            [1]
        """
        own = self._require_class_names()
        assert self.y is not None
        wanted = tuple(class_names)
        positions = {name: label for label, name in enumerate(wanted)}
        unknown = [own[label] for label in np.unique(self.y) if own[label] not in positions]
        if unknown:
            raise DataError(
                where=f"{self.name}: classes",
                received=f"rows of the class{'es' if len(unknown) > 1 else ''} {quoted(unknown)}",
                expected=f"only {quoted(wanted)}",
                fix="take these rows out, or train with a file that holds every class",
            )
        numbers = np.array([positions.get(name, -1) for name in own], dtype=np.int64)
        return replace(self, y=numbers[self.y], class_names=wanted)

    def with_numbers(self) -> Dataset:
        """The same data with classes whose names are numbers turned into those numbers, y (N, 1) float64.

        ``read_csv`` takes few different whole numbers for classes; this takes them for measurements.

        Raises:
            DataError: no labels, or a class whose name is no number.

        Example:
            >>> import numpy as np
            >>> rooms = Dataset(np.float32([[40.0], [75.0]]), np.array([0, 1]), class_names=("2", "4"))
            >>> rooms.with_numbers().y.tolist()
            [[2.0], [4.0]]
        """
        own = self._require_class_names()
        assert self.y is not None
        try:
            values = np.array([_amount(name) for name in own])
        except ValueError:
            raise DataError(
                where=f"{self.name}: classes",
                received=f"the names {quoted(own)}",
                expected="numbers",
                fix="choose a target column of numbers, or train for classes",
            ) from None
        return replace(self, y=values[self.y].reshape(-1, 1), class_names=None)

    def standardize(self, *, as_images: bool = False) -> Standardize:
        """What brings the rows to about −1..1: columns each on their own, images by one mean and deviation a channel.

        Pixels that are only divided are all positive, and thousands of them move a unit together: ReLUs die by the
        score.

        Args:
            as_images: whether rows are images, whatever their shape.
        """
        if self.x.ndim == 4:
            return Standardize.by_channel(self.x)
        if self.x.ndim > 2 or as_images:
            return Standardize(self.x.mean(dtype="float64"), self.x.std(dtype="float64") or 1.0)
        return Standardize.from_data(self.x) if self.scale is None else Standardize(0.0, self.scale)

    def _require_class_names(self) -> tuple[str, ...]:
        if self.y is None or not self.is_classification:
            raise DataError(
                where=f"{self.name}: targets",
                received="no targets" if self.y is None else f"numbers of shape {self.y.shape}",
                expected="labels of classes",
                fix="name the target column when reading the file; whole numbers of at most 20 kinds count as classes",
            )
        if self.class_names is not None:
            return self.class_names
        return tuple(str(label) for label in range(int(self.y.max()) + 1 if len(self.y) else 0))

    def _check_targets(self, y: Array) -> None:
        same_rows(len(self.x), y, where=f"{self.name}: y", other="x")
        if not (y.ndim == 1 and y.dtype.kind in "iu") and not (y.ndim == 2 and y.dtype.kind == "f"):
            raise ShapeError(
                where=f"{self.name}: y",
                received=f"a {y.dtype} array of shape {y.shape}",
                expected="integer labels (N,) or a float array (N, M)",
                fix="y.astype(int).ravel() gives labels, y.astype(np.float64).reshape(-1, 1) gives numbers",
            )
        if self.is_classification and len(y):
            low, high = int(y.min()), int(y.max())
            if low < 0 or (self.class_names is not None and high >= len(self.class_names)):
                classes = "" if self.class_names is None else f" to {len(self.class_names) - 1}"
                raise DataError(
                    where=f"{self.name}: y",
                    received=f"labels from {low} to {high}",
                    expected=f"labels from 0{classes}",
                    fix="number the classes from 0: np.unique(y, return_inverse=True)[1]",
                )


@suggests
def split(dataset: Dataset, test_share: float = 0.25, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Splits rows at random into a part to train with and a part to test with.

    With classes the split is stratified: each class keeps its share within one row, a class of two rows or more is on
    both sides, and one of a single row is in the training part (unless there are no others). The number of test rows is
    round(N · test_share), as far as small classes allow. Both parts keep the order of the rows.

    Args:
        dataset: what to split.
        test_share: the share of the test part, above 0 and below 1.
        seed: the same seed always gives the same split.

    Returns:
        The training part and the test part.

    Raises:
        ConfigurationError: a share outside (0, 1).
        DataError: too few rows for two sides.

    Example:
        >>> import numpy as np
        >>> data = Dataset(np.zeros((8, 1), np.float32), np.array([0, 0, 0, 0, 1, 1, 1, 1]))
        >>> train, test = split(data, test_share=0.25)
        >>> train.y.tolist(), test.y.tolist()
        ([0, 0, 0, 1, 1, 1], [0, 1])
    """
    in_test = test_rows(len(dataset), dataset.y if dataset.is_classification else None, test_share, seed)
    return dataset.rows(~in_test), dataset.rows(in_test)


def test_rows(rows: int, labels: Array | None, test_share: float, seed: int) -> Array:
    """Which rows ``split`` takes to test with, bool (N,); arguments and errors are those of ``split``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> in_test = gn.data.test_rows(8, np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0)
        >>> [int(part.sum()) for part in (in_test[:4], in_test[4:])]  # of each class as large a share
        [1, 1]
    """
    seed = whole(seed, "seed", "split", low=0)
    if not is_real(test_share) or not 0 < test_share < 1:
        raise ConfigurationError(
            where="split",
            received=f"test_share={shown(test_share)}",
            expected="a share above 0 and below 1",
            fix="write test_share=0.25 for a quarter of the rows",
        )
    in_test = held_out(rows, test_share, labels, generator(seed, "split"))
    chosen = int(in_test.sum())
    if chosen in (0, rows):
        side, other = ("test", "larger") if chosen == 0 else ("training", "smaller")
        raise DataError(
            where="split",
            received=f"{rows} rows and test_share={test_share!r}, which leave no row for the {side} part",
            expected="at least one row on each side",
            fix="use more rows" + (f", or a {other} share" if rows > 1 else ""),
        )
    return in_test


def _amount(name: str) -> float:
    """The number that a name is; neither ``"nan"`` nor Python's own ``"1_000"`` is one."""
    value = float(name)
    if not np.isfinite(value) or "_" in name:
        raise ValueError(name)
    return value


def quoted(names: Sequence[str], limit: int = 20) -> str:
    """Writes names as a list for a message, cut short where there are many.

    Example:
        >>> quoted(["setosa", "virginica"]), quoted(["a", "b", "c"], limit=2)
        ("'setosa', 'virginica'", "'a', 'b' and 1 more")
    """
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(str(name)) for name in names[:limit]) + more


def as_classes(values: Array) -> tuple[Array, tuple[str, ...]]:
    """Numbers distinct values (N,), texts or whole numbers, in their order: labels int64 (N,) and the values as text.

    Example:
        >>> import numpy as np
        >>> labels, names = as_classes(np.array([7, 3, 7]))
        >>> labels.tolist(), names
        ([1, 0, 1], ('3', '7'))
    """
    distinct, labels = np.unique(values, return_inverse=True)
    names = tuple(str(value) if distinct.dtype.kind == "U" else str(int(value)) for value in distinct)
    return labels.astype(np.int64), names
