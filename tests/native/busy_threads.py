"""Training, predictions and single steps of several models, all at once on several threads each: for ThreadSanitizer.

``make test-threads`` runs it. It ends by itself, and with exit code 1 where a number is wrong.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import glassnet as gn

RNG = np.random.default_rng(0)
ROWS, IMAGES = RNG.normal(size=(600, 24)).astype(np.float32), RNG.normal(size=(80, 3, 12, 12)).astype(np.float32)
LABELS = RNG.integers(0, 4, 600)


def dense() -> Any:
    return gn.Sequential(gn.Dense(96), "relu", gn.BatchNorm(), gn.Dropout(0.1), gn.Dense(96), "gelu", gn.Dense(4))


def images() -> Any:
    return gn.Sequential(gn.Conv2D(24, 3, padding="same"), "relu", gn.MaxPool2D(2), gn.Conv2D(24, 3), gn.Flatten(),
                         gn.LayerNorm(), gn.Dense(4))  # fmt: skip


def trained(make: Callable[[], Any], x: np.ndarray, threads: int) -> gn.Model:
    model = gn.Model(make(), "cross_entropy", gn.Adam(), threads=threads, engine="compiled")
    model.fit(x, LABELS[: len(x)], batch_size=64, verbose=False)
    return model


def main(seconds: float) -> int:
    """Lets all of them work for so long."""
    wrong: list[str] = []
    stop = threading.Event()
    steady = [(trained(make, x, threads), x) for make, x in ((dense, ROWS), (images, IMAGES)) for threads in (2, 4)]
    moving = [(trained(make, x, 3), x) for make, x in ((dense, ROWS), (images, IMAGES), (dense, ROWS))]

    def predicting(model: gn.Model, x: np.ndarray) -> None:
        expected = model.predict(x)
        while not stop.is_set():
            for part in (slice(None), slice(0, 1), slice(3, 40)):
                if not np.array_equal(model.predict(x[part]), expected[part]):
                    wrong.append("a prediction differs")

    def fitting(model: gn.Model, x: np.ndarray) -> None:
        while not stop.is_set():
            model.fit(x, LABELS[: len(x)], batch_size=64, verbose=False, callbacks=[gn.Watch(every=3)])

    def stepping(model: gn.Model, x: np.ndarray) -> None:
        while not stop.is_set():
            model.step(x[:64], LABELS[:64])

    tasks = [(predicting, *one) for one in steady for _ in range(2)]
    tasks += [(fitting, *moving[0]), (fitting, *moving[1]), (stepping, *moving[2])]
    threads = [threading.Thread(target=task[0], args=task[1:]) for task in tasks]
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    print(wrong[0] if wrong else "all as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
