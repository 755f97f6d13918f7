"""Rows in blocks out of tables in files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.core.blocks import Block, Blocks
from glassnet.core.errors import ConfigurationError, DataError, MissingFileError
from glassnet.core.lazy import worked_out
from glassnet.core.paths import readable_path
from glassnet.data.block_states import WHERE, no_rows, require_unchanged, state_of, without
from glassnet.data.files import missing_hint, unreadable
from glassnet.data.tables import TABLE_ENDINGS, is_table, rows_of_parquet, some_frames, some_rows_of_parquet
from glassnet.tables import Frame, Reading

END = 1 << 16
"""So many bytes at either end of a file are looked at, to tell it from others."""


class FileBlocks(Blocks):
    """Tables in files: stretches of .parquet files, other files whole; each read some rows at a time."""

    def __init__(
        self,
        files: Sequence[Path],
        target: tuple[str, ...],
        reading: Reading,
        max_bytes: int | None,
        ignore: Sequence[str] = (),
        *,
        rows: int,
        buffer: int,
    ) -> None:
        first = files[0]
        name = first.name if len(files) == 1 else f"{len(files):,} files beginning with {first.name}"
        super().__init__(name, rows=rows, buffer=buffer, target=target, are_frames=True)
        self.files = tuple(files)
        self.columns: list[str] | None = None
        self._reading, self._max_bytes, self._ignored = reading, max_bytes, set(ignore)
        self._usual: Reading | None = None
        self._states = {path: state_of(path) for path in self.files}

    @worked_out
    def _stretches(self) -> list[tuple[int, int, int | None]]:
        """Of each part the file, its first row, and how many rows it has, as far as that is known."""
        found: list[tuple[int, int, int | None]] = []
        for file, path in enumerate(self.files):
            if not path.name.lower().endswith(".parquet"):
                found.append((file, 0, None))
                continue
            count = rows_of_parquet(path)
            found += [(file, first, min(self.rows, count - first)) for first in range(0, count, self.rows)]
        if not found:
            raise no_rows(self.name)
        return found

    @property
    def parts(self) -> int:
        """Stretches of files, or whole ones."""
        return len(self._stretches)

    def place_of(self, part: int) -> tuple[int, int]:
        """Rows are numbered as in their file."""
        file, first, _ = self._stretches[part]
        return file, first

    def known_count(self, part: int) -> int | None:
        """A .parquet file says it."""
        count = self._stretches[part][2]
        return super().known_count(part) if count is None else count

    def read(self, part: int) -> Iterator[Block]:
        """Frames with the texts as they are.

        Raises:
            DataError: other columns than in the first file; the file is not as it was.
        """
        file, first, count = self._stretches[part]
        path = self.files[file]
        state = {path: self._states[path]}
        require_unchanged(state)
        if count is None:
            usual, most = self._usual, self._max_bytes
            frames = some_frames(path, self._reading, usual=usual, rows=self.rows, max_bytes=most)
        else:
            frames = iter([some_rows_of_parquet(path, first, count)])
        at = first
        for frame in frames:
            if self._usual is None and count is None:
                self._usual = frame.reading
            yield Block(self._own(frame, path), None, None, file, np.arange(at, at + frame.height), path.name)
            at += frame.height
        require_unchanged(state)

    def _own(self, frame: Frame, path: Path) -> Frame:
        """The columns that are not left out, in the order of the first file."""
        own = [name for name in frame if name not in self._ignored]
        if self.columns is None:
            for name, names in (("target", self.target), ("ignore", self._ignored)):
                unknown = [one for one in names if one not in set(frame)]
                if unknown:
                    raise without(path.name, unknown[0], list(frame), f"{name} {unknown[0]!r}")
            self.columns = own
        missing = [name for name in self.columns if name not in set(own)]
        more = [name for name in own if name not in set(self.columns)]
        if missing or more:
            said = f"no column {missing[0]!r}" if missing else f"one more column, {more[0]!r}"
            raise DataError(
                where=path.name,
                received=f"{said}; {self.files[0].name} has {', '.join(self.columns)[:300]}",
                expected="the same columns in every file, in any order",
                fix=f"add what is missing, or leave the column out: ignore={(missing or more)[0]!r}"
                if missing[:1] != list(self.target[:1])
                else "add the answers, or leave the file out",
            )
        return Frame({name: frame[name] for name in self.columns}, frame.name, frame.reading)

    def identity(self) -> int:
        """Of sizes, of both ends of each file, and of the columns."""
        number = crc32(repr((self.target, sorted(self._ignored))).encode())
        require_unchanged(self._states)
        for path in self.files:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                ends = file.read(END)
                file.seek(max(0, size - END))
                number = crc32(ends + file.read(END), crc32(str(size).encode(), number))
        return number


def files_of(source: Any) -> list[Path]:
    """The files that a path, a folder, a pattern or a list of these names, those of a folder in the order of names.

    Raises:
        MissingFileError: none.
        ConfigurationError: a file that is no table.
    """
    if isinstance(source, list | tuple):
        return [path for one in source for path in files_of(one)]
    path = readable_path(source, where=WHERE)
    if path.is_dir():
        found = sorted(own for own in path.iterdir() if own.is_file() and is_table(own) and own.name[0] not in "._")
    elif not path.exists() and has_magic(str(path)):
        found = sorted(Path(own) for own in glob(str(path)) if not Path(own).is_dir())
    elif not path.exists():
        raise unreadable(path)
    else:
        found = [path]
    if not found:
        raise MissingFileError(
            where=str(source),
            received="no table" if path.is_dir() else "no file under this pattern",
            expected=f"files that end in {', '.join(TABLE_ENDINGS)}",
            fix="check the folder" if path.is_dir() else missing_hint(path),
        )
    for own in found:
        if not is_table(own):
            raise ConfigurationError(
                where=WHERE,
                received=str(own),
                expected=f"a table ({', '.join(TABLE_ENDINGS)}), or an .npy file of inputs alone",
                fix="name other files",
            )
    return found
