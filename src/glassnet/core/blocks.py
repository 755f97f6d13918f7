"""Sources of rows that come in blocks, because all of them together are more than memory holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.randomness import generator
from glassnet.core.settings import is_real, whole
from glassnet.core.shapes import Array

ROWS = 1 << 15
"""Rows of a block, if nothing else is said."""
BUFFER = 1 << 17
"""Rows that are shuffled together, if nothing else is said."""
COUNTED = 1 << 20
"""Rows whose sides are drawn at once."""
_STEP, _FIRST, _SECOND = (np.uint64(own) for own in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True)
class Block:
    """Some rows of a source, as the user has them.

    Attributes:
        x: inputs (N, ...), or a frame with the answers in it.
        y: targets, or None with a frame.
        weight: of the rows (N,), or None.
        file: the number of the file that they are from.
        numbers: of the rows in that file (N,).
        name: of the file, for messages.
    """

    x: Any
    y: Any
    weight: Any
    file: int
    numbers: Array
    name: str

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def place(self) -> str:
        """Where they stand, for messages."""
        return f"{self.name}, rows {self.numbers[0]:,} to {self.numbers[-1]:,}"

    def take(self, rows: slice | Array) -> Block:
        """Some of the rows."""
        x = self.x.rows(rows) if hasattr(self.x, "rows") else self.x[rows]
        y, weight = (None if array is None else array[rows] for array in (self.y, self.weight))
        return replace(self, x=x, y=y, weight=weight, numbers=self.numbers[rows])


class Blocks(ABC):
    """Rows in blocks, which ``fit``, ``evaluate`` and ``predict`` take in the place of arrays; see ``gn.data.blocks``.

    Attributes:
        name: of the data.
        target: the columns to be predicted, of frames; none where the blocks are arrays.
        are_frames: whether the blocks are frames, with named columns of all kinds.
        rows: of a block, at most.
        buffer: rows that are shuffled together.
        learning: what ``Table.from_data`` is to be told of the columns, by its arguments' names.
        taught: the table that was learned from all of its rows, which are known to fit it; or None.
    """

    depth = 0
    """How often the rows were split before."""

    def __init__(
        self, name: str, *, rows: int, buffer: int, target: tuple[str, ...] = (), are_frames: bool = False
    ) -> None:
        self.name, self.target, self.are_frames = name, target, are_frames
        self.rows, self.buffer = rows, buffer
        self.learning: dict[str, Any] = {}
        self.taught: object = None
        self._counts: dict[int, int] = {}

    @property
    @abstractmethod
    def parts(self) -> int:
        """How many parts there are; training takes them in random order, and each from its beginning to its end."""

    @abstractmethod
    def read(self, part: int) -> Iterator[Block]:
        """The blocks of a part in their order."""

    @abstractmethod
    def place_of(self, part: int) -> tuple[int, int]:
        """The number of the file that a part is from, and that of its first row in it."""

    @abstractmethod
    def identity(self) -> int:
        """A number that another source hardly has."""

    def __len__(self) -> int:
        return sum(self.counts())

    def __repr__(self) -> str:
        return f"blocks of {self.name}"

    def blocks(self, part: int) -> Iterator[Block]:
        """The blocks of a part that have rows, which are counted.

        Raises:
            DataError: the part has another number of rows than before.
        """
        count = 0
        for block in self.read(part):
            count += len(block)
            if len(block):
                yield block
        before = self._counts.setdefault(part, count)
        if before != count:
            raise changed(self.name, f"{count:,} rows instead of {before:,}")

    def all_blocks(self) -> Iterator[Block]:
        """The blocks of all parts in their order."""
        for part in range(self.parts):
            yield from self.blocks(part)

    def known_count(self, part: int) -> int | None:
        """How many rows a part has, as far as it is known without reading it."""
        return self._counts.get(part)

    def counts(self) -> list[int]:
        """How many rows each part has; parts of which nothing tells are read once."""
        found = []
        for part in range(self.parts):
            if self.known_count(part) is None:
                for _ in self.blocks(part):
                    pass
            found.append(self.known_count(part) or 0)
        return found

    def numbers(self, part: int) -> Iterator[Array]:
        """The numbers of a part's rows in their file, some at a time; of a part whose rows are counted."""
        _, first = self.place_of(part)
        end = first + (self.known_count(part) or 0)
        return (np.arange(at, min(at + COUNTED, end)) for at in range(first, end, COUNTED))

    def split(self, share: float, seed: int = 0) -> tuple[Blocks, Blocks]:
        """Two sources of its rows: those to train with, and a share that is held out.

        On which side a row is, is a function of the seed, its file's place among the files and its number in it, by a
        hash: nothing needs to be kept, and the part held out has about that share of the rows. Source of the hash:
        SplitMix64, G. Steele et al., "Fast splittable pseudorandom number generators", OOPSLA 2014.

        Args:
            share: above 0 and below 1.
            seed: another one holds out others.

        Raises:
            ConfigurationError: a share that is none.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> train, test = gn.data.blocks(np.zeros((1000, 2)), np.zeros((1000, 1))).split(0.2)
            >>> len(train) + len(test), 150 < len(test) < 250
            (1000, True)
        """
        if not is_real(share) or not 0 < share < 1:
            raise ConfigurationError(
                where=f"{self.name}: split",
                received=f"share={shown(share)}",
                expected="a share above 0 and below 1",
                fix="write split(0.2) for a fifth of the rows",
            )
        seed = whole(seed, "seed", "split", low=0)
        return Side(self, float(share), seed, held=False), Side(self, float(share), seed, held=True)


class Side(Blocks):
    """One side of a split.

    Args:
        whole: the source that was split.
        share: that is held out.
        seed: of the split.
        held: whether this is that share.
    """

    def __init__(self, whole: Blocks, share: float, seed: int, *, held: bool) -> None:
        how: dict[str, Any] = {"target": whole.target, "are_frames": whole.are_frames}
        super().__init__(whole.name, rows=whole.rows, buffer=whole.buffer, **how)
        self.whole, self.depth, self.learning = whole, whole.depth + 1, whole.learning
        self.taught = whole.taught
        self._share, self._seed, self._held = share, seed, held

    @property
    def parts(self) -> int:
        """Those of the whole."""
        return self.whole.parts

    def read(self, part: int) -> Iterator[Block]:
        """The rows of this side."""
        for block in self.whole.blocks(part):
            yield block.take(self.has(block.file, block.numbers))

    def has(self, file: int, numbers: Array) -> Array:
        """Which rows of a file are on this side, bool (N,)."""
        is_held: Array = _hashed(self._seed, f"held out {self.whole.depth}", file, numbers) < self._share
        return is_held if self._held else ~is_held

    def place_of(self, part: int) -> tuple[int, int]:
        """That of the whole's part."""
        return self.whole.place_of(part)

    def known_count(self, part: int) -> int | None:
        """Counted without reading, as soon as the whole's rows are."""
        if part not in self._counts and self.whole.known_count(part) is not None:
            self._counts[part] = sum(map(len, self.numbers(part)))
        return self._counts.get(part)

    def numbers(self, part: int) -> Iterator[Array]:
        """Those of this side."""
        file, _ = self.place_of(part)
        return (own[self.has(file, own)] for own in self.whole.numbers(part))

    def identity(self) -> int:
        """That of the whole and of the split."""
        return crc32(repr((self.whole.identity(), self._share, self._seed, self._held)).encode())


def changed(name: str, received: str) -> DataError:
    """The error for data that are not the same in each pass."""
    return DataError(
        where=name,
        received=f"{received}, in another pass over the same data",
        expected="the same rows in each pass",
        fix="let nobody write to the data meanwhile, and begin anew; a function that makes blocks has to give the same "
        "ones each time it is called",
    )


def _hashed(seed: int, purpose: str, file: int, numbers: Array) -> Array:
    """Numbers in [0, 1), float64 (N,), each a function of the seed, the purpose, the file and the row's number."""
    key = generator(seed, purpose, file).integers(0, 1 << 63, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = (numbers.astype(np.uint64) + key) * _STEP
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
