"""Dates, times of day and durations as people write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError
from glassnet.settings import boolean
from glassnet.tables.forms import NOTHING, Form
from glassnet.tables.raws import DAYTIME, DURATION, TIME

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
_NOON = r"(?:\s*(?P<noon>[AaPp])\.?[Mm]\.?)?"
_ZONE = r"(?:\s*(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
_TIME = rf"(?:[T\s]\s*{_CLOCK}{_NOON}{_ZONE})?"
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_DATES = {
    "year first": re.compile(
        rf"(?P<year>\d{{4}})(?P<sign>[-/.])(?P<month>\d{{1,2}})(?P=sign)(?P<day>\d{{1,2}}){_TIME}"
    ),
    "numbers": re.compile(rf"(?P<first>\d{{1,2}})(?P<sign>[-/.])(?P<second_>\d{{1,2}})(?P=sign){_YEAR}{_TIME}"),
    "day name": re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?[-\s]{_NAME},?[-\s]{_YEAR}{_TIME}"),
    "name day": re.compile(rf"{_NAME}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s{_YEAR}{_TIME}"),
    "month": re.compile(r"(?P<year>\d{4})(?P<sign>[-/])(?P<month>\d{1,2})"),
    "Chinese": re.compile(
        rf"(?P<year>\d{{4}})\s*年\s*(?P<month>\d{{1,2}})\s*月\s*(?P<day>\d{{1,2}})\s*日(?:\s*{_CLOCK})?"
    ),
}
_CLOCK_ALONE = re.compile(_CLOCK + _NOON)
_DURATION = re.compile(
    r"(?P<sign>[+-])?(?:(?P<days>\d+)\s*days?,?\s*)?(?P<hours>\d+):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?"
)
_ISO_DURATION = re.compile(
    r"(?P<sign>[+-])?P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_DAYS_ALONE = re.compile(r"(?P<sign>[+-])?(?P<days>\d+)\s*days?")
ORDERS = {"dmy": "DD MM", "mdy": "MM DD", "ymd": "YYYY-MM-DD"}
"""What may be asked for, beside patterns such as %d.%m.%Y."""
COMPACT = "YYYYMMDD"
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
PIVOT = 69
"""Years of two digits from here on are of the last century, as in POSIX."""


class DateForm(Form):
    """Dates, all written in one way, with or without a time of day behind them.

    Hours are those of the place: the sign of a time zone is read over.

    Args:
        form: such as "YYYY-MM-DD", "DD.MM.YYYY", "MM/DD/YY", "DD Mon YYYY", "Mon DD YYYY", "年月日"; or a pattern of
            ``datetime.strptime`` such as "%d%b%Y".
        assumed: whether day and month could not be told apart.
        missing: see ``Form``.

    Example:
        >>> str(DateForm("DD.MM.YYYY").value("31.12.2021")), str(DateForm("MM/DD/YY").value("1/2/03 4:05 PM"))
        ('2021-12-31T00:00:00.000000', '2003-01-02T16:05:00.000000')
    """

    kind = TIME

    def __init__(self, form: str = "YYYY-MM-DD", assumed: bool = False, missing: Sequence[str] = ()) -> None:
        self.form = str(form)
        self.assumed = boolean(assumed, "assumed", "DateForm")
        self.missing = tuple(str(own) for own in missing)

    def value(self, text: str) -> Any:
        """The moment, in microseconds."""
        if "%" in self.form:
            try:
                return np.datetime64(datetime.strptime(text, self.form).replace(tzinfo=None), "us")
            except ValueError:
                return NOTHING
        if self.form == COMPACT:
            moment = _compact(text)
            return NOTHING if moment is None else moment
        return date_of(text).get(self.form, NOTHING)

    @property
    def expected(self) -> str:
        """The form."""
        return f"a date in the form {self.form}"

    def describe(self) -> str:
        """The form, and how to choose another."""
        if not self.assumed:
            return "" if self.form == "YYYY-MM-DD" else f"read as {self.form}"
        other = "mdy" if self.form.startswith("DD") else "dmy"
        choice = f"choose with dates={other!r} (--date-format {other})"
        return f"read as {self.form}, though day and month cannot be told apart: {choice}"


def date_of(text: str) -> dict[str, np.datetime64]:
    """The dates that a text can be, by form."""
    for kind, pattern in _DATES.items():
        match = pattern.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        year = int(parts["year"])
        digits = "YYYY" if len(parts["year"]) == 4 else "YY"
        year += 0 if digits == "YYYY" else 1900 if year >= PIVOT else 2000
        if kind == "numbers":
            first, second, sign = int(parts["first"]), int(parts["second_"]), parts["sign"]
            tried = {f"DD{sign}MM{sign}{digits}": (second, first), f"MM{sign}DD{sign}{digits}": (first, second)}
        elif parts.get("name"):
            names = [k for k, own in enumerate(MONTHS, 1) if parts["name"].lower()[:3] == own]
            long = _long_names()[names[0] - 1] if names else ""
            if not names or not long.startswith(parts["name"].lower().rstrip(".")):
                return {}
            order = f"DD Mon {digits}" if kind == "day name" else f"Mon DD {digits}"
            tried = {order: (names[0], int(parts["day"]))}
        else:
            forms = {"Chinese": "年月日", "month": "YYYY{0}MM", "year first": "YYYY{0}MM{0}DD"}
            tried = {forms[kind].format(parts.get("sign")): (int(parts["month"]), int(parts.get("day") or 1))}
        seconds = clock_of(parts)
        return {} if seconds is None else {
            form: moment for form, own in tried.items() if (moment := _moment(year, *own, seconds)) is not None
        }  # fmt: skip
    return {}


def _long_names() -> tuple[str, ...]:
    return (
        *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
        *("november", "december"),
    )


def _moment(year: int, month: int, day: int, seconds: float) -> np.datetime64 | None:
    try:
        return np.datetime64(datetime(year, month, day) + timedelta(seconds=seconds), "us")
    except (ValueError, OverflowError):
        return None


def clock_of(parts: Mapping[str, str | None]) -> float | None:
    """Seconds since midnight; 0 where there is no time of day, None where it is none."""
    if parts.get("hour") is None:
        return 0.0
    hour, minute = int(parts["hour"] or 0), int(parts["minute"] or 0)
    noon = (parts.get("noon") or "").lower()
    if noon:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if noon == "p" else 0)
    second = float(f"{parts['second'] or 0}.{parts.get('fraction') or 0}")
    return None if hour > 23 or minute > 59 or second >= 60 else 3600.0 * hour + 60.0 * minute + second


class ClockForm(Form):
    """Times of day: 8:15, 08:15:30, 8:15 PM."""

    kind = DAYTIME

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self.missing = tuple(str(own) for own in missing)

    def value(self, text: str) -> Any:
        """Seconds since midnight."""
        match = _CLOCK_ALONE.fullmatch(text)
        seconds = None if match is None else clock_of(match.groupdict())
        return NOTHING if seconds is None else seconds

    @property
    def expected(self) -> str:
        """See the class."""
        return "a time of day such as 08:15"


class DurationForm(Form):
    """Durations: 36:00, 1:02:03, 2 days 03:00:00, 5 days, PT1H30M."""

    kind = DURATION

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self.missing = tuple(str(own) for own in missing)

    def value(self, text: str) -> Any:
        """Seconds."""
        for pattern in (_DURATION, _ISO_DURATION, _DAYS_ALONE):
            match = pattern.fullmatch(text)
            if match is not None:
                units = {"weeks": 604_800.0, "days": 86_400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
                parts = match.groupdict()
                seconds = sum(float(parts.get(unit) or 0) * size for unit, size in units.items())
                return -seconds if parts["sign"] == "-" else seconds
        return NOTHING

    @property
    def expected(self) -> str:
        """See the class."""
        return "a duration such as 36:00 or 1:02:03"


def are_compact_dates(texts: Collection[str]) -> bool:
    """Whether whole numbers of eight digits, three at least, are all dates such as 20241231."""
    return len(texts) > 2 and all(_compact(text) is not None for text in texts)


def _compact(text: str) -> np.datetime64 | None:
    match = _COMPACT.fullmatch(text)
    return None if match is None else _moment(int(match[1]), int(match[2]), int(match[3]), 0.0)


def date_form(counts: Mapping[str, int], *, asked: str | None, hint: str | None, missing: Sequence[str]) -> DateForm:
    """The form that most of the texts have.

    Args:
        counts: the different texts with the number of their rows.
        asked: "dmy", "mdy", "ymd" or a pattern; or None.
        hint: the order of other columns of the file, or None.
        missing: see ``Form``.
    """
    if asked is not None and "%" in asked:
        return DateForm(asked, False, missing)
    votes = Counter[str]()
    for text, rows in counts.items():
        votes.update(dict.fromkeys(date_of(text), rows))
    if asked is not None:
        own = Counter({form: rows for form, rows in votes.items() if order_of(form) in (asked, None)})
        votes = own or votes
    best = max(votes.values(), default=0)
    forms = [form for form, rows in votes.items() if rows == best]
    if len(forms) < 2:
        return DateForm(forms[0] if forms else "YYYY-MM-DD", False, missing)
    # Month and day fit both ways: as the file's other dates; then points and hyphens for days first, slashes months.
    order = hint if hint in ("dmy", "mdy") else "mdy" if "/" in forms[0] else "dmy"
    form = next((own for own in forms if order_of(own) == order), forms[0])
    return DateForm(form, hint is None, missing)


def date_orders(counts: Mapping[str, int]) -> set[str]:
    """The orders of day and month that some of the texts can only have."""
    found: set[str] = set()
    for text in counts:
        orders = {order_of(form) for form in date_of(text)} - {None}
        found |= {own for own in orders if own is not None} if len(orders) == 1 else set()
    return found - {"ymd"}


def order_of(form: str) -> str | None:
    """The order of a form of numbers: "dmy", "mdy" or "ymd"; None where the month has a name."""
    if "Mon" in form or "年" in form:
        return None
    return "dmy" if form.startswith("DD") else "mdy" if form.startswith("MM") else "ymd"


def check_dates(dates: str | None, where: str) -> str | None:
    """Refuses what is no order and no pattern.

    Raises:
        ConfigurationError: it is neither.
    """
    if dates is None or dates in ORDERS or "%" in str(dates):
        return dates
    raise ConfigurationError(
        where=where,
        received=f"dates={dates!r}",
        expected='"dmy", "mdy", "ymd", or a pattern such as "%d.%m.%Y"',
        fix='for 31/12/2021 write "dmy", for 12/31/2021 "mdy"',
    )
