"""``glassnet tune``: what it writes, how it goes on, and that rows to test choose nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main

pytest.importorskip("optuna")
ROWS = 80


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return written(np.zeros(ROWS, bool))


def written(turned: np.ndarray) -> Path:
    """A table whose answers are turned round in some rows."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, ROWS))
    answers = np.where((a + b > 0) ^ turned, "yes", "no")
    lines = [f"{x:.4f},{y:.4f},{answer}" for x, y, answer in zip(a, b, answers, strict=True)]
    Path("t.csv").write_text("\n".join(["a,b,answer", *lines]) + "\n", encoding="utf-8")
    return Path("t.csv")


FAST = ["--trials", "5", "--epochs", "3", "--wave", "2", "--space", "units=2:8:log", "--space", "layers=1"]


def run(*more: str) -> int:
    return main(["tune", "t.csv", "--target", "answer", *FAST, *more])


def test_it_searches_tests_saves_and_tells(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    said = capsys.readouterr().out
    assert "5 trials: " in said
    assert "5/5 trial 4: " in said
    assert "test accuracy: " in said
    model = gn.load("t.safetensors")
    assert model.class_names == ("no", "yes")
    assert Path("t.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["evaluate", "t.safetensors", "t.csv"]) == 0
    capsys.readouterr()
    before = Path("t.safetensors").read_bytes()
    assert run("--quiet") == 0  # nothing is left to do: the same model again
    assert gn.load("t.safetensors").fingerprint() == model.fingerprint()
    assert len(before) == Path("t.safetensors").stat().st_size
    assert "trial" not in capsys.readouterr().out
    assert sorted(path.name for path in Path().iterdir()) == ["t.csv", "t.html", "t.safetensors", "t.study"]


def test_rows_to_test_choose_nothing(table: Path) -> None:
    given = ["--subset", "60,20", "--no-report"]
    assert run(*given, "--output", "a.safetensors") == 0
    written(np.arange(ROWS) >= 60)
    assert run(*given, "--output", "b.safetensors") == 0
    one, other = (gn.load(f"{name}.safetensors") for name in "ab")
    assert one.fingerprint() == other.fingerprint()
    written(np.arange(ROWS) < 20)
    assert run(*given, "--output", "c.safetensors") == 0
    assert gn.load("c.safetensors").fingerprint() != one.fingerprint()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--space", "units"], "NAME=LOW:HIGH"),
        (["--space", "units=8:2"], "low < high"),
        (["--space", "unit=2:8"], "did you mean 'units'"),
        (["--metric", "acuracy"], "did you mean 'accuracy'"),
        (["--kind", "images"], "a table"),
        (["--study", "t.csv"], "this command reads"),
        (["--report", "t.study"], "another file of this command"),
        (["--trials", "0"], "--trials=0"),
    ],
)
def test_what_cannot_work_is_refused(
    table: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*options) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


def test_a_study_of_other_settings_is_refused(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--no-report", "--quiet") == 0
    before = Path("t.study").read_bytes()
    assert run("--no-report", "--quiet", "--seed", "1") == 2
    assert "seed=1 instead of 0" in capsys.readouterr().err
    assert Path("t.study").read_bytes() == before


def test_ctrl_c_keeps_the_best_so_far_and_says_how_to_go_on(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_many = gn.fit_many
    waves: list[int] = []

    def pressed(*given: object, **settings: object) -> object:
        waves.append(1)
        if len(waves) == 2:
            raise KeyboardInterrupt
        return fit_many(*given, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("glassnet.tuning.search.fit_many", pressed)
    assert run("--no-report") == 130
    said = capsys.readouterr().out
    assert "2 trials: " in said
    assert "to go on: glassnet tune t.csv --target answer" in said
    gn.load("t.safetensors")
    assert run("--no-report") == 0
    assert "5 trials: " in capsys.readouterr().out


def test_images_get_convolutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = np.random.default_rng(0).normal(size=(40, 1, 6, 6)), np.arange(40) % 2
    np.savez("pictures.npz", x=x, y=y)
    space = ["--space", "network=small_cnn", "--no-report", "--quiet"]
    assert main(["tune", "pictures.npz", "--trials", "1", "--epochs", "1", *space]) == 0
    assert gn.load("pictures.safetensors").network.input_shape == (1, 6, 6)
