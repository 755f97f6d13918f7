"""Memory of a training that does not grow with its rows: the short form of ``make soak-blocks``."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURED = r"""
import re, sys
from pathlib import Path
import numpy as np
import glassnet as gn

def peak():
    # In MB; what getrusage says begins with the memory of the process that this one was forked from.
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3

def made(rows):
    def blocks():
        for first in range(0, rows, 5000):
            x = np.random.default_rng(first).normal(size=(5000, 20))
            yield x, x[:, :1]
    return gn.data.blocks(blocks, buffer=10000)

model = gn.Model(gn.Dense(1), "mean_squared_error", "adam", ["r2"])
peaks = []
for rows in (20_000, 20_000, 200_000):
    model.fit(made(rows), epochs=1, batch_size=500, validation_split=0.2, verbose=False)
    peaks.append(peak())
print(peaks[-1] - peaks[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_ten_times_the_rows_take_the_same_memory() -> None:
    """In memory the larger data would take 32 MB as they are, and as much again for the network's rows."""
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 10, done.stdout
