"""How far forecasts are off, beside forecasts that need no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.series.forecasting import Forecasting
from glassnet.series.given import Series

LAST = "the last value"


@dataclass(frozen=True, eq=False)
class ForecastErrors:
    """Forecasts, what came, and what the obvious forecasts were; everything (N, F, M), in the series' own unit.

    Attributes:
        forecasting: how much is looked back on and ahead, and the names.
        series: the whole series.
        names: of each window's series, (N,).
        starts: the number of the step with which the future of each window begins, (N,).
        actual: what came.
        predicted: by the model.
        naive: forecasts that need no model, by what they are: "the last value" goes on for ever; and, where the period
            is known and the series go back as far, "24 steps before".

    Example:
        >>> import numpy as np, glassnet as gn
        >>> windows = gn.data.windows(np.arange(10.0), past=3, future=2)
        >>> found = windows.errors(windows.y)
        >>> found.mean_absolute_error, found.naive_errors()
        (0.0, {'the last value': 1.5})
    """

    forecasting: Forecasting
    series: Sequence[Series]
    names: Array
    starts: Array
    actual: Array
    predicted: Array
    naive: dict[str, Array]

    @property
    def mean_absolute_error(self) -> float:
        """How far the model's forecasts are off on average, over all windows, steps and targets."""
        return self._absolute(self.predicted)

    @property
    def root_mean_squared_error(self) -> float:
        """The root of the mean of the squares of what the model's forecasts are off by."""
        return float(np.sqrt(np.mean((self.predicted - self.actual) ** 2)))

    def naive_errors(self) -> dict[str, float]:
        """How far the obvious forecasts are off on average, by what they are."""
        return {name: self._absolute(forecast) for name, forecast in self.naive.items()}

    @property
    def is_better(self) -> bool:
        """Whether the model is off by less than each of the obvious forecasts."""
        return all(self.mean_absolute_error < error for error in self.naive_errors().values())

    def by_target(self) -> dict[str, ForecastErrors]:
        """Those of each target, by its name: several may have several units."""
        names = self.forecasting.targets
        return {name: self._part(slice(None), slice(place, place + 1)) for place, name in enumerate(names)}

    def by_series(self) -> dict[str, ForecastErrors]:
        """Those of each series, by its name."""
        known = dict.fromkeys(self.names.tolist())
        return {name: self._part(np.flatnonzero(self.names == name), slice(None)) for name in known}

    def _part(self, rows: Any, targets: slice) -> ForecastErrors:
        forecasting = self.forecasting
        if targets != slice(None):
            names = forecasting.targets[targets]
            forecasting = Forecasting(**forecasting.settings() | {"targets": names})
        chosen = rows, slice(None), targets
        naive = {name: own[chosen] for name, own in self.naive.items()}
        own = {"names": self.names[rows], "starts": self.starts[rows], "actual": self.actual[chosen]}
        return replace(self, forecasting=forecasting, **own, predicted=self.predicted[chosen], naive=naive)

    def _absolute(self, forecast: Array) -> float:
        return float(np.mean(np.abs(forecast - self.actual)))


def naive_forecasts(
    forecasting: Forecasting, series: Sequence[Series], names: Array, starts: Array
) -> Iterator[tuple[str, Array]]:
    """Forecasts that need no model, by what they are; arguments are those of ``ForecastErrors``."""
    future, places = forecasting.future, forecasting.places
    by_name = {one.name: one.values[:, places] for one in series}
    last = [by_name[name][start - 1] for name, start in zip(names, starts, strict=True)]
    yield LAST, np.repeat(np.stack(last)[:, None], future, axis=1)
    period = forecasting.period
    if period is not None and starts.min() >= period:
        before = np.arange(future) % period - period
        found = [by_name[name][start + before] for name, start in zip(names, starts, strict=True)]
        yield f"{period} steps before", np.stack(found)
