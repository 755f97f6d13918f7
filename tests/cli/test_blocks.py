"""Several tables, or a folder of them, on the command line: read block by block."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import polars
import pytest

import glassnet as gn
from glassnet.cli import blocks
from glassnet.cli.main import main
from glassnet.model.model import Model


def frame(seed: int, rows: int = 400) -> polars.DataFrame:
    rng = np.random.default_rng(seed)
    a, town = rng.normal(size=rows), rng.choice(["Ulm", "Bern"], rows)
    y = np.where(a + (town == "Ulm") > 0.5, "yes", "no")
    return polars.DataFrame({"a": a, "town": town, "z": a * 3 + 1 + (town == "Ulm"), "y": y})


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "big").mkdir()
    for number in range(3):
        frame(number).write_parquet(f"big/{number}.parquet")
    return tmp_path


def run(line: str) -> int:
    return main(shlex.split(line))


@pytest.mark.usefixtures("big")
def test_from_several_files_to_answers(capsys: pytest.CaptureFixture[str]) -> None:
    line = "--target y --ignore z --epochs 12 --hidden 8 --learning-rate 0.02"
    assert run(f"train big/0.parquet big/1.parquet big/2.parquet {line}") == 0
    said = capsys.readouterr().out
    assert "rows to train" in said
    assert "read block by block" in said
    measured = dict(own.split(": ") for own in said.splitlines() if own.startswith("test "))
    assert set(measured) == {"test loss", "test accuracy", "test f1", "test log loss"}
    assert float(measured["test accuracy"]) > 0.9
    assert Path("big.safetensors").is_file()
    assert Path("big.html").is_file()
    first = gn.load("big.safetensors")
    assert run(f"train big {line} --output again.safetensors --no-report --quiet") == 0
    assert gn.load("again.safetensors").fingerprint() == first.fingerprint()

    capsys.readouterr()
    assert run("evaluate big.safetensors big/0.parquet big/1.parquet") == 0
    said = capsys.readouterr().out
    assert "800 rows" in said
    both = polars.concat([frame(0), frame(1)])
    assert f"loss: {first.evaluate(both, 'y')['loss']:.4f}" in said
    assert run("predict big.safetensors big/0.parquet big/1.parquet --output out.csv") == 0
    answers = polars.read_csv("out.csv")["prediction"].to_list()
    assert answers == first.predict_classes(both, names=True).tolist()


@pytest.mark.usefixtures("big")
def test_amounts_are_scaled_and_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    line = "train 'big/*.parquet' --target z --ignore y --epochs 3 --hidden 8 --no-report"
    assert run(f"{line} --output whole.safetensors") == 0
    model = gn.load("whole.safetensors")
    training, _ = gn.data.blocks("big/*.parquet", "z", ignore="y").split(0.25, 0)
    z = np.concatenate([block.x["z"].values for block in training.all_blocks()])
    assert model.target_scaling is not None
    assert model.target_scaling.mean == pytest.approx([z.mean()])
    assert model.target_scaling.scale == pytest.approx([z.std()])
    assert run(f"{line.replace('--epochs 3', '--epochs 2')} --output part.safetensors") == 0
    assert run(f"{line} --output part.safetensors --resume") == 0
    assert gn.load("part.safetensors").fingerprint() == model.fingerprint()
    assert "test r2" in capsys.readouterr().out


@pytest.mark.usefixtures("big")
def test_patience_sets_rows_aside(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train big --target y --ignore z --epochs 4 --patience 2 --no-report") == 0
    assert "test accuracy" in capsys.readouterr().out


@pytest.mark.usefixtures("big")
def test_a_large_file_is_read_block_by_block(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[type] = []
    fit = Model.fit
    monkeypatch.setattr(Model, "fit", lambda self, *x, **how: (seen.append(type(x[0])), fit(self, *x, **how))[1])
    line = "train big/0.parquet --target y --ignore z --epochs 1 --no-report --force"
    assert run(line) == 0
    monkeypatch.setattr(blocks, "LARGE_BYTES", Path("big/0.parquet").stat().st_size)
    assert run(line) == 0
    assert "read block by block" in capsys.readouterr().out
    assert [issubclass(own, gn.data.Blocks) for own in seen] == [False, True]


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train big/0.parquet digits --target y", "digits: received 2 names, of which this one is no table"),
        ("train big --epochs 1", "no --target"),
        ("train big --target Y", "did you mean 'y'"),
        ("train big --target y --subset 10,10", "--subset 10,10 for data that are read block by block"),
        ("train big/0.parquet big/none.parquet --target y", "none.parquet"),
        ("train big/0.parquet big/1.parquet --task text", "received 2 names of data"),
        ("train big/0.parquet big/1.parquet --past 3 --future 1", "received 2 names of data"),
        ("train big --target y --output big/1.parquet", "big/1.parquet"),
    ],
)
def test_what_does_not_go(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("big/1.parquet").read_bytes()
    assert run(line) != 0
    assert words in capsys.readouterr().err
    assert Path("big/1.parquet").read_bytes() == before
