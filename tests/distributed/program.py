"""What the tests of this folder let several ranks do: ``mpiexec -n 2 python program.py TASK ...``; rank 0 prints."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import numpy as np

import glassnet as gn
from glassnet.distributed import rank_of_job
from glassnet.distributed.shards import Node
from glassnet.distributed.sums import Sums
from glassnet.distributed.world import world


def say(name: str, found: Any) -> None:
    """Prints a line of this rank's, in one piece."""
    os.write(1, (json.dumps([rank_of_job(), name, found]) + "\n").encode())


def state_of(model: gn.Model, history: Any) -> list[Any]:
    """Bits of all that a training leaves."""
    return [model.fingerprint(), *(np.array(values).tobytes().hex() for values in history.metrics.values())]


def sequence() -> list[Any]:
    return [gn.Embedding(7, 4), gn.LSTM(5), gn.Dense(3)]


def image() -> list[Any]:
    return [gn.Conv2D(3, 3), gn.BatchNorm(), gn.ReLU(), gn.GlobalAveragePool(), gn.Dense(3)]


def table() -> list[Any]:
    return [gn.Dense(8), gn.LayerNorm(), gn.Tanh(), gn.Dropout(0.3), gn.Dense(3)]


def small() -> list[Any]:
    return [gn.Dense(6), gn.ReLU(), gn.Dense(3)]


def rows_of(kind: Callable[[], list[Any]], count: int) -> tuple[Any, Any]:
    """Rows for a network."""
    rng = np.random.default_rng(5)
    shape = {"sequence": (4,), "image": (1, 6, 6)}.get(kind.__name__, (5,))
    x = rng.integers(0, 7, (count, 4)) if kind is sequence else rng.normal(size=(count, *shape))
    return x, rng.integers(0, 3, count)


def model_of(kind: Callable[[], list[Any]], **settings: Any) -> gn.Model:
    rule = [gn.ClipByNorm(1.0), gn.Adam(0.02)]
    return gn.Model(gn.Sequential(*kind()), "cross_entropy", rule, ["accuracy"], seed=4, **settings)


def cases() -> None:
    """Trainings whose bits must be the same on any number of ranks."""
    for kind in (table, image, sequence, small):
        for dtype in ("float32", "float64"):
            x, y = rows_of(kind, 53)
            model = model_of(kind, dtype=dtype)
            settings: dict[str, Any] = {"batch_size": 20, "epochs": 2, "verbose": False, "validation_split": 0.2}
            if kind is table:
                settings |= {
                    "sample_weight": np.linspace(0.0, 2.0, 53),
                    "callbacks": [gn.EarlyStopping(patience=1), gn.ReduceOnPlateau(patience=1)],
                }
            history = model.fit(x, y, distributed=True, **settings)
            say(f"{kind.__name__} {dtype}", state_of(model, history))
    x, y = rows_of(small, 40)
    for name, loss in (("numpy", "cross_entropy"), ("sum", gn.losses.CrossEntropy(reduction="sum"))):
        model = gn.Model(gn.Sequential(*small()), loss, gn.SGD(0.01), engine="numpy" if name == "numpy" else "auto")
        history = model.fit(x, y, batch_size=16, shuffle=False, distributed=True, verbose=False)
        say(name, state_of(model, history))
    plain = model_of(small, dtype="float64")
    plain.fit(x, y, batch_size=16, epochs=2, verbose=False)
    shared = model_of(small, dtype="float64")
    shared.fit(x, y, batch_size=16, epochs=2, verbose=False, distributed=True)
    say("beside plain", float(np.abs(plain.network.parameters - shared.network.parameters).max()))


def refusals() -> None:
    """What is refused on all ranks, and leaves them able to train on; and then the cases."""
    rank, (x, y) = rank_of_job(), rows_of(small, 40)
    settings: dict[str, Any] = {"batch_size": 16, "verbose": False, "distributed": True}

    def refused(name: str, fit: Callable[[], Any]) -> None:
        try:
            fit()
            say(name, None)
        except gn.GlassnetError as error:
            say(name, [type(error).__name__, str(error)])

    refused("data", lambda: model_of(small).fit(x + rank, y, **settings))
    refused("setting", lambda: model_of(small).fit(x, y, epochs=1 + rank, **settings))
    refused("seed", lambda: gn.Model(gn.Dense(3), "cross_entropy", "sgd", seed=rank).fit(x, y, **settings))
    refused("rate", lambda: gn.Model(gn.Dense(3), "cross_entropy", gn.SGD(0.1 + rank)).fit(x, y, **settings))
    refused("stateful", lambda: model_of(small).fit(x, y, stateful=True, shuffle=False, **settings))
    refused("watch", lambda: model_of(small).fit(x, y, callbacks=[gn.Watch()], **settings))

    def fails(state: gn.TrainingState) -> None:
        raise gn.WriteError(where="a disk", received="nothing", expected="room", fix="make some")

    def slower(state: gn.TrainingState) -> None:
        state.optimizer.learning_rate = 0.001
        state.network.parameters[0] = 1.0
        if state.epoch == 2:
            state.stop("enough")

    refused("callback", lambda: model_of(small).fit(x, y, callbacks=[fails], **settings))
    model = model_of(small)
    history = model.fit(x, y, epochs=5, callbacks=[slower] if rank == 0 else [print], **settings)
    say("led", [*state_of(model, history), history.stopped])
    diverging = gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(1e30))
    refused("diverged", lambda: diverging.fit(x, x[:, :1], epochs=5, **settings))
    cases()


def sums() -> None:
    """Sums of shards through memory in common and, where rank 0 can get none, through messages."""
    ranks, rng = world(), np.random.default_rng(2)
    has_room, has_none = os.posix_fallocate, Mock(side_effect=OSError("no room"))

    def whole(node: Node) -> Any:
        if node.stop - node.start == 1:
            return vectors[node.start]
        return whole(node.halves[0]) + whole(node.halves[1])

    def leaf(shard: int, out: Any) -> None:
        out[...] = vectors[shard]

    for size, dtype in ((1, "float32"), (2, "float64"), (1001, "float32")):
        through_memory, through_messages = (Sums(ranks, size, np.dtype(dtype)) for _ in range(2))
        for shards in (1, 4, 2, 7, 9, 8, 3):
            vectors = rng.normal(size=(shards, size)).astype(dtype)
            for way in (through_memory, through_messages):
                found = np.empty(size, dtype)
                with patch("os.posix_fallocate", has_room if way is through_memory else has_none):
                    way.part(shards, leaf)
                way.together(shards, lambda total, at: np.multiply(total, 2, out=total), found)
                np.testing.assert_array_equal(found, 2 * whole(Node(0, shards)))
        say(f"{size}", [through_memory._common is not None, through_messages._common is not None])


def training(path: str, halt: str = "0") -> None:
    """A training that saves at each step, and goes on from what is there; at an update it waits to be killed."""
    x, y = rows_of(table, 53)
    model = model_of(table)

    class Halting(gn.Callback):
        every_steps = 1

        def between_steps(self, state: gn.TrainingState) -> None:
            if state.step == int(halt):
                say("begun", os.getpid())
                time.sleep(60)

    if int(halt) and rank_of_job():
        say("begun", os.getpid())
    callbacks = [gn.Checkpoint(path, every_steps=1, keep=2, monitor=None), Halting()]
    settings: dict[str, Any] = {"batch_size": 8, "epochs": 4, "verbose": False, "distributed": True}
    history = model.fit(x, y, callbacks=callbacks, resume=path if Path(path).exists() else False, **settings)
    say("done", state_of(model, history))


def alone() -> None:
    """An error on one rank alone, which the others wait for."""
    x, y = rows_of(small, 40)

    class Erring(gn.Dense):
        def forward(self, run: Any, x: Any, *, training: bool) -> Any:
            if training and rank_of_job() == 1 and model.optimizer.steps == 2:
                raise ArithmeticError("only here")
            return super().forward(run, x, training=training)

    model = gn.Model(gn.Sequential(Erring(3)), "cross_entropy", "sgd", engine="numpy")
    model.fit(x, y, batch_size=8, verbose=False, distributed=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    globals()[sys.argv[1]](*sys.argv[2:])
