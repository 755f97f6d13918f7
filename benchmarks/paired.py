"""Two installations of glassnet side by side, such as before and after a change: is any step slower?

    python -m benchmarks.paired /path/to/old/python /path/to/new/python [--variant _native_avx2] [--cases lenet]

The cases, data and lines are those of ``make bench``. For each line a process of either installation is alive at once,
and they take short turns, A B, B A, ..., with the same steps in each; a few pairs of processes one after another, for
their memory lies differently. A ratio is new / old within a pair of turns: the median of all counts. Beside it stands
that of the shortest turns, which other work on the machine disturbs least.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from math import ceil
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from benchmarks.cases import CASES, CONVOLUTIONAL, DIGITS_FIT, PREDICT_ONE, PREDICTIONS, TRAINING
from benchmarks.results import ROOT
from benchmarks.run import LIMITS
from benchmarks.timing import whole_epochs

TRAININGS = tuple(case.name for case in (*TRAINING, *CONVOLUTIONAL))
AGAIN = " repeated"
"""Ends the names of lines whose rows are repeated, so that an epoch has many steps."""
REPEATED = tuple(case.name + AGAIN for case in TRAINING if case.batches == 1)
LINES = (*TRAININGS, *REPEATED, DIGITS_FIT.name, PREDICT_ONE.name, *(case.name for case in PREDICTIONS))


class Process:
    """One installation at work on a line; asked by a number on a line, it answers with the seconds that took."""

    def __init__(self, python: str, case: str, options: Namespace) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.endswith(LIMITS)}
        if options.variant:
            environment["GLASSNET_VARIANT"] = options.variant
        command = [python, "-m", "benchmarks.paired", "--work", case]
        self.pipe = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, count: int) -> float:
        """What so many steps or calls take; the setting up is not counted."""
        assert self.pipe.stdin is not None
        assert self.pipe.stdout is not None
        print(count, file=self.pipe.stdin, flush=True)
        answer = self.pipe.stdout.readline()
        if not answer:
            sys.exit(f"{self.pipe.args[0]!r} has ended")  # type: ignore[index]
        return float(json.loads(answer))

    def end(self) -> None:
        """Lets it go, and waits."""
        self.pipe.communicate()


def work(name: str) -> None:
    """What a process does: for each number that it reads, so many steps or calls."""
    from benchmarks.peers.glassnet_fit import WHOLE, Fit, LongEpochs

    case, kind = CASES[name.removesuffix(AGAIN)], LongEpochs if name.endswith(AGAIN) else Fit
    call = next(iter(WHOLE[name].values()))(case)[0] if name in WHOLE else None
    for line in sys.stdin:
        count = int(line)
        if call is None:
            training = kind(case)
            training.run(count if kind is LongEpochs else case.batches)
            run: Callable[[], Any] = lambda training=training, count=count: training.run(count)  # noqa: E731
        else:
            call()
            run = lambda call=call, count=count: [call() for _ in range(count)] and None  # noqa: E731
        started = perf_counter()
        run()
        print(json.dumps(perf_counter() - started), flush=True)


def count_for(name: str, process: Process, seconds: float) -> int:
    """So many steps or calls that a turn takes about that long."""
    case, count = CASES[name.removesuffix(AGAIN)], 1
    is_training = name in (*TRAININGS, *REPEATED)
    unit = case.batches if is_training else 1
    most = case.steps / unit if is_training else float("inf")
    while (spent := process.seconds(count * unit)) < seconds / 2 and count < most:
        count *= 2
    found = max(1, ceil(count * seconds / spent))
    return whole_epochs(case, min(found * unit, case.steps)) if is_training else found


def turns(name: str, options: Namespace) -> Iterator[tuple[float, float]]:
    """Microseconds a step or call, old and new, of every pair of turns."""
    count = 0
    for _ in range(options.rounds):
        old, new = (Process(python, name, options) for python in (options.old, options.new))
        count = count or count_for(name, old, options.seconds)
        old.seconds(count), new.seconds(count)  # warm
        for turn in range(options.turns):
            if turn % 2:
                second, first = new.seconds(count), old.seconds(count)
            else:
                first, second = old.seconds(count), new.seconds(count)
            yield first / count * 1e6, second / count * 1e6
        old.end(), new.end()


def main() -> None:
    """The command line."""
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2])
        return
    parser = ArgumentParser(description="Times two installations of glassnet in turns.")
    parser.add_argument("old", help="the Python of one installation")
    parser.add_argument("new", help="the Python of the other")
    parser.add_argument("--cases", nargs="+", choices=LINES, default=LINES, help="these alone")
    parser.add_argument("--rounds", type=int, default=4, help="pairs of processes for each line (4)")
    parser.add_argument("--turns", type=int, default=6, help="pairs of turns for each pair of processes (6)")
    parser.add_argument("--seconds", type=float, default=0.2, help="about how long a turn takes (0.2)")
    parser.add_argument("--variant", help="of the native module, for both: GLASSNET_VARIANT")
    options = parser.parse_args()
    print(f"{'':22}{'old µs':>12}{'new µs':>12}{'new/old':>9}   {'quartiles':16}  best")
    for name in options.cases:
        pairs = list(turns(name, options))
        ratios = [new / old for old, new in pairs]
        low, middle, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        olds, news = zip(*pairs, strict=True)
        line = f"{name:22}{median(olds):12.2f}{median(news):12.2f}{middle:9.3f}"
        print(f"{line}   {low:.3f} to {high:.3f}  {min(news) / min(olds):.3f}", flush=True)


if __name__ == "__main__":
    main()
