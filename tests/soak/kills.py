"""Kills at random moments: a training that saves as often as it can is killed, what lies there is read, and it goes on.

Nothing that lies on the disk may ever be unreadable, no lock may keep the next one out, and the parameters, the memory
of the optimizer and the history at the end must be those of a training that nobody has killed, bit for bit.

    python tests/soak/kills.py --kills 300

A process that has imported everything is forked for each training, so that most of the time goes into training.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

import glassnet as gn

EPOCHS = 3
EARLY = 0.2
"""Share of the kills that come as soon as the process is there; the others come after its first save,"""
SAVING_SECONDS = 0.2
"""within so many seconds."""


def data() -> tuple[Any, Any]:
    """Rows for all trainings."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 6)).astype(np.float32), rng.integers(0, 3, 60)


def model_of(kind: str) -> gn.Model:
    """A model with much to remember."""
    net = gn.Sequential(gn.Dense(16), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.3), gn.Dense(3))
    rate = gn.schedules.OneCycle(0.05, steps=6 * EPOCHS)
    return gn.Model(net, "cross_entropy", [gn.L2(1e-3), gn.Adam(rate)], ["accuracy"], seed=3, engine=kind, threads=1)


def train(kind: str, path: Path, *, epochs: int = EPOCHS, saves: bool = True) -> gn.Model:
    """Trains to the end, from where the files in the folder stand."""
    model = model_of(kind)
    callbacks: list[Any] = [gn.EarlyStopping(patience=3), gn.ReduceOnPlateau(patience=1, factor=0.5)]
    if saves:
        callbacks += [
            gn.Checkpoint(path, every_steps=1, keep=3),
            gn.Checkpoint(path.with_name("step-{step}.safetensors"), every_steps=3, keep=2),
            gn.Checkpoint(path.with_name("best-only.safetensors"), only_best=True),
        ]
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": 8, "validation_split": 0.2, "callbacks": callbacks}
    model.fit(*data(), **settings, resume=path if saves and path.exists() else False, verbose=False)
    return model


def state_of(model: gn.Model) -> dict[str, Any]:
    """All that must be the same."""
    assert model.latest_fit is not None
    history = model.latest_fit.history
    found: dict[str, Any] = {f"optimizer {name}": array for name, array in model.optimizer.state.items()}
    found |= {f"history {name}": np.array(values) for name, values in history.metrics.items()}
    return found | {"parameters": model.network.parameters, "updates": np.array(model.optimizer.steps)}


def nursery() -> None:
    """Forks a process for each line "kind path" of the standard input; tells its number, then how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        train("compiled", Path(folder) / "m.safetensors", epochs=1)  # everything is imported now
    for line in sys.stdin:
        kind, path = line.split(maxsplit=1)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                train(kind, Path(path.strip())).save(Path(path.strip()).with_name("finished.safetensors"))
                status = 0
            finally:
                os._exit(status)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


class Nursery:
    """A process that forks trainings."""

    def __init__(self) -> None:
        command = [sys.executable, "-W", "error::UserWarning", __file__, "--nursery"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, kind: str, path: Path) -> int:
        """Begins a training; returns its process's number."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind} {path}\n")
        self._process.stdin.flush()
        return self._read()

    def end(self) -> int:
        """Waits until the training has ended; returns its exit status, below 0 for a signal."""
        return self._read()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=60)


@contextmanager
def opened_nursery() -> Iterator[Nursery]:
    """A nursery that is closed afterwards."""
    nursery = Nursery()
    try:
        yield nursery
    finally:
        nursery.close()


def check_files(folder: Path) -> int:
    """Reads each file that lies there; returns how many."""
    files = sorted(folder.glob("*.safetensors"))
    for file in files:
        with warnings.catch_warnings():
            warnings.simplefilter("error", gn.CheckpointWarning)  # that another file would have been taken
            assert gn.load(file).latest_fit is not None
    return len(files)


def kill_many(kills: int, folder: Path, *, seed: int = 0) -> dict[str, int]:
    """Kills trainings at random moments until there were so many kills; returns what happened, counted.

    Raises:
        AssertionError: a file cannot be read, a training does not go on, or it ends in other bits.
    """
    draw = random.Random(seed)
    expected = {kind: state_of(train(kind, folder / "none", saves=False)) for kind in ("compiled", "numpy")}
    counted = {"kills": 0, "files read": 0, "trainings finished": 0, "locks left": 0}
    with opened_nursery() as nursery:
        while counted["kills"] < kills:
            kind = draw.choice(sorted(expected))
            own = folder / f"run-{counted['trainings finished']}"
            own.mkdir()
            path = own / "m.safetensors"
            while True:
                before = stamp(path)
                process = nursery.begin(kind, path)
                if counted["kills"] < kills:
                    if draw.random() < EARLY:  # anywhere, also before anything is saved
                        time.sleep(draw.random() * 0.1)
                    else:
                        await_change(path, before)
                        time.sleep(draw.random() * SAVING_SECONDS)
                    with suppress(ProcessLookupError):  # it may have finished
                        os.kill(process, signal.SIGKILL)
                status = nursery.end()
                assert status in (0, -signal.SIGKILL), f"{kind}: exit status {status}"
                counted["files read"] += check_files(own)
                if status == 0:
                    break
                counted["kills"] += 1
                counted["locks left"] += len(list(own.glob(".*.lock")))
            compare(state_of(gn.load(own / "finished.safetensors")), expected[kind])
            # What a killed process was writing goes later, once it is old.
            left = [file.name for file in own.glob(".*") if file.suffix != ".new"]
            assert left == [], "something was left"
            assert len(list(own.glob("step-*"))) <= 3, "older files were not removed"
            counted["trainings finished"] += 1
    return counted


def stamp(path: Path) -> tuple[int, int]:
    """What changes where a file takes another's place."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


def await_change(path: Path, before: tuple[int, int]) -> None:
    """Waits until another file is there, or for some seconds."""
    until = time.monotonic() + 5
    while stamp(path) == before and time.monotonic() < until:
        time.sleep(0.001)


def compare(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """The same, bit for bit.

    Raises:
        AssertionError: they are not.
    """
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="how many (300)")
    parser.add_argument("--seed", type=int, default=0, help="keys the moments (0)")
    parser.add_argument("--nursery", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.nursery:
        nursery()
        return 0
    with tempfile.TemporaryDirectory() as folder:
        counted = kill_many(options.kills, Path(folder), seed=options.seed)
    print(", ".join(f"{number:,} {name}" for name, number in counted.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
