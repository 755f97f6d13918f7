"""matplotlib's figures as SVG that suits light and dark: every colour has a twin for dark paper.

White is the paper, greys are mixed from paper and ink, colours become lighter where they would be too dark. What stands
on a full colour, such as the count in a cell, stays white: ``ON_COLOUR``.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110
"""Of images inside a picture."""
ON_COLOUR = "#fdfdfd"
"""White that is no paper."""
PAPER, INK = (0x12, 0x17, 0x1D), (0xE3, 0xE8, 0xED)
"""Of dark pages, as their style has them."""
LEAST_LIGHT = 0.3
"""The relative luminance that a colour has at least on dark paper."""
_COLOUR = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")
_EVERYTHING = re.compile(r"\s*<style type=\"text/css\">[^<]*</style>")
_UNSAID = dict.fromkeys(("Date", "Creator", "Type", "Format"))
_SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "glassnet", "text.parse_math": False}


def svg_of(figure: Figure) -> str:
    """A picture of its own, for an ``<img>`` or a file: whether it is dark is what its reader has asked for."""
    svg = _drawn(figure)
    found = sorted({colour for _, colour in _COLOUR.findall(svg)} | {"#000000"})
    dark = "".join(f"--c{colour[1:]}:{_hex(on_dark(colour))};" for colour in found)
    svg = _COLOUR.sub(lambda own: f"{own[1]}: var(--c{own[2][1:]}, {own[2]})", svg)
    style = f"<style>svg{{fill:var(--c000000,#000)}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    return re.sub(r"(<svg [^>]*>)", lambda own: own[1] + style, svg, count=1)


def inline_svg(figure: Figure) -> str:
    """A picture inside of HTML, such as a notebook's: its ink is that of the text around it, in any theme."""
    svg = _drawn(figure)
    svg = _COLOUR.sub(lambda own: f"{own[0]}; {own[1]}: {_by_ink(own[2])}", svg)
    root = 'style="max-width:100%;height:auto;fill:currentColor;stroke-linejoin:round" role="img" '
    return _EVERYTHING.sub("", svg[svg.index("<svg") :].replace("<svg ", f"<svg {root}", 1))


def _drawn(figure: Figure) -> str:
    """The SVG with letters as letters, which a browser has in every script, and without paper."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    content = BytesIO()
    papers = [axes.patch for axes in figure.axes]
    were_seen = [own.get_visible() for own in papers]
    canvas, dpi, paper = figure.canvas, figure.dpi, figure.get_facecolor()
    try:
        for own in papers:
            own.set_visible(False)
        figure.set_facecolor("none")
        figure.dpi = DPI
        with matplotlib.rc_context(_SETTINGS):  # savefig would draw everything twice, once for its layout
            own_canvas: Any = FigureCanvasSVG(figure)
            own_canvas.print_svg(content, metadata=_UNSAID)
    finally:
        figure.dpi = dpi
        figure.set_facecolor(paper)
        figure.set_canvas(canvas)
        for own, was_seen in zip(papers, were_seen, strict=True):
            own.set_visible(was_seen)
    return content.getvalue().decode("utf-8")


def on_dark(colour: str) -> tuple[int, int, int]:
    """The twin of a colour on dark paper.

    Example:
        >>> [_hex(on_dark(own)) for own in ("#ffffff", "#000000", ON_COLOUR, "#2166ac")]
        ['#12171d', '#e3e8ed', '#fdfdfd', '#6c9ac8']
    """
    parts = _parts(colour)
    if colour == ON_COLOUR:
        return parts
    if _is_grey(parts):
        return _mixed(INK, PAPER, _light(parts))
    share = 0.0
    while _luminance(_mixed(parts, (255, 255, 255), share)) < LEAST_LIGHT:
        share += 0.02
    return _mixed(parts, (255, 255, 255), share)


def _by_ink(colour: str) -> str:
    """A colour in CSS, by the colour of the text around it."""
    parts = _parts(colour)
    if colour == ON_COLOUR:
        return colour
    if _is_grey(parts):
        return f"color-mix(in srgb, currentColor {100 * (1 - _light(parts)):.0f}%, transparent)"
    return f"color-mix(in srgb, currentColor 25%, {colour})"


def _is_grey(parts: tuple[int, int, int]) -> bool:
    return max(parts) - min(parts) < 40


def _light(parts: tuple[int, int, int]) -> float:
    """How far a grey is from ink to paper; the ink of pictures is not quite black."""
    return max(0.0, (sum(parts) / 3 - 0x33) / (0xFF - 0x33))


def _luminance(parts: tuple[int, int, int]) -> float:
    """Relative luminance: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance ."""
    linear = [own / 255 / 12.92 if own <= 10 else ((own / 255 + 0.055) / 1.055) ** 2.4 for own in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mixed(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(parts: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{own:02x}" for own in parts)
