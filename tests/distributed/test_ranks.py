"""One training on several ranks: the same bits on any number of them, whatever happens to one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import mpi
import pytest

import glassnet as gn

pytestmark = pytest.mark.skipif(mpi.launcher() is None, reason="no MPI library that can be begun")


def found_by(lines: list[str]) -> dict[int, dict[str, Any]]:
    """What each rank has said, by name."""
    found: dict[int, dict[str, Any]] = {}
    for line in lines:
        if line.startswith("["):
            rank, name, value = json.loads(line)
            found.setdefault(rank, {})[name] = value
    return found


def results(found: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """What the cases have led to: on rank 0, and on the others without what callbacks remember."""
    names = [name for name in found[0] if name.startswith(("table", "image", "sequence", "small", "numpy", "sum"))]
    assert len(names) == 10
    for other in found.values():
        for name in names:
            first = name.startswith("table")  # whose fingerprint has the memories of callbacks
            assert other[name][first:] == found[0][name][first:]
    return {name: found[0][name] for name in names}


def test_the_bits_are_the_same_on_any_number_of_ranks() -> None:
    """Layers with running statistics, recurrences, dropout, weights, callbacks; both dtypes, both engines.

    Before, two ranks are given what differs: it is named on both of them.
    """
    expected: dict[str, Any] = {}
    for ranks in (1, 2, 3, 4):
        status, lines, errors = mpi.run(ranks, "refusals" if ranks == 2 else "cases")
        assert status == 0, errors
        found = found_by(lines)
        assert sorted(found) == list(range(ranks))
        expected = expected or results(found)
        assert results(found) == expected
        assert found[0]["beside plain"] < 1e-12  # what is calculated is what a plain fit calculates
        if ranks == 2:
            check_refusals(found)


@pytest.mark.skipif(sys.platform != "linux", reason="no memory without a name")
def test_sums_are_the_same_through_memory_and_through_messages() -> None:
    status, lines, errors = mpi.run(3, "sums")
    assert status == 0, errors
    assert found_by(lines) == {rank: {size: [True, False] for size in ("1", "2", "1001")} for rank in range(3)}


def check_refusals(found: dict[int, dict[str, Any]]) -> None:
    """What differs is named on all ranks alike; what rank 0 decides all take over."""
    words = {
        "data": "other inputs",
        "setting": "epochs [1, 2] instead of [1, 1]",
        "seed": "seed=1 instead of 0",
        "rate": "'SGD(1.1)' instead of 'SGD(0.1)'",
    }
    for rank in (0, 1):
        for name, text in words.items():
            kind, message = found[rank][name]
            assert kind == "DistributedError"
            assert "rank 1" in message
            assert text in message
        assert found[rank]["stateful"][0] == found[rank]["watch"][0] == "ConfigurationError"
        assert found[rank]["diverged"][0] == "DivergenceError"
    assert found[0]["callback"][0] == "WriteError"
    assert found[1]["callback"][0] == "DistributedError"
    assert "rank 0: received WriteError: a disk" in found[1]["callback"][1]
    assert found[0]["led"] == found[1]["led"]
    assert found[0]["led"][-1] == "enough"


def test_an_error_on_one_rank_ends_the_job_with_its_message() -> None:
    status, _, errors = mpi.run(2, "alone")
    assert status != 0
    assert "ArithmeticError: only here" in errors
    assert "glassnet: rank 1 has ended with an error: ArithmeticError" in errors


def begun(process: subprocess.Popen[str], ranks: int) -> dict[int, int]:
    """Waits until all ranks have told their processes' numbers; those by rank."""
    found: dict[int, int] = {}
    assert process.stdout is not None
    while len(found) < ranks:
        line = process.stdout.readline()
        assert line, "the job has ended"
        found |= {rank: told["begun"] for rank, told in found_by([line]).items() if "begun" in told}
    return found


def test_lost_ranks_end_the_job_and_the_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """A rank is killed, later rank 0, later a rank is stopped; at last another number of ranks ends the training."""
    status, lines, errors = mpi.run(1, "training", str(tmp_path / "whole.safetensors"))
    assert status == 0, errors
    expected = found_by(lines)[0]["done"]
    path = tmp_path / "broken.safetensors"
    losses = ((1, signal.SIGKILL, "10"), (0, signal.SIGKILL, "16"), (1, signal.SIGSTOP, "22"))
    for rank, number, halt in losses:
        process = mpi.begin(2, str(mpi.PROGRAM), "training", str(path), halt, GLASSNET_RANK_SILENCE="3")
        os.kill(begun(process, 2)[rank], number)
        status, _, errors = mpi.said(process)
        assert status != 0
        told = re.search("glassnet: (rank 1 has given no sign|a message to another)", errors)
        assert number == signal.SIGKILL or told, errors
        assert gn.load(path).optimizer.steps <= int(halt)
    status, lines, errors = mpi.run(3, "training", str(path))
    assert status == 0, errors
    assert found_by(lines)[0]["done"] == expected


def test_the_command_line_trains_on_ranks_and_says_when_it_is_done(tmp_path: Path) -> None:
    words = ["-m", "glassnet", "train", "digits", "--subset", "200,50", "--epochs", "2", "--distributed", "--no-report"]
    path = tmp_path / "m.safetensors"
    status, lines, errors = mpi.said(mpi.begin(2, *words, "--output", str(path)))
    assert status == 0, errors
    assert [line for line in lines if "model saved" in line] == [lines[-1]]  # by one of them
    done = json.loads((tmp_path / "m.done.json").read_text())
    assert done["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert (done["ranks"], done["training"]) == (2, "finished after epoch 2")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.done.json", "m.safetensors"]
    status, lines, errors = mpi.said(mpi.begin(2, *words, "--output", str(path), "--batch-size", "0"))
    assert status == 2
    assert "--batch-size=0" in errors


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "distributed.md"
    program = tmp_path / "program.py"
    program.write_text("".join(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)))
    monkeypatch.chdir(tmp_path)
    status, _, errors = mpi.said(mpi.begin(2, str(program)))
    assert status == 0, errors
    assert gn.load("run.safetensors").epochs_trained == 5
