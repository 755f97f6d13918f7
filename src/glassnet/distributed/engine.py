"""The steps of an epoch, each rank calculating its shards of every batch."""

from __future__ import annotations

from itertools import islice, pairwise
from time import perf_counter
from zlib import crc32

import numpy as np

from glassnet.core.errors import DistributedError
from glassnet.core.numeric import all_finite
from glassnet.core.shapes import Array
from glassnet.distributed.gradients import DRAW, CompiledShards, NumpyShards, ShardGradients
from glassnet.distributed.shards import ends, number_of_shards
from glassnet.distributed.sums import Sums
from glassnet.distributed.world import WHERE, World
from glassnet.runners import NumpyRunner
from glassnet.training.batches import batches
from glassnet.training.compiled_engine import SLICE_SECONDS
from glassnet.training.engine import Engine
from glassnet.training.latest_fit import TrainingPosition
from glassnet.training.overflow import memory_is_finite
from glassnet.training.parts import Bridges, Parts
from glassnet.training.snapshots import Snapshots
from glassnet.training.step_programs import UpdateProgram
from glassnet.training.tasks import Result, Task


class DistributedEngine(Engine):
    """Every rank has all rows and the whole network, and does the same updates.

    Args:
        parts: of the training, the optimizer prepared.
        threads: upper limit of threads of each rank.
        snapshots: as every engine has them.
        bridges: the user's own parts that a program calls in Python; None where NumPy carries all out.
        world: the ranks.
    """

    name = "distributed"

    def __init__(
        self, parts: Parts, threads: int | None, snapshots: Snapshots, bridges: Bridges | None, world: World
    ) -> None:
        super().__init__(parts, threads, snapshots)
        self._world, self._bridges = world, bridges
        network = parts.network
        self._flat = network.gradients
        self._sums = Sums(world, len(self._flat), network.dtype)
        self._gradients: ShardGradients = NumpyShards(parts)
        if bridges is not None:
            self._gradients = CompiledShards(parts, self.threads, bridges)
        self._update: UpdateProgram | None = None
        layers = (network, *(layer for _, layer in network.walk()))
        self._mixes_rows = any(layer.mixes_rows for layer in layers)
        self._statistics = [
            (slice(segment.start, segment.stop), segment.view(network.parameters))
            for segment in network.layout
            if segment.is_statistic
        ]
        self._is_mean = parts.loss.reduction == "mean"
        self._seen: list[Array] = []  # rows of the batches since outputs were exchanged
        self._turn_at = perf_counter()

    def close(self) -> None:
        """Lets its programs wait for another training."""
        self._gradients.close()

    def run(self, task: Task, epoch: int, count: int, begun: TrainingPosition | None = None) -> Result:
        """One epoch."""
        losses, totals, done = self.begin(task, epoch, task.steps, begun)
        if not done:
            self.snapshots.take(epoch)
        order = task.order_of(epoch)
        order = np.arange(len(task.rows)) if order is None else order
        self._seen = []
        cut = batches(len(task.rows), task.batch_size, order, joins_single=task.joins_single)
        for batch in islice(cut, done, None):
            losses[done], totals[done], is_turn = self._step(task, np.ascontiguousarray(batch, np.int64))
            done += 1
            if not np.isfinite(losses[done - 1]):
                return Result(losses[:done], totals[:done], diverged=True)
            if is_turn and done < task.steps and not self._turn(task, epoch, losses[:done], totals[:done]):
                break
        self._exchange_outputs(task)
        self._require_same()
        finite = all_finite(self.network.parameters) and memory_is_finite(self.optimizer)
        return Result(losses[:done], totals[:done], diverged=not finite)

    def _step(self, task: Task, batch: Array) -> tuple[float, float, bool]:
        """One update; the batch's loss and total weight, and whether rank 0 wants a turn after it."""
        world, before = self._world, self.optimizer.steps
        shards = number_of_shards(len(batch), mixes_rows=self._mixes_rows)
        cut, unit = ends(len(batch), shards), _unit(task, batch, shards)
        kept = [live.copy() for _, live in self._statistics]
        found = np.zeros((1 + shards, 2))  # whether it is rank 0's turn; loss and total weight of each shard

        def leaf(shard: int, out: Array) -> None:
            rows, draw = batch[cut[shard] : cut[shard + 1]], before + (shard << DRAW)
            found[1 + shard] = _, total = self._gradients.write(task.rows, rows, draw, task.collected, out)
            if self._is_mean and total != unit:
                out *= out.dtype.type(total / unit)
            for (at, live), first in zip(self._statistics, kept, strict=True):  # each shard begins with the same
                out[at] = live.reshape(-1) * live.dtype.type(len(rows) / len(batch))
                live[...] = first

        self._sums.part(shards, leaf)
        if world.is_first:
            found[0, 0] = task.stretch(before) <= 1 or perf_counter() - self._turn_at > SLICE_SECONDS
        self._tell(found, shards)
        (is_turn, _), *pairs = found.tolist()
        values, totals = zip(*pairs, strict=True)
        if not np.isfinite(found).all():
            return next((value for value in values if not np.isfinite(value)), np.nan), sum(totals), False
        if task.collected is not None:
            self._seen.append(batch)
        whole = sum(totals)
        by = self._flat.dtype.type(whole / unit if self._is_mean and whole else 1.0)
        self._sums.together(shards, lambda total, at: self._divide(total, at, by), self._flat)
        for at, live in self._statistics:
            live[...] = self._flat[at].reshape(live.shape)
            self._flat[at] = 0
        self._do_update(whole)
        if not self._is_mean:
            return sum(values), whole, bool(is_turn)
        loss = sum(value * total for value, total in zip(values, totals, strict=True)) / whole if whole else 0.0
        return loss, whole, bool(is_turn)

    def _divide(self, total: Array, stretch: slice, by: np.generic) -> None:
        """Makes a mean of a stretch of the sum, running statistics excepted, which are means already."""
        if by == 1:
            return
        means = [
            (slice(max(at.start, stretch.start) - stretch.start, min(at.stop, stretch.stop) - stretch.start))
            for at, _ in self._statistics
            if at.start < stretch.stop and stretch.start < at.stop
        ]
        kept = [total[at].copy() for at in means]
        total /= by
        for at, values in zip(means, kept, strict=True):
            total[at] = values

    def _tell(self, found: Array, shards: int) -> None:
        """Lets every rank know what each has found: rank 0 the first line, and each those of its shards."""
        world = self._world
        if world.size > 1:
            first, *others = ends(shards, world.size)
            lines = [first, *(1 + end for end in others)]
            counts = [2 * (stop - start) for start, stop in pairwise(lines)]
            everywhere = [found, counts, [2 * start for start in lines[:-1]], world.mpi.DOUBLE]
            world.comm.Allgatherv(world.mpi.IN_PLACE, everywhere)

    def _do_update(self, total: float) -> None:
        """The optimizer's turn, with the gradients that are there."""
        network, _, optimizer, seed = self.parts
        if self._bridges is None:
            run = NumpyRunner(seed, optimizer.steps)
            run.batch_weight = np.array([total])
            run.update(optimizer, network.parameters, self._flat, network.layout)
            return
        if self._update is None:
            self._update = UpdateProgram(self.parts, self._bridges, self.threads)
        self._update.run(total)

    def _turn(self, task: Task, epoch: int, losses: Array, totals: Array) -> bool:
        """Lets the training see how far it is; whether all ranks go on."""
        self._exchange_outputs(task)
        goes_on, error = True, None
        try:
            goes_on = task.proceed(epoch, losses, totals)
        except BaseException as met:  # noqa: BLE001 - told to all ranks, and raised again there and here
            error = met
        self._turn_at = perf_counter()
        return all(one["goes_on"] for one in self._world.agreed({"goes_on": goes_on}, error))

    def _exchange_outputs(self, task: Task) -> None:
        """Gives every rank the outputs of the rows that others have calculated since the last time."""
        world, collected = self._world, task.collected
        if collected is None or world.size == 1 or not self._seen:
            return
        by_rank: list[list[Array]] = [[] for _ in range(world.size)]
        for batch in self._seen:
            shards = number_of_shards(len(batch), mixes_rows=self._mixes_rows)
            cut, shares = ends(len(batch), shards), ends(shards, world.size)
            for rank, rows in enumerate(by_rank):
                rows.append(batch[cut[shares[rank]] : cut[shares[rank + 1]]])
        self._seen = []
        chosen = [np.concatenate(rows) for rows in by_rank]
        width = collected[:1].size
        own = np.ascontiguousarray(collected[chosen[world.rank]])
        found = np.empty((sum(map(len, chosen)), *collected.shape[1:]), collected.dtype)
        world.comm.Allgatherv(own, [found, [width * len(rows) for rows in chosen]])
        collected[np.concatenate(chosen)] = found

    def _require_same(self) -> None:
        """Refuses to go on where the ranks have not calculated the same numbers.

        Raises:
            DistributedError: some numbers differ.
        """
        arrays = {"parameters": self.network.parameters, **self.optimizer.state}
        sums = {name: crc32(np.ascontiguousarray(array).view(np.uint8).data) for name, array in arrays.items()}
        for rank, other in enumerate(self._world.told(sums)):
            differing = [name for name, number in sums.items() if other.get(name) != number]
            if differing:
                raise DistributedError(
                    where=f"{WHERE}: after update {self.optimizer.steps}",
                    received=f"other bits on rank {rank} than on rank {self._world.rank} in {', '.join(differing)}",
                    expected="the same numbers on all ranks",
                    fix="look for a part of your own that is not the same on all ranks, such as one that draws random "
                    "numbers; else for a machine that errs",
                )


def _unit(task: Task, batch: Array, shards: int) -> float:
    """A power of 2 near the total weight of a shard, by which multiplying changes no bit and runs over nowhere."""
    weights = task.rows.loss_weights
    whole = float(len(batch) if weights is None else weights[batch].sum(dtype=np.float64))
    return float(2.0 ** (np.frexp(whole / shards)[1] - 1)) if whole > 0 else 1.0
