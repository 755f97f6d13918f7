"""Series of numbers in time: windows of their past and future, forecasts in their own unit, and what is obvious."""

from glassnet.series.errors import ForecastErrors
from glassnet.series.forecasting import Forecasting
from glassnet.series.stamps import TimeStep
from glassnet.series.windows import Windows, windows

__all__ = ["ForecastErrors", "Forecasting", "TimeStep", "Windows", "windows"]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
