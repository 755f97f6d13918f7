"""scikit-learn's ``GridSearchCV`` over glassnet's ``MLPClassifier`` and over its own, on the digits.

    python -m benchmarks.grid [--folds 5] [--rounds 3] [--batch-size 32]

The same 24 candidates, folds, epochs and scores on both sides. Each library runs in every way that is named in
``WAYS``, in turn, each in a process of its own, and its fastest one counts. It prints a line for each run, and the
ratio of the medians.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from argparse import ArgumentParser, Namespace
from statistics import median
from time import perf_counter
from typing import Any

AIM = 12
"""How many times faster than scikit-learn."""
CANDIDATES: dict[str, list[Any]] = {
    "hidden_layer_sizes": [(32,), (64,), (128,), (64, 32)],
    "alpha": [1e-4, 1e-2],
    "learning_rate_init": [1e-3, 3e-3, 1e-2],
}
EPOCHS = 20
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
WAYS = {
    "scikit-learn": ["one", "processes", "threads", "blas"],
    "glassnet": ["one", "processes", "threads"],
}
"""One after another on one thread; side by side on one thread each; one after another on all threads of a BLAS."""


def search(library: str, way: str, options: Namespace) -> dict[str, float]:
    """One search, timed: from X and y to the best candidate, which is fitted once more as a user would have it."""
    import joblib
    import numpy as np
    from sklearn import neural_network
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import StandardScaler

    from glassnet import estimators

    warnings.simplefilter("ignore")  # that so few epochs do not converge
    os.environ["PYTHONWARNINGS"] = "ignore"
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(options.dtype)
    module: Any = estimators if library == "glassnet" else neural_network
    model = module.MLPClassifier(
        batch_size=options.batch_size, max_iter=EPOCHS, tol=0.0, n_iter_no_change=EPOCHS, random_state=0
    )
    model.__class__(max_iter=1).fit(np.eye(4), [0, 1, 0, 1])  # loads what is loaded once
    jobs = CORES if way in ("processes", "threads") else 1
    with joblib.parallel_config("threading" if way == "threads" else "loky", n_jobs=jobs):
        if way == "processes":
            joblib.Parallel()(joblib.delayed(abs)(i) for i in range(jobs))  # which starts them
        started = perf_counter()
        found = GridSearchCV(model, CANDIDATES, cv=options.folds).fit(X, y)
    return {"seconds": perf_counter() - started, "score": float(found.best_score_)}


def run(library: str, way: str, options: Namespace) -> dict[str, float]:
    """One search in a process of its own."""
    threads = str(CORES if way == "blas" else 1)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GLASSNET_NUM_THREADS")
    command = [sys.executable, "-m", "benchmarks.grid", "--search", library, way, "--folds", str(options.folds)]
    command += ["--batch-size", str(options.batch_size), "--dtype", options.dtype]
    done = subprocess.run(
        command, env=os.environ | dict.fromkeys(names, threads), check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def batch_size(text: str) -> int | str:
    """A number, or ``auto``."""
    return text if text == "auto" else int(text)


def main() -> None:
    """The command line."""
    parser = ArgumentParser(description="GridSearchCV over 24 candidates: glassnet's MLPClassifier and scikit-learn's.")
    parser.add_argument("--folds", type=int, default=5, help="of the cross-validation (5)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each library in each way (3)")
    parser.add_argument("--batch-size", type=batch_size, default=32, help="rows in a step, or auto: 200 (32)")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of X (float32)")
    parser.add_argument("--search", nargs=2, metavar=("LIBRARY", "WAY"), help="one search alone, as a line of JSON")
    options = parser.parse_args()
    if options.search:
        print(json.dumps(search(*options.search, options)))
        return
    times: dict[str, dict[str, list[float]]] = {library: {way: [] for way in ways} for library, ways in WAYS.items()}
    for number in range(options.rounds):
        for library, ways in WAYS.items():
            for way in ways:
                found = run(library, way, options)
                times[library][way].append(found["seconds"])
                print(f"{number + 1} {library:12} {way:9} {found['seconds']:8.2f} s, score {found['score']:.4f}")
    best = {library: min(map(median, ways.values())) for library, ways in times.items()}
    ratio = best["scikit-learn"] / best["glassnet"]
    verdict = "reached" if ratio >= AIM else "not yet"
    print(f"glassnet is faster by {ratio:.1f}× (aim ≥ {AIM}×): {verdict}")


if __name__ == "__main__":
    main()
