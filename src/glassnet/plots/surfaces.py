"""Pictures of surfaces: a model's answers over two inputs, and the loss around its weights."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.checks import numeric
from glassnet.core.drawing import worded
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.randomness import generator
from glassnet.core.settings import number, whole
from glassnet.core.shapes import Array, batch_shape
from glassnet.diagnosis.baseline import loss_of
from glassnet.model import Model
from glassnet.plots.figures import (
    SCALE,
    SECOND,
    SMALL,
    colour_bar,
    finished,
    flat_labels,
    label_axes,
    new_figure,
    prepared,
)
from glassnet.tables import Table
from glassnet.tables.kinds import NUMBER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = "#1f5fa8", "#d1662b", "#2c8c5a", "#8a5aa8", "#b59a17", "#c23b5a", "#4a9bb5", "#7a6a5a", "#5a6bd1", "#8aa83a"
DOTS: dict[str, Any] = {"s": 14, "edgecolors": "white", "linewidths": 0.5}
MARGIN, MOST_POINTS, SURFACE_ROWS = 0.15, 1000, 512


@suggests
def plot_decision_boundary(
    model: Model, x: Any, y: Any = None, *, points: int = 200, path: str | Path | None = None
) -> Figure:
    """Draws what a model of two inputs answers everywhere: classes by colour, the surer the stronger; or amounts.

    Args:
        model: of two features.
        x: rows (N, 2), or a table whose two columns of numbers the model uses; they and a margin around them are what
            is drawn.
        y: their labels (N,) or amounts, drawn as dots in the same colours; or None.
        points: of the grid along each side.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure. At most 1,000 rows are drawn as dots.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ShapeError, DataError: x has not two columns, or does not fit the model.
        ConfigurationError: the path cannot be written.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), "tanh", gn.Dense(2)), "cross_entropy", gn.Adam(0.05))
        >>> _ = model.fit(x, y, epochs=30, verbose=False)
        >>> len(gn.plots.plot_decision_boundary(model, x, y).axes)
        1
    """
    where = "plot_decision_boundary"
    target = prepared(path, where)
    model.require_one_output(where)
    rows, names = _two_columns(model, x, where)
    whole(points, "points", where, low=2)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ShapeError(
            where=f"{where}: x",
            received=batch_shape(rows.shape[1:]),
            expected="two features (N, 2)",
            fix="train a model on two columns to see its boundary",
        )
    low, high = rows.min(axis=0), rows.max(axis=0)
    room = MARGIN * np.where(high > low, high - low, 1.0)
    sides = [np.linspace(a, b, points) for a, b in zip(low - room, high + room, strict=True)]
    grid: Any = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    if isinstance(model.preprocessing, Table):
        grid = dict(zip(names, grid.T, strict=True))
    figure = new_figure(5.2, 4.4)
    axes = figure.subplots()
    extent = (sides[0][0], sides[0][-1], sides[1][0], sides[1][-1])
    norm: Any = None
    if model.loss.decides_classes:
        axes.imshow(_tints(model, grid).reshape(points, points, 4), extent=extent, origin="lower", aspect="auto")
    else:
        surface = model.predict_mean(grid).reshape(points, points, -1)[..., 0]
        image = axes.imshow(surface, extent=extent, origin="lower", aspect="auto", cmap=SCALE)
        norm = image.norm
        colour_bar(figure, axes, image, model.target_name or worded("predicted amount"))
    if y is not None:
        _dots(axes, model, rows[:MOST_POINTS], numeric(y, where=f"{where}: y")[:MOST_POINTS], norm, where)
    label_axes(axes, *names)
    return finished(figure, target)


def _two_columns(model: Model, x: Any, where: str) -> tuple[Array, tuple[str, ...]]:
    """The rows as two numbers each, and what these are called; of a table the two columns that the model uses."""
    if not isinstance(model.preprocessing, Table):
        known = model.feature_names or ()
        return numeric(x, where=f"{where}: x"), known if len(known) == 2 else ("x0", "x1")
    names = tuple(column.name for column in model.preprocessing.columns if column.features)
    raws = model.preprocessing.read(x, names, where=where)
    if len(names) == 2 and all(raw.kind == NUMBER and not raw.missing.any() for raw in raws.values()):
        return np.column_stack([raws[name].values for name in names]), names
    raise ShapeError(
        where=f"{where}: x",
        received=f"the columns {', '.join(f'{name} ({raw.kind})' for name, raw in raws.items()):.300}",
        expected="two columns of numbers without gaps",
        fix="train a model on two such columns to see its boundary",
    )


def _tints(model: Model, grid: Any) -> Array:
    """A colour (P, 4) for each point: that of its class, as strong as its probability is above chance."""
    from matplotlib.colors import to_rgb

    outputs = model.predict(grid)
    classes = model.loss.classes(outputs).reshape(-1)
    try:
        shares = model.loss.probabilities(outputs).reshape(len(outputs), -1)
        surest = shares.max(axis=1) if shares.shape[1] > 1 else np.maximum(shares[:, 0], 1 - shares[:, 0])
        chance = 1 / max(2, shares.shape[1])
        strength = 0.15 + 0.5 * (surest - chance) / (1 - chance)
    except ConfigurationError:  # a loss without probabilities
        strength = np.full(len(outputs), 0.45)
    colours = np.array([to_rgb(COLOURS[k % len(COLOURS)]) for k in range(int(classes.max()) + 1)])
    return np.column_stack([colours[classes], strength])


def _dots(axes: Axes, model: Model, rows: Array, y: Array, norm: Any, where: str) -> None:
    if not model.loss.decides_classes:
        axes.scatter(rows[:, 0], rows[:, 1], c=y.reshape(-1), cmap=SCALE, norm=norm, **DOTS)
        return
    labels = flat_labels(y, f"{where}: y").astype(np.intp)
    for k in np.unique(labels):
        name = model.class_names[k] if model.class_names else worded(f"class {k}")
        own = rows[labels == k]
        axes.scatter(own[:, 0], own[:, 1], color=COLOURS[k % len(COLOURS)], label=name, **DOTS)
    axes.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize=SMALL, loc="upper right")


@suggests
def plot_loss_surface(
    model: Model, x: Any, y: Any, *, reach: float = 1.0, points: int = 25, seed: int = 0, path: str | Path | None = None
) -> Figure:
    """Draws the loss around the model's weights, along two random directions.

    Each direction is scaled to the weights, array by array, so that surfaces of networks of different size can be
    compared; the model stands in the middle.

    Args:
        model: built.
        x: inputs, as ``model.evaluate`` takes them; 512 rows at most are used.
        y: their targets.
        reach: how far to go to each side, in lengths of the weights.
        points: of the grid along each side; each is one pass over the rows.
        seed: draws the directions.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure: contours of the loss, in powers where it spans more than two of ten.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ShapeError, DataError: x and y do not fit the model.
        ConfigurationError: the path cannot be written.

    Source: H. Li et al., "Visualizing the loss landscape of neural nets", NeurIPS 2018, section 4; scaled by array
    instead of by filter.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.linspace(-1, 1, 16)[:, None]
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(0.5))
        >>> _ = model.fit(x, 2 * x, epochs=20, verbose=False)
        >>> figure = gn.plots.plot_loss_surface(model, x, 2 * x, points=5)
    """
    where = "plot_loss_surface"
    target = prepared(path, where)
    number(reach, "reach", where, low=0, open_low=True)
    whole(points, "points", where, low=3)
    rows = model.rows(x, y, None, where=where).take(slice(SURFACE_ROWS))
    network = deepcopy(model.network)
    copy = Model(network, model.loss, "sgd", dtype=model.dtype, engine=model.engine, threads=model.threads)
    middle = network.parameters.copy()
    directions = [_direction(model, seed, k) for k in range(2)]
    steps = np.linspace(-reach, reach, points)
    losses = np.empty((points, points))
    for i, b in enumerate(steps):
        for j, a in enumerate(steps):
            network.parameters[...] = middle + a * directions[0] + b * directions[1]
            losses[i, j] = loss_of(model.loss, copy.predict(rows.x), rows.targets)
    from matplotlib.colors import LogNorm

    title = f"loss {losses[points // 2, points // 2]:.4g} in the middle, lowest {losses.min():.4g}"
    figure = new_figure(5.4, 4.4, worded(title))
    axes = figure.subplots()
    low, high = float(losses.min()), float(losses.max())
    is_wide = low > 0 and high / low > 100
    levels = np.geomspace(low, high, 16) if is_wide else np.linspace(low, max(high, low + 1e-12), 16)
    norm = LogNorm(low, high) if is_wide else None
    drawn = axes.pcolormesh(steps, steps, losses, cmap=f"{SCALE}_r", norm=norm, shading="gouraud", rasterized=True)
    axes.contour(steps, steps, losses, levels=levels, colors="white", linewidths=0.5, alpha=0.6)
    axes.plot(0, 0, marker="+", markersize=11, color=SECOND, markeredgewidth=2)
    colour_bar(figure, axes, drawn, worded("the loss"))
    label_axes(axes, worded("first random direction"), worded("second random direction"))
    return finished(figure, target)


def _direction(model: Model, seed: int, number_of: int) -> Array:
    """Random numbers as long as the parameters, of each weight with its norm; 0 for biases and running statistics."""
    network = model.network
    random = generator(seed, "loss surface", number_of).normal(size=network.parameters.shape)
    direction = np.zeros_like(network.parameters)
    for segment in network.layout:
        if segment.is_weight:
            drawn, weight = segment.view(random), segment.view(network.parameters)
            segment.view(direction)[...] = drawn * np.linalg.norm(weight) / np.linalg.norm(drawn)
    return direction
