"""Windows of series: so many steps of the past as the input, so many of the future as the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, DataError, ShapeError, did_you_mean, shown
from glassnet.core.lazy import worked_out
from glassnet.core.settings import is_real, whole
from glassnet.core.shapes import Array
from glassnet.preprocessing import Standardize
from glassnet.series.errors import ForecastErrors, naive_forecasts
from glassnet.series.forecasting import MOST_STEPS, Forecasting, require_steps
from glassnet.series.given import Given, Series
from glassnet.series.reading import read_series

WHERE = "windows"


@dataclass(frozen=True, eq=False)
class Windows:
    """Rows to train with or to test with, each a stretch of a series: what was, and what came then.

    ``gn.data.windows`` makes them. In ``x`` and ``y`` every series has the mean 0 and the deviation 1 (of the steps
    that are trained with), in ``actual`` its own unit. Windows of one series follow one another in time and overlap, so
    that rows must not be held out at random: see ``split``.

    Attributes:
        forecasting: what the model has to know to forecast; goes to ``model.forecasting``.
        series: the whole series, in their own unit.
        futures: for each series where the steps begin and end (without the last) that are forecast.
    """

    forecasting: Forecasting
    series: tuple[Series, ...]
    futures: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        """The number of windows N."""
        return sum(self._counts)

    @property
    def _counts(self) -> list[int]:
        return [max(0, end - begin - self.forecasting.future + 1) for begin, end in self.futures]

    @worked_out
    def x(self) -> Array:
        """The past of each window without its unit, float64 (N, P, D)."""
        return self._gathered(self._scaled, -self.forecasting.past, self.forecasting.past)

    @worked_out
    def y(self) -> Array:
        """The targets' future without its unit, float64 (N, F), or (N, F, M) of several targets."""
        found = self._gathered(self._scaled, 0, self.forecasting.future)[:, :, self.forecasting.places]
        return found.reshape(len(found), *self.forecasting.output_shape)

    @property
    def actual(self) -> Array:
        """The targets' future in the unit of each series, (N, F, M)."""
        own = [one.values for one in self.series]
        return self._gathered(own, 0, self.forecasting.future)[:, :, self.forecasting.places]

    @property
    def names(self) -> Array:
        """The name of each window's series, (N,)."""
        return np.repeat(np.array([one.name for one in self.series], dtype=object), self._counts)

    @property
    def starts(self) -> Array:
        """The number of the step with which the future of each window begins, (N,)."""
        return np.concatenate(
            [np.arange(begin, begin + n) for (begin, _), n in zip(self.futures, self._counts, strict=True)]
        )

    @property
    def _scaled(self) -> list[Array]:
        return [self.forecasting.scaled(one.values, one.name) for one in self.series]

    def _gathered(self, values: Sequence[Array], offset: int, length: int) -> Array:
        """For each window the steps from ``offset`` after its future's beginning on, (N, length, D)."""
        parts = []
        for own, (begin, _), count in zip(values, self.futures, self._counts, strict=True):
            if count:
                slid = sliding_window_view(own, length, axis=0)  # (T - length + 1, D, length)
                parts.append(slid[begin + offset : begin + offset + count].swapaxes(1, 2))
        return np.concatenate(parts)

    def in_unit(self, outputs: Any) -> Array:
        """What a model gives for ``x``, in the unit of each series.

        Args:
            outputs: (N, F), or (N, F, M) of several targets.

        Returns:
            (N, F, M) float64.
        """
        found = np.asarray(outputs, np.float64)
        if found.shape != (len(self), *self.forecasting.output_shape):
            raise ShapeError(
                where="in_unit",
                received=f"an array of shape {found.shape}",
                expected=f"{(len(self), *self.forecasting.output_shape)}, what a network gives for these windows",
                fix="pass model.predict(windows.x)",
            )
        ends = np.cumsum(self._counts)[:-1]
        parts = np.split(found, ends)
        return np.concatenate(
            [self.forecasting.in_unit(part, one.name) for part, one in zip(parts, self.series, strict=True)]
        )

    def split(self, test_share: float = 0.25) -> tuple[Windows, Windows]:
        """The earlier steps to train with and the later ones to test with; the scaling is that of the earlier.

        No step that is forecast in one part is forecast in the other, and nothing of the later part is in the earlier.
        Series with dates are all cut at one moment, others each after the same share of its steps.

        Args:
            test_share: the share of the steps in the later part, above 0 and below 1.

        Raises:
            ConfigurationError: a share outside (0, 1).
            DataError: a part has too few steps for a single window; a series has none to train with.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> train, test = gn.data.windows(np.arange(20.0), past=4, future=2).split(test_share=0.25)
            >>> len(train), len(test), float(train.actual.max()), float(test.actual.min())
            (10, 4, 14.0, 15.0)
        """
        earlier, later = self.cut(test_share)
        known = [
            Series(one.name, one.values[:end], None) for one, (_, end) in zip(self.series, earlier.futures, strict=True)
        ]
        forecasting = _rescaled(self.forecasting, known)
        return replace(earlier, forecasting=forecasting), replace(later, forecasting=forecasting)

    def cut(self, share: float) -> tuple[Windows, Windows]:
        """The same as ``split``, but both parts keep the scaling: to set a part of the training rows aside."""
        if not is_real(share) or not 0 < share < 1:
            raise ConfigurationError(
                where="split",
                received=f"test_share={shown(share)}",
                expected="a share above 0 and below 1",
                fix="write test_share=0.25 for the latest quarter of the steps",
            )
        cuts = self._cuts(float(share))
        least = self.forecasting.past + self.forecasting.future
        for one, at in zip(self.series, cuts, strict=True):
            if at < least:
                raise DataError(
                    where="split" + (f": series {one.name!r}" if one.name else ""),
                    received=f"{at:,} steps before the cut",
                    expected=f"at least {least:,}, those of one window",
                    fix="choose a smaller test share, a shorter past or future, or leave this series out",
                )
        pairs = list(zip(self.futures, cuts, strict=True))
        earlier = replace(self, futures=tuple((begin, min(at, end)) for (begin, end), at in pairs))
        later = replace(self, futures=tuple((max(at, begin), end) for (begin, end), at in pairs))
        if not len(later):
            steps = max(end - at for (_, end), at in pairs)
            raise DataError(
                where="split",
                received=f"{max(0, steps):,} steps after the cut",
                expected=f"at least {self.forecasting.future:,}, as many as a forecast has",
                fix="choose a larger test share, or a shorter future",
            )
        return earlier, later

    def _cuts(self, share: float) -> list[int]:
        """For each series the number of its first step after the cut."""
        ends = [end for _, end in self.futures]
        stamps = [one.stamps[:end] for one, end in zip(self.series, ends, strict=True) if one.stamps is not None]
        if len(stamps) < len(ends):
            return [end - round(end * share) for end in ends]
        moments = np.unique(np.concatenate(stamps))
        moment = moments[min(len(moments) - 1, len(moments) - round(len(moments) * share))]
        return [int(np.searchsorted(own, moment)) for own in stamps]

    def scaled_for(self, forecasting: Forecasting, *, where: str = "scaled_for") -> Windows:
        """The same stretches as a model of that forecasting takes them: by the means and deviations of its training.

        Windows of other data than those of the training, which are cut anew, have means and deviations of their own.

        Args:
            forecasting: ``model.forecasting``.
            where: for messages.

        Raises:
            ConfigurationError: windows of other lengths, columns or targets.
            DataError: a series that its training did not see, or steps of another length.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> trained = gn.data.windows(np.arange(10.0), past=3, future=2)
            >>> later = gn.data.windows(np.arange(10.0, 20.0), past=3, future=2).scaled_for(trained.forecasting)
            >>> later.x.round(2)[0, :, 0].tolist(), later.actual[0, :, 0].tolist()
            ([1.91, 2.26, 2.61], [13.0, 14.0])
        """
        own = self.forecasting
        for name in ("past", "future", "columns", "targets"):
            if getattr(own, name) != getattr(forecasting, name):
                raise ConfigurationError(
                    where=where,
                    received=f"windows with {name}={shown(getattr(own, name))}",
                    expected=f"{name}={shown(getattr(forecasting, name))}, as in the model's training",
                    fix="cut the series as they were cut for the training",
                )
        forecasting.require_known(own.names, own.step, where=where)
        return replace(self, forecasting=Forecasting(**forecasting.settings() | {"period": own.period}))

    def errors(self, outputs: Any) -> ForecastErrors:
        """How far a model's forecasts are off, beside what is obvious; in the series' own unit.

        Args:
            outputs: ``model.predict(windows.x)``, with windows of the model's scaling: see ``scaled_for``.
        """
        predicted, given = self.in_unit(outputs), (self.forecasting, self.series, self.names, self.starts)
        return ForecastErrors(*given, self.actual, predicted, dict(naive_forecasts(*given)))


@suggests
def windows(
    series: Any,
    past: int,
    future: int,
    *,
    targets: str | int | Sequence[str | int] | None = None,
    time: str | None = None,
    by: str | None = None,
    period: int | None = None,
) -> Windows:
    """Cuts series into windows: ``past`` steps to look at, and the ``future`` steps after them to forecast.

    Args:
        series: numbers (T,) or (T, D), a step after the other; several series as a dict of such arrays by name, or as
            a list; or a frame of any library, or of ``gn.data.read_table``, with columns of numbers. A pandas index of
            dates counts as a column of dates; one of words is refused, for it may be meant to set the order.
        past: P, the steps of each input.
        future: F, the steps of each target.
        targets: the columns to forecast, by name, or by number for arrays; None for all.
        time: of a frame: the column of dates; None for the only one. It sets the order, and must go on by one step
            (so many seconds, or months of the calendar) without gaps.
        by: of a frame: the column that tells several series apart.
        period: after how many steps things are much as before, for the forecast that a model is compared with; None
            for a day, of days a week, of months a year, where there are dates.

    Returns:
        ``Windows`` of all steps, with ``x``, ``y`` and ``split``.

    Raises:
        ConfigurationError: settings outside their range, columns that are not there.
        DataError: a gap, NaN, words among the numbers, stamps that are doubled or not one step apart, a series that is
            too short for a single window; each is named.
        ShapeError: arrays of other axes.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> hours = np.arange(400)
        >>> load = 50 + 10 * np.sin(hours / 24 * 2 * np.pi)
        >>> train, test = gn.data.windows(load, past=48, future=24).split(test_share=0.25)
        >>> net = gn.Sequential(gn.Flatten(), gn.Dense(32), gn.ReLU(), gn.Dense(24))
        >>> model = gn.Model(net, "mean_squared_error", gn.Adam(0.01))
        >>> model.forecasting = train.forecasting
        >>> history = model.fit(train.x, train.y, epochs=20, verbose=False)
        >>> bool(test.errors(model.predict(test.x)).mean_absolute_error < 2), model.forecast(load).shape
        (True, (24,))
    """
    past, future = whole(past, "past", WHERE, high=MOST_STEPS), whole(future, "future", WHERE, high=MOST_STEPS)
    given = read_series(series, where=WHERE, time=time, by=by)
    names = _targets(targets, given.columns)
    if period is not None:
        period = whole(period, "period", WHERE, low=2, high=MOST_STEPS)
    elif given.step is not None:
        period = given.step.period
    for one in given.series:
        least = past + future
        expected = f"{least:,}, {past:,} of the past and {future:,} of the future"
        require_steps(one, least, expected, WHERE, "choose a shorter past or future, or leave this series out")
    forecasting = Forecasting(
        past,
        future,
        given.columns,
        names,
        [one.name for one in given.series],
        **_scaling(given.series),
        step=given.step,
        period=period,
        time=given.time,
        by=given.by,
        table=given.table,
    )
    return of_series(forecasting, given)


def of_series(forecasting: Forecasting, given: Given) -> Windows:
    """All windows of series, as a model that knows them takes them."""
    least = forecasting.past + forecasting.future
    for one in given.series:
        require_steps(one, least, f"{least:,}, those of one window", WHERE)
    return Windows(forecasting, given.series, tuple((forecasting.past, len(one)) for one in given.series))


def _scaling(series: Sequence[Series]) -> dict[str, Array]:
    """The mean and the deviation of each column of each series."""
    found = [Standardize.from_data(one.values) for one in series]
    return {"mean": np.stack([one.mean for one in found]), "scale": np.stack([one.scale for one in found])}


def _rescaled(forecasting: Forecasting, series: Sequence[Series]) -> Forecasting:
    return Forecasting(**forecasting.settings() | _scaling(series))


def _targets(targets: Any, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the columns to forecast."""
    if targets is None:
        return columns
    given = [targets] if isinstance(targets, str | int | np.integer) else targets
    if not isinstance(given, list | tuple) or not given:
        raise ConfigurationError(
            where=WHERE,
            received=f"targets={shown(targets)}",
            expected="names of columns, or their numbers",
            fix=f"write targets={columns[0]!r}",
        )
    found = []
    for one in given:
        is_place = isinstance(one, int | np.integer) and not isinstance(one, bool)
        if not (0 <= one < len(columns) if is_place else isinstance(one, str) and one in columns):
            raise ConfigurationError(
                where=WHERE,
                received=f"the target {shown(one)}",
                expected=f"one of the columns {', '.join(map(repr, columns[:20]))}",
                fix=f"{did_you_mean(str(one), columns)}choose one of the columns",
            )
        found.append(columns[one] if is_place else one)
    if len(set(found)) < len(found):
        raise ConfigurationError(
            where=WHERE,
            received=f"targets={shown(targets)}",
            expected="each column once",
            fix="name each target once",
        )
    return tuple(found)
