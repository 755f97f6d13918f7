"""How good the answers on tables are: glassnet's presets beside scikit-learn, LightGBM and linear models.

python -m benchmarks.tables [--sets adult ...] [--peers LightGBM ...] [--seeds 0 1 2] [--output FILE] [--docs]

The rows of each table are cut by the seed: a fifth is held out (in equal shares of the classes), everybody learns from
the others, with one thread. Errors are 1 − accuracy for classes, and the root mean squared error over the deviation of
the test targets for amounts. One line of JSON for each training; those that the output has already are not done again.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from benchmarks.results import ROOT
from benchmarks.table_peers import PEERS, Array
from benchmarks.table_sets import CLASSES, SETS, SMALL, TableSet, read_set

TEST_SHARE = 0.2
LEAST = 1e-7
"""Probabilities below count as this: float32 knows none much smaller."""
BASE = "LightGBM"


THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GLASSNET_NUM_THREADS"
"""What tells libraries, once they are loaded, how many threads they may have."""


NONE = "–"
BEGIN, END = "<!-- table of tables -->", "<!-- end of table of tables -->"
PAGES: dict[str, dict[str, str]] = {
    "table-models.md": {
        **{"table": "table", "rows": "rows", "relative": "error, relative to LightGBM", "linear": "linear model"},
        **{"log loss": "log loss, likewise", "seconds": "processor time, likewise"},
    },
    "table-models.zh-CN.md": {
        **{"table": "表格", "rows": "行数", "relative": "误差（相对于 LightGBM）", "linear": "线性模型"},
        **{"log loss": "对数损失（同上）", "seconds": "处理器时间（同上）"},
    },
}
"""The pages that show the results, and their words."""


def split(own: TableSet, seed: int) -> tuple[Any, Any, Any, Any]:
    """Inputs and targets to train with, and to test with."""
    from sklearn.model_selection import train_test_split

    frame = read_set(own)
    stratify = frame[own.target] if own.task == CLASSES else None
    parts = train_test_split(frame, test_size=TEST_SHARE, random_state=seed, stratify=stratify)
    training, test = (part.reset_index(drop=True) for part in parts)
    return *(part.drop(columns=own.target) for part in (training, test)), training[own.target], test[own.target]


def judged(given: Array, y: Any, y_test: Any, task: str) -> dict[str, float]:
    """Error and log loss of the answers."""
    if task != CLASSES:
        return {"error": float(np.sqrt(np.mean((given.ravel() - y_test) ** 2)) / np.std(y_test))}
    labels = np.searchsorted(np.unique(y), y_test)
    right = np.clip(given[np.arange(len(labels)), labels], LEAST, None)
    return {"error": float(np.mean(given.argmax(axis=1) != labels)), "log_loss": float(-np.log(right).mean())}


def measure(own: TableSet, peer: str, seed: int, parts: tuple[Any, Any, Any, Any]) -> dict[str, Any]:
    """One training, and its test."""
    x, x_test, y, y_test = parts
    begun = process_time()
    given = PEERS[peer](x, y, x_test, own.task, seed)
    seconds = process_time() - begun
    found = judged(given, y, y_test, own.task)
    return {"table": own.name, "peer": peer, "seed": seed, **found, "processor_seconds": round(seconds, 3)}


def known(path: Path) -> list[dict[str, Any]]:
    """The lines that are there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def cell(found: list[float]) -> str:
    """Mean and deviation over the seeds."""
    return f"{np.mean(found):.4f} ± {np.std(found):.4f}" if found else NONE


def report(lines: list[dict[str, Any]], seeds: list[int], words: dict[str, str]) -> str:
    """The table in Markdown, of some seeds."""
    values: dict[tuple[str, str, str], list[float]] = {}
    for line in lines:
        for name in ("error", "log_loss", "processor_seconds"):
            if line["seed"] in seeds and name in line:
                values.setdefault((line["table"], line["peer"], name), []).append(line[name])
    shown = [[words["table"], words["rows"], *(words.get(peer, peer) for peer in PEERS)]]
    shown.append(["---"] + ["---:"] * (len(PEERS) + 1))
    for own in SETS + SMALL:
        cells = [cell(values.get((own.name, peer, "error"), [])) for peer in PEERS]
        shown.append([own.name, f"{own.rows:,}", *cells])
    classes = [own.name for own in SETS if own.task == CLASSES]
    for what, name, names in (
        ("relative", "error", [own.name for own in SETS]),
        ("log loss", "log_loss", classes),
        ("seconds", "processor_seconds", [own.name for own in SETS]),
    ):
        row = []
        for peer in PEERS:
            ratios = [
                np.mean(values[table, peer, name]) / np.mean(values[table, BASE, name])
                for table in names
                if (table, peer, name) in values and (table, BASE, name) in values
            ]
            middle = np.exp(np.mean(np.log(ratios))) if ratios else 0.0
            part = "" if len(ratios) == len(names) else f" ({len(ratios)}/{len(names)})"
            row.append(f"**{middle:.3f}**{part}" if ratios else NONE)
        shown.append([words[what], "", *row])
    return "\n".join(f"| {' | '.join(row)} |" for row in shown)


def write(lines: list[dict[str, Any]], seeds: list[int]) -> None:
    """Puts the table between the markers of the pages."""
    for name, words in PAGES.items():
        path = ROOT / "docs" / name
        before, rest = path.read_text(encoding="utf-8").split(BEGIN)
        text = f"{before}{BEGIN}\n{report(lines, seeds, words)}\n{END}{rest.split(END)[1]}"
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Measures what the output has not yet, and prints the table."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        again = [sys.executable, "-m", "benchmarks.tables", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | dict.fromkeys(THREADS, "1"))  # noqa: S606
    every = {own.name: own for own in SETS + SMALL}
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(every), choices=list(every), metavar="NAME")
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS), metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/tables.jsonl"))
    parser.add_argument("--docs", action="store_true", help="also put the table into docs/table-models.md")
    options = parser.parse_args()
    options.output.parent.mkdir(exist_ok=True)
    lines = known(options.output)
    done = {(line["table"], line["peer"], line["seed"]) for line in lines}
    for name in options.sets:
        for seed in options.seeds:
            peers = [peer for peer in options.peers if (name, peer, seed) not in done]
            if not peers:
                continue
            parts = split(every[name], seed)
            for peer in peers:
                lines.append(measure(every[name], peer, seed, parts))
                with options.output.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
                print(lines[-1], flush=True)
    print(report(lines, options.seeds, PAGES["table-models.md"]))
    if options.docs:
        write(lines, options.seeds)


if __name__ == "__main__":
    main()
