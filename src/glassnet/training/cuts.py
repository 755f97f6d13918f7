"""With how many steps a batch goes through a network, where its rows are of similar length.

Rows stand in an array of T steps, but a batch needs no more than its longest row has. As a program is recorded for each
number of steps, there are a few numbers of them, and a batch takes the least that is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.core.shapes import Array
from glassnet.network import Network, lengths_after
from glassnet.training.batches import Rows

MOST_CUTS = 6
"""How many numbers of steps there are at most, besides T: each costs a recording and a program's memory."""
LEAST_GAIN = 0.9
"""A number of steps is worth a program of its own where it is at most such a share of the next one."""


@dataclass(frozen=True)
class Cuts:
    """The numbers of steps with which batches go through a network.

    Attributes:
        lengths: of all rows (N,).
        steps: ascending (cuts,); the last one is the network's T.
        after: how many steps the outputs have then (cuts,); None where they have none.
        batch_rows: rows of a full batch. A batch at the end of an epoch that is none has all T steps.
        full: how many full batches an epoch has.
    """

    lengths: Array
    steps: Array
    after: Array | None
    batch_rows: int
    full: int

    def of_batch(self, batch: Array | slice) -> int:
        """Which number of steps a batch of these rows has."""
        lengths = self.lengths[batch]
        if len(lengths) != self.batch_rows:
            return len(self.steps) - 1
        return int(np.searchsorted(self.steps, lengths.max()))

    def of_orders(self, orders: Array, steps: int) -> Array:
        """The same for each of the ``steps`` of some epochs, whose orders are given (epochs, N): flat, int64."""
        used = orders[:, : self.full * self.batch_rows].reshape(len(orders), self.full, self.batch_rows)
        found = np.full((len(orders), steps), len(self.steps) - 1, np.int64)
        found[:, : self.full] = np.searchsorted(self.steps, self.lengths[used].max(axis=2))
        return found.reshape(-1)

    def pairs(self) -> list[tuple[int, int | None]]:
        """Steps of the inputs and of the outputs, of each."""
        after = [None] * len(self.steps) if self.after is None else self.after.tolist()
        return list(zip(self.steps.tolist(), after, strict=True))

    def cut(self, rows: Rows, which: int) -> Rows:
        """A batch with that number of steps."""
        return rows.first_steps(*self.pairs()[which])


def cuts_of(network: Network, lengths: Array, sizes: tuple[int, int, int]) -> Cuts | None:
    """Numbers of steps that leave little padding in batches of rows of similar length; None where T itself does.

    Args:
        network: built.
        lengths: of the rows (N,).
        sizes: how an epoch is cut, as ``batch_sizes`` says.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.GRU(2))
        >>> _ = net.build((100, 3))
        >>> cuts_of(net, np.arange(1, 101), (10, 10, 0)).steps.tolist()
        [16, 33, 50, 66, 83, 100]
    """
    size, full, _ = sizes
    count = min(MOST_CUTS, full)
    ends = np.arange(1, count + 1) * len(lengths) // count - 1  # the longest of as many rows each
    chosen = [(network.input_shape or (0,))[0]]
    for steps in np.sort(lengths)[ends][::-1].tolist():
        if steps <= LEAST_GAIN * chosen[-1]:
            chosen.append(steps)
    if len(chosen) == 1:
        return None
    steps = np.array(chosen[::-1])
    return Cuts(lengths, steps, lengths_after(network, steps), size, full)
