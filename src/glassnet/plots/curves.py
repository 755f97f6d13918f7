"""Pictures of how good answers are: the ROC curve, calibration, predicted against true amounts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.checks import as_rows, same_rows
from glassnet.core.drawing import worded
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.core.randomness import generator
from glassnet.core.shapes import Array
from glassnet.metrics import roc_curve
from glassnet.model import Model
from glassnet.plots.answers import answers, require_labels_beside_a_model
from glassnet.plots.figures import FIRST, INK, PALE, SECOND, SMALL, finished, label_axes, new_figure, prepared, readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 10
MOST_POINTS, MOST_OUTPUTS = 2000, 6
WIDTH = 4.4
"""Inches of a panel; that of a column on a page."""


@suggests
def plot_roc(model: Any, x: Any, y: Any = None, *, path: str | Path | None = None) -> Figure:
    """Draws the ROC curve of two classes: hits against false alarms, for every threshold of the probability.

    Args:
        model: a model that gives probabilities of two classes; or the true labels (N,), 0 and 1.
        x: inputs, or next to true labels the probabilities: of class 1 (N,) or (N, 1), or of both (N, 2).
        y: the true labels of x, next to a model.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ShapeError, DataError: inputs or labels do not fit; only one of the classes occurs.
        ConfigurationError: more than two classes; no probabilities; the path cannot be written.

    Example:
        >>> import glassnet as gn
        >>> figure = gn.plots.plot_roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> figure.get_suptitle()
        'area under the ROC curve 0.750'
    """
    where = "plot_roc"
    target = prepared(path, where)
    labels, probabilities = _two_classes(model, x, y, where)
    false_alarms, hits = roc_curve(probabilities[:, 1], labels == 1)
    area = float(np.sum(np.diff(false_alarms) * (hits[1:] + hits[:-1]) / 2))
    figure = new_figure(WIDTH, 4.1, worded(f"area under the ROC curve {area:.3f}"))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=PALE, linestyle="--", linewidth=1, label=worded(f"guessing, {0.5:.3f}"))
    axes.plot(false_alarms, hits, color=FIRST, linewidth=1.8, label=worded(f"model, {area:.3f}"))
    axes.fill_between(false_alarms, hits, color=FIRST, alpha=0.08, linewidth=0)
    across, up = worded("false alarms: share of class 0 taken for 1"), worded("hits: share of class 1 found")
    label_axes(axes, across, up, is_open=True)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(frameon=False, fontsize=SMALL, loc="lower right")
    return finished(figure, target)


@suggests
def plot_precision_recall(model: Any, x: Any, y: Any = None, *, path: str | Path | None = None) -> Figure:
    """Draws precision against recall of class 1, for every threshold of its probability.

    Where class 1 is rare this says more than the ROC curve: many false alarms beside few hits show in the precision.

    Args:
        model: a model that gives probabilities of two classes; or the true labels (N,), 0 and 1.
        x: inputs, or next to true labels the probabilities: of class 1 (N,) or (N, 1), or of both (N, 2).
        y: the true labels of x, next to a model.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure. Its headline has the average precision, Σ (R_n − R_(n−1)) P_n over the thresholds.

    Raises:
        As ``plot_roc``.

    Source: J. Davis, M. Goadrich, "The relationship between precision-recall and ROC curves", ICML 2006: between two
    points the curve is no straight line, and is drawn as steps.

    Example:
        >>> import glassnet as gn
        >>> figure = gn.plots.plot_precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> figure.get_suptitle()
        'average precision 0.833'
    """
    where = "plot_precision_recall"
    target = prepared(path, where)
    labels, probabilities = _two_classes(model, x, y, where)
    false_alarms, hits = roc_curve(probabilities[:, 1], labels == 1)
    of_class = int((labels == 1).sum())
    found, wrong = hits[1:] * of_class, false_alarms[1:] * (len(labels) - of_class)
    precision = found / (found + wrong)
    average = float((np.diff(hits) * precision).sum())
    figure = new_figure(WIDTH, 4.1, worded(f"average precision {average:.3f}"))
    axes = figure.subplots()
    share = of_class / len(labels)
    axes.plot([0, 1], [share, share], color=PALE, linestyle="--", linewidth=1, label=worded(f"guessing, {share:.3f}"))
    recall, steps = np.concatenate([[0.0], hits[1:]]), np.concatenate([precision[:1], precision])
    axes.plot(recall, steps, color=FIRST, linewidth=1.8, drawstyle="steps-pre", label=worded(f"model, {average:.3f}"))
    axes.fill_between(recall, steps, step="pre", color=FIRST, alpha=0.08, linewidth=0)
    across, up = worded("recall: share of class 1 found"), worded("precision: share of class 1 among those taken for 1")
    label_axes(axes, across, up, is_open=True)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(frameon=False, fontsize=SMALL, loc="lower left")
    return finished(figure, target)


def _two_classes(model: Any, x: Any, y: Any, where: str) -> tuple[Array, Array]:
    """Labels and probabilities of two classes, both of which occur.

    Raises:
        ConfigurationError: more than two classes.
        DataError: only one occurs.
    """
    labels, probabilities = answers(model, x, y, where)
    if probabilities.shape[1] != 2:
        raise ConfigurationError(
            where=where,
            received=f"probabilities of {probabilities.shape[1]} classes",
            expected="two classes",
            fix=f"draw one class against the rest: {where}(y == k, model.predict_proba(x)[:, k])",
        )
    if len(np.unique(labels)) < 2:
        raise DataError(
            where=where,
            received=f"rows of class {labels[0]} only",
            expected="rows of both classes",
            fix="pass more rows",
        )
    return labels, probabilities


@suggests
def plot_calibration(model: Any, x: Any, y: Any = None, *, path: str | Path | None = None) -> Figure:
    """Draws whether probabilities can be taken at their word: of what got 80 %, were 80 % so?

    Of two classes it is the probability of class 1, of more that of the predicted class. Rows are put in ten bins of
    equal width, whose bars say within which shares chance leaves the true one (95 %); below stands how many there are
    in each.

    Args:
        model: a model that gives probabilities of classes; or the true labels (N,).
        x: inputs, or next to true labels the probabilities: of class 1 (N,) or (N, 1), or of each class (N, K).
        y: the true labels of x, next to a model.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure. Its headline has the expected calibration error, the mean distance from the diagonal
        weighted by the rows of each bin.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ShapeError, DataError: inputs or labels do not fit.
        ConfigurationError: no probabilities; the path cannot be written.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; for the bars ``wilson_interval``.

    Example:
        >>> import glassnet as gn
        >>> figure = gn.plots.plot_calibration([0, 1, 0, 1], [0.1, 0.9, 0.1, 0.9])
        >>> figure.get_suptitle()
        'expected calibration error 0.100'
    """
    where = "plot_calibration"
    target = prepared(path, where)
    labels, probabilities = answers(model, x, y, where)
    two = probabilities.shape[1] == 2
    said = probabilities[:, 1] if two else probabilities.max(axis=1)
    came = labels == 1 if two else probabilities.argmax(axis=1) == labels
    places = np.minimum((said * BINS).astype(np.intp), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    filled = counts > 0
    mean_said, mean_came = (
        np.bincount(places, values, minlength=BINS)[filled] / counts[filled] for values in (said, came)
    )
    error = float(np.average(np.abs(mean_said - mean_came), weights=counts[filled]))

    figure = new_figure(WIDTH, 4.1, worded(f"expected calibration error {error:.3f}"))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    above.plot([0, 1], [0, 1], color=PALE, linestyle="--", linewidth=1, label=worded("as sure as right"))
    low, high = wilson_interval(mean_came, counts[filled])
    above.vlines(mean_said, low, high, color=FIRST, alpha=0.45, linewidth=1.4, label=worded("95 % interval"))
    above.plot(mean_said, mean_came, color=FIRST, marker="o", markersize=4, linewidth=1.6, label=worded("the model"))
    label_axes(above, "", worded("share of class 1" if two else "share that was right"), is_open=True)
    above.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    above.legend(frameon=False, fontsize=SMALL, loc="upper left")
    below.bar((np.arange(BINS) + 0.5) / BINS, counts, width=0.9 / BINS, color=FIRST, alpha=0.55)
    across = worded("predicted probability of class 1" if two else "probability of the predicted class")
    label_axes(below, across, worded("number of rows"), is_open=True)
    below.yaxis.get_major_locator().set_params(nbins=3, integer=True)
    return finished(figure, target)


def wilson_interval(share: Array, count: Array) -> tuple[Array, Array]:
    """Between which shares the true one lies in 95 of 100 cases, where ``share`` of ``count`` rows were seen.

    Source: E. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American
    Statistical Association 22 (1927).
    """
    square = 1.959963984540054**2  # of the normal distribution's 97.5 % quantile
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = np.sqrt(square * (share * (1 - share) / count + square / (4 * count**2))) / (1 + square / count)
    return np.minimum(middle - half, share), np.maximum(middle + half, share)  # at 0 and 1 but for rounding they touch


@suggests
def plot_residuals(model: Any, x: Any, y: Any = None, *, path: str | Path | None = None) -> Figure:
    """Draws predicted amounts against true ones, and beside it how the errors are spread.

    Args:
        model: a model of amounts; or the true amounts (N,) or (N, M).
        x: inputs, or next to true amounts the predicted ones.
        y: the true amounts of x, next to a model.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure: two panels for each output, of the first six outputs. At most 2,000 points are drawn,
        chosen at random; the histogram has all rows.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ShapeError, DataError: amounts and predictions do not fit each other.
        ConfigurationError: the path cannot be written.

    Example:
        >>> import glassnet as gn
        >>> figure = gn.plots.plot_residuals([1.0, 2.0, 3.0], [1.5, 2.0, 2.5])
        >>> figure.get_suptitle()
        'mean absolute error 0.3333'
    """
    where = "plot_residuals"
    target = prepared(path, where)
    require_labels_beside_a_model(model, y, where, pair="true amounts, predicted amounts")
    predicted = model.loss.means(model.predict(x)) if isinstance(model, Model) else x
    actual = as_rows(y if isinstance(model, Model) else model, np.dtype(np.float64), where=f"{where}: true amounts")
    predicted = as_rows(predicted, np.dtype(np.float64), where=f"{where}: predictions")
    same_rows(len(actual), predicted, where=f"{where}: predictions", other="the true amounts")
    actual, predicted = actual.reshape(len(actual), -1), predicted.reshape(len(predicted), -1)
    if actual.shape != predicted.shape:
        raise ShapeError(
            where=where,
            received=f"{actual.shape[1]} true and {predicted.shape[1]} predicted amounts a row",
            expected="as many of both",
            fix="pass one true amount for each output",
        )
    shown = min(MOST_OUTPUTS, actual.shape[1])
    chosen = np.sort(generator(0, "plot_residuals").permutation(len(actual))[:MOST_POINTS])
    left = f", of {len(actual):,} rows {len(chosen):,} drawn" if len(chosen) < len(actual) else ""
    more = f"; the first {shown} of {actual.shape[1]} outputs" if shown < actual.shape[1] else ""
    error = np.abs(predicted - actual).mean()
    title = worded(f"mean absolute error {readable(float(error))}{left}{more}")
    figure = new_figure(2 * WIDTH, 4.0 * shown, title)
    for output, (beside, spread) in enumerate(figure.subplots(shown, 2, squeeze=False)):
        number = f" {output}" if actual.shape[1] > 1 else ""
        _against(beside, actual[:, output], predicted[:, output], chosen, number)
        _spread(spread, predicted[:, output] - actual[:, output], number)
    return finished(figure, target)


def _against(axes: Axes, actual: Array, predicted: Array, chosen: Array, number: str) -> None:
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axes.plot(ends, ends, color=PALE, linestyle="--", linewidth=1)
    axes.scatter(actual[chosen], predicted[chosen], s=9, color=FIRST, alpha=0.4, linewidths=0, rasterized=True)
    label_axes(axes, worded(f"true amount{number}"), worded(f"predicted amount{number}"), is_open=True)
    axes.locator_params(nbins=6)


def _spread(axes: Axes, errors: Array, number: str) -> None:
    low, high = float(errors.min()), float(errors.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # equal but for rounding: no bins are that narrow
        low, high = low - (0.05 * abs(low) or 0.5), high + (0.05 * abs(high) or 0.5)
    axes.hist(errors, bins=min(40, max(8, round(len(errors) ** 0.5))), range=(low, high), color=FIRST, alpha=0.7)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.axvline(
        float(errors.mean()), color=SECOND, linewidth=1.2, label=worded(f"mean {readable(float(errors.mean()))}")
    )
    label_axes(axes, worded(f"predicted − true amount{number}"), worded("number of rows"), is_open=True)
    axes.locator_params(nbins=6)
    axes.legend(frameon=False, fontsize=SMALL)
