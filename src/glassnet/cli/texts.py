"""``glassnet train --task text`` and ``glassnet generate``: language models."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from glassnet.cli.telling import tell
from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.output import in_a_line
from glassnet.core.randomness import generator
from glassnet.core.splits import held_out
from glassnet.data import Padded, pad, read_texts
from glassnet.data.tables import name_of
from glassnet.data.texts import is_text as is_text_file
from glassnet.generation import generate as generate_text
from glassnet.layers import Dense, Embedding, PositionalEncoding, RMSNorm
from glassnet.many import load_as_one
from glassnet.model import Model
from glassnet.network import Sequential, TransformerBlock
from glassnet.optimizers import L2, OPTIMIZERS, Chain, Optimizer
from glassnet.schedules import LinearDecay
from glassnet.text import Characters, Tokenizer, Vocabulary

TOKENS = ("characters", "byte_pair")
DEFAULTS: dict[str, Any] = {
    "documents": "auto",
    "tokens": "characters",
    "vocabulary": 1000,
    "width": 64,
    "blocks": 2,
    "heads": 4,
    "context": None,
}
"""Options of texts alone, and what holds where they are not given."""
OTHERS = {
    "target": None, "categories": None, "ignore": None, "regression": False, "subset": None, "resize": None,
    "hidden": None, "network": None, "augment": None, "activation": "relu", "report": None, "delimiter": None,
    "decimal": None, "date_format": None, "missing": None, "past": None, "future": None, "series": None, "time": None,
    "period": None,
}  # fmt: skip
"""Options of everything but texts, and what stands for none."""
CONTEXT = 64
"""Steps that a network reads of one long text; of documents as many as the longest has, if these are not more than"""
LONGEST = 256
MOST_SCORES = 2**28
"""Of a step's attention to each other in a batch; they take 1 GB, and some of it twice."""
RATE = 0.005
SAMPLES, SAMPLE = 5, 200
"""Texts that are shown after the training: their number, and how many tokens of one long text."""


class Texts(NamedTuple):
    """Texts to train on and to test with, and their vocabulary.

    Attributes:
        training: the texts.
        test: others.
        are_documents: whether each is a text of its own, not a part of one long text.
        vocabulary: of both.
        context: T.
    """

    training: list[str]
    test: list[str]
    are_documents: bool
    vocabulary: Vocabulary
    context: int

    def rows(self, texts: list[str]) -> tuple[Padded, list[Any]]:
        """What a model learns from: see ``Vocabulary.next_tokens``."""
        x, y = self.vocabulary.next_tokens(texts, self.context)
        return pad(x, self.context), y

    def __str__(self) -> str:
        """What was read, in a line."""
        count = len(self.training) + len(self.test)
        what = f"{count:,} documents, one a line" if self.are_documents else "one long text"
        size = sum(map(len, self.training + self.test))
        return f"{what}, {size:,} characters, {len(self.vocabulary):,} tokens, context {self.context}"


def require_text_options(options: argparse.Namespace) -> None:
    """Refuses options that do not go together, and sets those of texts that are not given.

    Raises:
        ConfigurationError: an option of texts, or a text, without ``--task text``, or of something else with it.
    """
    is_text = options.task == "text"
    wrong = [n for n in DEFAULTS if getattr(options, n) is not None] if not is_text else []
    wrong += [name for name, none in OTHERS.items() if getattr(options, name) != none] if is_text else []
    if wrong:
        option = f"--{wrong[0].replace('_', '-')}"
        raise ConfigurationError(
            where="train",
            received=f"{option} {'with' if is_text else 'without'} --task text",
            expected="options for a text alone" if is_text else "it with a text",
            fix=f"leave {option} out" + ("" if is_text else ", or add --task text"),
        )
    if not is_text and is_text_file(options.data):
        raise ConfigurationError(
            where=f"train {options.data}",
            received="a text file without a task",
            expected="to know what to learn",
            fix="add --task text, to learn to go on with such texts; a table of texts and answers ends in .csv",
        )
    if is_text and options.vocabulary is not None and options.tokens != "byte_pair":
        raise ConfigurationError(
            where="train",
            received="--vocabulary with characters, of which there are as many as the text has",
            expected="it with --tokens byte_pair",
            fix="leave --vocabulary out, or add --tokens byte_pair",
        )
    if is_text:
        options.no_report = True
        for name, default in DEFAULTS.items():
            if getattr(options, name) is None:
                setattr(options, name, default)


def learn_texts(options: argparse.Namespace) -> Texts:
    """Reads the file, learns its vocabulary, and sets some of it aside: documents at random, of one long text its end.

    Raises:
        MissingFileError, FileFormatError, DataError: see ``read_texts``; too little for two parts.
        ConfigurationError: too large a vocabulary, see ``Characters.from_data``.
    """
    settings = {"encoding": options.encoding, "max_bytes": options.max_bytes}
    texts = read_texts(options.data, documents=options.documents, **settings)
    are_documents = options.documents != "whole" and (len(texts) > 1 or options.documents == "lines")
    if are_documents and len(texts) > 1:
        mask = held_out(len(texts), options.test_share, None, generator(options.seed, "texts"))
        training = [text for text, is_test in zip(texts, mask, strict=True) if not is_test]
        test = [text for text, is_test in zip(texts, mask, strict=True) if is_test]
    else:
        cut = round(len(texts[0]) * (1 - options.test_share))
        training, test = ([text] if text else [] for text in (texts[0][:cut], texts[0][cut:]))
    if not training or not test:
        raise DataError(
            where=options.data,
            received=f"{len(texts)} documents" if are_documents else f"a text of {len(texts[0]):,} characters",
            expected=f"enough to train on, and {options.test_share:g} of it to test with",
            fix="give more text, or another --test-share",
        )
    vocabulary: Vocabulary
    if options.tokens == "byte_pair":
        vocabulary = Tokenizer.from_data(training, options.vocabulary)
    else:
        vocabulary = Characters.from_data(texts)
    context = options.context
    if context is None:
        longest = max(len(vocabulary.encode(text)) + 1 for text in texts) if are_documents else CONTEXT
        context = min(longest, LONGEST)
    return Texts(training, test, are_documents, vocabulary, context)


def language_model(options: argparse.Namespace, texts: Texts, steps: int) -> Model:
    """A transformer that foretells the next token; the learning rate falls to 0 over so many steps."""
    count, width = len(texts.vocabulary), options.width
    scores = options.batch_size * options.heads * texts.context**2
    if scores > MOST_SCORES:
        raise ConfigurationError(
            where="--context",
            received=f"{texts.context:,} steps, of which each looks at each: {scores:,} numbers in a block, by "
            f"{options.heads} heads in batches of {options.batch_size} rows",
            expected=f"at most {MOST_SCORES:,}",
            fix="choose a smaller --context or --batch-size",
        )
    block = {"norm": "rms", "causal": True, "dropout": options.dropout, "use_bias": False}
    network = Sequential(
        Embedding(count, width),
        PositionalEncoding("learned"),
        *(TransformerBlock(options.heads, width, **block) for _ in range(options.blocks)),
        RMSNorm(),
        Dense(count, use_bias=False),
    )
    settings = {"seed": options.seed, "engine": options.engine, "threads": options.threads}
    model = Model(network, "cross_entropy", _optimizer(options, steps), ["perplexity"], **settings)
    model.vocabulary = texts.vocabulary
    return model


def _optimizer(options: argparse.Namespace, steps: int) -> Optimizer:
    rate = options.learning_rate
    rule = OPTIMIZERS[options.optimizer](LinearDecay(RATE, steps=steps) if rate is None else rate)
    return Chain(L2(options.l2), rule) if options.l2 else rule


def samples(model: Model, texts: Texts) -> list[str]:
    """Texts that the model writes, a line each."""
    number, most = (SAMPLES, None) if texts.are_documents else (1, SAMPLE)
    return [in_a_line(generate_text(model, max_tokens=most, seed=seed)) for seed in range(number)]


def evaluate_text(model: Model, options: argparse.Namespace) -> dict[str, float]:
    """Says what is read, and gives loss and metrics on the texts in a file.

    Raises:
        ConfigurationError: a model that is no language model.
        MissingFileError, FileFormatError, DataError: see ``read_texts``; a token outside of the model's vocabulary.
    """
    if model.vocabulary is None or len(model.network.output_shape or ()) != 2:
        raise ConfigurationError(
            where=f"evaluate {options.data}",
            received="a model that foretells no tokens",
            expected="one of glassnet train --task text",
            fix="name data like those that it was trained on",
        )
    documents = "auto"
    if isinstance(model.vocabulary, Characters):  # one of lines has never met the end of a line
        documents = "whole" if "\n" in model.vocabulary.characters else "lines"
    texts = read_texts(options.data, documents=documents, encoding=options.encoding, max_bytes=options.max_bytes)
    tell(f"{name_of(options.data)}: {f'{len(texts):,} documents, one a line' if len(texts) > 1 else 'one text'}")
    steps = (model.network.input_shape or (1,))[0]
    x, y = model.vocabulary.next_tokens(texts, steps)
    return model.evaluate(pad(x, steps), y)


def refuse_text(model: Model, source: str, command: str) -> None:
    """Refuses a text file for a model of texts where rows are taken, and says what such a model does.

    Raises:
        ConfigurationError: it is one.
    """
    if model.vocabulary is not None and is_text_file(source):
        raise ConfigurationError(
            where=f"{command} {source}",
            received="a text file, and a model of texts",
            expected=f"rows: glassnet {command} takes no texts",
            fix="glassnet generate lets a language model go on with a text (--prompt), glassnet evaluate measures it; "
            "in Python its methods take texts",
        )


def generate(options: argparse.Namespace) -> int:
    """Prints texts that a model writes, each in a line of its own; a line end in one stays what it is."""
    model = load_as_one(options.model)
    for number in range(options.count):
        text = generate_text(
            model,
            options.prompt,
            max_tokens=options.max_tokens,
            temperature=options.temperature,
            top_k=options.top_k,
            seed=options.seed + number,
        )
        print(text, flush=True)
    return 0
