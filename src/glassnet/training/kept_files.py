"""The files of a ``Checkpoint``: their names, which of them stay, and which is taken where the newest is damaged."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from glassnet.core.errors import FileFormatError, MissingFileError, WriteError
from glassnet.core.kinds import MODEL
from glassnet.core.paths import readable_path

R = TypeVar("R")
NUMBERS = re.compile(r"\{(epoch|step)\}")
MOST_OLDER = 100
"""So many older files are looked for at most."""


def member_path(path: str | Path, number: int) -> Path:
    """The file of one of several models that are trained together: ``m.member-3.safetensors`` for ``m.safetensors``."""
    return Path(path).with_stem(f"{Path(path).stem}.member-{number}")


class KeptFiles:
    """Where a ``Checkpoint`` writes.

    A path with ``{epoch}`` or ``{step}`` has a file of its own for each place. One without has one file, and beside it,
    where several are kept, the older ones: ``m.1.safetensors`` is the one before ``m.safetensors``, ``m.2.safetensors``
    the one before that.

    Args:
        path: as the user gave it.
        keep: how many stay; None for all that have names of their own.

    Attributes:
        names: paths of the files that this training has written, oldest first, where each has a name of its own.
    """

    def __init__(self, path: str, keep: int | None) -> None:
        self._path, self._keep = path, keep
        self._is_numbered = NUMBERS.search(path) is not None
        self.names: list[str] = []

    def at(self, epoch: int, step: int) -> str:
        """The path of the file for a place."""
        return numbered(self._path, epoch, step)

    @property
    def best(self) -> str:
        """The path of the best one's file."""
        path = Path(self._path)
        return NUMBERS.sub("best", self._path) if self._is_numbered else str(path.with_stem(f"{path.stem}.best"))

    @contextmanager
    def next(self, epoch: int, step: int) -> Iterator[str]:
        """Lends the path to write; once that is done, the oldest makes room.

        Raises:
            WriteError: the disk refuses to rename or remove a file.
        """
        path = self.at(epoch, step)
        if self._keep is None or self._is_numbered:
            before = list(self.names)
            self.names = [*(name for name in before if name != path), path]
            try:
                yield path
            except BaseException:
                self.names = before
                raise
            self._remove_oldest()
            return
        file, previous = Path(os.path.realpath(path)), self._previous
        self.clear()
        with _told(path):
            has_previous = self._keep > 1 and file.exists()
            if has_previous:
                os.link(file, previous)  # the newest is never away from its name
        try:
            yield path
            with _told(path):
                if has_previous:
                    for number in range(self._keep - 2, 0, -1):
                        with suppress(FileNotFoundError):
                            older(file, number).replace(older(file, number + 1))
                    previous.replace(older(file, 1))
        finally:
            self.clear()

    @property
    def _previous(self) -> Path:
        """A second name of the newest file, while the next one is written."""
        file = Path(os.path.realpath(self._path))
        return file.with_name(f".{file.name}.previous")

    def clear(self) -> None:
        """Removes what a process that was killed may have left; no file of the user's that has this name."""
        if self._keep is not None and not self._is_numbered:
            with suppress(OSError):
                if MODEL.is_kind_of(self._previous):
                    self._previous.unlink()

    def take_over(self, files: Sequence[Path]) -> None:
        """Counts files that this training wrote before it was broken off, oldest first, among its own."""
        if self._is_numbered:
            self.names = [str(file) for file in files]
            self._remove_oldest()

    def _remove_oldest(self) -> None:
        while self._keep is not None and len(self.names) > self._keep:
            with _told(self.names[0]):
                Path(self.names[0]).unlink(missing_ok=True)
            del self.names[0]

    @property
    def others(self) -> list[Path]:
        """The places that older files will be moved to, and that of the best."""
        if self._keep is None:
            return []
        file = Path(os.path.realpath(self._path))
        moved = [] if self._is_numbered else [older(file, number) for number in range(1, self._keep)]
        return [*moved, Path(self.best)]


def numbered(path: str, epoch: int, step: int) -> str:
    """The path with the numbers of a place in it."""
    return path.replace("{epoch}", str(epoch)).replace("{step}", str(step))


def numbered_files(path: str | Path) -> list[Path]:
    """The files that there are of a path with ``{epoch}`` or ``{step}`` in it, by their numbers."""
    given = Path(path)
    parts = NUMBERS.split(given.name)  # text, name of the number, text, ...
    pattern = re.compile("".join("([0-9]+)" if place % 2 else re.escape(text) for place, text in enumerate(parts)))
    if len(parts) == 1 or not given.parent.is_dir():
        return []
    found = [(pattern.fullmatch(name), name) for name in os.listdir(given.parent)]
    files = [([int(number) for number in match.groups()], name) for match, name in found if match]
    return [given.parent / name for _, name in sorted(files)]


def set_damaged_aside(path: str) -> list[str]:
    """Gives other names to files that are damaged beyond recognition, where others show whose they are.

    Returns:
        What was done, in words.
    """
    file, notes = Path(os.path.realpath(path)), []
    files = numbered_files(path) or [file, older(file, 1)]
    with suppress(OSError):
        known = {one: not one.stat().st_size or MODEL.is_kind_of(one) for one in files}
        for one in files if any(known.values()) else []:
            if not known[one]:
                aside = one.with_stem(f"{one.stem}.damaged")
                one.replace(aside)
                notes.append(f"{one} is damaged, and was no longer known as a model; it is called {aside.name} now")
    return notes


def older(file: Path, number: int) -> Path:
    """Where the file went that had this name so many files ago."""
    return file.with_stem(f"{file.stem}.{number}")


def newest_good(path: str | Path, read: Callable[[Path], R], belongs: Callable[[R], bool]) -> tuple[R, str | None]:
    """What is read of the newest file of a ``Checkpoint`` that is whole.

    Args:
        path: as the ``Checkpoint`` had it, ``{epoch}`` and ``{step}`` included; or any file's.
        read: raises ``FileFormatError`` where a file is damaged.
        belongs: whether what was read is a checkpoint; asked for the older ones, whose names somebody else may use.

    Returns:
        What was read, and in words which files had to be left out, or None.

    Raises:
        MissingFileError: there is no file.
        FileFormatError: none is whole; the error is that of the newest.
    """
    first: FileFormatError | None = None
    for file in _newest_first(path):
        try:
            found = read(file)
        except FileFormatError as error:
            first = first or error
            continue
        except MissingFileError:
            if first is None:
                raise
            continue
        if first is None:
            return found, None
        if belongs(found):
            return found, f"{first.where}: received {first.received}; the newest that is whole is taken, {file.name}"
    assert first is not None
    raise first


def _newest_first(path: str | Path) -> Iterator[Path]:
    """The file and the older ones."""
    given = readable_path(path, where=f"load {path}" if isinstance(path, str | Path) else "load")
    if NUMBERS.search(given.name) is None:
        yield given
        file = Path(os.path.realpath(given))
        yield from (older(file, number) for number in range(1, MOST_OLDER) if older(file, number).is_file())
        return
    files = numbered_files(given)
    if not files:
        raise MissingFileError(
            where=f"load {path}",
            received="no file of such a name",
            expected="one at least that gn.Checkpoint wrote",
            fix="check the path",
        )
    # The time tells files of an earlier training apart; where it is the same, their numbers count.
    dated = sorted((file.stat().st_mtime_ns, place, file) for place, file in enumerate(files))
    yield from (file for *_, file in reversed(dated))


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(
            where=f"Checkpoint {path}",
            received=f"{error.strerror!r} from the system, for {error.filename!r}",
            expected="a folder in which files can be renamed and removed",
            fix="choose another path, or leave keep out",
            number=error.errno or 5,
        ) from error
