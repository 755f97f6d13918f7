"""Pictures of a training that a ``gn.Watch`` looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.drawing import worded
from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.plots.figures import FIRST, INK, MIDDLE, PALE, SECOND, SMALL, finished, new_figure, prepared
from glassnet.training import Distribution, Watch, WatchRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST_LAYERS, MOST_LINES = 6, 10
"""As many are drawn side by side, and as lines in one panel; of more, some at even distances."""
QUANTITIES = ("activations", "deltas", "gradients")
SIGNS = {"deltas": "δ", "gradients": "gradient"}
USUAL_RATIO = 1e-3
PANEL = 2.5, 2.1
"""Inches."""


@suggests
def plot_watch(watch: Watch, *, path: str | Path | None = None) -> Figure:
    """Draws everything that a watch kept: distributions over time, gradients, updates, units at rest.

    Args:
        watch: one that a ``fit`` was given.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        ConfigurationError: nothing has been watched yet, or the path cannot be written.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, watch = np.random.default_rng(0).normal(size=(64, 5)), gn.Watch(every=10)
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(1)), "mean_squared_error", gn.Adam())
        >>> _ = model.fit(x, x[:, :1], epochs=20, callbacks=[watch], verbose=False)
        >>> figure = gn.plots.plot_watch(watch)
    """
    where = "plot_watch"
    target, records = prepared(path, where), _records(watch, where)
    layers = _some(list(records[0].activations), MOST_LAYERS)
    width = max(3.4 * PANEL[0], len(layers) * PANEL[0])
    title = f"steps {records[0].step:,} to {records[-1].step:,}, {len(records):,} of them looked at"
    figure = new_figure(width, 3.6 * PANEL[1], worded(title))
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=(2, 1.5)))
    _fans(upper, watch, ("activations", "deltas"), layers)
    panels = lower.subplots(1, 3)
    _gradient_lines(panels[0], records)
    _ratio_lines(panels[1], records)
    _rest_lines(panels[2], records)
    return finished(figure, target)


@suggests
def plot_distributions(watch: Watch, quantity: str = "activations", *, path: str | Path | None = None) -> Figure:
    """Draws how the numbers of each layer are distributed, over the steps of the training.

    The dark band holds the middle half of them, the light one nine tenths, the line is the median.

    Args:
        watch: one that a ``fit`` was given.
        quantity: ``"activations"``, ``"deltas"`` or ``"gradients"``.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        ConfigurationError: another quantity; nothing has been watched yet; or the path cannot be written.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, watch = np.random.default_rng(0).normal(size=(64, 5)), gn.Watch(every=10)
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(1)), "mean_squared_error", gn.Adam())
        >>> _ = model.fit(x, x[:, :1], epochs=20, callbacks=[watch], verbose=False)
        >>> figure = gn.plots.plot_distributions(watch, "gradients")
    """
    where = "plot_distributions"
    one_of(quantity, "quantity", where, QUANTITIES)
    target, records = prepared(path, where), _records(watch, where)
    paths = _some(list(getattr(records[0], quantity)), MOST_LAYERS)
    figure = new_figure(max(2, len(paths)) * PANEL[0], PANEL[1] + 0.4)
    _fans(figure, watch, (quantity,), paths)
    return finished(figure, target)


@suggests
def plot_gradient_flow(watch: Watch, *, path: str | Path | None = None) -> Figure:
    """Draws how large the gradient of each weight is (root of the mean square), over the steps of the training.

    Lines far below the others are layers that hardly learn; lines that rise without end, an explosion.

    Args:
        watch: one that a ``fit`` was given.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        ConfigurationError: nothing has been watched yet, or the path cannot be written.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, watch = np.random.default_rng(0).normal(size=(64, 5)), gn.Watch(every=10)
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), gn.Sigmoid(), gn.Dense(1)), "mean_squared_error", gn.Adam())
        >>> _ = model.fit(x, x[:, :1], epochs=20, callbacks=[watch], verbose=False)
        >>> figure = gn.plots.plot_gradient_flow(watch)
    """
    return _single(watch, _gradient_lines, path, "plot_gradient_flow")


@suggests
def plot_update_ratios(watch: Watch, *, path: str | Path | None = None) -> Figure:
    """Draws ‖Δθ‖ / ‖θ‖ of each weight over the steps of the training, beside the usual 1e-3.

    Far above it steps are too large, far below too small for anything to happen soon.

    Args:
        watch: one that a ``fit`` was given.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        ConfigurationError: nothing has been watched yet, or the path cannot be written.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, watch = np.random.default_rng(0).normal(size=(64, 5)), gn.Watch(every=10)
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.Adam())
        >>> _ = model.fit(x, x[:, :1], epochs=20, callbacks=[watch], verbose=False)
        >>> figure = gn.plots.plot_update_ratios(watch)
    """
    return _single(watch, _ratio_lines, path, "plot_update_ratios")


def _single(
    watch: Watch, draw: Callable[[Axes, list[WatchRecord]], None], path: str | Path | None, where: str
) -> Figure:
    target, records = prepared(path, where), _records(watch, where)
    figure = new_figure(5.2, 3.6)
    draw(figure.add_subplot(), records)
    return finished(figure, target)


def _records(watch: Watch, where: str) -> list[WatchRecord]:
    if not watch.records:
        raise ConfigurationError(
            where=where,
            received="a watch that has seen no step",
            expected="one that a training was given",
            fix="write watch = gn.Watch(); model.fit(x, y, callbacks=[watch])",
        )
    return watch.records


def _some(paths: list[str], most: int) -> list[str]:
    """The first, the last, and others at even distances."""
    places = np.unique(np.rint(np.linspace(0, len(paths) - 1, min(most, len(paths)))).astype(int))
    return [paths[place] for place in places]


def _fans(figure: Figure | SubFigure, watch: Watch, quantities: Sequence[str], paths: list[str]) -> None:
    """A row for each quantity, a panel for each layer or parameter."""
    axes = figure.subplots(len(quantities), max(1, len(paths)), squeeze=False, sharex=True)
    steps = [record.step for record in watch.records]
    for row, quantity in zip(axes, quantities, strict=True):
        for panel, path in zip(row, paths, strict=True):
            found = [getattr(record, quantity).get(path) for record in watch.records]
            colour = FIRST if quantity == "activations" else SECOND
            _fan(panel, steps, [f for f in found if isinstance(f, Distribution)], colour)
            sign = "" if quantity == "activations" else f": {worded(SIGNS[quantity])}"
            _finish(panel, f"{path} {watch.layers.get(path, '')}{sign}")
    for panel in axes[-1]:
        panel.set_xlabel(worded("step"), fontsize=SMALL, color=INK)


def _fan(axes: Axes, steps: list[int], found: list[Distribution], colour: str) -> None:
    """The bands of the quantiles, smallest and largest as thin lines."""
    if len(found) != len(steps):
        return
    quantiles = np.stack([distribution.quantiles for distribution in found])  # (R, 7)
    marker = "." if len(steps) == 1 else None
    axes.fill_between(steps, quantiles[:, 1], quantiles[:, 5], color=colour, alpha=0.2, linewidth=0)
    axes.fill_between(steps, quantiles[:, 2], quantiles[:, 4], color=colour, alpha=0.35, linewidth=0)
    axes.plot(steps, quantiles[:, 3], color=colour, linewidth=1.4, marker=marker)
    axes.plot(steps, quantiles[:, [0, 6]], color=PALE, linewidth=0.7)


def _gradient_lines(axes: Axes, records: list[WatchRecord]) -> None:
    weights = _weights(records)
    _lines(axes, records, {p: np.array([r.gradients[p].rms for r in records]) for p in weights})
    _finish(axes, worded("size of the gradient"))


def _ratio_lines(axes: Axes, records: list[WatchRecord]) -> None:
    axes.axhline(USUAL_RATIO, color=PALE, linewidth=1, linestyle="--")
    weights = _weights(records)
    _lines(axes, records, {p: np.array([r.update_ratios[p] for r in records]) for p in weights})
    _finish(axes, worded("update to weight, ‖Δθ‖ / ‖θ‖"))


def _rest_lines(axes: Axes, records: list[WatchRecord]) -> None:
    lines = {f"{p} {worded('dead')}": np.array([r.dead[p] for r in records]) for p in records[0].dead}
    lines |= {f"{p} {worded('saturated')}": np.array([r.saturated[p] for r in records]) for p in records[0].saturated}
    _lines(axes, records, lines, log=False)
    axes.set_ylim(-0.02, 1.02)
    if not lines:
        axes.text(0.5, 0.5, worded("no ReLU, sigmoid or tanh"), transform=axes.transAxes, ha="center", color=PALE)
    _finish(axes, worded("share of units at rest"))


def _weights(records: list[WatchRecord]) -> list[str]:
    """The parameters that are called weights; all of them where none is."""
    paths = list(records[0].gradients)
    return _some([path for path in paths if path.endswith("weight")] or paths, MOST_LINES)


def _lines(axes: Axes, records: list[WatchRecord], lines: dict[str, Array], *, log: bool = True) -> None:
    from matplotlib import colormaps

    steps = [record.step for record in records]
    colours = colormaps["viridis"](np.linspace(0.05, 0.85, max(1, len(lines))))
    for colour, (name, values) in zip(colours, lines.items(), strict=False):
        shown = np.where(values > 0, values, np.nan) if log else values
        axes.plot(steps, shown, color=colour, linewidth=1.2, label=name, marker="." if len(steps) == 1 else None)
    if log and any((values > 0).any() for values in lines.values()):
        axes.set_yscale("log")
    if lines:
        axes.legend(frameon=False, fontsize=SMALL - 1, labelcolor=INK, ncols=1 + len(lines) // 6)
    axes.set_xlabel(worded("step"), fontsize=SMALL, color=INK)


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=MIDDLE, color=INK, loc="left")
    axes.tick_params(which="both", labelsize=SMALL - 1, labelcolor=INK, color=PALE)
    axes.grid(alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
