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
from glassnet.losses.targets import by_row_alone, check_weights, mismatch, weights_of_steps
from glassnet.runners import NumpyRunner, Runner
from glassnet.runners.own import is_library_code

REDUCTIONS = ("mean", "sum")
SMALLEST_SHARE = 1e-7
"""What a class that never occurred counts as, where logarithms of shares are taken."""


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
    chooses_class = False
    """Whether the outputs are those of K classes of which one holds, so that targets may be labels."""
    is_squared = False
    """Whether it is a squared error, whose best constant answer is the mean."""
    is_log_loss = False
    """Whether it is −log of the probability that a row's outputs give to the class that holds."""
    has_log_link = False
    """Whether the outputs are logarithms of what is predicted, see ``means``."""
    boundary = 0.5
    """The place where a single output changes from class 0 to class 1."""

    def __call__(self, outputs: Any, targets: Any, sample_weight: Any = None) -> tuple[float, Array]:
        """Checks everything, then computes.

        Args:
            outputs: what the network gave (N, ...); (N, T, M) are M outputs of each of T steps.
            targets: see the class; for steps (N, T, ...) what they are for rows (N, ...).
            sample_weight: a weight ≥ 0 for each row (N,), for each step (N, T), or None.

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
        shape = outputs.shape[1:]
        prepared = self.prepare(targets, shape, outputs.dtype, where="loss: targets")
        same_rows(len(outputs), prepared, where="loss: targets", other="outputs")
        weights = self.weigh(sample_weight, len(outputs), shape, outputs.dtype, where="loss: sample_weight")
        weights = self.weigh_classes(weights, prepared, shape, outputs.dtype)
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

    def is_by_step(self, output_shape: Shape) -> bool:
        """Whether outputs of that shape are those of T steps (T, M), each of which is a row for the loss.

        A user's own class sees rows as they are, unless all that it defines itself is what targets it takes.
        """
        parts = self.forward, self.backward, self.row_weights, *getattr(self, "kernels", ())
        return len(output_shape) == 2 and all(map(is_library_code, parts))

    def rows_in(self, outputs: Array) -> int:
        """How many rows the loss sees in outputs (N, ...): N, or N·T where each step is one."""
        rows: int = outputs.shape[0]
        return rows * outputs.shape[1] if self.is_by_step(outputs.shape[1:]) else rows

    def weigh(
        self,
        given: Any,
        rows: int,
        output_shape: Shape,
        dtype: np.dtype[Any],
        *,
        where: str,
        lengths: Array | None = None,
    ) -> Array | None:
        """Checks the weights of rows, or of steps, once for all rows.

        Args:
            given: weights (N,), or (N, T) where the outputs are those of steps; None for 1 each.
            rows: N.
            output_shape: of a row.
            dtype: of what is returned.
            where: for messages.
            lengths: of the rows' outputs (N,), beyond which steps weigh nothing; None where all count.

        Returns:
            None for 1 each; (N,); for steps (N, T).

        Raises:
            ConfigurationError: a loss that sees rows as they are, for rows of different length.
            ShapeError, DataError: see ``check_weights``.
        """
        steps = output_shape[0] if self.is_by_step(output_shape) else None
        weights = check_weights(given, rows, dtype, where=where, steps=steps)
        if steps is None:
            if lengths is not None and len(output_shape) > 1:
                raise by_row_alone(self)
            return weights
        return weights_of_steps(weights, lengths, (rows, steps), dtype)

    def require_own_classes(self, output_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Looks at whether what a loss knows of single classes belongs to such outputs.

        Raises:
            ConfigurationError: it does not.
        """

    def weigh_classes(
        self, weights: Array | None, targets: Array, output_shape: Shape, dtype: np.dtype[Any]
    ) -> Array | None:
        """The weights that the loss uses: those of ``weigh`` (None for 1 each), times class weights where it has any.

        Called once for all rows, like ``prepare``, with the targets that it returned.
        """
        return weights

    def row_weights(self, run: Runner, outputs: Array, weights: Array | None) -> tuple[Array, Array]:
        """ω (N,), or (N·T,) for steps: each row's share of the batch's loss; and its total weight Σ w (1,)."""
        mean, rows = self.reduction == "mean", self.rows_in(outputs)
        size = size_of(outputs.shape) // max(1, rows)
        factor = self.factor / (size if mean and self.averages_outputs else 1)
        row_weights, total = run.empty((rows,), outputs.dtype), run.empty((1,), np.float64)
        weights = weights if weights is None or weights.ndim == 1 else weights.reshape(-1)
        arguments = {"weights": weights, "row_weights": row_weights, "total": total}
        run(self, kernels.weigh_rows, **arguments, factor=factor, mean=mean)
        return row_weights, total

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Any]:
        """Returns the value (1,) and what ``backward`` needs, trusting its arguments."""
        losses = run.empty((self.rows_in(outputs),), outputs.dtype)
        run(self, self.kernels[0], **self._arguments(outputs, targets), losses=losses, **self.kernel_settings())
        return self._reduce(run, losses, row_weights), None

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        """Returns ∂L/∂outputs, trusting its arguments."""
        arguments = self._arguments(outputs, targets) | self.kernel_settings()
        doutputs = run.empty(self._as_rows(outputs).shape, outputs.dtype)
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

    def best_constant(self, targets: Array, outputs: int) -> Array | None:
        """The outputs (M,) that have the least loss where they are the same for every row; None where nobody knows.

        Args:
            targets: as ``prepare`` gives them, of rows that weigh 1 each.
            outputs: M.
        """
        is_known = targets.ndim == 2 and (self.is_squared or self.has_log_link)
        mean = targets.mean(axis=0, dtype=np.float64) if is_known else np.zeros(outputs)
        return np.asarray(self.link(mean)) if is_known and (self.is_squared or (mean > 0).all()) else None

    def outputs_for_shares(self, shares: Array, outputs: int) -> Array:
        """Outputs (K,), or (1,) for two classes with one, that say the classes' shares (K,): as logits here."""
        p = np.clip(shares, SMALLEST_SHARE, 1 - SMALLEST_SHARE)
        return np.asarray(np.log(p[1:] / p[:1]) if outputs == 1 else np.log(p))

    def classes(self, outputs: Array) -> Array:
        """The class of each row (N,), or step (N, T): the largest output's index; of an only one whether it is high."""
        if outputs.ndim > 2 and not self.is_by_step(outputs.shape[1:]):
            raise ConfigurationError(
                where="classes",
                received=f"outputs of shape {outputs.shape}",
                expected="(N, K), one output for each class, or (N, 1)",
                fix="end the network in gn.Flatten() and gn.Dense(K), or drop what needs classes (metric accuracy)",
            )
        if outputs.shape[-1] > 1:
            return np.asarray(np.argmax(outputs, axis=-1))
        return (outputs[..., 0] > self.boundary).astype(np.intp)

    def _as_rows(self, outputs: Array) -> Array:
        """Outputs as the loss's rows (N, M); those of steps (N·T, M)."""
        rows = self.rows_in(outputs)
        return outputs.reshape(rows, size_of(outputs.shape) // max(1, rows))

    def _arguments(self, outputs: Array, targets: Array) -> dict[str, Array]:
        own = self._as_rows(outputs)
        return {"outputs": own, "targets": targets.reshape(own.shape)}

    def _reduce(self, run: Runner, losses: Array, row_weights: Array) -> Array:
        value = run.empty((1,), np.float64)
        run(self, kernels.weighted_sum, losses=losses, row_weights=row_weights, value=value)
        return value
