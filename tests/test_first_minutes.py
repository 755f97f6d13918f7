"""What ``make`` says where something is missing on a new machine: the command to type."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDED = ("make", "sh", "mkdir", "rm", "touch", "test")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout in which nothing is installed, and in ``programs`` the few that a bare system has."""
    for name in ("Makefile", "pyproject.toml", "CMakeLists.txt"):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in NEEDED:
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    return tmp_path


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def installed(machine: Path) -> None:
    """As it is once pip has done its part; ``glassnet`` shows what it is asked."""
    (machine / ".venv/bin").mkdir(parents=True)
    (machine / ".venv/bin/python").symlink_to(sys.executable)
    script(machine / ".venv/bin/glassnet", 'echo glassnet "$@"')
    for done in (".tools", ".ready"):
        (machine / ".venv" / done).touch()


def make(machine: Path, *words: str, fails: bool) -> str:
    environment = {"PATH": str(machine / "programs"), "HOME": str(machine)}
    done = subprocess.run(["make", *words], cwd=machine, env=environment, text=True, capture_output=True, check=False)
    assert (done.returncode != 0) == fails, done
    return done.stdout


pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


@pytest.mark.parametrize("goal", ["run", "test"])
def test_without_python(machine: Path, goal: str) -> None:
    assert "sudo apt install python3 python3-venv" in make(machine, goal, fails=True)


def test_with_an_old_python(machine: Path) -> None:
    script(machine / "programs/python3", "exit 1")
    assert "Python 3.11 or newer: sudo apt install" in make(machine, "run", fails=True)


def test_without_virtual_environments(machine: Path) -> None:
    # Debian's Python leaves a folder behind in which there is no pip.
    script(machine / "programs/python3", '[ "$1" = -c ] || { mkdir -p .venv/bin; touch .venv/bin/python; exit 1; }')
    assert "sudo apt install python3-venv" in make(machine, "run", fails=True)
    assert not (machine / ".venv").exists()


def test_without_a_compiler_the_digits_are_trained_by_numpy(machine: Path) -> None:
    installed(machine)
    *trained, last = make(machine, "run", fails=False).splitlines()
    assert trained[-1].startswith("glassnet train digits")
    assert trained[-1].endswith("--engine numpy")
    assert last.endswith("sudo apt install g++ python3-dev, then make run")


def test_without_a_compiler_nothing_is_tested(machine: Path) -> None:
    installed(machine)
    assert "sudo apt install g++ python3-dev" in make(machine, "test", fails=True)


def test_python_s_headers_are_needed_to_compile(machine: Path) -> None:
    installed(machine)
    (machine / ".venv/bin/python").unlink()
    script(machine / ".venv/bin/python", "echo /no/headers")
    script(machine / "programs/c++", "exit 0")
    assert "--engine numpy" in make(machine, "run", fails=False)
    assert "sudo apt install g++ python3-dev" in make(machine, "test", fails=True)


@pytest.mark.parametrize("name", ["Makefile", "README.md", "README.zh-CN.md", "pyproject.toml"])
def test_pip_is_asked_in_words_that_debian_12_s_knows(name: str) -> None:
    """Its pip 23.0.1 has ``--config-settings``, and no ``-C`` for it."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "--config-settings wheel.cmake=false" in text
    assert "-C wheel" not in text


def test_the_container_leaves_out_what_nothing_needs(tmp_path: Path) -> None:
    (left_out,) = re.findall("pip uninstall --quiet --yes (.*) &&", (ROOT / "Containerfile").read_text())
    modules = [name.removesuffix("-py").replace("-", "_") for name in left_out.split()]
    program = f"""import sys
for name in {modules}:
    sys.modules[name] = None
from glassnet.cli.main import main
main(["train", "digits", "--epochs", "1", "--hidden", "2", "--no-report", "--output", "model.safetensors"])
main(["summary", "model.safetensors"])
import glassnet.playground.server, glassnet.serving.app"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "written" in done.stdout
