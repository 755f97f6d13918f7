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

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array

NEUTRAL, WORDS, WIDTH = 0.5, 5000, 32
NEW = "what a lovely film", "the plot is dull and the end is worse", "not bad at all", "i have never been so bored"


def main(archive: str | Path, epochs: int = 3, seed: int = 0) -> tuple[gn.Model, float, dict[str, float]]:
    """The model, its accuracy on sentences that it has not seen, and what it says of new ones, from 0 to 1."""
    sentences, ratings = read_sentences(archive)
    test, train = np.split(np.random.default_rng(seed).permutation(len(sentences)), [len(sentences) // 10])
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

    accuracy, friendly = model.evaluate(x[test], y[test])["accuracy"], y[test].mean()
    print(
        f"{accuracy:.1%} of the unseen sentences are told apart; the commoner sign: {max(friendly, 1 - friendly):.1%}"
    )
    said = dict(zip(NEW, model.predict_proba(list(NEW))[:, 1].tolist(), strict=True))
    print(*(f"  {share:4.0%} friendly: {text}" for text, share in said.items()), sep="\n")
    return model, accuracy, said


def read_sentences(archive: str | Path) -> tuple[list[str], Array]:
    """Sentences and their mean ratings, from an archive inside the archive; each line has a number, both, and tabs."""
    lines: list[list[str]] = []
    with tarfile.open(archive) as source:
        inner = next(member for member in source if member.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=source.extractfile(inner)) as texts:
            for member in texts:
                file = texts.extractfile(member)
                if file is not None and member.name.endswith("_GroundTruth.txt"):
                    lines += [line.split("\t") for line in file.read().decode(errors="replace").splitlines()]
    found = [(line[2], float(line[1])) for line in lines if len(line) == 3]
    clear = [(text, rating) for text, rating in found if abs(rating) >= NEUTRAL]
    return [text for text, _ in clear], np.array([rating for _, rating in clear])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A network tells friendly sentences from others.")
    parser.add_argument("archive", help="vaderSentiment-3.3.2.tar.gz")
    parser.add_argument("--epochs", type=int, default=3, help="passes over the sentences (3)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, dropout and which sentences are held out (0)")
    main(**vars(parser.parse_args()))
