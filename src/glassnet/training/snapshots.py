"""What a diverged training goes back to: parameters and optimizer as they were at the start of the latest epochs."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.network import Network
from glassnet.optimizers import Optimizer


class Snapshots:
    """Copies of the parameters and of the optimizer's state at the start of the latest two epochs.

    Args:
        network: built.
        optimizer: prepared, so that its state exists.
        steps: updates in an epoch.
        first_epoch: number of the first epoch to come.
        begun: steps of it that were done before, where training goes on in the middle of it.

    Attributes:
        first_epoch: as given.
        arrays: each array with its two copies; that of epoch e is number e % 2.
    """

    def __init__(self, network: Network, optimizer: Optimizer, *, steps: int, first_epoch: int, begun: int = 0) -> None:
        self._network, self._optimizer = network, optimizer
        self._steps, self.first_epoch, self._first_step, self._begun = steps, first_epoch, optimizer.steps, begun
        live = [network.parameters, *optimizer.state.values()]
        self.arrays: list[tuple[Array, tuple[Array, Array]]] = [
            (array, (np.empty_like(array), np.empty_like(array))) for array in live
        ]

    def take(self, epoch: int) -> None:
        """Copies what there is at the start of an epoch."""
        for live, slots in self.arrays:
            np.copyto(slots[epoch % 2], live)

    def copy(self) -> tuple[list[Array], int]:
        """All as it is now, and the number of updates."""
        return [live.copy() for live, _ in self.arrays], self._optimizer.steps

    def put_back(self, copied: tuple[list[Array], int]) -> None:
        """Undoes whatever came after a ``copy``."""
        (parameters, *memory), self._optimizer.steps = copied
        self._network.put_back(parameters)
        for (live, _), array in zip(self.arrays[1:], memory, strict=True):
            np.copyto(live, array)

    def renew(self) -> None:
        """Keeps up with arrays that others have taken the place of; what was copied before is still there."""
        live = [self._network.parameters, *self._optimizer.state.values()]
        slots = [slots for _, slots in self.arrays]
        if [array.shape for array in live] != [even.shape for even, _ in slots]:
            slots = [(array.copy(), array.copy()) for array in live]
        self.arrays = list(zip(live, slots, strict=True))

    def restore(self, epoch: int) -> None:
        """Puts back what there was at the start of an epoch, the latest one or the one before.

        Of an epoch in whose middle training went on it is what there was then.
        """
        (_, parameters), *memory = self.arrays
        self._network.put_back(parameters[epoch % 2])
        for live, slots in memory:
            np.copyto(live, slots[epoch % 2])
        epochs = epoch - self.first_epoch
        self._optimizer.steps = self._first_step + (epochs * self._steps - self._begun if epochs else 0)


class NoSnapshots(Snapshots):
    """Nothing is copied: each step is kept for good."""

    def __init__(self) -> None:
        self.arrays = []
