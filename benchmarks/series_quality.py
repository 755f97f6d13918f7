"""How good ``gn.zoo``'s networks for sequences are on five well-known sets, beside the published accuracies.

The sets come inside the package ``aeon``, of which nothing is imported::

    pip install --no-deps --target /some/folder aeon
    python -m benchmarks.series_quality --aeon /some/folder/aeon --output results/series.jsonl

Each set has its own rows to train with and to test with, and nothing is chosen by the latter: the paper's recipe, with
fewer epochs. Adam from 0.001 on, batches of 16 rows or a tenth of them; the rate is halved where the training loss has
not become less for a twentieth of the epochs, down to 0.0001; in the end come the weights of the least training loss.
One line of JSON for each training; those that the output has already are not done again. Some hours on one
processor, most of them for OSULeaf and ArrowHead.

Sources: Z. Wang, W. Yan, T. Oates, "Time series classification from scratch with deep neural networks", IJCNN 2017; for
JapaneseVowels H. Ismail Fawaz et al., "Deep learning for time series classification: a review", Data Mining and
Knowledge Discovery 33 (2019).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np

import glassnet as gn


class Case(NamedTuple):
    """A set: passes over it, rows in a step, and the published accuracies of the networks."""

    epochs: int
    batch: int
    published: dict[str, float]


CASES = {
    "GunPoint": Case(100, 5, {"fcn1d": 1.000, "resnet1d": 0.991}),
    "ItalyPowerDemand": Case(100, 6, {"fcn1d": 0.963, "resnet1d": 0.962}),
    "ArrowHead": Case(600, 3, {"fcn1d": 0.843, "resnet1d": 0.838}),
    "JapaneseVowels": Case(60, 16, {"fcn1d": 0.993, "resnet1d": 0.992}),
    "OSULeaf": Case(150, 16, {"fcn1d": 0.979, "resnet1d": 0.980}),
}
MOST_BELOW = 0.02


def read_ts(path: Path) -> tuple[list[np.ndarray], list[str]]:
    """The rows of a .ts file, each (T, D), and their classes."""
    rows, classes = [], []
    for line in path.read_text().partition("@data\n")[2].splitlines():
        *series, name = line.strip().split(":")
        rows.append(np.array([one.split(",") for one in series], np.float64).T)
        classes.append(name)
    return rows, classes


def read_set(folder: Path, name: str) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray], int]:
    """Inputs and labels to train with, those to test with, and the number of classes.

    Every number of a step is standardised by the rows to train with. Where lengths differ, the inputs are padded.
    """
    training, test = (read_ts(folder / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
    names = sorted(set(training[1]))
    steps = np.concatenate(training[0])
    mean, deviation = steps.mean(axis=0), steps.std(axis=0)
    longest = max(len(row) for row in training[0] + test[0])
    parts = []
    for rows, classes in (training, test):
        scaled = [(row - mean) / deviation for row in rows]
        whole = all(len(row) == longest for row in scaled)
        x: Any = np.stack(scaled) if whole else gn.data.pad(scaled, steps=longest)
        parts.append((x, np.array([names.index(own) for own in classes])))
    return parts[0], parts[1], len(names)


def measure(folder: Path, name: str, network: str, seed: int, epochs: int) -> dict[str, Any]:
    """Trains once, and tests."""
    (x, y), test, classes = read_set(folder, name)
    model = gn.Model(gn.zoo.SERIES_NETWORKS[network](classes), "cross_entropy", gn.Adam(0.001), ["accuracy"], seed=seed)
    patience = max(5, epochs // 20)
    callbacks = [
        gn.ReduceOnPlateau("loss", factor=0.5, patience=patience, min_rate=1e-4),
        gn.EarlyStopping("loss", patience=epochs),
    ]
    begun = process_time()
    history = model.fit(x, y, epochs=epochs, batch_size=CASES[name].batch, callbacks=callbacks, verbose=False)
    found = model.evaluate(*test)
    return {
        "set": name,
        "network": network,
        "seed": seed,
        "epochs": epochs,
        "accuracy": found["accuracy"],
        "training_loss": min(history["loss"]),
        "processor_seconds": round(process_time() - begun, 1),
    }


def report(lines: list[dict[str, Any]]) -> str:
    """A table of the means over the seeds."""
    by_case = defaultdict(list)
    for line in lines:
        by_case[line["set"], line["network"], line["epochs"]].append(line["accuracy"])
    shown = ["| set | network | epochs | seeds | mean | least | published |  |", "|---|---|---|---|---|---|---|---|"]
    for (name, network, epochs), found in sorted(by_case.items()):
        aim = CASES[name].published.get(network)
        verdict = "" if aim is None else "holds" if np.mean(found) >= aim - MOST_BELOW else "MISSES"
        published = "" if aim is None else f"{aim:.3f}"
        numbers = f"{np.mean(found):.3f} | {min(found):.3f} | {published} | {verdict}"
        shown.append(f"| {name} | {network} | {epochs} | {len(found)} | {numbers} |")
    return "\n".join(shown)


def main() -> None:
    """Measures what the output has not yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aeon", type=Path, required=True, help="the package's folder")
    parser.add_argument("--output", type=Path, required=True, help="lines of JSON, appended to")
    parser.add_argument("--sets", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--networks", nargs="+", default=["fcn1d", "resnet1d"], choices=gn.zoo.SERIES_NETWORKS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="others than the set's own")
    options = parser.parse_args()
    folder = options.aeon / "datasets" / "data"
    lines = [json.loads(line) for line in options.output.read_text().splitlines()] if options.output.exists() else []
    done = {(line["set"], line["network"], line["epochs"], line["seed"]) for line in lines}
    for name in options.sets:
        for network in options.networks:
            for seed in range(options.seeds):
                epochs = options.epochs or CASES[name].epochs
                if (name, network, epochs, seed) in done:
                    continue
                lines.append(measure(folder, name, network, seed, epochs))
                with options.output.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
                print(lines[-1], flush=True)
    print(report(lines))


if __name__ == "__main__":
    main()
