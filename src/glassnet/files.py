"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from glassnet.errors import ConfigurationError


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


def write_atomically(path: str | Path, content: bytes) -> None:
    """Writes to a temporary file beside the target, flushes it to the disk and renames it over the target.

    Whatever goes wrong, the target is what it was before.

    Raises:
        ConfigurationError: the path cannot be written.
        OSError: the disk is full or failing.
    """
    from tempfile import mkstemp

    target = require_writable(path, where=f"write {path}")
    descriptor, temporary = mkstemp(dir=target.resolve().parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.add_note(f"nothing was written: {path} is as it was before")
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
