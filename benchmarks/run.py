"""Runs the peers of each case in turn, A B A B ..., checks that they did the same, and reports.

python -m benchmarks.run [--cases digits-mlp mnist-mlp] [--peers numpy torch] [--rounds 5] [--quick]
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.cases import CASES, DIGITS_FIT, IMPORT_AIM, MATRIX_PRODUCT, PREDICT_ONE, TOLERANCES, TRAINING, Case
from benchmarks.report import Measured, draw, print_case, spread
from benchmarks.timing import CORES, NOT_INSTALLED

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Peer:
    """A program that measures one library."""

    name: str
    module: str
    imports: str
    arguments: tuple[str, ...]
    cases: tuple[str, ...]

    @property
    def ours(self) -> bool:
        """Whether it is glassnet."""
        return self.imports == "glassnet"


TRAININGS = tuple(case.name for case in TRAINING)
EVERYTHING = (*TRAININGS, DIGITS_FIT.name, PREDICT_ONE.name)
PEERS = (
    Peer("glassnet compiled", "glassnet_fit", "glassnet", ("--engine", "compiled"), EVERYTHING),
    Peer("glassnet numpy", "glassnet_fit", "glassnet", ("--engine", "numpy"), EVERYTHING),
    Peer("numpy", "numpy_by_hand", "numpy", (), (*TRAININGS, PREDICT_ONE.name, MATRIX_PRODUCT.name)),
    Peer("torch", "torch_eager", "torch", (), EVERYTHING),
    Peer("jax", "jax_jit", "jax", (), TRAININGS),
    Peer("scikit-learn", "sklearn_mlp", "sklearn.neural_network", (), (DIGITS_FIT.name, PREDICT_ONE.name)),
)
IMPORT = "import"


def main() -> None:
    """The command line."""
    options = _options()
    chosen = [peer for peer in PEERS if not options.peers or peer.name in options.peers]
    rate = _matrix_rate(options)
    print(f"{CORES} cores; a large matrix product runs at {rate:.0f} GFLOP/s in float32\n")
    report: dict[str, Any] = {
        "machine": {"cores": CORES, "processor": platform.machine(), "python": platform.python_version()},
        "matrix_product_gflops": rate,
        "rounds": options.rounds,
        "cases": {},
    }
    all_agree = True
    measured: list[Measured] = []
    for name in options.cases or (*EVERYTHING, IMPORT):
        rounds = list(_import_rounds(chosen, options) if name == IMPORT else _rounds(CASES[name], chosen, options))
        aim = IMPORT_AIM if name == IMPORT else CASES[name].aim
        found = Measured(name, aim, rounds, _floor(CASES[name], rate) if name in TRAININGS else 0.0)
        if not found.peers:
            continue
        agreed = True
        if name in TRAININGS or name == PREDICT_ONE.name:
            limits = {"": TOLERANCES[CASES[name].dtype]}
            if name in TRAININGS and CASES[name].dtype != "float64":
                limits["_float64"] = TOLERANCES["float64"]
            apart = {end: max(spread(rounds, f"loss_{kind}{end}") for kind in ("after", "seen")) for end in limits}
            agreed = all(apart[end] <= limit for end, limit in limits.items())
            shares = (f"{share:.0e} in {end[1:] or CASES[name].dtype}" for end, share in apart.items())
            found.remark = f"losses apart by {', '.join(shares)}"
        all_agree &= agreed
        print_case(found, agreed=agreed)
        measured.append(found)
        report["cases"][name] = found.as_json() | {"losses_agree": agreed, "remark": found.remark}
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latest.json").write_text(json.dumps(report, indent=1) + "\n")
    trainings = [m for m in measured if m.name in TRAININGS]
    if trainings:
        draw(trainings, RESULTS / "training.png")
    print(f"written: {RESULTS.relative_to(ROOT)}/latest.json" + (" and training.png" if trainings else ""))
    if not all_agree:
        sys.exit("LOSSES DISAGREE: the peers did not do the same work, see above")


def _options() -> Namespace:
    parser = ArgumentParser(description="glassnet beside its peers.")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--cases", nargs="+", choices=(*EVERYTHING, IMPORT), help="these alone")
    parser.add_argument("--peers", nargs="+", choices=names, help="these alone")
    parser.add_argument("--rounds", type=int, default=5, help="how often each peer has its turn (5)")
    parser.add_argument("--quick", action="store_true", help="one short round: does everything run, do losses agree?")
    default = os.environ.get("GLASSNET_PEERS_PYTHON", sys.executable)
    parser.add_argument("--peers-python", default=default, help="the interpreter with torch, jax and scikit-learn")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def _run(peer: Peer, case: str, options: Namespace) -> dict[str, Any] | None:
    """One process of a peer; None where its library is not installed."""
    python = sys.executable if peer.ours else options.peers_python
    length = ("--repeats", "1", "--seconds", "0.05") if options.quick else ()
    command = [python, "-m", f"benchmarks.peers.{peer.module}", "--case", case, *peer.arguments, *length]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == NOT_INSTALLED:
        return None
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _rounds(case: Case, peers: Iterable[Peer], options: Namespace) -> Iterator[dict[str, Any]]:
    """For each round what every peer said, by its name."""
    present = [peer for peer in peers if case.name in peer.cases]
    for _ in range(options.rounds):
        found: dict[str, Any] = {}
        for peer in list(present):
            said = _run(peer, case.name, options)
            if said is None:
                print(f"{peer.name} is not installed: left out of {case.name}", file=sys.stderr)
                present.remove(peer)
            else:
                found[peer.name] = said
        yield found


def _import_rounds(peers: Iterable[Peer], options: Namespace) -> Iterator[dict[str, Any]]:
    """The same for processes that only import the library."""
    libraries = {peer.imports: peer for peer in peers}
    for _ in range(options.rounds):
        found: dict[str, Any] = {}
        for library, peer in libraries.items():
            python = sys.executable if peer.ours else options.peers_python
            times = []
            for _ in range(2 if options.quick else 4):
                started = perf_counter()
                done = subprocess.run([python, "-c", f"import {library}"], capture_output=True, check=False)
                if done.returncode:
                    break
                times.append((perf_counter() - started) * 1e6)
            else:
                best, middle = min(times[1:]), median(times[1:])  # the first one may have to read from the disk
                result = {"microseconds_median": middle, "microseconds_best": best, "steps": 1}
                found[library] = result | {"variant": IMPORT, "variants": {IMPORT: result}, "peer": library}
        yield found


def _floor(case: Case, rate: float) -> float:
    """Microseconds of the matrix products of a step at that rate; float64 takes twice as long."""
    return case.flops / rate / 1e3 * (2 if case.dtype == "float64" else 1)


def _matrix_rate(options: Namespace) -> float:
    """GFLOP/s of a large product: the floor's measure, in this run, on this machine."""
    hand = next(peer for peer in PEERS if MATRIX_PRODUCT.name in peer.cases)
    best = min((_run(hand, MATRIX_PRODUCT.name, options) or {})["microseconds_best"] for _ in range(options.rounds))
    return MATRIX_PRODUCT.flops / float(best) / 1e3


if __name__ == "__main__":
    main()
