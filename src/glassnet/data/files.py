"""What the readers say of files that are not there or cannot be read."""

from __future__ import annotations

from pathlib import Path

from glassnet.errors import FileFormatError, GlassnetError, MissingFileError, did_you_mean


def unreadable(path: Path, error: OSError | None = None) -> GlassnetError:
    """The error for a path that does not exist, is a folder where a file is needed, or may not be read."""
    expected = "a file to read"
    if path.is_dir():
        return FileFormatError(where=str(path), received="a folder", expected=expected, fix="name a file in it")
    if path.exists():
        received = f"a file that cannot be read ({error})"
        return FileFormatError(where=str(path), received=received, expected=expected, fix="check its permissions")
    return MissingFileError(where=str(path), received="no such file", expected=expected, fix=missing_hint(path))


def missing_hint(path: Path) -> str:
    """What to do about a path that does not exist: the nearest name in its folder, and where that folder is."""
    folder = path.parent
    neighbours = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return f"{did_you_mean(path.name, neighbours)}check the path; it was looked for in {folder.resolve()}"
