"""The model's file: what comes back, what is refused, and that nothing is written by halves."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import edited
from models import classifier
from safetensors.numpy import load_file, save_file

import glassnet as gn
from glassnet.formats import model_file

Blobs = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def saved(blobs: Blobs, tmp_path: Path) -> Path:
    model = classifier(loss=gn.losses.CrossEntropy(label_smoothing=0.1, class_weight={0: 2.0}))
    model.fit(*blobs, epochs=2, verbose=False)
    path = tmp_path / "model.safetensors"
    model.save(path)
    return path


class Scale(gn.NumpyLayer):
    """A layer of the user's own."""

    def __init__(self, start: float = 1.0) -> None:
        self.start = start

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.add_parameter("scale", input_shape, self.start)
        return input_shape

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return x * self.scale, x

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy * self.scale, {"scale": (dy * cache).sum(axis=0)}


def test_everything_comes_back(blobs: Blobs, tmp_path: Path) -> None:
    net = gn.Sequential(
        gn.Dense(6, weight_init=np.ones((2, 6)), bias_init=0.5),
        gn.LeakyReLU(0.3),
        gn.Residual(gn.Dense(6), gn.GELU(approximate=True)),
        gn.Concat([gn.Dense(2), "elu"], gn.Dense(1)),
        gn.Dropout(0.1),
        gn.Dense(3),
    )
    schedule = gn.schedules.LinearWarmup(gn.schedules.CosineDecay(0.01, steps=100), steps=5)
    optimizer = gn.Chain(gn.ClipByNorm(1.0), gn.L2(1e-4), gn.AdamW(schedule, weight_decay=0.1), gn.MaxNorm(3.0))
    loss = gn.losses.CrossEntropy(label_smoothing=0.1, class_weight={1: 2.0})
    model = gn.Model(net, loss, optimizer, ["accuracy"], seed=7, dtype="float64")
    model.preprocessing = gn.Standardize.from_data(blobs[0])
    model.feature_names, model.class_names, model.target_name = ("a", "b"), ("x", "y", "z"), "kind"
    model.fit(*blobs, epochs=2, verbose=False)
    path = tmp_path / "model.safetensors"
    model.save(path)
    back = gn.load(path)
    for attribute in (
        "loss",
        "optimizer",
        "metrics",
        "seed",
        "dtype",
        "epochs_trained",
        "feature_names",
        "class_names",
    ):
        assert repr(getattr(back, attribute)) == repr(getattr(model, attribute)), attribute
    assert back.target_name == "kind"
    assert repr(back.network) == repr(model.network).replace("Given(array(2, 6))", "Given(None)")
    np.testing.assert_array_equal(back.network.parameters, model.network.parameters)
    np.testing.assert_array_equal(back.predict(blobs[0]), model.predict(blobs[0]))
    assert back.evaluate(*blobs) == model.evaluate(*blobs)
    for one in (model, back):
        one.fit(*blobs, epochs=1, verbose=False)
    np.testing.assert_array_equal(back.network.parameters, model.network.parameters)


def test_a_layer_of_ones_own_is_named_when_it_is_not_given(blobs: Blobs, tmp_path: Path) -> None:
    class Hidden(Scale):
        """In no module, so that no name leads to it."""

    model = gn.Model(gn.Sequential(Hidden(2.0), gn.Dense(3)), "cross_entropy", "sgd")
    model.fit(*blobs, verbose=False)
    path = tmp_path / "m.safetensors"
    model.save(path)
    with pytest.raises(gn.FileFormatError, match=r"'Hidden'.*custom=\[YourLayer\]"):
        gn.load(path)
    back = gn.load(path, custom=[Hidden])
    np.testing.assert_array_equal(back.predict(blobs[0]), model.predict(blobs[0]))


def test_a_layer_of_an_imported_module_need_not_be_given(blobs: Blobs, tmp_path: Path) -> None:
    model = gn.Model(gn.Sequential(Scale(2.0), gn.Dense(3)), "cross_entropy", "sgd")
    model.fit(*blobs, verbose=False)
    model.save(tmp_path / "m.safetensors")
    for custom in ([], [Scale]):
        back = gn.load(tmp_path / "m.safetensors", custom=custom)
        np.testing.assert_array_equal(back.predict(blobs[0]), model.predict(blobs[0]))


def test_the_file_is_plain_safetensors(saved: Path) -> None:
    tensors = load_file(saved)
    assert {"0.weight", "0.bias", "3.weight", "3.bias", "optimizer/m", "optimizer/v"} == set(tensors)
    assert tensors["0.weight"].shape == (2, 8)


def test_without_the_optimizer_the_file_is_smaller_and_training_starts_its_memory_anew(
    blobs: Blobs, saved: Path, tmp_path: Path
) -> None:
    model = gn.load(saved)
    small = tmp_path / "small.safetensors"
    model.save(small, include_optimizer=False)
    assert small.stat().st_size < saved.stat().st_size
    assert set(load_file(small)) == {"0.weight", "0.bias", "3.weight", "3.bias"}
    back = gn.load(small)
    assert back.optimizer.steps == 0
    back.fit(*blobs, verbose=False)


def set_units(description: dict[str, Any]) -> None:
    description["network"]["settings"]["layers"][0]["settings"]["units"] = 10**12


def set_class(description: dict[str, Any]) -> None:
    description["network"]["settings"]["layers"][0]["class"] = "os.system"


def set_setting(description: dict[str, Any]) -> None:
    description["network"]["settings"]["layers"][0]["settings"] = {"unit": 3}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(format_version=99, glassnet_version="9.0"), "version 99, written by glassnet 9.0.*upgrade"),
        (lambda d: d.update(format_version="1"), "format version '1'"),
        (lambda d: d.pop("format_version"), "format version None"),
        (set_units, "weight.*shape"),
        (set_class, "os.system"),
        (set_setting, "refused"),
        (lambda d: d.pop("network"), "network"),
        (lambda d: d.update(network={"class": "optimizers.Adam", "settings": {}}), "another kind|contradicts"),
        (lambda d: d.update(input_shape=[3]), "0.weight"),
        (lambda d: d.update(input_shape=[-1]), "above 0"),
        (lambda d: d.update(dtype="object"), "float32"),
        (lambda d: d.update(optimizer_steps=-1), "optimizer_steps"),
        (lambda d: d.update(optimizer={"class": "optimizers.SGD", "settings": {"momentum": 0.9}}), "memory"),
        (lambda d: d.update(loss={"class": "layers.ReLU", "settings": {}}), "loss"),
        (lambda d: d.update(seed="a"), "seed"),
    ],
)
def test_a_description_that_was_edited_is_refused(saved: Path, change: Any, words: str) -> None:
    edited(saved, change)
    with pytest.raises(gn.FileFormatError, match=f"(?s)load .*{words}"):
        gn.load(saved)


def test_truncated_files_are_refused_at_every_length(saved: Path) -> None:
    content = saved.read_bytes()
    for length in [*range(0, 200, 7), *range(200, len(content), 97), len(content) - 1]:
        saved.write_bytes(content[:length])
        with pytest.raises(gn.FileFormatError, match="bytes that safetensors cannot read"):
            gn.load(saved)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"a": np.ones(3)}, path)
    with pytest.raises(gn.FileFormatError, match="without glassnet's metadata"):
        gn.load(path)
    save_file({"a": np.ones(3)}, path, metadata={model_file.METADATA_KEY: "[" * 100_000})
    with pytest.raises(gn.FileFormatError, match="no JSON"):
        gn.load(path)
    path.write_bytes(b"PK\x03\x04 not a model at all")
    with pytest.raises(gn.FileFormatError, match="cannot read"):
        gn.load(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(gn.MissingFileError, match=r"none\.safetensors.*no such file"):
        gn.load(tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match="a folder"):
        gn.load(tmp_path)


@pytest.mark.parametrize("bad", [np.full((2, 8), np.nan, np.float32), np.ones((2, 8), np.int32), np.ones((3, 8))])
def test_arrays_that_cannot_be_weights_are_refused(saved: Path, bad: np.ndarray) -> None:
    edited(saved, lambda description: None, arrays={"0.weight": bad})
    with pytest.raises(gn.FileFormatError, match=r"0\.weight"):
        gn.load(saved)


def test_a_full_disk_leaves_the_old_file_and_no_other(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    model = gn.load(saved)
    model.network.parameters[...] = 0

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        model.save(saved)
    assert "as it was before" in caught.value.__notes__[0]
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_real_full_device_is_reported(blobs: Blobs, saved: Path) -> None:
    with pytest.raises((gn.ConfigurationError, OSError)):
        gn.load(saved).save("/dev/full/model.safetensors")


def test_unwritable_paths_are_refused_with_the_mend(saved: Path, tmp_path: Path) -> None:
    model = gn.load(saved)
    with pytest.raises(gn.ConfigurationError, match="does not exist.*mkdir -p"):
        model.save(tmp_path / "no" / "such" / "model.safetensors")
    with pytest.raises(gn.ConfigurationError, match="a folder"):
        model.save(tmp_path)


def test_a_setting_that_no_file_can_hold_is_named(blobs: Blobs, tmp_path: Path) -> None:
    class Odd(gn.NumpyLayer):
        def __init__(self, function: Any) -> None:
            self.function = function

        def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
            return self.function(x), None

        def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
            return dy, {}

    model = gn.Model(gn.Sequential(Odd(lambda x: x), gn.Dense(3)), "cross_entropy", "sgd")
    model.fit(*blobs, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"network.*function.*\(a function\)"):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_permissions_follow_the_umask(saved: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    assert saved.stat().st_mode & 0o777 == 0o666 & ~mask
