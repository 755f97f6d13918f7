"""One letter after another: a transformer of 4,192 weights learns first names, and makes up new ones.

A row holds a boundary token and the letters of a name; at each step the network says which of the 27 tokens comes next,
of which the boundary is one and ends a name. A step sees itself and those before it, through four heads of attention:

    x = norm(token + place)        x = x + attention(norm(x))        x = x + W₂ relu(W₁ norm(x))        logits = W x

The loss is the mean of −log p(next token) over all steps of all names; padding takes no part in it. e to the power of
it, the perplexity, says among how many equally probable letters the network wavers: among all 27 before it learns.

Run it:  pip install "glassnet[examples]", then python examples/12_names.py
"""

import argparse
from pathlib import Path

import glassnet as gn
from glassnet.core.errors import require_extra

CONTEXT, WIDTH, HEADS, BATCH = 16, 16, 4, 16


def main(epochs: int = 10, seed: int = 0) -> tuple[gn.Model, dict[str, float], list[str]]:
    """The model, what is measured on names that it has not seen, and names that it made up."""
    known = read_names()
    letters = gn.text.Characters.from_data(known)
    held = known[::10]  # every tenth name is set aside
    (x, y), unseen = (letters.next_tokens(names, CONTEXT) for names in (sorted({*known} - {*held}), held))
    print(f"{len(x):,} names to learn from, {len(unseen[0])} to be tested with, {len(letters)} tokens")

    net = gn.Sequential(
        gn.Embedding(len(letters), WIDTH),
        gn.PositionalEncoding("learned"),
        gn.RMSNorm(use_scale=False),
        gn.TransformerBlock(HEADS, WIDTH, norm="plain_rms", causal=True, use_bias=False),
        gn.Dense(len(letters), use_bias=False),
    )
    rate = gn.schedules.LinearDecay(0.01, steps=epochs * -(-len(x) // BATCH))
    model = gn.Model(net, "cross_entropy", gn.Adam(rate, beta1=0.85, beta2=0.99), ["perplexity"], seed=seed)
    model.vocabulary = letters
    loss = model.fit(gn.data.pad(x, CONTEXT), y, epochs=epochs, batch_size=BATCH, verbose=False)["loss"]
    measured = model.evaluate(gn.data.pad(unseen[0], CONTEXT), unseen[1])
    print(f"{len(net.parameters):,} weights; loss {loss[0]:.3f} in the first epoch, {loss[-1]:.3f} in the last")
    print(f"on unseen names {measured['loss']:.3f}, a perplexity of {measured['perplexity']:.2f}")

    made = [gn.generate(model, temperature=0.8, seed=seed) for seed in range(20)]
    print("names that it made up:", ", ".join(name.capitalize() for name in made))
    print("beginning with El:    ", ", ".join(gn.generate(model, "el", seed=seed).capitalize() for seed in range(8)))
    return model, measured, made


def read_names() -> list[str]:
    """First names in small letters, from the package names, which has those of a census of the United States."""
    require_extra("names", extra="examples", expected="the package of names", where="12_names")
    import names

    files = (Path(names.FILES[kind]).read_text() for kind in ("first:female", "first:male"))
    return sorted({line.split()[0].lower() for file in files for line in file.splitlines()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A small transformer learns names, letter by letter.")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the names (10)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and of the order of names (0)")
    main(**vars(parser.parse_args()))
