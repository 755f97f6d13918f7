"""Rows in blocks: files, memory maps, and functions that make them, larger than memory holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.core.blocks import BUFFER, ROWS, Block, Blocks, changed
from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, DataError, MissingFileError, ShapeError, shown
from glassnet.core.foreign import reading_by_others
from glassnet.core.lazy import worked_out
from glassnet.core.paths import readable_path
from glassnet.core.settings import whole
from glassnet.core.shapes import Array
from glassnet.data.files import missing_hint, unreadable
from glassnet.data.tables import TABLE_ENDINGS, is_table, rows_of_parquet, some_frames, some_rows_of_parquet
from glassnet.tables import Frame, Reading
from glassnet.tables.frames import frame_of
from glassnet.tables.named import is_frame

WHERE = "data.blocks"
END = 1 << 16
"""So many bytes at either end of a file are looked at, to tell it from others."""


@suggests
def blocks(
    source: Any,
    target: Any = None,
    weight: Any = None,
    *,
    rows: int = ROWS,
    buffer: int = BUFFER,
    reading: Reading | None = None,
    categories: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    max_bytes: int | None = None,
) -> Blocks:
    """A source of rows that ``fit``, ``evaluate`` and ``predict`` read block by block: data larger than memory.

    While a block trains the next one is read. In each epoch the parts of the source come in a random order (of a
    .parquet file and of arrays stretches of ``rows`` rows, of other files whole files), and the rows are shuffled
    within a buffer of ``buffer`` rows. The bits of a training depend on the seed and on ``rows`` and ``buffer``, not on
    how fast anything was read. Memory holds some blocks and four buffers.

    Args:
        source: a table's file (.parquet, .csv, .tsv, also with .gz), a folder of such or a pattern, ``"big/*.parquet"``
            or a list of files, all with the same columns, in the order of their names; an array or memory map (N, ...),
            or the path of an ``.npy`` file, which is mapped; a function that gives an iterator of blocks each time it
            is called, or an object that can be iterated over again and again. Such blocks are tuples (x, y) or
            (x, y, weight) of arrays or, with ``target``, frames of any library or dicts of columns.
        target: with columns: the name of the one to be predicted, or several; with an array: the targets, an array or
            the path of an ``.npy`` file. None for nothing, as in ``predict``.
        weight: with an array: weights of the rows (N,), an array or path; else None.
        rows: in a block, at most.
        buffer: rows that are shuffled together.
        reading: what is known of the texts in files, as of ``read_table``.
        categories: columns whose values are names, whatever they look like.
        ignore: columns that are left out.
        max_bytes: how much a packed file may unpack to; None for a hundred times its size, and 256 MiB at least.

    Returns:
        ``Blocks``; its method ``split`` holds rows out.

    Raises:
        MissingFileError: no such file, or no table in the folder or under the pattern.
        ConfigurationError: what can be gone through only once, such as a generator; settings that do not go together.
        ShapeError: arrays with different numbers of rows.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> def made():
        ...     for k in range(4):
        ...         x = np.random.default_rng(k).normal(size=(250, 3))
        ...         yield x, x.sum(axis=1, keepdims=True)
        >>> source = gn.data.blocks(made, buffer=500)
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.Adam(0.05))
        >>> history = model.fit(source, epochs=5, verbose=False)
        >>> len(source), model.evaluate(source)["loss"] < 0.01
        (1000, True)
    """
    size, buffer = whole(rows, "rows", WHERE), whole(buffer, "buffer", WHERE)
    how: dict[str, Any] = {"rows": size, "buffer": buffer}
    most = None if max_bytes is None else whole(max_bytes, "max_bytes", WHERE)
    told = {"categories": _listed(categories, "categories"), "ignore": _listed(ignore, "ignore")}
    if _is_path(source) and str(source).lower().endswith(".npy"):
        source = _mapped(source)
    if isinstance(source, np.ndarray):
        _refuse(WHERE, {"reading": reading, **told}, "an array")
        return ArrayBlocks(source, _array(target, "target"), _array(weight, "weight"), **how)
    _refuse(WHERE, {"weight": weight}, "columns or functions, whose blocks hold the weights")
    found: Blocks
    names = () if target is None else tuple(_listed(target, "target"))
    if _is_path(source) or (isinstance(source, list | tuple) and source and all(map(_is_path, source))):
        found = FileBlocks(files_of(source), names, reading or Reading(), most, told["ignore"], **how)
    elif isinstance(source, Iterator) or not (callable(source) or isinstance(source, Iterable)):
        raise _only_once(source)
    else:
        _refuse(WHERE, {"reading": reading, **(told if not names else {})}, "blocks of arrays" if not names else "them")
        make = source if callable(source) else lambda: source
        found = MadeBlocks(make, names, told["ignore"], **how)
    found.learning = {**told, "reading": reading}
    return found


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
        self._files = {path: _state(path) for path in sorted(paths)}

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
        _require_unchanged(self._files)
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
        self._states = {path: _state(path) for path in self.files}

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
            raise _empty(self.name)
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
        _require_unchanged(state)
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
        _require_unchanged(state)

    def _own(self, frame: Frame, path: Path) -> Frame:
        """The columns that are not left out, in the order of the first file."""
        own = [name for name in frame if name not in self._ignored]
        if self.columns is None:
            for name, names in (("target", self.target), ("ignore", self._ignored)):
                unknown = [one for one in names if one not in set(frame)]
                if unknown:
                    raise _without(path, unknown[0], list(frame), f"{name} {unknown[0]!r}")
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
        _require_unchanged(self._states)
        for path in self.files:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                ends = file.read(END)
                file.seek(max(0, size - END))
                number = crc32(ends + file.read(END), crc32(str(size).encode(), number))
        return number


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
            raise _empty(self.name)

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


def _is_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike)


def _listed(names: Any, setting: str) -> list[str]:
    """Names of columns, one or several.

    Raises:
        ConfigurationError: something else.
    """
    is_list = isinstance(names, list | tuple)
    listed: list[Any] = [names] if isinstance(names, str) else list(names) if is_list else [None]
    if not all(isinstance(own, str) for own in listed):
        raise ConfigurationError(
            where=f"{WHERE}: {setting}",
            received=shown(names),
            expected="the name of a column, or a list of names",
            fix=f'write {setting}="price", or {setting}=["price", "age"]',
        )
    return listed


def _mapped(source: Any) -> Array:
    path = readable_path(source, where=WHERE)
    if not path.is_file():
        raise unreadable(path)
    how = {"received": "no .npy file of numbers ({error})", "expected": "an array that np.save wrote"}
    with reading_by_others(path.name, **how, fix="write it with np.save(path, array)"):
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.memmap):
            raise ValueError("an archive, or an array without rows")
    return array


def _array(given: Any, name: str) -> Array | None:
    if given is None or isinstance(given, np.ndarray):
        return given
    if _is_path(given) and str(given).lower().endswith(".npy"):
        return _mapped(given)
    raise ConfigurationError(
        where=WHERE,
        received=f"{name}={shown(given)} beside an array",
        expected="an array with a row for each of its rows, or the path of an .npy file",
        fix=f'write {name}="{name}.npy", or {name}=array',
    )


def _refuse(where: str, given: Mapping[str, Any], beside: str) -> None:
    for name, value in given.items():
        if value is not None and not (isinstance(value, list) and not value):
            raise ConfigurationError(
                where=where,
                received=f"{name}={shown(value, 60)} beside {beside}",
                expected=f"{name} for files" if name != "weight" else "weights beside arrays only",
                fix=f"leave {name} out",
            )


def _only_once(source: Any) -> ConfigurationError:
    is_iterator = isinstance(source, Iterator)
    return ConfigurationError(
        where=WHERE,
        received=f"a {type(source).__name__}" + (", which can be gone through only once" if is_iterator else ""),
        expected="files, arrays, or a function that begins anew each time it is called",
        fix="pass the function that makes it, without calling it: gn.data.blocks(made), not gn.data.blocks(made())"
        if is_iterator
        else 'write gn.data.blocks("big/*.parquet", target="y"), or gn.data.blocks(function)',
    )


def _without(path: Path, name: str, columns: list[str], said: str) -> ConfigurationError:
    from glassnet.core.errors import did_you_mean

    return ConfigurationError(
        where=path.name,
        received=said,
        expected=f"one of the columns {', '.join(columns)[:300]}",
        fix=f"{did_you_mean(name, columns)}choose one of the columns",
    )


def _empty(name: str) -> DataError:
    return DataError(where=name, received="no rows", expected="at least one row", fix="add rows of data")


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


def _state(path: Path) -> tuple[int, int, int]:
    """What tells whether a file was written to."""
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if path.is_dir():
        raise unreadable(path)
    return found.st_size, found.st_mtime_ns, found.st_ino


def _require_unchanged(files: Mapping[Path, tuple[int, int, int]]) -> None:
    """Refuses files that were written to, or taken away, since they were looked at first.

    Raises:
        DataError, MissingFileError: one was.
    """
    for path, before in files.items():
        if _state(path) != before:
            raise changed(path.name, "a file that was written to meanwhile")
