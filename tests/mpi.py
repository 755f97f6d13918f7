"""Starts programs on several ranks, where MPI is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from shutil import which
from typing import Any

PROGRAM = Path(__file__).parent / "distributed" / "program.py"
LONGEST = 120.0


@cache
def launcher() -> str | None:
    """The path of ``mpiexec``: that of the package ``mpich``, or one that is found; None where MPI cannot be begun."""
    found = which("mpiexec")
    try:
        files = distribution("mpich").files or []
        own = next(file for file in files if file.name == "mpiexec")
        found = str(Path(str(own.locate())).resolve())
    except (PackageNotFoundError, StopIteration):
        pass
    if found is None:
        return None
    done = subprocess.run([sys.executable, "-c", "from mpi4py import MPI"], env=settings(found), capture_output=True)
    return found if done.returncode == 0 else None


def settings(found: str, **more: str) -> dict[str, str]:
    """The environment for ranks; a library beside the launcher is the one that goes with it."""
    library = Path(found).parent.parent / "lib" / "libmpi.so.12"
    own = {"MPI4PY_LIBMPI": str(library)} if library.exists() and "MPI4PY_LIBMPI" not in os.environ else {}
    return {**os.environ, "GLASSNET_NUM_THREADS": "1", **own, **more}


def begin(ranks: int, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Begins ``python`` with these words on so many ranks."""
    found = launcher()
    assert found is not None
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [found, "-n", str(ranks), sys.executable, *words]
    return subprocess.Popen(command, env=settings(found, **environment), **pipes)


def said(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    """How a job ended: its status, the lines that it printed, its errors."""
    try:
        printed, errors = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, printed.splitlines(), errors


def run(ranks: int, *words: str, **environment: str) -> tuple[int, list[str], str]:
    """Runs the program to its end."""
    return said(begin(ranks, str(PROGRAM), *words, **environment))
