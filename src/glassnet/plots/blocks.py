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
HEIGHT, GAP, BESIDE, LETTER, BYPASS, JOINT = 42, 20, 26, 7.0, 34, 22
"""The height of a box; the gaps in a column and beside each other; a letter's width; a line past a branch; a joint."""


def block_diagram(network: Network, *, title: str) -> str:
    """The SVG, for a built network."""
    width, height = _size(network)
    top = 24 + (18 if title else 0)
    width, bottom = max(width, 120.0, LETTER * len(title)) + 40, top + HEIGHT / 2 + GAP + height + GAP + 16
    centre = width / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {bottom:.0f}" width="{width:.0f}" '
        f'height="{bottom:.0f}" font-family="sans-serif" font-size="12">',
        MADE_BY,
        f'<rect width="{width:.0f}" height="{bottom:.0f}" fill="white"/>',
        *([f'<text x="16" y="20" fill="{INK}" font-weight="bold">{escape(title)}</text>'] if title else []),
        _text(centre, top + 8, f"{translated('input')} {batch_shape(network.input_shape or ())}", MUTED),
        _line(centre, top + 14, centre, top + HEIGHT / 2 + GAP),
        *_draw(network, centre, top + HEIGHT / 2 + GAP),
        _line(centre, bottom - GAP - 16, centre, bottom - 18),
        _text(centre, bottom - 5, f"{translated('output')} {batch_shape(network.output_shape or ())}", MUTED),
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
        f'<rect x="{centre - half:.1f}" y="{joint - 11:.1f}" width="{2 * half:.1f}" height="22" rx="11" fill="white" '
        f'stroke="{LINE}"/>',
        _text(centre, joint + 4, word, INK),
    ]


def _lines_of(layer: Layer) -> tuple[str, str]:
    count = sum(parameter.value.size for parameter in layer.own_parameters().values() if parameter.trainable)
    numbers = f"{batch_shape(layer.output_shape or ())}"
    return repr(layer), f"{numbers}, {translated(f'{count:,} parameters')}" if count else numbers


def _box(layer: Layer, centre: float, top: float) -> list[str]:
    width, _ = _size(layer)
    name, numbers = _lines_of(layer)
    fill = TRAINED if any(own.trainable for own in layer.own_parameters().values()) else PLAIN
    return [
        f'<rect x="{centre - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{HEIGHT}" rx="6" fill="{fill}" '
        f'stroke="{LINE}"><title>{escape(layer.path)}</title></rect>',
        _text(centre, top + 17, name, INK),
        _text(centre, top + 33, numbers, MUTED, size=11),
    ]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{LINE}" stroke-width="1.5"/>'


def _text(x: float, y: float, text: str, colour: str, *, size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size}" fill="{colour}">{escape(text)}</text>'
    )
