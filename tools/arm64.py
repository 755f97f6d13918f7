"""Whether the compiled engine calculates the same bits for 64-bit ARM as here: what ``make test-arm64`` does.

    python tools/arm64.py FOLDER [--only PATTERN]

In FOLDER: Debian's Python and C library for arm64, what glassnet needs from wheels, and the package with its native
module, cross-compiled by the same version of GCC. Under qemu, which carries out one instruction after another, each
network of ``fingerprint_cases.py`` learns, predicts and is saved there as it is here; the hashes must be the same.
What NumPy calculates, whose last digits are other ones there, is left out.

Needs Debian's packages g++-aarch64-linux-gnu, mmdebstrap and qemu-user-static; a quarter of an hour.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from fnmatch import fnmatch
from pathlib import Path

from fingerprint_cases import BY_NUMPY

ROOT = Path(__file__).parents[1]
NEEDED = {
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "mmdebstrap": "mmdebstrap",
    "qemu-aarch64-static": "qemu-user-static",
}
"""Debian's packages by the programs in them."""
MEASURED = ("history", "evaluation")
"""What NumPy measures, whatever the engine."""


def run(*command: str | Path, **variables: str) -> str:
    found = subprocess.run(
        [*map(str, command)], cwd=ROOT, env=os.environ | variables, text=True, stdout=subprocess.PIPE
    )
    if found.returncode:
        sys.exit(f"{command[0]} failed with {found.returncode}")
    return found.stdout


def prepare(folder: Path) -> list[str | Path]:
    """Makes what is missing in the folder; returns the command that is Python there."""
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        sys.exit(f"To run what is made for arm64: apt install {' '.join(missing)}")
    system, wheels, package, build = (folder / name for name in ("system", "wheels", "package", "build"))
    release = "bookworm"
    if not (system / "usr/bin/python3.11").exists():
        run("mmdebstrap", "--quiet", "--arch=arm64", "--variant=extract", "--include=python3,python3-dev,libstdc++6",
            release, system)  # fmt: skip
    if not wheels.exists():
        platforms = [
            word for glibc in ("2_17", "2_27", "2_28") for word in ("--platform", f"manylinux_{glibc}_aarch64")
        ]
        needs = ("numpy", "safetensors", "narwhals", "rich")
        run(sys.executable, "-m", "pip", "install", "--quiet", *platforms, "--python-version", "3.11",
            "--only-binary", ":all:", "--target", wheels, *needs)  # fmt: skip
    nanobind = run(sys.executable, "-m", "nanobind", "--cmake_dir").strip()
    tools = Path(sys.executable).parent
    run(tools / "cmake", "-S", ".", "-B", build, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tools / 'ninja'}",
        "-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
        "-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++", f"-DCMAKE_CXX_FLAGS=-I{system / 'usr/include'}",
        f"-DPython_EXECUTABLE={sys.executable}", f"-DPython_INCLUDE_DIR={system / 'usr/include/python3.11'}",
        f"-Dnanobind_DIR={nanobind}", "-DGLASSNET_STRICT=ON", "--log-level=WARNING")  # fmt: skip
    run(tools / "cmake", "--build", build)
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(ROOT / "src/glassnet", package / "glassnet", ignore=shutil.ignore_patterns("_native*.so", "*.pyc"))
    for module in build.glob("_native*.so"):
        name = module.name.partition(".")[0]
        shutil.copy(module, package / "glassnet" / f"{name}.cpython-311-aarch64-linux-gnu.so")
    libraries = system / "usr/lib/aarch64-linux-gnu"
    return ["env", f"PYTHONHOME={system / 'usr'}", f"PYTHONPATH={package}:{wheels}", "PYTHONDONTWRITEBYTECODE=1",
            "qemu-aarch64-static", "-L", system, "-E", f"LD_LIBRARY_PATH={libraries}",
            system / "usr/bin/python3.11"]  # fmt: skip


def fingerprints(python: list[str | Path], engine: str, only: str) -> dict[str, str]:
    """By dtype, network and thing the hashes of that engine."""
    command = (*python, "tools/fingerprints.py", "here", "--brief", "--engine", engine, "--only", only)
    found: dict[str, str] = json.loads(run(*command, GLASSNET_VARIANT=engine))
    own = {name.split("/", 1)[1]: value for name, value in found.items() if not name.startswith("planned/")}
    return {name: value for name, value in own.items() if not is_by_numpy(*name.split("/")[1:])}


def is_by_numpy(case: str, thing: str) -> bool:
    """Whether NumPy takes part in a thing of a network."""
    return thing in MEASURED or any(fnmatch(case, pattern) for pattern in BY_NUMPY)


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="*", help="networks whose name matches")
    options = parser.parse_args()
    there = fingerprints(prepare(options.folder.resolve()), "_native", options.only)
    here = fingerprints([sys.executable], "_native_avx2", options.only)
    differing = sorted(name for name in here | there if here.get(name) != there.get(name))
    print(*differing, f"{len(here)} hashes, {len(differing)} of them others for arm64", sep="\n")
    sys.exit(1 if differing or not here else 0)


if __name__ == "__main__":
    main()
