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
from glassnet.reports.words import Words
from glassnet.series import ForecastErrors, Windows

LISTED, MOST_DRAWN = 50, 4


def headline(errors: ForecastErrors, words: Words) -> str:
    """A sentence on each target that says how good its forecasts are, and a card for each number."""
    count = errors.forecasting.future
    steps = words("steps" if count > 1 else "step", count=f"{count:,}")
    parts = errors.by_target()
    begin = words("forecast_begin", count=f"{len(errors.actual):,}") + words("forecast_first")
    text, cards = "", ""
    for target, own in parts.items():
        naive = own.naive_errors()
        others = ", ".join(words("naive_by", name=name, error=readable(error)) for name, error in naive.items())
        said = words(
            "forecast_lead",
            begin=words("forecast_next") if text else begin,
            steps=steps,
            target=target,
            error=readable(own.mean_absolute_error),
            others=others,
        )
        if not own.is_better:
            said += words("naive_as_well", name=min(naive, key=lambda name: naive[name]))
        text += paragraph(said, "lead")
        beside = "".join(_beside(name, error, own.mean_absolute_error) for name, error in naive.items())
        for measure in ("mean_absolute_error", "root_mean_squared_error"):
            title = words.measure(measure)
            title = words("measure_of", measure=title, target=target) if len(parts) > 1 else title
            cards += _card(title, getattr(own, measure), beside if measure == "mean_absolute_error" else "")
    return text + f'<div class="cards">{cards}</div>'


def _card(name: str, value: float, beside: str = "") -> str:
    return f"<div class=card><span>{escape(name)}</span><strong>{readable(value)}</strong>{beside}</div>"


def _beside(name: str, own: float, error: float) -> str:
    return f'<span class="{"better" if error < own else "worse"}">{escape(name)}: {readable(own)}</span>'


def errors_by_series(errors: ForecastErrors, words: Words) -> str:
    """Pictures, and where there are several series a table of them."""
    drawn = picture(partial(plot_forecast, errors), words("forecast_caption"), words=words)
    caption = words("ahead_caption")
    ahead = [picture(partial(steps_ahead, own, name), caption, words=words) for name, own in errors.by_target().items()]
    return section(words("how_far"), drawn, grid(*ahead[:MOST_DRAWN]), _by_series(errors, words))


def _by_series(errors: ForecastErrors, words: Words) -> str:
    """The mean absolute error of each target of each series."""
    rows = [
        (series, target, part.mean_absolute_error, *part.naive_errors().values())
        for series, own in errors.by_series().items()
        for target, part in own.by_target().items()
    ]
    if len(errors.forecasting.names) < 2:
        return ""
    more = paragraph(words("first_of", listed=LISTED, count=len(rows))) if len(rows) > LISTED else ""
    header = (words("series"), words("target"), words("the_model"), *errors.naive)
    return f"<h3>{escape(words.measure('mean_absolute_error'))}</h3>" + table(header, rows[:LISTED]) + more


def data(training: int | None, windows: Windows, words: Words) -> str:
    """What was cut into windows, and what was learned of it."""
    forecasting = windows.forecasting
    sizes = words("windows", count=f"{len(windows):,}")
    if training is not None:
        sizes = words("training_windows", count=f"{training:,}", sizes=sizes)
    is_one = forecasting.names == ("",)
    rows = [
        (*(() if is_one else (name,)), column, float(forecasting.mean[i, k]), float(forecasting.scale[i, k]))
        for i, name in enumerate(forecasting.names)
        for k, column in enumerate(forecasting.columns)
    ]
    header = words("series"), words("column"), words("mean"), words("deviation")
    more = paragraph(words("first_of", listed=LISTED, count=len(rows))) if len(rows) > LISTED else ""
    learned = f"<h3>{escape(words('units'))}</h3>" + table(header[1:] if is_one else header, rows[:LISTED]) + more
    text = words("forecast_is", sizes=sizes, what=forecasting.describe())
    return section(words("data"), paragraph(text), learned)


def usage(model: Model, file: Path | None, words: Words) -> str:
    """Two commands and a snippet."""
    name = "model.safetensors" if file is None else file.name
    quoted, forecasting = shlex.quote(name), model.forecasting
    least = 0 if forecasting is None else forecasting.past
    save = "" if file is not None else words("save_first", code=f"model.save({name!r})")
    commands = (
        f"glassnet predict {quoted} new.csv     # {words('what_comes')}\n"
        f"glassnet evaluate {quoted} new.csv    # {words('how_good')}"
    )
    read = f'series = np.load("new.npz")["x"]  # {words("steps_at_least", count=f"{least:,}")}'
    if forecasting is not None and forecasting.table is not None:
        read = f'series = gn.data.read_table("new.csv", like=model.forecasting.table)  # {words("or_any_frame")}'
    snippet = (
        f"import numpy as np\nimport glassnet as gn\n\nmodel = gn.load({name!r})\n{read}\nprint(model.forecast(series))"
    )
    return section(words("use"), escape(save) and f"<p>{escape(save)}</p>", code(commands), code(snippet))
