"""Many small networks trained at once, by glassnet and by what others have for it.

python -m benchmarks.many [--networks 1000] [--epochs 50] [--rounds 3] [--peers glassnet jax ...]

Each network 8-16-1 (ReLU, mean squared error) learns from the same 200 rows in batches of 32, in their order, by Adam,
from weights of its own; all peers begin with the same weights, and their mean loss after training must agree. A peer
has all processors. What it compiles is compiled before, by a call that is not counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.timing import CORES, NOT_INSTALLED, missing

ROWS, FEATURES, UNITS, BATCH, RATE = 200, 8, 16, 32, 0.001
BETAS, EPSILON = (0.9, 0.999), 1e-8
TOLERANCE = 1e-3
"""Of the mean loss, relative: float32 in another order of its sums."""
Array = np.ndarray[Any, np.dtype[Any]]


def data() -> tuple[Array, Array]:
    """The rows (200, 8) and targets (200, 1)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    return x, np.tanh(x[:, :1] * x[:, 1:2] + x[:, 2:3]).astype(np.float32)


def stacked(networks: int) -> list[Array]:
    """The initial weights of all networks: (M, 8, 16), (M, 16), (M, 16, 1), (M, 1)."""
    rng = np.random.default_rng(1)
    shapes = (FEATURES, UNITS), (UNITS,), (UNITS, 1), (1,)
    return [
        (rng.normal(size=(networks, *shape)) * np.sqrt(2 / shape[0]) * (len(shape) > 1)).astype(np.float32)
        for shape in shapes
    ]


def ours(options: Namespace, *, single: bool) -> tuple[Callable[[], Any], Callable[[Any], float], dict[str, Any]]:
    """glassnet: all in one call, or a loop of fits."""
    import glassnet as gn

    x, y = data()

    def models() -> list[gn.Model]:
        made = []
        for number, weights in enumerate(zip(*stacked(options.networks), strict=True)):
            net = gn.Sequential(gn.Dense(UNITS), gn.ReLU(), gn.Dense(1))
            model = gn.Model(net, "mean_squared_error", gn.Adam(RATE), seed=number)
            net.build((FEATURES,))
            for (_, held), given in zip(net.named_parameters(), weights, strict=True):
                held[...] = given
            made.append(model)
        return made

    waiting = [models() for _ in range(options.rounds + 1)]

    def run() -> list[Any]:
        made = waiting.pop()
        settings: dict[str, Any] = {"epochs": options.epochs, "batch_size": BATCH, "shuffle": False, "verbose": False}
        if single:
            for model in made:
                model.fit(x, y, **settings)
        else:
            gn.fit_many(made, x, y, **settings)
        return made

    alone = models()[0]
    alone.fit(x, y, epochs=50, batch_size=BATCH, shuffle=False, verbose=False)
    seconds = []
    for epochs in (500, 5000):
        begun = process_time()
        alone.threads = 1
        alone.fit(x, y, epochs=epochs, batch_size=BATCH, shuffle=False, verbose=False)
        seconds.append(process_time() - begun)
    replay = (seconds[1] - seconds[0]) / 4500 * options.epochs
    loss = lambda made: float(np.mean([np.mean((m.predict(x) - y) ** 2) for m in made]))  # noqa: E731
    return run, loss, {"replay_milliseconds": replay * 1e3}


def by_joblib(options: Namespace) -> tuple[Callable[[], Any], Callable[[Any], float], dict[str, Any]]:
    """scikit-learn's MLPs through joblib, whose initial weights are its own."""
    try:
        from joblib import Parallel, delayed
        from sklearn.neural_network import MLPRegressor
    except ImportError as error:
        missing(error)
    import warnings

    x, y = data()
    settings: dict[str, Any] = {
        **{"hidden_layer_sizes": (UNITS,), "batch_size": BATCH, "max_iter": options.epochs, "shuffle": False},
        **{"tol": 0.0, "n_iter_no_change": options.epochs + 1, "alpha": 0.0, "learning_rate_init": RATE},
    }

    def fit(number: int) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return MLPRegressor(random_state=number, **settings).fit(x, y[:, 0])

    def run() -> list[Any]:
        found: list[Any] = Parallel(n_jobs=CORES)(delayed(fit)(number) for number in range(options.networks))
        return found

    return run, lambda made: float(np.mean([np.mean((m.predict(x) - y[:, 0]) ** 2) for m in made])), {}


def by_torch(options: Namespace, *, kind: str) -> tuple[Callable[[], Any], Callable[[Any], float], dict[str, Any]]:
    """torch: stacked weights, by ``torch.func.vmap`` or by batched products, eager or compiled."""
    try:
        import torch
    except ImportError as error:
        missing(error)
    x, y = map(torch.from_numpy, data())
    torch.set_num_threads(CORES)

    def errors(weights: Any, rows: Any, targets: Any) -> Any:
        w1, b1, w2, b2 = weights
        hidden = torch.relu(torch.baddbmm(b1[:, None], rows.expand(len(w1), -1, -1), w1))
        return ((torch.baddbmm(b2[:, None], hidden, w2) - targets) ** 2).mean((1, 2))

    def one(weights: Any, rows: Any, targets: Any) -> Any:
        w1, b1, w2, b2 = weights
        return ((torch.relu(rows @ w1 + b1) @ w2 + b2 - targets) ** 2).mean()

    gradients = torch.func.vmap(torch.func.grad(one), in_dims=(0, None, None))

    def step(weights: Any, optimizer: Any, rows: Any, targets: Any) -> None:
        if kind == "vmap":
            with torch.no_grad():
                for held, gradient in zip(weights, gradients(weights, rows, targets), strict=True):
                    held.grad = gradient
        else:
            optimizer.zero_grad()
            loss(weights, rows, targets).backward()
        optimizer.step()

    def total(weights: Any, rows: Any, targets: Any) -> Any:
        return errors(weights, rows, targets).sum()

    loss = torch.compile(total) if kind == "compiled" else total

    def run() -> Any:
        weights = tuple(torch.from_numpy(array).requires_grad_() for array in stacked(options.networks))
        optimizer = torch.optim.Adam(weights, lr=RATE, betas=BETAS, eps=EPSILON, fused=True)
        for _ in range(options.epochs):
            for start in range(0, ROWS, BATCH):
                step(weights, optimizer, x[start : start + BATCH], y[start : start + BATCH])
        return weights

    return run, lambda weights: float(errors(weights, x, y).mean()), {}


def by_jax(options: Namespace) -> tuple[Callable[[], Any], Callable[[Any], float], dict[str, Any]]:
    """jax: one network's training, its loop compiled, mapped over all of them."""
    try:
        import jax
        import jax.numpy as jnp
        from jax import lax
    except ImportError as error:
        missing(error)
    x, y = map(jnp.asarray, data())
    full, rest = divmod(ROWS, BATCH)

    def error(weights: Any, rows: Any, targets: Any) -> Any:
        w1, b1, w2, b2 = weights
        return ((jax.nn.relu(rows @ w1 + b1) @ w2 + b2 - targets) ** 2).mean()

    def step(state: Any, rows: Any, targets: Any) -> Any:
        weights, m, v, count = state
        gradients = jax.grad(error)(weights, rows, targets)
        count = count + 1
        m = [BETAS[0] * a + (1 - BETAS[0]) * g for a, g in zip(m, gradients, strict=True)]
        v = [BETAS[1] * a + (1 - BETAS[1]) * g * g for a, g in zip(v, gradients, strict=True)]
        rate = RATE / (1 - BETAS[0] ** count)
        root = [jnp.sqrt(a / (1 - BETAS[1] ** count)) + EPSILON for a in v]
        return [w - rate * a / r for w, a, r in zip(weights, m, root, strict=True)], m, v, count

    batches = x[: full * BATCH].reshape(full, BATCH, -1), y[: full * BATCH].reshape(full, BATCH, -1)

    def epoch(state: Any, _: Any) -> Any:
        state, _ = lax.scan(lambda own, batch: (step(own, *batch), None), state, batches)
        return (step(state, x[full * BATCH :], y[full * BATCH :]) if rest else state), None

    def train(weights: Any) -> Any:
        zeros = [jnp.zeros_like(w) for w in weights]
        state, _ = lax.scan(epoch, (weights, zeros, zeros, jnp.float32(0)), length=options.epochs)
        return state[0]

    compiled = jax.jit(jax.vmap(train))
    run = lambda: jax.block_until_ready(compiled(list(map(jnp.asarray, stacked(options.networks)))))  # noqa: E731
    return run, lambda weights: float(jax.vmap(error, (0, None, None))(weights, x, y).mean()), {}


PEERS: dict[str, Callable[[Namespace], Any]] = {
    "glassnet": lambda options: ours(options, single=False),
    "glassnet, one by one": lambda options: ours(options, single=True),
    "scikit-learn by joblib": by_joblib,
    "torch vmap": lambda options: by_torch(options, kind="vmap"),
    "torch batched": lambda options: by_torch(options, kind="batched"),
    "torch batched, compiled": lambda options: by_torch(options, kind="compiled"),
    "jax vmap": by_jax,
}
OWN_WEIGHTS = ("scikit-learn by joblib",)
"""Peers that cannot begin with given weights."""


def measure(options: Namespace) -> None:
    """One peer's program: a line of JSON."""
    run, loss, more = PEERS[options.peer](options)
    run()
    seconds = []
    for _ in range(options.rounds):
        started = perf_counter()
        made = run()
        seconds.append(perf_counter() - started)
    print(json.dumps({"seconds": median(seconds), "best": min(seconds), "loss": loss(made)} | more))


def main() -> None:
    """The command line."""
    parser = ArgumentParser(description="Many small networks at once, by glassnet and others.")
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each peer (3), of which the median counts")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--peers-python", default=os.environ.get("GLASSNET_PEERS_PYTHON", sys.executable))
    parser.add_argument("--peer", choices=PEERS, help="only this one, in this process")
    options = parser.parse_args()
    if options.peer:
        measure(options)
        return
    found: dict[str, dict[str, Any]] = {}
    for name in options.peers:
        numbers = [f"--{key}={getattr(options, key)}" for key in ("networks", "epochs", "rounds")]
        command = [options.peers_python, "-m", "benchmarks.many", "--peer", name, *numbers]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == NOT_INSTALLED:
            print(f"{name}: not installed")
            continue
        if done.returncode:
            sys.exit(f"{name}: {done.stderr[-2000:]}")
        found[name] = json.loads(done.stdout.splitlines()[-1])
        line = found[name]
        print(f"{name:26} {line['seconds']:8.2f} s   loss {line['loss']:.6f}", flush=True)
    first = found.get("glassnet")
    if first is None:
        return
    replay = first["replay_milliseconds"] / 1e3 * options.networks / CORES
    print(f"share of {CORES} cores' replay: {replay / first['seconds']:.0%} (aim ≥ 90%)")
    others = [line["seconds"] for name, line in found.items() if not name.startswith("glassnet")]
    if others:
        print(f"faster than the best peer by {min(others) / first['seconds']:.1f} (aim ≥ 2)")
    for name, line in found.items():
        if name not in OWN_WEIGHTS and abs(line["loss"] / first["loss"] - 1) > TOLERANCE:
            sys.exit(f"LOSSES DISAGREE: {name} did not do the same work")


if __name__ == "__main__":
    main()
