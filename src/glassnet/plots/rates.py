"""The picture of a learning-rate range test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.drawing import worded
from glassnet.diagnosis import RateTest
from glassnet.plots.figures import FIRST, INK, SECOND, SMALL, finished, label_axes, new_figure, prepared

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@suggests
def plot_learning_rate_range(test: RateTest, *, rate: float | None = None, path: str | Path | None = None) -> Figure:
    """Draws the loss over the rising learning rate, and the rate that is suggested.

    Args:
        test: what ``gn.learning_rate_range`` returned, or ``gn.diagnose(...).rate_test``.
        rate: the model's own rate, to be drawn beside it; or None.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigurationError: the path cannot be written.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), "relu", gn.Dense(2)), "cross_entropy", "adam")
        >>> test = gn.learning_rate_range(model, x, (x[:, 0] > 0).astype(int))
        >>> gn.plots.plot_learning_rate_range(test).axes[0].get_xscale()
        'log'
    """
    target = prepared(path, "plot_learning_rate_range")
    figure = new_figure(5.6, 3.6, worded(f"suggested learning rate {test.suggested:.2g}"))
    axes = figure.subplots()
    seen = np.isfinite(test.losses)
    axes.plot(test.rates[seen], test.losses[seen], color=FIRST, linewidth=1.8)
    axes.axvline(test.suggested, color=SECOND, linewidth=1.4, label=worded(f"suggested, {test.suggested:.2g}"))
    if rate is not None:
        axes.axvline(rate, color=INK, linewidth=1.2, linestyle="--", label=worded(f"the model's, {rate:.2g}"))
    low, high = float(test.losses[seen].min()), float(test.losses[0])
    axes.set(xscale="log", ylim=(low - 0.08 * (high - low), high + 0.6 * max(high - low, 1e-12)))
    label_axes(axes, worded("learning rate, rising with each step"), worded("loss of the batch"), is_open=True)
    axes.legend(frameon=False, fontsize=SMALL)
    return finished(figure, target)
