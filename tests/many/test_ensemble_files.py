"""Ensembles in files, as ONNX graphs and as C source."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import METADATA_KEY, description_of
from safetensors.numpy import load_file, save_file

import glassnet as gn
from glassnet.formats.checksum import sealed
from glassnet.interop import export_c
from glassnet.model import load as load_model

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(30, 4)), RNG.integers(0, 3, 30)


def build(seed: int) -> gn.Model:
    net = gn.Sequential(gn.Dense(4 + seed % 3), gn.Tanh(), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", gn.Adam(0.02), ["accuracy"], seed=seed)
    model.preprocessing, model.class_names = gn.Standardize.from_data(X), ("a", "b", "c")
    return model


@pytest.fixture(scope="module")
def ensemble() -> gn.Ensemble:
    found = gn.Ensemble(build, 3, seed=7)
    found.fit(X, LABELS, epochs=3, verbose=False, callbacks=[gn.EarlyStopping(monitor="loss")])
    return found


@pytest.fixture(scope="module")
def file(ensemble: gn.Ensemble, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ensemble") / "e.safetensors"
    ensemble.save(path)
    return path


def test_what_is_read_is_what_was_written_and_trains_on(ensemble: gn.Ensemble, file: Path, tmp_path: Path) -> None:
    read = gn.load(file)
    assert isinstance(read, gn.Ensemble)
    assert (read.fingerprint(), read.seed, len(read)) == (ensemble.fingerprint(), 7, 3)
    np.testing.assert_array_equal(read.predict(X), ensemble.predict(X))
    unbroken = gn.Ensemble(build, 3, seed=7)
    unbroken.fit(X, LABELS, epochs=3, verbose=False, callbacks=[gn.EarlyStopping(monitor="loss")])
    for each in (read, unbroken):
        each.fit(X, LABELS, epochs=2, verbose=False, callbacks=[gn.EarlyStopping(monitor="loss")])
    assert read.fingerprint() == unbroken.fingerprint()
    ensemble.save(tmp_path / "small.safetensors", include_optimizer=False)
    assert (tmp_path / "small.safetensors").stat().st_size < file.stat().st_size
    assert gn.load(tmp_path / "small.safetensors").fingerprint("predictions") == ensemble.fingerprint("predictions")


def test_what_members_have_in_common_is_written_once(file: Path) -> None:
    own = description_of(file)["ensemble"]
    assert set(own["members"][0]) == {"network", "seed", "callbacks", "latest_fit"}
    assert own["common"]["class_names"] == ["a", "b", "c"]


def test_other_doors_say_what_the_file_is(file: Path) -> None:
    """glassnet without ensembles reads the format's versions up to 2, and says so of a newer one."""
    assert description_of(file)["format_version"] == 3
    with pytest.raises(gn.FileFormatError, match=r"ensemble.*gn\.load"):
        load_model(file)
    with pytest.raises(gn.FileFormatError, match="ensemble"):
        build(0).fit(X, LABELS, resume=file)


def test_models_and_their_checkpoints_are_read_by_the_same_door(tmp_path: Path) -> None:
    model = build(3)
    model.fit(X, LABELS, epochs=2, verbose=False, callbacks=[gn.Checkpoint(tmp_path / "m_{epoch}.safetensors")])
    assert type(gn.load(tmp_path / "m_{epoch}.safetensors")) is gn.Model
    assert description_of(tmp_path / "m_2.safetensors")["format_version"] == 2
    with pytest.raises(gn.MissingFileError):
        gn.load(tmp_path / "none.safetensors")


def test_every_flipped_byte_is_noticed(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    places = np.unique(np.linspace(0, len(content) - 1, 60).astype(int))
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        (tmp_path / "d.safetensors").write_bytes(damaged)
        with pytest.raises(gn.FileFormatError):
            gn.load(tmp_path / "d.safetensors")
    for length in (0, 7, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "d.safetensors").write_bytes(content[:length])
        with pytest.raises(gn.FileFormatError):
            gn.load(tmp_path / "d.safetensors")


def _without_a_member(own: dict[str, Any]) -> None:
    own["ensemble"]["members"].pop()


CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    _without_a_member,
    lambda own: own["ensemble"]["members"].clear(),
    lambda own: own["ensemble"]["members"].extend([{}] * 5),
    lambda own: own["ensemble"].update(members={}),
    lambda own: own["ensemble"].update(members=[1, 2, 3]),
    lambda own: own["ensemble"].update(common=[]),
    lambda own: own["ensemble"].update(temperature=2.0),
    lambda own: own["ensemble"].update(seed="x"),
    lambda own: own["ensemble"].pop("seed"),
    lambda own: own["ensemble"].update(waiting=[[3, 1]]),
    lambda own: own["ensemble"].update(waiting=[[0, 0.5]]),
    lambda own: own["ensemble"].update(waiting=7),
    lambda own: own.update(ensemble=None),
    lambda own: own.update(format_version=2),
    lambda own: own.update(format_version=4),
    lambda own: own.pop("ensemble"),
    lambda own: own["ensemble"]["members"][1].pop("network"),
    lambda own: own["ensemble"]["members"][1].update(loss={"class": "losses.Hinge", "settings": {}}),
    lambda own: own["ensemble"]["members"][1].update(class_names=["a", "b", "d"]),
    lambda own: own["ensemble"]["members"][1].update(dtype="float64"),
    lambda own: own["ensemble"]["members"][1].update(network=own["ensemble"]["members"][0]["network"]),
    lambda own: own["ensemble"]["members"][1].update(preprocessing=None),
    lambda own: own["ensemble"]["common"].update(loss={"class": "os.system", "settings": {}}),
    lambda own: own.update(written="yesterday"),
    lambda own: own["ensemble"]["members"].extend(own["ensemble"]["members"][:1] * 1000),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_what_contradicts_itself_is_refused(number: int, file: Path, tmp_path: Path) -> None:
    """With checksums that are right: whoever edits a file can change them."""
    description, arrays = description_of(file), load_file(file)
    CHANGES[number](description)
    save_file(arrays, tmp_path / "c.safetensors", metadata={METADATA_KEY: sealed(description, arrays)})
    with pytest.raises(gn.FileFormatError):
        gn.load(tmp_path / "c.safetensors")


def test_arrays_that_belong_to_no_member_are_refused(file: Path, tmp_path: Path) -> None:
    description, arrays = description_of(file), load_file(file)
    for name in ("9/0.weight", "0.weight", "-1/0.weight", "1/9.weight", "01/0.weight"):
        more = arrays | {name: arrays["0/0.weight"]}
        save_file(more, tmp_path / "a.safetensors", metadata={METADATA_KEY: sealed(description, more)})
        with pytest.raises(gn.FileFormatError):
            gn.load(tmp_path / "a.safetensors")


def test_an_older_file_stays_where_a_new_one_cannot_be_written(ensemble: gn.Ensemble, tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    ensemble.save(path)
    before, weight = path.read_bytes(), ensemble.members[1].network.parameters
    kept = weight[0]
    weight[0] = np.nan
    with pytest.raises(gn.DataError, match="1/0.weight"):
        ensemble.save(path)
    weight[0] = kept
    assert path.read_bytes() == before
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(gn.ConfigurationError):
        ensemble.save(tmp_path / "letter.txt")


def test_one_onnx_graph_averages(ensemble: gn.Ensemble, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    report = ensemble.export_onnx(tmp_path / "e.onnx")
    assert report.operators["Softmax"] == 3
    session = ort.InferenceSession(tmp_path / "e.onnx")
    (found,) = session.run(["probabilities"], {"x": X.astype(np.float32)})
    np.testing.assert_allclose(found, ensemble.predict(X), atol=1e-6)


def test_one_c_function_averages(ensemble: gn.Ensemble, tmp_path: Path) -> None:
    source, header = export_c(ensemble, tmp_path / "e.c")
    assert "void predict(" in header.read_text()
    numbers = ", ".join(f"{value:.9f}f" for value in X[0])
    main = f"""#include <stdio.h>
#include "e.h"
int main(void) {{
    float x[4] = {{{numbers}}}, y[3];
    predict(x, y);
    printf("[%.9g, %.9g, %.9g]", y[0], y[1], y[2]);
    return 0;
}}
"""
    (tmp_path / "main.c").write_text(main)
    subprocess.run(["cc", "-std=c99", "-o", "p", "main.c", source.name, "-lm"], cwd=tmp_path, check=True)
    found = json.loads(subprocess.run([tmp_path / "p"], capture_output=True, text=True, check=True).stdout)
    np.testing.assert_allclose(found, ensemble.predict(X[:1])[0], atol=1e-6)


def test_counts_leave_as_logarithms_of_the_mean(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    y = RNG.poisson(3, (30, 1)).astype(float)
    counts = gn.Ensemble(lambda seed: gn.Model(gn.Sequential(gn.Dense(1)), "poisson", gn.Adam(0.1), seed=seed), 4)
    counts.fit(X, y, epochs=3, verbose=False)
    counts.export_onnx(tmp_path / "c.onnx")
    (found,) = ort.InferenceSession(tmp_path / "c.onnx").run(["mean"], {"x": X.astype(np.float32)})
    np.testing.assert_allclose(found, counts.predict(X), rtol=1e-5)


def test_the_command_line_takes_an_ensembles_file(
    ensemble: gn.Ensemble, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from glassnet.cli.main import main

    np.savez(tmp_path / "rows.npz", x=X, y=np.array(["a", "b", "c"])[LABELS])
    assert main(["summary", str(file)]) == 0
    assert "ensemble   3 members" in capsys.readouterr().out
    assert main(["evaluate", str(file), str(tmp_path / "rows.npz")]) == 0
    assert f"loss: {ensemble.evaluate(X, LABELS)['loss']:.4f}" in capsys.readouterr().out
    assert main(["predict", str(file), str(tmp_path / "rows.npz"), "--output", str(tmp_path / "p.csv")]) == 0
    written = (tmp_path / "p.csv").read_text().split()
    assert written == ["prediction", *ensemble.predict_classes(X, names=True)]
    assert main(["export", str(file), "--to", "c", "--output", str(tmp_path / "out.c")]) == 0
    assert (tmp_path / "out.c").exists()
