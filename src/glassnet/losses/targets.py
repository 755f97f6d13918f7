"""The door for targets: labels, shares of classes, weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.checks import as_rows, finite_rows, numeric, place_in_rows
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.core.shapes import Array, Shape, batch_shape


def check_weights(
    weights: Any, rows: int, dtype: np.dtype[Any], *, where: str, steps: int | None = None
) -> Array | None:
    """Checks sample weights: one finite number ≥ 0 for each row, in the dtype's range, not all 0; None stays None.

    Args:
        weights: (N,), or (N, T) where the loss sees steps; or None.
        rows: N.
        dtype: of what is returned.
        where: for messages.
        steps: T where each step may have a weight of its own, or None.

    Example:
        >>> import numpy as np
        >>> from glassnet import losses
        >>> losses.check_weights([1, 0, 2], 3, np.dtype("float32"), where="sample_weight")
        array([1., 0., 2.], dtype=float32)
        >>> try:
        ...     losses.check_weights([1, -1, 2], 3, np.dtype("float32"), where="sample_weight")
        ... except ValueError as error:
        ...     print(error.expected)
        (3,): one weight ≥ 0 for each row, some of them above 0
    """
    if weights is None:
        return None
    array = as_rows(weights, np.dtype(np.float64), where=where)
    fits = array.shape in ((rows,), (rows, steps))
    if not fits or (array < 0).any() or not (array > 0).any():
        own = f"({rows},): one weight ≥ 0 for each row"
        of_steps = f", or ({rows}, {steps}), one for each step" if steps is not None else ""
        raise (DataError if fits else ShapeError)(
            where=where,
            received=f"shape {array.shape}, smallest value {array.min():g}, largest {array.max():g}",
            expected=f"{own}{of_steps}, some of them above 0",
            fix="pass a flat array with a weight for each row of x",
        )
    require_range(array, dtype, where=where)
    return array.astype(dtype, copy=False)


def balanced_weights(labels: Array, classes: int) -> Array:
    """A weight for each class, float64 (K,), with which every class counts as much: N / (K · rows of it).

    Args:
        labels: of the rows (N,), from 0.
        classes: K; those that no row has are not counted.

    Source: G. King, L. Zeng, "Logistic regression in rare events data", Political Analysis 9 (2001), section 4.
    """
    counts = np.bincount(labels, minlength=classes)
    return np.asarray(len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)))


def weights_of_steps(
    weights: Array | None, lengths: Array | None, shape: tuple[int, int], dtype: np.dtype[Any]
) -> Array | None:
    """The weight of each step (N, T): its own, or its row's (None for 1 each); 0 beyond its row's length.

    None where every step counts 1.

    Args:
        weights: (N,), (N, T) or None.
        lengths: (N,), or None where every row is whole.
        shape: (N, T).
        dtype: of what is returned.
    """
    if weights is not None and weights.ndim == 1:
        weights = np.repeat(weights[:, None], shape[1], axis=1)
    if lengths is None:
        return weights
    counts = np.arange(shape[1]) < lengths[:, None]
    return np.asarray(np.where(counts, 1 if weights is None else weights, 0), dtype)


def by_row_alone(loss: Any, received: str = "rows of different length") -> ConfigurationError:
    """The error for rows of different length and a loss that would see the steps behind a row's end."""
    return ConfigurationError(
        where="loss",
        received=f"{received} for {loss!r}, which sees all of a row's outputs at once",
        expected="a loss that is one of each step, of which those behind a row's end weigh 0",
        fix="use a loss of gn.losses; or derive yours from gn.NumpyLoss and let it return a loss for each step (N, T)",
    )


def least_and_most(dtype: np.dtype[Any]) -> tuple[float, float]:
    """The smallest and the largest weight above 0 with which sums over rows neither overflow nor lose digits."""
    size = 2.0 ** (100 if dtype == np.float32 else 500)
    return 1 / size, size


def require_range(weights: Array, dtype: np.dtype[Any], *, where: str) -> None:
    """Refuses weights, finite or not, with which a mean over rows would be wrong without a word.

    Raises:
        DataError: one is above 0 and outside the dtype's range; it is named.
    """
    least, most = least_and_most(dtype)
    wrong = np.argwhere((weights != 0) & ~((weights >= least) & (weights <= most)))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        raise DataError(
            where=where,
            received=f"the weight {weights[place]:g} at {place_in_rows(place)}",
            expected=f"0, or a weight from {least:.2g} to {most:.2g}, in {dtype}",
            fix="divide all by their largest, weights / weights.max(), which leaves a mean over rows as it is; and set "
            "to 0 what does not count",
        )


def check_labels(labels: Array, classes: int, *, where: str) -> Array:
    """Checks integer labels (N,), or (N, T) of steps, against the number of classes and returns them as integers.

    Example:
        >>> import numpy as np
        >>> from glassnet import losses
        >>> losses.check_labels(np.array([0.0, 2.0]), 3, where="fit: y").tolist()
        [0, 2]
        >>> try:
        ...     losses.check_labels(np.array([1, 3]), 3, where="fit: y")
        ... except ValueError as error:
        ...     print(error.fix)
        classes count from 0: pass y - 1
    """
    labels = numeric(labels, where=where)
    if labels.ndim and len(labels) == 0:
        raise DataError(where=where, received="no labels", expected="one label for each row", fix="look at the data")
    labels = finite_rows(labels, where=where)  # whole numbers stay whole: float64 would round those beyond 2^53
    fractional = np.argwhere(labels != np.floor(labels) if labels.dtype.kind == "f" else np.False_)
    if len(fractional):
        place = tuple(int(i) for i in fractional[0])
        raise DataError(
            where=where,
            received=f"the label {labels[place]!s} in {place_in_rows(place)}",
            expected="whole numbers",
            fix="for a regression use mean_squared_error; for probabilities of classes pass an array (N, K)",
        )
    low, high = int(labels.min()), int(labels.max())
    if low >= 0 and high < classes:
        return labels.astype(np.intp)
    fix = f"number the classes from 0 to {classes - 1}, or give the last layer {high + 1} units"
    if low >= 1 and high - low < classes:
        fix = f"classes count from 0: pass y - {low}"
    elif low < 0:
        fix = "number the classes from 0: np.unique(y, return_inverse=True)[1]"
    raise DataError(
        where=where,
        received=f"labels from {low} to {high}",
        expected=f"0 to {classes - 1}, one for each of the network's {classes} outputs",
        fix=fix,
    )


def check_shares(shares: Array, where: str) -> Array:
    """Checks rows of probabilities (N, K), or of steps (N, T, K), and returns them summing to 1 exactly."""
    wrong = np.argwhere((np.abs(shares.sum(axis=-1) - 1) > 1e-3) | (shares < 0).any(axis=-1))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        row = shares[place]
        raise DataError(
            where=where,
            received=f"{place_in_rows(place)}, which sums to {row.sum():g} (smallest value {row.min():g})",
            expected="rows of probabilities: not negative, summing to 1",
            fix="pass one-hot rows or integer labels (N,); for several labels at once use BinaryCrossEntropy",
        )
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def check_probabilities(outputs: Array, loss: str) -> None:
    """Refuses outputs outside [0, 1] for a loss that takes probabilities; NaN is let through to the loss's value."""
    if (outputs < 0).any() or (outputs > 1).any():
        raise DataError(
            where="loss: outputs",
            received=f"values from {outputs.min():g} to {outputs.max():g}",
            expected="probabilities from 0 to 1, as from_logits=False says",
            fix=f"end the network in a sigmoid or softmax, or use gn.losses.{loss}() on the logits",
        )


def mismatch(targets: Array, output_shape: Shape, where: str, *, takes_labels: bool = False) -> ShapeError:
    """The error for targets that do not have the outputs' shape, with the mend for each usual mistake."""
    fix = "end the network in as many outputs as a row of targets has numbers"
    expected = f"{batch_shape(output_shape)}, the shape of the network's outputs"
    if len(output_shape) == 2:
        steps = output_shape[0]
        expected += f" of {steps} steps" + (f"; or a label for each step, (N, {steps})" if takes_labels else "")
        fix = f"pass what each of the {steps} steps is to give, in as many steps"
        if targets.ndim == 1 or targets.shape[1:] == output_shape[1:]:
            fix = (
                "the outputs are those of each step: put gn.Flatten() before the last layer, or leave "
                f"return_sequences out, for one answer a row; or pass one for each of the {steps} steps"
            )
    elif takes_labels and targets.ndim == 2 and targets.shape[1] > 1 and targets.dtype.kind in "iub":
        fix = "for a label at each step let the last recurrent layer give all of them: return_sequences=True"
    elif targets.ndim == 2 and (targets.shape[0],) == output_shape:
        fix = f"rows are examples: pass y.T, of shape {targets.shape[::-1]}"
    elif targets.ndim == 1 and output_shape == (1,):
        fix = "make the targets a column: y.reshape(-1, 1)"
    elif targets.ndim == len(output_shape) == 1 and targets.dtype.kind in "iub":
        fix = f"for integer class labels use the loss cross_entropy, or one-hot rows: np.eye({output_shape[-1]})[y]"
    elif targets.ndim == 2 and targets.shape[1] == 1 and takes_labels:
        fix = "pass the labels as a flat array: y.ravel()"
    return ShapeError(
        where=where,
        received=f"targets of shape {targets.shape}",
        expected=expected,
        fix=fix,
    )
