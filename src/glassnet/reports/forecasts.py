"""The sections on forecasts of series: how good they are beside those that need no model, and how to use them."""

from __future__ import annotations

import shlex
from functools import partial
from html import escape
from pathlib import Path

from glassnet.model import Model
from glassnet.plots import plot_forecast
from glassnet.plots.figures import readable
from glassnet.plots.forecasts import steps_ahead
from glassnet.reports.answers import grid
from glassnet.reports.html import code, paragraph, section, table
from glassnet.reports.pictures import picture
from glassnet.series import ForecastErrors, Windows

LISTED, MOST_DRAWN = 50, 4


def headline(errors: ForecastErrors) -> str:
    """A sentence on each target that says how good its forecasts are, and a card for each number."""
    forecasting = errors.forecasting
    steps = f"{forecasting.future:,} step{'s' if forecasting.future > 1 else ''}"
    parts = errors.by_target()
    begin = f"On {len(errors.actual):,} stretches later than all it was trained on, "
    text, cards = "", ""
    for target, own in parts.items():
        naive = own.naive_errors()
        others = ", ".join(f"{name} by {readable(error)}" for name, error in naive.items())
        text += paragraph(
            f"{'The' if text else begin + 'the'} forecast of {steps} of {target} is off by "
            f"{readable(own.mean_absolute_error)} on average; {others}."
            + ("" if own.is_better else f" So {min(naive, key=lambda name: naive[name])} would do as well."),
            "lead",
        )
        of = f" of {target}" if len(parts) > 1 else ""
        beside = "".join(_beside(name, error, own.mean_absolute_error) for name, error in naive.items())
        cards += _card(f"Mean absolute error{of}", own.mean_absolute_error, beside)
        cards += _card(f"Root mean squared error{of}", own.root_mean_squared_error)
    return text + f'<div class="cards">{cards}</div>'


def _card(name: str, value: float, beside: str = "") -> str:
    return f"<div class=card><span>{escape(name)}</span><strong>{readable(value)}</strong>{beside}</div>"


def _beside(name: str, own: float, error: float) -> str:
    return f'<span class="{"better" if error < own else "worse"}">{escape(name)}: {readable(own)}</span>'


def errors_by_series(errors: ForecastErrors) -> str:
    """Pictures, and where there are several series a table of them."""
    drawn = picture(
        partial(plot_forecast, errors),
        "The last stretch of each series (four at most): the past that was looked back on, the forecasts, what came.",
    )
    caption = "How far forecasts are off by the number of steps ahead."
    ahead = [picture(partial(steps_ahead, own, name), caption) for name, own in errors.by_target().items()]
    return section("How far it is off", drawn, grid(*ahead[:MOST_DRAWN]), _by_series(errors))


def _by_series(errors: ForecastErrors) -> str:
    """The mean absolute error of each target of each series."""
    rows = [
        (series, target, part.mean_absolute_error, *part.naive_errors().values())
        for series, own in errors.by_series().items()
        for target, part in own.by_target().items()
    ]
    if len(errors.forecasting.names) < 2:
        return ""
    more = paragraph(f"The first {LISTED} of {len(rows)}.") if len(rows) > LISTED else ""
    header = ("series", "target", "the model", *errors.naive)
    return "<h3>Mean absolute error</h3>" + table(header, rows[:LISTED]) + more


def data(training: int | None, windows: Windows) -> str:
    """What was cut into windows, and what was learned of it."""
    forecasting = windows.forecasting
    sizes = f"{len(windows):,} windows were held out to test: the latest ones, which overlap."
    if training is not None:
        sizes = f"{training:,} windows to train with; {sizes}"
    is_one = forecasting.names == ("",)
    rows = [
        (*(() if is_one else (name,)), column, float(forecasting.mean[i, k]), float(forecasting.scale[i, k]))
        for i, name in enumerate(forecasting.names)
        for k, column in enumerate(forecasting.columns)
    ]
    header = ("column", "mean", "deviation") if is_one else ("series", "column", "mean", "deviation")
    more = paragraph(f"The first {LISTED} of {len(rows)}.") if len(rows) > LISTED else ""
    learned = "<h3>The unit of each series</h3>" + table(header, rows[:LISTED]) + more
    return section("The data", paragraph(f"{sizes} Forecast: {forecasting.describe()}."), learned)


def usage(model: Model, file: Path | None) -> str:
    """Two commands and a snippet."""
    name = "model.safetensors" if file is None else file.name
    quoted, forecasting = shlex.quote(name), model.forecasting
    least = 0 if forecasting is None else forecasting.past
    save = "" if file is not None else f"Save it first: model.save({name!r})."
    commands = (
        f"glassnet predict {quoted} new.csv     # what comes after the end of the file\n"
        f"glassnet evaluate {quoted} new.csv    # how good it is on other data"
    )
    read = f'series = np.load("new.npz")["x"]  # {least:,} steps at least'
    if forecasting is not None and forecasting.table is not None:
        read = 'series = gn.data.read_table("new.csv", like=model.forecasting.table)  # or any frame'
    snippet = (
        f"import numpy as np\nimport glassnet as gn\n\nmodel = gn.load({name!r})\n{read}\nprint(model.forecast(series))"
    )
    return section("Use it", escape(save) and f"<p>{escape(save)}</p>", code(commands), code(snippet))
