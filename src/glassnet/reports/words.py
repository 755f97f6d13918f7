"""The fixed words of a page, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from glassnet.core.catalogues import LANGUAGES
from glassnet.reports.page_words import TEXTS
from glassnet.reports.section_words import SECTIONS

_TEXTS = TEXTS | SECTIONS


class Words:
    """The words of one language: ``words("held_out", rows=...)``.

    Args:
        language: "en" or "zh".
        texts: by key in English and Chinese; those of a page about a model where there are none.
    """

    def __init__(self, language: str, texts: Mapping[str, tuple[str, str]] = _TEXTS) -> None:
        self.language, self._texts = language, texts
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str, /, **parts: object) -> str:
        """The text of that key with the parts in it."""
        text = self._texts[key][self._place]
        return text.format(**parts) if parts else text

    def measure(self, name: str) -> str:
        """A metric's name in words; one of a user's own as it is."""
        key = f"measure_{name}"
        return self(key) if key in self._texts else name.replace("_", " ").capitalize()
