"""How far a training has come, and all that it must be to go on in the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.training.history import History

Memories = dict[str, dict[str, Any]]
"""What callbacks know, by their ``memory_name``."""

NOTHING = np.empty(0)


@dataclass(frozen=True)
class TrainingPosition:
    """A place in a training: between two steps.

    The order of an epoch's rows is a function of (seed, epoch), and dropout masks are functions of (seed, update), so
    that this is all there is to know.

    Attributes:
        epoch: complete epochs over the model's whole life.
        step: steps done of the epoch that follows; 0 at an epoch's end.
        losses: of these steps (step,), float64.
        totals: their batches' total weights (step,), float64.
        outputs: of the rows that these steps took, in their order (R, ...); None where no metric asks for them. Of data
            in blocks those of the present buffer alone.
        sums: of data in blocks what the metrics have come to over the buffers before, float64 (S,); else None.
    """

    epoch: int
    step: int = 0
    losses: Array = field(default_factory=lambda: NOTHING)
    totals: Array = field(default_factory=lambda: NOTHING)
    outputs: Array | None = None
    sums: Array | None = None


@dataclass(frozen=True)
class LatestFit:
    """The latest fit of a model, in progress or over: what it was asked for, and how far it has come.

    ``fit(..., resume=True)`` goes on from here. Printed, it says where the training stands.

    Attributes:
        first_epoch, last_epoch: the epochs that were asked for, over the model's whole life.
        steps: updates in an epoch.
        updates: done at the position, over the model's whole life.
        settings: what the bits depend on besides the model, by name: rows, batch size, order and so on.
        position: the place; None where the training broke off within a step, so that it is not known.
        history: of the complete epochs.
        is_ended: whether a callback has ended it.
        memories: what its callbacks knew, by their names, before anything was put back at the end.
        parameters: those at the position, where callbacks put others in their place at the end; else None.
        kept: what parts and callbacks of the user's own kept outside their parameters, by key and name.
    """

    first_epoch: int
    last_epoch: int
    steps: int
    updates: int
    settings: Mapping[str, Any]
    position: TrainingPosition | None
    history: History
    is_ended: bool = False
    memories: Memories = field(default_factory=dict)
    parameters: Array | None = None
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def epochs_trained(self) -> int:
        """Complete epochs over the model's whole life."""
        return self.first_epoch - 1 + len(self.history)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do: the last epoch is done, or a callback has ended the training."""
        return self.position is not None and (self.is_ended or self.position.epoch >= self.last_epoch)

    def __str__(self) -> str:
        epochs = f"{self.first_epoch} to {self.last_epoch}" if self.first_epoch > 1 else f"{self.last_epoch}"
        if self.position is None:
            return f"broke off within a step, of epochs {epochs}"
        epoch, step = self.position.epoch, self.position.step
        if self.is_finished:
            within = f" and {step:,} steps" if step else ""
            ended = f": {self.history.stopped}" if self.is_ended and self.history.stopped else ""
            return f"finished after epoch {epoch}{within}{ended}"
        of = f"of epochs {epochs}" if self.first_epoch > 1 else f"of {epochs}"
        if step:
            return f"stopped in epoch {epoch + 1} {of}, after {step:,} of {self.steps:,} steps"
        return f"stopped after epoch {epoch} {of}"
