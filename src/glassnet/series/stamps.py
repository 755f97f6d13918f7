"""The stamps of a series' steps: whether they follow one another by one step, and what comes after them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.settings import Configurable, boolean, number, one_of
from glassnet.core.shapes import Array

SECOND, MONTH = "second", "month"
DAY = 86_400.0
SHORTEST_MONTH = 28 * DAY
LONGEST = 1e10
"""Seconds, some three centuries; a thousand such steps are well within what stamps can hold."""
_UNITS = (("day", DAY), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0))


class TimeStep(Configurable):
    """The time from one step of a series to the next: so many seconds, or so many months of the calendar.

    Args:
        count: how many.
        unit: ``"second"`` or ``"month"``.
        at_month_end: whether each stamp stands on the last day of its month.

    Example:
        >>> import numpy as np
        >>> found = TimeStep(1, "month", at_month_end=True).after(np.datetime64("2023-12-31"), 2)
        >>> found.astype("datetime64[D]").astype(str).tolist()
        ['2024-01-31', '2024-02-29']
    """

    def __init__(self, count: float, unit: str = SECOND, *, at_month_end: bool = False) -> None:
        self.count = number(count, "count", "TimeStep", low=0, open_low=True, high=LONGEST)
        self.unit = one_of(unit, "unit", "TimeStep", (SECOND, MONTH))
        self.at_month_end = boolean(at_month_end, "at_month_end", "TimeStep")
        if unit == MONTH and self.count % 1:
            raise ValueError(f"a step of {count} months")

    def __str__(self) -> str:
        name, count = self.unit, self.count
        if self.unit == SECOND:
            name, size = next((own for own in _UNITS if self.count % own[1] == 0), _UNITS[-1])
            count = self.count / size
        return f"{count:g} {name}{'s' if count != 1 else ''}"

    @property
    def period(self) -> int | None:
        """The steps of a day, of a week where a step is a day, of a year where it is months; None for other steps."""
        if self.unit == MONTH:
            return round(12 / self.count) if self.count < 12 and 12 % self.count == 0 else None
        if self.count == DAY:
            return 7
        return round(DAY / self.count) if self.count < DAY and DAY % self.count == 0 else None

    def after(self, stamp: np.datetime64, steps: int) -> Array:
        """The stamps of the steps that follow one, datetime64[us] (steps,)."""
        last, numbers = stamp.astype("datetime64[us]"), np.arange(1, steps + 1)
        if self.unit == SECOND:
            return np.asarray(last + np.rint(numbers * self.count * 1e6).astype("timedelta64[us]"))
        month = last.astype("datetime64[M]")
        months = month + numbers * int(self.count)
        if not self.at_month_end:
            return np.asarray(months.astype("datetime64[us]") + (last - month.astype("datetime64[us]")))
        return np.asarray(_days_of(months) + (last - last.astype("datetime64[D]").astype("datetime64[us]")))


def regular_step(stamps: Array, place: Callable[[int], str], *, where: str, column: str) -> TimeStep:
    """The step of rising stamps (T,), two at least.

    Args:
        stamps: datetime64[us].
        place: how messages name the row of a stamp.
        where: for messages.
        column: what the stamps are called.

    Raises:
        DataError: a stamp that is there twice, or steps of different lengths; the first place is named.
    """
    steps = np.diff(stamps).astype(np.int64)
    doubled = np.flatnonzero(steps == 0)
    if len(doubled):
        at = int(doubled[0])
        others = f", and {len(doubled) - 1:,} other times" if len(doubled) > 1 else ""
        raise DataError(
            where=f"{where}: {column}",
            received=f"{shown_stamp(stamps[at])} twice, in {place(at)} and {place(at + 1)}{others}",
            expected="each moment once in a series",
            fix="take one of the rows out; or name the column that tells several series apart (by=, --series)",
        )
    by_month = _step_in_months(stamps)
    if (steps == steps[0]).all() and (by_month is None or steps[0] < SHORTEST_MONTH * 1e6):
        return TimeStep(float(steps[0]) / 1e6)
    if by_month is not None:
        return by_month
    lengths, counts = np.unique(steps, return_counts=True)
    usual = lengths[np.argmax(counts)]
    odd = np.flatnonzero(steps != usual)
    at = int(odd[0])
    others = f" ({len(odd) - 1:,} other steps are no {TimeStep(usual / 1e6)} either)" if len(odd) > 1 else ""
    raise DataError(
        where=f"{where}: {column}",
        received=f"a step from {shown_stamp(stamps[at])} to {shown_stamp(stamps[at + 1])}, {place(at + 1)}{others}",
        expected=f"the same step everywhere, such as {TimeStep(usual / 1e6)}",
        fix=f"put in the rows that are missing, or leave {column} out (--ignore) to take rows as steps of one length",
    )


def shown_stamp(stamp: np.datetime64) -> str:
    """A stamp as short as it can be written.

    Example:
        >>> import numpy as np
        >>> shown_stamp(np.datetime64("2024-03-01T00:00")), shown_stamp(np.datetime64("2024-03-01T06:30"))
        ('2024-03-01', '2024-03-01 06:30')
    """
    for unit in ("D", "m", "s"):
        if stamp.astype(f"datetime64[{unit}]").astype("datetime64[us]") == stamp:
            return str(stamp.astype(f"datetime64[{unit}]")).replace("T", " ")
    return str(stamp).replace("T", " ")


def _step_in_months(stamps: Array) -> TimeStep | None:
    """The step of stamps that stand at one place of their months, or all on the last day, so many months apart."""
    months = stamps.astype("datetime64[M]")
    counts = np.diff(months.astype(np.int64))
    if not len(counts) or counts[0] < 1 or (counts != counts[0]).any():
        return None
    days = stamps.astype("datetime64[D]")
    clocks = stamps - days.astype("datetime64[us]")
    if (clocks != clocks[0]).any():
        return None
    in_month = (days - months.astype("datetime64[D]")).astype(np.int64)
    if (in_month == in_month[0]).all() and in_month[0] < 28:
        return TimeStep(int(counts[0]), MONTH)
    at_end = (days == _days_of(months).astype("datetime64[D]")).all()
    return TimeStep(int(counts[0]), MONTH, at_month_end=True) if at_end else None


def _days_of(months: Array) -> Array:
    """The last day of each month, datetime64[us]."""
    return np.asarray((months + 1).astype("datetime64[D]").astype("datetime64[us]") - np.timedelta64(1, "D"))
