"""Processes as one: what they compare before a training, what rank 0 does alone, and what all take over from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.core.errors import ConfigurationError, DistributedError
from glassnet.core.shapes import Array
from glassnet.distributed.engine import DistributedEngine
from glassnet.distributed.pulse import beating, one_at_a_time
from glassnet.distributed.shards import ends, number_of_shards
from glassnet.distributed.world import WHERE, World, world
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.training import Callback, FitSettings, Rows, TrainingState, Watch, differences
from glassnet.training.engine import Engine
from glassnet.training.parts import Bridges, Parts
from glassnet.training.ranks import Predicting
from glassnet.training.snapshots import Snapshots

BLOCK_ROWS = 1024
"""Rows that are predicted together: however many ranks there are, the same ones."""
MOST_LETTERS = 200
"""What is longer is not read by anybody in a message."""


class Together:
    """The ranks of this job, as one training sees them."""

    def __init__(self, ranks: World) -> None:
        self._world = ranks

    @classmethod
    @contextmanager
    def begun(cls) -> Iterator[Together]:
        """The ranks for one training, each of which gives signs of life as long as it lasts.

        Raises:
            MissingExtraError: ``mpi4py`` is not there, or no MPI library.
            ConfigurationError: another such training is at work in this process.
            DistributedError: MPI itself has failed.
        """
        ranks = world()
        with one_at_a_time(), beating(ranks):
            try:
                yield cls(ranks)
            except ranks.mpi.Exception as error:
                raise DistributedError(
                    where=WHERE,
                    received=f"an error of MPI: {error}",
                    expected="ranks that can reach each other",
                    fix="see whether one of them, or its machine, is gone; then resume the newest checkpoint",
                ) from error

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0."""
        return self._world.is_first

    def accepts(self, callbacks: Sequence[Callback], *, stateful: bool) -> bool:
        """True, unless something is asked for that ranks cannot do together.

        Raises:
            ConfigurationError: states from batch to batch; a callback that looks into steps.
        """
        received, fix = "", "leave it out, or train in one process: no rank sees the whole of a step"
        if any(isinstance(callback, Watch) for callback in callbacks):
            received = "a gn.Watch among the callbacks"
        elif stateful:
            received, fix = "stateful=True", "leave one of the two out: states would have to go from rank to rank"
        if received:
            raise ConfigurationError(
                where="fit: distributed",
                received=received,
                expected="a training whose batches can be cut into shards",
                fix=fix,
            )
        return True

    def own_callbacks(self, callbacks: list[Callback]) -> list[Callback]:
        """Those that have their turns on this rank: on rank 0 all of them."""
        return callbacks if self.is_first else []

    def notes(self, network: Network, batch_size: int) -> list[str]:
        """What is to be said of how batches are cut."""
        mixes = any(layer.mixes_rows for layer in (network, *(layer for _, layer in network.walk())))
        shards = number_of_shards(batch_size, mixes_rows=mixes)
        found, size = [], self._world.size
        if shards < size:
            found.append(
                f"{size - shards} of {size} ranks have nothing to do: a batch of {batch_size:,} rows is cut into "
                f"{shards} shards"
            )
        if mixes and shards > 1:
            found.append(
                f"batch normalisation takes the statistics of each shard of {-(-batch_size // shards)} rows by itself"
            )
        return found

    def require_same(
        self, network: Network, loss: Loss, optimizer: Optimizer, settings: FitSettings, more: Mapping[str, Any]
    ) -> None:
        """Refuses ranks that do not have the same data, model and settings.

        Args:
            network: built.
            loss: the model's.
            optimizer: the model's, prepared or not.
            settings: of the fit.
            more: what else must be the same: numbers and texts by name.

        Raises:
            DistributedError: they have not; what differs is named, on all ranks alike.
        """
        arrays = {"parameters": network.parameters, **optimizer.state}
        plain = {
            "numpy": np.__version__,
            "network": repr(network),
            "loss": repr(loss),
            "optimizer's memory": {name: _sum_of(array) for name, array in arrays.items() if name != "parameters"},
            "initial weights or parameters": _sum_of(network.parameters),
            "trained parameters": [segment.path for segment in network.layout if segment.trainable],
            "updates": optimizer.steps,
            **more,
        }
        own = {"plain": plain, "settings": dict(settings.whole)}
        said = self._world.told(json.loads(json.dumps(own)))
        first = said[0]
        strict = "optimizer", "version", "processor"
        for rank, other in enumerate(said):
            found = differences(first["settings"], other["settings"])
            pairs = [(name, first["settings"].get(name), other["settings"].get(name)) for name in strict]
            pairs += [(name, value, other["plain"].get(name)) for name, value in first["plain"].items()]
            found += [_in_words(name, mine, theirs) for name, mine, theirs in pairs if mine != theirs]
            if found:
                raise DistributedError(
                    where=f"{WHERE}: rank {rank}",
                    received="; ".join(found),
                    expected="what rank 0 has",
                    fix="start the same program with the same data and the same installation on all ranks; where their "
                    "processors differ, set GLASSNET_VARIANT to the same on all of them",
                )

    def engine(self, parts: Parts, threads: int | None, snapshots: Snapshots, bridges: Bridges | None) -> Engine:
        """What carries out the steps: each rank its share."""
        return DistributedEngine(parts, threads, snapshots, bridges, self._world)

    @contextmanager
    def led(self, state: TrainingState) -> Iterator[None]:
        """What happens inside happens on rank 0 alone; all ranks leave with what it has made of network and state."""
        error = None
        try:
            yield
        except BaseException as met:  # noqa: BLE001 - told to all ranks, and raised again there and here
            error = met
        optimizer = state.optimizer
        rate: Any = optimizer.learning_rate
        arrays = [state.network.parameters, *optimizer.state.values()]
        said = self._world.agreed(
            {
                "rate": rate if isinstance(rate, float) else repr(rate),
                "scale": float(optimizer.learning_rate_scale),
                "steps": optimizer.steps,
                "stop": state.decision,
                "arrays": [[array.shape, array.dtype.name, _sum_of(array)] for array in arrays],
            },
            error,
        )
        first = said[0]
        self._take_rate(optimizer, first, said[self._world.rank])
        optimizer.learning_rate_scale, optimizer.steps = first["scale"], first["steps"]
        state.decide(next((one["stop"] for one in said if one["stop"] is not None), None))
        for place, array in enumerate(arrays):
            theirs = [one["arrays"][place] if place < len(one["arrays"]) else None for one in said]
            if any(one != theirs[0] for one in theirs):
                self._take(array, place, theirs)

    def _take_rate(self, optimizer: Optimizer, first: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        if isinstance(first["rate"], float):
            optimizer.learning_rate = first["rate"]
        elif first["rate"] != own["rate"]:
            raise _not_shared(f"the learning rate {first['rate']}, a schedule that other ranks do not have")

    def _take(self, array: Array, place: int, theirs: Sequence[Any]) -> None:
        """Takes over an array that rank 0 has changed."""
        if any(one is None or one[:2] != theirs[0][:2] for one in theirs):
            raise _not_shared(f"array {place} of the network and its optimizer with another shape or dtype")
        sent = np.ascontiguousarray(array)
        self._world.comm.Bcast(sent.view(np.uint8))
        if sent is not array:
            array[...] = sent

    def predict(self, predict: Predicting, network: Network, rows: Rows) -> Array:
        """The outputs of all rows (N, ...), each rank having calculated its share of blocks."""
        ranks = self._world
        cut = ends(-(-len(rows) // BLOCK_ROWS), ranks.size)
        marks = [min(len(rows), BLOCK_ROWS * block) for block in cut]
        found = np.empty((len(rows), *(network.output_shape or ())), network.dtype)
        for start in range(marks[ranks.rank], marks[ranks.rank + 1], BLOCK_ROWS):
            block = slice(start, min(start + BLOCK_ROWS, len(rows)))
            part = rows.take(block)
            found[block] = predict(part.x, part.lengths)
        if ranks.size > 1:
            width = found[:1].size
            counts = [width * (stop - start) for start, stop in pairwise(marks)]
            ranks.comm.Allgatherv(ranks.mpi.IN_PLACE, [found, counts])
        return found


def _sum_of(array: Any) -> int:
    """A checksum of an array's bits."""
    return crc32(np.ascontiguousarray(array).view(np.uint8).data) if np.size(array) else 0


def _in_words(name: str, mine: Any, theirs: Any) -> str:
    texts = f"{mine!r}", f"{theirs!r}"
    is_short = max(map(len, texts)) <= MOST_LETTERS and not isinstance(mine, int | dict)
    return f"{name} {texts[1]} instead of {texts[0]}" if is_short else f"other {name}"


def _not_shared(received: str) -> DistributedError:
    return DistributedError(
        where="fit: distributed",
        received=f"a callback on rank 0 that leaves {received}",
        expected="callbacks that change parameters, learning_rate as a number, or learning_rate_scale",
        fix="make other changes on all ranks before fit",
    )
