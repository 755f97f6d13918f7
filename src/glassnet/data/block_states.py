"""What sources of blocks have in common: files that must stay as they are, and what there is to say of none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassnet.core.blocks import changed
from glassnet.core.errors import ConfigurationError, DataError, did_you_mean
from glassnet.data.files import unreadable

WHERE = "data.blocks"


def is_path(source: Any) -> bool:
    """Whether a source is the path of a file or folder, or a pattern."""
    return isinstance(source, str | os.PathLike)


def no_rows(name: str) -> DataError:
    """The error for a source that is empty."""
    return DataError(where=name, received="no rows", expected="at least one row", fix="add rows of data")


def state_of(path: Path) -> tuple[int, int, int]:
    """What tells whether a file was written to."""
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if path.is_dir():
        raise unreadable(path)
    return found.st_size, found.st_mtime_ns, found.st_ino


def require_unchanged(files: Mapping[Path, tuple[int, int, int]]) -> None:
    """Refuses files that were written to, or taken away, since they were looked at first.

    Raises:
        DataError, MissingFileError: one was.
    """
    for path, before in files.items():
        if state_of(path) != before:
            raise changed(path.name, "a file that was written to meanwhile")


def without(source: str, name: str, columns: list[str], said: str) -> ConfigurationError:
    """The error for the name of a column that a source does not have."""
    return ConfigurationError(
        where=source,
        received=said,
        expected=f"one of the columns {', '.join(columns)[:300]}",
        fix=f"{did_you_mean(name, columns)}choose one of the columns",
    )
