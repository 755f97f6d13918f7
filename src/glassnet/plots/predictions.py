"""Pictures of what a model takes for what: confusions, and the mistakes it is surest of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.catalogues import columns_of
from glassnet.core.checks import numeric, same_rows
from glassnet.core.drawing import worded
from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import whole
from glassnet.core.shapes import Array, Shape
from glassnet.core.svg import ON_COLOUR
from glassnet.losses.targets import check_labels
from glassnet.model import Model
from glassnet.plots import figures
from glassnet.plots.answers import answers, classes_of_steps, one_class, require_labels_beside_a_model
from glassnet.plots.figures import INK, SMALL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES, MOST_COUNTED = 100, 30
"""Classes of a confusion matrix, and of one whose cells show their counts."""
CELL, SMALL_CELL, PICTURE = 0.42, 0.16, 2.0
"""Inches: of a cell of the confusion matrix, of one without a count, and from picture to picture."""


@suggests
def plot_confusion_matrix(
    model: Any, x: Any, y: Any = None, *, class_names: Sequence[str] | None = None, path: str | Path | None = None
) -> Figure:
    """Draws how often each class is taken for which: true classes downwards, predicted ones to the right.

    Cells hold counts, of up to 30 classes; their colour is the share of the true class's rows.

    Args:
        model: a model, which predicts the classes of x; or the true labels (N,).
        x: inputs, or next to true labels the predicted ones (N,).
        y: the true labels of x, next to a model: (N,), or (N, T) of steps, of which each counts as a row.
        class_names: a name for each class; None for the model's own, else their numbers.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ShapeError, DataError: inputs or labels do not fit.
        ConfigurationError: the model's loss is not about classes; over 100 classes; the path cannot be written.

    Example:
        >>> import glassnet as gn
        >>> figure = gn.plots.plot_confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], class_names=["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['1', '1', '0', '2']
    """
    where = "plot_confusion_matrix"
    target = figures.prepared(path, where)
    require_labels_beside_a_model(model, y, where, pair="true labels, predicted labels")
    if isinstance(model, Model):
        class_names = class_names or model.class_names
        shape = model.network.output_shape or ()
        classes = max(2, shape[-1] if model.loss.is_by_step(shape) else max(shape, default=0))
        if model.loss.is_by_step(shape):
            actual, predicted = classes_of_steps(model, x, y, where)
        else:
            actual, predicted = figures.flat_labels(y, f"{where}: y"), one_class(model.predict_classes(x), where)
    else:
        actual, predicted = (
            figures.flat_labels(model, f"{where}: labels"),
            figures.flat_labels(x, f"{where}: predictions"),
        )
        named = len(class_names) if isinstance(class_names, Collection) else 0  # others are refused below
        classes = max(2, named, *(int(np.max(k, initial=0)) + 1 for k in (actual, predicted)))
    same_rows(len(actual), predicted, where=f"{where}: predictions", other="the labels")
    if classes > MOST_CLASSES:
        raise ConfigurationError(
            where=where,
            received=f"{classes} classes",
            expected=f"{MOST_CLASSES} at most, numbered from 0",
            fix="number the classes that there are: np.unique(y, return_inverse=True)[1]",
        )
    actual = check_labels(actual, classes, where=f"{where}: labels")
    predicted = check_labels(predicted, classes, where=f"{where}: predictions")
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (actual, predicted), 1)
    return figures.finished(_confusion(counts, figures.names_of(class_names, classes, where)), target)


@suggests
def plot_mistakes(
    model: Model,
    x: Any,
    y: Any,
    class_names: Sequence[str] | None = None,
    count: int = 16,
    *,
    image_shape: Shape | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draws the pictures that a model is most sure of and wrong about, the surest first.

    Above each stands its true class, and below that the predicted one with its probability. Values are brought to the
    range of colours by the smallest and the largest of each channel in x.

    Args:
        model: a model whose loss gives probabilities of classes.
        x: images as the model takes them, (N, C, H, W), or flat where the network reshapes them.
        y: the true labels (N,), or one-hot rows (N, K).
        class_names: a name for each class; None for the model's own, else their numbers.
        count: pictures at most.
        image_shape: (C, H, W) of flat rows; None where the network says it.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        NotBuiltError: the model has seen no data.
        ShapeError, DataError: x and y do not fit the model, or are no images.
        ConfigurationError: the model gives no probabilities of classes; the path cannot be written.

    Example:
        >>> import glassnet as gn
        >>> digits = gn.data.digits()
        >>> x, y = digits.x[:100] / 16, digits.y[:100]
        >>> model = gn.Model(gn.Dense(10), "cross_entropy", "adam", seed=0)
        >>> _ = model.fit(x, y, epochs=2, verbose=False)
        >>> figure = gn.plots.plot_mistakes(model, x, y, count=4, image_shape=(1, 8, 8))
    """
    where = "plot_mistakes"
    target = figures.prepared(path, where)
    limit = whole(count, "count", where)
    actual, probabilities = answers(model, x, y, where)
    predicted = one_class(model.predict_classes(x), where)
    names = [
        figures.short(n) for n in figures.names_of(class_names or model.class_names, probabilities.shape[1], where)
    ]
    sureness = probabilities[np.arange(len(predicted)), predicted]
    wrong = np.flatnonzero(predicted != actual)
    chosen = wrong[np.argsort(-sureness[wrong], kind="stable")][:limit]
    pictures = figures.displayed(figures.pictures_of(numeric(x, where=where), model.network, where, image_shape))
    captions = [
        f"{worded('true class')} {names[actual[n]]}\n{worded('predicted')} {names[predicted[n]]}, "
        f"{100 * sureness[n]:.0f} %"
        for n in chosen
    ]
    found = f"{len(wrong)} mistake{'s' * (len(wrong) != 1)}" if len(wrong) else "no mistakes"
    among = f"{found} among {len(actual)} images"
    title = f"{among}; the {len(chosen)} surest are shown" if len(chosen) < len(wrong) else among
    return figures.finished(_contact_sheet(pictures[chosen], captions, worded(title)), target)


def _confusion(counts: Array, names: list[str]) -> Figure:
    """Draws counts (K, K): true classes downwards, predicted ones to the right."""
    classes, digits, letters = len(counts), len(str(counts.max())), max(map(columns_of, names))
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    counted = classes <= MOST_COUNTED
    cell = max(CELL, 0.08 * digits + 0.14, 2.4 / classes) if counted else SMALL_CELL
    right, total = int(np.trace(counts)), int(counts.sum())
    title = f"{right:d} of {total:d} right, {100 * right / total:.1f} %"
    width, height = classes * cell + 0.08 * letters + 1.6, classes * cell + 0.07 * letters + 0.9
    figure = figures.new_figure(width, height, worded(title))
    axes = figure.subplots()
    image = axes.imshow(shares, **figures.shares())
    for (row, column), count in np.ndenumerate(counts) if counted else ():
        colour = ON_COLOUR if shares[row, column] > 0.5 else INK if count else figures.PALE
        axes.text(column, row, str(count), ha="center", va="center", fontsize=SMALL, color=colour)
    slanted: dict[str, Any] = {}
    if 0.08 * letters > cell:
        slanted = {"rotation": 45, "va": "top"} if counted else {"rotation": 90, "va": "center"}
        slanted |= {"ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(classes), names, **slanted, parse_math=False)
    axes.set_yticks(range(classes), names, parse_math=False)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=INK)
    axes.set_xlabel(worded("predicted class"), color=INK)
    axes.set_ylabel(worded("true class"), color=INK)
    axes.spines[:].set_visible(False)
    figures.colour_bar(figure, axes, image, worded("share of the true class"))
    return figure


def _contact_sheet(pictures: Array, captions: list[str], title: str) -> Figure:
    """Draws pictures (N, H, W, 1 or 3) in a grid, each below its caption."""
    columns = max(1, ceil(sqrt(len(pictures))))
    rows = ceil(len(pictures) / columns)
    height, width = pictures.shape[1:3]
    tall = rows * (min(2.0, height / width) * PICTURE + 0.4) + 0.6
    figure = figures.new_figure(max(3.4, columns * PICTURE), tall, title)
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        figures.show_picture(axes, picture)
        axes.set_title(caption, fontsize=SMALL, color=INK, parse_math=False)
    return figure
