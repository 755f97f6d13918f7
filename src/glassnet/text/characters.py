"""A vocabulary of characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.settings import whole
from glassnet.core.shapes import Int64s
from glassnet.text.vocabulary import MOST_TOKENS, Vocabulary, as_text, as_texts, require_size

NEARBY = 12
"""Characters around an unknown one that messages show."""


class Characters(Vocabulary):
    """Each character is a token; what is none of them is refused by name.

    A character is what Unicode calls a code point: in some texts "é" is one, in others two, an e and an accent.

    Args:
        characters: all of them, each once; their places are their numbers.

    Raises:
        ConfigurationError: no characters, or one of them twice.

    Example:
        >>> import glassnet as gn
        >>> letters = gn.text.Characters.from_data(["emma", "noah"])
        >>> letters.characters, len(letters), letters.encode("hanna").tolist()
        ('aehmno', 7, [2, 0, 4, 4, 0])
        >>> letters.decode([3, 0, 3, 0])
        'mama'
        >>> letters.encode("otto")
        Traceback (most recent call last):
        glassnet.core.errors.DataError: Characters.encode: received 't' at place 1 of 'otto', expected one of the 6 ...
    """

    def __init__(self, characters: str) -> None:
        self.characters = characters
        if not isinstance(characters, str) or not characters or len(set(characters)) < len(characters):
            raise ConfigurationError(
                where="Characters",
                received=f"characters={shown(characters)}",
                expected="a text of different characters, one at least",
                fix="learn them from texts: gn.text.Characters.from_data(texts)",
            )
        if characters.encode("utf-8", "ignore").decode() != characters:
            raise ConfigurationError(
                where="Characters",
                received=f"halves of characters in {shown(characters)}",
                expected="whole characters, which files can hold",
                fix="read the texts in the encoding that they are written in",
            )
        require_size(len(characters), MOST_TOKENS - 1, where="Characters", what="characters", fix="use a Tokenizer")
        codes = _codes_of(characters)
        self._numbers = np.full(int(codes.max()) + 2, -1, np.int64)  # the last place is that of all codes beyond
        self._numbers[codes] = np.arange(len(codes))

    @classmethod
    def from_data(cls, texts: str | Iterable[str], *, most: int = 20_000) -> Characters:
        """The characters of some texts, or of one, in the order of Unicode.

        Args:
            texts: the texts, or one long text.
            most: how many different ones there may be.

        Raises:
            ConfigurationError: there are more.
            DataError: there is no text, or no character in it.
        """
        where = "Characters.from_data"
        given = [texts] if isinstance(texts, str) else as_texts(texts, where=where)
        found = set().union(*given)
        if not found:
            raise DataError(
                where=where, received="texts of no characters", expected="something to read", fix="give other texts"
            )
        fix = "use gn.text.Tokenizer.from_data(texts), whose tokens are as many as you ask for; or give most="
        require_size(len(found), whole(most, "most", where), where=where, what="characters", fix=fix)
        return cls("".join(sorted(found)))

    @property
    def tokens(self) -> tuple[str, ...]:
        """The characters."""
        return tuple(self.characters)

    def __len__(self) -> int:
        return len(self.characters) + 1

    def encode(self, text: str) -> Int64s:
        """The numbers of a text's characters (L,), int64.

        Raises:
            DataError: what is no text, or a character that is none of these: it is named, with its place.
        """
        where = f"{type(self).__name__}.encode"
        codes = _codes_of(as_text(text, where=where))
        numbers = self._numbers[np.minimum(codes, len(self._numbers) - 1)]
        if (numbers < 0).any():
            place = int(np.argmax(numbers < 0))
            around = text[max(0, place - NEARBY) : place + NEARBY + 1]
            raise DataError(
                where=where,
                received=f"{text[place]!r} at place {place} of {shown(text if len(text) <= 2 * NEARBY else around)}",
                expected=f"one of the {len(self.characters)} characters {shown(self.characters, 40)}",
                fix="leave it out or write it otherwise; or learn the vocabulary, and the network, from texts with it",
            )
        return np.asarray(numbers)

    def _text_of(self, numbers: Sequence[int]) -> str:
        return "".join([self.characters[number] for number in numbers])


def _codes_of(text: str) -> Int64s:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
