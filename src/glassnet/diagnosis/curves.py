"""What the learning curves say: learned by heart, or hardly learned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassnet.diagnosis.finding import Finding
from glassnet.training import History

MOST_RISE, FEWEST_EPOCHS = 1.1, 3
"""How far the validation loss may end above its minimum, and how long after it, before it counts as overfitting."""
LEAST_GAIN, LEAST_TRAINED = 0.05, 5
"""How much lower than that of a constant answer the training loss must be after so many epochs, as a share of it."""


def overfitting(history: History) -> Iterator[Finding]:
    """A validation loss that rises while the training loss goes on falling, unless an earlier epoch is kept."""
    if history.kept_epoch is not None:
        return
    losses, training = (np.array(history.metrics.get(name, ())) for name in ("val_loss", "loss"))
    if len(losses) < FEWEST_EPOCHS + 1 or not np.isfinite(losses).all():
        return
    best = int(losses.argmin())
    is_late = len(losses) - 1 - best >= FEWEST_EPOCHS
    if is_late and losses[-1] > MOST_RISE * losses[best] and training[-1] < training[best]:
        yield Finding(
            "overfitting",
            f"epochs {history.epochs[best]} to {history.epochs[-1]}",
            f"the validation loss rose from {losses[best]:.4g} to {losses[-1]:.4g} while the training loss fell from "
            f"{training[best]:.4g} to {training[-1]:.4g}",
            "The network learns its rows by heart and gets worse on all others",
            "callbacks=[gn.EarlyStopping(patience=5)], gn.Dropout(0.3) after hidden layers, gn.L2(1e-4) in the chain, "
            "more rows or a smaller network",
        )


def underfitting(history: History, baseline: float | None) -> Iterator[Finding]:
    """A training loss that is hardly below that of the best constant answer.

    Args:
        history: with the training loss.
        baseline: loss of the best constant answer, in the unit of the history; None where it is not known.
    """
    losses = list(history.metrics.get("loss", ()))
    if baseline is None or baseline <= 0 or len(losses) < LEAST_TRAINED:
        return
    if losses[-1] > (1 - LEAST_GAIN) * baseline:
        yield Finding(
            "underfitting",
            f"epoch {history.epochs[-1]}",
            f"the training loss is {losses[-1]:.4g}; the best answer that is the same for every row has {baseline:.4g}",
            "So far the network has learned next to nothing of its inputs",
            "more epochs, a larger learning rate (gn.diagnose tells which), more units, or features that the target "
            "depends on",
        )
