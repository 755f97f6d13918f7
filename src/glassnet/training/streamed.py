"""Checked data that come in blocks: in which order, and cut into which buffers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from zlib import crc32

import numpy as np

from glassnet.compile.permutation import permutation
from glassnet.core.ahead import Ahead
from glassnet.core.blocks import Block, Blocks, changed
from glassnet.core.shapes import Array
from glassnet.training.batches import Rows, batch_sizes

FIELDS = "x", "targets", "weights", "loss_weights", "originals"


class Streamed:
    """What ``Rows`` are to data in memory.

    Args:
        source: of the blocks; how many rows its parts have is known.
        rows_of: checks a block and makes rows of it; called on another thread, too.
        seed: keys the order.

    Attributes:
        example: the rows of the first block.
    """

    def __init__(self, source: Blocks, rows_of: Callable[[Block], Rows], *, seed: int, example: Rows) -> None:
        self.source, self._rows_of, self._seed, self.example = source, rows_of, seed, example
        self._counts = source.counts()
        self._count = sum(self._counts)
        self._code: int | None = None

    def __len__(self) -> int:
        return self._count

    def lengths(self, batch_size: int, *, joins_single: bool) -> list[int]:
        """Rows of each buffer of an epoch: whole batches, so that steps are cut as they would be of one array."""
        full = max(1, self.source.buffer // batch_size) * batch_size
        count, rest = divmod(self._count, full)
        if joins_single and rest == 1 and count:
            return [full] * (count - 1) + [full + 1]
        return [full] * count + ([rest] if rest else [])

    def order(self, epoch: int, lengths: Sequence[int], *, shuffle: bool) -> Array:
        """The order of all rows in an epoch, by their places in the source's own order: what the buffers come to."""
        firsts = np.concatenate([[0], np.cumsum(self._counts)])
        by_part = [np.arange(firsts[part], firsts[part + 1]) for part in self._parts(epoch, shuffle=shuffle)]
        rows, at, found = np.concatenate(by_part), 0, []
        for number, length in enumerate(lengths):
            own = self.order_within(number, length, epoch, shuffle=shuffle)
            found.append(rows[at : at + length] if own is None else rows[at : at + length][own])
            at += length
        return np.concatenate(found)

    def order_within(self, number: int, length: int, epoch: int, *, shuffle: bool) -> Array | None:
        """The order of the rows in a buffer, a function of (seed, epoch, its number); None for their own."""
        return permutation(length, seed=self._seed, purpose=f"buffer {number}", index=epoch) if shuffle else None

    def buffers(
        self,
        epoch: int,
        lengths: Sequence[int],
        first: int = 0,
        *,
        shuffle: bool,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Ahead[Rows]:
        """The buffers of an epoch from one of them on, the next of which is read while the present one is in use."""
        return Ahead(lambda taken: self._buffers(epoch, lengths, first + taken, shuffle=shuffle), is_wanted)

    def blocks(self) -> Ahead[Rows]:
        """All blocks in their own order, read ahead."""

        def from_block(taken: int) -> Iterator[Rows]:
            for number, block in enumerate(self.source.all_blocks()):
                if number >= taken:
                    yield self._rows_of(block)

        return Ahead(from_block)

    def _parts(self, epoch: int, *, shuffle: bool) -> Array:
        count = len(self._counts)
        return permutation(count, seed=self._seed, purpose="blocks", index=epoch) if shuffle else np.arange(count)

    def _buffers(self, epoch: int, lengths: Sequence[int], first: int, *, shuffle: bool) -> Iterator[Rows]:
        found = self._rows_from(epoch, sum(lengths[:first]), shuffle=shuffle)
        waiting: list[Rows] = []
        try:
            for number in range(first, len(lengths)):
                missing = lengths[number] - sum(map(len, waiting))
                while missing > 0:
                    rows = next(found, None)
                    if rows is None:
                        raise changed(self.source.name, f"{missing:,} rows less")
                    waiting.append(rows)
                    missing -= len(rows)
                whole = [*waiting[:-1], waiting[-1].take(slice(len(waiting[-1]) + missing))]
                waiting = [waiting[-1].take(slice(len(waiting[-1]) + missing, None))] if missing else []
                if number == len(lengths) - 1:
                    next(found, None)  # where there are more rows than before, this is refused
                yield joined(whole)
                del whole
        finally:
            found.close()

    def _rows_from(self, epoch: int, skipped: int, *, shuffle: bool) -> Generator[Rows, None, None]:
        for part in self._parts(epoch, shuffle=shuffle).tolist():
            if skipped >= self._counts[part]:
                skipped -= self._counts[part]
                continue
            for block in self.source.blocks(part):
                if skipped >= len(block):
                    skipped -= len(block)
                    continue
                yield self._rows_of(block if not skipped else block.take(slice(skipped, None)))
                skipped = 0

    def fingerprint(self) -> int:
        """A number that other rows hardly have."""
        if self._code is None:
            plain = crc32(repr((self._counts, self.source.rows, self.source.buffer)).encode())
            self._code = crc32(str((self.source.identity(), self.example.fingerprint())).encode(), plain)
        return self._code

    def checksums(self, most: int | None = None) -> dict[str, int]:
        """As of ``Rows``, of the source as a whole."""
        return {"inputs": self.fingerprint(), "targets": 0, "weights": 0}


Data = Rows | Streamed


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows one after another, all with weights or all without."""
    if len(parts) == 1:
        return parts[0]
    own: dict[str, Array | None] = {}
    for name in FIELDS:
        arrays = [getattr(rows, name) for rows in parts]
        if name == "originals" and any(array is not None for array in arrays):
            arrays = [rows.asked.astype(np.float64) for rows in parts]
        own[name] = None if arrays[0] is None else np.concatenate(arrays)
    assert own["x"] is not None
    assert own["targets"] is not None
    return Rows(own["x"], own["targets"], own["weights"], own["loss_weights"], own["originals"])


def steps_of(lengths: Sequence[int], batch_size: int, *, joins_single: bool) -> list[int]:
    """How many steps each buffer takes."""
    found = []
    for length in lengths:
        _, full, rest = batch_sizes(length, batch_size, joins_single=joins_single)
        found.append(full + (rest > 0))
    return found
