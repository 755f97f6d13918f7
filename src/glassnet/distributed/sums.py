"""The sum of all shards' gradients on every rank, added in the same order on any number of ranks.

Each rank adds what it can of its own shards. Then each rank owns a stretch of the parameters: it is sent the sums for
this stretch (all-to-all), finishes the tree, and all ranks give each other their stretches (all-gather). A rank sends
and receives about twice the bytes of the gradients, however many ranks there are: what a ring costs, too (R. Thakur,
R. Rabenseifner, W. Gropp, "Optimization of collective communication operations in MPICH", IJHPCA 19 (2005), 49-66).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glassnet.core.shapes import Array
from glassnet.distributed.shards import Node, add_up, ends, roots, turns
from glassnet.distributed.world import World


class Sums:
    """Adds up vectors of shards.

    Args:
        world: the ranks.
        size: of a vector.
        dtype: of its numbers.
    """

    def __init__(self, world: World, size: int, dtype: np.dtype[np.generic]) -> None:
        self._world, self._size, self._dtype = world, size, dtype
        self._bounds = ends(size, world.size)
        self._sizes = [stop - start for start, stop in zip(self._bounds, self._bounds[1:], strict=False)]
        self._own = slice(*self._bounds[world.rank : world.rank + 2])
        self._spare: list[Array] = []
        self._stretches = np.empty((0, self._sizes[world.rank]), dtype)

    def part(self, shards: int, leaf: Callable[[int, Array, bool], None]) -> list[Array]:
        """The sums of this rank's shards, one for each of its roots.

        Args:
            shards: how many there are in all.
            leaf: writes the vector of a shard, or adds it to what is there.
        """
        spare = self._spare
        for place, shard, other, adds in turns(shards, self._world.size, self._world.rank):
            while len(spare) <= place:
                spare.append(np.empty(self._size, self._dtype))
            if shard is None:
                spare[place] += spare[other]
            else:
                leaf(shard, spare[place], adds)
        return spare[: len(roots(shards, self._world.size)[self._world.rank])]

    def together(self, shards: int, made: list[Array], finish: Callable[[Array, slice], None], whole: Array) -> None:
        """Writes the sum of all ranks' parts.

        Args:
            shards: how many there are.
            made: what ``part`` gave.
            finish: does with the sum of a stretch of the vector what is to be done with it, in place.
            whole: receives the sum (P,).
        """
        world = self._world
        if world.size == 1:
            finish(made[0], slice(0, self._size))
            whole[...] = made[0]
            return
        own_size = self._sizes[world.rank]
        all_roots = roots(shards, world.size)
        places = {node: row for row, node in enumerate(node for one in all_roots for node in one)}
        if len(self._stretches) < len(places):
            self._stretches = np.empty((len(places), own_size), self._dtype)
        stretches = self._stretches
        kind = world.mpi.FLOAT if self._dtype == np.float32 else world.mpi.DOUBLE
        nothing = [0] * world.size
        for number in range(max(map(len, all_roots))):
            sends = number < len(made)
            counts = [own_size if number < len(one) else 0 for one in all_roots]
            rows = [places[one[number]] * own_size if number < len(one) else 0 for one in all_roots]
            world.comm.Alltoallv(
                [made[number] if sends else stretches, self._sizes if sends else nothing, self._bounds[:-1], kind],
                [stretches, counts, rows, kind],
            )

        def add(one: int, other: int) -> None:
            stretches[one] += stretches[other]

        total = stretches[add_up(Node(0, shards), places.get, add)]
        finish(total, self._own)
        world.comm.Allgatherv([total, own_size, kind], [whole, self._sizes, self._bounds[:-1], kind])
