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
from glassnet.core.settings import language_of
from glassnet.core.shapes import Shape
from glassnet.derivatives.by_columns import by_columns
from glassnet.derivatives.importance import Importance, permutation_importance
from glassnet.many import as_one_model
from glassnet.model import Model
from glassnet.model.named_data import named_inputs, named_rows
from glassnet.reports import answers, comparisons, contents, forecasts
from glassnet.reports.behaviour import answers_of, dependences, explained
from glassnet.reports.decisions import thresholds
from glassnet.reports.html import STYLE, paragraph
from glassnet.reports.pictures import can_draw
from glassnet.reports.results import AMOUNTS, CLASSES, OTHER, Results, results_of
from glassnet.reports.thresholds import Costs
from glassnet.reports.words import Words
from glassnet.series import Windows
from glassnet.tables import Table
from glassnet.tables.surprises import gathered
from glassnet.training import History
from glassnet.version import __version__


@suggests
def report(
    model: Any,
    x: Any,
    y: Any,
    path: str | Path,
    *,
    name: str = "data",
    history: History | None = None,
    training_targets: Any = None,
    model_file: str | Path | None = None,
    image_shape: Shape | None = None,
    costs: tuple[float, float] = (1.0, 1.0),
    language: str | None = None,
) -> Path:
    """Writes one HTML page about a trained model, with everything it shows inside it.

    How good the model is on held-out rows, with intervals, and what the obvious answer would reach; learning curves,
    confusions, ROC and precision-recall curves, calibration and thresholds (or how far amounts are off); in which rows
    it is worse than chance explains; what its answers depend on, how they change with the columns that matter most, and
    what moved single answers; whether the rows are like those of the training; its surest mistakes with images, the
    data, the layers, and how to use its file; each where it applies. Pictures need ``glassnet[plots]``; without it the
    page says so. What takes a draw of the rows, where there are many, says so on the page.

    Args:
        model: trained, a ``gn.Model``, ``gn.Ensemble`` or ``gn.TableModel``.
        x: rows that it was not trained on, as ``model.evaluate`` takes them.
        y: their targets. None for rows of a table whose answers are not known: the page then says what the model
            answers, and how far the rows are from those of the training. None as well where x is ``gn.data.Windows``
            of series, which have their own: the page then shows the forecasts beside those that need no model. Windows
            that were cut anew are scaled as in the model's training.
        path: where to write the page; an older one is replaced.
        name: of the data.
        history: what ``model.fit`` returned, for the learning curves and the time.
        training_targets: targets of the rows it was trained on, for what the obvious answer is and the classes'
            balance; without them those of y are taken.
        model_file: where the model is saved, for the commands that use it.
        image_shape: (C, H, W) where x has flat rows that are images.
        costs: of two classes, what it costs to take a row of the first for the second, and one of the second for the
            first; the page shows from which probability on it pays to take a row for the second.
        language: of the page, ``"en"`` or ``"zh"``; None for the one that glassnet speaks.

    Returns:
        The path.

    Raises:
        NotBuiltError: the model has seen no data.
        ShapeError, DataError: x and y do not fit the model.
        ConfigurationError: the path cannot be written; another language; costs that are none, or that have nothing to
            say as there are not two classes; no targets for a model that takes no tables.
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
    words = Words(language_of(language, "report"))
    errors_cost = Costs.of(costs, "report")
    model = as_one_model(model, "report")
    model.require_one_output("report")
    target_path = require_writable(path, PAGE, where="report")
    model.require_built("report")
    file = None if model_file is None else readable_path(model_file, where="report: model_file")
    if isinstance(x, Windows):
        if y is not None:
            raise ConfigurationError(
                where="report",
                received="targets beside windows of series",
                expected="the windows alone, which have their own",
                fix="write None in the place of y",
            )
        _refuse_costs(errors_cost, "forecasts")
        return _of_forecasts(model, x, target_path, name, history, training_targets, file, words)
    model.refuse_forecasting("report")
    if y is None:
        _refuse_costs(errors_cost, "rows without their answers")
        return _without_answers(model, x, target_path, name, history, file, words)
    x, y = named_rows(model, x, y, where="report")
    results = results_of(model, x, y, training_targets)
    target = model.target_name or words({CLASSES: "the_class", AMOUNTS: "the_amount"}.get(results.kind, "the_target"))
    chosen = thresholds(results, errors_cost, words)
    if not chosen:
        _refuse_costs(errors_cost, "answers that are no probabilities of two classes")
    title = name if model.target_name is None else f"{name}: {target}"
    rows = None if training_targets is None else len(np.asarray(training_targets))
    body = "".join(
        [
            _top(title, words("predicts", target=target), words),
            answers.headline(results, target, words),
            answers.learning(history, words),
            answers.errors(results, words),
            chosen,
            *_by_columns(model, x, y, results, words),
            answers.surest_mistakes(model, x, y, results, image_shape, words),
            contents.data(model, results, len(results.actual), words, training_rows=rows),
            contents.layers(model, history, words),
            contents.usage(model, file, words),
        ]
    )
    return _written(target_path, title, body, words)


def _refuse_costs(costs: Costs, what: str) -> None:
    """Of answers that costs say nothing of."""
    if costs != Costs():
        raise ConfigurationError(
            where="report: costs",
            received=f"costs ({costs.false_alarm:g}, {costs.miss:g}) for {what}",
            expected="a model that tells two classes apart, and rows with their answers",
            fix="leave the costs out",
        )


def _by_columns(model: Model, x: Any, y: Any, results: Results, words: Words) -> list[str]:
    """What is said of a model of tables, column by column; nothing of others."""
    if not contents.columns_of(model):
        return []
    with gathered():  # words never seen are told by evaluate and by the section on drift
        own = by_columns(model, x, "report")
        is_small = len(own.groups) <= contents.MOST_COLUMNS
        found: tuple[Importance, ...] = ()
        if is_small and (results.kind != OTHER or results.parts):
            found = permutation_importance(model, x, y, rows=contents.IMPORTANCE_ROWS)
        what = answers_of(own, results, words)
        return [
            comparisons.slices(own, results, words) if is_small else "",
            "" if is_small and not found else contents.importance(found, model, len(results.actual), words),
            dependences(own, what, [one.column for one in found], words) if found else "",
            explained(own, what, results, words) if is_small else "",
            _drift(model, x, words),
        ]


def _drift(model: Model, x: Any, words: Words) -> str:
    """Whether rows are like those of the training, for models of tables."""
    known = model.preprocessing
    if not isinstance(known, Table):
        return ""
    if not known.profiles:
        return comparisons.drift(model, (), words)
    return comparisons.drift(model, known.drift(x), words)


def _without_answers(
    model: Model, x: Any, path: Path, name: str, history: History | None, file: Path | None, words: Words
) -> Path:
    """The page about rows of a table whose right answers are not known."""
    if not contents.columns_of(model):
        raise ConfigurationError(
            where="report: y",
            received="None, for a model that takes no tables",
            expected="the right answers, to compare with",
            fix="pass them as y",
        )
    x = named_inputs(model, x, where="report: x")
    outputs = np.asarray(model.predict(x))
    with gathered():
        own = by_columns(model, x, "report")
        is_small = len(own.groups) <= contents.MOST_COLUMNS
        what = answers_of(own, None, words)
        shown = [dependences(own, what, (), words), explained(own, what, None, words)] if is_small else []
        drifted = _drift(model, x, words)
    target = model.target_name or words("the_target")
    title = name if model.target_name is None else f"{name}: {target}"
    body = "".join(
        [
            _top(title, words("predicts", target=target), words),
            paragraph(words("without_answers"), "lead"),
            drifted,
            comparisons.predictions(model, outputs, words),
            *shown,
            contents.data(model, None, len(outputs), words, training_rows=None),
            contents.layers(model, history, words),
            contents.usage(model, file, words),
        ]
    )
    return _written(path, title, body, words)


def _of_forecasts(
    model: Model,
    windows: Windows,
    path: Path,
    name: str,
    history: History | None,
    training: Any,
    file: Path | None,
    words: Words,
) -> Path:
    """The page about forecasts of series."""
    windows = windows.scaled_for(model.require_forecasting("report"), where="report")
    errors = windows.errors(model.predict(windows.x))
    targets = ", ".join(windows.forecasting.targets)
    title = f"{name}: {targets}"
    body = "".join(
        [
            _top(title, words("forecasts", targets=targets), words),
            forecasts.headline(errors, words),
            answers.learning(history, words),
            forecasts.errors_by_series(errors, words),
            forecasts.data(None if training is None else len(np.asarray(training)), windows, words),
            contents.layers(model, history, words),
            forecasts.usage(model, file, words),
        ]
    )
    return _written(path, title, body, words)


def _top(title: str, what: str, words: Words) -> str:
    today = date.today()
    written = f"{today.day} {today:%B %Y}" if words.language == "en" else today.isoformat()
    return (
        f"<h1>{escape(title)}</h1>\n"
        + paragraph(words("top", what=what, date=written, version=__version__), "muted")
        + ("" if can_draw() else paragraph(words("missing"), "notice"))
    )


def _written(path: Path, title: str, body: str, words: Words) -> Path:
    write_atomically(path, page(title, body, language=words.language, style=STYLE).encode(), PAGE)
    return path
