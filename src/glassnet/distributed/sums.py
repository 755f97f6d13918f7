"""The sum of all shards' gradients on every rank, added in the same order on any number of ranks.

Each rank adds what it can of its own shards. Then each rank owns a stretch of the parameters: it takes the sums for
this stretch from all ranks, finishes the tree, and all ranks take each other's stretches. Where they have memory in
common they read there; else they send each other messages (all-to-all, all-gather). A rank sends and receives about
twice the bytes of the gradients, however many ranks there are: what a ring costs, too (R. Thakur, R. Rabenseifner,
W. Gropp, "Optimization of collective communication operations in MPICH", IJHPCA 19 (2005), 49-66).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from glassnet.core.shapes import Array
from glassnet.distributed.memory import CommonMemory, common_memory
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
        self._sizes = [stop - start for start, stop in pairwise(self._bounds)]
        self._own = slice(*self._bounds[world.rank : world.rank + 2])
        self._common: CommonMemory | None = None
        self._most = 0  # sums of a rank that there is room for
        self._vectors: list[Array] = []  # sums of this rank, and what it needs on the way to them
        self._received = self._rows(0)
        self._scratch: list[Array] = []  # stretches on the way to their sum

    def part(self, shards: int, leaf: Callable[[int, Array, bool], None]) -> None:
        """Adds up this rank's shards, to a sum for each of its roots.

        Args:
            shards: how many there are in all.
            leaf: writes the vector of a shard, or adds it to what is there.
        """
        world = self._world
        self._make_room(max(map(len, roots(shards, world.size))))
        vectors = self._vectors
        for place, shard, other, adds in turns(shards, world.size, world.rank):
            while len(vectors) <= place:
                vectors.append(np.empty(self._size, self._dtype))
            if shard is None:
                vectors[place] += vectors[other]
            else:
                leaf(shard, vectors[place], adds)

    def together(self, shards: int, finish: Callable[[Array, slice], None], whole: Array) -> None:
        """Writes the sum of all ranks' parts.

        Args:
            shards: how many there are.
            finish: does with the sum of a stretch of the vector what is to be done with it, in place.
            whole: receives the sum (P,).
        """
        if self._world.size == 1:
            np.copyto(whole, self._vectors[0])
            finish(whole, slice(0, self._size))
        elif self._common is not None:
            self._by_memory(self._common, shards, finish, whole)
        else:
            self._by_messages(shards, finish, whole)

    def _make_room(self, most: int) -> None:
        """Gets memory for so many sums of each rank; all ranks come here with the same number."""
        if most <= self._most:
            return
        self._most = most
        if self._world.size == 1:
            return
        self._common = common_memory(self._world, most, self._size, self._dtype)
        if self._common is None:
            self._scratch = [np.empty(self._sizes[self._world.rank], self._dtype)]
        else:
            self._vectors = list(self._common.vectors[self._world.rank])
            self._scratch = [self._common.whole[self._own]]

    def _by_memory(
        self, common: CommonMemory, shards: int, finish: Callable[[Array, slice], None], whole: Array
    ) -> None:
        """Reads the others' sums, and then the others' stretches of the whole."""
        comm = self._world.comm
        known = {
            node: common.vectors[rank, number, self._own]
            for rank, own in enumerate(roots(shards, self._world.size))
            for number, node in enumerate(own)
        }
        comm.Barrier()  # all have their sums
        finish(self._summed(shards, known), self._own)
        comm.Barrier()  # all have their stretches; from now on nobody reads the sums
        np.copyto(whole, common.whole)

    def _by_messages(self, shards: int, finish: Callable[[Array, slice], None], whole: Array) -> None:
        """Is sent the others' sums for its stretch, and sends the stretch to the others."""
        world, all_roots = self._world, roots(shards, self._world.size)
        own_size, made = self._sizes[world.rank], all_roots[world.rank]
        places = {node: row for row, node in enumerate(node for one in all_roots for node in one)}
        if len(self._received) < len(places):
            self._received = self._rows(len(places))
        received = self._received
        kind = world.mpi.FLOAT if self._dtype == np.float32 else world.mpi.DOUBLE
        nothing = [0] * world.size
        for number in range(max(map(len, all_roots))):
            sends = number < len(made)
            counts = [own_size if number < len(one) else 0 for one in all_roots]
            rows = [places[one[number]] * own_size if number < len(one) else 0 for one in all_roots]
            sent = [self._vectors[number] if sends else received, self._sizes if sends else nothing, self._bounds[:-1]]
            world.comm.Alltoallv([*sent, kind], [received, counts, rows, kind])
        total = self._summed(shards, {node: received[row] for node, row in places.items()})
        finish(total, self._own)
        world.comm.Allgatherv([total, own_size, kind], [whole, self._sizes, self._bounds[:-1], kind])

    def _summed(self, shards: int, known: dict[Node, Array]) -> Array:
        """The sum of all shards for this rank's stretch, in the first array of the scratch."""
        scratch, taken = self._scratch, 0

        def add(one: Array, other: Array) -> Array:
            nonlocal taken
            out = next((array for array in (one, other) if any(array is own for own in scratch[:taken])), None)
            if out is None:  # both are there already, and stay as they are
                if len(scratch) == taken:
                    scratch.append(np.empty_like(scratch[0]))
                out = scratch[taken]
                taken += 1
            return np.add(one, other, out=out)

        total = add_up(Node(0, shards), known.get, add)
        if not taken:
            np.copyto(scratch[0], total)
        return scratch[0]

    def _rows(self, count: int) -> Array:
        return np.empty((count, self._sizes[self._world.rank]), self._dtype)
