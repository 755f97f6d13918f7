"""Pictures of sequences: which step looks at which, what gates let through, how far back a gradient reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.drawing import worded
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.pages import printable
from glassnet.kernels import attention as attending
from glassnet.layers import Layer
from glassnet.model import Model
from glassnet.plots import figures
from glassnet.plots.figures import FIRST, INK, MIDDLE, SMALL
from glassnet.plots.recurrences import FORWARD, gradients_by_step, is_gate, panels_of
from glassnet.plots.seen import chosen_call, row_seen, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_HEADS, MOST_UNITS, MOST_NAMED = 16, 64, 48
"""Maps that are drawn of a layer, units of a recurrence, and steps that are told by their names."""
CELL, LEAST = 0.2, 2.2
"""Inches: of a step in a map, and of a whole map at least."""


@suggests
def plot_attention(
    model: Model,
    x: Any,
    layer: int | str | Layer | None = None,
    *,
    steps: Sequence[Any] | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draws how much each step of one row takes of each other step: a map for each head of a ``SelfAttention``.

    The step that looks stands at the left, the step that is looked at above; each line of a map sums to 1. Of an
    ``Attention`` layer, which pools over time, it is one line: the share of each step.

    Args:
        model: a model that is built.
        x: one row as the model takes it, such as (T, D), or numbers of a vocabulary (T,); it may have fewer steps.
        layer: the layer, its number or its path such as ``"2.residual.1"``; None for the first that attends.
        steps: a name for each step, such as its letter; None for the numbers of a vocabulary, or of the steps.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        NotBuiltError: the model has seen no data.
        ConfigurationError: there is no such layer, or it does not attend; the path cannot be written.
        ShapeError, DataError: x is no row of the model; not as many names as steps.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.SelfAttention(2, causal=True), gn.GlobalAveragePool(), gn.Dense(2))
        >>> x, y = np.random.default_rng(0).normal(size=(8, 5, 4)), np.arange(8) % 2
        >>> model = gn.Model(net, "cross_entropy", "adam")
        >>> _ = model.fit(x, y, verbose=False)
        >>> figure = gn.plots.plot_attention(model, x[0], steps=list("hello"))
        >>> [axes.get_title() for axes in figure.axes[:2]]
        ['head 1', 'head 2']
    """
    where = "plot_attention"
    target = figures.prepared(path, where)
    kernels = attending.attention_weights_forward, attending.attention_pool_forward
    calls, count, names = row_seen(model, x, kernels, steps, where)
    call = chosen_call(calls, model, layer, "a SelfAttention or an Attention", where)
    whole = call.arrays["weights"][0]
    owner = worded(title_of(model, call.path))
    if whole.ndim == 1:  # (T,)
        figure = figures.new_figure(max(4.0, count * CELL + 1), 2.4, f"{owner}: {worded('the share of each step')}")
        axes = figure.subplots()
        axes.bar(range(count), whole[:count], color=FIRST)
        _name_steps(axes, names, "x")
        figures.label_axes(axes, worded("step"), worded("share of the step"), is_open=True)
        return figures.finished(figure, target)
    maps = whole[:, :count, :count].swapaxes(1, 2)  # (H, S, T) -> (H, T, S)
    shown = maps[:MOST_HEADS]
    columns = min(4, len(shown))
    rows, size = ceil(len(shown) / columns), max(LEAST, count * CELL)
    heads = "1 head" if len(maps) == 1 else f"{len(maps)} heads"
    if len(shown) < len(maps):
        heads = f"the first {len(shown)} of {len(maps)} heads"
    figure = figures.new_figure(columns * size + 1.2, rows * (size + 0.5) + 0.6, f"{owner}: {worded(heads)}")
    grid = figure.subplots(rows, columns, squeeze=False)
    for panel in grid.flat[len(shown) :]:
        panel.set_visible(False)
    for head, (panel, weights) in enumerate(zip(grid.flat, shown, strict=False), start=1):
        image = panel.imshow(weights, interpolation="nearest", **figures.shares())
        panel.set_title(worded(f"head {head}"), fontsize=SMALL, color=INK)
        _name_steps(panel, names, "x", above=True)
        _name_steps(panel, names, "y")
        panel.spines[:].set_visible(False)
    grid[0, 0].set_ylabel(worded("step that looks"), fontsize=SMALL, color=INK)
    figures.colour_bar(figure, grid.ravel().tolist(), image, worded("share of the step"))
    return figures.finished(figure, target)


@suggests
def plot_gates(
    model: Model,
    x: Any,
    layer: int | str | Layer | None = None,
    *,
    steps: Sequence[Any] | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draws what goes on in a recurrent layer while it reads one row: its gates and what it carries, step by step.

    Each panel has a line for each unit and a column for each step. Gates go from 0, closed, to 1, open; candidates and
    what is carried have their own scale about 0.

    Args:
        model: a model that is built.
        x: one row as the model takes it, such as (T, D); it may have fewer steps.
        layer: an ``LSTM``, ``GRU`` or ``SimpleRNN``, its number or its path; None for the first.
        steps: a name for each step, such as its letter; None for the numbers of a vocabulary, or of the steps.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        NotBuiltError: the model has seen no data.
        ConfigurationError: there is no such layer, or it is not recurrent; the path cannot be written.
        ShapeError, DataError: x is no row of the model; not as many names as steps.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.random.default_rng(0).normal(size=(8, 5, 4)), np.arange(8) % 2
        >>> model = gn.Model(gn.Sequential(gn.GRU(6), gn.Dense(2)), "cross_entropy", "adam")
        >>> _ = model.fit(x, y, verbose=False)
        >>> figure = gn.plots.plot_gates(model, x[0])
        >>> [axes.get_title() for axes in figure.axes[:4]]
        ['reset gate r', 'update gate z', 'candidate n', 'state h']
    """
    where = "plot_gates"
    target = figures.prepared(path, where)
    calls, count, names = row_seen(model, x, FORWARD, steps, where)
    call = chosen_call(calls, model, layer, "an LSTM, a GRU or a SimpleRNN", where)
    panels = panels_of(call)
    units = min(MOST_UNITS, call.arrays["y"].shape[2])
    columns = min(3, len(panels))
    rows = ceil(len(panels) / columns)
    wide, tall = max(LEAST, min(6.0, count * CELL)) + 0.7, max(1.3, min(3.2, units * 0.12)) + 0.5
    figure = figures.new_figure(
        columns * wide, rows * tall + 0.5, f"{worded(title_of(model, call.path))}: {worded('unit by unit')}"
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for panel in grid.flat[len(panels) :]:
        panel.set_visible(False)
    for panel, (title, values) in zip(grid.flat, panels.items(), strict=False):
        shown = values[0, :count, :units].T  # (T, H) -> (H, T)
        look = figures.shares() if is_gate(title) else figures.signed(shown)
        image = panel.imshow(shown, aspect="auto", interpolation="nearest", **look)
        panel.set_title(worded(title), fontsize=MIDDLE - 1, color=INK)
        _name_steps(panel, names, "x")
        panel.set_yticks([])
        panel.spines[:].set_visible(False)
        figures.colour_bar(figure, panel, image, "")
    grid[0, 0].set_ylabel(worded("unit"), fontsize=SMALL, color=INK)
    return figures.finished(figure, target)


@suggests
def plot_gradient_by_step(
    models: Model | Mapping[str, Model],
    x: Any,
    y: Any,
    *,
    path: str | Path | None = None,
) -> Figure:
    """Draws how large the loss's gradient is by the state of each step: how far back a recurrent layer learns.

    On its way back ∂L/∂h_t is multiplied once for each step by the recurrent weights and a slope, so that in a
    ``SimpleRNN`` it mostly vanishes, or explodes: a straight line on this scale. The cell of an ``LSTM`` is multiplied
    by its forget gate alone, and where that is open its gradient (dashed) passes.

    Args:
        models: a model that is built, of whose recurrent layers each gets a line; or several by name, to be compared.
        x: inputs, as the models take them (N, T, ...).
        y: targets, as the losses want them.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure. A line's numbers are ‖∂L/∂h_t‖, the root of the sum of squares over units and rows.

    Raises:
        MissingExtraError: matplotlib is not installed.
        NotBuiltError: a model has seen no data.
        ConfigurationError: a model has no recurrent layer; the path cannot be written.
        ShapeError, DataError: x or y do not fit.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.random.default_rng(0).normal(size=(8, 5, 4)), np.arange(8) % 2
        >>> models = {}
        >>> for layer in (gn.SimpleRNN(6), gn.LSTM(6)):
        ...     model = gn.Model(gn.Sequential(layer, gn.Dense(2)), "cross_entropy", "adam")
        ...     _ = model.fit(x, y, verbose=False)
        ...     models[type(layer).__name__] = model
        >>> figure = gn.plots.plot_gradient_by_step(models, x, y)
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['SimpleRNN', 'LSTM', 'LSTM: the cell']
    """
    where = "plot_gradient_by_step"
    target = figures.prepared(path, where)
    given = {"": models} if isinstance(models, Model) else models
    if not isinstance(given, Mapping) or not given or not all(isinstance(own, Model) for own in given.values()):
        raise ConfigurationError(
            where=where,
            received=shown(models),
            expected="a model, or several in a dict by name",
            fix='write {"RNN": rnn, "LSTM": lstm}',
        )
    curves = {
        (str(name), place): lines
        for name, own in given.items()
        for place, lines in gradients_by_step(own, x, y, where).items()
    }
    figure = figures.new_figure(6.2, 3.8, worded("how far back the loss reaches"))
    axes = figure.subplots()
    colours = figures.colours(len(curves))
    for colour, ((name, place), lines) in zip(colours, curves.items(), strict=True):
        is_alone = name and sum(own == name for own, _ in curves) == 1
        label = name if is_alone else f"{name} {worded(title_of(given[name], place))}".strip()
        styles: tuple[dict[str, Any], ...] = ({"linewidth": 1.8}, {"linewidth": 1.2, "linestyle": "--"})
        for what, values, style in zip(("", ": the cell"), lines, styles, strict=False):
            steps = np.arange(1, len(values) + 1)
            axes.plot(
                steps,
                np.where(values > 0, values, np.nan),
                color=colour,
                label=printable(label + worded(what)),
                **style,
            )
    axes.set_yscale("log")
    figures.label_axes(axes, worded("step"), worded("‖∂L/∂h‖ of the step"), is_open=True)
    axes.legend(frameon=False, fontsize=SMALL, labelcolor=INK)
    return figures.finished(figure, target)


def _name_steps(axes: Axes, names: Sequence[str], side: str, *, above: bool = False) -> None:
    """Puts the names of the steps along an axis; of many steps some numbers alone."""
    if len(names) <= MOST_NAMED:
        slanted = side == "x" and max(map(len, names)) > 3
        given: dict[str, Any] = {"parse_math": False} | ({"rotation": 90} if slanted else {})
        (axes.set_xticks if side == "x" else axes.set_yticks)(range(len(names)), names, **given)
    axes.tick_params(axis=side, length=0, labelsize=SMALL - 1, labelcolor=INK)  # type: ignore[arg-type]
    if above:
        axes.tick_params(axis="x", top=False, labeltop=True, bottom=False, labelbottom=False)
