"""How much faster several ranks train one network than one process: what ``docs/distributed.md`` is made from.

python -m benchmarks.ranks [--ranks 1 2 3 4] [--rounds 5] [--alone] [--output docs/images/scaling.json]
python tools/make_scaling_picture.py                    # draws them, and writes them into the pages

Each rank has one thread. One round trains the network of the case mnist-mlp, 784-256-128-10, on 10,000 rows in batches
of 512 for some epochs, of which the median counts: in one process by ``fit``, and by ``fit(distributed=True)`` on each
number of ranks. Rounds go through all of them one after another, so that whatever else the machine does meets all
alike. Efficiency is the time of the plain process, divided by ranks times theirs. What two processors can give at most
show two processes side by side that have nothing to do with each other and train on batches of half the rows.

On a machine that is not idle ranks wait for each other in vain, and the processor time of a rank says more than the
clock: both are given. ``--alone`` asks Linux, as its administrator, for real-time priority: then other work waits.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

ROWS, EPOCHS, BATCH = 10_240, 7, 512
WIDTHS = (784, 256, 128, 10)
BYTES = (1 << 10, 1 << 16, 1 << 20, 1 << 24)


def main() -> None:
    """Measures, prints a table, and writes the numbers where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output")
    parser.add_argument(
        "--part", choices=("plain", "half", "distributed", "exchange", "pieces"), help=argparse.SUPPRESS
    )
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    if options.alone:  # those who are begun by this one included
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    if options.part is not None:
        one(options.part)
        return
    load = os.getloadavg()[0]
    launcher = which("mpiexec") or str(Path(sys.executable).with_name("mpiexec"))
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        found.setdefault("plain", []).append(run([], "plain"))
        found.setdefault("beside", []).append(beside())
        for ranks in options.ranks:
            found.setdefault(f"{ranks}", []).append(run([launcher, "-n", str(ranks)], "distributed"))
    least = {name: {key: min(one[key] for one in all_of) for key in all_of[0]} for name, all_of in found.items()}
    middle = {name: median(one["step"] for one in all_of) for name, all_of in found.items()}
    print(f"{'':14}{'ms/step':>9}{'median':>9}{'CPU ms':>9}{'efficiency':>12}")
    for name, one_of in least.items():
        ranks = {"plain": 1, "beside": 2}.get(name) or int(name)
        share = least["plain"]["step"] / (ranks * one_of["step"])
        labels = {"plain": "one process", "beside": "2 processes"}
        label = labels.get(name) or f"{ranks} rank{'s' if ranks > 1 else ''}"
        times = one_of["step"], middle[name], one_of["cpu"]
        print(f"{label:14}" + "".join(f"{1000 * time:9.2f}" for time in times) + f"{share:12.0%}")
    exchange, pieces = run([launcher, "-n", "2"], "exchange"), run([], "pieces")
    print("exchange on 2 ranks:", ", ".join(f"{int(size):,} B {1e3 * time:.3f} ms" for size, time in exchange.items()))
    if options.output:
        machine = {"processors": os.cpu_count(), "load": 0.0 if options.alone else round(load, 1)}
        numbers = {"steps": least, "medians": middle, "exchange": exchange, "pieces": pieces, **machine}
        Path(options.output).write_text(json.dumps(numbers, indent=1) + "\n")


def run(launcher: list[str], part: str) -> dict[str, float]:
    """One measurement in processes of its own; what rank 0 says."""
    return said(begun(launcher, part))


def beside() -> dict[str, float]:
    """Two processes at the same time, which do not know of each other, with half of each batch; the slower one."""
    found = [said(process) for process in [begun([], "half") for _ in range(2)]]
    return {key: max(one[key] for one in found) for key in found[0]}


def begun(launcher: list[str], part: str) -> subprocess.Popen[str]:
    """Begins a measurement."""
    command = [*launcher, sys.executable, "-m", "benchmarks.ranks", "--part", part]
    settings = {**os.environ, "GLASSNET_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> dict[str, float]:
    """What a measurement has found."""
    printed, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a measurement ended with {process.returncode}")
    return json.loads(next(line for line in printed.splitlines() if line.startswith("{")))


def one(part: str) -> None:
    """Measures in this process, and prints what it found as rank 0."""
    import glassnet as gn

    if part in ("exchange", "pieces"):
        say(exchange() if part == "exchange" else pieces())
        return
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(ROWS, WIDTHS[0])).astype(np.float32), rng.integers(0, WIDTHS[-1], ROWS)
    layers: list[Any] = []
    for width in WIDTHS[1:-1]:
        layers += [gn.Dense(width), gn.ReLU()]
    model = gn.Model(gn.Sequential(*layers, gn.Dense(WIDTHS[-1])), "cross_entropy", "adam", threads=1)
    clock, batch = Clock(), BATCH // 2 if part == "half" else BATCH
    distributed = part == "distributed"
    model.fit(x, y, epochs=1 + EPOCHS, batch_size=batch, verbose=False, distributed=distributed, callbacks=[clock])
    if clock.times:  # which are those of rank 0
        wall, processor = np.diff(np.array(clock.times), axis=0).T / (ROWS // batch)
        say({"step": median(wall), "cpu": median(processor)})


class Clock:
    """Takes the time at the end of each epoch, of which the first records programs."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def __call__(self, state: Any) -> None:
        """At the end of an epoch."""
        self.times.append((perf_counter(), process_time()))


def exchange() -> dict[str, float]:
    """Seconds of one sum over all ranks, by the bytes of a vector."""
    from glassnet.distributed.sums import Sums
    from glassnet.distributed.world import world

    ranks, found = world(), {}
    for size in BYTES:
        sums, times = Sums(ranks, size // 4, np.dtype(np.float32)), []
        whole = np.empty(size // 4, np.float32)
        sums.part(ranks.size, lambda shard, out: out.fill(shard))
        for _ in range(max(10, (1 << 25) // size // 4)):
            ranks.comm.Barrier()
            start = perf_counter()
            sums.together(ranks.size, lambda *_: None, whole)
            times.append(perf_counter() - start)
        found[str(size)] = min(times)
    return found


def pieces() -> dict[str, float]:
    """Seconds of what a rank does besides gradients: adding those of a shard to others, and the update."""
    import glassnet as gn
    from glassnet.training.parts import NO_BRIDGES, Parts
    from glassnet.training.step_programs import UpdateProgram

    layers = [gn.Dense(width) for width in WIDTHS[1:]]
    model = gn.Model(gn.Sequential(*layers), "cross_entropy", "adam", threads=1)
    model.fit(np.zeros((8, WIDTHS[0])), np.arange(8), verbose=False)
    update = UpdateProgram(Parts(model.network, model.loss, model.optimizer, 0), NO_BRIDGES)
    gradients = model.network.gradients
    out = np.zeros_like(gradients)
    work = {"update": lambda: update.run(8.0), "add": lambda: np.add(out, gradients, out=out)}
    found: dict[str, float] = {"bytes": gradients.nbytes}
    for name, do in work.items():
        times = []
        for _ in range(200):
            start = perf_counter()
            do()
            times.append(perf_counter() - start)
        found[name] = min(times)
    return found


def say(numbers: dict[str, float]) -> None:
    """Prints them, on rank 0."""
    if int(os.environ.get("PMI_RANK", "0")) == 0:
        print(json.dumps(numbers), flush=True)


if __name__ == "__main__":
    main()
