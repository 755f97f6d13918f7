"""Pictures of forecasts of series: what was, what was said, what came; and how much worse far ahead is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.drawing import worded
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.settings import is_whole
from glassnet.core.shapes import Array
from glassnet.plots import figures
from glassnet.plots.figures import FIRST, INK, PALE, SECOND, SMALL, label_axes, new_figure
from glassnet.series import ForecastErrors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 9.0, 2.5
MOST_DRAWN = 4
_DASHES: Sequence[tuple[float, ...]] = ((4, 2), (1, 2))


@suggests
def plot_forecast(errors: ForecastErrors, row: int | None = None, *, path: str | Path | None = None) -> Figure:
    """Draws a forecast: the past that it looked back on, what the model and the obvious forecasts said, what came.

    Args:
        errors: of a model, ``windows.errors(model.predict(windows.x))``.
        row: the window, from 0; None for the last one of each series.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure, with a panel for each target of each series, at most four.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigurationError: no such errors; the path cannot be written.
        DataError: there is no such window.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> windows = gn.data.windows(np.sin(np.arange(60.0)), past=12, future=6)
        >>> len(gn.plots.plot_forecast(windows.errors(windows.y)).axes)
        1
    """
    where = "plot_forecast"
    target = figures.prepared(path, where)
    if not isinstance(errors, ForecastErrors):
        raise ConfigurationError(
            where=where,
            received=shown(errors),
            expected="the errors of forecasts",
            fix="pass windows.errors(model.predict(windows.x))",
        )
    panels = [(own, place) for own in _rows(errors, row) for place in range(len(errors.forecasting.targets))]
    panels = panels[:MOST_DRAWN]
    figure = new_figure(WIDTH, HEIGHT * len(panels) + 0.4)
    for axes, (own, place) in zip(np.ravel(figure.subplots(len(panels), squeeze=False)), panels, strict=True):
        _draw(axes, errors, own, place)
    return figures.finished(figure, target)


def steps_ahead(errors: ForecastErrors, title: str) -> Figure:
    """Draws by how much forecasts are off one step ahead, two steps ahead, and so on."""
    figure = new_figure(4.4, 3.2, title)
    axes, steps = figure.subplots(), np.arange(1, errors.forecasting.future + 1)
    for name, forecast, look in _lines(errors):
        off = np.abs(forecast - errors.actual).mean(axis=(0, 2))
        axes.plot(steps, off, label=worded(name), marker="o" if len(steps) == 1 else "", **look)
    label_axes(axes, worded("steps ahead"), worded("mean absolute error"), is_open=True)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=SMALL)
    return figure


def _rows(errors: ForecastErrors, row: int | None) -> list[int]:
    names = errors.names
    if row is None:
        return [int(np.flatnonzero(names == name)[-1]) for name in dict.fromkeys(names.tolist())]
    if not is_whole(row) or not 0 <= row < len(names):
        raise DataError(
            where="plot_forecast",
            received=f"row={shown(row)}",
            expected=f"the number of one of {len(names):,} windows, from 0",
            fix="leave row out for the last one",
        )
    return [int(row)]


def _lines(errors: ForecastErrors) -> list[tuple[str, Array, dict[str, Any]]]:
    """Each forecast with its name and how it is drawn, the model's first."""
    found: list[tuple[str, Array, dict[str, Any]]] = [
        ("the model", errors.predicted, {"color": FIRST, "linewidth": 1.8})
    ]
    for (name, forecast), dashes in zip(errors.naive.items(), _DASHES, strict=False):
        found.append((name, forecast, {"color": SECOND, "linewidth": 1.2, "dashes": dashes}))
    return found


def _draw(axes: Axes, errors: ForecastErrors, row: int, place: int) -> None:
    forecasting, name = errors.forecasting, errors.names[row]
    series = next(one for one in errors.series if one.name == name)
    start = int(errors.starts[row])
    steps = np.arange(start - forecasting.past, start + forecasting.future)
    across = steps if series.stamps is None else series.stamps[steps]
    values, past = series.values[steps, forecasting.places[place]], forecasting.past
    mark = "o" if forecasting.future == 1 else ""
    axes.plot(across[:past], values[:past], color=PALE, linewidth=1.4)
    axes.plot(across[past:], values[past:], color=INK, linewidth=1.4, label=worded("what came"), marker=mark)
    for label, forecast, look in _lines(errors):
        axes.plot(across[past:], forecast[row, :, place], label=worded(label), marker=mark, **look)
    axes.set_title(" · ".join(filter(None, (name, forecasting.targets[place]))), fontsize=SMALL + 1, color=INK)
    label_axes(axes, worded("step") if series.stamps is None else "", "", is_open=True)
    axes.legend(frameon=False, fontsize=SMALL, loc="best")
