"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glassnet.core.errors import ConfigurationError


def require_writable(path: str | Path, *, where: str) -> Path:
    """Checks before any work that a file can be written there.

    Raises:
        ConfigurationError: the path is a folder, or its folder is missing or not writable.
    """
    target = Path(path)
    folder = target.resolve().parent
    if target.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = (
            "a folder"
            if target.is_dir()
            else "in a folder that " + ("cannot be written" if folder.is_dir() else "does not exist")
        )
        raise ConfigurationError(
            where=where,
            received=f"{str(path)!r}, {reason}",
            expected="the path of a file in a folder that can be written",
            fix=f"choose another path, or make the folder: mkdir -p {folder}",
        )
    return target


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Lends the path of a temporary file beside the target, which afterwards goes to the disk and takes its name.

    Whatever goes wrong in between, the target is what it was before.

    Raises:
        ConfigurationError: the path cannot be written.
        OSError: the disk is full or failing.
    """
    from tempfile import mkstemp

    target = require_writable(path, where=f"write {path}")
    descriptor, name = mkstemp(dir=target.resolve().parent, prefix=f".{target.name}.")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.add_note(f"nothing was written: {path} is as it was before")
        raise


def write_atomically(path: str | Path, content: bytes) -> None:
    """Writes a file as ``replacing`` does.

    Raises:
        ConfigurationError: the path cannot be written.
        OSError: the disk is full or failing.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
