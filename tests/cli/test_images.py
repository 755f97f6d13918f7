"""The command line on pictures: training ready networks, augmentation, and photos to be told apart."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from pictures import class_folders, plain, write_picture

import glassnet as gn
from glassnet.cli.main import main

TRAIN = "train pets --network lenet5 --epochs 8 --learning-rate 0.01 --quiet --no-report"


def run(command: str) -> int:
    return main(shlex.split(command))


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty colour pictures of 8 × 8 pixels: dark cats and bright dogs; it is the working folder's "pets"."""
    monkeypatch.chdir(tmp_path)
    return class_folders(tmp_path / "pets", {"cat": (20, 60), "dog": (20, 190)})


@pytest.fixture
def trained(pets: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder that holds pets.safetensors, trained on them."""
    assert run(TRAIN) == 0
    assert "test accuracy: 1.0000" in capsys.readouterr().out
    return pets.parent


@pytest.mark.parametrize("network", ["lenet5", "small_cnn", "vgg_bn", "resnet"])
def test_digits_from_training_to_predictions(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(f"train digits --network {network} --subset 100,30 --epochs 1 --no-report") == 0
    shown = capsys.readouterr().out
    assert "digits: 100 rows to train, 30 to test" in shown
    assert "Reshape((1, 8, 8))" in shown
    assert main(["summary", "digits.safetensors"]) == 0
    assert "Conv2D" in capsys.readouterr().out
    assert main(["evaluate", "digits.safetensors", "digits"]) == 0
    assert "accuracy" in capsys.readouterr().out
    digits = gn.data.digits()
    np.savez("rows.npz", x=digits.x[:5])
    assert run("predict digits.safetensors rows.npz") == 0
    answers = capsys.readouterr().out.split()
    assert answers == ["prediction", *map(str, gn.load("digits.safetensors").predict_classes(digits.x[:5]))]


def test_channels_are_standardised_each_on_its_own(trained: Path) -> None:
    model = gn.load("pets.safetensors")
    assert model.preprocessing is not None
    assert model.preprocessing.mean.shape == (3, 1, 1)
    data, _ = gn.data.read_image_folder("pets")
    scaled = model.preprocessing.apply(data.x)
    np.testing.assert_allclose(scaled.mean(axis=(0, 2, 3)), 0, atol=0.2)
    assert model.class_names == ("cat", "dog")
    assert model.network.input_shape == (3, 8, 8)


def test_photos_are_told_apart_one_line_each(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_picture(Path("new/dark.png"), plain(50, (8, 8)))
    write_picture(Path("new/bright one.jpg"), plain(200, (8, 8), 3))
    write_picture(Path("other.png"), plain(70, (8, 8)))
    assert main(["predict", "pets.safetensors", "new", "other.png"]) == 0
    shown = capsys.readouterr()
    answers = {"new/bright one.jpg": ("dog", "cat"), "new/dark.png": ("cat", "dog"), "other.png": ("cat", "dog")}
    lines = shown.out.splitlines()
    for line, (name, (first, second)) in zip(lines, answers.items(), strict=True):
        match = re.fullmatch(rf"{name} +{first} +([0-9.]+)%   {second} ([0-9.]+)%", line)
        assert match is not None, line
        assert float(match[1]) + float(match[2]) == pytest.approx(100, abs=0.2)
    assert shown.err == ""

    assert main(["predict", "pets.safetensors", "new/dark.png", "--output", "out.csv", "--probabilities"]) == 0
    assert "1 predictions written to out.csv" in capsys.readouterr().out
    with Path("out.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["file"], row["prediction"]) == ("new/dark.png", "cat")
    assert float(row["probability_cat"]) + float(row["probability_dog"]) == pytest.approx(1, abs=1e-5)


def test_folders_of_classes_are_evaluated_and_predicted(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class_folders(Path("later"), {"dog": (3, 180)}, channels=1)  # grey, and without cats
    assert run("evaluate pets.safetensors later") == 0
    assert "accuracy: 1.0000" in capsys.readouterr().out
    assert run("predict pets.safetensors later") == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        [f"later/dog/0{i}.png", "dog"] for i in range(3)
    ]
    assert run("trace pets.safetensors later --row 1") == 0
    assert "conv2d_backward" in capsys.readouterr().out


def test_another_size_is_refused_with_advice(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_picture(Path("big.png"), plain(60, (20, 30)))
    assert run("predict pets.safetensors big.png") == 2
    error = capsys.readouterr().err
    assert "big.png: received a picture of 20 × 30 pixels" in error
    assert "8 × 8, the size that the model was trained on" in error
    assert "--resize 8x8" in error
    assert run("predict pets.safetensors big.png --resize 8x8") == 0
    assert "cat" in capsys.readouterr().out
    assert run("predict pets.safetensors big.png --resize 16x16") == 2
    assert "write --resize 8x8" in capsys.readouterr().err
    write_picture(Path("mixed/cat/a.png"), plain(60, (20, 30)))
    assert run("evaluate pets.safetensors mixed") == 2
    assert "--resize 8x8" in capsys.readouterr().err
    assert run("evaluate pets.safetensors mixed --resize 8x8") == 0


def test_pictures_of_many_sizes_are_trained_on_with_resize(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_picture(pets / "cat" / "wide.png", plain(60, (20, 30)))
    assert run(TRAIN) == 2
    error = capsys.readouterr().err
    assert "cat/wide.png 20 × 30" in error
    assert "--resize 8x8" in error
    assert run(f"{TRAIN} --resize 10x12 --epochs 1") == 0
    assert gn.load("pets.safetensors").network.input_shape == (3, 10, 12)


def test_unreadable_pictures_stop_or_are_skipped(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pets/dog/03.png").write_bytes(b"")
    write_picture(Path("fine.png"), plain(200, (8, 8)))
    assert run(TRAIN) == 2
    assert "dog/03.png: received an empty file" in capsys.readouterr().err
    assert run(f"{TRAIN} --epochs 1 --on-error skip") == 0
    assert "glassnet: left out 1 of 40 pictures: pets/dog/03.png (an empty file)" in capsys.readouterr().err
    assert run("predict pets.safetensors pets/dog/03.png fine.png") == 2
    assert run("predict pets.safetensors pets/dog/03.png fine.png --on-error skip") == 0
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()] == ["fine.png"]
    assert "left out 1 of 2 pictures" in shown.err
    assert run("predict pets.safetensors nothing.png fine.png --on-error skip") == 2
    assert "nothing.png: received no such file" in capsys.readouterr().err


def test_augmentation_becomes_a_layer_of_fitting_strength(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = "flip,crop,rotate,brightness,contrast,cutout"
    assert run(f"train pets --augment {everything} --hidden 4 --epochs 1 --no-report") == 0
    shown = capsys.readouterr().out
    assert "images of 3 × 8 × 8, 2 classes" in shown
    model = gn.load("pets.safetensors")
    first, second = model.network.layers[:2]  # type: ignore[attr-defined]
    strengths = {"flip": True, "shift": 1, "rotation": 10.0, "brightness": 0.2, "contrast": 0.2, "cutout": 2}
    assert first.settings() == strengths
    assert isinstance(second, gn.Flatten)
    assert run("train digits --augment crop --subset 100,20 --hidden 4 --epochs 1 --quiet --no-report") == 0
    layers = gn.load("digits.safetensors").network.layers  # type: ignore[attr-defined]
    assert [type(layer).__name__ for layer in layers[:3]] == ["Reshape", "Augment", "Flatten"]
    assert layers[1].settings() == gn.Augment(shift=1).settings()


def test_a_model_of_another_range_is_doubted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_picture(Path("a.png"), plain(60, (4, 4)))
    model = gn.Model(gn.Sequential(gn.Flatten(), gn.Dense(2)), "cross_entropy", "sgd")
    model.network.build((1, 4, 4))
    for scaling, words in ((None, "holds no preprocessing"), (gn.Standardize(0.4, 0.3), "around 0.4 ± 0.3")):
        model.preprocessing = scaling
        model.save("m")
        assert run("predict m a.png") == 0
        assert words in capsys.readouterr().err


def test_models_without_probabilities_give_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_picture(Path("a.png"), plain(60, (4, 4)))
    for loss in ("hinge", "mean_squared_error", "binary_cross_entropy"):
        model = gn.Model(gn.Sequential(gn.Flatten(), gn.Dense(3)), loss, "sgd")
        model.network.build((1, 4, 4))
        model.preprocessing = gn.Standardize(0, 255)
        model.save("m")
        assert run("predict m a.png") == 0
        header, row = capsys.readouterr().out.splitlines()
        assert header.startswith("file,prediction")
        assert row.startswith("a.png,")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train digits --network resnt", "one of lenet5, resnet, small_cnn, vgg_bn. To fix it: did you mean 'resnet'"),
        ("train digits --network resnet --hidden 3", "--hidden together with --network resnet"),
        ("train digits --network resnet --hidden", "leave out --hidden"),
        ("train digits --network resnet --activation tanh", "--activation together with"),
        ("train digits --network resnet --dropout 0.5", "--dropout together with"),
        (
            "train digits --augment flop",
            "'flop', expected some of flip, crop, rotate, brightness, contrast, cutout, with",
        ),
        ("train digits --augment flip,", "--augment: received ''"),
        ("train rows.csv --target y --network lenet5", "--network lenet5: received rows, rows of 2 features"),
        ("train rows.csv --target y --augment flip", "leave out --augment"),
        ("train rows.csv --target y --resize 8x8", "a size only with a folder of pictures"),
        ("train digits --resize 8by8", "--resize: received '8by8'"),
        ("train empty --network lenet5", "a folder without known files"),
        ("predict rows.safetensors a.png", "received a picture, expected inputs of shape (N, 2), which rows.safe"),
        ("predict rows.safetensors nothing.png", "nothing.png: received no such file"),
        ("predict rows.safetensors a.png rows.csv", "predict rows.csv: received 2 names, of which this one is no"),
        ("predict rows.safetensors rows.csv rows.csv", "predict it on its own"),
        ("predict rows.safetensors rows.csv --resize 8x8", "a size only with a folder of pictures"),
    ],
)
def test_mistakes_end_with_a_message_and_status_2(
    command: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("a,b,y\n" + "1,2,u\n2,1,v\n" * 10)
    Path("empty").mkdir()
    write_picture(Path("a.png"), plain(60))
    model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "sgd")
    model.network.build((2,))
    model.save("rows.safetensors")
    before = sorted(tmp_path.iterdir())
    assert run(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("glassnet: ")
    assert words in error
    assert sorted(tmp_path.iterdir()) == before


def test_dropout_goes_to_the_small_cnn(pets: Path) -> None:
    assert run("train pets --network small_cnn --dropout 0.3 --epochs 1 --quiet --no-report") == 0
    assert "Dropout(0.3)" in repr(gn.load("pets.safetensors").network)
