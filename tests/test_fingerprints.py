"""No bit moves by accident: what some 60 small networks learn, predict, save and plan is as stored, by its hash.

After a change that means to move bits, or the text of a plan, trace or summary, look at what moved
(``python tools/fingerprints.py write FILE`` before, ``... compare FILE`` after), then store the hashes anew:

    python tests/test_fingerprints.py

``fingerprints.json`` has the compiled engine's hashes, which are the same on every processor (see also ``make
test-arm64``). What NumPy calculates depends on NumPy's version, its BLAS and the processor: these hashes stand under a
key that names them, and are compared where the key is the same. A stored file has those of the machine that wrote it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from fingerprint_cases import BY_NUMPY

STORED = Path(__file__).with_name("fingerprints.json")
TOOL = Path(__file__).parents[1] / "tools" / "fingerprints.py"
COMPILED = ("_native_avx2", "_native_avx512") if platform.machine() == "x86_64" else ("_native",)
NOT_HERE = 3
GROUPS = {
    "learned": ("parameters", "optimizer", "steps", "stepped", "resumed"),
    "predicted": ("predictions-*", "loaded"),
    "saved": ("file-*",),
    "measured": ("history", "evaluation"),
    "text": ("summary", "trace"),
    "plan": ("plan-*",),
    "derived": ("gradients", "vjp", "jvp", "hvp", "saliency", "integrated"),
}
OF_NUMPY = ("measured", "text", "derived")
"""Groups that NumPy calculates, whatever the engine."""


def numpy_key() -> str:
    """What the bits of NumPy's results depend on, as far as it says it."""
    about = np.show_config(mode="dicts")
    assert about is not None
    blas = about["Build Dependencies"]["blas"]
    features = "+".join(about["SIMD Extensions"].get("found", ()))
    return f"numpy {np.__version__} {features}, {blas['name']} {blas['version']}, {platform.machine()}"


def key_of(engine: str, numpy: str | None) -> str:
    """Where the hashes of an engine stand, or those of what NumPy calculates beside it."""
    return ", ".join(filter(None, ("numpy" if engine == "numpy" else "compiled", numpy)))


@cache
def found(engine: str) -> dict[str, dict[str, str]]:
    """By key and network the hashes of this installation, a line for each network; from a process of its own."""
    command = [sys.executable, str(TOOL), "here", "--brief", "--engine", engine, "--dtype", "float32", "float64"]
    environment = os.environ | ({} if engine == "numpy" else {"GLASSNET_VARIANT": engine})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == NOT_HERE:
        return {}
    assert done.returncode == 0, done.stderr
    parts: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name, value in sorted(json.loads(done.stdout).items()):
        _, dtype, case, thing = name.split("/")
        group = next((g for g, names in GROUPS.items() if any(fnmatch(thing, n) for n in names)), thing)
        by_numpy = engine == "numpy" or group in OF_NUMPY or any(fnmatch(case, pattern) for pattern in BY_NUMPY)
        key = key_of(engine, numpy_key() if by_numpy and group != "plan" else None)
        parts.setdefault((key, f"{dtype} {case}"), {}).setdefault(group, []).append(f"{thing} {value}")
    hashes: dict[str, dict[str, str]] = {}
    for (key, place), groups in parts.items():
        hashes.setdefault(key, {})[place] = " ".join(f"{g} {short(values)}" for g, values in groups.items())
    return hashes


def short(values: list[str]) -> str:
    """One hash of several."""
    return sha256("\n".join(values).encode()).hexdigest()[:12]


def moved(engine: str, numpy: str | None) -> dict[str, str]:
    """By network the groups whose hashes are not as stored; skips what was never stored for this NumPy."""
    key = key_of(engine, numpy)
    if not found(engine):
        pytest.skip(f"{engine} is not for this processor, or not built")
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    if key not in stored:
        pytest.skip(f"stored for {' | '.join(stored)}; here it is {key}")
    here, there = found(engine)[key], stored[key]
    lines = {name: differing(there.get(name, ""), here.get(name, "")) for name in sorted(there | here)}
    return {name: groups for name, groups in lines.items() if groups}


def differing(stored: str, here: str) -> str:
    """The groups of a network that are not in both, or not the same."""
    before, after = (dict(zip(line.split()[::2], line.split()[1::2], strict=True)) for line in (stored, here))
    return " ".join(sorted(group for group in before | after if before.get(group) != after.get(group)))


@pytest.mark.parametrize("engine", COMPILED)
def test_compiled(engine: str) -> None:
    assert moved(engine, None) == {}


@pytest.mark.parametrize("engine", ["numpy", *COMPILED])
def test_with_numpy(engine: str) -> None:
    assert moved(engine, numpy_key()) == {}


def test_every_group_is_there() -> None:
    """Nothing has fallen out of the stored file."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    lines = {key: dict.fromkeys(" ".join(hashes.values()).split()) for key, hashes in stored.items()}
    for key, words in lines.items():
        expected = set(GROUPS) - {"plan"} if key.startswith("numpy, ") else {"learned", "predicted", "saved"}
        assert expected <= words.keys(), key
        assert not {"fails"} & words.keys(), key
    assert "plan" in lines["compiled"]
    assert min(len(hashes) for key, hashes in stored.items() if "numpy" not in key) >= 40


if __name__ == "__main__":
    every: dict[str, dict[str, str]] = {}
    for one in ("numpy", *COMPILED):
        every |= found(one)
    STORED.write_text(json.dumps(every, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{STORED}: {sum(map(len, every.values()))} lines for {' | '.join(every)}")
