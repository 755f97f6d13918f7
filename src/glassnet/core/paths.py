"""Paths of what is to be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from glassnet.core.errors import ConfigurationError, MissingFileError, shown


def readable_path(path: Any, *, where: str = "") -> Path:
    """What a user gives for the path of a file or folder, which may still be missing.

    Args:
        path: a text, or an object that stands for one, such as a ``Path``.
        where: for messages; the path itself where it is empty.

    Raises:
        ConfigurationError: anything else, such as bytes or the number of an open file.
        MissingFileError: a text that no file can have for its name, or a symbolic link that leads to itself.

    Example:
        >>> readable_path("table.csv").suffix
        '.csv'
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise ConfigurationError(
            where=where or "path",
            received=f"{shown(path)} (a {type(path).__name__})" if text != "" else "an empty text",
            expected="the path of a file: a text or a Path",
            fix='write it like "data/table.csv"',
        )
    try:
        os.stat(text)
    except ValueError as error:  # a NUL inside
        raise _no_name(text, where, str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise _no_name(text, where, error.strerror or "") from error
    return Path(text)


def _no_name(text: str, where: str, reason: str) -> MissingFileError:
    return MissingFileError(
        where=where or shown(text),
        received=f"a path that no file has ({reason.lower()})",
        expected="the path of a file that is there",
        fix="check the path",
    )
