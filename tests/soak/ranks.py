"""Ranks that die: of a training shared by several processes one is killed, or stopped, at a random moment; it goes on.

Every job has to end within seconds and say how to go on; what lies on the disk is whole; and the training that went on,
on another number of ranks, too, ends in the parameters, the memory of the optimizer and the history of one that nobody
has touched, bit for bit. It counts as done where its file says so.

    python tests/soak/ranks.py --kills 30 --stops 5
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np

import glassnet as gn

SILENCE = 2.0
"""After so many seconds a stopped rank counts as lost."""
END_SECONDS, START_SECONDS = 20.0, 120.0
"""So soon a job has to have ended that has lost a rank, on a machine that has other work; and before MPI has begun."""
LONGEST = 300.0
TRAIN = ["digits", "--epochs", "60", "--batch-size", "64", "--hidden", "48", "--dropout", "0.2", "--no-report"]
LAUNCHER = which("mpiexec") or str(Path(sys.executable).with_name("mpiexec"))


def job(ranks: int, output: Path, *, seconds: float = 0.05) -> subprocess.Popen[str]:
    """Begins a training, or goes on with it."""
    command = [sys.executable, "-m", "glassnet", "train", *TRAIN, "--output", str(output), "--resume"]
    command += ["--checkpoint-seconds", str(seconds), "--distributed", "--quiet"]
    settings = {**os.environ, "GLASSNET_RANK_SILENCE": str(SILENCE), "GLASSNET_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([LAUNCHER, "-n", str(ranks), *command], env=settings, **pipes)


def process_of(rank: int, output: Path) -> int | None:
    """The number of the process that has that rank in the training of that file."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            told, words = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"PMI_RANK={rank}".encode() in told.split(b"\0") and str(output).encode() in words:
            return int(folder.name)
    return None


def done_of(output: Path) -> dict[str, Any] | None:
    """What the file says that tells that a training is done."""
    file = output.with_name(f"{output.stem}.done.json")
    return json.loads(file.read_text()) if file.exists() else None


def state_of(path: Path) -> dict[str, Any]:
    """All that must be the same."""
    model = gn.load(path)
    assert model.latest_fit is not None
    assert model.latest_fit.is_finished
    found: dict[str, Any] = {f"optimizer {name}": array for name, array in model.optimizer.state.items()}
    found |= {f"history {name}": np.array(values) for name, values in model.latest_fit.history.metrics.items()}
    return found | {"parameters": model.network.parameters, "updates": np.array(model.optimizer.steps)}


def stamp(path: Path) -> float:
    """What changes where a file takes another's place."""
    return path.stat().st_mtime if path.exists() else 0.0


def check_files(output: Path) -> None:
    """Reads each file that lies there."""
    for file in output.parent.glob(f"{output.stem}*.safetensors"):
        assert gn.load(file).latest_fit is not None, file


def finish(output: Path, ranks: int, expected: dict[str, Any]) -> None:
    """Lets a training go on to its end, and compares."""
    process = job(ranks, output)
    _, said = process.communicate(timeout=LONGEST)
    done = done_of(output)
    assert done is not None, said
    assert done["sha256"] == sha256(output.read_bytes()).hexdigest()
    found = state_of(output)
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        assert np.array_equal(found[name], values), f"{name} has other bits"


def lose(output: Path, ranks: int, rank: int, number: int, after: float) -> float | None:
    """Sends a signal to a rank after some time; how long the job took to end, None where it had ended before.

    Raises:
        AssertionError: it did not end, or left no word, or a file that is not whole.
    """
    checkpoint = output.with_stem(f"{output.stem}.checkpoint")
    before = stamp(checkpoint)
    process = job(ranks, output)
    found, until = None, time.monotonic() + 60
    while found is None and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
        found = process_of(rank, output)
    time.sleep(after)
    if process.poll() is not None or found is None:
        _, said = process.communicate()
        assert done_of(output) is not None, said
        return None
    begun = stamp(checkpoint) != before  # the training; before, a rank may not know yet that it is one
    os.kill(found, number)
    sent = time.monotonic()
    try:
        _, said = process.communicate(timeout=END_SECONDS + START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"signal {number} to rank {rank} of {ranks}: the job goes on for ever") from None
    took = time.monotonic() - sent
    check_files(output)
    if done_of(output) is None and begun:
        assert took < END_SECONDS + SILENCE, f"the job ended {took:.0f} s after"
        assert "to go on: mpiexec" in said, said
        told = "has given no sign of life" in said or "a message to another rank does not get through" in said
        assert number != signal.SIGSTOP or told, said
    return took


def fill(folder: Path, ranks: int, expected: dict[str, Any]) -> bool:
    """Trains on a disk that is full at a checkpoint; False where no small disk can be had."""
    small = folder / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=260k", "tmpfs", str(small)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        return False
    try:
        output = small / "m.safetensors"
        filler = small / "filler"
        process = job(ranks, output)
        until = time.monotonic() + 60
        while not list(small.glob("m.checkpoint*")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        with suppress(OSError):
            filler.write_bytes(bytes(1 << 20))  # as much as there is room for
        time.sleep(1)
        full = process.poll() is None
        filler.unlink(missing_ok=True)
        _, said = process.communicate(timeout=LONGEST)
        assert not full or "nothing was saved" in said or "No space" in said, said
        finish(output, ranks, expected)
    finally:
        subprocess.run(["umount", str(small)], check=True)
    return True


def main() -> None:
    """Loses ranks until there were so many losses; prints what happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--stops", type=int, default=5)
    parser.add_argument("--disks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    took: list[float] = []
    counted = {"kills": 0, "of rank 0": 0, "stops": 0, "full disks": 0, "trainings finished": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole.safetensors"
        begun = time.monotonic()
        process = job(1, whole, seconds=0)
        _, said = process.communicate(timeout=LONGEST)
        assert done_of(whole) is not None, said
        seconds, expected = time.monotonic() - begun, state_of(whole)
        wanted = [signal.SIGKILL] * options.kills + [signal.SIGSTOP] * options.stops
        draw.shuffle(wanted)
        while wanted:
            output = folder / f"run-{counted['trainings finished']}.safetensors"
            while wanted and done_of(output) is None:
                ranks = draw.randint(2, 3)
                rank = draw.randrange(ranks)
                lost = lose(output, ranks, rank, wanted[-1], draw.random() * seconds)
                if lost is None:
                    continue
                took.append(lost)
                number = wanted.pop()
                counted["stops" if number == signal.SIGSTOP else "kills"] += 1
                counted["of rank 0"] += rank == 0
                print(
                    f"signal {number:d} to rank {rank} of {ranks}: ended {lost:.1f} s after, {len(wanted)} to go",
                    flush=True,
                )
            finish(output, draw.randint(1, 3), expected)
            counted["trainings finished"] += 1
        for number in range(options.disks):
            own = folder / f"disk-{number}"
            own.mkdir()
            counted["full disks"] += fill(own, 2, expected)
    print(", ".join(f"{name} {count}" for name, count in counted.items()))
    if took:
        print(f"jobs ended {max(took):.1f} s at most after a rank was lost; 0 runs lost, 0 bits different")


if __name__ == "__main__":
    main()
