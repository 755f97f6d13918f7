"""Numbers as options take them: what each may be stands beside the option, and is refused by one function."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from glassnet.compile.threads import MOST_THREADS
from glassnet.core.settings import LARGEST

MOST_LETTERS = 40
MOST_ROWS = 2**31 - 1
MOST_UNITS = 65_536


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``, in decimal digits."""

    low: int = 1
    high: int = LARGEST

    def __call__(self, text: str) -> int:
        """The number that a text stands for.

        Raises:
            ValueError: none, or one outside the bounds.
        """
        value = int(text) if len(text) <= MOST_LETTERS and re.fullmatch(r"[+-]?[0-9]+", text) else None
        if value is None or not self.low <= value <= self.high:
            raise ValueError
        return value

    def __str__(self) -> str:
        return f"a whole number from {self.low:,} to {self.high:,}"


@dataclass(frozen=True)
class Amount:
    """A number from ``low`` to ``high``, such as 0.5 or 1e-3; ``is_above`` and ``is_below`` leave the bounds out."""

    low: float = 0.0
    high: float = 1e38
    is_above: bool = False
    is_below: bool = False

    def __call__(self, text: str) -> float:
        """The number that a text stands for.

        Raises:
            ValueError: none, or one outside the bounds.
        """
        pattern = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?"
        value = float(text) if len(text) <= MOST_LETTERS and re.fullmatch(pattern, text) else math.nan
        above = value > self.low if self.is_above else value >= self.low
        if not above or not (value < self.high if self.is_below else value <= self.high):
            raise ValueError
        return value

    def __str__(self) -> str:
        if self.is_above or self.is_below:
            signs = "<" if self.is_above else "≤", "<" if self.is_below else "≤"
            return f"a number x with {self.low:g} {signs[0]} x {signs[1]} {self.high:g}"
        return f"a number from {self.low:g} to {self.high:g}"


COUNT = Whole(1, MOST_ROWS)
"""How many of something that is gone through one by one: rows, epochs."""
FOLDS = Whole(2, 1000)
MEMBERS = Whole(1, 1000)
PLACE = Whole(0)
SEED = Whole(0)
THREADS = Whole(1, MOST_THREADS)
UNITS = Whole(1, MOST_UNITS)
PORT = Whole(0, 65_535)
STRENGTH = Amount()
RATE = Amount(is_above=True)
SHARE = Amount(0, 1, is_above=True, is_below=True)
DROPPED = Amount(0, 1, is_below=True)
HEAT = Amount(0, 1e6, is_below=True)
SECONDS = Amount(0, 1e6, is_above=True)
PAUSE = Amount(0, 1e6)
"""Seconds between two things, or 0 for never."""
