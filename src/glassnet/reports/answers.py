"""The sections on how good the answers are: headline, learning curves, errors."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.errors import ShapeError
from glassnet.core.shapes import Shape
from glassnet.model import Model
from glassnet.plots import plot_calibration, plot_confusion_matrix, plot_mistakes, plot_residuals, plot_roc
from glassnet.plots.figures import pictures_of, readable
from glassnet.reports.html import paragraph, section, table
from glassnet.reports.pictures import picture
from glassnet.reports.results import AMOUNTS, CLASSES, Measure, Results
from glassnet.training import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN_CLASSES = 100
LISTED = 8
MISTAKES = 9


def headline(results: Results, target: str) -> str:
    """A sentence that says how good the model is, and a card for each number."""
    rows = len(results.actual)
    sentences = ""
    if results.kind == CLASSES:
        accuracy = results.measure("accuracy")
        sentences = (
            f"Of {rows:,} rows that it was not trained on, the model classifies {_percent(accuracy.value)} correctly. "
            f"Always answering “{results.most_frequent}”, the most frequent class, would be correct for "
            f"{_percent(accuracy.baseline)}."
        )
        if not accuracy.is_better:
            sentences += " So it has learned nothing that shows in its accuracy."
    elif results.kind == AMOUNTS:
        error = results.measure("mean_absolute_error")
        sentences = (
            f"On {rows:,} rows that it was not trained on, the model’s {target} is off by {readable(error.value)} on "
            f"average. Always answering the mean would be off by {readable(error.baseline or 0.0)}."
        )
        if not error.is_better:
            sentences += " So it has learned nothing of use yet."
    cards = "".join(_card(measure, results) for measure in results.measures)
    return (paragraph(sentences, "lead") if sentences else "") + f'<div class="cards">{cards}</div>'


def _card(measure: Measure, results: Results) -> str:
    name = title_of(measure.name)
    if measure.name == "f1" and len(results.class_names) == 2:
        name += f" of “{results.class_names[1]}”"
    beside = ""
    if measure.baseline is not None:
        kind = "better" if measure.is_better else "worse"
        which = "the mean" if results.kind == AMOUNTS else f"“{results.most_frequent}”"
        if measure.name == "log_loss":
            which = "the classes’ shares"
        beside = f'<span class="{kind}">always {escape(which)}: {readable(measure.baseline)}</span>'
    return f"<div class=card><span>{escape(name)}</span><strong>{readable(measure.value)}</strong>{beside}</div>"


def title_of(name: str) -> str:
    """A metric's name in words."""
    words = {"roc_auc": "ROC AUC", "f1": "F1", "r2": "R²"}
    return words.get(name, name.replace("_", " ").capitalize())


def learning(history: History | None) -> str:
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
            f"The validation loss was lowest at the end, after epoch {epoch}: {lowest}. More epochs may make it lower."
            if epoch == epochs
            else f"The validation loss was lowest after epoch {epoch} of {epochs}: {lowest}; at the end it is {last}."
        )
    if history.stopped:
        notes.append(f"Training stopped early: {history.stopped}.")
    drawn = [
        picture(partial(_curve, history, name), f"{title_of(name)} by epoch", seen=False)
        for name in _different(history)
    ]
    return section("Learning curves", paragraph(" ".join(notes)) if notes else "", grid(*drawn))


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


def errors(results: Results) -> str:
    """Which classes are taken for which, and what probabilities are worth; or how amounts are off."""
    if results.kind == AMOUNTS:
        actual, predicted = (own.reshape(len(own), -1) for own in (results.actual, results.predicted))
        caption = "Left: the dashed line is where predictions are exact. Right: how far predictions are off."
        return section("How far it is off", picture(partial(plot_residuals, actual, predicted), caption))
    if results.kind != CLASSES:
        return ""
    names, pair = results.class_names, (results.actual, results.predicted)
    drawn = []
    if len(names) <= MOST_DRAWN_CLASSES:
        caption = "Rows of each true class by what they were taken for; the diagonal is right."
        drawn.append(picture(lambda: plot_confusion_matrix(*pair, class_names=names), caption))
    shares = results.probabilities
    if shares is not None and len(names) == 2 and len(np.unique(results.actual)) == 2:
        caption = f"Class 1 is “{names[1]}”, class 0 “{names[0]}”. The nearer to the upper left corner the better."
        drawn.append(picture(lambda: plot_roc(results.actual, shares), caption))
    if shares is not None:
        of = f"Class 1 is “{names[1]}”. " if len(names) == 2 else ""
        caption = f"{of}On the diagonal probabilities can be taken at their word; below it the model is too sure."
        drawn.append(picture(lambda: plot_calibration(results.actual, shares), caption))
    return section("Where it errs", grid(*drawn), _confusions(results) if len(names) > 2 else "")


def _confusions(results: Results) -> str:
    """The most frequent mistakes in a list."""
    wrong = results.actual != results.predicted
    if not wrong.any():
        return paragraph("It made no mistake.")
    pairs, counts = np.unique(np.stack([results.actual[wrong], results.predicted[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:LISTED]
    of_class = np.bincount(results.actual, minlength=len(results.class_names))
    rows = [
        (results.class_names[true], results.class_names[said], int(count), f"{100 * count / of_class[true]:.1f}\u00a0%")
        for (true, said), count in zip(pairs.T[order], counts[order], strict=True)
    ]
    return "<h3>Most frequent mistakes</h3>" + table(("true class", "taken for", "rows", "of the true class"), rows)


def surest_mistakes(model: Model, x: Any, y: Any, results: Results, image_shape: Shape | None) -> str:
    """The wrong answers that the model was surest of, where rows are images."""
    if results.kind != CLASSES or results.probabilities is None or not (results.actual != results.predicted).any():
        return ""
    if image_shape is None:
        try:
            pictures_of(np.zeros((1, *(model.network.input_shape or ()))), model.network, "report")
        except ShapeError:
            return ""  # rows of a table
    drawn = picture(
        lambda: plot_mistakes(model, x, y, count=MISTAKES, image_shape=image_shape),
        "Its wrong answers, those it was surest of first.",
    )
    return section("Its surest mistakes", drawn)


def grid(*drawn: str) -> str:
    """Pictures beside each other, two or three in a row as far as there is room."""
    inside = "".join(drawn)
    return f'<div class="pictures{" three" * (len(drawn) % 3 == 0)}">{inside}</div>' if inside else ""


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0.0):.1f}\u00a0%"
