"""What texts are made of: tokens, each with its number."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.settings import Configurable, whole
from glassnet.core.shapes import Array, Int64s

MOST_TOKENS = 1 << 24
"""Up to this float32 has every whole number."""


class Vocabulary(Configurable):
    """Base of the ways to turn texts into numbers of tokens, and back.

    Behind the tokens of texts comes one more, the *boundary*, which stands before each text and after it: what a
    language model reads first, and what it says when a text is over. No text has it inside.

    Example:
        >>> import glassnet as gn
        >>> letters = gn.text.Characters.from_data(["emma", "noah"])
        >>> letters.tokens, letters.boundary
        (('a', 'e', 'h', 'm', 'n', 'o'), 6)
        >>> letters.encode("anna").tolist(), letters.decode([5, 3, 0, letters.boundary])
        ([0, 4, 4, 0], 'oma')
    """

    @property
    @abstractmethod
    def tokens(self) -> tuple[str, ...]:
        """The tokens of texts by their numbers, as they are shown; the boundary is none of them."""

    def __len__(self) -> int:
        return len(self.tokens) + 1

    def __bool__(self) -> bool:
        return True

    @property
    def boundary(self) -> int:
        """The number of the token before and after each text: the last of all."""
        return len(self) - 1

    @abstractmethod
    def encode(self, text: str) -> Int64s:
        """The numbers of a text's tokens (L,), int64, without boundaries.

        Raises:
            DataError: what is no text, or has what the vocabulary has not: that is named, with its place.
        """

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some tokens; boundaries among them are left out.

        Raises:
            DataError: a number that no token has.
        """
        given = _array_of(numbers)
        if given is None or (
            given.size and not (given.dtype.kind in "iu" and 0 <= given.min() <= given.max() < len(self))
        ):
            raise DataError(
                where=f"{type(self).__name__}.decode",
                received=shown(numbers),
                expected=f"whole numbers from 0 to {self.boundary}",
                fix="give numbers of the same vocabulary's tokens",
            )
        return self._text_of([int(number) for number in given.ravel() if number != self.boundary])

    def fault_of(self, below: Int64s) -> str:
        """Why a network cannot read the numbers of these tokens, or "".

        Args:
            below: what each number of its rows must be below as an index; 0 for what it calculates with.
        """
        if below.size and (below == 0).any():
            return "a network that calculates with numbers instead of looking them up"
        least = int(below.min(initial=MOST_TOKENS))
        return f"an Embedding of {least:,} vectors" if least < len(self) else ""

    @abstractmethod
    def _text_of(self, numbers: Sequence[int]) -> str:
        """The text of tokens that there are."""

    def rows(self, texts: Iterable[str], *, where: str = "") -> list[Int64s]:
        """Each text as a network reads it: the boundary, then its tokens (L + 1,).

        Args:
            texts: the texts.
            where: for messages.

        Raises:
            DataError: as ``encode``; there is no text.
        """
        encoded = self._encoded(texts, where or f"{type(self).__name__}.rows")
        return [np.concatenate([[self.boundary], numbers]) for numbers in encoded]

    def next_tokens(self, texts: str | Iterable[str], context: int) -> tuple[list[Int64s], list[Int64s]]:
        """What a language model learns from: rows of tokens, and for each step the token that comes next.

        A text of L tokens, with its boundaries, has L + 1 of such steps. Where these are more than the context they are
        cut into rows of ``context`` steps, and a last one of the rest.

        Args:
            texts: the texts, or one long text.
            context: T, the most steps in a row.

        Returns:
            (x, y), the same number of arrays (≤ T,) in each: y has the tokens that follow those of x.

        Raises:
            ConfigurationError: the context is no positive whole number.
            DataError: as ``encode``; there is no text.

        Example:
            >>> import glassnet as gn
            >>> letters = gn.text.Characters("abc")
            >>> x, y = letters.next_tokens(["cab"], context=8)
            >>> x[0].tolist(), y[0].tolist()
            ([3, 2, 0, 1], [2, 0, 1, 3])
        """
        where = f"{type(self).__name__}.next_tokens"
        context = whole(context, "context", where)
        x: list[Int64s] = []
        y: list[Int64s] = []
        for numbers in self._encoded([texts] if isinstance(texts, str) else texts, where):
            whole_text = np.concatenate([[self.boundary], numbers, [self.boundary]])
            for start in range(0, len(whole_text) - 1, context):
                stop = min(start + context, len(whole_text) - 1)
                x.append(whole_text[start:stop])
                y.append(whole_text[start + 1 : stop + 1])
        return x, y

    def _encoded(self, texts: Iterable[str], where: str) -> list[Int64s]:
        found = []
        for number, text in enumerate(as_texts(texts, where=where)):
            try:
                found.append(self.encode(text))
            except DataError as error:
                raise DataError(**error.parts | {"where": f"{where}: text {number}"}) from None
        return found


def _array_of(numbers: Any) -> Array | None:
    """Numbers as an array; None for what is none of several."""
    try:
        return np.asarray(numbers if isinstance(numbers, np.ndarray) else [*numbers])
    except (TypeError, ValueError):
        return None


def as_vocabulary(given: Any) -> Vocabulary:
    """What a model's ``vocabulary`` is.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(given, Vocabulary):
        return given
    raise ConfigurationError(
        where="model.vocabulary",
        received=shown(given),
        expected="a vocabulary",
        fix="set it to gn.text.Characters.from_data(texts), to a gn.text.Tokenizer, or to None",
    )


def texts_in(values: Any) -> list[str] | None:
    """The texts that some data are: a text, or a list, an array or a Series of texts; None for other data."""
    if isinstance(values, str):
        return [values]
    if isinstance(values, np.ndarray) and values.dtype.kind not in "UOT":
        return None
    is_plain = isinstance(values, list | tuple | np.ndarray) or (hasattr(values, "to_list") and hasattr(values, "name"))
    given = list(values) if is_plain else []
    return [str(text) for text in given] if given and all(isinstance(text, str) for text in given) else None


def as_texts(texts: Any, *, where: str) -> list[str]:
    """A list of texts, one at least.

    Raises:
        DataError: it is none.
    """
    try:
        given = [] if isinstance(texts, str | bytes) else [*texts]
    except TypeError:  # nothing to go through
        given = []
    wrong = [text for text in given if not isinstance(text, str)]
    if not given or wrong:
        raise DataError(
            where=where,
            received=f"{shown(wrong[0])} among the texts" if wrong else shown(texts),
            expected="texts, one at least",
            fix='give a list of them: ["emma", "noah"]',
        )
    return [str(text) for text in given]


def as_text(text: Any, *, where: str) -> str:
    """The same text.

    Raises:
        DataError: it is none.
    """
    if isinstance(text, str):
        return text
    raise DataError(
        where=where, received=shown(text), expected="a text", fix="give texts one by one, or a list of them to rows()"
    )


def require_size(count: int, most: int, *, where: str, what: str, fix: str) -> None:
    """Refuses a vocabulary of too many tokens.

    Raises:
        ConfigurationError: there are more than ``most``.
    """
    if count > most:
        raise ConfigurationError(
            where=where, received=f"{count:,} different {what}", expected=f"at most {most:,} of them", fix=fix
        )
