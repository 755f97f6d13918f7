"""``glassnet trace``: text, and pages."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main


def run(command: str) -> int:
    return main(shlex.split(command))


def content(path: str) -> dict[str, Any]:
    """What the page's script reads."""
    text = Path(path).read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_rows_as_text_and_as_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train digits --hidden 8 --epochs 1 --output d.safetensors --quiet --no-report") == 0
    before = Path("d.safetensors").read_bytes()
    capsys.readouterr()
    assert run("trace d.safetensors digits --row 3") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("one training step on 1 row: loss ")
    assert "adam_update" in shown
    assert run("trace d.safetensors digits --rows 2:6") == 0
    assert capsys.readouterr().out.startswith("one training step on 4 rows: loss ")
    assert run("trace d.safetensors digits --rows 2:6 --html step.html --language zh") == 0
    assert re.fullmatch(r"page written to step.html \(\d+ kB\)\n", capsys.readouterr().out)
    page = content("step.html")
    assert page["words"]["backward"] == "反向传播"
    assert page["calls"][0]["arrays"]["x"]["shape"] == [4, 64]
    assert page["names"]["classes"] == [str(k) for k in range(10)]
    assert Path("d.safetensors").read_bytes() == before


def test_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    np.savez("images.npz", x=rng.normal(size=(40, 1, 12, 12)), y=np.arange(40) % 3)
    assert run("train images.npz --network small_cnn --epochs 1 --output m --quiet --no-report") == 0
    assert run("trace m images.npz --row 7 --html step.html") == 0
    kernels = {call["kernel"] for call in content("step.html")["calls"]}
    assert {"conv2d_forward", "conv2d_backward", "max_pool2d_backward"} <= kernels


def test_a_table_with_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    towns = ["Ulm", "Bern", "Graz"]
    lines = [f"{20 + i % 50},{towns[i % 3]},{'yes' if i % 3 else 'no'}" for i in range(60)]
    Path("t.csv").write_text("\n".join(["age,town,buys", *lines]) + "\n")
    assert run("train t.csv --target buys --hidden 4 --epochs 1 --quiet --no-report") == 0
    assert isinstance(gn.load("t.safetensors").preprocessing, gn.Table)
    assert run("trace t.safetensors t.csv --rows 0:5 --html step.html") == 0
    page = content("step.html")
    assert page["calls"][0]["arrays"]["x"]["shape"][0] == 5
    assert "town=Bern" in page["names"]["features"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--row 449", "0 to 448"),
        ("--row -1", "a whole number from 0 to"),
        ("--rows 5:5", "FIRST:STOP between 0 and 449"),
        ("--rows 5", "--rows 0:4"),
        ("--rows a:b", "--rows 0:4"),
        ("--rows 440:450", "FIRST:STOP between 0 and 449"),
        ("--html no/such/folder/step.html", "mkdir -p"),
    ],
)
def test_mistakes(options: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(10)), "cross_entropy", "sgd")
    model.network.build((64,))
    model.save("m")
    np.savez("rows.npz", x=np.zeros((449, 64)), y=np.zeros(449, int))
    before = sorted(folder.iterdir())
    assert run(f"trace m rows.npz {options}") == 2
    error = capsys.readouterr().err
    assert error.startswith("glassnet: ")
    assert words in error
    assert sorted(folder.iterdir()) == before


def test_a_page_that_cannot_be_written_is_refused_before_the_model_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("trace nothing.safetensors digits --html no/such/step.html") == 2
    assert "mkdir -p" in capsys.readouterr().err
