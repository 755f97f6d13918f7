"""Which version of glassnet wrote a model's file, and when."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from glassnet.core.errors import ConfigurationError, FileFormatError, shown
from glassnet.core.output import in_a_line

FORM = "%Y-%m-%dT%H:%M:%SZ"
EPOCH = "SOURCE_DATE_EPOCH"
"""A time in seconds since 1970 that stands for now, so that what is made again has the same bytes."""


@dataclass(frozen=True)
class Written:
    """Where a model's file comes from.

    Attributes:
        version: of the glassnet that wrote it.
        time: when, in UTC, to the second; None in files of before this was noted.

    Example:
        >>> print(Written("0.1.0", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)))
        2026-03-01T12:30:00Z by glassnet 0.1.0
    """

    version: str
    time: datetime | None

    def __str__(self) -> str:
        return (f"{in_words(self.time)} " if self.time else "") + f"by glassnet {in_a_line(self.version)}"


def in_words(time: datetime) -> str:
    """A moment of UTC as ISO 8601 has it, such as 2026-03-01T12:30:00Z."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def now() -> str:
    """The time that a file is stamped with: of the clock, or of SOURCE_DATE_EPOCH where the environment has it.

    Source: https://reproducible-builds.org/specs/source-date-epoch/.

    Raises:
        ConfigurationError: SOURCE_DATE_EPOCH is no time.
    """
    asked = os.environ.get(EPOCH)
    if asked is None:
        return in_words(datetime.now(UTC))
    try:
        if not (asked.isascii() and asked.isdigit()):
            raise ValueError(asked)
        return in_words(datetime.fromtimestamp(int(asked), UTC))
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigurationError(
            where=f"save: {EPOCH} in the environment",
            received=f"{asked!r:.60}",
            expected="whole seconds since 1970, such as 1767225600",
            fix="set it to such a number, or unset it for the clock's time",
        ) from error


def written_of(description: Mapping[str, Any], where: str) -> Written:
    """What a file's description says about its writing.

    Raises:
        FileFormatError: it says something that is no version or no time.
    """
    version, time = description.get("glassnet_version"), description.get("written")
    try:
        if not isinstance(version, str) or not isinstance(time, str | None):
            raise TypeError(f"{shown(version, 60)}, {shown(time, 60)}")
        return Written(version, None if time is None else datetime.strptime(time, FORM).replace(tzinfo=UTC))
    except (TypeError, ValueError) as error:
        raise FileFormatError(
            where=where,
            received=f"a file written {shown(time, 60)} by glassnet {shown(version, 60)}",
            expected="a version such as '0.1.0' and a time such as '2026-03-01T12:30:00Z'",
            fix="undo the edit of the file, or save the model again",
        ) from error
