"""What somebody meets who has just installed glassnet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from glassnet.cli.completion import SHELLS
from glassnet.cli.examples import lessons
from glassnet.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_alone_it_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) < 10
    for words in ("glassnet playground", "glassnet train digits", "glassnet examples", "glassnet --help"):
        assert words in said


def test_as_a_module_too() -> None:
    found = subprocess.run([sys.executable, "-m", "glassnet"], capture_output=True, text=True, check=True, timeout=60)
    assert "glassnet train digits" in found.stdout


def test_lessons_are_listed_by_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples"]) == 0
    lines = capsys.readouterr().out.splitlines()
    count = len([*EXAMPLES.glob("[0-9]*.py")])
    assert [line.split()[0] for line in lines[:count]] == [str(number) for number in range(1, count + 1)]
    assert "A linear network learns one answer" in lines[0]


def test_lessons_are_copied_and_changed_ones_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["examples", "2", "1", "2"]) == 0
    first = tmp_path / "examples" / "1_linear_network.py"
    assert first.read_bytes() == (EXAMPLES / first.name).read_bytes()
    assert capsys.readouterr().out.count("python examples/") == 2

    assert main(["examples", "1"]) == 0  # nothing is lost
    changed = first.read_bytes() + b"# mine\n"
    first.write_bytes(changed)
    (tmp_path / "examples" / "2_xor_with_noise.py").unlink()
    assert main(["examples", "2", "1"]) == 2
    assert "an unchanged copy of this lesson" in capsys.readouterr().err
    assert first.read_bytes() == changed
    assert not (tmp_path / "examples" / "2_xor_with_noise.py").exists()  # all or none
    assert main(["examples", "1", "--force"]) == 0
    assert first.read_bytes() != changed


def test_a_lesson_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    most = max(lessons())
    assert main(["examples", str(most + 1), "--output", str(tmp_path / "to")]) == 2
    assert f"a number from 1 to {most}" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("playground", "evaluate", "--epochs" if shell != "fish" else "epochs"):
        assert word in script


def test_bash_completes(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    main(["completion", "bash"])
    script = capsys.readouterr().out
    ask = """
COMP_WORDS=(glassnet pl) COMP_CWORD=1
$(complete -p glassnet | sed 's/.*-F \\([^ ]*\\).*/\\1/') glassnet pl glassnet
echo "${COMPREPLY[@]}"
"""
    found = subprocess.run(["bash", "-c", script + ask], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["playground"]


def test_completion_without_its_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    assert main(["completion", "bash"]) == 2
    assert 'pip install "glassnet[completion]"' in capsys.readouterr().err
