"""What a training that several processes share asks of whoever lets them act as one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from glassnet.core.shapes import Array
from glassnet.network import Network
from glassnet.training.batches import Rows
from glassnet.training.callbacks import TrainingState
from glassnet.training.engine import Engine
from glassnet.training.parts import Bridges, Parts
from glassnet.training.snapshots import Snapshots

Predicting = Callable[[Array, Array | None], Array]
"""Outputs for inputs (N, ...), and their lengths where rows are not whole."""


class Ranks(Protocol):
    """Processes that train one network together, each of them known by its rank; see ``glassnet.distributed``."""

    def engine(self, parts: Parts, threads: int | None, snapshots: Snapshots, bridges: Bridges | None) -> Engine:
        """What carries out the steps: each rank its share.

        Args:
            parts: of the training, the optimizer prepared.
            threads: upper limit of threads of a rank; None for its share of the processors.
            snapshots: as every engine has them.
            bridges: the user's own parts that a program calls in Python; None where NumPy carries all out.
        """

    def led(self, state: TrainingState) -> AbstractContextManager[None]:
        """What happens inside happens on rank 0 alone; all ranks leave with what it has made of network and state."""

    def predict(self, predict: Predicting, network: Network, rows: Rows) -> Array:
        """The outputs of all rows (N, ...), each rank having calculated its share."""
