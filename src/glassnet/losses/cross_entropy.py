"""The loss for one class out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.checks import as_rows, numeric
from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.numeric import refuse_hidden
from glassnet.core.settings import boolean, is_real, is_whole, number, one_of
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.kernels import Kernel
from glassnet.kernels import classes as kernels
from glassnet.kernels.softmax import softmax_forward
from glassnet.losses.base import REDUCTIONS, Loss
from glassnet.losses.targets import (
    check_labels,
    check_probabilities,
    check_shares,
    least_and_most,
    mismatch,
    require_range,
)
from glassnet.runners import Runner


class CrossEntropy(Loss):
    """−log softmax(z)_y: for one class out of K, for each row or for each step of a row.

    Args:
        from_logits: True when the network gives logits z (N, K), or (N, T, K); False when it ends in a softmax.
        label_smoothing: ε in [0, 1): every class gets ε/K of the target, the labelled one 1 − ε more.
        class_weight: a weight for each class, as K numbers or {class: weight} (1 where not named). It multiplies the
            row's weight, by Σ_k weight_k t_k for soft targets, and so counts in the mean's divisor.
        reduction: ``"mean"`` over rows, or ``"sum"``.

    Targets: integer labels (N,) from 0 to K − 1, or (N, K) one-hot rows or probabilities that sum to 1. For outputs
    (N, T, K) of T steps labels (N, T), or (N, T, K); the mean then runs over all steps that count, each by its weight.

    Source: I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning" (2016), section 6.2.2.3.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> value, dz = gn.losses.CrossEntropy()(np.zeros((1, 4)), np.array([2]))
        >>> round(value, 6), dz.tolist()
        (1.386294, [[0.25, 0.25, -0.75, 0.25]])
    """

    decides_classes = True
    chooses_class = True
    is_log_loss = True
    averages_outputs = False

    def __init__(
        self,
        *,
        from_logits: bool = True,
        label_smoothing: float = 0.0,
        class_weight: Sequence[float] | Mapping[int, float] | None = None,
        reduction: str = "mean",
    ) -> None:
        self.from_logits = boolean(from_logits, "from_logits", "CrossEntropy")
        self.label_smoothing = number(label_smoothing, "label_smoothing", "CrossEntropy", low=0, high=1)
        self.class_weight = class_weight
        self.reduction = one_of(reduction, "reduction", "CrossEntropy", REDUCTIONS)

    def check_outputs(self, outputs: Array) -> None:
        """Refuses outputs that are no probabilities, where these are taken."""
        if not self.from_logits:
            check_probabilities(outputs, "CrossEntropy")

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Labels stay labels where the kernel can use them; otherwise they become rows of target shares."""
        if not (len(output_shape) == 1 or self.is_by_step(output_shape)) or output_shape[-1] < 2:
            raise ShapeError(
                where="CrossEntropy",
                received=f"outputs of shape {batch_shape(output_shape)}",
                expected="(N, K), one output for each of K ≥ 2 classes, or (N, T, K), so many for each step",
                fix="end the network in gn.Dense(K); for single yes-or-no outputs use gn.losses.BinaryCrossEntropy()",
            )
        classes = output_shape[-1]
        self._class_weights(classes)
        array = numeric(targets, where=where)
        if array.ndim and array.shape[1:] == output_shape[:-1]:
            labels = check_labels(array, classes, where=where)
            return labels if self.from_logits else np.eye(classes, dtype=dtype)[labels]
        if array.shape[1:] == output_shape:
            return check_shares(as_rows(array, dtype, where=where), where)
        raise mismatch(array, output_shape, where, takes_labels=True)

    def example_targets(self, rows: int, output_shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Labels, or rows of target shares where probabilities are taken."""
        if not self.from_logits:
            return super().example_targets(rows, output_shape, dtype)
        return np.zeros((rows, *output_shape[:-1]), np.int64)

    def require_own_classes(self, output_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Refuses class weights for other classes, and such as the dtype cannot hold."""
        classes = output_shape[-1]
        if isinstance(self.class_weight, Mapping):  # others weigh 1: no more of them are looked at than needed
            classes = min(classes, max((k + 2 for k in self.class_weight if is_whole(k)), default=1))
        weights = self._class_weights(classes)
        if weights is not None:
            require_range(weights, dtype, where="CrossEntropy: class_weight")

    def weigh_classes(
        self, weights: Array | None, targets: Array, output_shape: Shape, dtype: np.dtype[Any]
    ) -> Array | None:
        """The weight of the row, or of the step, times that of its class."""
        by_class = self._class_weights(output_shape[-1])
        if by_class is None:
            return weights
        require_range(by_class, dtype, where="CrossEntropy: class_weight")
        own = by_class[targets] if _are_labels(targets) else targets @ by_class
        if not _are_labels(targets):  # shares of classes may be as small as they like
            own = np.where(own < least_and_most(dtype)[0], 0, own)
        if weights is not None:
            own = weights * own
            require_range(own, dtype, where="CrossEntropy: sample_weight times class_weight")
        return np.asarray(own, dtype=dtype)

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Array]:
        """Returns the value (1,) and the probabilities (N, K), or (N·T, K) of steps."""
        rows = self._as_rows(outputs)
        losses = run.empty(rows.shape[:1], outputs.dtype)
        forward_kernel, _ = self._kernels_for(targets)
        if self.from_logits:
            probabilities = run.empty(rows.shape, outputs.dtype)
            arguments = {"logits": rows, "probabilities": probabilities}
        else:
            probabilities = rows
            arguments = {"probabilities": rows}
        run(self, forward_kernel, **arguments, **self._target_arguments(targets), losses=losses)
        return self._reduce(run, losses, row_weights), probabilities

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array, cache: Array) -> Array:
        """Returns ∂L/∂outputs (N, K), or (N, T, K)."""
        doutputs = run.empty(cache.shape, outputs.dtype)
        _, backward_kernel = self._kernels_for(targets)
        arguments = {"row_weights": row_weights, "probabilities": cache, "doutputs": doutputs}
        run(self, backward_kernel, **arguments, **self._target_arguments(targets))
        return doutputs.reshape(outputs.shape)

    def probabilities(self, outputs: Array) -> Array:
        """Softmax of the logits (N, K), or (N, T, K)."""
        if not self.from_logits:
            return outputs
        result = np.empty_like(outputs)
        softmax_forward(outputs, result)
        return result

    def best_constant(self, targets: Array, outputs: int) -> Array | None:
        """The classes' shares (K,), smoothed like the targets, or their logarithms; None where classes have weights."""
        if self.class_weight is not None or targets.ndim != (1 if _are_labels(targets) else 2):
            return None
        counts = np.bincount(targets, minlength=outputs) if _are_labels(targets) else targets.sum(axis=0, dtype=float)
        return self.outputs_for_shares(smoothed(counts / len(targets), self.label_smoothing, outputs), outputs)

    def outputs_for_shares(self, shares: Array, outputs: int) -> Array:
        """Logits or probabilities (K,)."""
        return super().outputs_for_shares(shares, outputs) if self.from_logits else np.asarray(shares)

    def _kernels_for(self, targets: Array) -> tuple[Kernel, Kernel]:
        if not self.from_logits:
            return kernels.cross_entropy_of_probabilities_forward, kernels.cross_entropy_of_probabilities_backward
        if _are_labels(targets):
            return kernels.cross_entropy_forward, kernels.cross_entropy_backward
        return kernels.soft_cross_entropy_forward, kernels.soft_cross_entropy_backward

    def _target_arguments(self, targets: Array) -> dict[str, Any]:
        if _are_labels(targets):
            return {"labels": targets.reshape(-1), "label_smoothing": self.label_smoothing}
        return {"targets": targets.reshape(-1, targets.shape[-1]), "label_smoothing": self.label_smoothing}

    def _class_weights(self, classes: int) -> Array | None:
        if self.class_weight is None:
            return None
        given = self.class_weight
        refuse_hidden(given, where="CrossEntropy: class_weight")
        weights = np.empty(0)
        if isinstance(given, Mapping):
            if all(is_whole(k) and 0 <= k < classes and is_real(weight) for k, weight in given.items()):
                weights = numeric([given.get(k, 1.0) for k in range(classes)], where="CrossEntropy: class_weight")
        elif isinstance(given, list | tuple | np.ndarray):
            found = numeric(given, where="CrossEntropy: class_weight")
            weights = weights if found.dtype.kind == "b" else found.astype(np.float64)
        fits = weights.shape == (classes,) and np.isfinite(weights).all()
        if not fits or (weights < 0).any() or not (weights > 0).any():
            raise ConfigurationError(
                where="CrossEntropy",
                received=f"class_weight={shown(self.class_weight)}",
                expected=f"a finite weight ≥ 0 for each of {classes} classes, some of them above 0",
                fix="pass one number per class, or a dict from label to weight",
            )
        return weights


def smoothed(shares: Array, label_smoothing: float, classes: Array | int) -> Array:
    """Shares of classes as label smoothing makes them."""
    return np.asarray((1 - label_smoothing) * shares + label_smoothing / classes)


def _are_labels(targets: Array) -> bool:
    """Whether targets, as ``prepare`` gives them, are labels; else they are shares of classes."""
    return targets.dtype.kind in "iu"
