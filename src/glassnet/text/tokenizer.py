"""Vocabularies of words and of parts of words, by the library ``tokenizers``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, require_extra, shown
from glassnet.core.settings import boolean, one_of, whole
from glassnet.core.shapes import Int64s
from glassnet.text.vocabulary import MOST_TOKENS, Vocabulary, as_text, as_texts, require_size

BYTE_PAIR, WORDS = "byte_pair", "words"
UNKNOWN = "<unknown>"
"""What stands for words that are not known. No text has it inside: it would be read as three tokens."""
BYTES = tuple(map(chr, (*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324))))
"""The signs that byte pairs are made of, one for each byte: printable ones for themselves."""
_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_PLAIN: dict[str, Any] = {"version": "1.0", "added_tokens": []} | dict.fromkeys(
    ("truncation", "padding", "post_processor")
)
_FORMS: dict[str, dict[str, Any]] = {
    BYTE_PAIR: {
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
        },
        "pre_tokenizer": _BYTE_LEVEL,
        "decoder": _BYTE_LEVEL | {"add_prefix_space": True},
    },
    WORDS: {
        "model": {"type": "WordLevel", "unk_token": UNKNOWN},
        "pre_tokenizer": {"type": "Whitespace"},
        "decoder": None,
    },
}  # fmt: skip
"""What the library's description says of each kind, beside what is learned: nothing else is taken from a file."""
_LEARNED = ("vocab", "merges")
_LOWERCASE = {"type": "Lowercase"}


class Tokenizer(Vocabulary):
    """Words, or parts of words, as tokens: learned from texts by ``from_data``; needs the extra ``text``.

    Two kinds: *byte pairs*, which write any text whatever, as bytes that often stand together become one token; and
    *words*, with the signs between them as tokens of their own. Of words those that are not known become one token,
    ``<unknown>``, and ``decode`` puts a space between all of them.

    Args:
        description: the tokenizer as the library ``tokenizers`` writes it, in JSON, of one of these two kinds.

    Attributes:
        kind: ``"byte_pair"`` or ``"words"``.

    Raises:
        ConfigurationError: a description of anything else, or a damaged one.

    Source: R. Sennrich, B. Haddow, A. Birch, "Neural machine translation of rare words with subword units", ACL 2016.

    Example:
        >>> import glassnet as gn
        >>> words = gn.text.Tokenizer.from_data(["a good film", "a bad film!"], 6, kind="words")
        >>> words.tokens, words.encode("a sad film").tolist()
        (('<unknown>', 'a', 'film', '!', 'bad'), [1, 0, 2])
    """

    def __init__(self, description: str) -> None:
        self.description = description
        self.kind, self._tokens = _read(description)
        self._library: Any = None

    @classmethod
    def from_data(
        cls, texts: Iterable[str], size: int = 1000, *, kind: str = BYTE_PAIR, lowercase: bool = False
    ) -> Tokenizer:
        """Learns a vocabulary of some texts.

        Args:
            texts: the texts.
            size: of the vocabulary at most, its boundary included: from 257 for byte pairs; of words the most frequent
                are taken, and among those as frequent the first in the order of Unicode.
            kind: ``"byte_pair"`` or ``"words"``.
            lowercase: whether capital letters are read as small ones.

        Raises:
            ConfigurationError: another kind, or a size that cannot be.
            DataError: there is no text, or no word in it.
            MissingExtraError: ``tokenizers`` is not installed.
        """
        where = "Tokenizer.from_data"
        kind, lowercase = one_of(kind, "kind", where, tuple(_FORMS)), boolean(lowercase, "lowercase", where)
        size = whole(size, "size", where, low=len(BYTES) + 1 if kind == BYTE_PAIR else 3, high=MOST_TOKENS)
        given = [whole_text(text, where) for text in as_texts(texts, where=where)]
        form = _PLAIN | _FORMS[kind] | {"normalizer": _LOWERCASE if lowercase else None}
        learned = (_pairs if kind == BYTE_PAIR else _words)(given, size - 1, form)
        return cls(json.dumps(form | {"model": form["model"] | learned}, ensure_ascii=False))

    def __repr__(self) -> str:
        return f"Tokenizer({self.kind}, {len(self):,} tokens)"

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens as the library writes them: among byte pairs "Ġ" is a space."""
        return self._tokens

    def encode(self, text: str) -> Int64s:
        """The numbers of a text's tokens (L,), int64.

        Raises:
            DataError: what is no text.
            MissingExtraError: ``tokenizers`` is not installed.
        """
        return np.array(self._tokenizer().encode(whole_text(text, "Tokenizer.encode")).ids, np.int64)

    def _text_of(self, numbers: Sequence[int]) -> str:
        return str(self._tokenizer().decode(list(numbers), skip_special_tokens=False))

    def _tokenizer(self) -> Any:
        """The library's object, made when it is first needed."""
        if self._library is None:
            self._library = _made(self.description)
        return self._library

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_library": None}


def whole_text(text: Any, where: str) -> str:
    """The same text.

    Raises:
        DataError: it is none, or has halves of characters, as a wrong encoding leaves them.
    """
    given = as_text(text, where=where)
    if given.encode("utf-8", "ignore").decode() != given:
        raise DataError(
            where=where,
            received=f"halves of characters in {shown(given)}",
            expected="whole characters",
            fix="read the text in the encoding that it is written in",
        )
    return given


def _made(description: str) -> Any:
    """The library's object.

    Raises:
        MissingExtraError: the library is not installed.
        ConfigurationError: it refuses the description.
    """
    require_extra("tokenizers", extra="text", expected="the library that finds tokens in texts", where="Tokenizer")
    from tokenizers import Tokenizer as Library

    try:
        return Library.from_str(description)
    except Exception as error:  # the library raises nothing more special
        raise _refused(f"what the library tokenizers refuses ({error!s:.200})") from error


def _pairs(texts: list[str], size: int, form: dict[str, Any]) -> dict[str, Any]:
    """Vocabulary and merges of byte pairs."""
    tokenizer = _made(json.dumps(form | {"model": form["model"] | {"vocab": {}, "merges": []}}))
    from tokenizers import trainers

    signs = list(BYTES)
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=signs, special_tokens=[], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return {name: model[name] for name in _LEARNED}


def _words(texts: list[str], size: int, form: dict[str, Any]) -> dict[str, Any]:
    """The most frequent words of some texts."""
    tokenizer = _made(json.dumps(form | {"model": form["model"] | {"vocab": {UNKNOWN: 0}}}))
    counts: Counter[str] = Counter()
    for text in texts:
        plain = text if tokenizer.normalizer is None else tokenizer.normalizer.normalize_str(text)
        counts.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(plain))
    if not counts:
        raise DataError(
            where="Tokenizer.from_data",
            received="texts without a word",
            expected="words between spaces",
            fix="give other texts",
        )
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    return {"vocab": {word: number for number, word in enumerate([UNKNOWN, *frequent[: size - 1]])}}


def _read(description: Any) -> tuple[str, tuple[str, ...]]:
    """The kind that a description is of, and its tokens in order.

    Raises:
        ConfigurationError: it is of none.
    """
    try:
        found = json.loads(description)
        model = found["model"]
        kind = next(kind for kind, form in _FORMS.items() if form["model"]["type"] == model["type"])
        vocabulary, merges = dict(model["vocab"]), [tuple(pair) for pair in model.get("merges", [])]
        tokens = tuple(sorted(vocabulary, key=vocabulary.__getitem__))
        settings = found | {"model": {name: value for name, value in model.items() if name not in _LEARNED}}
    except (TypeError, ValueError, KeyError, AttributeError, StopIteration, RecursionError) as error:
        raise _refused(f"what is none, {shown(description)}") from error
    require_size(len(tokens), MOST_TOKENS - 1, where="Tokenizer", what="tokens", fix="learn fewer: size=30_000")
    expected = _PLAIN | _FORMS[kind] | {"normalizer": _LOWERCASE if settings.get("normalizer") else None}
    other = next((name for name in {**expected, **settings} if settings.get(name, "") != expected.get(name, "")), None)
    if other is not None:
        raise _refused(f"{other}={shown(settings.get(other))}")
    if any(type(vocabulary[token]) is not int or vocabulary[token] != place for place, token in enumerate(tokens)):
        raise _refused("tokens whose numbers are not 0, 1, 2 and so on")
    missing = {UNKNOWN} - vocabulary.keys() if kind == WORDS else {*BYTES} - vocabulary.keys()
    if missing:
        raise _refused(f"no token {min(missing)!r}")
    if any(len(pair) != 2 or not {*pair, "".join(pair)} <= vocabulary.keys() for pair in merges):
        raise _refused("merges of tokens that there are not")
    return kind, tokens


def _refused(received: str) -> ConfigurationError:
    return ConfigurationError(
        where="Tokenizer",
        received=f"a description with {received}",
        expected="one of byte pairs, or of words between spaces, as the library tokenizers writes it",
        fix="learn one from texts: gn.text.Tokenizer.from_data(texts)",
    )
