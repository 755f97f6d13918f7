"""What carries out the steps of an epoch: the base of the engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from glassnet.compile.threads import at_most, thread_count
from glassnet.core.shapes import Array
from glassnet.training.latest_fit import TrainingPosition
from glassnet.training.parts import Parts
from glassnet.training.snapshots import Snapshots
from glassnet.training.tasks import Result, Task
from glassnet.training.watch import Watch


class Engine(ABC):
    """Carries out training steps: forward, loss, backward, update.

    Args:
        parts: of the training, the optimizer prepared.
        threads: upper limit of threads.
        snapshots: what it takes of parameters and optimizer at the start of each epoch.
        watches: what looks at some of the steps.
    """

    name: ClassVar[str]

    def __init__(self, parts: Parts, threads: int | None, snapshots: Snapshots, watches: Sequence[Watch] = ()) -> None:
        self.parts = parts
        self.network, self.loss, self.optimizer, self.seed = parts
        self.threads = at_most(thread_count(threads))
        self.snapshots = snapshots
        self.watches = watches

    def due(self) -> list[Watch]:
        """The watches that look at the next step."""
        return [watch for watch in self.watches if watch.due(self.optimizer.steps, 1)]

    @abstractmethod
    def run(self, task: Task, epoch: int, count: int, begun: TrainingPosition | None = None) -> Result:
        """Runs over all rows in epoch ``epoch``, and in as many of the ``count`` − 1 following ones as it likes.

        Args:
            task: what there is to do.
            epoch: its number.
            count: of epochs.
            begun: what was done of the first one before; its other steps follow.
        """

    def seen(self, task: Task, place: TrainingPosition) -> tuple[Array | None, Array | None]:
        """What metrics of the training data need at a place: outputs of rows seen, and sums over others."""
        collected = task.collected
        return None if collected is None else collected[task.seen(place.epoch + 1, place.step)].copy(), None

    def measured(self) -> dict[str, float]:
        """The metrics of the latest epoch, where it has computed them."""
        return {}

    def close(self) -> None:  # noqa: B027 - most have nothing to put away
        """Is told that it is needed no longer."""

    def begin(self, task: Task, epoch: int, steps: int, begun: TrainingPosition | None) -> tuple[Array, Array, int]:
        """Room for losses and total weights of so many steps, with those of steps done before, and their number."""
        losses, totals = np.empty(steps), np.empty(steps)
        if task.states is not None:
            task.states.reset()
        if begun is None or not begun.step:
            return losses, totals, 0
        losses[: begun.step], totals[: begun.step] = begun.losses, begun.totals
        if task.collected is not None and begun.outputs is not None:
            task.collected[task.seen(epoch, begun.step)] = begun.outputs
        self.snapshots.take(epoch)
        return losses, totals, begun.step
