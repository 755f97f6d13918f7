"""What a command writes, held against what it reads."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TextIO

from glassnet.core.errors import ConfigurationError
from glassnet.core.files import require_writable
from glassnet.core.kinds import Kind


class Output(NamedTuple):
    """A file that a command will write: how messages name it, where it goes, what it will be."""

    option: str
    path: Path
    kind: Kind


def require_outputs(outputs: Sequence[Output], inputs: Sequence[str | Path]) -> None:
    """Checks before any work that a command can write its files, and that they take the place of nothing it needs.

    Two names are one file where the disk says so: by way of links, of other spellings of a path, or of capital letters
    on a disk that tells none.

    Args:
        outputs: the files that the command will write.
        inputs: what it reads: files, and folders of them. Names of built-in data stand for no file.

    Raises:
        ConfigurationError: an output is an input, or lies in the place of a file of a folder that is one; it is the
            standard output or another output; it cannot be written: see ``require_writable``.
        WriteError: the disk is full or failing.
    """
    read = [Path(name) for name in inputs if name != "digits"]
    for place, output in enumerate(outputs):
        if str(output.path) == "-":
            raise ConfigurationError(
                where=output.option,
                received="'-'",
                expected="the path of a file",
                fix="write a name; for a file that is called so, ./-",
            )
        _refuse_inputs(output, read)
        require_writable(output.path, output.kind, where=output.option)
        for other in outputs[:place]:
            if _is_same(output.path, other.path):
                raise ConfigurationError(
                    where=output.option,
                    received=f"{str(output.path)!r}, which is another file of this command: {other.option}",
                    expected="a file of its own",
                    fix="choose another path",
                )


def _refuse_inputs(output: Output, inputs: Sequence[Path]) -> None:
    """Refuses a file that the command reads, or that its own messages go to."""
    try:
        status = output.path.stat()
    except (OSError, ValueError):
        return  # there is none yet, or ``require_writable`` will say what is wrong
    if not stat.S_ISREG(status.st_mode):
        return
    same = next((name for name, own in _files_of(inputs, output, status) if os.path.samestat(own, status)), None)
    if same is not None:
        otherwise = "" if same == str(output.path) else f", there called {same!r}"
        raise ConfigurationError(
            where=output.option,
            received=f"{str(output.path)!r}, which this command reads{otherwise}",
            expected="a file of its own: what is read is never replaced",
            fix="choose another path",
        )
    if any(_is_open_on(stream, status) for stream in (sys.stdout, sys.stderr)):
        raise ConfigurationError(
            where=output.option,
            received=f"{str(output.path)!r}, which the messages of this command are written to",
            expected="a file of its own",
            fix="choose another path, or do not send the messages there",
        )


def _is_open_on(stream: TextIO, status: os.stat_result) -> bool:
    """Whether a stream is written to the file of this status."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), status)
    except (OSError, ValueError, AttributeError):  # closed, or a stream of somebody else's
        return False


def _files_of(inputs: Sequence[Path], output: Output, status: os.stat_result) -> Iterator[tuple[str, os.stat_result]]:
    """The files that are read, with their status; those of a folder where the output may be one of them."""
    for path in inputs:
        with suppress(OSError, ValueError):
            own = path.stat()
            yield str(path), own
            if not stat.S_ISDIR(own.st_mode) or not status.st_size or output.kind.is_kind_of(output.path):
                continue  # a model or a page may well lie in a folder of data, and be replaced by a newer one
            yield from _files_below(path)


def _files_below(top: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files of a folder and of those in it, by way of links too, but through each folder once."""
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(top, followlinks=True):
        here = os.stat(folder)
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        for name in names:
            with suppress(OSError):
                yield os.path.join(folder, name), os.stat(os.path.join(folder, name))


def _is_same(first: Path, second: Path) -> bool:
    """Whether two files that can be written would be one."""
    with suppress(OSError):
        return first.samefile(second)
    one, other = (Path(os.path.realpath(path)) for path in (first, second))
    if one.name.casefold() != other.name.casefold() or not one.parent.samefile(other.parent):
        return False
    if one.name == other.name:
        return True
    # Capital letters alone tell names apart of which one has no file yet: what the disk makes of that, a file shows.
    start = f".{os.urandom(4).hex()}"
    tried = one.with_name(start + one.name)
    tried.touch(exist_ok=False)
    try:
        return other.with_name(start + other.name).exists()
    finally:
        tried.unlink()
