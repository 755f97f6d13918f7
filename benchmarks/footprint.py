"""Memory of a long training and of a step, and installed sizes: each in a process of its own, one line of JSON.

python -m benchmarks.footprint memory [--steps 100000]
python -m benchmarks.footprint step --case lenet --peer torch --variant fused
python -m benchmarks.footprint size glassnet numpy
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from importlib import import_module
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, CONVOLUTIONAL
from benchmarks.timing import NOT_INSTALLED

SIZE_AIM = 40_000_000
"""Bytes that glassnet may take, with all it needs, above NumPy's own."""
SMALLEST_BLOCK = 24
"""Bytes that malloc gives at least: where the peak grows by less a step, no step keeps memory."""
WARM_UP = 1_000
STATUS, FORGET_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")
STEP_CASES = {f"memory-{case.name}": case.name for case in CONVOLUTIONAL}
VARIANTS = {
    "glassnet": ("glassnet_fit", {"fit": "Fit"}),
    "torch": ("torch_eager", {"fused": "Fused", "fused, channels last": "FusedChannelsLast"}),
}
"""For each library the module, and its trainings by name; the one that takes least memory counts."""


def memory(steps: int) -> dict[str, Any]:
    """Peak and present memory of digits-mlp by the compiled engine, after the first steps and after all of them.

    Args:
        steps: in all, in calls of ``fit`` of ``WARM_UP`` steps each.
    """
    _require_status()
    from benchmarks.peers.glassnet_fit import model_of

    case = CASES["digits-mlp"]
    model, (x, labels) = model_of(case), case.data()
    per_call = WARM_UP // case.batches + 1
    found = []
    for call in range(1, max(2, steps // (per_call * case.batches)) + 1):
        model.fit(x, labels, epochs=per_call, batch_size=case.batch, verbose=False)
        found.append({"steps": call * per_call * case.batches, "peak": status("VmHWM"), "resident": status("VmRSS")})
    first, last = found[0], found[-1]
    growth = (last["peak"] - first["peak"]) / (last["steps"] - first["steps"])
    return {"first": first, "last": last, "bytes_a_step": growth, "met": growth < SMALLEST_BLOCK}


def step_memory(case: str, library: str, variant: str) -> dict[str, Any]:
    """Bytes of a process when library, data and model are there, and the peak in the training from then on.

    Whatever the first steps allocate and keep counts: the optimizer's state too.
    """
    _require_status()
    module, kinds = VARIANTS[library]
    training = getattr(import_module(f"benchmarks.peers.{module}"), kinds[variant])(CASES[case])
    idle = status("VmRSS")
    FORGET_PEAK.write_text("5")  # or a peak of the import would hide the training's
    training.run(2 * CASES[case].batches)
    peak = status("VmHWM")
    return {"idle": idle, "peak": peak, "step": peak - idle}


def _require_status() -> None:
    if not STATUS.exists():
        print("the memory of a process is read from /proc, which is not here", file=sys.stderr)
        sys.exit(NOT_INSTALLED)


def status(key: str) -> int:
    """Bytes that the kernel says of this process."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def size(name: str) -> dict[str, Any]:
    """Bytes of a distribution's files and of all that it requires, by name."""
    parts: dict[str, int] = {}
    waiting = [name]
    while waiting:
        key = waiting.pop()
        if key not in parts:
            found = distribution(key)
            parts[key] = file_bytes(found)
            waiting += required(found)
    return {"bytes": sum(parts.values()), "parts": parts}


def required(found: Distribution) -> list[str]:
    """What a distribution needs here, without extras."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = (Requirement(line) for line in found.requires or ())
    return [canonicalize_name(r.name) for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]


def file_bytes(found: Distribution) -> int:
    """Of the files in its record, and of its source folder where it is installed in place."""
    files = {Path(str(found.locate_file(file))).resolve() for file in found.files or ()}
    if '"editable": true' in (found.read_text("direct_url.json") or ""):
        spec = find_spec(found.metadata["Name"])
        files |= {
            file for folder in (spec and spec.submodule_search_locations) or () for file in Path(folder).rglob("*")
        }
    return sum(file.stat().st_size for file in files if file.is_file())


def main() -> None:
    """The command line."""
    parser = ArgumentParser(description="How much memory and disk.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("memory").add_argument("--steps", type=int, default=100_000, help="of the training (100,000)")
    step = kinds.add_parser("step")
    step.add_argument("--case", required=True, choices=STEP_CASES.values())
    step.add_argument("--peer", required=True, choices=VARIANTS)
    step.add_argument("--variant", required=True, help="of the library's training")
    kinds.add_parser("size").add_argument("names", nargs="+", help="distributions; those not installed are left out")
    options = parser.parse_args()
    if options.kind == "memory":
        print(json.dumps(memory(options.steps)))
        return
    if options.kind == "step":
        print(json.dumps(step_memory(options.case, options.peer, options.variant)))
        return
    sizes = {}
    for name in options.names:
        try:
            sizes[name] = size(name)
        except PackageNotFoundError as error:
            print(error, file=sys.stderr)
    print(json.dumps(sizes))


if __name__ == "__main__":
    main()
