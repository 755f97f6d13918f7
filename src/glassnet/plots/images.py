"""Pictures of what convolutions have learned and what they see: filters and feature maps."""

from __future__ import annotations

from math import ceil, log2
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.checks import as_rows, fits_network, numeric
from glassnet.core.drawing import worded
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, batch_shape
from glassnet.layers import Conv2D, Layer
from glassnet.model import Model
from glassnet.network import Network, Sequential, as_network
from glassnet.plots import figures
from glassnet.plots.figures import INK, SMALL
from glassnet.runners import NumpyRunner

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TILES = 256
"""Filters or feature maps in a grid; of more the first are shown."""
MOST_CHANNELS = 16
"""Filters, and channels of each, where every channel has a tile of its own."""
TILE, BESIDE = 0.55, 2.2
"""Inches: from tile to tile, unless there are many; for the image beside feature maps."""


@suggests
def plot_filters(
    model: Model | Network | Layer, layer: int | str | Layer | None = None, *, path: str | Path | None = None
) -> Figure:
    """Draws the filters of a convolution as a grid.

    Filters of three channels are drawn in their colours, in which middle grey is 0; of one channel warm where they are
    positive and cold where negative, in the order of their numbers. Of other filters each channel has a tile: filters
    downwards, channels to the right. One scale, symmetric about 0, holds for all.

    Args:
        model: a model or network that is built.
        layer: a ``Conv2D``, its number or its path such as ``"3.residual.0"``; None for the first.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        NotBuiltError: the network is not built.
        ConfigurationError: there is no such layer, or it is no ``Conv2D``; the path cannot be written.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Conv2D(8, 3), gn.ReLU())
        >>> net.build((3, 32, 32))
        (8, 30, 30)
        >>> figure = gn.plots.plot_filters(net)
    """
    where = "plot_filters"
    target = figures.prepared(path, where)
    chosen = _chosen(_network_of(model), layer, where)
    if not isinstance(chosen, Conv2D):
        raise ConfigurationError(
            where=where, received=repr(chosen), expected="a Conv2D", fix="name another layer, or none for the first"
        )
    weight = np.asarray(chosen.weight.value)  # (F, C, kh, kw)
    filters, channels = weight.shape[:2]
    limit = float(np.abs(weight).max()) or 1.0
    by_channel = channels not in (1, 3)
    if by_channel:
        part = weight[:MOST_CHANNELS, :MOST_CHANNELS]
        mosaic = _mosaic(part.reshape(-1, 1, *part.shape[2:]), part.shape[1])
        down, across = part.shape[:2]
        rows = f"{filters} filters" if down == filters else f"the first {down} of {filters} filters"
        columns = f"{channels} channels" if across == channels else f"the first {across} of {channels} channels"
        shown = f"{rows} downwards, {columns} to the right"
    else:
        tiles = weight[:MOST_TILES]
        mosaic = _mosaic(tiles if channels == 1 else tiles / limit / 2 + 0.5, _columns(len(tiles)))
        shown = f"{filters} filters" if len(tiles) == filters else f"the first {len(tiles)} of {filters} filters"
    figure = _figure(mosaic, f"{worded(chosen.where)}: {worded(shown)}")
    axes = figure.subplots()
    _number(axes, mosaic, by_channel=by_channel)
    if channels == 3:
        axes.imshow(mosaic.image)
        axes.set_xlabel(worded(f"grey is 0; each colour −{limit:.2g} to {limit:.2g}"), fontsize=SMALL, color=INK)
    else:
        drawn = axes.imshow(mosaic.image[..., 0], interpolation="nearest", **figures.signed(weight))
        figures.colour_bar(figure, axes, drawn, worded("the weight"))
    return figures.finished(figure, target)


@suggests
def plot_feature_maps(
    model: Model | Network | Layer,
    image: Any,
    layer: int | str | Layer | None = None,
    *,
    path: str | Path | None = None,
) -> Figure:
    """Draws what a layer makes of one image: each of its output's channels as a tile, the image beside them.

    Positive outputs are warm and negative ones cold; where none is negative, one colour tells how large they are.

    Args:
        model: a model or network that is built.
        image: one row as the model takes it, such as (C, H, W); a batch of one will do too.
        layer: the layer, its number or its path such as ``"3.residual.0"``; None for the first ``Conv2D``.
        path: where to save the picture, by its ending .png, .svg or .pdf; or None.

    Returns:
        The matplotlib figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
        NotBuiltError: the network is not built.
        ShapeError, DataError: the image does not fit the network.
        ConfigurationError: there is no such layer, or its outputs are no images; the path cannot be written.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Conv2D(4, 3), gn.ReLU())
        >>> _ = net.build((1, 8, 8))
        >>> figure = gn.plots.plot_feature_maps(net, np.ones((1, 8, 8)), layer=1)
    """
    where = "plot_feature_maps"
    target = figures.prepared(path, where)
    network = _network_of(model)
    chosen = _chosen(network, layer, where)
    if len(chosen.output_shape or ()) != 3:
        raise ConfigurationError(
            where=where,
            received=f"{chosen.where}, whose outputs have the shape {batch_shape(chosen.output_shape or ())}",
            expected="a layer whose outputs are images (N, C, H, W)",
            fix="name a layer before the images are flattened or averaged",
        )
    raw = numeric(image, where=f"{where}: image")
    rows = raw if raw.shape[:1] == (1,) and raw.shape[1:] == network.input_shape else raw[None]
    maps = _output(network, _prepared_rows(model, network, rows, where), chosen)[0]  # (C, H, W)
    picture = figures.displayed(figures.pictures_of(rows, network, where), together=True)[0]
    tiles = maps[:MOST_TILES, None]
    mosaic = _mosaic(tiles, _columns(len(tiles)))
    count = len(maps)
    shown = f"{count} feature maps" if len(tiles) == count else f"the first {len(tiles)} of {count} feature maps"
    figure = _figure(mosaic, f"{worded(chosen.where)}: {worded(shown)}", beside=BESIDE)
    left, right = figure.subplots(1, 2, width_ratios=(BESIDE, figure.get_figwidth() - BESIDE))
    figures.show_picture(left, picture)
    left.set_title(worded("the image"), fontsize=SMALL, color=INK)
    _number(right, mosaic)
    look = figures.unsigned(maps) if maps.min() >= 0 else figures.signed(maps)
    image = right.imshow(mosaic.image[..., 0], interpolation="nearest", **look)
    figures.colour_bar(figure, right, image, worded("output"))
    return figures.finished(figure, target)


def _network_of(model: Model | Network | Layer) -> Network:
    network = model.network if isinstance(model, Model) else as_network(model)
    network.summary()  # refuses a network without shapes
    return network


def _chosen(network: Network, layer: int | str | Layer | None, where: str) -> Layer:
    """The layer that is meant: an object, a path, a number, or the first convolution of images."""
    for path, found in network.walk():
        if found is layer or (isinstance(found, Conv2D) if layer is None else path == str(layer)):
            return found
    raise ConfigurationError(
        where=where,
        received="a network without Conv2D" if layer is None else f"layer={layer!r}",
        expected="the number or path of a layer: " + ", ".join(path for path, _ in network.walk()),
        fix="print net.summary() to see the layers",
    )


def _prepared_rows(model: Model | Network | Layer, network: Network, raw: Array, where: str) -> Array:
    """A batch as the network takes it, after the model's preprocessing."""
    where = f"{where}: image"
    if isinstance(model, Model):
        return model.inputs(raw, where=where)
    fits_network(raw, network.input_shape or (), where=where, layer=network.first_layer().where)
    return as_rows(raw, network.dtype, where=where)


def _output(network: Network, x: Array, wanted: Layer) -> Array:
    """What a layer somewhere inside gives for a batch, in prediction mode."""
    run = NumpyRunner()
    for _, child in network.children():
        if child is wanted:
            return child.forward(run, x, training=False)[0]
        if isinstance(child, Network) and any(layer is wanted for _, layer in child.walk()):
            return _output(child, x, wanted)
        if isinstance(network, Sequential):  # in other networks each child takes x itself
            x, _ = child.forward(run, x, training=False)
    raise AssertionError("the layer is not in the network")


class _Mosaic(NamedTuple):
    """Tiles in one image (H, W, C), and the middles of its rows and columns of tiles."""

    image: Array
    rows: Array
    columns: Array


def _mosaic(tiles: Array, columns: int) -> _Mosaic:
    """Tiles (T, C, h, w) row by row, lines of NaN (of white, in colour) between them."""
    count, channels, height, width = tiles.shape
    rows = ceil(count / columns)
    gap = max(1, round(max(height, width) / 16))
    line = np.nan if channels == 1 else 1.0
    image = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), line)
    for n, tile in enumerate(tiles):
        top, left = n // columns * (height + gap), n % columns * (width + gap)
        image[top : top + height, left : left + width] = np.moveaxis(tile, 0, -1)
    middles = ((size - 1) / 2 + (size + gap) * np.arange(n) for size, n in ((height, rows), (width, columns)))
    return _Mosaic(image, *middles)


def _columns(tiles: int) -> int:
    """A power of two, of which the grid becomes about as wide as high or wider; fewer where there are fewer tiles."""
    return min(tiles, 1 << ceil(log2(tiles) / 2))


def _figure(mosaic: _Mosaic, title: str, beside: float = 0.0) -> Figure:
    """A figure for a mosaic, with so many inches to its left."""
    height, width = mosaic.image.shape[:2]
    tile = min(TILE, 7 / max(len(mosaic.rows), len(mosaic.columns)))
    across = max(3.2, tile * len(mosaic.columns))
    down = min(9.0, max(1.8 if beside else 0.8, across * height / width))
    return figures.new_figure(across + beside + 1.2, down + 0.7, title)


def _number(axes: Axes, mosaic: _Mosaic, *, by_channel: bool = False) -> None:
    """Numbers the first tile of each row; with ``by_channel`` the rows and the columns."""
    each, step = 1 if by_channel else len(mosaic.columns), max(1, ceil(len(mosaic.rows) / 16))
    axes.set_yticks(mosaic.rows[::step], [str(row * each) for row in range(0, len(mosaic.rows), step)])
    axes.set_xticks(mosaic.columns if by_channel else [], map(str, range(len(mosaic.columns))) if by_channel else [])
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=INK)
    axes.spines[:].set_visible(False)
