"""A network of dense layers as a drawing: neurons as circles, weights as lines."""

from __future__ import annotations

from pathlib import Path

from glassnet.errors import ConfigurationError
from glassnet.files import write_atomically
from glassnet.layers import Dense, Layer
from glassnet.network import Network
from glassnet.shapes import Array

COLUMN, ROW, RADIUS, MARGIN, LETTER = 170, 52, 15, 46, 8
MOST_UNITS = 64
POSITIVE, NEGATIVE, INK = "#1f5fa8", "#c4442e", "#22313f"


def network_diagram(network: Network, path: str | Path | None = None, *, title: str = "") -> str:
    """Draws every dense layer's units as circles and its weights as lines.

    A line's width grows with |w| relative to the layer's largest, blue for positive and red for negative; hovering
    over a line or circle shows its value. Activations are written above the column they shape.

    Args:
        network: a built network of at most 64 units a layer.
        path: where to save the SVG, or None.
        title: a line above the drawing.

    Returns:
        The SVG as text.

    Raises:
        NotBuiltError: the network is not built.
        ConfigurationError: it has no dense layer, or one too wide to draw.
    """
    from html import escape

    network.summary()  # refuses a network without shapes
    dense, captions = _columns(network)
    widths = [dense[0].weight.shape[0], *(layer.units for layer in dense)] if dense else []
    if not dense or max(widths) > MOST_UNITS:
        raise ConfigurationError(
            where="network_diagram",
            received=f"dense layers of {widths or 'no'} units",
            expected=f"1 to {MOST_UNITS} units in each column, so that lines can be told apart",
            fix="draw a smaller network, or print net.summary()",
        )
    height = 2 * MARGIN + ROW * (max(widths) - 1) + 24
    width = 2 * MARGIN + COLUMN * len(dense) + max(0, LETTER * len(captions[-1]) // 2 - MARGIN + 8)
    centres = [_centres(column, units, height) for column, units in enumerate(widths)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{MARGIN / 2}" y="18" fill="{INK}" font-weight="bold">{escape(title)}</text>',
    ]
    for column, layer in enumerate(dense):
        parts += _lines(layer.weight.value, centres[column], centres[column + 1])
    for column, points in enumerate(centres):
        parts += _circles(dense[column - 1] if column else None, points)
        place = f'x="{points[0][0]}" y="{height - 12}" text-anchor="middle" fill="{INK}"'
        parts.append(f"<text {place}>{escape(captions[column])}</text>")
    svg = "\n".join([*parts, "</svg>"])
    if path is not None:
        write_atomically(path, svg.encode())
    return svg


def _columns(network: Network) -> tuple[list[Dense], list[str]]:
    """The dense layers in order, and a caption for the inputs and for each of them."""
    dense: list[Dense] = []
    captions = ["input"]
    for _, layer in network.walk():
        if isinstance(layer, Dense):
            dense.append(layer)
            captions.append(f"layer {len(dense)}")
        elif not isinstance(layer, Network):
            captions[-1] += f", {_name(layer)}"
    return dense, captions


def _name(layer: Layer) -> str:
    return type(layer).__name__.lower()


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
            lines.append(
                f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{POSITIVE if value >= 0 else NEGATIVE}" '
                f'stroke-width="{0.4 + 5 * share:.2f}" stroke-opacity="{0.25 + 0.6 * share:.2f}">'
                f"<title>w[{d}, {m}] = {value:.6g}</title></line>"
            )
    return lines


def _circles(layer: Dense | None, points: list[tuple[float, float]]) -> list[str]:
    circles = []
    for unit, (x, y) in enumerate(points):
        note = f"x{unit}" if layer is None else f"unit {unit}"
        if layer is not None and layer.use_bias:
            note += f", bias {float(layer.bias.value[unit]):.6g}"
        circles.append(
            f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="white" stroke="{INK}" stroke-width="1.5">'
            f"<title>{note}</title></circle>"
        )
    return circles
