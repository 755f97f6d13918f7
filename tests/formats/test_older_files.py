"""Files that earlier versions wrote, with what these predicted: made by tools/sample_models.py under their sources.

Each folder is named for what was new in the format: 1 is its first form, 8 the first with a time of writing.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import description_of, edited
from safetensors.numpy import load_file

import glassnet as gn
from glassnet.formats.older import brought_up

NOT_NEEDED = {"optimizer/momentum_product"}
"""Of NAdam, which calculates it from its number of updates."""
FILES = sorted(Path(__file__).with_name("files").glob("*/*.safetensors"))


def known(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    x = found["x"]
    if isinstance(x, dict) and "day" in x:
        x["day"] = [day and datetime.fromisoformat(day) for day in x["day"]]
    found["x"] = x if isinstance(x, dict) else np.array(x)
    return found


def test_the_files_are_there() -> None:
    assert len({path.parent for path in FILES}) == 8
    assert len(FILES) >= 18


@pytest.mark.filterwarnings("default::glassnet.core.errors.DataWarning")  # of gaps and unseen words, which rows have
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_older_file_predicts_what_it_did(path: Path, tmp_path: Path) -> None:
    expected, model = known(path), gn.load(path)
    again = tmp_path / "again.safetensors"
    model.save(again)
    for one in (model, gn.load(again)):
        for engine in ("numpy", "auto"):
            one.engine = engine
            np.testing.assert_allclose(one.predict(expected["x"]), expected["predictions"], rtol=2e-6, atol=5e-7)
        assert (one.epochs_trained, one.optimizer.steps) == (expected["epochs_trained"], expected["steps"])
    assert load_file(path).keys() - NOT_NEEDED == load_file(again).keys()
    assert description_of(again)["network"] == description_of(path)["network"] or path.parent.name == "1-bare-names"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_older_files_say_what_wrote_them(path: Path) -> None:
    written = gn.load(path).written
    assert written is not None
    assert re.fullmatch(r"\d+\.\d+\.\d+", written.version)
    assert (written.time is None) == (path.parent.name[0] < "8")


@pytest.mark.parametrize("path", [path for path in FILES if path.stem in ("classes", "amounts")], ids=str)
def test_training_goes_on_from_an_older_file(path: Path) -> None:
    model, x = gn.load(path), known(path)["x"]
    y = np.zeros((len(x), 1)) if model.target_scaling else np.zeros(len(x), int)
    before = model.network.parameters.copy()
    history = model.fit(x, y, epochs=2, verbose=False)
    assert np.isfinite(history["loss"]).all()
    assert not np.array_equal(model.network.parameters, before)


def first_file(name: str) -> Path:
    return next(path for path in FILES if path.parent.name == "1-bare-names" and path.stem == name)


def rewritten(path: Path, to: Path, changed: dict[str, Any]) -> Path:
    return edited(path, lambda description: description.update(changed), to)


def test_both_classes_that_were_called_constant() -> None:
    model = gn.load(first_file("amounts"))
    assert repr(model.optimizer).startswith("SGD(Constant(0.01)")
    assert "bias_init=Constant(0.5)" in repr(gn.load(first_file("classes")).network)


class Dense(gn.NumpyLayer):
    """A user's, of the same name as one of glassnet's."""

    def __init__(self, units: int) -> None:
        self.units = units

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return 2 * x, None

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return 2 * dy, {}


def test_a_users_class_is_never_taken_for_glassnets() -> None:
    old = description_of(first_file("labels"))
    assert brought_up(old, ["layers.Dense"])["network"]["settings"]["layers"][1]["class"] == "layers.Dense"
    assert brought_up(old, ["layers.Dense", "Dense"])["network"]["settings"]["layers"][1]["class"] == "Dense"
    newer = deepcopy(old)
    newer["loss"]["class"] = "losses.BinaryCrossEntropy"
    assert brought_up(newer, ["layers.Dense"]) == newer


def test_a_bare_name_in_a_newer_file_is_a_users_class(tmp_path: Path) -> None:
    path = next(path for path in FILES if path.parent.name == "2-rooms" and path.stem == "labels")
    changed = description_of(path)
    changed["network"]["settings"]["layers"][3]["class"] = "Dense"
    with pytest.raises(gn.FileFormatError, match=r"the class 'Dense'.*custom=\[YourLayer\]"):
        gn.load(rewritten(path, tmp_path / "m.safetensors", changed))


def test_what_is_no_class_of_the_first_version_is_refused(tmp_path: Path) -> None:
    path = first_file("labels")
    for name in ("system", "Constant", "__init__", ""):
        changed = description_of(path)
        changed["network"]["settings"]["layers"][3]["class"] = name
        with pytest.raises(gn.FileFormatError, match=f"the class '{name}'"):
            gn.load(rewritten(path, tmp_path / "m.safetensors", changed))


@pytest.fixture
def model() -> gn.Model:
    found = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "sgd")
    found.network.build((2,))
    return found


def test_a_saved_model_says_when_it_was_written(model: gn.Model, tmp_path: Path) -> None:
    assert model.written is None
    path = tmp_path / "m.safetensors"
    before = datetime.now(UTC).replace(microsecond=0)
    model.save(path)
    after = datetime.now(UTC)
    written = gn.load(path).written
    assert written is not None
    assert written.version == gn.__version__
    assert written.time is not None
    assert before <= written.time <= after
    assert str(written) == f"{description_of(path)['written']} by glassnet {gn.__version__}"
    assert deepcopy(gn.load(path)).written == written


def test_two_files_of_one_model_have_the_same_bytes_where_the_time_is_given(
    model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    for name in ("a", "b"):
        model.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    written = gn.load(tmp_path / "a").written
    assert written is not None
    assert written.time == datetime(2026, 1, 1, tzinfo=UTC)


def test_two_files_of_one_model_differ_in_the_time_and_its_checksum_alone(
    model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents, checksums = [], []
    for seconds in ("0", "1767225601"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", seconds)
        model.save(tmp_path / "m")
        contents.append((tmp_path / "m").read_bytes())
        checksums.append(description_of(tmp_path / "m")["checksums"]["text"].encode())
    changed = contents[0].replace(b"1970-01-01T00:00:00Z", b"2026-01-01T00:00:01Z")
    assert changed.replace(*checksums, 1) == contents[1]


@pytest.mark.parametrize("seconds", ["", "soon", "-1", "1.5", "1e9", "٣", "9" * 30, " 1"])
def test_a_time_that_is_none_is_refused_and_nothing_is_written(
    model: gn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", seconds)
    with pytest.raises(gn.ConfigurationError, match="SOURCE_DATE_EPOCH.*whole seconds since 1970"):
        model.save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("written", "yesterday"), ("written", 5), ("written", ""), ("written", "2026-13-01T00:00:00Z"),
        ("written", ["2026-01-01T00:00:00Z"]), ("written", "2026-01-01T00:00:00+02:00"),
        ("glassnet_version", 1), ("glassnet_version", None),
    ],
)  # fmt: skip
def test_a_file_that_lies_about_its_writing_is_refused(model: gn.Model, tmp_path: Path, name: str, value: Any) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    with pytest.raises(gn.FileFormatError, match="a file written .* by glassnet"):
        gn.load(rewritten(path, path, description_of(path) | {name: value}))


def test_a_line_end_in_a_version_stays_in_its_line(model: gn.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    written = gn.load(rewritten(path, path, description_of(path) | {"glassnet_version": "1\n\x1b[2J"})).written
    assert "\n" not in str(written)
    assert "\x1b" not in str(written)
