"""What a call costs whatever the network is: a fit of one epoch over few rows, and steps on one row at a time.

python -m benchmarks.overhead [--cases fit-overhead online] [--rounds 5] [--peers-python /path/to/python]

- ``fit-overhead``: a network 64-128-10 (ReLU, cross-entropy) is made, and trained by Adam for one epoch over 100 rows
  in batches of 32; as a user writes it in each library. scikit-learn's MLPClassifier, torch with a loop of its own.
- ``online``: a network 24-8-2 (ReLU, cross-entropy, SGD) learns one row a call: ``model.step`` and, beside it, the
  estimator's ``partial_fit``; scikit-learn's ``partial_fit``, and torch with a step of its own.

Peers take turns, A B A B ..., each in a process of its own with one thread. The least time of a call counts, which
other work on the machine disturbs least; medians stand beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.timing import NOT_INSTALLED, missing

AIMS = {"fit-overhead": 1.5e-3, "online": 2.5e-6}
"""Seconds a call of glassnet is to take at most."""
ROWS, BATCH = 100, 32
CALLS = {"fit-overhead": 40, "online": 2000}
"""Calls in a round."""
Call = Callable[[], Any]


def data(case: str) -> tuple[Any, Any]:
    """The rows and labels."""
    rng = np.random.default_rng(0)
    features, classes = (64, 10) if case == "fit-overhead" else (24, 2)
    return rng.normal(size=(ROWS, features)).astype(np.float32), rng.integers(0, classes, ROWS)


def by_model(case: str) -> Call:
    """``gn.Model``."""
    import glassnet as gn

    x, y = data(case)
    if case == "fit-overhead":

        def fit() -> None:
            net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
            gn.Model(net, "cross_entropy", gn.Adam(1e-3)).fit(x, y, batch_size=BATCH, verbose=False)

        return fit
    model = gn.Model(gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(2)), "cross_entropy", gn.SGD(0.01))
    step, row, label = model.step, x[:1], y[:1]
    return lambda: step(row, label)


def by_estimator(case: str) -> Call:
    """The MLPClassifier of glassnet."""
    try:
        from glassnet.estimators import MLPClassifier
    except ImportError as error:
        missing(error)
    return _classifier(MLPClassifier, case)


def by_sklearn(case: str) -> Call:
    """scikit-learn's MLPClassifier."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError as error:
        missing(error)
    return _classifier(MLPClassifier, case)


def _classifier(kind: Any, case: str) -> Call:
    warnings.simplefilter("ignore")
    x, y = data(case)
    if case == "fit-overhead":
        return lambda: kind((128,), batch_size=BATCH, max_iter=1).fit(x, y)
    learner = kind((8,), solver="sgd", learning_rate_init=0.01, momentum=0.0).partial_fit(x[:1], y[:1], classes=[0, 1])
    row, label = x[:1], y[:1]
    return lambda: learner.partial_fit(row, label)


def by_torch(case: str) -> Call:
    """torch, with the loop that its tutorials have."""
    try:
        import torch
    except ImportError as error:
        missing(error)
    torch.set_num_threads(1)
    x, y = map(torch.from_numpy, data(case))
    loss_of = torch.nn.CrossEntropyLoss()

    def step(net: Any, optimizer: Any, rows: Any, labels: Any) -> None:
        optimizer.zero_grad()
        loss_of(net(rows), labels).backward()
        optimizer.step()

    if case == "fit-overhead":

        def fit() -> None:
            net = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
            optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
            order = torch.randperm(ROWS)
            for start in range(0, ROWS, BATCH):
                batch = order[start : start + BATCH]
                step(net, optimizer, x[batch], y[batch])

        return fit
    net = torch.nn.Sequential(torch.nn.Linear(24, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    row, label = x[:1], y[:1]
    return lambda: step(net, optimizer, row, label)


PEERS: dict[str, Callable[[str], Call]] = {
    "glassnet": by_model,
    "glassnet estimator": by_estimator,
    "scikit-learn": by_sklearn,
    "torch": by_torch,
}


def measure(peer: str, case: str) -> None:
    """One peer's program: the seconds of a round's calls, each by itself or many together, as a line of JSON."""
    call = PEERS[peer](case)
    together = 20 if case == "online" else 1
    for _ in range(5 * together):
        call()
    seconds = []
    for _ in range(CALLS[case] // together):
        started = perf_counter()
        for _ in range(together):
            call()
        seconds.append((perf_counter() - started) / together)
    print(json.dumps(seconds))


def compare(case: str, options: Namespace) -> None:
    """All peers on a case: a line of the least and the median time of each."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GLASSNET_NUM_THREADS"), "1")
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for peer in PEERS:
            python = sys.executable if peer.startswith("glassnet") else options.peers_python
            command = [python, "-m", "benchmarks.overhead", "--peer", peer, "--cases", case]
            done = subprocess.run(command, env=os.environ | limits, capture_output=True, text=True, check=False)
            if done.returncode == NOT_INSTALLED:
                continue
            if done.returncode:
                sys.exit(f"{peer}: {done.stderr[-2000:]}")
            found.setdefault(peer, []).extend(json.loads(done.stdout.splitlines()[-1]))
    for peer, seconds in found.items():
        print(f"{case:14} {peer:20} least {min(seconds) * 1e6:9.2f} µs   median {median(seconds) * 1e6:9.2f} µs")
    print(f"{case:14} aim of glassnet: {AIMS[case] * 1e6:g} µs", flush=True)


def main() -> None:
    """The command line."""
    parser = ArgumentParser(description="The fixed cost of calls, of glassnet and others.")
    parser.add_argument("--cases", nargs="+", choices=AIMS, default=list(AIMS))
    parser.add_argument("--rounds", type=int, default=5, help="processes of each peer (5)")
    parser.add_argument("--peers-python", default=os.environ.get("GLASSNET_PEERS_PYTHON", sys.executable))
    parser.add_argument("--peer", choices=PEERS, help="only this one, in this process")
    options = parser.parse_args()
    for case in options.cases:
        if options.peer:
            measure(options.peer, case)
        else:
            compare(case, options)


if __name__ == "__main__":
    main()
