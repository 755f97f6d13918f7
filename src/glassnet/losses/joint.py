"""The loss for several questions a row, each with classes of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from glassnet.core.checks import as_rows, numeric
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import number, one_of, several, whole
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.kernels import classes as kernels
from glassnet.kernels.combine import accumulate, concat_backward, concat_forward
from glassnet.kernels.softmax import softmax_forward
from glassnet.losses.base import REDUCTIONS, Loss
from glassnet.losses.cross_entropy import smoothed
from glassnet.losses.targets import check_labels, check_shares, mismatch
from glassnet.runners import Runner


class JointCrossEntropy(Loss):
    """Σ_m −log softmax(z_m)_y_m: M questions a row, each about one class out of K_m, answered by logits side by side.

    Args:
        class_counts: K_1, ..., K_M.
        label_smoothing: ε in [0, 1), as in ``CrossEntropy``, for each question.
        reduction: ``"mean"`` over rows, or ``"sum"``.

    Targets: integer labels (N, M), column m from 0 to K_m − 1; or each question's shares of classes, side by side
    (N, ΣK). For outputs (N, T, ΣK) of steps (N, T, M), or (N, T, ΣK).

    Source: as ``CrossEntropy``; that of independent questions is the sum.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> value, dz = gn.losses.JointCrossEntropy([2, 4])(np.zeros((1, 6)), np.array([[1, 2]]))
        >>> round(value, 6), dz.tolist()  # log 2 + log 4
        (2.079442, [[0.5, -0.5, 0.25, 0.25, -0.75, 0.25]])
    """

    decides_classes = True
    averages_outputs = False

    def __init__(self, class_counts: Sequence[int], *, label_smoothing: float = 0.0, reduction: str = "mean") -> None:
        given = several(class_counts, "class_counts", "JointCrossEntropy", expected="the classes of each question")
        self.class_counts = tuple(whole(count, "class_counts", "JointCrossEntropy") for count in given)
        if not self.class_counts:
            raise ConfigurationError(
                where="JointCrossEntropy",
                received="no classes",
                expected="the number of classes of each question",
                fix="write gn.losses.JointCrossEntropy([3, 5]) for a question with 3 and one with 5 classes",
            )
        self.label_smoothing = number(label_smoothing, "label_smoothing", "JointCrossEntropy", low=0, high=1)
        self.reduction = one_of(reduction, "reduction", "JointCrossEntropy", REDUCTIONS)

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Labels become ones among zeros (N, ΣK), question beside question."""
        columns = (sum(self.class_counts),)
        if output_shape[-1:] != columns or not (len(output_shape) == 1 or self.is_by_step(output_shape)):
            raise ShapeError(
                where="JointCrossEntropy",
                received=f"outputs of shape {batch_shape(output_shape)}",
                expected=f"(N, {sum(self.class_counts)}), one output for each class of {self.class_counts}",
                fix=f"end the network in gn.Dense({sum(self.class_counts)})",
            )
        labels = numeric(targets, where=where)
        questions = (*output_shape[:-1], len(self.class_counts))
        if labels.shape[1:] == output_shape != questions:
            shares = as_rows(labels, dtype, where=where)
            parts = [check_shares(shares[..., start : start + count], where) for start, count in self._questions()]
            return np.concatenate(parts, axis=-1)
        if labels.shape[1:] != questions:
            raise mismatch(labels, questions, where)
        ones = [
            np.eye(count, dtype=dtype)[check_labels(labels[..., m], count, where=f"{where}, column {m}")]
            for m, count in enumerate(self.class_counts)
        ]
        return np.concatenate(ones, axis=-1)

    def example_targets(self, rows: int, output_shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Class 0 everywhere."""
        labels = np.zeros((rows, *output_shape[:-1], len(self.class_counts)), np.intp)
        return self.prepare(labels, output_shape, dtype, where="example")

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Any]:
        """Returns the value (1,) and, for each question, probabilities and targets (N, K_m)."""
        whole, cache, total = self._as_rows(outputs), [], None
        rows = len(whole)
        for start, count in self._questions():
            logits, ones = (self._columns(run, own, start, count) for own in (whole, targets.reshape(whole.shape)))
            losses, probabilities = run.empty((rows,), outputs.dtype), run.empty((rows, count), outputs.dtype)
            arguments = {"logits": logits, "targets": ones, "losses": losses, "probabilities": probabilities}
            run(self, kernels.soft_cross_entropy_forward, **arguments, label_smoothing=self.label_smoothing)
            if total is None:
                total = losses
            else:
                run(self, accumulate, dpart=losses, dx=total)
            cache.append((probabilities, ones))
        assert total is not None
        return self._reduce(run, total, row_weights), cache

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        """Returns ∂L/∂outputs (N, ΣK)."""
        doutputs = run.empty(self._as_rows(outputs).shape, outputs.dtype)
        for (start, _), (probabilities, ones) in zip(self._questions(), cache, strict=True):
            part = run.empty(probabilities.shape, outputs.dtype)
            arguments = {"row_weights": row_weights, "probabilities": probabilities, "targets": ones, "doutputs": part}
            run(self, kernels.soft_cross_entropy_backward, **arguments, label_smoothing=self.label_smoothing)
            run(self, concat_forward, part=part, y=doutputs, start=start)
        return doutputs.reshape(outputs.shape)

    def probabilities(self, outputs: Array) -> Array:
        """The softmax of each question's logits, side by side (N, ΣK)."""
        result = np.empty_like(outputs)
        for start, count in self._questions():
            softmax_forward(outputs[..., start : start + count], result[..., start : start + count])
        return result

    def best_constant(self, targets: Array, outputs: int) -> Array | None:
        """The logarithms of each class's share among the answers to its question (ΣK,)."""
        if targets.ndim != 2:
            return None
        classes = np.repeat(self.class_counts, self.class_counts)
        shares = smoothed(targets.mean(axis=0, dtype=np.float64), self.label_smoothing, classes)
        return self.outputs_for_shares(shares, outputs)

    def classes(self, outputs: Array) -> Array:
        """The class with the largest output of each question (N, M), or (N, T, M) of steps."""
        answers = [np.argmax(outputs[..., start : start + count], axis=-1) for start, count in self._questions()]
        return np.stack(answers, axis=-1)

    def _questions(self) -> Iterator[tuple[int, int]]:
        """The first column and the number of classes of each."""
        start = 0
        for count in self.class_counts:
            yield start, count
            start += count

    def _columns(self, run: Runner, array: Array, start: int, count: int) -> Array:
        part = run.empty((len(array), count), array.dtype)
        run(self, concat_backward, dy=array, dpart=part, start=start)
        return part
