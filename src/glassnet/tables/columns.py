"""What is learned of each column, and how its values become numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.settings import Configurable, boolean, number
from glassnet.core.shapes import Array
from glassnet.core.waiting import go_on
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TIME, TRUTH, WORDS
from glassnet.tables.profiles import Profile
from glassnet.tables.raws import Raw, days_of, example_of, nothing

LOWEST = float(np.finfo(np.float64).min)
DAYS = {"month": 12.0, "weekday": 7.0, "hour": 24.0}
SECONDS_OF_DAY = 86_400.0


class Column(Configurable):
    """Base: one column of a table as some numbers.

    Args:
        name: of the column.
    """

    kinds: ClassVar[tuple[str, ...]]
    """The kinds of values that it takes."""
    name: str
    has_missing = False
    profile: Profile | None = None
    """How its values were spread in training, where that is known; it decides nothing."""

    @property
    def features(self) -> tuple[str, ...]:
        """A name for each of its numbers: the column's and, where values were missing, one that says so."""
        return with_missing((self.name,), self.has_missing)

    @abstractmethod
    def encode(self, raw: Raw) -> Array:
        """(N, features) float64, for a column of one of its kinds."""

    @abstractmethod
    def describe(self) -> str:
        """What was learned, in a few words."""

    def working(self, raw: Raw, row: int) -> tuple[str, ...]:
        """How the features of a row are calculated, an expression with its numbers for each.

        "" stands where nothing is calculated: for what is missing, and for columns that do not say.
        """
        nothing_said = ("",) * len(self.features)
        if raw.kind not in self.kinds or raw.missing[row]:
            return nothing_said
        return (*self._working(raw, row), *nothing_said)[: len(nothing_said)]

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        """The same for a value that is there; without the feature for missing ones."""
        return ()

    def apply(self, raw: Raw, *, where: str) -> Array:
        """``encode`` for whatever came, checked.

        Raises:
            DataError: values of another kind.
        """
        go_on()
        if raw.kind not in self.kinds and not raw.missing.all():
            raise DataError(
                where=f"{where}: column {self.name!r}",
                received=f"{raw.kind}, such as {example_of(raw)}",
                expected=" or ".join(self.kinds),
                fix="give the column the form that it had in training",
            )
        return self.encode(
            raw if raw.kind in self.kinds else raw.become(self.kinds[0], nothing(self.kinds[0], len(raw)))
        )


class Ignored(Column):
    """A column that says nothing: without values, or with one for all rows.

    Args:
        name: of the column.
        reason: why.
    """

    kinds = NUMBER, TRUTH, WORDS, TIME, DAYTIME, DURATION

    def __init__(self, name: str, reason: str) -> None:
        self.name = str(name)
        self.reason = str(reason)

    @property
    def features(self) -> tuple[str, ...]:
        """None."""
        return ()

    def encode(self, raw: Raw) -> Array:
        """Nothing."""
        return np.empty((len(raw), 0))

    def describe(self) -> str:
        """The reason."""
        return f"ignored: {self.reason}"


class _Standardised(Column):
    """Base of the columns of which mean and standard deviation are kept."""

    def __init__(self, name: str, mean: float, scale: float, has_missing: bool = False) -> None:
        where = f"column {name!r}"
        self.name = str(name)
        self.mean = number(mean, "mean", where, low=LOWEST)
        self.scale = number(scale, "scale", where, low=0, open_low=True)
        self.has_missing = boolean(has_missing, "has_missing", where)

    def _standardised(self, value: float) -> str:
        return f"({written(value)} − {written(self.mean, inside=True)}) / {written(self.scale)}"


class Number(_Standardised):
    """(x − mean) / scale; what is missing becomes 0, the mean, and 1 in a feature of its own.

    Args:
        name: of the column.
        mean: of the values in training.
        scale: their standard deviation.
        has_missing: whether some were missing in training, and so the further feature exists.
    """

    kinds = (NUMBER,)

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        return filled(((raw.values - self.mean) / self.scale)[:, None], raw.missing, self.has_missing)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        return (self._standardised(raw.values[row]),)

    def describe(self) -> str:
        """Mean and deviation."""
        return f"number, mean {self.mean:.6g}, deviation {self.scale:.6g}" + missing_note(self.has_missing)


class Duration(Number):
    """A duration in seconds, standardised as a ``Number``; arguments are those of ``Number``."""

    kinds = (DURATION,)

    def describe(self) -> str:
        """Mean and deviation."""
        return f"duration, mean {self.mean:.6g} s, deviation {self.scale:.6g} s" + missing_note(self.has_missing)


class Quantiles(Column):
    """The place of x among the values of the training, from −1 for the smallest to 1 for the largest.

    For columns with few huge values. What is missing becomes 0 and 1 in a feature of its own.

    Args:
        name: of the column.
        values: equally probable values, rising.
        has_missing: as in ``Number``.
    """

    kinds = (NUMBER,)

    def __init__(self, name: str, values: Any, has_missing: bool = False) -> None:
        self.name = str(name)
        self.values = np.asarray(values, dtype=np.float64)
        self.has_missing = boolean(has_missing, "has_missing", f"column {name!r}")
        if self.values.ndim != 1 or len(self.values) < 2 or not (np.diff(self.values) >= 0).all():
            raise ValueError(f"column {name!r}: quantiles that do not rise")

    def encode(self, raw: Raw) -> Array:
        """The values between two quantiles lie on a straight line; among equal ones the middle counts."""
        places = np.linspace(-1, 1, len(self.values))
        up = np.interp(raw.values, self.values, places)
        down = -np.interp(-raw.values, -self.values[::-1], places)
        return filled(((up + down) / 2)[:, None], raw.missing, self.has_missing)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        value, last = float(raw.values[row]), len(self.values) - 1
        before = int(np.searchsorted(self.values, value)) - 1
        if not 0 <= before < last or value in self.values:
            return ()
        low, high = (written(self.values[place], inside=True) for place in (before, before + 1))
        return (f"−1 + 2 · ({before} + ({written(value)} − {low}) / ({high} − {low})) / {last}",)

    def describe(self) -> str:
        """Smallest, middle and largest."""
        low, middle, high = self.values[0], np.median(self.values), self.values[-1]
        return f"quantiles, {low:.6g} to {high:.6g}, half below {middle:.6g}" + missing_note(self.has_missing)


class Truth(Column):
    """1 for true, 0 for false; what is missing ½ and 1 in a feature of its own.

    Args:
        name: of the column.
        has_missing: as in ``Number``.
    """

    kinds = (TRUTH,)

    def __init__(self, name: str, has_missing: bool = False) -> None:
        self.name = str(name)
        self.has_missing = boolean(has_missing, "has_missing", f"column {name!r}")

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        centred = filled(raw.values[:, None] - 0.5, raw.missing, self.has_missing)
        centred[:, 0] += 0.5
        return centred

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        return (f"[“{bool(raw.values[row])}” = “True”]",)

    def describe(self) -> str:
        """Its kind."""
        return "true or false" + missing_note(self.has_missing)


class Time(_Standardised):
    """A moment: standardised, and its month, weekday and hour each as a point on a circle.

    So December is as near to January as June to July.

    Args:
        name: of the column.
        mean: of the moments in training, in days since 1970.
        scale: their standard deviation in days.
        parts: which of "month", "weekday", "hour" are taken.
        has_missing: as in ``Number``.
    """

    kinds = (TIME,)

    def __init__(
        self, name: str, mean: float, scale: float, parts: Sequence[str] = tuple(DAYS), has_missing: bool = False
    ) -> None:
        super().__init__(name, mean, scale, has_missing)
        self.parts = tuple(parts)
        if not set(self.parts) <= set(DAYS):
            raise ValueError(f"column {name!r}: parts {self.parts} of a time")

    @property
    def features(self) -> tuple[str, ...]:
        """The moment, sine and cosine of each part, and whether it is missing."""
        circles = [f"{self.name} {function} {part}" for part in self.parts for function in ("sin", "cos")]
        return with_missing((self.name, *circles), self.has_missing)

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        columns = [(days_of(raw.values) - self.mean) / self.scale]
        for part in self.parts:
            angle = 2 * np.pi * part_of(raw.values, part) / DAYS[part]
            columns += [np.sin(angle), np.cos(angle)]
        return filled(np.stack(columns, axis=1), raw.missing, self.has_missing)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        moment = raw.values[row : row + 1]
        parts = ((float(part_of(moment, part)[0]), DAYS[part]) for part in self.parts)
        circles = (_on_circle(value, turn) for value, turn in parts)
        return (self._standardised(float(days_of(moment)[0])), *(one for pair in circles for one in pair))

    def describe(self) -> str:
        """Its parts."""
        return f"time, by {', '.join(self.parts)}" + missing_note(self.has_missing)


class TimeOfDay(_Standardised):
    """A time of day: standardised, and as a point on a circle, so that 23:59 is near to 0:00.

    Args:
        name: of the column.
        mean: of the times in training, in seconds since midnight.
        scale: their standard deviation in seconds.
        has_missing: as in ``Number``.
    """

    kinds = (DAYTIME,)

    @property
    def features(self) -> tuple[str, ...]:
        """The time, sine and cosine of its angle, and whether it is missing."""
        return with_missing((self.name, f"{self.name} sin day", f"{self.name} cos day"), self.has_missing)

    def encode(self, raw: Raw) -> Array:
        """See the class."""
        angle = 2 * np.pi * raw.values / SECONDS_OF_DAY
        columns = [(raw.values - self.mean) / self.scale, np.sin(angle), np.cos(angle)]
        return filled(np.stack(columns, axis=1), raw.missing, self.has_missing)

    def _working(self, raw: Raw, row: int) -> tuple[str, ...]:
        value = float(raw.values[row])
        return (self._standardised(value), *_on_circle(value, SECONDS_OF_DAY))

    def describe(self) -> str:
        """Mean."""
        minutes = round(self.mean / 60)
        return f"time of day, mean {minutes // 60}:{minutes % 60:02}" + missing_note(self.has_missing)


def written(value: float, *, inside: bool = False) -> str:
    """A number in an expression, with 12 digits at most; a negative one inside gets brackets."""
    text = f"{float(value):.12g}".replace("-", "−")
    return f"({text})" if inside and text.startswith("−") else text


def _on_circle(value: float, turn: float) -> tuple[str, str]:
    angle = f"2π · {written(value, inside=True)} / {written(turn)}"
    return f"sin({angle})", f"cos({angle})"


def part_of(moments: Array, part: str) -> Array:
    """The month from 0, the weekday from Monday, or the hour with its fraction."""
    days = moments.astype("datetime64[D]")
    if part == "month":
        return np.asarray((moments.astype("datetime64[M]") - moments.astype("datetime64[Y]")).astype(np.float64))
    if part == "weekday":
        return np.asarray((days.astype(np.int64) + 3) % 7, dtype=np.float64)
    return np.asarray((moments - days).astype("timedelta64[us]").astype(np.float64) / 3600e6)


def with_missing(names: tuple[str, ...], has_missing: bool, column: str | None = None) -> tuple[str, ...]:
    """The names, and one for the feature that says that a value is missing."""
    return (*names, f"{column or names[0]} missing") if has_missing else names


def filled(features: Array, missing: Array, has_missing: bool) -> Array:
    """Zeros where values are missing, and the feature that says so."""
    features = np.where(missing[:, None], 0.0, features)
    return np.column_stack([features, missing]) if has_missing else features


def missing_note(has_missing: bool) -> str:
    """What a description says of missing values."""
    return ", some missing" if has_missing else ""
