"""Sentences that are friendly or not: words become vectors, an LSTM reads them both ways, attention weighs its states.

A row has as many steps as its sentence has words, and padding behind them takes no part in anything. The attention
makes one vector of a sentence, Σ aₜ hₜ, whose weights a, 1 in sum, say which words count. Half of the words' numbers
are dropped while it learns, for there are few sentences. "Not bad" shows how few: it goes by the words alone.

The 20,000 sentences are of tweets, film and product reviews and a newspaper's comments; twenty people rated each from
−4 to 4. Those near 0 are left out, the others are to be told apart by their sign. They come with the source of the
package vaderSentiment (C. Hutto, E. Gilbert, "VADER", ICWSM 2014), which is downloaded without being installed:

Run it:  pip install "glassnet[examples]"
         pip download --no-deps --no-binary :all: vaderSentiment==3.3.2
         python examples/14_sentences.py vaderSentiment-3.3.2.tar.gz
"""

import argparse
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array

NEUTRAL, WORDS, WIDTH = 0.5, 5000, 32
NEW = "what a lovely film", "the plot is dull and the end is worse", "not bad at all", "i have never been so bored"


class Result(NamedTuple):
    """The model, its accuracy on sentences that it has not seen, and what it says of new ones, from 0 to 1."""

    model: gn.Model
    accuracy: float
    said: dict[str, float]


def main(archive: str | Path, epochs: int = 3, seed: int = 0) -> Result:
    sentences, ratings = read_sentences(archive)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sentences))
    train, test = order[len(order) // 10 :], order[: len(order) // 10]
    print(f"{len(train):,} sentences to learn from, {len(test):,} to be tested with")

    words = gn.text.Tokenizer.from_data([sentences[i] for i in train], WORDS, kind="words", lowercase=True)
    x, y = gn.data.pad(words.rows(sentences)), (ratings > 0).astype(int)
    net = gn.Sequential(
        *(gn.Embedding(len(words), WIDTH), gn.Dropout(0.5)),
        gn.Bidirectional(gn.LSTM(WIDTH, return_sequences=True)),
        *(gn.Attention(), gn.Dropout(0.5), gn.Dense(2)),
    )
    model = gn.Model(net, "cross_entropy", gn.Adam(0.003), ["accuracy"], seed=seed)
    model.vocabulary = words
    model.fit(x[train], y[train], epochs=epochs, batch_size=64, verbose=False)
    accuracy = model.evaluate(x[test], y[test])["accuracy"]
    print(f"{accuracy:.1%} of the unseen sentences are told apart; always the commoner sign: {share(y[test]):.1%}")
    said = {text: float(p[1]) for text, p in zip(NEW, model.predict_proba(list(NEW)), strict=True)}
    for text, friendly in said.items():
        print(f"  {friendly:4.0%} friendly: {text}")
    return Result(model, accuracy, said)


def share(labels: Array) -> float:
    return float(max(labels.mean(), 1 - labels.mean()))


def read_sentences(archive: str | Path) -> tuple[list[str], Array]:
    """Sentences and their mean ratings, from an archive inside the archive; each line has a number, both, and tabs."""
    found = []
    with tarfile.open(archive) as source:
        inner = next(member for member in source if member.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=source.extractfile(inner)) as ratings:
            for member in ratings:
                file = ratings.extractfile(member)
                if file is not None and member.name.endswith("_GroundTruth.txt"):
                    lines = file.read().decode(errors="replace").splitlines()
                    found += [line.split("\t")[1:] for line in lines if line.count("\t") == 2]
    clear = [(text, float(rating)) for rating, text in found if abs(float(rating)) >= NEUTRAL]
    return [text for text, _ in clear], np.array([rating for _, rating in clear])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A network tells friendly sentences from others.")
    parser.add_argument("archive", help="vaderSentiment-3.3.2.tar.gz")
    parser.add_argument("--epochs", type=int, default=3, help="passes over the sentences (3)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, dropout and which sentences are held out (0)")
    options = parser.parse_args()
    main(options.archive, epochs=options.epochs, seed=options.seed)
