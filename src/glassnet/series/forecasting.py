"""What a model of forecasts knows of its series: how much it looks back and ahead, and the unit of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import DataError, did_you_mean
from glassnet.core.settings import Configurable, whole
from glassnet.core.shapes import Array, Shape
from glassnet.series.given import Given, Series
from glassnet.series.reading import read_series
from glassnet.series.stamps import TimeStep
from glassnet.tables import Table

MOST_STEPS = 1_000_000
MORE = "give it more steps, such as those before its first, or leave this series out"


class Forecasting(Configurable):
    """How windows of series are made, and how forecasts come back into the series' own unit.

    ``gn.data.windows`` makes it; as ``model.forecasting`` it is kept in the model's file, and lets ``model.forecast``
    take series as they are.

    Args:
        past: P, the steps that a forecast looks back on.
        future: F, the steps that it goes ahead.
        columns: the names of the D columns.
        targets: the names of the M of them that are forecast.
        names: of the S series; ``("",)`` for one that stands alone.
        mean: of each series' columns, (S, D).
        scale: their standard deviations, (S, D).
        step: the time between two steps, where it is known.
        period: after how many steps things are much as before, such as 24 hours; None where that is not known.
        time: the name of the column with dates, if there is one.
        by: the name of the column that tells series apart, if there is one.
        table: how the columns of a frame or a file are read, where they came from one.
    """

    def __init__(
        self,
        past: int,
        future: int,
        columns: Sequence[str],
        targets: Sequence[str],
        names: Sequence[str],
        mean: Any,
        scale: Any,
        step: TimeStep | None = None,
        period: int | None = None,
        time: str | None = None,
        by: str | None = None,
        table: Table | None = None,
    ) -> None:
        self.past = whole(past, "past", "Forecasting", high=MOST_STEPS)
        self.future = whole(future, "future", "Forecasting", high=MOST_STEPS)
        self.columns, self.targets, self.names = map(tuple, (columns, targets, names))
        self.mean, self.scale = (np.asarray(given, dtype=np.float64) for given in (mean, scale))
        self.step = step
        self.period = None if period is None else whole(period, "period", "Forecasting", low=2, high=MOST_STEPS)
        self.time, self.by, self.table = time, by, table
        shape = (len(self.names), len(self.columns))
        if self.mean.shape != shape or self.scale.shape != shape or 0 in shape or not self.targets:
            raise ValueError(f"a forecasting of {shape} with means and scales of {self.mean.shape}, {self.scale.shape}")
        if not np.isfinite(self.mean).all() or not np.isfinite(self.scale).all() or (self.scale <= 0).any():
            raise ValueError("a forecasting with means or scales that are no finite numbers, or scales not above 0")
        for given in (self.columns, self.targets, self.names):
            if not all(isinstance(name, str) for name in given) or len(set(given)) < len(given):
                raise ValueError(f"the names {given!r:.60} in a forecasting")
        if not all(isinstance(name, str | None) for name in (time, by)):
            raise ValueError("names of columns that are no texts")
        if not set(self.targets) <= set(self.columns) or not isinstance(step, TimeStep | None):
            raise ValueError(f"the targets {self.targets!r:.60} in a forecasting of {self.columns!r:.60}")
        needed = {*self.columns, *(name for name in (time, by) if name is not None)}
        if not isinstance(table, Table | None) or (table and {own.name for own in table.columns} != needed):
            raise ValueError(f"a forecasting of the columns {sorted(needed)!r:.80} with {table!r:.80}")

    @property
    def input_shape(self) -> Shape:
        """(P, D): a row of what the network takes."""
        return (self.past, len(self.columns))

    @property
    def output_shape(self) -> Shape:
        """(F,) for one target, (F, M) for several: a row of what the network gives."""
        return (self.future,) if len(self.targets) == 1 else (self.future, len(self.targets))

    @property
    def places(self) -> list[int]:
        """Where the targets stand among the columns."""
        return [self.columns.index(name) for name in self.targets]

    def describe(self) -> str:
        """What is forecast from what, in a few words."""
        steps = f"{self.past:,} steps back, {self.future:,} ahead" + (f", {self.step} each" if self.step else "")
        series = f"{len(self.names):,} series, " if len(self.names) > 1 else ""
        more = f" from {len(self.columns):,} columns" if len(self.columns) > len(self.targets) else ""
        targets = ", ".join(self.targets[:5]) + (", …" if len(self.targets) > 5 else "")
        return f"{series}{targets}{more}, {steps}"

    def read(self, given: Any, *, where: str) -> Given:
        """Series as ``gn.data.windows`` takes them, which must be those of the training.

        Raises:
            DataError, ShapeError, ConfigurationError: see ``read_series``; a series that training did not see, or one
                whose steps are of another length.
        """
        found = read_series(given, where=where, time=self.time, by=self.by, columns=self.columns, table=self.table)
        self.require_known([one.name for one in found.series], found.step, where=where)
        return found

    def require_known(self, names: Sequence[str], step: TimeStep | None, *, where: str) -> None:
        """Refuses series that training did not see, and a step of another length.

        Raises:
            DataError: there is one.
        """
        for name in names:
            if name not in self.names:
                known = ", ".join(map(repr, self.names[:10])) + ("" if len(self.names) <= 10 else ", …")
                raise DataError(
                    where=where,
                    received=f"the series {name!r}" if name else "a series without a name",
                    expected=f"one of {known}, of which the unit is known" if self.names != ("",) else "one alone",
                    fix=f"{did_you_mean(name, self.names)}train a model with this series, too"
                    if name
                    else "write a dict: {name: numbers}",
                )
        if step is not None and self.step is not None and step.settings() != self.step.settings():
            raise DataError(
                where=where,
                received=f"steps of {step}",
                expected=f"steps of {self.step}, as in training",
                fix="bring the series to that step, or train a model for this one",
            )

    def scaled(self, values: Array, name: str) -> Array:
        """(…, D) of the series of that name without its unit."""
        place = self.names.index(name)
        return np.asarray((values - self.mean[place]) / self.scale[place])

    def in_unit(self, outputs: Array, name: str) -> Array:
        """What a network gives for that series, (…, F) or (…, F, M), in its unit: (…, F, M)."""
        place, targets = self.names.index(name), self.places
        found = np.asarray(outputs, np.float64)
        found = found.reshape(*found.shape[: found.ndim - len(self.output_shape)], self.future, len(targets))
        return found * self.scale[place, targets] + self.mean[place, targets]

    def latest(self, given: Given, *, where: str) -> Array:
        """The last P steps of each series as the network takes them, (S, P, D).

        Raises:
            DataError: a series has fewer steps.
        """
        for one in given.series:
            require_steps(one, self.past, f"{self.past:,}, on which a forecast looks back", where)
        return np.stack([self.scaled(one.values[len(one) - self.past :], one.name) for one in given.series])


def require_steps(series: Series, least: int, expected: str, where: str, fix: str = MORE) -> None:
    """Refuses a series of fewer steps; a model that is trained takes no shorter ones."""
    if len(series) < least:
        raise DataError(
            where=f"{where}: series {series.name!r}" if series.name else where,
            received=f"{len(series):,} steps",
            expected=f"at least {expected}",
            fix=fix,
        )
