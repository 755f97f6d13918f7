"""What the pictures share: sizes of letters, saving, labels, images in the range of colours."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.catalogues import columns_of
from glassnet.core.checks import numeric
from glassnet.core.drawing import blank_figure, with_letters
from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.pages import printable
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.network import Network
from glassnet.training.history import CURVES, require_matplotlib, require_picture, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, PALE = "#22313f", "#b8bfc6"
FIRST, SECOND = CURVES
WARM, COLD = "#c8551b", "#2166ac"
"""Positive and negative, as on the page of a trace and in network diagrams."""
AMOUNT = "#0f8577"
"""The full colour of what is never negative."""
SCALE = "viridis"
"""The colours of amounts whose 0 means nothing, such as a price or a loss."""
SMALL, MIDDLE = 8, 10
"""Sizes of letters, in points."""
LONGEST_NAME = 14


def prepared(path: str | Path | None, where: str) -> Path | None:
    """Checks before any work that there is matplotlib, and that the picture can be saved."""
    require_matplotlib(where=where)
    return None if path is None else require_picture(path, where=where)


def finished(figure: Figure, target: Path | None) -> Figure:
    """Saves the figure, if it is to be saved, and returns it, with fonts for all its letters."""
    with_letters(figure)
    if target is not None:
        save_picture(figure, target)
    return figure


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """A figure of so many inches, with a headline."""
    figure = blank_figure(width, height)
    if title:
        headline(figure, title)
    return figure


def label_axes(axes: Axes, across: str, up: str, *, is_open: bool = False) -> None:
    """Names the axes; open ones have a faint grid and no box."""
    axes.set_xlabel(across, fontsize=MIDDLE - 1, color=INK)
    axes.set_ylabel(up, fontsize=MIDDLE - 1, color=INK)
    axes.tick_params(labelsize=SMALL, labelcolor=INK)
    if is_open:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)


def headline(figure: Figure, text: str) -> None:
    """Writes a line above everything, or as many as its length takes."""
    columns = figure.get_figwidth() * 72 / (0.56 * MIDDLE)
    figure.suptitle(fill(text, int(columns * len(text) / columns_of(text))), fontsize=MIDDLE, color=INK)


def colour_bar(figure: Figure, axes: Axes | list[Axes], image: ScalarMappable, label: str) -> None:
    """Puts the scale of an image or surface beside it."""
    bar = figure.colorbar(image, ax=axes, shrink=0.9, aspect=30, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL, labelcolor=INK)
    bar.set_label(label, fontsize=SMALL, color=INK)
    bar.outline.set_visible(False)


def signed(values: Array) -> dict[str, Any]:
    """Colours and limits of numbers of both signs: 0 is the paper, warm is positive, cold negative."""
    limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    return {"cmap": _from_paper(COLD, WARM), "vmin": -limit, "vmax": limit}


def unsigned(values: Array) -> dict[str, Any]:
    """Colours and limits of numbers that are never negative: 0 is the paper."""
    return {"cmap": _from_paper(AMOUNT), "vmin": 0.0, "vmax": float(np.nanmax(values, initial=0.0)) or 1.0}


def shares() -> dict[str, Any]:
    """Those of shares, probabilities and gates, from 0 to 1."""
    return unsigned(np.ones(1))


def _from_paper(*colours: str) -> Colormap:
    """From one colour through the paper to another, or from the paper to one; faster at first, as in traces."""
    from matplotlib.colors import ListedColormap, to_rgb

    places = np.linspace(1 - len(colours), 1, 129 * len(colours) - len(colours) + 1)
    table = [(*to_rgb(colours[-1] if place >= 0 else colours[0]), abs(place) ** 0.75) for place in places]
    return ListedColormap(table).with_extremes(bad=(*to_rgb(PALE), 0.55))


def colours(count: int) -> list[Any]:
    """So many colours that are told apart."""
    from matplotlib import colormaps

    return [FIRST, SECOND][:count] if count < 3 else list(colormaps["viridis"](np.linspace(0.05, 0.85, count)))


def show_picture(axes: Axes, picture: Array) -> None:
    """Draws one picture of ``displayed``."""
    axes.imshow(picture if picture.shape[-1] == 3 else picture[..., 0], cmap="gray", vmin=0, vmax=1)
    axes.set_axis_off()


def pictures_of(rows: Array, network: Network, where: str, shape: Shape | None = None) -> Array:
    """Rows as images (N, C, H, W): in that shape, or in that of the inputs or of the network's first images."""
    inputs = network.input_shape or ()
    shapes = [inputs, *(layer.output_shape or () for _, layer in network.walk())]
    shape = shape or next((s for s in shapes if len(s) == 3), ())
    if len(shape) != 3 or int(np.prod(shape)) != int(np.prod(inputs)):
        raise ShapeError(
            where=where,
            received=f"inputs of shape {batch_shape(inputs)}",
            expected="images (N, C, H, W), or rows that a gn.Reshape makes images of",
            fix="pass image_shape, or begin the network with gn.Reshape((channels, height, width))",
        )
    return rows.reshape(-1, *shape)


def displayed(images: Array, *, together: bool = False) -> Array:
    """Images (N, C, H, W) as (N, H, W, 3) in colour or (N, H, W, 1) in grey, from 0 to 1.

    The smallest value of all becomes 0 and the largest 1, for each channel by itself unless ``together``. Channels
    that are no colours are averaged.
    """
    values = images.astype(np.float64)
    if values.shape[1] not in (1, 3):
        values = values.mean(axis=1, keepdims=True)
    axes = (0, 1, 2, 3) if together else (0, 2, 3)
    low, high = values.min(axis=axes, keepdims=True), values.max(axis=axes, keepdims=True)
    return np.moveaxis((values - low) / np.where(high > low, high - low, 1), 1, -1)


def flat_labels(labels: Any, where: str) -> Array:
    """Labels (N,) of labels (N,) or (N, 1), or of one-hot rows (N, K)."""
    array = numeric(labels, where=where)
    if array.ndim == 2 and array.shape[1]:
        return array[:, 0] if array.shape[1] == 1 else array.argmax(axis=1)
    if array.ndim != 1:
        raise ShapeError(
            where=where,
            received=f"an array of shape {array.shape}",
            expected="one label for each row (N,), or one-hot rows (N, K)",
            fix="pass the labels as a flat array",
        )
    return array


def names_of(class_names: Sequence[str] | None, classes: int, where: str) -> list[str]:
    """A name for each class: those given, or their numbers."""
    if class_names is None:
        return [str(k) for k in range(classes)]
    if isinstance(class_names, str) or not isinstance(class_names, Collection) or len(class_names) != classes:
        raise ConfigurationError(
            where=where,
            received=f"class_names={shown(class_names)}",
            expected=f"{classes} names, one for each class",
            fix="pass a list of names in the order of the labels",
        )
    return [printable(str(name)) for name in class_names]


def short(name: str) -> str:
    """A name that fits above a picture."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def readable(value: float) -> str:
    """A number for people: whole ones and large ones with commas, others to four digits.

    Example:
        >>> readable(20353.7), readable(0.93), readable(5.01549), readable(-3), readable(float("nan"))
        ('20,354', '0.9300', '5.015', '−3', '–')
    """
    if value != value:
        return "–"
    if isinstance(value, int) or 1000 <= abs(value) < 1e15:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1 else f"{value:.4g}"
    return text.replace("-", "−")
