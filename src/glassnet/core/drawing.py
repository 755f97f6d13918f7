"""matplotlib's figures: how they are begun, the language of their words, and a font that has its signs.

matplotlib is imported where something is drawn.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from glassnet.core.catalogues import chosen, speaking, translated
from glassnet.core.output import level_of_caller

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "PingFang SC"),
    *("Hiragino Sans GB", "Heiti SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Arial Unicode MS"),
)
"""Families with Chinese letters, those that are liked best first. Others do as well."""
_SIGNS = "层损轮误训习"
_CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_on_a_page: ContextVar[bool] = ContextVar("page", default=False)


def blank_figure(width: float, height: float) -> Figure:
    """A figure of so many inches, which leaves room for its labels."""
    from glassnet.core.figure import Picture

    return Picture(figsize=(width, height), layout="constrained")


def worded(text: str) -> str:
    """A text of a picture in the language that was chosen, if matplotlib has a font for it."""
    is_readable = chosen() == "en" or _on_a_page.get() or chinese_font() is not None
    return translated(text) if is_readable else text


@contextmanager
def for_a_page(language: str) -> Iterator[None]:
    """Lets pictures that are drawn inside speak the language of their page, for whose letters the browser has fonts."""
    token = _on_a_page.set(True)
    try:
        with speaking(language):
            yield
    finally:
        _on_a_page.reset(token)


@lru_cache(maxsize=1)
def chinese_font() -> str | None:
    """A family of an installed font that has Chinese letters; without one a warning says, once, which would do."""
    found = _installed()
    if found is None:
        warnings.warn(
            translated(
                "matplotlib finds no font with Chinese letters: pictures keep their English words, and Chinese names "
                f"become boxes; install a font such as {', '.join(FONTS[:4])} (on Debian: apt install fonts-noto-cjk)"
            ),
            UserWarning,
            stacklevel=level_of_caller(),
        )
    return found


@lru_cache(maxsize=1)
def _installed() -> str | None:
    from matplotlib.font_manager import findSystemFonts, fontManager

    found = _family()
    if found is None:  # matplotlib keeps a list of fonts, in which newly installed ones are missing
        known = {entry.fname for entry in fontManager.ttflist}
        for file in sorted(set(findSystemFonts()) - known):
            if _has_signs(file):
                fontManager.addfont(file)
        found = _family()
    own = [entry for entry in fontManager.ttflist if entry.name == found]
    if own and not any(entry.weight in ("normal", 400) for entry in own):
        fontManager.ttflist.append(replace(own[0], weight=400))  # or each picture logs that it has no normal weight
    return found


def _family() -> str | None:
    """The best of the fonts that matplotlib knows."""
    from matplotlib.font_manager import fontManager

    files = {entry.name: entry.fname for entry in reversed(fontManager.ttflist)}
    liked = [name for name in FONTS if name in files]
    return next((name for name in (*liked, *files) if _has_signs(files[name])), None)


def _has_signs(file: str) -> bool:
    """Whether a font has a letter of its own for each of some signs; some fonts have one box for all."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(file)
    except (OSError, RuntimeError):  # no font, or one that matplotlib cannot read
        return False
    drawn = {font.get_char_index(ord(sign)) for sign in _SIGNS}
    return len(drawn) == len(_SIGNS) and 0 not in drawn


def with_letters(figure: Figure) -> Figure:
    """The figure, whose Chinese texts (names from data, too) have a font to be drawn with, if there is one."""
    from matplotlib import rcParams
    from matplotlib.text import Text

    texts = [own for own in figure.findobj(Text) if isinstance(own, Text)]
    if not any(_CHINESE.search(own.get_text()) for own in texts):
        return figure
    font = _installed() if _on_a_page.get() else chinese_font()
    if font is not None:
        families = [*rcParams["font.family"], font]
        for own in texts:
            own.set_fontfamily(families)
        for axes in figure.axes:
            axes.tick_params(labelfontfamily=families)
    return figure
