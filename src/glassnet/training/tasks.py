"""What a fit asks of its engine, and what comes of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.runners.states import States
from glassnet.training.batches import Rows, batch_sizes
from glassnet.training.cuts import Cuts
from glassnet.training.latest_fit import TrainingPosition


@dataclass(frozen=True)
class Task:
    """What a fit asks of its engine.

    Attributes:
        rows: the data.
        batch_size: rows in a step; the last one of an epoch is cut as ``batch_sizes`` says.
        orders: the orders (count, N) of the rows in ``count`` epochs from one on, or None for their natural one.
        collected: receives each row's outputs (N, ...), or None.
        proceed: called now and then with an epoch, and the losses and total weights of its steps done; False ends the
            run.
        joins_single: whether a last batch of one row is joined to the one before.
        stretch: how many steps may follow on so many updates until ``proceed`` must be called.
        states: what layers carry from batch to batch; it is 0 at the start of each epoch. None where every batch begins
            anew.
        cuts: with how many steps each batch goes through the network; None where all have T.
    """

    rows: Rows
    batch_size: int
    orders: Callable[[int, int], Array | None]
    collected: Array | None
    proceed: Callable[[int, Array, Array], bool]
    joins_single: bool = False
    stretch: Callable[[int], int] = lambda _: sys.maxsize
    states: States | None = None
    cuts: Cuts | None = None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows of a full batch, number of full batches, rows of the last one."""
        return batch_sizes(len(self.rows), self.batch_size, joins_single=self.joins_single)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        _, full, rest = self.sizes
        return full + (rest > 0)

    def order_of(self, epoch: int) -> Array | None:
        """The order of the rows in an epoch, or None for their natural one."""
        orders = self.orders(epoch, 1)
        return None if orders is None else orders[0]

    def proceeding(
        self,
        proceed: Callable[[int, Array, Array], bool],
        is_wanted: Callable[[], bool],
        stands: Callable[[int, Array, Array], None],
    ) -> Task:
        """The same, asking these; the second while data are waited for; the third is told where they do not come."""
        return replace(self, proceed=proceed)

    def require_place(self, place: TrainingPosition) -> None:
        """Refuses a place within an epoch that is none in these epochs.

        Raises:
            ConfigurationError: the epoch has not so many steps, or the outputs that metrics need are not there.
        """
        if not place.step:
            return
        seen = len(np.empty(len(self.rows), bool)[self.seen(place.epoch + 1, place.step)])
        known = 0 if place.outputs is None else len(place.outputs)
        if place.step >= self.steps or (self.collected is not None and known != seen):
            raise no_such_place(place, self.steps, seen if self.collected is not None else None)

    def seen(self, epoch: int, step: int) -> Array | slice:
        """The rows that the first steps of an epoch take, in their order."""
        order = self.order_of(epoch)
        count = min(step * self.sizes[0], len(self.rows))
        return slice(count) if order is None else order[:count]


def no_such_place(place: TrainingPosition, steps: int, rows: int | None) -> ConfigurationError:
    """The error for a place within an epoch that is none.

    Args:
        place: as it was found.
        steps: of an epoch.
        rows: whose outputs metrics need there, or None.
    """
    known = 0 if place.outputs is None else len(place.outputs)
    return ConfigurationError(
        where="fit: resume",
        received=f"a place after {place.step:,} steps of an epoch, with the outputs of {known:,} rows",
        expected=f"fewer than {steps:,} steps" + (f", and {rows:,} rows" if rows is not None else ""),
        fix="name another checkpoint of this training",
    )


@dataclass(frozen=True)
class Result:
    """What came of some epochs.

    Attributes:
        losses: of the batches, over all these epochs; those of steps that were done before are among them.
        totals: their total weights.
        diverged: whether the last loss is not finite, and its step did no update; or the parameters or the memory of
            the optimizer are not finite after the last step.
    """

    losses: Array
    totals: Array
    diverged: bool = False

    def last(self, steps: int) -> tuple[Array, Array]:
        """Losses and total weights of the last so many steps."""
        first = len(self.losses) - steps
        return self.losses[first:].copy(), self.totals[first:].copy()


def loss_of_epochs(losses: Array, totals: Array, epochs: int, steps: int, reduction: str) -> list[float]:
    """The loss of each complete epoch: over its batches the mean by their weights, or the sum."""
    shape = epochs, steps
    losses, totals = losses[: epochs * steps].reshape(shape), totals[: epochs * steps].reshape(shape)
    if reduction == "mean":
        weights = totals.sum(axis=1)
        shares = totals / np.where(weights > 0, weights, 1.0)[:, None]
        losses = losses * shares
    found: list[float] = losses.sum(axis=1).tolist()
    return found
