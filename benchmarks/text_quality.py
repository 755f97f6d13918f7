"""Whether the transformer that learns names learns as PyTorch does, and how well it knows new ones after 2 seconds.

    python -m benchmarks.text_quality names.txt              # a name a line, such as the 32,033 of "makemore"
    python -m benchmarks.text_quality names.txt --torch      # the same weights and batches in PyTorch beside it

The network is that of ``examples/12_names.py``: 4,192 weights. Against PyTorch it takes a thousand steps of 16 names,
and the largest difference of the losses before each step is printed; 1e-3 is allowed. For the held-out loss it is 32
wide and has 2 seconds; every tenth name is set aside.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

import glassnet as gn

CONTEXT, HEADS, BATCH = 16, 4, 16
RATE, BETAS = 0.01, (0.85, 0.99)
MOST_APART = 1e-3
WIDTH, SECONDS, GOAL = 32, 2.0, 2.08


def network(tokens: int, width: int) -> gn.Sequential:
    """Token and place, one block of attention and dense layers, and a score for each token."""
    return gn.Sequential(
        gn.Embedding(tokens, width),
        gn.PositionalEncoding("learned"),
        gn.RMSNorm(use_scale=False),
        gn.TransformerBlock(HEADS, width, norm="plain_rms", causal=True, use_bias=False),
        gn.Dense(tokens, use_bias=False),
    )


def language_model(letters: gn.text.Characters, width: int, steps: int, rate: float = RATE) -> gn.Model:
    """The model, of which the learning rate falls to 0 over so many steps."""
    adam = gn.Adam(gn.schedules.LinearDecay(rate, steps=steps), beta1=BETAS[0], beta2=BETAS[1])
    model = gn.Model(network(len(letters), width), "cross_entropy", adam)
    model.vocabulary = letters
    return model


def by_torch(
    weights: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray, own_steps: np.ndarray, steps: int
) -> list[float]:
    """PyTorch's losses before each step; ``own_steps`` says which of (N, T) are a name's own."""
    import torch
    from torch.nn import functional as F  # noqa: N812 - as everybody calls it

    torch.set_num_threads(1)
    own = {name: torch.tensor(array, requires_grad=True) for name, array in weights.items()}
    tokens, places, attention, out, first, second, head = own.values()
    optimizer = torch.optim.Adam(list(own.values()), lr=RATE, betas=BETAS)
    width = tokens.shape[1]

    def norm(x: Any) -> Any:
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5)

    def logits(x: Any) -> Any:
        h = norm(tokens[x] + places)
        q, k, v = (
            part.reshape(len(x), CONTEXT, HEADS, width // HEADS).transpose(1, 2)
            for part in (norm(h) @ attention).chunk(3, dim=-1)
        )
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(h.shape)
        h = h + seen @ out
        return (h + torch.relu(norm(h) @ first) @ second) @ head

    found = []
    for step in range(steps):
        at = slice(step * BATCH % len(x), step * BATCH % len(x) + BATCH)
        kept = torch.tensor(own_steps[at])
        loss = F.cross_entropy(logits(torch.tensor(x[at]))[kept], torch.tensor(y[at])[kept])
        found.append(loss.item())
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return found


def compare(letters: gn.text.Characters, names: list[str], steps: int) -> bool:
    """Prints how far the losses of both are apart at most."""
    x, y = letters.next_tokens(names[: steps * BATCH], CONTEXT)
    padded, labels = gn.data.pad(x, CONTEXT), gn.data.pad(y, CONTEXT)
    model = language_model(letters, 16, steps)
    model.network.build((CONTEXT,))
    weights = {name: array.copy() for name, array in model.network.named_parameters()}
    print(f"{len(model.network.parameters):,} weights")
    ours = [model.step(padded[at : at + BATCH], y[at : at + BATCH]) for at in range(0, len(x), BATCH)]
    own_steps = np.arange(CONTEXT) < padded.lengths[:, None]
    theirs = by_torch(weights, padded.values, labels.values, own_steps, steps)
    apart = np.abs(np.array(ours) - theirs)
    ends = [np.mean(losses[-50:]) for losses in (ours, theirs)]
    print(f"losses of {steps:,} steps: from {ours[0]:.4f} to {ends[0]:.4f} here, to {ends[1]:.4f} by torch")
    print(f"largest difference of a step {apart.max():.1e}, of the last 100 {apart[-100:].max():.1e}")
    return bool(apart.max() <= MOST_APART)


def held_out(letters: gn.text.Characters, names: list[str], epochs: int, batch: int, rate: float) -> bool:
    """Trains; prints the loss on new names, and the time."""
    parts = [[n for i, n in enumerate(names) if (i % 10 == 0) == is_test] for is_test in (False, True)]
    (x, y), (new_x, new_y) = (letters.next_tokens(part, CONTEXT) for part in parts)
    padded = gn.data.pad(x, CONTEXT)
    model = language_model(letters, WIDTH, epochs * -(-len(x) // batch), rate)
    wall, used = perf_counter(), process_time()
    history = model.fit(padded, y, epochs=epochs, batch_size=batch, verbose=False)
    wall, used = perf_counter() - wall, process_time() - used
    loss = model.evaluate(gn.data.pad(new_x, CONTEXT), new_y)["loss"]
    print(f"width {WIDTH}, {len(model.network.parameters):,} weights, {epochs} epochs of {batch} names a step")
    print(f"{wall:.2f} s, {used:.2f} s of all processors; loss {history['loss'][-1]:.4f} in the last epoch")
    print(
        f"on {len(new_x):,} new names {loss:.4f} nats; it writes", *(gn.generate(model, seed=seed) for seed in range(8))
    )
    return bool(loss <= GOAL and wall <= SECONDS)


def main() -> None:
    """Reads what was asked for."""
    parser = argparse.ArgumentParser(description="The transformer that learns names: like PyTorch, and how well.")
    parser.add_argument("names", type=Path, help="a file with a name in each line")
    parser.add_argument("--torch", action="store_true", help="compare with PyTorch, step by step")
    parser.add_argument("--steps", type=int, default=1000, help="of that comparison")
    parser.add_argument("--epochs", type=int, default=3, help="of the training for the held-out loss")
    parser.add_argument("--batch", type=int, default=32, help="names in a step of it")
    parser.add_argument("--rate", type=float, default=RATE, help="its first learning rate")
    options = parser.parse_args()
    names = gn.data.read_texts(options.names, documents="lines")
    letters = gn.text.Characters.from_data(names)
    if options.torch:
        holds = compare(letters, names, options.steps)
    else:
        order = np.random.default_rng(0).permutation(len(names))
        holds = held_out(letters, [names[i] for i in order], options.epochs, options.batch, options.rate)
    print("as it should be" if holds else "NOT as it should be")


if __name__ == "__main__":
    main()
