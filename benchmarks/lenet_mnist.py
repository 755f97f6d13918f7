"""LeNet-5 over 60,000 rows shaped like MNIST, in batches of 64 and of 512: whole epochs, as a user writes them.

python -m benchmarks.lenet_mnist [--batches 64 512] [--rounds 3] [--rows 60000] [--peers-python /path/to/python]

The rows are made up: a picture for each class, moved and noisy. The network is ``gn.zoo.lenet5``, of 61,706 parameters;
Adam, cross-entropy, rows in a new order each epoch, all processors. An epoch is timed after one that warms up; ten of
them are calculated from it, and said to be. Peers take turns, A B A B ...; both must have learned the rows by then, or
they did not do the same work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.timing import CORES, NOT_INSTALLED, missing

SIDE, CLASSES, RATE = 28, 10, 1e-3
LEAST_ACCURACY = 0.95
"""Of the first thousand rows after two epochs."""
EPOCHS = 10
"""That others have published times for."""
AIM = 0.5
"""Of torch's time."""
Peer = tuple[Callable[[], Any], Callable[[Any], Any]]
"""What does an epoch, and what gives the logits of rows."""


def data(rows: int) -> tuple[Any, Any]:
    """Images (N, 1, 28, 28) and labels (N,)."""
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(CLASSES, SIDE // 4, SIDE // 4)).repeat(4, axis=1).repeat(4, axis=2)
    labels = rng.integers(0, CLASSES, rows)
    moved = np.stack([np.roll(pictures, (down, right), (1, 2)) for down in range(3) for right in range(3)])
    x = moved[rng.integers(0, len(moved), rows), labels].astype(np.float32)
    x += rng.standard_normal(x.shape, dtype=np.float32)
    return x[:, None], labels


def by_glassnet(x: Any, y: Any, batch: int) -> Peer:
    """``Model.fit``, an epoch a call."""
    try:
        import glassnet as gn
    except ImportError as error:
        missing(error)
    model = gn.Model(gn.zoo.lenet5(CLASSES), "cross_entropy", gn.Adam(RATE))
    return lambda: model.fit(x, y, batch_size=batch, verbose=False), model.predict


def by_torch(x: Any, y: Any, batch: int) -> Peer:
    """torch: a loop over a shuffled order, with the fused Adam."""
    try:
        import torch
    except ImportError as error:
        missing(error)
    from torch import nn

    torch.set_num_threads(CORES)
    images, labels = torch.from_numpy(x), torch.from_numpy(y)
    net = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES)),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)
    loss_of = nn.CrossEntropyLoss()

    def epoch() -> None:
        order = torch.randperm(len(images))
        for start in range(0, len(images), batch):
            rows = order[start : start + batch]
            optimizer.zero_grad()
            loss_of(net(images[rows]), labels[rows]).backward()
            optimizer.step()

    def logits(rows: Any) -> Any:
        with torch.no_grad():
            return net(torch.from_numpy(rows)).numpy()

    return epoch, logits


PEERS: dict[str, Callable[[Any, Any, int], Peer]] = {"glassnet": by_glassnet, "torch": by_torch}


def measure(options: Namespace) -> None:
    """One peer's program: the seconds of its second epoch, and what it has learned, as a line of JSON."""
    x, y = data(options.rows)
    epoch, logits = PEERS[options.peer](x, y, options.batches[0])
    epoch()
    started = perf_counter()
    epoch()
    seconds = perf_counter() - started
    right = float(np.mean(np.argmax(logits(x[:1000]), axis=1) == y[:1000]))
    print(json.dumps({"seconds": seconds, "accuracy": right}))


def compare(batch: int, options: Namespace) -> None:
    """Both peers with batches of that size."""
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for peer in PEERS:
            python = sys.executable if peer.startswith("glassnet") else options.peers_python
            command = [python, "-m", "benchmarks.lenet_mnist", "--peer", peer]
            command += ["--batches", str(batch), "--rows", str(options.rows)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == NOT_INSTALLED:
                continue
            if done.returncode:
                sys.exit(f"{peer}: {done.stderr[-2000:]}")
            said = json.loads(done.stdout.splitlines()[-1])
            if said["accuracy"] < LEAST_ACCURACY:
                sys.exit(f"{peer} has not learned the rows: {said['accuracy']:.0%} are right")
            found.setdefault(peer, []).append(said["seconds"])
    for peer, seconds in found.items():
        times = f"least {min(seconds):6.3f} s   median {median(seconds):6.3f} s an epoch"
        print(f"batch {batch:4} {peer:10} {times}   {EPOCHS} epochs calculated: {median(seconds) * EPOCHS:.1f} s")
    if len(found) == len(PEERS):
        ours, theirs = (median(found[peer]) for peer in ("glassnet", "torch"))
        print(f"batch {batch:4} share of torch's time: {ours / theirs:.2f} (aim ≤ {AIM})", flush=True)


def main() -> None:
    """The command line."""
    parser = ArgumentParser(description="LeNet-5 over rows shaped like MNIST, by glassnet and torch.")
    parser.add_argument("--batches", nargs="+", type=int, default=[64, 512])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each peer (3)")
    parser.add_argument("--peers-python", default=os.environ.get("GLASSNET_PEERS_PYTHON", sys.executable))
    parser.add_argument("--peer", choices=PEERS, help="only this one, in this process")
    options = parser.parse_args()
    if options.peer:
        measure(options)
        return
    for batch in options.batches:
        compare(batch, options)


if __name__ == "__main__":
    main()
