"""The fixed words of a page about a model, in both languages."""

from __future__ import annotations

from glassnet.core.catalogues import LANGUAGES
from glassnet.reports.page_words import TEXTS
from glassnet.reports.section_words import SECTIONS

_TEXTS = TEXTS | SECTIONS


class Words:
    """The words of one language: ``words("held_out", rows=...)``.

    Args:
        language: "en" or "zh".
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str, /, **parts: object) -> str:
        """The text of that key with the parts in it."""
        text = _TEXTS[key][self._place]
        return text.format(**parts) if parts else text

    def measure(self, name: str) -> str:
        """A metric's name in words; one of a user's own as it is."""
        key = f"measure_{name}"
        return self(key) if key in _TEXTS else name.replace("_", " ").capitalize()
