"""The answer that knows nothing of the inputs, which every model has to beat."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.losses import BinaryCrossEntropy, Loss, Quantile
from glassnet.runners import NumpyRunner

SMALLEST = 1e-7
"""What a class that never occurred counts as."""


def outputs_for_shares(loss: Loss, shares: Array, outputs: int) -> Array:
    """Outputs (K,), or (1,) for two classes with one, that mean the classes' shares (K,) whatever the row."""
    p = np.clip(shares, SMALLEST, 1 - SMALLEST)
    takes_logits = getattr(loss, "from_logits", True)
    if outputs == 1:
        return np.array([np.log(p[1] / p[0]) if takes_logits else p[1]])
    return np.log(p) if takes_logits else p


def constant_outputs(loss: Loss, targets: Array, outputs: int) -> Array | None:
    """The best outputs (M,) that are the same for every row; None for losses of which that is not known here.

    Nor is it of losses with weights for classes.

    Args:
        loss: cross-entropy, binary cross-entropy, squared errors, Poisson, gamma or quantile.
        targets: as the loss prepared them: labels (N,), or numbers (N, M).
        outputs: M.
    """
    if getattr(loss, "class_weight", None) is not None:
        return None
    if loss.chooses_class and targets.ndim == 1:
        return outputs_for_shares(loss, np.bincount(targets, minlength=outputs) / len(targets), outputs)
    if targets.ndim != 2:
        return None
    mean = targets.mean(axis=0, dtype=np.float64)
    if isinstance(loss, BinaryCrossEntropy):
        return np.array([outputs_for_shares(loss, np.array([1 - p, p]), 1)[0] for p in mean])
    if isinstance(loss, Quantile):
        return np.asarray(np.quantile(targets, loss.quantile, axis=0, method="inverted_cdf"), np.float64)
    if loss.has_log_link and (mean > 0).all():
        return loss.link(mean)
    return mean if loss.is_squared else None


def loss_of(loss: Loss, outputs: Array, targets: Array) -> float:
    """The mean loss of a row."""
    run = NumpyRunner()
    row_weights, _ = loss.row_weights(run, outputs, None)
    value, _ = loss.forward(run, outputs, targets, row_weights)
    return float(value[0]) / (len(outputs) if loss.reduction == "sum" else 1)


def baseline_loss(loss: Loss, targets: Array, outputs: int) -> float | None:
    """The mean loss of a row where the answer is always the same, the best such; None where that is not known."""
    constant = constant_outputs(loss, targets, outputs)
    if constant is None:
        return None
    return loss_of(loss, np.ascontiguousarray(np.broadcast_to(constant, (len(targets), outputs))), targets)
