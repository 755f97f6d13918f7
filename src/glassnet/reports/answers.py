"""The sections on how good the answers are: headline, learning curves, errors."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.errors import ShapeError
from glassnet.core.shapes import Shape
from glassnet.model import Model
from glassnet.plots import (
    plot_calibration,
    plot_confusion_matrix,
    plot_mistakes,
    plot_precision_recall,
    plot_residuals,
    plot_roc,
)
from glassnet.plots.figures import pictures_of, readable
from glassnet.reports.html import paragraph, section, table
from glassnet.reports.intervals import draws_of
from glassnet.reports.pictures import picture
from glassnet.reports.results import AMOUNTS, CLASSES, Measure, Results
from glassnet.reports.words import Words
from glassnet.training import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN_CLASSES = 100
LISTED = 8
MISTAKES = 9
MOST_PARTS, MOST_LISTED = 4, 20
"""Of several answers: how many are shown one by one, and how many in a table."""


def headline(results: Results, target: str, words: Words) -> str:
    """A sentence that says how good the model is, a card for each number, and each of several answers by itself."""
    rows = f"{len(results.actual):,}"
    sentences = ""
    if results.kind == CLASSES:
        accuracy = results.measure("accuracy")
        shares = {"share": percent(accuracy.value), "baseline": percent(accuracy.baseline)}
        sentences = words("classes_lead", rows=rows, class_=results.most_frequent, **shares)
        if not accuracy.is_better:
            sentences += words("classes_nothing")
    elif results.kind == AMOUNTS:
        error = results.measure("mean_absolute_error")
        amounts = {"error": readable(error.value), "baseline": readable(error.baseline or 0.0)}
        sentences = words("amounts_lead", rows=rows, target=target, **amounts)
        if not error.is_better:
            sentences += words("amounts_nothing")
    cards = "".join(_card(measure, results, words) for measure in results.measures)
    return (
        (paragraph(sentences, "lead") if sentences else "")
        + f'<div class="cards">{cards}</div>'
        + (
            paragraph(words("intervals_text", resamples=f"{draws_of(len(results.actual))[1]:,}"), "muted")
            if _has_interval(results)
            else ""
        )
        + _each(results, words)
    )


def _has_interval(results: Results) -> bool:
    return any(measure.interval is not None for measure in results.measures)


def _card(measure: Measure, results: Results, words: Words) -> str:
    name = words.measure(measure.name)
    if measure.name == "f1" and len(results.class_names) == 2:
        name = words("of_class", measure=name, name=results.class_names[1])
    beside = ""
    if measure.interval is not None:
        beside = f"<span>{escape(interval_text(measure.interval, words))}</span>"
    if measure.baseline is not None:
        kind = "better" if measure.is_better else "worse"
        text = words("always", which=_obvious(measure, results, words), value=readable(measure.baseline))
        beside += f'<span class="{kind}">{escape(text)}</span>'
    return f"<div class=card><span>{escape(name)}</span><strong>{readable(measure.value)}</strong>{beside}</div>"


def _obvious(measure: Measure, results: Results, words: Words) -> str:
    if measure.name == "log_loss":
        return words("the_shares")
    return words("the_mean") if results.kind == AMOUNTS else words("quoted", name=results.most_frequent)


def interval_text(interval: tuple[float, float], words: Words) -> str:
    """An interval in words."""
    return words("interval", low=readable(interval[0]), high=readable(interval[1]))


def _each(results: Results, words: Words) -> str:
    """The figures of each of several answers."""
    rows = [
        (
            name,
            words.measure(measure.name),
            measure.value,
            "" if measure.interval is None else " – ".join(map(readable, measure.interval)),
            "" if measure.baseline is None else readable(measure.baseline),
        )
        for name, part in results.parts
        for measure in part.measures
    ]
    if not rows:
        return ""
    header = words("answer"), words("figure"), words("value"), words("interval_95"), words("without")
    more = len(results.parts) > MOST_PARTS
    text = words("first_questions", shown=MOST_PARTS, count=len(results.parts)) if more else ""
    shown = table(header, rows[: MOST_LISTED * 4])
    return f"<h3>{escape(words('questions'))}</h3>" + shown + (paragraph(text) if text else "")


def learning(history: History | None, words: Words) -> str:
    """The curves of the loss and of the metrics, and when the validation loss was lowest."""
    if history is None or not len(history):
        return ""
    notes = []
    losses = np.array(history.metrics.get("val_loss", ()))
    if len(losses) and np.isfinite(losses).any():
        best = int(np.nanargmin(losses))
        lowest, last = readable(float(losses[best])), readable(float(losses[-1]))
        epoch, epochs = history.epochs[best], history.epochs[-1]
        notes.append(
            words("lowest_at_end", epoch=epoch, lowest=lowest)
            if epoch == epochs
            else words("lowest", epoch=epoch, epochs=epochs, lowest=lowest, last=last)
        )
    if history.stopped:
        notes.append(words("stopped", reason=history.stopped))
    drawn = [
        picture(partial(_curve, history, name), words("by_epoch", measure=words.measure(name)), seen=False, words=words)
        for name in _different(history)
    ]
    return section(words("learning"), paragraph(" ".join(notes)) if notes else "", grid(*drawn))


def _different(history: History) -> list[str]:
    """The measures without those that repeat the loss, as the log loss does."""
    loss = history.metrics.get("val_loss", ())
    return [
        name
        for name in history.measures
        if name == "loss" or not len(loss) or not np.allclose(history.metrics.get(f"val_{name}", 0.0), loss, 1e-4)
    ]


def _curve(history: History, name: str) -> Figure:
    figure = history.plot(names=[name])
    figure.set_size_inches(4.4, 3.2)
    return figure


def errors(results: Results, words: Words) -> str:
    """Which classes are taken for which, and what probabilities are worth; or how amounts are off."""
    if results.kind == AMOUNTS:
        actual, predicted = (own.reshape(len(own), -1) for own in (results.actual, results.predicted))
        drawn = picture(partial(plot_residuals, actual, predicted), words("residuals_caption"), words=words)
        return section(words("how_far"), drawn)
    if results.kind == CLASSES:
        return section(words("where_it_errs"), *_errors_of_classes(results, words))
    parts = [(name, part) for name, part in results.parts if part.kind == CLASSES][:MOST_PARTS]
    shown = [_under(name, *_errors_of_classes(part, words)) for name, part in parts]
    return section(words("where_it_errs"), *shown) if shown else ""


def _under(name: str, *parts: str) -> str:
    return f"<h3>{escape(name)}</h3>" + "".join(parts)


def _errors_of_classes(results: Results, words: Words) -> tuple[str, str]:
    names, pair = results.class_names, (results.actual, results.predicted)
    drawn = []
    if len(names) <= MOST_DRAWN_CLASSES:
        draw: Any = partial(plot_confusion_matrix, *pair, class_names=names)
        drawn.append(picture(draw, words("confusion_caption"), words=words))
    shares = results.probabilities
    two = {"first": names[0], "second": names[1]}
    if shares is not None and len(names) == 2 and len(np.unique(results.actual)) == 2:
        drawn.append(picture(partial(plot_roc, results.actual, shares), words("roc_caption", **two), words=words))
        curve: Any = partial(plot_precision_recall, results.actual, shares)
        drawn.append(picture(curve, words("precision_recall_caption", **two), words=words))
    if shares is not None:
        of = words("calibration_of", **two) if len(names) == 2 else ""
        caption = f"{of}{words('calibration_caption')}"
        drawn.append(picture(partial(plot_calibration, results.actual, shares), caption, words=words))
    return grid(*drawn), _confusions(results, words) if len(names) > 2 else ""


def _confusions(results: Results, words: Words) -> str:
    """The most frequent mistakes in a list."""
    wrong = results.actual != results.predicted
    if not wrong.any():
        return paragraph(words("no_mistake"))
    pairs, counts = np.unique(np.stack([results.actual[wrong], results.predicted[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:LISTED]
    of_class = np.bincount(results.actual, minlength=len(results.class_names))
    rows = [
        (results.class_names[true], results.class_names[said], int(count), percent(count / of_class[true]))
        for (true, said), count in zip(pairs.T[order], counts[order], strict=True)
    ]
    header = words("true_class"), words("taken_for"), words("rows"), words("of_true_class")
    return f"<h3>{escape(words('frequent_mistakes'))}</h3>" + table(header, rows)


def surest_mistakes(model: Model, x: Any, y: Any, results: Results, image_shape: Shape | None, words: Words) -> str:
    """The wrong answers that the model was surest of, where rows are images."""
    if results.kind != CLASSES or results.probabilities is None or not (results.actual != results.predicted).any():
        return ""
    if image_shape is None:
        try:
            pictures_of(np.zeros((1, *(model.network.input_shape or ()))), model.network, "report")
        except ShapeError:
            return ""  # rows of a table
    draw: Any = partial(plot_mistakes, model, x, y, count=MISTAKES, image_shape=image_shape)
    return section(words("surest_mistakes"), picture(draw, words("surest_caption"), words=words))


def grid(*drawn: str) -> str:
    """Pictures beside each other, two or three in a row as far as there is room."""
    inside = "".join(drawn)
    return f'<div class="pictures{" three" * (len(drawn) % 3 == 0)}">{inside}</div>' if inside else ""


def percent(share: float | None) -> str:
    """A share in percent."""
    return f"{100 * (share or 0.0):.1f}\u00a0%"
