"""The contract of a loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.checks import as_rows, numeric, same_rows
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import Configurable
from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels import Kernel
from glassnet.kernels import losses as kernels
from glassnet.losses.targets import check_weights, mismatch
from glassnet.runners import NumpyRunner, Runner

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
    reduction: str = "mean"
    kernels: tuple[Kernel, Kernel]
    """Forward (outputs, targets, losses) and backward (row_weights, outputs, targets, doutputs)."""
    factor = 1.0
    """What the kernel's row loss is multiplied by."""
    averages_outputs = True
    """Whether the mean also runs over the outputs of a row."""
    decides_classes = False
    """Whether the outputs stand for classes, so that ``predict_classes`` has a meaning."""
    has_log_link = False
    """Whether the outputs are logarithms of what is predicted, see ``means``."""
    boundary = 0.5
    """The place where a single output changes from class 0 to class 1."""

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
        self.check_outputs(outputs)
        prepared = self.prepare(targets, outputs.shape[1:], outputs.dtype, where="loss: targets")
        same_rows(len(outputs), prepared, where="loss: targets", other="outputs")
        weights = check_weights(sample_weight, len(outputs), outputs.dtype, where="loss: sample_weight")
        weights = self.weigh_classes(weights, prepared, outputs.shape[1:], outputs.dtype)
        run = NumpyRunner()
        row_weights, _ = run.row_weights(self, outputs, weights)
        value, cache = run.loss_forward(self, outputs, prepared, row_weights)
        return float(value[0]), run.loss_backward(self, outputs, prepared, row_weights, cache)

    def parts(self) -> tuple[Loss, ...]:
        """The losses that this one is made of, if it is."""
        return ()

    def check_outputs(self, outputs: Array) -> None:
        """Refuses outputs that cannot be what this loss takes."""

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Checks targets against the outputs' shape once, for all rows, and brings them into the form kernels read."""
        array = numeric(targets, where=where)
        if array.shape[1:] != output_shape:
            raise mismatch(array, output_shape, where)
        return as_rows(array, dtype, where=where)

    def example_targets(self, rows: int, output_shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Targets in the form that ``prepare`` gives, for describing a step without data."""
        return np.zeros((rows, *output_shape), dtype)

    def weigh_classes(
        self, weights: Array | None, targets: Array, output_shape: Shape, dtype: np.dtype[Any]
    ) -> Array | None:
        """The weights (N,) that the loss uses: the given ones (None for 1 each), times class weights where it has any.

        Called once for all rows, like ``prepare``, with the targets that it returned.
        """
        return weights

    def row_weights(self, run: Runner, outputs: Array, weights: Array | None) -> tuple[Array, Array]:
        """ω (N,), each row's share of the batch's loss, and the total weight Σ w (1,) of the batch."""
        mean = self.reduction == "mean"
        factor = self.factor / (size_of(outputs.shape[1:]) if mean and self.averages_outputs else 1)
        row_weights, total = run.empty((outputs.shape[0],), outputs.dtype), run.empty((1,), np.float64)
        arguments = {"weights": weights, "row_weights": row_weights, "total": total}
        run(self, kernels.weigh_rows, **arguments, factor=factor, mean=mean)
        return row_weights, total

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Any]:
        """Returns the value (1,) and what ``backward`` needs, trusting its arguments."""
        losses = run.empty((outputs.shape[0],), outputs.dtype)
        run(self, self.kernels[0], **self._arguments(outputs, targets), losses=losses, **self.kernel_settings())
        return self._reduce(run, losses, row_weights), None

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        """Returns ∂L/∂outputs, trusting its arguments."""
        doutputs = run.empty((outputs.shape[0], size_of(outputs.shape[1:])), outputs.dtype)
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

    def means(self, outputs: Array) -> Array:
        """Predictions in the targets' unit: the outputs themselves, or what they are the logarithm of."""
        return np.exp(outputs) if self.has_log_link else outputs

    def link(self, means: Array) -> Array:
        """The outputs that stand for such predictions, the inverse of ``means``."""
        return np.log(means) if self.has_log_link else means

    def classes(self, outputs: Array) -> Array:
        """The class of each row (N,): the largest output's index, or whether the only one is above the boundary."""
        if outputs.ndim > 2:
            raise ConfigurationError(
                where="classes",
                received=f"outputs of shape {outputs.shape}",
                expected="(N, K), one output for each class, or (N, 1)",
                fix="end the network in gn.Flatten() and gn.Dense(K), or drop what needs classes (metric accuracy)",
            )
        if outputs.shape[1] > 1:
            return np.asarray(np.argmax(outputs, axis=1))
        return (outputs.reshape(len(outputs)) > self.boundary).astype(np.intp)

    def _arguments(self, outputs: Array, targets: Array) -> dict[str, Array]:
        rows = outputs.shape[0]
        return {"outputs": outputs.reshape(rows, -1), "targets": targets.reshape(rows, -1)}

    def _reduce(self, run: Runner, losses: Array, row_weights: Array) -> Array:
        value = run.empty((1,), np.float64)
        run(self, kernels.weighted_sum, losses=losses, row_weights=row_weights, value=value)
        return value
