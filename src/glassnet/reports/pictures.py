"""matplotlib's figures inside a page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

from glassnet.core.drawing import for_a_page
from glassnet.core.svg import svg_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassnet.reports.words import Words

PIXELS_PER_INCH = 96
WIDEST = 640
"""The width of a picture that stands beside another."""
LEAST = 0.72
"""How small a picture may become before it is scrolled instead; letters stay legible."""


def can_draw() -> bool:
    """Whether matplotlib is there."""
    return find_spec("matplotlib") is not None


def picture(draw: Callable[[], Figure], caption: str, *, seen: bool = True, words: Words | None = None) -> str:
    """The figure as an SVG in a data URI, for light and dark, with its caption; nothing without matplotlib.

    Args:
        draw: makes the figure.
        caption: plain text, which is also what is read to those who cannot see.
        seen: whether it stands below the picture.
        words: of the page, into whose language the picture's own words are put; None for those it has.
    """
    if not can_draw():
        return ""
    with _for_a_page(), nullcontext() if words is None else for_a_page(words.language):
        figure = draw()
        content = svg_of(figure).encode()
    width, height = (round(PIXELS_PER_INCH * inches) for inches in figure.get_size_inches())
    kind = ' class="wide"' if width > WIDEST else ""
    source = f"data:image/svg+xml;base64,{b64encode(content).decode()}"
    return (
        f'<figure{kind}><div class="panel"><img src="{source}" width="{width}" height="{height}" '
        f'alt="{escape(caption)}" style="min-width:{round(LEAST * width)}px"></div>'
        + (f"<figcaption>{escape(caption)}</figcaption>" if seen else "")
        + "</figure>"
    )


@contextmanager
def _for_a_page() -> Iterator[None]:
    """Letters of a page's size; names from data are never taken for formulas."""
    import matplotlib

    settings: Any = {
        "text.parse_math": False,
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.labelsize": 9,
        "axes.labelcolor": "#22313f",
    }
    with matplotlib.rc_context(settings), catch_warnings():
        filterwarnings("ignore", message=".*Glyph .* missing from.*")
        yield
