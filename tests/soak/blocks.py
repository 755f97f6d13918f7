"""Memory of trainings on tables that grow, generated and read block by block: it must stay as it is.

    python tests/soak/blocks.py [--rows 1_000_000 20_000_000] [--folder DIRECTORY] [--in-a-file 1_000_000]

For each number of rows a folder of .parquet files is made (36 bytes a row) and deleted afterwards, and ``glassnet
train`` runs on it in a process of its own: one pass for the schema, an epoch, a validation, a page about the model. The
peak of the last may be larger than that of the first by 20 % at most: what allocators keep for reuse differs that much.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

MOST_GROWTH = 0.2
COLUMNS = 8


MEASURED = r"""
import re, sys
from pathlib import Path
from glassnet.cli.main import main

status = main(sys.argv[1:])
# What the system counts for a child begins with the memory of the process that it was forked from: Linux knows better.
print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3, flush=True)
sys.exit(status)
"""


def generate(folder: Path, rows: int, in_a_file: int) -> None:
    """Files of that many rows together: numbers, a column of words, two classes."""
    import polars

    for number, first in enumerate(range(0, rows, in_a_file)):
        rng, count = np.random.default_rng(number), min(in_a_file, rows - first)
        x = {f"x{k}": rng.normal(size=count).astype(np.float32) for k in range(COLUMNS)}
        town = rng.choice(["Ulm", "Bern", "Graz", "Linz"], count)
        y = np.where(x["x0"] + x["x1"] * x["x2"] + (town == "Ulm") + rng.normal(size=count) > 0.3, "yes", "no")
        polars.DataFrame({**x, "town": town, "y": y}).write_parquet(folder / f"part-{number:03}.parquet")


def peak(folder: Path, output: Path, *options: str) -> tuple[float, float]:
    """MB that ``glassnet train`` holds at most, and its seconds."""
    command = [sys.executable, "-c", MEASURED, "train", str(folder), "--target", "y", "--hidden", "32", *options]
    command += ["--epochs", "1", "--batch-size", "1024", "--output", str(output), "--force", "--quiet"]
    started = perf_counter()
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if process.returncode:
        raise SystemExit(f"glassnet train ended with {process.returncode}")
    return float(process.stdout.splitlines()[-1]), perf_counter() - started


def main() -> None:
    """Prints a line for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 20_000_000])
    parser.add_argument("--in-a-file", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options, others = parser.parse_known_args()
    peaks = []
    for rows in options.rows:
        with TemporaryDirectory(dir=options.folder) as place:
            data = Path(place, "data")
            data.mkdir()
            generate(data, rows, options.in_a_file)
            size = sum(file.stat().st_size for file in data.iterdir()) / 1e6
            found, seconds = peak(data, Path(place, "m.safetensors"), *others)
        peaks.append(found)
        print(f"{rows:>12,} rows, {size:,.0f} MB of files: peak {found:,.0f} MB, {seconds:,.0f} s", flush=True)
    growth = peaks[-1] / peaks[0] - 1
    print(f"growth {100 * growth:.1f} %")
    raise SystemExit(growth > MOST_GROWTH)


if __name__ == "__main__":
    main()
