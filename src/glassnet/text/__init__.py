"""Texts as numbers: vocabularies of characters, parts of words and words, kept in a model's file."""

from glassnet.text.characters import Characters
from glassnet.text.tokenizer import Tokenizer
from glassnet.text.vocabulary import Vocabulary

__all__ = ["Characters", "Tokenizer", "Vocabulary"]


def __dir__() -> list[str]:
    """The public names and no others."""
    return __all__
