"""Models, own parts and callbacks that tests send to workers in other processes, which import this file."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.compile.threads import at_most

KINDS = "plain", "own", "chain", "numpy", "diverges"
SEEN: list[int] = []
"""What stands outside of all objects."""


class Sine(gn.NumpyLayer):
    """A layer of one's own that keeps something besides parameters."""

    scale: np.ndarray

    def __init__(self) -> None:
        self.calls = 0
        self._rows: list[int] = []
        self.total = np.zeros(2)

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.add_parameter("scale", input_shape, "ones")
        return input_shape

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.calls += 1
        self._rows.append(len(x))
        self.total += 1
        return np.sin(x) * self.scale, x

    def backward(self, dy: np.ndarray, cache: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy * np.cos(cache) * self.scale, {"scale": (dy * np.sin(cache)).sum(axis=0)}


class Counting(gn.Callback):
    """A callback whose attributes somebody reads later."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.total = np.zeros(2)

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        self.losses.append(state.logs["loss"])
        self.total += 1


class Outside(gn.Callback):
    """A callback that keeps what it sees outside of itself."""

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        SEEN.append(state.epoch)


class Kill(gn.Callback):
    """Kills the process that it is in, the first time that it sees the second epoch; without a path not at all.

    Or always, whatever process it is.
    """

    def __init__(self, path: str | None, *, always: bool = False) -> None:
        self.path, self.always, self.epochs = path, always, 0

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        self.epochs += 1
        if self.always:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.path is not None and state.epoch == 2:
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)


class Threads(gn.Callback):
    """Counts threads of its process that are none of Python's, before a training and in it."""

    def __init__(self) -> None:
        self.process, self.before, self.within, self.most = 0, 0, 1_000, 0

    def on_fit_begin(self, state: gn.TrainingState) -> None:
        self.process, self.before = os.getpid(), native_threads()

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        self.within = min(self.within, native_threads())
        self.most = at_most(100)


def native_threads() -> int:
    """How many there are."""
    return len(set(os.listdir("/proc/self/task")) - {str(thread.native_id) for thread in threading.enumerate()})


class Locked(gn.Callback):
    """Cannot be sent anywhere."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Slow(gn.Callback):
    """Says that it has begun, and takes its time."""

    def __init__(self, path: str) -> None:
        self.path = path

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        os.close(os.open(self.path, os.O_CREAT))
        time.sleep(0.2)


class OddError(Exception):
    """Cannot be made again from what it says."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")


class Failing(gn.Callback):
    """Fails in a way of its own."""

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        raise OddError(code=7)


def build(kind: str, seed: int) -> gn.Model:
    """A small model for rows (N, 4) of two classes."""
    settings: dict[str, Any] = {"loss": "cross_entropy", "metrics": ["accuracy"], "seed": seed}
    if kind == "own":
        net = gn.Sequential(gn.Dense(6), Sine(), gn.Dense(2))
    elif kind == "diverges":
        return gn.Model(gn.Sequential(gn.Dense(6), gn.ReLU(), gn.Dense(2)), optimizer=gn.SGD(1e38), **settings)
    else:
        net = gn.Sequential(gn.Dense(6), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.2), gn.Dense(2))
    if kind == "chain":
        steps = gn.Chain(gn.ClipByNorm(1.0), gn.L2(1e-3), gn.Adam(gn.schedules.StepDecay(0.01, factor=0.5, every=10)))
        return gn.Model(net, optimizer=steps, dtype="float64", **settings)
    return gn.Model(net, optimizer=gn.Adam(0.01), engine="numpy" if kind == "numpy" else "auto", **settings)
