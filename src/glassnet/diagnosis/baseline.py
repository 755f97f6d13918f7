"""The loss of the answer that knows nothing of the inputs, which every model has to beat."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.runners import NumpyRunner


def loss_of(loss: Loss, outputs: Array, targets: Array) -> float:
    """The mean loss of a row."""
    run = NumpyRunner()
    row_weights, _ = loss.row_weights(run, outputs, None)
    value, _ = loss.forward(run, outputs, targets, row_weights)
    return float(value[0]) / (len(outputs) if loss.reduction == "sum" else 1)


def baseline_loss(loss: Loss, targets: Array, outputs: int) -> float | None:
    """The mean loss of a row where the answer is always the same, the best such; None where that is not known."""
    constant = loss.best_constant(targets, outputs)
    if constant is None:
        return None
    return loss_of(loss, np.ascontiguousarray(np.broadcast_to(constant, (len(targets), outputs))), targets)
