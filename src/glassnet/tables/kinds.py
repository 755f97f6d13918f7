"""The kinds of values, and values as words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

NUMBER, TRUTH, WORDS, TIME = "numbers", "true and false", "words", "times"
DAYTIME, DURATION = "times of day", "durations"
TEXTS = "texts"
"""Kinds of values. Texts are cells that nobody has read yet: a column's ``Form`` makes one of the other kinds of
them."""
LARGEST_EXACT = 2**53
"""Whole numbers below are exact in float64."""


def word(value: Any, kind: str) -> str:
    """A value as a category's word: 3.0 is "3"."""
    if kind == TRUTH:
        return str(bool(value))
    if kind == NUMBER:
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def kind_of_words(words: Sequence[str]) -> str:
    """The kind of the values that ``word`` made these of: all of them numbers or truth, or words as they are."""
    for kind in (TRUTH, NUMBER):
        if all(word_of_text(own, kind) == own and word_of_text(f" {own}", kind) == own for own in words):
            return kind
    return WORDS


def word_of_text(text: str, kind: str) -> str:
    """What ``word`` makes of the value of that kind in a text: "3.0" is "3"; other texts are words as they are."""
    plain = text.strip()
    if kind == TRUTH:
        return plain.capitalize() if plain.lower() in ("true", "false") else text
    if kind == NUMBER and "_" not in plain:
        try:
            return word(float(plain), NUMBER) if np.isfinite(float(plain)) else text
        except ValueError:
            return text
    return text
