"""glassnet's estimators beside scikit-learn's of the same names: scores and times of ``fit`` on its bundled data sets.

python -m benchmarks.estimators [--seeds 10] [--docs]
"""

from __future__ import annotations

import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, pstdev
from time import perf_counter
from typing import Any

import numpy as np
from sklearn import datasets, neural_network
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.results import ROOT, duration
from glassnet import estimators

DOCS = ROOT / "docs" / "estimators.md"
BEGIN, END = "<!-- estimator table -->", "<!-- end of estimator table -->"
DIGITS_AIM = 8
"""How many times faster than scikit-learn on the digits."""


@dataclass
class Task:
    """A data set and the estimator that is fitted to a part of it.

    Attributes:
        name: as in the table.
        load: scikit-learn's function that gives X and y.
        kind: class name of the estimator in both libraries.
        settings: parameters beside the defaults.
        aim: how many times faster ``fit`` is to be.
        runs: for each dtype and library (score, seconds, epochs) by seed.
    """

    name: str
    load: Callable[..., Any]
    kind: str = "MLPClassifier"
    settings: dict[str, Any] = field(default_factory=dict)
    aim: float = 1.0
    runs: dict[tuple[str, str], list[tuple[float, float, int]]] = field(default_factory=dict)


SMALL_BATCHES = {"hidden_layer_sizes": (128,), "batch_size": 32, "max_iter": 20, "tol": 0.0, "n_iter_no_change": 20}
LIBRARIES = {"scikit-learn": neural_network, "glassnet": estimators}
DTYPES = "float64", "float32"
"""Of X, and so of the computation: each library is compared with the other in the same one."""


def tasks() -> list[Task]:
    """All of them; the first one as a user of small batches would have it, the others by default."""
    return [
        Task("digits, 20 epochs of batches of 32", datasets.load_digits, settings=SMALL_BATCHES, aim=DIGITS_AIM),
        Task("digits", datasets.load_digits),
        Task("iris", datasets.load_iris),
        Task("wine", datasets.load_wine),
        Task("breast_cancer", datasets.load_breast_cancer),
        Task("diabetes", datasets.load_diabetes, "MLPRegressor"),
    ]


def run(task: Task, seed: int) -> None:
    """One seed: the libraries in turn, on the same rows from the same initial weights."""
    X, y = task.load(return_X_y=True)
    stratify = None if task.kind == "MLPRegressor" else y
    training, test, y_training, y_test = train_test_split(X, y, random_state=seed, stratify=stratify)
    scaler = StandardScaler().fit(training)
    training, test = scaler.transform(training), scaler.transform(test)
    for dtype in DTYPES:
        rows, held = training.astype(dtype), test.astype(dtype)
        for library, module in LIBRARIES.items():
            model = getattr(module, task.kind)(random_state=seed, **task.settings)
            started = perf_counter()
            model.fit(rows, y_training)
            seconds = perf_counter() - started
            task.runs.setdefault((dtype, library), []).append((model.score(held, y_test), seconds, model.n_iter_))


def rows(found: list[Task]) -> Iterator[list[str]]:
    """The table's rows."""
    for task in found:
        for (dtype, library), lines in task.runs.items():
            scores, seconds = [score for score, _, _ in lines], seconds_of(task, dtype, library)
            speed = "" if library == "scikit-learn" else f"{speedup(task, dtype):.1f}×"
            epochs = f"{mean(count for _, _, count in lines):.0f}"
            score = f"{mean(scores):.4f} ± {pstdev(scores):.4f}"
            yield [task.name, dtype, library, score, epochs, duration(seconds * 1e6), speed]


def seconds_of(task: Task, dtype: str, library: str) -> float:
    """The median time of ``fit``."""
    return median(seconds for _, seconds, _ in task.runs[dtype, library])


def speedup(task: Task, dtype: str) -> float:
    """How many times faster glassnet is."""
    return seconds_of(task, dtype, "scikit-learn") / seconds_of(task, dtype, "glassnet")


def table(found: list[Task], seeds: int) -> str:
    """In Markdown."""
    head = [
        "data",
        "dtype",
        "library",
        f"score, mean ± deviation of {seeds} seeds",
        "epochs",
        "`fit`",
        "faster by",
    ]
    sides = ["---", "---", "---", "---:", "---:", "---:", "---:"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, sides, *rows(found)))


def judged(found: list[Task]) -> Iterator[str]:
    """Whether each aim is reached, and how far the scores lie apart."""
    for task in found:
        for dtype in DTYPES:
            theirs, ours = (task.runs[dtype, library] for library in LIBRARIES)
            apart = mean(own - their for (their, _, _), (own, _, _) in zip(theirs, ours, strict=True))
            speed = speedup(task, dtype)
            verdict = "reached" if speed >= task.aim else "not yet"
            scores = f"score {apart:+.4f}, theirs spreads {pstdev(score for score, _, _ in theirs):.4f}"
            yield f"{task.name}, {dtype}: {speed:.1f}× (aim ≥ {task.aim:g}×): {verdict}; {scores}"


def write(text: str, path: Path = DOCS) -> None:
    """Puts the table between the markers of the page."""
    page = path.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(f"written: {path}")


def main() -> None:
    """The command line."""
    parser = ArgumentParser(description="glassnet's estimators beside scikit-learn's.")
    parser.add_argument("--seeds", type=int, default=10, help="splits of the rows and initial weights (10)")
    parser.add_argument("--docs", action="store_true", help="also put the table into docs/estimators.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # that the default 200 epochs are too few
    estimators.MLPClassifier(max_iter=2).fit(np.eye(4), [0, 1, 0, 1])  # loads what is loaded once
    found = tasks()
    for seed in range(options.seeds):
        for task in found:
            run(task, seed)
    text = table(found, options.seeds)
    print(text, "", *judged(found), sep="\n")
    if options.docs:
        write(text)


if __name__ == "__main__":
    main()
