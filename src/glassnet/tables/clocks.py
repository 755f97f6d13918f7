"""Times of day and durations as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from glassnet.tables.forms import NOTHING, Form
from glassnet.tables.kinds import DAYTIME, DURATION

CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
NOON = r"(?:\s*+(?P<noon>[AaPp])\.?[Mm]\.?)?"
ZONE = r"(?:\s*+(?P<zone>Z|[A-Z]{3,4}|[+-]\d{2}(?::?\d{2})?))?"
AT_GREENWICH = frozenset(("Z", "UTC", "GMT", "Etc/UTC", "-00:00", "-0000", "-00"))
"""Other names of the zone +00:00."""
_CLOCKS = (
    re.compile(CLOCK + NOON + ZONE),
    re.compile(r"(?P<hour>\d{1,2})\s*+(?P<noon>[AaPp])\.?[Mm]\.?"),
)
_AMOUNT = r"\d+(?:\.\d+)?"
_DURATIONS = (
    re.compile(
        r"(?P<sign>[+-])?(?:(?P<days>\d+)\s*+days?(?P<joint>\s*+,?\s*+\+?)\s*+)?"
        r"(?P<hours>\d+):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?"
    ),
    re.compile(
        r"(?P<sign>[+-])?P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
        rf"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>{_AMOUNT})S)?)?"
    ),
    re.compile(
        rf"(?P<sign>[+-])?(?=\d)(?:(?P<days>{_AMOUNT})\s*+d(?:ays?)?[\s,]*+)?"
        rf"(?:(?P<hours>{_AMOUNT})\s*+h(?:ours?|rs?)?[\s,]*+)?"
        rf"(?:(?P<minutes>{_AMOUNT})\s*+m(?:in(?:ute)?s?)?[\s,]*+)?(?:(?P<seconds>{_AMOUNT})\s*+s(?:ec(?:ond)?s?)?)?"
    ),
)
_ONE_LETTER = re.compile(r"[+-]?[\d.]+\s*+[dms]")
"""5 m, 4s: metres, a model's name; no duration where nothing else stands beside it."""
_UNITS = {"days": 86_400.0, "weeks": 604_800.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def clock_of(parts: Mapping[str, str | None]) -> float | None:
    """Seconds since midnight; 0 where there is no time of day, None where it is none."""
    if parts.get("hour") is None:
        return 0.0
    hour, minute = int(parts["hour"] or 0), int(parts.get("minute") or 0)
    noon = (parts.get("noon") or "").lower()
    if noon:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if noon == "p" else 0)
    second = float(f"{parts.get('second') or 0}.{parts.get('fraction') or 0}")
    return None if hour > 23 or minute > 59 or second >= 60 else 3600.0 * hour + 60.0 * minute + second


def zone_named(offset: timedelta | None) -> str:
    """Such as ``"+05:30"``; empty where there is none."""
    if offset is None:
        return ""
    hours, minutes = divmod(abs(round(offset.total_seconds() / 60)), 60)
    return f"{'-' if offset < timedelta(0) else '+'}{hours:02}:{minutes:02}"


class ClockForm(Form):
    """Times of day: 8:15, 08:15:30, 8:15 PM, 8 PM."""

    kind = DAYTIME
    expected = "a time of day such as 08:15"

    def value(self, text: str) -> Any:
        """Seconds since midnight."""
        for pattern in _CLOCKS:
            match = pattern.fullmatch(text)
            if match is not None:
                seconds = clock_of(match.groupdict())
                return NOTHING if seconds is None else seconds
        return NOTHING


class DurationForm(Form):
    """Durations: 36:00, 1:02:03, 2 days 03:00:00, 5 days, PT1H30M, 1h 30min, 90 min."""

    kind = DURATION
    expected = "a duration such as 36:00 or 1:02:03"

    def value(self, text: str) -> Any:
        """Seconds."""
        for pattern in _DURATIONS:
            match = pattern.fullmatch(text)
            if match is None or _ONE_LETTER.fullmatch(text):
                continue
            parts = match.groupdict()
            days, *others = (float(parts.get(unit) or 0) * size for unit, size in _UNITS.items())
            if parts["sign"] != "-":
                return days + sum(others)
            # Python and pandas write minus one second as -1 day, 23:59:59 and -1 days +23:59:59.
            added = any(sign in (parts.get("joint") or "") for sign in ",+")
            return sum(others) - days if added else -(days + sum(others))
        return NOTHING
