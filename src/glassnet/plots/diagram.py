"""A network as a drawing: of few dense units each neuron and each weight, of others a box for each layer."""

from __future__ import annotations

from pathlib import Path

from glassnet.core.calls import suggests
from glassnet.core.catalogues import columns_of, translated
from glassnet.core.errors import ConfigurationError
from glassnet.core.files import require_writable, write_atomically
from glassnet.core.kinds import PICTURE
from glassnet.core.notebooks import framed
from glassnet.core.pages import printable
from glassnet.core.shapes import Array
from glassnet.layers import Dense, Layer
from glassnet.model import Model
from glassnet.network import Concat, Graph, Network, Residual, as_network
from glassnet.plots.blocks import DARK, DRAWING, MADE_BY, block_diagram
from glassnet.tables import Table

COLUMN, ROW, RADIUS, MARGIN, LETTER = 170, 52, 15, 46, 8
MOST_UNITS, LONGEST, LEGEND_WIDTH = 64, 24, 290
SIGNS, INK = {"positive": "#c8551b", "negative": "#2166ac"}, "#22313f"


@suggests
def network_diagram(network: Model | Network | Layer, path: str | Path | None = None, *, title: str = "") -> str:
    """Draws a network: of dense layers with at most 64 units the neurons and weights, of any other its layers.

    Neurons are circles and weights lines: a line's width grows with |w| relative to the layer's largest, warm for
    positive and cold for negative; hovering over a line or circle shows its value. Activations are written below the
    column they shape. Layers are boxes with their output's shape and their parameters, branches stand side by side.

    Args:
        network: a network that is built, or a model.
        path: where to save the SVG, or None.
        title: a line above the drawing.

    Returns:
        The SVG as text.

    Raises:
        NotBuiltError: the network is not built.
        ConfigurationError: the path cannot be written.
        WriteError: the disk is full or failing.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(1))
        >>> _ = net.build(3, seed=0)
        >>> gn.plots.network_diagram(net).startswith("<svg")
        True
    """
    names = _input_names(network) if isinstance(network, Model) else None
    network = network.network if isinstance(network, Model) else as_network(network)
    if path is not None:
        require_writable(path, PICTURE, where="network_diagram")
    network.summary()  # refuses a network without shapes
    if any(isinstance(layer, Graph) for layer in (network, *(layer for _, layer in network.walk()))):
        raise ConfigurationError(
            where="network_diagram",
            received="a Graph, whose nodes stand in no row",
            expected="layers one after another, Residual and Concat",
            fix="print(net.summary()) lists the nodes, print(net) says what each takes",
        )
    dense, captions = _columns(network)
    widths = [dense[0].weight.shape[0], *(layer.units for layer in dense)] if dense else []
    is_small = bool(dense) and max(widths) <= MOST_UNITS and _is_chain_of_units(network)
    svg = _units(dense, captions, widths, title, names) if is_small else block_diagram(network, title=title)
    if path is not None:
        write_atomically(path, svg.encode(), PICTURE)
    return Drawing(svg)


class Drawing(str):
    """An SVG as text, which a notebook shows as a picture."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return framed(str(self))


def _input_names(model: Model) -> tuple[str, ...] | None:
    """The names of the numbers that the network takes, where the model knows them."""
    return model.preprocessing.features if isinstance(model.preprocessing, Table) else model.feature_names


def _is_chain_of_units(network: Network) -> bool:
    """Whether each layer hands a plain row of units to the next one."""
    return all(
        len(layer.output_shape or ()) == 1 and not isinstance(layer, Residual | Concat) for _, layer in network.walk()
    )


def _units(
    dense: list[Dense], captions: list[str], widths: list[int], title: str, names: tuple[str, ...] | None
) -> str:
    from html import escape

    known = names if names is not None and len(names) == widths[0] else ()
    left = min(LONGEST, max(map(columns_of, known), default=0)) * LETTER
    height = 2 * MARGIN + ROW * (max(widths) - 1) + 44
    width = max(
        left + 2 * MARGIN + COLUMN * len(dense) + max(0, LETTER * columns_of(captions[-1]) // 2 - MARGIN + 8),
        LEGEND_WIDTH,
    )
    centres = [[(x + left, y) for x, y in _centres(column, units, height - 20)] for column, units in enumerate(widths)]
    parts = [
        f'<svg {DRAWING} viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        MADE_BY,
        DARK,
        f'<rect class="paper" width="{width}" height="{height}" fill="white"/>',
        f'<text x="{MARGIN / 2}" y="18" fill="{INK}" font-weight="bold">{escape(title)}</text>',
    ]
    for column, layer in enumerate(dense):
        parts += _lines(layer.weight.value, centres[column], centres[column + 1])
    for column, points in enumerate(centres):
        parts += _circles(dense[column - 1] if column else None, points)
        where = f'x="{points[0][0]}" y="{height - 32}" text-anchor="middle" fill="{INK}"'
        parts.append(f"<text {where}>{escape(captions[column])}</text>")
    for name, (x, y) in zip(known, centres[0], strict=False):
        shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        where = f'x="{x - RADIUS - 6}" y="{y + 4}" text-anchor="end" fill="{INK}"'
        parts.append(f"<text {where}>{escape(shown)}<title>{escape(name)}</title></text>")
    words = translated("positive weight"), translated("negative weight")
    for place, (kind, colour) in enumerate(SIGNS.items()):
        x = 20 + 130 * place
        parts.append(f'<path class="{kind}" d="M{x} {height - 12}h20" stroke="{colour}" stroke-width="4"/>')
        parts.append(f'<text x="{x + 26}" y="{height - 8}" fill="{INK}">{words[place]}</text>')
    return printable("\n".join([*parts, "</svg>"]))


def _columns(network: Network) -> tuple[list[Dense], list[str]]:
    """The dense layers in order, and a caption for the inputs and for each of them."""
    dense: list[Dense] = []
    captions = [translated("input")]
    for _, layer in network.walk():
        if isinstance(layer, Dense):
            dense.append(layer)
            captions.append(translated(f"layer {len(dense)}"))
        elif not isinstance(layer, Network):
            captions[-1] += f", {type(layer).__name__.lower()}"
    return dense, captions


def _centres(column: int, units: int, height: float) -> list[tuple[float, float]]:
    top = (height - ROW * (units - 1)) / 2
    return [(MARGIN + COLUMN * column, top + ROW * unit) for unit in range(units)]


def _lines(weight: Array, sources: list[tuple[float, float]], targets: list[tuple[float, float]]) -> list[str]:
    largest = float(abs(weight).max()) or 1.0
    lines = []
    for d, (x1, y1) in enumerate(sources):
        for m, (x2, y2) in enumerate(targets):
            value = float(weight[d, m])
            share = abs(value) / largest
            sign = "positive" if value >= 0 else "negative"
            lines.append(
                f'<line class="{sign}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{SIGNS[sign]}" '
                f'stroke-width="{0.4 + 5 * share:.2f}" stroke-opacity="{0.25 + 0.6 * share:.2f}">'
                f"<title>w[{d}, {m}] = {value:.6g}</title></line>"
            )
    return lines


def _circles(layer: Dense | None, points: list[tuple[float, float]]) -> list[str]:
    circles = []
    for unit, (x, y) in enumerate(points):
        if layer is None:
            note = f"x{unit}"
        elif layer.use_bias:
            note = translated(f"unit {unit}, bias {float(layer.bias.value[unit]):.6g}")
        else:
            note = translated(f"unit {unit}")
        circles.append(
            f'<circle class="unit" cx="{x}" cy="{y}" r="{RADIUS}" fill="white" stroke="{INK}" stroke-width="1.5">'
            f"<title>{note}</title></circle>"
        )
    return circles
