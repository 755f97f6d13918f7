"""What the readers say of files that are not there or cannot be read, and of labels that are no classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glassnet.core.errors import DataError, FileFormatError, GlassnetError, MissingFileError, did_you_mean
from glassnet.core.shapes import Array


def unreadable(path: Path, error: OSError | None = None) -> GlassnetError:
    """The error for a path that does not exist, is a folder where a file is needed, or may not be read."""
    expected = "a file to read"
    if path.is_dir():
        return FileFormatError(where=str(path), received="a folder", expected=expected, fix="name a file in it")
    if path.exists() and not path.is_file():
        received, fix = "a device, a pipe or the like", "write its content into a file"
        return FileFormatError(where=str(path), received=received, expected=expected, fix=fix)
    if path.exists():
        received = f"a file that cannot be read ({error})"
        return FileFormatError(where=str(path), received=received, expected=expected, fix="check its permissions")
    return MissingFileError(where=str(path), received="no such file", expected=expected, fix=missing_hint(path))


def missing_hint(path: Path) -> str:
    """What to do about a path that does not exist: the nearest name in its folder, and where that folder is."""
    folder = path.parent
    neighbours = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return f"{did_you_mean(path.name, neighbours)}check the path; it was looked for in {folder.resolve()}"


def check_labels(labels: Array, file: str, low: int, high: int, *, what: str = "label", hint: str = "") -> None:
    """Refuses labels out of range.

    Args:
        labels: (N,), whole numbers.
        file: for messages, like ``what``.
        low: the first label.
        high: the last one.
        what: how messages call a label.
        hint: what else to look at, a sentence without its full stop.

    Raises:
        DataError: there is one; the first is named.
    """
    wrong = np.flatnonzero((labels < low) | (labels > high))
    if len(wrong):
        raise DataError(
            where=file,
            received=f"the {what} {labels[wrong[0]]} for image {wrong[0]} (counted from 0)",
            expected=f"labels from {low} to {high}",
            fix="check that this is the right file, and download it again" + (f"; {hint}" if hint else ""),
        )
