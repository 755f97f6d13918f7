"""One letter after another: a transformer of 4,192 weights learns first names, and makes up new ones.

A row holds a boundary token and the letters of a name; at each step the network says which of the 27 tokens comes next,
of which the boundary is one and ends a name. A step sees itself and those before it, through four heads of attention:

    x = norm(token + place)        x = x + attention(norm(x))        x = x + W₂ relu(W₁ norm(x))        logits = W x

with vectors of 16 numbers, 64 hidden units, RMS norms without weights of their own, and no biases. The loss is the mean
of −log p(next token) over all steps of all names; the rows' padding takes no part in it. e to the power of it, the
perplexity, says among how many equally probable letters the network still wavers: among all 27 before it learns.

Run it:  pip install "glassnet[examples]"
         python examples/12_names.py
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import glassnet as gn

CONTEXT, WIDTH, HEADS, BATCH = 16, 16, 4, 16


class Result(NamedTuple):
    """The model, its mean loss on names that it has not seen, and names that it made up."""

    model: gn.Model
    loss: float
    names: list[str]


def main(epochs: int = 10, seed: int = 0) -> Result:
    known = read_names()
    letters = gn.text.Characters.from_data(known)
    x, y = letters.next_tokens(known, CONTEXT)
    held, rest = slice(0, None, 10), [i for i in range(len(x)) if i % 10]  # every tenth name is set aside
    train, unseen = ([x[i] for i in rest], [y[i] for i in rest]), (x[held], y[held])
    print(f"{len(rest):,} names to learn from, {len(unseen[0])} to be tested with, {len(letters)} tokens")

    net = gn.Sequential(
        gn.Embedding(len(letters), WIDTH),
        gn.PositionalEncoding("learned"),
        gn.RMSNorm(use_scale=False),
        gn.TransformerBlock(HEADS, WIDTH, norm="plain_rms", causal=True, use_bias=False),
        gn.Dense(len(letters), use_bias=False),
    )
    rate = gn.schedules.LinearDecay(0.01, steps=epochs * -(-len(rest) // BATCH))
    model = gn.Model(net, "cross_entropy", gn.Adam(rate, beta1=0.85, beta2=0.99), ["perplexity"], seed=seed)
    model.vocabulary = letters
    history = model.fit(gn.data.pad(train[0], CONTEXT), train[1], epochs=epochs, batch_size=BATCH, verbose=False)
    measured = model.evaluate(gn.data.pad(unseen[0], CONTEXT), unseen[1])
    first, last = history["loss"][0], history["loss"][-1]
    print(f"{len(net.parameters):,} weights; loss {first:.3f} in the first epoch, {last:.3f} in the last")
    print(f"on unseen names {measured['loss']:.3f}, a perplexity of {measured['perplexity']:.2f}")

    made = [gn.generate(model, temperature=0.8, seed=seed) for seed in range(20)]
    print("names that it made up:", ", ".join(name.capitalize() for name in made))
    print("beginning with El:    ", ", ".join(gn.generate(model, "el", seed=seed).capitalize() for seed in range(8)))
    return Result(model, measured["loss"], made)


def read_names() -> list[str]:
    """First names in small letters, from the package names, which has those of a census of the United States."""
    try:
        import names
    except ImportError:
        raise gn.MissingExtraError(
            where="12_names.py", received="no names", expected="this package of names", fix="run pip install names"
        ) from None
    files = (Path(names.FILES[kind]).read_text() for kind in ("first:female", "first:male"))
    return sorted({line.split()[0].lower() for file in files for line in file.splitlines()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A small transformer learns names, letter by letter.")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the names (10)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and of the order of names (0)")
    options = parser.parse_args()
    try:
        main(options.epochs, options.seed)
    except gn.MissingExtraError as error:
        sys.exit(str(error))
