"""Losses: value and gradient together.

The loss of a batch is L = Σ_n ω_n ℓ_n over its rows. With ``reduction="sum"`` ω_n is the row's weight w_n (1 where
none is given); with ``"mean"`` it is w_n / Σ w, so that L is the weighted mean and multiplying every weight by a
constant changes nothing. Losses that compare element by element also divide by the number of outputs M in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.checks import as_rows, numeric, same_rows
from glassnet.errors import ConfigurationError, DataError, ShapeError
from glassnet.kernels import Kernel
from glassnet.kernels import losses as kernels
from glassnet.kernels.activation import logistic
from glassnet.kernels.softmax import softmax_forward
from glassnet.runners import NumpyRunner, Runner
from glassnet.settings import Configurable, number, one_of
from glassnet.shapes import Array, Shape, batch_shape

REDUCTIONS = ("mean", "sum")


class Loss(Configurable):
    """Base of the losses: ``loss(outputs, targets, sample_weight=None) -> (value, d_outputs)``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> value, d_outputs = gn.losses.SumSquaredError()(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
        >>> value, d_outputs.tolist()
        (2.5, [[1.0, 2.0]])
    """

    path = "loss"
    reduction: str
    kernels: tuple[Kernel, Kernel]
    """Forward (outputs, targets, losses) and backward (row_weights, outputs, targets, doutputs)."""
    factor = 1.0
    """What the kernel's row loss is multiplied by."""
    averages_outputs = True
    """Whether the mean also runs over the outputs of a row."""
    decides_classes = False
    """Whether the outputs stand for classes, so that ``predict_classes`` has a meaning."""
    boundary = 0.5
    """Where a single output changes from class 0 to class 1."""

    def __call__(self, outputs: Any, targets: Any, sample_weight: Any = None) -> tuple[float, Array]:
        """Checks everything, then computes.

        Args:
            outputs: what the network gave (N, ...).
            targets: see the class.
            sample_weight: a weight ≥ 0 for each row (N,), or None.

        Returns:
            The loss as a float and ∂L/∂outputs in the outputs' shape and dtype.

        Raises:
            ShapeError: targets or weights do not fit the outputs.
            DataError: labels out of range, NaN, negative weights.
        """
        outputs = numeric(outputs, where="loss: outputs")
        outputs = outputs if outputs.dtype in (np.float32, np.float64) else outputs.astype(np.float64)
        if outputs.ndim < 2:
            raise ShapeError(
                where="loss: outputs",
                received=f"an array of shape {outputs.shape}",
                expected="(N, M), one row for each example",
                fix="reshape it: outputs.reshape(-1, 1)",
            )
        prepared = self.prepare(targets, outputs.shape[1:], outputs.dtype, where="loss: targets")
        same_rows(len(outputs), prepared, where="loss: targets", other="outputs")
        weights = check_weights(sample_weight, len(outputs), outputs.dtype, where="loss: sample_weight")
        run = NumpyRunner()
        row_weights, _ = self.row_weights(outputs, prepared, weights)
        value, cache = self.forward(run, outputs, prepared, row_weights)
        return float(value[0]), self.backward(run, outputs, prepared, row_weights, cache)

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Checks targets against the outputs' shape once, for all rows, and brings them into the form kernels read."""
        array = numeric(targets, where=where)
        if array.shape[1:] != output_shape:
            raise _mismatch(array, output_shape, where)
        return as_rows(array, dtype, where=where)

    def row_weights(self, outputs: Array, targets: Array, weights: Array | None) -> tuple[Array, float]:
        """ω (N,) and the total weight Σ w of the rows."""
        given = np.ones(len(outputs), outputs.dtype) if weights is None else weights
        w = self.weigh_rows(outputs, targets, given)
        total = float(np.sum(w, dtype=np.float64))
        if self.reduction == "sum":
            return np.asarray(self.factor * w), total
        scale = self.factor / (outputs[0].size if self.averages_outputs else 1)
        return (w * (scale / total) if total > 0 else np.zeros_like(w)), total

    def weigh_rows(self, outputs: Array, targets: Array, weights: Array) -> Array:
        """The rows' weights (N,); class weights enter here."""
        return weights

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Any]:
        """Returns the value (1,) and what ``backward`` needs, trusting its arguments."""
        losses = run.empty((outputs.shape[0],), outputs.dtype)
        run(self, self.kernels[0], **self._arguments(outputs, targets), losses=losses, **self.kernel_settings())
        return self._reduce(run, losses, row_weights), None

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        """Returns ∂L/∂outputs, trusting its arguments."""
        doutputs = run.empty((outputs.shape[0], outputs[0].size), outputs.dtype)
        arguments = self._arguments(outputs, targets) | self.kernel_settings()
        run(self, self.kernels[1], row_weights=row_weights, **arguments, doutputs=doutputs)
        return doutputs.reshape(outputs.shape)

    def kernel_settings(self) -> dict[str, Any]:
        """Numbers that both kernels take."""
        return {}

    def probabilities(self, outputs: Array) -> Array:
        """The outputs as probabilities, in the outputs' shape.

        Raises:
            ConfigurationError: for this loss they have no such meaning.
        """
        raise ConfigurationError(
            where="predict_proba",
            received=f"a model trained with {self!r}",
            expected="a loss whose outputs are probabilities: CrossEntropy or BinaryCrossEntropy",
            fix="use model.predict(x), or train with one of those",
        )

    def classes(self, outputs: Array) -> Array:
        """The class of each row (N,): the largest output's index, or whether the only one is above the boundary."""
        if outputs.ndim == 2 and outputs.shape[1] > 1:
            return np.asarray(np.argmax(outputs, axis=1))
        return (outputs.reshape(len(outputs)) > self.boundary).astype(np.intp)

    def _arguments(self, outputs: Array, targets: Array) -> dict[str, Array]:
        rows = outputs.shape[0]
        return {"outputs": outputs.reshape(rows, -1), "targets": targets.reshape(rows, -1)}

    def _reduce(self, run: Runner, losses: Array, row_weights: Array) -> Array:
        value = run.empty((1,), np.float64)
        run(self, kernels.weighted_sum, losses=losses, row_weights=row_weights, value=value)
        return value


class SumSquaredError(Loss):
    """½ Σ (o − t)²: the textbooks' squared error, whose gradient is simply o − t.

    Args:
        reduction: ``"sum"`` over rows and outputs, or ``"mean"``: the sum over outputs, averaged over rows.

    Targets: numbers of the outputs' shape.
    """

    kernels = kernels.squared_error_forward, kernels.squared_error_backward
    averages_outputs = False

    def __init__(self, reduction: str = "sum") -> None:
        self.reduction = one_of(reduction, "reduction", "SumSquaredError", REDUCTIONS)


class MeanSquaredError(Loss):
    """(o − t)², averaged over rows and outputs (or summed with ``reduction="sum"``).

    Targets: numbers of the outputs' shape.
    """

    kernels = kernels.squared_error_forward, kernels.squared_error_backward
    factor = 2.0

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = one_of(reduction, "reduction", "MeanSquaredError", REDUCTIONS)


class MeanAbsoluteError(Loss):
    """|o − t|, averaged over rows and outputs (or summed with ``reduction="sum"``).

    Targets: numbers of the outputs' shape. The slope at 0 is taken as 0.
    """

    kernels = kernels.absolute_error_forward, kernels.absolute_error_backward

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = one_of(reduction, "reduction", "MeanAbsoluteError", REDUCTIONS)


class Huber(Loss):
    """½ r² for |r| ≤ δ and δ |r| − ½ δ² beyond, r = o − t: squared error that outliers pull only linearly.

    Args:
        delta: δ > 0, where the square gives way to the line.
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.

    Targets: numbers of the outputs' shape.

    Source: P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """

    kernels = kernels.huber_forward, kernels.huber_backward

    def __init__(self, delta: float = 1.0, reduction: str = "mean") -> None:
        self.delta = number(delta, "delta", "Huber", low=0, open_low=True)
        self.reduction = one_of(reduction, "reduction", "Huber", REDUCTIONS)

    def kernel_settings(self) -> dict[str, Any]:
        """The δ."""
        return {"delta": self.delta}


class BinaryCrossEntropy(Loss):
    """−t log p − (1 − t) log(1 − p), p = σ(z): for yes-or-no outputs, each on its own.

    Args:
        from_logits: True when the network gives logits z; False when it ends in a sigmoid and gives p.
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.

    Targets: numbers in [0, 1] of the outputs' shape; soft labels are allowed.

    Source: C. Bishop, "Pattern Recognition and Machine Learning" (2006), equation 5.21.
    """

    decides_classes = True

    def __init__(self, *, from_logits: bool = True, reduction: str = "mean") -> None:
        self.from_logits = from_logits
        self.reduction = one_of(reduction, "reduction", "BinaryCrossEntropy", REDUCTIONS)
        self.boundary = 0.0 if from_logits else 0.5
        self.kernels = (
            (kernels.binary_cross_entropy_forward, kernels.binary_cross_entropy_backward)
            if from_logits
            else (
                kernels.binary_cross_entropy_of_probabilities_forward,
                kernels.binary_cross_entropy_of_probabilities_backward,
            )
        )

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Checks shape and range."""
        array = super().prepare(targets, output_shape, dtype, where=where)
        outside = np.argwhere((array < 0) | (array > 1))
        if len(outside):
            raise DataError(
                where=where,
                received=f"the value {array[tuple(outside[0])]:g} in row {outside[0][0]}",
                expected="numbers from 0 to 1",
                fix="for labels −1 and +1 pass (y + 1) / 2, for labels 1 and 2 pass y − 1",
            )
        return array

    def probabilities(self, outputs: Array) -> Array:
        """σ of the logits: the probability of class 1 for each output."""
        return logistic(outputs) if self.from_logits else outputs

    def classes(self, outputs: Array) -> Array:
        """0 or 1: (N,) for a single output, else the outputs' shape (several labels at once)."""
        decided = (outputs > self.boundary).astype(np.intp)
        return decided.reshape(len(outputs)) if outputs[0].size == 1 else decided

    def _arguments(self, outputs: Array, targets: Array) -> dict[str, Array]:
        return _renamed(super()._arguments(outputs, targets), "logits" if self.from_logits else "probabilities")


class CrossEntropy(Loss):
    """−log softmax(z)_y: for one class out of K.

    Args:
        from_logits: True when the network gives logits z (N, K); False when it ends in a softmax.
        label_smoothing: ε in [0, 1): every class gets ε/K of the target, the labelled one 1 − ε more.
        class_weight: a weight for each class, as K numbers or {class: weight} (1 where not named). It multiplies the
            row's weight, by Σ_k weight_k t_k for soft targets, and so counts in the mean's divisor.
        reduction: ``"mean"`` over rows, or ``"sum"``.

    Targets: integer labels (N,) from 0 to K − 1, or (N, K) one-hot rows or probabilities that sum to 1.

    Source: I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning" (2016), section 6.2.2.3.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> value, dz = gn.losses.CrossEntropy()(np.zeros((1, 4)), np.array([2]))
        >>> round(value, 6), dz.tolist()
        (1.386294, [[0.25, 0.25, -0.75, 0.25]])
    """

    decides_classes = True
    averages_outputs = False

    def __init__(
        self,
        *,
        from_logits: bool = True,
        label_smoothing: float = 0.0,
        class_weight: Sequence[float] | Mapping[int, float] | None = None,
        reduction: str = "mean",
    ) -> None:
        self.from_logits = from_logits
        self.label_smoothing = number(label_smoothing, "label_smoothing", "CrossEntropy", low=0, high=1)
        self.class_weight = class_weight
        self.reduction = one_of(reduction, "reduction", "CrossEntropy", REDUCTIONS)

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Labels stay labels where the kernel can use them; otherwise they become rows of target shares."""
        if len(output_shape) != 1 or output_shape[0] < 2:
            raise ShapeError(
                where="CrossEntropy",
                received=f"outputs of shape {batch_shape(output_shape)}",
                expected="(N, K), one output for each of K ≥ 2 classes",
                fix="end the network in gn.Dense(K); for a single yes-or-no output use gn.losses.BinaryCrossEntropy()",
            )
        classes = output_shape[0]
        self._class_weights(classes)
        array = numeric(targets, where=where)
        if array.ndim == 1:
            labels = check_labels(array, classes, where=where)
            return labels if self.from_logits else np.eye(classes, dtype=dtype)[labels]
        if array.shape[1:] == output_shape:
            return _check_shares(as_rows(array, dtype, where=where), where)
        raise _mismatch(array, output_shape, where)

    def weigh_rows(self, outputs: Array, targets: Array, weights: Array) -> Array:
        """The row's weight times that of its class."""
        by_class = self._class_weights(outputs.shape[1])
        if by_class is None:
            return weights
        own = by_class[targets] if targets.ndim == 1 else targets @ by_class
        return np.asarray(weights * own.astype(weights.dtype))

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Array]:
        """Returns the value (1,) and the probabilities (N, K)."""
        losses = run.empty((outputs.shape[0],), outputs.dtype)
        forward_kernel, _ = self._kernels_for(targets)
        if self.from_logits:
            probabilities = run.empty(outputs.shape, outputs.dtype)
            arguments = {"logits": outputs, "probabilities": probabilities}
        else:
            probabilities = outputs
            arguments = {"probabilities": outputs}
        run(self, forward_kernel, **arguments, **self._target_arguments(targets), losses=losses)
        return self._reduce(run, losses, row_weights), probabilities

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array, cache: Array) -> Array:
        """Returns ∂L/∂outputs (N, K)."""
        doutputs = run.empty(outputs.shape, outputs.dtype)
        _, backward_kernel = self._kernels_for(targets)
        arguments = {"row_weights": row_weights, "probabilities": cache, "doutputs": doutputs}
        run(self, backward_kernel, **arguments, **self._target_arguments(targets))
        return doutputs

    def probabilities(self, outputs: Array) -> Array:
        """Softmax of the logits (N, K)."""
        if not self.from_logits:
            return outputs
        result = np.empty_like(outputs)
        softmax_forward(outputs, result)
        return result

    def _kernels_for(self, targets: Array) -> tuple[Kernel, Kernel]:
        if not self.from_logits:
            return kernels.cross_entropy_of_probabilities_forward, kernels.cross_entropy_of_probabilities_backward
        if targets.ndim == 1:
            return kernels.cross_entropy_forward, kernels.cross_entropy_backward
        return kernels.soft_cross_entropy_forward, kernels.soft_cross_entropy_backward

    def _target_arguments(self, targets: Array) -> dict[str, Any]:
        return {"labels" if targets.ndim == 1 else "targets": targets, "label_smoothing": self.label_smoothing}

    def _class_weights(self, classes: int) -> Array | None:
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, Mapping):
            by_label = {int(label): weight for label, weight in self.class_weight.items()}
            known = all(0 <= label < classes for label in by_label)
            weights = np.array([by_label.get(label, 1.0) for label in range(classes)] if known else [])
        else:
            weights = np.asarray(self.class_weight, dtype=np.float64)
        if weights.shape != (classes,) or not np.isfinite(weights).all() or (weights < 0).any():
            raise ConfigurationError(
                where="CrossEntropy",
                received=f"class_weight={self.class_weight!r}",
                expected=f"a finite weight ≥ 0 for each of {classes} classes",
                fix="pass one number per class, or a dict from label to weight",
            )
        return weights


class Hinge(Loss):
    """max(0, 1 − t o), t = ±1: the support-vector machine's loss.

    Args:
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.

    Targets: −1 and +1 (or 0 and 1) of the outputs' shape; or, for K ≥ 2 outputs, integer labels (N,), of which each
    output learns one class against the rest.

    Source: C. Cortes, V. Vapnik, "Support-vector networks", Machine Learning 20 (1995).
    """

    kernels = kernels.hinge_forward, kernels.hinge_backward
    decides_classes = True
    boundary = 0.0

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = one_of(reduction, "reduction", "Hinge", REDUCTIONS)

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Brings every form of target to ±1 in the outputs' shape."""
        array = numeric(targets, where=where)
        if array.ndim == 1 and len(output_shape) == 1 and output_shape[0] > 1:
            labels = check_labels(array, output_shape[0], where=where)
            return _signs(np.eye(output_shape[0], dtype=bool)[labels], dtype)
        array = super().prepare(array, output_shape, dtype, where=where)
        low, high = array.min(), array.max()
        if not np.isin(array, (-1, 1)).all() and not np.isin(array, (0, 1)).all():
            raise DataError(
                where=where,
                received=f"targets between {low:g} and {high:g}",
                expected="−1 and +1, or 0 and 1",
                fix="give each example its sign: np.where(positive, 1, -1)",
            )
        return _signs(array > 0, dtype)


LOSSES: dict[str, type[Loss]] = {
    "sum_squared_error": SumSquaredError,
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber,
    "binary_cross_entropy": BinaryCrossEntropy,
    "cross_entropy": CrossEntropy,
    "hinge": Hinge,
}


def check_weights(weights: Any, rows: int, dtype: np.dtype[Any], *, where: str) -> Array | None:
    """Checks sample weights: one finite number ≥ 0 for each row, not all 0; None stays None."""
    if weights is None:
        return None
    array = as_rows(weights, dtype, where=where)
    if array.shape != (rows,) or (array < 0).any() or not (array > 0).any():
        raise (ShapeError if array.shape != (rows,) else DataError)(
            where=where,
            received=f"shape {array.shape}, smallest value {array.min():g}, largest {array.max():g}",
            expected=f"({rows},): one weight ≥ 0 for each row, some of them above 0",
            fix="pass a flat array with a weight for each row of x",
        )
    return array


def check_labels(labels: Array, classes: int, *, where: str) -> Array:
    """Checks integer labels (N,) against the number of classes and returns them as integers."""
    if len(labels) == 0:
        raise DataError(where=where, received="no labels", expected="one label for each row", fix="look at the data")
    finite = as_rows(labels, np.dtype(np.float64), where=where)
    fractional = np.flatnonzero(finite != np.floor(finite))
    if len(fractional):
        row = fractional[0]
        raise DataError(
            where=where,
            received=f"the label {finite[row]:g} in row {row}",
            expected="whole numbers",
            fix="for a regression use mean_squared_error; for probabilities of classes pass an array (N, K)",
        )
    low, high = int(finite.min()), int(finite.max())
    if low >= 0 and high < classes:
        return finite.astype(np.intp)
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


def _check_shares(shares: Array, where: str) -> Array:
    wrong = np.flatnonzero((np.abs(shares.sum(axis=1) - 1) > 1e-3) | (shares < 0).any(axis=1))
    if len(wrong):
        row = wrong[0]
        raise DataError(
            where=where,
            received=f"row {row}, which sums to {shares[row].sum():g} (smallest value {shares[row].min():g})",
            expected="rows of probabilities: not negative, summing to 1",
            fix="pass one-hot rows or integer labels (N,); for several labels at once use BinaryCrossEntropy",
        )
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _mismatch(targets: Array, output_shape: Shape, where: str) -> ShapeError:
    """Says what is wrong between targets and outputs, with the mend for each usual mistake."""
    fix = "end the network in as many outputs as a row of targets has numbers"
    if targets.ndim == 1 and output_shape == (1,):
        fix = "make the targets a column: y.reshape(-1, 1)"
    elif targets.ndim == 1 and targets.dtype.kind in "iub":
        fix = f"for integer class labels use the loss cross_entropy, or one-hot rows: np.eye({output_shape[-1]})[y]"
    elif targets.ndim == 2 and targets.shape[1] == 1:
        fix = "pass the labels as a flat array: y.ravel()"
    return ShapeError(
        where=where,
        received=f"targets of shape {targets.shape}",
        expected=f"{batch_shape(output_shape)}, the shape of the network's outputs",
        fix=fix,
    )


def _signs(positive: Array, dtype: np.dtype[Any]) -> Array:
    return np.asarray(np.where(positive, 1, -1), dtype=dtype)


def _renamed(arguments: dict[str, Array], name: str) -> dict[str, Array]:
    return {name: arguments["outputs"], "targets": arguments["targets"]}
