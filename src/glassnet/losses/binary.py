"""Losses for yes-or-no outputs, each on its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import DataError
from glassnet.core.settings import boolean, one_of
from glassnet.core.shapes import Array, Shape
from glassnet.kernels import classes as kernels
from glassnet.kernels.functions import logistic
from glassnet.losses.base import REDUCTIONS, SMALLEST_SHARE, Loss
from glassnet.losses.targets import check_labels, check_probabilities


class BinaryCrossEntropy(Loss):
    """−t log p − (1 − t) log(1 − p), p = σ(z): for yes-or-no outputs, each on its own.

    Args:
        from_logits: True when the network gives logits z; False when it ends in a sigmoid and gives p.
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.
        averages_outputs: False for a mean over rows of the sum over outputs, as the logarithm of the probability of all
            labels together is.

    Targets: numbers in [0, 1] of the outputs' shape; soft labels are allowed.

    Source: C. Bishop, "Pattern Recognition and Machine Learning" (2006), equation 5.21.
    """

    decides_classes = True
    is_log_loss = True

    def __init__(self, *, from_logits: bool = True, reduction: str = "mean", averages_outputs: bool = True) -> None:
        self.from_logits = boolean(from_logits, "from_logits", "BinaryCrossEntropy")
        self.averages_outputs = boolean(averages_outputs, "averages_outputs", "BinaryCrossEntropy")
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

    def check_outputs(self, outputs: Array) -> None:
        """Refuses outputs that are no probabilities, where these are taken."""
        if not self.from_logits:
            check_probabilities(outputs, "BinaryCrossEntropy")

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Checks shape and range."""
        given = numeric(targets, where=where)
        array = super().prepare(given, output_shape, dtype, where=where)
        outside = np.argwhere((given < 0) | (given > 1))  # before float32 rounds 1.00000001 to 1
        if len(outside):
            raise DataError(
                where=where,
                received=f"the value {given[tuple(outside[0])]} in row {outside[0][0]}",
                expected="numbers from 0 to 1",
                fix="for labels −1 and +1 pass (y + 1) / 2, for labels 1 and 2 pass y − 1",
            )
        return array

    def probabilities(self, outputs: Array) -> Array:
        """σ of the logits: the probability of class 1 for each output."""
        return logistic(outputs) if self.from_logits else outputs

    def best_constant(self, targets: Array, outputs: int) -> Array | None:
        """The shares of ones (M,), or their logits."""
        if targets.ndim != 2:
            return None
        means = targets.mean(axis=0, dtype=np.float64)
        return np.concatenate([self.outputs_for_shares(np.array([1 - mean, mean]), 1) for mean in means])

    def outputs_for_shares(self, shares: Array, outputs: int) -> Array:
        """Logits or probabilities."""
        if self.from_logits:
            return super().outputs_for_shares(shares, outputs)
        return np.asarray(np.clip(shares[1:] if outputs == 1 else shares, SMALLEST_SHARE, 1 - SMALLEST_SHARE))

    def classes(self, outputs: Array) -> Array:
        """0 or 1: (N,) for a single output, (N, T) for one of each step, else the outputs' shape (several labels)."""
        decided = (outputs > self.boundary).astype(np.intp)
        if outputs.shape[-1] == 1 and self.is_by_step(outputs.shape[1:]):
            return decided[..., 0]
        return decided.reshape(len(outputs)) if outputs[0].size == 1 else decided

    def _arguments(self, outputs: Array, targets: Array) -> dict[str, Array]:
        own = super()._arguments(outputs, targets)
        return {"logits" if self.from_logits else "probabilities": own["outputs"], "targets": own["targets"]}


class Hinge(Loss):
    """max(0, 1 − t o), t = ±1: the support-vector machine's loss.

    Args:
        reduction: ``"mean"`` over rows and outputs, or ``"sum"``.

    Targets: −1 and +1 (or 0 and 1) of the outputs' shape; or, for K ≥ 2 outputs, integer labels (N,), or (N, T) of
    steps, of which each output learns one class against the rest.

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
        of_rows = len(output_shape) == 1 or self.is_by_step(output_shape)
        if of_rows and array.ndim and array.shape[1:] == output_shape[:-1] and output_shape[-1] > 1:
            labels = check_labels(array, output_shape[-1], where=where)
            return _signs(np.eye(output_shape[-1], dtype=bool)[labels], dtype)
        super().prepare(array, output_shape, dtype, where=where)
        low, high = array.min(), array.max()
        if not np.isin(array, (-1, 1)).all() and not np.isin(array, (0, 1)).all():
            raise DataError(
                where=where,
                received=f"targets between {low} and {high}",
                expected="−1 and +1, or 0 and 1",
                fix="give each example its sign: np.where(positive, 1, -1)",
            )
        return _signs(array > 0, dtype)

    def best_constant(self, targets: Array, outputs: int) -> Array | None:
        """The more frequent sign of each output (M,): between −1 and 1 the mean loss is straight."""
        return np.where(targets.mean(axis=0) > 0, 1.0, -1.0) if targets.ndim == 2 else None


def _signs(positive: Array, dtype: np.dtype[Any]) -> Array:
    return np.asarray(np.where(positive, 1, -1), dtype=dtype)
