"""What was saved can be read: a file is read back before it takes the place of an older one."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import classifier

import glassnet as gn
from glassnet.model import saving

Blobs = tuple[np.ndarray, np.ndarray]
Change = Callable[[gn.Model], Any]


def of_optimizer(change: Change) -> Change:
    """What stands in a file with an optimizer's memory alone."""
    change.__dict__["of_optimizer"] = True
    return change


def set_layer(number: int, name: str, value: Any) -> Change:
    return lambda model: setattr(model.network[number], name, value)


def put_nan(model: gn.Model) -> None:
    model.network.parameters[3] = np.nan


def overflow_memory(model: gn.Model) -> None:
    model.optimizer.state["v"][0] = np.inf


@pytest.mark.parametrize("include_optimizer", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put_nan, r"NaN or infinity in the array '0\.weight'"),
        (set_layer(0, "units", 7), r"settings changed.*\(2, 7\)"),
        (set_layer(0, "units", "many"), "settings changed.*'many'"),
        (set_layer(2, "rate", 1.5), "rate=1.5"),
        (lambda model: setattr(model, "seed", -1), "seed=-1"),
        (lambda model: setattr(model, "seed", 1.5), "seed=1.5"),
        (lambda model: setattr(model, "epochs_trained", -1), "epochs_trained=-1"),
        (lambda model: setattr(model, "target_scaling", gn.Standardize([0.0, 1.0], [1.0, 2.0])), "broadcast|scaling"),
        (lambda model: setattr(model.loss, "label_smoothing", 3.0), "label_smoothing"),
        (lambda model: setattr(model.optimizer, "beta1", 2.0), "beta1=2.0"),
        (lambda model: setattr(model, "metrics", "accuracy"), "metrics"),
        (lambda model: setattr(model, "metrics", ("nothing",)), "'nothing'"),
        (lambda model: setattr(model, "loss", gn.losses.CrossEntropy(from_logits=False)), "takes probabilities"),
        (lambda model: setattr(model, "class_names", ("a", "b")), "2 class_names"),
        (lambda model: setattr(model, "class_names", ("a", "b", "a")), "'a' twice"),
        (lambda model: setattr(model, "feature_names", ("a", "b", "c")), "3 feature_names"),
        (lambda model: setattr(model, "target_name", 5), "target_name 5"),
        (of_optimizer(lambda model: setattr(model.optimizer, "learning_rate_scale", -1.0)), "learning_rate_scale=-1"),
        (of_optimizer(lambda model: setattr(model.optimizer, "learning_rate_scale", 1e308)), "learning_rate_scale=1e"),
        (of_optimizer(lambda model: setattr(model.optimizer, "steps", 2**60)), "optimizer_steps"),
    ],
)
def test_what_could_not_be_read_again_is_refused_and_the_old_file_stays(
    blobs: Blobs, tmp_path: Path, change: Change, words: str, include_optimizer: bool
) -> None:
    model = classifier()
    model.fit(*blobs, epochs=1, verbose=False)
    path = tmp_path / "m.safetensors"
    model.save(path)
    before = path.read_bytes()
    change(model)
    if not include_optimizer and hasattr(change, "of_optimizer"):
        model.save(path, include_optimizer=False)
        gn.load(path)
        return
    with pytest.raises((gn.ConfigurationError, gn.DataError, gn.ShapeError), match=words):
        model.save(path, include_optimizer=include_optimizer)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_infinite_memory_is_refused_unless_it_is_left_out(blobs: Blobs, tmp_path: Path) -> None:
    model = classifier()
    model.fit(*blobs, epochs=1, verbose=False)
    overflow_memory(model)
    with pytest.raises(gn.DataError, match="'optimizer/v'"):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []
    model.save(tmp_path / "m.safetensors", include_optimizer=False)
    np.testing.assert_array_equal(gn.load(tmp_path / "m.safetensors").predict(blobs[0]), model.predict(blobs[0]))


def scale_of(name: str) -> type[gn.NumpyLayer]:
    """A class of that name, a new one each time, which no module has."""

    def init(self: Any, factor: float = 1.0) -> None:
        self.factor = factor

    methods: dict[str, Any] = {
        "__init__": init,
        "forward": lambda self, x: (x * self.factor, None),
        "backward": lambda self, dy, cache: (dy * self.factor, {}),
    }
    return type(name, (gn.NumpyLayer,), methods | {"__module__": "nowhere"})


def test_two_classes_of_one_name_are_refused(blobs: Blobs, tmp_path: Path) -> None:
    net = gn.Sequential(scale_of("Scale")(2.0), scale_of("Scale")(3.0), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", "sgd")
    model.fit(*blobs, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"2 of your own called 'Scale'.*rename"):
        model.save(tmp_path / "m.safetensors")
    one = scale_of("Scale")
    model = gn.Model(gn.Sequential(one(2.0), one(3.0), gn.Dense(3)), "cross_entropy", "sgd")
    model.fit(*blobs, verbose=False)
    model.save(tmp_path / "m.safetensors")
    back = gn.load(tmp_path / "m.safetensors", custom=[one])
    np.testing.assert_array_equal(back.predict(blobs[0]), model.predict(blobs[0]))


def test_reading_back_leaves_no_memory_behind(blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays: list[Any] = []
    read = saving.read_model_file

    def noted(path: Path) -> Any:
        found = read(path)
        arrays.extend(weakref.ref(array) for array in found[1].values())
        return found

    monkeypatch.setattr(saving, "read_model_file", noted)
    model = classifier()
    model.fit(*blobs, epochs=2, callbacks=[gn.EarlyStopping("loss")], verbose=False)
    gc.collect()
    gc.disable()
    try:
        model.save(tmp_path / "m.safetensors")
        assert len(arrays) >= 6
        assert not any(array() is not None for array in arrays)
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", ["full", "short"])
def test_a_disk_that_does_not_keep_what_it_is_given(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    model = classifier()
    model.fit(*blobs, epochs=1, verbose=False)
    path = tmp_path / "m.safetensors"
    model.save(path)
    before = path.read_bytes()
    write = Path.write_bytes

    def lossy(self: Path, data: bytes) -> int:
        return write(self, data[:-8] if kind == "short" else data[:-8] + bytes(8))

    monkeypatch.setattr(Path, "write_bytes", lossy)
    model.fit(*blobs, epochs=1, verbose=False)
    with pytest.raises(gn.ConfigurationError, match="could not be read again.*as it was before"):
        model.save(path)
    assert path.read_bytes() == before
