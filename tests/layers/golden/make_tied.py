"""Writes tied.npz: a small language model whose outputs are tied to its embedding, by PyTorch 2.13.0 (CPU, float64).

Run it with a Python that has torch: ``python tests/layers/golden/make_tied.py``. The file holds the weights that the
network starts from, x (N, T) and labels (N,), the loss before each of six steps of Adam, and the weights after them.
``weight`` is the one matrix of ``torch.nn.Embedding`` and ``torch.nn.Linear``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("tied.npz")
N, T, K, D = 8, 3, 6, 4


def main() -> None:
    import torch

    torch.manual_seed(0)
    tokens = torch.nn.Embedding(K, D).double()
    hidden = torch.nn.Linear(D, D).double()
    outputs = torch.nn.Linear(D, K, bias=False).double()
    outputs.weight = tokens.weight
    x, labels = torch.randint(K, (N, T)), torch.randint(T * K, (N,))
    named = {"weight": tokens.weight, "hidden": hidden.weight, "bias": hidden.bias}
    start = {name: own.detach().numpy().copy() for name, own in named.items()}
    losses = []
    optimizer = torch.optim.Adam(list(named.values()), lr=0.05)
    for _ in range(6):
        y = outputs(torch.tanh(hidden(tokens(x)))).flatten(1)
        loss = torch.nn.functional.cross_entropy(y, labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    end = {f"{name}_after": own.detach().numpy() for name, own in named.items()}
    given = {"x": x.numpy(), "labels": labels.numpy(), "losses": np.array(losses)}
    np.savez_compressed(FILE, torch=np.array(torch.__version__), **given, **start, **end)


if __name__ == "__main__":
    main()
