"""The page as a whole."""

from __future__ import annotations

from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError
from glassnet.core.files import require_writable, write_atomically
from glassnet.core.kinds import PAGE
from glassnet.core.pages import page
from glassnet.core.paths import readable_path
from glassnet.core.shapes import Shape
from glassnet.model import Model
from glassnet.reports import answers, contents, forecasts
from glassnet.reports.html import STYLE, paragraph
from glassnet.reports.pictures import MISSING, can_draw
from glassnet.reports.results import AMOUNTS, CLASSES, results_of
from glassnet.series import Windows
from glassnet.training import History
from glassnet.version import __version__


@suggests
def report(
    model: Model,
    x: Any,
    y: Any,
    path: str | Path,
    *,
    name: str = "data",
    history: History | None = None,
    training_targets: Any = None,
    model_file: str | Path | None = None,
    image_shape: Shape | None = None,
) -> Path:
    """Writes one HTML page about a trained model, with everything it shows inside it.

    How good the model is on held-out rows and what the obvious answer would reach, learning curves, confusions, ROC
    curve and calibration (or how far amounts are off), what its answers depend on, its surest mistakes with images,
    the data, the layers, and how to use its file; each where it applies. Pictures need ``glassnet[plots]``; without it
    the page says so.

    Args:
        model: trained.
        x: rows that it was not trained on, as ``model.evaluate`` takes them.
        y: their targets; None where x is ``gn.data.Windows`` of series, which have their own: the page then shows the
            forecasts beside those that need no model. Windows that were cut anew are scaled as in the model's training.
        path: where to write the page; an older one is replaced.
        name: of the data.
        history: what ``model.fit`` returned, for the learning curves and the time.
        training_targets: targets of the rows it was trained on, for what the obvious answer is and the classes'
            balance; without them those of y are taken.
        model_file: where the model is saved, for the commands that use it.
        image_shape: (C, H, W) where x has flat rows that are images.

    Returns:
        The path.

    Raises:
        NotBuiltError: the model has seen no data.
        ShapeError, DataError: x and y do not fit the model.
        ConfigurationError: the path cannot be written.
        WriteError: the disk is full or failing.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> y = (x[:, 1] > 0).astype(int)
        >>> model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", gn.Adam(0.1))
        >>> history = model.fit(x[:150], y[:150], epochs=20, verbose=False)
        >>> file = gn.report(model, x[150:], y[150:], Path(mkdtemp()) / "page.html", history=history)
        >>> file.read_text().startswith("<!doctype html>")
        True
    """
    model.require_one_output("report")
    target_path = require_writable(path, PAGE, where="report")
    model.require_built("report")
    if isinstance(x, Windows):
        if y is not None:
            raise ConfigurationError(
                where="report",
                received="targets beside windows of series",
                expected="the windows alone, which have their own",
                fix="write None in the place of y",
            )
        return _of_forecasts(model, x, target_path, name, history, training_targets, model_file)
    model.refuse_forecasting("report")
    results = results_of(model, x, y, training_targets)
    target = model.target_name or {CLASSES: "the class", AMOUNTS: "the amount"}.get(results.kind, "the target")
    title = name if model.target_name is None else f"{name}: {target}"
    rows = None if training_targets is None else len(np.asarray(training_targets))
    body = "".join(
        [
            _top(title, f"Predicts {target}"),
            answers.headline(results, target),
            answers.learning(history),
            answers.errors(results),
            contents.importance(model, x, y, results),
            answers.surest_mistakes(model, x, y, results, image_shape),
            contents.data(model, results, training_rows=rows),
            contents.layers(model, history),
            contents.usage(
                model, None if model_file is None else readable_path(model_file, where="report: model_file")
            ),
        ]
    )
    return _written(target_path, title, body)


def _of_forecasts(
    model: Model, windows: Windows, path: Path, name: str, history: History | None, training: Any, file: Any
) -> Path:
    """The page about forecasts of series."""
    windows = windows.scaled_for(model.require_forecasting("report"), where="report")
    errors = windows.errors(model.predict(windows.x))
    targets = ", ".join(windows.forecasting.targets)
    title = f"{name}: {targets}"
    body = "".join(
        [
            _top(title, f"Forecasts {targets}"),
            forecasts.headline(errors),
            answers.learning(history),
            forecasts.errors_by_series(errors),
            forecasts.data(None if training is None else len(np.asarray(training)), windows),
            contents.layers(model, history),
            forecasts.usage(model, None if file is None else readable_path(file, where="report: model_file")),
        ]
    )
    return _written(path, title, body)


def _top(title: str, what: str) -> str:
    today = date.today()
    return (
        f"<h1>{escape(title)}</h1>\n"
        + paragraph(f"{what} · {today.day} {today:%B %Y} · glassnet {__version__}", "muted")
        + ("" if can_draw() else paragraph(MISSING, "notice"))
    )


def _written(path: Path, title: str, body: str) -> Path:
    write_atomically(path, page(title, body, style=STYLE).encode(), PAGE)
    return path
