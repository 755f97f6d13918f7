"""The command line on published sets of images: small files in their forms, from training to predictions."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from image_files import cifar100_files, cifar100_records, emnist_files, write_archive, write_files

import glassnet as gn
from glassnet.cli.main import main


def run(command: str) -> int:
    return main(shlex.split(command))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def striped(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Images of bytes that show their label: brighter from one to the next, with noise."""
    noise = np.random.default_rng(0).integers(0, 20, (len(labels), *shape))
    return (noise + 70 * labels.reshape(-1, *[1] * len(shape))).astype(np.uint8)


def parts(names: str, shape: tuple[int, ...], *, column: bool) -> dict[str, np.ndarray]:
    """Sixty rows to train with, fifteen to test with, of three classes."""
    found = {}
    for part, rows in (("train", 60), ("test", 15)):
        labels = np.arange(rows) % 3
        x_name, y_name = (name.format(part) for name in names.split())
        found |= {x_name: striped(labels, shape), y_name: labels.reshape(-1, 1) if column else labels}
    return found


@pytest.mark.parametrize("options", ["", "--network small_cnn"])
@pytest.mark.parametrize(
    ("names", "shape", "column", "seen"),
    [
        ("x_{} y_{}", (12, 12), False, "12 × 12"),
        ("x_{} y_{}", (12, 12, 3), True, "3 × 12 × 12"),
        ("{}_images {}_labels", (12, 12, 3), True, "3 × 12 × 12"),
        ("{}_images {}_labels", (12, 12), True, "12 × 12"),
    ],
)
def test_archives_in_parts(
    capsys: pytest.CaptureFixture[str], names: str, shape: tuple[int, ...], column: bool, seen: str, options: str
) -> None:
    arrays = parts(names, shape, column=column)
    np.savez("set.npz", **arrays)
    assert run(f"train set.npz --epochs 15 --no-report {options}") == 0
    shown = capsys.readouterr().out
    assert f"set: 60 rows to train, 15 to test, images of {seen}, 3 classes" in shown
    assert "test accuracy: 1.0000" in shown
    assert run("evaluate set.safetensors set.npz") == 0
    assert "set: 15 rows\n" in (shown := capsys.readouterr().out)
    assert "accuracy: 1.0000" in shown
    assert run("predict set.safetensors set.npz") == 0
    assert capsys.readouterr().out.split() == ["prediction", *(str(i % 3) for i in range(15))]


def test_several_labels_an_image(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    arrays = {}
    for part, rows in (("train", 120), ("val", 10), ("test", 20)):
        labels = rng.integers(0, 2, (rows, 4))
        images = np.repeat(labels, 6, axis=1)[:, :, None] * 150 + rng.integers(0, 50, (rows, 24, 24))
        arrays |= {f"{part}_images": images.astype(np.uint8), f"{part}_labels": labels.astype(np.uint8)}
    np.savez("chest.npz", **arrays)
    assert run("train chest.npz --epochs 15") == 0
    shown = capsys.readouterr()
    assert "images of 24 × 24, 4 labels, of which any may hold" in shown.out
    assert "test accuracy: 1.0000" in shown.out
    assert "passed over 10 rows for validation in chest.npz" in shown.err
    assert isinstance(gn.load("chest.safetensors").loss, gn.losses.BinaryCrossEntropy)
    assert run("evaluate chest.safetensors chest.npz") == 0
    assert "accuracy: 1.0000" in capsys.readouterr().out
    assert run("predict chest.safetensors chest.npz") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "prediction_0,prediction_1,prediction_2,prediction_3"
    assert [[int(part) for part in line.split(",")] for line in lines[1:]] == arrays["test_labels"].tolist()
    assert run("train chest.npz --epochs 1 --regression --no-report --quiet") == 0
    assert isinstance(gn.load("chest.safetensors").loss, gn.losses.MeanSquaredError)


def test_cifar_100(capsys: pytest.CaptureFixture[str]) -> None:
    records = cifar100_records([(number % 20, number % 100) for number in range(120)])
    files = cifar100_files() | {"train.bin": records, "test.bin": records[: 3074 * 10]}
    write_archive(Path("cifar-100-binary.tar.gz"), {f"cifar-100-binary/{name}": own for name, own in files.items()})
    assert run("train cifar-100-binary.tar.gz --epochs 1 --hidden 8 --no-report") == 0
    shown = capsys.readouterr().out
    assert "cifar-100: 120 rows to train, 10 to test, images of 3 × 32 × 32, 100 classes" in shown
    model = gn.load("cifar-100-binary.safetensors")
    assert model.class_names == tuple(f"fine_{number}" for number in range(100))
    assert run("predict cifar-100-binary.safetensors cifar-100-binary.tar.gz") == 0
    answers = capsys.readouterr().out.split()[1:]
    assert len(answers) == 10
    assert set(answers) <= set(model.class_names)


def test_emnist(capsys: pytest.CaptureFixture[str]) -> None:
    given = [1 + number % 26 for number in range(52)]
    write_files(Path("emnist"), emnist_files("letters", given, (6, 6)) | emnist_files("digits", [1, 2], (6, 6)))
    assert run("train emnist --no-report") != 0
    assert "2 sets, emnist-digits, emnist-letters" in capsys.readouterr().err
    file = "emnist/emnist-letters-train-images-idx3-ubyte"
    assert run(f"train {file} --epochs 2 --hidden 8 --no-report --output letters.safetensors") == 0
    assert "emnist-letters: 52 rows to train, 52 to test, images of 1 × 6 × 6, 26 classes" in capsys.readouterr().out
    assert gn.load("letters.safetensors").class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert run(f"evaluate letters.safetensors {file}") == 0
    assert "emnist-letters: 52 rows" in capsys.readouterr().out


def test_channels_last_that_are_not_sure(capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.arange(30) % 3
    np.savez("rows.npz", x=striped(labels, (16, 20, 1)), y=labels)
    assert run("train rows.npz --network small_cnn --no-report") != 0
    assert "x.transpose(0, 3, 1, 2)" in capsys.readouterr().err
    np.savez("rows.npz", x=striped(labels, (16, 20, 1)).transpose(0, 3, 1, 2), y=labels)
    assert run("train rows.npz --network small_cnn --epochs 1 --no-report") == 0
    assert "images of 1 × 16 × 20" in capsys.readouterr().out
