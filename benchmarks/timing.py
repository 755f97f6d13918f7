"""How a peer is timed and asked for its result: the same for all of them."""

from __future__ import annotations

import json
import os
import sys
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from importlib.metadata import version
from math import ceil
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.cases import CASES, Case
from benchmarks.networks import Array

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
NOT_INSTALLED = 3
"""Exit status of a peer whose library is missing."""


class Training(ABC):
    """One training from the case's initial weights on; calls of ``run`` continue each other."""

    def __init__(self, case: Case) -> None:
        self.case = case

    @abstractmethod
    def run(self, steps: int) -> None:
        """Does the steps and waits until they are done. This is what is timed."""

    @abstractmethod
    def weights(self) -> list[Array]:
        """The present weights in the order of ``Case.weights``."""

    @abstractmethod
    def mean_loss(self, steps: int) -> float:
        """Does the steps, ``batches`` of them, and returns the mean of the losses before each update."""


class Stepwise(Training):
    """A peer whose step is called from Python."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.done = 0

    @abstractmethod
    def step(self, batch: int) -> Any:
        """One step on the batch of that number; returns the loss in the peer's own form."""

    def number(self, loss: Any) -> float:
        """What ``step`` returned as a number."""
        return float(loss)

    def finish(self) -> None:
        """Waits for what is still under way."""

    def run(self, steps: int) -> None:
        """See ``Training``."""
        step, batches = self.step, self.case.batches
        for i in range(self.done, self.done + steps):
            step(i % batches)
        self.finish()
        self.done += steps

    def mean_loss(self, steps: int) -> float:
        """See ``Training``."""
        losses = [self.number(self.step(i % self.case.batches)) for i in range(self.done, self.done + steps)]
        self.done += steps
        return sum(losses) / steps


def whole_epochs(case: Case, steps: float) -> int:
    """At least so many steps, in whole rounds over the batches."""
    return max(1, ceil(steps / case.batches)) * case.batches


def check(kind: type[Training], case: Case) -> dict[str, float]:
    """What the peer's losses are after ``check_steps``, in the case's dtype and in float64.

    For each the loss over all rows by its weights, and the mean of the last losses that it saw itself. Dropout masks
    differ between peers, so this is done without dropout.
    """
    found = {}
    for dtype, suffix in {case.dtype: "", "float64": "" if case.dtype == "float64" else "_float64"}.items():
        training = kind(replace(case, dropout=0.0, dtype=dtype))
        if case.check_steps > case.batches:
            training.run(case.check_steps - case.batches)
        found["loss_seen" + suffix] = training.mean_loss(case.batches)
        found["loss_after" + suffix] = training.case.evaluate(training.weights())
    return found


def time_steps(kind: type[Training], case: Case, steps: int | None, repeats: int, seconds: float) -> dict[str, Any]:
    """Microseconds a step: each repeat starts at the initial weights, warms up and then runs many steps."""
    if steps is None:
        trial, some = kind(case), whole_epochs(case, case.steps / 20)
        trial.run(case.batches)
        started = perf_counter()
        trial.run(some)
        steps = min(case.steps, ceil(seconds * some / (perf_counter() - started)))
    steps = whole_epochs(case, steps)
    found = []
    for _ in range(repeats):
        training = kind(case)
        training.run(case.batches)
        started = perf_counter()
        training.run(steps)
        found.append((perf_counter() - started) / steps * 1e6)
    return {"microseconds_median": median(found), "microseconds_best": min(found), "steps": steps}


def time_calls(call: Callable[[], Any], repeats: int, seconds: float) -> dict[str, Any]:
    """Microseconds a call, after as many uncounted ones as show how long a call takes once it is warm."""
    call()
    calls = 1
    while True:
        started = perf_counter()
        for _ in range(calls):
            call()
        spent = perf_counter() - started
        if spent >= seconds / 10:
            break
        calls *= 2
    calls = max(1, int(seconds / 4 * calls / spent))
    found = []
    for _ in range(repeats):
        started = perf_counter()
        for _ in range(calls):
            call()
        found.append((perf_counter() - started) / calls * 1e6)
    return {"microseconds_median": median(found), "microseconds_best": min(found), "steps": calls}


Whole = Callable[[Case], tuple[Callable[[], Any], Callable[[], float]]]
"""Gives the call that is timed, and a function that says the loss by its result."""


def peer_main(
    peer: str,
    trainings: Mapping[str, type[Training]],
    whole: Mapping[str, Mapping[str, Whole]] | None = None,
    only: Mapping[str, Callable[[Case], bool]] | None = None,
    informative: Container[str] = (),
) -> None:
    """The program of a peer: measures every variant of it and prints them with the best one, as a line of JSON.

    Args:
        peer: its name, of which the first word is the distribution's.
        trainings: by variant.
        whole: by case and variant.
        only: variants that make sense for some cases alone.
        informative: variants that are shown but never count as the best one.
    """
    parser = ArgumentParser(description=f"Times {peer}.")
    parser.add_argument("--case", required=True, choices=CASES)
    parser.add_argument("--steps", type=int, help="steps in a repeat; without it as many as the case says")
    parser.add_argument("--repeats", type=int, default=3, help="timed repeats (3)")
    parser.add_argument("--seconds", type=float, default=0.5, help="upper limit of a repeat without --steps (0.5)")
    options, _ = parser.parse_known_args()
    case = CASES[options.case]
    results: dict[str, dict[str, Any]] = {}
    for variant, start in (whole or {}).get(case.name, {}).items():
        call, loss = start(case)
        results[variant] = time_calls(call, options.repeats, options.seconds) | {"loss_after": loss()}
    for variant, kind in trainings.items() if case.check_steps else ():
        if only is None or variant not in only or only[variant](case):
            losses = check(kind, case)
            results[variant] = time_steps(kind, case, options.steps, options.repeats, options.seconds) | losses
    if not results:
        sys.exit(f"{peer} has no part in {case.name}")
    for variant in results:
        results[variant]["counts"] = variant not in informative
    best = min((v for v in results if v not in informative), key=lambda v: float(results[v]["microseconds_median"]))
    line = {"peer": peer, "version": version(peer.split()[0]), "case": case.name, "variant": best}
    print(json.dumps(line | results[best] | {"variants": results}))


def missing(error: ImportError) -> None:
    """Ends a peer whose library is not there."""
    print(error, file=sys.stderr)
    sys.exit(NOT_INSTALLED)
