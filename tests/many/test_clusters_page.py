"""The page about clusters: both languages have the same code, which runs where its engine is."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

DOCS = Path(__file__).parents[2] / "docs"


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)


def test_both_languages_have_the_same_code() -> None:
    english, chinese = (
        [re.sub(r" *#.*", "", block) for block in blocks(name)] for name in ("clusters.md", "clusters.zh-CN.md")
    )
    assert english == chinese
    assert len(english) == 5


@pytest.mark.filterwarnings("ignore")
def test_processes_and_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask's client is one of a cluster within this process; the search makes do with threads."""
    known: dict[str, Any] = {}
    first, by_dask, _, search, _ = blocks("clusters.md")
    exec(compile(first, "clusters.md", "exec"), known)
    assert [len(history) for history in known["histories"]] == [20] * 20
    exec(compile(search.replace('"loky"', '"threading"'), "clusters.md", "exec"), known)
    assert known["search"].best_score_ > 0.5
    distributed = pytest.importorskip("dask.distributed")
    with (
        distributed.LocalCluster(n_workers=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        monkeypatch.setattr(distributed, "Client", lambda address: client)
        exec(compile(by_dask, "clusters.md", "exec"), known)
    assert [model.epochs_trained for model in known["models"]] == [40] * 20


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_spark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    known: dict[str, Any] = {}
    block = blocks("clusters.md")[-1]
    exec(compile(block, "clusters.md", "exec"), known)
    try:
        assert sorted(known["trained"]["shop"]) == ["north", "south", "west"]
        for shop in ("north", "south", "west"):
            model = gn.load(tmp_path / f"{shop}.safetensors")
            rows = known["days"][known["days"]["shop"] == shop]
            net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(1))
            here = gn.Model(net, "mean_squared_error", gn.Adam(0.02), threads=1)
            here.fit(rows[["day", "price"]], rows[["sold"]], epochs=20, verbose=False)
            np.testing.assert_array_equal(model.network.parameters, here.network.parameters)
    finally:
        known["spark"].stop()
