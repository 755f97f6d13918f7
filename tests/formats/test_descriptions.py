"""What a description says, value by value: what no model can have is refused with glassnet's own error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import edited
from models import classifier

import glassnet as gn

Change = Callable[[dict[str, Any]], Any]
BLOBS = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
FRAME = {
    "size": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "town": ["a", "b", "a", "b", "c", "c"],
    "kind": ["x", "y", "z", "x", "y", "z"], "price": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5],
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of models about classes, labels, amounts, and of tables."""
    folder = tmp_path_factory.mktemp("files")
    x, y = BLOBS
    model = classifier()
    model.class_names, model.feature_names, model.target_name = ("r", "g", "b"), ("u", "v"), "colour"
    model.preprocessing = gn.Standardize.from_data(x)
    model.fit(x, y, epochs=2, callbacks=[gn.EarlyStopping("loss"), gn.ReduceOnPlateau("loss")], verbose=False)
    model.save(folder / "classes")
    model = classifier(loss="binary_cross_entropy", metrics=[])
    model.fit(x, np.eye(3)[y], verbose=False)
    model.save(folder / "labels")
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", gn.SGD(gn.schedules.OneCycle(0.1, steps=9)))
    model.target_scaling = gn.Standardize.from_data(x[:, :1])
    model.fit(x, x[:, :1], verbose=False)
    model.save(folder / "amounts")
    for target in ("kind", "price"):
        table = gn.Table.from_data(FRAME, target)
        model = gn.Model(gn.Sequential(gn.Dense(table.outputs)), table.loss, "adam")
        model.preprocessing, model.class_names = table, table.class_names
        model.fit(FRAME, table.targets(FRAME), verbose=False)
        model.save(folder / target)
    return folder


def setting(*place: Any, value: Any) -> Change:
    """Puts a value at a place of the description."""

    def change(description: Any) -> None:
        for step in place[:-1]:
            description = description[step]
        description[place[-1]] = value

    return change


def put(**values: Any) -> Change:
    return lambda description: description.update(values)


NO_NUMBERS = [float("nan"), float("inf"), -float("inf"), 10**30, 2**64, -(2**63) - 1, 10**400]
COUNTS = [("seed",), ("epochs_trained",), ("optimizer_steps",), ("learning_rate_scale",), ("input_shape", 0)]
REFUSED: list[tuple[str, Change]] = [
    *(("classes", setting(*place, value=value))
      for place in COUNTS for value in [*NO_NUMBERS, -1, "1", None, [], True]),
    *(("amounts", setting("optimizer", "settings", "learning_rate", "settings", name, value=value))
      for name in ("peak", "steps") for value in NO_NUMBERS),
    *(("classes", setting("preprocessing", "settings", "mean", "array", 0, value=value)) for value in NO_NUMBERS[:2]),
    *(("classes", setting("callbacks", 0, "memory", "best", value=value)) for value in NO_NUMBERS),
    ("classes", put(learning_rate_scale=1e308)),
    ("classes", put(epochs_trained=2**63)),
    ("classes", put(optimizer_steps=2**60)),
    *(("classes", put(class_names=names)) for names in (
        ["r", "g"], ["r", "g", "b", "w"], ["r", "g", "g"], ["r"], [], "rgb", [1, 2, 3], {"r": 0}, 3, True,
        ["r", "g", None])),
    *(("classes", put(feature_names=names)) for names in (["u"], ["u", "v", "w"], ["u", "u"], [], "uv", [1, 2], 2)),
    *(("classes", put(target_name=name)) for name in (5, ["colour"], True, {})),
    ("classes", put(target_scaling={"class": "preprocessing.Standardize", "settings": {"mean": 0.0, "scale": 1.0}})),
    ("classes", setting("preprocessing", "settings", "mean", value={"array": [0.0, 1.0, 2.0]})),
    ("classes", setting("preprocessing", "settings", "scale", value={"array": [1.0, 0.0]})),
    ("classes", put(preprocessing=5)),
    ("classes", put(metrics=["accuracy", 5])),
    ("classes", put(metrics=[{"class": "layers.ReLU", "settings": {}}])),
    ("classes", setting("loss", "settings", "from_logits", value=False)),
    *(("classes", setting("loss", "settings", "class_weight", value=weights)) for weights in (
        [1.0, 2.0], [1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0], [1.0, -1.0, 1.0], [1.0, 1e300, 1.0], {"array": [1.0, 2.0]},
        {"map": [[3, 1.0]]}, {"map": [[0, float("nan")]]}, "balanced", [True, True, False])),
    ("amounts", put(network={"class": "network.Sequential", "settings": {"layers": []}})),
    ("classes", setting("latest_fit", "epochs", value=2**60)),
    ("classes", lambda d: d["latest_fit"].update(epochs=2**60, metrics={}, position=None)),
    ("labels", put(class_names=["a", "b", "c", "d"])),
    ("amounts", put(class_names=["low", "middle", "high"])),
    ("amounts", setting("target_scaling", "settings", "mean", value={"array": [1.0, 2.0]})),
    ("kind", put(class_names=["x", "y", "w"])),
    ("kind", setting("preprocessing", "settings", "target", "settings", "classes", value=["x", "y"])),
    ("kind", setting("preprocessing", "settings", "target", "settings", "classes", value=["x", "y", "y"])),
    ("kind", setting("preprocessing", "settings", "target", "settings", "classes", value="xyz")),
    ("price", setting("preprocessing", "settings", "target", "settings", "names", value=["price", "size"])),
    ("price", setting("preprocessing", "settings", "target", "settings", "names", value=[])),
    ("price", setting("preprocessing", "settings", "columns", 0, "settings", "scale", value=-1.0)),
    ("price", setting("preprocessing", "settings", "columns", 1, "settings", "categories", value=["a", "a", "b"])),
    ("price", setting("preprocessing", "settings", "columns", 1, "settings", "name", value="size")),
    ("price", setting("preprocessing", "settings", "columns", 0, "settings", "name", value="price")),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_no_model_has_is_refused(files: Path, tmp_path: Path, number: int) -> None:
    name, change = REFUSED[number]
    gn.load(files / name)
    path = edited(files / name, change, tmp_path / "m.safetensors")
    with pytest.raises(gn.FileFormatError, match="load "):
        gn.load(path)


RELU = {"class": "layers.ReLU", "settings": {}}


def in_others(inner: Any, count: int) -> Any:
    for _ in range(count):
        inner = {"class": "network.Sequential", "settings": {"layers": [inner]}}
    return inner


def of_layers(layers: list[Any]) -> Change:
    return lambda description: description["network"]["settings"]["layers"].extend(layers)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (of_layers([RELU] * 100_000), r"100,0\d\d layers"),
        (of_layers([in_others(RELU, 100)]), "objects inside 10[0-9] others"),
        (
            of_layers([in_others(in_others(RELU, 1) | {"settings": {"layers": [RELU] * 9000}}, 50)]),
            "names in their paths",
        ),
        (of_layers([{"class": "network.Concat", "settings": {"branches": [[RELU]] * 20_000}}]), r"20,0\d\d layers"),
        (setting("optimizer", "settings", "learning_rate", value=in_others(0.1, 70)), "objects inside 7[0-9] others"),
    ],
)
def test_more_layers_than_any_network_has_are_refused_before_one_is_made(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change, words: str
) -> None:
    path = edited(files / "classes", change, tmp_path / "m.safetensors")
    made: list[Any] = []
    init = gn.ReLU.__init__
    monkeypatch.setattr(gn.ReLU, "__init__", lambda self: (made.append(self), init(self))[1])
    with pytest.raises(gn.FileFormatError, match=words):
        gn.load(path)
    assert not made


def test_the_work_for_a_layer_does_not_grow_with_their_number(files: Path, tmp_path: Path) -> None:
    def calls(layers: int) -> int:
        path = edited(files / "classes", of_layers([RELU] * layers), tmp_path / "m.safetensors")
        count = 0

        def counted(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            gn.load(path)
        finally:
            sys.setprofile(None)
        return count

    gn.load(files / "classes")
    few, many = calls(100), calls(1100)
    assert many < 12 * few


def test_a_list_of_numbers_that_is_deep_is_refused(files: Path, tmp_path: Path) -> None:
    deep: Any = 1.0
    for _ in range(400):
        deep = [deep]
    for change in (put(class_names=deep), put(metrics=deep), setting("preprocessing", "settings", "mean", value=deep)):
        with pytest.raises(gn.FileFormatError):
            gn.load(edited(files / "classes", change, tmp_path / "m.safetensors"))
