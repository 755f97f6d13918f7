"""Runs the peers of each case in turn, A B A B ..., checks that they did the same, and reports.

python -m benchmarks.run [--cases digits-mlp mnist-mlp] [--peers numpy torch] [--rounds 5] [--quick] [--docs]
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
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.cases import (
    CASES,
    CONVOLUTIONAL,
    DIGITS_FIT,
    IMPORT_AIM,
    LANGUAGE,
    MATRIX_PRODUCT,
    PREDICT_ONE,
    PREDICTIONS,
    SEQUENCES,
    TOLERANCES,
    TRAINING,
    Case,
)
from benchmarks.footprint import SIZE_AIM, STEP_CASES, VARIANTS
from benchmarks.pages import write_pages
from benchmarks.report import print_case, print_memory, print_size, print_step_memory
from benchmarks.results import IMPORT, LATEST, ROOT, Measured, spread
from benchmarks.timing import CORES, NOT_INSTALLED


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

    @property
    def distribution(self) -> str:
        """The name that it is installed by."""
        return self.name.split()[0]


TRAININGS = tuple(case.name for case in (*TRAINING, *CONVOLUTIONAL, *LANGUAGE, *SEQUENCES))
PREDICTED = tuple(case.name for case in (PREDICT_ONE, *PREDICTIONS))
DENSE = (*(case.name for case in TRAINING), DIGITS_FIT.name, PREDICT_ONE.name)
IMAGES = tuple(case.name for case in (*CONVOLUTIONAL, *PREDICTIONS))
EVERYTHING = (*DENSE, *IMAGES, *(case.name for case in (*LANGUAGE, *SEQUENCES)))
MEMORY, SIZE = "memory", "size"
WHOLE = (DIGITS_FIT.name, PREDICT_ONE.name)
PEERS = (
    Peer("glassnet compiled", "glassnet_fit", "glassnet", ("--engine", "compiled"), EVERYTHING),
    Peer("glassnet numpy", "glassnet_fit", "glassnet", ("--engine", "numpy"), EVERYTHING),
    Peer("numpy", "numpy_by_hand", "numpy", (), (*DENSE, MATRIX_PRODUCT.name)),
    Peer("torch", "torch_eager", "torch", (), EVERYTHING),
    Peer("jax", "jax_jit", "jax", (), EVERYTHING),
    Peer("scikit-learn", "sklearn_mlp", "sklearn.neural_network", (), WHOLE),
    Peer("onnxruntime", "onnx_session", "onnxruntime", (), PREDICTED),
)
LIMITS = "_NUM_THREADS", "XLA_FLAGS"
"""Ends of the names of environment variables that would take cores away from some of the peers."""
AVX2 = {
    "GLASSNET_VARIANT": "_native_avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
"""What holds glassnet, torch with its libraries, NumPy and jax to AVX2. onnxruntime knows no such word."""


def main() -> None:
    """The command line."""
    options = _options()
    chosen = [peer for peer in PEERS if not options.peers or peer.name in options.peers]
    if options.avx2:
        chosen = [peer for peer in chosen if peer.name != "onnxruntime"]
    wanted = options.cases or (*EVERYTHING, IMPORT, MEMORY, SIZE, *STEP_CASES)
    timed = [name for name in wanted if name not in (MEMORY, SIZE, *STEP_CASES)]
    rate = _matrix_rate(options) if timed else 0.0
    report: dict[str, Any] = {
        "machine": machine() | {"matrix_product_gflops": rate},
        "date": date.today().isoformat(),
        "rounds": options.rounds,
        "quick": options.quick,
        "instructions": "AVX2 for all" if options.avx2 else "the best that each finds",
        "versions": {},
        "cases": {},
    }
    if timed:
        print(f"{CORES} cores; a large matrix product runs at {rate:.0f} GFLOP/s in float32\n")
    all_agree = True
    for name in timed:
        aim = IMPORT_AIM if name == IMPORT else CASES[name].aim
        if aim.floor_share:  # hours differ: the floor is that of the fastest one so far
            report["machine"]["matrix_product_gflops"] = rate = max(rate, _matrix_rate(options))
        rounds = list(_import_rounds(chosen, options) if name == IMPORT else _rounds(CASES[name], chosen, options))
        found = Measured(name, aim, rounds, _floor(CASES[name], rate) if name in TRAININGS else 0.0)
        if not found.peers:
            continue
        _compare_losses(found)
        all_agree &= found.agreed
        print_case(found)
        report["cases"][name] = found.as_json()
        lines = {peer.distribution: rounds[0].get(peer.name, {}) for peer in chosen}
        report["versions"] |= {library: line["version"] for library, line in lines.items() if "version" in line}
        _write(report, options.results)
    if MEMORY in wanted and (said := _program(sys.executable, ("benchmarks.footprint", MEMORY), MEMORY)):
        report[MEMORY] = said
        print_memory(said)
    for name in (name for name in STEP_CASES if name in wanted):
        if said := _step_memory(STEP_CASES[name], chosen, options):
            report.setdefault("step_memory", {})[name] = said
            print_step_memory(name, said)
    if SIZE in wanted:
        report[SIZE] = _sizes(chosen, options)
        print_size(report[SIZE])
    _write(report, options.results)
    print(f"written: {options.results}")
    if not all_agree:
        sys.exit("LOSSES DISAGREE: the peers did not do the same work, see above")
    if options.docs:
        write_pages(report)


def _options() -> Namespace:
    parser = ArgumentParser(description="glassnet beside its peers.")
    names = [peer.name for peer in PEERS]
    cases = *EVERYTHING, IMPORT, MEMORY, SIZE, *STEP_CASES
    parser.add_argument("--cases", nargs="+", choices=cases, help="these alone")
    parser.add_argument("--peers", nargs="+", choices=names, help="these alone")
    parser.add_argument("--rounds", type=int, default=5, help="how often each peer has its turn (5)")
    parser.add_argument("--quick", action="store_true", help="one short round: does everything run, do losses agree?")
    parser.add_argument("--docs", action="store_true", help="also put tables and picture into docs/performance.md")
    default = os.environ.get("GLASSNET_PEERS_PYTHON", sys.executable)
    parser.add_argument("--peers-python", default=default, help="the interpreter with the peers")
    parser.add_argument("--avx2", action="store_true", help="every library is held to AVX2, whatever the processor has")
    parser.add_argument("--results", type=Path, default=LATEST, help="the file for the results (the latest)")
    options = parser.parse_args()
    if options.docs and (options.quick or options.cases or options.peers or options.avx2):
        parser.error("--docs wants a whole run, without --quick, --cases, --peers and --avx2")
    if options.avx2:
        os.environ.update(AVX2)
    if options.quick:
        options.rounds = 1
    return options


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    name = platform.machine()
    if (listed := Path("/proc/cpuinfo")).exists():
        lines = (line.partition(":") for line in listed.read_text().splitlines())
        name = next((value.strip() for key, _, value in lines if key.strip() == "model name"), name)
    return {"cores": CORES, "processor": name, "system": platform.system(), "python": platform.python_version()}


def _write(report: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


def _compare_losses(found: Measured) -> None:
    """Fills in whether the losses agree, and by how much they differ."""
    rounds = found.rounds
    if found.name == DIGITS_FIT.name:
        losses = [v["loss_after"] for r in rounds for line in r.values() for v in line["variants"].values()]
        found.remark = f"final losses {min(losses):.3g} to {max(losses):.3g}: every library shuffles in its own way"
    if found.name not in (*TRAININGS, *PREDICTED):
        return
    dtype = CASES[found.name].dtype
    ends = {"": dtype, "_float64": "float64"} if found.name in TRAININGS and dtype != "float64" else {"": dtype}
    apart = {end: max(spread(rounds, f"loss_{kind}{end}") for kind in ("after", "seen")) for end in ends}
    found.agreed = all(apart[end] <= TOLERANCES[ends[end]] for end in ends)
    found.remark = "losses apart by " + ", ".join(f"{share:.0e} in {ends[end]}" for end, share in apart.items())


def _program(python: str, arguments: Iterable[str], what: str) -> dict[str, Any] | None:
    """What one of our programs says in its last line; None where its library is not installed."""
    command = [python, "-m", *arguments]
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith(LIMITS) or AVX2.get(name) == value
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == NOT_INSTALLED:
        print(f"{what} left out: {done.stderr.strip()}", file=sys.stderr)
        return None
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _run(peer: Peer, case: str, options: Namespace) -> dict[str, Any] | None:
    """One process of a peer."""
    python = sys.executable if peer.ours else options.peers_python
    length = ("--repeats", "1", "--seconds", "0.05") if options.quick else ()
    arguments = (f"benchmarks.peers.{peer.module}", "--case", case, *peer.arguments, *length)
    return _program(python, arguments, f"{peer.name} in {case}")


def _rounds(case: Case, peers: Iterable[Peer], options: Namespace) -> Iterator[dict[str, Any]]:
    """For each round what every peer said, by its name."""
    present = [peer for peer in peers if case.name in peer.cases]
    for _ in range(options.rounds):
        found: dict[str, Any] = {}
        for peer in list(present):
            said = _run(peer, case.name, options)
            if said is None:
                present.remove(peer)
            else:
                found[peer.name] = said
        yield found


def _import_rounds(peers: Iterable[Peer], options: Namespace) -> Iterator[dict[str, Any]]:
    """The same for processes that only import the library."""
    libraries = {peer.distribution: peer for peer in peers}
    for _ in range(options.rounds):
        found: dict[str, Any] = {}
        for library, peer in libraries.items():
            python = sys.executable if peer.ours else options.peers_python
            times = []
            for _ in range(2 if options.quick else 4):
                started = perf_counter()
                done = subprocess.run([python, "-c", f"import {peer.imports}"], capture_output=True, check=False)
                if done.returncode:
                    break
                times.append((perf_counter() - started) * 1e6)
            else:
                best, middle = min(times[1:]), median(times[1:])  # the first one may have to read from the disk
                result = {"microseconds_median": middle, "microseconds_best": best, "steps": 1}
                found[library] = result | {"variant": IMPORT, "variants": {IMPORT: result}, "peer": library}
        yield found


def _sizes(peers: Iterable[Peer], options: Namespace) -> dict[str, Any]:
    """Installed sizes of all libraries, and how much more ours is than NumPy."""
    sizes: dict[str, Any] = {}
    others = [peer.distribution for peer in peers if not peer.ours]
    for python, names in ((options.peers_python, others), (sys.executable, ["glassnet", "numpy"])):
        if names:
            sizes |= _program(python, ("benchmarks.footprint", SIZE, *names), SIZE) or {}
    found: dict[str, Any] = {"libraries": dict(sorted(sizes.items(), key=lambda pair: float(pair[1]["bytes"])))}
    if "glassnet" in sizes:
        over = sizes["glassnet"]["bytes"] - sizes["glassnet"]["parts"]["numpy"]
        found |= {"over_numpy": over, "wanted": SIZE_AIM, "met": over <= SIZE_AIM}
    return found


def _step_memory(case: str, peers: Iterable[Peer], options: Namespace) -> dict[str, Any]:
    """For each library and variant the memory that training takes, and whether glassnet takes at most torch's."""
    found: dict[str, Any] = {}
    chosen = {peer.distribution: sys.executable if peer.ours else options.peers_python for peer in peers}
    for library, (_, variants) in VARIANTS.items():
        python, lines = chosen.get(library, ""), {}
        for variant in variants if python else ():
            arguments = ("benchmarks.footprint", "step", "--case", case, "--peer", library, "--variant", variant)
            if said := _program(python, arguments, f"{library} in memory-{case}"):
                lines[variant] = said
        if lines:
            counted = min(lines, key=lambda name: int(lines[name]["step"]))
            found[library] = {"counted": counted, "step": lines[counted]["step"], "variants": lines}
    if not found:
        return {}
    both = all(library in found for library in VARIANTS)
    return {"peers": found} | ({"met": found["glassnet"]["step"] <= found["torch"]["step"]} if both else {})


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
