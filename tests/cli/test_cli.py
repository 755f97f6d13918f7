"""The command line, as a person types it."""

from __future__ import annotations

import csv
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.compile import native
from glassnet.plots.figures import readable
from glassnet.tables import Table


def run(command: str) -> int:
    return main(shlex.split(command))


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A table of 60 flowers of two species, which a line separates."""
    rng = np.random.default_rng(0)
    path = tmp_path / "flowers.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["length", "width", "always one", "species"])
        for i in range(60):
            species = ["lily", "rose"][i % 2]
            length, width = rng.normal(5 + 3 * (i % 2), 0.3), rng.normal(100 - 40 * (i % 2), 5)
            writer.writerow([f"{length:.3f}", f"{width:.3f}", 1, species])
    return path


def test_digits_from_training_to_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = "train digits --hidden 64 32 --dropout 0.1 --l2 1e-4 --epochs 8 --output d.safetensors --plot curves.png"
    assert run(command) == 0
    shown = capsys.readouterr().out
    assert "report saved to d.html" in shown
    assert "Its surest mistakes" in Path("d.html").read_text(encoding="utf-8")
    assert "digits: 1,348 rows to train, 449 to test, 64 features, 10 classes" in shown
    assert "epoch 8/8" in shown
    assert "model saved to d.safetensors" in shown
    assert (tmp_path / "curves.png").stat().st_size > 5000
    accuracy = float(shown.split("test accuracy: ")[1].split()[0])
    assert accuracy > 0.9

    assert main(["evaluate", "d.safetensors", "digits"]) == 0
    assert "accuracy: 0.9" in capsys.readouterr().out

    digits = gn.data.digits()
    np.savez("rows.npz", x=digits.x[:5])
    assert run("predict d.safetensors rows.npz --output out.csv --probabilities") == 0
    assert "5 predictions written to out.csv" in capsys.readouterr().out
    with Path("out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["prediction"] for row in rows] == [
        str(k) for k in gn.load("d.safetensors").predict_classes(digits.x[:5])
    ]
    for row in rows:
        probabilities = [float(row[f"probability_{k}"]) for k in range(10)]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert int(np.argmax(probabilities)) == int(row["prediction"])

    assert main(["summary", "d.safetensors"]) == 0
    summary = capsys.readouterr().out
    assert "Dense(32)" in summary
    assert f"written    {gn.load('d.safetensors').written}" in summary

    assert main(["trace", "d.safetensors", "digits", "--row", "3"]) == 0
    assert "dense_backward" in capsys.readouterr().out
    assert main(["trace", "d.safetensors", "digits", "--why", "--language", "zh"]) == 0
    assert "dW=xᵀdy里的xᵀ就是这么来的。" in "".join(capsys.readouterr().out.split())
    assert main(["trace", "d.safetensors", "digits", "--rows", "0:4", "--evaluation"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("one evaluation of 4 rows")
    assert "dense_backward" not in shown


def test_a_table_with_classes(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    assert run("train flowers.csv --target species --hidden 8 --epochs 60 --learning-rate 0.01 --no-report") == 0
    assert "test accuracy: 1.0000" in capsys.readouterr().out
    model = gn.load("flowers.safetensors")
    assert model.class_names == ("lily", "rose")
    assert isinstance(model.preprocessing, Table)
    assert [column.name for column in model.preprocessing.columns] == ["length", "width", "always one"]

    Path("new.csv").write_text("id,width,length,always one\n7,98,5.1,1\n8,61,8.2,1\n")
    assert main(["predict", "flowers.safetensors", "new.csv"]) == 0
    assert capsys.readouterr().out == "prediction\nlily\nrose\n"

    Path("roses.csv").write_text("length,width,always one,species\n8.1,60,1,rose\n")
    assert main(["evaluate", "flowers.safetensors", "roses.csv"]) == 0
    assert "accuracy: 1.0000" in capsys.readouterr().out

    assert main(["evaluate", "flowers.safetensors", "roses.csv", "--target", "species"]) == 0
    capsys.readouterr()
    for command in ("evaluate", "trace"):
        assert main([command, "flowers.safetensors", "roses.csv", "--target", "width"]) == 2
        assert "--target width, expected the target that the model learned, species" in capsys.readouterr().err

    np.savez("flowers.npz", x=[[5.0, 100.0, 1.0], [8.0, 60.0, 1.0]], y=["lily", "rose"])
    assert run("evaluate flowers.safetensors flowers.npz") == 0
    assert "accuracy: 1.0000" in capsys.readouterr().out

    Path("tulips.csv").write_text("length,width,always one,species\n8.1,60,1,tulip\n5,100,1,lily\n")
    assert main(["evaluate", "flowers.safetensors", "tulips.csv"]) == 2
    assert "the class 'tulip'" in capsys.readouterr().err


def test_a_table_with_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, (200, 2))
    rows = np.column_stack([x, 250_000 + 30_000 * x[:, 0] - 5_000 * x[:, 1] + rng.normal(0, 100, 200)])
    np.savetxt("houses.csv", rows, delimiter=",", header="rooms,age,price", comments="")
    assert run("train houses.csv --target price --hidden 16 --epochs 80 --learning-rate 0.01 --no-report") == 0
    r2 = float(capsys.readouterr().out.split("test r2: ")[1].split()[0])
    assert r2 > 0.99
    assert run("predict houses.safetensors houses.csv --output out.csv") == 0
    predicted = np.loadtxt("out.csv", skiprows=1)
    assert Path("out.csv").read_text().startswith("price\n")
    assert np.abs(predicted - rows[:, 2]).mean() < 20_000


def test_a_page_of_somebody_else_is_not_replaced(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    monkeypatch.setattr("glassnet.reports.pictures.find_spec", lambda name: None)  # pictures take time
    Path("flowers.html").write_text("<p>mine</p>")
    assert run("train flowers.csv --target species --epochs 1 --quiet") == 2
    assert "write --report with another name" in capsys.readouterr().err
    assert Path("flowers.html").read_text() == "<p>mine</p>"
    assert run("train flowers.csv --target species --epochs 1 --quiet --report flowers.html") == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert Path("flowers.html").read_text() == "<p>mine</p>"
    assert run("train flowers.csv --target species --epochs 1 --quiet --report flowers.html --force") == 0
    assert run("train flowers.csv --target species --epochs 1 --quiet") == 0


def test_the_report_is_written_where_asked(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    assert run("train flowers.csv --target species --epochs 30 --quiet --report page.html") == 0
    accuracy = float(capsys.readouterr().out.split("test accuracy: ")[1].split()[0])
    text = Path("page.html").read_text(encoding="utf-8")
    assert f"<span>Accuracy</span><strong>{readable(accuracy)}</strong>" in text
    for words in ("flowers: species", "45 rows to train with; 15 rows", "glassnet predict flowers.safetensors new.csv"):
        assert words in text
    assert not Path("flowers.html").exists()
    assert run("train flowers.csv --target species --epochs 1 --quiet --no-report") == 0
    assert "report" not in capsys.readouterr().out
    assert not Path("flowers.html").exists()
    monkeypatch.setattr("glassnet.reports.pictures.find_spec", lambda name: None)
    assert run("train flowers.csv --target species --epochs 1 --quiet") == 0
    assert 'flowers.html, without pictures: pip install "glassnet[plots]"' in capsys.readouterr().out


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_both_engines_train_the_same_model(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    shown = []
    for engine in ("numpy", "compiled"):
        options = f"--target species --hidden 8 --epochs 3 --engine {engine} --threads 1 --output m --no-report"
        assert run(f"train flowers.csv {options}") == 0
        shown.append([line for line in capsys.readouterr().out.splitlines() if line.startswith(("epoch", "test"))])
    assert shown[0] == shown[1]
    assert run("summary m --plan 16") == 0
    assert "adam_update" in capsys.readouterr().out


def test_bright_images_leave_the_units_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Images in CIFAR-10's files that differ in brightness: without centring every unit here would die."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, rows in (("data_batch_1.bin", 300), ("test_batch.bin", 60)):
        labels = rng.integers(0, 10, rows)
        pixels = np.clip(rng.normal(100, 30, (rows, 3072)) + 12 * labels[:, None], 0, 255)
        Path("images").mkdir(exist_ok=True)
        np.hstack([labels[:, None], pixels]).astype(np.uint8).tofile(Path("images") / name)
    assert run("train images --subset 250,50 --hidden 20 --epochs 30 --no-report") == 0
    shown = capsys.readouterr().out
    assert "images of 3 × 32 × 32, 10 classes" in shown
    assert float(shown.split("epoch 30/30")[1].split("accuracy ")[1].split()[0]) > 0.9


def test_whole_numbers_are_classes_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{i / 10},{i % 7}" for i in range(70)]
    Path("t.csv").write_text("\n".join(["a,count", *lines]) + "\n")
    assert run("train t.csv --target count --epochs 1 --hidden 4 --no-report") == 0
    assert "7 classes" in capsys.readouterr().out
    assert run("train t.csv --target count --epochs 1 --hidden 4 --regression --no-report") == 0
    assert "numbers to predict" in capsys.readouterr().out
    assert run("evaluate t.safetensors t.csv") == 0
    assert "r2" in capsys.readouterr().out


def test_early_stopping_uses_rows_apart_from_the_test(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    command = "train flowers.csv --target species --hidden --epochs 500 --patience 3 --learning-rate 0.3 --quiet"
    assert run(f"{command} --no-report") == 0
    shown = capsys.readouterr().out
    assert "stopped after epoch" in shown
    assert "epoch 1" not in shown.splitlines()[0][:7]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train flowers.csv", "species"),
        ("train flowers.csv --target colour", "colour"),
        ("train nothing.csv --target a", "nothing.csv"),
        ("train flowers.csv --target species --output no/such/folder.safetensors", "mkdir -p"),
        ("train flowers.csv --target species --plot curves.xyz", ".png, .svg, .pdf"),
        ("train flowers.csv --target species --plot no/such/curves.png", "mkdir -p"),
        ("train flowers.csv --target species --report no/such/page.html", "mkdir -p"),
        ("train flowers.csv --target species --output m --report m", "another file of this command"),
        ("train flowers.csv --target species --output m.html", "another file of this command"),
        ("train flowers.csv --target species --epochs 0", "epochs=0"),
        ("train flowers.csv --target species --hidden 0", "hidden=0"),
        ("train flowers.csv --target species --test-share 2", "2"),
        ("train digits --subset many", "many"),
        ("train digits --learning-rate 1e30 --optimizer sgd", "lower the learning rate"),
        ("predict nothing.safetensors flowers.csv", "no such file"),
        ("predict flowers.csv flowers.csv", "safetensors cannot read"),
        ("summary flowers.csv", "safetensors cannot read"),
    ],
)
def test_mistakes_end_with_a_message_and_status_2(
    command: str, words: str, flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    before = sorted(flowers.parent.iterdir())
    assert run(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("glassnet: ")
    assert words in error
    assert "Traceback" not in error
    assert sorted(flowers.parent.iterdir()) == before


def test_a_missing_column_at_prediction_is_named(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    assert run("train flowers.csv --target species --epochs 1 --quiet --no-report") == 0
    Path("new.csv").write_text("length,always one\n5.1,1\n")
    assert main(["predict", "flowers.safetensors", "new.csv"]) == 2
    assert "width" in capsys.readouterr().err


def test_a_row_that_is_not_there(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(flowers.parent)
    assert run("train flowers.csv --target species --epochs 1 --quiet --no-report") == 0
    assert main(["trace", "flowers.safetensors", "flowers.csv", "--row", "60"]) == 2
    assert "0 to 59" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["predict", "--help"], ["--version"]])
def test_help_explains_itself(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "glassnet" in shown
    assert len(shown) > 10


def test_the_installed_command_and_the_module_run() -> None:
    for command in ([str(Path(sys.executable).parent / "glassnet")], [sys.executable, "-m", "glassnet"]):
        result = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == f"glassnet {gn.__version__}"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As ``glassnet predict ... | head -1`` does; with little output it is noticed as late as at the exit."""
    model = gn.Model(gn.Sequential(gn.Dense(10)), "cross_entropy", "sgd")
    model.network.build((64,))
    model.save(tmp_path / "m")
    for command in ("predict", "summary"):
        arguments = ["-m", "glassnet", command, str(tmp_path / "m"), *(["digits"] if command == "predict" else [])]
        process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait() == 1


def test_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("train digits --epochs 1 --hidden 8 --output d.safetensors --quiet --no-report") == 0
    capsys.readouterr()
    assert main(["export", "d.safetensors", "--to", "c", "--function", "digit"]) == 0
    assert "d.c, d.h: void digit(" in capsys.readouterr().out
    assert Path("d.c").stat().st_size > 1000
    pytest.importorskip("onnx")
    assert main(["export", "d.safetensors", "--to", "onnx", "--output", "other.onnx"]) == 0
    assert "other.onnx: opset" in capsys.readouterr().out
    assert main(["export", "d.safetensors", "--to", "c", "--output", "d.txt"]) == 2
    assert "ends in .c" in capsys.readouterr().err
