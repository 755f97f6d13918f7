"""Rows in blocks out of arrays, which may be memory maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.core.blocks import Block, Blocks
from glassnet.core.errors import ShapeError
from glassnet.core.foreign import reading_by_others
from glassnet.core.paths import readable_path
from glassnet.core.shapes import Array
from glassnet.data.block_states import WHERE, require_unchanged, state_of
from glassnet.data.files import unreadable


class ArrayBlocks(Blocks):
    """Stretches of arrays that may be memory maps."""

    def __init__(self, x: Array, y: Array | None, weight: Array | None, *, rows: int, buffer: int) -> None:
        filename = getattr(x, "filename", None)
        super().__init__("array" if filename is None else Path(filename).name, rows=rows, buffer=buffer)
        self._arrays = x, y, weight
        lengths = {np.shape(own)[:1] for own in self._arrays if own is not None}
        if len(lengths) > 1 or () in lengths or not len(x):
            raise ShapeError(
                where=WHERE,
                received="arrays of the shapes " + ", ".join(str(own.shape) for own in self._arrays if own is not None),
                expected="one row of each for each example, and one example at least",
                fix="pass x (N, ...) and targets (N, ...)",
            )
        paths = {Path(own) for a in self._arrays if (own := getattr(a, "filename", None)) is not None}
        self._files = {path: state_of(path) for path in sorted(paths)}

    @property
    def parts(self) -> int:
        """Stretches of ``rows`` rows."""
        return -(-len(self._arrays[0]) // self.rows)

    def place_of(self, part: int) -> tuple[int, int]:
        """All rows are numbered as in the array."""
        return 0, part * self.rows

    def known_count(self, part: int) -> int:
        """It is known."""
        return min(self.rows, len(self._arrays[0]) - part * self.rows)

    def read(self, part: int) -> Iterator[Block]:
        """A copy of a stretch."""
        first = part * self.rows
        own = slice(first, first + self.known_count(part))
        require_unchanged(self._files)
        x, y, weight = (None if array is None else np.array(array[own]) for array in self._arrays)
        assert x is not None
        yield Block(x, y, weight, 0, np.arange(first, first + len(x)), self.name)

    def identity(self) -> int:
        """Of the shapes, and of a thousand rows."""
        some = slice(None, None, max(1, len(self._arrays[0]) // 1000))
        number = 0
        for array in self._arrays:
            if array is not None:
                number = crc32(repr((array.shape, array.dtype.str)).encode(), number)
                number = crc32(np.ascontiguousarray(array[some]).tobytes(), number)
        return number


def mapped(source: Any) -> Array:
    """The array in an ``.npy`` file, of which only what is asked for is read.

    Raises:
        MissingFileError, FileFormatError: there is none.
    """
    path = readable_path(source, where=WHERE)
    if not path.is_file():
        raise unreadable(path)
    how = {"received": "no .npy file of numbers ({error})", "expected": "an array that np.save wrote"}
    with reading_by_others(path.name, **how, fix="write it with np.save(path, array)"):
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.memmap):
            raise ValueError("an archive, or an array without rows")
    return array
