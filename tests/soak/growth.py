"""Much of the same in one process, whose memory must not grow.

    python tests/soak/growth.py [--share 1.0] [part ...]

Each part runs in a process of its own. A tenth of the work comes first, unmeasured, so that what is kept for good
(programs, caches, pools of the allocator) is there; over the rest the process may grow by less than 1 MB.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from resource import getpagesize
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

import glassnet as gn

MOST_GROWTH = 1.0
"""MB."""
Work = Callable[[], None]
PARTS: dict[str, tuple[int, Callable[[Path], Work]]] = {}
"""What is done, how often in the long run, and what makes ready for it."""
RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 20)).astype(np.float32)
Y = np.arange(256) % 3


def part(times: int) -> Callable[[Callable[[Path], Work]], Callable[[Path], Work]]:
    def enter(prepare: Callable[[Path], Work]) -> Callable[[Path], Work]:
        PARTS[prepare.__name__] = times, prepare
        return prepare

    return enter


def new_model(*, engine: str = "auto") -> gn.Model:
    network = gn.Sequential(gn.Dense(16), gn.BatchNorm(), "relu", gn.Dropout(0.1), gn.Dense(3))
    return gn.Model(network, "cross_entropy", "adam", ["accuracy"], engine=engine)


def trained() -> gn.Model:
    model = new_model()
    model.fit(X, Y, epochs=1, verbose=False)
    return model


@part(1_000_000)
def steps(folder: Path) -> Work:
    model = trained()
    return lambda: model.step(X[:32], Y[:32]) and None


@part(10_000_000)
def predictions(folder: Path) -> Work:
    model, row = trained(), X[:1]
    return lambda: model.predict(row) is None or None


@part(10_000)
def fits(folder: Path) -> Work:
    model = trained()
    return lambda: model.fit(X, Y, epochs=1, validation_data=(X, Y), verbose=False) and None


@part(10_000)
def models(folder: Path) -> Work:
    def work() -> None:
        new_model().fit(X, Y, epochs=1, verbose=False)

    return work


@part(10_000)
def saves(folder: Path) -> Work:
    model = trained()
    return lambda: model.save(folder / "model.safetensors")


@part(10_000)
def loads(folder: Path) -> Work:
    trained().save(folder / "model.safetensors")
    return lambda: gn.load(folder / "model.safetensors").predict(X[:1]) is None or None


@part(10_000)
def refusals(folder: Path) -> Work:
    model = trained()

    def work() -> None:
        for wrong in (X[:, :-1], X.astype(str), np.full_like(X, np.nan)):
            try:
                model.predict(wrong)
            except gn.GlassnetError:
                continue
            raise AssertionError("it was taken")

    return work


@part(2_000)
def traces(folder: Path) -> Work:
    model = trained()
    return lambda: gn.trace(model, X[:4], Y[:4]) and None


@part(2_000)
def watched(folder: Path) -> Work:
    model = trained()
    return lambda: model.fit(X, Y, epochs=1, callbacks=[gn.Watch()], verbose=False) and None


def in_use() -> float:
    """MB of memory that the process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() / 1e6


def growth(name: str, share: float) -> float:
    times, prepare = PARTS[name]
    count = max(10, round(times * share))
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        work = prepare(Path(folder))
        for _ in range(max(count // 2, 30)):  # memory that grows once, and then no more, is no leak
            work()
        before, begun = in_use(), perf_counter()
        for _ in range(count):
            work()
        grown, took = in_use() - before, perf_counter() - begun
    print(f"{name}: {count:,} times in {took:.1f} s, {before:.0f} MB at first, grown by {grown:+.2f} MB", flush=True)
    return grown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--share", type=float, default=1.0, help="of the full number of times")
    asked = parser.parse_args()
    if len(asked.parts) == 1:
        return int(growth(asked.parts[0], asked.share) >= MOST_GROWTH)
    own = [sys.executable, __file__, "--share", str(asked.share)]
    failed = [name for name in asked.parts or PARTS if subprocess.run([*own, name], check=False).returncode]
    print("grew too much, or failed:", ", ".join(failed) or "nothing")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
