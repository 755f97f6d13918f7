"""Dates as people write them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import boolean
from glassnet.tables.clocks import AT_GREENWICH, CLOCK, NOON, ZONE, clock_of, zone_named
from glassnet.tables.forms import NOTHING, Form
from glassnet.tables.kinds import TIME

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
_TIME = rf"(?:[T\s]\s*+{CLOCK}{NOON}{ZONE})?"
_WEEKDAY = r"(?:(?:[Mm]on|[Tt]ue|[Ww]ed|[Tt]hu|[Ff]ri|[Ss]at|[Ss]un)[a-z]*\.?,?\s++)?"
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_CENTURY = r"(?P<year>(?:1[6-9]|20|21)\d{2})"
_DATES = {
    "YYYY{sign}MM{sign}DD": rf"(?P<year>\d{{4}})(?P<sign>[-/.])(?P<month>\d{{1,2}})(?P=sign)(?P<day>\d{{1,2}}){_TIME}",
    "numbers": rf"(?P<first>\d{{1,2}})(?P<sign>[-/.])(?P<second_>\d{{1,2}})(?P=sign){_YEAR}{_TIME}",
    "DD Mon {digits}": rf"{_WEEKDAY}{_DAY}[-./\s]*+(?:of\s++)?{_NAME},?[-./\s]*+{_YEAR}{_TIME}",
    "Mon DD {digits}": rf"{_WEEKDAY}{_NAME}\s*+{_DAY},?\s++{_YEAR}{_TIME}",
    "Mon DD YYYY": rf"{_WEEKDAY}{_NAME}\s++{_DAY}\s++{CLOCK}{ZONE}\s++(?P<year>\d{{4}})",
    "YYYY Mon DD": rf"(?P<year>\d{{4}})[-/\s]{_NAME}[-/\s]{_DAY}{_TIME}",
    "Mon YYYY": rf"{_NAME},?[-/\s]\s*+{_CENTURY}",
    "Mon-YY": rf"{_NAME}-(?P<year>\d{{2}})",
    "YYYY{sign}MM": rf"{_CENTURY}(?P<sign>[-/])(?P<month>\d{{1,2}})",
    "MM{sign}YYYY": rf"(?P<month>\d{{1,2}})(?P<sign>[-/.]){_CENTURY}",
    "YYYYMMDD hhmm": rf"{_CENTURY}(?P<month>\d{{2}})(?P<day>\d{{2}})[T\s](?P<hour>\d{{2}}):?(?P<minute>\d{{2}})"
    rf"(?::?(?P<second>\d{{2}})(?:\.(?P<fraction>\d{{1,9}}))?)?{ZONE}",
    "年月日": rf"(?P<year>\d{{4}})\s*+年\s*+(?P<month>\d{{1,2}})\s*+月\s*+(?P<day>\d{{1,2}})\s*+日(?:\s*+{CLOCK})?",
    "年月": r"(?P<year>\d{4})\s*+年\s*+(?P<month>\d{1,2})\s*+月",
}
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{6})?)?)?", re.ASCII)
_PATTERNS = {form: re.compile(pattern) for form, pattern in _DATES.items()}
"""The pattern of each form."""
_IS_FORM = re.compile(
    r"YYYY([-/.])MM\1DD|(?:DD([-/.])MM\2|MM([-/.])DD\3)(?:YYYY|YY)|YY([-/.])MM\4DD|YYYY[-/]MM|MM[-/.]YYYY|"
    r"(?:DD Mon|Mon DD) (?:YYYY|YY)|YYYY Mon DD|Mon YYYY|Mon-YY|YYYYMMDD(?: hhmm)?|年月日?"
)
ORDERS = ("dmy", "mdy", "ymd")
"""What may be asked for, beside patterns such as %d.%m.%Y."""
COMPACT = "YYYYMMDD"
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
PIVOT = 69
"""Years of two digits from here on are of the last century, as in POSIX."""


class DateForm(Form):
    """Dates, all written in one way, with or without a time of day behind them.

    Hours are those of the place: the sign of a time zone is read over. Rows in several zones are in no order.

    Args:
        form: such as "YYYY-MM-DD", "DD.MM.YYYY", "MM/DD/YY", "DD Mon YYYY", "Mon YYYY", "年月日"; or a pattern of
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
        if not _IS_FORM.fullmatch(self.form) and not is_pattern(self.form):
            raise ValueError(f"{self.form!r:.60} as the form of a date")
        self.assumed = boolean(assumed, "assumed", "DateForm")
        self.expected = f"a date in the form {self.form}"
        super().__init__(missing)

    def value(self, text: str) -> Any:
        """The moment, in microseconds."""
        if "%" in self.form:
            return by_pattern(text, self.form)
        if self.form == COMPACT:
            moment = _compact(text)
            return NOTHING if moment is None else moment
        if self.form == "YYYY-MM-DD" and _ISO.fullmatch(text):
            with suppress(ValueError):
                return np.datetime64(datetime.fromisoformat(text), "us")
        return date_of(text).get(self.form, NOTHING)

    def zones(self, texts: Iterable[str | None]) -> tuple[str, ...]:
        """The time zones in which the texts have their hours, in order; "" for one that is not written.

        Example:
            >>> DateForm().zones(["2024-03-01T10:00+01:00", "2024-03-01 10:00Z", "2024-03-01 11:00 UTC", "2024-03-02"])
            ('+00:00', '+01:00')
        """
        found = set[str]()
        for text in {text.strip() for text in texts if text and (":" in text or "T" in text)}:
            zone = _zone_by_pattern(text, self.form) if "%" in self.form else _zone_of(text)
            found |= set() if zone is None else {zone}
        return tuple(sorted(found))

    def describe(self) -> str:
        """The form, and how to choose another."""
        if not self.assumed:
            return "" if self.form == "YYYY-MM-DD" else f"read as {self.form}"
        other = "mdy" if self.form.startswith("DD") else "dmy"
        choice = f"choose with dates={other!r} (--date-format {other})"
        if self.form.endswith("-YY"):
            return f"read as {self.form}, though days, months and years cannot be told apart: {choice}, or 'ymd'"
        return f"read as {self.form}, though day and month cannot be told apart: {choice}"


def _zone_of(text: str) -> str | None:
    """The zone of a moment's hour, "" where none is written; None where there is no hour."""
    if _ISO.fullmatch(text):
        return "" if ":" in text else None
    for pattern in _PATTERNS.values():
        match = pattern.fullmatch(text)
        if match is not None and match.groupdict().get("hour") is not None:
            return _written_alike(match.groupdict().get("zone") or "")
    return None


def _zone_by_pattern(text: str, pattern: str) -> str | None:
    if not any(hour in pattern for hour in ("%H", "%I", "%X", "%c")):
        return None
    with suppress(ValueError):
        found = time.strptime(text, pattern)
        offset = None if found.tm_gmtoff is None else timedelta(seconds=found.tm_gmtoff)
        return _written_alike((found.tm_zone or "").upper()) if offset is None else zone_named(offset)
    return None


def _written_alike(zone: str) -> str:
    """+01, +0100 and +01:00 are one zone; Z, UTC and GMT are +00:00."""
    if zone in AT_GREENWICH:
        return "+00:00"
    return zone if zone[:1] not in ("+", "-") else f"{zone[:3]}:{zone[3:].removeprefix(':') or '00'}"


def date_of(text: str) -> dict[str, np.datetime64]:
    """The dates that a text can be, by form."""
    for form, pattern in _PATTERNS.items():
        match = pattern.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        sign, year = parts.get("sign"), _full_year(parts["year"])
        digits = "YYYY" if len(parts["year"]) == 4 else "YY"
        if form == "numbers":
            first, second = int(parts["first"]), int(parts["second_"])
            tried = {
                f"DD{sign}MM{sign}{digits}": (year, second, first),
                f"MM{sign}DD{sign}{digits}": (year, first, second),
            }
            if digits == "YY" and len(parts["first"]) == 2:
                tried[f"YY{sign}MM{sign}DD"] = (_full_year(parts["first"]), second, int(parts["year"]))
        else:
            month = int(parts["month"]) if "month" in parts else _month_called(parts["name"])
            if month is None:
                continue
            tried = {form.format(sign=sign, digits=digits): (year, month, int(parts.get("day") or 1))}
        seconds = clock_of(parts)
        return {} if seconds is None else {
            form: moment for form, own in tried.items() if (moment := _moment(*own, seconds)) is not None
        }  # fmt: skip
    return {}


def _full_year(digits: str) -> int:
    return int(digits) + (0 if len(digits) == 4 else 1900 if int(digits) >= PIVOT else 2000)


def _month_called(name: str) -> int | None:
    """The number of a month, by the first three letters or more of its name."""
    plain = name.lower().rstrip(".")
    plain = "sep" if plain == "sept" else plain
    return next((month for month, own in enumerate(MONTHS, 1) if own.startswith(plain)), None)


def _moment(year: int, month: int, day: int, seconds: float) -> np.datetime64 | None:
    try:
        return np.datetime64(datetime(year, month, day) + timedelta(seconds=seconds), "us")
    except (ValueError, OverflowError):
        return None


def are_compact_dates(texts: Collection[str]) -> bool:
    """Whether half of the texts, three at least, are whole numbers that are dates such as 20241231.

    Of any numbers of eight digits that begin so one in thirty is.
    """
    if list(map(len, texts)).count(8) * 2 <= len(texts):
        return False
    found = sum(_compact(text) is not None for text in texts)
    return found > 2 and found * 2 > len(texts)


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
    votes = Counter[str]()
    for text, rows in counts.items():
        votes.update(dict.fromkeys(date_of(text), rows))
    if asked is not None and "%" in asked:
        sure = [form for form, _ in votes.most_common(1) if is_sure(form)]
        fits = sum(rows for text, rows in counts.items() if by_pattern(text, asked) is not NOTHING)
        return DateForm(asked if fits * 2 >= sum(counts.values()) or not sure else sure[0], False, missing)
    if asked is not None and votes:
        own = Counter({form: rows for form, rows in votes.items() if order_of(form) == asked or is_sure(form)})
        votes = own or Counter({reordered(votes.most_common(1)[0][0], asked): 1})
    best = max(votes.values(), default=0)
    forms = [form for form, rows in votes.items() if rows == best]
    years_first = [form for form in forms if re.match("YY[^Y]", form)]
    if len(forms) > len(years_first) and asked != "ymd":
        forms = [form for form in forms if form not in years_first]  # 21-12-31: where nothing else fits
    unsure = any("-" in form for form in years_first) and asked is None
    if len(forms) < 2:
        return DateForm(forms[0] if forms else "YYYY-MM-DD", unsure and forms != years_first, missing)
    # Month and day fit both ways: as the file's other dates; then points and hyphens for days first, slashes months.
    order = hint if hint in ("dmy", "mdy") else "mdy" if "/" in forms[0] else "dmy"
    form = next((own for own in forms if order_of(own) == order), forms[0])
    return DateForm(form, hint is None or unsure, missing)


def by_pattern(text: str, pattern: str) -> Any:
    """The moment that ``datetime.strptime`` finds, or ``NOTHING``."""
    try:
        return np.datetime64(datetime.strptime(text, pattern).replace(tzinfo=None), "us")
    except ValueError:
        return NOTHING


def is_sure(form: str) -> bool:
    """Whether nobody takes it for another order: years of four digits come first, or the month has a name."""
    return form.startswith("YYYY") or order_of(form) is None


def reordered(form: str, order: str) -> str:
    """A form of numbers in another order."""
    sign = next((own for own in "-/." if own in form), "-")
    if order == "ymd":
        return f"YY{sign}MM{sign}DD" if not form.endswith("YYYY") else f"YYYY{sign}MM{sign}DD"
    days, year = ("DD", "MM") if order == "dmy" else ("MM", "DD"), form.rpartition(sign)[2].replace("DD", "YY")
    return sign.join((*days, year))


def date_orders(counts: Mapping[str, int]) -> set[str]:
    """The orders of day and month that some of the texts can only have: "dmy", "mdy"."""
    found: set[str] = set()
    for text in counts:
        orders = {own for form in date_of(text) if (own := order_of(form)) in ("dmy", "mdy")}
        found |= orders if len(orders) == 1 else set()
    return found


def order_of(form: str) -> str | None:
    """The order of a form of numbers: "dmy", "mdy" or "ymd"; None where no other is possible."""
    order = re.match(r"(DD.MM|MM.DD|YY(?:YY)?.MM.DD)", form)
    return None if order is None else {"D": "dmy", "M": "mdy", "Y": "ymd"}[form[0]]


def check_dates(dates: str | None, where: str) -> str | None:
    """Refuses what is no order and no pattern.

    Raises:
        ConfigurationError: it is neither.
    """
    if dates is None or dates in ORDERS or is_pattern(str(dates)):
        return dates
    raise ConfigurationError(
        where=where,
        received=f"dates={dates!r}",
        expected='"dmy", "mdy", "ymd", or a pattern such as "%d.%m.%Y"',
        fix='for 31/12/2021 write "dmy", for 12/31/2021 "mdy"',
    )


def is_pattern(text: str) -> bool:
    """Whether it is a pattern of ``datetime.strptime``."""
    if "%" not in text:
        return False
    try:
        datetime.strptime(datetime(2021, 12, 31).strftime(text), text)
    except (ValueError, re.error) as error:
        return "directive" not in str(error) and "stray %" not in str(error)
    return True
