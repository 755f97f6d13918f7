"""The thread pool of the native module by itself: pool_check.cpp, compiled here, with and without sanitizers."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "tests" / "native" / "pool_check.cpp", ROOT / "native" / "engine" / "pool.cpp"]
COMPILER = shlex.split(os.environ.get("CXX", "c++"))

pytestmark = pytest.mark.skipif(shutil.which(COMPILER[0]) is None, reason="no C++ compiler")


def environment() -> dict[str, str]:
    """This process's, without a sanitizer library loaded for Python."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def build(sources: list[Path], program: Path, sanitizer: str | None) -> subprocess.CompletedProcess[str]:
    flags = ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{ROOT / 'native'}"]
    if sanitizer is not None:
        flags += ["-g", f"-fsanitize={sanitizer}"]
    command = [*COMPILER, *flags, *map(str, sources), "-o", str(program)]
    return subprocess.run(command, capture_output=True, text=True, env=environment())


def run(program: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program)], capture_output=True, text=True, env=environment(), timeout=90)


def require(sanitizer: str, folder: Path) -> None:
    """Its library may not be installed, and it may not get along with this system."""
    source = folder / "empty.cpp"
    source.write_text("int main() {}\n", encoding="utf-8")
    program = folder / "empty"
    if build([source], program, sanitizer).returncode != 0 or run(program).returncode != 0:
        pytest.skip(f"no working -fsanitize={sanitizer}")


@pytest.mark.parametrize("sanitizer", [None, "thread", "address,undefined"])
def test_pool(tmp_path: Path, sanitizer: str | None) -> None:
    if sanitizer is not None:
        require(sanitizer, tmp_path)
    program = tmp_path / "pool_check"
    built = build(SOURCES, program, sanitizer)
    assert built.returncode == 0, built.stderr
    ran = run(program)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all checks passed" in ran.stdout
