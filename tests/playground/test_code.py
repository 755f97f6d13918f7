"""The exported code: it ends with the same weights."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playground_messages import CARS, FLOWERS, PRICES

import glassnet as gn
from glassnet.playground import Session, Setting
from glassnet.playground.code import python_code
from glassnet.playground.examples import Table

SETTINGS = {
    "spiral": Setting(),
    "hinge": Setting(dataset="xor", loss="hinge", activation="relu", l1=0.001, l2=0.01, optimizer="nesterov"),
    "blobs": Setting(dataset="blobs", hidden=(), optimizer="lion", learning_rate=0.003, seed=3),
    "plane": Setting(dataset="plane", activation="linear", loss="huber", held_out=0.5),
    "inputs": Setting(dataset="circle", hidden=(3,), inputs=("x1_squared", "x1_x2", "sin_x2")),
    "dropped": Setting(dataset="moons", hidden=(6, 4), dropout=0.3, batch_norm=True, activation="relu", seed=2),
    "joined": Setting(dataset="moons", rows=20, hidden=(3,), batch_norm=True, batch_size=7),
    "digits": Setting(dataset="digits", hidden=(16,), optimizer="sgd", batch_size=32),
    "convolution": Setting(dataset="digits", filters=2, kernel_size=4, hidden=(5,), batch_size=64, dropout=0.1),
    "pooled": Setting(dataset="digits", filters=2, pooling=True, batch_norm=True, hidden=(5,), batch_size=64),
    "flowers": Setting(dataset="table", target="species", hidden=(4, 4)),
    "prices": Setting(dataset="table", hidden=(4,), noise=0.3),
    "cars": Setting(dataset="table", hidden=(4,)),
    "towns": Setting(dataset="table", hidden=(4,), target="Ort", seed=3, held_out=0.4),
    "new": Setting(dataset="table", hidden=(4,), target="neu", loss="hinge"),
}
TABLES = {
    "flowers": ("flowers.csv", FLOWERS.encode(), None),
    "prices": ("prices.csv", PRICES.encode(), None),
    "cars": ("Autos.csv", CARS.encode("cp1252"), None),
    "towns": ("Autos.csv.gz", gzip.compress(CARS.encode("utf-16")), None),
    "new": ("cars.csv", CARS.encode(), gn.tables.Reading(decimal=",", dates="dmy", missing=("nichts",))),
}
"""Files by their names, and what was said of their texts."""


@pytest.mark.parametrize(("epochs", "steps"), [(3, 2), (0, 1), (2, 0), (0, 0)])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_exported_code_ends_with_the_same_weights(
    name: str, epochs: int, steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = None
    if name in TABLES:
        file, content, reading = TABLES[name]
        table = Table(content, file, reading)
        (tmp_path / file).write_bytes(content)
    session = Session(SETTINGS[name], table)
    session.train(epochs)
    for _ in range(steps):
        session.step()
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    exec(compile(python_code(session), "network.py", "exec"), namespace)
    np.testing.assert_array_equal(namespace["model"].network.parameters, session.model.network.parameters)


def test_the_exported_code_runs_by_itself(tmp_path: Path) -> None:
    session = Session(Setting(dataset="moons"))
    session.train(25)
    path = tmp_path / "network.py"
    path.write_text(python_code(session), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", path], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    scores = session.scores()
    assert done.stdout.splitlines() == [
        f"{part}: loss {loss:.6f}, accuracy {metric:.4f}"
        for part, loss, metric in zip(("training", "held out"), scores.loss, scores.metric, strict=True)
    ]
