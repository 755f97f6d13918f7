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

from glassnet.core.memory import flat_buffer
from glassnet.core.shapes import Array
from glassnet.distributed.memory import CommonMemory, common_memory
from glassnet.distributed.shards import Node, add_up, ends, roots, turns
from glassnet.distributed.world import World

MULTIPLE = 64
"""Stretches begin at multiples of so many parameters."""


class Sums:
    """Adds up vectors of shards.

    Args:
        world: the ranks.
        size: of a vector.
        dtype: of its numbers.
    """

    def __init__(self, world: World, size: int, dtype: np.dtype[np.generic]) -> None:
        self._world, self._size, self._dtype = world, size, dtype
        self._bounds = [min(size, MULTIPLE * end) for end in ends(-(-size // MULTIPLE), world.size)]
        self._sizes = [stop - start for start, stop in pairwise(self._bounds)]
        self._stretches = [slice(*pair) for pair in pairwise(self._bounds)]
        self._own = self._stretches[world.rank]
        self._common: CommonMemory | None = None
        self._most = 0  # sums of a rank that there is room for
        self._vectors: list[Array] = []  # sums of this rank, and what it needs on the way to them
        self._received = self._rows(0)
        self._scratch: list[Array] = []  # stretches on the way to their sum

    def part(self, shards: int, leaf: Callable[[int, Array], None]) -> None:
        """Adds up this rank's shards, to a sum for each of its roots.

        Args:
            shards: how many there are in all.
            leaf: writes the vector of a shard; what no shard writes is 0.
        """
        world = self._world
        self._make_room(max(map(len, roots(shards, world.size))))
        vectors = self._vectors
        for place, shard, other, is_root in turns(shards, world.size, world.rank):
            while len(vectors) <= place:
                vectors.append(flat_buffer(self._size, self._dtype, stream=1))
            if shard is not None:
                leaf(shard, vectors[place])
            if is_root:
                self._end(place, None if other is None else vectors[other])
            elif other is not None:
                vectors[place] += vectors[other]

    def together(self, shards: int, finish: Callable[[Array, slice], None], whole: Array) -> None:
        """Writes the sum of all ranks' parts.

        Args:
            shards: how many there are.
            finish: does with the sum of a stretch of the vector what is to be done with it, in place.
            whole: receives the sum (P,).
        """
        world, common = self._world, self._common
        total, all_roots = whole[self._own], roots(shards, world.size)
        if common is not None:
            world.comm.Barrier()  # all have their sums
            known = {
                node: (self._vectors if rank == world.rank else common.vectors[rank])[number][self._own]
                for rank, own in enumerate(all_roots)
                for number, node in enumerate(own)
            }
        elif world.size == 1:
            known = {Node(0, shards): self._vectors[0]}
        else:
            known = self._by_messages(all_roots)
        self._add_up(shards, known, total)
        finish(total, self._own)
        if common is not None:
            common.whole[self._own] = total
            world.comm.Barrier()  # all have their stretches; from now on nobody reads the sums
            for stretch in self._stretches:
                if stretch != self._own:
                    whole[stretch] = common.whole[stretch]
        elif world.size > 1:
            world.comm.Allgatherv(world.mpi.IN_PLACE, [whole, self._sizes, self._bounds[:-1], self._kind])

    @property
    def _kind(self) -> object:
        return self._world.mpi.FLOAT if self._dtype == np.float32 else self._world.mpi.DOUBLE

    def _make_room(self, most: int) -> None:
        """Gets memory for so many sums of each rank; all ranks come here with the same number."""
        if most <= self._most:
            return
        self._most = most
        if self._world.size > 1:
            self._common = common_memory(self._world, most, self._size, self._dtype)

    def _end(self, place: int, other: Array | None) -> None:
        """Adds the last vector of a root, if there are several; the sum goes to those who read it."""
        one, common, own = self._vectors[place], self._common, self._world.rank
        for rank, stretch in enumerate(self._stretches):
            if common is not None and rank != own:
                out = common.vectors[own, place, stretch]
                np.copyto(out, one[stretch]) if other is None else np.add(one[stretch], other[stretch], out=out)
            elif other is not None:
                one[stretch] += other[stretch]

    def _by_messages(self, all_roots: tuple[tuple[Node, ...], ...]) -> dict[Node, Array]:
        """Sends the others their stretches of this rank's sums; what they send, by roots."""
        world, kind = self._world, self._kind
        own_size, made = self._sizes[world.rank], all_roots[world.rank]
        places = {node: row for row, node in enumerate(node for one in all_roots for node in one)}
        if len(self._received) < len(places):
            self._received = self._rows(len(places))
        received = self._received
        nothing = [0] * world.size
        for number in range(max(map(len, all_roots))):
            sends = number < len(made)
            counts = [own_size if number < len(one) else 0 for one in all_roots]
            rows = [places[one[number]] * own_size if number < len(one) else 0 for one in all_roots]
            sent = [self._vectors[number] if sends else received, self._sizes if sends else nothing, self._bounds[:-1]]
            world.comm.Alltoallv([*sent, kind], [received, counts, rows, kind])
        return {node: received[row] for node, row in places.items()}

    def _add_up(self, shards: int, known: dict[Node, Array], out: Array) -> None:
        """Finishes the tree, for this rank's stretch."""
        scratch, taken = [out, *self._scratch], 0

        def add(one: Array, other: Array) -> Array:
            nonlocal taken
            place = next((array for array in (one, other) if any(array is own for own in scratch[:taken])), None)
            if place is None:  # both are there already, and stay as they are
                if len(scratch) == taken:
                    scratch.append(np.empty_like(out))
                place = scratch[taken]
                taken += 1
            return np.add(one, other, out=place)

        total = add_up(Node(0, shards), known.get, add)
        if total is not out:
            np.copyto(out, total)
        self._scratch = scratch[1:]

    def _rows(self, count: int) -> Array:
        return np.empty((count, self._sizes[self._world.rank]), self._dtype)
