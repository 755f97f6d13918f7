"""A network of any layers as a drawing: a box for each layer, branches side by side."""

from __future__ import annotations

from html import escape

from glassnet.core.catalogues import columns_of, translated
from glassnet.core.shapes import batch_shape
from glassnet.layers import Layer
from glassnet.network import Concat, Network, Residual

INK, MUTED, LINE = "#22313f", "#66737f", "#9aa7b3"
TRAINED, PLAIN = "#dce9f7", "#f2f4f6"
"""Boxes of layers with parameters, and of others."""
MADE_BY = "<metadata>glassnet</metadata>"
"""What says in the file who drew it."""
DRAWING = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12" class="glassnet-drawing"'
"""What each drawing's element begins with; notebooks give its parts the colours of their theme, by these classes."""
DARK = (
    "<style>@media (prefers-color-scheme: dark) { .glassnet-drawing > .paper { fill: #12171d }"
    " .glassnet-drawing text { fill: #e3e8ed } .glassnet-drawing .pale { fill: #9aa7b4 }"
    " .glassnet-drawing .line { stroke: #66737f } .glassnet-drawing .box { fill: #1f2831 }"
    " .glassnet-drawing .trained { fill: #1d3350 } .glassnet-drawing .unit { fill: #12171d; stroke: #e3e8ed }"
    " .glassnet-drawing .positive { stroke: #f0914e } .glassnet-drawing .negative { stroke: #6aaee8 } }</style>"
)
"""Paper and ink of a drawing where the reader has chosen dark colours."""
HEIGHT, GAP, BESIDE, LETTER, BYPASS, JOINT = 42, 20, 26, 7.0, 34, 22
"""The height of a box; the gaps in a column and beside each other; a letter's width; a line past a branch; a joint."""


def block_diagram(network: Network, *, title: str) -> str:
    """The SVG, for a built network."""
    width, height = _size(network)
    top = 24 + (18 if title else 0)
    width, bottom = max(width, 120.0, LETTER * len(title)) + 40, top + HEIGHT / 2 + GAP + height + GAP + 16
    centre = width / 2
    parts = [
        f'<svg {DRAWING} viewBox="0 0 {width:.0f} {bottom:.0f}" width="{width:.0f}" height="{bottom:.0f}">',
        MADE_BY,
        DARK,
        f'<rect class="paper" width="{width:.0f}" height="{bottom:.0f}" fill="white"/>',
        *([f'<text x="16" y="20" fill="{INK}" font-weight="bold">{escape(title)}</text>'] if title else []),
        _text(centre, top + 8, f"{translated('input')} {batch_shape(network.input_shape or ())}", is_pale=True),
        _line(centre, top + 14, centre, top + HEIGHT / 2 + GAP),
        *_draw(network, centre, top + HEIGHT / 2 + GAP),
        _line(centre, bottom - GAP - 16, centre, bottom - 18),
        _text(centre, bottom - 5, f"{translated('output')} {batch_shape(network.output_shape or ())}", is_pale=True),
        "</svg>",
    ]
    return "\n".join(parts)


def _branches(layer: Layer) -> list[Layer | None] | None:
    """What stands side by side in it, None for a line past the others; None where nothing does."""
    if isinstance(layer, Residual):
        return [layer.residual, layer.shortcut]
    return list(layer.branches) if isinstance(layer, Concat) else None


def _size(layer: Layer | None) -> tuple[float, float]:
    if layer is None:
        return BYPASS, 0.0
    branches = _branches(layer)
    if branches is not None:
        sizes = [_size(branch) for branch in branches]
        return sum(w for w, _ in sizes) + BESIDE * (len(sizes) - 1), max(h for _, h in sizes) + 2 * GAP + JOINT
    inside = [_size(child) for _, child in layer.children()]
    if inside:
        return max(w for w, _ in inside), sum(h for _, h in inside) + GAP * (len(inside) - 1)
    return LETTER * max(map(columns_of, _lines_of(layer))) + 24, float(HEIGHT)


def _draw(layer: Layer, centre: float, top: float) -> list[str]:
    """Its parts, from the line that comes in at the top to where one goes out at the bottom."""
    branches = _branches(layer)
    if branches is not None:
        return _draw_branches(layer, branches, centre, top)
    inside = [child for _, child in layer.children()]
    if not inside:
        return _box(layer, centre, top)
    parts = []
    for number, child in enumerate(inside):
        if number:
            parts.append(_line(centre, top, centre, top + GAP))
            top += GAP
        parts += _draw(child, centre, top)
        top += _size(child)[1]
    return parts


def _draw_branches(layer: Layer, branches: list[Layer | None], centre: float, top: float) -> list[str]:
    width, height = _size(layer)
    joint, x = top + height - JOINT / 2, centre - width / 2
    middles, parts = [], []
    for branch in branches:
        own_width, own_height = _size(branch)
        middle = x + own_width / 2
        parts.append(_line(middle, top, middle, top + GAP))
        if branch is not None:
            parts += _draw(branch, middle, top + GAP)
        parts.append(_line(middle, top + GAP + own_height, middle, joint))
        middles.append(middle)
        x += own_width + BESIDE
    word = "+" if isinstance(layer, Residual) else translated("concat")
    half = max(11.0, LETTER * columns_of(word) / 2 + 8)
    return [
        _line(min(middles[0], centre), top, max(middles[-1], centre), top),
        *parts,
        _line(min(middles[0], centre), joint, max(middles[-1], centre), joint),
        f'<rect class="unit line" x="{centre - half:.1f}" y="{joint - 11:.1f}" width="{2 * half:.1f}" height="22" '
        f'rx="11" fill="white" stroke="{LINE}"/>',
        _text(centre, joint + 4, word),
    ]


def _lines_of(layer: Layer) -> tuple[str, str]:
    count = sum(parameter.value.size for parameter in layer.own_parameters().values() if parameter.trainable)
    numbers = f"{batch_shape(layer.output_shape or ())}"
    return repr(layer), f"{numbers}, {translated(f'{count:,} parameters')}" if count else numbers


def _box(layer: Layer, centre: float, top: float) -> list[str]:
    width, _ = _size(layer)
    name, numbers = _lines_of(layer)
    is_trained = any(own.trainable for own in layer.own_parameters().values())
    kind, fill = ("trained", TRAINED) if is_trained else ("box", PLAIN)
    return [
        f'<rect class="{kind} line" x="{centre - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{HEIGHT}" '
        f'rx="6" fill="{fill}" stroke="{LINE}"><title>{escape(layer.path)}</title></rect>',
        _text(centre, top + 17, name),
        _text(centre, top + 33, numbers, is_pale=True, size=11),
    ]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="line" {ends} stroke="{LINE}" stroke-width="1.5"/>'


def _text(x: float, y: float, text: str, *, is_pale: bool = False, size: int = 12) -> str:
    look = f'class="pale" fill="{MUTED}"' if is_pale else f'fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size}" {look}>{escape(text)}</text>'
