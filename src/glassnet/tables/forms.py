"""How the texts of one column are read: found once for a whole column, kept in the model's file, used ever after."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np

from glassnet.core.settings import Configurable, boolean, one_of
from glassnet.core.shapes import Array
from glassnet.tables.kinds import NUMBER, TEXTS, TIME, TRUTH, WORDS, word_of_text

MISSING = frozenset("".join(letters) for letters in product("nN", "aA", "nN")) | frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "Null", "null", "None", "NaT", "?", "-", "--", "#NULL!")
)
"""What stands for a missing value; spaces around do not count."""
Texts = Sequence[str | None] | Array
NOTHING: Any = object()
"""What a form's reader answers for a text that it cannot read."""
_EMPTY: dict[str, Any] = {WORDS: None, TIME: np.datetime64("NaT", "us")}


class Form(Configurable):
    """Base: how a column's texts are read.

    Args:
        missing: further texts that stand for a missing value, beside ``MISSING``.
    """

    kind: ClassVar[str]
    """The kind of the values that the texts become."""
    expected: str
    """What messages say of the texts that it reads."""

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self.missing = tuple(str(own) for own in missing)

    def is_missing(self, text: str) -> bool:
        """Whether a trimmed text stands for a missing value."""
        return text in MISSING or text in self.missing

    @abstractmethod
    def value(self, text: str) -> Any:
        """The value of a trimmed text that is not missing: seconds, days, amounts; ``NOTHING`` where it has none."""

    def describe(self) -> str:
        """What a summary says of it; empty where the form is the plain one."""
        return ""

    def read(self, texts: Texts) -> tuple[Array, Array]:
        """Reads each different text once.

        Returns:
            The values as a column of this ``kind`` holds them, and the rows whose text could not be read.
        """
        values, wrong = lookup(texts, self._value_or_gap)
        if wrong:
            values = [_EMPTY.get(self.kind, np.nan) if value is NOTHING else value for value in values]
        return as_array(values, self.kind), np.array(wrong, dtype=np.intp)

    def _value_or_gap(self, text: str | None) -> Any:
        trimmed = "" if text is None else text.strip()
        return _EMPTY.get(self.kind, np.nan) if self.is_missing(trimmed) else self.value(trimmed)


class WordForm(Form):
    """Words as they are, trimmed.

    Args:
        of: the kind of values that the words name: of numbers "3.0" and "3" are one, of truth "TRUE" and "True".
        gaps: whether texts such as NA are missing values; otherwise only an empty cell is, and NA is a word.
        missing: see ``Form``.
    """

    kind = WORDS
    expected = "words"

    def __init__(self, of: str = WORDS, gaps: bool = True, missing: Sequence[str] = ()) -> None:
        self.of = one_of(of, "of", "WordForm", (WORDS, NUMBER, TRUTH))
        self.gaps = boolean(gaps, "gaps", "WordForm")
        super().__init__(missing)

    def is_missing(self, text: str) -> bool:
        """See the class."""
        return super().is_missing(text) if self.gaps else text == "" or text in self.missing

    def value(self, text: str) -> str:
        """The word."""
        return word_of_text(text, self.of)


class TruthForm(Form):
    """true and false, in any letters."""

    kind = TRUTH
    expected = "true or false"

    def value(self, text: str) -> Any:
        """1 for true, 0 for false."""
        return {"true": 1.0, "false": 0.0}.get(text.lower(), NOTHING)


def lookup(texts: Texts, value_of: Callable[[str | None], Any]) -> tuple[list[Any], list[int]]:
    """The value of each text, worked out once for each different one; and the rows that have none."""
    known: dict[str | None, Any] = {text: value_of(text) for text in set(texts)}
    values = list(map(known.__getitem__, texts))
    if not any(value is NOTHING for value in known.values()):
        return values, []
    return values, [row for row, value in enumerate(values) if value is NOTHING]


def as_array(values: list[Any], kind: str) -> Array:
    """The values of a kind as ``Raw`` holds them."""
    if kind in (WORDS, TEXTS):
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    if kind == TIME:
        return np.array(values, dtype="datetime64[us]")
    return np.array(values, dtype=np.float64)
