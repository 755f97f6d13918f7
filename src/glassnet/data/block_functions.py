"""Rows in blocks that a function makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.core.blocks import Block, Blocks, changed
from glassnet.core.errors import DataError, ShapeError, shown
from glassnet.data.block_states import no_rows, without
from glassnet.tables import Frame
from glassnet.tables.frames import frame_of
from glassnet.tables.named import is_frame


class MadeBlocks(Blocks):
    """What a function gives, from its beginning each time."""

    def __init__(
        self,
        make: Callable[[], Iterable[Any]],
        target: tuple[str, ...],
        ignore: Sequence[str],
        *,
        rows: int,
        buffer: int,
    ) -> None:
        name = getattr(make, "__name__", "blocks")
        name = "blocks" if name == "<lambda>" else name
        super().__init__(name, rows=rows, buffer=buffer, target=target, are_frames=bool(target))
        self._make, self._ignored = make, set(ignore)
        self._seen: dict[int, int] = {}
        self._columns: list[str] | None = None

    @property
    def parts(self) -> int:
        """One, which is gone through from its beginning."""
        return 1

    def place_of(self, part: int) -> tuple[int, int]:
        """Rows are numbered as they come."""
        return 0, 0

    def read(self, part: int) -> Iterator[Block]:
        """The blocks, cut where they are longer than ``rows``; each must be as it was in the pass before."""
        at = 0
        made = self._make()
        if not isinstance(made, Iterable):
            raise DataError(
                where=self.name,
                received=f"{shown(made, 60)} from the function",
                expected="an iterator of blocks each time it is called",
                fix="yield the blocks: def made(): ... yield x, y",
            )
        iterator = iter(made)
        for number, given in enumerate(iterator):
            block = self._block(given, number, at)
            code = _code(block)
            if self._seen.setdefault(number, code) != code:
                raise changed(f"{self.name}: block {number}", "other rows than before")
            for first in range(0, len(block), self.rows):
                yield block.take(slice(first, first + self.rows))
            at += len(block)
        if not at and not self._counts:
            raise no_rows(self.name)

    def _block(self, given: Any, number: int, at: int) -> Block:
        where = f"{self.name}: block {number}"
        if self.are_frames:
            return self._frame(given, where, at)
        if not isinstance(given, tuple | list) or len(given) not in (1, 2, 3):
            needs = "a frame; name its column of answers: gn.data.blocks(source, target=...)"
            raise DataError(
                where=where,
                received=needs.split(";")[0] if is_frame(given) or isinstance(given, Mapping) else shown(given, 60),
                expected="a tuple (x, y) or (x, y, weight) of arrays",
                fix="yield x, y" if not (is_frame(given) or isinstance(given, Mapping)) else needs.split("; ")[1],
            )
        x, y, weight = (None if own is None else np.asarray(own) for own in (*given, None, None)[:3])
        lengths = {own.shape[:1] for own in (x, y, weight) if own is not None}
        if x is None or len(lengths) > 1 or () in lengths:
            raise ShapeError(
                where=where,
                received="arrays of the shapes " + ", ".join(str(np.shape(own)) for own in given),
                expected="as many rows in x, y and weight",
                fix="yield x (N, ...) and y (N, ...)",
            )
        return Block(x, y, weight, 0, np.arange(at, at + len(x)), where)

    def _frame(self, given: Any, where: str, at: int) -> Block:
        if _height(given) == 0:
            return Block(Frame({}, self.name), None, None, 0, np.arange(0), where)
        frame = frame_of(given, where=where, name=self.name)
        own = [name for name in frame if name not in self._ignored]
        unknown = sorted(self._ignored - set(frame)) if self._columns is None else []
        if unknown:
            raise without(where, unknown[0], list(frame), f"ignore {unknown[0]!r}")
        self._columns = self._columns or own
        missing = [name for name in (*self.target, *self._columns) if name not in set(own)]
        if missing or len(own) != len(self._columns):
            raise DataError(
                where=where,
                received=f"the columns {', '.join(own)[:300]}",
                expected=f"{', '.join(dict.fromkeys((*self._columns, *self.target)))[:300]}, as in the first block",
                fix=f"add {missing[0]!r}" if missing else "give each block the same columns",
            )
        frame = Frame({name: frame[name] for name in self._columns}, self.name)
        return Block(frame, None, None, 0, np.arange(at, at + frame.height), where)

    def identity(self) -> int:
        """Of all blocks that were seen."""
        self.counts()
        return crc32(repr(sorted(self._seen.items())).encode())


def _height(frame: Any) -> int:
    if isinstance(frame, Mapping):
        return len(next(iter(frame.values()), ()))
    return int(getattr(frame, "height", None) or len(frame)) if hasattr(frame, "__len__") else 1


def _code(block: Block) -> int:
    """A number that other rows hardly have."""
    if isinstance(block.x, Frame):
        arrays = [block.x[name].values for name in block.x]
        names = repr([(name, block.x[name].kind) for name in block.x])
    else:
        arrays = [own for own in (block.x, block.y, block.weight) if own is not None]
        names = repr([(own.shape, own.dtype.str) for own in arrays])
    number = crc32(names.encode(errors="surrogatepass"))
    for own in arrays:
        plain = own.tobytes() if own.dtype != object else "\0".join(map(str, own)).encode(errors="surrogatepass")
        number = crc32(plain, number)
    return number
